//! The migration in small: what each step says, what is left behind, and what is never touched.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value as Json;

use testkit::collection::{Collection, plain};
use testkit::data;
use testkit::ferry::{Running, says};
use testkit::lines::everything_26;
use testkit::pb::common::LoadState;
use testkit::pb::schema::DataType;
use testkit::relay::{Act, Call, Relay};
use testkit::scene::{PLAN, doubles::Doubles, entry, expect_words};
use testkit::table::Table;

const PATIENCE: Duration = Duration::from_secs(60);
const REHEARSE: [&str; 5] = ["rehearse", PLAN, "--yes", "--format", "json"];
const PREFIX: &str = "ferry_rehearsal_";

fn things() -> (Collection, Table) {
    let things = plain("things", DataType::Int64);
    let rows = data::table(&things, 300, 1);
    (things, rows)
}

async fn scene(settings: &str) -> Doubles {
    let scene = Doubles::between("2.6.20", "2.6.20").await;
    let (things, rows) = things();
    scene.source.fill(&things, &rows).await;
    scene.plan_one("things", settings);
    scene.from.forget_calls();
    scene.to.forget_calls();
    scene
}

/// The status of a step of the first collection, and what is said of it.
fn step(report: &Json, name: &str) -> (String, String) {
    let steps = report["collections"][0]["steps"].as_array().unwrap();
    let step = steps.iter().find(|step| step["step"] == name).unwrap();
    (step["status"].as_str().unwrap().to_owned(), step["text"].as_str().unwrap().to_owned())
}

fn status(report: &Json, name: &str) -> String {
    step(report, name).0
}

/// The name of the scratch collection of the first collection.
fn scratch(report: &Json) -> String {
    let address = report["collections"][0]["scratch"].as_str().unwrap();
    address.split_once('/').unwrap().1.to_owned()
}

/// The scratch collections that are at the target.
fn left(scene: &Doubles) -> Vec<String> {
    let mut names: Vec<String> = scene.to.double().change_state(|state| {
        let databases = state.databases.values();
        databases.flat_map(|database| database.collections.keys().cloned()).collect()
    });
    names.retain(|name| name.starts_with(PREFIX));
    names
}

/// Nothing is left, and the source was only read.
fn nothing_is_left(scene: &Doubles) {
    assert_eq!(left(scene), Vec::<String>::new());
    let writes = scene.from.calls().into_iter().filter(|call| {
        ["Create", "Insert", "Upsert", "Delete", "Drop", "Alter", "Load", "Release", "Flush"]
            .iter()
            .any(|begin| call.rpc.starts_with(begin))
    });
    assert_eq!(writes.count(), 0);
}

async fn rehearse(scene: &Doubles, code: i32) -> Json {
    scene.run(&REHEARSE).await.expect_code(code).json()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_step_is_ok() {
    let scene = scene("").await;
    let report = rehearse(&scene, 0).await;
    assert_eq!(report["verdict"]["word"], "ok");
    let ok = [
        "read_rows",
        "create_collection",
        "write_rows",
        "create_indexes",
        "load",
        "compare_rows",
        "upsert",
        "delete",
        "search",
        "drop_collection",
    ];
    for name in ok {
        assert_eq!(status(&report, name), "ok", "{report:#}");
    }
    for name in ["create_partitions", "insert_without_key"] {
        assert_eq!(status(&report, name), "skipped", "{report:#}");
    }
    assert_eq!(step(&report, "compare_rows").1, "300 rows the same");
    assert_eq!(report["collections"][0]["measured"]["rows"], 300);
    assert_eq!(report["collections"][0]["estimate"]["rows"], 300);
    nothing_is_left(&scene);
    // What the plan is about was not touched.
    assert!(!scene.target.has_collection("things").await);
    scene.to.forget_calls();
    scene.converge().await;
}

/// Where the target makes up keys, rows bring theirs, none is upserted, and an insert without a key is
/// tried.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_insert_without_a_key_is_tried_where_the_target_makes_them_up() {
    let scene = Doubles::between("2.6.20", "2.6.20").await;
    for kind in [DataType::Int64, DataType::VarChar] {
        let mut things = plain("things", kind);
        things.fields[0].auto_id = true;
        scene.source.fill(&things, &data::table(&things, 120, 3)).await;
        scene.plan_one("things", "");
        scene.from.forget_calls();
        scene.to.forget_calls();
        let report = rehearse(&scene, 0).await;
        assert_eq!(step(&report, "compare_rows").1, "120 rows the same");
        assert_eq!(status(&report, "insert_without_key"), "ok", "{report:#}");
        assert_eq!(status(&report, "upsert"), "skipped", "{report:#}");
        assert_eq!(scene.to.count("Upsert"), 0);
        nothing_is_left(&scene);
        scene.source.drop_collection("things").await;
    }
}

