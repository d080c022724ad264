//! Indexes: kept, replaced, automatic, none, added.

use testkit::collection::{Collection, Index, pair, plain};
use testkit::data;
use testkit::fake::{Fake, Profile};
use testkit::lab::{Kind, server};
use testkit::pb::common::LoadState;
use testkit::pb::milvus::AlterIndexRequest;
use testkit::pb::schema::DataType;
use testkit::probe::Probe;
use testkit::scene::articles::articles;
use testkit::scene::{Scene, expect_words};

const ROWS: usize = 1200;

#[tokio::test]
async fn the_indexes_of_fields_are_replaced_added_and_left_out() {
    let scene = Scene::new().await;
    let mut collection = articles("articles");
    collection.indexes[0] = collection.indexes[0].clone().named("near");
    let collection = collection.index(Index {
        field: "body".to_owned(),
        name: "words".to_owned(),
        params: vec![("index_type".to_owned(), "Trie".to_owned())],
    });
    let rows = data::table(&collection, ROWS, 2);
    scene.source.fill(&collection, &rows).await;
    scene.plan_file(
        r#"
[[collections]]
source = "articles"
[[collections]]
source = "articles"
target = "replaced"
[collections.indexes]
embedding = { type = "HNSW", params = { M = 12, efConstruction = 90 } }
body = "none"
[[collections]]
source = "articles"
target = "renamed"
[collections.indexes]
embedding = { type = "IVF_SQ8", metric = "IP", name = "closest", params = { nlist = 8 } }
tenant = { type = "STL_SORT" }
[[collections]]
source = "articles"
target = "automatic"
indexes = "auto"
"#,
    );
    let (plan, _) = scene.converge().await;
    expect_words(
        &plan,
        &[
            r#"index embedding IVF_FLAT L2 {"nlist": 16} → HNSW L2 {"M":12,"efConstruction":90}"#,
            "index body Trie → none",
            r#"→ IVF_SQ8 IP {"nlist":8}"#,
            "index tenant none → STL_SORT",
            "→ AUTOINDEX L2",
        ],
    );
    let index = async |name: &str, field: &str| scene.target.index(name, field).await;
    let kept = index("articles", "embedding").await;
    assert_eq!((&*kept["index_type"], &*kept["metric_type"]), ("IVF_FLAT", "L2"));
    assert_eq!(kept["name"], "near");
    assert_eq!(index("articles", "body").await["name"], "words");

    let replaced = index("replaced", "embedding").await;
    assert_eq!((&*replaced["index_type"], &*replaced["metric_type"]), ("HNSW", "L2"));
    let params: serde_json::Value = serde_json::from_str(&replaced["params"]).unwrap();
    assert_eq!(params, serde_json::json!({"M": 12, "efConstruction": 90}));
    assert!(index("replaced", "body").await.is_empty());

    let renamed = index("renamed", "embedding").await;
    assert_eq!((&*renamed["index_type"], &*renamed["metric_type"]), ("IVF_SQ8", "IP"));
    assert_eq!(renamed["name"], "closest");
    assert_eq!(index("renamed", "tenant").await["index_type"], "STL_SORT");
    assert_eq!(index("renamed", "body").await["name"], "words");

    let automatic = index("automatic", "embedding").await;
    assert_eq!((&*automatic["index_type"], &*automatic["metric_type"]), ("AUTOINDEX", "L2"));
    for name in ["articles", "replaced", "renamed", "automatic"] {
        scene.expect(name, &rows).await;
    }
    scene.settled(&["index_replaced"]).await;
}

/// The rule that doubles of newer servers have too, seen at a real one, which has no call to alter an
/// index afterwards.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_automatic_index_of_a_vector_takes_its_metric_alone() {
    let server = server(Kind::Milvus235B);
    let target = Probe::of(server).await.in_new_database().await;
    let mut collection = plain("mapped", DataType::Int64);
    collection.indexes = vec![Index::new("embedding", "AUTOINDEX", "L2", "")];
    target.create_collection(&collection).await;
    let mut mapped = collection.indexes[0].clone();
    mapped.params.push(("mmap.enabled".to_owned(), "true".to_owned()));
    let refused = target.raw().create_index(target.index_request("mapped", &mapped)).await;
    let refused = refused.unwrap().into_inner();
    assert!(refused.reason.contains("only metric type can be passed when use AutoIndex"));
    target.create_index("mapped", &collection.indexes[0]).await;
    let alter = AlterIndexRequest {
        db_name: target.database().to_owned(),
        collection_name: "mapped".to_owned(),
        index_name: "embedding".to_owned(),
        extra_params: vec![pair("mmap.enabled", "true")],
        ..Default::default()
    };
    // It has the call, and no answer to it.
    let unanswered = target.raw().alter_index(alter.clone()).await.unwrap_err();
    assert!(unanswered.message().contains("Marshal called with nil"), "{unanswered}");

    // A source whose index was altered.
    let source = Fake::start(Profile::milvus("2.6.20"));
    let probe = source.probe().await.in_database("default");
    let collection = Collection { name: "altered".to_owned(), ..collection };
    let rows = data::table(&collection, 300, 1);
    probe.create_collection(&collection).await;
    probe.insert("altered", &rows).await;
    probe.create_index("altered", &collection.indexes[0]).await;
    let name = "altered".to_owned();
    let database = probe.database().to_owned();
    let alter = AlterIndexRequest { db_name: database, collection_name: name, ..alter };
    assert_eq!(probe.raw().alter_index(alter).await.unwrap().into_inner().code, 0);
    probe.load("altered").await;
    let scene = Scene::of((probe, &source.uri()), (target, server.uri()));
    scene.plan_one("altered", "");
    let (plan, _) = scene.converge().await;
    expect_words(&plan, &["index_replaced", "without mmap.enabled"]);
    let index = scene.target.index("altered", "embedding").await;
    assert_eq!((&*index["index_type"], index.get("mmap.enabled")), ("AUTOINDEX", None));
    scene.expect("altered", &rows).await;
}

