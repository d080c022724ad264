//! What only a rehearsal asks of a server: keys that a filter finds, rows without keys, and the end of
//! a collection.

use super::client::{CHANGE, Client, MESSAGE_LIMIT};
use super::column::Rows;
use super::error::{Kind, Result};
use super::pb::milvus as pb;
use super::query::{Limit, Moment, Query};
use crate::model::{Collection, Key};

impl Client {
    /// A few keys of rows that an expression holds for, in no order.
    ///
    /// # Errors
    /// When the call fails, as when the server does not know the expression.
    pub async fn some_keys_where(
        &self,
        query: &Query,
        expression: String,
        limit: u32,
    ) -> Result<Vec<Key>> {
        let output = vec![query.key_field.clone()];
        let request =
            query.request(expression, output.clone(), Moment::Eventually, Limit::Page(limit));
        let answer = self.query(&query.database, request, MESSAGE_LIMIT).await?;
        Ok(self.rows(query, answer, &output)?.into_keys())
    }

    /// Inserts rows whose keys the server makes up; one attempt, which must not be repeated.
    ///
    /// # Errors
    /// When the call fails, or the server acknowledges another number of rows than was sent.
    pub async fn insert_without_keys(
        &self,
        to: &Collection,
        partition: Option<&str>,
        rows: Rows,
    ) -> Result<()> {
        let key = to.primary_key().map(|key| key.name.clone()).unwrap_or_default();
        let rows = rows.without_column(&key);
        self.write_rows(to, partition, &rows, super::WriteMode::First).await
    }

    /// Drops a collection with all that is in it. One that is not there is dropped already.
    ///
    /// # Errors
    /// When the call fails.
    pub async fn drop_collection(&self, database: &str, collection: &str) -> Result<()> {
        let message = pb::DropCollectionRequest {
            db_name: database.to_owned(),
            collection_name: collection.to_owned(),
            ..Default::default()
        };
        let dropped = self
            .repeat("DropCollection", database, CHANGE, message, |mut c, r| async move {
                c.drop_collection(r).await
            })
            .await;
        match dropped {
            Err(error) if error.kind == Kind::Missing => Ok(()),
            other => other.map(drop),
        }
    }
}
