//! Servers that go away in the middle of a copy, and those that come back.

use std::time::Duration;

use super::world::{self, LedgerFile, PATIENCE, PLAN, RESUME, Trip, assert_says, plan};
use testkit::collection::plain;
use testkit::data;
use testkit::ferry::Ferry;
use testkit::lab::{self, Kind, Spec};
use testkit::pb::schema::DataType;
use testkit::probe::Probe;
use testkit::relay::{Act, Relay};
use testkit::table::assert_same;

/// Lets a plan file's calls be tried again for longer.
fn be_patient(ferry: &Ferry) {
    ferry.write(PLAN, &ferry.read(PLAN).replace("retry_for = \"3s\"", "retry_for = \"3m\""));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_target_that_dies_twice_in_one_copy() {
    let mut server = lab::private(&Spec::milvus_235());
    let from = lab::server(Kind::Milvus235A).uri();
    let source = world::big().await;
    let copy = "retry_for = \"3s\"\nmax_write_rate = \"2MB/s\"";
    let trip = Trip::between(source, from, &server, server.uri(), "", copy).await;
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
    // Chunks are recorded once a second: so slow that some are left for the second kill.
    let copy = "retry_for = \"3s\"\nmax_write_rate = \"500KB/s\"";
    let ferry = Ferry::with_plan(PLAN, &plan(server.uri(), target.uri(), &entry, copy));
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

/// Milvus leaves the rows of a released partition out without a word when the collection is read
/// as a whole.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_partition_that_is_released_in_the_middle_of_a_copy() {
    let server = lab::server(Kind::Milvus235A);
    let probe = Probe::of(server).await.in_new_database().await;
    let collection = plain("drowsy", DataType::Int64).dynamic().partitions(&["east", "west"]);
    let table = data::table(&collection, 12_000, 22).spread_over(&["east", "west"]);
    probe.fill(&collection, &table).await;
    let relay = Relay::with_rule(server, |call| match call.rpc {
        "Query" => Act::Delay(Duration::from_millis(100)),
        _ => Act::Forward,
    });
    let target = lab::server(Kind::Milvus235B);
    let there = Probe::of(target).await;
    for partitions in ["merge", "keep"] {
        let name = lab::unique_name("drowsy");
        let entry = format!(
            "[[collections]]\nsource = \"drowsy\"\nsource_database = \"{}\"\ntarget = \"{name}\"\n\
             partitions = \"{partitions}\"\n",
            probe.database()
        );
        let ferry = Ferry::with_plan(PLAN, &plan(&relay.uri(), target.uri(), &entry, ""));
        let ledger = LedgerFile::of(&ferry);
        let mut run = ferry.spawn(&["apply", PLAN, "--yes"]);
        run.wait_until(PATIENCE, || ledger.chunks_done() >= 3);
        probe.release_partitions("drowsy", &["west"]).await;
        let outcome = run.wait(PATIENCE).expect_code(5);
        assert_says(&outcome, RESUME);
        probe.load("drowsy").await;
        // It calls itself loaded seconds before its rows can be read: the tool waits for them.
        ferry.run(&["apply", PLAN, "--yes"]).expect_code(0);
        let read = there.read_all(&name, &table.keys(), &[]).await;
        let mut expected = table.clone();
        expected.rows.iter_mut().for_each(|row| row.partition.clear());
        assert_same(&expected, &read);
        there.drop_collection(&name).await;
    }
}
