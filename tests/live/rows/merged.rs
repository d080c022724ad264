//! One key in a sealed and in a growing segment: a real 2.3.5 answers with arrays of other rows, about
//! every fourth time, and says nothing.

use milvus_ferry::milvus::{Moment, Query};
use milvus_ferry::model::{Key as OurKey, KeyRange};

use testkit::collection::{array, plain};
use testkit::data;
use testkit::lab::{Kind, servers};
use testkit::pb::schema::DataType;
use testkit::probe::Probe;
use testkit::scene::library::End;
use testkit::table::{Key, Table, Value};

const ANSWER: usize = 64 << 20;
const READS: usize = 15;

#[tokio::test]
async fn arrays_are_those_of_their_own_rows() {
    let [server] = servers([Kind::Milvus235A]);
    let probe = Probe::of(server).await.in_new_database().await;
    let mut collection = plain("things", DataType::Int64);
    collection.fields.push(array("tags", DataType::Int64));
    // Of key 2, the versions differ in everything; of key 4, in its array alone.
    let rows = |keys: &[i64], version: i64| {
        let keys: Vec<Key> = keys.iter().copied().map(Key::Int).collect();
        let mut rows = data::table_of(&collection, &keys, 1);
        let tags = rows.column("tags");
        for row in &mut rows.rows {
            row.values[tags] = Value::Array(vec![Value::Int(version), row.values[0].clone()]);
            if matches!(row.values[0], Value::Int(2)) {
                row.values[1] = Value::Text(format!("version {version}"));
            }
        }
        rows
    };
    let keys: Vec<i64> = (1..=50).collect();
    let (old, new) = (rows(&keys, 1), rows(&[2, 4], 2));
    probe.create_collection(&collection).await;
    probe.insert("things", &old).await;
    probe.flush("things").await;
    probe.build_and_load(&collection).await;
    probe.insert("things", &new).await;
    let latest = |row: &testkit::table::Row| {
        new.rows.iter().find(|newer| newer.values[0] == row.values[0]).unwrap_or(row).clone()
    };
    let mut clean = collection.clone();
    clean.name = "clean".to_owned();
    let wanted = Table { rows: old.rows.iter().map(latest).collect(), ..old.clone() };
    probe.fill(&clean, &wanted).await;

    let end = End::at(server, probe).await;
    let (dirty, clean) = (end.describe("things").await, end.describe("clean").await);
    let [from, fine] = [&dirty, &clean].map(|of| Query::of(of).unwrap());
    let range = KeyRange { after: Some(OurKey::Int64(1)), up_to: Some(OurKey::Int64(20)) };
    let keys: Vec<OurKey> = (2..=20).map(OurKey::Int64).collect();
    // What was written is waited for once, and not in each of many calls.
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let (columns, at) = (clean.columns(), Moment::At((now.as_millis() as u64) << 18));
    let right = end.client.rows_in(&fine, &range, columns.clone(), at, ANSWER).await.unwrap();
    assert_eq!(right.len(), 19);
    for read in 0..READS {
        let rows = end.client.rows_in(&from, &range, columns.clone(), at, ANSWER).await.unwrap();
        assert_eq!(rows.digest().unwrap(), right.digest().unwrap(), "read {read} by range");
        let rows = end.client.rows_of_keys(&from, &keys, columns.clone(), at, ANSWER);
        let rows = rows.await.unwrap();
        assert_eq!(rows.digest().unwrap(), right.digest().unwrap(), "read {read} by keys");
    }
}
