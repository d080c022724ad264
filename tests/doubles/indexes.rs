//! Indexes whose making depends on the release: automatic ones with mapped files, paths into JSON,
//! vectors in structs, and answers that get lost.

use testkit::collection::{Collection, Index, field, pair, plain};
use testkit::data;
use testkit::fake::{Plan, Profile};
use testkit::lines::auto_index;
use testkit::pb::milvus::{AlterIndexRequest, CreateIndexRequest};
use testkit::pb::schema::DataType;
use testkit::relay::{Act, Call, Relay};
use testkit::scene::{PLAN, doubles::Doubles, expect_words};
use testkit::structs::{struct_array, vectors};
use testkit::table::Table;

const DEDICATED: Plan = Plan::Dedicated { units: 1 };

/// A collection whose vector has an automatic index, and its rows.
fn things() -> (Collection, Table) {
    let mut things = plain("things", DataType::Int64);
    things.indexes = vec![auto_index("embedding", "L2")];
    let rows = data::table(&things, 300, 1);
    (things, rows)
}

/// The source's collection, whose index was altered to mapped files afterwards.
async fn with_mapped_automatic_index(scene: &Doubles) -> Table {
    let (things, rows) = things();
    scene.source.create_collection(&things).await;
    scene.source.insert("things", &rows).await;
    scene.source.create_index("things", &things.indexes[0]).await;
    let alter = AlterIndexRequest {
        collection_name: "things".to_owned(),
        index_name: "embedding".to_owned(),
        extra_params: vec![pair("mmap.enabled", "true")],
        ..Default::default()
    };
    let answer = scene.source.raw().alter_index(alter).await.unwrap().into_inner();
    assert_eq!(answer.code, 0, "{answer:?}");
    scene.source.load("things").await;
    rows
}

/// The parameter of an index at the target.
async fn param(scene: &Doubles, field: &str, name: &str) -> Option<String> {
    scene.target.index("things", field).await.get(name).cloned()
}

/// Altered to them, as `AUTOINDEX` is made with its metric alone.
#[tokio::test]
async fn an_automatic_index_keeps_its_mapped_files() {
    for to in ["2.5.27", "2.6.20", "3.0.0"] {
        let scene = Doubles::between("2.6.20", to).await;
        let rows = with_mapped_automatic_index(&scene).await;
        scene.plan_one("things", "");
        let (plan, apply) = scene.converge().await;
        expect_words(&plan, &["AUTOINDEX", "mmap.enabled = true"]);
        assert!(!testkit::ferry::says(&apply, "is not as asked for"));
        assert_eq!(param(&scene, "embedding", "mmap.enabled").await.as_deref(), Some("true"));
        scene.expect("things", &rows).await;
        scene.expect_alike("things").await;
    }
}

