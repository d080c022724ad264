//! Reading: pages of keys, ranges of rows, counts.

use std::collections::BTreeSet;
use std::time::Duration;

use super::client::{CallOptions, Client};
use super::column::Rows;
use super::error::{Error, Kind, Result};
use super::mixed::{Ask, Of};
use super::pb::{common, milvus as pb};
use crate::model::{Collection, DataType, Dialect, Field, Key, KeyKind, KeyRange, LoadState};

/// Largest `limit` that servers take (`quotaAndLimits.limits.maxQueryResultWindow`).
pub const LARGEST_LIMIT: u32 = 16_384;

/// Keys among which a bound is looked for, where pages are in no order.
const SOME_KEYS: u32 = 1_000;

/// Deadline of a query: 2.2.16 gathers every row behind a filter before it applies the limit.
pub(super) const QUERY: Duration = Duration::from_secs(180);

/// Which state of the collection a read sees at least.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// Everything that was written before the read. Costs about 200 ms each time on a real server.
    Strong,
    /// Everything that was written before this hybrid timestamp.
    At(u64),
    /// Whatever the server has.
    Eventually,
}

/// A read of one collection, or of some partitions of it.
#[derive(Debug, Clone)]
pub struct Query {
    /// Database of the collection.
    pub database: String,
    /// The collection.
    pub collection: String,
    /// The server's id of it, where the name has to mean that one; 0 for any.
    pub collection_id: i64,
    /// These partitions; the whole collection where there is none.
    pub partitions: Vec<String>,
    /// The field by which rows are found (`Collection::row_key`).
    pub key_field: String,
    /// Its type.
    pub key_kind: KeyKind,
    /// Whether that is the primary key, by which servers order pages, and of which a query gives each
    /// value once.
    pub by_primary_key: bool,
    /// Fields whose values are arrays.
    pub arrays: Vec<String>,
}

/// How many rows an answer may hold.
#[derive(Debug, Clone, Copy)]
pub(super) enum Limit {
    /// As many as there are.
    None,
    /// One page of many.
    Page(u32),
    /// All there are, where a server insists on a limit; more than there should be.
    Whole(u32),
}

/// How a request says which state it is to see.
pub(super) fn consistency(moment: Moment) -> (common::ConsistencyLevel, u64) {
    match moment {
        Moment::Strong => (common::ConsistencyLevel::Strong, 0),
        Moment::At(timestamp) => (common::ConsistencyLevel::Customized, timestamp),
        Moment::Eventually => (common::ConsistencyLevel::Eventually, 0),
    }
}

impl Query {
    /// The reads of a whole collection by the field that its rows are found by; `None` where that is of
    /// no usable type.
    pub fn of(collection: &Collection) -> Option<Self> {
        Self::by(collection, collection.row_key()?)
    }

    /// The reads of a whole collection by its primary key; `None` where that is of no usable type.
    pub(super) fn by_primary_key(collection: &Collection) -> Option<Self> {
        Self::by(collection, collection.primary_key()?)
    }

    fn by(collection: &Collection, key: &Field) -> Option<Self> {
        Some(Self {
            database: collection.database.clone(),
            collection: collection.name.clone(),
            collection_id: 0,
            partitions: Vec::new(),
            key_field: key.name.clone(),
            key_kind: match key.data_type {
                DataType::INT64 => KeyKind::Int64,
                DataType::VARCHAR => KeyKind::VarChar,
                _ => return None,
            },
            by_primary_key: key.primary_key,
            arrays: collection
                .fields
                .iter()
                .filter(|field| field.data_type == DataType::ARRAY)
                .map(|field| field.name.clone())
                .collect(),
        })
    }

    /// Only these partitions, or the whole collection where there is none.
    #[must_use]
    pub fn within(mut self, partitions: Vec<String>) -> Self {
        self.partitions = partitions;
        self
    }

    /// Only of the collection with this id: servers since 2.5 refuse a query whose name means another
    /// one, and older ones take no notice.
    #[must_use]
    pub fn of_id(mut self, id: i64) -> Self {
        self.collection_id = id;
        self
    }

