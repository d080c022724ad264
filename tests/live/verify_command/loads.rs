//! What `load = true` lets `verify` load, and that it is released again.

use super::command::{first_line, verify};
use testkit::collection::plain;
use testkit::data;
use testkit::pb::common::LoadState;
use testkit::pb::schema::DataType;
use testkit::scene::{PLAN, Scene, expect_words};

const ENTRY: &str = "[[collections]]\nsource = \"cold\"";
const WHOLE: &str = "Verified: every row of 1 collection (600 rows), value by value.";

async fn states(scene: &Scene, partitions: &[&str]) -> [LoadState; 2] {
    let source = scene.source.load_state("cold", partitions).await;
    [source, scene.target.load_state("cold", partitions).await]
}

#[tokio::test]
async fn what_is_not_loaded_is_loaded_and_released_where_the_plan_file_says_so() {
    let scene = Scene::new().await;
    let collection = plain("cold", DataType::Int64).partitions(&["north"]);
    let rows = data::table_of(&collection, &data::key_range(0..600), 7);
    scene.source.fill(&collection, &rows.clone().spread_over(&["_default", "north"])).await;
    scene.source.release("cold").await;
    scene.plan_file_with("load = true", ENTRY);
    scene.converge().await;
    assert_eq!(states(&scene, &[]).await, [LoadState::NotLoad; 2]);
    // The first one counts only: with partitions, loading takes a server its time.
    let outcome = verify(&scene, &["--mode", "counts"]).await.expect_code(0);
    expect_words(&outcome, &["loaded at the source for the comparison", "loaded at the target"]);
    assert_eq!(states(&scene, &[]).await, [LoadState::NotLoad; 2]);
    // Neither without it.
    scene.plan_file(ENTRY);
    let outcome = verify(&scene, &[]).await.expect_code(5);
    expect_words(&outcome, &["at the source is not loaded"]);
    scene.plan_file_with("load = true", ENTRY);
    // A difference is found all the same.
    scene.target.load("cold").await;
    scene.target.delete("cold", "north", "id in [1]").await;
    scene.target.delete("cold", "", "id in [0]").await;
    scene.target.release("cold").await;
    let outcome = verify(&scene, &[]).await.expect_code(6);
    assert!(first_line(&outcome).contains("missing"), "{}", outcome.stdout);
    assert_eq!(states(&scene, &[]).await, [LoadState::NotLoad; 2]);
}

/// A comparison that was killed left both ends loaded: the ledger says so.
#[tokio::test]
async fn what_a_killed_verification_left_loaded_is_released_by_the_next() {
    let scene = Scene::new().await;
    let collection = plain("cold", DataType::Int64);
    let rows = data::table_of(&collection, &data::key_range(0..600), 7);
    scene.source.fill(&collection, &rows).await;
    scene.source.release("cold").await;
    scene.plan_file_with("load = true", ENTRY);
    scene.converge().await;
    let ledger = rusqlite::Connection::open(scene.ferry.path(".milvus-ferry/plan.db")).unwrap();
    for step in ["verify_load_source:", "verify_load_target:"] {
        let note = "INSERT INTO steps (move_id, step, state, detail, started_at)
                    VALUES (1, ?1, 'started', '', '2026-01-01T00:00:00.000Z')";
        ledger.execute(note, [step]).unwrap();
    }
    drop(ledger);
    scene.source.load("cold").await;
    scene.target.load("cold").await;
    let outcome = verify(&scene, &[]).await.expect_code(0);
    assert_eq!(first_line(&outcome), WHOLE);
    assert_eq!(states(&scene, &[]).await, [LoadState::NotLoad; 2]);
    // What somebody loads afterwards stays so.
    scene.source.load("cold").await;
    verify(&scene, &[]).await;
    assert_eq!(scene.source.load_state("cold", &[]).await, LoadState::Loaded);
    // A note that is older than the plan file releases nothing that this does not let it load.
    let ledger = rusqlite::Connection::open(scene.ferry.path(".milvus-ferry/plan.db")).unwrap();
    ledger
        .execute("UPDATE steps SET state = 'started' WHERE step = 'verify_load_source:'", [])
        .unwrap();
    drop(ledger);
    scene.plan_file(ENTRY);
    verify(&scene, &[]).await;
    assert_eq!(scene.source.load_state("cold", &[]).await, LoadState::Loaded);
}

/// A vector without an index keeps a collection from being loaded, by anybody.
#[tokio::test]
async fn an_empty_collection_that_nobody_can_load_is_made_and_blocks_no_other() {
    let scene = Scene::new().await;
    let mut bare = plain("bare", DataType::Int64);
    bare.indexes.clear();
    scene.source.create_collection(&bare).await;
    let collection = plain("cold", DataType::Int64);
    let rows = data::table_of(&collection, &data::key_range(0..600), 7);
    scene.source.fill(&collection, &rows).await;
    // Whether it is empty can be told of what may be flushed only.
    let every = "[[collections]]\nsource = \"*\"";
    scene.plan_file(every);
    expect_words(&scene.plan().await.expect_code(2), &["source_not_read", "bare"]);
    let outcome = scene.apply().await.expect_code(5);
    expect_words(&outcome, &["whether it has rows is not known", "load = true"]);
    assert!(!scene.target.has_collection("bare").await);
    scene.expect("cold", &rows).await;
    scene.plan_file_with("load = true", every);
    scene.converge().await;
    assert!(scene.target.has_collection("bare").await);
    scene.run(&["apply", PLAN, "--yes", "--catch-up"]).await.expect_code(0);
    let outcome = verify(&scene, &[]).await.expect_code(0);
    expect_words(&outcome, &["no query can read it", "have no rows"]);
    scene.plan_file(every);
    let outcome = verify(&scene, &[]).await.expect_code(5);
    expect_words(&outcome, &["whether it has rows is not known"]);
    // Rows that came since are in no statistic before they are flushed.
    scene.plan_file_with("load = true", every);
    scene.source.insert("bare", &data::table(&bare, 5, 3)).await;
    let outcome = verify(&scene, &[]).await.expect_code(5);
    expect_words(&outcome, &["/bare", "it has rows"]);
}
