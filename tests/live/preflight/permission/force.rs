//! When a grant is in force. Milvus 2.3.5 answers before its proxy knows of a grant, which it is told in the
//! background, of several in any order.

use std::time::{Duration, Instant};

use testkit::pb::milvus::{
    CreateCollectionRequest, CreateIndexRequest, DeleteRequest, DescribeCollectionRequest,
    DescribeIndexRequest, DropCollectionRequest, FlushRequest, GetCollectionStatisticsRequest,
    InsertRequest, ListDatabasesRequest, LoadCollectionRequest, QueryRequest,
    ReleaseCollectionRequest, SearchRequest, ShowCollectionsRequest, ShowPartitionsRequest,
    UpsertRequest,
};
use testkit::probe::Probe;

use super::Grant;

const PATIENCE: Duration = Duration::from_secs(60);
const AGAIN: Duration = Duration::from_millis(50);

/// Asks for something that changes nothing and takes the privilege, until it is no longer denied.
pub(super) async fn wait_for(as_user: &Probe, grant: &Grant<'_>) {
    let began = Instant::now();
    while denied(as_user, grant).await {
        assert!(began.elapsed() < PATIENCE, "{grant:?}");
        tokio::time::sleep(AGAIN).await;
    }
}

/// A request for a collection that is not there, or with nothing in it.
macro_rules! ask {
    ($of:ident, $call:ident, $request:ident, $name:expr) => {
        $of.raw().$call($request { collection_name: $name, ..Default::default() }).await.err()
    };
}

async fn denied(of: &Probe, (_, object, privilege): &Grant<'_>) -> bool {
    let name = if *object == "*" { "nothing_of_this_name" } else { object }.to_owned();
    let error = match *privilege {
        "CreateCollection" => ask!(of, create_collection, CreateCollectionRequest, name),
        "CreateIndex" => ask!(of, create_index, CreateIndexRequest, name),
        "Delete" => ask!(of, delete, DeleteRequest, name),
        "DescribeCollection" => ask!(of, describe_collection, DescribeCollectionRequest, name),
        "DropCollection" => ask!(of, drop_collection, DropCollectionRequest, name),
        "Flush" => {
            let request = FlushRequest { collection_names: vec![name], ..Default::default() };
            of.raw().flush(request).await.err()
        }
        // Their calls take the privilege to load.
        "GetLoadState" | "GetLoadingProgress" => None,
        "GetStatistics" => {
            ask!(of, get_collection_statistics, GetCollectionStatisticsRequest, name)
        }
        "IndexDetail" => ask!(of, describe_index, DescribeIndexRequest, name),
        "Insert" => ask!(of, insert, InsertRequest, name),
        "ListDatabases" => of.raw().list_databases(ListDatabasesRequest::default()).await.err(),
        // Those that are named are loaded.
        "Load" => ask!(of, load_collection, LoadCollectionRequest, name),
        "Query" => ask!(of, query, QueryRequest, name),
        "Release" => ask!(of, release_collection, ReleaseCollectionRequest, name),
        "Search" => ask!(of, search, SearchRequest, name),
        "ShowCollections" => {
            of.raw().show_collections(ShowCollectionsRequest::default()).await.err()
        }
        "ShowPartitions" => ask!(of, show_partitions, ShowPartitionsRequest, name),
        "Upsert" => ask!(of, upsert, UpsertRequest, name),
        other => panic!("how is {other} asked for?"),
    };
    error.is_some_and(|error| error.code() == tonic::Code::PermissionDenied)
}