    pub(super) fn request(
        &self,
        expression: String,
        output: Vec<String>,
        moment: Moment,
        limit: Limit,
    ) -> pb::QueryRequest {
        let (level, timestamp) = consistency(moment);
        let pair = |key: &str, value: String| common::KeyValuePair { key: key.to_owned(), value };
        let mut query_params = match limit {
            Limit::None => Vec::new(),
            // Without these two flags pages come un-ordered (Milvus Lite, 2.5 and later) or drop
            // rows that a merge pushed past the limit (before 2.3.17 and 2.4.5).
            Limit::Page(limit) => vec![
                pair("limit", limit.to_string()),
                pair("iterator", "True".to_owned()),
                pair("reduce_stop_for_best", "True".to_owned()),
            ],
            // And with them an answer may end before the limit though there is more.
            Limit::Whole(limit) => vec![pair("limit", limit.to_string())],
        };
        if self.collection_id != 0 {
            query_params.push(pair("collection_id", self.collection_id.to_string()));
        }
        pb::QueryRequest {
            db_name: self.database.clone(),
            collection_name: self.collection.clone(),
            partition_names: self.partitions.clone(),
            expr: expression,
            output_fields: output,
            guarantee_timestamp: timestamp,
            consistency_level: level.into(),
            query_params,
            ..Default::default()
        }
    }
}

impl Client {
    pub(super) async fn query(
        &self,
        database: &str,
        request: pb::QueryRequest,
        max_answer: usize,
    ) -> Result<pb::QueryResults> {
        let options = CallOptions { deadline: QUERY, max_answer };
        let of_rows = request.output_fields.len() > 1;
        let what = format!("{database}/{}", request.collection_name);
        let send = || async {
            let turn = self.turn_to_read(of_rows).await?;
            let answer = self
                .call("Query", database, options, request.clone(), |mut c, r| async move {
                    c.query(r).await
                })
                .await;
            turn.ended(&answer, &what, 0, |answer| {
                answer.fields_data.iter().map(|column| column.len() as u64).sum()
            });
            match answer {
                Err(error) if error.kind == Kind::NotLoaded && error.unloaded_field().is_none() => {
                    let collection = (database, request.collection_name.as_str());
                    Err(self.not_loaded_yet(collection, &request.partition_names, error).await)
                }
                other => other,
            }
        };
        match self.persist(send).await {
            // 2.2.8 answers an empty collection with a legacy error.
            Err(error) if error.code == Some(26) => Ok(pb::QueryResults::default()),
            other => other,
        }
    }

    /// A server that was started again loads its collections again, which takes half a minute, and
    /// answers meanwhile as if nobody had asked it to.
    pub(super) async fn not_loaded_yet(
        &self,
        (database, collection): (&str, &str),
        partitions: &[String],
        error: Error,
    ) -> Error {
        let mut partitions: Vec<Option<&str>> =
            partitions.iter().map(|name| Some(name.as_str())).collect();
        if partitions.is_empty() {
            partitions.push(None);
        }
        for partition in partitions {
            match self.load_state(database, collection, partition).await {
                Ok(LoadState::Loading | LoadState::Loaded) => {}
                Ok(LoadState::NotLoaded) | Err(_) => return error,
            }
        }
        Error { kind: Kind::NotReady, ..error }
    }

    /// Waits until the server has everything that was written before now, and returns its snapshot
    /// timestamp where it tells. Costs what one Strong query does.
    ///
    /// # Errors
    /// When the call fails.
    pub async fn caught_up(&self, query: &Query, max_answer: usize) -> Result<Option<u64>> {
        let whole = KeyRange::ALL;
        let (_, session) = self.one_page(query, &whole, Moment::Strong, 1, max_answer).await?;
        Ok(session)
    }

    async fn one_page(
        &self,
        query: &Query,
        range: &KeyRange,
        moment: Moment,
        limit: u32,
        max_answer: usize,
    ) -> Result<(Vec<Key>, Option<u64>)> {
        let expression = self.within(query, range);
        let output = vec![query.key_field.clone()];
        let request = query.request(expression, output.clone(), moment, Limit::Page(limit));
        let answer = self.query(&query.database, request, max_answer).await?;
        let session = (answer.session_ts > 0).then_some(answer.session_ts);
        Ok((self.rows(query, answer, &output)?.into_keys(), session))
    }

