//! Load requests: what is loaded already stays in the replicas and resource groups that it is in.

use testkit::collection::{Collection, plain};
use testkit::data;
use testkit::fake::{Fake, Profile};
use testkit::pb::common::LoadState;
use testkit::pb::milvus::{AlterDatabaseRequest, LoadCollectionRequest, LoadPartitionsRequest};
use testkit::pb::schema::DataType;
use testkit::scene::{PLAN, doubles::Doubles, entry, expect_words};

const PARTITIONS: [&str; 2] = ["north", "south"];
const LOAD: &str = "load = true";
const DEFAULT: &str = "__default_resource_group";

fn collection() -> Collection {
    plain("things", DataType::Int64).partitions(&PARTITIONS)
}

/// A server with a resource group beside the default one.
fn milvus(version: &str) -> Profile {
    Profile::milvus(version).set(|profile| {
        profile.resource_groups.insert("search".to_owned());
    })
}

/// Both ends of one release, and a source that is loaded in these groups, one a replica.
async fn loaded_in(version: &str, groups: &[&str]) -> Doubles {
    let scene = Doubles::of(milvus(version), milvus(version)).await;
    let rows = data::table_of(&collection(), &data::key_range(0..300), 3);
    scene.source.fill(&collection(), &rows.spread_over(&PARTITIONS)).await;
    put_into(&scene.from, groups);
    scene.from.forget_calls();
    scene.plan_file_with(LOAD, &entry("things", ""));
    scene
}

fn put_into(server: &Fake, groups: &[&str]) {
    let groups = groups.iter().map(|group| (*group).to_owned()).collect();
    server.with_collection("default", "things", |it| it.replicas = groups);
}

fn groups(server: &Fake) -> Vec<String> {
    let mut groups = server.with_collection("default", "things", |it| it.replicas.clone());
    groups.sort();
    groups
}

fn loads(server: &Fake) -> (Vec<LoadCollectionRequest>, Vec<LoadPartitionsRequest>) {
    (server.requests(), server.requests())
}

/// Partitions that were released are loaded beside the others, and released again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_partly_loaded_source_keeps_its_replicas_and_groups() {
    let cases: [(&str, &[&str], &str); 4] = [
        ("2.4.17", &[DEFAULT, DEFAULT], "2 replicas"),
        ("2.5.27", &["search"], "1 replica, in the resource group search"),
        ("2.6.20", &[DEFAULT, "search"], "2 replicas, in the resource groups"),
        ("3.0.0", &["search"], "1 replica, in the resource group search"),
    ];
    futures_util::future::join_all(cases.map(async |(version, before, words)| {
        let scene = loaded_in(version, before).await;
        scene.source.release_partitions("things", &["north"]).await;
        let plan = scene.plan().await.expect_code(2);
        expect_words(&plan, &["north", "released again afterwards", words]);
        scene.converge().await;
        assert_eq!(groups(&scene.from), before, "{version}");
        let states = [("north", LoadState::NotLoad), ("south", LoadState::Loaded)];
        for (partition, state) in states {
            assert_eq!(scene.source.load_state("things", &[partition]).await, state, "{version}");
        }
        let (whole, parts) = loads(&scene.from);
        assert!(whole.is_empty(), "{version}: {whole:?}");
        // A comparison does the same.
        scene.run(&["verify", PLAN]).await.expect_code(0);
        assert_eq!(groups(&scene.from), before, "{version}");
        assert_eq!(scene.source.load_state("things", &["north"]).await, LoadState::NotLoad);
        for request in parts.iter().chain(&loads(&scene.from).1) {
            assert_eq!(request.partition_names, ["north"], "{version}");
            assert_eq!(request.replica_number, before.len() as i32, "{version}");
        }
        assert!(loads(&scene.from).0.is_empty(), "{version}");
    }))
    .await;
}

#[tokio::test]
async fn a_source_that_is_loaded_is_not_loaded_again() {
    let scene = loaded_in("2.6.20", &[DEFAULT, DEFAULT]).await;
    scene.converge().await;
    scene.run(&["verify", PLAN]).await.expect_code(0);
    assert_eq!((scene.from.count("LoadCollection"), scene.from.count("LoadPartitions")), (0, 0));
    assert_eq!(groups(&scene.from), [DEFAULT, DEFAULT]);
}

