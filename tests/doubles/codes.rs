//! Answers that are seldom seen: of a cluster that moves its segments about, and of none that is known.

use testkit::collection::plain;
use testkit::data;
use testkit::fake::Profile;
use testkit::pb::schema::DataType;
use testkit::scene::{PLAN, doubles::Doubles, entry, expect_words};
use testkit::table::Table;

/// What a query may be answered while a cluster balances its load, is upgraded, or reads from a
/// storage that has a bad moment (`internal/querynodev2/handlers.go`, `internal/proxy/lb_policy.go`,
/// `pkg/util/merr/errors.go`, 2.3 to 3.0). 202 says that a partition is not loaded yet.
const PASSING: [(i32, &str); 22] = [
    (202, "partition not fully loaded[partition=_default]"),
    (305, "resource group service unavailable"),
    (401, "replica not available"),
    (500, "channel not found[channel=by-dev-rootcoord-dml_3_450v0]"),
    (501, "channel lacks[channel=by-dev-rootcoord-dml_3_450v0]"),
    (503, "channel not available"),
    (505, "channel tsafe stalled"),
    (507, "channel misrouted: not owned by this node"),
    (600, "segment not found[segment=450]"),
    (601, "segment not loaded[segment=450]"),
    (602, "segment lacks[segment=450]"),
    (901, "node not found[node=7]"),
    (904, "node not match[expectedNodeID=7][actualNodeID=8]"),
    (905, "node not available"),
    (1002, "unexpected EOF"),
    (1003, "too many requests"),
    (2038, "segcore Future was canceled"),
    (2317, "compaction blocked by snapshot protection"),
    (10_000, "context canceled"),
    (10_001, "context deadline exceeded"),
    (65_535, "a bad day of the worker"),
    (4_711, "a code of tomorrow"),
];

async fn scene(settings: &str) -> (Doubles, Table) {
    let scene = Doubles::of(Profile::milvus("2.6.20"), Profile::milvus("2.6.20")).await;
    let collection = plain("things", DataType::Int64);
    let rows = data::table_of(&collection, &data::key_range(0..5_000), 9);
    scene.source.fill(&collection, &rows).await;
    scene.plan_file(&entry("things", ""));
    let plan = scene.ferry.read(PLAN);
    scene
        .ferry
        .write(PLAN, &plan.replace("[copy]", &format!("[copy]\nparallelism = 1\n{settings}")));
    (scene, rows)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_passes_by_itself_is_waited_for_while_reading() {
    let (scene, rows) = scene("").await;
    for (number, (code, reason)) in PASSING.into_iter().enumerate() {
        // Each in another call, so that the pauses stay short.
        scene.from.refuse_once("Query", 2 + number, code, reason);
    }
    scene.from.refuse_once("GetLoadState", 1, 500, "channel not found");
    scene.from.refuse_once("DescribeCollection", 1, 905, "node not available");
    scene.converge().await;
    scene.expect("things", &rows).await;
}

/// It is said which code it was, that nobody knows it, and how long it was tried.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unknown_code_that_stays_ends_the_run_and_is_named() {
    let (scene, rows) = scene("retry_for = \"1s\"").await;
    scene.plan().await.expect_code(2);
    for number in 0..200 {
        let after = if number == 0 { 4 } else { 0 };
        scene.from.refuse_once("Query", after, 4_711, "a code of tomorrow");
    }
    let apply = scene.apply().await.expect_code(5);
    expect_words(
        &apply,
        &["a code of tomorrow", "[code 4711, which milvus-ferry does not know]", "tried for"],
    );
    scene.from.forget_refusals();
    scene.apply().await.expect_code(0);
    scene.expect("things", &rows).await;
}

/// A refusal that is meant is not repeated.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refusal_is_said_at_once() {
    let (scene, _) = scene("retry_for = \"1h\"").await;
    for (code, reason) in [(1401, "permission deny"), (1009, "data integrity check failed")] {
        scene.from.refuse_once("Query", 8, code, reason);
        let asked = scene.from.count("Query");
        let apply = scene.apply().await;
        assert!([Some(4), Some(5)].contains(&apply.code), "{}", apply.stderr);
        expect_words(&apply, &[reason, &format!("[code {code}]")]);
        assert!(scene.from.count("Query") < asked + 40);
    }
}

/// `Connect` answers so where the user does not see the database `default`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_user_who_does_not_see_the_default_database_connects() {
    let hidden = |version| Profile::milvus(version).set(|profile| profile.default_hidden = true);
    let scene = Doubles::of(hidden("2.5.27"), hidden("2.6.20")).await;
    scene.source.create_database("shop").await;
    scene.target.create_database("shop").await;
    let collection = plain("things", DataType::Int64);
    let rows = data::table(&collection, 300, 2);
    scene.source.in_database("shop").fill(&collection, &rows).await;
    scene.plan_one("things", "source_database = \"shop\"\ntarget_database = \"shop\"");
    let plan = scene.plan().await.expect_code(2);
    expect_words(&plan, &["Milvus 2.5.27", "Milvus 2.6.20"]);
    scene.apply().await.expect_code(0);
    let there = scene.target.in_database("shop").read_all("things", &rows.keys(), &[]).await;
    testkit::table::assert_same(&rows, &there);
}