/// Also where another index becomes an automatic one.
#[tokio::test]
async fn an_index_that_becomes_automatic_keeps_its_mapped_files() {
    let scene = Doubles::between("2.6.20", "2.6.20").await;
    let (mut things, rows) = things();
    things.indexes[0] = Index::new("embedding", "HNSW", "L2", r#"{"M": 8, "efConstruction": 64}"#);
    let more = [("mmap.enabled", "true"), ("load_priority", "high")];
    things.indexes[0].params.extend(more.map(|(a, b)| (a.to_owned(), b.to_owned())));
    scene.source.fill(&things, &rows).await;
    scene.plan_one("things", "indexes = \"auto\"");
    scene.converge().await;
    let index = scene.target.index("things", "embedding").await;
    assert_eq!((&*index["index_type"], &*index["mmap.enabled"]), ("AUTOINDEX", "true"));
    assert!(!index.contains_key("load_priority"));
    // And where the plan file says so.
    let scene = Doubles::between("2.6.20", "2.6.20").await;
    scene.source.fill(&things, &rows).await;
    let given =
        "indexes.embedding = { type = \"AUTOINDEX\", params = { \"mmap.enabled\" = true } }";
    scene.plan_one("things", given);
    scene.converge().await;
    assert_eq!(param(&scene, "embedding", "mmap.enabled").await.as_deref(), Some("true"));
    let given = "indexes.embedding = { type = \"AUTOINDEX\", params = { M = 8 } }";
    let scene = Doubles::between("2.6.20", "2.6.20").await;
    scene.source.fill(&things, &rows).await;
    scene.plan_one("things", given);
    scene.expect_refusal(&["target_lacks_index", "AUTOINDEX", "metric", "M"]).await;
}

/// A run that ends between the making of the index and its altering does both in the end.
#[tokio::test]
async fn an_index_that_was_made_and_not_altered_is_altered_by_the_next_run() {
    let scene = Doubles::between("2.6.20", "2.6.20").await;
    with_mapped_automatic_index(&scene).await;
    scene.plan_one("things", "");
    scene.to.refuse_once("AlterIndex", 0, 1100, "not now: invalid parameter");
    scene.apply().await.expect_code(5);
    assert_eq!(param(&scene, "embedding", "index_type").await.as_deref(), Some("AUTOINDEX"));
    assert_eq!(param(&scene, "embedding", "mmap.enabled").await, None);
    scene.converge().await;
    assert_eq!(param(&scene, "embedding", "mmap.enabled").await.as_deref(), Some("true"));
}

#[tokio::test]
async fn the_cloud_takes_no_mapped_files_on_vectors() {
    let of_26 = || Doubles::of(Profile::milvus("2.6.20"), Profile::zilliz(DEDICATED, "2.6"));
    let scene = of_26().await;
    let rows = with_mapped_automatic_index(&scene).await;
    scene.plan_one("things", "");
    let (plan, _) = scene.converge().await;
    expect_words(&plan, &["index_replaced", "mmap.enabled", "Zilliz Cloud"]);
    assert_eq!(param(&scene, "embedding", "mmap.enabled").await, None);
    scene.expect("things", &rows).await;

    let scene = of_26().await;
    let (mut things, rows) = things();
    let mapped = |mut index: Index| {
        index.params.push(("mmap.enabled".to_owned(), "true".to_owned()));
        index
    };
    things.indexes[0] = mapped(Index::new("embedding", "HNSW", "L2", r#"{"M": 8}"#));
    // Those of scalars may have them.
    things.indexes.push(mapped(Index::new("text", "INVERTED", "", "")));
    scene.source.fill(&things, &rows).await;
    scene.plan_one("things", "");
    let (plan, _) = scene.converge().await;
    expect_words(&plan, &["AUTOINDEX takes the place of HNSW", "mmap.enabled = true"]);
    assert_eq!(param(&scene, "embedding", "mmap.enabled").await, None);
    assert_eq!(param(&scene, "text", "mmap.enabled").await.as_deref(), Some("true"));

    let scene = of_26().await;
    scene.source.fill(&things, &rows).await;
    let given =
        "indexes.embedding = { type = \"AUTOINDEX\", params = { \"mmap.enabled\" = true } }";
    scene.plan_one("things", given);
    scene.expect_refusal(&["target_lacks_index", "mmap.enabled", "embedding"]).await;
}

/// An index into JSON.
fn path(of: &str, path: &str, cast: &str) -> Index {
    let mut index = Index::new(of, "INVERTED", "", "");
    index.params.retain(|(name, _)| name != "metric_type");
    index.params.push(("json_path".to_owned(), path.to_owned()));
    index.params.push(("json_cast_type".to_owned(), cast.to_owned()));
    index
}

/// The path of an index begins with the name of its field.
#[tokio::test]
async fn a_json_field_is_renamed_with_its_paths() {
    let scene = Doubles::between("2.6.20", "2.6.20").await;
    let mut things = plain("things", DataType::Int64).dynamic();
    things.fields.push(field("document", DataType::Json));
    let things = things
        .index(path("document", "document[\"a\"][\"document\"]", "varchar"))
        .index(path("document", "document['b'][0]", "double").named("by_b"))
        .index(path("document", "document", "JSON").named("whole"))
        .index(path("colour", "colour", "varchar"));
    let rows = data::table(&things, 300, 1);
    scene.source.fill(&things, &rows).await;
    scene.plan_one("things", "fields.document.rename = \"facts\"\n[verify]\nschema = true");
    scene.plan_one("things", "fields.document.rename = \"facts\"");
    let (plan, _) = scene.converge().await;
    expect_words(&plan, &["facts[\"a\"][\"document\"]"]);
    let mut paths = Vec::new();
    for index in scene.target.describe_index("things").await {
        if let Some(path) = index.params.iter().find(|pair| pair.key == "json_path") {
            paths.push((index.index_name, index.field_name, path.value.clone()));
        }
    }
    paths.sort();
    let wanted = [
        ("$meta/colour", "colour", "colour"),
        ("by_b", "facts", "facts['b'][0]"),
        ("facts/a/document", "facts", "facts[\"a\"][\"document\"]"),
        ("whole", "facts", "facts"),
    ];
    let wanted = wanted.map(|(a, b, c)| (a.to_owned(), b.to_owned(), c.to_owned()));
    assert_eq!(paths, wanted);
    scene.expect("things", &rows.renamed("document", "facts")).await;
    let verified = scene.run(&["verify", PLAN]).await.expect_code(0);
    expect_words(&verified, &["facts"]);
}

/// What of a path an older line does not take is said before anything is written.
#[tokio::test]
async fn casts_of_paths_follow_the_release() {
    let mut things = plain("things", DataType::Int64);
    things.fields.push(field("document", DataType::Json));
    for (to, cast, refused) in [
        ("2.5.6", "double", true),
        ("2.5.7", "double", false),
        ("2.5.13", "array_varchar", true),
        ("2.5.14", "array_varchar", false),
        ("2.5.27", "JSON", true),
        ("2.6.4", "JSON", false),
    ] {
        let scene = Doubles::between("2.6.20", to).await;
        let things = things.clone().index(path("document", "document[\"a\"]", cast));
        scene.source.fill(&things, &data::table(&things, 50, 1)).await;
        scene.plan_one("things", "");
        if refused {
            scene.expect_refusal(&["target_lacks_index", "document", "indexes.document"]).await;
        } else {
            scene.converge().await;
        }
    }
}

/// A collection with vectors in a struct array, compared by a metric.
fn clips(element: DataType, metric: &str) -> (Collection, Table) {
    let parts = vec![vectors("dense", element, 16)];
    let things = plain("things", DataType::Int64)
        .struct_field(struct_array("clips", parts))
        .index(Index::new("clips[dense]", "HNSW", metric, r#"{"M": 8}"#));
    let rows = data::table_of(&things, &data::key_range(0..100), 1);
    (things, rows)
}

#[tokio::test]
async fn vectors_of_structs_are_compared_as_single_ones_too() {
    use DataType::{BinaryVector, FloatVector, Int8Vector};
    for (element, metric, to, refusal) in [
        (FloatVector, "COSINE", "2.6.18", None),
        (FloatVector, "COSINE", "2.6.17", Some("target_lacks_index")),
        (FloatVector, "MAX_SIM_HAMMING", "2.6.20", None),
        (FloatVector, "MAX_SIM_HAMMING", "3.0.0", Some("target_lacks_index")),
        (Int8Vector, "IP", "3.0.0", None),
        (BinaryVector, "MAX_SIM_HAMMING", "3.0.0", None),
        (BinaryVector, "MAX_SIM_HAMMING", "2.6.19", Some("target_lacks_type")),
        (FloatVector, "MAX_SIM", "2.6.3", Some("target_lacks_feature")),
        (FloatVector, "MAX_SIM", "2.5.27", Some("target_lacks_feature")),
    ] {
        let scene = Doubles::between("2.6.20", to).await;
        let (things, rows) = clips(element, metric);
        scene.source.fill(&things, &rows).await;
        scene.plan_one("things", "");
        match refusal {
            Some(code) => scene.expect_refusal(&[code, "clips"]).await,
            None => {
                scene.converge().await;
                scene.expect("things", &rows).await;
            }
        }
    }
}

/// The reviewer sees them, with their fields and what differs.
#[tokio::test]
async fn struct_arrays_are_in_the_table_of_fields() {
    let scene = Doubles::between("2.6.20", "2.6.20").await;
    let (mut things, rows) = clips(DataType::FloatVector, "MAX_SIM_COSINE");
    things.struct_fields[0].description = "one for each shot".to_owned();
    scene.source.fill(&things, &rows).await;
    scene.plan_one("things", "fields.clips.rename = \"shots\"");
    let plan = scene.plan().await.expect_code(2);
    expect_words(
        &plan,
        &[
            "shots",
            "Array<Struct>",
            "shots[dense]",
            "Array<FloatVector(16)>",
            "name: clips → shots",
        ],
    );
    expect_words(&plan, &["one for each shot"]);
}

/// A server that is asked a second time refuses an index with mapped files.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_lost_answer_indexes_are_listed_and_not_made_twice() {
    let scene = Doubles::between("2.6.20", "2.6.20").await;
    let (mut things, rows) = things();
    things.indexes[0] = Index::new("embedding", "HNSW", "L2", r#"{"M": 8}"#);
    things.indexes[0].params.push(("mmap.enabled".to_owned(), "true".to_owned()));
    scene.source.fill(&things, &rows).await;
    let relay = Relay::to(&scene.to.uri(), |call: &Call| match (call.rpc, call.number) {
        ("CreateIndex", 1) => Act::lose_answer(),
        _ => Act::Forward,
    });
    scene.plan_one("things", "");
    let plan = scene.ferry.read(PLAN).replace(&scene.to.uri(), &relay.uri());
    scene.ferry.write(PLAN, &plan);
    scene.run(&["apply", PLAN, "--yes"]).await.expect_code(0);
    assert_eq!(scene.to.requests::<CreateIndexRequest>().len(), 1);
    scene.expect_alike("things").await;
}
