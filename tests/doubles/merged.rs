//! One key in a sealed and in a growing segment: Milvus 2.3.0 to 2.4.5 answers with arrays that belong
//! to other rows then.

use testkit::collection::{Collection, array, plain};
use testkit::data;
use testkit::fake::Profile;
use testkit::pb::schema::DataType;
use testkit::scene::{PLAN, doubles::Doubles, entry, expect_words};
use testkit::table::{Key, Table, Value};

fn tagged() -> Collection {
    let mut collection = plain("things", DataType::Int64);
    collection.fields.push(array("tags", DataType::Int64));
    collection
}

/// Rows whose arrays say which row and which version of it they are of.
fn rows(collection: &Collection, keys: &[i64], version: i64) -> Table {
    let keys: Vec<Key> = keys.iter().copied().map(Key::Int).collect();
    let mut rows = data::table_of(collection, &keys, 10 + version as u64);
    let tags = rows.column("tags");
    for row in &mut rows.rows {
        let Value::Int(key) = row.values[0] else { panic!("{row:?}") };
        row.values[tags] = Value::Array(vec![Value::Int(version), Value::Int(key)]);
    }
    rows
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn arrays_arrive_with_their_own_rows() {
    for from in ["2.3.5", "2.4.5", "2.4.6"] {
        let scene = Doubles::of(Profile::milvus(from), Profile::milvus("2.4.17")).await;
        let collection = tagged();
        let keys: Vec<i64> = (0..2_000).collect();
        let old = rows(&collection, &keys, 1);
        let new = rows(&collection, &[3, 700, 701, 1_999], 2);
        scene.source.create_collection(&collection).await;
        scene.source.insert(&collection.name, &old).await;
        scene.source.flush("things").await;
        scene.source.build_and_load(&collection).await;
        scene.source.insert(&collection.name, &new).await;
        let wanted = Table { rows: latest(&old, &new), ..old.clone() };
        scene.plan_file(&format!("{}\n[verify]\ncontent = \"full\"", entry("things", "")));
        let apply = scene.apply().await.expect_code(0);
        expect_words(&apply, &["duplicate keys"]);
        scene.expect("things", &wanted).await;
        scene.run(&["verify", PLAN]).await.expect_code(0);
    }
}

fn latest(old: &Table, new: &Table) -> Vec<testkit::table::Row> {
    let newer = |row: &testkit::table::Row| {
        new.rows.iter().find(|other| other.values[0] == row.values[0]).unwrap_or(row).clone()
    };
    old.rows.iter().map(newer).collect()
}
