//! The client: connecting, and one attempt or several of any call. What is asked of a server is in
//! `catalog` (databases, collections, partitions), `property`, `alias`, `index`, `serving` (load
//! states), `query`, `search` and `write` (rows).

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::transport::Channel;
use tonic::{Request, Response, Status};

use super::channel::Connection;
use super::error::{Error, Kind, Result};
use super::front::Front;
use super::landing::Landings;
use super::pace::{Pace, PaceLimits, Turn};
use super::pb::{common, milvus as pb, milvus::milvus_service_client::MilvusServiceClient};
use super::proxy::Proxy;
use super::retry::RetryPolicy;
use super::watch::Watcher;
use crate::model::ServerVersion;

/// Deadline of a call that only looks something up.
pub(super) const LOOKUP: Duration = Duration::from_secs(30);
/// Deadline of a call that changes a schema. `LoadCollection` of a server that is still recovering
/// answers after 30 s.
pub(super) const CHANGE: Duration = Duration::from_secs(120);
/// Largest message that is ever sent or taken: the receive limit of servers is 64 MiB.
pub(super) const MESSAGE_LIMIT: usize = 256 << 20;

/// What calls are sent with.
pub(super) type Stub = MilvusServiceClient<Front<Channel>>;

/// Calls of each kind at a time, until a client is told otherwise.
const CALLS: PaceLimits = PaceLimits { calls: 8, load: None, rate: None };

/// A connection to one server. Cheap to clone; clones share its paces.
#[derive(Clone)]
pub struct Client {
    inner: Arc<Inner>,
    /// Of rows.
    reads: Pace,
    /// Of keys and counts.
    lookups: Pace,
    writes: Pace,
    landings: Landings,
    /// Whoever is told of calls that are made again.
    watcher: Option<Watcher>,
}

pub(super) struct Inner {
    channels: Vec<Channel>,
    next: AtomicUsize,
    authorization: Option<MetadataValue<Ascii>>,
    proxy: Option<Proxy>,
    pub(super) uri: String,
    pub(super) retry: RetryPolicy,
    pub(super) cancel: CancellationToken,
    version: ServerVersion,
    /// The address, with which end it is of and where that is written, for errors.
    label: String,
}

impl Client {
    /// Connects and asks who is there. Unlike every later call, this one is tried again only where an
    /// HTTP server in front says that the server behind it is away or busy: a wrong address or
    /// password should be said at once.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses the credentials.
    pub async fn connect(
        connection: &Connection,
        retry: RetryPolicy,
        cancel: CancellationToken,
    ) -> Result<Self> {
        let link = connection.link()?;
        let mut inner = Inner {
            channels: link.channels,
            next: AtomicUsize::new(0),
            authorization: link.authorization,
            proxy: link.proxy,
            uri: connection.uri.clone(),
            retry,
            cancel,
            version: ServerVersion::parse(""),
            label: connection.label(),
        };
        inner.version = inner.handshake().await?;
        tracing::info!(endpoint = %inner.uri, version = %inner.version, "Connected.");
        Ok(Self {
            inner: Arc::new(inner),
            reads: Pace::new(CALLS),
            lookups: Pace::steady(CALLS),
            writes: Pace::new(CALLS),
            landings: Landings::default(),
            watcher: None,
        })
    }

    /// The same connection, with other limits of its queries and of its writes.
    #[must_use]
    pub fn paced(self, reads: PaceLimits, writes: PaceLimits) -> Self {
        let (of_rows, writes) = (Pace::new(reads), Pace::new(writes));
        // A bound on the load is one on all queries together.
        let lookups = match reads.load {
            Some(_) => of_rows.clone(),
            None => Pace::steady(PaceLimits { rate: None, ..reads }),
        };
        Self { reads: of_rows, lookups, writes, ..self }
    }

    /// The same connection and paces, with somebody who is told of calls that are made again.
    #[must_use]
    pub fn watched(self, watcher: Watcher) -> Self {
        Self { watcher: Some(watcher), ..self }
    }

