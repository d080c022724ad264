//! What may move, and what becomes of saved changes that were applied: in part, whole, or twice.

use std::time::Duration;

use testkit::lab::{Kind, server};
use testkit::relay::{Act, Relay};
use testkit::scene::articles::{article_rows, articles};
use testkit::scene::{PLAN, Scene, expect_words, says};

const PATIENCE: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_may_move_and_what_was_applied_is_not_applied_twice() {
    let scene = Scene::new().await;
    let first = scene.articles("a", 300).await;
    scene.articles("b", 300).await;
    // An alias is taken from a collection that is there.
    scene.target.create_collection(&articles("old")).await;
    scene.target.create_alias("old", "live").await;
    scene.source.create_alias("a", "live").await;
    scene.plan_file("[[collections]]\nsource = \"*\"\nmove_aliases = true\n");
    let plan = scene.run(&["plan", PLAN, "--out", "changes.json"]).await.expect_code(0);
    let show = scene.run(&["show", "changes.json"]).await.expect_code(0);
    assert_eq!(show.stdout, plan.stdout);

    // More rows than there were.
    let more = article_rows(&articles("b"), 700);
    scene.source.upsert("b", &more).await;
    let applied = scene.run(&["apply", "changes.json", "--yes"]).await.expect_code(0);
    expect_words(&applied, &["+ create"]);
    scene.expect("a", &first).await;
    scene.expect("b", &more).await;
    assert_eq!(scene.target.leads_to("live").await.as_deref(), Some("a"));

    for file in ["changes.json", PLAN] {
        let again = scene.run(&["apply", file, "--yes"]).await.expect_code(0);
        assert!(says(&again, "Nothing to do."), "{}", again.stdout);
    }
    // A released source that is not read any more is no reason either.
    scene.source.release("a").await;
    let again = scene.run(&["apply", "changes.json", "--yes"]).await.expect_code(0);
    assert!(says(&again, "Nothing to do."), "{}", again.stdout);

    // With the ledger lost nobody knows whose the targets are.
    std::fs::rename(scene.ferry.path(".milvus-ferry"), scene.ferry.path("lost")).unwrap();
    scene.source.load("a").await;
    let lost = scene.run(&["apply", "changes.json", "--yes"]).await.expect_code(7);
    let to = scene.target.database();
    let why = "target: a collection is there now that was not, and the ledger does not know it";
    expect_words(&lost, &[&format!("{to}/a: {why}"), &format!("{to}/b: {why}")]);
    // It may be elsewhere.
    let found = scene.run(&["apply", "changes.json", "--yes", "--state", "lost"]).await;
    assert!(says(&found.expect_code(0), "Nothing to do."));

    // What somebody changes at a target of ours, after it was begun, stops them as well.
    scene.target.drop_collection("b").await;
    scene.target.create_collection(&articles("b")).await;
    let remade = scene.run(&["apply", "changes.json", "--yes", "--state", "lost"]).await;
    expect_words(&remade.expect_code(7), &[&format!("{to}/b: target: ")]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn interrupted_and_killed_the_same_saved_changes_go_on() {
    let mut scene = Scene::new().await;
    // Chunks are recorded as done about once a second: the copy takes several.
    let relay = Relay::with_rule(server(Kind::Milvus235B), |call| match call.rpc {
        "Insert" | "Upsert" => Act::Delay(Duration::from_millis(400)),
        _ => Act::Forward,
    });
    scene.target_uri = relay.uri();
    let rows = scene.articles("a", 24_000).await;
    scene.plan_file("[[collections]]\nsource = \"a\"\ntarget = \"b\"\n");
    let plan = ["plan", PLAN, "--out", "saved/changes.json", "--state", "state"];
    scene.ferry.write("saved/none", "");
    scene.run(&plan).await.expect_code(0);

    let chunks = || {
        let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY;
        rusqlite::Connection::open_with_flags(scene.ferry.path("state/plan.db"), flags)
            .and_then(|ledger| {
                let count = "SELECT count(*) FROM chunks WHERE state = 'done'";
                ledger.query_row(count, [], |row| row.get::<_, i64>(0))
            })
            .unwrap_or(0)
    };
    let apply = ["apply", "saved/changes.json", "--yes"];
    let mut run = scene.ferry.spawn(&apply);
    run.wait_until(PATIENCE, || chunks() >= 2);
    run.signal("INT");
    let outcome = run.wait(PATIENCE).expect_code(130);
    expect_words(&outcome, &["milvus-ferry apply saved/changes.json --yes"]);
    let mut run = scene.ferry.spawn(&apply);
    let before = chunks();
    run.wait_until(PATIENCE, || chunks() > before);
    run.kill();
    relay.set_rule(|_| Act::Forward);
    let outcome = scene.run(&apply).await.expect_code(0);
    expect_words(&outcome, &["~ resume"]);
    scene.expect("b", &rows).await;
    assert!(says(&scene.run(&apply).await.expect_code(0), "Nothing to do."));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn changes_that_are_refused_are_saved_and_shown_and_not_applied() {
    let scene = Scene::new().await;
    scene.articles("a", 10).await;
    scene.target.create_collection(&articles("a")).await;
    scene.plan_file("[[collections]]\nsource = \"a\"\n");
    scene.run(&["plan", PLAN, "--out", "changes.json"]).await.expect_code(1);
    let shown = scene.run(&["show", "changes.json", "--format", "markdown"]).await.expect_code(0);
    expect_words(&shown, &["apply refuses: 1 error", "- **error**"]);
    let refused = scene.run(&["apply", "changes.json", "--yes"]).await.expect_code(1);
    expect_words(&refused, &["error[target_exists]"]);
    // The reason is gone: that has moved too.
    scene.target.drop_collection("a").await;
    let moved = scene.run(&["apply", "changes.json", "--yes"]).await.expect_code(7);
    expect_words(&moved, &["target: it is gone"]);
}
