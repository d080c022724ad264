//! The built binary between two doubles.

use testkit::collection::plain;
use testkit::data;
use testkit::fake::{Fake, Profile};
use testkit::ferry::Ferry;
use testkit::pb::milvus::InsertRequest;
use testkit::pb::schema::DataType;
use testkit::probe::Probe;
use testkit::relay::{Act, Relay};
use testkit::table::assert_same;

#[tokio::test(flavor = "multi_thread")]
async fn a_collection_moves_from_one_double_to_another() {
    let source = Fake::start(Profile::milvus("2.4.10"));
    let target = Fake::start(Profile::milvus("2.6.5"));
    let collection = plain("things", DataType::Int64);
    let rows = data::table(&collection, 1000, 1);
    Probe::connect(&source.uri()).await.fill(&collection, &rows).await;
    let plan = format!(
        "version = 1\n[source]\nendpoint = \"{}\"\n[target]\nendpoint = \"{}\"\n\
         [[collections]]\nsource = \"things\"\n",
        source.uri(),
        target.uri()
    );
    let ferry = Ferry::with_plan("plan.ferry.toml", &plan);
    ferry.run(&["apply", "plan.ferry.toml", "--yes"]).expect_code(0);
    let there = Probe::connect(&target.uri()).await;
    assert_same(&rows, &there.read_all("things", &rows.keys(), &[]).await);
    let sent: u32 = target.requests::<InsertRequest>().iter().map(|sent| sent.num_rows).sum();
    assert_eq!(sent, 1000);
    assert!(source.count("Query") > 0 && source.count("Insert") == 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_spoils_the_calls_to_a_double() {
    let fake = Fake::start(Profile::milvus("2.6.5"));
    let relay = Relay::to(&fake.uri(), |call| match call.rpc {
        "Insert" if call.number == 1 => Act::lose_answer(),
        _ => Act::Forward,
    });
    let collection = plain("things", DataType::Int64);
    let probe = Probe::connect(&relay.uri()).await;
    probe.create_collection(&collection).await;
    let rows = data::table(&collection, 3, 1);
    let request = probe.insert_requests("things", &rows, 3).remove(0);
    probe.raw().insert(request.clone()).await.unwrap_err();
    probe.raw().insert(request).await.unwrap();
    let kept = fake.with_collection("default", "things", |collection| collection.rows.len());
    assert_eq!((kept, fake.count("Insert")), (6, 2));
}
