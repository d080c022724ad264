//! The relay's half of the protocol: every RPC that the tool uses, noted and forwarded.

use std::any::Any;
use std::sync::Arc;

use tonic::transport::Channel;
use tonic::{Request, Response};

use super::{Act, Call, Shared};
use crate::pb::common::{KeyValuePair, Status};
use crate::pb::milvus;
use crate::pb::milvus::milvus_service_client::MilvusServiceClient;
use crate::pb::milvus::milvus_service_server::MilvusService;

pub(super) struct Forwarder {
    upstream: MilvusServiceClient<Channel>,
    shared: Arc<Shared>,
}

impl Forwarder {
    pub(super) fn new(upstream: MilvusServiceClient<Channel>, shared: Arc<Shared>) -> Self {
        Self { upstream, shared }
    }

    /// Notes a call and asks the rule about it.
    fn judge(&self, rpc: &'static str, request: &dyn Any) -> Act {
        let mut call = details(request);
        call.rpc = rpc;
        {
            let mut calls = self.shared.calls.lock().unwrap();
            call.number = 1 + calls.iter().filter(|earlier| earlier.rpc == rpc).count();
            calls.push(call.clone());
        }
        let rule = Arc::clone(&self.shared.rule.lock().unwrap());
        rule(&call)
    }
}

/// The parts of a request that tests look at.
fn details(request: &dyn Any) -> Call {
    macro_rules! collections {
        ($($type:ident),*) => {
            $(if let Some(request) = request.downcast_ref::<milvus::$type>() {
                return Call {
                    database: request.db_name.clone(),
                    collection: request.collection_name.clone(),
                    ..Call::default()
                };
            })*
        };
    }
    macro_rules! rows {
        ($($type:ident),*) => {
            $(if let Some(request) = request.downcast_ref::<milvus::$type>() {
                return Call {
                    database: request.db_name.clone(),
                    collection: request.collection_name.clone(),
                    partitions: vec![request.partition_name.clone()],
                    rows: request.num_rows as usize,
                    ..Call::default()
                };
            })*
        };
    }
    let map =
        |pairs: &[KeyValuePair]| pairs.iter().map(|p| (p.key.clone(), p.value.clone())).collect();
    if let Some(request) = request.downcast_ref::<milvus::QueryRequest>() {
        return Call {
            database: request.db_name.clone(),
            collection: request.collection_name.clone(),
            partitions: request.partition_names.clone(),
            expression: request.expr.clone(),
            output_fields: request.output_fields.clone(),
            params: map(&request.query_params),
            ..Call::default()
        };
    }
    if let Some(request) = request.downcast_ref::<milvus::SearchRequest>() {
        return Call {
            database: request.db_name.clone(),
            collection: request.collection_name.clone(),
            partitions: request.partition_names.clone(),
            expression: request.dsl.clone(),
            output_fields: request.output_fields.clone(),
            params: map(&request.search_params),
            ..Call::default()
        };
    }
    if let Some(request) = request.downcast_ref::<milvus::DeleteRequest>() {
        return Call {
            database: request.db_name.clone(),
            collection: request.collection_name.clone(),
            partitions: vec![request.partition_name.clone()],
            expression: request.expr.clone(),
            ..Call::default()
        };
    }
    rows!(InsertRequest, UpsertRequest);
    collections!(
        CreateCollectionRequest,
        DropCollectionRequest,
        HasCollectionRequest,
        DescribeCollectionRequest,
        GetCollectionStatisticsRequest,
        LoadCollectionRequest,
        ReleaseCollectionRequest,
        CreatePartitionRequest,
        LoadPartitionsRequest,
        ReleasePartitionsRequest,
        ShowPartitionsRequest,
        AlterCollectionRequest,
        CreateAliasRequest,
        AlterAliasRequest,
        DropPartitionRequest,
        CreateIndexRequest,
        DescribeIndexRequest,
        DropIndexRequest,
        AlterIndexRequest,
        GetLoadStateRequest,
        GetLoadingProgressRequest
    );
    Call::default()
}

/// An answer that holds nothing but a Milvus status.
pub(crate) trait Refusal {
    fn refusal(status: Status) -> Self;
}

impl Refusal for Status {
    fn refusal(status: Status) -> Self {
        status
    }
}

macro_rules! refusals {
    ($($answer:ident),*) => {
        $(impl Refusal for milvus::$answer {
            fn refusal(status: Status) -> Self {
                Self { status: Some(status), ..Self::default() }
            }
        })*
    };
}

refusals!(
    AllocTimestampResponse,
    BoolResponse,
    CheckHealthResponse,
    ConnectResponse,
    DescribeAliasResponse,
    DescribeCollectionResponse,
    DescribeDatabaseResponse,
    DescribeIndexResponse,
    FlushResponse,
    GetFlushStateResponse,
    GetCollectionStatisticsResponse,
    GetLoadStateResponse,
    GetLoadingProgressResponse,
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
    ShowPartitionsResponse
);

