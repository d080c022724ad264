//! Two servers, and copying one collection from the one to the other.

use std::time::Duration;

use milvus_ferry::copy::{self, Memory, SharedLedger, Task};
use milvus_ferry::ledger::{Ledger, MoveEnds, MoveId};
use milvus_ferry::milvus::{Client, Connection, RetryPolicy, TlsFiles};
use milvus_ferry::model::{ByteSize, Collection, CopySettings, RowSettings};
use milvus_ferry::verify::counts::{self, Compared, Counts};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::support::fake::{Fake, Profile};
use crate::support::lab::{Kind, servers};
use crate::support::probe::Probe;

/// An end: a client of ours, and a probe that knows nothing of it.
pub(super) struct End {
    pub(super) client: Client,
    pub(super) probe: Probe,
}

impl End {
    pub(super) async fn of(uri: &str, probe: Probe) -> Self {
        let connection = Connection {
            uri: uri.to_owned(),
            login: None,
            tls: TlsFiles::default(),
            connections: 2,
        };
        let retry = RetryPolicy::new(Duration::from_secs(60), 1);
        let client = Client::connect(&connection, retry, CancellationToken::new()).await.unwrap();
        Self { client, probe }
    }

    /// What the server says of a collection, with its partitions.
    pub(super) async fn describe(&self, name: &str) -> Collection {
        let database = self.probe.database();
        let mut found = self.client.describe_collection(database, name).await.unwrap().unwrap();
        let mut names = self.client.list_partitions(database, name).await.unwrap();
        names.retain(|name| name != "_default");
        found.collection.partitions = names;
        found.collection
    }
}

pub(super) struct Scene {
    pub(super) source: End,
    pub(super) target: End,
    /// They end with the scene.
    _fakes: Vec<Fake>,
    folder: tempfile::TempDir,
}

impl Scene {
    /// Between doubles of two servers.
    pub(super) async fn between_doubles(from: Profile, to: Profile) -> Self {
        let fakes = vec![Fake::start(from), Fake::start(to)];
        let (from, to) = (fakes[0].uri(), fakes[1].uri());
        Self {
            source: End::of(&from, Probe::connect(&from).await).await,
            target: End::of(&to, Probe::connect(&to).await).await,
            _fakes: fakes,
            folder: tempfile::tempdir().unwrap(),
        }
    }

    /// Between two real servers, in databases of this test.
    pub(super) async fn between(from: Kind, to: Kind) -> Self {
        let [from, to] = servers([from, to]);
        let source = Probe::of(from).await.in_new_database().await;
        let target = Probe::of(to).await.in_new_database().await;
        Self {
            source: End::of(from.uri(), source).await,
            target: End::of(to.uri(), target).await,
            _fakes: Vec::new(),
            folder: tempfile::tempdir().unwrap(),
        }
    }

    /// Makes the target collection with its indexes, copies, loads it, and counts.
    pub(super) async fn copy(
        &self,
        from: &Collection,
        to: &Collection,
        settings: &RowSettings,
    ) -> Result<Counts, copy::Error> {
        let target = &self.target.client;
        target.create_collection(to).await.unwrap();
        for partition in &to.partitions {
            target.create_partition(&to.database, &to.name, partition).await.unwrap();
        }
        let (of_move, ledger) = self.ledger(from, to);
        let (progress, mut told) = mpsc::channel(64);
        let task = Task {
            source: self.source.client.clone(),
            target: target.clone(),
            from: from.clone(),
            to: to.clone(),
            settings: settings.clone(),
            limits: CopySettings {
                parallelism: 2,
                parallel_collections: 1,
                memory_limit: ByteSize(64 << 20),
                chunk_size: ByteSize(64 << 10),
                max_request_size: ByteSize(48 << 20),
                max_read_rate: None,
                max_write_rate: None,
                max_rejected_rows: 0,
                retry_for: Duration::from_secs(30),
            },
            row_bytes: 512,
            fresh: true,
            of_move,
            ledger: ledger.clone(),
            memory: Memory::new(64 << 20),
            progress,
            stop: CancellationToken::new(),
        };
        let copying = tokio::spawn(copy::copy_rows(task));
        while told.recv().await.is_some() {}
        copying.await.unwrap()?;
        for index in &to.indexes {
            target.create_index(&to.database, &to.name, index).await.unwrap();
        }
        self.target.probe.load(&to.name).await;
        let compared = Compared {
            source: &self.source.client,
            target,
            from,
            to,
            settings,
            adopted: false,
            chunk_size: 64 << 10,
            ledger: &ledger,
            of_move,
            first_round: true,
        };
        Ok(counts::compare(&compared).await.unwrap())
    }

    fn ledger(&self, from: &Collection, to: &Collection) -> (MoveId, SharedLedger) {
        let mut ledger = Ledger::open(self.folder.path(), "rows").unwrap();
        let run = ledger.begin_run("0", "apply", None).unwrap();
        let ends = MoveEnds {
            source_endpoint: "http://source".to_owned(),
            source_database: from.database.clone(),
            source_collection: from.name.clone(),
            target_endpoint: "http://target".to_owned(),
            target_database: to.database.clone(),
            target_collection: to.name.clone(),
        };
        let of_move = ledger.begin_move(run, &ends, to, "{}", false, 1).unwrap();
        (of_move, SharedLedger::new(ledger))
    }

    /// The target collection that is the source's under another name and in the target's database.
    pub(super) fn same(&self, from: &Collection, name: &str) -> Collection {
        let database = self.target.probe.database().to_owned();
        let mut to = Collection { database, name: name.to_owned(), ..from.clone() };
        // The server's own.
        to.properties.remove("max_field_id");
        to
    }
}

/// Counts that agree without a word.
#[track_caller]
pub(super) fn agree(counts: &Counts, rows: usize) {
    let rows = rows as u64;
    assert_eq!(counts.unexplained, Vec::<String>::new());
    assert_eq!(counts.explanations, Vec::<String>::new());
    assert_eq!((counts.source_count, counts.read), (Some(rows), rows));
    assert_eq!((counts.target_count, counts.reopened), (Some(rows), 0));
}
