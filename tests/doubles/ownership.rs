//! The mark on a target while it is filled, at servers of 2.4 and later, which take it away again,
//! and at servers that keep none or let nobody alter a collection.

use std::sync::Arc;
use std::time::Duration;

use testkit::collection::plain;
use testkit::data;
use testkit::fake::{Attribute, Plan, Profile};
use testkit::ferry::{Ferry, Outcome};
use testkit::pb::milvus::{AlterCollectionRequest, CreateCollectionRequest};
use testkit::pb::schema::DataType;
use testkit::relay::{Act, Relay};
use testkit::scene::{PLAN, doubles::Doubles, expect_words, says};
use testkit::table::{Key, Table};

const MARK: &str = "milvus-ferry.filling.";
const ROWS: i64 = 500;
const PATIENCE: Duration = Duration::from_secs(60);

async fn filled(to: Profile) -> (Doubles, Table) {
    let scene = Doubles::of(Profile::milvus("2.6.5"), to).await;
    let collection = plain("things", DataType::Int64);
    let rows = data::table_of(&collection, &data::key_range(0..ROWS), 1);
    scene.source.fill(&collection, &rows).await;
    scene.plan_one("things", "");
    (scene, rows)
}

/// Everything on the target that begins like a mark, with its value.
async fn marks(scene: &Doubles) -> Vec<(String, String)> {
    let properties = scene.target.properties("things").await;
    properties.into_iter().filter(|(name, _)| name.starts_with(MARK)).collect()
}

fn checkout(scene: &Doubles) -> Arc<Ferry> {
    Arc::new(Ferry::with_plan(PLAN, &scene.ferry.read(PLAN)))
}

async fn both(scene: &Doubles) -> [Outcome; 2] {
    let folders = [checkout(scene), checkout(scene)];
    let run = |ferry: Arc<Ferry>| async move { ferry.run_aside(&["apply", PLAN, "--yes"]).await };
    let [one, other] = folders.map(run);
    let (one, other) = tokio::join!(one, other);
    [one, other]
}

#[tokio::test]
async fn the_mark_comes_with_the_collection_and_is_taken_away_whole() {
    for to in [
        Profile::milvus("2.4.0"),
        Profile::milvus("2.5"),
        Profile::milvus("3.0"),
        Profile::zilliz(Plan::Serverless, "2.6"),
    ] {
        let (scene, rows) = filled(to).await;
        scene.converge().await;
        scene.expect("things", &rows).await;
        let [request] = &scene.to.requests::<CreateCollectionRequest>()[..] else { panic!() };
        let marked = request.properties.iter().filter(|pair| pair.key.starts_with(MARK));
        let values: Vec<&String> = marked.map(|pair| &pair.value).collect();
        assert_eq!(values.len(), 1);
        assert!(values[0].starts_with("plan since 20"), "{values:?}");
        let [altered] = &scene.to.requests::<AlterCollectionRequest>()[..] else { panic!() };
        assert_eq!((altered.properties.len(), altered.delete_keys.len()), (0, 1));
        assert_eq!(marks(&scene).await, []);
        // Nobody takes it for a difference while it is there, either.
        let mark = (format!("{MARK}0f"), "other since 2026-11-29T20:31:00.000Z".to_owned());
        scene.source.set_property("things", &mark.0, &mark.1).await;
        let verified = scene.run(&["verify", PLAN]).await.expect_code(0);
        assert!(!says(&verified, "filling"), "{}", verified.stdout);
    }
}

/// Of two requests that create it, with other marks, one is refused.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_of_two_runs_fills_the_target() {
    for round in 0..10 {
        let to = if round % 2 == 0 { Profile::milvus("2.6.5") } else { zilliz() };
        let (scene, rows) = filled(to).await;
        let outcomes = both(&scene).await;
        let mut codes = [outcomes[0].code, outcomes[1].code];
        codes.sort_unstable();
        // The later one may come when all is done.
        let done = says(&outcomes[0], "target_exists") || says(&outcomes[1], "target_exists");
        let left = if done { 1 } else { 8 };
        assert_eq!(codes, [Some(0), Some(left)], "{outcomes:#?}");
        scene.expect("things", &rows).await;
        assert_eq!(marks(&scene).await, []);
    }
}

fn zilliz() -> Profile {
    Profile::zilliz(Plan::Dedicated { units: 1 }, "2.6")
}

#[tokio::test]
async fn a_mark_that_another_run_left_is_named_and_taken_over_only_by_its_name() {
    let (scene, rows) = filled(zilliz()).await;
    let mark = format!("{MARK}0123456789abcdef");
    let made =
        plain("things", DataType::Int64).property(&mark, "nightly since 2026-11-01T02:00:00Z");
    scene.target.create_collection(&made).await;
    for settings in ["", "existing = \"adopt\""] {
        scene.plan_one("things", settings);
        scene.to.forget_calls();
        for outcome in [scene.plan().await, scene.apply().await] {
            let words = ["target_being_filled", "\"nightly\", since 2026-11-01T02:00:00Z"];
            expect_words(&outcome.expect_code(8), &words);
        }
        scene.nothing_was_written();
    }
    scene.plan_one("things", "");
    let take_over = ["--take-over", "default/things"];
    let planned = scene.run(&["plan", PLAN, take_over[0], take_over[1]]).await.expect_code(0);
    expect_words(&planned, &["~ adopt", "taken_over", "\"nightly\""]);
    let apply = ["apply", PLAN, "--yes", take_over[0], take_over[1]];
    scene.run(&apply).await.expect_code(0);
    scene.expect("things", &rows).await;
    assert_eq!(scene.to.count("Insert"), 0, "what the other run wrote is unknown");
    assert_eq!(marks(&scene).await, []);
    scene.nothing_to_do().await;
}

