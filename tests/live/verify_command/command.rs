//! A copy that is whole, and what is said when a row of it is not.

use std::time::Duration;

use serde_json::Value;

use testkit::collection::{Collection, plain};
use testkit::data;
use testkit::ferry::Outcome;
use testkit::lab::{self, Kind};
use testkit::pb::schema::DataType;
use testkit::relay::{Act, Relay};
use testkit::scene::{PLAN, Scene, expect_words, says};
use testkit::table::{self, Key, Table};

pub(super) const REPORT: &str = "report.json";
const DIFFERENCES: &str = ".milvus-ferry/plan.differences.jsonl";

/// A collection of 3,000 rows that was copied, with its rows.
async fn copied(scene: &Scene) -> (Collection, Table) {
    copied_rows(scene, 3_000).await
}

async fn copied_rows(scene: &Scene, rows: i64) -> (Collection, Table) {
    let collection = plain("rows", DataType::Int64).dynamic();
    let rows = data::table_of(&collection, &data::key_range(0..rows), 7);
    scene.source.fill(&collection, &rows).await;
    scene.plan_file("[[collections]]\nsource = \"rows\"");
    scene.converge().await;
    (collection, rows)
}

pub(super) async fn verify(scene: &Scene, options: &[&str]) -> Outcome {
    scene.run(&[&["verify", PLAN, "--report", REPORT], options].concat()).await
}

pub(super) fn first_line(outcome: &Outcome) -> &str {
    outcome.stdout.lines().next().unwrap_or_default()
}

/// The report of a run, which is as its schema says.
#[track_caller]
pub(super) fn report(scene: &Scene) -> Value {
    let report: Value = serde_json::from_str(&scene.ferry.read(REPORT)).unwrap();
    let schema = std::fs::read_to_string("schema/report.schema.json").unwrap();
    let schema: Value = serde_json::from_str(&schema).unwrap();
    let validator = jsonschema::draft7::new(&schema).unwrap();
    let errors: Vec<_> = validator.iter_errors(&report).map(|e| e.to_string()).collect();
    assert!(errors.is_empty(), "{errors:?}\n{report:#}");
    report
}

#[tokio::test]
async fn a_copy_that_is_whole_is_verified() {
    let scene = Scene::new().await;
    copied(&scene).await;
    const FULL: &str = "Verified: every row of 1 collection (3,000 rows), value by value.";
    // By the ledger, and by the plan file alone.
    for options in [&[][..], &["--against", "ledger"], &["--state", "elsewhere"]] {
        let outcome = verify(&scene, options).await.expect_code(0);
        assert_eq!(first_line(&outcome), FULL, "{options:?}");
        let report = report(&scene);
        assert_eq!(report["verdict"]["word"], "verified");
        assert_eq!(report["verdict"]["sentence"], FULL);
        assert_eq!((&report["command"], &report["exit_code"]), (&"verify".into(), &0.into()));
        assert_eq!(report["collections"][0]["verification"]["content"]["rows"], 3_000);
        assert!(report["differences_file"].is_null());
    }
    assert!(!scene.ferry.path(DIFFERENCES).exists());
    let sample = verify(&scene, &["--mode", "sample", "--sample-rows", "500"]).await;
    let sample = sample.expect_code(0);
    assert!(
        first_line(&sample).starts_with(
            "Verified by a sample of 500 rows of 1 collection: with 95 % confidence fewer than 0."
        ),
        "{}",
        first_line(&sample)
    );
    assert_eq!(report(&scene)["verdict"]["word"], "sampled");
    let counts = verify(&scene, &["--mode", "counts"]).await.expect_code(0);
    assert_eq!(first_line(&counts), "Counts agree; no row was compared.");
    assert_eq!(report(&scene)["verdict"]["word"], "counts_agree");
    let json = verify(&scene, &["--format", "json"]).await.expect_code(0);
    assert_eq!(json.json(), report(&scene));
    let markdown = verify(&scene, &["--format", "markdown"]).await.expect_code(0);
    assert_eq!(first_line(&markdown), format!("**{FULL}**"));
}