    /// Tells that a call is made again after this error, for so much longer at most.
    pub fn tell_repeated(&self, error: &Error, left: Duration) {
        if let Some(watcher) = &self.watcher {
            watcher.tell(error, left);
        }
    }

    /// Calls, and calls again as long as the bound on repeated calls lets.
    pub(super) async fn persist<T, F>(&self, call: impl FnMut() -> F) -> Result<T>
    where
        F: Future<Output = Result<T>>,
    {
        let told = |error: &Error, left| self.tell_repeated(error, left);
        self.inner.retry.run(&self.inner.cancel, &told, call).await
    }

    /// Waits until a query may be sent that reads rows, or only looks something up.
    pub(super) async fn turn_to_read(&self, of_rows: bool) -> Result<Turn> {
        let pace = if of_rows { &self.reads } else { &self.lookups };
        pace.turn(0, self.cancel(), ("Query", self.uri())).await
    }

    /// Waits until rows of so many bytes may be written.
    ///
    /// # Errors
    /// [`Kind::Cancelled`] when asked to stop meanwhile.
    pub async fn turn_to_write(&self, bytes: u64, cancel: &CancellationToken) -> Result<Turn> {
        self.writes.turn(bytes, cancel, ("Insert", self.uri())).await
    }

    /// Waits for `pause` after `error`, and until they may be written again. Others may use the place
    /// meanwhile.
    ///
    /// # Errors
    /// [`Kind::Cancelled`] when asked to stop meanwhile.
    pub async fn turn_to_write_again(
        &self,
        turn: &mut Turn,
        (pause, error): (Duration, &Error),
        bytes: u64,
        cancel: &CancellationToken,
    ) -> Result<()> {
        turn.lend(super::retry::wait(pause, cancel, error)).await?;
        turn.again(bytes, cancel, ("Insert", self.uri())).await
    }

    pub(super) fn landings(&self) -> &Landings {
        &self.landings
    }

    /// The server's address.
    pub fn uri(&self) -> &str {
        &self.inner.uri
    }

    /// The proxy through which it is reached.
    pub fn proxy(&self) -> Option<&Proxy> {
        self.inner.proxy.as_ref()
    }

    /// Whether credentials are sent along.
    pub(super) fn is_logged_in(&self) -> bool {
        self.inner.authorization.is_some()
    }

    /// The server's version.
    pub fn version(&self) -> &ServerVersion {
        &self.inner.version
    }

    /// The bound on repeated calls.
    pub fn retry(&self) -> &RetryPolicy {
        &self.inner.retry
    }

    /// Fires when the run is to stop.
    pub fn cancel(&self) -> &CancellationToken {
        &self.inner.cancel
    }

    pub(super) fn error(&self, kind: Kind, rpc: &'static str, message: impl Into<String>) -> Error {
        Error::new(kind, rpc, &self.inner.label, message)
    }

    /// One attempt of a call.
    pub(super) async fn call<M, R, F, Fut>(
        &self,
        rpc: &'static str,
        database: &str,
        options: CallOptions,
        message: M,
        send: F,
    ) -> Result<R>
    where
        R: Answer,
        F: FnOnce(Stub, Request<M>) -> Fut,
        Fut: Future<Output = std::result::Result<Response<R>, Status>>,
    {
        self.inner.call(rpc, database, options, message, send).await
    }

    /// A call that may be repeated: it changes nothing, or repeating it changes nothing more.
    pub(super) async fn repeat<M, R, F, Fut>(
        &self,
        rpc: &'static str,
        database: &str,
        deadline: Duration,
        message: M,
        send: F,
    ) -> Result<R>
    where
        M: Clone,
        R: Answer,
        F: Fn(Stub, Request<M>) -> Fut,
        Fut: Future<Output = std::result::Result<Response<R>, Status>>,
    {
        let options = CallOptions { deadline, max_answer: MESSAGE_LIMIT };
        let (inner, send) = (&self.inner, &send);
        self.persist(|| inner.call(rpc, database, options, message.clone(), send)).await
    }
}

