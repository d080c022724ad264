//! Servers that say "too large", "too fast", "not now" and "no".

use std::time::Duration;

use super::world::{self, LedgerFile, PLAN, RESUME, Trip, assert_says, plan};
use testkit::collection::{Collection, Index, field, key, var_char, vector};
use testkit::data;
use testkit::ferry::Ferry;
use testkit::lab::{self, Kind, Spec};
use testkit::pb::common::ErrorCode;
use testkit::pb::schema::DataType;
use testkit::probe::Probe;
use testkit::relay::{Act, Call, Relay, refusal};
use testkit::table::{Value, assert_same};

/// A trip with a relay before either end.
async fn spoiled(
    source: impl Fn(&Call) -> Act + Send + Sync + 'static,
    target: impl Fn(&Call) -> Act + Send + Sync + 'static,
) -> (Trip, Relay, Relay) {
    let source = Relay::with_rule(lab::server(Kind::Milvus235A), source);
    let server = lab::server(Kind::Milvus235B);
    let target = Relay::with_rule(server, target);
    let (from, to) = (source.uri(), target.uri());
    let trip = Trip::between(world::rows().await, &from, server, &to, "", "").await;
    (trip, source, target)
}

fn splits(ledger: &LedgerFile) -> i64 {
    ledger.number("SELECT count(*) FROM chunks WHERE state = 'split'")
}

