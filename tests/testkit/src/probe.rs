//! An independent client, which puts test data into a server and reads it back.
//!
//! Methods panic when the server refuses; [`Probe::raw`] is there for tests that want the refusal.

mod describe;
mod query;
mod read;
mod write;

use std::sync::Arc;
use std::time::{Duration, Instant};

use tonic::metadata::{Ascii, MetadataValue};
use tonic::service::interceptor::InterceptedService;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity};

use super::collection::{Collection, Index, key, pair, vector};
use super::lab::{Lease, Server, unique_name};
use super::pb::common::{LoadState, Status};
use super::pb::milvus;
use super::pb::milvus::milvus_service_client::MilvusServiceClient;
use super::pb::schema::DataType;

pub use query::{Hit, PlaceholderGroup, PlaceholderValue, keys_of};

/// The largest message, either way.
pub const MESSAGE_LIMIT: usize = 256 << 20;
/// How long a server may take for one thing.
const PATIENCE: Duration = Duration::from_secs(120);

pub type Client = MilvusServiceClient<InterceptedService<Channel, Credentials>>;

/// The `authorization` header, or none.
#[derive(Debug, Clone)]
pub struct Credentials(Option<MetadataValue<Ascii>>);

impl tonic::service::Interceptor for Credentials {
    fn call(
        &mut self,
        mut request: tonic::Request<()>,
    ) -> Result<tonic::Request<()>, tonic::Status> {
        if let Some(authorization) = &self.0 {
            request.metadata_mut().insert("authorization", authorization.clone());
        }
        Ok(request)
    }
}

/// A connection to one database of one server.
#[derive(Debug, Clone)]
pub struct Probe {
    client: Client,
    /// What the client is built on, for RPCs that it does not have.
    service: InterceptedService<Channel, Credentials>,
    database: String,
    version: String,
    /// The shared server's name; none when the server is not shared.
    shared: Option<String>,
    /// What the lab drops when the last clone of this probe is gone.
    leases: Vec<Arc<Lease>>,
}

/// The reason of a refusal, or nothing.
pub fn refusal(status: Option<&Status>) -> Option<String> {
    let status = status.expect("a status");
    let refused = status.code != 0 || status.error_code != 0;
    refused.then(|| format!("code {} ({}): {}", status.code, status.error_code, status.reason))
}

/// Calls an RPC whose answer holds a status; panics on a refusal.
macro_rules! call {
    ($probe:expr, $rpc:ident, $request:expr) => {{
        let answer = $probe.raw().$rpc($request).await;
        let answer =
            answer.unwrap_or_else(|status| panic!("{}: {status:?}", stringify!($rpc))).into_inner();
        if let Some(reason) = crate::probe::refusal(answer.status.as_ref()) {
            panic!("{}: {reason}", stringify!($rpc));
        }
        answer
    }};
}
/// Calls an RPC whose answer is a status; panics on a refusal.
macro_rules! order {
    ($probe:expr, $rpc:ident, $request:expr) => {{
        let answer = $probe.raw().$rpc($request).await;
        let answer =
            answer.unwrap_or_else(|status| panic!("{}: {status:?}", stringify!($rpc))).into_inner();
        if let Some(reason) = crate::probe::refusal(Some(&answer)) {
            panic!("{}: {reason}", stringify!($rpc));
        }
    }};
}
use call;

impl Probe {
    /// Connects to the default database of a lab server, whatever it asks of its clients.
    pub async fn of(server: &Server) -> Self {
        let mut endpoint = Endpoint::from_shared(server.uri().to_owned()).unwrap();
        if let Some(certificates) = &server.certificates {
            let read = |path| std::fs::read(path).unwrap();
            let identity =
                Identity::from_pem(read(&certificates.client), read(&certificates.client_key));
            let ca = Certificate::from_pem(read(&certificates.ca));
            endpoint = endpoint
                .tls_config(ClientTlsConfig::new().ca_certificate(ca).identity(identity))
                .unwrap();
        }
        let user = server.auth.then_some(("root", "Milvus"));
        let shared = server.is_shared().then(|| server.name.clone());
        Self { shared, ..Self::open(endpoint, user).await.unwrap() }
    }

    /// Connects to the default database without credentials.
    pub async fn connect(uri: &str) -> Self {
        Self::open(Endpoint::from_shared(uri.to_owned()).unwrap(), None).await.unwrap()
    }

    /// Connects to the default database as a user.
    pub async fn connect_auth(uri: &str, user: &str, password: &str) -> Self {
        Self::open(Endpoint::from_shared(uri.to_owned()).unwrap(), Some((user, password)))
            .await
            .unwrap()
    }

