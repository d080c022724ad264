//! Bringing a range up to date where its rows differ, and comparing it again.

use std::collections::{BTreeMap, BTreeSet};

use tokio::sync::mpsc;

use super::full::{Told, Worker};
use super::part::{Compared, Part};
use super::ranges::Ranged;
use super::{RangeComparison, Rows, Way};
use crate::copy;
use crate::ledger::{Ledger, Unsure};
use crate::model::Key;
use crate::verify::Error;
use crate::verify::ends::{Ends, Side};
use crate::verify::explain::code;
use crate::verify::repair::{Differing, Extra, ROUNDS, bring_up_to_date};
use crate::verify::result::{Repair, RowDifference, RowDifferenceKind};

/// What a range has after it was brought up to date.
#[derive(Default)]
struct After {
    source: Rows,
    target: Rows,
    /// Those of the target that it did not have before this move.
    beside: Rows,
    /// Whether rows were written or deleted.
    written: bool,
    /// What was noted of that beforehand.
    noted: Option<Noted>,
    /// Whether rows are there twice still.
    doubled: bool,
}

/// What the ledger has of a chunk whose rows are written by key.
struct Noted {
    /// The keys, and whether all rows with them are of this move.
    keys: BTreeMap<Key, bool>,
    /// What the target held beside them, where nobody else wrote into it.
    rest: Option<Rows>,
}

impl Worker {
    /// Compares a range, and brings rows up to date that differ, a bounded number of times. What is
    /// passed on is how it ended.
    pub(super) async fn mend(
        &self,
        ranged: &Ranged,
        parts: &mpsc::Sender<RangeComparison>,
    ) -> Result<Compared, Error> {
        let (mut after, mut read_both) = (After::default(), true);
        let (sender, mut found) = mpsc::channel(1);
        let compare = async move { Box::pin(self.part.compare(ranged, self.way, &sender)).await };
        let (sums, both) = (&mut after, &mut read_both);
        // Takes the receiver along: a failure here must not keep the comparison waiting.
        let settle = async move {
            while let Some(one) = found.recv().await {
                *both &= one.source.is_some() && one.target.is_some();
                Box::pin(self.settle(ranged, one, sums, parts)).await?;
            }
            Ok(())
        };
        let (compared, settled): (_, Result<(), Error>) = tokio::join!(compare, settle);
        // A part that cannot be mended ends the comparison too, and says more than that it ended.
        settled?;
        let compared = compared?;
        if !read_both {
            return Ok(compared);
        }
        let equal = after.source == after.target && !after.doubled;
        let unsure = after.written || ranged.unsure.is_some();
        // Rows that the target had before are nothing to be settled.
        let settled = after.source == after.beside && !after.doubled;
        if settled && (unsure || ranged.copied != Some(after.source)) {
            self.note(ranged, after.source).await?;
        }
        Ok(Compared {
            rows: after.source.rows,
            source: Some(after.source.rows),
            target: Some(after.target.rows),
            equal,
            digest: after.source.digest,
        })
    }

