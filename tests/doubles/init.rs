//! `init` at servers newer and older than the real ones of these tests.

use testkit::collection::{FieldWords, Index, bm25, field, plain, var_char};
use testkit::data;
use testkit::fake::{Plan, Profile};
use testkit::lines::auto_index;
use testkit::pb::schema::DataType;
use testkit::scene::{doubles::Doubles, expect_words};

const FILE: &str = "first.ferry.toml";

async fn init(scene: &Doubles, options: &[&str]) -> String {
    let from = scene.from.uri();
    let to = scene.to.uri();
    let given = [&["init", "--from", &from, "--out", FILE], options].concat();
    scene.run(&given).await.expect_code(0);
    scene.ferry.read(FILE).replace(&from, "http://SOURCE").replace(&to, "http://TARGET")
}

/// A source of Milvus 2.6 with a function, nulls, and an index that not every target has.
async fn source(to: Profile) -> Doubles {
    let scene = Doubles::of(Profile::milvus("2.6.5"), to).await;
    let mut articles = plain("articles", DataType::Int64).dynamic().alias("live");
    let words = var_char("words", 500).param("enable_analyzer", "true");
    let score = field("score", DataType::SparseFloatVector).function_output();
    articles.fields.extend([words, score, field("price", DataType::Int64).nullable()]);
    articles.indexes = vec![Index::new("embedding", "HNSW", "COSINE", r#"{"M": 16}"#)];
    let articles =
        articles.function(bm25("ranked", "words", "score")).index(auto_index("score", "BM25"));
    let rows = data::table(&articles, 100, 1);
    scene.source.fill(&articles, &rows).await;
    scene
}

#[tokio::test]
async fn a_target_has_to_be_new_enough() {
    let scene = source(Profile::milvus("2.3.5")).await;
    insta::assert_snapshot!("without_target", init(&scene, &[]).await);
    std::fs::remove_file(scene.ferry.path(FILE)).unwrap();
    let to = scene.to.uri();
    insta::assert_snapshot!("old_target", init(&scene, &["--to", &to]).await);
    let plan = scene.run(&["plan", FILE]).await.expect_code(1);
    expect_words(&plan, &["target_lacks_functions"]);
    scene.nothing_was_written();
}

#[tokio::test]
async fn zilliz_cloud_is_told_by_its_limits() {
    let scene = source(Profile::zilliz(Plan::Serverless, "2.6")).await;
    let to = scene.to.uri();
    insta::assert_snapshot!("zilliz", init(&scene, &["--to", &to]).await);
    scene.run(&["plan", FILE, "--detailed-exitcode"]).await.expect_code(2);
}

#[tokio::test]
async fn a_source_without_databases_is_looked_at() {
    let old = Profile::milvus("2.2.8").without_rpcs(&["Connect", "ListDatabases"]);
    let scene = Doubles::of(old, Profile::milvus("2.6.5")).await;
    let products = plain("products", DataType::Int64);
    scene.source.fill(&products, &data::table(&products, 50, 1)).await;
    let to = scene.to.uri();
    let text = init(&scene, &["--to", &to]).await;
    assert!(text.contains("Milvus 2.2.8") && !text.contains("database"), "{text}");
    scene.run(&["plan", FILE, "--detailed-exitcode"]).await.expect_code(2);
}
