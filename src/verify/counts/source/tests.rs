//! What is said of a source that counts otherwise than it was read.

use super::*;
use crate::ledger::{ChunkId, ChunkRecord};
use crate::model::Key;

fn tally(rows: u64) -> Tally {
    let mut tally = Tally::default();
    let range = KeyRange { after: Some(Key::Int64(4)), up_to: None };
    tally.add(rows, &ChunkRecord { id: ChunkId(1), scope: None, range, tried: true });
    tally
}

fn said(read: u64, source_count: Option<u64>, found: &Found) -> (usize, usize) {
    let mut counts = Counts { source_count, read, ..Counts::default() };
    say(found, &mut counts);
    (counts.explanations.len(), counts.unexplained.len())
}

#[test]
fn a_count_that_nothing_explains_is_told() {
    let nothing = Found::default();
    assert_eq!(said(10, Some(10), &nothing), (0, 0));
    // More in all than in any range, each of which counts what it gives.
    assert_eq!(said(10, Some(11), &nothing), (1, 0));
    assert_eq!(said(10, Some(9), &nothing), (0, 1));
    // Before 2.3 there is no count to compare with.
    assert_eq!(said(10, None, &nothing), (0, 0));
}

#[test]
fn each_reason_explains_as_many_rows_as_it_has() {
    let beyond = |beyond| Found { beyond, ..Found::default() };
    let twice = || Beyond { duplicates: 3, proof: Some(Key::Int64(1)), ..Beyond::default() };
    assert_eq!(said(10, Some(13), &beyond(twice())), (1, 0));
    assert_eq!(said(10, Some(12), &beyond(twice())), (1, 1));
    // Each range counts what it gives, and all of them more: deleted rows.
    assert_eq!(said(10, Some(14), &beyond(twice())), (2, 0));
    let gone = || Found { gone: tally(2), ..Found::default() };
    assert_eq!(said(10, Some(8), &gone()), (1, 0));
    assert_eq!(said(10, Some(10), &gone()), (2, 0));
    let all = Found { gone: tally(1), ..beyond(twice()) };
    assert_eq!(said(10, Some(12), &all), (2, 0));
}

#[test]
fn rows_that_are_not_at_the_target_are_never_explained() {
    let unread = || Found { unread: tally(2), ..Found::default() };
    assert_eq!(said(10, Some(12), &unread()), (0, 1));
    assert_eq!(said(10, Some(10), &unread()), (0, 2));
    let withdrawn = || Found { withdrawn: tally(1), ..Found::default() };
    assert_eq!(said(10, Some(9), &withdrawn()), (0, 1));
    assert_eq!(said(10, Some(10), &withdrawn()), (1, 1));
    let last = || Beyond { unreadable: 1, ..Beyond::default() };
    let unreadable = |by_hand| Found { beyond: last(), by_hand, ..Found::default() };
    assert_eq!(said(10, Some(11), &unreadable(false)), (0, 1));
    assert_eq!(said(10, Some(11), &unreadable(true)), (1, 0));
    // Counted with keys of their own, and given by no query.
    let withheld = Beyond { withheld: 2, ..Beyond::default() };
    assert_eq!(said(10, Some(12), &Found { beyond: withheld, ..Found::default() }), (0, 1));
}

#[test]
fn a_tally_counts_all_and_names_the_first() {
    let mut tally = Tally::default();
    let chunk = |number: i64, scope: Option<&str>| {
        let range = KeyRange { after: Some(Key::Int64(number)), up_to: None };
        ChunkRecord { id: ChunkId(number), scope: scope.map(str::to_owned), range, tried: false }
    };
    tally.add(0, &chunk(0, None));
    assert_eq!((tally.rows, tally.chunks, tally.places().as_str()), (0, 0, ""));
    for number in 1..=5 {
        tally.add(2, &chunk(number, (number == 1).then_some("p")));
    }
    assert_eq!((tally.rows, tally.chunks), (10, 5));
    let five = tally.places();
    assert!(five.starts_with("partition p, ") && !five.contains('…'), "{five}");
    tally.add(1, &chunk(6, None));
    assert_eq!((tally.rows, tally.chunks), (11, 6));
    assert_eq!(tally.places(), format!("{five}, …"));
}

#[test]
fn the_largest_key_has_a_range_of_its_own() {
    assert!(last_key().contains(&Key::Int64(i64::MAX)));
    assert!(!last_key().contains(&Key::Int64(i64::MAX - 1)));
}
