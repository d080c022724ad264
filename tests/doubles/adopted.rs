//! A target that was there and holds rows of others: which rows are whose is known, not guessed.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use testkit::collection::{Collection, Index, key, var_char, vector};
use testkit::data;
use testkit::ferry::Outcome;
use testkit::pb::schema::DataType;
use testkit::relay::{Act, Relay};
use testkit::scene::{PLAN, doubles::Doubles, entry, expect_words};
use testkit::table::{Key, Table, Value, differences};

const PATIENCE: Duration = Duration::from_secs(60);
const APPLY: [&str; 3] = ["apply", PLAN, "--yes"];
const CATCH_UP: [&str; 4] = ["apply", PLAN, "--yes", "--catch-up"];
const VERIFY: [&str; 4] = ["verify", PLAN, "--format", "json"];
const ROWS: i64 = 2_000;

fn collection() -> Collection {
    let fields = vec![
        key(DataType::Int64),
        var_char("text", 500),
        vector("embedding", DataType::FloatVector, 64),
    ];
    Collection::new("things", fields).index(Index::new("embedding", "FLAT", "L2", ""))
}

fn rows_of(keys: impl Iterator<Item = i64>, seed: u64) -> Table {
    data::table_of(&collection(), &keys.map(Key::Int).collect::<Vec<_>>(), seed)
}

/// How a target is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Found {
    Loaded,
    NotLoaded,
    Bare,
}

/// A source of even keys, and a target with rows of others: odd keys in between, keys behind the last
/// one, and some that the source has too.
struct Merge {
    scene: Doubles,
    relay: Relay,
    source: BTreeSet<i64>,
    /// What the target had and the source had not.
    theirs: Table,
    /// What the source has by now.
    rows: Table,
}

impl Merge {
    async fn new(found: Found) -> Self {
        let scene = Doubles::between("2.5.4", "2.5.4").await;
        let rows = rows_of((0..ROWS).map(|key| 2 * key), 9);
        // Not flushed: a run waits for a while where the statistic of flushed rows counts deleted ones.
        scene.source.create_collection(&collection()).await;
        scene.source.insert("things", &rows).await;
        scene.source.build_and_load(&collection()).await;
        let theirs = rows_of((0..ROWS).step_by(40).map(|key| 2 * key + 1).chain(9_000..9_010), 8);
        let replaced = rows_of((0..ROWS).step_by(100).map(|key| 2 * key), 8);
        let there = theirs.clone().followed_by(&replaced);
        scene.target.create_collection(&collection()).await;
        scene.target.insert("things", &there).await;
        if found != Found::Bare {
            scene.target.build_and_load(&collection()).await;
        }
        if found == Found::NotLoaded {
            scene.target.release("things").await;
        }
        let relay = Relay::to(&scene.to.uri(), |_| Act::Forward);
        scene.plan_file(&entry("things", "existing = \"adopt\""));
        let plan = scene.ferry.read(PLAN).replace(&scene.to.uri(), &relay.uri());
        scene.ferry.write(PLAN, &plan);
        let source = (0..ROWS).map(|key| 2 * key).collect();
        Self { scene, relay, source, theirs, rows }
    }

    async fn run(&self, arguments: &[&str], code: i32) -> Outcome {
        self.scene.run(arguments).await.expect_code(code)
    }

    /// `kill -9` while as many writes were sent and the last of them is not answered.
    fn killed_at(&self, arguments: &[&str], rpcs: &'static [&str], writes: usize, act: Act) {
        let before: usize = rpcs.iter().map(|rpc| self.relay.count(rpc)).sum();
        let counted = || rpcs.iter().map(|rpc| self.relay.count(rpc)).sum::<usize>() - before;
        let seen = AtomicUsize::new(0);
        self.relay.set_rule(move |call| {
            let over =
                rpcs.contains(&call.rpc) && seen.fetch_add(1, Ordering::SeqCst) + 1 >= writes;
            if over { act.clone() } else { Act::Forward }
        });
        let mut run = self.scene.ferry.spawn(arguments);
        tokio::task::block_in_place(|| {
            run.wait_until(PATIENCE, || counted() >= writes);
            run.kill()
        });
        self.relay.set_rule(|_| Act::Forward);
    }