    /// Connects to the default database with a token, an API key or `user:password`, if any; an
    /// address with `https` is trusted as far as the machine's certificates say.
    pub async fn connect_token(uri: &str, token: Option<&str>) -> Self {
        let mut endpoint = Endpoint::from_shared(uri.to_owned()).unwrap();
        if uri.starts_with("https:") {
            endpoint = endpoint.tls_config(ClientTlsConfig::new().with_enabled_roots()).unwrap();
        }
        Self::open_token(endpoint, token).await.unwrap()
    }

    /// Waits until the server answers, which it may do later than it listens.
    pub async fn open(
        endpoint: Endpoint,
        user: Option<(&str, &str)>,
    ) -> Result<Self, tonic::Status> {
        let token = user.map(|(user, password)| format!("{user}:{password}"));
        Self::open_token(endpoint, token.as_deref()).await
    }

    async fn open_token(endpoint: Endpoint, token: Option<&str>) -> Result<Self, tonic::Status> {
        let header = token.map(|token| base64(token.as_bytes()).parse().unwrap());
        let channel = endpoint
            .timeout(PATIENCE)
            .initial_stream_window_size(8 << 20)
            .initial_connection_window_size(8 << 20)
            .connect_lazy();
        let service = InterceptedService::new(channel, Credentials(header));
        let client = MilvusServiceClient::new(service.clone())
            .max_decoding_message_size(MESSAGE_LIMIT)
            .max_encoding_message_size(MESSAGE_LIMIT);
        let began = Instant::now();
        loop {
            match client.clone().get_version(milvus::GetVersionRequest {}).await {
                Ok(answer) => {
                    let version = answer.into_inner().version;
                    return Ok(Self::new(client, service, version));
                }
                // Milvus Lite 2 does not say what it is.
                Err(status) if status.code() == tonic::Code::Unimplemented => {
                    let probe = Self::new(client, service, String::new());
                    probe.wait_for_lite_2(began).await;
                    return Ok(probe);
                }
                Err(status)
                    if status.code() == tonic::Code::Unavailable && began.elapsed() < PATIENCE =>
                {
                    tokio::time::sleep(Duration::from_millis(200)).await;
                }
                Err(status) => return Err(status),
            }
        }
    }

    fn new(
        client: Client,
        service: InterceptedService<Channel, Credentials>,
        version: String,
    ) -> Self {
        Self { client, service, database: String::new(), version, shared: None, leases: Vec::new() }
    }

