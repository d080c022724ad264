//! Searches, row by row: the double has no indexes, so that its answers are exact.

use std::collections::{BTreeMap, BTreeSet};

use prost::Message as _;

use super::query::partitions;
use super::refused::{Refused, Result};
use super::rows::ids;
use super::state::{Collection, Column, Row, State, to_map};
use crate::pb::milvus;
use crate::pb::milvus::search_request::SearchInput;
use crate::pb::schema::{DataType, SearchResultData};
use crate::probe::{PlaceholderGroup, PlaceholderValue};
use crate::table::{Key, Value};

/// `PlaceholderType` of a text.
const TEXT: i32 = 21;

/// What a vector is made of, by place; of a text the words, each once.
type Numbers = BTreeMap<u64, f32>;

impl State {
    pub fn search(
        &self,
        database: &str,
        request: &milvus::SearchRequest,
    ) -> Result<milvus::SearchResults> {
        let collection = self.collection(database, &request.collection_name)?;
        let params = to_map(&request.search_params);
        let said = |name: &str| params.get(name).map_or("", String::as_str);
        let column = collection
            .columns
            .iter()
            .position(|column| column.path() == said("anns_field"))
            .ok_or_else(|| Refused::invalid("failed to get field schema by name"))?;
        let top_k: usize = match said("topk").parse() {
            Ok(top_k @ 1..=16_384) => top_k,
            _ => return Err(Refused::invalid(format!("topk [{}] is invalid", said("topk")))),
        };
        let metric = metric(collection, &collection.columns[column].path(), said("metric_type"))?;
        if serde_json::from_str::<BTreeMap<String, f64>>(said("params")).is_err() {
            return Err(Refused::invalid("params are no object of numbers"));
        }
        let examples = examples(&collection.columns[column], request)?;
        let partitions = partitions(&self.profile, collection, &request.partition_names, "search")?;
        let live = |row: &&Row| row.deleted.is_none() && partitions.contains(&row.partition);
        let rows: Vec<(&Key, Numbers)> = collection
            .rows
            .iter()
            .filter(live)
            .filter_map(|row| Some((&row.key, stored(collection, column, row)?)))
            .collect();
        let mut out = SearchResultData {
            num_queries: examples.len() as i64,
            top_k: top_k as i64,
            ..Default::default()
        };
        let mut keys: Vec<Key> = Vec::new();
        for example in &examples {
            let mut found: Vec<(f32, &Key)> =
                rows.iter().map(|(key, row)| (score(metric, example, row), *key)).collect();
            let sign = if ["L2", "HAMMING", "JACCARD"].contains(&metric) { 1.0 } else { -1.0 };
            found.sort_by(|a, b| (sign * a.0).total_cmp(&(sign * b.0)).then(a.1.cmp(b.1)));
            let mut seen = BTreeSet::new();
            found.retain(|(_, key)| seen.insert(*key));
            found.truncate(top_k);
            out.topks.push(found.len() as i64);
            out.scores.extend(found.iter().map(|(score, _)| score));
            keys.extend(found.into_iter().map(|(_, key)| key.clone()));
        }
        out.ids = Some(ids(&keys));
        Ok(milvus::SearchResults {
            status: Some(Default::default()),
            results: Some(out),
            collection_name: collection.name.clone(),
            ..Default::default()
        })
    }
}

/// The metric of the field's index, which has to be the one that is asked for.
fn metric<'a>(collection: &'a Collection, field: &str, asked: &str) -> Result<&'a str> {
    let index = collection.indexes.iter().find(|index| index.field == field);
    let index = index.ok_or_else(|| Refused::other(format!("index not found[field={field}]")))?;
    let metric = index.params.get("metric_type").map_or("", String::as_str);
    if metric.eq_ignore_ascii_case(asked) {
        return Ok(metric);
    }
    Err(Refused::invalid(format!(
        "metric type not match: invalid parameter[expected={metric}][actual={asked}]"
    )))
}

