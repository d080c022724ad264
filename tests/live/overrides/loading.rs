//! What is loaded in the end.

use testkit::pb::common::LoadState;
use testkit::scene::articles::{article_rows, articles};
use testkit::scene::{PLAN, Scene, expect_words};

const ROWS: usize = 600;
const LOAD: &str = "load = true";

#[tokio::test]
async fn the_target_is_loaded_or_not_as_the_plan_file_says() {
    let scene = Scene::new().await;
    let rows = scene.articles("hot", ROWS).await;
    scene.articles("cold", ROWS).await;
    scene.source.release("cold").await;
    scene.plan_file_with(
        LOAD,
        "[[collections]]\nsource = \"hot\"\nload = false\n\
         [[collections]]\nsource = \"cold\"\nload = true\nreplicas = 1",
    );
    let (plan, _) = scene.converge().await;
    expect_words(&plan, &["load loaded → not loaded", "load not loaded → loaded, in 1 replica"]);
    assert_eq!(scene.target.load_state("hot", &[]).await, LoadState::NotLoad);
    assert_eq!(scene.target.load_state("cold", &[]).await, LoadState::Loaded);
    assert_eq!(scene.source.load_state("hot", &[]).await, LoadState::Loaded);
    assert_eq!(scene.source.load_state("cold", &[]).await, LoadState::NotLoad);
    scene.settled(&[]).await;
    scene.expect("cold", &rows).await;
    scene.target.load("hot").await;
    scene.expect("hot", &rows).await;
    scene.settled(&[]).await;

    // Released by hand, it is loaded again where the plan file wants it so.
    scene.target.release("cold").await;
    let (plan, _) = scene.converge().await;
    expect_words(&plan, &["~ resume", "it is not loaded"]);
    assert_eq!(scene.target.load_state("cold", &[]).await, LoadState::Loaded);
}

#[tokio::test]
async fn more_replicas_than_the_target_has_room_for_fail_clearly_and_can_be_taken_back() {
    let scene = Scene::new().await;
    let rows = scene.articles("articles", ROWS).await;
    scene.plan_file("[[collections]]\nsource = \"articles\"\nreplicas = 2");
    let plan = scene.plan().await.expect_code(2);
    expect_words(&plan, &["in 2 replicas"]);
    let failed = scene.apply().await;
    assert!(failed.code == Some(1) || failed.code == Some(5), "{failed:?}");
    expect_words(&failed, &["replica", "`replicas`"]);
    let copied = scene.chunks();
    assert!(copied > 0);
    scene.plan_file("[[collections]]\nsource = \"articles\"");
    let (plan, _) = scene.converge().await;
    expect_words(&plan, &["~ resume"]);
    assert_eq!(scene.chunks(), copied);
    scene.expect("articles", &rows).await;
}

#[tokio::test]
async fn a_partly_loaded_source_makes_a_partly_loaded_target() {
    let scene = Scene::new().await;
    let names = ["_default", "here", "away"];
    let collection = articles("parts").partitions(&["here", "away"]);
    let rows = article_rows(&collection, 900).spread_over(&names);
    scene.source.fill(&collection, &rows).await;
    scene.source.release_partitions("parts", &["away"]).await;
    scene.plan_file_with(
        LOAD,
        "[[collections]]\nsource = \"parts\"\n\
         [[collections]]\nsource = \"parts\"\ntarget = \"all\"\nload = true\n\
         [[collections]]\nsource = \"parts\"\ntarget = \"away\"\npartitions = [\"away\"]",
    );
    let (plan, _) = scene.converge().await;
    expect_words(&plan, &["these partitions, as at the source: _default, here"]);
    let state = async |name: &str, parts: &[&str]| scene.target.load_state(name, parts).await;
    assert_eq!(state("parts", &["here"]).await, LoadState::Loaded);
    assert_eq!(state("parts", &["away"]).await, LoadState::NotLoad);
    assert_eq!(state("all", &["away"]).await, LoadState::Loaded);
    assert_eq!(state("away", &[]).await, LoadState::NotLoad);
    assert_eq!(scene.source.load_state("parts", &["away"]).await, LoadState::NotLoad);
    // Rows that are not in memory are not missing.
    scene.settled(&["partitions_left_out"]).await;
    scene.expect_in_partitions("all", &rows, &names).await;
    scene.target.load("away").await;
    let mut away = rows.clone();
    away.rows.retain(|row| row.partition == "away");
    scene.expect_in_partitions("away", &away, &["_default", "away"]).await;
    scene.target.load_partitions("parts", &["away"]).await;
    scene.expect_in_partitions("parts", &rows, &names).await;
}

/// What is finished is not read again, so that its source may be released.
#[tokio::test]
async fn the_source_of_a_finished_target_may_be_released() {
    let scene = Scene::new().await;
    let rows = scene.articles("articles", ROWS).await;
    scene.plan_file("[[collections]]\nsource = \"articles\"");
    scene.converge().await;
    scene.source.release("articles").await;
    let plan = scene.run(&["plan", PLAN, "--detailed-exitcode"]).await.expect_code(0);
    expect_words(&plan, &["No changes"]);
    assert_eq!(scene.source.load_state("articles", &[]).await, LoadState::NotLoad);
    scene.expect("articles", &rows).await;
}