    async fn delete(&mut self, keys: &[i64]) {
        self.scene.source.delete("things", "", &format!("id in {keys:?}")).await;
        self.rows = self.rows.filtered(|key| !keys.iter().any(|gone| *key == Key::Int(*gone)));
        self.source.retain(|key| !keys.contains(key));
    }

    async fn upsert(&mut self, keys: &[i64], seed: u64) {
        let new = rows_of(keys.iter().copied(), seed);
        self.scene.source.upsert("things", &new).await;
        let is_new = |key: &Key| keys.iter().any(|new| *key == Key::Int(*new));
        self.rows = self.rows.filtered(|key| !is_new(key)).followed_by(&new);
        self.theirs = self.theirs.filtered(|key| !is_new(key));
        self.source.extend(keys);
    }

    /// The target holds the source's rows and those that it had before, and nothing else.
    async fn expect_merged(&self) {
        self.scene.expect("things", &self.rows.clone().followed_by(&self.theirs)).await;
    }

    /// What `verify` finds: rows that were there before, and rows that nothing explains.
    async fn verify(&self, code: i32) -> (u64, u64) {
        let found = self.run(&VERIFY, code).await.json();
        let content = &found["collections"][0]["verification"]["content"];
        let number = |name: &str| content[name].as_u64().unwrap();
        let explained = number("explained");
        let all = number("missing") + number("extra") + number("different");
        (explained, all - explained)
    }

    /// Keys at the target in ranges that were written and are not recorded as done.
    fn written_in_part(&self) -> Vec<i64> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY;
        let path = self.scene.ferry.path(".milvus-ferry/plan.db");
        let ledger = Connection::open_with_flags(path, flags).unwrap();
        let mut chunks = ledger
            .prepare("SELECT after_key, up_to_key FROM chunks WHERE state = 'open' AND tried = 1")
            .unwrap();
        let bound = |text: Option<String>| text.map(|text| text.parse::<i64>().unwrap());
        let ranges: Vec<(i64, i64)> = chunks
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
            .unwrap()
            .map(|row| row.unwrap())
            .map(|(after, up_to)| {
                (bound(after).unwrap_or(i64::MIN), bound(up_to).unwrap_or(i64::MAX))
            })
            .collect();
        let there = self.scene.to.with_collection("default", "things", |things| {
            let live = things.rows.iter().filter(|row| row.deleted.is_none());
            live.map(|row| row.key.clone()).collect::<Vec<_>>()
        });
        let there = there.into_iter().map(|key| match key {
            Key::Int(key) => key,
            Key::Text(text) => panic!("{text}"),
        });
        // Those that the target had already are replaced; which of them cannot be seen here.
        there
            .filter(|key| self.source.contains(key) && key % 200 != 0)
            .filter(|key| ranges.iter().any(|(after, up_to)| after < key && key <= up_to))
            .collect()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_killed_copy_wrote_and_the_source_has_no_more_was_not_there_before() {
    for found in [Found::Loaded, Found::NotLoaded, Found::Bare] {
        let mut merge = Merge::new(found).await;
        merge.killed_at(&APPLY, &["Upsert"], 4, Act::Hang);
        let gone = merge.written_in_part();
        assert!(gone.len() > 2, "{found:?}: nothing was written before the kill");
        merge.delete(&[gone[0], gone[gone.len() / 2]]).await;
        // Neither the numbers nor the rows are excused.
        let counted = merge.run(&APPLY, 6).await;
        expect_words(&counted, &["the target holds 2 keys that the source does not have"]);
        let theirs = merge.theirs.rows.len() as u64;
        assert_eq!(merge.verify(6).await, (theirs, 2), "{found:?}");
        merge.run(&CATCH_UP, 0).await;
        merge.expect_merged().await;
        assert_eq!(merge.verify(0).await, (theirs, 0), "{found:?}");
    }
}

/// While rows are copied, some are deleted at the source and others are new in one range, which is copied
/// once more for that.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_deleted_behind_the_read_in_a_range_that_is_copied_again_is_known() {
    let mut merge = Merge::new(Found::Loaded).await;
    let source = merge.scene.from.double();
    let (written, done) = (AtomicBool::new(false), AtomicBool::new(false));
    merge.relay.set_rule(move |call| {
        written.fetch_or(call.rpc == "Upsert", Ordering::SeqCst);
        let counts = call.rpc == "Query" && call.output_fields == ["count(*)"];
        if counts && written.load(Ordering::SeqCst) && !done.swap(true, Ordering::SeqCst) {
            source.change_state(|state| {
                let of = state.collection_mut("default", "things").unwrap();
                of.rows.retain(|row| row.key != Key::Int(14));
                for key in [-4, -2] {
                    let mut row = of.rows[3].clone();
                    (row.key, row.values[0]) = (Key::Int(key), Value::Int(key));
                    of.rows.push(row);
                }
            });
        }
        Act::Forward
    });
    let outcome = merge.run(&APPLY, 6).await;
    expect_words(&outcome, &["1 chunk copied again", "the target holds 1 keys that the source"]);
    merge.run(&CATCH_UP, 0).await;
    merge.rows = merge.scene.source.read_uncounted("things", &merge.rows.keys(), &[]).await;
    assert_eq!(merge.rows.rows.len() as i64, ROWS + 1);
    merge.expect_merged().await;
}

