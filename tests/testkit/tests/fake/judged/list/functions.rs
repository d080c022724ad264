//! Functions and arrays of structs.

use testkit::collection::{
    Collection, FieldWords, array, bm25, field, key, pair, plain, var_char, vector,
};
use testkit::pb::schema::{DataType, FieldSchema, FunctionSchema, FunctionType};
use testkit::structs::{struct_array, vectors};

use super::super::talk::{Talk, describe, index};

fn text() -> FieldSchema {
    var_char("text", 500).param("enable_analyzer", "true")
}

fn sparse() -> FieldSchema {
    field("sparse", DataType::SparseFloatVector)
}

fn of(name: &str, fields: Vec<FieldSchema>, function: FunctionSchema) -> Collection {
    let mut all = vec![key(DataType::Int64), vector("embedding", DataType::FloatVector, 4)];
    all.extend(fields);
    Collection::new(name, all).function(function)
}

fn function(kind: FunctionType, input: &str, output: &str) -> FunctionSchema {
    FunctionSchema { r#type: kind.into(), ..bm25("f", input, output) }
}

pub(super) async fn list(talk: &mut Talk) {
    talk.topic("functions");
    let good = || bm25("f", "text", "sparse");
    talk.create("BM25", &of("f_1", vec![text(), sparse()], good())).await;
    talk.ask("BM25: describe", describe("f_1")).await;
    let bare = vec![var_char("text", 500), sparse()];
    talk.create("BM25 without an analyzer", &of("f_2", bare, good())).await;
    let number = vec![field("text", DataType::Int64), sparse()];
    talk.create("BM25 of a number", &of("f_3", number, good())).await;
    let dense = vec![text(), vector("sparse", DataType::FloatVector, 4)];
    talk.create("BM25 into a dense vector", &of("f_4", dense, good())).await;
    talk.create("BM25 of no field", &of("f_5", vec![sparse()], good())).await;
    talk.create("BM25 into no field", &of("f_6", vec![text()], good())).await;
    let maybe = vec![text().nullable(), sparse()];
    talk.create("BM25 of a nullable text", &of("f_7", maybe, good())).await;
    let maybe = vec![text(), sparse().nullable()];
    talk.create("BM25 into a nullable vector", &of("f_8", maybe, good())).await;
    let empty = FunctionSchema { input_field_names: Vec::new(), ..good() };
    talk.create("BM25 without input", &of("f_9", vec![text(), sparse()], empty)).await;
    let empty = FunctionSchema { output_field_names: Vec::new(), ..good() };
    talk.create("BM25 without output", &of("f_10", vec![text(), sparse()], empty)).await;
    let nameless = bm25("", "text", "sparse");
    talk.create("BM25 without a name", &of("f_11", vec![text(), sparse()], nameless)).await;
    let twice = of("f_12", vec![text(), sparse()], good()).function(good());
    talk.create("a function twice", &twice).await;
    let twice = of("f_13", vec![text(), sparse()], good()).function(bm25("g", "text", "sparse"));
    talk.create("two functions into one field", &twice).await;
    let own = of("f_14", vec![text(), sparse()], bm25("f", "text", "text"));
    talk.create("BM25 into its input", &own).await;
    others(talk).await;
}

async fn others(talk: &mut Talk) {
    let bits = || vector("bits", DataType::BinaryVector, 256);
    let mut hash = function(FunctionType::MinHash, "text", "bits");
    hash.params = vec![pair("num_hashes", "8"), pair("shingle_size", "3")];
    talk.create("MinHash", &of("f_21", vec![text(), bits()], hash.clone())).await;
    talk.ask("MinHash: describe", describe("f_21")).await;
    let params = [("index_type", "MINHASH_LSH"), ("metric_type", "MHJACCARD")];
    let more = [("mh_element_bit_width", "32"), ("mh_lsh_band", "4")];
    let params: Vec<_> = params.into_iter().chain(more).collect();
    talk.ask("MINHASH_LSH on its output", index("f_21", "bits", "", &params)).await;
    hash.params.clear();
    talk.create("MinHash without parameters", &of("f_22", vec![text(), bits()], hash.clone()))
        .await;
    hash.output_field_names = vec!["embedding".to_owned()];
    talk.create("MinHash into floats", &of("f_23", vec![text()], hash)).await;
    let embed = || function(FunctionType::TextEmbedding, "text", "embedding");
    talk.create("TextEmbedding without a provider", &of("f_24", vec![text()], embed())).await;
    let mut unknown = embed();
    unknown.params = vec![pair("provider", "nobody")];
    talk.create("TextEmbedding of an unknown provider", &of("f_25", vec![text()], unknown)).await;
    let rerank = function(FunctionType::Rerank, "text", "sparse");
    talk.create("Rerank", &of("f_26", vec![text(), sparse()], rerank)).await;
    let unknown = function(FunctionType::Unknown, "text", "sparse");
    talk.create("a function of no type", &of("f_27", vec![text(), sparse()], unknown)).await;
}

pub(super) async fn structs(talk: &mut Talk) {
    talk.topic("structs");
    let of = |name: &str, fields: Vec<FieldSchema>| {
        plain(name, DataType::Int64).struct_field(struct_array("things", fields))
    };
    let dense = || vectors("dense", DataType::FloatVector, 4);
    let words = || array("words", DataType::VarChar);
    talk.create("arrays and vectors", &of("s_1", vec![words(), dense()])).await;
    talk.ask("arrays and vectors: describe", describe("s_1")).await;
    for (number, kind) in [
        DataType::BinaryVector,
        DataType::Float16Vector,
        DataType::BFloat16Vector,
        DataType::SparseFloatVector,
        DataType::Int8Vector,
        DataType::Int64,
    ]
    .into_iter()
    .enumerate()
    {
        let collection = of(&format!("s_vectors_{number}"), vec![vectors("sub", kind, 16)]);
        talk.create(format!("vectors of {}", kind.as_str_name()), &collection).await;
    }
    for (number, kind) in [DataType::Bool, DataType::Double, DataType::Json, DataType::Geometry]
        .into_iter()
        .enumerate()
    {
        let collection = of(&format!("s_array_{number}"), vec![array("sub", kind)]);
        talk.create(format!("arrays of {}", kind.as_str_name()), &collection).await;
    }
    talk.create("a scalar", &of("s_2", vec![field("number", DataType::Int64)])).await;
    talk.create("a nullable array", &of("s_3", vec![words().nullable()])).await;
    talk.create("no field", &of("s_4", Vec::new())).await;
    talk.create("a field twice", &of("s_5", vec![words(), words()])).await;
    let key = FieldSchema { is_primary_key: true, ..words() };
    talk.create("a primary key", &of("s_6", vec![key])).await;
    talk.create("a partition key", &of("s_7", vec![words().partition_key()])).await;
    let mut bare = words();
    bare.type_params.retain(|pair| pair.key != "max_capacity");
    talk.create("an array without a capacity", &of("s_8", vec![bare])).await;
    let mut named = of("s_9", vec![words()]);
    named.struct_fields[0].name = "text".to_owned();
    talk.create("named as a field", &named).await;
    named = of("s_10", vec![words()]);
    named.struct_fields[0].fields[0].name = "text".to_owned();
    talk.create("a sub-field named as a field", &named).await;
    named = of("s_11", vec![words()]);
    named.struct_fields[0].fields[0].name = "1a".to_owned();
    talk.create("a sub-field with a bad name", &named).await;
    named = of("s_14", vec![words()]);
    named.struct_fields[0].name = "1a".to_owned();
    talk.create("with a bad name", &named).await;
    let mut uneven = of("s_15", vec![words(), array("more", DataType::Int64)]);
    uneven.struct_fields[0].fields[1].type_params = vec![pair("max_capacity", "8")];
    talk.create("two capacities", &uneven).await;
    let mut maybe = of("s_12", vec![words(), dense()]);
    maybe.struct_fields[0].nullable = true;
    talk.create("nullable", &maybe).await;
    talk.ask("nullable: describe", describe("s_12")).await;
    let mut astray = plain("s_13", DataType::Int64);
    astray.fields.push(dense());
    talk.create("vectors outside of a struct", &astray).await;
    metrics(talk).await;
}

async fn metrics(talk: &mut Talk) {
    let floats = ["L2", "IP", "COSINE", "MAX_SIM", "MAX_SIM_L2", "MAX_SIM_IP", "MAX_SIM_COSINE"];
    let bits = ["HAMMING", "JACCARD", "MAX_SIM_HAMMING", "MAX_SIM_JACCARD"];
    for (kind, name) in [(DataType::FloatVector, "floats"), (DataType::BinaryVector, "bits")] {
        for (number, metric) in floats.into_iter().chain(bits).enumerate() {
            for (how, params) in [
                ("HNSW", vec![("index_type", "HNSW"), ("M", "8"), ("efConstruction", "32")]),
                ("AUTOINDEX", vec![("index_type", "AUTOINDEX")]),
            ] {
                let collection = format!("s_{name}_{how}_{number}");
                let things = struct_array("things", vec![vectors("sub", kind, 16)]);
                let made = plain(&collection, DataType::Int64).struct_field(things);
                let made = talk.probe.create_request(&made);
                let made = talk.probe.raw().create_collection(made).await.unwrap().into_inner();
                let what = format!("{how} {metric} on {name}");
                if made.code != 0 {
                    talk.note(what, "not created");
                    continue;
                }
                let params: Vec<_> = params.into_iter().chain([("metric_type", metric)]).collect();
                talk.ask(what, index(&collection, "things[sub]", "", &params)).await;
            }
        }
    }
}
