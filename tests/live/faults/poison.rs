//! A few rows among thousands that the source took and the target refuses: vectors that are no
//! numbers, which Milvus Lite 3 keeps and Milvus 2.3.5 does not, and broken JSON, which 2.2.16 keeps.

use std::collections::BTreeSet;

use super::world::{PARTITIONS, PATIENCE, PLAN, Source, Trip, assert_says};
use testkit::collection::{Collection, Index, field, key, vector};
use testkit::data;
use testkit::lab::{self, Kind, Server};
use testkit::pb::common::ErrorCode;
use testkit::pb::schema::DataType;
use testkit::probe::Probe;
use testkit::relay::{Act, Call, Relay, refusal};
use testkit::table::{Key, Table, Value, assert_same, assert_same_by_partition};

/// Where the rows are named that are set aside.
const FILE: &str = ".milvus-ferry/catalog.rejects.jsonl";
/// As long, a target that takes nothing at all is asked again, before its rows are to blame.
const RETRY: &str = "retry_for = \"8s\"";

/// A source with rows that the target refuses.
struct Poisoned {
    trip: Trip,
    from: Probe,
    /// The keys of those rows.
    bad: BTreeSet<Key>,
}

/// Fields that Milvus Lite 3 keeps bit for bit.
fn collection(key_type: DataType) -> Collection {
    let fields = vec![
        key(key_type),
        field("number", DataType::Int32),
        vector("floats", DataType::FloatVector, 8),
    ];
    Collection::new("poisoned", fields).index(Index::new("floats", "FLAT", "L2", ""))
}

/// Makes the vectors of these rows no numbers.
fn poison(table: &mut Table, places: &[usize]) -> BTreeSet<Key> {
    let column = table.column("floats");
    for (number, place) in places.iter().enumerate() {
        let Value::FloatVector(floats) = &mut table.rows[*place].values[column] else {
            panic!("a vector")
        };
        floats[number % 8] = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY][number % 3];
    }
    places.iter().map(|place| table.key_of(&table.rows[*place])).collect()
}

impl Poisoned {
    /// A new collection on Milvus Lite 3, on its way to an endpoint in front of 2.3.5.
    async fn at(
        collection: Collection,
        mut table: Table,
        places: &[usize],
        endpoint: &str,
    ) -> Self {
        let server = lab::server(Kind::Lite3);
        let from = Probe::of(server).await.in_new_database().await;
        let poisoned = poison(&mut table, places);
        from.fill(&collection, &table).await;
        Self::over(server, from, collection, table, poisoned, endpoint).await
    }

    async fn over(
        server: &Server,
        from: Probe,
        collection: Collection,
        table: Table,
        bad: BTreeSet<Key>,
        endpoint: &str,
    ) -> Self {
        let database = from.database().to_owned();
        // As long as the test runs, like the shared sources.
        let source: &'static Source = Box::leak(Box::new(Source { database, collection, table }));
        let to = lab::server(Kind::Milvus235B);
        let trip = Trip::between(source, server.uri(), to, endpoint, "", RETRY).await;
        Self { trip, from, bad }
    }

    /// 6,000 rows with `Int64` keys.
    async fn of_numbers(places: &[usize], endpoint: &str) -> Self {
        let collection = collection(DataType::Int64);
        let table = data::table_of(&collection, &data::key_range(-3_000..3_000), 71);
        Self::at(collection, table, places, endpoint).await
    }

    /// Lets so many rows be set aside from now on.
    fn allow(&self, rows: usize) {
        let text = self.trip.ferry.read(PLAN);
        let others = text.lines().filter(|line| !line.starts_with("max_rejected_rows"));
        let text = others.collect::<Vec<_>>().join("\n");
        let setting = format!("[copy]\nmax_rejected_rows = {rows}");
        self.trip.ferry.write(PLAN, &text.replace("[copy]", &setting));
    }

