//! The client: one method per thing that is asked of a server. Queries and writes of rows are in
//! `query` and `write`.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::transport::Channel;
use tonic::{Request, Response, Status};

use super::channel::Connection;
use super::convert;
use super::error::{Error, Kind, Result};
use super::pb::{common, milvus as pb, milvus::milvus_service_client::MilvusServiceClient};
use super::retry::RetryPolicy;
use super::version::{Flavour, ServerVersion};
use crate::model::{Collection, Index, LoadState};

/// Deadline of a call that only looks something up.
const LOOKUP: Duration = Duration::from_secs(30);
/// Deadline of a call that changes a schema. `LoadCollection` of a server that is still recovering
/// answers after 30 s.
const CHANGE: Duration = Duration::from_secs(120);
/// Deadline of the first call, which finds out whether there is a server at all.
const HANDSHAKE: Duration = Duration::from_secs(15);
/// Largest message that is ever sent or taken: the receive limit of servers is 64 MiB.
pub(super) const MESSAGE_LIMIT: usize = 256 << 20;

/// A connection to one server. Cheap to clone.
#[derive(Clone)]
pub struct Client {
    inner: Arc<Inner>,
}

struct Inner {
    channels: Vec<Channel>,
    next: AtomicUsize,
    authorization: Option<MetadataValue<Ascii>>,
    uri: String,
    retry: RetryPolicy,
    cancel: CancellationToken,
    version: ServerVersion,
}

/// A collection as the server describes it.
#[derive(Debug, Clone)]
pub struct Described {
    /// The server's id of it: another one under the same name means another collection.
    pub id: i64,
    /// What it is. Indexes, partitions and load state are separate questions.
    pub collection: Collection,
}

