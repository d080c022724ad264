//! What the tool costs itself: `apply` from an endless source to a target that throws rows away,
//! against a bare copy of the same messages through tonic.
//!
//! ```text
//! cargo bench --bench tool [-- --megabytes 3000 --runs 3 --copy 'memory_limit = "256MiB"']
//! ```
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::pedantic,
    reason = "a benchmark that cannot go on panics"
)]

#[path = "shared/shared.rs"]
mod shared;

use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use shared::lean::{self, Lean};
use shared::table::{self, digits};
use shared::{Arguments, PATIENCE, apply, median_of, plan};
use testkit::null::gauge::{self, Cost};
use testkit::null::{Shape, Source, Tally, Target};

/// Where the bare copy writes.
const BARE: &str = "bare";

/// One copy of everything.
struct Copy {
    cost: Cost,
    target: Tally,
    /// From the start of the process to the last acknowledgement.
    seconds: f64,
}

impl Copy {
    fn gigabytes(&self) -> f64 {
        self.target.bytes as f64 / 1e9
    }

    /// MB/s from the first request to the last acknowledgement.
    fn speed(&self) -> f64 {
        let (first, last) = (self.target.first.unwrap(), self.target.last.unwrap());
        self.target.bytes as f64 / 1e6 / last.duration_since(first).as_secs_f64()
    }

    fn overall_speed(&self) -> f64 {
        self.target.bytes as f64 / 1e6 / self.seconds
    }

    fn cpu_per_gigabyte(&self) -> f64 {
        self.cost.cpu / self.gigabytes()
    }
}

fn main() {
    let arguments = Arguments::read();
    if arguments.has("--bare") {
        return bare_copy(&arguments);
    }
    let shape = Shape::texts_768();
    let megabytes = arguments.size("--megabytes", 3_000, 200);
    let rows = megabytes * 1_000_000 / shape.row_bytes() as u64;
    let source = Source::of("rows", shape.clone(), rows);
    let (mut tools, mut bares, mut doubles) = (Vec::new(), Vec::new(), Vec::new());
    let mut chunk = 0;
    for _ in 0..arguments.runs(3) {
        source.reset();
        let target = Target::start();
        let ferry = plan(&source.uri(), &target.uri(), &arguments.copy(), "rows");
        let run = apply(&ferry);
        assert_eq!(target.rows("rows"), rows);
        tools.push(finished(&target, run.cost, run.began));
        let reads = source.tally();
        chunk = reads.rows.div_ceil(reads.calls);

        let target = Target::start();
        make_collection(&target, &shape);
        let before = gauge::cost(std::process::id()).cpu;
        bares.push(bare(&arguments, &source, &target, rows, chunk));
        doubles.push(gauge::cost(std::process::id()).cpu - before);
        assert_eq!(target.rows(BARE), rows);
    }

    let figure = |name: &str, of: &dyn Fn(&Copy) -> f64, aim: &str| {
        let (tool, bare) = (median_of(&tools, of), median_of(&bares, of));
        row![name, digits(tool), digits(bare), digits(tool / bare), aim]
    };
    let last = &tools[tools.len() - 1].target;
    table::print(
        &format!(
            "`tool`: {rows} rows, {:.2} GB, {} runs; reads of {chunk} rows; the tool's writes: {} \
             of {:.1} MB at most, up to {} at once",
            tools[0].gigabytes(),
            tools.len(),
            last.calls,
            last.largest as f64 / 1e6,
            last.most_at_once,
        ),
        &[
            row!["", "tool", "bare copy", "ratio", "aim"],
            figure("MB/s while rows flow", &Copy::speed, "≥ 0.8"),
            figure("MB/s from start to last row", &Copy::overall_speed, ""),
            figure("CPU s/GB", &Copy::cpu_per_gigabyte, "≤ 2.0 s/GB"),
            figure("peak RSS, MiB", &|copy| copy.cost.peak_memory as f64 / 1048576.0, ""),
        ],
    );
    let doubles = median_of(&doubles, |cpu| *cpu) / bares[0].gigabytes();
    println!("\nThe doubles beside the bare copy: {} CPU s/GB.", digits(doubles));
}

fn finished(target: &Target, cost: Cost, began: Instant) -> Copy {
    let target = target.tally();
    let seconds = target.last.unwrap().duration_since(began).as_secs_f64();
    Copy { cost, target, seconds }
}

fn make_collection(target: &Target, shape: &Shape) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let probe = testkit::probe::Probe::connect(&target.uri()).await;
        probe.create_collection(&shape.collection(BARE)).await;
    });
}

/// The bare copy in a process of its own: this program once more.
fn bare(
    arguments: &Arguments,
    source: &Source,
    target: &Target,
    rows: u64,
    rows_at_once: u64,
) -> Copy {
    let began = Instant::now();
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--bare", &source.uri(), "--to", &target.uri()])
        .args(["--rows", &rows.to_string(), "--rows-at-once", &rows_at_once.to_string()])
        .args(["--in-flight", &arguments.number("--in-flight").unwrap_or(16).to_string()])
        .args(["--connections", &arguments.number("--connections").unwrap_or(8).to_string()])
        .stdin(Stdio::null())
        .spawn()
        .unwrap();
    let cost = gauge::watch(child.id(), PATIENCE);
    assert!(child.wait().unwrap().success(), "the bare copy failed");
    finished(target, cost, began)
}

/// Reads the same ranges and forwards the columns as they are, several at once.
fn bare_copy(arguments: &Arguments) {
    let number = |name: &str| arguments.number(name).unwrap();
    let (rows, step) = (number("--rows"), number("--rows-at-once"));
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let connections = number("--connections") as usize;
        let sources = Lean::several(arguments.text("--bare").unwrap(), connections);
        let targets = Lean::several(arguments.text("--to").unwrap(), connections);
        let next = Arc::new(AtomicU64::new(0));
        let output = ["id", "text", "document", "embedding"].map(str::to_owned);
        let mut tasks = tokio::task::JoinSet::new();
        for place in 0..number("--in-flight") as usize {
            let source = sources[place % connections].clone();
            let target = targets[place % connections].clone();
            let (next, output) = (next.clone(), output.clone());
            tasks.spawn(async move {
                loop {
                    let first = next.fetch_add(step, Ordering::Relaxed);
                    if first >= rows {
                        return;
                    }
                    let last = (first + step).min(rows);
                    let keys = (first as i64 + 1, last as i64);
                    let answer = source.read("rows", keys, &output).await;
                    target.insert(lean::forwarded(&answer, BARE, last - first), last - first).await;
                }
            });
        }
        tasks.join_all().await;
    });
}