    /// What the target is to hold.
    fn accepted(&self) -> Table {
        self.trip.source.table.filtered(|key| !self.bad.contains(key))
    }

    async fn assert_accepted_arrived(&self) {
        let accepted = self.accepted();
        let read = self.trip.probe.read_all(&self.trip.target, &accepted.keys(), &[]).await;
        assert_same(&accepted, &read);
    }

    /// The lines of the file, by key; panics unless they are about this trip.
    fn named(&self) -> Vec<(Key, serde_json::Value)> {
        let text = self.trip.ferry.read(FILE);
        let is_number = self.bad.iter().all(|key| matches!(key, Key::Int(_)));
        let line = |line: &str| {
            let line: serde_json::Value = serde_json::from_str(line).unwrap();
            let target = format!("default/{}", self.trip.target);
            let source = format!("{}/poisoned", self.trip.source.database);
            assert_eq!((&line["source"], &line["target"]), (&source.into(), &target.into()));
            let key = line["key"].as_str().unwrap();
            let key = if is_number { Key::Int(key.parse().unwrap()) } else { key.into() };
            (key, line)
        };
        text.lines().map(line).collect()
    }

    /// Panics unless exactly the poisoned rows are set aside, each once.
    fn assert_named(&self) {
        let keys: Vec<Key> = self.named().into_iter().map(|(key, _)| key).collect();
        assert_eq!(keys.len(), self.bad.len(), "{keys:?}");
        assert_eq!(keys.into_iter().collect::<BTreeSet<_>>(), self.bad);
    }

    /// The keys that are named so far.
    fn named_keys(&self) -> BTreeSet<Key> {
        if !self.has_file() {
            return BTreeSet::new();
        }
        self.named().into_iter().map(|(key, _)| key).collect()
    }

    fn has_file(&self) -> bool {
        self.trip.ferry.path(FILE).exists()
    }

    /// Lets so many rows be set aside and finishes: all others arrive, and these are named.
    async fn ends_well(self, allowed: usize) {
        self.allow(allowed);
        self.trip.apply().expect_code(0);
        self.assert_accepted_arrived().await;
        self.assert_named();
        self.clear().await;
    }

    async fn clear(self) {
        self.from.drop_collection("poisoned").await;
        self.trip.clear().await;
    }
}

fn target() -> &'static Server {
    lab::server(Kind::Milvus235B)
}

fn is_write(call: &Call) -> bool {
    ["Insert", "Upsert"].contains(&call.rpc)
}

