//! Both ends are one database: the alias goes over from the old collection to the new one.

use testkit::lab::Kind;
use testkit::scene::articles::{article_rows, articles};
use testkit::scene::{Scene, expect_words};
use testkit::table::Table;

const ROWS: usize = 300;

async fn with_alias(kind: Kind) -> (Scene, Table) {
    let scene = Scene::on_one(kind).await;
    let collection = articles("articles").alias("live");
    let rows = article_rows(&collection, ROWS);
    scene.source.fill(&collection, &rows).await;
    (scene, rows)
}

async fn goes_over(kind: Kind, aliases: &str) {
    let (scene, rows) = with_alias(kind).await;
    let entry =
        format!("[[collections]]\nsource = \"articles\"\ntarget = \"articles_2\"\n{aliases}");
    scene.plan_file(&entry);
    scene.expect_refusal(&["alias_taken", "\"articles\"", "move_aliases"]).await;
    scene.plan_file(&format!("{entry}move_aliases = true"));
    let (plan, _) = scene.converge().await;
    expect_words(&plan, &["alias_taken_over", "\"articles\""]);
    assert_eq!(scene.target.leads_to("live").await.as_deref(), Some("articles_2"));
    if kind == Kind::Lite3 {
        scene.expect_parsed("articles_2", &rows).await;
    } else {
        scene.expect("articles_2", &rows).await;
    }
    scene.settled(&[]).await;

    // Back again, by hand, as somebody found a fault: it stays there.
    scene.target.move_alias("live", "articles").await;
    let plan = scene.plan().await.expect_code(0);
    expect_words(&plan, &["alias_moved_on"]);
    scene.apply().await.expect_code(0);
    assert_eq!(scene.target.leads_to("live").await.as_deref(), Some("articles"));
}

#[tokio::test]
async fn the_alias_goes_over_on_235() {
    goes_over(Kind::Milvus235A, "").await;
}

#[tokio::test]
async fn the_alias_goes_over_on_2216() {
    goes_over(Kind::Milvus2216, "aliases = [\"live\"]\n").await;
}

#[tokio::test]
async fn the_alias_goes_over_on_lite() {
    goes_over(Kind::Lite3, "aliases = { live = \"live\" }\n").await;
}

/// The usual glob: the new collections are not matched once they are there.
#[tokio::test]
async fn a_glob_with_its_targets_beside_it_converges() {
    let (scene, rows) = with_alias(Kind::Milvus235A).await;
    scene.plan_file(
        "[[collections]]\nsource = \"art*\"\ntarget = \"{{ name }}_2\"\nmove_aliases = true",
    );
    scene.converge().await;
    assert_eq!(scene.target.leads_to("live").await.as_deref(), Some("articles_2"));
    scene.expect("articles_2", &rows).await;
}
