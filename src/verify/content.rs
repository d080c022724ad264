//! Comparing every row: ranges of keys by their digests, and what is not equal row by row.
//!
//! A range whose digests agree is done. Rows that differ are read once more at both ends, at a later
//! moment, before that is believed: what was written meanwhile is no difference.

mod doubled;
mod full;
mod keyed;
mod keys;
mod mend;
mod part;
mod ranges;
pub(super) mod spots;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::AddAssign;

pub(super) use super::ends::Moments;
use super::result::RowDifference;
use crate::model::{Digest, Key, KeyRange};

pub(super) use full::full;
pub(super) use keys::{Found, compare_keys, share};
pub(super) use part::{Compared, Part, Seemed};
pub(super) use ranges::{Known, Ranged, Scan};

/// What may wait between the tasks of a comparison.
const WAITING: usize = 64;

/// In which order the ends of a range are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// Both, whatever the ledger says.
    Both,
    /// The target, against the ledger's digest; the source only where these differ.
    TargetFirst,
    /// The source, against the ledger's digest; the target only where these differ.
    SourceFirst,
}

/// The rows of a range at one end.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Rows {
    /// How many.
    pub rows: u64,
    /// The sum of their digests.
    pub digest: Digest,
}

impl Rows {
    /// Without one row.
    fn without(self, digest: Digest) -> Self {
        Self { rows: self.rows.saturating_sub(1), digest: self.digest - digest }
    }
}

impl AddAssign for Rows {
    fn add_assign(&mut self, more: Self) {
        self.rows += more.rows;
        self.digest += more.digest;
    }
}

/// What was found of a range of keys.
#[derive(Debug, Clone, PartialEq)]
struct RangeComparison {
    /// The partition; absent where the collection is read as a whole.
    pub scope: Option<String>,
    /// The keys.
    pub range: KeyRange,
    /// The rows of the source; absent where it was not read.
    pub source: Option<Rows>,
    /// The rows of the target; absent where it was not read.
    pub target: Option<Rows>,
    /// Those of them that it did not have before this move, as far as that is known.
    pub beside: Option<Rows>,
    /// The keys of the others.
    pub before: BTreeSet<Key>,
    /// The rows that were copied, by the ledger.
    pub copied: Option<Rows>,
    /// Whether only this move wrote what the target has in it.
    pub ours: bool,
    /// The digests of the target's rows that seemed to differ.
    pub held: BTreeMap<Key, Digest>,
    /// The rows that are not the same, by their keys.
    pub differences: Vec<RowDifference>,
}
