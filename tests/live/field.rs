//! The field kit: an end-to-end test of any two live endpoints.
//!
//! It makes collections of its own at the source, moves them (plan, apply, `kill -9`, apply again,
//! verify, catch-up), compares every row by a client that knows nothing of the tool, and drops what it
//! made at both ends. It touches nothing else there. What a run that was killed left behind is named.
//!
//! | variable | is |
//! |---|---|
//! | `FERRY_TEST_SOURCE`, `FERRY_TEST_TARGET` | the endpoints, as in a plan file, or `lab:2.2.16`, `lab:2.3.5`, `lab:lite-3` |
//! | `FERRY_TEST_SOURCE_TOKEN`, `…_TARGET_TOKEN` | their tokens or `user:password`, if they want any |
//! | `FERRY_TEST_SOURCE_DATABASE`, `…_TARGET_DATABASE` | databases that are there, if not the default ones |
//! | `FERRY_TEST_ROWS` | rows of the largest collection, 2,000 if not said |
//!
//! ```text
//! FERRY_TEST_SOURCE=http://127.0.0.1:19530 FERRY_TEST_TARGET=http://127.0.0.1:19531 \
//!     cargo test --test live field::at_the_endpoints_of_the_variables -- --ignored --nocapture
//! ```

mod cargo;
mod ends;
mod kit;

use ends::End;
use testkit::lab::{Kind, servers};
use testkit::probe::Probe;

/// Rows of the largest collection in the suite.
const FEW: usize = 600;

async fn between(from: Kind, to: Kind) {
    let [from, to] = servers([from, to]);
    let source = Probe::of(from).await.in_new_database().await;
    let target = Probe::of(to).await.in_new_database().await;
    kit::run(End::of(source, from.uri()).await, End::of(target, to.uri()).await, FEW).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn between_servers_of_milvus_2_3_5() {
    between(Kind::Milvus235A, Kind::Milvus235B).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "asked for by name: its pair is in the matrix"]
async fn from_milvus_2_3_5_to_lite_3() {
    between(Kind::Milvus235A, Kind::Lite3).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "asked for by name: needs FERRY_TEST_SOURCE and FERRY_TEST_TARGET"]
async fn at_the_endpoints_of_the_variables() {
    let (source, target) = (End::of_variables("SOURCE").await, End::of_variables("TARGET").await);
    let rows = std::env::var("FERRY_TEST_ROWS").map_or(2000, |rows| rows.parse().unwrap());
    kit::run(source, target, rows).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_killed_run_left_behind_is_named_and_left_alone() {
    let [server] = servers([Kind::Milvus235B]);
    let end = End::of(Probe::of(server).await.in_new_database().await, server.uri()).await;
    let old = format!("{}1_types", kit::PREFIX);
    let collection = testkit::collection::plain(&old, testkit::pb::schema::DataType::Int64);
    end.probe.create_collection(&collection).await;
    let own = kit::own_prefix();
    let mine =
        testkit::collection::plain(&format!("{own}texts"), testkit::pb::schema::DataType::VarChar);
    end.probe.create_collection(&mine).await;
    assert_eq!(kit::leftovers(&end, &own).await, std::slice::from_ref(&old));
    kit::clear(&end, &own).await;
    assert_eq!(end.collections().await, [old]);
}