/// A row of somebody else with a key that the source had as well: whether it was replaced before the
/// kill is not known, so it is neither excused nor deleted.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_row_that_may_have_been_replaced_before_a_kill_is_left_and_named() {
    let mut merge = Merge::new(Found::Loaded).await;
    merge.killed_at(&APPLY, &["Upsert"], 1, Act::Delay(Duration::from_secs(3_600)));
    // The first key is in a range that was about to be written.
    merge.delete(&[0]).await;
    merge.run(&APPLY, 6).await;
    let outcome = merge.run(&CATCH_UP, 6).await;
    expect_words(&outcome, &["at the target and not at the source: 1 row", "delete them by hand"]);
    merge.theirs = merge.theirs.followed_by(&rows_of([0].into_iter(), 8));
    merge.expect_merged().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn changes_are_carried_over_among_rows_of_others() {
    let mut merge = Merge::new(Found::Loaded).await;
    merge.run(&APPLY, 0).await;
    let theirs = merge.theirs.rows.len() as u64;
    assert_eq!(merge.verify(0).await, (theirs, 0));
    // New, changed and deleted rows; one that replaced somebody's, and one that is to replace one.
    merge.upsert(&[4, 1_001, 81, 9_003], 10).await;
    merge.delete(&[6, 200, 1_200, 3_998]).await;
    assert_eq!(merge.verify(6).await.1, 8);
    merge.killed_at(&CATCH_UP, &["Upsert", "Delete"], 2, Act::Hang);
    merge.delete(&[8, 1_001, 1_202]).await;
    merge.run(&CATCH_UP, 0).await;
    merge.expect_merged().await;
    let theirs = merge.theirs.rows.len() as u64;
    assert_eq!(merge.verify(0).await, (theirs, 0));
}

/// What is put in by hand later was not there before, and is not this move's to delete.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_comes_later_was_not_there_before() {
    let mut merge = Merge::new(Found::Loaded).await;
    merge.run(&APPLY, 0).await;
    let theirs = merge.theirs.rows.len() as u64;
    let later = rows_of([3, 9_500].into_iter(), 12);
    merge.scene.target.insert("things", &later).await;
    assert_eq!(merge.verify(6).await, (theirs, 2));
    let counted = merge.run(&["verify", PLAN, "--mode", "counts"], 6).await;
    expect_words(&counted, &["2 rows are at the target only"]);
    let outcome = merge.run(&CATCH_UP, 6).await;
    expect_words(&outcome, &["delete them by hand"]);
    // In one range with one of them, nothing tells any more whose this is.
    merge.delete(&[2]).await;
    merge.run(&CATCH_UP, 6).await;
    let others = merge.theirs.clone().followed_by(&later);
    let there = merge.scene.target.read_uncounted("things", &others.keys(), &[]).await;
    let others_alone = there.filtered(|key| others.keys().contains(key));
    assert_eq!(differences(&others, &others_alone, false), "");
}
