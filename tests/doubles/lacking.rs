//! What one end has and the other lacks beside rows: a partition, or a database with nothing in it.

use testkit::collection::plain;
use testkit::data;
use testkit::pb::schema::DataType;
use testkit::scene::{PLAN, databases, doubles::Doubles, expect_words};

#[tokio::test]
async fn a_partition_that_the_target_has_beyond_the_source_is_a_difference() {
    let scene = Doubles::between("2.6.5", "2.6.5").await;
    let collection = plain("parted", DataType::Int64).partitions(&["north", "south"]);
    let rows = data::table_of(&collection, &data::key_range(0..300), 1);
    scene.source.fill(&collection, &rows.spread_over(&["_default", "north", "south"])).await;
    scene.plan_one("parted", "");
    scene.converge().await;
    // Empty, and so without a row that could be found.
    scene.target.create_partition("parted", "theirs").await;
    scene.target.load("parted").await;
    let verify = scene.run(&["verify", PLAN]).await.expect_code(6);
    let words = ["partitions is to be north, south at the target", "north, south, theirs"];
    expect_words(&verify, &words);
}

const EVERY: &str = "[[collections]]\nsource = \"*\"\ndatabase = \"bare\"";

#[tokio::test]
async fn an_empty_database_that_the_plan_file_selects_is_created() {
    let scene = Doubles::between("2.6.5", "2.6.5").await;
    scene.source.create_database("bare").await;
    scene.plan_file(EVERY);
    let plan = scene.plan().await.expect_code(2);
    expect_words(&plan, &["create database bare", "1 empty database to create"]);
    let verify = scene.run(&["verify", PLAN]).await.expect_code(6);
    expect_words(&verify, &["no database of this name"]);
    // What was saved holds as long as that is to be done.
    scene.run(&["plan", PLAN, "--out", "changes.json"]).await.expect_code(0);
    scene.to.forget_calls();
    scene.run(&["apply", "changes.json", "--yes"]).await.expect_code(0);
    assert!(databases(&scene.target).await.contains(&"bare".to_owned()));
    scene.nothing_to_do().await;
    scene.run(&["apply", "changes.json", "--yes"]).await.expect_code(7);
    let plan = scene.run(&["plan", PLAN, "--format", "json"]).await.expect_code(0);
    let plan: serde_json::Value = serde_json::from_str(&plan.stdout).unwrap();
    assert_eq!(plan["databases"], serde_json::json!([]));
}

#[tokio::test]
async fn a_name_that_matches_nothing_stays_a_mistake() {
    let scene = Doubles::between("2.6.5", "2.6.5").await;
    scene.source.create_database("bare").await;
    scene.plan_file("[[collections]]\nsource = \"shop_*\"\ndatabase = \"bare\"");
    scene.expect_refusal(&["matches \"shop_*\""]).await;
    // Neither is a database that holds something an empty one.
    let full = scene.source.in_database("bare");
    full.fill(&plain("rows", DataType::Int64), &data::table(&plain("rows", DataType::Int64), 5, 1))
        .await;
    scene.plan_file(EVERY);
    let plan = scene.run(&["plan", PLAN, "--format", "json"]).await.expect_code(0);
    let plan: serde_json::Value = serde_json::from_str(&plan.stdout).unwrap();
    assert_eq!(plan["databases"], serde_json::json!([]));
    scene.converge().await;
}
