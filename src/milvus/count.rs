//! How many rows there are.

use super::client::{Client, MESSAGE_LIMIT};
use super::column::Rows;
use super::error::{Kind, Result};
use super::query::{Limit, Moment, Query};
use crate::model::{Flavour, Key, KeyRange};

impl Client {
    /// `count(*)`: live rows, duplicate keys counted. `None` where the server has no such thing
    /// (before 2.3 the output field is ignored and all keys come back).
    ///
    /// # Errors
    /// When the call fails.
    pub async fn count(
        &self,
        query: &Query,
        range: &KeyRange,
        moment: Moment,
    ) -> Result<Option<u64>> {
        let expression =
            if *range == KeyRange::ALL { String::new() } else { self.within(query, range) };
        self.count_where(query, expression, moment).await
    }

    /// Rows that an expression holds for: how many, or 1 for any where the server does not count.
    ///
    /// # Errors
    /// When the call fails, as when the server does not know the expression.
    pub async fn matching(&self, query: &Query, expression: String) -> Result<u64> {
        if let Some(count) = self.count_where(query, expression.clone(), Moment::Strong).await? {
            return Ok(count);
        }
        let output = vec![query.key_field.clone()];
        let request = query.request(expression, output.clone(), Moment::Strong, Limit::Page(1));
        let answer = self.query(&query.database, request, MESSAGE_LIMIT).await?;
        Ok(u64::from(!self.rows(query, answer, &output)?.is_empty()))
    }

    pub(super) async fn count_where(
        &self,
        query: &Query,
        expression: String,
        moment: Moment,
    ) -> Result<Option<u64>> {
        if self.version().flavour == Flavour::Milvus && self.version().older_than(2, 3, 0) {
            // Of another field than the primary key every row comes, also those with one value.
            return if query.by_primary_key {
                Ok(None)
            } else {
                self.rows_counted(query, expression, moment).await
            };
        }
        let request = query.request(expression, vec!["count(*)".to_owned()], moment, Limit::None);
        let answer = self.query(&query.database, request, MESSAGE_LIMIT).await?;
        Rows::count(&answer)
            .map(Some)
            .ok_or_else(|| self.error(Kind::BadAnswer, "Query", "no count in the answer"))
    }

    /// Rows that an expression holds for, by reading the field of each; `None` where they are too many.
    async fn rows_counted(
        &self,
        query: &Query,
        expression: String,
        moment: Moment,
    ) -> Result<Option<u64>> {
        let output = vec![query.key_field.clone()];
        let expression = match expression.as_str() {
            "" => self.within(query, &KeyRange::ALL),
            _ => expression,
        };
        let request = query.request(expression, output, moment, Limit::None);
        match self.query(&query.database, request, MESSAGE_LIMIT).await {
            Ok(answer) => Ok(Some(Rows::row_count(&answer, &query.key_field) as u64)),
            Err(error) if error.kind == Kind::TooLarge => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Rows with exactly this key; `None` where the server has no `count(*)`.
    ///
    /// # Errors
    /// When the call fails.
    pub async fn count_of_key(
        &self,
        query: &Query,
        key: &Key,
        moment: Moment,
    ) -> Result<Option<u64>> {
        let expression = key.is(&query.key_field, self.dialect());
        self.count_where(query, expression, moment).await
    }

    /// Rows that have one of these keys, duplicates counted; `None` where the server has no
    /// `count(*)`.
    ///
    /// # Errors
    /// When the call fails.
    pub async fn count_of_keys(
        &self,
        query: &Query,
        keys: &[Key],
        moment: Moment,
    ) -> Result<Option<u64>> {
        self.count_where(query, Key::any_of(&query.key_field, keys, self.dialect()), moment).await
    }
}
