//! How soon a run goes on: `apply` is killed with nine rows of ten done, and the next one is timed
//! from its start to the first row that it writes.
//!
//! ```text
//! cargo bench --bench resume [-- --rows 1000000 --server-rows 200000 --runs 5]
//! ```
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::pedantic,
    reason = "a benchmark that cannot go on panics"
)]

#[path = "shared/shared.rs"]
mod shared;

use std::time::{Duration, Instant};

use shared::floor;
use shared::table::{self, digits};
use shared::{Arguments, PATIENCE, ledger_number, median, plan, spawn};
use testkit::ferry::Ferry;
use testkit::lab::{Kind, servers, unique_name};
use testkit::null::{Content, Pace, Shape, Source, Target};
use testkit::probe::Probe;

const DONE: &str = "SELECT CAST(coalesce(sum(rows), 0) AS REAL) FROM chunks WHERE state = 'done'";

fn main() {
    let arguments = Arguments::read();
    let shape = Shape::new(&[
        ("text", Content::Text(28)),
        ("document", Content::Json(30)),
        ("embedding", Content::Floats(128)),
    ]);
    let mut lines = vec![row!["", "rows", "chunks", "ms to the first row", "of a fresh run, ms"]];
    let rows = arguments.size("--rows", 1_000_000, 50_000);
    let runs = arguments.runs(5);
    // Small chunks, so that there are many in the ledger.
    let copy = format!("chunk_size = \"256KiB\"\n{}", arguments.copy());
    let source = Source::of("rows", shape.clone(), rows);
    let (mut fresh, mut resumed, mut chunks) = (Vec::new(), Vec::new(), 0.0);
    for _ in 0..runs {
        let target = Target::at(Pace { latency: Duration::from_millis(1), ..Pace::default() });
        let ferry = plan(&source.uri(), &target.uri(), &copy, "rows");
        let began = Instant::now();
        let mut run = spawn(&ferry);
        run.wait_until(PATIENCE, || target.tally().rows * 10 >= rows * 9);
        run.kill();
        fresh.push(milliseconds(began, target.tally().first.unwrap()));
        chunks = ledger_number(&ferry, "SELECT CAST(count(*) AS REAL) FROM chunks");

        target.reset();
        let began = Instant::now();
        let mut run = spawn(&ferry);
        run.wait_until(PATIENCE, || target.tally().first.is_some());
        resumed.push(milliseconds(began, target.tally().first.unwrap()));
        run.kill();
    }
    let line = |what: &str, rows: u64, chunks: f64, resumed: Vec<f64>, fresh: Vec<f64>| {
        row![what, rows, chunks, digits(median(resumed)), digits(median(fresh))]
    };
    lines.push(line("between doubles", rows, chunks, resumed, fresh));

    let rows = arguments.size("--server-rows", 200_000, 10_000);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let (mut fresh, mut resumed, mut chunks) = (Vec::new(), Vec::new(), 0.0);
    let [from, to] = servers([Kind::Milvus235A, Kind::Milvus235B]);
    let name = unique_name("resumed");
    runtime.block_on(async {
        let probe = Probe::of(from).await;
        floor::make_source(&probe, from.uri(), &shape, &name, rows).await;
    });
    for _ in 0..runs {
        let ferry = plan(from.uri(), to.uri(), &copy, &name);
        fresh.push(first_row(&ferry, 0.0));
        let mut run = spawn(&ferry);
        run.wait_until(PATIENCE, || ledger_number(&ferry, DONE) >= 0.9 * rows as f64);
        run.kill();
        chunks = ledger_number(&ferry, "SELECT CAST(count(*) AS REAL) FROM chunks");
        resumed.push(first_row(&ferry, ledger_number(&ferry, DONE)));
        runtime.block_on(async { Probe::of(to).await.drop_collection(&name).await });
    }
    runtime.block_on(async { Probe::of(from).await.drop_collection(&name).await });
    lines.push(line("Milvus 2.3.5 to Milvus 2.3.5", rows, chunks, resumed, fresh));
    let title = format!("`resume`: killed with 90 % done, {runs} runs, chunks of 256 KiB");
    table::print(&title, &lines);
}

/// Milliseconds from the start of a run to the first chunk that it notes as done; the run is killed
/// then.
fn first_row(ferry: &Ferry, done: f64) -> f64 {
    let began = Instant::now();
    let mut run = spawn(ferry);
    run.wait_until(PATIENCE, || ledger_number(ferry, DONE) > done);
    let took = milliseconds(began, Instant::now());
    run.kill();
    took
}

fn milliseconds(from: Instant, to: Instant) -> f64 {
    to.duration_since(from).as_secs_f64() * 1e3
}
