//! What is explained is told with its number of rows and is no failure; what merely looks like it is.

use serde_json::Value;

use super::command::{first_line, report, verify};
use testkit::collection::{Collection, Index, key, plain, vector};
use testkit::data;
use testkit::lab::Kind;
use testkit::pb::schema::DataType;
use testkit::scene::{Scene, expect_words};
use testkit::table;

/// Codes of what the last report explains, with the rows of each.
fn explained(scene: &Scene) -> Vec<(String, u64)> {
    let report = report(scene);
    let found = report["collections"][0]["verification"]["explanations"].as_array().unwrap();
    let pair =
        |one: &Value| (one["code"].as_str().unwrap().to_owned(), one["rows"].as_u64().unwrap());
    found.iter().map(pair).collect()
}

fn content(scene: &Scene) -> Value {
    report(scene)["collections"][0]["verification"]["content"].clone()
}

fn code(code: &str, rows: u64) -> Vec<(String, u64)> {
    vec![(code.to_owned(), rows)]
}

/// Vectors that are no numbers, which Milvus Lite 3 keeps and Milvus 2.3.5 refuses.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_that_were_set_aside_are_explained_by_the_ledger_alone() {
    let scene = Scene::between(Kind::Lite3, Kind::Milvus235B).await;
    let fields = vec![key(DataType::Int64), vector("floats", DataType::FloatVector, 8)];
    let collection = Collection::new("rows", fields).index(Index::new("floats", "FLAT", "L2", ""));
    let mut rows = data::table_of(&collection, &data::key_range(0..1_500), 7);
    let column = rows.column("floats");
    for place in [3, 700, 1_499] {
        let table::Value::FloatVector(floats) = &mut rows.rows[place].values[column] else {
            panic!("a vector")
        };
        floats[2] = f32::NAN;
    }
    scene.source.fill(&collection, &rows).await;
    scene.plan_file("[[collections]]\nsource = \"rows\"");
    let plan = scene.ferry.read(testkit::scene::PLAN);
    let allowed = "[copy]\nmax_rejected_rows = 3\nretry_for = \"8s\"";
    scene.ferry.write(testkit::scene::PLAN, &plan.replace("[copy]", allowed));
    scene.apply().await.expect_code(0);

    for mode in ["full", "sample", "counts"] {
        verify(&scene, &["--mode", mode]).await.expect_code(0);
        let found = explained(&scene);
        assert!(found.iter().all(|one| *one == code("set_aside", 3)[0]), "{mode}: {found:?}");
        assert!(!found.is_empty(), "{mode}");
    }
    verify(&scene, &[]).await.expect_code(0);
    assert_eq!(explained(&scene), code("set_aside", 3));
    assert_eq!(
        (&content(&scene)["missing"], &content(&scene)["explained"]),
        (&3.into(), &3.into())
    );
    // Nobody but the ledger knows of it.
    let outcome = verify(&scene, &["--state", "elsewhere"]).await.expect_code(6);
    assert_eq!(first_line(&outcome), "Different: 1 collection — 3 rows missing.");
    assert_eq!(explained(&scene), []);
    // One that arrived and is gone.
    scene.target.delete("rows", "", "id in [800]").await;
    let outcome = verify(&scene, &[]).await.expect_code(6);
    let verdict = "Different: 1 collection — 4 rows missing, 3 of them explained.";
    assert_eq!(first_line(&outcome), verdict);
    assert_eq!(explained(&scene), code("set_aside", 3));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_that_a_target_had_before_it_was_adopted_are_explained() {
    let scene = Scene::new().await;
    let collection = plain("rows", DataType::Int64);
    let rows = data::table_of(&collection, &data::key_range(0..1_000), 7);
    let theirs = data::table_of(&collection, &data::key_range(5_000..5_005), 8);
    tokio::join!(scene.source.fill(&collection, &rows), scene.target.fill(&collection, &theirs));
    scene.plan_file("[[collections]]\nsource = \"rows\"\nexisting = \"adopt\"");
    scene.apply().await.expect_code(0);

    for options in [&["--mode", "counts"][..], &[]] {
        verify(&scene, options).await.expect_code(0);
        assert_eq!(explained(&scene), code("there_before", 5), "{options:?}");
    }
    assert_eq!((&content(&scene)["extra"], &content(&scene)["explained"]), (&5.into(), &5.into()));
    // One of ours is gone: the numbers of theirs do not make up for it.
    scene.target.delete("rows", "", "id in [17]").await;
    verify(&scene, &[]).await.expect_code(6);
    assert_eq!(explained(&scene), code("there_before", 5));
    assert_eq!(content(&scene)["missing"], 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_loaded_is_named_and_nothing_is_said_of_its_rows() {
    let scene = Scene::new().await;
    let collection = plain("rows", DataType::Int64).partitions(&["north"]);
    let rows = data::table_of(&collection, &data::key_range(0..600), 7)
        .spread_over(&["_default", "north"]);
    scene.source.fill(&collection, &rows).await;
    scene.plan_file("[[collections]]\nsource = \"rows\"");
    scene.apply().await.expect_code(0);

    scene.source.release_partitions("rows", &["north"]).await;
    for mode in ["full", "counts"] {
        let outcome = verify(&scene, &["--mode", mode]).await.expect_code(5);
        assert!(first_line(&outcome).starts_with("Not verified: "), "{}", outcome.stdout);
        expect_words(&outcome, &["at the source, partition north is not loaded", "load it"]);
        assert_eq!(explained(&scene), code("not_loaded", 0));
        assert_eq!(report(&scene)["verdict"]["word"], "not_verified");
    }
    // Both ends call a partition loaded before its rows can be read: neither is that a difference,
    // nor are two ends without it the same.
    scene.target.release_partitions("rows", &["north"]).await;
    scene.target.load_partitions("rows", &["north"]).await;
    scene.source.load_partitions("rows", &["north"]).await;
    let outcome = verify(&scene, &[]).await.expect_code(0);
    let whole = "Verified: every row of 1 collection (600 rows), value by value.";
    assert_eq!(first_line(&outcome), whole);
    assert_eq!(explained(&scene), []);
    scene.target.release("rows").await;
    let outcome = verify(&scene, &[]).await.expect_code(5);
    expect_words(&outcome, &["at the target is not loaded", "load it"]);
    assert_eq!(explained(&scene), code("not_loaded", 0));
}

/// What changed at the source is told apart from what is wrong at the target, and is not the same.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_changed_at_the_source_is_told_and_passed_over_against_the_ledger() {
    let scene = Scene::new().await;
    let collection = plain("rows", DataType::Int64);
    let rows = data::table_of(&collection, &data::key_range(0..3_000), 7);
    scene.source.fill(&collection, &rows).await;
    scene.plan_file("[[collections]]\nsource = \"rows\"");
    scene.apply().await.expect_code(0);
    let changed = data::table_of(&collection, &data::key_range(100..102), 8);
    scene.source.upsert("rows", &changed).await;
    scene.source.delete("rows", "", "id in [50]").await;

    let outcome = verify(&scene, &[]).await.expect_code(6);
    expect_words(&outcome, &["pending: 3 rows were", "`apply --catch-up`"]);
    assert!(!outcome.stdout.contains("unexplained"), "{}", outcome.stdout);
    assert_eq!(content(&scene)["pending"], 3);
    assert_eq!(explained(&scene), code("changed_at_source", 3));
    assert_eq!(content(&scene)["explained"], 0);
    verify(&scene, &["--against", "ledger"]).await.expect_code(0);
    assert_eq!(explained(&scene), code("changed_at_source", 1), "the row that is gone");
    // One that is wrong at the target, in another range.
    let wrong = data::table_of(&collection, &data::key_range(2_900..2_901), 9);
    scene.target.upsert("rows", &wrong).await;
    let outcome = verify(&scene, &["--against", "ledger"]).await.expect_code(6);
    assert_eq!(first_line(&outcome), "Different: 1 collection — 1 row different.");
    scene.target.upsert("rows", &rows.filtered(|key| *key == table::Key::Int(2_900))).await;

    scene.run(&["apply", testkit::scene::PLAN, "--yes", "--catch-up"]).await.expect_code(0);
    verify(&scene, &[]).await.expect_code(0);
    assert_eq!(explained(&scene), []);
}

/// The one row that Milvus 2.3.5 gives to nobody: no move is done without it, and none is stuck.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_key_that_no_query_returns_has_to_be_copied_by_hand() {
    let scene = Scene::new().await;
    let collection = plain("rows", DataType::Int64).alias("live");
    let keys = [data::key_range(0..500), vec![table::Key::Int(i64::MAX)]].concat();
    let rows = data::table_of(&collection, &keys, 7);
    scene.source.fill(&collection, &rows).await;
    scene.plan_file("[[collections]]\nsource = \"rows\"");
    let apply = scene.apply().await.expect_code(6);
    expect_words(&apply, &["the key 9223372036854775807", "copy that row by hand"]);
    let outcome = verify(&scene, &[]).await.expect_code(6);
    expect_words(&outcome, &["missing at the target: the row with key 9223372036854775807"]);
    assert_eq!(explained(&scene), code("unreadable_key", 1));

    scene.target.insert("rows", &rows.filtered(|key| *key == table::Key::Int(i64::MAX))).await;
    let apply = scene.apply().await.expect_code(0);
    expect_words(&apply, &["the target has it"]);
    verify(&scene, &[]).await.expect_code(0);
    assert!(explained(&scene).contains(&code("unreadable_key", 1)[0]));
    scene.nothing_to_do().await;
}
