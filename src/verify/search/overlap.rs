//! How much two lists of results agree. Pure.

use std::collections::BTreeMap;

use crate::milvus::Hit;
use crate::model::Key;

/// Difference of two scores, relative to the larger of them and 1, up to which they are the same:
/// servers add numbers of 32 bits in orders of their own.
const SAME_SCORE: f32 = 1e-5;

/// Searches that were compared.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Tally {
    /// How many.
    pub(super) searches: u64,
    /// Searches that found nothing at either end.
    pub(super) without_result: u64,
    /// The sum of their overlaps.
    sum: f64,
    /// The lowest overlap.
    pub(super) lowest: f64,
    /// The largest difference between the scores of the same row.
    pub(super) score_difference: f64,
}

impl Default for Tally {
    fn default() -> Self {
        Self { searches: 0, without_result: 0, sum: 0.0, lowest: 0.0, score_difference: 0.0 }
    }
}

impl Tally {
    /// Adds what one search found at both ends.
    pub(super) fn add(&mut self, source: &[Hit], target: &[Hit]) {
        let Some(overlap) = overlap(source, target) else {
            self.without_result += 1;
            return;
        };
        self.lowest = if self.searches == 0 { overlap } else { self.lowest.min(overlap) };
        self.searches += 1;
        self.sum += overlap;
        let scores = by_key(target);
        for hit in source {
            if let Some(score) = scores.get(&hit.key) {
                let difference = (f64::from(hit.score) - f64::from(*score)).abs();
                self.score_difference = self.score_difference.max(difference);
            }
        }
    }

    /// The average overlap; 0 when nothing was compared.
    #[expect(clippy::cast_precision_loss, reason = "far fewer searches than 2^52")]
    pub(super) fn overlap(&self) -> f64 {
        if self.searches == 0 { 0.0 } else { self.sum / self.searches as f64 }
    }
}

fn by_key(hits: &[Hit]) -> BTreeMap<&Key, f32> {
    hits.iter().map(|hit| (&hit.key, hit.score)).collect()
}

/// Share of the source's results that the target gave too; `None` where there is none at either
/// end.
///
/// The last place is often held by one of several rows that are equally near, such as copies of a
/// row, and which of them gets it is chance. So where both ends have the same score in the last
/// place, a row of that score stands for any other: as many of the source's as the target has others
/// instead of count as found.
#[expect(clippy::cast_precision_loss, reason = "a search has few results")]
fn overlap(source: &[Hit], target: &[Hit]) -> Option<f64> {
    let (from, to) = (by_key(source), by_key(target));
    if from.is_empty() {
        return (!to.is_empty()).then_some(0.0);
    }
    let shared = from.keys().filter(|key| to.contains_key(*key)).count();
    let beyond = |hits: &BTreeMap<&Key, f32>, others: &BTreeMap<&Key, f32>, last: f32| {
        hits.iter().filter(|(key, score)| !others.contains_key(*key) && same(**score, last)).count()
    };
    let tied = match (source.last(), target.last()) {
        (Some(last), Some(other)) if same(last.score, other.score) => {
            beyond(&from, &to, last.score).min(beyond(&to, &from, last.score))
        }
        _ => 0,
    };
    Some((shared + tied) as f64 / from.len() as f64)
}

fn same(one: f32, other: f32) -> bool {
    (one - other).abs() <= SAME_SCORE * one.abs().max(other.abs()).max(1.0)
}
