//! Two endpoints for tests of the library below the command: a client of ours and a probe at each,
//! a ledger, and what `copy` and `verify` are given.

use std::time::Duration;

use milvus_ferry::copy::identity::{self, Identity, Place};
use milvus_ferry::copy::{self, Memory, SharedLedger, Task};
use milvus_ferry::ledger::{Ledger, MoveEnds, MoveId};
use milvus_ferry::milvus::{Client, Connection, ProxySettings, RetryPolicy, TlsFiles};
use milvus_ferry::model::{
    ByteSize, Collection, CopySettings, Flavour, LoadState, RowSettings, SearchCheck,
    VerifySettings,
};
use milvus_ferry::verify::counts::{self, Compared, Counts};
use milvus_ferry::verify::result::{
    Basis, Mode, RowDifferenceKind, SearchParity, Status, Verification,
};
use milvus_ferry::verify::{
    Check, Event, Ids, Lend, Subject, Wishes, search_parity, verify_collection_by,
};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::collection;
use crate::fake::{Fake, Profile};
use crate::lab::{Kind, Server, servers};
use crate::patience::within_reason;
use crate::probe::Probe;
use crate::table::{Key, Table, Value, assert_same};

/// How long a call is retried. A double answers at once or never; a real server may be busy.
const RETRY_DOUBLES: Duration = Duration::from_secs(3);
const RETRY_SERVERS: Duration = Duration::from_secs(60);

/// What searches at both ends have to agree in.
pub const SEARCH: SearchCheck = SearchCheck { queries: 20, top_k: 10, min_overlap: 0.9 };

/// One endpoint: a client of ours, and a probe that knows nothing of it.
pub struct End {
    pub client: Client,
    pub probe: Probe,
    pub uri: String,
}

impl End {
    async fn of(uri: &str, probe: Probe, retry_for: Duration) -> Self {
        Self { client: connect(uri, retry_for).await, probe, uri: uri.to_owned() }
    }

    /// An endpoint of a real server.
    pub async fn at(server: &Server, probe: Probe) -> Self {
        Self::of(server.uri(), probe, RETRY_SERVERS).await
    }

    /// What the server says of a collection, with its partitions, aliases and indexes.
    pub async fn describe(&self, name: &str) -> Collection {
        let (client, database) = (&self.client, self.probe.database());
        let mut found = client.describe_collection(database, name).await.unwrap().unwrap();
        let mut names = client.list_partitions(database, name).await.unwrap();
        names.retain(|name| name != "_default");
        found.collection.partitions = names;
        if client.version().flavour == Flavour::Lite {
            // It does not describe them with the collection.
            let aliases = client.list_aliases(database, name).await.unwrap();
            found.collection.aliases = aliases.unwrap_or_default();
        }
        found.collection.indexes = client.list_indexes(database, name).await.unwrap();
        found.collection
    }

    async fn load_state(&self, name: &str) -> LoadState {
        self.client.settled_load_state(self.probe.database(), name, None).await.unwrap()
    }
}

/// A client of ours for a double: it gives up soon.
pub async fn client(uri: &str) -> Client {
    connect(uri, RETRY_DOUBLES).await
}

async fn connect(uri: &str, retry_for: Duration) -> Client {
    let connection = Connection {
        uri: uri.to_owned(),
        login: None,
        tls: TlsFiles::default(),
        connections: 2,
        proxies: ProxySettings::default(),
        role: None,
    };
    let retry = RetryPolicy::new(retry_for, 1);
    Client::connect(&connection, retry, CancellationToken::new()).await.unwrap()
}

/// Two endpoints and the settings of what is done between them.
pub struct Pair {
    pub source: End,
    pub target: End,
    /// The servers, where they are doubles: source and target. They end with the pair.
    pub fakes: Vec<Fake>,
    folder: tempfile::TempDir,
    retry_for: Duration,
    pub settings: RowSettings,
    pub sample_rows: u64,
    pub memory: u64,
    pub stop: CancellationToken,
    pub adopted: bool,
}

