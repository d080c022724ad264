//! What the probe asks a server: descriptions, states, queries, counts, searches.

use prost::Message as _;

use super::{Probe, call};
use crate::collection::pair;
use crate::columns;
use crate::pb::common::{ConsistencyLevel, LoadState};
use crate::pb::milvus;
use crate::pb::milvus::search_request::SearchInput;
use crate::pb::schema::i_ds::IdField;
use crate::structs;
use crate::table::{Key, Value};

/// A row that a search found.
#[derive(Debug, Clone, PartialEq)]
pub struct Hit {
    pub key: Key,
    pub score: f32,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct PlaceholderGroup {
    #[prost(message, repeated, tag = "1")]
    pub placeholders: Vec<PlaceholderValue>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct PlaceholderValue {
    #[prost(string, tag = "1")]
    pub tag: String,
    #[prost(int32, tag = "2")]
    pub kind: i32,
    #[prost(bytes = "vec", repeated, tag = "3")]
    pub values: Vec<Vec<u8>>,
}

impl Probe {
    pub async fn describe(&self, collection: &str) -> milvus::DescribeCollectionResponse {
        let request = milvus::DescribeCollectionRequest {
            db_name: self.database.clone(),
            collection_name: collection.to_owned(),
            ..Default::default()
        };
        call!(self, describe_collection, request)
    }

    pub async fn has_collection(&self, collection: &str) -> bool {
        let request =
            milvus::ShowCollectionsRequest { db_name: self.database.clone(), ..Default::default() };
        call!(self, show_collections, request)
            .collection_names
            .iter()
            .any(|name| name == collection)
    }

    pub async fn partition_names(&self, collection: &str) -> Vec<String> {
        let request = milvus::ShowPartitionsRequest {
            db_name: self.database.clone(),
            collection_name: collection.to_owned(),
            ..Default::default()
        };
        call!(self, show_partitions, request).partition_names
    }

    pub async fn describe_index(&self, collection: &str) -> Vec<milvus::IndexDescription> {
        let request = milvus::DescribeIndexRequest {
            db_name: self.database.clone(),
            collection_name: collection.to_owned(),
            ..Default::default()
        };
        call!(self, describe_index, request).index_descriptions
    }

    /// The load state of the whole collection, or of these partitions.
    pub async fn load_state(&self, collection: &str, partitions: &[&str]) -> LoadState {
        let request = milvus::GetLoadStateRequest {
            db_name: self.database.clone(),
            collection_name: collection.to_owned(),
            partition_names: partitions.iter().map(|name| (*name).to_owned()).collect(),
            ..Default::default()
        };
        call!(self, get_load_state, request).state()
    }

    /// A query with consistency Strong, which takes 200 ms. `params` like `limit`, `iterator`.
    pub async fn query(
        &self,
        collection: &str,
        partitions: &[&str],
        expression: &str,
        output_fields: &[&str],
        params: &[(&str, &str)],
    ) -> milvus::QueryResults {
        let strong = ConsistencyLevel::Strong;
        self.query_at(strong, collection, partitions, expression, output_fields, params).await
    }

    /// A query with a consistency of the caller's choice.
    pub async fn query_at(
        &self,
        consistency: ConsistencyLevel,
        collection: &str,
        partitions: &[&str],
        expression: &str,
        output_fields: &[&str],
        params: &[(&str, &str)],
    ) -> milvus::QueryResults {
        // Sub-fields come with the struct array field that they are of.
        let asked =
            |name: &&str| structs::split(name).map_or(*name, |(parent, _)| parent).to_owned();
        let mut output_fields: Vec<String> = output_fields.iter().map(asked).collect();
        output_fields.dedup();
        let request = milvus::QueryRequest {
            db_name: self.database.clone(),
            collection_name: collection.to_owned(),
            expr: expression.to_owned(),
            output_fields,
            partition_names: partitions.iter().map(|name| (*name).to_owned()).collect(),
            query_params: params.iter().map(|(key, value)| pair(key, value)).collect(),
            consistency_level: consistency.into(),
            ..Default::default()
        };
        call!(self, query, request)
    }

    /// The keys that an expression finds, in the order of the answer. `limit` 0: all of them.
    pub async fn query_keys(
        &self,
        collection: &str,
        partitions: &[&str],
        expression: &str,
        limit: u32,
    ) -> Vec<Key> {
        let key = self.key_field(collection).await;
        let limit = limit.to_string();
        let params: &[(&str, &str)] = if limit == "0" { &[] } else { &[("limit", &limit)] };
        let answer = self.query(collection, partitions, expression, &[&key.name], params).await;
        keys_of(&answer, &key.name)
    }

    /// Counts rows, copies of a key too; on 2.2, which has no `count(*)`, it counts keys.
    pub async fn count(&self, collection: &str, partitions: &[&str]) -> usize {
        if self.is_22() {
            return self.all_keys(collection, partitions, &[]).await.len();
        }
        let answer = self.query(collection, partitions, "", &["count(*)"], &[]).await;
        match columns::decode(&answer.fields_data[0]).as_slice() {
            [Value::Int(count)] => usize::try_from(*count).unwrap(),
            other => panic!("count(*) is {other:?}"),
        }
    }

    /// Searches with float vectors; a list of hits for each.
    pub async fn search(
        &self,
        collection: &str,
        field: &str,
        vectors: &[Vec<f32>],
        metric: &str,
        limit: u32,
        expression: &str,
    ) -> Vec<Vec<Hit>> {
        const FLOAT_VECTOR: i32 = 101;
        let bytes =
            |vector: &Vec<f32>| vector.iter().flat_map(|value| value.to_le_bytes()).collect();
        let values = vectors.iter().map(bytes).collect();
        self.search_for(collection, field, (FLOAT_VECTOR, values), metric, limit, expression).await
    }

    /// Searches with texts in a field that a BM25 function makes; a list of hits for each.
    pub async fn search_texts(
        &self,
        collection: &str,
        field: &str,
        texts: &[&str],
        limit: u32,
    ) -> Vec<Vec<Hit>> {
        const VAR_CHAR: i32 = 21;
        let values = texts.iter().map(|text| text.as_bytes().to_vec()).collect();
        self.search_for(collection, field, (VAR_CHAR, values), "BM25", limit, "").await
    }

    async fn search_for(
        &self,
        collection: &str,
        field: &str,
        (kind, values): (i32, Vec<Vec<u8>>),
        metric: &str,
        limit: u32,
        expression: &str,
    ) -> Vec<Vec<Hit>> {
        let count = i64::try_from(values.len()).unwrap();
        let placeholder = PlaceholderValue { tag: "$0".to_owned(), kind, values };
        let group = PlaceholderGroup { placeholders: vec![placeholder] };
        let request = milvus::SearchRequest {
            db_name: self.database.clone(),
            collection_name: collection.to_owned(),
            dsl: expression.to_owned(),
            dsl_type: 1,
            search_input: Some(SearchInput::PlaceholderGroup(group.encode_to_vec())),
            search_params: vec![
                pair("anns_field", field),
                pair("topk", &limit.to_string()),
                pair("metric_type", metric),
                pair("params", "{}"),
                pair("round_decimal", "-1"),
            ],
            nq: count,
            consistency_level: ConsistencyLevel::Strong.into(),
            ..Default::default()
        };
        let results = call!(self, search, request).results.unwrap();
        let keys: Vec<Key> = match results.ids.and_then(|ids| ids.id_field) {
            Some(IdField::IntId(ids)) => ids.data.into_iter().map(Key::Int).collect(),
            Some(IdField::StrId(ids)) => ids.data.into_iter().map(Key::Text).collect(),
            _ => Vec::new(),
        };
        let mut hits = keys.into_iter().zip(results.scores).map(|(key, score)| Hit { key, score });
        results
            .topks
            .iter()
            .map(|count| hits.by_ref().take(usize::try_from(*count).unwrap()).collect())
            .collect()
    }
}

pub fn keys_of(answer: &milvus::QueryResults, name: &str) -> Vec<Key> {
    let Some(column) = answer.fields_data.iter().find(|column| column.field_name == name) else {
        return Vec::new();
    };
    let key = |value| match value {
        Value::Int(key) => Key::Int(key),
        Value::Text(key) => Key::Text(key),
        other => panic!("{other:?} is no key"),
    };
    columns::decode(column).into_iter().map(key).collect()
}
