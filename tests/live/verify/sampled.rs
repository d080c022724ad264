//! A sample finds what is spoiled often enough, and says how sure it is of the rest.

use milvus_ferry::verify::result::{Basis, Mode, Status};

use testkit::collection::plain;
use testkit::data;
use testkit::pb::schema::DataType;
use testkit::scene::library::{Pair, some, spoiled};

#[tokio::test(flavor = "multi_thread")]
async fn a_sample_finds_what_is_spoiled_in_one_row_of_a_hundred() {
    let scene = Pair::new().await;
    let collection = plain("many", DataType::Int64);
    let rows = data::table(&collection, 10_000, 21);
    scene.copy(&collection, &rows).await;
    let verify = || scene.verify("many", Mode::Sample, Basis::Source, None);
    let same = verify().await.found_the_same(1_000);
    let confidence = same.result.content.unwrap().confidence.unwrap();
    // 1 - 0.05^(1/1000)
    assert!((confidence.fewer_than - 0.002_991_2).abs() < 1e-6, "{confidence:?}");
    assert_eq!(same.result.counts[0].source_distinct, Some(10_000));

    let places: Vec<usize> = (0..10_000).step_by(100).collect();
    let mut bad = some(&rows, &places);
    let column = bad.column("embedding");
    for row in &mut bad.rows {
        row.values[column] = spoiled(&row.values[column]);
    }
    scene.target.probe.upsert("many", &bad).await;
    scene.target.probe.flush("many").await;
    let found = verify().await.is(Status::Different);
    let content = found.result.content.as_ref().unwrap();
    assert_eq!((content.rows, content.missing, content.extra), (1_000, 0, 0));
    // 10 expected; fewer than 2 or more than 25 in one of 10,000 samples.
    assert!((2..=25).contains(&content.different), "{content:#?}");
    let fraction = content.confidence.unwrap().fewer_than;
    assert!(fraction > 0.01 && fraction < 0.05, "{fraction}");
    assert!(found.rows().iter().all(|row| row.ends_with("different embedding")));
    let bad: Vec<String> = bad.keys().iter().map(|key| key.literal()).collect();
    assert!(found.told.iter().all(|row| bad.contains(&row.key.to_string())));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sample_of_all_rows_is_exact() {
    let scene = Pair::new().await;
    let collection = plain("few", DataType::VarChar);
    let rows = data::table(&collection, 700, 22);
    scene.copy(&collection, &rows).await;
    let verify = || scene.verify("few", Mode::Sample, Basis::Source, None);
    let same = verify().await.found_the_same(700);
    assert_eq!(same.result.content.unwrap().confidence.unwrap().fewer_than, 0.0);
    let key = rows.keys()[5].literal();
    scene.target.probe.delete("few", "", &format!("id in [{key}]")).await;
    let found = verify().await.is(Status::Different);
    assert_eq!(found.result.content.as_ref().unwrap().missing, 1, "{found:#?}");
    let confidence = found.result.content.unwrap().confidence.unwrap();
    assert_eq!(confidence.fewer_than, 1.0 / 700.0);
}
