//! What is different on Zilliz Cloud.

use super::scene::{Scene, fine, refused};
use testkit::collection::{Index, plain, vector};
use testkit::data;
use testkit::fake::{Plan, Profile};
use testkit::lines::{auto_index, everything_26};
use testkit::pb::milvus;
use testkit::pb::schema::DataType;

#[tokio::test]
async fn it_says_what_it_is_in_its_build_tags() {
    let scene = Scene::of(Profile::zilliz(Plan::Serverless, "2.6")).await;
    let answer = scene.probe.raw().connect(milvus::ConnectRequest::default()).await.unwrap();
    let tags = answer.into_inner().server_info.unwrap().build_tags;
    assert_eq!(tags, "Zilliz Cloud Vector Database(Compatible with Milvus 2.6)");
    assert!(!scene.probe.version().contains("2.6"));
}

#[tokio::test]
async fn plans_have_limits() {
    for (plan, collections, vectors, shards) in [
        (Plan::Free, 5, 4, 2),
        (Plan::Serverless, 100, 4, 2),
        (Plan::Dedicated { units: 1 }, 1024, 10, 2),
        (Plan::Dedicated { units: 8 }, 8192, 10, 4),
        (Plan::Dedicated { units: 64 }, 16_384, 10, 8),
    ] {
        let limits = Profile::zilliz(plan, "2.6").limits;
        let found = (limits.collections, limits.vector_fields, limits.shards);
        assert_eq!(found, (collections, vectors, shards), "{plan:?}");
    }
    let scene = Scene::of(Profile::zilliz(Plan::Free, "2.6")).await;
    for number in 0..5 {
        fine(scene.create(&plain(&format!("c{number}"), DataType::Int64)).await);
    }
    let sixth = scene.create(&plain("c5", DataType::Int64)).await;
    refused(sixth, 102, "exceeded the limit number of collections");
    let scene = Scene::of(Profile::zilliz(Plan::Free, "2.6")).await;
    let wide = scene.create(&plain("c", DataType::Int64).shards(3)).await;
    refused(wide, 1100, "maximum shards's number should be limited to 2");
}

#[tokio::test]
async fn only_dedicated_clusters_have_databases() {
    let create = async |plan: Plan| {
        let scene = Scene::of(Profile::zilliz(plan, "2.6")).await;
        let request =
            milvus::CreateDatabaseRequest { db_name: "one".to_owned(), ..Default::default() };
        scene.probe.raw().create_database(request).await.unwrap().into_inner()
    };
    fine(create(Plan::Dedicated { units: 1 }).await);
    refused(create(Plan::Serverless).await, 65_535, "does not support databases");
}

#[tokio::test]
async fn vectors_have_automatic_indexes_only() {
    let scene = Scene::of(Profile::zilliz(Plan::Dedicated { units: 1 }, "2.6")).await;
    let mut collection = plain("things", DataType::Int64);
    collection.indexes.clear();
    scene.probe.create_collection(&collection).await;
    let index = async |index: Index| {
        let request = scene.probe.index_request("things", &index);
        scene.probe.raw().create_index(request).await.unwrap().into_inner()
    };
    refused(index(Index::new("embedding", "HNSW", "L2", "")).await, 1100, "only AUTOINDEX");
    fine(index(auto_index("embedding", "L2")).await);
    let scene = Scene::of(Profile::zilliz(Plan::Dedicated { units: 1 }, "3.0")).await;
    let bits = vector("bits", DataType::BinaryVector, 64);
    scene.with_field(bits).await;
    let request =
        scene.probe.index_request("things", &Index::new("bits", "MINHASH_LSH", "MHJACCARD", ""));
    fine(scene.probe.raw().create_index(request).await.unwrap().into_inner());
    fine(index(Index::new("text", "INVERTED", "", "")).await);
    let mut bare = Index::new("text", "INVERTED", "", "").named("text");
    bare.params.clear();
    refused(index(bare).await, 1100, "at most one distinct index");
}

#[tokio::test]
async fn everything_of_26_fits_a_dedicated_cluster() {
    let scene = Scene::of(Profile::zilliz(Plan::Dedicated { units: 1 }, "2.6")).await;
    let mut collection = everything_26("things", DataType::Int64);
    collection.indexes.retain(|index| index.field != "things[bits]");
    let collection = collection.index(auto_index("things[bits]", "MAX_SIM_HAMMING"));
    let rows = data::table(&collection, 20, 1);
    scene.probe.fill(&collection, &rows).await;
    assert_eq!(scene.probe.count("things", &[]).await, 20);
}
