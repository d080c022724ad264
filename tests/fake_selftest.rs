//! The double itself.
#![allow(clippy::unwrap_used, clippy::panic, clippy::pedantic)]

mod support;

use support::fake::{Fake, Profile};

#[tokio::test]
async fn starts() {
    let fake = Fake::start(Profile::milvus("2.5.4"));
    let probe = support::probe::Probe::connect(&fake.uri()).await;
    assert_eq!(probe.version(), "v2.5.4");
}

#[tokio::test]
async fn every_type_of_25_comes_back_as_it_was() {
    use support::collection::everything_lite;
    use support::data;
    use support::pb::schema::DataType;
    use support::table::assert_same;
    let fake = Fake::start(Profile::milvus("2.5.4"));
    let probe = support::probe::Probe::connect(&fake.uri()).await;
    for key in [DataType::Int64, DataType::VarChar] {
        let mut collection = everything_lite(&format!("of_{key:?}"), key);
        collection.partitions = vec!["one".to_owned(), "two".to_owned()];
        let table = data::table(&collection, 100, 1).spread_over(&["_default", "one", "two"]);
        probe.fill(&collection, &table).await;
        let read =
            probe.read_all(&collection.name, &table.keys(), &["_default", "one", "two"]).await;
        support::table::assert_same_by_partition(&table, &read);
        assert_same(&table, &probe.read_all(&collection.name, &table.keys(), &[]).await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collection_moves_from_one_double_to_another() {
    use support::collection::plain;
    use support::data;
    use support::ferry::Ferry;
    use support::pb::milvus::InsertRequest;
    use support::pb::schema::DataType;
    use support::table::assert_same;
    let source = Fake::start(Profile::milvus("2.4.10"));
    let target = Fake::start(Profile::milvus("2.6.5"));
    let collection = plain("things", DataType::Int64);
    let table = data::table(&collection, 1000, 1);
    let probe = support::probe::Probe::connect(&source.uri()).await;
    probe.fill(&collection, &table).await;
    let plan = format!(
        "version = 1\n[source]\nendpoint = \"{}\"\n[target]\nendpoint = \"{}\"\n[[collections]]\nsource = \"things\"\n",
        source.uri(),
        target.uri()
    );
    let ferry = Ferry::with_plan("plan.ferry.toml", &plan);
    ferry.run(&["apply", "plan.ferry.toml", "--yes"]).expect_code(0);
    let there = support::probe::Probe::connect(&target.uri()).await;
    assert_same(&table, &there.read_all("things", &table.keys(), &[]).await);
    let sent: u32 = target.requests::<InsertRequest>().iter().map(|sent| sent.num_rows).sum();
    assert_eq!(sent, 1000);
}
