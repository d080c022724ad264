//! Databases, properties, partitions, aliases, indexes, loading.

use super::scene::{Scene, fine, refused, small};
use testkit::collection::{FieldWords, Index, field, pair, plain, var_char, vector};
use testkit::data;
use testkit::fake::Profile;
use testkit::lines::{auto_index, everything_26};
use testkit::pb::common::{LoadState, Status};
use testkit::pb::milvus;
use testkit::pb::schema::DataType;
use testkit::pb::schema::value_field::Data;
use testkit::table::Value;

async fn with_things(version: &str) -> Scene {
    let scene = Scene::milvus(version).await;
    scene.probe.create_collection(&plain("things", DataType::Int64)).await;
    scene
}

async fn alter(scene: &Scene, set: &[(&str, &str)], delete: &[&str]) -> Status {
    let request = milvus::AlterCollectionRequest {
        collection_name: "things".to_owned(),
        properties: set.iter().map(|(key, value)| pair(key, value)).collect(),
        delete_keys: delete.iter().map(|key| (*key).to_owned()).collect(),
        ..Default::default()
    };
    scene.probe.raw().alter_collection(request).await.unwrap().into_inner()
}

async fn index(scene: &Scene, index: Index) -> Status {
    let request = scene.probe.index_request("things", &index);
    scene.probe.raw().create_index(request).await.unwrap().into_inner()
}

async fn load(scene: &Scene) -> Status {
    let request = milvus::LoadCollectionRequest {
        collection_name: "things".to_owned(),
        replica_number: 2,
        ..Default::default()
    };
    scene.probe.raw().load_collection(request).await.unwrap().into_inner()
}

#[tokio::test]
async fn databases_have_properties_and_their_own_collections() {
    let scene = with_things("2.6.20").await;
    let eastern = scene.probe.in_database("eastern");
    let create = milvus::CreateDatabaseRequest {
        db_name: "eastern".to_owned(),
        properties: vec![pair("timezone", "Asia/Tokyo"), pair("database.replica.number", "2")],
        ..Default::default()
    };
    fine(scene.probe.raw().create_database(create.clone()).await.unwrap().into_inner());
    refused(
        scene.probe.raw().create_database(create).await.unwrap().into_inner(),
        1100,
        "already exist",
    );
    assert!(!eastern.has_collection("things").await);
    let alter = milvus::AlterDatabaseRequest {
        db_name: "eastern".to_owned(),
        properties: vec![pair("database.max.collections", "9")],
        ..Default::default()
    };
    fine(scene.probe.raw().alter_database(alter.clone()).await.unwrap().into_inner());
    let less = milvus::AlterDatabaseRequest {
        properties: Vec::new(),
        delete_keys: vec!["database.replica.number".to_owned()],
        ..alter.clone()
    };
    fine(scene.probe.raw().alter_database(less.clone()).await.unwrap().into_inner());
    let both = milvus::AlterDatabaseRequest { delete_keys: less.delete_keys, ..alter };
    refused(
        scene.probe.raw().alter_database(both).await.unwrap().into_inner(),
        1100,
        "cannot modify properties and delete keys at the same time",
    );
    let describe =
        milvus::DescribeDatabaseRequest { db_name: "eastern".to_owned(), ..Default::default() };
    let described = scene.probe.raw().describe_database(describe).await.unwrap().into_inner();
    let expected = [pair("database.max.collections", "9"), pair("timezone", "Asia/Tokyo")];
    assert_eq!(described.properties, expected);
    let wrong = milvus::CreateDatabaseRequest {
        db_name: "northern".to_owned(),
        properties: vec![pair("timezone", "Nowhere/Land")],
        ..Default::default()
    };
    refused(
        scene.probe.raw().create_database(wrong).await.unwrap().into_inner(),
        1100,
        "Time Zone",
    );
    // The header names a database where the message does not.
    let mut request = tonic::Request::new(milvus::ShowCollectionsRequest::default());
    request.metadata_mut().insert("dbname", "eastern".parse().unwrap());
    let shown = scene.probe.raw().show_collections(request).await.unwrap().into_inner();
    assert!(shown.collection_names.is_empty());
    let mut request = tonic::Request::new(milvus::ShowCollectionsRequest::default());
    request.metadata_mut().insert("dbname", "nowhere".parse().unwrap());
    let shown = scene.probe.raw().show_collections(request).await.unwrap().into_inner();
    refused(shown.status.unwrap(), 800, "database not found");
}