/// What was copied.
pub struct Copied {
    /// Nothing where the ledger knows of no copy.
    pub of_move: Option<MoveId>,
    pub ledger: SharedLedger,
}

impl Pair {
    fn of(source: End, target: End, fakes: Vec<Fake>, retry_for: Duration) -> Self {
        Self {
            source,
            target,
            fakes,
            folder: tempfile::tempdir().unwrap(),
            retry_for,
            settings: RowSettings::default(),
            sample_rows: 1_000,
            memory: 64 << 20,
            stop: CancellationToken::new(),
            adopted: false,
        }
    }

    pub async fn between_doubles(from: Profile, to: Profile) -> Self {
        let fakes = vec![Fake::start(from), Fake::start(to)];
        let [source, target] = [fakes[0].uri(), fakes[1].uri()].map(async |uri| {
            let probe = Probe::connect(&uri).await;
            End::of(&uri, probe, RETRY_DOUBLES).await
        });
        Self::of(source.await, target.await, fakes, RETRY_DOUBLES)
    }

    /// Between two real servers, in databases of this test.
    pub async fn between(from: Kind, to: Kind) -> Self {
        let ends = servers([from, to]);
        let [source, target] = [(ends[0], from), (ends[1], to)].map(async |(server, kind)| {
            let probe = Probe::of(server).await;
            // Milvus Lite 2 has no databases.
            let probe = if kind == Kind::Lite25 { probe } else { probe.in_new_database().await };
            End::at(server, probe).await
        });
        Self::of(source.await, target.await, Vec::new(), RETRY_SERVERS)
    }

    pub async fn new() -> Self {
        Self::between(Kind::Milvus235A, Kind::Milvus235B).await
    }

    /// Sizes so small that a few thousand rows are many ranges.
    fn limits(&self) -> CopySettings {
        CopySettings {
            parallelism: 2,
            parallel_collections: 1,
            memory_limit: ByteSize(64 << 20),
            chunk_size: ByteSize(64 << 10),
            max_request_size: ByteSize(48 << 20),
            max_read_rate: None,
            max_write_rate: None,
            max_rejected_rows: 0,
            retry_for: self.retry_for,
        }
    }

    /// The target collection that is the source's under another name and in the target's database.
    pub fn same(&self, from: &Collection, name: &str) -> Collection {
        let database = self.target.probe.database().to_owned();
        let mut to = Collection { database, name: name.to_owned(), ..from.clone() };
        // The server's own.
        to.properties.remove("max_field_id");
        to
    }

    /// Fills a collection at each end.
    pub async fn fill(
        &self,
        from: (&collection::Collection, &Table),
        to: (&collection::Collection, &Table),
    ) {
        tokio::join!(self.source.probe.fill(from.0, from.1), self.target.probe.fill(to.0, to.1));
    }

    /// Fills the source, and copies the collection to a target collection of the same name.
    pub async fn copy(&self, collection: &collection::Collection, rows: &Table) -> Copied {
        self.source.probe.fill(collection, rows).await;
        self.copy_again(&collection.name).await
    }

    /// Copies a collection that the source has.
    pub async fn copy_again(&self, name: &str) -> Copied {
        let from = self.source.describe(name).await;
        let to = self.same(&from, name);
        self.copy_to(&from, &to, &self.settings).await.unwrap()
    }