/// A sample of every type, with nulls and empty arrays, of each partition.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_type_in_partitions() {
    let scene = Doubles::between("2.6.20", "2.6.20").await;
    let all = everything_26("all", DataType::VarChar).partitions(&["north", "south"]);
    let rows = data::table(&all, 400, 7).spread_over(&["_default", "north", "south"]);
    scene.source.fill(&all, &rows).await;
    scene.plan_one("all", "");
    scene.from.forget_calls();
    let arguments = ["rehearse", PLAN, "--yes", "--rows", "90", "--format", "json"];
    let report = scene.run(&arguments).await.expect_code(0).json();
    assert_eq!(status(&report, "create_partitions"), "ok", "{report:#}");
    let written = report["collections"][0]["measured"]["rows"].as_u64().unwrap();
    assert!((60..=90).contains(&written), "{written}");
    nothing_is_left(&scene);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_index_is_named_and_the_rest_goes_on() {
    let scene = scene("").await;
    let (other, rows) = (plain("other", DataType::Int64), 120);
    let rows = data::table(&other, rows, 1);
    scene.source.fill(&other, &rows).await;
    scene.plan_file(&format!("{}\n{}", entry("other", ""), entry("things", "")));
    scene.to.refuse_once("CreateIndex", 0, 1100, "nlist should be in range: invalid parameter");
    scene.from.forget_calls();
    let report = rehearse(&scene, 6).await;
    let (status_of, text) = step(&report, "create_indexes");
    assert_eq!(status_of, "failed");
    assert!(text.contains("nlist should be in range"), "{text}");
    assert!(
        report["collections"][0]["steps"][4]["advice"]
            .as_str()
            .unwrap()
            .contains("indexes.embedding")
    );
    // Without its index it cannot be loaded, and the second collection has every step.
    assert_eq!(status(&report, "compare_rows"), "skipped");
    let second = &report["collections"][1]["steps"];
    assert!(second.as_array().unwrap().iter().all(|step| step["status"] != "failed"), "{second:#}");
    nothing_is_left(&scene);
}

/// Whatever is sent, the rows are named that the target does not take; the other steps are tried.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_that_are_refused_are_named() {
    let scene = scene("").await;
    scene.to.refuse("Insert", 1100, "the length (600) of string exceeds max length (500)");
    let report = rehearse(&scene, 6).await;
    let (status_of, words) = step(&report, "write_rows");
    assert_eq!(status_of, "failed", "{report:#}");
    assert!(words.contains("refuses 3 rows: key "), "{words}");
    assert!(words.contains("exceeds max length"), "{words}");
    assert_eq!(status(&report, "create_indexes"), "ok");
    assert_eq!(status(&report, "load"), "ok");
    assert_eq!(status(&report, "compare_rows"), "skipped");
    nothing_is_left(&scene);
    // A request that is too much at once is sent in parts.
    scene.to.forget_refusals();
    scene.to.refuse_once("Insert", 0, 1100, "message larger than max");
    let report = rehearse(&scene, 0).await;
    assert_eq!(report["collections"][0]["measured"]["rows"], 300);
}

