//! What servers say to properties: the words of the proxies of 2.5.27, 2.6.20 and 3.0.0, run without
//! their C++.

use super::scene::{Scene, fine, refused, small};
use testkit::collection::{Collection, FieldWords, array, field, pair, plain, var_char};
use testkit::fake::Profile;
use testkit::pb::common::Status;
use testkit::pb::milvus;
use testkit::pb::schema::DataType;
use testkit::structs::struct_array;

/// Properties, and what each of three releases answers to them.
type Case = (&'static [(&'static str, &'static str)], [(i32, &'static str); 3]);

const VERSIONS: [&str; 3] = ["2.5.27", "2.6.20", "3.0.0"];
/// What is answered to a request that is taken.
const OK: (i32, &str) = (0, "");

#[track_caller]
fn says(status: Status, (code, words): (i32, &str), what: &str) {
    assert_eq!(status.code, code, "{what}: {}", status.reason);
    assert!(status.reason.contains(words), "{what}: no {words:?} in {:?}", status.reason);
}

async fn alter(scene: &Scene, name: &str, set: &[(&str, &str)], delete: &[&str]) -> Status {
    let request = milvus::AlterCollectionRequest {
        collection_name: name.to_owned(),
        properties: set.iter().map(|(key, value)| pair(key, value)).collect(),
        delete_keys: delete.iter().map(|key| (*key).to_owned()).collect(),
        ..Default::default()
    };
    scene.probe.raw().alter_collection(request).await.unwrap().into_inner()
}

async fn indexed(version: &str, collection: &Collection) -> Scene {
    let scene = Scene::milvus(version).await;
    scene.probe.create_collection(collection).await;
    scene.probe.create_index(&collection.name, &plain("", DataType::Int64).indexes[0]).await;
    scene
}

#[tokio::test]
async fn some_properties_stay_while_anything_is_loaded() {
    let mapped = (104, "can not alter mmap properties if collection loaded: collection already");
    let warmed = (104, "can not alter warmup properties if collection loaded");
    let indexed_before = (702, "can not alter query_mode if the collection already has a vector");
    for (key, value, answers) in [
        ("mmap.enabled", "true", [mapped; 3]),
        ("lazyload.enabled", "true", [mapped, mapped, OK]),
        ("warmup.vectorField", "sync", [OK, warmed, warmed]),
        ("query_mode", "large_topk", [OK, indexed_before, indexed_before]),
        ("collection.ttl.seconds", "60", [OK; 3]),
        ("partitionkey.isolation", "false", [OK; 3]),
    ] {
        for (version, answer) in VERSIONS.into_iter().zip(answers) {
            let scene = indexed(version, &plain("things", DataType::Int64)).await;
            scene.probe.load("things").await;
            let what = format!("{version} {key}");
            says(alter(&scene, "things", &[(key, value)], &[]).await, answer, &what);
        }
    }
    let deleted = (104, "can not delete mmap properties if collection loaded");
    for (key, answers) in [
        ("mmap.enabled", [deleted; 3]),
        (
            "lazyload.enabled",
            [deleted, (104, "can not delete lazyload.enabled properties if collection loaded"), OK],
        ),
        (
            "warmup.vectorField",
            [OK, (104, "can not delete warmup.vectorField"), (104, "can not delete warmup.")],
        ),
        ("query_mode", [OK; 3]),
    ] {
        for (version, answer) in VERSIONS.into_iter().zip(answers) {
            let scene = indexed(version, &plain("things", DataType::Int64)).await;
            scene.probe.load("things").await;
            let what = format!("{version} delete {key}");
            says(alter(&scene, "things", &[], &[key]).await, answer, &what);
        }
    }
}

/// Up to 2.6.12 a request that does not name the isolation means that it is off.
#[tokio::test]
async fn isolation_stays_while_a_vector_has_an_index() {
    let refused = (702, "can not alter partition key isolation mode if the collection already has");
    let tenant = || small(vec![var_char("tenant", 9).partition_key()]);
    for version in ["2.5.27", "2.6.12", "2.6.13", "2.6.20", "3.0.0"] {
        let old = ["2.5.27", "2.6.12"].contains(&version);
        let other = if old { refused } else { OK };
        let on = tenant().property("partitionkey.isolation", "true");
        let scene = indexed(version, &on).await;
        says(alter(&scene, "small", &[("a", "b")], &[]).await, other, version);
        says(alter(&scene, "small", &[], &["a"]).await, other, version);
        let both = [("a", "b"), ("partitionkey.isolation", "true")];
        says(alter(&scene, "small", &both, &[]).await, OK, version);
        let off = [("partitionkey.isolation", "false")];
        says(alter(&scene, "small", &off, &[]).await, refused, version);
        says(alter(&scene, "small", &[], &["partitionkey.isolation"]).await, refused, version);
        let scene = indexed(version, &tenant()).await;
        let on = [("partitionkey.isolation", "true")];
        says(alter(&scene, "small", &on, &[]).await, refused, version);
    }
    for version in VERSIONS {
        let status = Scene::milvus(version)
            .await
            .create(&plain("things", DataType::Int64).property("partitionkey.isolation", "true"))
            .await;
        says(status, (105, "no partition key field is set"), version);
    }
}

