//! Rows of the target that are missing or different.

use testkit::collection::{Collection, Index, field, key, vector};
use testkit::data;
use testkit::pb::schema::DataType;
use testkit::scene::{PLAN, Scene, expect_words, says};
use testkit::table::{Table, Value};

const FULL: &str = "[verify]\ncontent = \"full\"";

fn collection() -> Collection {
    let fields = vec![
        key(DataType::Int64),
        field("json", DataType::Json),
        vector("embedding", DataType::FloatVector, 16),
    ];
    Collection::new("things", fields).index(Index::new("embedding", "FLAT", "L2", ""))
}

/// 5,000 rows that were moved, compared and found the same.
async fn moved(scene: &Scene, verify: &str) -> Table {
    let collection = collection();
    let rows = data::table_of(&collection, &data::key_range(0..5_000), 5);
    scene.source.fill(&collection, &rows).await;
    scene.plan_file_with(verify, "[[collections]]\nsource = \"things\"");
    let (_, apply) = scene.converge().await;
    expect_words(&apply, &["every row of 1 collection", "value by value"]);
    rows
}

/// A few of the rows, changed.
fn changed(
    rows: &Table,
    keys: std::ops::Range<i64>,
    change: impl Fn(&Table, &mut Vec<Value>),
) -> Table {
    let wanted = data::key_range(keys);
    let mut some = rows.filtered(|key| wanted.contains(key));
    let whole = some.clone();
    for row in &mut some.rows {
        change(&whole, &mut row.values);
    }
    some
}

fn set_json(table: &Table, values: &mut [Value]) {
    values[table.column("json")] = Value::Json(b"{\"else\":1}".to_vec());
}

/// One bit of one number.
fn flip(table: &Table, values: &mut [Value]) {
    let Value::FloatVector(numbers) = &mut values[table.column("embedding")] else {
        panic!("a vector")
    };
    numbers[7] = f32::from_bits(numbers[7].to_bits() ^ 1);
}

#[tokio::test]
async fn what_a_verification_names_the_next_apply_mends() {
    let scene = Scene::new().await;
    let rows = moved(&scene, FULL).await;
    scene.target.delete("things", "", "id in [1234]").await;
    scene.target.upsert("things", &changed(&rows, 2_000..2_001, |t, v| flip(t, v))).await;
    scene.target.upsert("things", &changed(&rows, 3_000..3_001, |t, v| set_json(t, v))).await;

    let found = scene.run(&["verify", PLAN]).await.expect_code(6);
    expect_words(&found, &["1 row missing", "2 different"]);
    for text in ["1234", "2000", "embedding", "3000", "json"] {
        assert!(found.stdout.contains(text), "no {text:?} in:\n{}", found.stdout);
    }
    let plan = scene.plan().await.expect_code(2);
    expect_words(&plan, &["things", "copied again"]);
    let apply = scene.apply().await.expect_code(0);
    expect_words(
        &apply,
        &["3 rows copied, 0 rows deleted", "every row of 1 collection", "value by value"],
    );
    scene.expect("things", &rows).await;
    scene.nothing_to_do().await;
    scene.run(&["verify", PLAN]).await.expect_code(0);
}

#[tokio::test]
async fn rows_that_are_at_the_target_only_go_where_the_plan_file_says_so() {
    let scene = Scene::new().await;
    let rows = moved(&scene, FULL).await;
    let extra = data::table_of(&collection(), &data::key_range(9_000..9_002), 6);
    scene.target.insert("things", &extra).await;
    scene.target.delete("things", "", "id in [17]").await;

    let found = scene.run(&["verify", PLAN]).await.expect_code(6);
    expect_words(&found, &["9000", "9001", "17"]);
    // The missing one is copied; the others are somebody's.
    let apply = scene.apply().await.expect_code(6);
    assert!(says(&apply, "9000"), "{}\n{}", apply.stdout, apply.stderr);
    assert_eq!(scene.target.count("things", &[]).await, 5_002);

    let rule = "[verify]\ncontent = \"full\"\non_mismatch = \"repair\"\ndelete_extra = true";
    scene.plan_file_with(rule, "[[collections]]\nsource = \"things\"");
    scene.apply().await.expect_code(0);
    scene.expect("things", &rows).await;
    scene.nothing_to_do().await;
}
