//! Writers: rows in memory become rows at the target.

use std::sync::Arc;
use std::time::Instant;

use tokio::sync::{Mutex, mpsc};

use super::{Copy, Error, Loaded};
use crate::ledger::{ChunkRecord, WrittenChunk};
use crate::milvus::{self, Kind, Rows, WriteMode};

/// What became of a write.
pub(super) enum Written {
    Done,
    /// The target takes only smaller requests.
    TooLarge,
    /// The target refuses the rows, or some of them.
    Refused(Box<milvus::Error>),
}

impl Copy {
    /// Writes what the readers send, until they are done. After a halt of the run, requests that
    /// were sent are waited for, and nothing new is sent: at a slow target, what is in memory may
    /// take minutes.
    pub(super) async fn write_chunks(
        self: Arc<Self>,
        loaded: Arc<Mutex<mpsc::Receiver<Loaded>>>,
    ) -> Result<(), Error> {
        loop {
            let next = loaded.lock().await.recv().await;
            let Some(Loaded { chunk, rows, share }) = next else { return Ok(()) };
            if self.halt.is_cancelled() {
                continue;
            }
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
                let Some(rows) = self.read(&half, self.size.answer_limit()).await? else {
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

    /// Writes the rows of a chunk, which is done when both ends are found to be the same still.
    ///
    /// Rows that were never sent, into a collection that this move made, are inserted. As soon as
    /// the outcome of anything is unknown they are written by key, which cannot double a row; where the
    /// target makes up keys, once more when nothing can land any more (`milvus::landing`).
    pub(super) async fn write(&self, chunk: &ChunkRecord, rows: &Rows) -> Result<Written, Error> {
        let again = chunk.tried || !self.task.fresh;
        let mode = if again { WriteMode::Again } else { WriteMode::First };
        if rows.len() > 1 && !self.size.request_fits(rows) {
            return Ok(Written::TooLarge);
        }
        self.note_before(chunk, rows.keys()).await?;
        let digest = rows.digest().map_err(|why| {
            let error = milvus::Error::bad_answer("Query", self.task.source.uri(), why);
            self.read_error(chunk, error)
        })?;
        if !rows.is_empty() {
            match self.send_rows(chunk, rows, mode).await? {
                Written::Done => {}
                other => return Ok(other),
            }
        }
        let (rows, bytes) = (rows.len() as u64, rows.bytes() as u64);
        self.written.add(WrittenChunk { id: chunk.id, rows, bytes, digest }).await;
        Ok(Written::Done)
    }

    async fn send_rows(
        &self,
        chunk: &ChunkRecord,
        rows: &Rows,
        mut mode: WriteMode,
    ) -> Result<Written, Error> {
        let target = &self.task.target;
        let (what, bytes) = (self.task.to.address(), rows.bytes() as u64);
        let mut failing_since = None;
        let mut attempt = 0;
        let turn = target.turn_to_write(bytes, &self.halt).await;
        let mut turn = turn.map_err(|error| self.write_error(chunk, error))?;
        if !chunk.tried {
            let id = chunk.id;
            self.task.ledger.with(move |ledger| ledger.chunk_tried(id)).await?;
            turn.begin();
        }
        loop {
            let written =
                target.write_rows(&self.task.to, chunk.scope.as_deref(), rows, mode).await;
            turn.ended(&written, &what, bytes, |()| 0);
            let error = match written {
                Ok(()) => {
                    self.refusals.taken();
                    self.size.request_taken(rows);
                    return Ok(Written::Done);
                }
                Err(error) if error.kind == Kind::TooLarge && rows.len() > 1 => {
                    self.size.request_too_large(rows);
                    return Ok(Written::TooLarge);
                }
                Err(error) => error,
            };
            if error.outcome_unknown() {
                mode = WriteMode::Again;
            }
            // It is not about these rows: no other would be taken either.
            if self.task.to.makes_keys() && error.refuses_given_keys() {
                return Err(self.write_error(chunk, error));
            }
            if error.concerns_rows() {
                self.refusals.refused();
                return Ok(Written::Refused(Box::new(error)));
            }
            let pause = target.retry().pause(attempt);
            let failing = failing_since.get_or_insert_with(Instant::now).elapsed();
            if !error.is_retryable() || failing + pause > target.retry().limit() {
                return Err(self.write_error(chunk, error));
            }
            tracing::info!(range = %chunk.range, attempt, %error, "Writing a chunk again.");
            target.tell_repeated(&error, target.retry().limit().saturating_sub(failing));
            target
                .turn_to_write_again(&mut turn, (pause, &error), bytes, &self.halt)
                .await
                .map_err(|error| self.write_error(chunk, error))?;
            attempt += 1;
        }
    }
}
