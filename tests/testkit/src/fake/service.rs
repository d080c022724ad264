//! The gRPC side: every call is noted, checked for its size and its token, and answered from the
//! state.

use std::any::Any;
use std::sync::Arc;

use prost::Message;
use tonic::{Request, Response};

use super::refused::{Refused, Result as Decision};
use super::state::{DEFAULT_DATABASE, State};
use super::{Call, Shared};
use crate::pb::common::{LoadState, ServerInfo, Status};
use crate::pb::milvus;
use crate::pb::milvus::milvus_service_server::MilvusService;
use crate::probe::base64;
use crate::relay::Refusal;

pub struct Service(pub Arc<Shared>);

/// Which database a request names; the header counts where it names none.
trait Addressed {
    fn database(&self) -> &str;
}

macro_rules! addressed {
    ($($request:ident),*; $($without:ident),*) => {
        $(impl Addressed for milvus::$request {
            fn database(&self) -> &str {
                &self.db_name
            }
        })*
        $(impl Addressed for milvus::$without {
            fn database(&self) -> &str {
                ""
            }
        })*
    };
}

addressed!(
    AlterAliasRequest, AlterCollectionRequest, AlterDatabaseRequest, AlterIndexRequest,
    CreateAliasRequest,
    CreateCollectionRequest, CreateDatabaseRequest, CreateIndexRequest, CreatePartitionRequest,
    DeleteRequest, DescribeAliasRequest, DescribeCollectionRequest, DescribeDatabaseRequest,
    DescribeIndexRequest, DropAliasRequest, DropCollectionRequest, DropDatabaseRequest,
    DropIndexRequest, DropPartitionRequest, FlushRequest, GetCollectionStatisticsRequest,
    GetFlushStateRequest, GetLoadStateRequest, GetLoadingProgressRequest, GetReplicasRequest,
    HasCollectionRequest, InsertRequest, ListAliasesRequest, LoadCollectionRequest,
    LoadPartitionsRequest, QueryRequest, ReleaseCollectionRequest, ReleasePartitionsRequest,
    SearchRequest, ShowCollectionsRequest, ShowPartitionsRequest, UpsertRequest;
    AddFileResourceRequest, AllocTimestampRequest, CheckHealthRequest, ConnectRequest,
    GetVersionRequest, ListDatabasesRequest, ListFileResourcesRequest, ListResourceGroupsRequest
);

impl Service {
    fn answer<Q, A>(
        &self,
        rpc: &'static str,
        request: Request<Q>,
        handle: impl FnOnce(&mut State, &str, &Q) -> Decision<A>,
    ) -> Result<Response<A>, tonic::Status>
    where
        Q: Addressed + Message + Any + Send + Sync,
        A: Message + Refusal,
    {
        let header = |name: &str| {
            request.metadata().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
        };
        let (dbname, authorization) = (header("dbname"), header("authorization"));
        let message = Arc::new(request.into_inner());
        let database =
            [message.database(), dbname.as_deref().unwrap_or_default(), DEFAULT_DATABASE]
                .into_iter()
                .find(|name| !name.is_empty())
                .unwrap()
                .to_owned();
        let bytes = message.encoded_len();
        let mut state = self.0.state.lock().unwrap();
        let call = Call { rpc, database: database.clone(), bytes, request: message.clone() };
        self.0.calls.lock().unwrap().push(call);
        if state.profile.unimplemented.contains(rpc) {
            let text =
                format!("unknown method {rpc} for service milvus.proto.milvus.MilvusService");
            return Err(tonic::Status::unimplemented(text));
        }
        if let Some(token) = &state.profile.token
            && authorization != Some(base64(token.as_bytes()))
        {
            return Err(tonic::Status::unauthenticated(
                "auth check failure, please check username and password are correct",
            ));
        }
        let (largest, answer_bytes) =
            (state.profile.limits.request_bytes, state.profile.limits.answer_bytes);
        let decision = match self.0.planned_refusal(rpc) {
            Some(refused) => Err(refused),
            None if bytes > largest => Err(Refused::too_large("received", bytes, largest)),
            None => handle(&mut state, &database, &message),
        };
        let decision = decision.and_then(|answer| match answer.encoded_len() {
            bytes if bytes > answer_bytes => {
                Err(Refused::too_large("trying to send", bytes, answer_bytes))
            }
            _ => Ok(answer),
        });
        match decision {
            Ok(answer) => Ok(Response::new(answer)),
            Err(Refused::Milvus(status)) => Ok(Response::new(A::refusal(*status))),
            Err(Refused::Grpc(status)) => Err(*status),
        }
    }
}

macro_rules! served {
    ($($method:ident($request:ident) -> $answer:ty, $rpc:literal, $handle:expr;)*) => {
        #[tonic::async_trait]
        impl MilvusService for Service {
            $(async fn $method(
                &self,
                request: Request<milvus::$request>,
            ) -> Result<Response<$answer>, tonic::Status> {
                self.answer($rpc, request, $handle)
            })*
        }
    };
}

