//! A full comparison that was interrupted goes on where it was: ranges that were found equal are
//! noted in the ledger, where there is one.

use std::time::{Duration, Instant};

use super::content::{Compared, Known, Ranged};
use super::ends::{Ends, Side};
use super::result::{Basis, Mode};
use super::{Error, ends};
use crate::copy::SharedLedger;
use crate::ledger::{VerificationId, VerificationRecord, VerifiedRange};

/// Ranges that are noted together, and how long they wait for that at most.
const BATCH: usize = 64;
const PATIENCE: Duration = Duration::from_secs(2);

/// How long both ends may take to be described before that.
const CONFIRM_LIMIT: Duration = Duration::from_secs(10);

/// What is noted of a comparison.
#[derive(Default)]
pub(super) struct Resume {
    /// Nothing where there is no ledger to write to.
    noted: Option<(SharedLedger, VerificationId)>,
    range_rows: Option<u64>,
    known: Known,
    waiting: Vec<VerifiedRange>,
    written: Option<Instant>,
}

/// What has to be the same for a comparison to be taken up.
#[derive(serde::Serialize)]
struct Same<'a> {
    mode: Mode,
    basis: Basis,
    source: End<'a>,
    target: End<'a>,
    of_move: Option<i64>,
    settings: &'a crate::model::RowSettings,
}

#[derive(serde::Serialize)]
struct End<'a> {
    endpoint: &'a str,
    database: &'a str,
    collection: &'a str,
    /// The server's: a new one is another collection.
    id: i64,
}

impl Resume {
    /// Takes up what was interrupted, or begins anew.
    pub(super) async fn open(ends: &Ends, mode: Mode, basis: Basis) -> Result<Self, Error> {
        let Some(ledger) = &ends.check.ledger else { return Ok(Self::default()) };
        // What changed since is what these look for.
        if basis == Basis::Changes || ends.check.repair.is_some() {
            return Ok(Self::default());
        }
        if !ledger.with(|ledger| Ok(ledger.records())).await? {
            return Ok(Self::default());
        }
        let same = Same {
            mode,
            basis,
            source: end(ends, Side::Source),
            target: end(ends, Side::Target),
            of_move: ends.subject.of_move.map(|id| id.0),
            settings: &ends.subject.settings,
        };
        // Texts and numbers only, which always have a form in JSON.
        let subject = serde_json::to_string(&same).unwrap_or_default();
        let (VerificationRecord { id, range_rows }, ranges) = ledger
            .with(move |ledger| {
                let record = ledger.begin_verification(&subject)?;
                Ok((record, ledger.verified_ranges(record.id)?))
            })
            .await?;
        let known = ranges.into_iter().map(|one| ((one.scope, one.range), one.rows)).collect();
        let noted = Some((ledger.clone(), id));
        Ok(Self { noted, range_rows, known, ..Self::default() })
    }

    /// Rows of a range when it was interrupted, where ranges were not the chunks.
    pub(super) fn rows_of_a_range(&self) -> Option<u64> {
        self.range_rows
    }

    /// Says how many rows a range has.
    pub(super) async fn ranges_have(&mut self, rows: Option<u64>) -> Result<(), Error> {
        let Some((ledger, id)) = &self.noted else { return Ok(()) };
        let id = *id;
        if rows != self.range_rows {
            ledger.with(move |ledger| ledger.verification_ranges(id, rows)).await?;
        }
        Ok(())
    }

    /// The ranges that were found equal before.
    pub(super) fn take_known(&mut self) -> Known {
        std::mem::take(&mut self.known)
    }

    /// Notes a range that is equal.
    pub(super) async fn equal(
        &mut self,
        ends: &Ends,
        ranged: &Ranged,
        compared: &Compared,
    ) -> Result<(), Error> {
        if self.noted.is_none() {
            return Ok(());
        }
        self.waiting.push(VerifiedRange {
            scope: ranged.scope.clone(),
            range: ranged.range.clone(),
            rows: compared.rows,
        });
        let since = self.written.get_or_insert_with(Instant::now);
        if self.waiting.len() >= BATCH || since.elapsed() >= PATIENCE {
            self.flush(ends).await?;
        }
        Ok(())
    }

    /// Writes what waits, when both ends are the same collections still.
    pub(super) async fn flush(&mut self, ends: &Ends) -> Result<(), Error> {
        let Some((ledger, id)) = &self.noted else { return Ok(()) };
        if self.waiting.is_empty() {
            return Ok(());
        }
        // Also when we were asked to stop, but not for long then.
        match tokio::time::timeout(CONFIRM_LIMIT, ends.identity().confirm()).await {
            Ok(confirmed) => confirmed?,
            Err(_) => return Ok(()),
        }
        let (id, ranges) = (*id, std::mem::take(&mut self.waiting));
        self.written = Some(Instant::now());
        ledger.with(move |ledger| ledger.ranges_verified(id, &ranges)).await?;
        Ok(())
    }

    /// Notes that all was compared.
    pub(super) async fn finish(self) -> Result<(), Error> {
        let Some((ledger, id)) = self.noted else { return Ok(()) };
        ledger.with(move |ledger| ledger.verification_finished(id)).await?;
        Ok(())
    }
}

fn end(ends: &Ends, side: ends::Side) -> End<'_> {
    let (client, collection) = (ends.client(side), ends.collection(side));
    End {
        endpoint: client.uri(),
        database: &collection.database,
        collection: &collection.name,
        id: match side {
            Side::Source => ends.identity().source_id(),
            Side::Target => ends.identity().target_id(),
        },
    }
}
