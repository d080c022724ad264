//! What the digests of rows cost, and which share that is of what a copy costs.
//!
//! ```text
//! cargo bench --bench digest [-- --megabytes 1000 --runs 3]
//! ```
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::pedantic,
    reason = "a benchmark that cannot go on panics"
)]

#[path = "shared/shared.rs"]
mod shared;

use std::hint::black_box;
use std::time::Duration;

use milvus_ferry::milvus::{
    Client, Connection, Moment, ProxySettings, Query, RetryPolicy, Rows, TlsFiles,
};
use milvus_ferry::model::{Key, KeyRange};
use tokio_util::sync::CancellationToken;

use shared::table::{self, digits};
use shared::{Arguments, apply, median, plan};
use testkit::null::{Content, Shape, Source, Target, gauge};

/// A batch is as large as a chunk.
const BATCH: usize = 8 << 20;
/// More batches than a cache holds.
const BATCHES: u64 = 8;

fn main() {
    let arguments = Arguments::read();
    let mut rows = vec![row![
        "",
        "bytes a row",
        "ms a batch",
        "GB/s",
        "digest CPU s/GB",
        "copy CPU s/GB",
        "share",
        "aim"
    ]];
    for (name, shape) in [
        ("texts, 768 floats", Shape::texts_768()),
        ("short texts, 128 floats", short(128)),
        ("short rows", short(16)),
    ] {
        let bytes = shape.row_bytes();
        let (digest, batch) = digesting(&arguments, &shape);
        let copy = median((0..arguments.runs(3)).map(|_| copying(&arguments, &shape)).collect());
        rows.push(row![
            name,
            bytes,
            digits(digest * batch * 1e3),
            digits(1e-9 / digest),
            digits(digest * 1e9),
            digits(copy * 1e9),
            format!("{:.1} %", digest / copy * 100.0),
            "≤ 15 %"
        ]);
    }
    table::print(&format!("`digest`: {} runs", arguments.runs(3)), &rows);
}

/// Rows so short that what is spent on each counts more than their bytes.
fn short(floats: u32) -> Shape {
    Shape::new(&[
        ("text", Content::Text(24)),
        ("document", Content::Json(30)),
        ("embedding", Content::Floats(floats)),
    ])
}

/// CPU seconds that the digest of a byte takes, and the bytes of a batch.
fn digesting(arguments: &Arguments, shape: &Shape) -> (f64, f64) {
    let batches = read(shape);
    let bytes: usize = batches.iter().map(Rows::bytes).sum();
    let least = if arguments.quick() { 0.05 } else { 3.0 };
    let costs = (0..arguments.runs(3)).map(|_| {
        let before = gauge::cost(std::process::id()).cpu;
        let (mut spent, mut done) = (0.0, 0);
        while spent < least {
            for batch in &batches {
                black_box(batch.digest().unwrap());
            }
            done += bytes;
            spent = gauge::cost(std::process::id()).cpu - before;
        }
        spent / done as f64
    });
    (median(costs.collect()), bytes as f64 / batches.len() as f64)
}

/// Some batches, as the tool reads them.
fn read(shape: &Shape) -> Vec<Rows> {
    let each = (BATCH / shape.row_bytes()) as i64;
    let source = Source::of("rows", shape.clone(), each as u64 * BATCHES);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let connection = Connection {
            uri: source.uri(),
            login: None,
            tls: TlsFiles::default(),
            connections: 1,
            proxies: ProxySettings::default(),
            role: None,
        };
        let retry = RetryPolicy::new(Duration::from_secs(10), 1);
        let client = Client::connect(&connection, retry, CancellationToken::new()).await.unwrap();
        let there = client.describe_collection("default", "rows").await.unwrap().unwrap();
        let query = Query::of(&there.collection).unwrap();
        let mut batches = Vec::new();
        for number in 0..BATCHES as i64 {
            let key = |number| Some(Key::Int64(number * each));
            let range = KeyRange { after: key(number), up_to: key(number + 1) };
            let columns = there.collection.columns();
            let rows = client.rows_in(&query, &range, columns, Moment::Eventually, 64 << 20).await;
            batches.push(rows.unwrap());
            assert_eq!(batches[number as usize].len() as i64, each);
        }
        batches
    })
}

/// CPU seconds that `apply` takes for a byte, digests among them.
fn copying(arguments: &Arguments, shape: &Shape) -> f64 {
    let megabytes = arguments.size("--megabytes", 1_000, 50);
    let rows = megabytes * 1_000_000 / shape.row_bytes() as u64;
    let source = Source::of("rows", shape.clone(), rows);
    let target = Target::start();
    let run = apply(&plan(&source.uri(), &target.uri(), &arguments.copy(), "rows"));
    assert_eq!(target.rows("rows"), rows);
    run.cost.cpu / target.tally().bytes as f64
}
