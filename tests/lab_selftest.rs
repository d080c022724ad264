//! Proves the lab itself on real servers: that they start, that what the probe puts in comes back
//! bit for bit, that the traps are armed, and that nothing is left behind.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on panics"
)]

mod support;

use support::collection::{Collection, binary, everything_235, everything_2216, everything_lite};
use support::data;
use support::lab::{self, Kind};
use support::pb::schema::DataType;
use support::probe::Probe;
use support::table::assert_same;

/// What goes in comes back, from a database of its own.
async fn round_trip(kind: Kind, collection: Collection, rows: usize) {
    let probe = Probe::of(lab::server(kind)).await.in_new_database().await;
    let table = data::table(&collection, rows, 7);
    probe.fill(&collection, &table).await;
    let read = probe.read_all(&collection.name, &table.keys(), &[]).await;
    if kind == Kind::Lite3 {
        assert_same(&table.with_json_parsed(), &read.with_json_parsed());
    } else {
        assert_same(&table, &read);
    }
}

#[tokio::test]
async fn everything_comes_back_from_235_by_int64_keys() {
    round_trip(
        Kind::Milvus235A,
        everything_235("numbers", DataType::Int64),
        3000,
    )
    .await;
}

#[tokio::test]
async fn everything_comes_back_from_235_by_var_char_keys() {
    round_trip(
        Kind::Milvus235B,
        everything_235("texts", DataType::VarChar),
        3000,
    )
    .await;
}

#[tokio::test]
async fn binary_vectors_come_back_from_235() {
    round_trip(Kind::Milvus235A, binary("bits", DataType::Int64), 1000).await;
}

#[tokio::test]
async fn everything_comes_back_from_2216_by_int64_keys() {
    round_trip(
        Kind::Milvus2216,
        everything_2216("numbers", DataType::Int64),
        3000,
    )
    .await;
}

#[tokio::test]
async fn everything_comes_back_from_2216_by_var_char_keys() {
    round_trip(
        Kind::Milvus2216,
        everything_2216("texts", DataType::VarChar),
        3000,
    )
    .await;
}

#[tokio::test]
async fn everything_comes_back_from_lite_by_int64_keys() {
    round_trip(
        Kind::Lite3,
        everything_lite("numbers", DataType::Int64),
        500,
    )
    .await;
}

#[tokio::test]
async fn everything_comes_back_from_lite_by_var_char_keys() {
    round_trip(
        Kind::Lite3,
        everything_lite("texts", DataType::VarChar),
        500,
    )
    .await;
}