#[tokio::test]
async fn a_row_that_is_not_whole_is_named() {
    let scene = Scene::new().await;
    let (_, rows) = copied(&scene).await;
    let mut changed = rows.filtered(|key| *key == Key::Int(1_234));
    let text = changed.column("text");
    changed.rows[0].values[text] = table::Value::Text("not what it was".to_owned());
    scene.target.delete("rows", "", "id in [77]").await;
    scene.target.delete("rows", "", "id in [1234]").await;
    scene.target.insert("rows", &changed).await;
    scene.target.flush("rows").await;

    let outcome = verify(&scene, &[]).await.expect_code(6);
    assert_eq!(first_line(&outcome), "Different: 1 collection — 1 row missing, 1 different.");
    expect_words(
        &outcome,
        &["missing 77", "different 1234 text", "→ \"not what it was\" (byte 0)", DIFFERENCES],
    );
    let lines = scene.ferry.read(DIFFERENCES);
    let mut lines: Vec<Value> =
        lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    lines.sort_by_key(|line| line["key"].as_i64());
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert_eq!((&lines[0]["key"], &lines[0]["kind"]), (&77.into(), &"missing".into()));
    assert_eq!((&lines[1]["key"], &lines[1]["kind"]), (&1_234.into(), &"different".into()));
    assert_eq!(lines[1]["fields"][0]["field"], "text");
    let target = format!("{}/rows", scene.target.database());
    assert!(lines.iter().all(|line| line["target"] == target.as_str()));
    let report = report(&scene);
    assert_eq!(
        (&report["verdict"]["word"], &report["exit_code"]),
        (&"different".into(), &6.into())
    );
    assert_eq!(report["differences_file"], DIFFERENCES);
    let content = &report["collections"][0]["verification"]["content"];
    assert_eq!((&content["missing"], &content["different"]), (&1.into(), &1.into()));
    assert_eq!(content["differences"].as_array().unwrap().len(), 2);
    let markdown = verify(&scene, &["--format", "markdown"]).await.expect_code(6);
    expect_words(&markdown, &["| 77 | missing |", "| 1234 | different | text |"]);

    // Mended by hand: nothing is left of what was found.
    let mended = rows.filtered(|key| *key == Key::Int(77) || *key == Key::Int(1_234));
    scene.target.delete("rows", "", "id in [1234]").await;
    scene.target.insert("rows", &mended).await;
    scene.target.flush("rows").await;
    verify(&scene, &[]).await.expect_code(0);
    assert!(!scene.ferry.path(DIFFERENCES).exists());
}

/// Interrupted, it says so and what to do; the same command does not begin anew.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_interrupted_comparison_goes_on() {
    let relay = Relay::with_rule(lab::server(Kind::Milvus235B), |_| Act::Forward);
    let mut scene = Scene::new().await;
    scene.target_uri = relay.uri();
    copied_rows(&scene, 30_000).await;
    let before = relay.count("Query");
    relay.set_rule(|call| match call.rpc {
        "Query" => Act::Delay(Duration::from_millis(400)),
        _ => Act::Forward,
    });
    let mut run = scene.ferry.spawn(&["verify", PLAN, "--report", REPORT]);
    run.wait_until(Duration::from_secs(60), || relay.count("Query") >= before + 12);
    run.signal("INT");
    let outcome = run.wait(Duration::from_secs(30)).expect_code(130);
    assert!(first_line(&outcome).starts_with("Not verified: 1 collection — "), "{outcome:?}");
    let again =
        "the same command goes on: milvus-ferry verify plan.ferry.toml --report report.json";
    expect_words(&outcome, &[again]);
    let stopped = report(&scene);
    assert_eq!(stopped["verdict"]["word"], "not_verified");
    assert_eq!(stopped["exit_code"], 130);
    relay.set_rule(|_| Act::Forward);
    let outcome = verify(&scene, &[]).await.expect_code(0);
    let whole = "Verified: every row of 1 collection (30,000 rows), value by value.";
    assert_eq!(first_line(&outcome), whole);
    let content = &report(&scene)["collections"][0]["verification"]["content"];
    assert!(content["ranges_before"].as_u64().unwrap() > 0, "{content:#}");
}

#[tokio::test]
async fn what_is_not_there_is_told_and_what_is_at_work_is_left_alone() {
    let scene = Scene::new().await;
    let collection = plain("rows", DataType::Int64);
    let rows = data::table_of(&collection, &data::key_range(0..100), 7);
    scene.source.fill(&collection, &rows).await;
    scene.plan_file("[[collections]]\nsource = \"rows\"\n[[collections]]\nsource = \"gone\"");
    let outcome = verify(&scene, &[]).await.expect_code(6);
    expect_words(
        &outcome,
        &[
            "Different: 1 of 2 collections — ",
            "it is not at the target; make it with: milvus-ferry apply plan.ferry.toml",
            "Not compared to the end: 1 collection.",
            "the source has no collection",
        ],
    );
    let outcome = verify(&scene, &["--only", "gone"]).await.expect_code(5);
    assert!(first_line(&outcome).starts_with("Not verified: "), "{}", outcome.stdout);
    let outcome = verify(&scene, &["--only", "nothing"]).await.expect_code(1);
    assert!(says(&outcome, "--only nothing matches no collection of the plan file"));
    assert_eq!(outcome.stdout, "");
    let state = scene.ferry.path(".milvus-ferry");
    let _held = milvus_ferry::ledger::Ledger::open(&state, "plan").unwrap();
    let outcome = verify(&scene, &[]).await.expect_code(8);
    assert!(says(&outcome, "another run of this plan is at work"), "{}", outcome.stderr);
}
