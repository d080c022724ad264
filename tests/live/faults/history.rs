//! What earlier runs did, and what became of it since: changed plan files, dropped and replaced
//! targets, lost ledgers.

use super::world::{self, PLAN, Trip, assert_says};
use testkit::collection::plain;
use testkit::data;
use testkit::lab::{self, Kind};
use testkit::pb::schema::DataType;
use testkit::relay::{Act, Relay};
use testkit::table::assert_same;

/// A trip that stopped after a few chunks; the relay goes with it.
async fn half_way(more: &str) -> (Trip, Relay) {
    let target = lab::server(Kind::Milvus235B);
    let relay = Relay::with_rule(target, |call| match (call.rpc, call.number) {
        ("Insert", 6..) => Act::write_denied(),
        _ => Act::Forward,
    });
    let from = lab::server(Kind::Milvus235A).uri();
    let trip = Trip::between(world::rows().await, from, target, &relay.uri(), more, "").await;
    trip.apply().expect_code(5);
    assert!(trip.ledger().chunks_done() >= 4);
    relay.set_rule(|_| Act::Forward);
    (trip, relay)
}

/// `plan` and `apply` end with 1 and say these things.
#[track_caller]
fn refused(trip: &Trip, says: &[&str]) {
    for outcome in [trip.plan(), trip.apply()] {
        let outcome = outcome.expect_code(1);
        for what in says {
            assert_says(&outcome, what);
        }
    }
}

/// The plan file with one text in the place of another.
fn edit(trip: &Trip, from: &str, to: &str) {
    let text = trip.ferry.read(PLAN);
    assert!(text.contains(from));
    trip.ferry.write(PLAN, &text.replace(from, to));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_plan_file_that_changed_half_way() {
    let (trip, relay) = half_way("description = \"old words\"").await;
    let inserts = relay.count("Insert");
    edit(&trip, "old words", "new words");
    refused(&trip, &["description", "old words", "new words"]);
    edit(&trip, "description = \"new words\"", "dynamic_field = false\ndrop_dynamic_data = true");
    refused(&trip, &["dynamic_field"]);
    assert_eq!(relay.count("Insert"), inserts);
    // How it is copied may change; what it becomes may not.
    edit(&trip, "dynamic_field = false\ndrop_dynamic_data = true", "description = \"old words\"");
    edit(&trip, "chunk_size = \"64KiB\"", "chunk_size = \"1MiB\"\nparallelism = 4");
    trip.apply().expect_code(0);
    trip.assert_exact().await;
    trip.clear().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_target_that_was_dropped_is_made_anew() {
    for finished in [true, false] {
        let (trip, _relay) = half_way("").await;
        if finished {
            trip.apply().expect_code(0);
        }
        trip.probe.drop_collection(&trip.target).await;
        let outcome = trip.ferry.run(&["plan", PLAN, "--detailed-exitcode"]).expect_code(2);
        assert_says(&outcome, "made and filled anew");
        trip.apply().expect_code(0);
        trip.assert_exact().await;
        assert_says(&trip.apply().expect_code(0), "Nothing to do");
        trip.clear().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_target_that_somebody_else_made_anew() {
    for finished in [true, false] {
        let (trip, relay) = half_way("").await;
        if finished {
            trip.apply().expect_code(0);
        }
        trip.probe.drop_collection(&trip.target).await;
        // The same schema: only its id says that it is another collection.
        let foreign = plain(&trip.target, DataType::Int64).dynamic();
        let table = data::table_of(&foreign, &data::key_range(500_000..500_100), 61);
        trip.probe.fill(&foreign, &table).await;
        let writes = relay.count("Insert") + relay.count("Upsert");
        refused(&trip, &["not the one that an earlier run made", "adopt"]);
        assert_eq!(relay.count("Insert") + relay.count("Upsert"), writes);
        let read = trip.probe.read_all(&trip.target, &table.keys(), &[]).await;
        assert_same(&table, &read);
        // Adopted, it keeps its own rows and gets ours.
        edit(&trip, "[[collections]]\n", "[[collections]]\nexisting = \"adopt\"\n");
        trip.apply().expect_code(0);
        let all = trip.source.table.clone().followed_by(&table);
        let read = trip.probe.read_all(&trip.target, &all.keys(), &[]).await;
        assert_same(&all, &read);
        trip.clear().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_ledger_that_was_lost() {
    let (trip, relay) = half_way("").await;
    trip.apply().expect_code(0);
    lose_ledger(&trip);
    refused(&trip, &["no run recorded in this ledger made it", "--state", "adopt"]);
    edit(&trip, "[[collections]]\n", "[[collections]]\nexisting = \"adopt\"\n");
    written_by_key(trip, &relay, &[]).await;
}

/// The mark of a run whose ledger is lost stays at the target: nobody else writes there, unless told.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_ledger_that_was_lost_half_way() {
    let (trip, relay) = half_way("").await;
    lose_ledger(&trip);
    for outcome in [trip.plan(), trip.apply()] {
        let outcome = outcome.expect_code(8);
        assert_says(&outcome, "another run is filling");
        assert_says(&outcome, "--take-over");
    }
    let target = trip.target.clone();
    written_by_key(trip, &relay, &["--take-over", &target]).await;
}

fn lose_ledger(trip: &Trip) {
    std::fs::remove_dir_all(trip.ferry.path(".milvus-ferry")).unwrap();
}

/// An `apply` with these options converges without an insert, which could double a row.
async fn written_by_key(trip: Trip, relay: &Relay, options: &[&str]) {
    let inserts = relay.count("Insert");
    trip.ferry.run(&[&["apply", PLAN, "--yes"], options].concat()).expect_code(0);
    assert_eq!(relay.count("Insert"), inserts, "an insert doubles the rows that are there");
    trip.assert_exact().await;
    assert_says(&trip.apply().expect_code(0), "Nothing to do");
    trip.clear().await;
}