/// It is said of the source as well: it may not be whole.
#[tokio::test]
async fn a_source_that_is_being_filled_is_named() {
    let (scene, _) = filled(zilliz()).await;
    scene.source.set_property("things", &format!("{MARK}0f"), "nightly since 2026").await;
    let plan = scene.plan().await.expect_code(2);
    expect_words(&plan, &["source_being_filled", "nightly"]);
}

/// Two runs may both be answered that they made it, so both write by key.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_no_mark_is_kept_rows_are_written_by_key() {
    let (scene, rows) = filled(Profile::milvus("2.6.5").dropping(Attribute::Marks)).await;
    let outcomes = both(&scene).await;
    assert!(outcomes.iter().any(|outcome| outcome.code == Some(0)), "{outcomes:#?}");
    assert!(outcomes.iter().any(|outcome| says(outcome, "keeps no mark")), "{outcomes:#?}");
    assert_eq!(scene.to.count("Insert"), 0);
    scene.expect("things", &rows).await;
}

/// A run is killed before its target is made, and somebody makes a collection of that name: without an
/// index, not loaded, and with rows that are in no statistic, as they are not flushed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_somebody_made_after_a_kill_is_not_taken_for_our_own() {
    for (to, code) in
        [(Profile::milvus("2.6.5"), 1), (zilliz(), 5), (zilliz().dropping(Attribute::Marks), 5)]
    {
        let (scene, rows) = filled(to).await;
        let relay = Relay::to(&scene.to.uri(), |call| match call.rpc {
            "CreateCollection" => Act::Delay(Duration::from_secs(3_600)),
            _ => Act::Forward,
        });
        let plan = scene.ferry.read(PLAN).replace(&scene.to.uri(), &relay.uri());
        scene.ferry.write(PLAN, &plan);
        let mut run = scene.ferry.spawn(&["apply", PLAN, "--yes"]);
        tokio::task::block_in_place(|| {
            run.wait_until(PATIENCE, || relay.count("CreateCollection") > 0);
            run.kill()
        });
        relay.set_rule(|_| Act::Forward);
        let mut made = plain("things", DataType::Int64);
        made.indexes.clear();
        scene.target.create_collection(&made).await;
        let theirs = data::table_of(&made, &data::key_range(0..5), 2);
        let theirs = theirs.followed_by(&data::table_of(&made, &data::key_range(9_000..9_005), 2));
        scene.target.insert("things", &theirs).await;
        scene.to.forget_calls();
        let refused = scene.apply().await.expect_code(code);
        expect_words(&refused, &["existing = \"adopt\""]);
        assert!(scene.writes().is_empty());
        scene.to.with_collection("default", "things", |things| {
            assert_eq!(things.rows.len(), theirs.rows.len());
        });
        let adopts =
            plan.replace("source = \"things\"", "source = \"things\"\nexisting = \"adopt\"");
        assert_ne!(adopts, plan);
        scene.ferry.write(PLAN, &adopts);
        scene.apply().await.expect_code(0);
        let kept = theirs.filtered(|key| *key >= Key::Int(9_000));
        scene.expect("things", &rows.clone().followed_by(&kept)).await;
    }
}

/// Who may not alter a collection still fills one, and says what is left behind.
#[tokio::test]
async fn a_mark_that_may_not_be_taken_away_is_told() {
    let (scene, rows) = filled(zilliz()).await;
    scene.to.refuse_once("AlterCollection", 0, 1401, "permission deny: not permitted");
    let apply = scene.apply().await.expect_code(0);
    expect_words(&apply, &["the mark that it is being filled could not be taken away"]);
    scene.expect("things", &rows).await;
    assert_eq!(marks(&scene).await.len(), 1);
    // It is our own, and in nobody's way here.
    scene.nothing_to_do().await;
}

/// What is written into a finished target is marked as well, and only then.
#[tokio::test]
async fn a_target_is_marked_while_it_is_caught_up_with() {
    let (scene, rows) = filled(zilliz()).await;
    scene.converge().await;
    scene.to.forget_calls();
    scene.run(&["apply", PLAN, "--yes", "--catch-up"]).await.expect_code(0);
    let [set, taken] = &scene.to.requests::<AlterCollectionRequest>()[..] else { panic!() };
    assert!(set.properties[0].key.starts_with(MARK));
    assert_eq!(taken.delete_keys, [set.properties[0].key.clone()]);
    scene.expect("things", &rows).await;
    assert_eq!(marks(&scene).await, []);
}
