//! Functions: what they need, what they make, and what nobody may send or read.

use super::scene::{Scene, fine, refused, three_rows};
use testkit::collection::{Collection, FieldWords, bm25, field, pair, plain, var_char, vector};
use testkit::data;
use testkit::fake::Profile;
use testkit::lines::auto_index;
use testkit::pb::common::Status;
use testkit::pb::milvus::QueryRequest;
use testkit::pb::schema::{DataType, FieldSchema, FunctionSchema, FunctionType};
use testkit::table::Value;

fn analyzed() -> FieldSchema {
    var_char("body", 500).param("enable_analyzer", "true")
}

/// A collection with a text, and a function of it into `made`.
fn with_function(kind: FunctionType, output: FieldSchema) -> Collection {
    let function = FunctionSchema { r#type: kind.into(), ..bm25("compute", "body", "made") };
    let mut collection = plain("things", DataType::Int64).function(function);
    collection.fields.extend([analyzed(), output.function_output()]);
    collection
}

fn full_text() -> Collection {
    with_function(FunctionType::Bm25, field("made", DataType::SparseFloatVector))
        .index(auto_index("made", "BM25"))
}

fn embedding() -> Collection {
    let output = vector("made", DataType::FloatVector, 4);
    let mut collection = with_function(FunctionType::TextEmbedding, output);
    collection.functions[0].params = vec![pair("provider", "openai"), pair("model_name", "m")];
    collection.index(auto_index("made", "COSINE"))
}

fn min_hash() -> Collection {
    with_function(FunctionType::MinHash, vector("made", DataType::BinaryVector, 64))
        .index(auto_index("made", "HAMMING"))
}

/// What the server says to an insert that holds the function's output too.
async fn insert_with_output(scene: &Scene, collection: &Collection) -> Status {
    let mut request = three_rows(&scene.probe, collection);
    let output = collection.fields.iter().find(|field| field.name == "made").unwrap();
    let value = match output.data_type() {
        DataType::FloatVector => Value::FloatVector(vec![0.5; 4]),
        DataType::BinaryVector => Value::Bytes(vec![1; 8]),
        _ => Value::Bytes([1_u32.to_le_bytes(), 1.0_f32.to_le_bytes()].concat()),
    };
    let values = [&value, &value, &value];
    request.fields_data.push(testkit::columns::encode(output, &values));
    scene.insert(request).await
}

async fn reads_output(scene: &Scene) -> Status {
    let request = QueryRequest {
        collection_name: "things".to_owned(),
        expr: "id <= 0".to_owned(),
        output_fields: vec!["made".to_owned()],
        ..Default::default()
    };
    scene.probe.raw().query(request).await.unwrap().into_inner().status.unwrap()
}

#[tokio::test]
async fn hidden_outputs_are_made_and_neither_sent_nor_read() {
    for (version, collection) in [("2.5.4", full_text()), ("3.0.0", min_hash())] {
        let scene = Scene::milvus(version).await;
        let rows = data::table(&collection, 5, 1);
        scene.probe.fill(&collection, &rows).await;
        let read = scene.probe.read_all("things", &rows.keys(), &[]).await;
        testkit::table::assert_same(&rows, &read);
        let schema = scene.probe.describe("things").await.schema.unwrap();
        assert!(schema.fields.last().unwrap().is_function_output);
        assert_eq!(schema.functions[0].output_field_names, ["made"]);
        let status = insert_with_output(&scene, &collection).await;
        refused(status, 1100, "more fieldData has pass in");
        let code = if version == "2.5.4" { 65_535 } else { 1100 };
        let words = "not allowed to retrieve raw data of field made";
        refused(reads_output(&scene).await, code, words);
        let all = scene.probe.query("things", &[], "id <= 0", &["*"], &[]).await;
        assert!(all.fields_data.iter().all(|column| column.field_name != "made"));
        let stored = scene.fake.with_collection("default", "things", |c| c.rows[0].values.clone());
        assert!(matches!(stored.last(), Some(Value::Bytes(_))));
        assert_eq!(scene.fake.embedding_calls(), 0);
    }
}

#[tokio::test]
async fn embeddings_are_asked_for_unless_they_are_allowed_and_sent() {
    let allowed = "collection.function.allowInsertNonBM25FunctionOutputs";
    let unchecked = "disable_func_runtime_check";
    let scene = Scene::milvus("2.6.8").await;
    let collection = embedding();
    let rows = data::table(&collection, 5, 1);
    scene.probe.fill(&collection, &rows).await;
    assert_eq!(scene.fake.embedding_calls(), 2); // at creation, and at the insert
    fine(reads_output(&scene).await);
    let status = insert_with_output(&scene, &collection).await;
    refused(status, 65_535, "allowInsertNonBM25FunctionOutputs is not enabled");

    let scene = Scene::milvus("2.6.8").await;
    let collection = embedding().property(allowed, "true").property(unchecked, "true");
    scene.probe.create_collection(&collection).await;
    fine(insert_with_output(&scene, &collection).await);
    assert_eq!(scene.fake.embedding_calls(), 0);
    fine(scene.insert(three_rows(&scene.probe, &collection)).await);
    assert_eq!(scene.fake.embedding_calls(), 1);

    // Before 2.6.8 the check cannot be switched off.
    let scene = Scene::milvus("2.6.7").await;
    scene.probe.create_collection(&collection).await;
    assert_eq!(scene.fake.embedding_calls(), 1);
}

#[tokio::test]
async fn functions_need_the_right_fields() {
    let mut plain_text = full_text();
    plain_text.fields[3].type_params.pop();
    let dense = with_function(FunctionType::Bm25, vector("made", DataType::FloatVector, 4));
    let mut astray = full_text();
    astray.functions[0].output_field_names = vec!["nothing".to_owned()];
    let mut twice = full_text();
    twice.functions.push(FunctionSchema { name: "again".to_owned(), ..twice.functions[0].clone() });
    let mut nullable = embedding();
    nullable.fields[3].nullable = true;
    let mut nobody = embedding();
    nobody.functions[0].params = vec![pair("provider", "nobody")];
    let mut bare = embedding();
    bare.functions[0].params.clear();
    let rerank = with_function(FunctionType::Rerank, vector("made", DataType::FloatVector, 4));
    for (collection, words) in [
        (plain_text, "enable_analyzer"),
        (dense, "must be a SparseFloatVector"),
        (astray, "output field not found"),
        (twice, "duplicate function output field"),
        (nullable, "cannot be nullable"),
        (bare, "accepts no params"),
        (nobody, "unsupported text embedding service provider"),
        (rerank, "unknown function type"),
    ] {
        let scene = Scene::milvus("2.6.5").await;
        refused(scene.create(&collection).await, 65_535, words);
    }
}

#[tokio::test]
async fn functions_come_with_their_line() {
    let words = "unknown function type";
    refused(Scene::milvus("2.5.4").await.create(&embedding()).await, 65_535, words);
    refused(Scene::milvus("2.6.18").await.create(&min_hash()).await, 65_535, words);
    fine(Scene::milvus("3.0.0").await.create(&min_hash()).await);
    // 2.4 knows of none: what would be made is a field like any other.
    let scene = Scene::milvus("2.4.10").await;
    let collection = full_text();
    scene.probe.create_collection(&collection).await;
    let schema = scene.probe.describe("things").await.schema.unwrap();
    assert!(schema.functions.is_empty());
    assert!(!schema.fields.last().unwrap().is_function_output);
    let status = scene.insert(three_rows(&scene.probe, &collection)).await;
    refused(status, 1100, "fieldSchema(made) has no corresponding fieldData");
    fine(insert_with_output(&scene, &collection).await);
}

#[tokio::test]
async fn bm25_has_a_metric_of_its_own() {
    let scene = Scene::of(Profile::milvus("2.6.5")).await;
    scene.probe.create_collection(&full_text()).await;
    for (metric, taken) in [("IP", false), ("BM25", true)] {
        let request = scene.probe.index_request("things", &auto_index("made", metric));
        let status = scene.probe.raw().create_index(request).await.unwrap().into_inner();
        assert_eq!(status.code == 0, taken, "{metric}: {}", status.reason);
    }
}
