//! A swap before a certain call of a run, whatever it is: in discovery, between two chunks, in the
//! counts, in a comparison.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rusqlite::Connection;

use testkit::collection::{Collection, Index, key, var_char, vector};
use testkit::data;
use testkit::fake::{Double, State};
use testkit::ferry::Outcome;
use testkit::pb::schema::DataType;
use testkit::relay::{Act, Relay};
use testkit::scene::{PLAN, doubles::Doubles, entry, expect_words};
use testkit::table::{Key, Row, Table};

const ROWS: i64 = 4_000;
const NAME: &str = "things";

/// So wide that its rows are many chunks.
fn collection(name: &str) -> Collection {
    let fields = vec![
        key(DataType::Int64),
        var_char("text", 500),
        vector("embedding", DataType::FloatVector, 64),
    ];
    Collection::new(name, fields).index(Index::new("embedding", "FLAT", "L2", ""))
}

/// Which end's server is changed in the midst of a run.
#[derive(Clone, Copy, PartialEq)]
enum End {
    Source,
    Target,
}

/// Two doubles, and a relay in front of one that changes something before a certain call.
struct Swap {
    scene: Doubles,
    relay: Relay,
    /// Calls until it happens, and calls so far.
    at: Arc<AtomicUsize>,
    calls: Arc<AtomicUsize>,
    rows: Table,
}

type Change = fn(&mut State);

impl Swap {
    /// A source with two collections, of which `things_new` has the same keys and other values.
    async fn new(version: &str, end: End, change: Change, settings: &str) -> Self {
        let scene = Doubles::between(version, version).await;
        let first = collection(NAME);
        let rows = data::table_of(&first, &data::key_range(0..ROWS), 9);
        scene.source.fill(&first, &rows).await;
        let other = collection("things_new");
        let others = data::table_of(&other, &data::key_range(0..ROWS), 10);
        scene.source.fill(&other, &others).await;
        let fake = if end == End::Source { &scene.from } else { &scene.to };
        let (at, calls) = (Arc::new(AtomicUsize::new(usize::MAX)), Arc::new(AtomicUsize::new(0)));
        let (double, when, so_far) = (fake.double(), Arc::clone(&at), Arc::clone(&calls));
        let relay = Relay::to(&fake.uri(), move |_| {
            if so_far.fetch_add(1, Ordering::SeqCst) + 1 == when.load(Ordering::SeqCst) {
                double.change_state(change);
            }
            Act::Forward
        });
        let uri = fake.uri();
        scene.plan_file(&format!("{}\n{settings}", entry(NAME, "")));
        let plan = scene.ferry.read(PLAN).replace(&uri, &relay.uri());
        scene.ferry.write(PLAN, &plan);
        Self { scene, relay, at, calls, rows }
    }

    /// Runs a command, and changes something before its call of this number.
    async fn run(&self, arguments: &[&str], at: usize) -> Outcome {
        self.calls.store(0, Ordering::SeqCst);
        self.at.store(at, Ordering::SeqCst);
        let outcome = self.scene.run(arguments).await;
        self.at.store(usize::MAX, Ordering::SeqCst);
        outcome
    }

    async fn apply(&self, at: usize) -> Outcome {
        self.run(&["apply", PLAN, "--yes"], at).await
    }

    /// Calls of the command that ran last.
    fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }

    /// Keys of the target whose row is that of this table.
    fn keys_like(&self, rows: &Table) -> Vec<i64> {
        let rows = by_key(rows);
        let there = self.target_rows().into_iter();
        there.filter(|(key, row)| rows.get(key) == Some(row)).map(|(key, _)| key).collect()
    }

    fn target_rows(&self) -> BTreeMap<i64, String> {
        self.scene.to.double().change_state(|state| {
            let Ok(of) = state.collection("default", NAME) else { return BTreeMap::new() };
            let live = of.rows.iter().filter(|row| row.deleted.is_none());
            live.map(|row| (number(&row.key), format!("{:?}", row.values))).collect()
        })
    }

    /// Bounds of the ranges that the ledger has as done.
    fn done(&self) -> Vec<(i64, i64)> {
        let file = self.scene.ferry.path(".milvus-ferry/plan.db");
        if !file.exists() {
            return Vec::new();
        }
        let ledger = Connection::open(file).unwrap();
        let mut done = ledger
            .prepare(
                "SELECT coalesce(cast(after_key AS INTEGER), -1),
                        coalesce(cast(up_to_key AS INTEGER), 1000000000)
                 FROM chunks WHERE state = 'done'",
            )
            .unwrap();
        let bounds = done.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
        bounds.map(Result::unwrap).collect()
    }

    /// Every row of a range that is recorded as done is one of the source that was read first.
    #[track_caller]
    fn done_are_of_the_first(&self) {
        let ours = self.keys_like(&self.rows);
        for (after, up_to) in self.done() {
            for key in after + 1..=up_to.min(ROWS - 1) {
                assert!(ours.binary_search(&key).is_ok(), "key {key} in ({after}, {up_to}]");
            }
        }
    }
}