/// What is searched for.
fn examples(column: &Column, request: &milvus::SearchRequest) -> Result<Vec<Numbers>> {
    let Some(SearchInput::PlaceholderGroup(bytes)) = &request.search_input else {
        return Err(Refused::invalid("the double searches for vectors alone"));
    };
    let group = PlaceholderGroup::decode(bytes.as_slice())
        .map_err(|error| Refused::invalid(error.to_string()))?;
    let [PlaceholderValue { kind, values, .. }] = group.placeholders.as_slice() else {
        return Err(Refused::invalid("please search with only one vector field"));
    };
    let wanted = if column.is_hidden() { TEXT } else { column.kind() as i32 };
    if *kind != wanted || request.nq != values.len() as i64 {
        return Err(Refused::invalid(format!("vector type must be {wanted}, is {kind}")));
    }
    values
        .iter()
        .map(|value| {
            if *kind == TEXT {
                return Ok(words(&String::from_utf8_lossy(value)));
            }
            let numbers = numbers(column.kind(), value);
            match column.number("dim") {
                Some(dim) if dim != numbers.len() as i64 => {
                    Err(Refused::invalid(format!("vector dimension mismatch: {dim}")))
                }
                _ => Ok(numbers),
            }
        })
        .collect()
}

/// What a row has in a column; nothing where it is null.
fn stored(collection: &Collection, column: usize, row: &Row) -> Option<Numbers> {
    let of = &collection.columns[column];
    if of.is_hidden() {
        let functions = &collection.schema.functions;
        let function = functions.iter().find(|f| f.output_field_names.contains(&of.field.name))?;
        let is_input = |c: &Column| c.field.name == function.input_field_names[0];
        return match &row.values[collection.columns.iter().position(is_input)?] {
            Value::Text(text) => Some(words(text)),
            _ => None,
        };
    }
    match &row.values[column] {
        Value::FloatVector(vector) => {
            Some(vector.iter().enumerate().map(|(place, value)| (place as u64, *value)).collect())
        }
        Value::Bytes(bytes) => Some(numbers(of.kind(), bytes)),
        _ => None,
    }
}

fn words(text: &str) -> Numbers {
    let hash = |word: &str| word.bytes().fold(7_u64, |h, b| h.wrapping_mul(31) ^ u64::from(b));
    text.split_whitespace().map(|word| (hash(word), 1.0)).collect()
}

fn numbers(kind: DataType, bytes: &[u8]) -> Numbers {
    let halves = || bytes.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]]));
    let fours = || bytes.chunks_exact(4).map(|four| <[u8; 4]>::try_from(four).unwrap());
    let dense: Vec<f32> = match kind {
        DataType::FloatVector => fours().map(f32::from_le_bytes).collect(),
        DataType::BFloat16Vector => {
            halves().map(|half| f32::from_bits(u32::from(half) << 16)).collect()
        }
        DataType::Float16Vector => halves().map(half).collect(),
        DataType::Int8Vector => bytes.iter().map(|byte| f32::from(*byte as i8)).collect(),
        DataType::BinaryVector => {
            bytes.iter().flat_map(|b| (0..8).map(move |bit| f32::from(b >> bit & 1))).collect()
        }
        DataType::SparseFloatVector => {
            let parts: Vec<[u8; 4]> = fours().collect();
            let pair = |pair: &[[u8; 4]]| {
                (u64::from(u32::from_le_bytes(pair[0])), f32::from_le_bytes(pair[1]))
            };
            return parts.chunks_exact(2).map(pair).collect();
        }
        other => panic!("no vector: {other:?}"),
    };
    dense.into_iter().enumerate().map(|(place, value)| (place as u64, value)).collect()
}

/// A number of 16 bits.
fn half(bits: u16) -> f32 {
    let (exponent, fraction) = (i32::from(bits >> 10 & 31), f32::from(bits & 1023) / 1024.0);
    let value = match exponent {
        0 => fraction * 2_f32.powi(-14),
        31 => f32::INFINITY,
        exponent => (1.0 + fraction) * 2_f32.powi(exponent - 15),
    };
    if bits >> 15 == 1 { -value } else { value }
}

fn score(metric: &str, one: &Numbers, other: &Numbers) -> f32 {
    let dot = |a: &Numbers, b: &Numbers| -> f32 {
        a.iter().filter_map(|(place, value)| Some(value * b.get(place)?)).sum()
    };
    let unequal = || one.iter().filter(|(place, value)| other.get(place) != Some(value)).count();
    match metric {
        "L2" => dot(one, one) + dot(other, other) - 2.0 * dot(one, other),
        "COSINE" => dot(one, other) / (dot(one, one) * dot(other, other)).sqrt(),
        "HAMMING" => unequal() as f32,
        "JACCARD" => {
            let both = dot(one, other);
            1.0 - both / (dot(one, one) + dot(other, other) - both)
        }
        // IP, and as good as BM25.
        _ => dot(one, other),
    }
}
