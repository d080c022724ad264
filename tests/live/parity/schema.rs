//! The schema of a target on real servers: as it was made, and after somebody changed it.

use std::collections::BTreeMap;

use milvus_ferry::verify::result::{SchemaItem, SchemaStatus};
use milvus_ferry::verify::{Wishes, compare_schema, schema_differs};

use testkit::collection::{Collection, FieldWords, Index, key, var_char, vector};
use testkit::data;
use testkit::lab::Kind;
use testkit::pb::schema::DataType;
use testkit::scene::library::Pair;

fn articles() -> Collection {
    let fields = vec![
        key(DataType::Int64),
        var_char("title", 200).described("what it is about"),
        vector("vec", DataType::FloatVector, 8),
    ];
    let mut of = Collection::new("articles", fields).dynamic().index(Index::new(
        "vec",
        "HNSW",
        "L2",
        r#"{"M":16,"efConstruction":100}"#,
    ));
    "articles of the shop".clone_into(&mut of.description);
    of
}

fn status_of<'a>(items: &'a [SchemaItem], attribute: &str) -> &'a SchemaItem {
    let mut found = items.iter().filter(|item| item.attribute == attribute);
    found.next().unwrap_or_else(|| panic!("no {attribute} in {items:#?}"))
}

async fn items(scene: &Pair) -> Vec<SchemaItem> {
    let subject = scene.subject_like_source("articles", "articles").await;
    compare_schema(&scene.check_parity(), &subject, &Wishes::default()).await.unwrap()
}

async fn a_target_is_as_it_was_made_until_it_is_changed(from: Kind, to: Kind) {
    let scene = Pair::between(from, to).await;
    let of = articles()
        .partitions(&["north", "south"])
        .property("collection.ttl.seconds", "1000000")
        .alias("current");
    let rows = data::table(&of, 500, 1).spread_over(&["north", "south"]);
    scene.fill((&of, &rows), (&of, &rows)).await;
    let found = items(&scene).await;
    assert!(!schema_differs(&found), "{found:#?}");
    assert!(found.iter().all(|item| item.status == SchemaStatus::Same), "{found:#?}");
    for attribute in [
        "fields.id.primary_key",
        "fields.title.type",
        "fields.title.description",
        "fields.vec.type",
        "description",
        "properties.collection.ttl.seconds",
        "partitions",
        "aliases",
        "indexes.vec",
        "load",
        "replicas",
    ] {
        status_of(&found, attribute);
    }
    let index = &status_of(&found, "indexes.vec").target;
    assert_eq!(index, "HNSW/L2 (M = 16, efConstruction = 100)");

    let (client, probe) = (&scene.target.client, &scene.target.probe);
    let ttl = BTreeMap::from([("collection.ttl.seconds".to_owned(), "5000000".to_owned())]);
    client.alter_collection(probe.database(), "articles", &ttl, &[]).await.unwrap();
    client.create_alias(probe.database(), "beside", "articles").await.unwrap();
    probe.create_partition("articles", "west").await;
    probe.release("articles").await;
    let found = items(&scene).await;
    assert!(schema_differs(&found));
    let different: Vec<&str> = found
        .iter()
        .filter(|item| item.status == SchemaStatus::Different)
        .map(|item| item.attribute.as_str())
        .collect();
    let expected = ["properties.collection.ttl.seconds", "partitions", "load"];
    assert_eq!(different, expected, "{found:#?}");
    assert_eq!(status_of(&found, "aliases").status, SchemaStatus::TargetsOwn);
    assert_eq!(status_of(&found, "load").target, "not loaded");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_is_as_it_was_made_until_it_is_changed_on_235() {
    let (from, to) = (Kind::Milvus235A, Kind::Milvus235B);
    a_target_is_as_it_was_made_until_it_is_changed(from, to).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_is_as_it_was_made_until_it_is_changed_from_2216() {
    let (from, to) = (Kind::Milvus2216, Kind::Milvus235B);
    a_target_is_as_it_was_made_until_it_is_changed(from, to).await;
}

/// Milvus Lite keeps no descriptions, nor names of indexes, and one shard.
#[tokio::test(flavor = "multi_thread")]
async fn what_lite_does_not_keep_is_its_own() {
    let scene = Pair::between(Kind::Milvus235A, Kind::Lite3).await;
    let mut of = articles().shards(2);
    of.indexes[0].name = "by_vector".to_owned();
    let rows = data::table(&of, 200, 1);
    scene.fill((&of, &rows), (&of, &rows)).await;
    let found = items(&scene).await;
    assert!(!schema_differs(&found), "{found:#?}");
    for own in ["description", "fields.title.description", "shards", "indexes.vec"] {
        assert_eq!(status_of(&found, own).status, SchemaStatus::TargetsOwn, "{found:#?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_missing_is_different() {
    let scene = Pair::between(Kind::Milvus235A, Kind::Milvus235B).await;
    let of = articles();
    let rows = data::table(&of, 100, 1);
    let mut other = articles();
    other.indexes[0] = Index::new("vec", "IVF_FLAT", "L2", r#"{"nlist":64}"#);
    other.fields[1] = var_char("title", 400);
    scene.fill((&of, &rows), (&other, &rows)).await;
    let found = items(&scene).await;
    assert!(schema_differs(&found));
    let index = status_of(&found, "indexes.vec");
    assert_eq!(index.status, SchemaStatus::Different);
    assert!(index.target.starts_with("IVF_FLAT/L2"), "{index:?}");
    let title = status_of(&found, "fields.title.type");
    assert_eq!((title.source.as_str(), title.target.as_str()), ("VarChar(200)", "VarChar(400)"));
    assert_eq!(title.status, SchemaStatus::Different);
    assert_eq!(status_of(&found, "fields.title.description").status, SchemaStatus::Different);
}
