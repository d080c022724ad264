//! One range, read at one end or at both.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{Mutex, mpsc};

use super::keyed::{Keyed, unequal};
use super::keys::{bytes, keyed, share};
use super::ranges::Ranged;
use super::{RangeComparison, Rows, Way};
use crate::copy::SINGLE_ROW;
use crate::model::{Digest, Key, KeyRange};
use crate::verify::ends::{Answer, Ends, Moments, Side};
use crate::verify::explain::{Context, Evidence};
use crate::verify::repair::Extra;
use crate::verify::{Error, Event};

/// An answer of each end.
const ENDS: usize = 2;
/// How long a moment may be used at which rows that differ are read once more.
const LATER_FOR: Duration = Duration::from_secs(5);

/// What the comparisons of the ranges of a collection share.
#[derive(Clone)]
pub(in crate::verify) struct Part {
    pub(super) ends: Ends,
    at: Moments,
    /// What explains rows that differ.
    context: Arc<Context>,
    later: Arc<Mutex<Option<(Instant, Moments)>>>,
}

/// What became of a range.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in crate::verify) struct Compared {
    /// Rows of the source, or of the copy.
    pub(in crate::verify) rows: u64,
    /// Rows of the source; absent where it was not read.
    pub(in crate::verify) source: Option<u64>,
    /// Rows of the target; absent where it was not read.
    pub(in crate::verify) target: Option<u64>,
    /// Whether the digests agreed.
    pub(in crate::verify) equal: bool,
    /// What all rows have.
    pub(in crate::verify) digest: Digest,
}

/// A row that seemed to differ, and what each end had.
pub(in crate::verify) struct Seemed {
    pub(in crate::verify) key: Key,
    pub(in crate::verify) source: Option<Digest>,
    pub(in crate::verify) target: Option<Digest>,
}

impl Part {
    pub(in crate::verify) async fn of(ends: Ends, at: Moments) -> Result<Self, Error> {
        let context = Arc::new(Context::of(&ends).await?);
        Ok(Self { ends, at, context, later: Arc::default() })
    }

    pub(in crate::verify) fn ends(&self) -> &Ends {
        &self.ends
    }

    /// Compares a range and sends what was found, in as many parts as it takes.
    pub(super) async fn compare(
        &self,
        ranged: &Ranged,
        way: Way,
        parts: &mpsc::Sender<RangeComparison>,
    ) -> Result<Compared, Error> {
        // Where the digest does not say what the target has, both ends do.
        let copied = ranged.copied.filter(|_| ranged.unsure.is_none());
        let first = match (way, copied) {
            (Way::TargetFirst, Some(copied)) => Some((Side::Target, copied)),
            (Way::SourceFirst, Some(copied)) => Some((Side::Source, copied)),
            _ => None,
        };
        if let Some((side, copied)) = first {
            let there = self.digest(side, ranged).await?;
            if there == copied {
                let (source, target) = match side {
                    Side::Source => (Some(there), None),
                    Side::Target => (None, Some(there)),
                };
                let _ = parts
                    .send(RangeComparison {
                        scope: ranged.scope.clone(),
                        range: ranged.range.clone(),
                        source,
                        target,
                        beside: None,
                        before: BTreeSet::new(),
                        copied: ranged.copied,
                        ours: false,
                        held: BTreeMap::new(),
                        differences: Vec::new(),
                    })
                    .await;
                return Ok(Compared {
                    rows: copied.rows,
                    source: source.map(|rows| rows.rows),
                    target: target.map(|rows| rows.rows),
                    equal: true,
                    digest: there.digest,
                });
            }
        }
        Box::pin(self.compare_both(ranged, parts)).await
    }

    /// The digest of a range at one end.
    pub(super) async fn digest(&self, side: Side, ranged: &Ranged) -> Result<Rows, Error> {
        self.read(side, ranged, |_, all, _| all).await
    }

    /// The digest of a range at the target, without the rows of some keys and those that it had before
    /// this move.
    async fn digest_beside(&self, ranged: &Ranged, keys: &BTreeSet<Key>) -> Result<Rows, Error> {
        let beside =
            |rows: &Keyed, all, before: &_| without(without(all, rows, keys), rows, before);
        self.read(Side::Target, ranged, beside).await
    }

    /// Keys of the rows that the target has in a range, but for those that it had before this move,
    /// where they are just the rows that were copied.
    pub(super) async fn ours(&self, ranged: &Ranged) -> Result<Option<Vec<Key>>, Error> {
        let mut keys = Vec::new();
        let list = |rows: &Keyed, all, before: &BTreeSet<Key>| {
            keys.extend(rows.keys().iter().filter(|key| !before.contains(key)).cloned());
            without(all, rows, before)
        };
        let beside = self.read(Side::Target, ranged, list).await?;
        let is_as_copied = ranged.unsure.is_none() && ranged.copied == Some(beside);
        Ok(is_as_copied.then_some(keys))
    }

