//! Killed half-way, or continued with another plan file.

use std::time::Duration;

use testkit::scene::articles::{article_rows, articles};
use testkit::scene::{PLAN, Scene};
use testkit::table::Table;

const PARTITIONS: [&str; 3] = ["_default", "y2024", "y2025"];
const SELECTED: [&str; 2] = ["_default", "y2025"];
const PATIENCE: Duration = Duration::from_secs(60);

const PLAN_TEXT: &str = r#"
[[collections]]
source = "events"
target = "events_2"
partitions = ["_default", "y2025"]
aliases = { live = "now" }
fields = { id = { rename = "event" }, body = { rename = "text" }, tenant = { drop = true } }
"#;

async fn events(scene: &Scene) -> Table {
    let collection = articles("events").partitions(&PARTITIONS[1..]).alias("live");
    let rows = article_rows(&collection, 9_000).spread_over(&PARTITIONS);
    scene.source.fill(&collection, &rows).await;
    let mut rows = rows.renamed("id", "event").renamed("body", "text").without("tenant");
    rows.rows.retain(|row| SELECTED.contains(&row.partition.as_str()));
    rows
}

/// Chunks that are done, however far the ledger has come.
fn chunks_done(scene: &Scene) -> i64 {
    let path = scene.ferry.path(".milvus-ferry/plan.db");
    let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY;
    rusqlite::Connection::open_with_flags(path, flags)
        .and_then(|ledger| {
            let count = "SELECT count(*) FROM chunks WHERE state = 'done'";
            ledger.query_row(count, [], |row| row.get(0))
        })
        .unwrap_or(0)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_with_new_names_and_a_selection_it_converges_and_the_alias_comes_last() {
    let scene = Scene::new().await;
    let rows = events(&scene).await;
    scene.plan_file(PLAN_TEXT);
    for done in [1, 4] {
        let mut run = scene.ferry.spawn(&["apply", PLAN, "--yes"]);
        run.wait_until(PATIENCE, || chunks_done(&scene) >= done);
        run.kill();
        assert_eq!(scene.target.leads_to("now").await, None);
    }
    assert!(chunks_done(&scene) < 15, "it was over before the last kill");
    let (_, apply) = scene.converge().await;
    assert!(apply.stderr.contains("create alias now"), "{}", apply.stderr);
    assert_eq!(scene.target.leads_to("now").await.as_deref(), Some("events_2"));
    scene.expect_in_partitions("events_2", &rows, &SELECTED).await;
    scene.settled(&["partitions_left_out", "field_dropped"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_begun_is_not_continued_in_another_way() {
    let scene = Scene::new().await;
    let rows = events(&scene).await;
    scene.plan_file(PLAN_TEXT);
    let mut run = scene.ferry.spawn(&["apply", PLAN, "--yes"]);
    run.wait_until(PATIENCE, || chunks_done(&scene) >= 1);
    run.kill();
    for (was, is) in [
        ("rename = \"text\"", "rename = \"words\""),
        ("drop = true", "rename = \"customer\""),
        ("\"_default\", \"y2025\"", "\"y2025\""),
        ("target = \"events_2\"", "target = \"events_2\"\nshards = 2"),
        ("target = \"events_2\"", "target = \"events_2\"\ndescription = \"new\""),
    ] {
        let changed = PLAN_TEXT.replace(was, is);
        assert_ne!(changed, PLAN_TEXT);
        scene.plan_file(&changed);
        scene.expect_refusal(&["plan_changed", "undo the change"]).await;
    }
    // What only comes afterwards may be decided anew.
    scene.plan_file(&PLAN_TEXT.replace("\"now\"", "\"then\""));
    scene.converge().await;
    assert_eq!(scene.target.leads_to("now").await, None);
    assert_eq!(scene.target.leads_to("then").await.as_deref(), Some("events_2"));
    scene.expect_in_partitions("events_2", &rows, &SELECTED).await;
}