    /// Makes the target collection, copies, makes its indexes and loads it.
    pub async fn copy_to(
        &self,
        from: &Collection,
        to: &Collection,
        settings: &RowSettings,
    ) -> Result<Copied, copy::Error> {
        let target = &self.target.client;
        target.create_collection(to).await.unwrap();
        for partition in &to.partitions {
            target.create_partition(&to.database, &to.name, partition).await.unwrap();
        }
        let mut ledger = Ledger::open(self.folder.path(), &to.name).unwrap();
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
        let ledger = SharedLedger::new(ledger);
        let (progress, mut told) = mpsc::channel(64);
        let task = Task {
            source: self.source.client.clone(),
            target: target.clone(),
            from: from.clone(),
            to: to.clone(),
            settings: settings.clone(),
            limits: self.limits(),
            row_bytes: 512,
            fresh: true,
            shared: false,
            identity: self.identity(from, to).await,
            of_move,
            ledger: ledger.clone(),
            memory: Memory::new(self.memory),
            progress,
            stop: CancellationToken::new(),
        };
        let copying = tokio::spawn(copy::copy_rows(task));
        within_reason(async { while told.recv().await.is_some() {} }).await;
        copying.await.unwrap()?;
        for index in &to.indexes {
            target.create_index(&to.database, &to.name, index).await.unwrap();
        }
        self.target.probe.load(&to.name).await;
        Ok(Copied { of_move: Some(of_move), ledger })
    }

    /// Both ends, as they are now.
    async fn identity(&self, from: &Collection, to: &Collection) -> Identity {
        let (source, target) = (&self.source.client, &self.target.client);
        let source = identity::End::open(Place::Source, source, from, 0).await.unwrap();
        let target = identity::End::found(Place::Target, target, to, 0).await.unwrap();
        Identity::new(source, target)
    }

    /// [`Pair::copy_to`], and counts.
    pub async fn copy_and_count(
        &self,
        from: &Collection,
        to: &Collection,
        settings: &RowSettings,
    ) -> Result<Counts, copy::Error> {
        let copied = self.copy_to(from, to, settings).await?;
        let compared = Compared {
            source: &self.source.client,
            target: &self.target.client,
            from,
            to,
            settings,
            adopted: false,
            chunk_size: 64 << 10,
            ledger: &copied.ledger,
            of_move: copied.of_move.unwrap(),
            first_round: true,
            look_at_all: false,
        };
        Ok(counts::compare(&compared).await.unwrap())
    }

    /// Fills the source's collection and copies it under the name `copy`: counts agree, and the target
    /// gives what the source gives. Returns that.
    pub async fn arrives_whole(&self, of: &collection::Collection, rows: &Table) -> Table {
        self.source.probe.fill(of, rows).await;
        let from = self.source.describe(&of.name).await;
        let to = self.same(&from, "copy");
        let counts = self.copy_and_count(&from, &to, &RowSettings::default()).await.unwrap();
        agree(&counts, rows.rows.len());
        let there = self.source.probe.read_all(&of.name, &rows.keys(), &[]).await;
        let here = self.target.probe.read_all("copy", &rows.keys(), &[]).await;
        assert_same(&there, &here);
        here
    }

