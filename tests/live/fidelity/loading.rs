//! Sources that are not loaded, as a whole or in part.

use testkit::collection::plain;
use testkit::data;
use testkit::lab::Kind;
use testkit::pb::common::LoadState;
use testkit::pb::schema::DataType;
use testkit::scene::Scene;

/// What lets the tool load a source.
const LOAD: &str = "load = true";

#[tokio::test]
async fn a_source_that_is_not_loaded_is_left_as_it_was() {
    let scene = Scene::new().await;
    let collection = plain("cold", DataType::Int64);
    let rows = data::table(&collection, 2000, 1);
    scene.source.create_collection(&collection).await;
    scene.source.insert("cold", &rows).await;
    scene.source.flush("cold").await;
    scene.source.create_index("cold", &collection.indexes[0]).await;

    let entry = "[[collections]]\nsource = \"cold\"";
    scene.plan_file(entry);
    scene.expect_refusal(&["source_not_loaded", "load = true"]).await;
    assert_eq!(scene.source.load_state("cold", &[]).await, LoadState::NotLoad);
    scene.plan_file_with(LOAD, entry);
    scene.converge().await;
    assert_eq!(scene.source.load_state("cold", &[]).await, LoadState::NotLoad);
    assert_eq!(scene.target.load_state("cold", &[]).await, LoadState::NotLoad);
    scene.target.load("cold").await;
    scene.expect("cold", &rows).await;
}

/// A collection with a released partition calls itself loaded, and a query leaves the partition's
/// rows out without a word.
#[tokio::test]
async fn a_released_partition_is_noticed() {
    let scene = Scene::new().await;
    let names = ["_default", "here", "away"];
    let collection = plain("parts", DataType::Int64).partitions(&["here", "away"]);
    let rows = data::table(&collection, 3000, 2).spread_over(&names);
    scene.source.fill(&collection, &rows).await;
    scene.source.release_partitions("parts", &["away"]).await;
    assert_eq!(scene.source.load_state("parts", &[]).await, LoadState::Loaded);

    let entries = "[[collections]]\nsource = \"parts\"\n\
                   [[collections]]\nsource = \"parts\"\ntarget = \"merged\"\npartitions = \"merge\"";
    scene.plan_file(entries);
    scene.expect_refusal(&["source_partition_not_loaded", "away"]).await;
    assert!(!scene.target.has_collection("parts").await);
    scene.plan_file_with(LOAD, entries);
    scene.converge().await;
    let state = |name| scene.source.load_state("parts", name);
    assert_eq!(state(&["away"]).await, LoadState::NotLoad);
    assert_eq!(state(&["here"]).await, LoadState::Loaded);
    assert_eq!(state(&["_default"]).await, LoadState::Loaded);
    // As at the source, so at the target.
    assert_eq!(scene.target.load_state("parts", &["away"]).await, LoadState::NotLoad);
    assert_eq!(scene.target.load_state("parts", &["here"]).await, LoadState::Loaded);
    scene.target.load_partitions("parts", &["away"]).await;
    scene.expect_in_partitions("parts", &rows, &names).await;
    scene.expect("merged", &rows.spread_over(&[""])).await;
}

/// A partition that is loaded beside others calls itself loaded seconds before its rows can be read,
/// and rows of another one that are not flushed make up for them in the counts.
#[tokio::test]
async fn a_partition_that_was_just_loaded_is_waited_for() {
    let scene = Scene::new().await;
    let collection = plain("parts", DataType::Int64).partitions(&["here", "away"]);
    let away = data::table_of(&collection, &data::key_range(0..3_000), 4).spread_over(&["away"]);
    let here =
        data::table_of(&collection, &data::key_range(5_000..9_000), 5).spread_over(&["here"]);
    scene.source.fill(&collection, &away).await;
    scene.source.release_partitions("parts", &["away"]).await;
    scene.source.insert("parts", &here).await;
    scene.plan_file("[[collections]]\nsource = \"parts\"");
    scene.source.load_partitions("parts", &["away"]).await;
    scene.apply().await.expect_code(0);
    scene.expect_in_partitions("parts", &away.followed_by(&here), &["away", "here"]).await;
}

/// Milvus 2.2 does not load the rest of a collection of which partitions are loaded.
#[tokio::test]
async fn a_partition_that_2216_cannot_load_is_refused_before_anything_is_made() {
    let scene = Scene::between(Kind::Milvus2216, Kind::Milvus235B).await;
    let collection = plain("parts", DataType::Int64).partitions(&["here", "away"]);
    let rows = data::table(&collection, 100, 3).spread_over(&["here", "away"]);
    scene.source.create_collection(&collection).await;
    scene.source.insert("parts", &rows).await;
    scene.source.create_index("parts", &collection.indexes[0]).await;
    scene.source.load_partitions("parts", &["here"]).await;
    scene.plan_file_with(LOAD, "[[collections]]\nsource = \"parts\"");
    scene.expect_refusal(&["source_partition_not_loaded", "away"]).await;
    assert!(!scene.target.has_collection("parts").await);
}