    /// Brings a part of a range up to date until it is the same at both ends, or no more can be done.
    async fn settle(
        &self,
        ranged: &Ranged,
        one: RangeComparison,
        after: &mut After,
        parts: &mpsc::Sender<RangeComparison>,
    ) -> Result<(), Error> {
        let Ends { check, subject, .. } = self.part.ends();
        let may_land = || check.target.may_land_until(&subject.to);
        // What a run wrote that was killed may be there twice: also by an upsert, whose new rows Milvus
        // up to 2.5 sends before it deletes the old ones (`internal/proxy/task_upsert.go`, 2.5.27). So
        // may what is written here where the server makes up keys and an answer is lost. What was
        // written with every answer known is not, whatever is counted: counts may lag behind deletes.
        let mut open = vec![(one, 0, ranged.unsure.is_some())];
        while let Some((mut one, round, look)) = open.pop() {
            let doubled = if look { Box::pin(self.doubled(&one)).await? } else { Vec::new() };
            let before = may_land();
            let mended =
                round < ROUNDS && self.mend_rows(ranged, &one, &doubled, &mut after.noted).await?;
            after.written |= mended;
            if !mended {
                after.doubled |= !doubled.is_empty();
                let scope = one.scope.as_deref();
                one.differences.extend(doubled.into_iter().map(|key| twice(scope, key)));
                after.source += one.source.unwrap_or_default();
                after.target += one.target.unwrap_or_default();
                after.beside += one.beside.unwrap_or_default();
                let _ = parts.send(one).await;
                continue;
            }
            // Looked at only once nothing more comes: an insert would double rows, a delete take them away.
            let look = may_land() != before;
            if look {
                self.wait_for_landing().await?;
            }
            let repair = Repair { rounds: round + 1, ..Repair::default() };
            let _ = self.told.send(Told::Mended(repair)).await;
            let ends = self.part.ends();
            let part = Part::of(ends.clone(), ends.fix_moments().await?).await?;
            let again = Ranged {
                chunk: ranged.chunk,
                unsure: Some(Unsure::Others),
                ..Ranged::of(one.scope.as_deref(), one.range)
            };
            let (sender, mut found) = mpsc::channel(1);
            let compare = async move { part.compare(&again, Way::Both, &sender).await };
            let gather = async {
                while let Some(one) = found.recv().await {
                    open.push((one, round + 1, look));
                }
            };
            let (compared, ()) = tokio::join!(compare, gather);
            compared?;
        }
        Ok(())
    }

    /// Copies and deletes rows that differ; whether anything was done.
    async fn mend_rows(
        &self,
        ranged: &Ranged,
        one: &RangeComparison,
        doubled: &[Key],
        noted: &mut Option<Noted>,
    ) -> Result<bool, Error> {
        let rule = self.part.ends().check.repair;
        let catching_up = self.way == Way::SourceFirst
            || matches!(rule, Some(Extra::DeleteCopied | Extra::DeleteOurs));
        let (mut stale, mut extra): (Vec<Key>, Vec<Key>) = (Vec::new(), Vec::new());
        let written = self.written(ranged, one).await?;
        let ours = |key: &Key| one.ours || written.contains(key);
        for row in &one.differences {
            // Copying again does not help against other explanations.
            let explained = match (row.explanation.as_deref(), row.kind) {
                (None | Some(code::CHANGED_AT_SOURCE), _) => false,
                // Whether a new row expired at the target or was never there cannot be told.
                (Some(code::EXPIRED), RowDifferenceKind::Missing) => !catching_up,
                (Some(code::EXPIRED), RowDifferenceKind::Extra) => !ours(&row.key),
                _ => true,
            };
            if explained {
                continue;
            }
            match row.kind {
                RowDifferenceKind::Missing | RowDifferenceKind::Different => &mut stale,
                RowDifferenceKind::Extra => &mut extra,
            }
            .push(row.key.clone());
        }
        // Deleted and inserted once more, a row is there once.
        stale
            .extend(doubled.iter().filter(|key| !stale.contains(key)).cloned().collect::<Vec<_>>());
        if stale.is_empty() && extra.is_empty() {
            return Ok(false);
        }
        let scope = one.scope.as_deref();
        let ends = self.part.ends();
        if rule != Some(Extra::Delete) || ends.subject.adopted {
            extra.retain(ours);
        }
        let ours = extra.iter().all(ours);
        let differing = Differing { scope, stale: &stale, extra: &extra, ours };
        if !differing.is_any(ends) {
            return Ok(false);
        }
        self.note_beforehand(ranged, one, stale.iter().chain(&extra), noted).await?;
        let at = self.part.later().await?;
        let done = bring_up_to_date(ends, &differing, at.of(Side::Source)).await?;
        let copy::Copied { rows: copied, bytes } = done.copied;
        let any = copied + done.deleted > 0;
        if any {
            let repair = Repair { copied, bytes, deleted: done.deleted, rounds: 0 };
            let _ = self.told.send(Told::Mended(repair)).await;
        }
        Ok(any)
    }

