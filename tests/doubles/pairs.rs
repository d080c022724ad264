//! Every type of a line, between the lines that can hold it.

use testkit::collection::Collection;
use testkit::data;
use testkit::fake::{Plan, Profile};
use testkit::lines::{everything_24, everything_25, everything_26, everything_30};
use testkit::pb::common::LoadState;
use testkit::pb::schema::DataType;
use testkit::scene::doubles::Doubles;

type Everything = fn(&str, DataType) -> Collection;

async fn moves(from: Profile, to: Profile, everything: Everything) {
    let scene = Doubles::of(from, to).await;
    let numbers = everything("numbers", DataType::Int64)
        .shards(2)
        .property("collection.ttl.seconds", "0")
        .property("mmap.enabled", "true");
    let mut texts = everything("texts", DataType::VarChar);
    texts.description = "Größe \"quoted\" \\ 数据".to_owned();
    texts.consistency = 1;
    let collections = [numbers, texts];
    let tables = collections.each_ref().map(|collection| data::table(collection, 300, 5));
    for (collection, table) in collections.iter().zip(&tables) {
        scene.source.fill(collection, table).await;
    }
    scene.plan_file("[[collections]]\nsource = \"*\"");
    scene.converge().await;
    assert!(scene.chunks() > 5, "{} chunks", scene.chunks());
    for (collection, table) in collections.iter().zip(&tables) {
        scene.expect_alike(&collection.name).await;
        scene.expect(&collection.name, table).await;
        assert_eq!(scene.target.load_state(&collection.name, &[]).await, LoadState::Loaded);
    }
}

fn milvus(version: &str) -> Profile {
    Profile::milvus(version)
}

#[tokio::test]
async fn from_24_to_26() {
    moves(milvus("2.4.10"), milvus("2.6.5"), everything_24).await;
}

#[tokio::test]
async fn from_24_to_24() {
    moves(milvus("2.4.10"), milvus("2.4.1"), everything_24).await;
}

#[tokio::test]
async fn from_25_to_26() {
    moves(milvus("2.5.4"), milvus("2.6.5"), everything_25).await;
}

#[tokio::test]
async fn from_26_to_25() {
    moves(milvus("2.6.5"), milvus("2.5.4"), everything_25).await;
}

#[tokio::test]
async fn from_26_to_26() {
    moves(milvus("2.6.20"), milvus("2.6.20"), everything_26).await;
}

#[tokio::test]
async fn from_26_to_30() {
    moves(milvus("2.6.20"), milvus("3.0.0"), everything_26).await;
}

#[tokio::test]
async fn from_30_to_30() {
    moves(milvus("3.0.0"), milvus("3.0.0"), everything_30).await;
}

#[tokio::test]
async fn from_25_to_serverless_26() {
    moves(milvus("2.5.4"), Profile::zilliz(Plan::Serverless, "2.6"), everything_25).await;
}

#[tokio::test]
async fn from_26_to_dedicated_26() {
    let cloud = Profile::zilliz(Plan::Dedicated { units: 4 }, "2.6");
    moves(milvus("2.6.20"), cloud, without_lists_of_bits).await;
}

#[tokio::test]
async fn from_zilliz_to_milvus() {
    let cloud = Profile::zilliz(Plan::Dedicated { units: 1 }, "2.6");
    moves(cloud, milvus("2.6.20"), without_lists_of_bits).await;
}

/// A cluster takes no index but `AUTOINDEX`, which compares no lists of bits elsewhere.
fn without_lists_of_bits(name: &str, key_type: DataType) -> Collection {
    let mut collection = everything_26(name, key_type);
    collection.struct_fields[0].fields.retain(|field| field.name != "bits");
    collection.indexes.retain(|index| index.field != "things[bits]");
    collection
}

/// A server that takes no query without a limit.
#[tokio::test]
async fn from_a_source_that_insists_on_limits() {
    let limited = milvus("2.6.20").set(|profile| profile.limit_required = true);
    moves(limited, milvus("2.6.20"), everything_26).await;
}

/// Columns come in another order, each with the id of another one.
#[tokio::test]
async fn shuffled_columns_with_wrong_ids_arrive_rightly() {
    let shuffled = milvus("3.0.0").set(|profile| profile.shuffled_columns = true);
    moves(shuffled, milvus("3.0.0"), everything_30).await;
}

/// What 3.0 holds and 2.6 does not is refused, each by its name.
#[tokio::test]
async fn from_30_to_26_is_refused_by_name() {
    let scene = Doubles::between("3.0.0", "2.6.17").await;
    let everything = everything_30("everything", DataType::Int64);
    let rows = data::table(&everything, 20, 1);
    scene.source.fill(&everything, &rows).await;
    scene.plan_one("everything", "");
    scene
        .expect_refusal(&[
            "target_lacks_type",
            "story",
            "target_lacks_nullable",
            "maybe_embedding",
            "maybe_sparse",
            "things",
            "Milvus 2.6.17",
        ])
        .await;

    // Without what is named, and the indexes on that, it goes.
    let settings = "fields = { story = { drop = true }, maybe_embedding = { drop = true }, \
                    maybe_sparse = { drop = true }, things = { drop = true } }\n\
                    indexes = { maybe_embedding = \"none\", maybe_sparse = \"none\", \
                    \"things[dense]\" = \"none\", \"things[bits]\" = \"none\" }";
    scene.plan_one("everything", settings);
    scene.converge().await;
    let mut left = rows;
    let things = ["label", "weight", "dense", "bits"].map(|name| format!("things[{name}]"));
    for name in
        things.iter().map(String::as_str).chain(["story", "maybe_embedding", "maybe_sparse"])
    {
        left = left.without(name);
    }
    scene.expect("everything", &left).await;
}
