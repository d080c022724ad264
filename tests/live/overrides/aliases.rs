//! Aliases between two servers: kept, renamed, listed, none, taken over.

use testkit::lab::Kind;
use testkit::scene::articles::{article_rows, articles};
use testkit::scene::{Scene, expect_words};

const ROWS: usize = 300;

/// Four ways for the aliases of one collection, to a database of each.
async fn every_way(from: Kind, to: Kind) {
    let scene = Scene::between(from, to).await;
    let collection = articles("articles").alias("live").alias("newest");
    let rows = article_rows(&collection, ROWS);
    scene.source.fill(&collection, &rows).await;
    scene.plan_file(
        "[[collections]]\nsource = \"articles\"\n\
         [[collections]]\nsource = \"articles\"\ntarget = \"articles_2\"\n\
         aliases = { live = \"{{ name }}_now\" }\n\
         [[collections]]\nsource = \"articles\"\ntarget = \"articles_3\"\n\
         aliases = [\"{{ name }}_a\", \"b\"]\n\
         [[collections]]\nsource = \"articles\"\ntarget = \"articles_4\"\naliases = \"none\"",
    );
    let (plan, apply) = scene.converge().await;
    expect_words(
        &plan,
        &[
            "aliases live, newest",
            "aliases live, newest → articles_now",
            "aliases live, newest → articles_a, b",
            "aliases live, newest → none",
        ],
    );
    expect_words(&apply, &["create alias live", "create alias articles_now"]);
    for (alias, collection) in [
        ("live", Some("articles")),
        ("newest", Some("articles")),
        ("articles_now", Some("articles_2")),
        ("articles_a", Some("articles_3")),
        ("b", Some("articles_3")),
    ] {
        assert_eq!(scene.target.leads_to(alias).await.as_deref(), collection, "{alias}");
    }
    let mut aliases = scene.target.describe("articles_4").await.aliases;
    aliases.sort();
    assert!(aliases.is_empty(), "{aliases:?}");
    // At the source nothing has changed.
    assert_eq!(scene.source.leads_to("live").await.as_deref(), Some("articles"));
    for name in ["articles", "articles_2", "articles_3", "articles_4"] {
        if [from, to].contains(&Kind::Lite3) {
            scene.expect_parsed(name, &rows).await;
        } else {
            scene.expect(name, &rows).await;
        }
    }
    // Whatever becomes of the source's aliases after that is no business of a finished target.
    scene.source.drop_alias("live").await;
    scene.settled(&[]).await;
}

#[tokio::test]
async fn aliases_are_kept_renamed_listed_or_left_out() {
    every_way(Kind::Milvus235A, Kind::Milvus235B).await;
}

#[tokio::test]
async fn aliases_of_2216_are_carried() {
    every_way(Kind::Milvus2216, Kind::Milvus235B).await;
}

#[tokio::test]
async fn aliases_go_to_2216() {
    every_way(Kind::Milvus235A, Kind::Milvus2216).await;
}

#[tokio::test]
async fn aliases_go_from_lite_to_lite() {
    every_way(Kind::Lite3, Kind::Lite3).await;
}

/// A collection of the target that has the alias `live`.
async fn with_a_holder(to: Kind) -> Scene {
    let scene = Scene::between(Kind::Milvus235A, to).await;
    let collection = articles("articles").alias("live");
    let rows = article_rows(&collection, ROWS);
    scene.source.fill(&collection, &rows).await;
    scene.target.create_collection(&articles("holder")).await;
    scene.target.create_alias("holder", "live").await;
    scene
}

async fn an_alias_is_taken_only_when_that_is_said(to: Kind) {
    let scene = with_a_holder(to).await;
    let entry = "[[collections]]\nsource = \"articles\"\n";
    scene.plan_file(entry);
    scene.expect_refusal(&["alias_taken", "\"holder\"", "move_aliases = true"]).await;
    assert!(!scene.target.has_collection("articles").await);

    scene.plan_file(&format!("{entry}move_aliases = true"));
    let (plan, apply) = scene.converge().await;
    expect_words(&plan, &["alias_taken_over", "cut-over"]);
    expect_words(&apply, &["move alias live from holder"]);
    let said = |what: &str| apply.stderr.find(what).or_else(|| apply.stdout.find(what));
    assert!(said("move alias live") > said("compare counts"), "{}", apply.stderr);
    assert_eq!(scene.target.leads_to("live").await.as_deref(), Some("articles"));
    scene.settled(&[]).await;

    // Somebody moves it on: it is not fetched back.
    scene.target.move_alias("live", "holder").await;
    let plan = scene.plan().await.expect_code(0);
    expect_words(&plan, &["alias_moved_on", "\"holder\"", "left so"]);
    scene.apply().await.expect_code(0);
    assert_eq!(scene.target.leads_to("live").await.as_deref(), Some("holder"));

    // Somebody drops it: it is made again.
    scene.target.drop_alias("live").await;
    let (plan, _) = scene.converge().await;
    expect_words(&plan, &["aliases are missing: live"]);
    assert_eq!(scene.target.leads_to("live").await.as_deref(), Some("articles"));
}

#[tokio::test]
async fn an_alias_is_taken_from_another_collection_of_235() {
    an_alias_is_taken_only_when_that_is_said(Kind::Milvus235B).await;
}

#[tokio::test]
async fn an_alias_is_taken_from_another_collection_of_2216() {
    an_alias_is_taken_only_when_that_is_said(Kind::Milvus2216).await;
}

#[tokio::test]
async fn an_alias_is_taken_from_another_collection_of_lite() {
    an_alias_is_taken_only_when_that_is_said(Kind::Lite3).await;
}

#[tokio::test]
async fn names_that_lead_elsewhere_are_refused() {
    let scene = Scene::new().await;
    let collection = articles("articles").alias("live");
    scene.source.fill(&collection, &article_rows(&collection, ROWS)).await;
    scene.target.create_collection(&articles("products")).await;
    for (rule, reasons) in [
        ("aliases = [\"products\"]", ["alias_is_collection", "a collection has that name"]),
        ("aliases = { now = \"later\" }", ["alias_missing", "its aliases are: live"]),
        ("target = \"new\"\naliases = [\"new\"]", ["new", "alias"]),
    ] {
        scene.plan_file(&format!("[[collections]]\nsource = \"articles\"\n{rule}"));
        let plan = scene.plan().await;
        assert!([Some(1), Some(3)].contains(&plan.code), "{plan:?}");
        expect_words(&plan, &reasons);
    }
    // Both would have the source's alias.
    scene.plan_file(
        "[[collections]]\nsource = \"articles\"\n\
         [[collections]]\nsource = \"articles\"\ntarget = \"second\"",
    );
    scene.expect_refusal(&["alias_wanted_twice", "\"live\""]).await;
}
