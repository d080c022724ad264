//! What queries find, in which order, and when they are refused.

use std::collections::BTreeSet;

use super::scene::{Scene, fine, refused};
use testkit::collection::{FieldWords, everything_235, field, plain, var_char};
use testkit::data;
use testkit::fake::{Feature, Profile};
use testkit::pb::common::{ConsistencyLevel, Status};
use testkit::pb::milvus::QueryRequest;
use testkit::pb::schema::DataType;
use testkit::probe::keys_of;
use testkit::table::{Key, Value};

const ITERATOR: [(&str, &str); 2] = [("iterator", "True"), ("reduce_stop_for_best", "True")];

/// A loaded collection with the keys 0 to 9, of which 1, 4 and 7 have no number.
async fn ten(profile: Profile) -> Scene {
    let scene = Scene::of(profile).await;
    let mut collection = plain("things", DataType::Int64);
    collection.fields.push(field("number", DataType::Int64).nullable());
    if scene.probe.version() < "v2.5" {
        collection.fields.pop();
    }
    let rows = data::table_of(&collection, &data::key_range(0..10), 1);
    scene.probe.fill(&collection, &rows).await;
    scene
}

async fn keys(scene: &Scene, expression: &str) -> Vec<i64> {
    let mut keys: Vec<i64> = scene
        .probe
        .query_keys("things", &[], expression, 0)
        .await
        .into_iter()
        .map(|key| match key {
            Key::Int(key) => key,
            Key::Text(key) => panic!("{key}"),
        })
        .collect();
    keys.sort_unstable();
    keys
}

async fn status(scene: &Scene, expression: &str, output: &[&str], limit: &str) -> Status {
    let params = Some(testkit::collection::pair("limit", limit));
    let request = QueryRequest {
        collection_name: "things".to_owned(),
        expr: expression.to_owned(),
        output_fields: output.iter().map(|name| (*name).to_owned()).collect(),
        query_params: params.into_iter().filter(|_| !limit.is_empty()).collect(),
        ..Default::default()
    };
    scene.probe.raw().query(request).await.unwrap().into_inner().status.unwrap()
}

#[tokio::test]
async fn filters_find_what_they_say() {
    let scene = ten(Profile::milvus("2.6.5")).await;
    let cases: [(&str, &[i64]); 14] = [
        ("id > 2 && id <= 5", &[3, 4, 5]),
        ("id > 2 and id <= 5", &[3, 4, 5]),
        ("id > 2 AND id < 4", &[3]),
        ("id == 3", &[3]),
        ("id in [1, 3, 99]", &[1, 3]),
        ("id not in [0, 1, 2, 3, 4, 5, 6, 7]", &[8, 9]),
        ("id in []", &[]),
        ("id < 1 || id > 8", &[0, 9]),
        ("not (id > 1)", &[0, 1]),
        ("number is null", &[1, 4, 7]),
        ("number IS NOT NULL and id < 5", &[0, 2, 3]),
        ("number == -9223372036854775808", &[0]),
        ("id >= -9223372036854775807 - 1 and id != 5 and id > 6", &[7, 8, 9]),
        ("(id > 6)", &[7, 8, 9]),
    ];
    for (expression, expected) in cases {
        assert_eq!(keys(&scene, expression).await, expected, "{expression}");
    }
}

