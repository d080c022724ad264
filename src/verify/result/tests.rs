//! What makes a verification one that found a difference.

use super::*;

fn content(missing: u64, extra: u64, different: u64, explained: u64) -> Content {
    Content { missing, extra, different, explained, ..Content::nothing(Basis::Source) }
}

#[test]
fn every_sort_of_difference_is_unexplained_until_it_is_explained() {
    assert_eq!(content(0, 0, 0, 0).open(), 0);
    assert_eq!(content(1, 0, 0, 0).open(), 1);
    assert_eq!(content(0, 1, 0, 0).open(), 1);
    assert_eq!(content(0, 0, 1, 0).open(), 1);
    assert_eq!(content(1, 2, 4, 3).open(), 4);
}

#[test]
fn what_was_copied_or_deleted_is_a_repair() {
    let with = |copied, deleted| {
        let repair = Some(Repair { copied, deleted, rounds: 1, bytes: 8 });
        Content { repair, ..content(0, 0, 0, 0) }.is_repaired()
    };
    assert!(!content(0, 0, 0, 0).is_repaired());
    assert!(!with(0, 0));
    assert!(with(1, 0) && with(0, 1) && with(1, 1));
}
