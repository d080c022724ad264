//! Overrides of what describes a collection and of its dynamic field.

use testkit::collection::{Collection, meta, plain};
use testkit::data;
use testkit::pb::schema::DataType;
use testkit::scene::{Scene, expect_words};
use testkit::table::{Table, Value};

const ROWS: usize = 900;

fn dynamic(name: &str) -> (Collection, Table) {
    let collection = plain(name, DataType::Int64).dynamic();
    let rows = data::table(&collection, ROWS, 8);
    (collection, rows)
}

/// The same rows with a dynamic column in which nothing is.
fn with_empty_dynamic(mut rows: Table) -> Table {
    rows.columns.push(meta());
    for row in &mut rows.rows {
        row.values.push(Value::Json(b"{}".to_vec()));
    }
    rows
}

#[tokio::test]
async fn a_name_a_description_and_a_dynamic_field_are_given() {
    let scene = Scene::new().await;
    let mut collection = plain("products", DataType::VarChar);
    collection.description = "before".to_owned();
    let rows = data::table(&collection, ROWS, 9);
    scene.source.fill(&collection, &rows).await;
    scene.plan_file(
        "[[collections]]\nsource = \"products\"\ntarget = \"products_2026\"\n\
         description = \"{{ name }}, from the \\\"old\\\" shop\"\ndynamic_field = true",
    );
    let (plan, _) = scene.converge().await;
    expect_words(&plan, &["products_2026", "old\" shop"]);
    let schema = scene.target.describe("products_2026").await.schema.unwrap();
    assert_eq!(schema.description, "products, from the \"old\" shop");
    assert!(schema.enable_dynamic_field);
    assert!(!scene.target.has_collection("products").await);
    scene.expect("products_2026", &with_empty_dynamic(rows.clone())).await;
    // The source is as it was.
    assert_eq!(scene.source.describe("products").await.schema.unwrap().description, "before");
    assert_eq!(scene.source.count("products", &[]).await, ROWS);
}

#[tokio::test]
async fn dynamic_data_is_lost_only_where_that_is_accepted() {
    let scene = Scene::new().await;
    let (collection, rows) = dynamic("events");
    scene.source.fill(&collection, &rows).await;
    let entry = "[[collections]]\nsource = \"events\"\ndynamic_field = false\n";
    scene.plan_file(entry);
    // Every third row has none.
    scene.expect_refusal(&["dynamic_data_lost", "600 rows", "drop_dynamic_data"]).await;
    assert!(!scene.target.has_collection("events").await);

    scene.plan_file(&format!("{entry}drop_dynamic_data = true"));
    let (plan, _) = scene.converge().await;
    expect_words(&plan, &["dynamic_data_dropped", "600 rows"]);
    assert!(!scene.target.describe("events").await.schema.unwrap().enable_dynamic_field);
    scene.expect("events", &rows.without("$meta")).await;
}

#[tokio::test]
async fn a_dynamic_field_that_nobody_used_can_go() {
    let scene = Scene::new().await;
    let (collection, mut rows) = dynamic("events");
    let column = rows.column("$meta");
    for row in &mut rows.rows {
        row.values[column] = Value::Json(b"{}".to_vec());
    }
    scene.source.fill(&collection, &rows).await;
    scene.plan_file("[[collections]]\nsource = \"events\"\ndynamic_field = false");
    scene.converge().await;
    assert!(!scene.target.describe("events").await.schema.unwrap().enable_dynamic_field);
    scene.expect("events", &rows.without("$meta")).await;
}
