//! One server under two addresses: its collection is not written onto itself.

use testkit::collection::plain;
use testkit::data;
use testkit::fake::{Fake, Profile};
use testkit::ferry::{Ferry, expect_words};
use testkit::pb::schema::DataType;
use testkit::relay::{Act, Relay};
use testkit::table::assert_same;

const PLAN: &str = "plan.ferry.toml";
const WRITES: [&str; 6] =
    ["AlterCollection", "CreateAlias", "CreateIndex", "Delete", "Insert", "Upsert"];

fn plan(source: &str, target: &str, entry: &str) -> String {
    format!(
        "version = 1\n[source]\nendpoint = \"{source}\"\n[target]\nendpoint = \"{target}\"\n\
         [[collections]]\nsource = \"things\"\n{entry}\n"
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_collection_is_not_adopted_as_its_own_target() {
    let server = Fake::start(Profile::milvus("2.6.5"));
    let forwarded = Relay::to(&server.uri(), |_| Act::Forward);
    let collection = plain("things", DataType::Int64);
    let rows = data::table(&collection, 3_001, 1);
    let probe = server.probe().await;
    probe.fill(&collection, &rows).await;
    for existing in ["existing = \"adopt\"", ""] {
        let ferry = Ferry::with_plan(PLAN, &plan(&server.uri(), &forwarded.uri(), existing));
        server.forget_calls();
        for command in [&["plan", PLAN][..], &["apply", PLAN, "--yes"]] {
            let outcome = ferry.run(command).expect_code(1);
            expect_words(
                &outcome,
                &["the target collection is the source collection itself", &forwarded.uri()],
            );
        }
        // What is equal to itself proves nothing.
        let verify = ferry.run(&["verify", PLAN]);
        assert_ne!(verify.code, Some(0), "{verify:#?}");
        expect_words(&verify, &["the target collection is the source collection itself"]);
        let written = server.calls().into_iter().filter(|call| WRITES.contains(&call.rpc)).count();
        assert_eq!(written, 0);
    }
    assert_same(&rows, &probe.read_all("things", &rows.keys(), &[]).await);
}

/// Within one server, another name is another collection, whatever the address.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_within_one_server_is_made_by_two_addresses_too() {
    let server = Fake::start(Profile::milvus("2.6.5"));
    let forwarded = Relay::to(&server.uri(), |_| Act::Forward);
    let collection = plain("things", DataType::Int64);
    let rows = data::table(&collection, 300, 1);
    let probe = server.probe().await;
    probe.fill(&collection, &rows).await;
    let entry = "target = \"things_2\"";
    let ferry = Ferry::with_plan(PLAN, &plan(&server.uri(), &forwarded.uri(), entry));
    ferry.run(&["apply", PLAN, "--yes"]).expect_code(0);
    assert_same(&rows, &probe.read_all("things_2", &rows.keys(), &[]).await);
}

/// Two servers may give the same id by chance; what was made at another time is another collection.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_id_at_two_servers_is_no_reason_to_refuse() {
    let (source, target) =
        (Fake::start(Profile::milvus("2.6.5")), Fake::start(Profile::milvus("2.6.5")));
    let collection = plain("things", DataType::Int64);
    let rows = data::table(&collection, 300, 1);
    source.probe().await.fill(&collection, &rows).await;
    let there = target.probe().await;
    there.fill(&collection, &data::table(&collection, 0, 1)).await;
    let id = source.with_collection("default", "things", |of| of.id);
    target.with_collection("default", "things", |of| {
        of.id = id;
        of.created += 1 << 18;
    });
    let entry = "existing = \"adopt\"";
    let ferry = Ferry::with_plan(PLAN, &plan(&source.uri(), &target.uri(), entry));
    ferry.run(&["apply", PLAN, "--yes"]).expect_code(0);
    assert_same(&rows, &there.read_all("things", &rows.keys(), &[]).await);
}