/// In however many partitions rows are refused: three are named, and no more are sent.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_more_than_three_refused_rows_are_looked_for() {
    let scene = Doubles::between("2.6.20", "2.6.20").await;
    let names: Vec<String> = (0..12).map(|number| format!("p{number}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let parted = plain("parted", DataType::Int64).partitions(&names);
    let rows = data::table(&parted, 240, 6).spread_over(&names);
    scene.source.fill(&parted, &rows).await;
    scene.plan_one("parted", "");
    scene.to.refuse("Insert", 1100, "the length (600) of string exceeds max length (500)");
    let report = rehearse(&scene, 6).await;
    let (_, words) = step(&report, "write_rows");
    assert!(words.contains("refuses 3 rows: key ") && words.contains("no more rows"), "{words}");
    // The halves of one batch, down to the three rows.
    assert!(scene.to.count("Insert") <= 12, "{}", scene.to.count("Insert"));
    assert_eq!(left(&scene), Vec::<String>::new());
}

/// A text that the target's field is too short for.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_field_that_is_too_short_is_named() {
    let scene = scene("fields.text = { max_length = 499 }").await;
    let outcome = scene.run(&["rehearse", PLAN, "--yes"]).await.expect_code(1);
    expect_words(&outcome, &["max_length_narrowed", "not rehearsed"]);
    scene.nothing_was_written();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_missing_privilege_is_said() {
    let scene = scene("").await;
    scene.to.refuse("Upsert", 1401, "PrivilegeUpsert: permission deny for the user");
    let outcome = scene.run(&["rehearse", PLAN, "--yes"]).await.expect_code(6);
    expect_words(
        &outcome,
        &["upsert a row FAILED", "PrivilegeUpsert", "grant the named privilege"],
    );
    nothing_is_left(&scene);
}

/// The target drops nothing: that is said, and the next rehearsal does it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_deleted_is_named() {
    let scene = scene("").await;
    scene.to.refuse("DropCollection", 1401, "PrivilegeDropCollection: permission deny");
    let outcome = scene.run(&["rehearse", PLAN, "--yes"]).await.expect_code(6);
    expect_words(&outcome, &["delete the scratch collection FAILED", "is left at the target"]);
    assert_eq!(left(&scene).len(), 1);
    scene.to.forget_refusals();
    rehearse(&scene, 0).await;
    nothing_is_left(&scene);
}