    /// Reads a range at one end, and sums up what each part of it comes to: of its rows, all of them
    /// together, and the keys of those that the target had before this move.
    async fn read(
        &self,
        side: Side,
        ranged: &Ranged,
        mut each: impl FnMut(&Keyed, Rows, &BTreeSet<Key>) -> Rows,
    ) -> Result<Rows, Error> {
        let scope = ranged.scope.as_deref();
        let mut sum = Rows::default();
        let mut open = vec![(ranged.range.clone(), false)];
        while let Some((range, single)) = open.pop() {
            let limit = if single { SINGLE_ROW } else { self.ends.answer_limit() };
            let share = share(&self.ends, limit).await?;
            let answer = self.ends.rows(side, scope, &range, &self.at, limit).await?;
            if let Answer::TooLarge(error) = answer {
                drop(share);
                self.split(side, scope, range, single, error, &mut open).await?;
                continue;
            }
            let rows = keyed(answer).map_err(|why| self.unfit(side, scope, &range, why))?;
            let rows = rows.each_for_itself(self.ends.shows_each(side));
            let all = Rows { rows: rows.count(), digest: rows.digest() };
            self.tell(all.rows, bytes(&rows)).await;
            let before = match side {
                Side::Source => BTreeSet::new(),
                Side::Target => self.before(scope, &rows).await?,
            };
            sum += each(&rows, all, &before);
        }
        Ok(sum)
    }

    /// Keys of those of the target's rows that it had before this move.
    async fn before(&self, scope: Option<&str>, target: &Keyed) -> Result<BTreeSet<Key>, Error> {
        self.context.among_before(&self.ends, scope, target.keys().iter()).await
    }

    async fn compare_both(
        &self,
        ranged: &Ranged,
        parts: &mpsc::Sender<RangeComparison>,
    ) -> Result<Compared, Error> {
        let scope = ranged.scope.as_deref();
        let (mut source_sum, mut target_sum) = (Rows::default(), Rows::default());
        let mut equal = true;
        let mut ours = self.is_ours(ranged) || self.is_rest_as_copied(ranged).await?;
        let mut open = vec![(ranged.range.clone(), false)];
        while let Some((range, single)) = open.pop() {
            let limit = if single { SINGLE_ROW } else { self.ends.answer_limit() };
            let mut share = share(&self.ends, ENDS * limit).await?;
            let (source, target) = tokio::join!(
                Box::pin(self.ends.rows(Side::Source, scope, &range, &self.at, limit)),
                Box::pin(self.ends.rows(Side::Target, scope, &range, &self.at, limit))
            );
            let (source, target) = match (source?, target?) {
                (Answer::TooLarge(error), _) => {
                    drop(share);
                    ours = ours || self.is_as_copied(ranged, &range).await?;
                    self.split(Side::Source, scope, range, single, error, &mut open).await?;
                    continue;
                }
                (_, Answer::TooLarge(error)) => {
                    drop(share);
                    ours = ours || self.is_as_copied(ranged, &range).await?;
                    self.split(Side::Target, scope, range, single, error, &mut open).await?;
                    continue;
                }
                both => both,
            };
            let source =
                keyed(source).map_err(|why| self.unfit(Side::Source, scope, &range, why))?;
            let target =
                keyed(target).map_err(|why| self.unfit(Side::Target, scope, &range, why))?;
            let target = target.each_for_itself(self.ends.shows_each(Side::Target));
            share.shrink_to(source.memory() + target.memory());
            let here = Rows { rows: source.count(), digest: source.digest() };
            let there = Rows { rows: target.count(), digest: target.digest() };
            let before = self.before(scope, &target).await?;
            let beside = without(there, &target, &before);
            let (whole, read) = (range == ranged.range, bytes(&source) + bytes(&target));
            let seemed = if here == there { Vec::new() } else { seemed(&source, &target) };
            let digests = seemed.iter().filter_map(|one| Some((one.key.clone(), one.target?)));
            let held = digests.collect();
            drop((source, target, share));
            // Whether an end holds what was copied can be told of a whole range only.
            let as_copied = |rows| whole && ranged.copied == Some(rows);
            let evidence = Evidence {
                source_as_copied: as_copied(here),
                target_as_copied: as_copied(beside),
                age: ranged.age,
            };
            let differences = self.confirm(scope, seemed, evidence).await?;
            equal &= here == there;
            source_sum += here;
            target_sum += there;
            self.tell(here.rows.max(there.rows), read).await;
            let part = RangeComparison {
                scope: ranged.scope.clone(),
                range,
                source: Some(here),
                target: Some(there),
                beside: Some(beside),
                before,
                copied: if whole { ranged.copied } else { None },
                ours: ours || evidence.target_as_copied,
                held,
                differences,
            };
            let _ = parts.send(part).await;
        }
        Ok(Compared {
            rows: source_sum.rows,
            source: Some(source_sum.rows),
            target: Some(target_sum.rows),
            equal,
            digest: source_sum.digest,
        })
    }

