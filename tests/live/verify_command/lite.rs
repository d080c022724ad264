//! Milvus Lite, which tells not all that it keeps and tells what nobody asked for: a copy into it or
//! out of it converges, and is verified.

use super::command::{first_line, verify};
use testkit::collection::{Collection, Index, key, plain, var_char, vector};
use testkit::data;
use testkit::lab::{Kind, servers, unique_name};
use testkit::pb::schema::DataType;
use testkit::probe::Probe;
use testkit::scene::{Scene, expect_words};

const ENTRY: &str = "[[collections]]\nsource = \"rows\"";
const WHOLE: &str = "Verified: every row of 1 collection (600 rows), value by value.";

async fn moved(scene: &Scene, name: &str, index: Index) {
    let fields =
        vec![key(DataType::Int64), vector("v", DataType::FloatVector, 8), var_char("t", 100)];
    let collection = Collection::new(name, fields).index(index);
    let rows = data::table_of(&collection, &data::key_range(0..600), 7);
    scene.source.fill(&collection, &rows).await;
    scene.plan_one(name, "");
    scene.converge().await;
    let outcome = verify(scene, &[]).await.expect_code(0);
    assert_eq!(first_line(&outcome), WHOLE, "{}", outcome.stdout);
}

#[tokio::test]
async fn an_index_with_a_name_and_parameters_goes_into_milvus_lite_3() {
    let scene = Scene::between(Kind::Milvus235A, Kind::Lite3).await;
    let index = Index::new("v", "HNSW", "L2", r#"{"M": 8, "efConstruction": 90}"#).named("mine");
    moved(&scene, "rows", index).await;
    let plan = scene.plan().await.expect_code(0);
    expect_words(&plan, &["No changes: the target is as the plan file asks."]);
}

#[tokio::test]
async fn the_default_index_of_milvus_lite_2_carries_its_metric() {
    let [from, to] = servers([Kind::Lite25, Kind::Milvus235B]);
    // Milvus Lite 2 has one database.
    let name = unique_name("default_index");
    let source = Probe::of(from).await.with_own(&name);
    let target = Probe::of(to).await.with_own(&name);
    let scene = Scene::of((source, from.uri()), (target, to.uri()));
    moved(&scene, &name, Index::new("v", "AUTOINDEX", "COSINE", "")).await;
    let index = scene.target.describe_index(&name).await.remove(0);
    let metric = index.params.iter().find(|pair| pair.key == "metric_type").unwrap();
    assert_eq!(metric.value, "COSINE");
}

#[tokio::test]
async fn a_key_in_several_partitions_does_not_go_into_milvus_lite_3() {
    let scene = Scene::between(Kind::Milvus235A, Kind::Lite3).await;
    let collection = plain("rows", DataType::Int64).partitions(&["north"]);
    let rows = data::table_of(&collection, &data::key_range(0..300), 7);
    scene.source.fill(&collection, &rows.clone().spread_over(&["_default"])).await;
    scene.plan_file(ENTRY);
    scene.plan().await.expect_code(2);
    let again = rows.filtered(|key| *key == testkit::table::Key::Int(17));
    scene.source.insert("rows", &again.spread_over(&["north"])).await;
    scene.expect_refusal(&["key_in_several_partitions", "the key 17", "north"]).await;
}
