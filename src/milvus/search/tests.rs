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
    let found = hits(answer(numbers(&[1, 2, 3]), &[0.5, 1.5, 2.5], &[1, 0, 2]), 3, 2).unwrap();
    assert_eq!(found, [vec![hit(1, 0.5)], vec![], vec![hit(2, 1.5), hit(3, 2.5)]]);

    let texts = IdField::StrId(schema::StringArray { data: vec!["a".to_owned()] });
    let found = hits(answer(texts, &[1.0], &[1]), 1, 1).unwrap();
    assert_eq!(found, [vec![Hit { key: Key::VarChar("a".to_owned()), score: 1.0 }]]);

    assert_eq!(hits(schema::SearchResultData::default(), 2, 5).unwrap(), [vec![], vec![]]);
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
        hits(wrong, 2, 2).expect_err(of);
    }
}
