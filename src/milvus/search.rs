//! Searching: the nearest rows to vectors that were read from a server and never decoded.

use bytes::Bytes;
use prost::Message as _;

use super::client::{CallOptions, Client};
use super::column::keys_of;
use super::error::{Error, Kind, Result};
use super::pb::schema::i_ds::IdField;
use super::pb::{common, milvus as pb, schema};
use super::query::{self, Moment, Query};
use crate::model::{DataType, Key, KeyRange};

/// Searches in one field of a collection, or of some partitions of it.
#[derive(Debug, Clone)]
pub struct Search {
    /// The collection, its partitions and its key.
    pub of: Query,
    /// The field that is searched.
    pub field: String,
    /// What is searched for: vectors of the field's type, or texts where a function computes it.
    pub example: DataType,
    /// The metric of the field's index.
    pub metric: String,
    /// Parameters of the search, by the index's type, as a JSON object.
    pub params: String,
    /// Results to ask for.
    pub top_k: u32,
}

/// A row that a search found.
#[derive(Debug, Clone, PartialEq)]
pub struct Hit {
    /// Its key.
    pub key: Key,
    /// How near it is, by the metric: a distance or a similarity.
    pub score: f32,
}

/// What a value of this type is in a search; `None` where none is searched for.
fn placeholder(example: DataType) -> Option<common::PlaceholderType> {
    Some(match example {
        DataType::BINARY_VECTOR => common::PlaceholderType::BinaryVector,
        DataType::FLOAT_VECTOR => common::PlaceholderType::FloatVector,
        DataType::FLOAT16_VECTOR => common::PlaceholderType::Float16Vector,
        DataType::BFLOAT16_VECTOR => common::PlaceholderType::BFloat16Vector,
        DataType::SPARSE_FLOAT_VECTOR => common::PlaceholderType::SparseFloatVector,
        DataType::INT8_VECTOR => common::PlaceholderType::Int8Vector,
        DataType::VARCHAR | DataType::TEXT => common::PlaceholderType::VarChar,
        _ => return None,
    })
}

impl Search {
    /// The field that rows are found by, where that is not the primary key, which comes anyway.
    fn output(&self) -> Vec<String> {
        if self.of.by_primary_key { Vec::new() } else { vec![self.of.key_field.clone()] }
    }

    fn request(&self, examples: &[Bytes], moment: Moment) -> Option<pb::SearchRequest> {
        let (level, timestamp) = query::consistency(moment);
        let pair = |key: &str, value: String| common::KeyValuePair { key: key.to_owned(), value };
        let group = common::PlaceholderGroup {
            placeholders: vec![common::PlaceholderValue {
                tag: "$0".to_owned(),
                r#type: placeholder(self.example)?.into(),
                values: examples.to_vec(),
                ..Default::default()
            }],
        };
        Some(pb::SearchRequest {
            db_name: self.of.database.clone(),
            collection_name: self.of.collection.clone(),
            partition_names: self.of.partitions.clone(),
            dsl_type: common::DslType::BoolExprV1.into(),
            search_input: Some(pb::search_request::SearchInput::PlaceholderGroup(
                group.encode_to_vec().into(),
            )),
            search_params: vec![
                pair("anns_field", self.field.clone()),
                pair("topk", self.top_k.to_string()),
                pair("metric_type", self.metric.clone()),
                pair("params", self.params.clone()),
                pair("round_decimal", "-1".to_owned()),
            ],
            nq: i64::try_from(examples.len()).ok()?,
            output_fields: self.output(),
            guarantee_timestamp: timestamp,
            consistency_level: level.into(),
            ..Default::default()
        })
    }
}