/// Milvus loads no collection whose vectors lack an index, so that its rows could not be counted.
#[tokio::test]
async fn a_vector_without_an_index_is_refused_where_it_could_not_be_loaded() {
    let scene = Scene::new().await;
    scene.articles("articles", ROWS).await;
    for indexes in ["\"none\"", "{ embedding = \"none\" }"] {
        for load in ["", "load = false\n"] {
            scene.plan_file(&format!(
                "[[collections]]\nsource = \"articles\"\n{load}indexes = {indexes}"
            ));
            scene.expect_refusal(&["vector_not_indexed", "embedding", "`indexes`"]).await;
            assert!(!scene.target.has_collection("articles").await);
        }
    }
    // Milvus Lite does without.
    let scene = Scene::between(Kind::Milvus235A, Kind::Lite3).await;
    let rows = scene.articles("articles", ROWS).await;
    scene.plan_file("[[collections]]\nsource = \"articles\"\nindexes = \"none\"");
    let (plan, _) = scene.converge().await;
    expect_words(&plan, &["indexes none"]);
    assert!(scene.target.index("articles", "embedding").await.is_empty());
    assert_eq!(scene.target.load_state("articles", &[]).await, LoadState::Loaded);
    scene.expect_parsed("articles", &rows).await;
}

/// Only the server knows what an index needs. The rows are there by then, and stay.
#[tokio::test]
async fn an_index_that_the_server_refuses_is_corrected_in_the_plan_file() {
    let scene = Scene::new().await;
    let rows = scene.articles("articles", ROWS).await;
    let entry = |params: &str| {
        scene.plan_file(&format!(
            "[[collections]]\nsource = \"articles\"\nfields.embedding.rename = \"meaning\"\n\
             indexes = {{ embedding = {{ type = \"HNSW\"{params} }} }}"
        ));
    };
    entry("");
    let failed = scene.apply().await.expect_code(5);
    expect_words(&failed, &["efConstruction", "`indexes.embedding`", "continues where it stopped"]);
    let copied = scene.chunks();
    entry(", params = { M = 8, efConstruction = 64 }");
    scene.converge().await;
    assert_eq!(scene.chunks(), copied);
    assert_eq!(scene.target.index("articles", "meaning").await["index_type"], "HNSW");
    scene.expect("articles", &rows.renamed("embedding", "meaning")).await;
}

/// A source that nobody can load says so before anything is made, even where it may be loaded.
#[tokio::test]
async fn a_source_whose_vector_has_no_index_is_refused() {
    let scene = Scene::new().await;
    let collection = articles("articles");
    scene.source.create_collection(&collection).await;
    scene.source.insert("articles", &data::table(&collection, 100, 3)).await;
    scene.plan_file_with("load = true", "[[collections]]\nsource = \"articles\"");
    // No statistic counts its rows yet.
    expect_words(&scene.plan().await.expect_code(2), &["source_not_read", "apply flushes it"]);
    let outcome = scene.apply().await.expect_code(5);
    expect_words(&outcome, &["has rows, and no query can read them", "index"]);
    assert!(!scene.target.has_collection("articles").await);
    scene.source.flush("articles").await;
    scene.expect_refusal(&["source_not_loadable", "embedding", "index"]).await;
    assert!(!scene.target.has_collection("articles").await);
}

#[tokio::test]
async fn rules_for_fields_that_are_not_there_are_refused_by_name_and_told_by_glob() {
    let scene = Scene::new().await;
    let rows = scene.articles("articles", ROWS).await;
    for (rule, code) in [
        ("indexes = { embeding = \"auto\" }", "index_field_missing"),
        ("fields = { bodi = { rename = \"text\" } }", "field_missing"),
        ("partition_key = { field = \"tenat\" }", "partition_key_missing"),
        ("indexes = { embedding = { type = \"HNWS\" } }", "target_lacks_index"),
    ] {
        scene.plan_file(&format!("[[collections]]\nsource = \"articles\"\n{rule}"));
        let help = match code {
            "target_lacks_index" => "no index of type \"HNWS\" on FloatVector(8)",
            _ => "id, tenant, body, embedding",
        };
        scene.expect_refusal(&[code, help]).await;
    }
    scene.plan_file(
        "[defaults.indexes]\nembeding = \"auto\"\n[defaults.fields.bodi]\nrename = \"text\"\n\
         [[collections]]\nsource = \"art*\"",
    );
    let (plan, _) = scene.converge().await;
    expect_words(&plan, &["index_field_missing", "field_missing", "warning"]);
    scene.expect("articles", &rows).await;
}