fn number(key: &Key) -> i64 {
    match key {
        Key::Int(key) => *key,
        other => panic!("{other:?}"),
    }
}

fn by_key(rows: &Table) -> BTreeMap<i64, String> {
    let pair = |row: &Row| (number(&rows.key_of(row)), format!("{:?}", row.values));
    rows.rows.iter().map(pair).collect()
}

fn rename(state: &mut State, from: &str, to: &str) {
    let holder = state.databases.get_mut("default").unwrap();
    let mut of = holder.collections.remove(from).unwrap();
    of.name = to.to_owned();
    of.schema.name = to.to_owned();
    holder.collections.insert(to.to_owned(), of);
}

fn swap(state: &mut State) {
    rename(state, NAME, "things_old");
    rename(state, "things_new", NAME);
}

fn swap_back(double: &Double) {
    double.change_state(|state| {
        rename(state, NAME, "things_new");
        rename(state, "things_old", NAME);
    });
}

fn move_an_alias_there(state: &mut State) {
    rename(state, NAME, "things_old");
    let holder = state.databases.get_mut("default").unwrap();
    holder.aliases.insert(NAME.to_owned(), "things_new".to_owned());
}

fn make_again(state: &mut State) {
    let Ok(of) = state.collection_mut("default", NAME) else { return };
    of.id += 1_000;
    of.created += 1 << 18;
    of.rows.clear();
}

fn change_the_schema(state: &mut State) {
    let of = state.collection_mut("default", NAME).unwrap();
    let field = of.schema.fields.iter_mut().find(|field| field.name == "text").unwrap();
    field.name = "words".to_owned();
}

fn drop_it(state: &mut State) {
    state.databases.get_mut("default").unwrap().collections.remove(NAME);
}

