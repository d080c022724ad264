//! What a rehearsal on real servers finds before a migration does: a row that is too long, an index that
//! is refused, a name that no filter takes. It leaves nothing behind, also when it is killed.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::Value as Json;

use super::{REHEARSE, collections};
use testkit::collection::{Collection, Index, key, plain, var_char, vector};
use testkit::data;
use testkit::ferry::{Running, says};
use testkit::lab::{Kind, server};
use testkit::pb::schema::DataType;
use testkit::relay::{Act, Call, Relay};
use testkit::scene::{PLAN, Scene, expect_words};
use testkit::table::Value;

const PATIENCE: Duration = Duration::from_secs(120);
const PREFIX: &str = "ferry_rehearsal_";

/// With texts of at most so many bytes.
fn things(bytes: u32) -> Collection {
    let fields = vec![
        key(DataType::Int64),
        var_char("text", bytes),
        vector("embedding", DataType::FloatVector, 8),
    ];
    Collection::new("things", fields).index(Index::new("embedding", "FLAT", "L2", ""))
}

fn step<'a>(report: &'a Json, name: &str) -> &'a Json {
    let steps = report["collections"][0]["steps"].as_array().unwrap();
    steps.iter().find(|step| step["step"] == name).unwrap()
}

fn text(report: &Json, name: &str) -> String {
    let step = step(report, name);
    assert_eq!(step["status"], "failed", "{report:#}");
    format!("{} {}", step["text"].as_str().unwrap(), step["advice"].as_str().unwrap())
}

/// Milvus Lite 3 counts the characters of a text, and Milvus 2.3.5 its bytes. The row is short, and one of
/// many: it is found because its key is the highest.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_row_that_is_too_long() {
    let scene = Scene::between(Kind::Lite3, Kind::Milvus235B).await;
    let things = things(20);
    let mut rows = data::table_of(&things, &data::key_range(0..400), 5);
    let column = rows.column("text");
    for row in &mut rows.rows {
        row.values[column] = Value::Text("short".to_owned());
    }
    rows.rows.last_mut().unwrap().values[column] = Value::Text("ä".repeat(20));
    scene.source.fill(&things, &rows).await;
    scene.plan_one("things", "");
    let before = collections(&scene.target).await;
    let report = scene.run(&REHEARSE).await.expect_code(6).json();
    let words = text(&report, "write_rows");
    for word in ["refuses 1 row", "key 399", "the field text takes 20 bytes", "has 40"] {
        assert!(words.contains(word), "no {word:?} in {words}");
    }
    // All others are written, and every other step is tried.
    assert_eq!(report["collections"][0]["measured"]["rows"], 399);
    assert_eq!(step(&report, "compare_rows")["status"], "ok", "{report:#}");
    assert_eq!(collections(&scene.target).await, before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_index_that_will_be_refused() {
    let scene = Scene::new().await;
    let things = things(200);
    scene.source.fill(&things, &data::table(&things, 300, 5)).await;
    scene.plan_one(
        "things",
        "indexes.embedding = { type = \"HNSW\", metric = \"L2\", params = { M = 4096, \
         efConstruction = 64 } }",
    );
    let before = collections(&scene.target).await;
    let report = scene.run(&REHEARSE).await.expect_code(6).json();
    let words = text(&report, "create_indexes");
    for word in ["M", "range", "`indexes.embedding`"] {
        assert!(words.contains(word), "no {word:?} in {words}");
    }
    assert_eq!(step(&report, "write_rows")["status"], "ok", "{report:#}");
    assert_eq!(collections(&scene.target).await, before);
    let said = scene.run(&["rehearse", PLAN, "--yes"]).await.expect_code(6);
    expect_words(&said, &["create indexes FAILED", "range"]);
}

/// Milvus 2.3.5 makes a field of such a name, and refuses every filter on it: the words are known, and the
/// plan is refused. Those of Milvus Lite are not, and the rehearsal asks.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_name_that_no_filter_takes() {
    let things = things(200);
    let rows = data::table(&things, 300, 5);
    let rename = "[collections.fields]\nid = { rename = \"in\" }";
    let scene = Scene::new().await;
    scene.source.fill(&things, &rows).await;
    scene.plan_one("things", rename);
    let before = collections(&scene.target).await;
    let said = scene.run(&["rehearse", PLAN, "--yes"]).await.expect_code(1);
    expect_words(&said, &["name_unfit", "not rehearsed"]);
    assert_eq!(collections(&scene.target).await, before);

    let scene = Scene::between(Kind::Milvus235A, Kind::Lite3).await;
    scene.source.fill(&things, &rows).await;
    scene.plan_one("things", rename);
    let before = collections(&scene.target).await;
    let said = scene.run(&["rehearse", PLAN, "--yes"]).await;
    println!("{}\n{}", said.stderr, said.stdout);
    let said = said.expect_code(6);
    expect_words(&said, &["compare rows FAILED", "in"]);
    assert_eq!(collections(&scene.target).await, before);
}

