//! Writing rows, in the two ways that are needed: for the first time, and again.

use std::collections::BTreeSet;
use std::time::Duration;

use super::client::{CallOptions, Client, MESSAGE_LIMIT};
use super::column::Rows;
use super::error::{Kind, Result};
use super::pb::milvus as pb;
use crate::model::{Collection, Flavour, Key};

/// Deadline of one write.
const WRITE: Duration = Duration::from_secs(120);

/// How rows are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WriteMode {
    /// Nothing of these rows was ever sent: plain insert.
    First,
    /// Some of these rows may be there already: replace them by key.
    Again,
}

impl Client {
    /// Writes rows into a collection, or into one partition of it; one attempt.
    ///
    /// An insert never looks for duplicates, so [`WriteMode::First`] must not be repeated once its
    /// outcome is unknown. [`WriteMode::Again`] may: it upserts, or deletes the keys and inserts
    /// where the server has no upsert (before 2.3). Either way replaces within the named partition.
    ///
    /// # Errors
    /// When the call fails, or the server acknowledges another number of rows than was sent.
    pub async fn write_rows(
        &self,
        to: &Collection,
        partition: Option<&str>,
        rows: &Rows,
        mode: WriteMode,
    ) -> Result<()> {
        if rows.is_empty() {
            return Ok(());
        }
        let target = Target { to, partition };
        match mode {
            WriteMode::First => self.insert(&target, rows).await,
            WriteMode::Again => match self.upsert(&target, rows).await {
                Err(error) if error.kind == Kind::Unsupported => {
                    self.delete_keys(to, partition, rows.keys()).await?;
                    self.insert(&target, rows).await
                }
                other => other,
            },
        }
    }

    async fn insert(&self, target: &Target<'_>, rows: &Rows) -> Result<()> {
        let message = pb::InsertRequest {
            db_name: target.to.database.clone(),
            collection_name: target.to.name.clone(),
            partition_name: target.partition.unwrap_or_default().to_owned(),
            fields_data: rows.to_insert(&self.flagged(target.to)),
            num_rows: self.row_number("Insert", rows)?,
            ..Default::default()
        };
        let answer = self
            .call("Insert", &target.to.database, OPTIONS, message, |mut c, r| async move {
                c.insert(r).await
            })
            .await?;
        self.acknowledged("Insert", answer.insert_cnt, rows)
    }

    async fn upsert(&self, target: &Target<'_>, rows: &Rows) -> Result<()> {
        let message = pb::UpsertRequest {
            db_name: target.to.database.clone(),
            collection_name: target.to.name.clone(),
            partition_name: target.partition.unwrap_or_default().to_owned(),
            fields_data: rows.to_insert(&self.flagged(target.to)),
            num_rows: self.row_number("Upsert", rows)?,
            ..Default::default()
        };
        let answer = self
            .call("Upsert", &target.to.database, OPTIONS, message, |mut c, r| async move {
                c.upsert(r).await
            })
            .await?;
        self.acknowledged("Upsert", answer.upsert_cnt, rows)
    }

    /// Deletes the rows that have one of these keys, in a collection or in one partition of it; one
    /// attempt. Saying it again does no harm, and a key that is not there is no error.
    ///
    /// # Errors
    /// When the call fails.
    pub async fn delete_keys(
        &self,
        to: &Collection,
        partition: Option<&str>,
        keys: &[Key],
    ) -> Result<()> {
        let Some(field) = to.primary_key() else {
            return Err(self.error(Kind::Invalid, "Delete", "the collection has no primary key"));
        };
        let message = pb::DeleteRequest {
            db_name: to.database.clone(),
            collection_name: to.name.clone(),
            partition_name: partition.unwrap_or_default().to_owned(),
            expr: Key::any_of(&field.name, keys, self.dialect()),
            ..Default::default()
        };
        self.call(
            "Delete",
            &to.database,
            OPTIONS,
            message,
            |mut c, r| async move { c.delete(r).await },
        )
        .await
        .map(drop)
    }

    /// Fields of which every row has to be flagged as null or not (2.5).
    fn flagged<'a>(&self, to: &'a Collection) -> BTreeSet<&'a str> {
        let version = self.version();
        if version.flavour == Flavour::Lite || version.older_than(2, 5, 0) {
            return BTreeSet::new();
        }
        to.fields
            .iter()
            .filter(|field| field.nullable || field.default_value.is_some())
            .map(|field| field.name.as_str())
            .collect()
    }

    fn row_number(&self, rpc: &'static str, rows: &Rows) -> Result<u32> {
        u32::try_from(rows.len()).map_err(|_| self.error(Kind::TooLarge, rpc, "too many rows"))
    }

    fn acknowledged(&self, rpc: &'static str, count: i64, rows: &Rows) -> Result<()> {
        if usize::try_from(count) == Ok(rows.len()) {
            return Ok(());
        }
        let why = format!("sent {} rows, {count} were acknowledged", rows.len());
        // Not counted as done, and what arrived is unknown.
        Err(self.error(Kind::BadAnswer, rpc, why))
    }
}

struct Target<'a> {
    to: &'a Collection,
    partition: Option<&'a str>,
}

const OPTIONS: CallOptions = CallOptions { deadline: WRITE, max_answer: MESSAGE_LIMIT };