/// Before the fifth query for rows: some chunks were read by then.
async fn in_the_midst(end: End, change: Change) -> Swap {
    let swap = Swap::new("2.4.10", end, change, "").await;
    let seen = AtomicUsize::new(0);
    let fake = if end == End::Source { &swap.scene.from } else { &swap.scene.to };
    let double = fake.double();
    swap.relay.set_rule(move |call| {
        let counts = match call.rpc {
            "Query" => call.output_fields.len() > 1,
            "Insert" => true,
            _ => false,
        };
        if counts && seen.fetch_add(1, Ordering::SeqCst) == 4 {
            double.change_state(change);
        }
        Act::Forward
    });
    swap
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_source_that_is_swapped_while_it_is_copied_stops_the_copy() {
    let swap = in_the_midst(End::Source, swap).await;
    let apply = swap.apply(usize::MAX).await.expect_code(1);
    expect_words(
        &apply,
        &[
            "the source collection default/things was replaced during the run",
            "the first collection is named \"things_old\" now",
            "give the first collection its name back and run the same command again",
            "Replaced: default/things",
        ],
    );
    swap.done_are_of_the_first();
    // The ledger has the first one, and the next run refuses.
    let again = swap.apply(usize::MAX).await.expect_code(1);
    expect_words(&again, &["default/things is not the collection that an earlier run read"]);
    // As the message says.
    swap_back(&swap.scene.from.double());
    swap.apply(usize::MAX).await.expect_code(0);
    swap.scene.expect(NAME, &swap.rows).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_takes_the_place_of_the_source_is_named() {
    let cases: [(Change, &str); 3] = [
        (move_an_alias_there, "the source collection default/things was replaced during the run"),
        (drop_it, "the source collection default/things was dropped or renamed during the run"),
        (change_the_schema, "the schema of the source collection default/things changed"),
    ];
    for (change, text) in cases {
        let swap = in_the_midst(End::Source, change).await;
        let apply = swap.apply(usize::MAX).await.expect_code(1);
        expect_words(&apply, &[text]);
        swap.done_are_of_the_first();
        assert_ne!(swap.apply(usize::MAX).await.code, Some(0));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_target_that_is_made_again_while_it_is_filled_stops_the_copy() {
    let swap = in_the_midst(End::Target, make_again).await;
    let apply = swap.apply(usize::MAX).await.expect_code(1);
    expect_words(&apply, &["the target collection default/things was replaced during the run"]);
    let again = swap.apply(usize::MAX).await.expect_code(1);
    expect_words(&again, &["the collection at the target is not the one that an earlier run made"]);
    // As the message says.
    swap.scene.target.drop_collection(NAME).await;
    swap.apply(usize::MAX).await.expect_code(0);
    swap.scene.expect(NAME, &swap.rows).await;
}

/// Calls before which something is to happen: spread over all, another choice for each seed.
fn moments(calls: usize, seeds: usize) -> Vec<usize> {
    (0..seeds).map(|seed| 1 + seed * calls / seeds).collect()
}

/// With a swap before any call of `apply`: it ends well only when the target is the first collection.
async fn a_swap_at_any_moment_of_a_copy(version: &str, seeds: usize) {
    let whole = Swap::new(version, End::Source, swap, "[verify]\ncontent = \"full\"").await;
    whole.apply(usize::MAX).await.expect_code(0);
    let mut noticed = 0;
    for at in moments(whole.calls(), seeds) {
        let swap = Swap::new(version, End::Source, swap, "[verify]\ncontent = \"full\"").await;
        let outcome = swap.apply(at).await;
        let happened = swap.calls() >= at;
        let (ours, all) = (swap.keys_like(&swap.rows).len(), swap.target_rows().len());
        if outcome.code == Some(0) {
            // Before the first look, or never.
            let pure = ours == all || ours == 0;
            assert!(pure && all == ROWS as usize, "call {at}: {ours} of {all}\n{outcome:#?}");
            assert!(!happened || ours == 0, "call {at}: {outcome:#?}");
        } else {
            assert!(happened, "call {at}: {outcome:#?}");
            noticed += 1;
            if ours > 0 {
                swap.done_are_of_the_first();
                assert_eq!(outcome.code, Some(1), "call {at}: {outcome:#?}");
            }
        }
    }
    assert!(noticed > seeds / 2, "{noticed} of {seeds}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_swap_at_twenty_moments_of_a_copy_is_noticed() {
    a_swap_at_any_moment_of_a_copy("2.3.5", 10).await;
    a_swap_at_any_moment_of_a_copy("2.5.4", 10).await;
}

#[ignore = "takes minutes"]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_swap_at_two_hundred_moments_of_a_copy_is_noticed() {
    a_swap_at_any_moment_of_a_copy("2.3.5", 100).await;
    a_swap_at_any_moment_of_a_copy("2.5.4", 100).await;
}

/// Rows that were changed and deleted at the source since the copy, and new ones.
async fn change_rows(swap: &Swap) -> Table {
    let changed = data::table_of(&collection(NAME), &data::key_range(ROWS - 700..ROWS + 500), 11);
    swap.scene.source.upsert(NAME, &changed).await;
    let (rows, mut now) = (&swap.rows, changed);
    now.rows.extend(rows.rows.iter().filter(|row| number(&rows.key_of(row)) < ROWS - 700).cloned());
    now
}

/// With a swap before any call of `apply --catch-up`: no row of the other collection gets to the
/// target, and it ends well only when all was carried over.
async fn a_swap_at_any_moment_of_a_catch_up(seeds: usize) {
    let command = ["apply", PLAN, "--yes", "--catch-up"];
    let whole = Swap::new("2.4.10", End::Source, swap, "").await;
    whole.apply(usize::MAX).await.expect_code(0);
    change_rows(&whole).await;
    whole.run(&command, usize::MAX).await.expect_code(0);
    for at in moments(whole.calls(), seeds) {
        let swap = Swap::new("2.4.10", End::Source, swap, "").await;
        swap.apply(usize::MAX).await.expect_code(0);
        let now = change_rows(&swap).await;
        let outcome = swap.run(&command, at).await;
        let there = swap.target_rows();
        let (before, after) = (by_key(&swap.rows), by_key(&now));
        let foreign: Vec<i64> = there
            .iter()
            .filter(|(key, row)| ![before.get(key), after.get(key)].contains(&Some(row)))
            .map(|(key, _)| *key)
            .collect();
        assert!(foreign.is_empty(), "call {at}: {foreign:?}");
        if outcome.code == Some(0) {
            // Also where the names are swapped behind the last look at them.
            assert!(there == after, "call {at}: {outcome:#?}");
        } else {
            assert_eq!(outcome.code, Some(1), "call {at}: {outcome:#?}");
        }
        // None is deleted because the other collection does not have it.
        assert!(there.len() >= ROWS as usize, "call {at}: {}", there.len());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_swap_at_some_moments_of_a_catch_up_is_noticed() {
    a_swap_at_any_moment_of_a_catch_up(8).await;
}

#[ignore = "takes minutes"]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_swap_at_every_moment_of_a_catch_up_is_noticed() {
    a_swap_at_any_moment_of_a_catch_up(200).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_swap_at_some_moments_of_a_verification_is_noticed() {
    let whole = Swap::new("2.4.10", End::Source, swap, "").await;
    whole.apply(usize::MAX).await.expect_code(0);
    whole.run(&["verify", PLAN], usize::MAX).await.expect_code(0);
    let mut replaced = 0;
    for at in moments(whole.calls(), 10) {
        let outcome = whole.run(&["verify", PLAN], at).await;
        if whole.calls() < at {
            assert_eq!(outcome.code, Some(0), "call {at}: {outcome:#?}");
            continue;
        }
        let code = outcome.code;
        assert!([Some(1), Some(4), Some(5), Some(6)].contains(&code), "call {at}: {outcome:#?}");
        replaced += usize::from(code == Some(1));
        swap_back(&whole.scene.from.double());
    }
    assert!(replaced > 0, "none in the midst of the comparison");
}
