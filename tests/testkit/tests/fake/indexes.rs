//! Indexes: which ones a server takes on what, what they are called, and what can be altered.

use super::scene::{Scene, fine, refused, small};
use testkit::collection::{Index, field, pair, plain, vector};
use testkit::fake::{Plan, Profile};
use testkit::lines::auto_index;
use testkit::pb::common::Status;
use testkit::pb::milvus;
use testkit::pb::schema::DataType;
use testkit::structs::{struct_array, vectors};

async fn create(scene: &Scene, index: Index) -> Status {
    let request = scene.probe.index_request("things", &index);
    scene.probe.raw().create_index(request).await.unwrap().into_inner()
}

async fn alter(scene: &Scene, name: &str, set: &[(&str, &str)], delete: &[&str]) -> Status {
    let request = milvus::AlterIndexRequest {
        collection_name: "things".to_owned(),
        index_name: name.to_owned(),
        extra_params: set.iter().map(|(key, value)| pair(key, value)).collect(),
        delete_keys: delete.iter().map(|key| (*key).to_owned()).collect(),
        ..Default::default()
    };
    scene.probe.raw().alter_index(request).await.unwrap().into_inner()
}

fn with(mut index: Index, params: &[(&str, &str)]) -> Index {
    let params = params.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
    index.params.extend(params);
    index
}

const MMAP: (&str, &str) = ("mmap.enabled", "true");

async fn with_things(profile: Profile) -> Scene {
    let scene = Scene::of(profile).await;
    scene.probe.create_collection(&plain("things", DataType::Int64)).await;
    scene
}

/// What is described of an index.
async fn described(scene: &Scene, name: &str) -> Vec<(String, String)> {
    let all = scene.probe.describe_index("things").await;
    let index = all.into_iter().find(|index| index.index_name == name).unwrap();
    index.params.into_iter().map(|pair| (pair.key, pair.value)).collect()
}

