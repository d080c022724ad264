//! Plan files that ask for what is not there, and runs that must not begin. Nothing is written.

use super::world::{self, LedgerFile, PATIENCE, PLAN, RESUME, Trip, assert_says, plan};
use testkit::collection::{Collection, plain};
use testkit::data;
use testkit::ferry::Ferry;
use testkit::lab::{self, Kind};
use testkit::pb::common::LoadState;
use testkit::pb::schema::DataType;
use testkit::probe::Probe;
use testkit::relay::{Act, Relay};
use testkit::table::{Table, Value, assert_same};

/// A folder with a plan file between the two shared servers.
fn between_the_shared(entries: &str) -> Ferry {
    let (from, to) = (lab::server(Kind::Milvus235A), lab::server(Kind::Milvus235B));
    Ferry::with_plan(PLAN, &plan(from.uri(), to.uri(), entries, ""))
}

/// `plan` and `apply` end with 1 and say these things.
#[track_caller]
fn refused(ferry: &Ferry, says: &[&str]) {
    for arguments in [&["plan", PLAN][..], &["apply", PLAN, "--yes"]] {
        let outcome = ferry.run(arguments).expect_code(1);
        for what in says {
            assert_says(&outcome, what);
        }
    }
    assert_eq!(LedgerFile::of(ferry).number("SELECT count(*) FROM runs"), 0);
}

