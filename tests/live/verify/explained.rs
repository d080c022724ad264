//! What explains a difference is found on cases made to order, and nothing is explained besides.

use milvus_ferry::verify::result::{Basis, Mode, Status};

use testkit::collection::plain;
use testkit::data;
use testkit::pb::schema::DataType;
use testkit::scene::library::{Pair, said, some, spoiled};
use testkit::table::{Key, Table, Value};

#[tokio::test(flavor = "multi_thread")]
async fn duplicate_keys_are_explained_and_not_called_lost() {
    let scene = Pair::new().await;
    let collection = plain("doubled", DataType::Int64);
    let rows = data::table(&collection, 1_000, 31);
    let probe = &scene.source.probe;
    probe.create_collection(&collection).await;
    probe.insert("doubled", &rows).await;
    probe.flush("doubled").await;
    let mut again = some(&rows, &(0..50).collect::<Vec<_>>());
    let column = again.column("embedding");
    for row in &mut again.rows {
        row.values[column] = spoiled(&row.values[column]);
    }
    probe.insert("doubled", &again).await;
    probe.flush("doubled").await;
    probe.build_and_load(&collection).await;
    let copied = scene.copy_again("doubled").await;
    let doubled = |place| format!("{} different embedding", said(&rows, place));
    for (mode, basis, copied) in [
        (Mode::Full, Basis::Ledger, Some(&copied)),
        (Mode::Full, Basis::Source, Some(&copied)),
        (Mode::Counts, Basis::Source, None),
        (Mode::Full, Basis::Source, None),
        (Mode::Sample, Basis::Source, Some(&copied)),
    ] {
        let found = scene.verify("doubled", mode, basis, copied).await;
        // Rows of which the source gives another version this time are explained where the target
        // has what was copied, by a digest of the ledger; those of a sample have none.
        let proven = mode == Mode::Counts || (mode == Mode::Full && copied.is_some());
        let open = found.rows().into_iter().filter(|row| !row.ends_with(')'));
        let open: Vec<String> = open.collect();
        assert!(open.iter().all(|row| (0..50).any(|place| *row == doubled(place))), "{found:#?}");
        assert!(!proven || open.is_empty(), "{found:#?}");
        assert_eq!(found.result.status == Status::Verified, open.is_empty(), "{found:#?}");
        let explained = found.explained();
        assert_eq!(explained[0], ("duplicate_keys", 50), "{found:#?}");
        assert!(explained.iter().all(|(code, _)| *code == "duplicate_keys"), "{found:#?}");
        let counts = &found.result.counts[0];
        assert_eq!((counts.source_count, counts.source_distinct), (Some(1_050), Some(1_000)));
        assert_eq!(counts.target_count, Some(1_000));
    }
    // Rows of the target that are no version of the source's, one of them with a key of several.
    let mut wrong = some(&rows, &[3, 700]);
    for row in &mut wrong.rows {
        let Value::FloatVector(values) = &mut row.values[column] else { panic!("a vector") };
        values[0] += 1.0;
    }
    scene.target.probe.upsert("doubled", &wrong).await;
    scene.target.probe.flush("doubled").await;
    for copied in [None, Some(&copied)] {
        let found = scene.verify("doubled", Mode::Full, Basis::Source, copied).await;
        let found = found.is(Status::Different);
        for place in [3, 700] {
            assert!(found.rows().contains(&doubled(place)), "{found:#?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_changed_at_the_source_since_is_told_from_what_was_spoiled() {
    let scene = Pair::new().await;
    let collection = plain("moving", DataType::Int64);
    let rows = data::table(&collection, 1_000, 32);
    let copied = scene.copy(&collection, &rows).await;
    let mut changed = some(&rows, &[10, 900]);
    let column = changed.column("text");
    for row in &mut changed.rows {
        row.values[column] = spoiled(&row.values[column]);
    }
    scene.source.probe.upsert("moving", &changed).await;
    scene.source.probe.flush("moving").await;
    // The target holds what was copied.
    let found = scene.verify("moving", Mode::Full, Basis::Ledger, Some(&copied)).await;
    found.found_the_same(1_000);
    // The rows are others now.
    let found = scene.verify("moving", Mode::Full, Basis::Source, Some(&copied)).await;
    let found = found.is(Status::Different);
    let mut expected =
        [10, 900].map(|at| format!("{} different text (changed_at_source)", said(&rows, at)));
    expected.sort();
    let mut named = found.rows();
    named.sort();
    assert_eq!(named, expected, "{found:#?}");
    assert_eq!(found.explained(), [("changed_at_source", 2)]);
    assert_eq!(found.result.unexplained, Vec::<String>::new(), "{found:#?}");
    assert!(found.result.pending().unwrap().message.contains("--catch-up"), "{found:#?}");
    // Deleted and new rows.
    let key = rows.keys()[500].literal();
    scene.source.probe.delete("moving", "", &format!("id in [{key}]")).await;
    let found = scene.verify("moving", Mode::Full, Basis::Ledger, Some(&copied)).await;
    let found = found.is(Status::Verified);
    assert_eq!(found.explained(), [("changed_at_source", 1)]);
    let mut new = some(&rows, &[0, 1]);
    for (row, key) in new.rows.iter_mut().zip([8_888_888_888, 9_999_999_999]) {
        row.values[0] = Value::Int(key);
    }
    scene.source.probe.insert("moving", &new).await;
    scene.source.probe.flush("moving").await;
    let found = scene.verify("moving", Mode::Full, Basis::Ledger, Some(&copied)).await;
    let found = found.is(Status::Different);
    assert!(found.result.unexplained[0].contains("1 rows are at the source"), "{found:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_loaded_is_not_compared() {
    let scene = Pair::new().await;
    let collection = plain("parts", DataType::Int64).partitions(&["north"]);
    let rows = data::table(&collection, 300, 33).spread_over(&["_default", "north"]);
    scene.copy(&collection, &rows).await;
    scene.full("parts").await.found_the_same(300);
    for mode in [Mode::Counts, Mode::Sample, Mode::Full] {
        scene.source.probe.release_partitions("parts", &["north"]).await;
        let found = scene.verify("parts", mode, Basis::Source, None).await;
        let found = found.is(Status::Unfinished);
        assert_eq!(found.explained(), [("not_loaded", 0)]);
        let why = found.result.failure.unwrap();
        assert!(why.contains("partition north is not loaded"), "{why}");
        scene.source.probe.load_partitions("parts", &["north"]).await;
    }
    scene.target.probe.release("parts").await;
    let found = scene.full("parts").await.is(Status::Unfinished);
    assert!(found.result.failure.unwrap().contains("load it, then run"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_key_that_no_query_returns_is_counted() {
    let scene = Pair::new().await;
    let collection = plain("edges", DataType::Int64);
    let mut rows = data::table(&collection, 200, 34);
    let mut last = some(&rows, &[0]);
    last.rows[0].values[0] = Value::Int(i64::MAX);
    rows = rows.followed_by(&last);
    scene.copy(&collection, &rows).await;
    // Nothing can carry it: why the numbers differ is known, and they do.
    for mode in [Mode::Full, Mode::Counts] {
        let found = scene.verify("edges", mode, Basis::Source, None).await;
        let found = found.is(Status::Different);
        assert_eq!(found.explained(), [("unreadable_key", 1)], "{found:#?}");
        let [why] = &found.result.unexplained[..] else { panic!("{found:#?}") };
        assert!(why.contains(&i64::MAX.to_string()) && why.contains("by hand"), "{why}");
    }
    // Copied by hand.
    scene.target.probe.insert("edges", &last).await;
    scene.target.probe.flush("edges").await;
    let found = scene.full("edges").await.is(Status::Verified);
    assert!(found.explained().contains(&("unreadable_key", 1)), "{found:#?}");
    scene.verify("edges", Mode::Counts, Basis::Source, None).await.is(Status::Verified);
    // It stands for no other row.
    let key = rows.keys()[50].literal();
    scene.target.probe.delete("edges", "", &format!("id in [{key}]")).await;
    for mode in [Mode::Full, Mode::Counts] {
        scene.verify("edges", mode, Basis::Source, None).await.is(Status::Different);
    }
}

/// Rows that no other row stands for.
#[tokio::test(flavor = "multi_thread")]
async fn counts_that_agree_are_no_more_than_that() {
    let scene = Pair::new().await;
    let collection = plain("swapped", DataType::Int64);
    let rows = data::table(&collection, 300, 35);
    let copied = scene.copy(&collection, &rows).await;
    for copied in [None, Some(&copied)] {
        let found = scene.verify("swapped", Mode::Counts, Basis::Source, copied).await;
        let found = found.is(Status::Verified);
        assert_eq!(found.result.content, None);
        assert_eq!(found.result.counts[0].read, copied.map(|_| 300));
    }
    let key = rows.keys()[5].literal();
    scene.target.probe.delete("swapped", "", &format!("id in [{key}]")).await;
    scene.target.probe.flush("swapped").await;
    for copied in [None, Some(&copied)] {
        let found = scene.verify("swapped", Mode::Counts, Basis::Source, copied).await;
        let found = found.is(Status::Different);
        assert!(found.result.unexplained[0].contains("299"), "{found:#?}");
    }
    let table: Table = rows.filtered(|key| *key == Key::Int(0));
    assert_eq!(table.rows.len(), 1);
}