    pub fn check(&self, mode: Mode, copied: Option<&Copied>) -> (Check, mpsc::Receiver<Event>) {
        let (events, told) = mpsc::channel(16);
        let check = Check {
            source: self.source.client.clone(),
            target: self.target.client.clone(),
            mode,
            settings: VerifySettings { sample_rows: self.sample_rows, ..VerifySettings::default() },
            limits: self.limits(),
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

    pub async fn subject(&self, name: &str, copied: Option<&Copied>) -> Subject {
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
            lend: Lend::default(),
            unread: false,
            ids: Ids::default(),
        }
    }

    /// What a comparison of schemas and of searches is given.
    pub fn check_parity(&self) -> Check {
        let settings = VerifySettings { search: Some(SEARCH), ..VerifySettings::default() };
        Check { settings, schema: true, ..self.check(Mode::Counts, None).0 }
    }

    /// The two collections, where the target's is desired to be as the source's is.
    pub async fn subject_like_source(&self, from: &str, to: &str) -> Subject {
        let (from_load, to_load) =
            (self.source.load_state(from).await, self.target.load_state(to).await);
        let (from, to) = (self.source.describe(from).await, self.target.describe(to).await);
        Subject {
            wanted: self.same(&from, &to.name),
            from,
            from_load,
            to,
            to_load,
            settings: RowSettings::default(),
            of_move: None,
            adopted: false,
            rows: None,
            wishes: Wishes::default(),
            lend: Lend::default(),
            unread: false,
            ids: Ids::default(),
        }
    }

    /// What searches in a collection of the same name at both ends find.
    pub async fn search(&self, name: &str) -> Vec<SearchParity> {
        let subject = self.subject_like_source(name, name).await;
        search_parity(&self.check_parity(), &subject, SEARCH).await.unwrap()
    }

    /// Verifies a collection, and gathers every difference that is told.
    pub async fn verify(
        &self,
        name: &str,
        mode: Mode,
        basis: Basis,
        copied: Option<&Copied>,
    ) -> Verified {
        let (check, mut told) = self.check(mode, copied);
        let subject = self.subject(name, copied).await;
        // On the heap: a test would hold it on its stack once for every time that it verifies.
        let work = Box::pin(async move { verify_collection_by(&check, &subject, basis, 7).await });
        let gather = async {
            let mut rows = Vec::new();
            while let Some(event) = told.recv().await {
                if let Event::Different { row, .. } = event {
                    rows.push(*row);
                }
            }
            rows
        };
        let both = async { tokio::join!(work, gather) };
        let (result, mut told) = within_reason(both).await;
        told.sort_by(|one, other| (&one.partition, &one.key).cmp(&(&other.partition, &other.key)));
        Verified { result, told }
    }

    pub async fn full(&self, name: &str) -> Verified {
        self.verify(name, Mode::Full, Basis::Source, None).await
    }
}

/// A result, and every row that was told to differ.
#[derive(Debug)]
pub struct Verified {
    pub result: Verification,
    pub told: Vec<milvus_ferry::verify::RowDifference>,
}

impl Verified {
    /// `partition/key kind field,field (explanation)` of every row that differs.
    pub fn rows(&self) -> Vec<String> {
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
    pub fn explained(&self) -> Vec<(&str, u64)> {
        self.result.explanations.iter().map(|one| (one.code.as_str(), one.rows)).collect()
    }

    #[track_caller]
    pub fn is(self, status: Status) -> Self {
        assert_eq!(self.result.status, status, "{self:#?}");
        self
    }

    /// Verified without a word, so many rows.
    #[track_caller]
    pub fn found_the_same(self, rows: usize) -> Self {
        let this = self.is(Status::Verified);
        assert_eq!(this.rows(), Vec::<String>::new());
        assert_eq!(this.explained(), []);
        let content = this.result.content.as_ref().unwrap();
        assert_eq!((content.rows, content.unequal_ranges), (rows as u64, 0), "{content:#?}");
        this
    }
}

/// Counts that agree without a word.
#[track_caller]
pub fn agree(counts: &Counts, rows: usize) {
    let rows = rows as u64;
    assert_eq!(counts.unexplained, Vec::<String>::new());
    assert_eq!(counts.explanations, Vec::<String>::new());
    assert_eq!((counts.source_count, counts.read), (Some(rows), rows));
    assert_eq!(counts.target_count, Some(rows));
    assert!(counts.to_reopen.is_empty());
}

/// Another value of the same kind that differs in as little as there is.
pub fn spoiled(value: &Value) -> Value {
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
pub fn some(table: &Table, places: &[usize]) -> Table {
    let rows = places.iter().map(|place| table.rows[*place].clone()).collect();
    Table { columns: table.columns.clone(), rows }
}

/// How a key is said.
pub fn said(table: &Table, place: usize) -> String {
    match table.key_of(&table.rows[place]) {
        Key::Int(key) => key.to_string(),
        Key::Text(key) => format!("{key:?}"),
    }
}
