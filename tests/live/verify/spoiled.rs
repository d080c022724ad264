//! What is spoiled at the target is found, and named by key and field.

use milvus_ferry::verify::result::{Basis, Mode, Status};

use testkit::collection::{Collection, everything_235, everything_2216, plain};
use testkit::data;
use testkit::lab::Kind;
use testkit::pb::schema::DataType;
use testkit::scene::library::{Copied, Pair, said, some, spoiled};
use testkit::table::Table;

/// Spoils seven rows at the target, each in another way, and returns what has to be found.
async fn spoil(scene: &Pair, collection: &Collection, rows: &Table) -> Vec<String> {
    let (name, target) = (&collection.name, &scene.target.probe);
    // One row is deleted.
    let key = rows.keys()[100].literal();
    target.delete(name, "", &format!("id in [{key}]")).await;
    let mut expected = vec![(100, format!("{} missing", said(rows, 100)))];
    // One bit of a vector, a JSON value, a text.
    for (place, field) in [(200, "embedding"), (300, "document"), (400, "text")] {
        let mut row = some(rows, &[place]);
        let column = row.column(field);
        row.rows[0].values[column] = spoiled(&row.rows[0].values[column]);
        target.upsert(name, &row).await;
        expected.push((place, format!("{} different {field}", said(rows, place))));
    }
    // Two rows get each other's vectors.
    let mut row = some(rows, &[500, 900]);
    let column = row.column("embedding");
    let (first, second) = (row.rows[0].values[column].clone(), row.rows[1].values[column].clone());
    (row.rows[0].values[column], row.rows[1].values[column]) = (second, first);
    target.upsert(name, &row).await;
    for place in [500, 900] {
        expected.push((place, format!("{} different embedding", said(rows, place))));
    }
    // One row is there that the source does not have.
    let mut row = some(rows, &[600]);
    let column = row.key_column();
    let text = matches!(row.rows[0].values[column], testkit::table::Value::Text(_));
    row.rows[0].values[column] = if text {
        testkit::table::Value::Text("an extra key".to_owned())
    } else {
        testkit::table::Value::Int(7_777_777_777)
    };
    target.insert(name, &row).await;
    let extra = if text { "\"an extra key\"" } else { "7777777777" };
    expected.push((600, format!("{extra} extra")));
    target.flush(name).await;
    let mut expected: Vec<String> = expected.into_iter().map(|(_, text)| text).collect();
    expected.sort();
    expected
}

async fn expect_all(scene: &Pair, copied: &Copied, name: &str, rows: usize, expected: &[String]) {
    for (basis, copied) in
        [(Basis::Source, None), (Basis::Source, Some(copied)), (Basis::Ledger, Some(copied))]
    {
        let found = scene.verify(name, Mode::Full, basis, copied).await.is(Status::Different);
        let mut named = found.rows();
        named.sort();
        assert_eq!(named, expected, "{found:#?}");
        let content = found.result.content.as_ref().unwrap();
        assert_eq!((content.missing, content.extra, content.different), (1, 1, 5));
        assert_eq!((content.explained, content.basis), (0, basis));
        let unequal = content.unequal_ranges;
        assert!((1..=7).contains(&unequal) && content.ranges > unequal, "{content:#?}");
        assert_eq!(content.differences.len(), 7);
        assert_eq!(content.rows, rows as u64, "{content:#?}");
        let vector = found.told.iter().flat_map(|row| &row.fields);
        assert!(vector.clone().any(|field| field.field == "embedding"
            && field.first_byte == Some(28)
            && field.source != field.target));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_spoiled_row_is_found_and_named_at_235() {
    let scene = Pair::new().await;
    for (name, key) in [("by_number", DataType::Int64), ("by_text", DataType::VarChar)] {
        let collection = everything_235(name, key);
        let rows = data::table(&collection, 2_000, 11);
        let copied = scene.copy(&collection, &rows).await;
        scene.full(name).await.found_the_same(2_000);
        scene.verify(name, Mode::Full, Basis::Ledger, Some(&copied)).await.found_the_same(2_000);
        let expected = spoil(&scene, &collection, &rows).await;
        expect_all(&scene, &copied, name, 2_000, &expected).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_spoiled_row_is_found_and_named_from_2216_to_235() {
    let scene = Pair::between(Kind::Milvus2216, Kind::Milvus235A).await;
    let collection = everything_2216("older", DataType::Int64);
    let rows = data::table(&collection, 2_000, 12);
    let copied = scene.copy(&collection, &rows).await;
    scene.full("older").await.found_the_same(2_000);
    let expected = spoil(&scene, &collection, &rows).await;
    expect_all(&scene, &copied, "older", 2_000, &expected).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn partitions_are_compared_each_by_itself() {
    let mut scene = Pair::new().await;
    scene.settings.by_partition = true;
    let names = ["_default", "north", "south"];
    let collection = plain("regions", DataType::Int64).partitions(&["north", "south"]);
    let rows = data::table(&collection, 1_500, 13).spread_over(&names);
    let copied = scene.copy(&collection, &rows).await;
    for basis in [Basis::Source, Basis::Ledger] {
        let same = scene.verify("regions", Mode::Full, basis, Some(&copied)).await;
        let same = same.found_the_same(1_500);
        let counts = &same.result.counts;
        let of: Vec<_> =
            counts.iter().map(|row| (row.partition.as_deref(), row.source_count)).collect();
        assert_eq!(
            of,
            [
                (None, Some(1_500)),
                (Some("_default"), Some(500)),
                (Some("north"), Some(500)),
                (Some("south"), Some(500))
            ]
        );
        assert!(counts.iter().all(|row| row.target_count == row.source_count
            && row.read == row.source_count
            && row.acknowledged == row.source_count));
    }
    // A row moves from one partition to another.
    let place = rows.rows.iter().position(|row| row.partition == "north").unwrap();
    let mut row = some(&rows, &[place]);
    let key = rows.keys()[place].literal();
    scene.target.probe.delete("regions", "north", &format!("id in [{key}]")).await;
    row.rows[0].partition = "south".to_owned();
    scene.target.probe.insert("regions", &row).await;
    // And one is in a partition that the source does not have.
    scene.target.probe.create_partition("regions", "west").await;
    scene.target.probe.load_partitions("regions", &["west"]).await;
    let other = rows.rows.iter().position(|row| row.partition == "south").unwrap();
    let mut row = some(&rows, &[other]);
    row.rows[0].partition = "west".to_owned();
    scene.target.probe.insert("regions", &row).await;
    scene.target.probe.flush("regions").await;
    for (basis, copied) in
        [(Basis::Source, None), (Basis::Source, Some(&copied)), (Basis::Ledger, Some(&copied))]
    {
        let found = scene.verify("regions", Mode::Full, basis, copied).await;
        let found = found.is(Status::Different);
        let expected = [
            format!("north/{key} missing"),
            format!("south/{key} extra"),
            format!("west/{} extra", rows.keys()[other].literal()),
        ];
        assert_eq!(found.rows(), expected, "{found:#?}");
    }
    let counted = scene.verify("regions", Mode::Counts, Basis::Source, None).await;
    assert_eq!(counted.is(Status::Different).result.unexplained.len(), 3);
}
