//! What the benchmarks share: arguments, runs of the tool with their cost, the leanest client, and
//! tables.
#![allow(
    dead_code,
    deprecated,
    unreachable_pub,
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::pedantic,
    reason = "each benchmark uses a part of this, and one that cannot go on panics"
)]

pub mod floor;
pub mod lean;
pub mod table;

use std::time::{Duration, Instant};

use testkit::ferry::{Ferry, Outcome, Running};
use testkit::lab::Server;
use testkit::null::gauge::{self, Cost};

/// The plan file's name in every benchmark.
pub const PLAN: &str = "bench.ferry.toml";
/// Longer than any run takes.
pub const PATIENCE: Duration = Duration::from_secs(3600);

/// The arguments behind `--`.
pub struct Arguments(Vec<String>);

impl Arguments {
    pub fn read() -> Self {
        Self(std::env::args().skip(1).collect())
    }

    pub fn has(&self, name: &str) -> bool {
        self.0.iter().any(|argument| argument == name)
    }

    /// Whether to try the code instead of measuring: `--quick`, and whenever `cargo bench`, which
    /// gives `--bench`, is not what runs it.
    pub fn quick(&self) -> bool {
        self.has("--quick") || !self.has("--bench")
    }

    pub fn text(&self, name: &str) -> Option<&str> {
        let place = self.0.iter().position(|argument| argument == name)?;
        Some(self.0.get(place + 1).unwrap_or_else(|| panic!("{name} wants a value")))
    }

    pub fn number(&self, name: &str) -> Option<u64> {
        let text = self.text(name)?.replace('_', "");
        Some(text.parse().unwrap_or_else(|_| panic!("{name} wants a number")))
    }

    /// A number with one default for measuring and one for trying.
    pub fn size(&self, name: &str, full: u64, quick: u64) -> u64 {
        self.number(name).unwrap_or(if self.quick() { quick } else { full })
    }

    /// How often each thing is measured.
    pub fn runs(&self, full: u64) -> usize {
        self.size("--runs", full, 1) as usize
    }

    /// Lines for `[copy]`, with `;` between them: `--copy 'memory_limit = "256MiB"'`.
    pub fn copy(&self) -> String {
        self.text("--copy").unwrap_or_default().replace(';', "\n")
    }
}

/// A plan that moves what `source` names, all into the default database.
pub fn plan(source: &str, target: &str, copy: &str, collections: &str) -> Ferry {
    let text = format!(
        "version = 1\n[source]\nendpoint = \"{source}\"\n[target]\nendpoint = \"{target}\"\n\
         [copy]\n{copy}\n[[collections]]\nsource = \"{collections}\"\n"
    );
    Ferry::with_plan(PLAN, &text)
}

/// A finished run of the tool.
pub struct Run {
    pub cost: Cost,
    /// From its start to its end.
    pub seconds: f64,
    /// When it was started.
    pub began: Instant,
    pub outcome: Outcome,
}

/// `apply --yes` to its end, which has to be a good one.
pub fn apply(ferry: &Ferry) -> Run {
    let began = Instant::now();
    let running = ferry.spawn(&["apply", PLAN, "--yes"]);
    let cost = gauge::watch(running.pid(), PATIENCE);
    let seconds = began.elapsed().as_secs_f64();
    let outcome = running.wait(Duration::from_secs(10)).expect_code(0);
    Run { cost, seconds, began, outcome }
}

/// `verify` of every row to its end, which has to be a good one.
pub fn verify(ferry: &Ferry) -> Run {
    let began = Instant::now();
    let running = ferry.spawn(&["verify", PLAN]);
    let cost = gauge::watch(running.pid(), PATIENCE);
    let seconds = began.elapsed().as_secs_f64();
    let outcome = running.wait(Duration::from_secs(10)).expect_code(0);
    Run { cost, seconds, began, outcome }
}

/// `apply --yes`, to be killed.
pub fn spawn(ferry: &Ferry) -> Running {
    ferry.spawn(&["apply", PLAN, "--yes"])
}

/// The ledger of a run, as SQLite: a number that a query yields, 0 while there is none.
pub fn ledger_number(ferry: &Ferry, sql: &str) -> f64 {
    use rusqlite::{Connection, OpenFlags};
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    Connection::open_with_flags(ferry.path(".milvus-ferry/bench.db"), flags)
        .and_then(|ledger| ledger.query_row(sql, [], |row| row.get(0)))
        .unwrap_or(0.0)
}

/// Seconds that the copy of rows took, by the ledger's steps; of all collections together.
pub fn copy_seconds(ferry: &Ferry) -> f64 {
    let seconds = ledger_number(
        ferry,
        "SELECT (max(julianday(done_at)) - min(julianday(started_at))) * 86400.0 FROM steps \
         WHERE step = 'copy_rows' AND state = 'done'",
    );
    assert!(seconds > 0.0, "the ledger knows no copy");
    seconds
}

/// CPU seconds that servers have used until now.
pub fn cpu_of(servers: &[&Server]) -> f64 {
    servers.iter().map(|server| gauge::cpu_of_tree(server.pid())).sum()
}

/// Waits until servers have little left to do, for a minute at most; returns the CPU seconds that
/// they had used by then.
pub fn settle(servers: &[&Server]) -> f64 {
    let began = Instant::now();
    let mut before = cpu_of(servers);
    loop {
        std::thread::sleep(Duration::from_secs(1));
        let now = cpu_of(servers);
        if now - before < 0.15 * servers.len() as f64 || began.elapsed().as_secs() > 60 {
            return now;
        }
        before = now;
    }
}

/// The median; of an even number, the lower one of the two in the middle.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[(values.len() - 1) / 2]
}

/// The median of one figure of several runs.
pub fn median_of<T>(runs: &[T], figure: impl Fn(&T) -> f64) -> f64 {
    median(runs.iter().map(figure).collect())
}
