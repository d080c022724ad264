//! `kill -9` at any moment: the next `apply` continues, and no row is lost or doubled.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::support::lab::{self, Kind};
use crate::support::relay::{Act, Relay};
use crate::world::{self, PATIENCE, Trip};

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_copy_that_is_killed_six_times_ends_with_exactly_the_rows_of_the_source() {
    let trip = Trip::new(world::big().await, "").await;
    let ledger = trip.ledger();
    for thousands in [1, 25, 60, 100, 150, 190] {
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
            while !trip.probe.has_collection(&trip.target).await {}
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
