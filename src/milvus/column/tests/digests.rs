//! Laws of digests: equal rows, equal digests; anything else, others.

use proptest::prelude::*;

use super::nulls::{Case, cases};
use super::*;
use crate::model::Digest;

/// Columns of every type for rows of these numbers, with some nulls.
fn table(numbers: &[u32]) -> Vec<FieldData> {
    let keys: Vec<i64> = numbers.iter().map(|number| i64::from(*number)).collect();
    let mut columns = vec![column("id", DataType::INT64, 100, longs(&keys))];
    for Case { name, data_type, build } in cases() {
        let values: Vec<Option<u32>> =
            numbers.iter().map(|number| (number % 5 != 0).then_some(*number)).collect();
        columns.push(FieldData {
            r#type: data_type.0,
            field_name: name.to_owned(),
            valid_data: values.iter().map(Option::is_some).collect(),
            field: Some(build(&values)),
            ..Default::default()
        });
    }
    columns
}

fn digest_of(numbers: &[u32]) -> Digest {
    read(&table(numbers)).unwrap().digest().unwrap()
}

proptest! {
    #[test]
    fn equal_rows_have_equal_digests_in_any_order_and_in_any_parts(
        numbers in prop::collection::vec(0_u32..50_000, 1..30),
        shift in 0_usize..30,
        cut in 0_usize..30,
    ) {
        let whole = digest_of(&numbers);
        let mut turned = numbers.clone();
        turned.rotate_left(shift % numbers.len());
        prop_assert_eq!(digest_of(&turned), whole);
        let (one, two) = turned.split_at(cut % numbers.len());
        let parts = [one, two].map(|part| if part.is_empty() { Digest::default() } else { digest_of(part) });
        prop_assert_eq!(parts[0] + parts[1], whole);
    }

    #[test]
    fn other_rows_have_other_digests(
        mut numbers in prop::collection::vec(0_u32..50_000, 1..20),
        place in 0_usize..20,
        other in 50_000_u32..60_000,
    ) {
        let whole = digest_of(&numbers);
        let place = place % numbers.len();
        numbers[place] = other;
        prop_assert_ne!(digest_of(&numbers), whole);
        // One more, or one less, is another set too.
        numbers.push(other);
        prop_assert_ne!(digest_of(&numbers), whole);
    }

    #[test]
    fn a_single_byte_of_a_text_changes_the_digest_and_is_found(
        text in "[a-z]{1,300}",
        at in 0_usize..300,
    ) {
        let texts = |text: &str| {
            let data = schema::StringArray { data: vec![text.to_owned()] };
            let word = column("word", DataType::VARCHAR, 101, scalar_field::Data::StringData(data));
            read(&[column("id", DataType::INT64, 100, longs(&[1])), word]).unwrap()
        };
        let at = at % text.len();
        let mut changed = text.clone();
        changed.replace_range(at..=at, "Z");
        let (one, other) = (texts(&text), texts(&changed));
        prop_assert_ne!(one.digests().unwrap(), other.digests().unwrap());
        let found = one.differing_fields(0, &other, 0).unwrap();
        prop_assert_eq!(found.len(), 1);
        prop_assert_eq!(found[0].first_byte, Some(at as u64));
        prop_assert!(found[0].target.contains('Z'), "{}", found[0].target);
    }
}

#[test]
fn the_order_and_the_ids_of_columns_do_not_matter() {
    let columns = table(&[3, 10, 4]);
    let mut other: Vec<FieldData> = columns.iter().rev().cloned().collect();
    for (id, column) in (0..).zip(&mut other) {
        column.field_id = id;
    }
    let (one, other) = (read(&columns).unwrap(), read(&other).unwrap());
    assert_eq!(one.digests().unwrap(), other.digests().unwrap());
    assert_eq!(one.differing_fields(1, &other, 1).unwrap(), []);
}

