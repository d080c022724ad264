//! Names of everything that has one, good and bad.

use testkit::collection::{Collection, FieldWords, Index, field, key, plain, vector};
use testkit::pb::milvus;
use testkit::pb::schema::DataType;

use super::super::talk::{Talk, describe, index, partition_request};

/// What names a field that a filter cannot name, or that may not be created, in some release.
pub(super) const WORDS: [&str; 45] = [
    "like",
    "LIKE",
    "exists",
    "EXISTS",
    "and",
    "AND",
    "or",
    "OR",
    "not",
    "NOT",
    "in",
    "IN",
    "true",
    "True",
    "TRUE",
    "false",
    "False",
    "FALSE",
    "null",
    "NULL",
    "Null",
    "is",
    "text_match",
    "TEXT_MATCH",
    "phrase_match",
    "PHRASE_MATCH",
    "random_sample",
    "RANDOM_SAMPLE",
    "json_contains",
    "array_contains",
    "array_length",
    "interval",
    "INTERVAL",
    "iso",
    "minimum_should_match",
    "st_contains",
    "ST_ISVALID",
    "threshold",
    "match_all",
    "element_filter",
    "text_match_fuzzy",
    "RowID",
    "Timestamp",
    "$meta",
    "__virtual_pk__",
];

pub(super) fn alias(collection: &str, alias: &str) -> milvus::CreateAliasRequest {
    milvus::CreateAliasRequest {
        collection_name: collection.to_owned(),
        alias: alias.to_owned(),
        ..Default::default()
    }
}

fn shown(name: &str) -> String {
    if name.len() > 40 { format!("of {} bytes", name.len()) } else { format!("{name:?}") }
}

fn odd() -> Vec<String> {
    let long = |length: usize| format!("n{}", "a".repeat(length - 1));
    ["", "1a", "_a1", "a-b", "a.b", "a b", "a$b", "größe", "a[b]", "a/b"]
        .into_iter()
        .map(str::to_owned)
        .chain([long(255), long(256)])
        .collect()
}

pub(super) async fn list(talk: &mut Talk) {
    talk.topic("names");
    for name in odd() {
        talk.create(format!("collection {}", shown(&name)), &plain(&name, DataType::Int64)).await;
    }
    for (number, name) in odd().into_iter().enumerate() {
        let mut collection = plain(&format!("named_{number}"), DataType::Int64);
        collection.fields.push(field(&name, DataType::Int64));
        talk.create(format!("field {}", shown(&name)), &collection).await;
    }
    for (number, word) in WORDS.into_iter().enumerate() {
        let mut collection = plain(&format!("word_{number}"), DataType::Int64);
        collection.fields.push(field(word, DataType::Int64));
        talk.create(format!("field {word:?}"), &collection).await;
    }
    keys(talk).await;
    let home = plain("home", DataType::Int64);
    talk.create("home: create", &home).await;
    for name in odd() {
        talk.ask(format!("partition {}", shown(&name)), partition_request("home", &name)).await;
    }
    for name in odd() {
        talk.ask(format!("alias {}", shown(&name)), alias("home", &name)).await;
    }
    for name in odd() {
        let request = milvus::CreateDatabaseRequest { db_name: name.clone(), ..Default::default() };
        talk.ask(format!("database {}", shown(&name)), request).await;
    }
    for (number, name) in odd().into_iter().enumerate() {
        let collection = plain(&format!("indexed_{number}"), DataType::Int64);
        talk.create(format!("index {}: create", shown(&name)), &collection).await;
        let params = [("index_type", "FLAT"), ("metric_type", "L2")];
        let request = index(&collection.name, "embedding", &name, &params);
        talk.ask(format!("index {}", shown(&name)), request).await;
    }
    descriptions(talk).await;
}

/// A key of each name: can it be named in a filter?
async fn keys(talk: &mut Talk) {
    talk.topic("names of keys");
    for (number, word) in WORDS.into_iter().enumerate() {
        let fields =
            vec![field(word, DataType::Int64).primary(), vector("v", DataType::FloatVector, 4)];
        let collection = Collection::new(&format!("keyed_{number}"), fields)
            .index(Index::new("v", "FLAT", "L2", ""));
        let made = talk.probe.create_request(&collection);
        let made = talk.probe.raw().create_collection(made).await.unwrap().into_inner();
        if made.code != 0 {
            talk.note(word, "not created");
            continue;
        }
        talk.probe.build_and_load(&collection).await;
        let rows = testkit::data::table_of(&collection, &testkit::data::key_range(1..3), 1);
        talk.probe.insert(&collection.name, &rows).await;
        let filter = format!("{word} > 1");
        let output = [word];
        let query = super::super::talk::query(&collection.name, &filter, &output);
        talk.ask(word, query).await;
        talk.probe.drop_collection(&collection.name).await;
    }
    talk.topic("names");
}

async fn descriptions(talk: &mut Talk) {
    for length in [1024, 1025, 70_000] {
        let mut collection = plain(&format!("described_{length}"), DataType::Int64);
        collection.description = "d".repeat(length);
        talk.create(format!("description of a collection of {length} bytes"), &collection).await;
        let mut collection = plain(&format!("described_field_{length}"), DataType::Int64);
        collection.fields[1].description = "d".repeat(length);
        talk.create(format!("description of a field of {length} bytes"), &collection).await;
    }
    let mut collection = plain("described", DataType::Int64);
    collection.description = "Größe \"q\" \\".to_owned();
    collection.fields = vec![
        key(DataType::Int64).described("the key"),
        vector("embedding", DataType::FloatVector, 4),
    ];
    talk.create("described: create", &collection).await;
    talk.ask("described: describe", describe("described")).await;
}
