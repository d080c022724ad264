//! What `apply` finds when it compares the rows that it has just copied: on doubles, whose rows change
//! between the copy and the comparison.

use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::Value as Json;

use testkit::collection::plain;
use testkit::data;
use testkit::ferry::Outcome;
use testkit::pb::schema::DataType;
use testkit::relay::{Act, Call, Relay};
use testkit::scene::{PLAN, doubles::Doubles, entry, expect_words};
use testkit::table::{Key, Table, Value};

const DIFFERENCES: &str = ".milvus-ferry/plan.differences.jsonl";
const REPORT: &str = "report.json";
const ROWS: i64 = 3_000;

/// A move whose target changes once its rows are there.
struct Spoiled {
    scene: Doubles,
    relay: Relay,
    rows: Table,
}

impl Spoiled {
    /// `spoil`: what becomes of a row of the target with this key; nothing: it goes.
    async fn new(verify: &str, spoil: fn(i64, Value) -> Option<Value>) -> Self {
        let scene = Doubles::between("2.5.4", "2.5.4").await;
        let collection =
            plain("things", DataType::Int64).property("collection.ttl.seconds", "1000000");
        let rows = data::table_of(&collection, &data::key_range(0..ROWS), 9);
        scene.source.fill(&collection, &rows).await;
        let (double, done) = (scene.to.double(), AtomicBool::new(false));
        let relay = Relay::to(&scene.to.uri(), move |call: &Call| {
            // The rows were copied, and are not compared yet.
            if call.rpc == "LoadCollection" && !done.swap(true, Ordering::SeqCst) {
                double.change_state(|state| {
                    let of = state.collection_mut("default", "things").unwrap();
                    let text = of.columns.iter().position(|one| one.field.name == "text").unwrap();
                    of.rows.retain_mut(|row| {
                        let Key::Int(key) = row.key else { panic!("{row:?}") };
                        let now = spoil(key, row.values[text].clone());
                        now.map(|now| row.values[text] = now).is_some()
                    });
                });
            }
            Act::Forward
        });
        scene.plan_file(&format!("{}\n[verify]\n{verify}", entry("things", "")));
        let plan = scene.ferry.read(PLAN).replace(&scene.to.uri(), &relay.uri());
        scene.ferry.write(PLAN, &plan);
        Self { scene, relay, rows }
    }

    async fn apply(&self) -> Outcome {
        self.scene.run(&["apply", PLAN, "--yes", "--report", REPORT]).await
    }

    fn report(&self) -> Json {
        serde_json::from_str(&self.scene.ferry.read(REPORT)).unwrap()
    }

    /// Keys of the rows that the file names.
    fn named(&self) -> Vec<i64> {
        let text = self.scene.ferry.read(DIFFERENCES);
        let lines = text.lines().map(|line| serde_json::from_str::<Json>(line).unwrap());
        let mut keys: Vec<i64> = lines.map(|line| line["key"].as_i64().unwrap()).collect();
        keys.sort_unstable();
        keys
    }

    /// Rows that were written by key.
    fn upserted(&self) -> usize {
        self.relay.calls_of("Upsert").iter().map(|call| call.rows).sum()
    }
}

/// Three rows of three ranges.
fn wrong(key: i64, text: Value) -> Option<Value> {
    Some(if [7, 1_500, 2_999].contains(&key) { Value::Text("wrong".to_owned()) } else { text })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_first_copy_is_mended_at_once_where_the_plan_file_says_so() {
    let spoiled = Spoiled::new("content = \"full\"\non_mismatch = \"repair\"", wrong).await;
    let apply = spoiled.apply().await.expect_code(0);
    expect_words(
        &apply,
        &[
            "default/things: brought up to date: 3 rows copied, 0 rows deleted",
            "Verified: every row of 1 collection (3,000 rows), value by value; 3 rows copied to \
             repair it.",
        ],
    );
    assert_eq!(spoiled.upserted(), 3);
    spoiled.scene.expect("things", &spoiled.rows).await;
    let report = spoiled.report();
    let found = &report["collections"][0]["verification"];
    assert_eq!(found["status"], "repaired");
    let content = &found["content"];
    assert_eq!(content["repair"]["copied"], 3);
    assert!(content["repair"]["bytes"].as_u64() > Some(0));
    assert_eq!(content["unequal_ranges"], 0, "they are equal by now");
    assert_eq!((&content["missing"], &content["different"]), (&0.into(), &0.into()));
    // Nothing differs any more.
    assert!(report["differences_file"].is_null());
    assert!(!spoiled.scene.ferry.path(DIFFERENCES).exists());
    spoiled.scene.nothing_to_do().await;
    spoiled.scene.run(&["verify", PLAN]).await.expect_code(0);
}

/// The numbers are the same: a row went, and another is there that nobody copied.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_first_copy_finds_is_named_and_mended_by_the_next() {
    let spoiled = Spoiled::new("counts = false\ncontent = \"full\"", |key, text| match key {
        40 => None,
        key => wrong(key, text),
    })
    .await;
    let apply = spoiled.apply().await.expect_code(6);
    expect_words(
        &apply,
        &[
            "missing at the target: 1 row, such as the one with key 40",
            "other values at the target: 3 rows",
            "All rows that differ, one JSON object a line: .milvus-ferry/plan.differences.jsonl",
            "Rows differ: default/things",
        ],
    );
    assert_eq!(spoiled.named(), [7, 40, 1_500, 2_999]);
    let report = spoiled.report();
    assert_eq!(report["differences_file"], DIFFERENCES);
    assert_eq!(report["verdict"]["word"], "different");
    assert_eq!(spoiled.upserted(), 0);
    // As `verify` says.
    let verify = spoiled.scene.run(&["verify", PLAN]).await.expect_code(6);
    let first = "Different: 1 collection — 1 row missing, 3 different.";
    assert_eq!(verify.stdout.lines().next(), Some(first));
    assert_eq!(report["verdict"]["sentence"], first);
    assert_eq!(spoiled.named(), [7, 40, 1_500, 2_999]);

    let apply = spoiled.apply().await.expect_code(0);
    expect_words(&apply, &["brought up to date: 4 rows copied, 0 rows deleted"]);
    assert_eq!(spoiled.upserted(), 4);
    assert!(!spoiled.scene.ferry.path(DIFFERENCES).exists());
    spoiled.scene.expect("things", &spoiled.rows).await;
    spoiled.scene.nothing_to_do().await;
}