    /// Milvus Lite 2 answers before it can make collections.
    async fn wait_for_lite_2(&self, began: Instant) {
        let name = unique_name("ready");
        let fields = vec![key(DataType::Int64), vector("floats", DataType::FloatVector, 2)];
        let request = self.create_request(&Collection::new(&name, fields));
        loop {
            let answer = self.raw().create_collection(request.clone()).await.unwrap().into_inner();
            match refusal(Some(&answer)) {
                Some(reason)
                    if reason.contains("has not been init") && began.elapsed() < PATIENCE =>
                {
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
                Some(reason) => panic!("create_collection: {reason}"),
                None => break,
            }
        }
        self.drop_collection(&name).await;
    }

    /// The generated client itself.
    pub fn raw(&self) -> Client {
        self.client.clone()
    }

    /// What GetVersion says.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Whether this is Milvus 2.2, which has neither `count(*)` nor Upsert.
    pub fn is_22(&self) -> bool {
        self.version.starts_with("v2.2")
    }

    /// Whether this is Milvus Lite 2, which has neither databases nor partitions nor a version.
    pub fn is_lite_25(&self) -> bool {
        self.version.is_empty()
    }

    /// The same connection on another database; the default one is "".
    pub fn in_database(&self, name: &str) -> Self {
        Self { database: name.to_owned(), ..self.clone() }
    }

    /// The same connection on a new database that no other test uses. The lab drops it when the
    /// last clone of the returned probe is gone: keep one as long as anybody uses the database.
    pub async fn in_new_database(&self) -> Self {
        let name = unique_name("db");
        self.create_database(&name).await;
        self.in_database(&name).lent(|server| Lease::database(server, &name))
    }

    /// The same connection, with a collection of its database that nobody uses, and the lab drops,
    /// when the last clone of the returned probe is gone. The collection need not be there yet.
    pub fn with_own(&self, collection: &str) -> Self {
        self.clone().lent(|server| Lease::collection(server, &self.database, collection))
    }

    /// The same probe, whose database stays as long as this process: for what tests share.
    pub fn kept(self) -> Self {
        std::mem::forget(self.leases.clone());
        self
    }

    fn lent(mut self, lease: impl FnOnce(&str) -> Lease) -> Self {
        self.leases.extend(self.shared.as_deref().map(lease).map(Arc::new));
        self
    }

    /// The name of the database, or "".
    pub fn database(&self) -> &str {
        &self.database
    }

    pub async fn create_database(&self, name: &str) {
        let request =
            milvus::CreateDatabaseRequest { db_name: name.to_owned(), ..Default::default() };
        order!(self, create_database, request);
    }

    /// Creates the collection and its partitions, not its indexes.
    pub async fn create_collection(&self, collection: &Collection) {
        order!(self, create_collection, self.create_request(collection));
        for partition in &collection.partitions {
            self.create_partition(&collection.name, partition).await;
        }
    }

    /// What makes a collection, for tests that want the refusal.
    pub fn create_request(&self, collection: &Collection) -> milvus::CreateCollectionRequest {
        milvus::CreateCollectionRequest {
            db_name: self.database.clone(),
            collection_name: collection.name.clone(),
            schema: prost::Message::encode_to_vec(&collection.to_schema()),
            shards_num: collection.shards,
            consistency_level: collection.consistency,
            properties: collection.properties.iter().map(|(key, value)| pair(key, value)).collect(),
            num_partitions: collection.num_partitions,
            ..Default::default()
        }
    }

    pub async fn create_alias(&self, collection: &str, alias: &str) {
        let request = milvus::CreateAliasRequest {
            db_name: self.database.clone(),
            collection_name: collection.to_owned(),
            alias: alias.to_owned(),
            ..Default::default()
        };
        order!(self, create_alias, request);
    }

    pub async fn create_partition(&self, collection: &str, partition: &str) {
        let request = milvus::CreatePartitionRequest {
            db_name: self.database.clone(),
            collection_name: collection.to_owned(),
            partition_name: partition.to_owned(),
            ..Default::default()
        };
        order!(self, create_partition, request);
    }

    pub async fn drop_collection(&self, collection: &str) {
        let request = milvus::DropCollectionRequest {
            db_name: self.database.clone(),
            collection_name: collection.to_owned(),
            ..Default::default()
        };
        order!(self, drop_collection, request);
    }

    pub async fn create_index(&self, collection: &str, index: &Index) {
        order!(self, create_index, self.index_request(collection, index));
    }

    /// What makes an index, for tests that want the refusal.
    pub fn index_request(&self, collection: &str, index: &Index) -> milvus::CreateIndexRequest {
        milvus::CreateIndexRequest {
            db_name: self.database.clone(),
            collection_name: collection.to_owned(),
            field_name: index.field.clone(),
            index_name: index.name.clone(),
            extra_params: index.params.iter().map(|(key, value)| pair(key, value)).collect(),
            ..Default::default()
        }
    }

    /// Loads the collection and waits until it is loaded.
    ///
    /// Asked for again, for two minutes: after a crash 2.3.5 refuses for a while, and Milvus Lite 3
    /// opens a collection twice when two calls come at once after a renaming (`db.py`,
    /// `get_collection` holds no lock), so that what was loaded is forgotten.
    pub async fn load(&self, collection: &str) {
        let began = Instant::now();
        loop {
            let request = milvus::LoadCollectionRequest {
                db_name: self.database.clone(),
                collection_name: collection.to_owned(),
                replica_number: 1,
                ..Default::default()
            };
            let answer = self.raw().load_collection(request).await.unwrap().into_inner();
            let refused = refusal(Some(&answer));
            let asked = Instant::now();
            while refused.is_none() && asked.elapsed() < Duration::from_secs(20) {
                if self.load_state(collection, &[]).await == LoadState::Loaded {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            assert!(began.elapsed() < PATIENCE, "{collection} is not loaded: {refused:?}");
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    }

    /// Loads these partitions only, and waits until they are loaded.
    pub async fn load_partitions(&self, collection: &str, partitions: &[&str]) {
        let request = milvus::LoadPartitionsRequest {
            db_name: self.database.clone(),
            collection_name: collection.to_owned(),
            partition_names: partitions.iter().map(|name| (*name).to_owned()).collect(),
            replica_number: 1,
            ..Default::default()
        };
        order!(self, load_partitions, request);
        let began = Instant::now();
        while self.load_state(collection, partitions).await != LoadState::Loaded {
            assert!(
                began.elapsed() < PATIENCE,
                "{collection}: {partitions:?} not loaded in {PATIENCE:?}"
            );
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    pub async fn release(&self, collection: &str) {
        let request = milvus::ReleaseCollectionRequest {
            db_name: self.database.clone(),
            collection_name: collection.to_owned(),
            ..Default::default()
        };
        order!(self, release_collection, request);
    }

    pub async fn release_partitions(&self, collection: &str, partitions: &[&str]) {
        let request = milvus::ReleasePartitionsRequest {
            db_name: self.database.clone(),
            collection_name: collection.to_owned(),
            partition_names: partitions.iter().map(|name| (*name).to_owned()).collect(),
            ..Default::default()
        };
        order!(self, release_partitions, request);
    }
}

pub(crate) fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for chunk in bytes.chunks(3) {
        let bits = chunk.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte))
            << (8 * (3 - chunk.len()));
        for place in 0..4 {
            let digit = DIGITS[(bits >> (18 - 6 * place) & 63) as usize];
            out.push(if place <= chunk.len() { char::from(digit) } else { '=' });
        }
    }
    out
}
