//! What is said of rows that are counted and not given.

use super::*;

fn said(side: Side, scanned: &Scanned) -> (Vec<String>, usize) {
    let (mut account, mut unexplained) = (Account::default(), Vec::new());
    say(side, scanned, "", &mut account, &mut unexplained);
    (account.explanations().into_iter().map(|one| one.code).collect(), unexplained.len())
}

#[test]
fn keys_that_are_doubled_at_the_target_are_a_difference() {
    let doubled =
        Scanned { keys: 9, duplicates: 1, proof: Some(Key::Int64(4)), ..Scanned::default() };
    assert_eq!(said(Side::Source, &doubled), (vec![code::DUPLICATE_KEYS.to_owned()], 0));
    assert_eq!(said(Side::Target, &doubled), (Vec::new(), 1));
}

#[test]
fn rows_that_no_key_explains_are_named_by_what_they_can_be() {
    for side in [Side::Source, Side::Target] {
        assert_eq!(said(side, &Scanned { keys: 9, ..Scanned::default() }), (Vec::new(), 0));
        let unproven = Scanned { unproven: 1, ..Scanned::default() };
        assert_eq!(said(side, &unproven), (vec![code::DELETES_NOT_COMPACTED.to_owned()], 0));
        let unreadable = Scanned { unreadable: 1, ..Scanned::default() };
        assert_eq!(said(side, &unreadable), (vec![code::UNREADABLE_KEY.to_owned()], 0));
    }
}