fn texts(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

#[tokio::test]
async fn a_field_has_one_index_that_fits_it() {
    let scene = with_things(Profile::milvus("2.6.20")).await;
    let on = |field: &str, kind: &str, metric: &str| Index::new(field, kind, metric, "");
    let hnsw = || Index::new("embedding", "HNSW", "L2", r#"{"M": 8, "efConstruction": 64}"#);
    refused(create(&scene, on("nothing", "FLAT", "L2")).await, 1100, "non-exist field");
    let tree = create(&scene, on("embedding", "TREE", "L2")).await;
    refused(tree, 1100, "invalid index type: TREE");
    let bits = create(&scene, on("embedding", "BIN_FLAT", "L2")).await;
    refused(bits, 1100, "data type FloatVector can't build with this index BIN_FLAT");
    refused(create(&scene, on("embedding", "FLAT", "HAMMING")).await, 1100, "metric type: HAMMING");
    refused(create(&scene, on("embedding", "FLAT", "BM25")).await, 1100, "metric type: BM25");
    fine(create(&scene, hnsw()).await);
    fine(create(&scene, hnsw()).await);
    let once = "at most one distinct index is allowed per field";
    refused(create(&scene, on("embedding", "FLAT", "L2")).await, 1100, once);
    let other = on("embedding", "FLAT", "L2").named("another");
    refused(create(&scene, other).await, 1100, "creating multiple indexes on same field");
    refused(create(&scene, on("text", "INVERTED", "").named("embedding")).await, 1100, once);
    let slashed = on("text", "INVERTED", "").named("a/b");
    refused(create(&scene, slashed).await, 1100, "Invalid index name");
    refused(create(&scene, on("text", "STL", "")).await, 1100, "invalid index type");
    fine(create(&scene, on("text", "Trie", "").named("by_text")).await);
    let all = scene.probe.describe_index("things").await;
    let names: Vec<(&str, &str)> =
        all.iter().map(|d| (d.index_name.as_str(), d.field_name.as_str())).collect();
    assert_eq!(names, [("embedding", "embedding"), ("by_text", "text")]);
    // As it was given, and not taken apart.
    let given = [
        ("index_type", "HNSW"),
        ("metric_type", "L2"),
        ("params", r#"{"M": 8, "efConstruction": 64}"#),
    ];
    assert_eq!(described(&scene, "embedding").await, texts(&given));
    let drop = milvus::DropIndexRequest {
        collection_name: "things".to_owned(),
        index_name: "by_text".to_owned(),
        ..Default::default()
    };
    fine(scene.probe.raw().drop_index(drop).await.unwrap().into_inner());
    assert_eq!(scene.probe.describe_index("things").await.len(), 1);
    // 2.6.18 has no code for it.
    let scene = with_things(Profile::milvus("2.6.18")).await;
    fine(create(&scene, hnsw()).await);
    let text = format!("CreateIndex failed: {once}");
    refused(create(&scene, on("embedding", "FLAT", "L2")).await, 65_535, &text);
}

#[tokio::test]
async fn bitmaps_are_of_248() {
    let bitmap = || Index::new("text", "BITMAP", "", "");
    let scene = with_things(Profile::milvus("2.4.7")).await;
    refused(create(&scene, bitmap()).await, 1100, "invalid index type");
    let scene = with_things(Profile::milvus("2.4.8")).await;
    fine(create(&scene, bitmap()).await);
}

/// The stored side is compared without what can be altered, and the request with it.
#[tokio::test]
async fn an_index_with_mmap_is_not_made_twice() {
    for (version, code) in [("2.5.27", 65_535), ("2.6.20", 1100), ("3.0.0", 1100)] {
        let scene = with_things(Profile::milvus(version)).await;
        let mapped = || with(Index::new("embedding", "FLAT", "L2", ""), &[MMAP]);
        fine(create(&scene, mapped()).await);
        refused(create(&scene, mapped()).await, code, "at most one distinct index");
        fine(create(&scene, Index::new("embedding", "FLAT", "L2", "")).await);
    }
}

#[tokio::test]
async fn an_automatic_index_of_a_vector_takes_its_metric_alone() {
    let words = "only metric type can be passed when use AutoIndex";
    for (version, code) in [("2.4.10", 65_535), ("2.5.27", 65_535), ("2.6.20", 1100)] {
        let scene = with_things(Profile::milvus(version)).await;
        for more in [MMAP, ("load_priority", "high"), ("params", r#"{"M": 16}"#)] {
            refused(
                create(&scene, with(auto_index("embedding", "L2"), &[more])).await,
                code,
                words,
            );
        }
        let mut bare = auto_index("embedding", "L2");
        bare.params.retain(|(name, _)| name == "index_type");
        fine(create(&scene, bare).await);
        let chosen = [("index_type", "AUTOINDEX"), ("metric_type", "COSINE")];
        assert_eq!(described(&scene, "embedding").await, texts(&chosen));
        // Of a scalar it is not asked.
        fine(create(&scene, with(Index::new("text", "AUTOINDEX", "", ""), &[MMAP])).await);
    }
}

#[tokio::test]
async fn an_index_is_altered_while_nothing_is_loaded() {
    let scene = with_things(Profile::milvus("2.6.20")).await;
    fine(create(&scene, auto_index("embedding", "L2")).await);
    refused(alter(&scene, "", &[MMAP], &[]).await, 1100, "index name is empty");
    refused(alter(&scene, "other", &[MMAP], &[]).await, 700, "index not found");
    refused(alter(&scene, "embedding", &[("M", "8")], &[]).await, 1100, "M is not a configable");
    let both = alter(&scene, "embedding", &[MMAP], &["mmap.enabled"]).await;
    refused(both, 1100, "cannot provide both");
    for _ in 0..2 {
        fine(alter(&scene, "embedding", &[MMAP, ("warmup", "sync")], &[]).await);
    }
    let altered = [
        ("index_type", "AUTOINDEX"),
        ("metric_type", "L2"),
        ("mmap.enabled", "true"),
        ("warmup", "sync"),
    ];
    assert_eq!(described(&scene, "embedding").await, texts(&altered));
    fine(alter(&scene, "embedding", &[], &["mmap.enabled", "warmup"]).await);
    scene.probe.load("things").await;
    let loaded = alter(&scene, "embedding", &[MMAP], &[]).await;
    refused(loaded, 104, "can't alter index on loaded collection");

    let scene = with_things(Profile::milvus("2.6.10")).await;
    fine(create(&scene, auto_index("embedding", "L2")).await);
    let warm = alter(&scene, "embedding", &[("warmup", "sync")], &[]).await;
    refused(warm, 1100, "warmup is not a configable");
}

#[tokio::test]
async fn mapped_files_fit_some_indexes_and_no_vector_in_the_cloud() {
    let scene = with_things(Profile::milvus("2.6.20")).await;
    let disk = with(Index::new("embedding", "DISKANN", "L2", ""), &[MMAP]);
    refused(create(&scene, disk).await, 1100, "index type DISKANN does not support mmap");
    let off = [("mmap.enabled", "false")];
    fine(create(&scene, with(Index::new("embedding", "DISKANN", "L2", ""), &off)).await);

    let scene = with_things(Profile::zilliz(Plan::Dedicated { units: 1 }, "2.6")).await;
    let words = "mmap index is not supported to config for the collection in auto index mode";
    let mapped = with(auto_index("embedding", "L2"), &[MMAP]);
    refused(create(&scene, mapped).await, 1100, words);
    fine(create(&scene, auto_index("embedding", "L2")).await);
    refused(alter(&scene, "embedding", &[MMAP], &[]).await, 1100, words);
    fine(create(&scene, with(Index::new("text", "INVERTED", "", ""), &[MMAP])).await);
}

#[tokio::test]
async fn a_path_in_json_has_an_index_of_its_own() {
    let scene = Scene::milvus("2.6.20").await;
    let mut collection = plain("things", DataType::Int64);
    collection.fields.push(field("document", DataType::Json));
    collection.dynamic = true;
    scene.probe.create_collection(&collection).await;
    let path = |of: &str, path: &str, cast: &str| {
        let params = [("json_path", path), ("json_cast_type", cast)];
        with(Index::new(of, "INVERTED", "", ""), &params)
    };
    fine(create(&scene, path("document", "document[\"a\"]", "double")).await);
    fine(create(&scene, path("document", "document['b'][0]", "JSON")).await);
    fine(create(&scene, path("document", "document", "varchar").named("whole")).await);
    fine(create(&scene, path("colour", "colour", "varchar")).await);
    fine(create(&scene, path("$meta", "$meta[\"size\"][\"w\"]", "double")).await);
    let all = scene.probe.describe_index("things").await;
    let names: Vec<(&str, &str)> =
        all.iter().map(|d| (d.index_name.as_str(), d.field_name.as_str())).collect();
    let wanted = [
        ("document/a", "document"),
        ("document/b/0", "document"),
        ("whole", "document"),
        ("$meta/colour", "colour"),
        ("$meta/size/w", "size"),
    ];
    assert_eq!(names, wanted);
    // The path stays as it was typed.
    let typed = ("json_path".to_owned(), "document[\"a\"]".to_owned());
    assert!(described(&scene, "document/a").await.contains(&typed));

    let other = create(&scene, path("document", "other[\"a\"]", "double")).await;
    refused(other, 1100, "fieldID not match with field name");
    let bare = create(&scene, path("document", "document[a]", "double")).await;
    refused(bare, 2201, "json key must be enclosed");
    let cast = create(&scene, path("document", "document[\"c\"]", "INT")).await;
    refused(cast, 1100, "json_cast_type INT is not supported");
    let none = Index::new("document", "INVERTED", "", "");
    refused(create(&scene, none).await, 1101, "json index must specify cast type");
    // Without a dynamic field, what is no field is nothing.
    let scene = Scene::milvus("2.6.20").await;
    collection.dynamic = false;
    scene.probe.create_collection(&collection).await;
    let unknown = create(&scene, path("document", "other[\"a\"]", "double")).await;
    refused(unknown, 2201, "field other not exist");
    let another = create(&scene, path("document", "text", "double")).await;
    refused(another, 1100, "fieldID not match with field name");
    collection.dynamic = true;

    for (version, cast, words) in [
        ("2.5.6", "double", "INVERTED are not supported on JSON field"),
        ("2.5.13", "array_double", "json_cast_type ARRAY_DOUBLE"),
        ("2.5.27", "json", "json_cast_type JSON"),
    ] {
        let scene = Scene::milvus(version).await;
        scene.probe.create_collection(&collection).await;
        refused(create(&scene, path("document", "document[\"a\"]", cast)).await, 1100, words);
    }
    let scene = Scene::milvus("2.5.27").await;
    scene.probe.create_collection(&collection).await;
    let other = create(&scene, path("document", "other[\"a\"]", "double")).await;
    refused(other, 65_535, "fieldID not match with field name");
}

/// A collection with vectors of this type in a struct array.
async fn with_clips(version: &str, element: DataType) -> Scene {
    let scene = Scene::milvus(version).await;
    let clips = struct_array("clips", vec![vectors("dense", element, 16)]);
    scene.probe.create_collection(&plain("things", DataType::Int64).struct_field(clips)).await;
    scene
}

#[tokio::test]
async fn vectors_of_structs_have_the_metrics_of_their_release() {
    use DataType::{BinaryVector, FloatVector, Int8Vector};
    let float = "float element type does not support metric type";
    for (version, element, metric, words) in [
        ("2.6.17", FloatVector, "MAX_SIM_COSINE", ""),
        ("2.6.17", FloatVector, "MAX_SIM_HAMMING", ""),
        ("2.6.17", FloatVector, "L2", "array of vector index does not support metric type: L2"),
        ("2.6.18", FloatVector, "L2", ""),
        ("2.6.18", FloatVector, "JACCARD", float),
        ("2.6.20", FloatVector, "MAX_SIM_HAMMING", ""),
        ("2.6.20", BinaryVector, "HAMMING", ""),
        ("2.6.20", BinaryVector, "IP", "binary element type"),
        ("2.6.20", Int8Vector, "COSINE", ""),
        ("2.6.20", Int8Vector, "HAMMING", "int element type"),
        ("3.0.0", FloatVector, "COSINE", ""),
        ("3.0.0", FloatVector, "MAX_SIM", ""),
        ("3.0.0", FloatVector, "MAX_SIM_HAMMING", float),
        ("3.0.0", BinaryVector, "MAX_SIM_HAMMING", "can't build with this index BIN_IVF_FLAT"),
        ("3.0.0", BinaryVector, "JACCARD", ""),
        ("3.0.0", BinaryVector, "MAX_SIM_COSINE", "binary element type"),
    ] {
        let scene = with_clips(version, element).await;
        let status = create(&scene, auto_index("clips[dense]", metric)).await;
        match words {
            "" => fine(status),
            words => refused(status, 1100, words),
        }
    }
}

#[tokio::test]
async fn structs_hold_vectors_of_the_types_of_their_release() {
    use DataType::{BinaryVector, Float16Vector, FloatVector, Int8Vector, SparseFloatVector};
    for (version, element, refusal) in [
        ("2.6.4", FloatVector, None),
        ("2.6.18", Int8Vector, Some((65_535, "now only float vector is supported"))),
        ("2.6.19", BinaryVector, Some((1100, "now only float vector is supported"))),
        ("2.6.20", BinaryVector, None),
        ("2.6.20", Float16Vector, None),
        ("3.0.0", Int8Vector, None),
        ("3.0.0", SparseFloatVector, Some((1100, "only fixed dimension vector types"))),
    ] {
        let scene = Scene::milvus(version).await;
        let clips = struct_array("clips", vec![vectors("dense", element, 16)]);
        let embedding = vector("embedding", DataType::FloatVector, 4);
        let status = scene.create(&small(vec![embedding]).struct_field(clips)).await;
        match refusal {
            None => fine(status),
            Some((code, words)) => refused(status, code, words),
        }
    }
}