    /// Whether only this move wrote into a range: it made the target, marked it, and has not finished.
    fn is_ours(&self, ranged: &Ranged) -> bool {
        self.ends.check.repair == Some(Extra::DeleteOurs) && ranged.chunk.is_some()
    }

    /// Whether the target has what it held beside the keys that were written since: nobody else wrote
    /// into the range.
    async fn is_rest_as_copied(&self, ranged: &Ranged) -> Result<bool, Error> {
        let (Some(ledger), Some(chunk)) = (&self.ends.check.ledger, ranged.chunk) else {
            return Ok(false);
        };
        let Some(rest) = ranged.rest.filter(|_| self.ends.check.repair.is_some()) else {
            return Ok(false);
        };
        let written = ledger.with(move |ledger| ledger.written_keys(chunk)).await?;
        let written = written.into_keys().collect();
        Ok(self.digest_beside(ranged, &written).await? == rest)
    }

    /// Whether the target has in a whole range what was copied: of its parts that cannot be told.
    async fn is_as_copied(&self, ranged: &Ranged, range: &KeyRange) -> Result<bool, Error> {
        if *range != ranged.range || self.ends.check.repair.is_none() {
            return Ok(false);
        }
        let Some(copied) = ranged.copied else { return Ok(false) };
        Ok(self.digest_beside(ranged, &BTreeSet::new()).await? == copied)
    }

    /// Reads rows that seemed to differ once more, later, and explains those that do differ, by what
    /// the ledger proves of the range that they are in.
    pub(in crate::verify) async fn confirm(
        &self,
        scope: Option<&str>,
        seemed: Vec<Seemed>,
        evidence: Evidence,
    ) -> Result<Vec<super::RowDifference>, Error> {
        if seemed.is_empty() {
            return Ok(Vec::new());
        }
        let at = self.later().await?;
        let keys: Vec<Key> = seemed.iter().map(|one| one.key.clone()).collect();
        let again = Box::pin(super::compare_keys(&self.ends, scope, &keys, &at)).await?;
        self.context.explain(&self.ends, scope, &seemed, again.found, evidence, at).await
    }

    /// A moment behind that at which everything is read.
    pub(super) async fn later(&self) -> Result<Moments, Error> {
        let mut later = self.later.lock().await;
        match *later {
            Some((fixed, moments)) if fixed.elapsed() < LATER_FOR => Ok(moments),
            _ => {
                let moments = Box::pin(self.ends.fix_moments()).await?;
                *later = Some((Instant::now(), moments));
                Ok(moments)
            }
        }
    }

    /// Puts both halves of a range that is too large among the open ones, the lower on top.
    async fn split(
        &self,
        side: Side,
        scope: Option<&str>,
        range: KeyRange,
        single: bool,
        error: crate::milvus::Error,
        open: &mut Vec<(KeyRange, bool)>,
    ) -> Result<(), Error> {
        let Some(at) = self.ends.middle(side, scope, &range, &self.at).await? else {
            if single {
                return Err(Error::read(|| self.ends.place(side, scope, &range), error));
            }
            // The other end may have more keys in it than this one.
            open.push((range, true));
            return Ok(());
        };
        open.push((KeyRange { after: Some(at.clone()), up_to: range.up_to }, false));
        open.push((KeyRange { after: range.after, up_to: Some(at) }, false));
        Ok(())
    }

    fn unfit(&self, side: Side, scope: Option<&str>, range: &KeyRange, why: String) -> Error {
        Error::Rows { place: self.ends.place(side, scope, range), why }
    }

    pub(in crate::verify) async fn tell(&self, rows: u64, bytes: u64) {
        let target = self.ends.subject.to.address();
        self.ends.tell(Event::Compared { target, rows, bytes }).await;
    }
}

/// Rows without those of some keys.
fn without(mut all: Rows, rows: &Keyed, keys: &BTreeSet<Key>) -> Rows {
    for digest in keys.iter().filter_map(|key| rows.digest_of(key)) {
        all = all.without(digest);
    }
    all
}

/// The rows whose digests are not the same.
fn seemed(source: &Keyed, target: &Keyed) -> Vec<Seemed> {
    unequal(source, target)
        .into_iter()
        .map(|unequal| Seemed {
            source: source.digest_of(unequal.key()),
            target: target.digest_of(unequal.key()),
            key: unequal.key().clone(),
        })
        .collect()
}