/// Success without anything else to say.
fn done(decision: Decision<()>) -> Decision<Status> {
    decision.map(|()| Status::default())
}

fn good() -> Option<Status> {
    Some(Status::default())
}

served! {
    connect(ConnectRequest) -> milvus::ConnectResponse, "Connect", |state, database, _| {
        if state.profile.default_hidden && database == DEFAULT_DATABASE {
            return Err(Refused::no_database(database));
        }
        let build_tags = state.profile.build_tags();
        let server_info = Some(ServerInfo { build_tags, ..Default::default() });
        Ok(milvus::ConnectResponse { status: good(), server_info, identifier: 1 })
    };
    get_version(GetVersionRequest) -> milvus::GetVersionResponse, "GetVersion", |state, _, _| {
        Ok(milvus::GetVersionResponse { status: good(), version: state.profile.version_text() })
    };
    check_health(CheckHealthRequest) -> milvus::CheckHealthResponse, "CheckHealth", |_, _, _| {
        Ok(milvus::CheckHealthResponse { status: good(), is_healthy: true, ..Default::default() })
    };
    alloc_timestamp(AllocTimestampRequest) -> milvus::AllocTimestampResponse, "AllocTimestamp", |state, _, _| {
        Ok(milvus::AllocTimestampResponse { status: good(), timestamp: state.now() })
    };
    create_database(CreateDatabaseRequest) -> Status, "CreateDatabase", |state, _, request| {
        done(state.create_database(&request.db_name, &request.properties))
    };
    drop_database(DropDatabaseRequest) -> Status, "DropDatabase", |state, _, request| {
        done(state.drop_database(&request.db_name))
    };
    list_resource_groups(ListResourceGroupsRequest) -> milvus::ListResourceGroupsResponse, "ListResourceGroups", |state, _, _| {
        let resource_groups = state.profile.resource_groups.iter().cloned().collect();
        Ok(milvus::ListResourceGroupsResponse { status: good(), resource_groups })
    };
    list_databases(ListDatabasesRequest) -> milvus::ListDatabasesResponse, "ListDatabases", |state, _, _| {
        Ok(milvus::ListDatabasesResponse {
            status: good(),
            db_names: state.databases.keys().cloned().collect(),
            created_timestamp: state.databases.values().map(|database| database.created).collect(),
            db_ids: state.databases.values().map(|database| database.id).collect(),
        })
    };
    describe_database(DescribeDatabaseRequest) -> milvus::DescribeDatabaseResponse, "DescribeDatabase", |state, database, _| {
        let found = state.database(database)?;
        Ok(milvus::DescribeDatabaseResponse {
            status: good(),
            db_name: database.to_owned(),
            db_id: found.id,
            created_timestamp: found.created,
            properties: super::state::to_pairs(&found.properties),
        })
    };
    alter_database(AlterDatabaseRequest) -> Status, "AlterDatabase", |state, database, request| {
        done(state.alter_database(database, &request.properties, &request.delete_keys))
    };
    create_collection(CreateCollectionRequest) -> Status, "CreateCollection", |state, database, request| {
        done(state.create_collection(database, request))
    };
    drop_collection(DropCollectionRequest) -> Status, "DropCollection", |state, database, request| {
        done(state.drop_collection(database, &request.collection_name))
    };
    has_collection(HasCollectionRequest) -> milvus::BoolResponse, "HasCollection", |state, database, request| {
        state.database(database)?;
        let value = state.collection(database, &request.collection_name).is_ok();
        Ok(milvus::BoolResponse { status: good(), value })
    };
    describe_collection(DescribeCollectionRequest) -> milvus::DescribeCollectionResponse, "DescribeCollection", |state, database, request| {
        state.describe_collection(database, request)
    };
    show_collections(ShowCollectionsRequest) -> milvus::ShowCollectionsResponse, "ShowCollections", |state, database, _| {
        state.show_collections(database)
    };
    alter_collection(AlterCollectionRequest) -> Status, "AlterCollection", |state, database, request| {
        done(state.alter_collection(database, &request.collection_name, &request.properties, &request.delete_keys))
    };
    get_collection_statistics(GetCollectionStatisticsRequest) -> milvus::GetCollectionStatisticsResponse, "GetCollectionStatistics", |state, database, request| {
        let flushed = state.collection(database, &request.collection_name)?.flushed;
        let stats = vec![crate::collection::pair("row_count", &flushed.to_string())];
        Ok(milvus::GetCollectionStatisticsResponse { status: good(), stats })
    };
    create_partition(CreatePartitionRequest) -> Status, "CreatePartition", |state, database, request| {
        done(state.create_partition(database, &request.collection_name, &request.partition_name))
    };
    drop_partition(DropPartitionRequest) -> Status, "DropPartition", |state, database, request| {
        done(state.drop_partition(database, &request.collection_name, &request.partition_name))
    };
    show_partitions(ShowPartitionsRequest) -> milvus::ShowPartitionsResponse, "ShowPartitions", |state, database, request| {
        state.show_partitions(database, request)
    };
    add_file_resource(AddFileResourceRequest) -> Status, "AddFileResource", |state, _, request| {
        done(state.add_file_resource(request))
    };
    list_file_resources(ListFileResourcesRequest) -> milvus::ListFileResourcesResponse, "ListFileResources", |state, _, _| {
        Ok(milvus::ListFileResourcesResponse { status: good(), resources: state.list_file_resources()? })
    };
    create_alias(CreateAliasRequest) -> Status, "CreateAlias", |state, database, request| {
        done(state.create_alias(database, &request.collection_name, &request.alias))
    };
    alter_alias(AlterAliasRequest) -> Status, "AlterAlias", |state, database, request| {
        done(state.alter_alias(database, &request.collection_name, &request.alias))
    };
    drop_alias(DropAliasRequest) -> Status, "DropAlias", |state, database, request| {
        state.database_mut(database)?.aliases.remove(&request.alias);
        Ok(Status::default())
    };
    describe_alias(DescribeAliasRequest) -> milvus::DescribeAliasResponse, "DescribeAlias", |state, database, request| {
        Ok(milvus::DescribeAliasResponse {
            status: good(),
            db_name: database.to_owned(),
            alias: request.alias.clone(),
            collection: state.alias_target(database, &request.alias)?.to_owned(),
        })
    };
    list_aliases(ListAliasesRequest) -> milvus::ListAliasesResponse, "ListAliases", |state, database, request| {
        let wanted = &request.collection_name;
        Ok(milvus::ListAliasesResponse {
            status: good(),
            db_name: database.to_owned(),
            collection_name: wanted.clone(),
            aliases: state.list_aliases(database, wanted)?,
        })
    };
    create_index(CreateIndexRequest) -> Status, "CreateIndex", |state, database, request| {
        done(state.create_index(database, request))
    };
    describe_index(DescribeIndexRequest) -> milvus::DescribeIndexResponse, "DescribeIndex", |state, database, request| {
        state.describe_index(database, request)
    };
    alter_index(AlterIndexRequest) -> Status, "AlterIndex", |state, database, request| {
        done(state.alter_index(database, request))
    };
    drop_index(DropIndexRequest) -> Status, "DropIndex", |state, database, request| {
        done(state.drop_index(database, request))
    };
    load_collection(LoadCollectionRequest) -> Status, "LoadCollection", |state, database, request| {
        done(state.load_collection(database, request))
    };
    release_collection(ReleaseCollectionRequest) -> Status, "ReleaseCollection", |state, database, request| {
        done(state.release_collection(database, &request.collection_name))
    };
    load_partitions(LoadPartitionsRequest) -> Status, "LoadPartitions", |state, database, request| {
        done(state.load_partitions(database, request))
    };
    release_partitions(ReleasePartitionsRequest) -> Status, "ReleasePartitions", |state, database, request| {
        done(state.release_partitions(database, request))
    };
    get_load_state(GetLoadStateRequest) -> milvus::GetLoadStateResponse, "GetLoadState", |state, database, request| {
        let found: LoadState =
            state.load_state(database, &request.collection_name, &request.partition_names)?;
        Ok(milvus::GetLoadStateResponse { status: good(), state: found.into() })
    };
    get_loading_progress(GetLoadingProgressRequest) -> milvus::GetLoadingProgressResponse, "GetLoadingProgress", |state, database, request| {
        let progress =
            state.loading_progress(database, &request.collection_name, &request.partition_names)?;
        Ok(milvus::GetLoadingProgressResponse { status: good(), progress, refresh_progress: progress })
    };
    get_replicas(GetReplicasRequest) -> milvus::GetReplicasResponse, "GetReplicas", |state, database, request| {
        Ok(milvus::GetReplicasResponse { status: good(), replicas: state.replicas(database, request)? })
    };
    insert(InsertRequest) -> milvus::MutationResult, "Insert", |state, database, request| {
        state.insert(database, request)
    };
    upsert(UpsertRequest) -> milvus::MutationResult, "Upsert", |state, database, request| {
        state.upsert(database, request)
    };
    delete(DeleteRequest) -> milvus::MutationResult, "Delete", |state, database, request| {
        state.delete(database, request)
    };
    flush(FlushRequest) -> milvus::FlushResponse, "Flush", |state, database, request| {
        state.flush(database, &request.collection_names)
    };
    get_flush_state(GetFlushStateRequest) -> milvus::GetFlushStateResponse, "GetFlushState", |_, _, _| {
        Ok(milvus::GetFlushStateResponse { status: good(), flushed: true })
    };
    query(QueryRequest) -> milvus::QueryResults, "Query", |state, database, request| {
        state.query(database, request)
    };
    search(SearchRequest) -> milvus::SearchResults, "Search", |state, database, request| {
        state.search(database, request)
    };
}
