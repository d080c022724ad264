//! A source of which somebody loaded some fields only (`load_fields`): up to 2.5 the others are not
//! read.

use std::time::Duration;

use testkit::collection::{Collection, plain};
use testkit::data;
use testkit::pb::common::LoadState;
use testkit::pb::milvus::LoadCollectionRequest;
use testkit::pb::schema::DataType;
use testkit::scene::{PLAN, doubles::Doubles, entry, expect_words};

/// Far less than repeating a call takes until it is given up.
const AT_ONCE: Duration = Duration::from_secs(20);

fn collection() -> Collection {
    plain("things", DataType::Int64).partitions(&["north"])
}

/// A source that is loaded with its key and its vector.
async fn without_text(version: &str) -> Doubles {
    let scene = Doubles::between(version, version).await;
    let rows = data::table_of(&collection(), &data::key_range(0..200), 3);
    scene.source.fill(&collection(), &rows.spread_over(&["_default", "north"])).await;
    load_some(&scene).await;
    scene
}

async fn load_some(scene: &Doubles) {
    scene.source.release("things").await;
    let request = LoadCollectionRequest {
        collection_name: "things".to_owned(),
        load_fields: ["id", "embedding"].map(str::to_owned).into(),
        ..Default::default()
    };
    scene.source.raw().load_collection(request).await.unwrap();
    while scene.source.load_state("things", &[]).await != LoadState::Loaded {}
}

#[tokio::test]
async fn a_field_that_is_not_loaded_is_refused_by_name_at_once() {
    for version in ["2.4.17", "2.5.27"] {
        let scene = without_text(version).await;
        scene.plan_one("things", "");
        let plan = scene.plan().await.expect_code(1);
        assert!(plan.took < AT_ONCE, "{:?}", plan.took);
        let words = ["source_field_not_loaded", "default/things/text", "release", "all its fields"];
        expect_words(&plan, &words);
        scene.expect_refusal(&words).await;
        // It need not be loaded where it is not copied.
        scene.plan_one("things", "fields.text.drop = true");
        scene.converge().await;
    }
}

/// Nor can the rest be loaded beside it.
#[tokio::test]
async fn a_partly_loaded_source_without_a_field_is_refused_too() {
    let scene = without_text("2.5.27").await;
    scene.source.release_partitions("things", &["north"]).await;
    scene.plan_file_with("load = true", &entry("things", ""));
    scene.from.forget_calls();
    scene.expect_refusal(&["source_field_not_loaded", "default/things/text"]).await;
    assert_eq!(scene.from.count("LoadPartitions"), 0);
}

/// What is finished is read again only to catch up.
#[tokio::test]
async fn a_source_that_lost_a_field_since_is_not_caught_up_with() {
    let scene = Doubles::between("2.5.27", "2.5.27").await;
    let bare = plain("things", DataType::Int64);
    scene.source.fill(&bare, &data::table(&bare, 100, 3)).await;
    scene.plan_one("things", "");
    scene.converge().await;
    load_some(&scene).await;
    scene.nothing_to_do().await;
    let plan = scene.run(&["plan", PLAN, "--catch-up"]).await.expect_code(1);
    expect_words(&plan, &["source_field_not_loaded", "default/things/text"]);
    let verify = scene.run(&["verify", PLAN]).await;
    assert!(verify.took < AT_ONCE, "{:?}", verify.took);
    expect_words(&verify, &["field text is not loaded", "all its fields"]);
}

/// Since 2.6 a field that is not loaded is read all the same.
#[tokio::test]
async fn newer_servers_read_what_is_not_loaded() {
    let scene = without_text("2.6.20").await;
    scene.plan_one("things", "");
    scene.converge().await;
}
