//! Sources that are written to while they are copied: what README.md promises under "While the
//! source is written to".

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::world::{self, LedgerFile, PATIENCE, PLAN, assert_says};
use testkit::collection::{Collection, plain};
use testkit::data;
use testkit::ferry::{Ferry, Running};
use testkit::lab::{self, Kind};
use testkit::pb::schema::DataType;
use testkit::probe::Probe;
use testkit::relay::{Act, Relay};
use testkit::table::{Key, Table, assert_same};

/// Rows with the keys 0 to 11,999, about 20 chunks.
const ROWS: i64 = 12_000;

/// A source of one test, on its way to a target that takes its time.
struct Busy {
    source: Probe,
    collection: Collection,
    rows: Table,
    target: Probe,
    name: String,
    ferry: Ferry,
    relay: Relay,
}

impl Busy {
    async fn new() -> Self {
        let [from, to] = lab::servers([Kind::Milvus235A, Kind::Milvus235B]);
        let source = Probe::of(from).await.in_new_database().await;
        let collection = plain("busy", DataType::Int64).dynamic();
        let rows = data::table_of(&collection, &data::key_range(0..ROWS), 81);
        source.fill(&collection, &rows).await;
        let relay = Relay::with_rule(to, |call| match call.rpc {
            "Insert" => Act::Delay(Duration::from_millis(150)),
            _ => Act::Forward,
        });
        let name = lab::unique_name("busy");
        let entry = format!(
            "[[collections]]\nsource = \"busy\"\nsource_database = \"{}\"\ntarget = \"{name}\"\n",
            source.database()
        );
        // One reader, which is a few chunks ahead of the one writer.
        let plan = world::plan(from.uri(), &relay.uri(), &entry, "parallelism = 1");
        let ferry = Ferry::with_plan(PLAN, &plan);
        Self {
            source,
            collection,
            rows,
            target: Probe::of(to).await.with_own(&name),
            name,
            ferry,
            relay,
        }
    }

    /// Other rows of these keys.
    fn table(&self, keys: std::ops::Range<i64>, seed: u64) -> Table {
        data::table_of(&self.collection, &data::key_range(keys), seed)
    }

    /// A run that has copied so many chunks.
    fn under_way(&self, chunks: i64) -> Running {
        let ledger = LedgerFile::of(&self.ferry);
        let mut run = self.ferry.spawn(&["apply", PLAN, "--yes"]);
        run.wait_until(PATIENCE, || ledger.chunks_done() >= chunks);
        run
    }

    async fn delete(&self, keys: std::ops::Range<i64>) {
        let list: Vec<String> = keys.clone().map(|key| key.to_string()).collect();
        let list = format!("id in [{}]", list.join(","));
        self.source.delete("busy", "", &list).await;
        // From here on nobody reads them any more.
        assert!(self.source.query_keys("busy", &[], &list, 0).await.is_empty());
    }

    /// Writes in the middle of the copy came in the middle of it.
    #[track_caller]
    fn assert_half_way(&self) {
        let done = LedgerFile::of(&self.ferry).chunks_done();
        assert!(done < 15, "{done} chunks were done by the time of the last write");
    }

    async fn assert_target(&self, expected: &Table) {
        let read = self.target.read_all(&self.name, &expected.keys(), &[]).await;
        assert_same(expected, &read);
    }

    async fn clear(self) {
        self.target.drop_collection(&self.name).await;
        self.source.drop_collection("busy").await;
    }
}

