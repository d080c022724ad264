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
        assert_eq!((parts.len(), parts[0].whole.clone()), (1, 0..whole.len()));
        let short = &whole[..whole.len() - 1];
        assert_eq!(wire::parts(short).unwrap_err(), "it ends too early");
    }
}

/// Numbers are of varying length in them, and texts have their own.
#[test]
fn every_element_of_an_array_counts_and_so_does_where_a_value_ends() {
    let id = || column("id", DataType::INT64, 0, longs(&[1]));
    let digest = |of: FieldData| read(&[id(), of]).unwrap().digest().unwrap();
    let of_ints = |values: &[i32]| digest(arrays(vec![ints(values)]));
    for other in [&[1, 3][..], &[2, 1], &[1], &[1, 2, 0], &[]] {
        assert_ne!(of_ints(&[1, 2]), of_ints(other), "{other:?}");
    }
    let word = |name: &str, text: &str| {
        let data = schema::StringArray { data: vec![text.to_owned()] };
        column(name, DataType::VARCHAR, 0, scalar_field::Data::StringData(data))
    };
    let words = |names: [&str; 2], texts: [&str; 2]| {
        let words = [word(names[0], texts[0]), word(names[1], texts[1])];
        read(&[id(), words[0].clone(), words[1].clone()]).unwrap().digest().unwrap()
    };
    let one = words(["a", "b"], ["xy", "z"]);
    assert_ne!(one, words(["a", "b"], ["x", "yz"]));
    // The same values under other names are another row.
    assert_ne!(one, words(["a", "c"], ["xy", "z"]));
    assert_ne!(one, words(["b", "a"], ["xy", "z"]));
}

#[test]
fn an_array_with_a_null_among_its_elements_is_refused() {
    let id = || column("id", DataType::INT64, 0, longs(&[1]));
    let flagged = |flags: &[bool]| {
        let row = schema::ScalarField { valid_data: flags.to_vec(), ..ints(&[1, 2]) };
        read(&[id(), arrays(vec![row])])
    };
    for flags in [[true, false], [false, false]] {
        let why = flagged(&flags).unwrap_err();
        assert!(why.contains("elements that are null"), "{why}");
    }
    assert!(flagged(&[true, true]).is_ok());
}

#[test]
fn a_payload_holds_the_values_of_one_type() {
    let id = column("id", DataType::INT64, 0, longs(&[1]));
    let mut two = column("n", DataType::INT64, 0, longs(&[5]));
    let mut bytes = match &two.field {
        Some(Field::Scalars(raw)) => raw.to_vec(),
        other => panic!("{other:?}"),
    };
    // `ScalarField.string_data`, of one text.
    wire::put(&mut bytes, 6, &[0x0a, 1, b'x']);
    two.field = Some(Field::Scalars(bytes.into()));
    let why = read(&[id, two]).unwrap_err();
    assert!(why.contains("does not know"), "{why}");
}

#[test]
fn a_payload_without_values_is_one_of_nulls_alone() {
    let id = || column("id", DataType::INT64, 0, longs(&[1, 2]));
    let empty = |flags: [bool; 2]| FieldData {
        field: Some(Field::Scalars(Bytes::new())),
        valid_data: flags.to_vec(),
        ..column("n", DataType::INT64, 0, longs(&[]))
    };
    assert!(read(&[id(), empty([false, false])]).is_ok());
    assert!(read(&[id(), empty([true, false])]).is_err());
}

#[test]
fn nulls_stay_nulls_where_servers_insist_on_flags() {
    let id = column("id", DataType::INT64, 100, longs(&[3, -1]));
    let n = FieldData {
        valid_data: vec![true, false],
        ..column("n", DataType::INT64, 101, longs(&[7]))
    };
    let rows = read(&[id, n]).unwrap().to_insert(&BTreeSet::from(["n"]));
    assert_eq!(rows[1].valid_data, [true, false]);
}

#[test]
fn a_column_is_there_by_its_own_name() {
    let rows = Rows::of_numbers(&[(1, 2)], None);
    assert!(rows.has_column("n") && !rows.has_column(DYNAMIC_COLUMN) && !rows.has_column("m"));
    let rows = Rows::of_numbers(&[(1, 2)], Some(&["{}"]));
    assert!(rows.has_column("n") && rows.has_column(DYNAMIC_COLUMN) && !rows.has_column("m"));
}
