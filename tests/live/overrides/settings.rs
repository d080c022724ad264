//! Shards, the consistency level, properties.

use testkit::collection::Collection;
use testkit::data;
use testkit::lab::Kind;
use testkit::scene::articles::articles;
use testkit::scene::{Scene, expect_words};
use testkit::table::Table;

const ROWS: usize = 400;
const TTL: &str = "collection.ttl.seconds";

/// With a time to live, one property that is carried, one of its environment, and one unknown.
fn with_properties(name: &str) -> (Collection, Table) {
    let collection = articles(name)
        .property(TTL, "7776000")
        .property("mmap.enabled", "true")
        .property("collection.insertRate.max.mb", "9")
        .property("house.rule", "no shoes");
    let rows = data::table(&collection, ROWS, 1);
    (collection, rows)
}

#[tokio::test]
async fn shards_consistency_and_properties_are_as_the_plan_file_says() {
    let scene = Scene::new().await;
    let (collection, rows) = with_properties("articles");
    scene.source.fill(&collection, &rows).await;
    scene.plan_file(
        r#"
[[collections]]
source = "articles"
[[collections]]
source = "articles"
target = "other"
shards = 3
consistency = "strong"
[collections.properties]
set = { "collection.ttl.seconds" = 86400, "mmap.enabled" = false, "house.rule" = "shoes" }
unset = ["collection.insertRate.max.mb"]
[[collections]]
source = "articles"
target = "bare"
properties = { unset = ["collection.ttl.seconds", "mmap.enabled", "house.rule", "collection.insertRate.max.mb"] }
"#,
    );
    let (plan, _) = scene.converge().await;
    expect_words(
        &plan,
        &[
            "shards 1 → 3",
            "consistency Bounded → Strong",
            "property collection.ttl.seconds 7776000 → 86400",
            "property collection.ttl.seconds 7776000 → none",
            "property mmap.enabled true → false",
            "property house.rule no shoes → shoes",
            "ttl_restarts",
            "86,400 s after they arrive",
            "properties_not_carried",
            "collection.insertRate.max.mb, house.rule",
        ],
    );
    let kept = scene.target.describe("articles").await;
    assert_eq!((kept.shards_num, kept.consistency_level), (1, 2));
    let properties = scene.target.properties("articles").await;
    assert_eq!(properties[TTL], "7776000");
    assert_eq!(properties["mmap.enabled"], "true");
    assert_eq!(properties.len(), 2, "{properties:?}");

    let other = scene.target.describe("other").await;
    assert_eq!((other.shards_num, other.consistency_level), (3, 0));
    let properties = scene.target.properties("other").await;
    assert_eq!(properties[TTL], "86400");
    assert_eq!(properties["mmap.enabled"], "false");
    assert_eq!(properties["house.rule"], "shoes");
    assert_eq!(properties.len(), 3, "{properties:?}");

    assert_eq!(scene.target.properties("bare").await.len(), 0);
    for name in ["articles", "other", "bare"] {
        scene.expect(name, &rows).await;
    }
    // What was warned of when it was made needs no word any more.
    let plan =
        scene.settled(&["ttl_restarts", "properties_not_carried", "target_lacks_feature"]).await;
    assert!(!plan.stdout.contains("changed_since"), "{}", plan.stdout);
}

/// A finished target follows the plan file, and is not fought over with whoever changes it by hand.
#[tokio::test]
async fn a_property_that_changes_later_is_altered_when_the_plan_file_says_so() {
    let scene = Scene::new().await;
    let rows = scene.articles("articles", ROWS).await;
    let with = |properties: &str| {
        scene.plan_file(&format!(
            "[[collections]]\nsource = \"articles\"\nproperties = {properties}\n"
        ));
    };
    with(r#"{ set = { "mmap.enabled" = true } }"#);
    scene.converge().await;
    let value = async |name: &str| scene.target.properties("articles").await.get(name).cloned();
    assert_eq!(value("mmap.enabled").await.as_deref(), Some("true"));

    // Changed in the plan file, changed again, and back to what it was: each time it is altered once.
    for (setting, expected) in [("false", "false"), ("\"later\"", "later"), ("true", "true")] {
        with(&format!("{{ set = {{ \"mmap.enabled\" = {setting}, \"{TTL}\" = 864000 }} }}"));
        let (plan, apply) = scene.converge().await;
        expect_words(&plan, &["properties are altered", "alter mmap.enabled", expected]);
        expect_words(&apply, &["alter properties"]);
        assert_eq!(value("mmap.enabled").await.as_deref(), Some(expected));
        assert_eq!(value(TTL).await.as_deref(), Some("864000"));
        scene.settled(&["ttl_restarts", "target_lacks_feature"]).await;
    }

    // By hand: told, and left so.
    scene.target.set_property("articles", "mmap.enabled", "by hand").await;
    let plan = scene.plan().await.expect_code(0);
    expect_words(&plan, &["target_drifted", "mmap.enabled", "by hand"]);
    scene.apply().await.expect_code(0);
    assert_eq!(value("mmap.enabled").await.as_deref(), Some("by hand"));
    scene.expect("articles", &rows).await;

    // Milvus before 2.4 takes no property away: that is said, and nothing is tried.
    scene.target.set_property("articles", "mmap.enabled", "true").await;
    with(&format!("{{ set = {{ \"{TTL}\" = 864000 }}, unset = [\"mmap.enabled\"] }}"));
    let plan = scene.plan().await.expect_code(0);
    expect_words(&plan, &["property_not_removable", "mmap.enabled"]);
    scene.apply().await.expect_code(0);
}

#[tokio::test]
async fn shards_and_properties_of_2216_and_lite_are_overridden_too() {
    for (from, to) in [
        (Kind::Milvus2216, Kind::Milvus235B),
        (Kind::Milvus235A, Kind::Milvus2216),
        (Kind::Lite3, Kind::Milvus235B),
        (Kind::Milvus235A, Kind::Lite3),
    ] {
        let scene = Scene::between(from, to).await;
        let rows = scene.articles("articles", ROWS).await;
        scene.plan_file(
            "[[collections]]\nsource = \"articles\"\nshards = 2\nconsistency = \"eventually\"\n\
             properties = { set = { \"mmap.enabled\" = true } }",
        );
        scene.converge().await;
        let made = scene.target.describe("articles").await;
        if to == Kind::Lite3 {
            // It has one shard, whatever it is asked for.
            assert_eq!(made.shards_num, 1);
            scene.expect_parsed("articles", &rows).await;
        } else {
            assert_eq!((made.shards_num, made.consistency_level), (2, 3), "{from:?} to {to:?}");
            assert_eq!(scene.target.properties("articles").await["mmap.enabled"], "true");
            if from == Kind::Lite3 {
                scene.expect_parsed("articles", &rows).await;
            } else {
                scene.expect("articles", &rows).await;
            }
        }
        scene.settled(&["target_lacks_feature"]).await;
    }
}
