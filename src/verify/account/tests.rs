//! What is said of rows that differ: none is explained away, none is lost in the numbers.

use super::*;
use crate::model::Key;

fn row(kind: RowDifferenceKind, key: i64, code: Option<&str>) -> RowDifference {
    RowDifference {
        partition: None,
        key: Key::Int64(key),
        kind,
        fields: Vec::new(),
        explanation: code.map(str::to_owned),
    }
}

#[test]
fn every_row_counts_once_and_only_explained_ones_are_no_difference() {
    use RowDifferenceKind::{Different, Extra, Missing};
    let mut account = Account::default();
    let rows = [
        row(Missing, 9, None),
        row(Missing, 1, None),
        row(Missing, 2, Some(code::SET_ASIDE)),
        row(Extra, 3, None),
        row(Extra, 4, Some(code::EXPIRED)),
        row(Different, 5, None),
        row(Different, 6, Some(code::CHANGED_AT_SOURCE)),
        row(Different, 7, Some(code::VALUE_CHANGED_BY_TARGET)),
        row(Different, 8, Some(code::VALUE_CHANGED_BY_TARGET)),
    ];
    for one in rows {
        account.add(one);
    }
    let mut content = Content::nothing(crate::verify::Basis::Source);
    account.write(&mut content);
    assert_eq!((content.missing, content.extra, content.different), (3, 2, 4));
    // Those that are other rows by now are pending, and neither explained nor unexplained.
    assert_eq!((content.explained, content.open(), content.pending), (4, 5, 1));
    assert!(account.is_pending());
    assert_eq!(account.bad(), 4);
    let keys: Vec<&Key> = content.differences.iter().map(|row| &row.key).collect();
    let all: Vec<Key> = (1..10).map(Key::Int64).collect();
    assert_eq!(keys, all.iter().collect::<Vec<_>>());
    assert_eq!(
        account.unexplained(),
        [
            "other values at the target: 1 row, such as the one with key 5",
            "at the target and not at the source: 1 row, such as the one with key 3",
            "missing at the target: 2 rows, such as the one with key 9",
        ]
    );
    let said: Vec<(String, u64)> =
        account.explanations().into_iter().map(|one| (one.code, one.rows)).collect();
    let codes = [
        (code::CHANGED_AT_SOURCE, 1),
        (code::EXPIRED, 1),
        (code::SET_ASIDE, 1),
        (code::VALUE_CHANGED_BY_TARGET, 2),
    ];
    assert_eq!(said, codes.map(|(code, rows)| (code.to_owned(), rows)));
}

#[test]
fn the_first_rows_in_order_are_named_however_many_differ() {
    let mut account = Account::default();
    for key in (0..50).rev() {
        account.add(row(RowDifferenceKind::Missing, key, None));
    }
    account.add(row(RowDifferenceKind::Missing, 50, None));
    let mut content = Content::nothing(crate::verify::Basis::Source);
    account.write(&mut content);
    assert_eq!(content.missing, 51);
    let named: Vec<Key> = content.differences.into_iter().map(|row| row.key).collect();
    assert_eq!(named, (0..20).map(Key::Int64).collect::<Vec<_>>());
}