impl Client {
    /// The nearest rows to each example, best first. An example is the undecoded value of a row, as
    /// [`Client::examples`] gives it.
    ///
    /// # Errors
    /// When the call fails; [`Kind::Invalid`] when there is no search for such examples;
    /// [`Kind::BadAnswer`] when the answer does not hold a list of scored keys for each.
    pub async fn search(
        &self,
        search: &Search,
        examples: &[Bytes],
        moment: Moment,
        max_answer: usize,
    ) -> Result<Vec<Vec<Hit>>> {
        let Some(request) = search.request(examples, moment) else {
            let why = format!("there is no search for values of type {}", search.example);
            return Err(self.error(Kind::Invalid, "Search", why));
        };
        let database = &search.of.database;
        let options = CallOptions { deadline: query::QUERY, max_answer };
        let what = format!("{database}/{}", search.of.collection);
        let send = || async {
            let turn = self.turn_to_read(true).await?;
            let answer = self
                .call("Search", database, options, request.clone(), |mut c, r| async move {
                    c.search(r).await
                })
                .await;
            turn.ended(&answer, &what, 0, |answer| answer.encoded_len() as u64);
            match answer {
                Err(error) if error.kind == Kind::NotLoaded => {
                    let partitions = &search.of.partitions;
                    let (of, collection) = (database.as_str(), &search.of.collection);
                    Err(self.not_loaded_yet((of, collection), partitions, error).await)
                }
                other => other,
            }
        };
        let answer = self.persist(send).await?;
        let results = answer.results.unwrap_or_default();
        let other = (!search.of.by_primary_key).then_some(&search.of);
        hits(results, examples.len(), search.top_k, other)
            .map_err(|why| self.error(Kind::BadAnswer, "Search", why))
    }

    /// A few rows of a range, lowest keys first: each one's key and undecoded value in a field of
    /// vectors or texts, `None` where that is null.
    ///
    /// # Errors
    /// When the call fails, or the answer holds no such column.
    pub async fn examples(
        &self,
        query: &Query,
        range: &KeyRange,
        field: &str,
        moment: Moment,
        limit: u32,
    ) -> Result<Vec<(Key, Option<Bytes>)>> {
        let output = vec![query.key_field.clone(), field.to_owned()];
        let rows = self.page_of_rows(query, range, output, moment, limit).await?;
        let bad = |why: String| -> Error { self.error(Kind::BadAnswer, "Query", why) };
        let examples = rows.examples(field).map_err(bad)?;
        Ok(rows.into_keys().into_iter().zip(examples).collect())
    }
}

/// The flat lists of an answer, one list for each search; `other` where rows are found by another field
/// than the primary key.
fn hits(
    results: schema::SearchResultData,
    searches: usize,
    top_k: u32,
    other: Option<&Query>,
) -> std::result::Result<Vec<Vec<Hit>>, String> {
    let keys: Vec<Key> = match results.ids.and_then(|ids| ids.id_field) {
        Some(IdField::IntId(ids)) => ids.data.into_iter().map(Key::Int64).collect(),
        Some(IdField::StrId(ids)) => ids.data.into_iter().map(Key::VarChar).collect(),
        Some(IdField::UuidId(_)) => return Err("keys of an unknown type".to_owned()),
        None => Vec::new(),
    };
    let keys = match other {
        Some(of) if !keys.is_empty() => keys_of(&results.fields_data, &of.key_field, of.key_kind)?,
        _ => keys,
    };
    let (found, scored) = (keys.len(), results.scores.len());
    if found != scored {
        return Err(format!("{found} keys and {scored} scores"));
    }
    let counts: Vec<usize> =
        results.topks.iter().map(|&count| usize::try_from(count).unwrap_or(usize::MAX)).collect();
    // Without any result there may be no counts either.
    if counts.is_empty() && found == 0 {
        return Ok(vec![Vec::new(); searches]);
    }
    let most = usize::try_from(top_k).unwrap_or(usize::MAX);
    let sum = counts.iter().try_fold(0_usize, |sum, &count| sum.checked_add(count));
    if counts.len() != searches || sum != Some(found) || counts.iter().any(|&count| count > most) {
        return Err(format!(
            "{found} results, in lists of {counts:?}, for {searches} searches of {top_k}"
        ));
    }
    let mut all = keys.into_iter().zip(results.scores).map(|(key, score)| Hit { key, score });
    Ok(counts.into_iter().map(|count| all.by_ref().take(count).collect()).collect())
}

#[cfg(test)]
mod tests;
