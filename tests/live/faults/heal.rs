//! Rows that are not where the ledger believes them to be: the counts find them, and their chunks
//! are copied again in the same run.

use std::time::Duration;

use super::world::{self, PATIENCE, PLAN, Trip, assert_says};
use testkit::collection::plain;
use testkit::data;
use testkit::lab::{self, Kind};
use testkit::pb::schema::DataType;
use testkit::probe::Probe;
use testkit::relay::{Act, Relay};
use testkit::table::{Key, assert_same};

fn slow_inserts() -> Relay {
    Relay::with_rule(lab::server(Kind::Milvus235B), |call| match call.rpc {
        "Insert" => Act::Delay(Duration::from_millis(100)),
        _ => Act::Forward,
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn rows_that_vanished_from_the_target_or_are_there_twice() {
    let relay = slow_inserts();
    let source = lab::server(Kind::Milvus235A).uri();
    let target = lab::server(Kind::Milvus235B);
    let trip = Trip::between(world::rows().await, source, target, &relay.uri(), "", "").await;
    let mut run = trip.spawn();
    run.wait_until(PATIENCE, || trip.ledger().chunks_done() >= 3);
    run.signal("INT");
    run.wait(PATIENCE).expect_code(130);
    relay.set_rule(|_| Act::Forward);

    // These keys are in the first chunks.
    let (lost, doubled) = (1000..1020, 1100..1130);
    let lost: Vec<String> = lost.map(|key: i64| key.to_string()).collect();
    trip.probe.delete(&trip.target, "", &format!("id in [{}]", lost.join(","))).await;
    let again =
        trip.source.table.filtered(|key| matches!(key, Key::Int(key) if doubled.contains(key)));
    assert_eq!(again.rows.len(), 30);
    trip.probe.insert(&trip.target, &again).await;

    let outcome = trip.apply().expect_code(0);
    assert_says(&outcome, "copied again");
    assert!(relay.count("Upsert") >= 1);
    trip.assert_exact().await;
    trip.apply().expect_code(0);
    trip.clear().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn rows_that_came_while_their_neighbours_were_copied() {
    let probe = Probe::of(lab::server(Kind::Milvus235A)).await.in_new_database().await;
    let collection = plain("late", DataType::Int64).dynamic();
    let early = data::table_of(&collection, &data::key_range(0..8_000), 5);
    let late = data::table_of(&collection, &data::key_range(-40..0), 6);
    probe.fill(&collection, &early).await;

    let relay = slow_inserts();
    let name = lab::unique_name("late");
    let entry = format!(
        "[[collections]]\nsource = \"late\"\nsource_database = \"{}\"\ntarget = \"{name}\"\n",
        probe.database()
    );
    let plan = world::plan(lab::server(Kind::Milvus235A).uri(), &relay.uri(), &entry, "");
    let ferry = testkit::ferry::Ferry::with_plan(PLAN, &plan);
    let mut run = ferry.spawn(&["apply", PLAN, "--yes"]);
    let ledger = world::LedgerFile::of(&ferry);
    run.wait_until(PATIENCE, || ledger.chunks_done() >= 3);
    probe.insert("late", &late).await;
    let outcome = run.wait(PATIENCE).expect_code(0);
    assert_says(&outcome, "copied again");

    let all = late.followed_by(&early);
    let target = Probe::of(lab::server(Kind::Milvus235B)).await;
    let read = target.read_all(&name, &all.keys(), &[]).await;
    assert_same(&all, &read);
    target.drop_collection(&name).await;
}