/// What is found weighs more than a file that cannot be written.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_that_cannot_be_written_down_differ_all_the_same() {
    let spoiled = Spoiled::new("counts = false\ncontent = \"full\"", wrong).await;
    std::fs::create_dir_all(spoiled.scene.ferry.path(&format!("{DIFFERENCES}.part"))).unwrap();
    let apply = spoiled.apply().await.expect_code(6);
    expect_words(
        &apply,
        &["warning: .milvus-ferry/plan.differences.jsonl could not be written", "Rows differ: "],
    );
    assert!(spoiled.report()["differences_file"].is_null());
}

/// The report of a finished move says of the schema what `verify` says.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_schema_is_compared_when_all_is_done() {
    let spoiled = Spoiled::new("content = \"full\"", |_, text| Some(text)).await;
    spoiled.apply().await.expect_code(0);
    let of_apply = spoiled.report()["collections"][0]["verification"]["schema"].clone();
    spoiled.scene.run(&["verify", PLAN, "--report", REPORT]).await.expect_code(0);
    let of_verify = spoiled.report()["collections"][0]["verification"]["schema"].clone();
    assert_eq!(of_apply, of_verify);
    assert!(of_apply.as_array().unwrap().len() > 5, "{of_apply:#}");
}

/// It was loaded to be compared only, and is as its source again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_target_that_is_released_in_the_end_is_as_it_is_to_be() {
    let spoiled = Spoiled::new("content = \"full\"", |_, text| Some(text)).await;
    let plan = spoiled.scene.ferry.read(PLAN).replace("[target]", "load = true\n[target]");
    spoiled.scene.ferry.write(PLAN, &plan);
    spoiled.scene.source.release("things").await;
    spoiled.apply().await.expect_code(0);
    let schema = spoiled.report()["collections"][0]["verification"]["schema"].clone();
    let load = schema.as_array().unwrap().iter().find(|item| item["attribute"] == "load").unwrap();
    let texts = [&load["source"], &load["target"], &load["status"]];
    assert_eq!(texts, ["not loaded", "not loaded", "same"]);
    spoiled.scene.nothing_to_do().await;
}

/// Somebody changes the target while its rows are copied.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_schema_that_is_another_one_in_the_end_is_told() {
    let spoiled = Spoiled::new("content = \"full\"", |_, text| Some(text)).await;
    let double = spoiled.scene.to.double();
    spoiled.relay.set_rule(move |call| {
        if call.rpc == "LoadCollection" {
            double.change_state(|state| {
                let of = state.collection_mut("default", "things").unwrap();
                of.properties.insert("collection.ttl.seconds".to_owned(), "77".to_owned());
            });
        }
        Act::Forward
    });
    let apply = spoiled.apply().await.expect_code(6);
    expect_words(
        &apply,
        &[
            "properties.collection.ttl.seconds is to be 1000000 at the target, and is 77",
            "Schema differs: default/things; see above. All rows are there.",
        ],
    );
    let report = spoiled.report();
    assert_eq!(report["collections"][0]["copy"]["status"], "schema_differs");
    assert_eq!(report["verdict"]["word"], "different");
    assert!(report["differences_file"].is_null());
    let sentence = report["verdict"]["sentence"].clone();
    let verify = spoiled.scene.run(&["verify", PLAN]).await.expect_code(6);
    assert_eq!(verify.stdout.lines().next(), sentence.as_str());
    // It is not done, and does not become so by being run again.
    let again = spoiled.apply().await.expect_code(1);
    expect_words(&again, &["target_drifted", "property collection.ttl.seconds is 77"]);
}
