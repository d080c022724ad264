//! Two servers, a collection that is copied from the one to the other, and verifying it.

use std::time::Duration;

use milvus_ferry::copy::{self, Memory, SharedLedger, Task};
use milvus_ferry::ledger::{Ledger, MoveEnds, MoveId};
use milvus_ferry::milvus::{Client, Connection, RetryPolicy, TlsFiles};
use milvus_ferry::model::{
    ByteSize, Collection, CopySettings, LoadState, RowSettings, VerifySettings,
};
use milvus_ferry::verify::result::{Basis, Mode, RowDifferenceKind, Status, Verification};
use milvus_ferry::verify::{Check, Event, Subject, Wishes, verify_collection_by};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::support::collection;
use crate::support::fake::{Fake, Profile};
use crate::support::lab::{Kind, servers};
use crate::support::probe::Probe;
use crate::support::table::{Table, Value};

/// An end: a client of ours, and a probe that knows nothing of it.
pub(super) struct End {
    pub(super) client: Client,
    pub(super) probe: Probe,
    pub(super) uri: String,
}

impl End {
    async fn of(uri: &str, probe: Probe) -> Self {
        Self { client: client(uri).await, probe, uri: uri.to_owned() }
    }

    /// What the server says of a collection, with its partitions and indexes.
    pub(super) async fn describe(&self, name: &str) -> Collection {
        let database = self.probe.database();
        let mut found = self.client.describe_collection(database, name).await.unwrap().unwrap();
        let mut names = self.client.list_partitions(database, name).await.unwrap();
        names.retain(|name| name != "_default");
        found.collection.partitions = names;
        found.collection.indexes = self.client.list_indexes(database, name).await.unwrap();
        found.collection
    }
}

/// A client of ours that gives up soon.
pub(super) async fn client(uri: &str) -> Client {
    let connection =
        Connection { uri: uri.to_owned(), login: None, tls: TlsFiles::default(), connections: 2 };
    let retry = RetryPolicy::new(Duration::from_secs(3), 1);
    Client::connect(&connection, retry, CancellationToken::new()).await.unwrap()
}

pub(super) struct Scene {
    pub(super) source: End,
    pub(super) target: End,
    /// The servers, where they are doubles: source and target. They end with the scene.
    pub(super) fakes: Vec<Fake>,
    folder: tempfile::TempDir,
    pub(super) settings: RowSettings,
    pub(super) sample_rows: u64,
    pub(super) memory: u64,
    pub(super) stop: CancellationToken,
    pub(super) adopted: bool,
}

/// What was copied.
pub(super) struct Copied {
    /// Nothing where the ledger knows of no copy.
    pub(super) of_move: Option<MoveId>,
    pub(super) ledger: SharedLedger,
}

impl Scene {
    fn of(source: End, target: End, fakes: Vec<Fake>) -> Self {
        Self {
            source,
            target,
            fakes,
            folder: tempfile::tempdir().unwrap(),
            settings: RowSettings::default(),
            sample_rows: 1_000,
            memory: 64 << 20,
            stop: CancellationToken::new(),
            adopted: false,
        }
    }

    pub(super) async fn between_doubles(from: Profile, to: Profile) -> Self {
        let fakes = vec![Fake::start(from), Fake::start(to)];
        let (from, to) = (fakes[0].uri(), fakes[1].uri());
        let source = End::of(&from, Probe::connect(&from).await).await;
        let target = End::of(&to, Probe::connect(&to).await).await;
        Self::of(source, target, fakes)
    }

    /// Between two real servers, in databases of this test.
    pub(super) async fn between(from: Kind, to: Kind) -> Self {
        let [from, to] = servers([from, to]);
        let source = Probe::of(from).await.in_new_database().await;
        let target = Probe::of(to).await.in_new_database().await;
        let (source, target) = (End::of(from.uri(), source).await, End::of(to.uri(), target).await);
        Self::of(source, target, Vec::new())
    }

