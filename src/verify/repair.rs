//! Bringing rows of the target up to date with the source, where comparing found that they differ.

use super::ends::Ends;
use crate::copy::{self, ByKey};
use crate::milvus::Moment;
use crate::model::Key;

/// What may be done with rows that are at the target only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extra {
    /// Nothing.
    Keep,
    /// Those are deleted that were copied from the source, and are there no more: where the target
    /// still is what was copied, by the digest in the ledger.
    DeleteCopied,
    /// They are deleted, in a collection that this plan made.
    Delete,
}

/// How often rows that differ are brought up to date and compared again.
pub const ROUNDS: u32 = 3;

/// What was done to a range.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Done {
    /// Rows that were copied.
    pub(super) copied: copy::Copied,
    /// Rows that were deleted.
    pub(super) deleted: u64,
}

/// Rows of one scope that differ.
pub(super) struct Differing<'a> {
    /// The partition, where rows are moved by partition.
    pub(super) scope: Option<&'a str>,
    /// Missing at the target, or different there.
    pub(super) stale: &'a [Key],
    /// At the target only.
    pub(super) extra: &'a [Key],
    /// Whether the target still is what was copied.
    pub(super) as_copied: bool,
}

/// Copies rows that are missing or different as the source has them at `at`, and deletes those that
/// are at the target only, as far as that is allowed.
///
/// # Errors
/// The first failure. Every row by itself is as before or as it should be.
pub(super) async fn bring_up_to_date(
    ends: &Ends,
    differing: &Differing<'_>,
    at: Moment,
) -> Result<Done, copy::Error> {
    let Ends { check, subject, .. } = ends;
    let Some(rule) = check.repair else { return Ok(Done::default()) };
    let by_key = ByKey {
        source: &check.source,
        target: &check.target,
        from: &subject.from,
        to: &subject.to,
        settings: &subject.settings,
        limits: &check.limits,
        memory: &check.memory,
        identity: ends.identity(),
        stop: &check.stop,
    };
    let mut done = Done::default();
    // Deleted first: a row that went to another partition must not be there twice, and none is
    // deleted that was copied just now.
    if may_go(rule, subject.adopted, differing.as_copied) && !differing.extra.is_empty() {
        by_key.delete(differing.scope, differing.extra).await?;
        done.deleted = differing.extra.len() as u64;
    }
    if !differing.stale.is_empty() {
        done.copied = by_key.copy(differing.scope, differing.stale, at).await?;
    }
    Ok(done)
}

/// Whether rows that are at the target only may be deleted.
fn may_go(rule: Extra, adopted: bool, as_copied: bool) -> bool {
    match rule {
        Extra::Keep => false,
        Extra::DeleteCopied => as_copied,
        Extra::Delete => as_copied || !adopted,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_rows_of_our_own_are_deleted() {
        for (adopted, as_copied) in [(false, false), (false, true), (true, false), (true, true)] {
            assert!(!may_go(Extra::Keep, adopted, as_copied));
            assert_eq!(may_go(Extra::DeleteCopied, adopted, as_copied), as_copied);
            assert_eq!(may_go(Extra::Delete, adopted, as_copied), as_copied || !adopted);
        }
    }
}
