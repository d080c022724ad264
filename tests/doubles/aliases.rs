//! Aliases: made last of all, taken from others only by permission, left alone in the end.

use testkit::collection::{Collection, plain};
use testkit::data;
use testkit::pb::milvus::{
    AlterAliasRequest, CreateAliasRequest, DescribeAliasRequest, QueryRequest,
};
use testkit::pb::schema::DataType;
use testkit::probe::Probe;
use testkit::scene::{doubles::Doubles, entry, expect_words};

async fn leads_to(probe: &Probe, alias: &str) -> String {
    let request = DescribeAliasRequest { alias: alias.to_owned(), ..Default::default() };
    probe.raw().describe_alias(request).await.unwrap().into_inner().collection
}

async fn filled(scene: &Doubles, collection: &Collection) {
    let rows = data::table_of(collection, &data::key_range(0..6000), 1);
    scene.source.fill(collection, &rows).await;
}

async fn alter_alias(scene: &Doubles, alias: &str, collection: &str) {
    let request = AlterAliasRequest {
        alias: alias.to_owned(),
        collection_name: collection.to_owned(),
        ..Default::default()
    };
    let answer = scene.target.raw().alter_alias(request).await.unwrap().into_inner();
    assert_eq!(answer.code, 0, "{}", answer.reason);
}

#[tokio::test]
async fn aliases_are_made_when_everything_else_is_done() {
    let scene = Doubles::between("2.6.5", "2.6.5").await;
    filled(&scene, &plain("things", DataType::Int64).alias("live").alias("find")).await;
    scene.plan_one("things", "");
    scene.apply().await.expect_code(0);
    let calls = scene.to.calls();
    let place = |rpc: &str| calls.iter().rposition(|call| call.rpc == rpc).unwrap();
    let first = calls.iter().position(|call| call.rpc == "CreateAlias").unwrap();
    let counted = calls.iter().rposition(|call| {
        call.request::<QueryRequest>().is_some_and(|query| query.output_fields == ["count(*)"])
    });
    for before in [place("Insert"), place("CreateIndex"), place("LoadCollection"), counted.unwrap()]
    {
        assert!(before < first, "{calls:?}");
    }
    scene.nothing_to_do().await;
    for alias in ["live", "find"] {
        assert_eq!(leads_to(&scene.target, alias).await, "things");
    }
}

#[tokio::test]
async fn aliases_are_left_out_or_named_anew() {
    let scene = Doubles::between("2.6.5", "2.6.5").await;
    filled(&scene, &plain("things", DataType::Int64).alias("live").alias("find")).await;
    let none = entry("things", "target = \"none\"\naliases = \"none\"");
    let new = entry("things", "target = \"new\"\naliases = { live = \"alive\" }");
    let own = entry("things", "target = \"own\"\naliases = [\"{{ name }}_own\"]");
    scene.plan_file(&[none, new, own].concat());
    scene.converge().await;
    // Collections are moved side by side, in any order.
    let mut made: Vec<_> = scene
        .to
        .requests::<CreateAliasRequest>()
        .into_iter()
        .map(|request| (request.alias, request.collection_name))
        .collect();
    made.sort();
    let pairs = [("alive", "new"), ("things_own", "own")];
    assert_eq!(made, pairs.map(|(alias, name)| (alias.to_owned(), name.to_owned())));

    scene.plan_one("things", "target = \"more\"\naliases = { gone = \"here\" }");
    scene.expect_refusal(&["alias_missing", "gone", "find, live"]).await;
    scene.plan_one("things", "target = \"more\"\naliases = { live = \"own\" }");
    scene.expect_refusal(&["alias_is_collection", "own"]).await;
}

#[tokio::test]
async fn an_alias_is_only_taken_over_by_permission() {
    let scene = Doubles::between("2.6.5", "2.6.5").await;
    filled(&scene, &plain("things", DataType::Int64).alias("live")).await;
    let old = plain("old", DataType::Int64).alias("live");
    let old_rows = data::table_of(&old, &data::key_range(0..10), 2);
    scene.target.fill(&old, &old_rows).await;
    scene.plan_one("things", "");
    scene.expect_refusal(&["alias_taken", "\"live\" leads to \"old\"", "move_aliases"]).await;
    assert_eq!(leads_to(&scene.target, "live").await, "old");

    scene.plan_one("things", "move_aliases = true");
    scene.to.forget_calls();
    // A copy that stops leaves it where it is.
    scene.to.refuse_once("Insert", 2, 9, "quota exceeded[reason=a bad day]");
    scene.apply().await.expect_code(5);
    assert_eq!(leads_to(&scene.target, "live").await, "old");
    let (plan, _) = scene.converge().await;
    expect_words(&plan, &["alias_taken_over", "cut-over"]);
    assert_eq!(leads_to(&scene.target, "live").await, "things");
    let calls = scene.to.calls();
    let place = |rpc: &str| calls.iter().rposition(|call| call.rpc == rpc).unwrap();
    assert!(place("Insert") < place("AlterAlias") && place("LoadCollection") < place("AlterAlias"));

    // Moved on since: a finished target does not fetch it back, with or without permission.
    alter_alias(&scene, "live", "old").await;
    for settings in ["move_aliases = true", ""] {
        scene.plan_one("things", settings);
        scene.to.forget_calls();
        let plan = scene.plan().await.expect_code(0);
        expect_words(&plan, &["alias_moved_on", "is left so"]);
        scene.nothing_to_do().await;
        scene.nothing_was_written();
        assert_eq!(leads_to(&scene.target, "live").await, "old");
    }
}

/// One that is asked for since, or was dropped, is made.
#[tokio::test]
async fn an_alias_that_is_missing_is_made() {
    let scene = Doubles::between("2.5.4", "2.6.5").await;
    filled(&scene, &plain("things", DataType::Int64).alias("live")).await;
    scene.plan_one("things", "aliases = \"none\"");
    scene.converge().await;
    scene.plan_one("things", "");
    scene.to.forget_calls();
    let (plan, _) = scene.converge().await;
    expect_words(&plan, &["live"]);
    assert_eq!(leads_to(&scene.target, "live").await, "things");
    assert!(scene.writes().is_empty());
}

#[tokio::test]
async fn one_alias_for_two_targets_is_refused() {
    let scene = Doubles::between("2.6.5", "2.6.5").await;
    filled(&scene, &plain("things", DataType::Int64).alias("live")).await;
    let (one, other) = (entry("things", ""), entry("things", "target = \"other\""));
    scene.plan_file(&[one, other].concat());
    scene.expect_refusal(&["alias_wanted_twice", "live", "default/other"]).await;
}