/// Whether it asks for whole rows, not for keys.
fn wants_rows(call: &Call) -> bool {
    call.rpc == "Query" && call.output_fields.len() > 1
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn answers_and_requests_that_are_too_large_split_their_chunks() {
    let too_large = |call: &Call| match call.rpc {
        "Query" if wants_rows(call) && call.number.is_multiple_of(5) => Act::too_large(),
        _ => Act::Forward,
    };
    // A request of more than 400 rows is too large for the target, and chunks have about 600.
    let (trip, _source, target) = spoiled(too_large, |call| match call.rpc {
        "Insert" | "Upsert" if call.rows > 400 => Act::too_large(),
        _ => Act::Forward,
    })
    .await;
    trip.apply().expect_code(0);
    assert!(splits(&trip.ledger()) > 10, "{}", splits(&trip.ledger()));
    assert!(target.calls_of("Insert").iter().any(|call| call.rows > 400));
    trip.assert_exact().await;
    trip.clear().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn busy_servers_are_asked_again() {
    let (trip, source, target) = spoiled(
        |call| match (call.rpc, call.number) {
            // 1 to 3 are from before the copy.
            ("Query", 4 | 6 | 7 | 12) | ("DescribeCollection" | "GetLoadState", 1) => {
                Act::unavailable()
            }
            ("Query", 9 | 10) => Act::rate_limited(),
            ("Query", 8) => Act::Fail(tonic::Status::deadline_exceeded("relay: too late")),
            ("Query", 11) => Act::rate_limited_by_gateway(),
            _ => Act::Forward,
        },
        |call| match (call.rpc, call.number) {
            ("Insert", 2..=4) | ("CreateCollection" | "CreateIndex", 1) => Act::rate_limited(),
            ("Insert", 7 | 8) => Act::rate_limited_2216(),
            ("Insert", 10) => Act::rate_limited_by_gateway(),
            ("LoadCollection", 1) => Act::unavailable(),
            _ => Act::Forward,
        },
    )
    .await;
    trip.apply().expect_code(0);
    // A refusal says that nothing was written, so that nothing has to be replaced.
    assert_eq!(target.count("Upsert"), 0);
    assert_eq!(splits(&trip.ledger()), 0);
    assert_eq!(target.count("LoadCollection"), 2);
    assert!(source.count("Query") > 12);
    trip.assert_exact().await;
    trip.clear().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn denied_writing_stops_the_run_at_once() {
    let (trip, _source, target) = spoiled(
        |_| Act::Forward,
        |call| match (call.rpc, call.number) {
            ("Insert", 6..) => Act::write_denied(),
            _ => Act::Forward,
        },
    )
    .await;
    let outcome = trip.apply().expect_code(5);
    assert!(outcome.took < Duration::from_secs(20), "{:?}", outcome.took);
    assert_says(&outcome, "deactivated by the administrator");
    assert_says(&outcome, "free or add capacity");
    assert_says(&outcome, RESUME);
    target.set_rule(|_| Act::Forward);
    trip.apply().expect_code(0);
    let upserts = target.count("Upsert");
    assert!((1..=8).contains(&upserts), "refused chunks are written by key, once each: {upserts}");
    trip.assert_exact().await;
    trip.clear().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_target_that_limits_the_rate_is_filled_all_the_same() {
    let server = lab::private(&Spec::milvus_235().with_insert_mb(0.25));
    let from = lab::server(Kind::Milvus235A).uri();
    let source = world::rows().await;
    let trip = Trip::between(source, from, &server, server.uri(), "", "").await;
    let outcome = trip.ferry.run(&["apply", PLAN, "--yes", "-v"]).expect_code(0);
    assert_says(&outcome, "rate limit exceeded");
    trip.assert_exact().await;
}

/// Rows that are a thousand times larger than those that were looked at beforehand.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn rows_that_real_servers_find_too_large_are_split_at_both_ends() {
    let fields = vec![
        key(DataType::Int64),
        var_char("text", 65_535),
        vector("embedding", DataType::FloatVector, 4),
    ];
    let collection =
        Collection::new("wide", fields).index(Index::new("embedding", "FLAT", "L2", ""));
    let mut table = data::table_of(&collection, &data::key_range(0..2_200), 5);
    let text = table.column("text");
    for row in &mut table.rows[1000..] {
        let Value::Text(text) = &mut row.values[text] else { panic!("a text") };
        *text = text.repeat(60_000 / text.len().max(1));
    }
    let source = Probe::of(lab::server(Kind::Milvus235A)).await.in_new_database().await;
    source.create_collection(&collection).await;
    source.insert_batches("wide", &table, 400).await;
    source.build_and_load(&collection).await;
    // All rows in one answer are more than the 64 MiB that the source sends.
    let server = lab::private(
        &Spec::milvus_235().with("proxy.grpc.serverMaxRecvSize", &(8 << 20).to_string()),
    );
    let from = lab::server(Kind::Milvus235A).uri();
    let entry = format!(
        "[[collections]]\nsource = \"wide\"\nsource_database = \"{}\"\n",
        source.database()
    );
    let text = plan(from, server.uri(), &entry, "").replace("64KiB", "32MiB");
    let ferry = Ferry::with_plan(PLAN, &text);
    let outcome = ferry.run(&["apply", PLAN, "--yes", "-v"]).expect_code(0);
    assert_says(&outcome, "Splitting a chunk");
    assert!(splits(&LedgerFile::of(&ferry)) >= 8);
    let target = Probe::of(&server).await;
    let read = target.read_all("wide", &table.keys(), &[]).await;
    assert_same(&table, &read);
    source.drop_collection("wide").await;
}

/// What 2.3.5 says when it has no memory left for writes, and what older and newer servers say.
fn out_of_memory(number: usize) -> Act {
    let reason = "memory quota exceeded, please allocate more resources";
    Act::Refuse(match number % 4 {
        0 => refusal(3, ErrorCode::InsufficientMemoryToLoad, "memory limit exceeded"),
        1 => refusal(0, ErrorCode::MemoryQuotaExhausted, reason),
        2 => refusal(9, ErrorCode::ForceDeny, &format!("quota exceeded[reason={reason}]")),
        _ => refusal(0, ErrorCode::InsufficientMemoryToLoad, "memory limit exceeded"),
    })
}

/// Memory comes back when the server has flushed: that is waited for, which other quotas are not.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_target_without_memory_is_waited_for() {
    let (trip, _source, target) = spoiled(
        |_| Act::Forward,
        |call| match (call.rpc, call.number) {
            ("Insert", 3..=8) => out_of_memory(call.number),
            _ => Act::Forward,
        },
    )
    .await;
    trip.apply().expect_code(0);
    assert_eq!(target.count("Upsert"), 0, "a refusal says that nothing was written");
    trip.assert_exact().await;
    trip.clear().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_target_that_stays_without_memory_stops_the_run_with_advice() {
    let server = lab::server(Kind::Milvus235B);
    let target = Relay::with_rule(server, |call| match (call.rpc, call.number) {
        ("Insert", 5..) => out_of_memory(call.number),
        _ => Act::Forward,
    });
    let from = lab::server(Kind::Milvus235A).uri();
    let (source, copy) = (world::rows().await, "retry_for = \"3s\"");
    let trip = Trip::between(source, from, server, &target.uri(), "", copy).await;
    let outcome = trip.apply().expect_code(5);
    assert_says(&outcome, "memory");
    assert_says(&outcome, "release collections there or give it more memory");
    assert_says(&outcome, RESUME);
    assert!(target.count("Insert") > 6, "it was not tried again");
    target.set_rule(|_| Act::Forward);
    trip.apply().expect_code(0);
    trip.assert_exact().await;
    trip.clear().await;
}

/// Each row is larger than a chunk should be; those of the second collection are larger than any
/// answer to a chunk may be.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn rows_that_are_larger_than_a_chunk() {
    let source = Probe::of(lab::server(Kind::Milvus235A)).await.in_new_database().await;
    let target = Probe::of(lab::server(Kind::Milvus235B)).await.in_new_database().await;
    // 190 KB: a text, a document, a vector, of which each may be no larger.
    let fat = vec![
        key(DataType::Int64),
        var_char("text", 65_535),
        field("document", DataType::Json),
        vector("embedding", DataType::FloatVector, 16_384),
    ];
    // 1.2 MB.
    let mut fatter = vec![key(DataType::Int64), vector("embedding", DataType::FloatVector, 4)];
    fatter.extend((0..20).map(|number| var_char(&format!("text_{number}"), 65_535)));
    let mut tables = Vec::new();
    for (name, fields, rows) in [("fat", fat, 24), ("fatter", fatter, 5)] {
        let index = Index::new("embedding", "FLAT", "L2", "");
        let collection = Collection::new(name, fields).index(index);
        let mut table = data::table(&collection, rows, 15);
        for row in &mut table.rows {
            for value in &mut row.values {
                match value {
                    Value::Text(text) => *text = "größer ".repeat(60_000 / 9) + text,
                    Value::Json(json) => {
                        *json = format!("{{\"long\": \"{}\"}}", "x".repeat(60_000)).into_bytes();
                    }
                    _ => {}
                }
            }
        }
        source.create_collection(&collection).await;
        source.insert_batches(name, &table, 5).await;
        source.flush(name).await;
        source.build_and_load(&collection).await;
        tables.push((name, table));
    }
    let (from, to) = (lab::server(Kind::Milvus235A), lab::server(Kind::Milvus235B));
    let entry = format!(
        "[[collections]]\nsource = \"fat*\"\nsource_database = \"{}\"\ntarget_database = \"{}\"\n",
        source.database(),
        target.database()
    );
    let ferry = Ferry::with_plan(PLAN, &plan(from.uri(), to.uri(), &entry, ""));
    ferry.run(&["apply", PLAN, "--yes"]).expect_code(0);
    for (name, table) in tables {
        assert_same(&table, &target.read_all(name, &table.keys(), &[]).await);
        source.drop_collection(name).await;
        target.drop_collection(name).await;
    }
}
