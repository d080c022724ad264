//! Two servers, a database for one test on each, and the binary in a folder of its own.

use std::fmt::Write as _;
use std::sync::Arc;

use crate::support::ferry::{Ferry, Outcome};
pub(super) use crate::support::ferry::{expect_words, says};
use crate::support::lab::{Kind, servers};
use crate::support::pb::milvus;
use crate::support::probe::{Probe, refusal};
use crate::support::table::{Table, assert_same, assert_same_by_partition};

pub(super) const PLAN: &str = "plan.ferry.toml";

pub(super) struct Scene {
    pub(super) source: Probe,
    pub(super) target: Probe,
    pub(super) ferry: Arc<Ferry>,
    pub(super) source_uri: String,
    pub(super) target_uri: String,
}

impl Scene {
    pub(super) async fn between(from: Kind, to: Kind) -> Self {
        let [from, to] = servers([from, to]);
        let (source, target) = (Probe::of(from).await, Probe::of(to).await);
        Self {
            source: source.in_new_database().await,
            target: target.in_new_database().await,
            ferry: Arc::new(Ferry::new()),
            source_uri: from.uri().to_owned(),
            target_uri: to.uri().to_owned(),
        }
    }

    /// Between two servers of Milvus 2.3.5.
    pub(super) async fn new() -> Self {
        Self::between(Kind::Milvus235A, Kind::Milvus235B).await
    }

    /// Writes the plan file: these collections between the databases of this test, in chunks so
    /// small that a few thousand rows are many.
    pub(super) fn plan_file(&self, collections: &str) {
        self.plan_file_with("", collections);
    }

    /// [`Scene::plan_file`] with more lines under `[source]`.
    pub(super) fn plan_file_with(&self, source_settings: &str, collections: &str) {
        let (source, target) = (&self.source_uri, &self.target_uri);
        let (from, to) = (self.source.database(), self.target.database());
        let mut text = String::from("version = 1\n");
        let _ = writeln!(text, "[source]\nendpoint = \"{source}\"\n{source_settings}");
        let _ = writeln!(text, "[target]\nendpoint = \"{target}\"");
        let _ = writeln!(text, "[copy]\nchunk_size = \"64KiB\"");
        let _ = writeln!(text, "[defaults]\nsource_database = \"{from}\"");
        let _ = writeln!(text, "target_database = \"{to}\"\n{collections}");
        self.ferry.write(PLAN, &text);
    }

    pub(super) async fn run(&self, arguments: &[&str]) -> Outcome {
        self.ferry.run_aside(arguments).await
    }

    pub(super) async fn plan(&self) -> Outcome {
        self.run(&["plan", PLAN, "--detailed-exitcode"]).await
    }

    /// With the log, which names every step, however short.
    pub(super) async fn apply(&self) -> Outcome {
        self.run(&["apply", PLAN, "--yes", "-v"]).await
    }

    /// The whole way: changes are pending, are carried out, and then there is nothing to do.
    /// Returns what the plan and the apply said.
    pub(super) async fn converge(&self) -> (Outcome, Outcome) {
        let plan = self.plan().await.expect_code(2);
        let apply = self.apply().await.expect_code(0);
        self.nothing_to_do().await;
        (plan, apply)
    }

    pub(super) async fn nothing_to_do(&self) {
        self.plan().await.expect_code(0);
        let again = self.apply().await.expect_code(0);
        assert!(says(&again, "Nothing to do"), "{}\n{}", again.stdout, again.stderr);
    }

    /// `plan` and `apply` refuse and say each of these.
    #[track_caller]
    pub(super) fn refused(outcomes: [Outcome; 2], reasons: &[&str]) {
        for outcome in outcomes {
            let outcome = outcome.expect_code(1);
            for reason in reasons {
                assert!(
                    says(&outcome, reason),
                    "no {reason:?} in:\n{}\n{}",
                    outcome.stdout,
                    outcome.stderr
                );
            }
        }
    }

    pub(super) async fn expect_refusal(&self, reasons: &[&str]) {
        Self::refused([self.plan().await, self.apply().await], reasons);
    }

    /// Every row and every column at the target is what was put into the source.
    pub(super) async fn expect(&self, collection: &str, rows: &Table) {
        assert_same(rows, &self.target.read_all(collection, &rows.keys(), &[]).await);
    }

    /// The same, partition by partition.
    pub(super) async fn expect_in_partitions(
        &self,
        collection: &str,
        rows: &Table,
        names: &[&str],
    ) {
        let read = self.target.read_all(collection, &rows.keys(), names).await;
        assert_same_by_partition(rows, &read);
    }

    /// Chunks in the ledger of this test's plan that were copied.
    pub(super) fn chunks(&self) -> i64 {
        let ledger = rusqlite::Connection::open(self.ferry.path(".milvus-ferry/plan.db")).unwrap();
        let count = "SELECT count(*) FROM chunks WHERE state = 'done'";
        ledger.query_row(count, [], |row| row.get(0)).unwrap()
    }
}

/// The databases of a server.
pub(super) async fn databases(probe: &Probe) -> Vec<String> {
    let request = milvus::ListDatabasesRequest::default();
    let answer = probe.raw().list_databases(request).await.unwrap().into_inner();
    assert_eq!(refusal(answer.status.as_ref()), None);
    answer.db_names
}

/// How many rows a filter finds.
pub(super) async fn count_where(probe: &Probe, collection: &str, filter: &str) -> usize {
    probe.query_keys(collection, &[], filter, 0).await.len()
}
