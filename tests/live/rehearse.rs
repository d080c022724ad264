//! A rehearsal on real servers: every step is ok, and nothing is left at either end.

mod finds;

use std::collections::BTreeMap;

use testkit::collection::{Collection, everything_235, plain};
use testkit::data;
use testkit::lab::Kind;
use testkit::pb::schema::DataType;
use testkit::scene::{PLAN, Scene, entry};

const REHEARSE: [&str; 5] = ["rehearse", PLAN, "--yes", "--format", "json"];

/// Names, load state and numbers of rows at an end.
async fn inventory(scene: &Scene, names: &[&str]) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for name in names {
        let probe = &scene.source;
        let state = probe.load_state(name, &[]).await;
        let indexes = probe.describe_index(name).await.len();
        let count = probe.count(name, &[]).await;
        found.insert((*name).to_owned(), format!("{state:?} {indexes} {count}"));
    }
    found
}

async fn collections(probe: &testkit::probe::Probe) -> Vec<String> {
    let request = testkit::pb::milvus::ShowCollectionsRequest {
        db_name: probe.database().to_owned(),
        ..Default::default()
    };
    let answer = probe.raw().show_collections(request).await.unwrap().into_inner();
    let mut names = answer.collection_names;
    names.sort();
    names
}

async fn every_step_is_ok(to: Kind, of: fn(&str, DataType) -> Collection) {
    let scene = Scene::between(Kind::Milvus235A, to).await;
    let whole = of("whole", DataType::Int64);
    let parted = of("parted", DataType::VarChar).partitions(&["north", "south"]);
    let rows = data::table_of(&whole, &data::keys(&whole, 600), 5);
    scene.source.fill(&whole, &rows).await;
    let rows = data::table(&parted, 600, 6).spread_over(&["_default", "north", "south"]);
    scene.source.fill(&parted, &rows).await;
    scene.plan_file(&format!("{}\n{}", entry("whole", ""), entry("parted", "")));
    let (at_source, at_target) =
        (collections(&scene.source).await, collections(&scene.target).await);
    let before = inventory(&scene, &["whole", "parted"]).await;
    let report = scene.run(&REHEARSE).await.expect_code(0).json();
    assert_eq!(report["verdict"]["word"], "ok", "{report:#}");
    for collection in report["collections"].as_array().unwrap() {
        let steps = collection["steps"].as_array().unwrap();
        assert!(steps.iter().all(|step| step["status"] != "failed"), "{collection:#}");
        for name in ["write_rows", "create_indexes", "load", "compare_rows", "upsert", "search"] {
            let step = steps.iter().find(|step| step["step"] == name).unwrap();
            assert_eq!(step["status"], "ok", "{collection:#}");
        }
        assert_eq!(collection["measured"]["rows"], 600);
    }
    assert_eq!(collections(&scene.source).await, at_source);
    assert_eq!(collections(&scene.target).await, at_target);
    assert_eq!(inventory(&scene, &["whole", "parted"]).await, before);
    // It is said in words too, and the migration itself has nothing in its way.
    let said = scene.run(&["rehearse", PLAN, "--yes", "--rows", "50"]).await.expect_code(0);
    println!("{}\n{}", said.stderr, said.stdout);
    scene.run(&["apply", PLAN, "--yes"]).await.expect_code(0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn from_235_to_235() {
    every_step_is_ok(Kind::Milvus235B, everything_235).await;
}

/// It writes numbers in JSON anew, with fewer digits, which a rehearsal of such rows finds: so there are
/// none.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn from_235_to_lite_3() {
    every_step_is_ok(Kind::Lite3, plain).await;
}
