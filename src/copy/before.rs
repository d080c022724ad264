//! A target that may hold rows of others: which keys it has is noted before a chunk is written, so that
//! it can be told later whose a row is that the source does not have.

use std::collections::BTreeSet;

use super::{Copy, Error, KeyPages, target_query};
use crate::ledger::ChunkRecord;
use crate::milvus;
use crate::model::Key;

/// Bytes that an answer with keys may have.
const ANSWER: usize = 1 << 20;

impl Copy {
    /// Notes whose rows are in the range of a chunk, and that `keys` are about to be written into it.
    /// Nothing where the target holds no rows of others.
    pub(super) async fn note_before(&self, chunk: &ChunkRecord, keys: &[Key]) -> Result<(), Error> {
        let Some(moment) = self.before else { return Ok(()) };
        let (ledger, id) = (&self.task.ledger, chunk.id);
        let query = target_query(&self.task, chunk.scope.as_deref())?;
        let mut pages = KeyPages::of(&self.task.target, &query, &chunk.range, moment, ANSWER);
        // Those that the target has no row with.
        let mut ours: BTreeSet<Key> = keys.iter().cloned().collect();
        loop {
            let next = tokio::select! {
                biased;
                () = self.halt.cancelled() => return Err(Error::Stopped),
                next = Box::pin(pages.next()) => next,
            };
            let page = next.map_err(|error| match error.kind {
                milvus::Kind::Cancelled => Error::Stopped,
                _ => Error::Read { place: super::place(&self.task.to, chunk), error },
            })?;
            let Some(mut page) = page else { break };
            page.retain(|key| !ours.remove(key));
            // What is there once something may have been written may be of this move.
            if !chunk.tried && !page.is_empty() {
                ledger.with(move |ledger| ledger.there_before(id, &page)).await?;
            }
        }
        let (keys, ours) = (keys.to_vec(), Vec::from_iter(ours));
        Ok(ledger.with(move |ledger| ledger.chunk_tried_with(id, &keys, &ours)).await?)
    }
}