/// A rehearsal that hangs in its first call of this kind; later calls do not.
async fn hanging_in(scene: &Doubles, rpc: &'static str) -> (Running, Relay) {
    let reached = Arc::new(Mutex::new(false));
    let shared = Arc::clone(&reached);
    let relay = Relay::to(&scene.to.uri(), move |call: &Call| {
        if call.rpc == rpc {
            *shared.lock().unwrap() = true;
            return Act::Delay(Duration::from_secs(3_600));
        }
        Act::Forward
    });
    let plan = scene.ferry.read(PLAN);
    scene.ferry.write(PLAN, &plan.replace(&scene.to.uri(), &relay.uri()));
    let mut run = scene.ferry.spawn(&["rehearse", PLAN, "--yes"]);
    tokio::task::block_in_place(|| run.wait_until(PATIENCE, || *reached.lock().unwrap()));
    scene.ferry.write(PLAN, &plan);
    relay.set_rule(|_| Act::Forward);
    (run, relay)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_rehearsal_is_cleaned_up_by_the_next_one() {
    let scene = scene("").await;
    let (run, _relay) = hanging_in(&scene, "Insert").await;
    tokio::task::block_in_place(|| run.kill());
    assert_eq!(left(&scene).len(), 1);
    // Another plan's rehearsal leaves it alone.
    let other = format!("name = \"other\"\n{}", scene.ferry.read(PLAN));
    scene.ferry.write("other.ferry.toml", &other);
    let said =
        scene.run(&["rehearse", "other.ferry.toml", "--clean", "--yes"]).await.expect_code(0);
    assert!(says(&said, "Nothing to delete"));
    assert_eq!(left(&scene).len(), 1);
    let said = scene.run(&["rehearse", PLAN, "--yes"]).await.expect_code(0);
    expect_words(&said, &["Deletes what an earlier rehearsal", PREFIX]);
    nothing_is_left(&scene);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn or_by_cleaning() {
    let scene = scene("").await;
    let (run, _relay) = hanging_in(&scene, "LoadCollection").await;
    tokio::task::block_in_place(|| run.kill());
    let unasked = scene.run(&["rehearse", PLAN, "--clean"]).await.expect_code(64);
    expect_words(&unasked, &[PREFIX, "--yes"]);
    assert_eq!(left(&scene).len(), 1);
    let said = scene.run(&["rehearse", PLAN, "--clean", "--yes"]).await.expect_code(0);
    expect_words(&said, &["Deleted 1 collection"]);
    nothing_is_left(&scene);
    let said = scene.run(&["rehearse", PLAN, "--clean", "--yes"]).await.expect_code(0);
    assert!(says(&said, "Nothing to delete"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_signal_ends_it_and_nothing_is_left() {
    for (signal, rpc) in [("INT", "Insert"), ("TERM", "CreateIndex")] {
        let scene = scene("").await;
        let (run, _relay) = hanging_in(&scene, rpc).await;
        run.signal(signal);
        let outcome = tokio::task::block_in_place(|| run.wait(PATIENCE)).expect_code(130);
        expect_words(&outcome, &["Interrupted"]);
        nothing_is_left(&scene);
    }
}

/// A collection that somebody else gave the name of a scratch collection.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_collection_of_others_is_left_alone() {
    let scene = scene("").await;
    let (one, other) = (rehearse(&scene, 0).await, rehearse(&scene, 0).await);
    assert_ne!(scratch(&one), scratch(&other), "each rehearsal has names of its own");
    let name = scratch(&one);
    let (mut foreign, _) = things();
    foreign.name.clone_from(&name);
    foreign.description = "Scratch collection of somebody".to_owned();
    let rows = data::table(&foreign, 50, 3);
    scene.target.fill(&foreign, &rows).await;
    rehearse(&scene, 0).await;
    let said = scene.run(&["rehearse", PLAN, "--clean", "--yes"]).await.expect_code(0);
    expect_words(&said, &["Nothing to delete", "Leaves alone", &name, "not made by a rehearsal"]);
    assert_eq!(scene.target.count(&name, &[]).await, 50);
}

/// Two rehearsals of one plan from two folders of state: neither takes what the other works with.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_from_another_folder_leaves_it_alone() {
    let scene = scene("").await;
    let elsewhere = ["rehearse", PLAN, "--yes", "--state", "elsewhere"];
    let (run, _relay) = hanging_in(&scene, "Insert").await;
    let at_work = left(&scene);
    assert_eq!(at_work.len(), 1);
    let said = scene.run(&elsewhere).await.expect_code(0);
    expect_words(&said, &["Leaves alone", &at_work[0], "with another --state", "may be at work"]);
    let clean = ["rehearse", PLAN, "--clean", "--yes", "--state", "elsewhere"];
    expect_words(&scene.run(&clean).await.expect_code(0), &["Nothing to delete", &at_work[0]]);
    assert_eq!(left(&scene), at_work);
    // Its own folder knows it, when it was killed.
    tokio::task::block_in_place(|| run.kill());
    let said = scene.run(&["rehearse", PLAN, "--clean", "--yes"]).await.expect_code(0);
    expect_words(&said, &["Deleted 1 collection", &at_work[0]]);
    nothing_is_left(&scene);
}

/// A folder of state that is lost: after a day it is of no rehearsal that is at work.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_lost_folder_knew_is_deleted_after_a_day() {
    let scene = scene("").await;
    let (run, _relay) = hanging_in(&scene, "Insert").await;
    tokio::task::block_in_place(|| run.kill());
    let name = left(&scene).remove(0);
    let clean = ["rehearse", PLAN, "--clean", "--yes", "--state", "elsewhere"];
    expect_words(&scene.run(&clean).await.expect_code(0), &["Nothing to delete", &name]);
    scene.to.with_collection("default", &name, |of| {
        let (before, rest) = of.schema.description.split_once('(').unwrap();
        let (seconds, behind) = rest.split_once(')').unwrap();
        let seconds = seconds.parse::<u64>().unwrap() - 24 * 3600;
        of.schema.description = format!("{before}({seconds}){behind}");
    });
    expect_words(&scene.run(&clean).await.expect_code(0), &["Deleted 1 collection", &name]);
    nothing_is_left(&scene);
}

/// A target that keeps no description (as Milvus Lite): what a killed rehearsal left is known by the
/// ledger.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_descriptions_the_ledger_knows_what_is_left() {
    let scene = scene("").await;
    let (run, _relay) = hanging_in(&scene, "Insert").await;
    tokio::task::block_in_place(|| run.kill());
    let name = left(&scene).remove(0);
    scene.to.with_collection("default", &name, |of| of.schema.description.clear());
    let clean = ["rehearse", PLAN, "--clean", "--yes", "--state", "elsewhere"];
    expect_words(&scene.run(&clean).await.expect_code(0), &["Nothing to delete", &name]);
    let said = scene.run(&["rehearse", PLAN, "--yes"]).await.expect_code(0);
    expect_words(&said, &["Deletes what an earlier rehearsal", &name]);
    nothing_is_left(&scene);
}

/// Without a terminal nothing is asked, and nothing is done.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_terminal_it_needs_a_yes() {
    let scene = scene("").await;
    let outcome = scene.run(&["rehearse", PLAN]).await.expect_code(64);
    expect_words(&outcome, &["give --yes to rehearse", "default/things"]);
    scene.nothing_was_written();
}

