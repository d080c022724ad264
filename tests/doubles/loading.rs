//! What is loaded for a run, and found otherwise by a later one, or cannot be released.

use std::time::Duration;

use testkit::collection::plain;
use testkit::data;
use testkit::ferry::expect_words;
use testkit::pb::common::{ErrorCode, LoadState};
use testkit::pb::schema::DataType;
use testkit::relay::{Act, Call, Relay, refusal};
use testkit::scene::{PLAN, doubles::Doubles};

const PATIENCE: Duration = Duration::from_secs(60);
const COLD: &str = "[[collections]]\nsource = \"cold\"";
const PARTITIONS: [&str; 2] = ["north", "south"];

/// What somebody loaded at the source since stays loaded, and nothing else does.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_loaded_by_others_since_stays_loaded() {
    let scene = Doubles::between("2.5.4", "2.5.4").await;
    let collection = plain("cold", DataType::Int64).partitions(&PARTITIONS);
    let rows = data::table_of(&collection, &data::key_range(0..200), 3).spread_over(&PARTITIONS);
    scene.source.fill(&collection, &rows).await;
    scene.source.release("cold").await;
    scene.plan_file_with("load = true", COLD);
    scene.run(&["apply", PLAN, "--yes"]).await.expect_code(0);
    assert_eq!(scene.source.load_state("cold", &[]).await, LoadState::NotLoad);
    scene.source.load_partitions("cold", &["north"]).await;
    scene.run(&["apply", PLAN, "--yes", "--catch-up"]).await.expect_code(0);
    for (partition, expected) in [("north", LoadState::Loaded), ("south", LoadState::NotLoad)] {
        assert_eq!(scene.source.load_state("cold", &[partition]).await, expected, "{partition}");
    }
}

/// What an unreleased collection is refused with.
fn refused(call: &Call) -> Act {
    if call.rpc == "ReleaseCollection" {
        Act::Refuse(refusal(65_535, ErrorCode::UnexpectedError, "not now"))
    } else {
        Act::Forward
    }
}

/// A copy of a source that is not loaded, by a relay before its target. Both are released again.
async fn copied() -> (Doubles, Relay) {
    let scene = Doubles::between("2.5.4", "2.5.4").await;
    let collection = plain("cold", DataType::Int64);
    let rows = data::table_of(&collection, &data::key_range(0..200), 3);
    scene.source.fill(&collection, &rows).await;
    scene.source.release("cold").await;
    let relay = Relay::to(&scene.to.uri(), |_| Act::Forward);
    plan(&scene, &relay, "load = true");
    scene.run(&["apply", PLAN, "--yes"]).await.expect_code(0);
    assert_eq!(states(&scene).await, [LoadState::NotLoad; 2]);
    (scene, relay)
}

fn plan(scene: &Doubles, relay: &Relay, source: &str) {
    scene.plan_file_with(source, COLD);
    let text = scene.ferry.read(PLAN).replace(&scene.to.uri(), &relay.uri());
    scene.ferry.write(PLAN, &text);
}

async fn states(scene: &Doubles) -> [LoadState; 2] {
    [scene.source.load_state("cold", &[]).await, scene.target.load_state("cold", &[]).await]
}

/// A target follows its source: where a comparison was killed that loaded both, it is released with it,
/// and stays loaded with one that is not to be released any more.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_target_that_follows_its_source_is_released_with_it_alone() {
    for source in ["load = true", ""] {
        let (scene, relay) = copied().await;
        relay.set_rule(|call| if call.rpc == "Query" { Act::Hang } else { Act::Forward });
        let queries = relay.count("Query");
        let mut run = scene.ferry.spawn(&["verify", PLAN]);
        tokio::task::block_in_place(|| {
            run.wait_until(PATIENCE, || relay.count("Query") > queries);
            run.kill()
        });
        relay.set_rule(|_| Act::Forward);
        assert_eq!(states(&scene).await, [LoadState::Loaded; 2]);
        plan(&scene, &relay, source);
        scene.run(&["verify", PLAN]).await.expect_code(0);
        let left = if source.is_empty() { LoadState::Loaded } else { LoadState::NotLoad };
        assert_eq!(states(&scene).await, [left; 2], "{source}");
    }
}

/// All rows are the same, and yet something is left to do.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_released_is_left_to_be_done() {
    let left = ["default/cold at the target was loaded", "is not released yet", "not now"];
    for command in [&["verify", PLAN][..], &["apply", PLAN, "--yes", "--catch-up"]] {
        let (scene, relay) = copied().await;
        relay.set_rule(refused);
        let outcome = scene.run(command).await.expect_code(5);
        expect_words(&outcome, &left);
        expect_words(&outcome, &["release it by hand"]);
        // The other end is not left alone for that.
        assert_eq!(states(&scene).await, [LoadState::NotLoad, LoadState::Loaded]);
        relay.set_rule(|_| Act::Forward);
        scene.run(command).await.expect_code(0);
        assert_eq!(states(&scene).await, [LoadState::NotLoad; 2], "{command:?}");
    }
    // A difference is certain whatever is left loaded.
    let (scene, relay) = copied().await;
    scene.target.load("cold").await;
    scene.target.delete("cold", "", "id in [3]").await;
    scene.target.release("cold").await;
    relay.set_rule(refused);
    let outcome = scene.run(&["verify", PLAN]).await.expect_code(6);
    expect_words(&outcome, &left);
    expect_words(&outcome, &["1 row missing"]);
}