impl Client {
    /// Connects and asks who is there. Unlike every later call, this one is not tried again: a
    /// wrong address or password should be said at once.
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
            uri: connection.uri.clone(),
            retry,
            cancel,
            version: ServerVersion::parse(""),
        };
        inner.version = inner.handshake().await?;
        tracing::info!(endpoint = %inner.uri, version = %inner.version, "Connected.");
        Ok(Self { inner: Arc::new(inner) })
    }

    /// The server's address.
    pub fn uri(&self) -> &str {
        &self.inner.uri
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

    pub(super) fn error(
        &self,
        kind: Kind,
        rpc: &'static str,
        message: impl Into<String>,
    ) -> Error {
        Error::new(kind, rpc, &self.inner.uri, message)
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
        F: FnOnce(MilvusServiceClient<Channel>, Request<M>) -> Fut,
        Fut: Future<Output = std::result::Result<Response<R>, Status>>,
    {
        self.inner.call(rpc, database, options, message, send).await
    }

    /// A call that may be repeated: it changes nothing, or repeating it changes nothing more.
    async fn repeat<M, R, F, Fut>(
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
        F: Fn(MilvusServiceClient<Channel>, Request<M>) -> Fut,
        Fut: Future<Output = std::result::Result<Response<R>, Status>>,
    {
        let options = CallOptions { deadline, max_answer: MESSAGE_LIMIT };
        let (inner, send) = (&self.inner, &send);
        inner
            .retry
            .run(&inner.cancel, || inner.call(rpc, database, options, message.clone(), send))
            .await
    }

    /// Names of the databases. Servers before 2.2.9 have only `default`.
    ///
    /// # Errors
    /// When the call fails.
    pub async fn list_databases(&self) -> Result<Vec<String>> {
        let message = pb::ListDatabasesRequest::default();
        let answer = self
            .repeat("ListDatabases", "", LOOKUP, message, |mut c, r| async move {
                c.list_databases(r).await
            })
            .await;
        match answer {
            Ok(answer) => Ok(answer.db_names),
            Err(error) if error.kind == Kind::Unsupported => Ok(vec!["default".to_owned()]),
            Err(error) => Err(error),
        }
    }

    /// Creates a database. Repeating it succeeds.
    ///
    /// # Errors
    /// When the call fails.
    pub async fn create_database(&self, name: &str) -> Result<()> {
        let message =
            pb::CreateDatabaseRequest { db_name: name.to_owned(), ..Default::default() };
        let created = self
            .repeat("CreateDatabase", "", CHANGE, message, |mut c, r| async move {
                c.create_database(r).await
            })
            .await;
        match created {
            // Unlike the other calls that make something, servers refuse this one the second time,
            // as after a lost answer.
            Err(error) if error.kind == Kind::Cancelled => Err(error),
            Err(error) if !self.list_databases().await?.iter().any(|have| have == name) => {
                Err(error)
            }
            _ => Ok(()),
        }
    }

    /// Names of the collections of a database, sorted.
    ///
    /// # Errors
    /// When the call fails.
    pub async fn list_collections(&self, database: &str) -> Result<Vec<String>> {
        let message =
            pb::ShowCollectionsRequest { db_name: database.to_owned(), ..Default::default() };
        let answer = self
            .repeat("ShowCollections", database, LOOKUP, message, |mut c, r| async move {
                c.show_collections(r).await
            })
            .await?;
        let mut names = answer.collection_names;
        names.sort();
        Ok(names)
    }

    /// What a collection is, or `None` where there is none of that name.
    ///
    /// Asked by an alias, servers answer with the real collection; its real name is in the result.
    ///
    /// # Errors
    /// When the call fails, or the answer cannot be understood.
    pub async fn describe_collection(
        &self,
        database: &str,
        name: &str,
    ) -> Result<Option<Described>> {
        let message = pb::DescribeCollectionRequest {
            db_name: database.to_owned(),
            collection_name: name.to_owned(),
            ..Default::default()
        };
        let answer = self
            .repeat("DescribeCollection", database, LOOKUP, message, |mut c, r| async move {
                c.describe_collection(r).await
            })
            .await;
        match answer {
            Ok(answer) => convert::described(database, answer)
                .map(Some)
                .map_err(|why| self.error(Kind::BadAnswer, "DescribeCollection", why)),
            Err(error) if error.kind == Kind::Missing => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Names of a collection's partitions, sorted.
    ///
    /// # Errors
    /// When the call fails.
    pub async fn list_partitions(&self, database: &str, collection: &str) -> Result<Vec<String>> {
        let message = pb::ShowPartitionsRequest {
            db_name: database.to_owned(),
            collection_name: collection.to_owned(),
            ..Default::default()
        };
        let answer = self
            .repeat("ShowPartitions", database, LOOKUP, message, |mut c, r| async move {
                c.show_partitions(r).await
            })
            .await?;
        let mut names = answer.partition_names;
        names.sort();
        Ok(names)
    }

    /// Whether a collection, or one partition of it, can be queried.
    ///
    /// # Errors
    /// When the call fails.
    pub async fn load_state(
        &self,
        database: &str,
        collection: &str,
        partition: Option<&str>,
    ) -> Result<LoadState> {
        let message = pb::GetLoadStateRequest {
            db_name: database.to_owned(),
            collection_name: collection.to_owned(),
            partition_names: partition.iter().map(|&name| name.to_owned()).collect(),
            ..Default::default()
        };
        let answer = self
            .repeat("GetLoadState", database, LOOKUP, message, |mut c, r| async move {
                c.get_load_state(r).await
            })
            .await;
        match answer {
            Ok(answer) => Ok(match answer.state() {
                common::LoadState::Loaded => LoadState::Loaded,
                common::LoadState::Loading => LoadState::Loading,
                common::LoadState::NotLoad | common::LoadState::NotExist => LoadState::NotLoaded,
            }),
            Err(error) if error.kind == Kind::NotLoaded => Ok(LoadState::NotLoaded),
            Err(error) => Err(error),
        }
    }

    /// [`Client::load_state`], but one that is loading is waited for, as long as a call is repeated:
    /// a server that was started again loads its collections again, which takes half a minute.
    ///
    /// # Errors
    /// When the call fails, or we are asked to stop while waiting.
    pub async fn settled_load_state(
        &self,
        database: &str,
        collection: &str,
        partition: Option<&str>,
    ) -> Result<LoadState> {
        let ask = || async {
            match self.load_state(database, collection, partition).await? {
                LoadState::Loading => {
                    Err(self.error(Kind::NotReady, "GetLoadState", "still loading"))
                }
                settled => Ok(settled),
            }
        };
        match self.inner.retry.run(&self.inner.cancel, ask).await {
            Err(error) if error.kind == Kind::NotReady => Ok(LoadState::Loading),
            other => other,
        }
    }

    /// A collection's indexes, with names that the server chose left empty.
    ///
    /// # Errors
    /// When the call fails.
    pub async fn list_indexes(&self, database: &str, collection: &str) -> Result<Vec<Index>> {
        let message = pb::DescribeIndexRequest {
            db_name: database.to_owned(),
            collection_name: collection.to_owned(),
            ..Default::default()
        };
        let answer = self
            .repeat("DescribeIndex", database, LOOKUP, message, |mut c, r| async move {
                c.describe_index(r).await
            })
            .await;
        match answer {
            Ok(answer) => Ok(convert::indexes(answer.index_descriptions)),
            Err(error) if error.kind == Kind::NoIndex => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }

    /// Rows that are in an index yet, and rows that it should hold, over all of a field's segments.
    ///
    /// # Errors
    /// When the call fails, or the server says that building failed.
    pub async fn index_progress(
        &self,
        database: &str,
        collection: &str,
        field: &str,
    ) -> Result<(i64, i64)> {
        let message = pb::DescribeIndexRequest {
            db_name: database.to_owned(),
            collection_name: collection.to_owned(),
            field_name: field.to_owned(),
            ..Default::default()
        };
        let answer = self
            .repeat("DescribeIndex", database, LOOKUP, message, |mut c, r| async move {
                c.describe_index(r).await
            })
            .await?;
        let mut progress = (0, 0);
        for index in answer.index_descriptions.iter().filter(|index| index.field_name == field) {
            if index.state() == common::IndexState::Failed {
                let why = format!(
                    "building the index on field {field:?} failed: {}",
                    index.index_state_fail_reason
                );
                return Err(self.error(Kind::Other, "DescribeIndex", why));
            }
            progress = (progress.0 + index.indexed_rows, progress.1 + index.total_rows);
        }
        Ok(progress)
    }

    /// Creates a collection: fields, dynamic flag, shards, partition count, consistency level and
    /// properties. Repeating it with the same parameters succeeds.
    ///
    /// # Errors
    /// When the call fails.
    pub async fn create_collection(&self, wanted: &Collection) -> Result<()> {
        let message = convert::create_request(wanted)
            .map_err(|why| self.error(Kind::Invalid, "CreateCollection", why))?;
        self.repeat("CreateCollection", &wanted.database, CHANGE, message, |mut c, r| async move {
            c.create_collection(r).await
        })
        .await
        .map(drop)
    }

    /// Creates a partition. Repeating it succeeds.
    ///
    /// # Errors
    /// When the call fails.
    pub async fn create_partition(
        &self,
        database: &str,
        collection: &str,
        partition: &str,
    ) -> Result<()> {
        let message = pb::CreatePartitionRequest {
            db_name: database.to_owned(),
            collection_name: collection.to_owned(),
            partition_name: partition.to_owned(),
            ..Default::default()
        };
        self.repeat("CreatePartition", database, CHANGE, message, |mut c, r| async move {
            c.create_partition(r).await
        })
        .await
        .map(drop)
    }

    /// Creates an index. Repeating it with the same parameters succeeds.
    ///
    /// # Errors
    /// When the call fails.
    pub async fn create_index(
        &self,
        database: &str,
        collection: &str,
        index: &Index,
    ) -> Result<()> {
        let message = pb::CreateIndexRequest {
            db_name: database.to_owned(),
            collection_name: collection.to_owned(),
            field_name: index.field.clone(),
            extra_params: convert::pairs(&index.params),
            index_name: index.name.clone(),
            ..Default::default()
        };
        self.repeat("CreateIndex", database, CHANGE, message, |mut c, r| async move {
            c.create_index(r).await
        })
        .await
        .map(drop)
    }

    /// Asks the server to load a collection; loading goes on after the answer.
    ///
    /// # Errors
    /// When the call fails.
    pub async fn load_collection(&self, database: &str, collection: &str) -> Result<()> {
        let message = pb::LoadCollectionRequest {
            db_name: database.to_owned(),
            collection_name: collection.to_owned(),
            replica_number: 1,
            ..Default::default()
        };
        self.repeat("LoadCollection", database, CHANGE, message, |mut c, r| async move {
            c.load_collection(r).await
        })
        .await
        .map(drop)
    }

    /// Releases a collection from memory, or only some of its partitions.
    ///
    /// # Errors
    /// When the call fails.
    pub async fn release(
        &self,
        database: &str,
        collection: &str,
        partitions: &[String],
    ) -> Result<()> {
        if partitions.is_empty() {
            let message = pb::ReleaseCollectionRequest {
                db_name: database.to_owned(),
                collection_name: collection.to_owned(),
                ..Default::default()
            };
            self.repeat("ReleaseCollection", database, CHANGE, message, |mut c, r| async move {
                c.release_collection(r).await
            })
            .await
            .map(drop)
        } else {
            let message = pb::ReleasePartitionsRequest {
                db_name: database.to_owned(),
                collection_name: collection.to_owned(),
                partition_names: partitions.to_vec(),
                ..Default::default()
            };
            self.repeat("ReleasePartitions", database, CHANGE, message, |mut c, r| async move {
                c.release_partitions(r).await
            })
            .await
            .map(drop)
        }
    }

    /// The `row_count` statistic: flushed rows, duplicate keys counted, deletes not subtracted.
    ///
    /// # Errors
    /// When the call fails.
    pub async fn row_count_statistic(&self, database: &str, collection: &str) -> Result<u64> {
        let message = pb::GetCollectionStatisticsRequest {
            db_name: database.to_owned(),
            collection_name: collection.to_owned(),
            ..Default::default()
        };
        let answer = self
            .repeat("GetCollectionStatistics", database, LOOKUP, message, |mut c, r| async move {
                c.get_collection_statistics(r).await
            })
            .await?;
        let stats: BTreeMap<_, _> =
            answer.stats.into_iter().map(|pair| (pair.key, pair.value)).collect();
        Ok(stats.get("row_count").and_then(|count| count.parse().ok()).unwrap_or(0))
    }

    /// The server's present moment as a hybrid timestamp, or `None` where it gives none away.
    ///
    /// # Errors
    /// When the call fails for another reason than not being there or not being allowed.
    pub async fn alloc_timestamp(&self) -> Result<Option<u64>> {
        let message = pb::AllocTimestampRequest::default();
        let answer = self
            .repeat("AllocTimestamp", "", LOOKUP, message, |mut c, r| async move {
                c.alloc_timestamp(r).await
            })
            .await;
        match answer {
            Ok(answer) => Ok((answer.timestamp > 0).then_some(answer.timestamp)),
            Err(error) if matches!(error.kind, Kind::Unsupported | Kind::PermissionDenied) => {
                Ok(None)
            }
            Err(error) => Err(error),
        }
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
    async fn call<M, R, F, Fut>(
        &self,
        rpc: &'static str,
        database: &str,
        options: CallOptions,
        message: M,
        send: F,
    ) -> Result<R>
    where
        R: Answer,
        F: FnOnce(MilvusServiceClient<Channel>, Request<M>) -> Fut,
        Fut: Future<Output = std::result::Result<Response<R>, Status>>,
    {
        let turn = self.next.fetch_add(1, Ordering::Relaxed) % self.channels.len();
        let stub = MilvusServiceClient::new(self.channels[turn].clone())
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
                Error::new(Kind::Invalid, rpc, &self.uri, format!("not a name: {database:?}"))
            })?;
            request.metadata_mut().insert("dbname", name);
        }
        let answer = tokio::time::timeout(options.deadline + Duration::from_secs(5), send(stub, request))
            .await
            .map_err(|_| Error::new(Kind::Timeout, rpc, &self.uri, "the answer stalled"))?
            .map_err(|status| Error::from_grpc(rpc, &self.uri, &status))?
            .into_inner();
        match Error::from_status(rpc, &self.uri, answer.status()) {
            Some(error) => Err(error),
            None => Ok(answer),
        }
    }

    async fn handshake(&self) -> Result<ServerVersion> {
        let options = CallOptions { deadline: HANDSHAKE, max_answer: MESSAGE_LIMIT };
        let message = pb::ConnectRequest {
            client_info: Some(common::ClientInfo {
                sdk_type: "milvus-ferry".to_owned(),
                sdk_version: env!("CARGO_PKG_VERSION").to_owned(),
                ..Default::default()
            }),
            ..Default::default()
        };
        let connect = self
            .call("Connect", "", options, message, |mut c, r| async move { c.connect(r).await })
            .await;
        let tags = match connect {
            Ok(answer) => answer.server_info.map(|info| info.build_tags).unwrap_or_default(),
            // The call is there from 2.2.9 on.
            Err(error) if matches!(error.kind, Kind::Unsupported | Kind::Other) => String::new(),
            Err(error) => return Err(error),
        };
        let from_tags = ServerVersion::parse(&tags);
        if from_tags.flavour == Flavour::ZillizCloud {
            return Ok(from_tags);
        }
        let message = pb::GetVersionRequest::default();
        let version = self
            .call("GetVersion", "", options, message, |mut c, r| async move {
                c.get_version(r).await
            })
            .await;
        match version {
            Ok(answer) => Ok(ServerVersion::parse(&answer.version)),
            Err(error) if error.kind == Kind::Unsupported => Ok(from_tags),
            Err(error) => Err(error),
        }
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
    DescribeIndexResponse,
    GetCollectionStatisticsResponse,
    GetLoadStateResponse,
    GetVersionResponse,
    ListDatabasesResponse,
    MutationResult,
    QueryResults,
    ShowCollectionsResponse,
    ShowPartitionsResponse,
);