#[tokio::test]
async fn properties_are_set_and_deleted() {
    let scene = with_things("2.6.20").await;
    fine(alter(&scene, &[("collection.ttl.seconds", "60"), ("timezone", "UTC")], &[]).await);
    fine(alter(&scene, &[], &["timezone"]).await);
    assert_eq!(
        scene.probe.describe("things").await.properties,
        [pair("collection.ttl.seconds", "60")]
    );
    refused(alter(&scene, &[("a", "b")], &["timezone"]).await, 1100, "cannot provide both");
    refused(alter(&scene, &[("collection.ttl.seconds", "soon")], &[]).await, 1100, "TTL");
    refused(alter(&scene, &[("timezone", "Nowhere/Land")], &[]).await, 1100, "Time Zone");
    fine(alter(&scene, &[("mmap.enabled", "true")], &[]).await);
    fine(index(&scene, auto_index("embedding", "L2")).await);
    fine(load(&scene).await);
    refused(
        alter(&scene, &[("mmap.enabled", "false")], &[]).await,
        104,
        "collection already loaded",
    );
}

#[tokio::test]
async fn a_dynamic_field_that_came_later_is_null_before() {
    let scene = with_things("2.6.20").await;
    let collection = plain("things", DataType::Int64);
    scene.probe.insert("things", &data::table(&collection, 3, 1)).await;
    fine(alter(&scene, &[("dynamicfield.enabled", "true")], &[]).await);
    let described = scene.probe.describe("things").await;
    assert!(described.schema.unwrap().enable_dynamic_field);
    let keys: Vec<&str> = described.properties.iter().map(|pair| pair.key.as_str()).collect();
    assert_eq!(keys, ["timezone"]);
    let rows = scene.fake.with_collection("default", "things", |c| c.rows.clone());
    assert!(rows.iter().all(|row| row.values.last() == Some(&Value::Null)));
    refused(alter(&scene, &[("dynamicfield.enabled", "false")], &[]).await, 1100, "disabled");
}

#[tokio::test]
async fn a_field_that_came_later_is_null_or_has_its_default() {
    let scene = with_things("2.6.20").await;
    let collection = plain("things", DataType::Int64);
    scene.probe.insert("things", &data::table(&collection, 3, 1)).await;
    scene.fake.with_collection("default", "things", |collection| {
        collection.add_field(field("maybe", DataType::Int64).nullable());
        let ranked = field("rank", DataType::Int64).nullable();
        collection.add_field(ranked.with_default(Data::LongData(7)));
    });
    let schema = scene.probe.describe("things").await.schema.unwrap();
    let ids: Vec<i64> = schema.fields.iter().map(|field| field.field_id).collect();
    assert_eq!(ids, [100, 101, 102, 103, 104]);
    let stored = scene.fake.with_collection("default", "things", |c| c.rows[0].values.clone());
    assert_eq!(stored[3..], [Value::Null, Value::Int(7)]);
}

#[tokio::test]
async fn partitions_are_made_and_dropped_unless_there_is_a_partition_key() {
    let scene = with_things("2.5.4").await;
    scene.probe.create_partition("things", "2024-01").await;
    scene.probe.create_partition("things", "2024-01").await;
    assert_eq!(scene.probe.partition_names("things").await, ["_default", "2024-01"]);
    let create = async |scene: &Scene, collection: &str, partition: &str| {
        let request = milvus::CreatePartitionRequest {
            collection_name: collection.to_owned(),
            partition_name: partition.to_owned(),
            ..Default::default()
        };
        scene.probe.raw().create_partition(request).await.unwrap().into_inner()
    };
    refused(create(&scene, "things", "a b").await, 65_535, "Invalid partition name");
    refused(create(&scene, "things", "-a").await, 65_535, "Invalid partition name");
    let old = with_things("2.4.10").await;
    refused(create(&old, "things", "2024-01").await, 65_535, "Invalid partition name");
    let drop = async |partition: &str| {
        let request = milvus::DropPartitionRequest {
            collection_name: "things".to_owned(),
            partition_name: partition.to_owned(),
            ..Default::default()
        };
        scene.probe.raw().drop_partition(request).await.unwrap().into_inner()
    };
    refused(drop("_default").await, 65_535, "default partition");
    fine(drop("2024-01").await);
    let keyed = small(vec![field("tenant", DataType::Int64).partition_key()]);
    scene.probe.create_collection(&keyed).await;
    assert_eq!(scene.probe.partition_names("small").await.len(), 16);
    refused(create(&scene, "small", "one").await, 65_535, "disable create partition");
    let full = Scene::of(Profile::milvus("2.5.4").set(|p| p.limits.partitions = 1)).await;
    full.probe.create_collection(&plain("things", DataType::Int64)).await;
    refused(create(&full, "things", "one").await, 65_535, "exceeds max configuration");
}