macro_rules! relayed {
    ($($method:ident($request:ident) -> $answer:ty, $rpc:literal;)*) => {
        #[tonic::async_trait]
        impl MilvusService for Forwarder {
            $(async fn $method(
                &self,
                request: Request<milvus::$request>,
            ) -> Result<Response<$answer>, tonic::Status> {
                let act = self.judge($rpc, request.get_ref());
                match act {
                    Act::Fail(status) => return Err(status),
                    Act::Refuse(status) => return Ok(Response::new(Refusal::refusal(status))),
                    Act::Delay(time) => tokio::time::sleep(time).await,
                    Act::Late(time, status) => {
                        let mut upstream = self.upstream.clone();
                        tokio::spawn(async move {
                            tokio::time::sleep(time).await;
                            upstream.$method(forwarded(request)).await
                        });
                        return Err(status);
                    }
                    _ => {}
                }
                let mut answer = self.upstream.clone().$method(forwarded(request)).await;
                if let (Act::Change(change), Ok(answer)) = (&act, &mut answer) {
                    let answer: &mut dyn Any = answer.get_mut();
                    if let Some(answer) = answer.downcast_mut() {
                        change.0(answer);
                    }
                }
                match act {
                    Act::LoseAnswer(status) => Err(status),
                    Act::RefuseAfter(status) => Ok(Response::new(Refusal::refusal(status))),
                    Act::Hang => std::future::pending().await,
                    _ => answer.map(|answer| Response::new(answer.into_inner())),
                }
            })*
        }
    };
}

/// The same request with the headers that mean something to Milvus.
fn forwarded<T>(request: Request<T>) -> Request<T> {
    let (metadata, _, message) = request.into_parts();
    let mut out = Request::new(message);
    for name in ["authorization", "dbname"] {
        if let Some(value) = metadata.get(name) {
            out.metadata_mut().insert(name, value.clone());
        }
    }
    out
}

relayed! {
    create_collection(CreateCollectionRequest) -> Status, "CreateCollection";
    drop_collection(DropCollectionRequest) -> Status, "DropCollection";
    has_collection(HasCollectionRequest) -> milvus::BoolResponse, "HasCollection";
    load_collection(LoadCollectionRequest) -> Status, "LoadCollection";
    release_collection(ReleaseCollectionRequest) -> Status, "ReleaseCollection";
    describe_collection(DescribeCollectionRequest) -> milvus::DescribeCollectionResponse, "DescribeCollection";
    get_collection_statistics(GetCollectionStatisticsRequest) -> milvus::GetCollectionStatisticsResponse, "GetCollectionStatistics";
    show_collections(ShowCollectionsRequest) -> milvus::ShowCollectionsResponse, "ShowCollections";
    create_partition(CreatePartitionRequest) -> Status, "CreatePartition";
    load_partitions(LoadPartitionsRequest) -> Status, "LoadPartitions";
    release_partitions(ReleasePartitionsRequest) -> Status, "ReleasePartitions";
    show_partitions(ShowPartitionsRequest) -> milvus::ShowPartitionsResponse, "ShowPartitions";
    get_loading_progress(GetLoadingProgressRequest) -> milvus::GetLoadingProgressResponse, "GetLoadingProgress";
    get_load_state(GetLoadStateRequest) -> milvus::GetLoadStateResponse, "GetLoadState";
    create_index(CreateIndexRequest) -> Status, "CreateIndex";
    describe_index(DescribeIndexRequest) -> milvus::DescribeIndexResponse, "DescribeIndex";
    insert(InsertRequest) -> milvus::MutationResult, "Insert";
    delete(DeleteRequest) -> milvus::MutationResult, "Delete";
    upsert(UpsertRequest) -> milvus::MutationResult, "Upsert";
    search(SearchRequest) -> milvus::SearchResults, "Search";
    flush(FlushRequest) -> milvus::FlushResponse, "Flush";
    query(QueryRequest) -> milvus::QueryResults, "Query";
    get_version(GetVersionRequest) -> milvus::GetVersionResponse, "GetVersion";
    connect(ConnectRequest) -> milvus::ConnectResponse, "Connect";
    alloc_timestamp(AllocTimestampRequest) -> milvus::AllocTimestampResponse, "AllocTimestamp";
    create_database(CreateDatabaseRequest) -> Status, "CreateDatabase";
    drop_database(DropDatabaseRequest) -> Status, "DropDatabase";
    list_resource_groups(ListResourceGroupsRequest) -> milvus::ListResourceGroupsResponse, "ListResourceGroups";
    list_databases(ListDatabasesRequest) -> milvus::ListDatabasesResponse, "ListDatabases";
    describe_database(DescribeDatabaseRequest) -> milvus::DescribeDatabaseResponse, "DescribeDatabase";
    alter_database(AlterDatabaseRequest) -> Status, "AlterDatabase";
    alter_collection(AlterCollectionRequest) -> Status, "AlterCollection";
    drop_partition(DropPartitionRequest) -> Status, "DropPartition";
    drop_index(DropIndexRequest) -> Status, "DropIndex";
    alter_index(AlterIndexRequest) -> Status, "AlterIndex";
    list_file_resources(ListFileResourcesRequest) -> milvus::ListFileResourcesResponse, "ListFileResources";
    create_alias(CreateAliasRequest) -> Status, "CreateAlias";
    drop_alias(DropAliasRequest) -> Status, "DropAlias";
    alter_alias(AlterAliasRequest) -> Status, "AlterAlias";
    describe_alias(DescribeAliasRequest) -> milvus::DescribeAliasResponse, "DescribeAlias";
    list_aliases(ListAliasesRequest) -> milvus::ListAliasesResponse, "ListAliases";
    get_replicas(GetReplicasRequest) -> milvus::GetReplicasResponse, "GetReplicas";
    check_health(CheckHealthRequest) -> milvus::CheckHealthResponse, "CheckHealth";
    create_credential(CreateCredentialRequest) -> Status, "CreateCredential";
    create_role(CreateRoleRequest) -> Status, "CreateRole";
    operate_user_role(OperateUserRoleRequest) -> Status, "OperateUserRole";
    operate_privilege(OperatePrivilegeRequest) -> Status, "OperatePrivilege";
}
