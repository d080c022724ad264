//! Rows that changed at the source since they were copied.

use testkit::collection::plain;
use testkit::data;
use testkit::pb::schema::DataType;
use testkit::scene::{PLAN, Scene, expect_words, says};
use testkit::table::{Table, assert_same};

/// New, changed and deleted rows among those of 0..4000.
async fn change_the_source(scene: &Scene, rows: &Table) -> Table {
    let collection = plain("products", DataType::Int64);
    let new = data::table_of(&collection, &data::key_range(10_000..10_040), 8);
    let changed = data::table_of(&collection, &data::key_range(1_000..1_030), 9);
    let gone: Vec<String> = (2_000..2_020).map(|key| key.to_string()).collect();
    scene.source.insert("products", &new).await;
    scene.source.upsert("products", &changed).await;
    scene.source.delete("products", "", &format!("id in [{}]", gone.join(","))).await;
    let stale = [data::key_range(1_000..1_030), data::key_range(2_000..2_020)].concat();
    let mut now = rows.filtered(|key| !stale.contains(key));
    now.rows.extend(changed.rows);
    now.rows.extend(new.rows);
    now
}

async fn catch_up(scene: &Scene) -> testkit::ferry::Outcome {
    scene.run(&["apply", PLAN, "--yes", "--catch-up", "-v"]).await
}

#[tokio::test]
async fn new_changed_and_deleted_rows_are_carried_over() {
    let scene = Scene::new().await;
    let collection = plain("products", DataType::Int64);
    let rows = data::table_of(&collection, &data::key_range(0..4_000), 7);
    scene.source.fill(&collection, &rows).await;
    scene.plan_file("[[collections]]\nsource = \"products\"");
    scene.converge().await;
    // Nothing to carry over yet.
    let none = catch_up(&scene).await.expect_code(0);
    assert!(!says(&none, "copied again"), "{}\n{}", none.stdout, none.stderr);
    scene.expect("products", &rows).await;

    let now = change_the_source(&scene, &rows).await;
    let plan = scene.run(&["plan", PLAN, "--catch-up", "--detailed-exitcode"]).await.expect_code(2);
    expect_words(&plan, &["products", "carried over"]);
    let caught = catch_up(&scene).await.expect_code(0);
    expect_words(
        &caught,
        &["70 rows copied", "20 rows deleted", "Caught up: what changed in 1 collection"],
    );
    scene.expect("products", &now).await;
    assert_eq!(scene.target.count("products", &[]).await, now.rows.len());
    // It is a finished move as before.
    scene.nothing_to_do().await;
    scene.run(&["verify", PLAN]).await.expect_code(0);
    catch_up(&scene).await.expect_code(0);
}

#[tokio::test]
async fn rows_that_somebody_wrote_into_the_target_are_left_alone() {
    let scene = Scene::new().await;
    let collection = plain("products", DataType::Int64);
    let rows = data::table_of(&collection, &data::key_range(0..4_000), 7);
    scene.source.fill(&collection, &rows).await;
    scene.plan_file("[[collections]]\nsource = \"products\"");
    scene.converge().await;
    let theirs = data::table_of(&collection, &data::key_range(2_100_000..2_100_003), 10);
    scene.target.insert("products", &theirs).await;
    let mut now = change_the_source(&scene, &rows).await;

    // 2,000 to 2,019 were copied and are deleted; those of somebody's are only named, where the
    // pass looks at their range at all.
    catch_up(&scene).await.expect_code(6);
    now.rows.extend(theirs.rows);
    let read = scene.target.read_uncounted("products", &now.keys(), &[]).await;
    assert_same(&now, &read);
    assert_eq!(scene.target.count("products", &[]).await, now.rows.len());
}

#[tokio::test]
async fn partitions_are_caught_up_with_one_by_one() {
    let scene = Scene::new().await;
    let collection = plain("products", DataType::Int64).partitions(&["red", "blue"]);
    let rows = data::table_of(&collection, &data::key_range(0..1_500), 7)
        .spread_over(&["red", "blue", "_default"]);
    scene.source.fill(&collection, &rows).await;
    scene.plan_file("[[collections]]\nsource = \"products\"");
    scene.converge().await;
    // One row goes from a partition to another, one is deleted, one is new.
    let (of_red, of_blue) = (rows.rows[0].clone(), rows.rows[1].clone());
    let at = |row| format!("id in [{}]", rows.key_of(row).literal());
    scene.source.delete("products", "red", &at(&of_red)).await;
    scene.source.delete("products", "blue", &at(&of_blue)).await;
    let mut arrived = of_red.clone();
    arrived.partition = "blue".to_owned();
    let mut new = data::table_of(&collection, &data::key_range(5_000..5_001), 8).rows.remove(0);
    new.partition = "red".to_owned();
    let added = Table { rows: vec![arrived, new], ..rows.clone() };
    scene.source.insert("products", &added).await;
    let mut now = rows.clone();
    now.rows.drain(0..2);
    now.rows.extend(added.rows);

    catch_up(&scene).await.expect_code(0);
    scene.expect_in_partitions("products", &now, &["red", "blue", "_default"]).await;
    scene.nothing_to_do().await;
}

#[tokio::test]
async fn rows_that_the_target_lost_are_counted_where_they_are_not_read() {
    let scene = Scene::new().await;
    let collection = plain("products", DataType::Int64);
    let rows = data::table_of(&collection, &data::key_range(0..4_000), 7);
    scene.source.fill(&collection, &rows).await;
    scene.plan_file("[[collections]]\nsource = \"products\"");
    scene.converge().await;
    scene.target.delete("products", "", "id in [3000,3001,3002]").await;

    let caught = catch_up(&scene).await.expect_code(6);
    expect_words(&caught, &["3 fewer"]);
    // A comparison of every row names them, and the next apply mends them.
    scene.run(&["verify", PLAN]).await.expect_code(6);
    scene.apply().await.expect_code(0);
    scene.expect("products", &rows).await;
    catch_up(&scene).await.expect_code(0);
}

#[tokio::test]
async fn a_partition_that_is_new_at_the_source_is_named() {
    let scene = Scene::new().await;
    let collection = plain("products", DataType::Int64).partitions(&["red"]);
    let rows =
        data::table_of(&collection, &data::key_range(0..600), 7).spread_over(&["red", "_default"]);
    scene.source.fill(&collection, &rows).await;
    scene.plan_file("[[collections]]\nsource = \"products\"");
    scene.converge().await;
    scene.source.create_partition("products", "blue").await;
    let new = data::table_of(&collection, &data::key_range(5_000..5_010), 8).spread_over(&["blue"]);
    scene.source.insert("products", &new).await;
    scene.source.load("products").await;

    let caught = catch_up(&scene).await.expect_code(6);
    expect_words(
        &caught,
        &["new partitions of the source were not copied: blue; a plan file of another name"],
    );
    scene.expect_in_partitions("products", &rows, &["red", "_default"]).await;
    // As it says.
    let text = scene.ferry.read(PLAN);
    scene.ferry.write("again.ferry.toml", &format!("{text}\nexisting = \"adopt\""));
    scene.run(&["apply", "again.ferry.toml", "--yes"]).await.expect_code(0);
    let all = rows.followed_by(&new);
    scene.expect_in_partitions("products", &all, &["red", "blue", "_default"]).await;
}
