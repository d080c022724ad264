//! Readers: a chunk becomes rows in memory.

use std::sync::Arc;

use tokio::sync::{Mutex, mpsc};

use super::memory::Share;
use super::{Copy, Error, Loaded, Unfit, as_carried, place};
use crate::ledger::ChunkRecord;
use crate::milvus::{Kind, Rows};

/// Largest answer that a single row may need, bytes.
pub const SINGLE_ROW: usize = 256 << 20;
/// Rows are in memory as the answer that they came in and as the request that they leave in.
const TWICE: usize = 2;

impl Copy {
    /// Reads chunks until there are none left or the run halts.
    pub(super) async fn read_chunks(
        self: Arc<Self>,
        chunks: Arc<Mutex<mpsc::Receiver<ChunkRecord>>>,
        loaded: mpsc::Sender<Loaded>,
    ) -> Result<(), Error> {
        loop {
            let next = async { chunks.lock().await.recv().await };
            let chunk = tokio::select! {
                () = self.halt.cancelled() => return Ok(()),
                chunk = next => chunk,
            };
            let Some(chunk) = chunk else { return Ok(()) };
            // A chunk that is too large is split, and its parts are read one after the other.
            let mut parts = vec![chunk];
            while let Some(chunk) = parts.pop() {
                let limit = self.size.answer_limit();
                let mut share = tokio::select! {
                    biased;
                    () = self.halt.cancelled() => return Ok(()),
                    share = self.task.memory.share(TWICE * limit) => share,
                };
                let ready = if let Some(rows) = self.read(&chunk, limit).await? {
                    share.shrink_to(TWICE * rows.memory());
                    self.size.learn(&rows);
                    Loaded { chunk, rows, share }
                } else if let Some((first, second)) = self.split(&chunk).await? {
                    parts.extend([second, first]);
                    continue;
                } else {
                    drop(share);
                    self.read_single_row(chunk).await?
                };
                if loaded.send(ready).await.is_err() {
                    return Ok(());
                }
            }
        }
    }

    /// The rows of a chunk; `None` when they are too many for one answer.
    pub(super) async fn read(
        &self,
        chunk: &ChunkRecord,
        answer_limit: usize,
    ) -> Result<Option<Rows>, Error> {
        let query = self.query(chunk.scope.as_deref())?;
        let columns = self.columns.clone();
        let rows =
            self.task.source.rows_in(&query, &chunk.range, columns, self.moment, answer_limit);
        let rows = match self.unless_halted(Box::pin(rows)).await {
            Ok(rows) => rows,
            Err(error) if error.kind == Kind::TooLarge => {
                self.size.answer_too_large();
                return Ok(None);
            }
            Err(error) => return Err(self.read_error(chunk, error)),
        };
        match as_carried(rows, &self.task.settings) {
            Ok(rows) => Ok(Some(rows)),
            Err(Unfit::DynamicData(rows)) => {
                Err(Error::DynamicData { place: place(&self.task.from, chunk), rows })
            }
            Err(Unfit::Unreadable(why)) => {
                let error = crate::milvus::Error::bad_answer("Query", self.task.source.uri(), why);
                Err(self.read_error(chunk, error))
            }
        }
    }

    /// A row that is larger than a whole chunk may be, alone.
    async fn read_single_row(&self, chunk: ChunkRecord) -> Result<Loaded, Error> {
        let mut share: Share = tokio::select! {
            biased;
            () = self.halt.cancelled() => return Err(Error::Stopped),
            share = self.task.memory.share(TWICE * SINGLE_ROW) => share,
        };
        let Some(rows) = self.read(&chunk, SINGLE_ROW).await? else {
            let why = "a single row is over every message limit";
            let error = crate::milvus::Error::too_large("Query", self.task.source.uri(), why);
            return Err(self.read_error(&chunk, error));
        };
        share.shrink_to(TWICE * rows.memory());
        Ok(Loaded { chunk, rows, share })
    }
}