/// What `apply` would refuse is not rehearsed, and the others are.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_conflict_is_shown_and_the_others_are_rehearsed() {
    let scene = scene("").await;
    let there = plain("there", DataType::Int64);
    let rows = data::table(&there, 60, 2);
    scene.source.fill(&there, &rows).await;
    scene.target.fill(&there, &rows).await;
    scene.from.forget_calls();
    scene.plan_file(&format!("{}\n{}", entry("there", ""), entry("things", "")));
    let outcome = scene.run(&["rehearse", PLAN, "--yes"]).await.expect_code(1);
    expect_words(&outcome, &["target_exists", "not rehearsed", "1 of 2 collections rehearsed"]);
    nothing_is_left(&scene);
    assert_eq!(scene.target.count("there", &[]).await, 60);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_source_is_loaded_only_where_the_plan_says_so() {
    let scene = scene("").await;
    scene.source.release("things").await;
    scene.from.forget_calls();
    scene.plan_file_with("load = true", &entry("things", ""));
    let outcome = scene.run(&["rehearse", PLAN, "--yes"]).await.expect_code(0);
    expect_words(&outcome, &["loaded for it and released afterwards"]);
    assert_eq!(scene.source.load_state("things", &[]).await, LoadState::NotLoad);
    assert_eq!(left(&scene), Vec::<String>::new());
    scene.from.forget_calls();
    scene.plan_one("things", "");
    let outcome = scene.run(&["rehearse", PLAN, "--yes"]).await.expect_code(1);
    expect_words(&outcome, &["not rehearsed"]);
    nothing_is_left(&scene);
}

/// Somebody else loads the source just now: it is waited for, and stays loaded.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_source_that_others_load_stays_loaded() {
    let scene = scene("").await;
    scene.plan_file_with("load = true", &entry("things", ""));
    scene.from.with_collection("default", "things", |things| things.loading = 12);
    scene.run(&["rehearse", PLAN, "--yes"]).await.expect_code(0);
    assert_eq!(scene.source.load_state("things", &[]).await, LoadState::Loaded);
    assert_eq!((scene.from.count("LoadCollection"), scene.from.count("ReleaseCollection")), (0, 0));
    assert_eq!(left(&scene), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_empty_collection_is_made_and_loaded() {
    let scene = Doubles::between("2.6.20", "2.6.20").await;
    let (things, _) = things();
    scene.source.create_collection(&things).await;
    scene.source.build_and_load(&things).await;
    scene.plan_one("things", "");
    scene.from.forget_calls();
    let report = rehearse(&scene, 0).await;
    assert_eq!(step(&report, "read_rows"), ("skipped".into(), "the collection is empty".into()));
    assert_eq!(status(&report, "load"), "ok");
    assert_eq!(status(&report, "compare_rows"), "skipped");
    nothing_is_left(&scene);
}

/// A key that no filter of the target can name.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_name_that_no_filter_takes_is_a_conflict() {
    let scene = Doubles::between("2.4.17", "2.6.20").await;
    let mut things = plain("things", DataType::Int64);
    things.fields[0].name = "interval".to_owned();
    scene.source.fill(&things, &data::table(&things, 80, 5)).await;
    scene.plan_one("things", "");
    scene.to.forget_calls();
    let outcome = scene.run(&["rehearse", PLAN, "--yes"]).await.expect_code(1);
    expect_words(&outcome, &["name_unfit", "fields.interval.rename", "not rehearsed"]);
    scene.nothing_was_written();
    scene.plan_one("things", "[collections.fields]\ninterval = { rename = \"key\" }");
    let report = rehearse(&scene, 0).await;
    assert_eq!(step(&report, "compare_rows").1, "80 rows the same");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_of_this_plan_keeps_it_away() {
    let scene = scene("").await;
    let (run, _relay) = hanging_in(&scene, "Insert").await;
    scene.run(&["rehearse", PLAN, "--yes"]).await.expect_code(8);
    tokio::task::block_in_place(|| run.kill());
}
