//! Comparing every row: ranges of keys by their digests, and what is not equal row by row.
//!
//! A range whose digests agree is done. Rows that differ are read once more at both ends, at a later
//! moment, before that is believed: what was written meanwhile is no difference.

mod full;
mod keyed;
mod keys;
mod mend;
mod part;
mod ranges;

use std::ops::AddAssign;

use tokio::sync::mpsc;

use super::ends::Ends;
pub use super::ends::Moments;
use super::result::RowDifference;
use super::{Check, Error, Subject};
use crate::model::{Digest, KeyRange};
use ranges::Source;

pub(super) use full::full;
pub(super) use keys::{Found, compare_keys, share};
pub(super) use part::{Compared, Part, Seemed};
pub(super) use ranges::{Known, Ranged, Scan};

/// What may wait between the tasks of a comparison.
const WAITING: usize = 64;

/// In which order the ends of a range are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// Both, whatever the ledger says.
    Both,
    /// The target, against the ledger's digest; the source only where these differ.
    TargetFirst,
    /// The source, against the ledger's digest; the target only where these differ.
    SourceFirst,
}

/// The rows of a range at one end.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Rows {
    /// How many.
    pub rows: u64,
    /// The sum of their digests.
    pub digest: Digest,
}

impl AddAssign for Rows {
    fn add_assign(&mut self, more: Self) {
        self.rows += more.rows;
        self.digest += more.digest;
    }
}

/// What was found of a range of keys.
#[derive(Debug, Clone, PartialEq)]
pub struct RangeComparison {
    /// The partition; absent where the collection is read as a whole.
    pub scope: Option<String>,
    /// The keys.
    pub range: KeyRange,
    /// The rows of the source; absent where it was not read.
    pub source: Option<Rows>,
    /// The rows of the target; absent where it was not read.
    pub target: Option<Rows>,
    /// The rows that were copied, by the ledger.
    pub copied: Option<Rows>,
    /// The rows that are not the same, by their keys.
    pub differences: Vec<RowDifference>,
}

/// Waits until both ends have what was written before now, and returns the moments to read at.
///
/// # Errors
/// When a server fails.
pub async fn fix_moments(check: &Check, subject: &Subject) -> Result<Moments, Error> {
    Ends::of(check, subject)?.fix_moments().await
}

/// Compares the rows of one range at both ends.
///
/// # Errors
/// When they cannot be read or compared.
pub async fn compare_range(
    check: &Check,
    subject: &Subject,
    at: &Moments,
    scope: Option<&str>,
    range: &KeyRange,
) -> Result<RangeComparison, Error> {
    let scope = scope.map(str::to_owned);
    let ranged = Ranged { scope: scope.clone(), range: range.clone(), copied: None, chunk: None };
    let (sender, mut parts) = mpsc::channel::<RangeComparison>(WAITING);
    let part = Part::of(Ends::of(check, subject)?, *at).await?;
    let mut whole = RangeComparison {
        scope,
        range: range.clone(),
        source: Some(Rows::default()),
        target: Some(Rows::default()),
        copied: None,
        differences: Vec::new(),
    };
    let gather = async {
        while let Some(next) = parts.recv().await {
            add(&mut whole.source, next.source);
            add(&mut whole.target, next.target);
            whole.differences.extend(next.differences);
        }
    };
    let compare = async move { part.compare(&ranged, Way::Both, &sender).await };
    let (compared, ()) = tokio::join!(compare, gather);
    compared?;
    Ok(whole)
}

fn add(sum: &mut Option<Rows>, more: Option<Rows>) {
    if let (Some(sum), Some(more)) = (sum, more) {
        *sum += more;
    }
}

/// Compares all ranges of a collection, several at a time, and sends what was found of each, in no
/// order. A range that takes several answers is sent in as many parts.
///
/// # Errors
/// The first failure: what was sent until then is not all.
pub async fn compare_ranges(
    check: &Check,
    subject: &Subject,
    at: &Moments,
    way: Way,
    found: mpsc::Sender<RangeComparison>,
) -> Result<(), Error> {
    let ends = Ends::of(check, subject)?;
    ends.require_loaded().await?;
    let source = Source::of(&ends, None).await?;
    let (told, mut telling) = mpsc::channel(WAITING);
    let comparing = full::compare_all(ends, *at, way, source, full::Before::default(), told);
    let forward = async {
        while let Some(next) = telling.recv().await {
            if let full::Told::Part(part) = next {
                let _ = found.send(*part).await;
            }
        }
    };
    let (compared, ()) = tokio::join!(comparing, forward);
    compared
}