#[tokio::test]
async fn aliases_lead_to_one_collection() {
    let scene = with_things("2.6.20").await;
    scene.probe.create_collection(&plain("others", DataType::Int64)).await;
    let create = async |name: &str, alias: &str| {
        let request = milvus::CreateAliasRequest {
            collection_name: name.to_owned(),
            alias: alias.to_owned(),
            ..Default::default()
        };
        scene.probe.raw().create_alias(request).await.unwrap().into_inner()
    };
    fine(create("things", "current").await);
    fine(create("things", "current").await);
    refused(create("others", "current").await, 1602, "alias already exist");
    refused(create("things", "others").await, 1601, "alias and collection name conflict");
    refused(create("nothing", "x").await, 100, "collection not found");
    refused(create("things", "a b").await, 1100, "Invalid collection alias");
    let named = plain("current", DataType::Int64);
    refused(scene.create(&named).await, 1601, "please choose a unique name");
    let alter = milvus::AlterAliasRequest {
        collection_name: "others".to_owned(),
        alias: "current".to_owned(),
        ..Default::default()
    };
    fine(scene.probe.raw().alter_alias(alter).await.unwrap().into_inner());
    let describe =
        milvus::DescribeAliasRequest { alias: "current".to_owned(), ..Default::default() };
    let described = scene.probe.raw().describe_alias(describe).await.unwrap().into_inner();
    assert_eq!(described.collection, "others");
    let list =
        milvus::ListAliasesRequest { collection_name: "others".to_owned(), ..Default::default() };
    let listed = scene.probe.raw().list_aliases(list).await.unwrap().into_inner();
    assert_eq!(listed.aliases, ["current"]);
    assert_eq!(scene.probe.describe("things").await.aliases, [""; 0]);
    let drop = milvus::DropCollectionRequest {
        collection_name: "others".to_owned(),
        ..Default::default()
    };
    let status = scene.probe.raw().drop_collection(drop.clone()).await.unwrap().into_inner();
    refused(status, 1100, "associated aliases");
    let alias = milvus::DropAliasRequest { alias: "current".to_owned(), ..Default::default() };
    fine(scene.probe.raw().drop_alias(alias).await.unwrap().into_inner());
    fine(scene.probe.raw().drop_collection(drop).await.unwrap().into_inner());
    assert!(!scene.probe.has_collection("others").await);
}

#[tokio::test]
async fn a_load_needs_an_index_on_every_vector() {
    let scene = Scene::milvus("2.6.20").await;
    let mut collection = everything_26("things", DataType::Int64);
    let last = collection.indexes.pop().unwrap();
    scene.probe.create_collection(&collection).await;
    let none =
        milvus::DescribeIndexRequest { collection_name: "things".to_owned(), ..Default::default() };
    let answer = scene.probe.raw().describe_index(none).await.unwrap().into_inner();
    refused(answer.status.unwrap(), 700, "index not found");
    refused(load(&scene).await, 700, "index not found");
    for index in &collection.indexes {
        scene.probe.create_index("things", index).await;
    }
    refused(load(&scene).await, 1100, "there is no vector index on field: [things[bits]]");
    scene.probe.create_index("things", &last).await;
    assert_eq!(scene.probe.load_state("things", &[]).await, LoadState::NotLoad);
    fine(load(&scene).await);
    let count = milvus::QueryRequest {
        collection_name: "things".to_owned(),
        output_fields: vec!["count(*)".to_owned()],
        ..Default::default()
    };
    let early = scene.probe.raw().query(count).await.unwrap().into_inner();
    refused(early.status.unwrap(), 103, "collection not fully loaded");
    assert_eq!(scene.probe.load_state("things", &[]).await, LoadState::Loading);
    assert_eq!(scene.probe.load_state("things", &[]).await, LoadState::Loaded);
    let replicas =
        milvus::GetReplicasRequest { collection_name: "things".to_owned(), ..Default::default() };
    let answer = scene.probe.raw().get_replicas(replicas.clone()).await.unwrap().into_inner();
    assert_eq!(answer.replicas.len(), 2);
    let drop = milvus::DropIndexRequest {
        collection_name: "things".to_owned(),
        index_name: "embedding".to_owned(),
        ..Default::default()
    };
    let status = scene.probe.raw().drop_index(drop).await.unwrap().into_inner();
    refused(status, 1100, "cannot be dropped on loaded collection");
    scene.probe.release("things").await;
    scene.fake.change(|profile| profile.limits.replicas = 1);
    refused(load(&scene).await, 304, "resource group node not enough");
    let answer = scene.probe.raw().get_replicas(replicas).await.unwrap().into_inner();
    fine(answer.status.unwrap());
    assert!(answer.replicas.is_empty());
    assert_eq!(scene.probe.load_state("nothing", &[]).await, LoadState::NotExist);
}

