//! A run that is killed: its target waits for it, or is taken over.

use testkit::ferry::expect_words;
use testkit::lab::{self, Kind};
use testkit::relay::{Act, Relay};

use super::*;

/// Writes that take a while, so that a run can be caught while it fills the target: chunks are
/// recorded as done about once a second.
fn slow(scene: Scene) -> (Scene, Relay) {
    let relay = Relay::with_rule(lab::server(Kind::Milvus235B), |call| match call.rpc {
        "Insert" | "Upsert" => Act::Delay(Duration::from_millis(400)),
        _ => Act::Forward,
    });
    (by_way_of(scene, &relay), relay)
}

/// The scene with a relay before its target.
fn by_way_of(scene: Scene, relay: &Relay) -> Scene {
    Scene::of((scene.source, &scene.source_uri), (scene.target, &relay.uri()))
}

/// Kills the run of this folder when so many chunks are copied.
fn killed_after(ferry: &Ferry, chunks: i64) {
    let mut run = ferry.spawn(&["apply", PLAN, "--yes"]);
    run.wait_until(PATIENCE, || chunks_done(ferry) >= chunks);
    run.kill();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_was_killed_resumes_and_who_was_refused_stays_so() {
    let (scene, _relay) = slow(Scene::new().await);
    let rows = filled(&scene, 24_000).await;
    for chunks in [0, 1, 7] {
        let target = format!("killed_{chunks}");
        plan_onto(&scene, &target, "");
        let (winner, loser) = (checkout(&scene), checkout(&scene));
        let mut run = winner.spawn(&["apply", PLAN, "--yes"]);
        while !scene.target.has_collection(&target).await {
            assert!(run.runs(), "it ended before it made the target");
        }
        loser.run_aside(&["apply", PLAN, "--yes"]).await.expect_code(8);
        run.wait_until(PATIENCE, || chunks_done(&winner) >= chunks);
        run.kill();
        assert_eq!(marks(&scene, &target).await.len(), 1);
        for command in [&["apply", PLAN, "--yes"][..], &["plan", PLAN]] {
            let refused = loser.run_aside(command).await.expect_code(8);
            expect_words(&refused, &["another run is filling", "the plan \"plan\"", "--take-over"]);
        }
        winner.run_aside(&["apply", PLAN, "--yes"]).await.expect_code(0);
        scene.expect(&target, &rows).await;
        assert_eq!(marks(&scene, &target).await, [] as [&str; 0]);
        // Who comes later still finds a collection that is not its own.
        let late = loser.run_aside(&["apply", PLAN, "--yes"]).await.expect_code(1);
        expect_words(&late, &["target_exists"]);
        scene.target.drop_collection(&target).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_target_of_a_lost_run_is_taken_over_by_name() {
    let (scene, _relay) = slow(Scene::new().await);
    let rows = filled(&scene, 6_000).await;
    plan_onto(&scene, "lost", "");
    let lost = checkout(&scene);
    killed_after(&lost, 2);

    let next = checkout(&scene);
    let command = |name| ["apply", PLAN, "--yes", "--take-over", name];
    let typing_error = next.run_aside(&command("lots")).await.expect_code(1);
    expect_words(&typing_error, &["--take-over lots is no target collection"]);
    // It is killed as well, and the same command continues.
    let mut run = next.spawn(&command("lost"));
    run.wait_until(PATIENCE, || chunks_done(&next) >= 2);
    run.kill();
    assert_eq!(marks(&scene, "lost").await.len(), 1);
    // Whoever lost it finds out, before it writes anything.
    let refused = lost.run_aside(&["apply", PLAN, "--yes"]).await.expect_code(8);
    expect_words(&refused, &["another run is filling"]);
    let done = next.run_aside(&command("lost")).await.expect_code(0);
    expect_words(&done, &["resume"]);
    scene.expect("lost", &rows).await;
    assert_eq!(marks(&scene, "lost").await, [] as [&str; 0]);
    let gone = lost.run_aside(&["apply", PLAN, "--yes"]).await.expect_code(1);
    expect_words(&gone, &["mark_gone", "another run has taken it over"]);
    scene.expect("lost", &rows).await;
}

/// The same keys are in it by then: nothing but the mark tells that it is another collection, where
/// a server gives every collection the same id.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_target_that_is_dropped_and_made_again_meanwhile_is_not_called_finished() {
    let scene = Scene::new().await;
    let rows = filled(&scene, 300).await;
    let relay = Relay::with_rule(lab::server(Kind::Milvus235B), |call| match call.rpc {
        "CreateIndex" => Act::Delay(Duration::from_secs(3)),
        _ => Act::Forward,
    });
    let scene = by_way_of(scene, &relay);
    plan_onto(&scene, "again", "");
    let mut run = scene.ferry.spawn(&["apply", PLAN, "--yes"]);
    run.wait_until(PATIENCE, || relay.count("CreateIndex") > 0);
    scene.target.drop_collection("again").await;
    let mut made = plain("again", DataType::Int64);
    made.indexes.clear();
    scene.target.create_collection(&made).await;
    scene.target.insert("again", &rows).await;
    let outcome = tokio::task::spawn_blocking(move || run.wait(PATIENCE)).await.unwrap();
    assert_ne!(outcome.code, Some(0), "{outcome:#?}");
    assert_eq!(marks(&scene, "again").await, [] as [&str; 0]);
}
