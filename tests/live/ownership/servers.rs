//! Every server that there is keeps a mark, each in its way.

use testkit::ferry::expect_words;
use testkit::lab::{Kind, servers, unique_name};
use testkit::probe::Probe;

use super::*;

/// Several starts of two runs onto a server.
async fn pairs(scene: Scene) {
    let rows = filled(&scene, 200).await;
    for round in 0..4 {
        let target = unique_name("on_it");
        plan_onto(&scene, &target, "");
        let folders = [checkout(&scene), checkout(&scene)];
        let outcomes = both(&folders[0], &folders[1], Duration::from_millis(20 * round)).await;
        expect_one_owner(&outcomes);
        scene.expect(&target, &rows).await;
        let done = usize::from(outcomes[1].code == Some(0));
        let again = folders[done].run_aside(&["apply", PLAN, "--yes"]).await.expect_code(0);
        expect_words(&again, &["Nothing to do"]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn milvus_2_2_keeps_a_mark() {
    pairs(Scene::between(Kind::Milvus235A, Kind::Milvus2216).await).await;
}

/// It refuses every second request for one name.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn milvus_lite_3_keeps_a_mark() {
    pairs(Scene::between(Kind::Milvus235A, Kind::Lite3).await).await;
}

/// It forgets the properties of a collection, keeps those of its schema, and alters none.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn milvus_lite_2_keeps_a_mark_for_good_and_that_is_said() {
    pairs(onto_lite_2().await).await;
    let scene = onto_lite_2().await;
    let rows = filled(&scene, 200).await;
    let target = unique_name("for_good");
    plan_onto(&scene, &target, "");
    scene.apply().await.expect_code(0);
    let other = checkout(&scene);
    let refused = other.run_aside(&["apply", PLAN, "--yes"]).await.expect_code(8);
    expect_words(&refused, &["Milvus Lite 2 keeps this mark when that run is done"]);
    scene.expect(&target, &rows).await;
}

async fn onto_lite_2() -> Scene {
    let [from, to] = servers([Kind::Milvus235A, Kind::Lite25]);
    let source = Probe::of(from).await.in_new_database().await;
    Scene::of((source, from.uri()), (Probe::of(to).await, to.uri()))
}
