//! Rows that are copied or deleted by their keys, where a few of many differ.
//!
//! Nothing of this is in the ledger: it is done to ranges that were copied before, whatever came of
//! an earlier attempt, and doing it again does no harm.

use std::time::Instant;

use tokio_util::sync::CancellationToken;

use super::{Error, Identity, Memory, Unfit, as_carried};
use crate::milvus::{self, Client, Kind, Moment, Query, Rows, WriteMode};
use crate::model::{Collection, CopySettings, Key, RowSettings};

/// Most keys of one query.
const KEYS: usize = 500;
/// Most bytes of their texts.
const TEXTS: usize = 256 << 10;
/// Rows are in memory as the answer that they came in and as the request that they leave in.
const TWICE: usize = 2;

/// Rows that were copied.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Copied {
    /// How many.
    pub rows: u64,
    /// Bytes of their columns.
    pub bytes: u64,
}

/// A source and a target collection, for rows that are named by their keys.
pub struct ByKey<'a> {
    /// Where rows come from.
    pub source: &'a Client,
    /// Where they go.
    pub target: &'a Client,
    /// The collection at the source.
    pub from: &'a Collection,
    /// The collection at the target.
    pub to: &'a Collection,
    /// How rows are read and written.
    pub settings: &'a RowSettings,
    /// Sizes.
    pub limits: &'a CopySettings,
    /// Bytes of rows that may be in memory.
    pub memory: &'a Memory,
    /// Both ends, as they were before anything was read.
    pub identity: &'a Identity,
    /// Fires when nothing new may be sent.
    pub stop: &'a CancellationToken,
}

impl ByKey<'_> {
    /// Copies the rows that have these keys at that moment, each in place of the one that the target
    /// has. A key that the source does not have is left alone.
    ///
    /// # Errors
    /// The first failure; what was written before stays.
    pub async fn copy(
        &self,
        scope: Option<&str>,
        keys: &[Key],
        at: Moment,
    ) -> Result<Copied, Error> {
        let query = Query::of(self.from).ok_or_else(|| Error::NoKey(self.from.address()))?;
        let partitions = self.settings.source_partitions(scope);
        let query = query.within(partitions).of_id(self.identity.source_id());
        let mut copied = Copied::default();
        let mut batches: Vec<&[Key]> = batches(keys);
        while let Some(batch) = batches.pop() {
            let limit = match batch {
                [_] => super::read::SINGLE_ROW,
                _ => self.answer_limit(),
            };
            let mut share = tokio::select! {
                biased;
                () = self.stop.cancelled() => return Err(Error::Stopped),
                share = self.memory.share(TWICE * limit) => share,
            };
            let columns = self.settings.columns(self.from);
            let rows = self.source.rows_of_keys(&query, batch, columns, at, limit);
            let rows = match Box::pin(rows).await {
                Ok(rows) => rows,
                Err(error) if error.kind == Kind::TooLarge && batch.len() > 1 => {
                    batches.extend(halves(batch));
                    continue;
                }
                Err(error) => return Err(self.read_error(scope, batch, error)),
            };
            share.shrink_to(TWICE * rows.memory());
            let rows = as_carried(rows, self.settings).map_err(|found| match found {
                Unfit::DynamicData(rows) => {
                    Error::DynamicData { place: place(self.from, scope, batch), rows }
                }
                Unfit::Unreadable(why) => {
                    let error = milvus::Error::bad_answer("Query", self.source.uri(), why);
                    self.read_error(scope, batch, error)
                }
            })?;
            // Rows of another collection are not to take the place of any.
            self.identity.confirm().await?;
            match self.write(scope, &rows).await {
                Ok(()) => {
                    copied.rows += rows.len() as u64;
                    copied.bytes += rows.bytes() as u64;
                }
                Err(error)
                    if batch.len() > 1
                        && !(self.to.makes_keys() && error.refuses_given_keys())
                        && (error.kind == Kind::TooLarge || error.concerns_rows()) =>
                {
                    batches.extend(halves(batch));
                }
                Err(error) => return Err(self.write_error(scope, batch, error)),
            }
        }
        Ok(copied)
    }

    /// Deletes the rows that have these keys at the target.
    ///
    /// # Errors
    /// The first failure; what was deleted before stays so.
    pub async fn delete(&self, scope: Option<&str>, keys: &[Key]) -> Result<(), Error> {
        for batch in batches(keys) {
            self.identity.confirm().await?;
            let bytes = batch.iter().map(|key| 8 + key.text_bytes() as u64).sum();
            self.again("Delete", bytes, || self.target.delete_keys(self.to, scope, batch))
                .await
                .map_err(|error| self.write_error(scope, batch, error))?;
        }
        Ok(())
    }

    async fn write(&self, scope: Option<&str>, rows: &Rows) -> milvus::Result<()> {
        let write = || self.target.write_rows(self.to, scope, rows, WriteMode::Again);
        self.again("Upsert", rows.bytes() as u64, write).await
    }

    /// Calls until it succeeds, as long as any call is tried again.
    async fn again<F: Future<Output = milvus::Result<()>>>(
        &self,
        rpc: &str,
        bytes: u64,
        call: impl Fn() -> F,
    ) -> milvus::Result<()> {
        let (target, what) = (self.target, format!("{} {rpc}", self.to.address()));
        let mut turn = target.turn_to_write(bytes, self.stop).await?;
        turn.begin();
        let mut failing_since = None;
        let mut attempt = 0;
        loop {
            let done = Box::pin(call()).await;
            turn.ended(&done, &what, bytes, |()| 0);
            let Err(error) = done else { return Ok(()) };
            let pause = target.retry().pause(attempt);
            let failing = failing_since.get_or_insert_with(Instant::now).elapsed();
            if !error.is_retryable() || failing + pause > target.retry().limit() {
                return Err(error);
            }
            tracing::info!(attempt, %error, "Writing by key again.");
            target.tell_repeated(&error, target.retry().limit().saturating_sub(failing));
            target.turn_to_write_again(&mut turn, (pause, &error), bytes, self.stop).await?;
            attempt += 1;
        }
    }

    fn answer_limit(&self) -> usize {
        let limit = self.limits.max_request_size.0.max(self.limits.chunk_size.0);
        usize::try_from(limit).unwrap_or(usize::MAX)
    }

    fn read_error(&self, scope: Option<&str>, keys: &[Key], error: milvus::Error) -> Error {
        match error.kind {
            Kind::Cancelled => Error::Stopped,
            _ => Error::Read { place: place(self.from, scope, keys), error },
        }
    }

    fn write_error(&self, scope: Option<&str>, keys: &[Key], error: milvus::Error) -> Error {
        let place = place(self.to, scope, keys);
        match error.kind {
            Kind::Cancelled => Error::Stopped,
            _ if self.to.makes_keys() && error.refuses_given_keys() => {
                Error::KeysRefused { place, error }
            }
            _ if error.concerns_rows() => Error::Refused { place, allowed: 0, error },
            _ => Error::Write { place, error },
        }
    }
}

