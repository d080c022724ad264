//! A source that is loaded for a run and found otherwise by a later one.

use testkit::collection::plain;
use testkit::data;
use testkit::pb::common::LoadState;
use testkit::pb::schema::DataType;
use testkit::scene::{PLAN, doubles::Doubles};

const PARTITIONS: [&str; 2] = ["north", "south"];

/// What somebody loaded at the source since stays loaded, and nothing else does.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_loaded_by_others_since_stays_loaded() {
    let scene = Doubles::between("2.5.4", "2.5.4").await;
    let collection = plain("cold", DataType::Int64).partitions(&PARTITIONS);
    let rows = data::table_of(&collection, &data::key_range(0..200), 3).spread_over(&PARTITIONS);
    scene.source.fill(&collection, &rows).await;
    scene.source.release("cold").await;
    scene.plan_file_with("load = true", "[[collections]]\nsource = \"cold\"");
    scene.run(&["apply", PLAN, "--yes"]).await.expect_code(0);
    assert_eq!(scene.source.load_state("cold", &[]).await, LoadState::NotLoad);
    scene.source.load_partitions("cold", &["north"]).await;
    scene.run(&["apply", PLAN, "--yes", "--catch-up"]).await.expect_code(0);
    for (partition, expected) in [("north", LoadState::Loaded), ("south", LoadState::NotLoad)] {
        assert_eq!(scene.source.load_state("cold", &[partition]).await, expected, "{partition}");
    }
}
