//! What is asked of no collection, of one that is not there, and of a database that is not there.

use testkit::collection::plain;
use testkit::pb::milvus;
use testkit::pb::schema::DataType;

use super::super::talk::{
    Talk, alter, describe, index, kv, load, partition_request, query, release,
};

pub(super) async fn list(talk: &mut Talk) {
    talk.topic("server");
    talk.ask("Connect", milvus::ConnectRequest::default()).await;
    talk.ask("CheckHealth", milvus::CheckHealthRequest::default()).await;
    talk.ask("AllocTimestamp", milvus::AllocTimestampRequest::default()).await;
    talk.ask("ListDatabases", milvus::ListDatabasesRequest::default()).await;
    let database = |name: &str| milvus::DescribeDatabaseRequest {
        db_name: name.to_owned(),
        ..Default::default()
    };
    talk.ask("DescribeDatabase default", database("default")).await;
    talk.ask("DescribeDatabase of none", database("nowhere")).await;
    talk.ask("DescribeDatabase without a name", database("")).await;
    no_collection(talk).await;
    no_database(talk).await;
}

/// Every call that names a collection.
async fn no_collection(talk: &mut Talk) {
    talk.topic("no collection");
    let none = "none";
    talk.ask("DescribeCollection", describe(none)).await;
    let named = || none.to_owned();
    talk.ask(
        "HasCollection",
        milvus::HasCollectionRequest { collection_name: named(), ..Default::default() },
    )
    .await;
    talk.ask(
        "GetCollectionStatistics",
        milvus::GetCollectionStatisticsRequest { collection_name: named(), ..Default::default() },
    )
    .await;
    talk.ask(
        "ShowPartitions",
        milvus::ShowPartitionsRequest { collection_name: named(), ..Default::default() },
    )
    .await;
    talk.ask(
        "DescribeIndex",
        milvus::DescribeIndexRequest { collection_name: named(), ..Default::default() },
    )
    .await;
    talk.ask(
        "GetLoadState",
        milvus::GetLoadStateRequest { collection_name: named(), ..Default::default() },
    )
    .await;
    talk.ask(
        "GetLoadingProgress",
        milvus::GetLoadingProgressRequest { collection_name: named(), ..Default::default() },
    )
    .await;
    talk.ask(
        "GetReplicas",
        milvus::GetReplicasRequest { collection_name: named(), ..Default::default() },
    )
    .await;
    talk.ask("Query", query(none, "id >= 0", &["id"])).await;
    let collection = plain(none, DataType::Int64);
    let rows = testkit::data::table(&collection, 1, 1);
    let insert = talk.probe.insert_requests(none, &rows, 1).remove(0);
    let upsert = milvus::UpsertRequest {
        collection_name: named(),
        num_rows: 1,
        fields_data: insert.fields_data.clone(),
        ..Default::default()
    };
    talk.ask("Insert", insert).await;
    talk.ask("Upsert", upsert).await;
    let delete = milvus::DeleteRequest {
        collection_name: named(),
        expr: "id in [1]".to_owned(),
        ..Default::default()
    };
    talk.ask("Delete", delete).await;
    talk.ask("LoadCollection", load(none, 1)).await;
    talk.ask("ReleaseCollection", release(none)).await;
    let load_partitions = milvus::LoadPartitionsRequest {
        collection_name: named(),
        partition_names: vec!["_default".to_owned()],
        replica_number: 1,
        ..Default::default()
    };
    talk.ask("LoadPartitions", load_partitions).await;
    let release_partitions = milvus::ReleasePartitionsRequest {
        collection_name: named(),
        partition_names: vec!["_default".to_owned()],
        ..Default::default()
    };
    talk.ask("ReleasePartitions", release_partitions).await;
    talk.ask("CreatePartition", partition_request(none, "p")).await;
    let drop_partition = milvus::DropPartitionRequest {
        collection_name: named(),
        partition_name: "p".to_owned(),
        ..Default::default()
    };
    talk.ask("DropPartition", drop_partition).await;
    let params = [("index_type", "FLAT"), ("metric_type", "L2")];
    talk.ask("CreateIndex", index(none, "embedding", "", &params)).await;
    let drop_index = milvus::DropIndexRequest {
        collection_name: named(),
        field_name: "embedding".to_owned(),
        ..Default::default()
    };
    talk.ask("DropIndex", drop_index).await;
    talk.ask("AlterCollection", alter(none, &[("collection.ttl.seconds", "9")], &[])).await;
    talk.ask(
        "DropCollection",
        milvus::DropCollectionRequest { collection_name: named(), ..Default::default() },
    )
    .await;
    talk.ask("CreateAlias", super::names::alias(none, "other")).await;
    let alter_alias = milvus::AlterAliasRequest {
        collection_name: named(),
        alias: "other".to_owned(),
        ..Default::default()
    };
    talk.ask("AlterAlias", alter_alias).await;
    talk.ask(
        "ListAliases",
        milvus::ListAliasesRequest { collection_name: named(), ..Default::default() },
    )
    .await;
    talk.ask("DescribeCollection without a name", describe("")).await;
    talk.ask("Query without a name", query("", "id >= 0", &["id"])).await;
}

async fn no_database(talk: &mut Talk) {
    talk.topic("no database");
    let away = || "nowhere".to_owned();
    talk.ask(
        "ShowCollections",
        milvus::ShowCollectionsRequest { db_name: away(), ..Default::default() },
    )
    .await;
    talk.ask(
        "DescribeCollection",
        milvus::DescribeCollectionRequest { db_name: away(), ..describe("none") },
    )
    .await;
    talk.ask(
        "HasCollection",
        milvus::HasCollectionRequest {
            db_name: away(),
            collection_name: "none".to_owned(),
            ..Default::default()
        },
    )
    .await;
    let collection = plain("none", DataType::Int64);
    let create = talk.probe.create_request(&collection);
    talk.ask("CreateCollection", milvus::CreateCollectionRequest { db_name: away(), ..create })
        .await;
    talk.ask(
        "DropCollection",
        milvus::DropCollectionRequest {
            db_name: away(),
            collection_name: "none".to_owned(),
            ..Default::default()
        },
    )
    .await;
    talk.ask("ListAliases", milvus::ListAliasesRequest { db_name: away(), ..Default::default() })
        .await;
    talk.ask(
        "Query",
        milvus::QueryRequest { db_name: away(), ..query("none", "id >= 0", &["id"]) },
    )
    .await;
    talk.ask(
        "LoadCollection",
        milvus::LoadCollectionRequest { db_name: away(), ..load("none", 1) },
    )
    .await;
    talk.ask(
        "AlterDatabase",
        milvus::AlterDatabaseRequest {
            db_name: away(),
            properties: kv(&[("custom", "x")]),
            ..Default::default()
        },
    )
    .await;
    talk.ask("DropDatabase", milvus::DropDatabaseRequest { db_name: away(), ..Default::default() })
        .await;
}
