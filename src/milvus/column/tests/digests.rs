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
    fn rows_that_were_read_in_parts_are_the_same_rows(
        numbers in prop::collection::vec(0_u32..50_000, 1..30),
        cuts in prop::collection::vec(0_usize..30, 0..4),
    ) {
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut % numbers.len()).collect();
        cuts.extend([0, numbers.len()]);
        cuts.sort_unstable();
        // Columns that come in another order are the same columns.
        let parts = cuts.windows(2).enumerate().map(|(part, cut)| {
            let mut columns = table(&numbers[cut[0]..cut[1]]);
            columns.rotate_left(part % 3);
            read(&columns).unwrap()
        });
        let joined = Rows::joined(parts.collect()).unwrap();
        let whole = read(&table(&numbers)).unwrap();
        prop_assert_eq!(joined.keys(), whole.keys());
        prop_assert_eq!(joined.digests().unwrap(), whole.digests().unwrap());
        prop_assert!(joined.bytes() > 0);
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

fn payload(column: &FieldData) -> Vec<u8> {
    match &column.field {
        Some(Field::Scalars(raw) | Field::Vectors(raw)) => raw.to_vec(),
        other => panic!("{other:?}"),
    }
}

fn with_payload(column: &FieldData, bytes: Vec<u8>) -> FieldData {
    let field = match column.field {
        Some(Field::Vectors(_)) => Field::Vectors(bytes.into()),
        _ => Field::Scalars(bytes.into()),
    };
    FieldData { field: Some(field), ..column.clone() }
}

#[test]
fn every_bit_of_every_byte_of_a_value_counts() {
    // How many bytes a payload ends with that are the value that 7 makes.
    let widths = BTreeMap::from([
        ("FLOAT", 4),
        ("DOUBLE", 8),
        ("VARCHAR", 9),
        ("TIMESTAMPTZ", 20),
        ("JSON", 2),
        ("GEOMETRY", 11),
        ("FLOAT_VECTOR", 12),
        ("BINARY_VECTOR", 2),
        ("FLOAT16_VECTOR", 6),
        ("BFLOAT16_VECTOR", 4),
        ("INT8_VECTOR", 5),
    ]);
    let base = table(&[7]);
    let one = read(&base).unwrap();
    let mut seen = 0;
    for (place, column) in base.iter().enumerate() {
        let Some(width) = widths.get(column.field_name.as_str()) else { continue };
        let bytes = payload(column);
        for bit in 0..width * 8 {
            let (mut changed, mut flipped) = (base.clone(), bytes.clone());
            flipped[bytes.len() - width + bit / 8] ^= 1 << (bit % 8);
            changed[place] = with_payload(column, flipped);
            let other = read(&changed).unwrap();
            assert_ne!(one.digest().unwrap(), other.digest().unwrap(), "{}", column.field_name);
            let found = one.differing_fields(0, &other, 0).unwrap();
            assert_eq!(found.len(), 1, "{found:?}");
            assert_eq!(found[0].first_byte, Some(bit as u64 / 8), "{found:?}");
        }
        seen += 1;
    }
    assert_eq!(seen, widths.len());
}

#[test]
fn packed_or_not_a_number_is_the_same() {
    let id = || column("id", DataType::INT64, 0, longs(&[1, 2]));
    let packed = column("n", DataType::INT64, 0, longs(&[300, -1]));
    let mut member = vec![0x08, 0xac, 0x02, 0x08];
    prost::encoding::encode_varint(u64::MAX, &mut member);
    // `ScalarField.long_data`.
    let mut bytes = Vec::new();
    super::wire::put(&mut bytes, 3, &member);
    let unpacked = with_payload(&packed, bytes);
    assert_ne!(payload(&packed), payload(&unpacked));
    let (one, other) = (read(&[id(), packed]).unwrap(), read(&[id(), unpacked]).unwrap());
    assert_eq!(one.digests().unwrap(), other.digests().unwrap());
}

