//! `kill -9` at any moment: the next `apply` continues, and no row is lost or doubled.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::world::{self, PATIENCE, Source, Trip};
use testkit::lab::{self, Kind};
use testkit::patience::until;
use testkit::relay::{Act, Call, Relay};

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_copy_that_is_killed_six_times_ends_with_exactly_the_rows_of_the_source() {
    // Some 30,000 rows a second: chunks are recorded once a second, and some have to be left.
    let (from, to) = (lab::server(Kind::Milvus235A), lab::server(Kind::Milvus235B));
    let rate = "max_write_rate = \"1MB/s\"";
    let trip = Trip::between(world::big().await, from.uri(), to, to.uri(), "", rate).await;
    let ledger = trip.ledger();
    for thousands in [1, 25, 50, 80, 110, 140] {
        let before = ledger.rows_done();
        let mut run = trip.spawn();
        run.wait_until(PATIENCE, || ledger.rows_done() >= thousands * 1000);
        run.kill();
        assert!(ledger.rows_done() > before, "nothing was copied before the kill");
    }
    assert_eq!(ledger.moves_done(), 0, "it was over before the last kill");
    assert!(ledger.number("SELECT count(*) FROM chunks") > 100);
    trip.apply().expect_code(0);
    trip.assert_exact().await;
    // What was done before a kill is not done again.
    assert_eq!(ledger.rows_done(), 200_000);
    let again = trip.apply().expect_code(0);
    world::assert_says(&again, "Nothing to do");
    trip.clear().await;
}

/// The relay lets so many writes through, and hangs all that follow: some before the server has
/// seen them, some after it has carried them out.
#[derive(Default)]
struct Gate {
    open: AtomicUsize,
    through: AtomicUsize,
    hung: AtomicUsize,
}

impl Gate {
    fn judge(&self, call: &Call) -> Act {
        if !matches!(call.rpc, "Insert" | "Upsert") {
            return Act::Forward;
        }
        if self.through.fetch_add(1, Ordering::SeqCst) < self.open.load(Ordering::SeqCst) {
            return Act::Forward;
        }
        let hung = self.hung.fetch_add(1, Ordering::SeqCst);
        if hung.is_multiple_of(2) { Act::Hang } else { NEVER }
    }

    /// Lets this many through from now on.
    fn let_through(&self, writes: usize) {
        self.through.store(0, Ordering::SeqCst);
        self.hung.store(0, Ordering::SeqCst);
        self.open.store(writes, Ordering::SeqCst);
    }
}

/// `kill -9` as soon as so many chunks more were acknowledged, while others are being written.
async fn killed_after_every(source: &'static Source, chunks: &[usize]) {
    let gate = Arc::new(Gate::default());
    let rule = Arc::clone(&gate);
    let target = lab::server(Kind::Milvus235B);
    let relay = Relay::with_rule(target, move |call| rule.judge(call));
    let from = lab::server(Kind::Milvus235A).uri();
    let trip = Trip::between(source, from, target, &relay.uri(), "", "").await;
    let ledger = trip.ledger();
    for chunks in chunks {
        gate.let_through(*chunks);
        let done = ledger.chunks_done();
        let mut run = trip.spawn();
        run.wait_until(PATIENCE, || {
            let done = usize::try_from(ledger.chunks_done() - done).unwrap();
            done == *chunks && gate.hung.load(Ordering::SeqCst) > 0
        });
        run.kill();
    }
    assert_eq!(ledger.moves_done(), 0, "it was over before the last kill");
    gate.let_through(usize::MAX);
    trip.apply().expect_code(0);
    trip.assert_exact().await;
    assert_eq!(ledger.rows_done(), i64::try_from(source.table.rows.len()).unwrap());
    assert!(relay.count("Upsert") >= chunks.len(), "what hung is written again, by key");
    trip.clear().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn killed_after_every_kth_acknowledged_chunk() {
    // 12,000 rows are about 20 chunks.
    killed_after_every(world::rows().await, &[1, 2, 3, 5]).await;
    killed_after_every(world::rows().await, &[8, 1, 1, 1]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn killed_after_every_kth_acknowledged_chunk_with_var_char_keys() {
    killed_after_every(world::texts().await, &[1, 2, 3]).await;
}

/// Kills a run in each of these calls, one run after the other, then lets one finish.
async fn killed_in(calls: &[(&'static str, Act)]) -> (Trip, Relay) {
    let target = lab::server(Kind::Milvus235B);
    let next = Arc::new(Mutex::new(None::<(&'static str, Act)>));
    let rule = Arc::clone(&next);
    let relay = Relay::with_rule(target, move |call| match &*rule.lock().unwrap() {
        Some((rpc, act)) if *rpc == call.rpc => act.clone(),
        _ => Act::Forward,
    });
    let from = lab::server(Kind::Milvus235A).uri();
    let trip = Trip::between(world::parted().await, from, target, &relay.uri(), "", "").await;
    for (rpc, act) in calls {
        let before = relay.count(rpc);
        *next.lock().unwrap() = Some((*rpc, act.clone()));
        let mut run = trip.spawn();
        run.wait_until(PATIENCE, || relay.count(rpc) > before);
        if *rpc == "CreateCollection" && matches!(act, Act::Hang) {
            until(async || trip.probe.has_collection(&trip.target).await).await;
        }
        run.kill();
    }
    *next.lock().unwrap() = None;
    trip.apply().expect_code(0);
    trip.assert_exact_by_partition().await;
    assert_eq!(trip.probe.describe_index(&trip.target).await.len(), 1);
    (trip, relay)
}

/// The call does not reach the server.
const NEVER: Act = Act::Delay(Duration::from_secs(3600));

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn killed_while_the_collection_is_made() {
    let calls = [("CreateCollection", NEVER), ("CreateCollection", Act::Hang)];
    let (trip, relay) = killed_in(&calls).await;
    // Nobody noted that the collection is ours alone.
    assert_eq!(relay.count("Insert"), 0);
    trip.clear().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn killed_in_every_later_call_that_changes_the_target() {
    let calls = [
        ("CreatePartition", NEVER),
        ("CreatePartition", Act::Hang),
        ("Insert", NEVER),
        ("Insert", Act::Hang),
        ("Upsert", NEVER),
        ("Upsert", Act::Hang),
        ("CreateIndex", NEVER),
        ("CreateIndex", Act::Hang),
        ("LoadCollection", NEVER),
        ("LoadCollection", Act::Hang),
    ];
    let (trip, relay) = killed_in(&calls).await;
    assert!(relay.count("Insert") > 6 && relay.count("Upsert") > 2);
    trip.clear().await;
}
