//! Runs that start together, whatever the moment.

use super::*;

/// Milliseconds by which the second run is later, by seed: most of them while the first one
/// connects, looks and makes the collection.
fn later(seed: u64) -> Duration {
    Duration::from_millis((seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) & 0x7f)
}

/// Several pairs at a time, each onto a target of its own.
async fn pairs(seeds: std::ops::Range<u64>) {
    let scene = Scene::new().await;
    let rows = filled(&scene, 300).await;
    for seed in seeds {
        let target = format!("together_{seed}");
        plan_onto(&scene, &target, "");
        let folders = [checkout(&scene), checkout(&scene)];
        let outcomes = both(&folders[0], &folders[1], later(seed)).await;
        println!("seed {seed}: {:?} later, {:?}", later(seed), outcomes.each_ref().map(|o| o.code));
        expect_one_owner(&outcomes);
        scene.expect(&target, &rows).await;
        assert_eq!(marks(&scene, &target).await, [] as [&str; 0]);
        scene.target.drop_collection(&target).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_of_two_folders_with_one_plan_file_fills_the_target() {
    pairs(0..20).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes a quarter of an hour"]
async fn one_of_two_folders_with_one_plan_file_fills_the_target_two_hundred_times() {
    pairs(1_000..1_200).await;
}

/// Both hold the same keys: mixed, the target would look whole.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_of_two_plan_files_fills_the_target() {
    let scene = Scene::new().await;
    let rows = filled(&scene, 300).await;
    plan_onto(&scene, "one", "");
    let (other, others) = another_plan(&scene, "one").await;
    for round in 0..6 {
        let ours = checkout(&scene);
        let theirs = Arc::new(Ferry::with_plan(PLAN, &other.read(PLAN)));
        let outcomes = both(&ours, &theirs, later(round)).await;
        expect_one_owner(&outcomes);
        let filled_by_ours = outcomes[0].code == Some(0);
        scene.expect("one", if filled_by_ours { &rows } else { &others }).await;
        scene.target.drop_collection("one").await;
    }
}

/// What is there already is marked before it is written to.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_of_two_runs_adopts_a_target() {
    let scene = Scene::new().await;
    let rows = filled(&scene, 300).await;
    for round in 0..6 {
        scene.target.create_collection(&plain("there", DataType::Int64)).await;
        plan_onto(&scene, "there", "existing = \"adopt\"");
        let folders = [checkout(&scene), checkout(&scene)];
        let outcomes = both(&folders[0], &folders[1], later(round)).await;
        expect_one_owner(&outcomes);
        scene.expect("there", &rows).await;
        assert_eq!(marks(&scene, "there").await, [] as [&str; 0]);
        scene.target.drop_collection("there").await;
    }
}
