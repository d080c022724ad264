//! Two servers with a collection each, and what a verification is given of them.

use std::time::Duration;

use milvus_ferry::copy::Memory;
use milvus_ferry::milvus::{Client, Connection, RetryPolicy, TlsFiles};
use milvus_ferry::model::{
    ByteSize, Collection as Described, CopySettings, Flavour, LoadState, RowSettings, SearchCheck,
    VerifySettings,
};
use milvus_ferry::verify::result::SearchParity;
use milvus_ferry::verify::{Check, Mode, Subject, Wishes, search_parity};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::support::collection::Collection;
use crate::support::fake::{Fake, Profile};
use crate::support::lab::{Kind, servers};
use crate::support::probe::Probe;
use crate::support::table::Table;

pub(super) const SEARCH: SearchCheck = SearchCheck { queries: 20, top_k: 10, min_overlap: 0.9 };

/// An end: a client of ours, and a probe that knows nothing of it.
pub(super) struct End {
    pub(super) client: Client,
    pub(super) probe: Probe,
}

impl End {
    async fn of(uri: &str, probe: Probe) -> Self {
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

    /// What the server says of a collection, and whether it is loaded.
    async fn describe(&self, name: &str) -> (Described, LoadState) {
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
        (found.collection, client.settled_load_state(database, name, None).await.unwrap())
    }
}

pub(super) struct Scene {
    pub(super) source: End,
    pub(super) target: End,
    /// They end with the scene.
    pub(super) fakes: Vec<Fake>,
}

impl Scene {
    /// Between doubles of two servers.
    pub(super) async fn between_doubles(from: Profile, to: Profile) -> Self {
        let fakes = vec![Fake::start(from), Fake::start(to)];
        let (from, to) = (fakes[0].uri(), fakes[1].uri());
        Self {
            source: End::of(&from, Probe::connect(&from).await).await,
            target: End::of(&to, Probe::connect(&to).await).await,
            fakes,
        }
    }

    /// Between two real servers, in databases of this test.
    pub(super) async fn between(from: Kind, to: Kind) -> Self {
        let ends = servers([from, to]);
        let [source, target] = [(ends[0], from), (ends[1], to)].map(async |(server, kind)| {
            let probe = Probe::of(server).await;
            // Milvus Lite 2 has no databases.
            let probe = if kind == Kind::Lite25 { probe } else { probe.in_new_database().await };
            End::of(server.uri(), probe).await
        });
        Self { source: source.await, target: target.await, fakes: Vec::new() }
    }

    pub(super) fn check(&self) -> Check {
        Check {
            source: self.source.client.clone(),
            target: self.target.client.clone(),
            mode: Mode::Counts,
            settings: VerifySettings { search: Some(SEARCH), ..VerifySettings::default() },
            limits: CopySettings {
                parallelism: 2,
                parallel_collections: 1,
                memory_limit: ByteSize(64 << 20),
                chunk_size: ByteSize(1 << 20),
                max_request_size: ByteSize(48 << 20),
                max_read_rate: None,
                max_write_rate: None,
                max_rejected_rows: 0,
                retry_for: Duration::from_secs(30),
            },
            memory: Memory::new(64 << 20),
            ledger: None,
            schema: true,
            repair: None,
            readable: true,
            events: mpsc::channel(8).0,
            stop: CancellationToken::new(),
        }
    }

    /// The two collections, the target's being wanted as the source's is.
    pub(super) async fn subject(&self, from: &str, to: &str) -> Subject {
        let (from, from_load) = self.source.describe(from).await;
        let (to, to_load) = self.target.describe(to).await;
        let (database, name) = (to.database.clone(), to.name.clone());
        let mut wanted = Described { database, name, ..from.clone() };
        // The server's own.
        wanted.properties.remove("max_field_id");
        Subject {
            from,
            from_load,
            wanted,
            to,
            to_load,
            settings: RowSettings::default(),
            of_move: None,
            adopted: false,
            rows: None,
            wishes: Wishes::default(),
        }
    }

    /// Fills a collection at each end.
    pub(super) async fn fill(&self, from: (&Collection, &Table), to: (&Collection, &Table)) {
        tokio::join!(self.source.probe.fill(from.0, from.1), self.target.probe.fill(to.0, to.1));
    }

    /// What searches in a collection of the same name at both ends find.
    pub(super) async fn search(&self, name: &str) -> Vec<SearchParity> {
        let subject = self.subject(name, name).await;
        search_parity(&self.check(), &subject, SEARCH).await.unwrap()
    }
}