#[tokio::test]
async fn awkward_texts_are_found_by_their_literals() {
    let scene = Scene::milvus("2.5.4").await;
    let collection = plain("things", DataType::VarChar);
    let rows = data::table(&collection, 40, 1);
    scene.probe.fill(&collection, &rows).await;
    let han = |key: &Key| matches!(key, Key::Text(text) if text.contains(['𠮷', '\u{16fe2}']));
    for key in rows.keys().into_iter().filter(|key| !han(key)) {
        let expression = format!("id == {}", key.literal());
        assert_eq!(scene.probe.query_keys("things", &[], &expression, 0).await, vec![key]);
    }
    for (literal, key) in [(r#""\x41""#, "A"), (r#""\101""#, "A"), (r"'it\'s'", "it's")] {
        let expression = format!("id == {literal}");
        let found = scene.probe.query_keys("things", &[], &expression, 0).await;
        let expected: Vec<Key> = rows.keys().into_iter().filter(|k| *k == Key::from(key)).collect();
        assert_eq!(found, expected, "{literal}");
    }
}

/// `convertHanToASCII` takes the lower half of what is beyond U+FFFF, and nothing where another escape
/// is in the filter.
#[tokio::test]
async fn han_characters_beyond_ffff_are_read_as_others() {
    for (version, wrong) in [("2.4.12", false), ("2.4.13", true), ("2.6.20", true), ("3.0.0", true)]
    {
        let scene = Scene::milvus(version).await;
        let collection = plain("things", DataType::VarChar);
        let keys = ["𠮷", "\u{bb7}", "中", "🚢"].map(Key::from);
        scene.probe.fill(&collection, &data::table_of(&collection, &keys, 1)).await;
        let found = async |literal: &str| {
            let expression = format!("id == {literal}");
            scene.probe.query_keys("things", &[], &expression, 0).await
        };
        let read = if wrong { "\u{bb7}" } else { "𠮷" };
        assert_eq!(found("\"𠮷\"").await, [Key::from(read)], "{version}");
        assert_eq!(found(r#""\U00020BB7""#).await, [Key::from("𠮷")], "{version}");
        assert_eq!(found(r#""\U0001F6A2""#).await, [Key::from("🚢")], "{version}");
        assert_eq!(found("\"🚢\"").await, [Key::from("🚢")], "{version}");
        assert_eq!(found("\"中\"").await, [Key::from("中")], "{version}");
        assert_eq!(found(r#""\u4e2d""#).await, [Key::from("中")], "{version}");
    }
}

#[tokio::test]
async fn wrong_filters_are_refused() {
    let scene = ten(Profile::milvus("2.5.4")).await;
    for wrong in ["id >", "id > \"a\"", "nothing == 1", "id = 1", "id in [1", "id == 1 2", "1 == 1"]
    {
        refused(status(&scene, wrong, &["id"], "").await, 1100, "cannot parse expression");
    }
    let wrong = status(&scene, "id > -9223372036854775808", &["id"], "").await;
    refused(wrong, 1100, "out of range");
    let scene = ten(Profile::milvus("2.6.5")).await;
    fine(status(&scene, "id > -9223372036854775808", &["id"], "").await);
    refused(status(&scene, "text == \"a\nb\"", &["id"], "").await, 1100, "a line break");
}

#[tokio::test]
async fn the_greatest_key_is_counted_and_not_read_before_26() {
    for (version, found) in [("2.5.4", 1), ("2.6.5", 2)] {
        let scene = Scene::milvus(version).await;
        let collection = plain("things", DataType::Int64);
        let rows = data::table_of(&collection, &[Key::Int(1), Key::Int(i64::MAX)], 1);
        scene.probe.fill(&collection, &rows).await;
        assert_eq!(scene.probe.count("things", &[]).await, 2);
        assert_eq!(keys(&scene, "id <= 9223372036854775807").await.len(), found, "{version}");
    }
}

#[tokio::test]
async fn only_iterators_get_an_order_from_25_on() {
    for (version, ordered) in [("2.4.10", true), ("2.5.4", false)] {
        let scene = ten(Profile::milvus(version).with(Feature::ExactPages)).await;
        let page = async |flags: &[(&str, &str)]| {
            let params = [&[("limit", "4")], flags].concat();
            let answer = scene.probe.query("things", &[], "id >= 0", &["id"], &params).await;
            keys_of(&answer, "id")
        };
        let first: Vec<Key> = data::key_range(0..4);
        assert_eq!(page(&ITERATOR).await, first);
        assert_eq!(page(&[]).await == first, ordered, "{version}");
    }
}

#[tokio::test]
async fn pages_may_be_longer_or_shorter_before_30() {
    for (version, shards, longest) in [("2.6.5", 1, 4), ("2.6.5", 2, 8), ("3.0.0", 2, 4)] {
        let scene = Scene::milvus(version).await;
        let collection = plain("things", DataType::Int64).shards(shards);
        let rows = data::table_of(&collection, &data::key_range(0..10), 1);
        scene.probe.fill(&collection, &rows).await;
        let (mut read, mut lengths, mut last) = (Vec::new(), Vec::new(), -1);
        for _ in 0..20 {
            let params = [&[("limit", "4")], &ITERATOR[..]].concat();
            let filter = format!("id > {last}");
            let page = scene.probe.query("things", &[], &filter, &["id"], &params).await;
            let page = keys_of(&page, "id");
            let Some(Key::Int(key)) = page.last() else { break };
            last = *key;
            lengths.push(page.len());
            read.extend(page);
        }
        assert_eq!(read, rows.keys(), "nothing is lost to who ends at an empty page");
        assert_eq!(lengths.iter().max(), Some(&longest), "{version}: {lengths:?}");
        // All but the last one are full only in 3.0.
        let short = lengths[..lengths.len() - 1].iter().any(|length| *length < 4);
        assert_eq!(short, version != "3.0.0", "{version}: {lengths:?}");
    }
}

#[tokio::test]
async fn limits_are_asked_for_and_have_a_window() {
    let scene = ten(Profile::milvus("2.6.5")).await;
    refused(
        status(&scene, "", &["id"], "").await,
        1100,
        "empty expression should be used with limit",
    );
    fine(status(&scene, "", &["id"], "5").await);
    fine(status(&scene, "id > 0", &["id"], "16384").await);
    let wrong = status(&scene, "id > 0", &["id"], "16385").await;
    refused(wrong, 65_535, "invalid max query result window");
    fine(status(&scene, "", &["count(*)"], "").await);
    refused(status(&scene, "", &["count(*)"], "5").await, 1100, "pagination is not allowed");
    scene.fake.change(|profile| profile.limit_required = true);
    refused(status(&scene, "id > 0", &["id"], "").await, 1100, "limit must be specified");
    fine(status(&scene, "", &["count(*)"], "").await);
}

#[tokio::test]
async fn answers_have_a_largest_size() {
    let scene = ten(Profile::milvus("2.6.5")).await;
    scene.fake.change(|profile| profile.limits.answer_bytes = 100);
    let request = QueryRequest {
        collection_name: "things".to_owned(),
        expr: "id >= 0".to_owned(),
        output_fields: vec!["text".to_owned()],
        ..Default::default()
    };
    let error = scene.probe.raw().query(request).await.unwrap_err();
    assert!(error.message().contains("trying to send message larger than max"), "{error:?}");
}

#[tokio::test]
async fn output_fields_are_known_or_dynamic() {
    let scene = ten(Profile::milvus("2.6.5")).await;
    refused(status(&scene, "id > 0", &["nothing"], "").await, 65_535, "field nothing not exist");
    let dynamic = everything_235("dynamic", DataType::Int64);
    scene.probe.fill(&dynamic, &data::table(&dynamic, 3, 1)).await;
    let answer = scene.probe.query("dynamic", &[], "id <= 0", &["nothing"], &[]).await;
    let names: Vec<&str> = answer.fields_data.iter().map(|c| c.field_name.as_str()).collect();
    assert_eq!(names, ["$meta", "id"]);
    let answer = scene.probe.query("dynamic", &[], "id <= 0", &["*"], &[]).await;
    assert_eq!(answer.fields_data.len(), dynamic.fields.len() + 1);
}

#[tokio::test]
async fn what_is_not_loaded_is_not_read() {
    let scene = Scene::milvus("2.5.4").await;
    let collection = plain("things", DataType::Int64).partitions(&["one", "two"]);
    let rows = data::table_of(&collection, &data::key_range(0..9), 1)
        .spread_over(&["_default", "one", "two"]);
    scene.probe.fill(&collection, &rows).await;
    assert_eq!(keys(&scene, "id >= 0").await.len(), 9);
    scene.probe.release_partitions("things", &["one"]).await;
    assert_eq!(keys(&scene, "id >= 0").await, [0, 2, 3, 5, 6, 8]);
    let in_one = QueryRequest {
        collection_name: "things".to_owned(),
        expr: "id >= 0".to_owned(),
        partition_names: vec!["one".to_owned()],
        ..Default::default()
    };
    let answer = scene.probe.raw().query(in_one).await.unwrap().into_inner();
    refused(answer.status.unwrap(), 201, "partition not loaded");
    scene.probe.release("things").await;
    refused(status(&scene, "id >= 0", &["id"], "").await, 101, "collection not loaded");
}

#[tokio::test]
async fn an_iterator_sees_the_moment_that_it_names() {
    let scene = ten(Profile::milvus("2.5.4")).await;
    let first = scene.probe.query("things", &[], "id >= 0", &["id"], &ITERATOR).await;
    assert!(first.session_ts > 0);
    scene.probe.delete("things", "", "id in [3]").await;
    let at = async |timestamp: u64| {
        let request = QueryRequest {
            collection_name: "things".to_owned(),
            expr: "id >= 0".to_owned(),
            output_fields: vec!["id".to_owned()],
            guarantee_timestamp: timestamp,
            consistency_level: ConsistencyLevel::Customized.into(),
            query_params: ITERATOR
                .iter()
                .map(|(key, value)| testkit::collection::pair(key, value))
                .collect(),
            ..Default::default()
        };
        let answer = scene.probe.raw().query(request).await.unwrap().into_inner();
        keys_of(&answer, "id").len()
    };
    assert_eq!(at(first.session_ts).await, 10);
    assert_eq!(at(0).await, 9);
    assert_eq!(at(1).await, 0); // taken as it is
    let scene = ten(Profile::milvus("2.4.10")).await;
    let first = scene.probe.query("things", &[], "id >= 0", &["id"], &ITERATOR).await;
    assert_eq!(first.session_ts, 0);
}

#[tokio::test]
async fn copies_of_a_key_are_counted_and_read_once() {
    let scene = ten(Profile::milvus("2.6.5")).await;
    let mut collection = plain("things", DataType::Int64);
    collection.fields.push(field("number", DataType::Int64).nullable());
    let again = data::table_of(&collection, &data::key_range(0..10), 2);
    scene.probe.insert("things", &again).await;
    assert_eq!(scene.probe.count("things", &[]).await, 20);
    let read = scene.probe.read_uncounted("things", &again.keys(), &[]).await;
    testkit::table::assert_same(&again, &read);
    // An upsert replaces them all.
    scene.probe.upsert("things", &again).await;
    assert_eq!(scene.probe.count("things", &[]).await, 10);
    scene.probe.flush("things").await;
    let request = testkit::pb::milvus::GetCollectionStatisticsRequest {
        collection_name: "things".to_owned(),
        ..Default::default()
    };
    let answer = scene.probe.raw().get_collection_statistics(request).await.unwrap().into_inner();
    assert_eq!(answer.stats[0].value, "30"); // deletes are not subtracted
}

#[tokio::test]
async fn upserts_replace_within_a_partition_or_everywhere_with_a_partition_key() {
    let scene = Scene::milvus("2.6.5").await;
    let collection = plain("things", DataType::Int64).partitions(&["one"]);
    let rows = data::table_of(&collection, &data::key_range(0..3), 1);
    scene.probe.fill(&collection, &rows).await;
    scene.probe.upsert("things", &rows.clone().spread_over(&["one"])).await;
    assert_eq!(scene.probe.count("things", &[]).await, 6);
    let mut keyed = plain("keyed", DataType::Int64);
    keyed.fields.push(var_char("tenant", 500).partition_key());
    let mut rows = data::table_of(&keyed, &data::key_range(0..3), 1);
    scene.probe.fill(&keyed, &rows).await;
    for row in &mut rows.rows {
        row.values[3] = Value::Text("another".to_owned());
    }
    scene.probe.upsert("keyed", &rows).await;
    assert_eq!(scene.probe.count("keyed", &[]).await, 3);
}

#[tokio::test]
async fn an_upsert_of_a_key_that_the_server_makes_gives_a_new_one() {
    let mut collection = plain("things", DataType::Int64);
    collection.fields[0].auto_id = true;
    for (version, taken) in [("2.4.9", false), ("2.6.5", true)] {
        let scene = Scene::milvus(version).await;
        scene.probe.create_collection(&collection).await;
        fine(scene.insert_changed(&collection, |_| ()).await);
        let made = scene.fake.with_collection("default", "things", |c| c.rows[0].key.clone());
        let mut request = super::scene::three_rows(&scene.probe, &collection);
        let key = Value::from(made.clone());
        let named = testkit::columns::encode(&collection.fields[0], &[&key, &key, &key]);
        request.fields_data.push(named);
        let answer = scene.upsert(request).await;
        if !taken {
            refused(answer.status.unwrap(), 1100, "upsert don't support autoid");
            continue;
        }
        fine(answer.status.unwrap());
        let live: Vec<Key> = scene.fake.with_collection("default", "things", |c| {
            c.live().map(|row| row.key.clone()).collect()
        });
        assert!(live.len() == 5 && !live.contains(&made), "{live:?}");
    }
}

/// Before 2.4.6, arrays behind a key of two segments are those of the rows before, with a limit of one
/// a row is whole, and everything but arrays is right.
#[tokio::test]
async fn arrays_behind_a_key_of_two_segments_are_of_other_rows() {
    for (version, wrong) in [("2.3.5", true), ("2.4.5", true), ("2.4.6", false)] {
        let scene = Scene::milvus(version).await;
        let mut collection = plain("things", DataType::Int64);
        collection.fields.push(testkit::collection::array("tags", DataType::Int64));
        let rows = |keys: &[i64], version: i64| {
            let keys: Vec<Key> = keys.iter().copied().map(Key::Int).collect();
            let mut rows = data::table_of(&collection, &keys, 1);
            for row in &mut rows.rows {
                row.values[1] = Value::Text(version.to_string());
                row.values[3] = Value::Array(vec![Value::Int(version), row.values[0].clone()]);
            }
            rows
        };
        scene.probe.create_collection(&collection).await;
        scene.probe.insert("things", &rows(&[1, 2, 3], 1)).await;
        scene.probe.flush("things").await;
        scene.probe.build_and_load(&collection).await;
        scene.probe.insert("things", &rows(&[2], 2)).await;
        let columns = ["id", "text", "tags"];
        let mut answers = BTreeSet::new();
        let mut single = BTreeSet::new();
        for _ in 0..6 {
            let read = scene.probe.query("things", &[], "id >= 2", &columns, &[]).await;
            answers.insert(format!("{:?}", read.fields_data));
            let read =
                scene.probe.query("things", &[], "id == 2", &columns, &[("limit", "1")]).await;
            single.insert(format!("{:?}", read.fields_data));
        }
        assert_eq!(answers.len(), if wrong { 2 } else { 1 }, "{version}: {answers:#?}");
        assert_eq!(single.len(), if wrong { 2 } else { 1 }, "{version}: {single:#?}");
        assert_eq!(scene.probe.count("things", &[]).await, 4);
    }
}
