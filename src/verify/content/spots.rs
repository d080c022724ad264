//! A few ranges that are read once more at the source, where its server does not tell one collection
//! of a name from another one (Milvus Lite).
//!
//! Rows may be written at any time, so a row that is another one proves nothing. But where most rows
//! of a range are others than those that were read, it is not the collection that was read.

use std::collections::BTreeSet;

use tokio::sync::mpsc;

use super::part::Part;
use super::ranges::Ranged;
use super::{RangeComparison, Way};
use crate::copy::identity::Replaced;
use crate::ledger::{ChunkId, DoneChunk, Ledger, MoveId, Unsure};
use crate::model::quantity::count;
use crate::verify::Error;
use crate::verify::ends::{Ends, Side};
use crate::verify::explain::code;
use crate::verify::result::RowDifferenceKind;

/// Chunks taken from the ledger at a time.
const LEDGER_PAGE: usize = 500;
/// Ranges that are chosen at random, beside the first and the last.
const AT_RANDOM: usize = 4;

/// What reading ranges once more found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Spots {
    /// Ranges that were read.
    pub ranges: u64,
    /// Rows that were read or copied there.
    pub rows: u64,
    /// Those that are others by now.
    pub changed: u64,
}

/// Places of the first, the last and some others of so many, in order.
fn chosen(of: usize, seed: u64) -> BTreeSet<usize> {
    let Some(last) = of.checked_sub(1) else { return BTreeSet::new() };
    let mut state = seed;
    let at_random = std::iter::repeat_with(|| {
        // splitmix64: has to be spread, not unpredictable.
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut x = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from(x >> 33).unwrap_or(0) % of
    });
    at_random.take(AT_RANDOM).chain([0, last]).collect()
}

/// Some of the ranges that were copied, with what was.
pub(in crate::verify) async fn of_ledger(
    ends: &Ends,
    of_move: MoveId,
    seed: u64,
) -> Result<Vec<Ranged>, Error> {
    let Some(ledger) = &ends.check.ledger else { return Ok(Vec::new()) };
    let (mut all, mut after) = (Vec::new(), None::<ChunkId>);
    loop {
        let from = after;
        let page = ledger.with(move |l| l.done_chunks(of_move, from, LEDGER_PAGE)).await?;
        let Some(last) = page.last() else { break };
        after = Some(last.chunk.id);
        all.extend(page.into_iter().filter(|done| done.rows > 0));
    }
    let ranged = all.into_iter().map(Ranged::of_chunk).filter(|ranged| ranged.copied.is_some());
    Ok(some_of(ranged.collect(), seed))
}

/// Notes what the target holds of chunks that were written more than once, while nobody else may
/// write into it: what the source lacks of that by now, or later, was copied and deleted there.
///
/// # Errors
/// When a call fails, or an end is another collection by now.
pub(in crate::verify) async fn settle(ends: &Ends, of_move: MoveId) -> Result<(), Error> {
    let Some(ledger) = &ends.check.ledger else { return Ok(()) };
    let mut part = None;
    let mut after = None::<ChunkId>;
    loop {
        let from = after;
        let page = ledger.with(move |l| l.done_chunks(of_move, from, LEDGER_PAGE)).await?;
        let Some(last) = page.last() else { return Ok(()) };
        after = Some(last.chunk.id);
        for DoneChunk { chunk, unsure, .. } in page {
            if unsure != Some(Unsure::Ours) {
                continue;
            }
            let part = match &mut part {
                Some(part) => part,
                none => none.insert(Part::of(ends.clone(), ends.fix_moments().await?).await?),
            };
            let ranged = Ranged::of(chunk.scope.as_deref(), chunk.range);
            let there = part.digest(Side::Target, &ranged).await?;
            ends.confirm().await?;
            let id = chunk.id;
            let note = move |l: &mut Ledger| l.chunk_digest_changed(id, there.rows, there.digest);
            ledger.with(note).await?;
        }
    }
}

