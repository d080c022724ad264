//! Partitions of the user's own, partition keys, and the one turned into the other.

use std::collections::BTreeSet;

use testkit::collection::{Collection, FieldWords, field, plain};
use testkit::data;
use testkit::pb::schema::DataType;
use testkit::scene::{Scene, count_where, expect_words};
use testkit::table::{Key, Table, Value};

const NAMES: [&str; 3] = ["_default", "north", "south_2"];

/// Rows in three partitions. With `shared`, the same keys are in two of them, with other values.
fn partitioned(name: &str, shared: bool) -> (Collection, Table) {
    let mut collection = plain(name, DataType::Int64).partitions(&["north", "south_2"]);
    collection.fields.insert(1, field("tenant", DataType::Int64));
    let mut rows = data::table(&collection, 1500, 5).spread_over(&NAMES);
    let tenant = rows.column("tenant");
    for (number, row) in rows.rows.iter_mut().enumerate() {
        row.values[tenant] = Value::Int(number as i64 % 10);
    }
    if shared {
        let mut again = data::table(&collection, 600, 6).spread_over(&["south_2"]);
        again.rows.retain(|row| {
            let place = rows.rows.iter().find(|one| one.values[0] == row.values[0]);
            place.is_none_or(|place| place.partition == "north")
        });
        assert!(again.rows.len() > 100);
        rows.rows.extend(again.rows);
    }
    (collection, rows)
}

#[tokio::test]
async fn rows_stay_in_their_partitions() {
    let scene = Scene::new().await;
    let (collection, rows) = partitioned("regions", true);
    scene.source.fill(&collection, &rows).await;
    scene.plan_file(
        "[[collections]]\nsource = \"regions\"\n\
         [[collections]]\nsource = \"regions\"\ntarget = \"merged\"\npartitions = \"merge\"",
    );
    let (_, apply) = scene.converge().await;
    let mut names = scene.target.partition_names("regions").await;
    names.sort();
    assert_eq!(names, NAMES);
    scene.expect_in_partitions("regions", &rows, &NAMES).await;

    // Merged, a key that is in two of them arrives once, as it is in one of them.
    expect_words(&apply, &["duplicate keys"]);
    let merged = scene.target.read_all("merged", &rows.keys(), &[]).await;
    let keys: BTreeSet<Key> = rows.keys().into_iter().collect();
    assert_eq!(merged.rows.len(), keys.len());
    for row in &merged.rows {
        assert!(rows.rows.iter().any(|one| one.values == row.values), "{row:?}");
    }
}

#[tokio::test]
async fn partitions_become_a_partition_key_only_when_they_may_be_merged() {
    let scene = Scene::new().await;
    let (collection, rows) = partitioned("regions", false);
    scene.source.fill(&collection, &rows).await;
    let entry = "[[collections]]\nsource = \"regions\"\n\
                 partition_key = { field = \"tenant\", partitions = 5 }\n";
    scene.plan_file(entry);
    scene.expect_refusal(&["partitions_lost", "north", "south_2"]).await;
    assert!(!scene.target.has_collection("regions").await);

    let merged =
        "[[collections]]\nsource = \"regions\"\ntarget = \"merged\"\npartitions = \"merge\"";
    scene.plan_file(&format!("{entry}partitions = \"merge\"\n{merged}"));
    let (plan, _) = scene.converge().await;
    expect_words(&plan, &["partitions_merged"]);
    assert_eq!(scene.target.partition_names("regions").await.len(), 5);
    assert_eq!(scene.target.partition_names("merged").await, ["_default"]);
    let rows = rows.spread_over(&[""]);
    scene.expect("regions", &rows).await;
    scene.expect("merged", &rows).await;
}

/// Rows whose tenants, as a number and as a text, each have a known number of rows.
fn tenants(collection: &Collection, count: usize) -> Table {
    let mut rows = data::table(collection, count, 7);
    let (number, text) = (rows.column("tenant"), rows.column("text"));
    for (place, row) in rows.rows.iter_mut().enumerate() {
        row.values[number] = Value::Int(place as i64 % 8);
        row.values[text] = Value::Text(format!("tenant \"{}\"", place % 4));
    }
    rows
}

fn of_tenants(name: &str) -> Collection {
    let mut collection = plain(name, DataType::Int64);
    collection.fields.insert(1, field("tenant", DataType::Int64));
    collection
}

#[tokio::test]
async fn a_partition_key_is_kept_changed_or_dropped() {
    let scene = Scene::new().await;
    let mut collection = of_tenants("orders");
    collection.fields[1] = collection.fields[1].clone().partition_key();
    collection.num_partitions = 7;
    let rows = tenants(&collection, 2000);
    scene.source.fill(&collection, &rows).await;
    scene.plan_file(
        "[[collections]]\nsource = \"orders\"\n\
         [[collections]]\nsource = \"orders\"\ntarget = \"changed\"\n\
         partition_key = { field = \"text\", partitions = 3 }\n\
         [[collections]]\nsource = \"orders\"\ntarget = \"dropped\"\npartition_key = \"none\"",
    );
    scene.converge().await;
    for (name, key, partitions) in
        [("orders", "tenant", 7), ("changed", "text", 3), ("dropped", "", 1)]
    {
        let described = scene.target.describe(name).await;
        let keys: Vec<String> = described
            .schema
            .unwrap()
            .fields
            .into_iter()
            .filter(|field| field.is_partition_key)
            .map(|field| field.name)
            .collect();
        assert_eq!(keys.join(","), key, "{name}");
        assert_eq!(scene.target.partition_names(name).await.len(), partitions, "{name}");
        scene.expect(name, &rows).await;
        // Rows are found by the key, which is how the server chooses partitions to look into.
        assert_eq!(count_where(&scene.target, name, "tenant == 3").await, 250, "{name}");
        let filter = "text == \"tenant \\\"1\\\"\"";
        assert_eq!(count_where(&scene.target, name, filter).await, 500, "{name}");
    }
}

#[tokio::test]
async fn a_partition_key_is_set_where_there_was_none_and_only_on_a_fit_field() {
    let scene = Scene::new().await;
    let collection = of_tenants("orders");
    let rows = tenants(&collection, 2000);
    scene.source.fill(&collection, &rows).await;
    let entry = |field: &str| {
        format!("[[collections]]\nsource = \"orders\"\npartition_key = {{ field = \"{field}\" }}")
    };
    for (field, reasons) in [
        ("embedding", ["partition_key_unfit", "FloatVector"]),
        ("id", ["partition_key_unfit", "primary key"]),
        ("tenat", ["partition_key_missing", "tenant"]),
    ] {
        scene.plan_file(&entry(field));
        scene.expect_refusal(&reasons).await;
        assert!(!scene.target.has_collection("orders").await);
    }
    let number = "partition_key = { field = \"tenant\", partitions = 16 }";
    let text = "partition_key = { field = \"text\" }";
    scene.plan_file(&format!(
        "[[collections]]\nsource = \"orders\"\n{number}\n\
         [[collections]]\nsource = \"orders\"\ntarget = \"by_text\"\n{text}"
    ));
    scene.converge().await;
    assert_eq!(scene.target.partition_names("orders").await.len(), 16);
    assert!(scene.target.partition_names("by_text").await.len() > 1);
    for name in ["orders", "by_text"] {
        scene.expect(name, &rows).await;
        assert_eq!(count_where(&scene.target, name, "tenant in [0, 5]").await, 500, "{name}");
    }
}