    /// Notes what is about to be written or deleted: of what comes after a kill the digest of the chunk
    /// knows nothing.
    async fn note_beforehand(
        &self,
        ranged: &Ranged,
        one: &RangeComparison,
        keys: impl Iterator<Item = &Key>,
        noted: &mut Option<Noted>,
    ) -> Result<(), Error> {
        let check = &self.part.ends().check;
        let (Some(ledger), Some(chunk)) = (&check.ledger, ranged.chunk) else { return Ok(()) };
        // Nobody else writes into what is not finished. Of what is in use just these keys are ours.
        if check.repair == Some(Extra::DeleteOurs) {
            ledger
                .with(move |ledger| ledger.chunk_unsure(chunk, Unsure::Ours, &[], &[], None))
                .await?;
            return Ok(());
        }
        let noted = match noted {
            Some(noted) => noted,
            none => {
                let before = ledger.with(move |ledger| ledger.written_keys(chunk)).await?;
                let rest = if ranged.unsure.is_none() { ranged.copied } else { ranged.rest };
                none.insert(Noted { keys: before, rest: rest.filter(|_| one.ours) })
            }
        };
        let (mut new, mut over) = (Vec::new(), Vec::new());
        for key in keys.filter(|key| !noted.keys.contains_key(*key)) {
            // Whether a row that the target had before is replaced is not known after a kill.
            let into = if one.before.contains(key) { &mut over } else { &mut new };
            into.push(key.clone());
        }
        for (keys, ours) in [(&new, true), (&over, false)] {
            noted.keys.extend(keys.iter().map(|key| (key.clone(), ours)));
        }
        // The others are no part of the rest.
        for digest in new.iter().filter_map(|key| one.held.get(key)) {
            noted.rest = noted.rest.map(|rest| rest.without(*digest));
        }
        let rest = noted.rest.map(|rest| (rest.rows, rest.digest));
        let note = move |ledger: &mut Ledger| {
            ledger.chunk_unsure(chunk, Unsure::Others, &new, &over, rest)
        };
        ledger.with(note).await?;
        Ok(())
    }

    /// Keys of the range that this move wrote since its digest said what the target holds, where rows
    /// are at the target only and may be of others.
    async fn written(
        &self,
        ranged: &Ranged,
        one: &RangeComparison,
    ) -> Result<BTreeSet<Key>, Error> {
        let extra = one.differences.iter().any(|row| row.kind == RowDifferenceKind::Extra);
        match (&self.part.ends().check.ledger, ranged.chunk) {
            (Some(ledger), Some(chunk)) if extra && !one.ours => {
                let written = ledger.with(move |ledger| ledger.written_keys(chunk)).await?;
                Ok(written.into_iter().filter(|(_, ours)| *ours).map(|(key, _)| key).collect())
            }
            _ => Ok(BTreeSet::new()),
        }
    }

    /// Notes what both ends have by now, so that later changes are found against it.
    async fn note(&self, ranged: &Ranged, rows: Rows) -> Result<(), Error> {
        let (Some(ledger), Some(chunk)) = (&self.part.ends().check.ledger, ranged.chunk) else {
            return Ok(());
        };
        self.part.ends().confirm().await?;
        ledger
            .with(move |ledger| ledger.chunk_digest_changed(chunk, rows.rows, rows.digest))
            .await?;
        Ok(())
    }
}

/// A row that is there twice is a difference that nothing explains.
fn twice(scope: Option<&str>, key: Key) -> RowDifference {
    let (partition, kind) = (scope.map(str::to_owned), RowDifferenceKind::Different);
    RowDifference { partition, key, kind, fields: Vec::new(), explanation: None }
}