/// A rehearsal that hangs while it writes its first rows.
async fn hanging(scene: &Scene, to: Kind) -> (Running, Relay) {
    let reached = Arc::new(AtomicBool::new(false));
    let shared = Arc::clone(&reached);
    let relay = Relay::with_rule(server(to), move |call: &Call| {
        if call.rpc == "Insert" {
            shared.store(true, Ordering::SeqCst);
            return Act::Hang;
        }
        Act::Forward
    });
    let plan = scene.ferry.read(PLAN);
    scene.ferry.write(PLAN, &plan.replace(&scene.target_uri, &relay.uri()));
    let mut run = scene.ferry.spawn(&["rehearse", PLAN, "--yes"]);
    tokio::task::block_in_place(|| run.wait_until(PATIENCE, || reached.load(Ordering::SeqCst)));
    scene.ferry.write(PLAN, &plan);
    (run, relay)
}

fn scratch(names: &[String]) -> Vec<&String> {
    names.iter().filter(|name| name.starts_with(PREFIX)).collect()
}

/// Milvus Lite 3 keeps no description: there the ledger knows what is left.
async fn killed_and_cleaned(to: Kind) {
    let scene = Scene::between(Kind::Milvus235A, to).await;
    let things = plain("things", DataType::Int64);
    scene.source.fill(&things, &data::table_of(&things, &data::key_range(0..300), 5)).await;
    scene.plan_one("things", "");
    let before = collections(&scene.target).await;
    for clean in [&["rehearse", PLAN, "--clean", "--yes"][..], &["rehearse", PLAN, "--yes"]] {
        let (run, _relay) = hanging(&scene, to).await;
        tokio::task::block_in_place(|| run.kill());
        let left = collections(&scene.target).await;
        assert_eq!(scratch(&left).len(), 1, "{left:?}");
        // From another folder of state it may be at work.
        let elsewhere = ["rehearse", PLAN, "--clean", "--yes", "--state", "elsewhere"];
        let said = scene.run(&elsewhere).await.expect_code(0);
        expect_words(&said, &["Nothing to delete", scratch(&left)[0]]);
        assert_eq!(collections(&scene.target).await, left);
        let said = scene.run(clean).await.expect_code(0);
        assert!(says(&said, scratch(&left)[0]), "{}\n{}", said.stdout, said.stderr);
        assert_eq!(collections(&scene.target).await, before);
    }
    // A signal ends it, and nothing is left.
    let (run, relay) = hanging(&scene, to).await;
    relay.set_rule(|_| Act::Forward);
    run.signal("INT");
    tokio::task::block_in_place(|| run.wait(PATIENCE)).expect_code(130);
    assert_eq!(collections(&scene.target).await, before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_left_by_one_that_was_killed() {
    killed_and_cleaned(Kind::Milvus235B).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_left_on_lite_3() {
    killed_and_cleaned(Kind::Lite3).await;
}
