//! Splitting a chunk that is too large for one message.

use super::{Copy, Error};
use crate::ledger::ChunkRecord;
use crate::milvus::Kind;

/// Keys to look at when a chunk holds too many to list.
const KEYS: u32 = 1_000;
/// Largest answer of a keys-only query, bytes.
const KEYS_ANSWER: usize = 32 << 20;

impl Copy {
    /// Splits a chunk at its median key; `None` when it holds a single key.
    pub(super) async fn split(
        &self,
        chunk: &ChunkRecord,
    ) -> Result<Option<(ChunkRecord, ChunkRecord)>, Error> {
        let query = self.query(chunk.scope.as_deref())?;
        let source = &self.task.source;
        let keys = match source.keys_in(&query, &chunk.range, self.moment, KEYS_ANSWER).await {
            // Any bound will do, as long as rows are on both sides of it.
            Err(error) if error.kind == Kind::TooLarge => source
                .key_page(&query, &chunk.range, self.moment, KEYS, KEYS_ANSWER)
                .await
                .map(|(keys, _)| keys),
            other => other,
        }
        .map_err(|error| self.read_error(chunk, error))?;
        if keys.len() < 2 {
            return Ok(None);
        }
        let at = keys[(keys.len() - 1) / 2].clone();
        tracing::info!(range = %chunk.range, keys = keys.len(), %at, "Splitting a chunk.");
        let id = chunk.id;
        let halves = self.task.ledger.with(move |ledger| ledger.split_chunk(id, &at)).await?;
        Ok(Some(halves))
    }
}
