//! Rows of the sample: read at the source, written to the scratch collection, changed there.

use std::time::{Duration, Instant};

use super::outcome::Measured;
use super::sample::{self, ANSWER, BATCH, Keys};
use super::steps::Work;
use super::turn::Fault;
use crate::copy::{SINGLE_ROW, Unfit, as_carried};
use crate::milvus::{self, Kind, Moment, Query, Rows, WriteMode};
use crate::model::Key;
use crate::model::quantity::counted;

/// Rows of a collection that are refused and named, before no more are written: one schema refuses them
/// all, in whichever partition they are.
const MOST_REFUSED: usize = 3;
/// How long a write that may succeed is tried again.
const RETRY_FOR: Duration = Duration::from_secs(30);

type Done = Result<((), String), Fault>;

/// Rows that are at the target.
#[derive(Debug, Default)]
pub(super) struct Written {
    pub(super) keys: Keys,
    pub(super) measured: Measured,
}

/// A row that the target refuses.
struct Refused {
    key: Key,
    words: String,
}

impl Work<'_> {
    /// Writes these rows. A request that is refused is sent in parts, until the rows are known that the
    /// target does not take; the others are written.
    pub(super) async fn write(&self, keys: &Keys) -> (Written, Done) {
        let mut written = Written::default();
        let mut refused = Vec::new();
        for (scope, keys) in keys {
            if refused.len() >= MOST_REFUSED {
                break;
            }
            if let Err(fault) =
                Box::pin(self.write_scope(scope.as_ref(), keys, &mut written, &mut refused)).await
            {
                return (written, Err(fault));
            }
        }
        let rows = counted(written.measured.rows, "row");
        if refused.is_empty() {
            return (written, Ok(((), rows)));
        }
        let each: Vec<String> =
            refused.iter().map(|row| format!("key {}: {}", row.key, row.words)).collect();
        let more = if each.len() < MOST_REFUSED { "" } else { "; no more rows were tried" };
        let text = format!(
            "the target refuses {}: {}{more}",
            counted(each.len() as u64, "row"),
            each.join("; ")
        );
        let advice = "correct the rows at the source or the field in the plan file, or allow rows to \
                      be set aside with `max_rejected_rows` under [copy]";
        (written, Err(Fault::failed(text, advice)))
    }

    async fn write_scope(
        &self,
        scope: Option<&String>,
        keys: &[Key],
        written: &mut Written,
        refused: &mut Vec<Refused>,
    ) -> Result<(), Fault> {
        let partition = scope.map(String::as_str);
        let mut open: Vec<&[Key]> = keys.chunks(BATCH).rev().collect();
        while let Some(batch) = open.pop() {
            let halves = batch.split_at(batch.len() / 2);
            let started = Instant::now();
            let rows = match self.read(partition, batch).await {
                Err(Reading::TooLarge) if batch.len() > 1 => {
                    open.extend([halves.1, halves.0]);
                    continue;
                }
                Err(Reading::TooLarge) => {
                    let text = format!("the row with key {} is over every message limit", batch[0]);
                    return Err(Fault::failed(text, ""));
                }
                Err(Reading::Fault(fault)) => return Err(fault),
                Ok(rows) => rows,
            };
            let read = started.elapsed();
            // A row that was deleted meanwhile is not there.
            if rows.is_empty() {
                continue;
            }
            let started = Instant::now();
            match self.send(partition, &rows, WriteMode::First).await {
                Ok(()) => {
                    let measured = &mut written.measured;
                    measured.rows += rows.len() as u64;
                    measured.bytes += rows.bytes() as u64;
                    measured.read_seconds += read.as_secs_f64();
                    measured.write_seconds += started.elapsed().as_secs_f64();
                    written.keys.entry(scope.cloned()).or_default().extend(rows.into_keys());
                }
                Err(error) if error.concerns_rows() && batch.len() > 1 => {
                    open.extend([halves.1, halves.0]);
                }
                Err(error) if error.concerns_rows() => {
                    refused
                        .push(Refused { key: batch[0].clone(), words: self.words(&rows, &error) });
                    if refused.len() >= MOST_REFUSED {
                        return Ok(());
                    }
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// The server's words, and the field that is too short where that is so.
    fn words(&self, rows: &Rows, error: &milvus::Error) -> String {
        match rows.too_long(&self.scratch) {
            Some(long) => format!(
                "{error} (the field {} takes {} bytes, and this text has {})",
                long.field, long.limit, long.length
            ),
            None => error.to_string(),
        }
    }

    /// Rows with these keys as the target is to have them.
    async fn read(&self, partition: Option<&str>, keys: &[Key]) -> Result<Rows, Reading> {
        let settings = &self.change.settings;
        let Some(query) = sample::query(self.source, settings, partition) else {
            return Err(Fault::failed("its keys are of an unknown type", "").into());
        };
        let columns = settings.columns(&self.source.collection);
        let limit = if keys.len() == 1 { SINGLE_ROW } else { ANSWER };
        let rows = self.run.source.rows_of_keys(&query, keys, columns, Moment::Eventually, limit);
        let rows = match rows.await {
            Err(error) if error.kind == Kind::TooLarge => return Err(Reading::TooLarge),
            other => other.map_err(Fault::from)?,
        };
        as_carried(rows, settings).map_err(|unfit| {
            let fault = match unfit {
                Unfit::DynamicData(rows) => Fault::failed(
                    format!(
                        "{} have dynamic data, and the target has no dynamic field",
                        counted(rows, "row")
                    ),
                    "keep the dynamic field, or say `drop_dynamic_data = true` in the plan file",
                ),
                Unfit::Unreadable(why) => Fault::failed(why, ""),
            };
            fault.into()
        })
    }

    /// Writes rows, also to a server that is busy for a moment. As soon as the outcome of a request is
    /// unknown they are written by key.
    async fn send(
        &self,
        partition: Option<&str>,
        rows: &Rows,
        mut mode: WriteMode,
    ) -> milvus::Result<()> {
        let (target, started) = (&self.run.target, Instant::now());
        let mut attempt = 0;
        loop {
            let Err(error) = target.write_rows(&self.scratch, partition, rows, mode).await else {
                return Ok(());
            };
            let pause = target.retry().pause(attempt);
            if !error.is_retryable() || started.elapsed() + pause > RETRY_FOR {
                return Err(error);
            }
            if error.outcome_unknown() {
                mode = WriteMode::Again;
            }
            attempt += 1;
            tokio::time::sleep(pause).await;
        }
    }

    /// One of the rows that were written, read at the source once more, with its partition and key.
    async fn one_row<'k>(&self, keys: &'k Keys) -> Result<(Option<&'k str>, &'k Key, Rows), Fault> {
        let Some((partition, key)) = Self::one_of(keys, false) else {
            return Err(Fault::Skipped("no row was written".to_owned()));
        };
        let rows = self.read(partition, std::slice::from_ref(key)).await.map_err(Reading::fault)?;
        if rows.is_empty() {
            return Err(Fault::Skipped(format!(
                "the row with key {key} is not at the source any more"
            )));
        }
        Ok((partition, key, rows))
    }

    /// How many rows of the scratch collection have a key.
    async fn there(&self, partition: Option<&str>, key: &Key) -> Result<usize, Fault> {
        let Some(query) = Query::of(&self.scratch) else {
            return Err(Fault::failed("its keys are of an unknown type", ""));
        };
        let query = query.within(partition.map(str::to_owned).into_iter().collect());
        let columns = vec![query.key_field.clone()];
        let keys = std::slice::from_ref(key);
        let rows =
            self.run.target.rows_of_keys(&query, keys, columns, Moment::Strong, ANSWER).await?;
        Ok(rows.len())
    }

    /// Writes one row again by its key.
    pub(super) async fn upsert(&self, keys: &Keys) -> Done {
        if self.scratch.makes_keys() {
            let why = "the target makes up keys: an upsert would make new ones, and none is sent";
            return Err(Fault::Skipped(why.to_owned()));
        }
        let (partition, key, rows) = self.one_row(keys).await?;
        self.send(partition, &rows, WriteMode::Again).await?;
        match self.there(partition, key).await? {
            1 => Ok(((), String::new())),
            rows => Err(Fault::failed(
                format!(
                    "after an upsert of key {key} the target has {}",
                    counted(rows as u64, "row")
                ),
                "look at the server's log",
            )),
        }
    }

    /// Deletes one row by its key.
    pub(super) async fn delete(&self, keys: &Keys) -> Done {
        let Some((partition, key)) = Self::one_of(keys, true) else {
            return Err(Fault::Skipped("no row was written".to_owned()));
        };
        let target = &self.run.target;
        target.delete_keys(&self.scratch, partition, std::slice::from_ref(key)).await?;
        match self.there(partition, key).await? {
            0 => Ok(((), String::new())),
            _ => Err(Fault::failed(
                format!("the row with key {key} is still there after it was deleted"),
                "look at the server's log",
            )),
        }
    }

    /// Writes a row whose key the target makes up.
    pub(super) async fn insert_without_key(&self, keys: &Keys) -> Done {
        if !self.scratch.makes_keys() {
            return Err(Fault::Skipped("the target does not make up keys".to_owned()));
        }
        let (partition, _, rows) = self.one_row(keys).await?;
        self.run.target.insert_without_keys(&self.scratch, partition, rows).await?;
        Ok(((), String::new()))
    }
}

/// Why rows were not read.
enum Reading {
    /// They are too many for one answer.
    TooLarge,
    Fault(Fault),
}

impl Reading {
    fn fault(self) -> Fault {
        match self {
            Self::TooLarge => Fault::failed("a row is over every message limit", ""),
            Self::Fault(fault) => fault,
        }
    }
}

impl From<Fault> for Reading {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}