    /// One page of keys in ascending order, and the server's snapshot timestamp where it tells.
    ///
    /// A page may hold more or fewer keys than `limit`; only an empty page is the end. The page
    /// may skip keys on some servers, so it may only ever serve to find bounds.
    ///
    /// # Errors
    /// [`Kind::BadAnswer`] when the page is not strictly ascending or leaves the range: a cursor
    /// that trusted it would skip rows.
    pub async fn key_page(
        &self,
        query: &Query,
        range: &KeyRange,
        moment: Moment,
        limit: u32,
        max_answer: usize,
    ) -> Result<(Vec<Key>, Option<u64>)> {
        if !query.by_primary_key {
            return Ok((self.first_keys(query, range, moment, max_answer).await?, None));
        }
        let (keys, session) = self.one_page(query, range, moment, limit, max_answer).await?;
        let ascending = keys.windows(2).all(|pair| pair[0] < pair[1]);
        let mut pairs = keys.iter().zip(keys.iter().skip(1));
        if let Some((key, _)) = pairs.find(|(one, next)| one == next) {
            // Not by writes: they find a key's shard by its hash.
            let why = format!(
                "key {key} comes twice in a page of {}/{}, as where two of its shards hold a row with \
                 it, after an import of segments",
                query.database, query.collection,
            );
            return Err(self.error(Kind::BadAnswer, "Query", why));
        }
        if !ascending || keys.iter().any(|key| !range.contains(key)) {
            let why = format!(
                "a page of {} keys of {}/{} is not in ascending order within {range}",
                keys.len(),
                query.database,
                query.collection,
            );
            return Err(self.error(Kind::BadAnswer, "Query", why));
        }
        Ok((keys, session))
    }

    /// The first keys of a range, all of them up to the last one, where servers do not order pages by
    /// the field: those that an answer has room for.
    async fn first_keys(
        &self,
        query: &Query,
        range: &KeyRange,
        moment: Moment,
        max_answer: usize,
    ) -> Result<Vec<Key>> {
        let mut part = range.clone();
        loop {
            let error = match self.keys_in(query, &part, moment, max_answer).await {
                // What was at the bound went meanwhile.
                Ok(keys) if keys.is_empty() && part.up_to != range.up_to => {
                    part = KeyRange { after: part.up_to, up_to: range.up_to.clone() };
                    continue;
                }
                Err(error) if error.kind == Kind::TooLarge => error,
                other => return other,
            };
            // Some that are in it, in no order: one of them is a bound with keys on both sides.
            let (mut some, _) = self.one_page(query, &part, moment, SOME_KEYS, max_answer).await?;
            some.retain(|key| part.contains(key));
            some.sort();
            some.dedup();
            let Some(middle) = some.len().checked_sub(2).map(|last| some.swap_remove(last / 2))
            else {
                return Err(error);
            };
            part.up_to = Some(middle);
        }
    }

    /// All keys of a range, once each, sorted. Without a limit, so no paging can lose any.
    ///
    /// # Errors
    /// [`Kind::TooLarge`] when the range holds too many.
    pub async fn keys_in(
        &self,
        query: &Query,
        range: &KeyRange,
        moment: Moment,
        max_answer: usize,
    ) -> Result<Vec<Key>> {
        let output = vec![query.key_field.clone()];
        let mut keys = self.rows_in(query, range, output, moment, max_answer).await?.into_keys();
        keys.sort();
        keys.dedup();
        Ok(keys)
    }

    /// All rows of a range: one limit-less query. Where a server insists on a limit, the largest
    /// one is given and an answer that reaches it is refused as too large.
    ///
    /// # Errors
    /// [`Kind::TooLarge`] when the answer is over a limit; [`Kind::BadAnswer`] when it holds keys
    /// outside the range, or misses a requested column.
    pub async fn rows_in(
        &self,
        query: &Query,
        range: &KeyRange,
        output: Vec<String>,
        moment: Moment,
        max_answer: usize,
    ) -> Result<Rows> {
        let of = Of::Range(range.clone());
        let ask = Ask { query, output: &output, moment, max_answer };
        let rows = self.rows_of(ask, of).await?;
        if let Some(stray) = rows.keys().iter().find(|key| !range.contains(key)) {
            let why = format!("asked for {range}, the answer holds key {stray}");
            return Err(self.error(Kind::BadAnswer, "Query", why));
        }
        Ok(rows)
    }

