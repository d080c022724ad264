//! Functions: what the target computes is not sent, what a provider computed is not asked for again.

use testkit::collection::{
    Collection, FieldWords, bm25, field, key, pair, plain, var_char, vector,
};
use testkit::data;
use testkit::fake::Profile;
use testkit::lines::auto_index;
use testkit::pb::milvus::{AlterCollectionRequest, CreateCollectionRequest};
use testkit::pb::schema::{DataType, FunctionSchema, FunctionType};
use testkit::scene::{doubles::Doubles, expect_words};
use testkit::table::{Table, Value};

const ALLOW: &str = "collection.function.allowInsertNonBM25FunctionOutputs";
const UNCHECKED: &str = "disable_func_runtime_check";

fn min_hash(name: &str, input: &str, output: &str) -> FunctionSchema {
    FunctionSchema { r#type: FunctionType::MinHash.into(), ..bm25(name, input, output) }
}

fn embedding(name: &str, input: &str, output: &str) -> FunctionSchema {
    let mut function = bm25(name, input, output);
    function.r#type = FunctionType::TextEmbedding.into();
    function.description = "asks somebody".to_owned();
    function.params = vec![pair("provider", "openai"), pair("model_name", "small")];
    function
}

/// A text that is searched by its words.
fn searched(name: &str) -> Collection {
    let text =
        var_char("words", 500).param("enable_analyzer", "true").param("enable_match", "true");
    let mut collection = plain(name, DataType::Int64);
    collection.fields.extend([text, field("by_words", DataType::SparseFloatVector)]);
    collection.fields.last_mut().unwrap().is_function_output = true;
    collection
        .function(bm25("score", "words", "by_words"))
        .index(auto_index("by_words", "BM25"))
        .dynamic()
}

/// And by its likeness.
fn likened(name: &str) -> Collection {
    let mut collection = searched(name);
    collection.fields.push(vector("hashes", DataType::BinaryVector, 256).function_output());
    collection
        .function(min_hash("liken", "words", "hashes"))
        .index(auto_index("hashes", "MHJACCARD"))
}

/// What the double keeps of a column that no query returns.
fn hidden(scene: &Doubles, collection: &str, name: &str, target: bool) -> Vec<Value> {
    let fake = if target { &scene.to } else { &scene.from };
    fake.with_collection("default", collection, |collection| {
        let place = collection.columns.iter().position(|column| column.field.name == name).unwrap();
        let mut rows: Vec<_> = collection.live().collect();
        rows.sort_by(|a, b| a.key.cmp(&b.key));
        rows.iter().map(|row| row.values[place].clone()).collect()
    })
}

#[tokio::test]
async fn what_bm25_computes_is_computed_anew() {
    for (from, to) in [("2.5.4", "2.6.5"), ("2.6.5", "2.5.4"), ("2.6.5", "3.0.0")] {
        let scene = Doubles::between(from, to).await;
        let collection = searched("texts");
        let rows = data::table(&collection, 1000, 1);
        scene.source.fill(&collection, &rows).await;
        scene.plan_one("texts", "");
        let (plan, _) = scene.converge().await;
        expect_words(&plan, &["function_recomputed", "by_words"]);
        scene.expect("texts", &rows).await;
        scene.expect_alike("texts").await;
        assert!(scene.chunks() > 1);
        let computed = hidden(&scene, "texts", "by_words", true);
        assert_eq!(computed, hidden(&scene, "texts", "by_words", false));
    }
}

#[tokio::test]
async fn what_min_hash_computes_is_computed_anew() {
    let scene = Doubles::between("3.0.0", "3.0.0").await;
    let collection = likened("texts");
    let rows = data::table(&collection, 1000, 1);
    scene.source.fill(&collection, &rows).await;
    scene.plan_one(
        "texts",
        "fields = { words = { rename = \"said\" }, hashes = { rename = \"marks\" } }",
    );
    scene.converge().await;
    scene.expect("texts", &rows.renamed("words", "said")).await;
    let computed = hidden(&scene, "texts", "marks", true);
    assert_eq!(computed, hidden(&scene, "texts", "hashes", false));
    let functions = scene.target.describe("texts").await.schema.unwrap().functions;
    let said: Vec<_> = functions
        .iter()
        .map(|function| (&*function.input_field_names[0], &*function.output_field_names[0]))
        .collect();
    assert_eq!(said, [("said", "by_words"), ("said", "marks")]);

    let scene = Doubles::between("3.0.0", "2.6.5").await;
    scene.source.fill(&collection, &data::table(&collection, 10, 1)).await;
    scene.plan_one("texts", "");
    scene.expect_refusal(&["target_lacks_functions", "liken", "MinHash", "Milvus 3.0"]).await;
}

/// A collection whose vectors a provider makes, and rows with vectors of their own.
fn embedded(name: &str) -> Collection {
    let fields = vec![
        key(DataType::Int64),
        var_char("text", 500),
        vector("embedding", DataType::FloatVector, 64),
    ];
    Collection::new(name, fields)
        .function(embedding("embed", "text", "embedding"))
        .property(UNCHECKED, "true")
        .property(ALLOW, "true")
        .index(auto_index("embedding", "COSINE"))
}

/// Fills the source, which then has these properties and no others.
async fn fill(scene: &Doubles, collection: &Collection, properties: &[(&str, &str)]) -> Table {
    let rows = data::table(collection, 1000, 1);
    scene.source.fill(collection, &rows).await;
    let alter = async |set: &[(&str, &str)], unset: &[&str]| {
        let request = AlterCollectionRequest {
            collection_name: collection.name.clone(),
            properties: set.iter().map(|(name, value)| pair(name, value)).collect(),
            delete_keys: unset.iter().map(|name| (*name).to_owned()).collect(),
            ..Default::default()
        };
        let answer = scene.source.raw().alter_collection(request).await.unwrap().into_inner();
        assert_eq!(answer.code, 0, "{}", answer.reason);
    };
    alter(&[], &[ALLOW, UNCHECKED]).await;
    if !properties.is_empty() {
        alter(properties, &[]).await;
    }
    assert_eq!(scene.from.embedding_calls(), 0);
    rows
}

#[tokio::test]
async fn embeddings_are_sent_as_they_are() {
    let before: [&[(&str, &str)]; 4] = [
        &[],
        &[(ALLOW, "true")],
        &[(ALLOW, "false"), (UNCHECKED, "false")],
        &[(UNCHECKED, "true")],
    ];
    for properties in before {
        let scene = Doubles::between("2.6.8", "2.6.8").await;
        let collection = embedded("texts");
        let rows = fill(&scene, &collection, properties).await;
        scene.plan_one("texts", "");
        scene.converge().await;
        scene.expect_alike("texts").await;
        expect_embeddings(&scene, "texts", &rows).await;
        let created = scene.to.requests::<CreateCollectionRequest>();
        for name in [ALLOW, UNCHECKED] {
            assert!(created[0].properties.contains(&pair(name, "true")), "{name}");
        }
    }
}

/// The rows, their embeddings among them, and that no provider was asked for one.
async fn expect_embeddings(scene: &Doubles, collection: &str, rows: &Table) {
    assert_eq!(scene.to.embedding_calls(), 0);
    scene.expect(collection, &rows.clone().without("embedding")).await;
    let place = rows.column("embedding");
    let mut sorted: Vec<_> = rows.rows.iter().collect();
    sorted.sort_by_key(|row| rows.key_of(row));
    let sent: Vec<_> = sorted.iter().map(|row| row.values[place].clone()).collect();
    assert_eq!(hidden(scene, collection, "embedding", true), sent);
}

/// Stopped in between and run again: the properties of the copy are there until its end.
#[tokio::test]
async fn embeddings_survive_a_stop() {
    for after in [0, 3] {
        let scene = Doubles::between("2.6.8", "3.0.0").await;
        let collection = embedded("texts");
        let rows = fill(&scene, &collection, &[]).await;
        scene.plan_one("texts", "");
        scene.to.refuse_once("Insert", after, 9, "quota exceeded[reason=a bad day]");
        scene.plan().await.expect_code(2);
        let stopped = scene.apply().await.expect_code(5);
        expect_words(&stopped, &["a bad day"]);
        let between = scene.properties("texts").await;
        assert_eq!(between.get(ALLOW).map(String::as_str), Some("true"));
        let plan = scene.plan().await.expect_code(2);
        expect_words(&plan, &["to be copied"]);
        scene.apply().await.expect_code(0);
        scene.nothing_to_do().await;
        assert!(scene.to.count("Upsert") > 0, "what was tried is written by key");
        expect_embeddings(&scene, "texts", &rows).await;
        let properties = scene.properties("texts").await;
        assert!(!properties.contains_key(ALLOW) && !properties.contains_key(UNCHECKED));
    }
}

/// The taking back itself is refused once.
#[tokio::test]
async fn properties_of_the_copy_are_taken_back_in_the_end() {
    let scene = Doubles::between("2.6.8", "2.6.8").await;
    let collection = embedded("texts").alias("live");
    let rows = fill(&scene, &collection, &[]).await;
    scene.plan_one("texts", "");
    scene.to.refuse_once("AlterCollection", 0, 1100, "a bad day: invalid parameter");
    let stopped = scene.apply().await.expect_code(5);
    expect_words(&stopped, &["a bad day"]);
    assert_eq!(scene.to.count("CreateAlias"), 0);
    scene.converge().await;
    assert_eq!(scene.to.count("CreateAlias"), 1);
    expect_embeddings(&scene, "texts", &rows).await;
    scene.expect_alike("texts").await;
}

/// Before 2.6.8 a server asks the provider when the collection is made, which is said.
#[tokio::test]
async fn an_older_target_asks_the_provider_once() {
    let scene = Doubles::of(Profile::milvus("2.6.8"), Profile::milvus("2.6.7")).await;
    let collection = embedded("texts");
    let rows = fill(&scene, &collection, &[]).await;
    scene.plan_one("texts", "");
    let (plan, _) = scene.converge().await;
    expect_words(&plan, &["provider_is_asked"]);
    assert_eq!(scene.to.embedding_calls(), 1);
    scene.expect("texts", &rows.without("embedding")).await;
}

#[tokio::test]
async fn functions_need_a_target_that_has_them() {
    let scene = Doubles::between("2.6.8", "2.5.4").await;
    let collection = embedded("texts");
    fill(&scene, &collection, &[]).await;
    scene.plan_one("texts", "");
    scene.expect_refusal(&["target_lacks_functions", "embed", "TextEmbedding"]).await;

    let scene = Doubles::between("2.5.4", "2.4.10").await;
    let collection = searched("texts");
    scene.source.fill(&collection, &data::table(&collection, 10, 1)).await;
    scene.plan_one("texts", "");
    scene.expect_refusal(&["target_lacks_functions", "score", "BM25"]).await;
}
