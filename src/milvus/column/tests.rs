use super::*;

fn column(name: &str, kind: DataType, id: i64, data: scalar_field::Data) -> FieldData {
    let scalars = schema::ScalarField { data: Some(data), ..Default::default() };
    FieldData {
        r#type: kind.0,
        field_name: name.to_owned(),
        field_id: id,
        field: Some(Payload::Scalars(Bytes::from(scalars.encode_to_vec()))),
        ..Default::default()
    }
}

fn longs(values: &[i64]) -> scalar_field::Data {
    scalar_field::Data::LongData(schema::LongArray { data: values.to_vec() })
}

fn answer(columns: &[FieldData]) -> pb::QueryResults {
    pb::QueryResults {
        fields_data: columns.iter().map(|column| Bytes::from(column.encode_to_vec())).collect(),
        ..Default::default()
    }
}

#[test]
fn keys_are_decoded_and_payloads_pass_untouched() {
    let id = column("id", DataType::INT64, 100, longs(&[3, -1]));
    let other = column("n", DataType::INT64, 101, longs(&[7, 8]));
    let rows =
        Rows::from_answer(answer(&[other.clone(), id.clone()]), "id", KeyKind::Int64).unwrap();
    assert_eq!(rows.keys(), [Key::Int64(3), Key::Int64(-1)]);
    assert_eq!(rows.bytes(), id.encoded_len() + other.encoded_len());
    let sent = rows.to_insert().unwrap();
    assert_eq!(sent.iter().map(|column| column.field_id).collect::<Vec<_>>(), [0, 0]);
    assert_eq!((&sent[0].field, &sent[1].field), (&other.field, &id.field));
}

#[test]
fn a_column_with_unknown_parts_is_refused() {
    let mut raw = column("id", DataType::INT64, 100, longs(&[1])).encode_to_vec();
    raw.extend([0xfa, 0x01, 0x01, 0x2a]); // field 31, one byte
    let answer = pb::QueryResults { fields_data: vec![Bytes::from(raw)], ..Default::default() };
    let why = Rows::from_answer(answer, "id", KeyKind::Int64).unwrap_err();
    assert!(why.contains("does not know"), "{why}");
}

#[test]
fn an_empty_array_gets_its_empty_member_and_nothing_else_changes() {
    let full = schema::ScalarField {
        data: Some(scalar_field::Data::IntData(schema::IntArray { data: vec![1, 2] })),
        ..Default::default()
    };
    let arrays = |rows: Vec<schema::ScalarField>| {
        column(
            "tags",
            DataType::ARRAY,
            0,
            scalar_field::Data::ArrayData(schema::ArrayArray {
                data: rows,
                element_type: DataType::INT32.0,
            }),
        )
    };
    let mut untouched = arrays(vec![full.clone()]);
    let before = untouched.clone();
    mend_empty_arrays(&mut untouched).unwrap();
    assert_eq!(untouched, before);

    let mut mended = arrays(vec![full.clone(), schema::ScalarField::default()]);
    mend_empty_arrays(&mut mended).unwrap();
    let empty = schema::ScalarField {
        data: Some(scalar_field::Data::IntData(schema::IntArray::default())),
        ..Default::default()
    };
    assert_eq!(mended, arrays(vec![full, empty]));
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
    let rows = Rows::from_answer(answer(&[id, meta]), "id", KeyKind::Int64).unwrap();
    assert_eq!(rows.rows_with_dynamic_data().unwrap(), 2);
    assert!(rows.has_column(DYNAMIC_COLUMN));
    assert!(!rows.without_dynamic_column().has_column(DYNAMIC_COLUMN));
}