/// Notes which rows are of this move in chunks that are to be written once more: what the source lacks
/// of them later was copied and deleted there.
///
/// # Errors
/// When a call fails, or an end is another collection by now.
pub(in crate::verify) async fn note_ours(
    ends: &Ends,
    of_move: MoveId,
    chunks: BTreeSet<ChunkId>,
) -> Result<(), Error> {
    let Some(ledger) = &ends.check.ledger else { return Ok(()) };
    let part = Part::of(ends.clone(), ends.fix_moments().await?).await?;
    let mut after = None::<ChunkId>;
    loop {
        let from = after;
        let page = ledger.with(move |l| l.done_chunks(of_move, from, LEDGER_PAGE)).await?;
        let Some(last) = page.last() else { return ends.confirm().await };
        after = Some(last.chunk.id);
        for done in page.into_iter().filter(|done| chunks.contains(&done.chunk.id)) {
            let id = done.chunk.id;
            if let Some(keys) = part.ours(&Ranged::of_chunk(done)).await? {
                let note =
                    move |l: &mut Ledger| l.chunk_unsure(id, Unsure::Others, &keys, &[], None);
                ledger.with(note).await?;
            }
        }
    }
}

/// The first, the last and some others of ranges.
pub(in crate::verify) fn some_of(all: Vec<Ranged>, seed: u64) -> Vec<Ranged> {
    let places = chosen(all.len(), seed);
    let numbered = all.into_iter().enumerate();
    numbered.filter(|(place, _)| places.contains(place)).map(|(_, ranged)| ranged).collect()
}

/// Reads ranges once more.
///
/// # Errors
/// When most rows of one are others, or a call fails.
pub(in crate::verify) async fn read_again(
    ends: &Ends,
    ranges: Vec<Ranged>,
) -> Result<Spots, Error> {
    if ranges.is_empty() {
        return Ok(Spots::default());
    }
    let mut ends = ends.clone();
    // What is read once more is no progress.
    ends.check.events = mpsc::channel(1).0;
    let at = ends.fix_moments().await?;
    let part = Part::of(ends.clone(), at).await?;
    let mut spots = Spots::default();
    for ranged in ranges {
        let (sender, mut found) = mpsc::channel::<RangeComparison>(1);
        let (part, range) = (&part, &ranged);
        // Takes the sender along: what is found ends with it.
        let compare = async move { part.compare(range, Way::SourceFirst, &sender).await };
        let gather = async {
            let (mut different, mut extra, mut missing) = (0, 0, 0);
            while let Some(one) = found.recv().await {
                let may_be = |code: Option<&str>| code.is_none_or(|c| c == code::CHANGED_AT_SOURCE);
                for row in one.differences {
                    match row.kind {
                        RowDifferenceKind::Missing => missing += 1,
                        _ if !may_be(row.explanation.as_deref()) => {}
                        RowDifferenceKind::Different => different += 1,
                        RowDifferenceKind::Extra => extra += 1,
                    }
                }
            }
            (different, extra, missing)
        };
        let (compared, (different, extra, missing)) = tokio::join!(compare, gather);
        let compared = compared?;
        let rows = ranged.copied.map_or(compared.rows, |copied| copied.rows);
        // Rows that are new since prove nothing: the last range is where they come. Nor do those at the
        // target that were never copied.
        let still = compared.source.unwrap_or(rows).saturating_sub(missing);
        let changed = different + u64::min(extra, rows.saturating_sub(still));
        spots.ranges += 1;
        spots.rows += rows;
        spots.changed += changed;
        if changed * 2 > rows {
            let place = ends.place(Side::Source, ranged.scope.as_deref(), &ranged.range);
            let why = format!("of {} rows of {place}, {} are others", count(rows), count(changed));
            return Err(Error::Identity(Replaced::by_its_rows(&ends.subject.from, &why).into()));
        }
    }
    Ok(spots)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_and_the_last_are_among_the_chosen() {
        assert!(chosen(0, 7).is_empty());
        assert_eq!(chosen(1, 7), BTreeSet::from([0]));
        for seed in 0..100 {
            let places = chosen(50, seed);
            assert!(places.contains(&0) && places.contains(&49));
            assert!((3..=6).contains(&places.len()), "{places:?}");
            assert!(places.iter().all(|place| *place < 50));
            assert_eq!(places, chosen(50, seed));
        }
        assert_ne!(chosen(1_000, 1), chosen(1_000, 2));
    }
}
