//! The same rows have one digest wherever they are: servers return columns in different order, with
//! ids of their own, and empty arrays in two forms.

use std::collections::BTreeMap;

use milvus_ferry::milvus::{Moment, Query, Rows};
use milvus_ferry::model::{Key, KeyRange};

use testkit::collection::{Collection, everything_235, everything_2216};
use testkit::data;
use testkit::lab::{Kind, servers, unique_name};
use testkit::pb::schema::DataType;
use testkit::probe::Probe;
use testkit::scene::library::End;
use testkit::table::Table;

const ROWS: usize = 300;
const ANSWER: usize = 64 << 20;

/// The rows as one server gives them.
async fn read(kind: Kind, collection: &Collection, table: &Table) -> Rows {
    let [server] = servers([kind]);
    let mut probe = Probe::of(server).await;
    let mut collection = collection.clone();
    if kind == Kind::Lite25 {
        // It has one database, for all tests.
        collection.name = unique_name("all");
        probe = probe.with_own(&collection.name);
    } else {
        probe = probe.in_new_database().await;
    }
    probe.fill(&collection, table).await;
    let end = End::at(server, probe).await;
    let there = end.describe(&collection.name).await;
    let query = Query::of(&there).unwrap();
    let read = |range| end.client.rows_in(&query, range, there.columns(), Moment::Strong, ANSWER);
    let all = read(&KeyRange::ALL).await.unwrap();
    assert_eq!(all.len(), ROWS);
    // The digest of a range is the sum of those of its parts.
    let middle = Some(Key::Int64(100));
    let lower = KeyRange { after: None, up_to: middle.clone() };
    let upper = KeyRange { after: middle, up_to: None };
    let (lower, upper) = (read(&lower).await.unwrap(), read(&upper).await.unwrap());
    assert_eq!(lower.digest().unwrap() + upper.digest().unwrap(), all.digest().unwrap());
    all
}

/// Fields of the second in which a row differs from the first, where not even the value is the same.
fn other_values(one: &Rows, other: &Rows) -> Vec<String> {
    let places: BTreeMap<&Key, usize> =
        other.keys().iter().enumerate().map(|(place, key)| (key, place)).collect();
    let differing = one.keys().iter().enumerate().flat_map(|(row, key)| {
        let found = one.differing_fields(row, other, places[key]).unwrap();
        // Milvus Lite rounds a number that is longer than a double.
        let rounded = |text: &str| text.contains("3.14159265358979323846");
        found.into_iter().filter(move |found| !found.same_value && !rounded(&found.source))
    });
    differing.map(|found| format!("{found:?}")).take(5).collect()
}

async fn agree(kinds: &[Kind], collection: Collection) {
    let table = data::table_of(&collection, &data::key_range(0..300), 11);
    let first = read(Kind::Milvus235A, &collection, &table).await;
    for kind in kinds {
        let other = read(*kind, &collection, &table).await;
        assert_eq!(other_values(&first, &other), Vec::<String>::new(), "{kind:?}");
        // Milvus Lite writes JSON anew: its digests are others, and every field has the same value.
        if matches!(kind, Kind::Milvus2216 | Kind::Milvus235B) {
            assert_eq!(other.digest().unwrap(), first.digest().unwrap(), "{kind:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_rows_without_arrays_agree_between_all_servers() {
    let kinds = [Kind::Milvus235B, Kind::Milvus2216, Kind::Lite3, Kind::Lite25];
    agree(&kinds, everything_2216("all", DataType::Int64)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_rows_with_arrays_agree_where_there_are_arrays() {
    let kinds = [Kind::Milvus235B, Kind::Lite3, Kind::Lite25];
    agree(&kinds, everything_235("all", DataType::Int64)).await;
}
