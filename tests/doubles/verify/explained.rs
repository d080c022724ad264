//! What explains a difference where servers of two releases differ, and nothing besides.

use milvus_ferry::verify::result::{Basis, Mode, Status};

use testkit::collection::plain;
use testkit::data;
use testkit::fake::Profile;
use testkit::pb::schema::DataType;
use testkit::scene::library::{Pair, some};
use testkit::table::Value;

/// A newer target gives the row that was copied by hand.
#[tokio::test(flavor = "multi_thread")]
async fn the_key_that_only_the_target_returns_is_explained() {
    let scene = Pair::between_doubles(Profile::milvus("2.5.4"), Profile::milvus("2.6.5")).await;
    let collection = plain("edges", DataType::Int64);
    let rows = data::table(&collection, 200, 34);
    let mut last = some(&rows, &[0]);
    last.rows[0].values[0] = Value::Int(i64::MAX);
    scene.copy(&collection, &rows).await;
    scene.target.probe.insert("edges", &last).await;
    let found = scene.full("edges").await.is(Status::Different);
    assert_eq!((found.explained(), found.rows().len()), (vec![], 1), "nobody's: {found:#?}");
    scene.source.probe.insert("edges", &last).await;
    let found = scene.full("edges").await.is(Status::Verified);
    assert!(found.explained().contains(&("unreadable_key", 1)), "{found:#?}");
}

/// Where a server gives it, it is a row like any other.
#[tokio::test(flavor = "multi_thread")]
async fn the_last_key_is_no_excuse_where_queries_return_it() {
    let milvus = || Profile::milvus("2.6.5");
    let scene = Pair::between_doubles(milvus(), milvus()).await;
    let collection = plain("edges", DataType::Int64);
    let mut rows = data::table(&collection, 200, 34);
    rows.rows[0].values[0] = Value::Int(i64::MAX);
    scene.copy(&collection, &rows).await;
    scene.full("edges").await.found_the_same(200);
    scene.target.probe.delete("edges", "", &format!("id in [{}]", i64::MAX)).await;
    for mode in [Mode::Full, Mode::Counts] {
        let found = scene.verify("edges", mode, Basis::Source, None).await;
        let found = found.is(Status::Different);
        assert_eq!(found.explained(), [], "{found:#?}");
    }
}
