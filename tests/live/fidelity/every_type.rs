//! Every type and everything that describes a collection, from 2.3.5 to 2.3.5.

use std::collections::BTreeMap;

use testkit::collection::{Collection, FieldWords, Index, binary, everything_235};
use testkit::data;
use testkit::pb::common::LoadState;
use testkit::pb::schema::DataType;
use testkit::probe::Probe;
use testkit::scene::Scene;

/// An index as its server describes it: name, field, parameters.
type Described = (String, String, BTreeMap<String, String>);

async fn indexes(probe: &Probe, collection: &str) -> Vec<Described> {
    let described = probe.describe_index(collection).await;
    let mut indexes: Vec<Described> = described
        .into_iter()
        .map(|index| {
            let params = index.params.into_iter().map(|pair| (pair.key, pair.value)).collect();
            (index.index_name, index.field_name, params)
        })
        .collect();
    indexes.sort();
    indexes
}

/// Everything that both ends say about a collection, but ids and times, is the same.
async fn expect_alike(scene: &Scene, collection: &str) {
    let one = scene.source.describe(collection).await;
    let other = scene.target.describe(collection).await;
    assert_eq!(one.shards_num, other.shards_num);
    assert_eq!(one.consistency_level, other.consistency_level);
    assert_eq!(one.num_partitions, other.num_partitions);
    assert_eq!(one.schema, other.schema);
    let of = async |probe: &Probe| probe.properties(collection).await;
    assert_eq!(of(&scene.source).await, of(&scene.target).await);
    let (one, other) =
        (indexes(&scene.source, collection).await, indexes(&scene.target, collection).await);
    assert_eq!(one, other);
}

/// Empty arrays as 2.3.5 returns them kill the 2.3.5 that they are inserted into: without the empty
/// member set, the target was seen to be gone.
async fn moves_whole(collection: Collection, rows: usize) {
    let scene = Scene::new().await;
    let table = data::table(&collection, rows, 11);
    scene.source.fill(&collection, &table).await;
    scene.plan_file(&format!("[[collections]]\nsource = \"{}\"", collection.name));
    scene.converge().await;
    assert!(scene.chunks() > 1, "{} chunks", scene.chunks());
    expect_alike(&scene, &collection.name).await;
    assert_eq!(scene.target.load_state(&collection.name, &[]).await, LoadState::Loaded);
    scene.expect(&collection.name, &table).await;
}

#[tokio::test]
async fn every_type_arrives_by_int64_keys() {
    let mut collection = everything_235("numbers", DataType::Int64)
        .shards(2)
        .property("collection.ttl.seconds", "0")
        .index(Index::new("text", "Trie", "", "").named("by_text"));
    collection.description = "Größe \"quoted\" \\ 数据".to_owned();
    collection.consistency = 1;
    collection.indexes[0] =
        Index::new("embedding", "HNSW", "COSINE", r#"{"M": 12, "efConstruction": 96}"#)
            .named("near");
    moves_whole(collection, 2000).await;
}

#[tokio::test]
async fn every_type_arrives_by_var_char_keys() {
    let mut collection = everything_235("texts", DataType::VarChar);
    collection.indexes[0] = Index::new("embedding", "IVF_FLAT", "IP", r#"{"nlist": 37}"#);
    collection.fields[0] = collection.fields[0].clone().described("the key");
    moves_whole(collection, 2000).await;
}

#[tokio::test]
async fn binary_vectors_arrive() {
    let mut collection = binary("bits", DataType::Int64);
    collection.indexes[0] = Index::new("bits", "BIN_IVF_FLAT", "JACCARD", r#"{"nlist": 16}"#);
    moves_whole(collection, 5000).await;
}
