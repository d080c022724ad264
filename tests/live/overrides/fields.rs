//! Fields: other names, descriptions and limits, and those that are left behind.

use testkit::collection::{Index, field};
use testkit::lab::Kind;
use testkit::pb::schema::DataType;
use testkit::probe::refusal;
use testkit::scene::articles::{article_rows, articles, param};
use testkit::scene::{Scene, count_where, expect_words};
use testkit::table::{Table, Value};

const ROWS: usize = 600;

const RENAME: &str = r#"
[[collections]]
source = "articles"
description = "renamed"
partition_key = { field = "tenant", partitions = 4 }
[collections.fields.id]
rename = "article"
[collections.fields.tenant]
rename = "customer"
[collections.fields.body]
rename = "text"
description = "all that it says"
max_length = 4000
mmap = true
[collections.fields.embedding]
rename = "meaning"
"#;

async fn every_field_gets_a_name(from: Kind, to: Kind) {
    let scene = Scene::between(from, to).await;
    let rows = scene.articles("articles", ROWS).await;
    scene.plan_file(RENAME);
    let (plan, _) = scene.converge().await;
    expect_words(
        &plan,
        &["id → article", "tenant → customer", "body → text", "embedding → meaning", "200 → 4000"],
    );
    let renamed = rows
        .renamed("id", "article")
        .renamed("tenant", "customer")
        .renamed("body", "text")
        .renamed("embedding", "meaning");
    if [from, to].contains(&Kind::Lite3) {
        scene.expect_parsed("articles", &renamed).await;
    } else {
        scene.expect("articles", &renamed).await;
    }
    let key = scene.target.field("articles", "article").await;
    assert!(key.is_primary_key);
    assert!(scene.target.field("articles", "customer").await.is_partition_key);
    let text = scene.target.field("articles", "text").await;
    assert_eq!(param(&text, "max_length").as_deref(), Some("4000"));
    if to != Kind::Lite3 {
        assert_eq!(text.description, "all that it says");
        assert_eq!(param(&text, "mmap.enabled").as_deref(), Some("true"));
        assert_eq!(scene.target.partition_names("articles").await.len(), 4);
    }
    // The index follows its field.
    let index = scene.target.index("articles", "meaning").await;
    assert_eq!((&*index["index_type"], &*index["metric_type"]), ("IVF_FLAT", "L2"));
    assert_eq!(count_where(&scene.target, "articles", "customer == 3").await, ROWS / 10);
    scene.settled(&["target_lacks_feature"]).await;

    // There is room now for what had none.
    let mut long = renamed.filtered(|_| true);
    long.rows.truncate(1);
    let (key, text) = (long.column("article"), long.column("text"));
    long.rows[0].values[key] = Value::Int(777_777);
    long.rows[0].values[text] = Value::Text("x".repeat(4000));
    scene.target.insert("articles", &long).await;
    assert_eq!(count_where(&scene.target, "articles", "article == 777777").await, 1);
    if to == Kind::Milvus235B {
        long.rows[0].values[text] = Value::Text("x".repeat(4001));
        let request = scene.target.insert_requests("articles", &long, 1).remove(0);
        let answer = scene.target.raw().insert(request).await.unwrap().into_inner();
        assert!(refusal(answer.status.as_ref()).is_some());
    }
}

#[tokio::test]
async fn every_field_gets_another_name() {
    every_field_gets_a_name(Kind::Milvus235A, Kind::Milvus235B).await;
}

#[tokio::test]
async fn every_field_of_2216_gets_another_name() {
    every_field_gets_a_name(Kind::Milvus2216, Kind::Milvus235B).await;
}

#[tokio::test]
async fn every_field_gets_another_name_at_2216() {
    every_field_gets_a_name(Kind::Milvus235A, Kind::Milvus2216).await;
}

#[tokio::test]
async fn every_field_gets_another_name_at_lite() {
    every_field_gets_a_name(Kind::Milvus235A, Kind::Lite3).await;
}

