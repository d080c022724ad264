mod digests;
mod nulls;
mod rare;

use super::*;

fn column(name: &str, kind: DataType, id: i64, data: scalar_field::Data) -> FieldData {
    let scalars = schema::ScalarField { data: Some(data), ..Default::default() };
    FieldData {
        r#type: kind.0,
        field_name: name.to_owned(),
        field_id: id,
        field: Some(Field::Scalars(Bytes::from(scalars.encode_to_vec()))),
        ..Default::default()
    }
}

fn longs(values: &[i64]) -> scalar_field::Data {
    scalar_field::Data::LongData(schema::LongArray { data: values.to_vec() })
}

fn read(columns: &[FieldData]) -> Result<Rows, String> {
    let names: Vec<String> = columns.iter().map(|column| column.field_name.clone()).collect();
    Rows::from_answer(answer(columns), &names, "id", KeyKind::Int64)
}

fn sent(rows: &Rows) -> Vec<FieldData> {
    rows.to_insert(&BTreeSet::new())
}

fn answer(columns: &[FieldData]) -> pb::QueryResults {
    pb::QueryResults {
        fields_data: columns.iter().map(|column| Bytes::from(column.encode_to_vec())).collect(),
        ..Default::default()
    }
}

impl Rows {
    /// Rows for the tests of other modules: a key and a number each, and dynamic data where given.
    pub(crate) fn of_numbers(rows: &[(i64, i64)], dynamic: Option<&[&str]>) -> Self {
        let (keys, numbers): (Vec<i64>, Vec<i64>) = rows.iter().copied().unzip();
        let mut columns = vec![
            column("id", DataType::INT64, 100, longs(&keys)),
            column("n", DataType::INT64, 101, longs(&numbers)),
        ];
        if let Some(texts) = dynamic {
            let data = texts.iter().map(|text| Bytes::from((*text).to_owned())).collect();
            let json = scalar_field::Data::JsonData(schema::JsonArray { data });
            columns.push(column(DYNAMIC_COLUMN, DataType::JSON, 102, json));
        }
        read(&columns).unwrap()
    }
}

#[test]
fn keys_are_decoded_and_payloads_pass_untouched() {
    let id = column("id", DataType::INT64, 100, longs(&[3, -1]));
    let other = column("n", DataType::INT64, 101, longs(&[7, 8]));
    let rows = read(&[other.clone(), id.clone()]).unwrap();
    assert_eq!(rows.keys(), [Key::Int64(3), Key::Int64(-1)]);
    assert_eq!(rows.bytes(), id.encoded_len() + other.encoded_len());
    let sent = sent(&rows);
    assert_eq!(sent.iter().map(|column| column.field_id).collect::<Vec<_>>(), [0, 0]);
    assert_eq!((&sent[0].field, &sent[1].field), (&other.field, &id.field));
}

#[test]
fn a_column_with_unknown_parts_is_refused() {
    let mut raw = column("id", DataType::INT64, 100, longs(&[1])).encode_to_vec();
    raw.extend([0xfa, 0x01, 0x01, 0x2a]); // field 31, one byte
    let answer = pb::QueryResults { fields_data: vec![Bytes::from(raw)], ..Default::default() };
    let asked = ["id".to_owned()];
    let why = Rows::from_answer(answer, &asked, "id", KeyKind::Int64).unwrap_err();
    assert!(why.contains("does not know"), "{why}");
}

#[test]
fn a_text_is_too_long_by_its_bytes() {
    let texts = ["Maß", "größer", ""].map(str::to_owned).to_vec();
    let texts = scalar_field::Data::StringData(schema::StringArray { data: texts });
    let rows = read(&[
        column("id", DataType::INT64, 100, longs(&[1, 2, 3])),
        column("word", DataType::VARCHAR, 101, texts),
    ]);
    let too_long = |limit: u64| {
        let mut word = crate::model::samples::field("word", DataType::VARCHAR);
        word.type_params.insert("max_length".to_owned(), limit.to_string());
        let id = crate::model::samples::field("id", DataType::INT64);
        rows.as_ref().unwrap().too_long(&crate::model::samples::collection("c", vec![id, word]))
    };
    assert_eq!(too_long(8), None);
    assert_eq!(too_long(7), Some(TooLong { field: "word".to_owned(), length: 8, limit: 7 }));
}

#[test]
fn only_what_was_asked_for_is_kept_and_nothing_twice() {
    let id = column("id", DataType::INT64, 100, longs(&[3, -1]));
    let other = column("n", DataType::INT64, 101, longs(&[7, 8]));
    let asked = ["id".to_owned(), "n".to_owned()];
    let extra = column("more", DataType::INT64, 102, longs(&[7]));
    let columns = answer(&[other.clone(), extra, id.clone()]);
    let rows = Rows::from_answer(columns, &asked, "id", KeyKind::Int64).unwrap();
    assert!(rows.has_column("n") && !rows.has_column("more"));
    assert_eq!(rows.bytes(), id.encoded_len() + other.encoded_len());
    let why = read(&[id, other.clone(), other]).unwrap_err();
    assert!(why.contains("\"n\" is there twice"), "{why}");
}

