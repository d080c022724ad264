//! What an end-to-end test works in: two endpoints with a probe of each, a plan file, and the binary
//! in a folder of its own.

pub mod articles;
pub mod doubles;
pub mod library;
pub mod selection;

use std::fmt::Write as _;
use std::sync::Arc;

use crate::ferry::{Ferry, Outcome};
pub use crate::ferry::{expect_words, says};
use crate::lab::{Kind, server, servers};
use crate::pb::milvus;
use crate::probe::{Probe, refusal};
use crate::table::{Table, assert_same, assert_same_by_partition};

pub const PLAN: &str = "plan.ferry.toml";

pub struct Scene {
    pub source: Probe,
    pub target: Probe,
    pub ferry: Arc<Ferry>,
    pub source_uri: String,
    pub target_uri: String,
    /// What the plan file says of the target beside its address.
    target_settings: String,
}

impl Scene {
    pub async fn between(from: Kind, to: Kind) -> Self {
        let [from, to] = servers([from, to]);
        let (source, target) = (Probe::of(from).await, Probe::of(to).await);
        let (source, target) = (source.in_new_database().await, target.in_new_database().await);
        Self::of((source, from.uri()), (target, to.uri()))
    }

    /// Between a database of one endpoint and one of another, each a probe and an address.
    pub fn of(source: (Probe, &str), target: (Probe, &str)) -> Self {
        Self {
            source: source.0,
            target: target.0,
            ferry: Arc::new(Ferry::new()),
            source_uri: source.1.to_owned(),
            target_uri: target.1.to_owned(),
            target_settings: String::new(),
        }
    }

    /// The same with a binary that has more in its environment.
    pub fn with_ferry(self, ferry: Ferry) -> Self {
        Self { ferry: Arc::new(ferry), ..self }
    }

    /// Both ends are one database of one server.
    pub async fn on_one(kind: Kind) -> Self {
        let server = server(kind);
        let probe = Probe::of(server).await.in_new_database().await;
        Self::of((probe.clone(), server.uri()), (probe, server.uri()))
    }

    /// Between two servers of Milvus 2.3.5.
    pub async fn new() -> Self {
        Self::between(Kind::Milvus235A, Kind::Milvus235B).await
    }

    /// Writes the plan file: these collections between the databases of this test, in chunks so
    /// small that a few thousand rows are many.
    pub fn plan_file(&self, collections: &str) {
        self.plan_file_with("", collections);
    }

    /// [`Scene::plan_file`] with more lines under `[source]`.
    pub fn plan_file_with(&self, source_settings: &str, collections: &str) {
        let (source, target) = (&self.source_uri, &self.target_uri);
        let (from, to) = (self.source.database(), self.target.database());
        let mut text = String::from("version = 1\n");
        let _ = writeln!(text, "[source]\nendpoint = \"{source}\"\n{source_settings}");
        let _ = writeln!(text, "[target]\nendpoint = \"{target}\"\n{}", self.target_settings);
        let _ = writeln!(text, "[copy]\nchunk_size = \"64KiB\"");
        if !(from.is_empty() && to.is_empty()) {
            let _ = writeln!(text, "[defaults]\nsource_database = \"{from}\"");
            let _ = writeln!(text, "target_database = \"{to}\"");
        }
        let _ = writeln!(text, "{collections}");
        self.ferry.write(PLAN, &text);
    }

    /// The plan file with one entry, for this collection, and more lines of it.
    pub fn plan_one(&self, collection: &str, settings: &str) {
        self.plan_file(&entry(collection, settings));
    }

    pub async fn run(&self, arguments: &[&str]) -> Outcome {
        self.ferry.run_aside(arguments).await
    }

    pub async fn plan(&self) -> Outcome {
        self.run(&["plan", PLAN, "--detailed-exitcode"]).await
    }

    /// With the log, which names every step, however short.
    pub async fn apply(&self) -> Outcome {
        self.run(&["apply", PLAN, "--yes", "-v"]).await
    }

    /// The whole way: changes are pending, are carried out, and then there is nothing to do.
    /// Returns what the plan and the apply said.
    pub async fn converge(&self) -> (Outcome, Outcome) {
        let plan = self.plan().await.expect_code(2);
        let apply = self.apply().await.expect_code(0);
        self.nothing_to_do().await;
        (plan, apply)
    }

    pub async fn nothing_to_do(&self) {
        self.plan().await.expect_code(0);
        let again = self.apply().await.expect_code(0);
        assert!(says(&again, "Nothing to do"), "{}\n{}", again.stdout, again.stderr);
    }

    /// `plan` and `apply` refuse and say each of these.
    #[track_caller]
    pub fn refused(outcomes: [Outcome; 2], reasons: &[&str]) {
        for outcome in outcomes {
            expect_words(&outcome.expect_code(1), reasons);
        }
    }

    pub async fn expect_refusal(&self, reasons: &[&str]) {
        Self::refused([self.plan().await, self.apply().await], reasons);
    }

    /// Every row and every column at the target is what was put into the source.
    pub async fn expect(&self, collection: &str, rows: &Table) {
        assert_same(rows, &self.target.read_all(collection, &rows.keys(), &[]).await);
    }

    /// The same, partition by partition.
    pub async fn expect_in_partitions(&self, collection: &str, rows: &Table, names: &[&str]) {
        let read = self.target.read_all(collection, &rows.keys(), names).await;
        assert_same_by_partition(rows, &read);
    }

    /// Chunks in the ledger of this test's plan that were copied.
    pub fn chunks(&self) -> i64 {
        let ledger = rusqlite::Connection::open(self.ferry.path(".milvus-ferry/plan.db")).unwrap();
        let count = "SELECT count(*) FROM chunks WHERE state = 'done'";
        ledger.query_row(count, [], |row| row.get(0)).unwrap()
    }
}

/// One `[[collections]]` entry.
pub fn entry(collection: &str, settings: &str) -> String {
    format!("[[collections]]\nsource = \"{collection}\"\n{settings}\n")
}

/// The databases of a server.
pub async fn databases(probe: &Probe) -> Vec<String> {
    let request = milvus::ListDatabasesRequest::default();
    let answer = probe.raw().list_databases(request).await.unwrap().into_inner();
    assert_eq!(refusal(answer.status.as_ref()), None);
    answer.db_names
}

/// How many rows a filter finds.
pub async fn count_where(probe: &Probe, collection: &str, filter: &str) -> usize {
    probe.query_keys(collection, &[], filter, 0).await.len()
}
