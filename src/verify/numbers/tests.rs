//! What is said of rows that are counted and not given.

use super::*;
use crate::model::Key;

fn said(side: Side, scanned: &Scanned) -> (Vec<String>, usize) {
    let (mut account, mut unexplained) = (Account::default(), Vec::new());
    say((side, "default/c"), scanned, "", &mut account, &mut unexplained);
    (account.explanations().into_iter().map(|one| one.code).collect(), unexplained.len())
}

fn scanned(beyond: beyond::Beyond) -> Scanned {
    Scanned { keys: 9, beyond }
}

#[test]
fn keys_that_are_doubled_at_the_target_are_a_difference() {
    let proof = Some(Key::Int64(4));
    let doubled = scanned(beyond::Beyond { duplicates: 1, proof, ..beyond::Beyond::default() });
    assert_eq!(said(Side::Source, &doubled), (vec![code::DUPLICATE_KEYS.to_owned()], 0));
    assert_eq!(said(Side::Target, &doubled), (Vec::new(), 1));
}

#[test]
fn rows_with_keys_that_nobody_gives_are_a_difference_but_for_the_largest_key() {
    for side in [Side::Source, Side::Target] {
        assert_eq!(said(side, &scanned(beyond::Beyond::default())), (Vec::new(), 0));
        let withheld = scanned(beyond::Beyond { withheld: 1, ..beyond::Beyond::default() });
        assert_eq!(said(side, &withheld), (Vec::new(), 1));
        let unreadable = scanned(beyond::Beyond { unreadable: 1, ..beyond::Beyond::default() });
        assert_eq!(said(side, &unreadable), (vec![code::UNREADABLE_KEY.to_owned()], 0));
    }
}