/// The rows but those of these keys.
fn without(table: &Table, keys: &std::ops::Range<i64>) -> Table {
    table.filtered(|key| !matches!(key, Key::Int(key) if keys.contains(key)))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn what_is_written_ahead_of_the_copy_arrives_and_what_is_deleted_does_not() {
    let busy = Busy::new().await;
    let run = busy.under_way(3);
    let (changed, new) = (busy.table(11_200..11_300, 82), busy.table(ROWS..ROWS + 50, 83));
    busy.delete(11_000..11_100).await;
    busy.source.upsert("busy", &changed).await;
    busy.source.insert("busy", &new).await;
    busy.assert_half_way();
    run.wait(PATIENCE).expect_code(0);
    let rest = without(&without(&busy.rows, &(11_000..11_100)), &(11_200..11_300));
    let expected = rest.followed_by(&changed).followed_by(&new);
    busy.assert_target(&expected).await;
    // It is finished: nobody looks for later rows.
    busy.source.insert("busy", &busy.table(-10..0, 87)).await;
    assert_says(&busy.ferry.run(&["apply", PLAN, "--yes"]).expect_code(0), "Nothing to do");
    busy.assert_target(&expected).await;
    busy.clear().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn what_is_deleted_behind_the_copy_stays_and_is_explained() {
    let busy = Busy::new().await;
    let run = busy.under_way(5);
    busy.delete(100..150).await;
    busy.assert_half_way();
    let outcome = run.wait(PATIENCE).expect_code(0);
    assert_says(&outcome, "50 rows were deleted or expired at the source after they were read");
    busy.assert_target(&busy.rows).await;
    busy.clear().await;
}

/// A changed row is neither more nor less: no count shows it.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn what_is_changed_behind_the_copy_stays_as_it_was_read() {
    let busy = Busy::new().await;
    let run = busy.under_way(5);
    busy.source.upsert("busy", &busy.table(100..150, 84)).await;
    busy.assert_half_way();
    run.wait(PATIENCE).expect_code(0);
    let mut expected = busy.rows.clone();
    // On 2.3.5 the older version is counted until it is compacted, so the counts may look at the
    // chunk; where they do and copy it again, the newer version arrives. Never both.
    let read = busy.target.read_all(&busy.name, &expected.keys(), &[]).await;
    let newer = busy.table(100..150, 84);
    let updated = read.rows.iter().any(|row| newer.rows.contains(row));
    if updated {
        expected = without(&expected, &(100..150)).followed_by(&newer);
    }
    assert_same(&expected, &read);
    busy.clear().await;
}

/// Somebody inserts behind the copy and does not stop: it is followed three times, then told, and
/// the same command converges once there is quiet.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn what_never_ceases_to_come_is_told_and_caught_up_with_once_it_ceases() {
    let busy = Busy::new().await;
    let run = busy.under_way(3);
    let stop = Arc::new(AtomicBool::new(false));
    let writer = {
        let (stop, probe, collection) =
            (Arc::clone(&stop), busy.source.clone(), busy.collection.clone());
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.unwrap().block_on(async {
                // A connection belongs to the runtime that opened it.
                let server = lab::server(Kind::Milvus235A);
                let probe = Probe::of(server).await.in_database(probe.database());
                let (mut next, began) = (0, Instant::now());
                while !stop.load(Ordering::SeqCst) && began.elapsed() < PATIENCE {
                    let keys = data::key_range(next - 5..next);
                    probe.insert("busy", &data::table_of(&collection, &keys, 85)).await;
                    next -= 5;
                }
                next
            })
        })
    };
    let outcome = run.wait(PATIENCE);
    stop.store(true, Ordering::SeqCst);
    let first = writer.join().unwrap();
    let outcome = outcome.expect_code(6);
    assert_says(&outcome, "copied again");
    assert_says(&outcome, "were not there when it was read");
    assert_says(&outcome, "pause writing");
    assert!(first < -20, "hardly anything was written: down to {first}");

    busy.relay.set_rule(|_| Act::Forward);
    busy.ferry.run(&["apply", PLAN, "--yes"]).expect_code(0);
    let late: Vec<Table> =
        (first / 5..0).map(|batch| busy.table(batch * 5..batch * 5 + 5, 85)).collect();
    let all = late.iter().fold(busy.rows.clone(), Table::followed_by);
    busy.assert_target(&all).await;
    assert_says(&busy.ferry.run(&["apply", PLAN, "--yes"]).expect_code(0), "Nothing to do");
    busy.clear().await;
}

/// Rows that came and rows that went in one range: what came is fetched, what went is named, and
/// nobody calls the two ends equal.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn rows_that_went_where_others_came_are_told() {
    let busy = Busy::new().await;
    let run = busy.under_way(5);
    busy.delete(100..120).await;
    let late = busy.table(-60..0, 86);
    busy.source.insert("busy", &late).await;
    busy.assert_half_way();
    let outcome = run.wait(PATIENCE).expect_code(6);
    assert_says(&outcome, "keys that the source does not have, such as 10");
    assert_says(&outcome, "delete them at the target");
    busy.assert_target(&late.clone().followed_by(&busy.rows)).await;

    // As the message says.
    let gone: Vec<String> = (100..120).map(|key| key.to_string()).collect();
    busy.target.delete(&busy.name, "", &format!("id in [{}]", gone.join(","))).await;
    busy.ferry.run(&["apply", PLAN, "--yes"]).expect_code(0);
    busy.assert_target(&late.followed_by(&without(&busy.rows, &(100..120)))).await;
    busy.clear().await;
}