    /// The rows that have one of these keys, in no order; none for a key that is not there.
    ///
    /// # Errors
    /// As [`Self::rows_in`].
    pub async fn rows_of_keys(
        &self,
        query: &Query,
        keys: &[Key],
        output: Vec<String>,
        moment: Moment,
        max_answer: usize,
    ) -> Result<Rows> {
        let of = Of::Keys(keys.to_vec());
        let ask = Ask { query, output: &output, moment, max_answer };
        let rows = self.rows_of(ask, of).await?;
        let asked: BTreeSet<&Key> = keys.iter().collect();
        if let Some(stray) = rows.keys().iter().find(|key| !asked.contains(key)) {
            let why = format!("asked for {} keys, the answer holds key {stray}", keys.len());
            return Err(self.error(Kind::BadAnswer, "Query", why));
        }
        Ok(rows)
    }

    async fn rows_of(&self, ask: Ask<'_>, of: Of) -> Result<Rows> {
        if self.mixes_arrays(ask.query, ask.output) {
            return Box::pin(self.unmixed(ask, of)).await;
        }
        let expression = self.expression(ask.query, &of);
        self.rows_as_answered(ask, expression).await
    }

    /// The filter that holds for these rows.
    pub(super) fn expression(&self, query: &Query, of: &Of) -> String {
        match of {
            Of::Range(range) => self.within(query, range),
            Of::Keys(keys) => Key::any_of(&query.key_field, keys, self.dialect()),
        }
    }

    pub(super) async fn rows_as_answered(&self, ask: Ask<'_>, expression: String) -> Result<Rows> {
        let Ask { query, output, moment, max_answer } = ask;
        let columns = output.to_vec();
        let request = query.request(expression.clone(), columns.clone(), moment, Limit::None);
        let answer = match self.query(&query.database, request, max_answer).await {
            Err(error) if error.kind != Kind::TooLarge && wants_a_limit(&error.message) => {
                let whole = Limit::Whole(LARGEST_LIMIT);
                let request = query.request(expression.clone(), columns, moment, whole);
                let answer = self.query(&query.database, request, max_answer).await?;
                // The limit is spent before duplicate keys are dropped, so rows are counted too.
                let rows = Rows::row_count(&answer, &query.key_field) as u64;
                let counted = self.count_where(query, expression, moment).await?.unwrap_or(rows);
                if rows.max(counted) >= u64::from(LARGEST_LIMIT) {
                    let why = "the answer reaches the largest limit and may be cut";
                    return Err(self.error(Kind::TooLarge, "Query", why));
                }
                answer
            }
            other => other?,
        };
        let rows = self.rows(query, answer, output)?;
        if !rows.is_empty()
            && let Some(missing) = output.iter().find(|name| !rows.has_column(name))
        {
            let why = format!("the answer misses the column {missing:?}");
            return Err(self.error(Kind::BadAnswer, "Query", why));
        }
        Ok(rows)
    }

    /// A few rows from anywhere, to measure their size.
    ///
    /// # Errors
    /// When the call fails.
    pub async fn sample_rows(
        &self,
        query: &Query,
        output: Vec<String>,
        limit: u32,
    ) -> Result<Rows> {
        self.page_of_rows(query, &KeyRange::ALL, output, Moment::Eventually, limit).await
    }

    /// A few rows of a range, the lowest keys of it as far as the server keeps to that.
    pub(super) async fn page_of_rows(
        &self,
        query: &Query,
        range: &KeyRange,
        output: Vec<String>,
        moment: Moment,
        limit: u32,
    ) -> Result<Rows> {
        let expression = self.within(query, range);
        let request = query.request(expression, output.clone(), moment, Limit::Page(limit));
        let answer = self.query(&query.database, request, super::client::MESSAGE_LIMIT).await?;
        self.rows(query, answer, &output)
    }

    /// The filter that holds for the keys of a range.
    pub(super) fn within(&self, query: &Query, range: &KeyRange) -> String {
        range.expression(&query.key_field, query.key_kind, self.dialect())
    }

    /// How this server's filters are written.
    pub(super) fn dialect(&self) -> Dialect {
        Dialect::of(self.version())
    }

    pub(super) fn rows(
        &self,
        query: &Query,
        answer: pb::QueryResults,
        asked: &[String],
    ) -> Result<Rows> {
        Rows::from_answer(answer, asked, &query.key_field, query.key_kind)
            .map_err(|why| self.error(Kind::BadAnswer, "Query", why))
    }
}

/// Whether a server refused a query because it names no limit.
fn wants_a_limit(text: &str) -> bool {
    let text = text.to_lowercase();
    text.contains("limit")
        && ["empty expression", "must be", "required", "should be", "need"]
            .iter()
            .any(|word| text.contains(word))
}