#[test]
fn a_name_changes_and_its_values_do_not() {
    let id = column("id", DataType::INT64, 100, longs(&[3, -1]));
    let (one, two) = (
        column("a", DataType::INT64, 1, longs(&[7, 8])),
        column("b", DataType::INT64, 2, longs(&[9, 0])),
    );
    let names = [("id", "key"), ("a", "b"), ("b", "a")];
    let names = names.map(|(from, to)| (from.to_owned(), to.to_owned()));
    let rows = read(&[id.clone(), one.clone(), two.clone()]).unwrap().renamed(&names.into());
    assert_eq!(rows.keys(), [Key::Int64(3), Key::Int64(-1)]);
    let renamed: Vec<_> =
        sent(&rows).into_iter().map(|column| (column.field_name, column.field)).collect();
    assert_eq!(
        renamed,
        [("key", id), ("b", one), ("a", two)].map(|(name, column)| (name.to_owned(), column.field))
    );
}

#[test]
fn every_row_is_flagged_where_servers_insist_on_it() {
    let id = column("id", DataType::INT64, 100, longs(&[3, -1]));
    let rows = read(&[id, column("n", DataType::INT64, 101, longs(&[7, 8]))]).unwrap();
    let flags: Vec<_> = rows
        .to_insert(&BTreeSet::from(["n", "absent"]))
        .into_iter()
        .map(|column| column.valid_data)
        .collect();
    assert_eq!(flags, [vec![], vec![true, true]]);
}

fn ints(values: &[i32]) -> schema::ScalarField {
    let data = schema::IntArray { data: values.to_vec() };
    schema::ScalarField { data: Some(scalar_field::Data::IntData(data)), ..Default::default() }
}

fn arrays(rows: Vec<schema::ScalarField>) -> FieldData {
    let data = schema::ArrayArray { data: rows, element_type: DataType::INT32.0 };
    column("tags", DataType::ARRAY, 0, scalar_field::Data::ArrayData(data))
}

#[test]
fn an_empty_array_gets_its_empty_member_and_nothing_else_changes() {
    let id = || column("id", DataType::INT64, 0, longs(&[1, 2]));
    let untouched = arrays(vec![ints(&[1, 2]), ints(&[])]);
    assert_eq!(sent(&read(&[id(), untouched.clone()]).unwrap())[1], untouched);

    let empty = arrays(vec![ints(&[1, 2]), schema::ScalarField::default()]);
    assert_eq!(sent(&read(&[id(), empty]).unwrap())[1], untouched);
}

/// The column of a struct array with two sub-columns: numbers, and lists of vectors.
fn structs(numbers: FieldData, vectors: Vec<schema::VectorField>, flags: &[bool]) -> FieldData {
    let lists =
        schema::VectorArray { dim: 2, data: vectors, element_type: DataType::FLOAT_VECTOR.0 };
    let vectors = schema::VectorField {
        dim: 2,
        data: Some(schema::vector_field::Data::VectorArray(lists)),
        ..Default::default()
    };
    let vectors = FieldData {
        r#type: DataType::ARRAY_OF_VECTOR.0,
        field_name: "vec".to_owned(),
        field_id: 104,
        valid_data: flags.to_vec(),
        field: Some(Field::Vectors(Bytes::from(vectors.encode_to_vec()))),
        ..Default::default()
    };
    let fields = schema::StructArrayField { fields: vec![numbers, vectors] };
    FieldData {
        r#type: DataType::ARRAY_OF_STRUCT.0,
        field_name: "clips".to_owned(),
        field_id: 102,
        field: Some(Field::StructArrays(Bytes::from(fields.encode_to_vec()))),
        ..Default::default()
    }
}

fn floats(values: &[f32]) -> schema::VectorField {
    let data = schema::FloatArray { data: values.to_vec() };
    schema::VectorField {
        dim: 2,
        data: Some(schema::vector_field::Data::FloatVector(data)),
        ..Default::default()
    }
}