#[test]
fn the_order_in_a_sparse_vector_does_not_matter_and_its_pairs_do() {
    let rows = |pairs: &[(u32, f32)]| {
        let pair =
            |(index, value): &(u32, f32)| [index.to_le_bytes(), value.to_le_bytes()].concat();
        let contents = vec![Bytes::from(pairs.iter().flat_map(pair).collect::<Vec<u8>>())];
        let data = schema::SparseFloatArray { contents, dim: 0 };
        let vectors = schema::VectorField {
            data: Some(schema::vector_field::Data::SparseFloatVector(data)),
            ..Default::default()
        };
        let vectors = FieldData {
            r#type: DataType::SPARSE_FLOAT_VECTOR.0,
            field_name: "v".to_owned(),
            field: Some(Field::Vectors(Bytes::from(vectors.encode_to_vec()))),
            ..Default::default()
        };
        read(&[column("id", DataType::INT64, 100, longs(&[1])), vectors]).unwrap()
    };
    let one = rows(&[(1, 0.5), (300, 2.0)]);
    let digest = |rows: &Rows| rows.digest().unwrap();
    assert_eq!(digest(&one), digest(&rows(&[(300, 2.0), (1, 0.5)])));
    for other in [&[(1, 2.0), (300, 0.5)][..], &[(1, 0.5)], &[(1, 0.5), (301, 2.0)], &[]] {
        assert_ne!(digest(&one), digest(&rows(other)), "{other:?}");
    }
}

#[test]
fn a_field_of_one_end_only_is_a_difference() {
    let id = column("id", DataType::INT64, 0, longs(&[1]));
    let null = FieldData { valid_data: vec![false], ..column("n", DataType::INT64, 0, longs(&[])) };
    let (one, other) = (read(&[id.clone(), null]).unwrap(), read(&[id]).unwrap());
    assert_ne!(one.digest().unwrap(), other.digest().unwrap());
    for (one, other) in [(&one, &other), (&other, &one)] {
        let found = one.differing_fields(0, other, 0).unwrap();
        let fields: Vec<&str> = found.iter().map(|found| found.field.as_str()).collect();
        assert_eq!(fields, ["n"]);
        assert!(!found[0].same_value && found[0].first_byte.is_none(), "{found:?}");
    }
}

#[test]
fn values_for_another_number_of_rows_are_refused() {
    let id = column("id", DataType::INT64, 0, longs(&[1, 2]));
    for case in cases() {
        for values in [&[Some(1)][..], &[Some(1); 3]] {
            let column = FieldData {
                r#type: case.data_type.0,
                field_name: case.name.to_owned(),
                field: Some((case.build)(values)),
                ..Default::default()
            };
            let rows = read(&[id.clone(), column]).unwrap();
            let why = rows.digests().unwrap_err();
            let wanted = format!("{} values for 2 rows", values.len());
            assert!(why.contains(case.name) && why.contains(&wanted), "{why}");
        }
    }
}

#[test]
fn an_instant_and_a_geometry_in_another_form_are_the_same_value() {
    let text = |data_type: DataType, text: &str| {
        let data = vec![text.to_owned()];
        let data = match data_type {
            DataType::GEOMETRY => {
                scalar_field::Data::GeometryWktData(schema::GeometryWktArray { data })
            }
            _ => scalar_field::Data::StringData(schema::StringArray { data }),
        };
        let id = column("id", DataType::INT64, 0, longs(&[1]));
        read(&[id, column("x", data_type, 0, data)]).unwrap()
    };
    let same = |data_type: DataType, one: &str, other: &str| {
        let (one, other) = (text(data_type, one), text(data_type, other));
        assert_ne!(one.digest().unwrap(), other.digest().unwrap());
        one.differing_fields(0, &other, 0).unwrap()[0].same_value
    };
    let times = ["2026-01-01T00:00:00Z", "2026-01-01T08:00:00+08:00"];
    assert!(same(DataType::TIMESTAMPTZ, times[0], times[1]));
    assert!(!same(DataType::VARCHAR, times[0], times[1]));
    assert!(same(DataType::GEOMETRY, "POINT (1 2)", "POINT(1.0 2)"));
    assert!(!same(DataType::GEOMETRY, "POINT (1 2)", "POINT (2 1)"));
}