    pub(super) async fn new() -> Self {
        Self::between(Kind::Milvus235A, Kind::Milvus235B).await
    }

    /// Sizes so small that a few thousand rows are many ranges.
    pub(super) fn limits() -> CopySettings {
        CopySettings {
            parallelism: 2,
            parallel_collections: 1,
            memory_limit: ByteSize(64 << 20),
            chunk_size: ByteSize(64 << 10),
            max_request_size: ByteSize(48 << 20),
            max_read_rate: None,
            max_write_rate: None,
            max_rejected_rows: 0,
            retry_for: Duration::from_secs(3),
        }
    }

    /// Fills the source, and copies the collection to a target collection of the same name.
    pub(super) async fn copy(&self, collection: &collection::Collection, rows: &Table) -> Copied {
        self.source.probe.fill(collection, rows).await;
        self.copy_again(&collection.name).await
    }

    /// Copies a collection that the source has.
    pub(super) async fn copy_again(&self, name: &str) -> Copied {
        let from = self.source.describe(name).await;
        let database = self.target.probe.database().to_owned();
        let mut to = Collection { database, ..from.clone() };
        // The server's own.
        to.properties.remove("max_field_id");
        let target = &self.target.client;
        target.create_collection(&to).await.unwrap();
        for partition in &to.partitions {
            target.create_partition(&to.database, &to.name, partition).await.unwrap();
        }
        let mut ledger = Ledger::open(self.folder.path(), name).unwrap();
        let run = ledger.begin_run("0", "apply", None).unwrap();
        let ends = MoveEnds {
            source_endpoint: "http://source".to_owned(),
            source_database: from.database.clone(),
            source_collection: from.name.clone(),
            target_endpoint: "http://target".to_owned(),
            target_database: to.database.clone(),
            target_collection: to.name.clone(),
        };
        let of_move = ledger.begin_move(run, &ends, &to, "{}", false, 1).unwrap();
        let ledger = SharedLedger::new(ledger);
        let (progress, mut told) = mpsc::channel(64);
        let task = Task {
            source: self.source.client.clone(),
            target: target.clone(),
            from,
            to: to.clone(),
            settings: self.settings.clone(),
            limits: Self::limits(),
            row_bytes: 512,
            fresh: true,
            of_move,
            ledger: ledger.clone(),
            memory: Memory::new(self.memory),
            progress,
            stop: CancellationToken::new(),
        };
        let copying = tokio::spawn(copy::copy_rows(task));
        while told.recv().await.is_some() {}
        copying.await.unwrap().unwrap();
        for index in &to.indexes {
            target.create_index(&to.database, &to.name, index).await.unwrap();
        }
        self.target.probe.load(&to.name).await;
        Copied { of_move: Some(of_move), ledger }
    }

    pub(super) fn check(
        &self,
        mode: Mode,
        copied: Option<&Copied>,
    ) -> (Check, mpsc::Receiver<Event>) {
        let (events, told) = mpsc::channel(16);
        let check = Check {
            source: self.source.client.clone(),
            target: self.target.client.clone(),
            mode,
            settings: VerifySettings { sample_rows: self.sample_rows, ..VerifySettings::default() },
            limits: Self::limits(),
            memory: Memory::new(self.memory),
            ledger: copied.map(|copied| copied.ledger.clone()),
            schema: false,
            repair: None,
            readable: true,
            events,
            stop: self.stop.clone(),
        };
        (check, told)
    }

    pub(super) async fn subject(&self, name: &str, copied: Option<&Copied>) -> Subject {
        let (from, to) = (self.source.describe(name).await, self.target.describe(name).await);
        Subject {
            from,
            from_load: LoadState::Loaded,
            wanted: to.clone(),
            to,
            to_load: LoadState::Loaded,
            settings: self.settings.clone(),
            of_move: copied.and_then(|copied| copied.of_move),
            adopted: self.adopted,
            rows: None,
            wishes: Wishes::default(),
        }
    }

