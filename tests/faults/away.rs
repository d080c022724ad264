//! Servers that go away in the middle of a copy, and those that come back.

use crate::support::collection::plain;
use crate::support::data;
use crate::support::ferry::Ferry;
use crate::support::lab::{self, Kind, Spec};
use crate::support::pb::schema::DataType;
use crate::support::probe::Probe;
use crate::support::table::assert_same;
use crate::world::{self, LedgerFile, PATIENCE, PLAN, RESUME, Trip, assert_says, plan};

/// Lets a plan file's calls be tried again for longer.
fn be_patient(ferry: &Ferry) {
    ferry.write(PLAN, &ferry.read(PLAN).replace("retry_for = \"3s\"", "retry_for = \"3m\""));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_target_that_dies_twice_in_one_copy() {
    let mut server = lab::private(&Spec::milvus_235());
    let from = lab::server(Kind::Milvus235A).uri();
    let source = world::big().await;
    let retry = "retry_for = \"3s\"";
    let trip = Trip::between(source, from, &server, server.uri(), "", retry).await;
    let ledger = trip.ledger();

    // It does not come back in time.
    let mut run = trip.spawn();
    run.wait_until(PATIENCE, || ledger.chunks_done() >= 20);
    server.kill();
    let outcome = run.wait(PATIENCE).expect_code(5);
    assert_says(&outcome, "cannot reach the server");
    assert_says(&outcome, RESUME);
    let done = ledger.chunks_done();
    assert!(done < 100, "{done} chunks were done before the kill");

    // It comes back, dies once more, and comes back in time.
    server.start();
    be_patient(&trip.ferry);
    let mut run = trip.spawn();
    run.wait_until(PATIENCE, || ledger.chunks_done() >= done + 20);
    server.kill();
    assert!(ledger.chunks_done() < 200, "it was over before the second kill");
    server.start();
    run.wait(2 * PATIENCE).expect_code(0);
    let probe = Probe::of(&server).await;
    let read = probe.read_all(&trip.target, &source.table.keys(), &[]).await;
    assert_same(&source.table, &read);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_source_that_dies_twice_in_one_copy() {
    let mut server = lab::private(&Spec::milvus_235());
    let collection = plain("ledgers", DataType::Int64).dynamic();
    let table = data::table(&collection, 40_000, 21);
    Probe::of(&server).await.fill(&collection, &table).await;
    let target = lab::server(Kind::Milvus235B);
    let name = lab::unique_name("ledgers");
    let entry = format!("[[collections]]\nsource = \"ledgers\"\ntarget = \"{name}\"\n");
    let text = plan(server.uri(), target.uri(), &entry, "retry_for = \"3s\"");
    let ferry = Ferry::with_plan(PLAN, &text);
    let ledger = LedgerFile::of(&ferry);

    let mut run = ferry.spawn(&["apply", PLAN, "--yes"]);
    run.wait_until(PATIENCE, || ledger.chunks_done() >= 5);
    server.kill();
    let outcome = run.wait(PATIENCE).expect_code(5);
    assert_says(&outcome, "cannot reach the server");
    assert_says(&outcome, RESUME);
    let done = ledger.chunks_done();
    assert!(done < 40, "{done} chunks were done before the kill");

    server.start();
    be_patient(&ferry);
    let mut run = ferry.spawn(&["apply", PLAN, "--yes"]);
    run.wait_until(PATIENCE, || ledger.chunks_done() >= done + 5);
    server.kill();
    assert!(ledger.chunks_done() < 60, "it was over before the second kill");
    server.start();
    run.wait(2 * PATIENCE).expect_code(0);
    let probe = Probe::of(target).await;
    let read = probe.read_all(&name, &table.keys(), &[]).await;
    assert_same(&table, &read);
    probe.drop_collection(&name).await;
}
