//! What a real server refuses of indexes is known before the first row of a large collection.

use std::time::Duration;

use testkit::collection::{Collection, Index, key, var_char, vector};
use testkit::data;
use testkit::lab::{Kind, server};
use testkit::pb::milvus::DescribeIndexRequest;
use testkit::pb::schema::DataType;
use testkit::relay::{Act, Relay};
use testkit::scene::{PLAN, Scene, expect_words};
use testkit::table::{Table, Value};

const ROWS: i64 = 2_200;
/// Rows that are so large that all seem to be: a collection is large by its estimate.
const LARGE: usize = 100;
/// The copy of these rows takes longer.
const PATIENCE: Duration = Duration::from_secs(30);

async fn filled(scene: &Scene) -> Table {
    let fields = vec![
        key(DataType::Int64),
        var_char("text", 65_535),
        vector("embedding", DataType::FloatVector, 8),
    ];
    let params = r#"{"M": 8, "efConstruction": 64}"#;
    let things =
        Collection::new("things", fields).index(Index::new("embedding", "HNSW", "L2", params));
    let mut rows = data::table_of(&things, &data::key_range(0..ROWS), 4);
    let text = rows.column("text");
    for row in rows.rows.iter_mut().take(LARGE) {
        row.values[text] = Value::Text("x".repeat(65_000));
    }
    scene.source.create_collection(&things).await;
    scene.source.insert_batches("things", &rows, 100).await;
    scene.source.build_and_load(&things).await;
    rows
}

/// What Milvus 2.3.5 refuses when the index is made, and words of the refusal.
const REFUSED: [(&str, &[&str]); 2] = [
    (
        "type = \"HNSW\", metric = \"L2\", params = { M = 4096, efConstruction = 64 }",
        &["M", "range"],
    ),
    ("type = \"IVF_PQ\", metric = \"L2\", params = { nlist = 16, m = 3, nbits = 8 }", &["m"]),
];

/// The run ends in its first seconds: no row was read to be copied, and none was sent. It goes on when
/// the plan file is corrected.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_index_that_is_refused_ends_the_collection_before_its_first_row() {
    let mut scene = Scene::new().await;
    let rows = filled(&scene).await;
    let relay = Relay::with_rule(server(Kind::Milvus235B), |_| Act::Forward);
    scene.target_uri = relay.uri();
    for (wrong, words) in REFUSED {
        scene.plan_one("things", &format!("indexes.embedding = {{ {wrong} }}"));
        let refused = scene.run(&["apply", PLAN, "--yes"]).await.expect_code(5);
        expect_words(&refused, words);
        expect_words(&refused, &["indexes.embedding", "no row was copied yet"]);
        assert!(refused.took < PATIENCE, "{:?}", refused.took);
        assert_eq!(scene.chunks(), 0);
        let sent = relay.count("Insert") + relay.count("Upsert");
        assert_eq!(sent, 0, "rows were sent before the index was refused");
    }
    assert!(relay.count("CreateIndex") >= REFUSED.len());
    let request = DescribeIndexRequest {
        db_name: scene.target.database().to_owned(),
        collection_name: "things".to_owned(),
        ..Default::default()
    };
    let left = scene.target.raw().describe_index(request).await.unwrap().into_inner();
    assert_eq!(left.index_descriptions.len(), 0);
    scene.plan_one("things", "");
    let (plan, apply) = scene.converge().await;
    expect_words(&plan, &["resume"]);
    expect_words(&apply, &["try indexes and load"]);
    let index = scene.target.index("things", "embedding").await;
    assert_eq!(index["index_type"], "HNSW");
    scene.expect("things", &rows).await;
}