/// Where keys are, for messages.
fn place(collection: &Collection, scope: Option<&str>, keys: &[Key]) -> String {
    let of = match scope {
        Some(partition) => format!("{}, partition {partition}", collection.address()),
        None => collection.address(),
    };
    match keys {
        [key] => format!("{of}, key {key}"),
        [first, ..] => format!("{of}, {} keys such as {first}", keys.len()),
        [] => of,
    }
}

/// Keys in portions of one query each.
pub(crate) fn batches(keys: &[Key]) -> Vec<&[Key]> {
    let mut batches = Vec::new();
    let mut rest = keys;
    while !rest.is_empty() {
        let mut texts = 0;
        let fits = rest.iter().take(KEYS).take_while(|key| {
            texts += key.text_bytes();
            texts <= TEXTS
        });
        let (batch, others) = rest.split_at(fits.count().max(1));
        batches.push(batch);
        rest = others;
    }
    batches
}

fn halves(keys: &[Key]) -> [&[Key]; 2] {
    let (lower, upper) = keys.split_at(keys.len() / 2);
    [lower, upper]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_is_in_one_portion() {
        let numbers: Vec<Key> = (0..1_201).map(Key::Int64).collect();
        let portions = batches(&numbers);
        assert_eq!(portions.iter().map(|part| part.len()).collect::<Vec<_>>(), [500, 500, 201]);
        assert_eq!(portions.concat(), numbers);
        let texts: Vec<Key> = (0..6).map(|_| Key::VarChar("x".repeat(100_000))).collect();
        assert_eq!(batches(&texts).iter().map(|part| part.len()).collect::<Vec<_>>(), [2, 2, 2]);
        let wide = [Key::VarChar("x".repeat(TEXTS + 1)), Key::Int64(1)];
        assert_eq!(batches(&wide).iter().map(|part| part.len()).collect::<Vec<_>>(), [1, 1]);
        assert!(batches(&[]).is_empty());
    }

    #[test]
    fn halves_hold_every_key_once_and_none_is_empty() {
        for count in 2..9 {
            let keys: Vec<Key> = (0..count).map(Key::Int64).collect();
            let [lower, upper] = halves(&keys);
            assert!(!lower.is_empty() && !upper.is_empty());
            assert_eq!([lower, upper].concat(), keys);
        }
    }
}
