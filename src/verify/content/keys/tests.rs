//! Rows of both ends become differences: each with its kind, its fields and what the source had.

use super::*;
use crate::model::DataType;
use crate::model::samples::{collection, field};

fn keyed(rows: &[(i64, i64)]) -> Keyed {
    Keyed::of(Rows::of_numbers(rows, None)).unwrap()
}

#[test]
fn every_row_that_differs_is_found_with_its_kind_and_fields() {
    let to = collection("c", vec![field("id", DataType::INT64), field("n", DataType::INT64)]);
    let source = keyed(&[(1, 10), (2, 20), (4, 40), (5, 50), (5, 51)]);
    let target = keyed(&[(5, 52), (4, 41), (3, 30), (1, 10)]);
    let found = named(&source, &target, &to).unwrap();
    let told: Vec<_> = found.iter().map(|row| (row.key.clone(), row.kind, row.several)).collect();
    let expected = [
        (Key::Int64(2), RowDifferenceKind::Missing, false),
        (Key::Int64(3), RowDifferenceKind::Extra, false),
        (Key::Int64(4), RowDifferenceKind::Different, false),
        (Key::Int64(5), RowDifferenceKind::Different, true),
    ];
    assert_eq!(told, expected);
    for row in &found {
        assert_eq!(row.source, source.digest_of(&row.key), "{}", row.key);
    }
    assert!(found[0].fields.is_empty() && found[1].fields.is_empty());
    let fields: Vec<_> = found[2].fields.iter().map(|one| one.field.as_str()).collect();
    assert_eq!(fields, ["n"]);
    let one = &found[2].fields[0];
    assert_eq!((one.source.as_str(), one.target.as_str()), ("40", "41"));
    assert!(!one.same_value && !one.default_value);
    assert_eq!(named(&source, &source, &to).unwrap(), []);
    assert_eq!(named(&source, &Keyed::nothing(), &to).unwrap().len(), 4);
}

#[test]
fn an_end_that_has_no_such_partition_has_no_rows() {
    assert_eq!(keyed_answer(Answer::Nothing), 0);
    assert_eq!(keyed_answer(Answer::Rows(Rows::of_numbers(&[(1, 1), (2, 2)], None))), 2);
}

fn keyed_answer(answer: Answer) -> u64 {
    super::keyed(answer).unwrap().count()
}