/// A new collection in a new database of the source server.
async fn new_source(collection: &Collection, table: &Table) -> Probe {
    let probe = Probe::of(lab::server(Kind::Milvus235A)).await.in_new_database().await;
    probe.fill(collection, table).await;
    probe
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn names_that_are_not_there_are_said_all_at_once() {
    let rows = world::rows().await;
    let good = lab::unique_name("rows");
    let entries = format!(
        "{}
         [[collections]]\nsource = \"x\"\nsource_database = \"no_such_database\"
         [[collections]]\nsource = \"no_such_collection\"\nsource_database = \"{database}\"
         [[collections]]\nsource = \"none_*\"\nsource_database = \"{database}\"\n\
         target = \"{{{{ name }}}}_b\"",
        rows.entry(&good, ""),
        database = rows.database
    );
    refused(
        &between_the_shared(&entries),
        &["no_such_database", "no_such_collection", "none_*", "catalog.ferry.toml:"],
    );
    let target = Probe::of(lab::server(Kind::Milvus235B)).await;
    assert!(!target.has_collection(&good).await, "the good one of a refused plan was moved");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn two_globs_onto_one_target() {
    let collection = plain("twin_a", DataType::Int64);
    let table = data::table(&collection, 10, 51);
    let probe = new_source(&collection, &table).await;
    let twin = Collection { name: "twin_b".to_owned(), ..collection };
    probe.fill(&twin, &table).await;
    let entry = |glob: &str, target: &str| {
        format!(
            "[[collections]]\nsource = \"{glob}\"\nsource_database = \"{}\"\ntarget = \"{target}\"\n",
            probe.database()
        )
    };
    let target = "{{ name | replace('_a', '') | replace('_b', '') }}";
    let overlap = entry("twin_*", target);
    refused(
        &between_the_shared(&overlap),
        &["would land here", "twin_a", "twin_b", "default/twin"],
    );
    let apart = entry("twin_a*", "same_{{ name }}") + &entry("twin_[ab]", "same_{{ name }}");
    refused(&between_the_shared(&apart), &["would land here", "default/same_twin_a"]);
    assert!(!Probe::of(lab::server(Kind::Milvus235B)).await.has_collection("twin").await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_source_that_is_not_loaded() {
    let collection = plain("asleep", DataType::Int64).partitions(&["east", "west"]);
    let table = data::table(&collection, 3_000, 52).spread_over(&["east", "west", "_default"]);
    let probe = new_source(&collection, &table).await;
    let target = lab::unique_name("asleep");
    let ferry = between_the_shared(&format!(
        "[[collections]]\nsource = \"asleep\"\nsource_database = \"{}\"\ntarget = \"{target}\"\n",
        probe.database()
    ));
    // One partition is enough: a query would leave its rows out without a word.
    probe.release_partitions("asleep", &["west"]).await;
    refused(&ferry, &["partitions are not loaded: west"]);
    probe.release("asleep").await;
    refused(&ferry, &["not loaded", "asleep"]);
    let there = Probe::of(lab::server(Kind::Milvus235B)).await.with_own(&target);
    assert!(!there.has_collection(&target).await);

    // Allowed to load it, the run does, and leaves it as it was found.
    ferry.write(PLAN, &ferry.read(PLAN).replace("[target]", "load = true\n[target]"));
    ferry.run(&["apply", PLAN, "--yes"]).expect_code(0);
    assert_eq!(probe.load_state("asleep", &[]).await, LoadState::NotLoad);
    assert_eq!(there.load_state(&target, &[]).await, LoadState::NotLoad);
    there.load(&target).await;
    let read = there.read_all(&target, &table.keys(), &[]).await;
    let mut expected = table;
    expected.rows.iter_mut().for_each(|row| row.partition.clear());
    assert_same(&expected, &read);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn without_a_terminal_it_has_to_be_told_yes() {
    let trip = Trip::new(world::rows().await, "").await;
    let outcome = trip.ferry.run(&["apply", PLAN]).expect_code(64);
    assert_says(&outcome, "--yes");
    assert!(!trip.probe.has_collection(&trip.target).await);
    assert_eq!(trip.ledger().number("SELECT count(*) FROM runs"), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn two_runs_of_one_plan() {
    let target = lab::server(Kind::Milvus235B);
    let relay = Relay::with_rule(target, |call| {
        if call.rpc == "Insert" && call.number > 2 { Act::Hang } else { Act::Forward }
    });
    let from = lab::server(Kind::Milvus235A).uri();
    let trip = Trip::between(world::rows().await, from, target, &relay.uri(), "", "").await;
    let mut first = trip.spawn();
    first.wait_until(PATIENCE, || relay.count("Insert") > 3);
    let calls = relay.count("Insert");
    let second = trip.apply().expect_code(8);
    assert_says(&second, &format!("process {}", first.pid()));
    assert_eq!(relay.count("Insert"), calls, "the second run wrote");
    trip.plan().expect_code(0);
    // A killed run holds no lock.
    first.kill();
    relay.set_rule(|_| Act::Forward);
    trip.apply().expect_code(0);
    trip.assert_exact().await;
    trip.clear().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn dynamic_data_that_appears_behind_the_plan() {
    let collection = plain("loose", DataType::Int64).dynamic();
    let mut table = data::table(&collection, 6_000, 53);
    let meta = table.column("$meta");
    for row in &mut table.rows {
        row.values[meta] = Value::Json(b"{}".to_vec());
    }
    let source = new_source(&collection, &table).await;
    let server = lab::server(Kind::Milvus235B);
    let relay = Relay::with_rule(server, |call| match (call.rpc, call.number) {
        ("Insert", 3..) => Act::write_denied(),
        _ => Act::Forward,
    });
    let target = lab::unique_name("loose");
    let entry = format!(
        "[[collections]]\nsource = \"loose\"\nsource_database = \"{}\"\ntarget = \"{target}\"\n\
         dynamic_field = false\n",
        source.database()
    );
    let from = lab::server(Kind::Milvus235A).uri();
    let ferry = Ferry::with_plan(PLAN, &plan(from, &relay.uri(), &entry, ""));
    let apply = || ferry.run(&["apply", PLAN, "--yes"]);
    apply().expect_code(5);
    relay.set_rule(|_| Act::Forward);

    let last = table.rows.len() - 1;
    let mut late = Table { columns: table.columns.clone(), rows: vec![table.rows[last].clone()] };
    late.rows[0].values[meta] = Value::Json(br#"{"colour": "red"}"#.to_vec());
    source.upsert("loose", &late).await;
    let outcome = apply().expect_code(5);
    assert_says(&outcome, "1 rows in");
    assert_says(&outcome, "dynamic_field = false would lose");
    assert_says(&outcome, RESUME);

    late.rows[0].values[meta] = Value::Json(b"{}".to_vec());
    source.upsert("loose", &late).await;
    apply().expect_code(0);
    let there = Probe::of(server).await.with_own(&target);
    let read = there.read_all(&target, &table.keys(), &[]).await;
    assert_same(&table.without("$meta"), &read);
}
