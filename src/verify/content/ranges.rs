//! The ranges of keys that are compared.

use std::collections::HashMap;

use tokio::sync::mpsc;

use super::Rows;
use crate::copy::Walk;
use crate::ledger::{ChunkId, ChunkRecord, DoneChunk, MoveId, Unsure};
use crate::milvus::Moment;
use crate::model::{Key, KeyRange};
use crate::verify::Error;
use crate::verify::ends::{Ends, Moments, Side};

/// Chunks taken from the ledger at a time.
const LEDGER_PAGE: usize = 500;
/// Most rows of a range: where a server insists on a limit, an answer has to stay below 16,384.
const MOST_ROWS: u64 = 16_000;

/// A range of keys to compare.
#[derive(Debug, Clone)]
pub(in crate::verify) struct Ranged {
    /// The partition; absent where the collection is read as a whole.
    pub(in crate::verify) scope: Option<String>,
    /// The keys.
    pub(in crate::verify) range: KeyRange,
    /// The rows that were copied, where the ledger knows their digest.
    pub(in crate::verify) copied: Option<Rows>,
    /// Seconds since both ends had just these rows, by the ledger.
    pub(in crate::verify) age: Option<u64>,
    /// The chunk in the ledger that it is.
    pub(in crate::verify) chunk: Option<ChunkId>,
    /// Whose rows the target has in it, where `copied` does not say what these are.
    pub(in crate::verify) unsure: Option<Unsure>,
    /// What the target held beside the keys that were written since, where `copied` does not say it.
    pub(in crate::verify) rest: Option<Rows>,
}

impl Ranged {
    /// A chunk that was copied.
    pub(in crate::verify) fn of_chunk(done: DoneChunk) -> Self {
        let DoneChunk { chunk, rows, digest, unsure, rest, age, .. } = done;
        let ChunkRecord { id, scope, range, .. } = chunk;
        Self {
            scope,
            range,
            copied: digest.map(|digest| Rows { rows, digest }),
            age,
            chunk: Some(id),
            unsure,
            rest: rest.map(|(rows, digest)| Rows { rows, digest }),
        }
    }

    /// A range of which the ledger says nothing.
    pub(in crate::verify) fn of(scope: Option<&str>, range: KeyRange) -> Self {
        Self {
            scope: scope.map(str::to_owned),
            range,
            copied: None,
            age: None,
            chunk: None,
            unsure: None,
            rest: None,
        }
    }
}

/// Ranges that need not be compared again: how many rows each has.
pub(in crate::verify) type Known = HashMap<(Option<String>, KeyRange), u64>;

/// Where ranges come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::verify) enum Source {
    /// The chunks that were copied, of a move whose chunks cover every key.
    Ledger(MoveId),
    /// A scan of the source's keys: ranges of so many rows.
    Scan(u64),
}

impl Source {
    /// The ledger, where it knows all chunks; else ranges of a size that was used before, or of one
    /// that suits the rows.
    pub(in crate::verify) async fn of(ends: &Ends, before: Option<u64>) -> Result<Self, Error> {
        if let (Some(ledger), Some(of_move)) = (&ends.check.ledger, ends.subject.of_move) {
            let scopes = ends.source_scopes().to_vec();
            let complete = ledger
                .with(move |ledger| {
                    if ledger.totals(of_move)?.chunks_open > 0 {
                        return Ok(false);
                    }
                    for scope in scopes {
                        if !ledger.scope(of_move, scope.as_deref())?.complete {
                            return Ok(false);
                        }
                    }
                    Ok(true)
                })
                .await?;
            if complete {
                return Ok(Self::Ledger(of_move));
            }
        }
        if let Some(rows) = before {
            return Ok(Self::Scan(rows));
        }
        let bytes = ends.row_bytes().await?;
        let rows = ends.check.limits.chunk_size.0 / bytes.max(1);
        Ok(Self::Scan(rows.clamp(1, MOST_ROWS)))
    }

    /// Rows of a range, where it is a scan.
    pub(in crate::verify) fn rows(self) -> Option<u64> {
        match self {
            Self::Ledger(_) => None,
            Self::Scan(rows) => Some(rows),
        }
    }

    /// Sends every range; ends early when nobody takes them any more.
    pub(in crate::verify) async fn send(
        self,
        ends: &Ends,
        at: &Moments,
        ranges: &mpsc::Sender<Ranged>,
    ) -> Result<(), Error> {
        match self {
            Self::Ledger(of_move) => send_chunks(ends, of_move, ranges).await?,
            Self::Scan(rows) => {
                for scope in ends.source_scopes() {
                    scan(ends, Side::Source, scope.as_deref(), at.source, rows, ranges).await?;
                }
            }
        }
        let rows = self.rows().unwrap_or(MOST_ROWS);
        for partition in ends.foreign_partitions() {
            scan(ends, Side::Target, Some(&partition), at.target, rows, ranges).await?;
        }
        Ok(())
    }
}

async fn send_chunks(
    ends: &Ends,
    of_move: MoveId,
    ranges: &mpsc::Sender<Ranged>,
) -> Result<(), Error> {
    let Some(ledger) = &ends.check.ledger else { return Ok(()) };
    let mut after: Option<ChunkId> = None;
    loop {
        let from = after;
        let page = ledger.with(move |l| l.done_chunks(of_move, from, LEDGER_PAGE)).await?;
        let Some(last) = page.last() else { return Ok(()) };
        after = Some(last.chunk.id);
        for done in page {
            let next = Ranged::of_chunk(done);
            if ranges.send(next).await.is_err() {
                return Ok(());
            }
        }
    }
}

async fn scan(
    ends: &Ends,
    side: Side,
    scope: Option<&str>,
    at: Moment,
    rows: u64,
    ranges: &mpsc::Sender<Ranged>,
) -> Result<(), Error> {
    let mut bounds = Scan::of(ends, side, scope, at, rows);
    while let Some(found) = bounds.next().await? {
        for range in found {
            let next = Ranged::of(scope, range);
            if ranges.send(next).await.is_err() {
                return Ok(());
            }
        }
    }
    Ok(())
}

/// A scan of the keys of one end that finds bounds: the ranges leave no gap.
pub(in crate::verify) struct Scan<'a> {
    ends: &'a Ends,
    side: Side,
    scope: Option<&'a str>,
    at: Moment,
    rows: u64,
    /// Nothing when it is through.
    walk: Option<Walk>,
}

impl<'a> Scan<'a> {
    pub(in crate::verify) fn of(
        ends: &'a Ends,
        side: Side,
        scope: Option<&'a str>,
        at: Moment,
        rows: u64,
    ) -> Self {
        let walk = ends
            .query(side, scope)
            .map(|query| Walk::behind(ends.client(side), query, None::<Key>));
        Self { ends, side, scope, at, rows, walk }
    }

    /// The next ranges; `None` when there are no more.
    pub(in crate::verify) async fn next(&mut self) -> Result<Option<Vec<KeyRange>>, Error> {
        let Some(walk) = &mut self.walk else { return Ok(None) };
        let ends = self.ends;
        let next = walk.next(ends.client(self.side), ends.memory(), self.at, self.rows);
        let (ranges, complete) = ends.unless_stopped(next).await?.map_err(|error| {
            Error::read(|| ends.place(self.side, self.scope, &KeyRange::ALL), error)
        })?;
        if complete {
            self.walk = None;
        }
        Ok(Some(ranges))
    }
}
