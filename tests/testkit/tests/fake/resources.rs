//! Files for analyzers, collections that are made twice, and keys that are brought.

use super::scene::{Scene, fine, refused};
use testkit::collection::{Collection, pair, plain, var_char};
use testkit::pb::milvus;
use testkit::pb::schema::DataType;

/// A collection whose text is analyzed with an uploaded list of words.
fn analyzed() -> Collection {
    let mut collection = plain("things", DataType::Int64);
    let mut text = var_char("words", 500);
    let stop = r#"{"type": "remote", "resource_name": "stops", "file_name": "stops.txt"}"#;
    let params = format!(r#"{{"filter": [{{"type": "stop", "stop_words_file": {stop}}}]}}"#);
    text.type_params.push(pair("enable_analyzer", "true"));
    text.type_params.push(pair("analyzer_params", &params));
    collection.fields.push(text);
    collection
}

#[tokio::test]
async fn an_analyzer_needs_the_files_that_it_names() {
    let scene = Scene::milvus("3.0.0").await;
    refused(scene.create(&analyzed()).await, 65_535, "file resource: stops not found");
    let add = milvus::AddFileResourceRequest {
        name: "stops".to_owned(),
        path: "files/stops.txt".to_owned(),
        ..Default::default()
    };
    fine(scene.probe.raw().add_file_resource(add.clone()).await.unwrap().into_inner());
    // What a request says itself is not asked for.
    let mut request = scene.probe.create_request(&analyzed());
    request.schema = {
        use prost::Message as _;
        let mut schema =
            testkit::pb::schema::CollectionSchema::decode(request.schema.as_slice()).unwrap();
        schema.file_resource_ids = vec![7];
        schema.encode_to_vec()
    };
    fine(scene.probe.raw().create_collection(request).await.unwrap().into_inner());
    let list = milvus::ListFileResourcesRequest::default();
    let listed = scene.probe.raw().list_file_resources(list.clone()).await.unwrap().into_inner();
    let schema = scene.probe.describe("things").await.schema.unwrap();
    assert_eq!(schema.file_resource_ids, [listed.resources[0].id]);

    let scene = Scene::milvus("2.6.20").await;
    let listed = scene.probe.raw().list_file_resources(list).await.unwrap().into_inner();
    refused(listed.status.unwrap(), 65_535, "ListFileResources is not implemented");
    let added = scene.probe.raw().add_file_resource(add).await.unwrap().into_inner();
    refused(added, 65_535, "AddFileResource is not implemented");
}

#[tokio::test]
async fn a_collection_with_partitions_is_not_made_twice() {
    for (version, code) in [("2.5.27", 65_535), ("2.6.20", 1100)] {
        let scene = Scene::milvus(version).await;
        let things = plain("things", DataType::Int64);
        for _ in 0..2 {
            fine(scene.create(&things).await);
        }
        let partition = milvus::CreatePartitionRequest {
            collection_name: "things".to_owned(),
            partition_name: "one".to_owned(),
            ..Default::default()
        };
        for _ in 0..2 {
            let answer = scene.probe.raw().create_partition(partition.clone()).await;
            fine(answer.unwrap().into_inner());
        }
        refused(scene.create(&things).await, code, "with different parameters");
    }
}

#[tokio::test]
async fn keys_are_brought_to_servers_that_make_them_up() {
    let words = "the value for allow_insert_auto_id must be false when autoID is false";
    for (auto_id, version) in
        [(false, "2.6.20"), (true, "2.6.20"), (false, "2.6.2"), (false, "2.5.27"), (true, "2.5.27")]
    {
        let scene = Scene::milvus(version).await;
        let mut things = plain("things", DataType::Int64);
        things.fields[0].auto_id = auto_id;
        // At creation nobody asks.
        things.properties.push(("allow_insert_auto_id".to_owned(), "true".to_owned()));
        fine(scene.create(&things).await);
        let alter = milvus::AlterCollectionRequest {
            collection_name: "things".to_owned(),
            properties: vec![pair("allow_insert_auto_id", "true")],
            ..Default::default()
        };
        let answer = scene.probe.raw().alter_collection(alter).await.unwrap().into_inner();
        match (auto_id, version) {
            (false, "2.5.27" | "2.6.20") => refused(answer, 1100, words),
            _ => fine(answer),
        }
    }
}
