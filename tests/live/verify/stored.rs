//! A value that became null, or a null that became a value, is found.

use milvus_ferry::verify::result::Status;

use testkit::collection::{Collection, FieldWords, field, plain, var_char};
use testkit::data;
use testkit::lab::Kind;
use testkit::pb::schema::DataType;
use testkit::scene::library::{Pair, said, some};
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

/// Some rows of a table, with this in a column.
fn with(rows: &Table, places: &[usize], column: &str, value: &Value) -> Table {
    let mut rows = some(rows, places);
    let column = rows.column(column);
    rows.rows.iter_mut().for_each(|row| row.values[column] = value.clone());
    rows
}

/// One value becomes null, and one null a value.
#[tokio::test(flavor = "multi_thread")]
async fn a_single_null_is_found_and_named() {
    let scene = Pair::between(Kind::Lite3, Kind::Lite3).await;
    let mut collection = plain(NAME, DataType::Int64);
    collection.fields.push(field("maybe_number", DataType::Int64).nullable());
    collection.fields.push(var_char("maybe_text", 500).nullable());
    let mut rows = table(&collection, 73);
    let column = rows.column("maybe_text");
    for place in 100..120 {
        rows.rows[place].values[column] = Value::Null;
    }
    let copied = scene.copy(&collection, &rows).await;
    scene.full(NAME).await.found_the_same(ROWS);
    let target = &scene.target.probe;
    target.upsert(NAME, &with(&rows, &[7], "maybe_number", &Value::Null)).await;
    target.upsert(NAME, &with(&rows, &[110], "maybe_text", &Value::Text(String::new()))).await;
    for copied in [None, Some(&copied)] {
        let mode = milvus_ferry::verify::Mode::Full;
        let basis = milvus_ferry::verify::Basis::Source;
        let found = scene.verify(NAME, mode, basis, copied).await.is(Status::Different);
        let expected = [
            format!("{} different maybe_number", said(&rows, 7)),
            format!("{} different maybe_text", said(&rows, 110)),
        ];
        assert_eq!(found.rows(), expected, "{found:#?}");
        let values: Vec<_> =
            found.told.iter().map(|row| (&*row.fields[0].source, &*row.fields[0].target)).collect();
        assert_eq!((values[0].1, values[1]), ("null", ("null", "\"\"")));
        assert_eq!(found.explained(), []);
    }
}
