//! Some of the partitions, by themselves or merged.

use testkit::lab::Kind;
use testkit::pb::common::LoadState;
use testkit::scene::articles::{article_rows, articles};
use testkit::scene::{Scene, expect_words};
use testkit::table::Table;

const NAMES: [&str; 4] = ["_default", "y2024", "y2025_a", "y2025_b"];
const ROWS: usize = 1200;

async fn years(scene: &Scene) -> Table {
    let collection = articles("events").partitions(&NAMES[1..]);
    let rows = article_rows(&collection, ROWS).spread_over(&NAMES);
    scene.source.fill(&collection, &rows).await;
    rows
}

fn of(rows: &Table, partitions: &[&str]) -> Table {
    let mut some = rows.clone();
    some.rows.retain(|row| partitions.contains(&row.partition.as_str()));
    some
}

async fn selections(from: Kind, to: Kind) {
    let scene = Scene::between(from, to).await;
    let rows = years(&scene).await;
    scene.plan_file(
        "[[collections]]\nsource = \"events\"\npartitions = [\"y2025*\"]\n\
         [[collections]]\nsource = \"events\"\ntarget = \"and_default\"\n\
         partitions = [\"y2024\", \"_default\"]\n\
         [[collections]]\nsource = \"events\"\ntarget = \"merged\"\n\
         partitions = { select = [\"y2025*\", \"_default\"], merge = true }\n\
         [[collections]]\nsource = \"events\"\ntarget = \"only_default\"\n\
         partitions = [\"_default\"]",
    );
    let (plan, apply) = scene.converge().await;
    expect_words(
        &plan,
        &[
            "partitions y2024, y2025_a, y2025_b → y2025_a, y2025_b",
            "these partitions are not copied: _default, y2024",
            "partitions y2024, y2025_a, y2025_b → merged",
            "partitions y2024, y2025_a, y2025_b → _default",
        ],
    );
    if from != Kind::Milvus2216 {
        // What is not selected is not counted, neither before nor after.
        expect_words(&plan, &["rows 600", "rows 900", "rows 300"]);
        assert!(!plan.stdout.contains("1,200"), "{}", plan.stdout);
    }
    expect_words(&apply, &["events: done, 600 rows", "merged: done, 900 rows"]);
    let sorted = async |name: &str| {
        let mut names = scene.target.partition_names(name).await;
        names.sort();
        names
    };
    // Every collection has a partition `_default`; here nothing is in it.
    assert_eq!(sorted("events").await, ["_default", "y2025_a", "y2025_b"]);
    assert_eq!(sorted("and_default").await, ["_default", "y2024"]);
    assert_eq!(sorted("merged").await, ["_default"]);
    assert_eq!(sorted("only_default").await, ["_default"]);
    let selected = ["_default", "y2025_a", "y2025_b"];
    let part = |partitions: &[&str]| of(&rows, partitions);
    scene.expect_in_partitions("events", &part(&selected[1..]), &selected).await;
    let selected = ["_default", "y2024"];
    scene.expect_in_partitions("and_default", &part(&selected), &selected).await;
    scene.expect("merged", &part(&["_default", "y2025_a", "y2025_b"])).await;
    scene.expect("only_default", &part(&["_default"])).await;
    scene.settled(&["partitions_left_out", "partitions_merged"]).await;
}

#[tokio::test]
async fn partitions_are_selected_and_merged() {
    selections(Kind::Milvus235A, Kind::Milvus235B).await;
}

#[tokio::test]
async fn partitions_of_2216_are_selected_and_merged() {
    selections(Kind::Milvus2216, Kind::Milvus235B).await;
}

#[tokio::test]
async fn partitions_that_are_not_selected_need_not_be_loaded() {
    let scene = Scene::new().await;
    let rows = years(&scene).await;
    scene.source.release_partitions("events", &["_default", "y2024"]).await;
    scene.plan_file(
        "[[collections]]\nsource = \"events\"\npartitions = [\"y2025*\"]\n\
         [[collections]]\nsource = \"events\"\ntarget = \"merged\"\n\
         partitions = { select = [\"y2025*\"], merge = true }",
    );
    scene.converge().await;
    let here = ["y2025_a", "y2025_b"];
    scene.expect_in_partitions("events", &of(&rows, &here), &here).await;
    scene.expect("merged", &of(&rows, &here)).await;
    assert_eq!(scene.source.load_state("events", &["y2024"]).await, LoadState::NotLoad);

    // One that is selected must be, or may be loaded: then no more than that is.
    let entry = "[[collections]]\nsource = \"events\"\ntarget = \"old\"\npartitions = [\"y2024\"]";
    scene.plan_file(entry);
    scene.expect_refusal(&["source_partition_not_loaded", "y2024"]).await;
    scene.plan_file_with("load = true", &format!("{entry}\nload = true"));
    scene.converge().await;
    scene.expect_in_partitions("old", &of(&rows, &["y2024"]), &["_default", "y2024"]).await;
    for name in ["_default", "y2024"] {
        assert_eq!(scene.source.load_state("events", &[name]).await, LoadState::NotLoad, "{name}");
    }
}

#[tokio::test]
async fn a_selection_that_cannot_be_is_refused() {
    let scene = Scene::new().await;
    years(&scene).await;
    let mut keyed = articles("keyed");
    keyed.fields[1].is_partition_key = true;
    scene.source.fill(&keyed, &article_rows(&keyed, 100)).await;
    for (source, partitions, reasons) in [
        (
            "events",
            "[\"y2025*\", \"y2026*\"]",
            ["partition_glob_matches_nothing", "y2026*", "_default, y2024, y2025_a, y2025_b"],
        ),
        (
            "keyed",
            "[\"y2025*\"]",
            ["no_partitions_to_select", "partition key", "leave `partitions`"],
        ),
    ] {
        scene.plan_file(&format!(
            "[[collections]]\nsource = \"{source}\"\npartitions = {partitions}"
        ));
        scene.expect_refusal(&reasons).await;
        assert!(!scene.target.has_collection(source).await);
    }
}