fn writes(relay: &Relay) -> usize {
    relay.count("Insert") + relay.count("Upsert")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn rows_that_the_target_refuses_are_set_aside_and_all_others_arrive() {
    // The first, the last, two beside each other, and one in the middle.
    let places = [0, 1_234, 1_235, 3_000, 5_999];
    let world = Poisoned::of_numbers(&places, target().uri()).await;
    world.allow(5);
    let outcome = world.trip.ferry.run(&["apply", PLAN, "--yes"]).expect_code(0);
    assert_says(
        &outcome,
        "5 rows set aside in .milvus-ferry/catalog.rejects.jsonl. Verified: counts.",
    );
    assert_says(&outcome, "the target refuses 5 rows, set aside: their keys, and why, are in");
    assert_says(&outcome, "6,000 at the source (count), 6,000 read, 5,995 acknowledged");
    assert_says(&outcome, "explained: the target refuses 5 of the rows read");
    assert!(!outcome.stdout.contains("unexplained"), "{}", outcome.stdout);
    world.assert_accepted_arrived().await;
    world.assert_named();
    for (_, line) in world.named() {
        assert!(line["partition"].is_null());
        let reason = line["reason"].as_str().unwrap();
        assert!(reason.contains("[code 65535]"), "{reason}");
        // Nothing of a row but its key.
        let mut keys: Vec<_> = line.as_object().unwrap().keys().collect();
        keys.sort();
        assert_eq!(keys, ["at", "key", "partition", "reason", "source", "target"]);
    }
    // That is how it is to be: nothing is left to do.
    assert_says(&world.trip.apply().expect_code(0), "Nothing to do");
    world.assert_named();
    world.clear().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn without_leave_the_run_stops_at_a_row_that_is_refused_and_goes_on_with_it() {
    let relay = Relay::before(target());
    let world = Poisoned::of_numbers(&[700, 2_000, 4_500], &relay.uri()).await;
    let outcome = world.trip.apply().expect_code(5);
    let said = outcome.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut keys = [-2_300, -1_000, 1_500].iter();
    let named = keys.any(|key| said.contains(&format!("key {key}, field \"floats\"")));
    assert!(named, "{}", outcome.stdout);
    assert_says(&outcome, "the target refuses a row");
    assert_says(&outcome, "`max_rejected_rows` under [copy]");
    assert!(!world.has_file());
    // Two of three are not all.
    world.allow(2);
    let outcome = world.trip.apply().expect_code(5);
    assert_says(&outcome, "and 2 others before");
    world.ends_well(3).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_row_that_was_mended_at_the_source_arrives_and_is_named_no_more() {
    let world = Poisoned::of_numbers(&[10, 5_000], target().uri()).await;
    world.allow(1);
    world.trip.apply().expect_code(5);
    let mut mended = world.trip.source.table.filtered(|key| world.bad.contains(key));
    let column = mended.column("floats");
    for row in &mut mended.rows {
        row.values[column] = Value::FloatVector(vec![0.5; 8]);
    }
    world.from.upsert("poisoned", &mended).await;
    let before = world.named_keys();
    world.trip.apply().expect_code(0);
    // What was set aside stays so: it was dealt with.
    let expected = world.accepted().followed_by(&mended.filtered(|key| !before.contains(key)));
    let read = world.trip.probe.read_all(&world.trip.target, &expected.keys(), &[]).await;
    assert_same(&expected, &read);
    assert_eq!(world.named_keys(), before);
    world.clear().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn partitions_and_texts_as_keys() {
    let collection = collection(DataType::VarChar).partitions(&["east", "west"]);
    let keys: Vec<Key> =
        (0..4_500).map(|number| Key::Text(format!("ключ \"{number:05}\""))).collect();
    let table = data::table_of(&collection, &keys, 72).spread_over(&PARTITIONS);
    let places = [0, 1, 2, 2_000, 4_499];
    let world = Poisoned::at(collection, table, &places, target().uri()).await;
    world.allow(5);
    world.trip.apply().expect_code(0);
    let accepted = world.accepted();
    let read = world.trip.probe.read_all(&world.trip.target, &accepted.keys(), &PARTITIONS).await;
    assert_same_by_partition(&accepted, &read);
    world.assert_named();
    for (key, line) in world.named() {
        let row = world.trip.source.table.rows.iter();
        let row = row.clone().find(|row| world.trip.source.table.key_of(row) == key).unwrap();
        assert_eq!(line["partition"], row.partition.as_str());
    }
    world.clear().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn killed_while_it_looks_for_the_rows() {
    let places = [100, 101, 1_500, 3_333, 5_900];
    let world = Poisoned::of_numbers(&places, target().uri()).await;
    world.allow(5);
    let splits = "SELECT count(*) FROM chunks WHERE state = 'split'";
    let rejects = "SELECT count(*) FROM rejects";
    for (at_splits, at_rejects) in [(2, 0), (12, 0), (0, 1), (0, 3)] {
        let mut run = world.trip.spawn();
        let ledger = world.trip.ledger();
        run.wait_until(PATIENCE, || {
            ledger.number(splits) >= at_splits && ledger.number(rejects) >= at_rejects
        });
        run.kill();
    }
    world.trip.apply().expect_code(0);
    world.assert_accepted_arrived().await;
    world.assert_named();
    world.clear().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_target_that_refuses_most_rows_is_not_asked_for_ever() {
    let relay = Relay::before(target());
    let collection = collection(DataType::Int64);
    let table = data::table_of(&collection, &data::key_range(0..6_000), 73);
    let places: Vec<usize> = (0..6_000).collect();
    let world = Poisoned::at(collection, table, &places, &relay.uri()).await;
    let outcome = world.trip.apply().expect_code(5);
    assert_says(&outcome, "the target refuses a row");
    let first = writes(&relay);
    world.allow(10);
    world.trip.apply().expect_code(5);
    let second = writes(&relay) - first;
    // Each of at most 8 writers halves a chunk of some 1,500 rows down to what it may set aside.
    assert!(first < 8 * 30, "{first}");
    assert!(second < 8 * 70, "{second}");
    assert!(world.named_keys().len() <= 10);
    world.clear().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn what_a_server_says_in_a_bad_moment_leaves_no_row_behind() {
    // For a while it refuses everything, in words that nobody knows.
    let relay = Relay::with_rule(target(), |call| {
        if is_write(call) && (2..=40).contains(&call.number) {
            return Act::Refuse(refusal(65_535, ErrorCode::UnexpectedError, "a bad moment"));
        }
        Act::Forward
    });
    let world = Poisoned::of_numbers(&[], &relay.uri()).await;
    world.allow(1_000);
    let outcome = world.trip.apply().expect_code(0);
    assert!(!outcome.stdout.contains("set aside"), "{}", outcome.stdout);
    assert!(world.trip.ledger().number("SELECT count(*) FROM chunks WHERE state = 'split'") > 8);
    world.assert_accepted_arrived().await;
    assert!(!world.has_file());
    world.clear().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn broken_json_of_an_old_source() {
    let server = lab::server(Kind::Milvus2216);
    let from = Probe::of(server).await.in_new_database().await;
    let fields = vec![
        key(DataType::Int64),
        field("json", DataType::Json),
        vector("floats", DataType::FloatVector, 4),
    ];
    let collection =
        Collection::new("poisoned", fields).index(Index::new("floats", "FLAT", "L2", ""));
    let mut table = data::table_of(&collection, &data::key_range(0..3_000), 74);
    let json = table.column("json");
    let mut poisoned = BTreeSet::new();
    for (place, text) in [(5, "{\"a\": "), (1_700, "not json"), (2_999, "[1, 2")] {
        table.rows[place].values[json] = Value::Json(text.as_bytes().to_vec());
        poisoned.insert(table.key_of(&table.rows[place]));
    }
    from.fill(&collection, &table).await;
    let world = Poisoned::over(server, from, collection, table, poisoned, target().uri()).await;
    let outcome = world.trip.apply().expect_code(5);
    assert_says(&outcome, "field \"json\"");
    world.ends_well(3).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_bad_moment_that_outlasts_the_search_leaves_no_row_behind() {
    // One chunk of 40 rows: it is refused whole (an insert), then in 78 halves (upserts), and the
    // rows of it still, one after the other, when everything else was tried.
    let relay = Relay::with_rule(target(), |call| {
        if call.rpc == "Insert" || (call.rpc == "Upsert" && call.number <= 82) {
            return Act::Refuse(refusal(65_535, ErrorCode::UnexpectedError, "a bad moment"));
        }
        Act::Forward
    });
    let collection = collection(DataType::Int64);
    let table = data::table_of(&collection, &data::key_range(0..40), 75);
    let world = Poisoned::at(collection, table, &[], &relay.uri()).await;
    world.allow(1_000);
    let patient = world.trip.ferry.read(PLAN).replace(RETRY, "retry_for = \"5m\"");
    world.trip.ferry.write(PLAN, &patient);
    let outcome = world.trip.apply().expect_code(0);
    assert!(relay.count("Upsert") > 82, "it was over before the bad moment");
    assert!(!outcome.stdout.contains("set aside"), "{}", outcome.stdout);
    world.assert_accepted_arrived().await;
    assert!(!world.has_file());
    world.clear().await;
}