#[tokio::test]
async fn partitions_are_loaded_by_themselves() {
    let scene = Scene::milvus("2.6.20").await;
    let collection =
        plain("things", DataType::Int64).partitions(&["one"]).index(auto_index("embedding", "L2"));
    let mut collection = collection;
    collection.indexes.remove(0);
    scene.probe.create_collection(&collection).await;
    scene.probe.create_index("things", &collection.indexes[0]).await;
    scene.probe.load_partitions("things", &["one"]).await;
    assert_eq!(scene.probe.load_state("things", &[]).await, LoadState::Loaded);
    assert_eq!(scene.probe.load_state("things", &["one"]).await, LoadState::Loaded);
    assert_eq!(scene.probe.load_state("things", &["_default"]).await, LoadState::NotLoad);
    // Partitions that come later are loaded with a collection that is loaded as a whole.
    scene.probe.create_partition("things", "two").await;
    assert_eq!(scene.probe.load_state("things", &["two"]).await, LoadState::NotLoad);
    scene.probe.load("things").await;
    scene.probe.create_partition("things", "three").await;
    assert_eq!(scene.probe.load_state("things", &["three"]).await, LoadState::Loaded);
    let keyed = small(vec![
        var_char("tenant", 10).partition_key(),
        vector("embedding", DataType::FloatVector, 4),
    ]);
    scene.probe.create_collection(&keyed).await;
    let request = milvus::LoadPartitionsRequest {
        collection_name: "small".to_owned(),
        partition_names: vec!["_default_0".to_owned()],
        ..Default::default()
    };
    let status = scene.probe.raw().load_partitions(request).await.unwrap().into_inner();
    refused(status, 1100, "disable load partitions");
}

#[tokio::test]
async fn unknown_calls_and_wrong_tokens_are_told_apart() {
    let profile = Profile::milvus("2.6.20").without_rpcs(&["ListAliases"]);
    let scene = Scene::of(profile).await;
    let list = milvus::ListAliasesRequest::default();
    let error = scene.probe.raw().list_aliases(list).await.unwrap_err();
    assert_eq!(error.code(), tonic::Code::Unimplemented);
    scene.fake.change(|profile| profile.token = Some("db_admin:secret".to_owned()));
    let error = scene.probe.raw().get_version(milvus::GetVersionRequest {}).await.unwrap_err();
    assert_eq!(error.code(), tonic::Code::Unauthenticated);
    let uri = scene.fake.uri();
    let known = testkit::probe::Probe::connect_auth(&uri, "db_admin", "secret").await;
    assert!(!known.has_collection("things").await);
}

#[tokio::test]
async fn a_changed_schema_is_noticed() {
    let scene = with_things("2.6.20").await;
    let collection = plain("things", DataType::Int64);
    let seen = scene.probe.describe("things").await.update_timestamp;
    fine(scene.insert_changed(&collection, |r| r.schema_timestamp = seen).await);
    fine(alter(&scene, &[("collection.ttl.seconds", "60")], &[]).await);
    let status = scene.insert_changed(&collection, |r| r.schema_timestamp = seen).await;
    refused(status, 109, "schema mismatch");
}