/// The bounds of one call.
#[derive(Debug, Clone, Copy)]
pub(super) struct CallOptions {
    /// Time until the whole answer is there.
    pub(super) deadline: Duration,
    /// Largest answer that is taken, bytes.
    pub(super) max_answer: usize,
}

impl Inner {
    pub(super) async fn call<M, R, F, Fut>(
        &self,
        rpc: &'static str,
        database: &str,
        options: CallOptions,
        message: M,
        send: F,
    ) -> Result<R>
    where
        R: Answer,
        F: FnOnce(Stub, Request<M>) -> Fut,
        Fut: Future<Output = std::result::Result<Response<R>, Status>>,
    {
        let turn = self.next.fetch_add(1, Ordering::Relaxed) % self.channels.len();
        let stub = MilvusServiceClient::new(Front(self.channels[turn].clone()))
            .max_decoding_message_size(options.max_answer)
            .max_encoding_message_size(MESSAGE_LIMIT);
        let mut request = Request::new(message);
        // Tells the server; a second bound below covers an answer that begins and then stalls.
        request.set_timeout(options.deadline);
        if let Some(authorization) = &self.authorization {
            request.metadata_mut().insert("authorization", authorization.clone());
        }
        if !database.is_empty() {
            let name = database.parse().map_err(|_| {
                Error::new(Kind::Invalid, rpc, &self.label, format!("not a name: {database:?}"))
            })?;
            request.metadata_mut().insert("dbname", name);
        }
        let answer =
            tokio::time::timeout(options.deadline + Duration::from_secs(5), send(stub, request))
                .await
                .map_err(|_| Error::new(Kind::Timeout, rpc, &self.label, "the answer stalled"))?
                .map_err(|status| {
                    let error = Error::from_grpc(rpc, &self.label, &status);
                    let error = self.proxy.iter().fold(error, |error, proxy| proxy.explain(error));
                    self.without_login(error)
                })?
                .into_inner();
        match Error::from_status(rpc, &self.label, answer.status()) {
            Some(error) => Err(self.without_login(error)),
            None => Ok(answer),
        }
    }

    /// A server that asks for a login, where none is given, is told from one that refuses it.
    fn without_login(&self, error: Error) -> Error {
        let lacks = self.authorization.is_none() && !error.is_of_front() && error.help.is_none();
        if lacks && error.kind == Kind::Unauthenticated {
            return Error { kind: Kind::LoginMissing, ..error };
        }
        error
    }

    /// The proxy through which the server is reached.
    pub(super) fn proxy(&self) -> Option<&Proxy> {
        self.proxy.as_ref()
    }
}

/// An answer that carries Milvus's own status.
pub(super) trait Answer {
    fn status(&self) -> Option<&common::Status>;
}

impl Answer for common::Status {
    fn status(&self) -> Option<&common::Status> {
        Some(self)
    }
}

macro_rules! answers {
    ($($name:ident),* $(,)?) => {
        $(impl Answer for pb::$name {
            fn status(&self) -> Option<&common::Status> {
                self.status.as_ref()
            }
        })*
    };
}

answers!(
    AllocTimestampResponse,
    ConnectResponse,
    DescribeCollectionResponse,
    DescribeDatabaseResponse,
    DescribeIndexResponse,
    FlushResponse,
    GetCollectionStatisticsResponse,
    GetLoadStateResponse,
    GetReplicasResponse,
    GetVersionResponse,
    ListAliasesResponse,
    ListDatabasesResponse,
    ListFileResourcesResponse,
    ListResourceGroupsResponse,
    MutationResult,
    QueryResults,
    SearchResults,
    ShowCollectionsResponse,
    ShowPartitionsResponse,
);
