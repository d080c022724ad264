//! Values that a target stores otherwise than it was given them are told from values that are wrong,
//! and a value that became null, or a null that became a value, is found.

use milvus_ferry::verify::result::Status;

use testkit::collection::{Collection, FieldWords, field, plain, var_char};
use testkit::data;
use testkit::fake::Profile;
use testkit::pb::schema::DataType;
use testkit::pb::schema::value_field::Data;
use testkit::scene::library::Pair;
use testkit::table::{Table, Value};

const NAME: &str = "stored";
const ROWS: usize = 400;

/// A table in which nothing is null but what a test makes so.
fn table(collection: &Collection, seed: u64) -> Table {
    let mut certain = collection.clone();
    certain.fields.iter_mut().for_each(|field| field.nullable = false);
    let rows = data::table_of(&certain, &data::key_range(0..ROWS as i64), seed);
    Table { columns: collection.columns(), ..rows }
}

/// Puts values past all rules, as nobody could write them.
fn put(scene: &Pair, side: usize, column: &str, values: &[(i64, Value)]) {
    scene.fakes[side].with_collection("default", NAME, |of| {
        let place = of.columns.iter().position(|one| one.field.name == column).unwrap();
        for (key, value) in values {
            let mut live = of.rows.iter_mut().filter(|row| row.deleted.is_none());
            let row = live.find(|row| row.key == testkit::table::Key::Int(*key)).unwrap();
            row.values[place] = value.clone();
        }
    });
}

fn with_defaults() -> Collection {
    let mut collection = plain(NAME, DataType::Int64);
    collection.fields.extend([
        field("number", DataType::Int32).nullable().with_default(Data::IntData(-7)),
        var_char("words", 600).nullable().with_default(Data::StringData("x".repeat(100))),
        field("double", DataType::Double).nullable().with_default(Data::DoubleData(0.1)),
        field("flag", DataType::Bool).nullable().with_default(Data::BoolData(true)),
        field("moment", DataType::Timestamptz)
            .nullable()
            .with_default(Data::StringData("2026-01-02T03:04:05Z".to_owned())),
        field("bare", DataType::Int32).nullable(),
    ]);
    collection
}

#[tokio::test(flavor = "multi_thread")]
async fn a_default_in_place_of_a_null_is_explained_and_no_other_value_is() {
    let milvus = || Profile::milvus("2.6.20");
    let scene = Pair::between_doubles(milvus(), milvus()).await;
    let collection = with_defaults();
    let rows = table(&collection, 71);
    scene.source.probe.fill(&collection, &rows).await;
    let defaults = ["number", "words", "double", "flag", "moment"];
    for (number, column) in (0..).zip(defaults) {
        put(&scene, 0, column, &[(10 * number, Value::Null), (10 * number + 1, Value::Null)]);
    }
    // The target fills its default in, as servers do.
    scene.copy_again(NAME).await;
    let found = scene.full(NAME).await.is(Status::Verified);
    assert_eq!(found.explained(), [("value_changed_by_target", 10)], "{found:#?}");
    assert!(found.told.iter().all(|row| row.fields[0].default_value), "{found:#?}");

    // Values that are no default, one of them but for its end, and nulls that nothing fills.
    let mut long = "x".repeat(99);
    long.push('y');
    for (key, column, value) in [
        (0, "number", Value::Int(7)),
        (10, "words", Value::Text(long)),
        (20, "double", Value::Double(0.100_000_000_000_000_02)),
        (30, "flag", Value::Bool(false)),
        (40, "moment", Value::Int(1)),
    ] {
        put(&scene, 1, column, &[(key, value)]);
    }
    put(&scene, 0, "bare", &[(50, Value::Null)]);
    put(&scene, 1, "bare", &[(51, Value::Null)]);
    // The other way round there is no such rule.
    put(&scene, 0, "number", &[(60, Value::Int(-7))]);
    put(&scene, 1, "number", &[(60, Value::Null)]);
    let found = scene.full(NAME).await.is(Status::Different);
    assert_eq!(found.explained(), [("value_changed_by_target", 5)], "{found:#?}");
    let open: Vec<String> = found.rows().into_iter().filter(|row| !row.ends_with(')')).collect();
    let expected = [
        (0, "number"),
        (10, "words"),
        (20, "double"),
        (30, "flag"),
        (40, "moment"),
        (50, "bare"),
        (51, "bare"),
        (60, "number"),
    ];
    let expected: Vec<String> =
        expected.iter().map(|(key, column)| format!("{key} different {column}")).collect();
    assert_eq!(open, expected, "{found:#?}");
}

/// Another form is no other value; another value in the same form is.
#[tokio::test(flavor = "multi_thread")]
async fn a_value_in_another_form_is_explained_and_another_value_is_not() {
    let milvus = || Profile::milvus("2.6.20");
    let scene = Pair::between_doubles(milvus(), milvus()).await;
    let mut collection = plain(NAME, DataType::Int64);
    collection.fields.push(field("json", DataType::Json));
    collection.fields.push(field("moment", DataType::Timestamptz));
    let rows = table(&collection, 72);
    scene.source.probe.fill(&collection, &rows).await;
    let json = |text: &str| Value::Json(text.as_bytes().to_vec());
    let first = json(r#"{"a": 1, "b": [1.50, "x"]}"#);
    put(&scene, 0, "json", &[1, 2, 3].map(|key| (key, first.clone())));
    scene.copy_again(NAME).await;
    scene.full(NAME).await.found_the_same(ROWS);
    put(&scene, 1, "json", &[(1, json(r#"{"b":[1.5,"x"],"a":1}"#)), (2, first.clone())]);
    // To Milvus JSON is bytes: somebody wrote this.
    let found = scene.full(NAME).await.is(Status::Different);
    assert_eq!(found.explained(), [], "{found:#?}");
    assert_eq!(found.rows(), ["1 different json"]);
    assert!(found.told[0].fields[0].same_value);
    // Numbers that are rounded to the same.
    put(&scene, 1, "json", &[(3, json(r#"{"a": 1, "b": [1.5000000000000000001, "x"]}"#))]);
    let found = scene.full(NAME).await.is(Status::Different);
    assert_eq!(found.rows(), ["1 different json", "3 different json"]);
    assert_eq!(found.result.content.as_ref().unwrap().open(), 2);
    put(&scene, 1, "json", &[(1, first)]);
    // The same moments, told in another time zone; and one that is a second later.
    let zone = [("timezone".to_owned(), "Asia/Tokyo".to_owned())].into();
    let (client, database) = (&scene.target.client, scene.target.probe.database());
    client.alter_collection(database, NAME, &zone, &[]).await.unwrap();
    let moment = scene.fakes[1].with_collection("default", NAME, |of| {
        let place = of.columns.iter().position(|one| one.field.name == "moment").unwrap();
        let row = of.live().find(|row| row.key == testkit::table::Key::Int(9)).unwrap();
        row.values[place].clone()
    });
    let Value::Int(moment) = moment else { panic!("{moment:?}") };
    put(&scene, 1, "moment", &[(9, Value::Int(moment + 1_000_000))]);
    let found = scene.full(NAME).await.is(Status::Different);
    assert!(found.rows().contains(&"8 different moment (value_changed_by_target)".to_owned()));
    let open: Vec<String> = found.rows().into_iter().filter(|row| !row.ends_with(')')).collect();
    // The last second of the year 9999 has no text east of Greenwich.
    assert_eq!(open, ["3 different json,moment", "4 different moment", "9 different moment"]);
}
