//! What the tests of this binary share: source collections, plan files, a look into the ledger,
//! and the final comparison of both ends.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};
use tokio::sync::OnceCell;

use testkit::collection::{Collection, Index, field, key, plain, var_char, vector};
use testkit::data;
use testkit::ferry::{Ferry, Outcome, Running};
use testkit::lab::{self, Kind, Server};
use testkit::pb::schema::DataType;
use testkit::probe::Probe;
use testkit::table::{Table, assert_same, assert_same_by_partition};

/// The plan file's name in every test.
pub const PLAN: &str = "catalog.ferry.toml";
/// What continues a run of [`PLAN`].
pub const RESUME: &str = "milvus-ferry apply catalog.ferry.toml";
/// How long a condition may take to come about.
pub const PATIENCE: Duration = Duration::from_secs(120);

/// A loaded collection on the shared source server; tests only read it.
#[derive(Debug)]
pub struct Source {
    pub database: String,
    pub collection: Collection,
    pub table: Table,
}

impl Source {
    async fn make(collection: Collection, table: Table) -> Self {
        let probe = Probe::of(lab::server(Kind::Milvus235A)).await.in_new_database().await.kept();
        probe.fill(&collection, &table).await;
        Self { database: probe.database().to_owned(), collection, table }
    }

    pub fn name(&self) -> &str {
        &self.collection.name
    }

    /// A `[[collections]]` entry that moves it into the target's default database.
    pub fn entry(&self, target: &str, more: &str) -> String {
        format!(
            "[[collections]]\nsource = \"{}\"\nsource_database = \"{}\"\ntarget = \"{target}\"\n{more}\n",
            self.name(),
            self.database
        )
    }
}

/// 200,000 rows: hundreds of chunks of 64 KiB.
pub async fn big() -> &'static Source {
    static SHARED: OnceCell<Source> = OnceCell::const_new();
    SHARED
        .get_or_init(|| async {
            let fields = vec![
                key(DataType::Int64),
                field("number", DataType::Int32),
                var_char("text", 500),
                vector("embedding", DataType::FloatVector, 8),
            ];
            let collection =
                Collection::new("big", fields).index(Index::new("embedding", "FLAT", "L2", ""));
            let table = data::table(&collection, 200_000, 11);
            Source::make(collection, table).await
        })
        .await
}

/// 12,000 rows with `Int64` keys and dynamic fields: about 20 chunks of 64 KiB.
pub async fn rows() -> &'static Source {
    static SHARED: OnceCell<Source> = OnceCell::const_new();
    SHARED
        .get_or_init(|| async {
            let collection = plain("rows", DataType::Int64).dynamic();
            let table = data::table(&collection, 12_000, 12);
            Source::make(collection, table).await
        })
        .await
}

/// 8,000 rows with `VarChar` keys, awkward ones among them.
pub async fn texts() -> &'static Source {
    static SHARED: OnceCell<Source> = OnceCell::const_new();
    SHARED
        .get_or_init(|| async {
            let collection = plain("texts", DataType::VarChar).dynamic();
            let table = data::table(&collection, 8_000, 13);
            Source::make(collection, table).await
        })
        .await
}

/// The partitions of [`parted`].
pub const PARTITIONS: [&str; 3] = ["_default", "east", "west"];

/// 15,000 rows in three partitions.
pub async fn parted() -> &'static Source {
    static SHARED: OnceCell<Source> = OnceCell::const_new();
    SHARED
        .get_or_init(|| async {
            let collection =
                plain("parted", DataType::Int64).dynamic().partitions(&["east", "west"]);
            let table = data::table(&collection, 15_000, 14).spread_over(&PARTITIONS);
            Source::make(collection, table).await
        })
        .await
}

/// A plan file from one endpoint to another.
pub fn plan(source: &str, target: &str, entries: &str, copy: &str) -> String {
    format!(
        "version = 1\n[source]\nendpoint = \"{source}\"\n[target]\nendpoint = \"{target}\"\n\
         [copy]\nchunk_size = \"64KiB\"\n{copy}\n{entries}"
    )
}

