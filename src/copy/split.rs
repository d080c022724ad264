//! Splitting a chunk that is too large for one message.

use super::{Copy, Error, KEYS_ANSWER};
use crate::ledger::ChunkRecord;
use crate::milvus::Kind;
use crate::model::Key;

/// Keys to look at when a chunk holds too many to list.
const KEYS: u32 = 1_000;

impl Copy {
    /// Splits a chunk near its median key; `None` when it holds a single key.
    pub(super) async fn split(
        &self,
        chunk: &ChunkRecord,
    ) -> Result<Option<(ChunkRecord, ChunkRecord)>, Error> {
        let query = self.query(chunk.scope.as_deref())?;
        let source = &self.task.source;
        let keys = async {
            match source.keys_in(&query, &chunk.range, self.moment, KEYS_ANSWER).await {
                // Any bound will do, as long as rows are on both sides of it.
                Err(error) if error.kind == Kind::TooLarge => source
                    .key_page(&query, &chunk.range, self.moment, KEYS, KEYS_ANSWER)
                    .await
                    .map(|(keys, _)| keys),
                other => other,
            }
        };
        let keys = self.unless_halted(Box::pin(keys)).await;
        let keys = keys.map_err(|error| self.read_error(chunk, error))?;
        let Some(at) = middle(&keys).cloned() else { return Ok(None) };
        tracing::info!(range = %chunk.range, keys = keys.len(), %at, "Splitting a chunk.");
        let id = chunk.id;
        let halves = self.task.ledger.with(move |ledger| ledger.split_chunk(id, &at)).await?;
        Ok(Some(halves))
    }
}

/// The key nearest to the middle that may be a bound: there are keys behind it, and it has one line
/// if any has.
pub fn middle(keys: &[Key]) -> Option<&Key> {
    let before_last = keys.len().checked_sub(1)?;
    let aim = before_last / 2;
    (0..before_last)
        .min_by_key(|place| (keys[*place].breaks_lines(), place.abs_diff(aim)))
        .map(|place| &keys[place])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_leaves_keys_on_both_sides_and_has_one_line_where_it_can() {
        let text = |text: &str| Key::VarChar(text.to_owned());
        let of = |texts: &[&str]| {
            let keys: Vec<Key> = texts.iter().map(|one| text(one)).collect();
            middle(&keys).cloned()
        };
        assert_eq!(of(&[]), None);
        assert_eq!(of(&["a"]), None);
        assert_eq!(of(&["a", "b"]), Some(text("a")));
        assert_eq!(of(&["a", "b", "c", "d", "e"]), Some(text("c")));
        assert_eq!(of(&["a", "b", "c\n", "d\r", "e"]), Some(text("b")));
        assert_eq!(of(&["a\n", "b\n", "c"]), Some(text("b\n")));
    }
}
