//! Replicas, resource groups and single fields of what is loaded: the words of the coordinators of
//! 2.5.27, 2.6.20 and 3.0.0, run without their C++.

use super::scene::{Scene, fine, refused};
use testkit::collection::{pair, plain};
use testkit::fake::Profile;
use testkit::pb::common::{LoadState, Status};
use testkit::pb::milvus;
use testkit::pb::schema::DataType;

/// A collection with two partitions of its own, of which `p` is released, in so many replicas of a
/// resource group.
async fn partly_loaded(version: &str, number: i32, group: &str) -> Scene {
    let profile = Profile::milvus(version).set(|profile| {
        profile.resource_groups.insert("other".to_owned());
    });
    let scene = Scene::of(profile).await;
    let collection = plain("things", DataType::Int64).partitions(&["p", "q"]);
    scene.probe.create_collection(&collection).await;
    scene.probe.create_index("things", &collection.indexes[0]).await;
    fine(load(&scene, number, &[group], &[]).await);
    scene.probe.release_partitions("things", &["p"]).await;
    scene
}

async fn load(scene: &Scene, number: i32, groups: &[&str], fields: &[&str]) -> Status {
    let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    let request = milvus::LoadCollectionRequest {
        collection_name: "things".to_owned(),
        replica_number: number,
        resource_groups: owned(groups),
        load_fields: owned(fields),
        ..Default::default()
    };
    scene.probe.raw().load_collection(request).await.unwrap().into_inner()
}

async fn load_p(scene: &Scene, number: i32, groups: &[&str]) -> Status {
    let request = milvus::LoadPartitionsRequest {
        collection_name: "things".to_owned(),
        partition_names: vec!["p".to_owned()],
        replica_number: number,
        resource_groups: groups.iter().map(|name| (*name).to_owned()).collect(),
        ..Default::default()
    };
    scene.probe.raw().load_partitions(request).await.unwrap().into_inner()
}

/// The resource groups of the replicas, and whether `p` is loaded.
async fn is(scene: &Scene) -> (Vec<String>, bool) {
    let request =
        milvus::GetReplicasRequest { collection_name: "things".to_owned(), ..Default::default() };
    let answer = scene.probe.raw().get_replicas(request).await.unwrap().into_inner();
    let groups = answer.replicas.into_iter().map(|replica| replica.resource_group_name).collect();
    while scene.probe.load_state("things", &[]).await == LoadState::Loading {}
    (groups, scene.probe.load_state("things", &["p"]).await == LoadState::Loaded)
}

const DEFAULT: &str = "__default_resource_group";

#[tokio::test]
async fn a_load_of_partitions_keeps_the_number_of_replicas() {
    for version in ["2.5.27", "2.6.20", "3.0.0"] {
        for (number, loads) in [(0, false), (1, false), (2, true)] {
            let scene = partly_loaded(version, 2, DEFAULT).await;
            let status = load_p(&scene, number, &[]).await;
            if loads {
                fine(status);
            } else {
                let words = "can't change the replica number for loaded partitions: invalid \
                             parameter[expected=2][actual=1]";
                refused(status, 1100, words);
            }
            assert_eq!(is(&scene).await, (vec![DEFAULT.to_owned(); 2], loads), "{version}");
        }
    }
}

#[tokio::test]
async fn a_load_of_the_whole_changes_the_number_of_replicas() {
    for (version, loads) in [("2.4.17", false), ("2.5.27", false), ("2.6.20", true)] {
        for number in [0, 1] {
            let scene = partly_loaded(version, 2, DEFAULT).await;
            fine(load(&scene, number, &[], &[]).await);
            assert_eq!(is(&scene).await, (vec![DEFAULT.to_owned()], loads), "{version} {number}");
        }
        let scene = partly_loaded(version, 2, DEFAULT).await;
        fine(load(&scene, 2, &[], &[]).await);
        assert_eq!(is(&scene).await, (vec![DEFAULT.to_owned(); 2], true), "{version}");
    }
}