/// Two fields that swap their names, and a new name that stood for another field before.
#[tokio::test]
async fn names_are_swapped() {
    let scene = Scene::new().await;
    let mut collection = articles("articles");
    collection.fields.insert(2, field("other", DataType::Int64));
    let rows = article_rows(&collection, ROWS);
    scene.source.fill(&collection, &rows).await;
    scene.plan_file(
        "[[collections]]\nsource = \"articles\"\n\
         fields = { tenant = { rename = \"other\" }, other = { rename = \"tenant\" } }\n\
         [[collections]]\nsource = \"articles\"\ntarget = \"shifted\"\n\
         fields = { tenant = { drop = true }, other = { rename = \"tenant\" } }",
    );
    scene.converge().await;
    let swapped = rows.clone().renamed("tenant", "_").renamed("other", "tenant");
    scene.expect("articles", &swapped.renamed("_", "other")).await;
    scene.expect("shifted", &rows.without("tenant").renamed("other", "tenant")).await;
}

async fn indexed(scene: &Scene) -> Table {
    let collection = articles("articles").index(Index {
        field: "body".to_owned(),
        name: String::new(),
        params: vec![("index_type".to_owned(), "Trie".to_owned())],
    });
    let rows = article_rows(&collection, ROWS);
    scene.source.fill(&collection, &rows).await;
    rows
}

#[tokio::test]
async fn fields_are_left_behind_only_where_nothing_needs_them() {
    let scene = Scene::new().await;
    let rows = indexed(&scene).await;
    let entry = |rules: &str| {
        scene.plan_file(&format!("[[collections]]\nsource = \"articles\"\n{rules}"));
    };
    for (rules, reasons) in [
        ("fields.id.drop = true", ["dropped_field_needed", "primary key"]),
        ("fields.embedding.drop = true", ["dropped_field_needed", "index on embedding"]),
        ("fields.body.drop = true", ["dropped_field_needed", "`\"body\" = \"none\"`"]),
        (
            "fields.embedding.drop = true\nindexes.embedding = \"none\"",
            ["vector_field_required", "cannot load"],
        ),
        ("fields.body.max_length = 199", ["max_length_narrowed", "at least 200"]),
        ("fields.tenant.max_length = 300", ["field_override_unfit", "Int64"]),
        ("fields.tenant.rename = \"body\"", ["field_name_taken", "two fields"]),
        ("fields.body.drop_default = true", ["field_override_unfit", "drop_default"]),
    ] {
        entry(rules);
        scene.expect_refusal(&reasons).await;
    }
    assert!(!scene.target.has_collection("articles").await);

    entry(
        "fields = { body = { drop = true }, tenant = { drop = true } }\n\
         indexes = { body = \"none\" }",
    );
    let (plan, _) = scene.converge().await;
    expect_words(
        &plan,
        &[
            "field_dropped",
            "index body Trie → none",
            "the values of field \"body\" are left behind",
            "VarChar(200) → dropped",
        ],
    );
    scene.expect("articles", &rows.without("body").without("tenant")).await;
    scene.settled(&["field_dropped"]).await;
}

/// A dynamic key of the new name: the field would hide it, and newer servers refuse such rows.
#[tokio::test]
async fn a_new_name_that_rows_use_as_a_dynamic_key_is_refused() {
    let scene = Scene::new().await;
    let rows = scene.articles("articles", ROWS).await;
    let entry = |name: &str| {
        scene.plan_file(&format!(
            "[[collections]]\nsource = \"articles\"\nfields.body.rename = \"{name}\""
        ));
    };
    entry("dyn_z");
    // Every third row has no dynamic data.
    scene.expect_refusal(&["dynamic_key_shadowed", "400 rows", "dyn_z"]).await;
    assert!(!scene.target.has_collection("articles").await);
    entry("dyn_y");
    scene.converge().await;
    scene.expect("articles", &rows.renamed("body", "dyn_y")).await;
}
