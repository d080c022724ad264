//! Writes whose outcome nobody knows: the server carried them out, and the answer was lost.

use std::time::Duration;

use super::world::{self, PATIENCE, Source, Trip, assert_says};
use testkit::lab::{self, Kind};
use testkit::probe::Probe;
use testkit::relay::{Act, Call, Relay};
use testkit::table::{Key, assert_same};

/// Loses the answers of some inserts and of the upserts that follow on them.
fn lossy(call: &Call) -> Act {
    match (call.rpc, call.number) {
        ("Insert", 1 | 4) | ("Upsert", 1) => Act::lose_answer(),
        ("Insert", 3 | 6) | ("Upsert", 3) => Act::deadline_after(),
        _ => Act::Forward,
    }
}

async fn answers_are_lost(source: &'static Source, more: &str) -> (Trip, Relay) {
    let target = lab::server(Kind::Milvus235B);
    let relay = Relay::with_rule(target, lossy);
    let from = lab::server(Kind::Milvus235A).uri();
    let trip = Trip::between(source, from, target, &relay.uri(), more, "").await;
    trip.apply().expect_code(0);
    let (inserts, upserts) = (relay.count("Insert"), relay.count("Upsert"));
    assert!(inserts > 8, "{inserts} inserts are too few to prove anything");
    assert_eq!(upserts, 6, "four lost inserts and two lost upserts are written once more each");
    (trip, relay)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn lost_answers_double_no_row_with_int64_keys() {
    let (trip, _relay) = answers_are_lost(world::rows().await, "").await;
    trip.assert_exact().await;
    trip.clear().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn lost_answers_double_no_row_with_var_char_keys() {
    let (trip, _relay) = answers_are_lost(world::texts().await, "").await;
    trip.assert_exact().await;
    trip.clear().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn lost_answers_double_no_row_by_partition() {
    let (trip, relay) = answers_are_lost(world::parted().await, "").await;
    trip.assert_exact_by_partition().await;
    assert!(relay.calls_of("Upsert").iter().all(|call| !call.partitions[0].is_empty()));
    trip.clear().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn lost_answers_double_no_row_with_a_partition_key() {
    let key = "partition_key = { field = \"text\", partitions = 8 }";
    let (trip, _relay) = answers_are_lost(world::texts().await, key).await;
    let mut read = trip.probe.read_all(&trip.target, &trip.source.table.keys(), &[]).await;
    for column in &mut read.columns {
        column.is_partition_key = false;
    }
    assert_same(&trip.source.table, &read);
    trip.clear().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn an_answer_lost_and_the_run_killed_right_after() {
    let target = lab::server(Kind::Milvus235B);
    let relay = Relay::with_rule(target, |call| {
        // Everything behind the lost answer waits, so that the kill comes before the upsert.
        match (call.rpc, call.number) {
            ("Insert", 1..=4) => Act::Forward,
            ("Insert", 5) => Act::lose_answer(),
            ("Insert", _) => Act::Hang,
            ("Upsert", _) => Act::Delay(PATIENCE),
            _ => Act::Forward,
        }
    });
    let from = lab::server(Kind::Milvus235A).uri();
    let trip = Trip::between(world::rows().await, from, target, &relay.uri(), "", "").await;
    let mut run = trip.spawn();
    run.wait_until(PATIENCE, || relay.count("Upsert") > 0);
    run.kill();
    relay.set_rule(|_| Act::Forward);
    trip.apply().expect_code(0);
    assert!(relay.count("Upsert") >= 2);
    trip.assert_exact().await;
    trip.clear().await;
}

/// The worst that a lost connection can do: the insert is carried out behind the upsert that makes
/// good for it, so that its rows are there twice.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn an_insert_that_arrives_behind_its_own_repetition() {
    let target = lab::server(Kind::Milvus235B);
    let relay = Relay::with_rule(target, |call| match (call.rpc, call.number) {
        ("Insert", 3) => {
            Act::Late(Duration::from_secs(1), tonic::Status::unavailable("relay: connection reset"))
        }
        // Not counted before it has arrived.
        ("LoadCollection", 1) => Act::Delay(Duration::from_secs(3)),
        _ => Act::Forward,
    });
    let from = lab::server(Kind::Milvus235A).uri();
    let trip = Trip::between(world::rows().await, from, target, &relay.uri(), "", "").await;
    let outcome = trip.apply().expect_code(0);
    assert_says(&outcome, "copied again");
    assert_eq!(relay.count("Upsert"), 2, "once after the lost answer, once after the counts");
    trip.assert_exact().await;
    trip.clear().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn lost_answers_of_everything_else_that_changes_the_target() {
    let target = lab::server(Kind::Milvus235B);
    let relay = Relay::with_rule(target, |call| match (call.rpc, call.number) {
        ("CreateDatabase" | "CreateCollection" | "CreatePartition" | "CreateIndex", 1) => {
            Act::lose_answer()
        }
        ("LoadCollection", 1) => Act::deadline_after(),
        _ => Act::Forward,
    });
    let from = lab::server(Kind::Milvus235A).uri();
    let database = lab::unique_name("db");
    let more = format!("target_database = \"{database}\"");
    let mut trip =
        Trip::between(world::parted().await, from, target, &relay.uri(), &more, "").await;
    trip.apply().expect_code(0);
    for rpc in ["CreateDatabase", "CreateCollection", "LoadCollection"] {
        assert_eq!(relay.count(rpc), 2, "{rpc}");
    }
    // The indexes are listed before one would be made again.
    assert_eq!(relay.count("CreateIndex"), 1);
    trip.probe = trip.probe.in_database(&database);
    trip.assert_exact_by_partition().await;
    trip.clear().await;
}

/// Before 2.3 there is no upsert: keys are deleted and rows inserted again.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn lost_answers_double_no_row_on_2216() {
    let target = lab::server(Kind::Milvus2216);
    let relay = Relay::with_rule(target, |call| match (call.rpc, call.number) {
        ("Insert", 1 | 4) | ("Delete", 2) => Act::lose_answer(),
        ("Insert", 3) => Act::deadline_after(),
        _ => Act::Forward,
    });
    let from = lab::server(Kind::Milvus235A).uri();
    let trip = Trip::between(world::rows().await, from, target, &relay.uri(), "", "").await;
    trip.apply().expect_code(0);
    assert!(relay.count("Delete") >= 4, "{}", relay.count("Delete"));
    trip.assert_exact().await;
    let keys = trip.source.table.keys();
    let doubled = doubled_2216(&trip.probe, &trip.target, &keys).await;
    assert_eq!(doubled, 0);

    // The measure itself: it sees a row that is there twice.
    let once_more = trip.source.table.filtered(|key| *key == keys[500]);
    trip.probe.insert(&trip.target, &once_more).await;
    let doubled = doubled_2216(&trip.probe, &trip.target, &keys).await;
    assert!(doubled > 0, "a doubled row is not seen");
    trip.clear().await;
}

/// How many keys a page lacks because another row has the same key: a limit is spent before
/// doubles are dropped. (2.2 has no `count(*)`.)
async fn doubled_2216(probe: &Probe, collection: &str, keys: &[Key]) -> usize {
    let mut keys: Vec<&Key> = keys.iter().filter(|key| **key != Key::Int(i64::MIN)).collect();
    keys.sort();
    let mut lacking = 0;
    for window in keys.chunks(1000) {
        let (first, last) = (window[0].literal(), window[window.len() - 1].literal());
        let range = format!("id >= {first} and id <= {last}");
        let limit = u32::try_from(window.len()).unwrap();
        let page = probe.query_keys(collection, &[], &range, limit).await;
        lacking += window.len() - page.len();
    }
    lacking
}