    /// Verifies a collection, and gathers every difference that is told.
    pub(super) async fn verify(
        &self,
        name: &str,
        mode: Mode,
        basis: Basis,
        copied: Option<&Copied>,
    ) -> Verified {
        let (check, mut told) = self.check(mode, copied);
        let subject = self.subject(name, copied).await;
        let work = async move { verify_collection_by(&check, &subject, basis, 7).await };
        let gather = async {
            let mut rows = Vec::new();
            while let Some(event) = told.recv().await {
                if let Event::Different { row, .. } = event {
                    rows.push(*row);
                }
            }
            rows
        };
        let (result, mut told) = tokio::join!(work, gather);
        told.sort_by(|one, other| (&one.partition, &one.key).cmp(&(&other.partition, &other.key)));
        Verified { result, told }
    }

    pub(super) async fn full(&self, name: &str) -> Verified {
        self.verify(name, Mode::Full, Basis::Source, None).await
    }
}

/// A result, and every row that was told to differ.
#[derive(Debug)]
pub(super) struct Verified {
    pub(super) result: Verification,
    pub(super) told: Vec<milvus_ferry::verify::RowDifference>,
}

impl Verified {
    /// `partition/key kind field,field (explanation)` of every row that differs.
    pub(super) fn rows(&self) -> Vec<String> {
        self.told
            .iter()
            .map(|row| {
                let partition =
                    row.partition.as_ref().map(|name| format!("{name}/")).unwrap_or_default();
                let kind = match row.kind {
                    RowDifferenceKind::Missing => "missing",
                    RowDifferenceKind::Extra => "extra",
                    RowDifferenceKind::Different => "different",
                };
                let mut text = format!("{partition}{} {kind}", row.key);
                let fields: Vec<&str> = row.fields.iter().map(|one| one.field.as_str()).collect();
                if !fields.is_empty() {
                    text += &format!(" {}", fields.join(","));
                }
                if let Some(code) = &row.explanation {
                    text += &format!(" ({code})");
                }
                text
            })
            .collect()
    }

    /// Codes of what was explained, and how many rows each accounts for.
    pub(super) fn explained(&self) -> Vec<(&str, u64)> {
        self.result.explanations.iter().map(|one| (one.code.as_str(), one.rows)).collect()
    }

    #[track_caller]
    pub(super) fn is(self, status: Status) -> Self {
        assert_eq!(self.result.status, status, "{self:#?}");
        self
    }

    /// Verified without a word, so many rows.
    #[track_caller]
    pub(super) fn found_the_same(self, rows: usize) -> Self {
        let this = self.is(Status::Verified);
        assert_eq!(this.rows(), Vec::<String>::new());
        assert_eq!(this.explained(), []);
        let content = this.result.content.as_ref().unwrap();
        assert_eq!((content.rows, content.unequal_ranges), (rows as u64, 0), "{content:#?}");
        this
    }
}

/// Another value of the same kind that differs in as little as there is.
pub(super) fn spoiled(value: &Value) -> Value {
    match value {
        Value::FloatVector(values) => {
            let mut values = values.clone();
            let last = values.len() - 1;
            values[last] = f32::from_bits(values[last].to_bits() ^ 1);
            Value::FloatVector(values)
        }
        Value::Json(_) => Value::Json(br#"{"spoiled": true}"#.to_vec()),
        Value::Int(value) => Value::Int(value ^ 1),
        Value::Text(text) => Value::Text(format!("{text}!")),
        other => panic!("{other:?}"),
    }
}

/// Some rows of a table, by their places.
pub(super) fn some(table: &Table, places: &[usize]) -> Table {
    let rows = places.iter().map(|place| table.rows[*place].clone()).collect();
    Table { columns: table.columns.clone(), rows }
}

/// How a key is said.
pub(super) fn said(table: &Table, place: usize) -> String {
    match table.key_of(&table.rows[place]) {
        crate::support::table::Key::Int(key) => key.to_string(),
        crate::support::table::Key::Text(key) => format!("{key:?}"),
    }
}
