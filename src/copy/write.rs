//! Writers: rows in memory become rows at the target.

use std::sync::Arc;
use std::time::Instant;

use tokio::sync::{Mutex, mpsc};

use super::{Copy, Error, Loaded, Progress};
use crate::ledger::ChunkRecord;
use crate::milvus::{self, Kind, Rows, WriteMode, retry};

/// What became of a write.
pub(super) enum Written {
    Done,
    /// The target takes only smaller requests.
    TooLarge,
    /// The target refuses the rows, or some of them.
    Refused(Box<milvus::Error>),
}

impl Copy {
    /// Writes what the readers send, until they are done. A halt of the run lets what is in memory
    /// be written: it was read already.
    pub(super) async fn write_chunks(
        self: Arc<Self>,
        loaded: Arc<Mutex<mpsc::Receiver<Loaded>>>,
    ) -> Result<(), Error> {
        loop {
            let next = loaded.lock().await.recv().await;
            let Some(Loaded { chunk, rows, share }) = next else { return Ok(()) };
            let written = self.write(&chunk, &rows).await?;
            // Parts are read again under the share that the whole has.
            drop(rows);
            match written {
                Written::Done => {}
                Written::TooLarge => self.write_in_parts(chunk).await?,
                Written::Refused(_) => self.write_accepted(chunk).await?,
            }
            drop(share);
        }
    }

    /// Splits a chunk until the target takes its parts.
    async fn write_in_parts(&self, chunk: ChunkRecord) -> Result<(), Error> {
        let mut parts = vec![chunk];
        while let Some(chunk) = parts.pop() {
            let Some((first, second)) = self.split(&chunk).await? else {
                let why = "the target refuses a single row as too large";
                let error = milvus::Error::too_large("Insert", self.task.target.uri(), why);
                return Err(self.write_error(&chunk, error));
            };
            for half in [first, second] {
                let Some(rows) = self.read(&half, self.answer_limit()).await? else {
                    parts.push(half);
                    continue;
                };
                match self.write(&half, &rows).await? {
                    Written::Done => {}
                    Written::TooLarge => parts.push(half),
                    Written::Refused(_) => self.write_accepted(half).await?,
                }
            }
        }
        Ok(())
    }

    /// Writes the rows of a chunk and notes it as done.
    ///
    /// Rows that were never sent, into a collection that this move made, are inserted. As soon as
    /// the outcome of anything is unknown they are written by key, which cannot double a row.
    pub(super) async fn write(&self, chunk: &ChunkRecord, rows: &Rows) -> Result<Written, Error> {
        let id = chunk.id;
        let mut mode =
            if chunk.tried || !self.task.fresh { WriteMode::Again } else { WriteMode::First };
        if !rows.is_empty() {
            if !chunk.tried {
                self.task.ledger.with(move |ledger| ledger.chunk_tried(id)).await?;
            }
            match self.send_rows(chunk, rows, &mut mode).await? {
                Written::Done => {}
                other => return Ok(other),
            }
        }
        let (count, bytes) = (rows.len() as u64, rows.bytes() as u64);
        self.task.ledger.with(move |ledger| ledger.chunk_done(id, count, bytes)).await?;
        self.tell(Progress::Copied { rows: count, bytes }).await;
        Ok(Written::Done)
    }

    async fn send_rows(
        &self,
        chunk: &ChunkRecord,
        rows: &Rows,
        mode: &mut WriteMode,
    ) -> Result<Written, Error> {
        let target = &self.task.target;
        let started = Instant::now();
        let mut attempt = 0;
        loop {
            let written =
                target.write_rows(&self.task.to, chunk.scope.as_deref(), rows, *mode).await;
            let error = match written {
                Ok(()) => return Ok(Written::Done),
                Err(error) if error.kind == Kind::TooLarge && rows.len() > 1 => {
                    return Ok(Written::TooLarge);
                }
                Err(error) => error,
            };
            if error.outcome_unknown() {
                *mode = WriteMode::Again;
            }
            let pause = target.retry().pause(attempt);
            if error.concerns_rows() {
                return Ok(Written::Refused(Box::new(error)));
            }
            if !error.is_retryable() || started.elapsed() + pause > target.retry().limit() {
                return Err(self.write_error(chunk, error));
            }
            tracing::info!(range = %chunk.range, attempt, %error, "Writing a chunk again.");
            self.tell(Progress::Retried).await;
            retry::wait(pause, target.cancel(), &error)
                .await
                .map_err(|error| self.write_error(chunk, error))?;
            attempt += 1;
        }
    }
}
