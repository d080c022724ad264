//! Signals: the first one lets what is in flight finish, the second one ends at once.

use std::time::Duration;

use super::world::{self, PATIENCE, RESUME, Trip, assert_says};
use testkit::lab::{self, Kind};
use testkit::pb::common::Status;
use testkit::relay::{Act, Call, Relay};

/// A relay before the target in which an insert takes a while, so that a copy can be caught.
fn slow_inserts() -> Relay {
    Relay::with_rule(lab::server(Kind::Milvus235B), |call| match call.rpc {
        "Insert" => Act::Delay(Duration::from_millis(100)),
        _ => Act::Forward,
    })
}

async fn trip_by(relay: &Relay, copy: &str) -> Trip {
    let source = lab::server(Kind::Milvus235A).uri();
    let target = lab::server(Kind::Milvus235B);
    Trip::between(world::rows().await, source, target, &relay.uri(), "", copy).await
}

async fn one_signal(name: &str) {
    let relay = slow_inserts();
    let trip = trip_by(&relay, "").await;
    let mut run = trip.spawn();
    run.wait_until(PATIENCE, || trip.ledger().chunks_done() >= 3);
    run.signal(name);
    let outcome = run.wait(Duration::from_secs(20)).expect_code(130);
    assert_says(&outcome, RESUME);
    // Nothing was left behind half-way: what was sent was waited for.
    let ledger = trip.ledger();
    assert_eq!(ledger.number("SELECT count(*) FROM chunks WHERE state = 'open' AND tried = 1"), 0);
    assert_eq!(ledger.number("SELECT count(*) FROM runs WHERE outcome = 'interrupted'"), 1);
    assert_eq!(ledger.number("SELECT count(*) FROM events WHERE kind = 'stopped'"), 1);
    relay.set_rule(|_| Act::Forward);
    trip.apply().expect_code(0);
    assert_eq!(relay.count("Upsert"), 0);
    trip.assert_exact().await;
    trip.clear().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn ctrl_c_stops_after_what_is_in_flight() {
    one_signal("INT").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn sigterm_stops_after_what_is_in_flight() {
    one_signal("TERM").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_second_ctrl_c_does_not_wait_for_an_answer() {
    let relay = Relay::with_rule(lab::server(Kind::Milvus235B), |call| {
        if call.rpc == "Insert" && call.number > 3 { Act::Hang } else { Act::Forward }
    });
    let trip = trip_by(&relay, "").await;
    let mut run = trip.spawn();
    run.wait_until(PATIENCE, || relay.count("Insert") >= 4);
    run.signal("INT");
    // The first one waits for the answer, for as long as it takes.
    for _ in 0..50 {
        assert!(run.runs(), "it did not wait for what is in flight");
        std::thread::sleep(Duration::from_millis(10));
    }
    run.signal("INT");
    run.wait(Duration::from_secs(2)).expect_code(130);
    relay.set_rule(|_| Act::Forward);
    trip.apply().expect_code(0);
    assert!(relay.count("Upsert") >= 1, "nobody knew whether those rows had arrived");
    trip.assert_exact().await;
    trip.clear().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn ctrl_c_does_not_wait_for_rows_that_would_not_be_written() {
    // Some chunks are read, and then every answer is late.
    let late = |call: &Call| {
        let is_chunk = call.output_fields.len() > 1 && call.limit().is_none();
        call.rpc == "Query" && is_chunk && call.number > 12
    };
    let relay = Relay::with_rule(lab::server(Kind::Milvus235A), move |call| {
        if late(call) { Act::Hang } else { Act::Forward }
    });
    let target = lab::server(Kind::Milvus235B);
    let source = world::rows().await;
    let trip = Trip::between(source, &relay.uri(), target, target.uri(), "", "").await;
    let mut run = trip.spawn();
    run.wait_until(PATIENCE, || relay.calls().iter().any(late));
    run.signal("INT");
    assert_says(&run.wait(Duration::from_secs(5)).expect_code(130), RESUME);
    relay.set_rule(|_| Act::Forward);
    trip.apply().expect_code(0);
    trip.assert_exact().await;
    trip.clear().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn ctrl_c_ends_a_pause_between_retries() {
    let target = lab::server(Kind::Milvus235B);
    for away in ["Insert", "Query"] {
        // `Query` goes to the source, `Insert` to the target.
        let rule = move |call: &Call| {
            if call.rpc == away && call.number > 4 { Act::unavailable() } else { Act::Forward }
        };
        let sources = Relay::with_rule(lab::server(Kind::Milvus235A), rule);
        let targets = Relay::with_rule(target, rule);
        let source = world::rows().await;
        let (from, to) = (sources.uri(), targets.uri());
        let trip = Trip::between(source, &from, target, &to, "", "retry_for = \"10m\"").await;
        let mut run = trip.spawn();
        // By now the pauses are longer than a second.
        run.wait_until(PATIENCE, || sources.count(away) + targets.count(away) >= 16);
        run.signal("INT");
        let outcome = run.wait(Duration::from_secs(2)).expect_code(130);
        assert_says(&outcome, RESUME);
        sources.set_rule(|_| Act::Forward);
        targets.set_rule(|_| Act::Forward);
        trip.apply().expect_code(0);
        trip.assert_exact().await;
        trip.clear().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn ctrl_c_while_the_target_loads() {
    let relay = Relay::with_rule(lab::server(Kind::Milvus235B), |call| match call.rpc {
        // As if the collection were large.
        "LoadCollection" => Act::Refuse(Status::default()),
        _ => Act::Forward,
    });
    let trip = trip_by(&relay, "").await;
    let mut run = trip.spawn();
    run.wait_until(PATIENCE, || relay.count("LoadCollection") > 0);
    let asked = relay.count("GetLoadState");
    run.wait_until(PATIENCE, || relay.count("GetLoadState") > asked + 2);
    run.signal("INT");
    assert_says(&run.wait(Duration::from_secs(2)).expect_code(130), RESUME);
    relay.set_rule(|_| Act::Forward);
    let inserts = relay.count("Insert");
    trip.apply().expect_code(0);
    assert_eq!(relay.count("Insert"), inserts, "rows were copied again");
    trip.assert_exact().await;
    trip.clear().await;
}
