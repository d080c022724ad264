//! Whatever is added, split and done in whatever order: every key is in exactly one chunk.

use proptest::prelude::*;

use super::*;

#[derive(Debug, Clone)]
enum Act {
    /// Continue with chunks of these widths, and close the scope.
    Add { widths: Vec<u8>, close: bool },
    /// Split some chunk somewhere (also where that has to be refused).
    Split { which: usize, at: i64 },
    /// Try some chunk, and finish it.
    Done { which: usize },
    /// Open all again.
    Reopen,
    /// Close the file and open it again.
    Restart,
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        3 => (prop::collection::vec(0_u8..20, 0..4), prop::bool::weighted(0.1))
            .prop_map(|(widths, close)| Act::Add { widths, close }),
        4 => (any::<usize>(), -10_i64..150).prop_map(|(which, at)| Act::Split { which, at }),
        3 => any::<usize>().prop_map(|which| Act::Done { which }),
        1 => Just(Act::Reopen),
        1 => Just(Act::Restart),
    ]
}

/// Numbers as keys whose order is the numbers' order.
fn key(number: i64, textual: bool) -> Key {
    if textual { Key::VarChar(format!("{:04}\0\n\"", number + 100)) } else { Key::Int64(number) }
}

fn check(ledger: &Ledger, id: MoveId) {
    let mut chunks = ledger.open_chunks(id, None, usize::MAX).unwrap();
    chunks.extend(ledger.done_chunks(id, None, usize::MAX).unwrap().into_iter().map(|c| c.chunk));
    let state = ledger.scope(id, Some("p")).unwrap();
    // `None` sorts first, and only one chunk may begin there.
    chunks.sort_by(|a, b| a.range.after.cmp(&b.range.after));
    let mut reached = None;
    let mut covered = false;
    for chunk in &chunks {
        assert!(!covered, "{chunk:?} overlaps");
        assert_eq!(chunk.range.after, reached, "a gap or an overlap");
        covered = chunk.range.up_to.is_none();
        assert!(covered || chunk.range.after < chunk.range.up_to, "{chunk:?} is empty");
        reached.clone_from(&chunk.range.up_to);
    }
    assert_eq!(covered, state.complete);
    assert_eq!(reached, state.last_up_to);
    let totals = ledger.totals(id).unwrap();
    assert_eq!(totals.chunks_open + totals.chunks_done, chunks.len() as u64);
}

/// Some open chunk.
fn pick(ledger: &Ledger, id: MoveId, which: usize) -> Option<ChunkRecord> {
    let open = ledger.open_chunks(id, None, usize::MAX).unwrap();
    open.get(which % open.len().max(1)).cloned()
}

/// Opens the ledger without waiting for the disk: each case would wait hundreds of times.
fn quick(directory: &Path) -> Ledger {
    let ledger = open(directory);
    ledger.connection.pragma_update(None, "synchronous", "OFF").unwrap();
    ledger
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn chunks_partition_the_keys(
        acts in prop::collection::vec(act(), 1..25),
        textual in any::<bool>(),
    ) {
        let directory = tempfile::tempdir().unwrap();
        let mut ledger = quick(directory.path());
        let id = begin(&mut ledger, "t");
        let mut end = 0_i64;
        let mut last = None;
        for act in acts {
            match act {
                Act::Add { widths, close } => {
                    let (before, mut ranges, was_last) = (end, Vec::new(), last.clone());
                    for width in &widths {
                        end += i64::from(*width);
                        let up_to = Some(key(end, textual));
                        ranges.push(KeyRange { after: last, up_to: up_to.clone() });
                        last = up_to;
                    }
                    if close {
                        ranges.push(KeyRange { after: last.clone(), up_to: None });
                    }
                    // Widths of zero make empty ranges, and nothing may follow an open end.
                    let was_complete = ledger.scope(id, Some("p")).unwrap().complete;
                    let empty = widths.iter().enumerate()
                        .any(|(i, width)| *width == 0 && (i > 0 || was_last.is_some()));
                    let allowed = !empty && !was_complete;
                    let outcome = ledger.add_chunks(id, Some("p"), &ranges, close);
                    prop_assert_eq!(outcome.is_ok(), allowed);
                    if !allowed {
                        (end, last) = (before, was_last);
                    }
                }
                Act::Split { which, at } => {
                    if let Some(chunk) = pick(&ledger, id, which) {
                        let at = key(at, textual);
                        let outcome = ledger.split_chunk(chunk.id, &at);
                        let inside =
                            chunk.range.contains(&at) && chunk.range.up_to.as_ref() != Some(&at);
                        prop_assert_eq!(outcome.is_ok(), inside);
                    }
                }
                Act::Done { which } => {
                    if let Some(chunk) = pick(&ledger, id, which) {
                        ledger.chunk_tried(chunk.id).unwrap();
                        ledger.chunk_done(chunk.id, 1, 1, Digest(7)).unwrap();
                    }
                }
                Act::Reopen => {
                    for DoneChunk { chunk, .. } in ledger.done_chunks(id, None, usize::MAX).unwrap() {
                        ledger.reopen_chunk(chunk.id).unwrap();
                    }
                }
                Act::Restart => {
                    drop(ledger);
                    ledger = quick(directory.path());
                }
            }
            check(&ledger, id);
        }
    }
}
