//! Answers of a form that is rare or broken: nothing is lost from them, or they are refused.

use super::*;

/// Servers may flag the dynamic column, and call it otherwise or nothing.
#[test]
fn a_flagged_dynamic_column_is_found_whatever_its_name() {
    let json = schema::JsonArray { data: vec![Bytes::from_static(b"{\"a\":1}")] };
    let json = scalar_field::Data::JsonData(json);
    let dynamic = FieldData { is_dynamic: true, ..column("", DataType::JSON, 102, json) };
    let id = column("id", DataType::INT64, 100, longs(&[1]));
    let asked = ["id", DYNAMIC_COLUMN].map(str::to_owned);
    let rows = Rows::from_answer(answer(&[id, dynamic]), &asked, "id", KeyKind::Int64).unwrap();
    assert!(rows.has_column(DYNAMIC_COLUMN));
    assert_eq!(rows.rows_with_dynamic_data().unwrap(), 1);
}

#[test]
fn no_dynamic_data_has_three_forms() {
    for none in ["", " ", "{}", "{ }", "null"] {
        assert!(is_empty_object(none.as_bytes()), "{none:?}");
    }
    for some in ["{\"a\":null}", "[]", "0", "nul"] {
        assert!(!is_empty_object(some.as_bytes()), "{some:?}");
    }
}

#[test]
fn a_struct_array_with_unknown_parts_is_refused() {
    let id = column("id", DataType::INT64, 0, longs(&[1]));
    let mut clips = structs(arrays(vec![ints(&[1])]), vec![floats(&[1.0, 2.0])], &[]);
    let Some(Field::StructArrays(raw)) = &clips.field else { panic!("no struct array") };
    let first = schema::StructArrayField::decode(raw.clone()).unwrap().fields.swap_remove(0);
    let mut more = raw.to_vec();
    wire::put(&mut more, 2, &first.encode_to_vec());
    clips.field = Some(Field::StructArrays(more.into()));
    let why = read(&[id, clips]).unwrap_err();
    assert!(why.contains("does not know"), "{why}");
}

#[test]
fn arrays_that_are_all_empty_get_their_empty_members() {
    let id = || column("id", DataType::INT64, 0, longs(&[1, 2]));
    let bare = arrays(vec![schema::ScalarField::default(), schema::ScalarField::default()]);
    let wanted = arrays(vec![ints(&[]), ints(&[])]);
    assert_eq!(sent(&read(&[id(), bare]).unwrap())[1], wanted);
}

#[test]
fn numbers_are_those_of_one_field() {
    // Of field 1: 5 and 6; of field 2: 9.
    let member = [0x08, 5, 0x10, 9, 0x08, 6];
    let of = |number: u64| number.to_le_bytes();
    assert_eq!(wire::numbers(&member, 1, 2).unwrap(), [of(5), of(6)]);
    assert_eq!(wire::numbers(&member, 2, 1).unwrap(), [of(9)]);
    assert_eq!(wire::numbers(&member, 3, 0).unwrap(), Vec::<[u8; 8]>::new());
}

#[test]
fn what_is_no_whole_number_of_values_is_refused() {
    let values = |bytes: &[u8], width| {
        wire::values(bytes, wire::Place::Whole(width)).map(|found| found.each.len())
    };
    assert_eq!(values(&[0; 8], 4), Ok(2));
    assert_eq!(values(&[], 4), Ok(0));
    for width in [0, 3, 5, 7] {
        assert!(values(&[0; 8], width).is_err(), "{width}");
    }
    assert_eq!(wire::one_run(&[0; 8], wire::Place::Whole(3)), None);
    assert_eq!(wire::one_run(&[0; 8], wire::Place::Whole(0)), None);
}

#[test]
fn a_message_that_ends_too_early_is_refused() {
    // A text, bytes of four and of eight, and a long text, each whole and one byte short.
    let long = [&[0x0a, 0x80, 0x01][..], &[7; 128]].concat();
    for whole in [&[0x0a, 2, 1, 1][..], &[0x0d, 1, 2, 3, 4], &[0x09, 1, 2, 3, 4, 5, 6, 7, 8], &long]
    {
        let parts = wire::parts(whole).unwrap();
        assert_eq!(
            parts.iter().map(|part| part.whole.clone()).collect::<Vec<_>>(),
            [0..whole.len()]
        );
        let short = &whole[..whole.len() - 1];
        assert_eq!(wire::parts(short).unwrap_err(), "it ends too early");
    }
}