#[test]
fn the_parts_of_a_struct_array_are_brought_into_form_one_by_one() {
    let id = column("id", DataType::INT64, 0, longs(&[1, 2, 3]));
    let mut numbers = arrays(vec![ints(&[1, 2]), ints(&[]), schema::ScalarField::default()]);
    let flags = [true, false, true];
    (numbers.field_id, numbers.valid_data) = (103, flags.to_vec());
    let vectors = vec![floats(&[1.0, 2.0, 3.0, 4.0]), floats(&[]), schema::VectorField::default()];
    let rows = read(&[id, structs(numbers, vectors, &flags)]).unwrap();
    assert!(rows.has_column("clips"));

    let mut numbers = arrays(vec![ints(&[1, 2]), ints(&[])]);
    numbers.valid_data = flags.to_vec();
    let mut wanted = structs(numbers, vec![floats(&[1.0, 2.0, 3.0, 4.0]), floats(&[])], &flags);
    wanted.field_id = 0;
    let of = |column: &FieldData| match &column.field {
        Some(Field::StructArrays(raw)) => schema::StructArrayField::decode(raw.clone()).unwrap(),
        other => panic!("{other:?}"),
    };
    let (mut wanted, sent) = (of(&wanted), of(&sent(&rows)[1]));
    wanted.fields[1].field_id = 0;
    for (wanted, sent) in wanted.fields.iter().zip(&sent.fields) {
        let vectors = |column: &FieldData| match &column.field {
            Some(Field::Vectors(raw)) => schema::VectorField::decode(raw.clone()).ok(),
            _ => None,
        };
        assert_eq!(vectors(wanted), vectors(sent));
        assert_eq!(wanted.valid_data, sent.valid_data);
        assert_eq!((&wanted.field_name, wanted.field_id), (&sent.field_name, sent.field_id));
    }
    assert_eq!(wanted.fields[0], sent.fields[0]);
}

/// A server may say which structs are null for the struct array alone.
#[test]
fn null_flags_of_a_struct_array_are_those_of_its_parts() {
    let id = column("id", DataType::INT64, 0, longs(&[1, 2, 3]));
    let flags = [true, false, true];
    let numbers = arrays(vec![ints(&[1, 2]), ints(&[]), ints(&[3])]);
    let vectors = vec![floats(&[1.0, 2.0, 3.0, 4.0]), floats(&[]), floats(&[5.0, 6.0])];
    let mut clips = structs(numbers, vectors, &[]);
    clips.valid_data = flags.to_vec();
    let rows = read(&[id, clips]).unwrap();
    let Some(Field::StructArrays(raw)) = &sent(&rows)[1].field else { panic!("no struct array") };
    let parts = schema::StructArrayField::decode(raw.clone()).unwrap().fields;
    assert_eq!(parts.iter().map(|part| &*part.valid_data).collect::<Vec<_>>(), [&flags; 2]);
}

/// Anything else than one packed field is read value by value.
#[test]
fn only_one_packed_field_is_one_run_of_values() {
    let place = || wire::Place::Field(1, wire::Layout::Fixed(4));
    let packed = [0x0a, 8, 1, 2, 3, 4, 5, 6, 7, 8];
    assert_eq!(wire::one_run(&packed, place()), Some(2..10));
    let in_two_parts = [&packed[..], &packed].concat();
    assert_eq!(wire::one_run(&in_two_parts, place()), None);
    let of_another_field = [&[0x12], &packed[1..]].concat();
    assert_eq!(wire::one_run(&of_another_field, place()), None);
    let one_by_one = [0x0d, 1, 2, 3, 4];
    assert_eq!(wire::one_run(&one_by_one, place()), None);
    let cut = [0x0a, 7, 1, 2, 3, 4, 5, 6, 7];
    assert_eq!(wire::one_run(&cut, place()), None);
}

#[test]
fn what_only_servers_understand_is_not_sent() {
    let id = column("id", DataType::INT64, 0, longs(&[1]));
    let wkb = schema::GeometryArray { data: vec![Bytes::from_static(&[1, 1])] };
    let wkb = column("place", DataType::GEOMETRY, 0, scalar_field::Data::GeometryData(wkb));
    let why = read(&[id.clone(), wkb]).unwrap_err();
    assert!(why.contains("\"place\"") && why.contains("WKB"), "{why}");
    let times = schema::TimestamptzArray { data: vec![1] };
    let times = column("at", DataType::TIMESTAMPTZ, 0, scalar_field::Data::TimestamptzData(times));
    let why = read(&[id.clone(), times]).unwrap_err();
    assert!(why.contains("\"at\"") && why.contains("numbers"), "{why}");
    let nothing = FieldData { field: None, ..column("n", DataType::INT64, 0, longs(&[])) };
    let why = read(&[id, nothing]).unwrap_err();
    assert!(why.contains("\"n\"") && why.contains("no values for 1 rows"), "{why}");
}

#[test]
fn dynamic_data_is_counted_and_can_be_left_behind() {
    let values = ["{}", "{\"a\":1}", " { } ", "{\"b\":null}"];
    let json = scalar_field::Data::JsonData(schema::JsonArray {
        data: values.iter().map(|text| Bytes::from_static(text.as_bytes())).collect(),
    });
    let mut meta = column("$meta", DataType::JSON, 102, json);
    meta.is_dynamic = true;
    let id = column("id", DataType::INT64, 100, longs(&[1, 2, 3, 4]));
    let rows = read(&[id, meta]).unwrap();
    assert_eq!(rows.rows_with_dynamic_data().unwrap(), 2);
    assert!(rows.has_column(DYNAMIC_COLUMN));
    assert!(!rows.without_dynamic_column().has_column(DYNAMIC_COLUMN));
}
