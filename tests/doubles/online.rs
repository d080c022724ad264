//! `validate --online`: what both servers say to a plan file, without what the plan would do.

use testkit::collection::plain;
use testkit::data;
use testkit::fake::{Fake, Plan, Profile};
use testkit::ferry::Ferry;
use testkit::pb::schema::DataType;
use testkit::probe::Probe;

const PLAN: &str = "catalog.ferry.toml";

async fn source() -> Fake {
    let source = Fake::start(Profile::milvus("2.4.10"));
    let probe = Probe::connect(&source.uri()).await;
    for number in 0..6 {
        let collection = plain(&format!("c{number}"), DataType::Int64);
        probe.fill(&collection, &data::table(&collection, 20, number)).await;
    }
    source
}

fn ferry(source: &str, target: &str, kind: &str, entry: &str) -> Ferry {
    let text = format!(
        "version = 1\n[source]\nendpoint = \"{source}\"\n[target]\nendpoint = \"{target}\"\n{kind}\n\
         [[collections]]\n{entry}\n"
    );
    Ferry::with_plan(PLAN, &text)
}

const ALL: &str = "source = \"*\"";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_fits_ends_with_zero() {
    let (source, target) = (source().await, Fake::start(Profile::milvus("2.6.5")));
    let ferry = ferry(&source.uri(), &target.uri(), "", ALL);
    let outcome = ferry.run(&["validate", PLAN, "--online"]).expect_code(0);
    assert_eq!(outcome.stdout, format!("{PLAN}: valid at both ends · 1 collection rule\n"));
    assert_eq!(outcome.stderr, "");
    let outcome = ferry.run(&["validate", PLAN, "--online", "--format", "json"]).expect_code(0);
    assert_eq!(outcome.json()["findings"], serde_json::json!([]));
    // Without the option nobody is asked.
    let outcome = ferry.run(&["validate", PLAN, "--format", "json"]).expect_code(0);
    assert!(outcome.json().get("findings").is_none());
    assert!(!ferry.path(".milvus-ferry").exists());
    let probe = Probe::connect(&target.uri()).await;
    assert!(!probe.has_collection("c0").await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_does_not_fit_ends_with_one_in_every_form() {
    let source = source().await;
    let target = Fake::start(Profile::zilliz(Plan::Free, "2.6"));
    let ferry = ferry(&source.uri(), &target.uri(), "kind = \"zilliz-free\"", ALL);
    let said = "6 to create beside 0 that are there, and Zilliz Cloud (Free) takes 5";
    let outcome = ferry.run(&["validate", PLAN, "--online"]).expect_code(1);
    assert!(outcome.stderr.contains("error[too_many_collections]"), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("valid, but apply refuses"), "{}", outcome.stderr);
    let outcome = ferry.run(&["validate", PLAN, "--online", "--format", "json"]).expect_code(1);
    let json = outcome.json();
    assert_eq!(json["valid"], true);
    let found = json["findings"]
        .as_array()
        .unwrap()
        .iter()
        .find(|finding| finding["code"] == "too_many_collections")
        .unwrap();
    assert_eq!((&found["severity"], &found["message"]), (&"error".into(), &said.into()));
    let outcome = ferry.run(&["validate", PLAN, "--online", "--format", "github"]).expect_code(1);
    let line = outcome.stdout.lines().find(|line| line.contains("too_many_collections")).unwrap();
    assert!(line.starts_with("::error title=too_many_collections::"), "{line}");
    assert!(line.contains(said), "{line}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_invalid_plan_file_and_a_server_that_is_away_have_codes_of_their_own() {
    let source = source().await;
    let nobody = {
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        format!("http://127.0.0.1:{port}")
    };
    let away = ferry(&source.uri(), &nobody, "", ALL);
    let outcome = away.run(&["validate", PLAN, "--online"]).expect_code(4);
    assert!(outcome.stderr.contains("target: cannot reach the server"), "{}", outcome.stderr);
    let invalid = ferry(&source.uri(), &nobody, "", "sauce = \"*\"");
    invalid.run(&["validate", PLAN, "--online"]).expect_code(3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_of_an_unnamed_plan_is_asked_about() {
    let source = source().await;
    let target = Fake::start(Profile::zilliz(Plan::Dedicated { units: 1 }, "2.6"));
    let unnamed = ferry(&source.uri(), &target.uri(), "", ALL);
    let outcome = unnamed.run(&["validate", PLAN, "--online"]).expect_code(0);
    assert!(outcome.stderr.contains("warning[target_kind_unknown]"), "{}", outcome.stderr);
    let kind = "kind = \"zilliz-dedicated\"\ncompute_units = 1";
    let named = ferry(&source.uri(), &target.uri(), kind, ALL);
    let outcome = named.run(&["plan", PLAN]).expect_code(0);
    assert!(!outcome.stdout.contains("target_kind_unknown"), "{}", outcome.stdout);
    assert!(outcome.stdout.contains(", Dedicated, 1 CU\n"), "{}", outcome.stdout);
    assert!(
        outcome.stdout.contains("at most 17 MB/s, the quota of its plan"),
        "{}",
        outcome.stdout
    );
}