#[test]
fn every_bit_of_every_type_counts() {
    for place in 0..cases().len() {
        let base = table(&[7]);
        let mut changed = base.clone();
        let case = &cases()[place];
        changed[place + 1].field = Some((case.build)(&[Some(6)]));
        let (one, other) = (read(&base).unwrap(), read(&changed).unwrap());
        assert_ne!(one.digest().unwrap(), other.digest().unwrap(), "{}", case.name);
        let found = one.differing_fields(0, &other, 0).unwrap();
        let fields: Vec<&str> = found.iter().map(|found| found.field.as_str()).collect();
        assert_eq!(fields, [case.name]);
        assert!(!found[0].same_value && found[0].first_byte.is_some(), "{found:?}");
        // A null is no value, whatever the value.
        changed[place + 1].valid_data = vec![false];
        let null = read(&changed).unwrap();
        assert_ne!(null.digest().unwrap(), one.digest().unwrap(), "{}", case.name);
        assert_eq!(null.differing_fields(0, &one, 0).unwrap()[0].source, "null");
    }
}

#[test]
fn vectors_that_change_places_are_found() {
    let rows = |of: [u16; 2]| {
        let vectors = schema::VectorField {
            dim: 2,
            data: Some(schema::vector_field::Data::FloatVector(schema::FloatArray {
                data: of.iter().flat_map(|of| [f32::from(*of), 1.0]).collect(),
            })),
            ..Default::default()
        };
        let vectors = FieldData {
            r#type: DataType::FLOAT_VECTOR.0,
            field_name: "v".to_owned(),
            field: Some(Field::Vectors(Bytes::from(vectors.encode_to_vec()))),
            ..Default::default()
        };
        read(&[column("id", DataType::INT64, 100, longs(&[1, 2])), vectors]).unwrap()
    };
    let (one, other) = (rows([5, 6]), rows([6, 5]));
    assert_ne!(one.digest().unwrap(), other.digest().unwrap());
    let found = one.differing_fields(0, &other, 0).unwrap();
    assert_eq!((found[0].source.as_str(), found[0].target.as_str()), ("[0] = 5", "[0] = 6"));
}

#[test]
fn both_forms_of_an_empty_list_have_one_digest() {
    let id = || column("id", DataType::INT64, 0, longs(&[1, 2]));
    let one = read(&[id(), arrays(vec![ints(&[1, 2]), ints(&[])])]).unwrap();
    let other = read(&[id(), arrays(vec![ints(&[1, 2]), schema::ScalarField::default()])]).unwrap();
    assert_eq!(one.digests().unwrap(), other.digests().unwrap());
    let longer = read(&[id(), arrays(vec![ints(&[1]), ints(&[2])])]).unwrap();
    assert_ne!(one.digests().unwrap()[0], longer.digests().unwrap()[0]);
}

#[test]
fn json_in_another_form_is_the_same_value_and_another_digest() {
    let json = |text: &str| {
        let data = schema::JsonArray { data: vec![Bytes::copy_from_slice(text.as_bytes())] };
        let json = column("j", DataType::JSON, 0, scalar_field::Data::JsonData(data));
        read(&[column("id", DataType::INT64, 0, longs(&[1])), json]).unwrap()
    };
    let same = |one: &str, other: &str| {
        let (one, other) = (json(one), json(other));
        assert_ne!(one.digest().unwrap(), other.digest().unwrap());
        one.differing_fields(0, &other, 0).unwrap()[0].same_value
    };
    assert!(same(r#"{"a":1,"b":[1.5,"x"]}"#, r#"{ "b": [1.5, "x"], "a": 1 }"#));
    assert!(same(r#"{"a":9007199254740993}"#, r#"{"a": 9007199254740993}"#));
    assert!(!same(r#"{"a":9007199254740993}"#, r#"{"a":9007199254740992}"#));
    assert!(!same(r#"{"a":0.1}"#, r#"{"a":0.10000000000000000001}"#));
    assert!(!same(r#"{"a":"1 \"2"}"#, r#"{"a":"1 \"3"}"#));
    assert!(!same("{\"a\":1}", "{\"a\":1"));
}