/// One source collection on its way to a new collection of a target server.
pub struct Trip {
    pub source: &'static Source,
    /// The target collection's name.
    pub target: String,
    pub ferry: Ferry,
    /// The target server itself, whatever the binary talks to.
    pub probe: Probe,
}

impl Trip {
    /// From the shared source server straight to the other one.
    pub async fn new(source: &'static Source, more: &str) -> Self {
        let target = lab::server(Kind::Milvus235B);
        Self::between(source, lab::server(Kind::Milvus235A).uri(), target, target.uri(), more, "")
            .await
    }

    /// By way of relays: the endpoints are what the binary is told, `target` is behind its one.
    pub async fn between(
        source: &'static Source,
        source_endpoint: &str,
        target: &Server,
        target_endpoint: &str,
        more: &str,
        copy: &str,
    ) -> Self {
        let name = lab::unique_name(source.name());
        let text = plan(source_endpoint, target_endpoint, &source.entry(&name, more), copy);
        Self {
            source,
            probe: Probe::of(target).await.with_own(&name),
            target: name,
            ferry: Ferry::with_plan(PLAN, &text),
        }
    }

    /// `apply --yes`, to its end.
    #[track_caller]
    pub fn apply(&self) -> Outcome {
        self.ferry.run(&["apply", PLAN, "--yes"])
    }

    pub fn spawn(&self) -> Running {
        self.ferry.spawn(&["apply", PLAN, "--yes"])
    }

    #[track_caller]
    pub fn plan(&self) -> Outcome {
        self.ferry.run(&["plan", PLAN])
    }

    pub fn ledger(&self) -> LedgerFile {
        LedgerFile::of(&self.ferry)
    }

    /// Panics unless the target holds exactly the source's rows: every key and every column, and
    /// as many rows by `count(*)` as there are keys.
    pub async fn assert_exact(&self) {
        let read = self.probe.read_all(&self.target, &self.source.table.keys(), &[]).await;
        assert_same(&self.source.table, &read);
    }

    /// [`Trip::assert_exact`], each row in its partition.
    pub async fn assert_exact_by_partition(&self) {
        let keys = self.source.table.keys();
        let read = self.probe.read_all(&self.target, &keys, &PARTITIONS).await;
        assert_same_by_partition(&self.source.table, &read);
    }

    /// Frees the target server of a collection that is not needed any more.
    pub async fn clear(self) {
        self.probe.drop_collection(&self.target).await;
    }
}

/// The ledger of a run, looked at from outside.
pub struct LedgerFile(PathBuf);

impl LedgerFile {
    /// The ledger of [`PLAN`].
    pub fn of(ferry: &Ferry) -> Self {
        Self::at(&ferry.path(".milvus-ferry"))
    }

    pub fn at(folder: &Path) -> Self {
        Self(folder.join("catalog.db"))
    }

    /// A number that a query yields; 0 while there is no ledger.
    pub fn number(&self, sql: &str) -> i64 {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        Connection::open_with_flags(&self.0, flags)
            .and_then(|connection| connection.query_row(sql, [], |row| row.get(0)))
            .unwrap_or(0)
    }

    pub fn chunks_done(&self) -> i64 {
        self.number("SELECT count(*) FROM chunks WHERE state = 'done'")
    }

    pub fn rows_done(&self) -> i64 {
        self.number("SELECT coalesce(sum(rows), 0) FROM chunks WHERE state = 'done'")
    }

    /// Moves that are done.
    pub fn moves_done(&self) -> i64 {
        self.number("SELECT count(*) FROM moves WHERE state = 'done'")
    }
}

/// Panics unless the run said this somewhere, however its lines are broken.
#[track_caller]
pub fn assert_says(outcome: &Outcome, what: &str) {
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        words(&outcome.stdout).contains(what) || words(&outcome.stderr).contains(what),
        "{what:?} is missing\nstdout:\n{}\nstderr:\n{}",
        outcome.stdout,
        outcome.stderr
    );
}