#[tokio::test]
async fn values_are_looked_at() {
    let warmup = (1100, "invalid warmup policy: async, must be 'disable' or 'sync'");
    let at_field = (1100, "warmup key 'warmup' is only allowed at field level");
    let mode = (1100, "invalid query_mode value \"x\", valid values: [large_topk]");
    let kind = (1100, "ttl field must be timestamptz, field name = text");
    let lost = (1100, "ttl field name nope not found in schema");
    let both = (1100, "collection TTL and ttl field cannot be set at the same time");
    let cases: [Case; 6] = [
        (&[("warmup.vectorField", "async")], [OK, warmup, OK]),
        (&[("warmup", "sync")], [OK, at_field, at_field]),
        (&[("query_mode", "x")], [OK, mode, mode]),
        (&[("ttl_field", "text")], [OK, OK, kind]),
        (&[("ttl_field", "nope")], [OK, OK, lost]),
        (&[("ttl_field", "at"), ("collection.ttl.seconds", "9")], [OK, OK, both]),
    ];
    for (properties, answers) in cases {
        for (version, answer) in VERSIONS.into_iter().zip(answers) {
            let scene = Scene::milvus(version).await;
            let mut collection = plain("things", DataType::Int64);
            if version != "2.5.27" {
                collection.fields.push(field("at", DataType::Timestamptz));
            }
            scene.probe.create_collection(&collection).await;
            let what = format!("{version} {properties:?}");
            says(alter(&scene, "things", properties, &[]).await, answer, &what);
            collection.name = "more".to_owned();
            for (key, value) in properties {
                collection = collection.property(key, value);
            }
            says(scene.create(&collection).await, answer, &what);
        }
    }
    let scene = Scene::milvus("3.0.0").await;
    scene.probe.create_collection(&plain("things", DataType::Int64)).await;
    for (key, answer) in [
        ("max_field_id", (1100, "cannot alter reserved collection property max_field_id")),
        (
            "namespace.sharding.enabled",
            (1100, "cannot alter namespace.sharding.enabled after collection creation"),
        ),
        ("collection.resource_groups", (300, "resource group not found[rg=7]")),
    ] {
        says(alter(&scene, "things", &[(key, "7")], &[]).await, answer, key);
        let created = plain("more", DataType::Int64).property(key, "7");
        fine(Scene::milvus("3.0.0").await.create(&created).await);
    }
}

#[tokio::test]
async fn clustering_keys_text_and_nulls_in_structs_depend_on_the_release() {
    for (kind, answers) in [
        (DataType::Bool, [OK, (105, "clustering key field k has unsupported data type Bool")]),
        (DataType::Json, [OK, (105, "unsupported data type JSON")]),
        (DataType::Double, [OK, OK]),
    ] {
        for (version, answer) in ["2.6.13", "2.6.14"].into_iter().zip(answers) {
            let mut key = field("k", kind);
            key.is_clustering_key = true;
            let status = Scene::milvus(version).await.create(&small(vec![key])).await;
            says(status, answer, version);
        }
    }
    let without = Profile::milvus("3.0.0").set(|profile| profile.storage_v3 = false);
    let text = small(vec![field("story", DataType::Text)]);
    let status = Scene::of(without).await.create(&text).await;
    refused(status, 1100, "TEXT field requires StorageV3; enable common.storage.useLoonFFI");
    let nullable = struct_array("parts", vec![array("words", DataType::Int64).nullable()]);
    for (version, answer) in [
        ("2.6.20", (1100, "nullable is not supported for fields in struct array now")),
        ("3.0.0", (1100, "sub-field in non-nullable struct cannot be nullable individually")),
    ] {
        let collection = plain("things", DataType::Int64).struct_field(nullable.clone());
        says(Scene::milvus(version).await.create(&collection).await, answer, version);
    }
}
