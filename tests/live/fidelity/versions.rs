//! From one version to another.

use testkit::collection::{everything_235, everything_2216, plain};
use testkit::data;
use testkit::lab::Kind;
use testkit::pb::schema::DataType;
use testkit::scene::{Scene, expect_words};
use testkit::table::assert_same;

#[tokio::test]
async fn everything_moves_from_2216_to_235() {
    let scene = Scene::between(Kind::Milvus2216, Kind::Milvus235B).await;
    let (numbers, texts) =
        (everything_2216("numbers", DataType::Int64), everything_2216("texts", DataType::VarChar));
    let rows = [data::table(&numbers, 2000, 1), data::table(&texts, 2000, 2)];
    tokio::join!(scene.source.fill(&numbers, &rows[0]), scene.source.fill(&texts, &rows[1]));
    scene.plan_file("[[collections]]\nsource = \"*\"");
    scene.converge().await;
    assert!(scene.chunks() > 10, "{} chunks", scene.chunks());
    for (name, rows) in [("numbers", &rows[0]), ("texts", &rows[1])] {
        let made_up = &scene.source.describe_index(name).await[0].index_name;
        assert!(made_up.starts_with("_default_idx"), "{made_up}");
        // The name that 2.2.16 made up is no choice of the user's.
        assert_eq!(scene.target.describe_index(name).await[0].index_name, "embedding");
        scene.expect(name, rows).await;
    }
}

#[tokio::test]
async fn milvus_lite_loses_details_and_no_row() {
    let scene = Scene::between(Kind::Milvus235A, Kind::Lite3).await;
    let mut collection = everything_235("rows", DataType::VarChar).shards(2);
    collection.description = "lost".to_owned();
    let rows = data::table(&collection, 400, 3);
    scene.source.fill(&collection, &rows).await;
    scene.plan_file("[[collections]]\nsource = \"rows\"");
    let (_, apply) = scene.converge().await;
    expect_words(&apply, &["did not keep", "description", "shards"]);
    let read = scene.target.read_all("rows", &rows.keys(), &[]).await;
    assert_same(&rows.with_json_parsed(), &read.with_json_parsed());
}

/// An older server would drop or refuse what it does not know half-way.
#[tokio::test]
async fn what_an_older_target_cannot_hold_is_refused_before_anything_is_made() {
    let scene = Scene::between(Kind::Milvus235A, Kind::Milvus2216).await;
    let collection = everything_235("arrays", DataType::Int64);
    let small = plain("rows", DataType::Int64);
    let (some, rows) = (data::table(&collection, 10, 4), data::table(&small, 1000, 5));
    tokio::join!(scene.source.fill(&collection, &some), scene.source.fill(&small, &rows));
    scene.plan_file("[[collections]]\nsource = \"*\"");
    scene.expect_refusal(&["target_lacks_type", "Array", "texts"]).await;
    assert!(!scene.target.has_collection("rows").await);
    scene.plan_file("[[collections]]\nsource = \"rows\"");
    scene.converge().await;
    scene.expect("rows", &rows).await;
}
