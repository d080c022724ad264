//! Names: databases, globs, case, what is there already, and that a plan only looks.

use testkit::collection::plain;
use testkit::data;
use testkit::lab::unique_name;
use testkit::pb::common::LoadState;
use testkit::pb::schema::DataType;
use testkit::scene::{Scene, databases};
use testkit::table::Table;

/// Fills a collection of few rows, which depend on the seed.
async fn fill(probe: &testkit::probe::Probe, name: &str, seed: u64) -> Table {
    let collection = plain(name, DataType::Int64);
    let rows = data::table(&collection, 300, seed);
    probe.fill(&collection, &rows).await;
    rows
}

#[tokio::test]
async fn a_plan_only_looks() {
    let scene = Scene::new().await;
    let rows = fill(&scene.source, "products", 1).await;
    let missing = unique_name("missing");
    scene.plan_file(&format!(
        "[[collections]]\nsource = \"products\"\n\
         [[collections]]\nsource = \"products\"\ntarget_database = \"{missing}\""
    ));
    let plan = scene.run(&["plan", testkit::scene::PLAN]).await.expect_code(0);
    assert!(plan.stdout.contains(&format!("{missing}/products")), "{}", plan.stdout);
    scene.plan().await.expect_code(2);
    assert!(!scene.target.has_collection("products").await);
    assert!(!databases(&scene.target).await.contains(&missing));
    let files: Vec<_> = std::fs::read_dir(scene.ferry.folder())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(files, [testkit::scene::PLAN]);
    assert_eq!(scene.source.count("products", &[]).await, rows.rows.len());
    assert_eq!(scene.source.load_state("products", &[]).await, LoadState::Loaded);
}

#[tokio::test]
async fn several_databases_in_one_plan_file() {
    let scene = Scene::new().await;
    let other_source = scene.source.in_new_database().await;
    let made = scene.target.in_database(&unique_name("made"));
    let (one, two) =
        tokio::join!(fill(&scene.source, "products", 2), fill(&other_source, "products", 3));
    scene.plan_file(&format!(
        "[[collections]]\nsource = \"products\"\n\
         [[collections]]\nsource = \"products\"\nsource_database = \"{from}\"\n\
         target_database = \"{to}\"\n\
         [[collections]]\nsource = \"products\"\ntarget = \"copy\"\ntarget_database = \"{to}\"",
        from = other_source.database(),
        to = made.database(),
    ));
    scene.converge().await;
    scene.expect("products", &one).await;
    for (name, rows) in [("products", &two), ("copy", &one)] {
        let read = made.read_all(name, &rows.keys(), &[]).await;
        testkit::table::assert_same(rows, &read);
    }
}

#[tokio::test]
async fn a_glob_takes_what_it_matches_and_case_tells_names_apart() {
    let scene = Scene::new().await;
    let empty = plain("prod_empty", DataType::VarChar);
    let nothing = data::table(&empty, 0, 1);
    let [left_out, other] = ["prod_tmp_1", "Prod_b"].map(|name| plain(name, DataType::Int64));
    let (lower, upper, ..) = tokio::join!(
        fill(&scene.source, "prod_a", 4),
        fill(&scene.source, "prod_A", 5),
        scene.source.fill(&empty, &nothing),
        scene.source.create_collection(&left_out),
        scene.source.create_collection(&other),
    );
    scene.plan_file(
        "[[collections]]\nsource = \"prod_*\"\nexclude = [\"*_tmp*\"]\ntarget = \"{{ name }}_v2\"",
    );
    scene.converge().await;
    scene.expect("prod_a_v2", &lower).await;
    scene.expect("prod_A_v2", &upper).await;
    scene.expect("prod_empty_v2", &nothing).await;
    for name in ["prod_tmp_1_v2", "Prod_b_v2", "prod_a", "prod_A"] {
        assert!(!scene.target.has_collection(name).await, "{name}");
    }
}
