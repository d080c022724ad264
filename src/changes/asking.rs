//! Which collections ask the target for their indexes and their load before the first row is copied.

use super::{Action, CollectionChange};

/// Rows from which copying takes about a minute at a server that is slow (5,000 a second).
const ROWS: u64 = 300_000;
/// Bytes from which copying takes about a minute over a slow connection (2 MiB a second).
const BYTES: u64 = 128 << 20;

impl CollectionChange {
    /// Whether what the target may refuse is asked of it before rows are copied: each index is made
    /// on the empty collection, the collection is loaded, and both are undone. Copies that are over
    /// within about a minute are told soon enough; of one whose size is unknown that is not known.
    ///
    /// Only for a collection that this move makes, or made, and of which no row was copied yet.
    pub fn asks_first(&self) -> bool {
        let unfilled = match (self.action, &self.known) {
            (Action::Create, _) => true,
            (Action::Resume, Some(known)) => {
                !known.adopted && !known.finished && known.rows == 0 && known.chunks_done == 0
            }
            _ => false,
        };
        let (Some(source), Some(wanted)) = (&self.source, &self.wanted) else { return false };
        unfilled && !source.is_unread() && !wanted.indexes.is_empty() && self.takes_long()
    }

    fn takes_long(&self) -> bool {
        match (self.rows_to_copy(), self.bytes_to_copy()) {
            (None, _) => true,
            (Some(rows), bytes) => rows >= ROWS || bytes.is_some_and(|bytes| bytes >= BYTES),
        }
    }
}
