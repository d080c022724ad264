//! A handful of a million rows is not whole: each is found, named, and mended alone. Takes two
//! minutes on Milvus 2.3.5 and a quarter of an hour on Milvus Lite, so it is asked for:
//! `cargo test --test live million -- --ignored`.

use std::time::Duration;

use serde_json::{Value as Json, json};

use super::command::{REPORT, first_line, report};
use testkit::collection::{Collection, FieldWords, Index, field, key, vector};
use testkit::data;
use testkit::ferry::Outcome;
use testkit::lab::{Spec, private};
use testkit::pb::schema::DataType;
use testkit::probe::Probe;
use testkit::scene::{PLAN, Scene, expect_words};
use testkit::table::{Key, Table, Value};

const ROWS: i64 = 1_000_000;
/// Rows that are put into the source at a time.
const PART: i64 = 50_000;
const MISSING: i64 = 123_456;
const OTHER_BIT: i64 = 200_001;
const OTHER_JSON: i64 = 300_002;
/// One has a price at the source, the other a null, as [`data::table_of`] makes them.
const PRICE: i64 = 400_000;
const NO_PRICE: i64 = 400_004;
const EXTRA: i64 = 5_000_000;
const SWAPPED: (i64, i64) = (600_005, 700_006);

fn collection(nullable: bool) -> Collection {
    let price = field("price", DataType::Double);
    let fields = vec![
        key(DataType::Int64),
        if nullable { price.nullable() } else { price },
        field("doc", DataType::Json),
        vector("embedding", DataType::FloatVector, 8),
    ];
    Collection::new("million", fields).index(Index::new("embedding", "FLAT", "L2", ""))
}

async fn fill(scene: &Scene, collection: &Collection) {
    scene.source.create_collection(collection).await;
    for first in (0..ROWS).step_by(usize::try_from(PART).unwrap()) {
        scene.source.insert("million", &rows(collection, first..first + PART)).await;
    }
    scene.source.flush("million").await;
    scene.source.build_and_load(collection).await;
}

/// Rows of the source: what a part of it is made of is where it begins.
fn rows(collection: &Collection, keys: std::ops::Range<i64>) -> Table {
    data::table_of(collection, &data::key_range(keys.clone()), keys.start.unsigned_abs())
}

/// One row of the source.
fn row(collection: &Collection, key: i64) -> Table {
    let first = key - key % PART;
    rows(collection, first..first + PART).filtered(|other| *other == Key::Int(key))
}

fn set(table: &mut Table, column: &str, value: Value) {
    let column = table.column(column);
    table.rows[0].values[column] = value;
}

fn get<'a>(table: &'a Table, column: &str) -> &'a Value {
    &table.rows[0].values[table.column(column)]
}

/// Makes the target another than the source in a handful of rows; returns what is to be found.
async fn spoil(scene: &Scene, collection: &Collection, nullable: bool) -> Vec<Json> {
    let row = |key| row(collection, key);
    let mut found = vec![json!({"key": MISSING, "kind": "missing", "fields": []})];
    let mut differs = |key: i64, field: &str| {
        found.push(json!({"key": key, "kind": "different", "fields": [field]}));
    };
    scene.target.delete("million", "", &format!("id in [{MISSING}]")).await;
    let mut spoiled = row(OTHER_BIT);
    let Value::FloatVector(mut numbers) = get(&spoiled, "embedding").clone() else {
        panic!("a vector")
    };
    numbers[5] = f32::from_bits(numbers[5].to_bits() ^ 1);
    set(&mut spoiled, "embedding", Value::FloatVector(numbers));
    differs(OTHER_BIT, "embedding");
    let mut other = row(OTHER_JSON);
    set(&mut other, "doc", Value::Json(b"{\"else\":1}".to_vec()));
    differs(OTHER_JSON, "doc");
    spoiled = spoiled.followed_by(&other);
    if nullable {
        for (key, none) in [(PRICE, false), (NO_PRICE, true)] {
            let mut other = row(key);
            assert_eq!(*get(&other, "price") == Value::Null, none);
            set(&mut other, "price", if none { Value::Double(1.5) } else { Value::Null });
            differs(key, "price");
            spoiled = spoiled.followed_by(&other);
        }
    }
    let (mut one, mut other) = (row(SWAPPED.0), row(SWAPPED.1));
    let (ours, theirs) = (get(&one, "embedding").clone(), get(&other, "embedding").clone());
    set(&mut one, "embedding", theirs);
    set(&mut other, "embedding", ours);
    differs(SWAPPED.0, "embedding");
    differs(SWAPPED.1, "embedding");
    spoiled = spoiled.followed_by(&one).followed_by(&other);
    scene.target.upsert("million", &spoiled).await;
    let extra = data::table_of(collection, &data::key_range(EXTRA..EXTRA + 1), 1);
    scene.target.insert("million", &extra).await;
    scene.target.flush("million").await;
    found.push(json!({"key": EXTRA, "kind": "extra", "fields": []}));
    found
}

