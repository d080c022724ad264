use super::*;

fn answer(ids: IdField, scores: &[f32], topks: &[i64]) -> schema::SearchResultData {
    schema::SearchResultData {
        ids: Some(schema::IDs { id_field: Some(ids) }),
        scores: scores.to_vec(),
        topks: topks.to_vec(),
        ..Default::default()
    }
}

fn numbers(data: &[i64]) -> IdField {
    IdField::IntId(schema::LongArray { data: data.to_vec() })
}

#[test]
fn an_answer_is_a_list_for_each_search() {
    let hit = |key, score| Hit { key: Key::Int64(key), score };
    let found =
        hits(answer(numbers(&[1, 2, 3]), &[0.5, 1.5, 2.5], &[1, 0, 2]), 3, 2, None).unwrap();
    assert_eq!(found, [vec![hit(1, 0.5)], vec![], vec![hit(2, 1.5), hit(3, 2.5)]]);

    let texts = IdField::StrId(schema::StringArray { data: vec!["a".to_owned()] });
    let found = hits(answer(texts, &[1.0], &[1]), 1, 1, None).unwrap();
    assert_eq!(found, [vec![Hit { key: Key::VarChar("a".to_owned()), score: 1.0 }]]);

    assert_eq!(hits(schema::SearchResultData::default(), 2, 5, None).unwrap(), [vec![], vec![]]);
}

#[test]
fn an_answer_that_does_not_add_up_is_refused() {
    for (of, wrong) in [
        ("one score is missing", answer(numbers(&[1, 2]), &[1.0], &[2])),
        ("a list is missing", answer(numbers(&[1, 2]), &[1.0, 2.0], &[2])),
        ("a key is in no list", answer(numbers(&[1, 2]), &[1.0, 2.0], &[1, 0])),
        ("a list has no keys", answer(numbers(&[1, 2]), &[1.0, 2.0], &[2, 1])),
        ("more than were asked for", answer(numbers(&[1, 2, 3]), &[1.0, 2.0, 3.0], &[3, 0])),
        ("a negative count", answer(numbers(&[1]), &[1.0], &[2, -1])),
        ("no counts", answer(numbers(&[1]), &[1.0], &[])),
    ] {
        hits(wrong, 2, 2, None).expect_err(of);
    }
}

/// Rows have the keys of a field that is not the primary key there.
#[test]
fn hits_have_the_keys_by_which_rows_are_found() {
    let column = |name: &str, data: &[i64]| {
        let array = schema::LongArray { data: data.to_vec() };
        let data = Some(schema::scalar_field::Data::LongData(array));
        let scalars = schema::ScalarField { data, ..Default::default() };
        schema::FieldData {
            field_name: name.to_owned(),
            field: Some(schema::field_data::Field::Scalars(scalars.encode_to_vec().into())),
            ..Default::default()
        }
    };
    let mut of = crate::model::samples::collection(
        "things",
        vec![
            crate::model::samples::field("id", DataType::INT64),
            crate::model::samples::field("legacy_id", DataType::INT64),
        ],
    );
    of.source_key = Some("legacy_id".to_owned());
    let query = Query::of(&of).unwrap();
    assert!(!query.by_primary_key && query.key_field == "legacy_id");
    let mut found = answer(numbers(&[901, 902]), &[0.5, 1.5], &[2]);
    found.fields_data = vec![column("legacy_id", &[1, 2])];
    let hit = |key, score| Hit { key: Key::Int64(key), score };
    assert_eq!(hits(found.clone(), 1, 2, Some(&query)).unwrap(), [[hit(1, 0.5), hit(2, 1.5)]]);
    found.fields_data.clear();
    hits(found, 1, 2, Some(&query)).expect_err("the column is missing");
}
