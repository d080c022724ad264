//! Targets that somebody made before: what they lack is made, what is otherwise is refused.

use testkit::collection::Collection;
use testkit::scene::articles::{article_rows, articles};
use testkit::scene::{Scene, expect_words};
use testkit::table::Table;

const ROWS: usize = 400;
const PARTITIONS: [&str; 2] = ["_default", "old"];
const ADOPT: &str = "[[collections]]\nsource = \"articles\"\nexisting = \"adopt\"\n";

fn source() -> Collection {
    let mut collection = articles("articles").partitions(&["old"]).alias("live");
    collection.description = "what is written".to_owned();
    collection
}

async fn with_source() -> (Scene, Table) {
    let scene = Scene::new().await;
    let rows = article_rows(&source(), ROWS).spread_over(&PARTITIONS);
    scene.source.fill(&source(), &rows).await;
    (scene, rows)
}

#[tokio::test]
async fn what_a_target_lacks_is_made_and_nothing_else() {
    let (scene, rows) = with_source().await;
    let mut bare = source().property("house.rule", "no shoes");
    bare.partitions.clear();
    bare.aliases.clear();
    scene.target.create_collection(&bare).await;
    let id = scene.target.describe("articles").await.collection_id;
    scene.plan_file(&format!("{ADOPT}properties = {{ set = {{ \"mmap.enabled\" = true }} }}\n"));
    let (plan, apply) = scene.converge().await;
    expect_words(&plan, &["~ adopt", "alter mmap.enabled none → true"]);
    expect_words(
        &apply,
        &["alter properties", "create partition old", "create index", "create alias live"],
    );
    let described = scene.target.describe("articles").await;
    assert_eq!(described.collection_id, id);
    let properties = scene.target.properties("articles").await;
    assert_eq!(properties["mmap.enabled"], "true");
    assert_eq!(properties["house.rule"], "no shoes");
    assert_eq!(scene.target.leads_to("live").await.as_deref(), Some("articles"));
    assert_eq!(scene.target.index("articles", "embedding").await["index_type"], "IVF_FLAT");
    scene.expect_in_partitions("articles", &rows, &PARTITIONS).await;
    scene.settled(&["target_lacks_feature"]).await;
}

#[tokio::test]
async fn what_is_otherwise_and_stays_so_is_refused_by_name() {
    let (scene, rows) = with_source().await;
    let refused = async |made: Collection, reasons: &[&str]| {
        scene.target.create_collection(&made).await;
        for index in &made.indexes {
            scene.target.create_index("articles", index).await;
        }
        scene.plan_file(ADOPT);
        scene.expect_refusal(reasons).await;
        assert_eq!(scene.target.written("articles").await, "0");
        scene.target.drop_collection("articles").await;
    };
    let like_source = || {
        let mut made = source();
        made.aliases.clear();
        made
    };
    refused(like_source().shards(2), &["target_attribute_differs", "shards is 2, not 1"]).await;
    let mut other = like_source();
    other.description = "another".to_owned();
    refused(other, &["target_attribute_differs", "description is \"another\""]).await;
    let mut other = like_source();
    other.indexes[0].params[0].1 = "FLAT".to_owned();
    refused(other, &["target_index_differs", "index_type is FLAT, not IVF_FLAT"]).await;
    let other = like_source().partitions(&["old", "older"]);
    refused(other, &["target_schema_differs", "older"]).await;
    let mut other = like_source();
    other.fields[2].name = "text".to_owned();
    refused(other, &["target_schema_differs", "\"body\"", "missing"]).await;

    // Said in the plan file, it is as asked for. A property that nobody asked for stays.
    let mut made = like_source().shards(2).property("mmap.enabled", "false");
    made.description = "another".to_owned();
    scene.target.create_collection(&made).await;
    scene.plan_file(&format!("{ADOPT}shards = 2\ndescription = \"another\""));
    scene.converge().await;
    assert_eq!(scene.target.properties("articles").await["mmap.enabled"], "false");
    scene.expect_in_partitions("articles", &rows, &PARTITIONS).await;
    scene.settled(&["target_lacks_feature"]).await;
}

/// Made with the names that the fields are to have.
#[tokio::test]
async fn a_target_with_new_names_is_adopted() {
    let (scene, rows) = with_source().await;
    let mut made = source();
    made.aliases.clear();
    made.fields[2].name = "text".to_owned();
    scene.target.create_collection(&made).await;
    scene.plan_file(&format!("{ADOPT}fields.body.rename = \"text\""));
    scene.converge().await;
    let renamed = rows.renamed("body", "text");
    scene.expect_in_partitions("articles", &renamed, &PARTITIONS).await;
}