/// The rows that a comparison named, in order.
fn named(scene: &Scene) -> Vec<Json> {
    let lines = scene.ferry.read(".milvus-ferry/plan.differences.jsonl");
    let mut found: Vec<Json> = Vec::new();
    for line in lines.lines() {
        let line: Json = serde_json::from_str(line).unwrap();
        let fields = line["fields"].as_array().cloned().unwrap_or_default();
        let fields: Vec<&Json> = fields.iter().map(|field| &field["field"]).collect();
        found.push(json!({"key": line["key"], "kind": line["kind"], "fields": fields}));
    }
    found.sort_by_key(|row| row["key"].as_i64());
    found
}

fn write_plan(scene: &Scene, rule: &str) {
    let text = format!(
        "version = 1\n[source]\nendpoint = \"{}\"\n[target]\nendpoint = \"{}\"\n\
         {rule}\n[[collections]]\nsource_database = \"{}\"\n\
         source = \"million\"\ntarget_database = \"{}\"\n",
        scene.source_uri,
        scene.target_uri,
        scene.source.database(),
        scene.target.database()
    );
    scene.ferry.write(PLAN, &text);
}

/// A run for which there is time.
async fn run(scene: &Scene, arguments: &[&str]) -> Outcome {
    let run = scene.ferry.spawn(&[arguments, &["--report", REPORT]].concat());
    let ended = tokio::task::spawn_blocking(move || run.wait(Duration::from_secs(1_800))).await;
    ended.unwrap()
}

async fn found_and_mended(scene: Scene, nullable: bool) {
    const WHOLE: &str = "Verified: every row of 1 collection (1,000,000 rows), value by value.";
    let collection = collection(nullable);
    fill(&scene, &collection).await;
    write_plan(&scene, "");
    run(&scene, &["apply", PLAN, "--yes"]).await.expect_code(0);

    let expected = spoil(&scene, &collection, nullable).await;
    let outcome = run(&scene, &["verify", PLAN]).await.expect_code(6);
    eprintln!("{}", outcome.stdout);
    assert_eq!(named(&scene), expected);
    for row in &expected {
        expect_words(&outcome, &[&row["key"].to_string()]);
    }

    let rule = "[verify]\ncontent = \"full\"\non_mismatch = \"repair\"\ndelete_extra = true";
    write_plan(&scene, rule);
    let outcome = run(&scene, &["apply", PLAN, "--yes"]).await;
    eprintln!("{}", outcome.expect_code(0).stdout);
    let repair = &report(&scene)["collections"][0]["verification"]["content"]["repair"];
    assert_eq!((&repair["copied"], &repair["deleted"]), (&(expected.len() - 1).into(), &1.into()));
    assert_eq!(first_line(&run(&scene, &["verify", PLAN]).await.expect_code(0)), WHOLE);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a million rows: takes minutes"]
async fn a_handful_of_a_million_rows_is_found_and_mended_on_milvus() {
    found_and_mended(Scene::new().await, false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a million rows: takes a quarter of an hour"]
async fn a_handful_of_a_million_rows_with_nulls_is_found_and_mended_on_milvus_lite() {
    let (from, to) = (private(&Spec::lite3()), private(&Spec::lite3()));
    let source = Probe::of(&from).await.in_new_database().await;
    let target = Probe::of(&to).await.in_new_database().await;
    let scene = Scene::of((source, from.uri()), (target, to.uri()));
    found_and_mended(scene, true).await;
}
