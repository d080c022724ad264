//! Writing rows, in the two ways that are needed: for the first time, and again.

use std::collections::BTreeSet;
use std::time::Duration;

use super::client::{CallOptions, Client, MESSAGE_LIMIT};
use super::column::Rows;
use super::error::{Error, Kind, Result};
use super::landing::{self, Sent};
use super::mixed::{Ask, Of};
use super::pb::milvus as pb;
use super::query::{Moment, Query};
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
    /// outcome is unknown. [`WriteMode::Again`] may: it upserts, or deletes the keys and inserts where
    /// the server has no upsert (before 2.3) or makes up keys (`Upserted`). Either way replaces within
    /// the named partition. Where rows are deleted and inserted, a lost answer is not the end of it:
    /// see `landing`.
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
        if mode == WriteMode::First {
            return self.insert(&target, rows).await;
        }
        if let Some(target) = Upserted::of(&target) {
            match self.upsert(target, rows).await {
                Err(error) if error.kind == Kind::Unsupported => {}
                other => return other,
            }
        }
        for keys in deleted_together(rows.keys()) {
            self.delete_keys(to, partition, keys).await?;
        }
        self.insert(&target, rows).await
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
        let options = options(target.to);
        let sent = self.landings().sent(target.to);
        let answer = self
            .call("Insert", &target.to.database, options, message, |mut c, r| async move {
                c.insert(r).await
            })
            .await;
        let done = answer.and_then(|answer| self.acknowledged("Insert", answer.insert_cnt, rows));
        ended(sent, done)
    }

    async fn upsert(&self, target: Upserted<'_>, rows: &Rows) -> Result<()> {
        let Upserted(target) = target;
        let message = pb::UpsertRequest {
            db_name: target.to.database.clone(),
            collection_name: target.to.name.clone(),
            partition_name: target.partition.unwrap_or_default().to_owned(),
            fields_data: rows.to_insert(&self.flagged(target.to)),
            num_rows: self.row_number("Upsert", rows)?,
            ..Default::default()
        };
        let answer = self
            .call(
                "Upsert",
                &target.to.database,
                options(target.to),
                message,
                |mut c, r| async move { c.upsert(r).await },
            )
            .await?;
        self.acknowledged("Upsert", answer.upsert_cnt, rows)
    }

    /// Deletes the rows that have one of these keys, in a collection or in one partition of it; one
    /// attempt. Saying it again does no harm, and a key that is not there is no error.
    ///
    /// Where rows are found by another field than the primary key, the target's own keys of them are
    /// asked for first: servers before 2.3 delete by no other, and newer ones do just that. Such a
    /// collection has to be loaded.
    ///
    /// # Errors
    /// When the call fails.
    pub async fn delete_keys(
        &self,
        to: &Collection,
        partition: Option<&str>,
        keys: &[Key],
    ) -> Result<()> {
        if to.brings_keys() {
            return self.delete_by_primary_key(to, partition, keys).await;
        }
        for keys in deleted_together(keys) {
            let own = self.own_keys(to, partition, keys).await?;
            for own in deleted_together(&own) {
                self.delete_by_primary_key(to, partition, own).await?;
            }
        }
        Ok(())
    }

    /// The primary keys of all rows that have one of these keys of the source.
    async fn own_keys(
        &self,
        to: &Collection,
        partition: Option<&str>,
        keys: &[Key],
    ) -> Result<Vec<Key>> {
        let queries = (Query::of(to), Query::by_primary_key(to));
        let (Some(by_source), Some(own)) = queries else {
            return Err(self.error(Kind::Invalid, "Delete", "the rows cannot be found by a key"));
        };
        let own = own.within(partition.map(str::to_owned).into_iter().collect());
        let output = vec![own.key_field.clone()];
        let ask =
            Ask { query: &own, output: &output, moment: Moment::Strong, max_answer: MESSAGE_LIMIT };
        let expression = self.expression(&by_source, &Of::Keys(keys.to_vec()));
        Ok(self.rows_as_answered(ask, expression).await?.into_keys())
    }

    async fn delete_by_primary_key(
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
        let sent = self.landings().sent(to);
        let done = self
            .call("Delete", &to.database, options(to), message, |mut c, r| async move {
                c.delete(r).await
            })
            .await;
        ended(sent, done.map(drop))
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

/// A target into which rows may be upserted: one whose rows bring their keys.
///
/// A server that makes up the keys takes an upsert and gives the rows new ones, without a word
/// (2.4.10 to 3.0.0, also with `allow_insert_auto_id`). This is the only way to
/// [`upsert`](Client::upsert), so that none is ever sent there.
#[derive(Clone, Copy)]
struct Upserted<'a>(&'a Target<'a>);

impl<'a> Upserted<'a> {
    fn of(target: &'a Target<'a>) -> Option<Self> {
        (!target.to.makes_keys()).then_some(Self(target))
    }
}

fn options(to: &Collection) -> CallOptions {
    let deadline = if to.makes_keys() { landing::DEADLINE } else { WRITE };
    CallOptions { deadline, max_answer: MESSAGE_LIMIT }
}

/// What came of a request, and that it is known, if it is.
fn ended(sent: Sent<'_>, done: Result<()>) -> Result<()> {
    if !done.as_ref().is_err_and(Error::outcome_unknown) {
        sent.known();
    }
    done
}

/// Most keys that one request deletes.
const DELETED: usize = 16_384;
/// Most bytes of their texts.
const DELETED_TEXTS: usize = 4 << 20;

/// Keys in portions that one request deletes each.
fn deleted_together(keys: &[Key]) -> Vec<&[Key]> {
    let (mut portions, mut rest) = (Vec::new(), keys);
    while !rest.is_empty() {
        let mut texts = 0;
        let fits = rest.iter().take(DELETED).take_while(|key| {
            texts += key.text_bytes();
            texts <= DELETED_TEXTS
        });
        let (portion, others) = rest.split_at(fits.count().max(1));
        portions.push(portion);
        rest = others;
    }
    portions
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::DataType;
    use crate::model::samples::{collection, field};

    #[test]
    fn nothing_is_upserted_where_the_server_makes_up_the_keys() {
        let mut to = collection("things", vec![field("id", DataType::INT64)]);
        to.fields[0].primary_key = true;
        assert!(Upserted::of(&Target { to: &to, partition: None }).is_some());
        assert_eq!(options(&to).deadline, WRITE);
        to.fields[0].auto_id = true;
        assert!(Upserted::of(&Target { to: &to, partition: None }).is_none());
        assert_eq!(options(&to).deadline, landing::DEADLINE);
    }

    #[test]
    fn every_key_is_deleted_once() {
        let numbers: Vec<Key> = (0..40_000).map(Key::Int64).collect();
        let portions = deleted_together(&numbers);
        assert_eq!(
            portions.iter().map(|part| part.len()).collect::<Vec<_>>(),
            [16_384, 16_384, 7_232]
        );
        assert_eq!(portions.concat(), numbers);
        let wide = [Key::VarChar("x".repeat(DELETED_TEXTS + 1)), Key::Int64(1)];
        assert_eq!(
            deleted_together(&wide).iter().map(|part| part.len()).collect::<Vec<_>>(),
            [1, 1]
        );
        assert!(deleted_together(&[]).is_empty());
    }
}