#[tokio::test]
async fn a_load_moves_replicas_to_the_groups_that_it_names() {
    for version in ["2.5.27", "2.6.20", "3.0.0"] {
        let scene = partly_loaded(version, 1, "other").await;
        let status = load_p(&scene, 1, &[]).await;
        if version == "2.5.27" {
            refused(status, 1100, "can't change the resource groups for loaded partitions");
            assert_eq!(is(&scene).await, (vec!["other".to_owned()], false));
        } else {
            fine(status);
            assert_eq!(is(&scene).await, (vec![DEFAULT.to_owned()], true), "{version}");
        }
        let scene = partly_loaded(version, 1, "other").await;
        fine(load_p(&scene, 1, &["other"]).await);
        assert_eq!(is(&scene).await, (vec!["other".to_owned()], true), "{version}");
        let code = if version == "2.5.27" { 65_535 } else { 300 };
        refused(load_p(&scene, 1, &["nope"]).await, code, "resource group not found[rg=nope]");
        let code = if version == "2.5.27" { 65_535 } else { 1100 };
        let words = "resource group num can only be 0, 1 or same as replica number";
        refused(load_p(&scene, 3, &["other", "other"]).await, code, words);
    }
}

#[tokio::test]
async fn who_asks_for_nothing_gets_what_is_set() {
    let scene = partly_loaded("2.6.20", 1, DEFAULT).await;
    scene.probe.release("things").await;
    scene.probe.set_property("things", "collection.replica.number", "2").await;
    scene.probe.set_property("things", "collection.resource_groups", "other").await;
    fine(load(&scene, 0, &[], &[]).await);
    assert_eq!(is(&scene).await.0, ["other", "other"]);
    scene.probe.release("things").await;
    // Who asks for a number gets it in the default group.
    fine(load(&scene, 1, &[], &[]).await);
    assert_eq!(is(&scene).await.0, [DEFAULT]);
    let alter = milvus::AlterDatabaseRequest {
        db_name: "default".to_owned(),
        properties: vec![pair("database.replica.number", "3")],
        ..Default::default()
    };
    fine(scene.probe.raw().alter_database(alter).await.unwrap().into_inner());
    scene.probe.create_collection(&plain("others", DataType::Int64)).await;
    let index = &plain("others", DataType::Int64).indexes[0];
    scene.probe.create_index("others", index).await;
    let request = milvus::LoadCollectionRequest {
        collection_name: "others".to_owned(),
        ..Default::default()
    };
    fine(scene.probe.raw().load_collection(request).await.unwrap().into_inner());
    scene.fake.with_collection("default", "others", |it| assert_eq!(it.replicas.len(), 3));
}

#[tokio::test]
async fn single_fields_are_loaded_by_name() {
    let query = |fields: &[&str]| milvus::QueryRequest {
        collection_name: "things".to_owned(),
        expr: "id > 0".to_owned(),
        output_fields: fields.iter().map(|name| (*name).to_owned()).collect(),
        ..Default::default()
    };
    for version in ["2.5.27", "2.6.20"] {
        let old = version == "2.5.27";
        let scene = partly_loaded(version, 1, DEFAULT).await;
        scene.probe.release("things").await;
        refused(load(&scene, 1, &[], &["id", "text"]).await, 1100, "does not contain vector field");
        refused(load(&scene, 1, &[], &["embedding"]).await, 1100, "primary key field id");
        fine(load(&scene, 1, &[], &["id", "embedding"]).await);
        assert!(is(&scene).await.1);
        let raw = scene.probe.raw();
        let status = raw.clone().query(query(&["id", "text"])).await.unwrap().into_inner();
        if old {
            refused(status.status.unwrap(), 65_535, "field text is not loaded");
        } else {
            fine(status.status.unwrap());
        }
        let all = raw.clone().query(query(&["*"])).await.unwrap().into_inner();
        assert_eq!(all.output_fields.contains(&"text".to_owned()), !old);
        // What is loaded beside it is loaded with the same fields, or all of it with other ones.
        scene.probe.release_partitions("things", &["p"]).await;
        let status = load_p(&scene, 1, &[]).await;
        if old {
            refused(status, 1100, "can't change the load field list for loaded collection");
            refused(load(&scene, 1, &[], &[]).await, 65_535, "can't change the load field list");
        } else {
            fine(status);
            scene
                .fake
                .with_collection("default", "things", |it| assert!(it.load_fields.is_empty()));
        }
    }
}