/// Somebody loads it between `plan` and `apply`, in as many replicas as they like.
#[tokio::test]
async fn a_source_that_was_loaded_since_is_not_loaded_again() {
    let scene = loaded_in("2.6.20", &[DEFAULT]).await;
    scene.source.release("things").await;
    scene.run(&["plan", PLAN, "--out", "changes.json"]).await.expect_code(0);
    scene.source.load_partitions("things", &["south"]).await;
    put_into(&scene.from, &["search", "search"]);
    scene.run(&["apply", "changes.json", "--yes"]).await.expect_code(0);
    assert_eq!(groups(&scene.from), ["search", "search"]);
}

/// Nothing is said of replicas where nothing is loaded: the server has settings for that.
#[tokio::test]
async fn what_is_not_loaded_is_loaded_as_its_server_is_set() {
    let scene = loaded_in("2.6.20", &[DEFAULT]).await;
    scene.source.release("things").await;
    for probe in [&scene.source, &scene.target] {
        let settings = [("database.replica.number", "2"), ("database.resource_groups", "search")];
        let alter = AlterDatabaseRequest {
            db_name: "default".to_owned(),
            properties: settings.map(|(key, value)| testkit::collection::pair(key, value)).into(),
            ..Default::default()
        };
        probe.raw().alter_database(alter).await.unwrap();
    }
    scene.plan_file_with(LOAD, &entry("things", "load = true"));
    scene.converge().await;
    for server in [&scene.from, &scene.to] {
        let (whole, parts) = loads(server);
        assert!(parts.is_empty() && !whole.is_empty());
        for request in whole {
            assert_eq!((request.replica_number, request.resource_groups), (0, Vec::new()));
        }
    }
    assert_eq!(groups(&scene.to), ["search", "search"]);
    assert_eq!(scene.source.load_state("things", &[]).await, LoadState::NotLoad);
}

#[tokio::test]
async fn a_number_of_replicas_is_said_where_the_plan_file_says_one() {
    let scene = loaded_in("2.6.20", &[DEFAULT]).await;
    scene.plan_one("things", "replicas = 3");
    scene.converge().await;
    assert_eq!(groups(&scene.to).len(), 3);
    // It is loaded by now, and stays as it is.
    scene.plan_one("things", "replicas = 2");
    let plan = scene.plan().await;
    expect_words(&plan, &["replicas_kept", "3 replicas", "2"]);
    assert_eq!(groups(&scene.to).len(), 3);
}

/// A target that is in use, and of which a partition is not in memory.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_partly_loaded_target_keeps_its_replicas_and_groups() {
    futures_util::future::join_all(["2.5.27", "2.6.20"].map(async |version| {
        let scene = loaded_in(version, &[DEFAULT]).await;
        scene.target.create_collection(&collection()).await;
        scene.target.create_index("things", &collection().indexes[0]).await;
        scene.target.load_partitions("things", &["_default", "south"]).await;
        put_into(&scene.to, &["search", "search"]);
        scene.plan_one("things", "existing = \"adopt\"");
        scene.converge().await;
        assert_eq!(groups(&scene.to), ["search", "search"], "{version}");
        assert_eq!(scene.target.load_state("things", &["north"]).await, LoadState::Loaded);
    }))
    .await;
}

/// To load a partition beside others would take them out of their replicas.
#[tokio::test]
async fn replicas_that_are_not_told_are_left_alone() {
    let scene = loaded_in("2.5.27", &[DEFAULT, DEFAULT]).await;
    scene.source.release_partitions("things", &["north"]).await;
    scene.from.refuse("GetReplicas", 65_535, "not supported on this cluster");
    scene.expect_refusal(&["source_replicas_unknown", "north", "GetReplicas"]).await;
    assert_eq!((scene.from.count("LoadCollection"), scene.from.count("LoadPartitions")), (0, 0));
    // Where nothing is to be loaded they are of no interest.
    scene.from.with_collection("default", "things", |it| {
        it.partitions.iter_mut().for_each(|partition| partition.loaded = true);
    });
    scene.converge().await;
    scene.run(&["verify", PLAN]).await.expect_code(0);
}

/// Servers refuse the question in their own ways: then the number is not known, and no difference.
#[tokio::test]
async fn a_target_that_does_not_tell_its_replicas_is_compared_all_the_same() {
    for (code, words) in [(65_535, "not supported on this cluster"), (1100, "denied")] {
        let scene = Doubles::between("2.6.20", "2.6.20").await;
        let bare = plain("things", DataType::Int64);
        scene.source.fill(&bare, &data::table(&bare, 300, 3)).await;
        scene.plan_one("things", "replicas = 2");
        scene.to.refuse("GetReplicas", code, words);
        scene.converge().await;
        scene.run(&["verify", PLAN]).await.expect_code(0);
    }
}
