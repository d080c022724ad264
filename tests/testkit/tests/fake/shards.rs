//! Writes that land in some shards and not in others, and keys that are in two. No server here has
//! shown it: the rules are those of the sources that `fake/shards.rs` names.

use std::collections::BTreeMap;

use super::scene::{Scene, fine, refused};
use testkit::collection::{Collection, plain};
use testkit::data;
use testkit::fake::{Landed, Profile, shard_of};
use testkit::pb::common::{LoadState, Status};
use testkit::pb::milvus;
use testkit::pb::schema::DataType;
use testkit::table::Key;

const SHARDS: i32 = 3;
const ROWS: usize = 60;

fn things() -> Collection {
    plain("things", DataType::Int64).partitions(&["p"]).shards(SHARDS)
}

async fn scene(version: &str) -> Scene {
    let scene = Scene::of(Profile::milvus(version)).await;
    scene.probe.create_collection(&things()).await;
    scene.probe.create_index("things", &things().indexes[0]).await;
    scene.probe.load("things").await;
    while scene.probe.load_state("things", &[]).await == LoadState::Loading {}
    scene
}

/// How many rows with each key are there, in which shard.
fn there(scene: &Scene) -> BTreeMap<Key, (usize, u32)> {
    scene.fake.with_collection("default", "things", |things| {
        let mut found = BTreeMap::new();
        for row in things.live() {
            found.entry(row.key.clone()).or_insert((0, things.shard(row))).0 += 1;
        }
        found
    })
}

fn request(scene: &Scene, partition: &str) -> milvus::InsertRequest {
    let keys = data::key_range(0..ROWS as i64);
    let rows = data::table_of(&things(), &keys, 1);
    let request = scene.probe.insert_requests("things", &rows, ROWS).remove(0);
    milvus::InsertRequest { partition_name: partition.to_owned(), ..request }
}

async fn delete(scene: &Scene, expression: &str) -> Status {
    let request = milvus::DeleteRequest {
        collection_name: "things".to_owned(),
        expr: expression.to_owned(),
        ..Default::default()
    };
    scene.probe.raw().delete(request).await.unwrap().into_inner().status.unwrap()
}

#[tokio::test]
async fn a_write_may_land_in_some_shards() {
    for version in ["2.5.27", "2.6.20", "3.0.0"] {
        let scene = scene(version).await;
        scene.fake.land_partly("Insert", 0, Landed::in_shards(&[0, 2]));
        refused(scene.insert(request(&scene, "")).await, 65_535, "append");
        let landed = there(&scene);
        assert!(!landed.is_empty() && landed.len() < ROWS);
        assert!(landed.iter().all(|(key, (times, shard))| {
            *times == 1 && *shard == shard_of(key, SHARDS) && *shard != 1
        }));
        // A repeated insert doubles what is there, and an upsert does not.
        fine(scene.insert(request(&scene, "")).await);
        let counts = there(&scene);
        assert!(counts.iter().all(|(_, (times, shard))| *times == if *shard == 1 { 1 } else { 2 }));
        fine(scene.upsert(request(&scene, "")).await.status.unwrap());
        assert!(there(&scene).values().all(|(times, _)| *times == 1));
        scene.fake.land_partly("Delete", 0, Landed::in_shards(&[1]));
        refused(delete(&scene, "id >= 0").await, 65_535, "append");
        let left = there(&scene);
        assert!(!left.is_empty() && left.values().all(|(_, shard)| *shard != 1));
        assert_eq!(scene.fake.partial_writes(), 2);
    }
}

/// Up to 2.5 the new rows of an upsert may be there beside the old ones.
#[tokio::test]
async fn an_upsert_may_leave_both_rows() {
    let scene = scene("2.5.27").await;
    fine(scene.insert(request(&scene, "")).await);
    scene.fake.land_partly("Upsert", 0, Landed::beside(&[0], &[1]));
    let answer = scene.upsert(request(&scene, "")).await;
    refused(answer.status.unwrap(), 65_535, "append");
    let counts = there(&scene);
    assert!(counts.values().all(|(times, shard)| *times == if *shard == 1 { 2 } else { 1 }));
    fine(scene.upsert(request(&scene, "")).await.status.unwrap());
    assert!(there(&scene).values().all(|(times, _)| *times == 1));
}

#[tokio::test]
async fn a_habit_of_landing_in_part() {
    let profile = Profile::milvus("2.6.20").set(|profile| profile.partial_writes = 2);
    let scene = Scene::of(profile).await;
    scene.probe.create_collection(&things()).await;
    let mut failed = 0;
    for _ in 0..8 {
        failed += usize::from(scene.insert(request(&scene, "")).await.code != 0);
    }
    assert_eq!((failed, scene.fake.partial_writes()), (4, 4));
    // With one shard there is no part.
    let scene =
        Scene::of(Profile::milvus("2.6.20").set(|profile| profile.partial_writes = 1)).await;
    scene.probe.create_collection(&things().shards(1)).await;
    fine(scene.insert(request(&scene, "")).await);
}

/// A key that is in two partitions is in one shard: an upsert and a delete in one of them leave the
/// other.
#[tokio::test]
async fn a_key_in_two_partitions_is_there_twice() {
    for version in ["2.5.27", "2.6.20", "3.0.0"] {
        let scene = scene(version).await;
        fine(scene.insert(request(&scene, "")).await);
        fine(scene.insert(request(&scene, "p")).await);
        assert!(there(&scene).values().all(|(times, _)| *times == 2));
        fine(scene.upsert(request(&scene, "p")).await.status.unwrap());
        assert!(there(&scene).values().all(|(times, _)| *times == 2));
        let keys = scene.probe.query_keys("things", &[], "id >= 0", 0).await;
        assert_eq!(keys.len(), ROWS, "a query gives a key of one shard once");
        assert_eq!(scene.probe.count("things", &[]).await, 2 * ROWS);
        fine(delete(&scene, "id >= 0").await);
        assert!(there(&scene).is_empty());
    }
}

/// What an import left in another shard no delete and no upsert finds.
#[tokio::test]
async fn a_key_in_two_shards() {
    for version in ["2.4.17", "2.5.27", "2.6.20", "3.0.0"] {
        let scene = scene(version).await;
        fine(scene.insert(request(&scene, "")).await);
        let double = |things: &mut testkit::fake::Collection| {
            things.double_across_shards(&Key::Int(7));
        };
        scene.fake.with_collection("default", "things", double);
        let query = milvus::QueryRequest {
            collection_name: "things".to_owned(),
            expr: "id in [6, 7, 8]".to_owned(),
            output_fields: vec!["id".to_owned()],
            ..Default::default()
        };
        let answer = scene.probe.raw().query(query).await.unwrap().into_inner();
        let rows = scene.probe.count("things", &[]).await;
        assert_eq!(rows, ROWS + 1);
        if version == "3.0.0" {
            refused(answer.status.unwrap(), 1009, "duplicate PK 7 found across shards");
        } else {
            fine(answer.status.clone().unwrap());
            let keys = scene.probe.query_keys("things", &[], "id in [6, 7, 8]", 0).await;
            assert_eq!(keys.len(), if version == "2.4.17" { 3 } else { 4 }, "{version}");
        }
        fine(scene.upsert(request(&scene, "")).await.status.unwrap());
        assert_eq!(there(&scene)[&Key::Int(7)].0, 2);
        fine(delete(&scene, "id == 7").await);
        assert_eq!(there(&scene)[&Key::Int(7)].0, 1);
    }
}
