//! A server that is away for a while: why calls are made again and until when is told, in lines and as
//! events; reads count as writes do. And what every event has.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use testkit::collection::plain;
use testkit::data;
use testkit::fake::{Fake, Profile};
use testkit::ferry::{Ferry, Outcome};
use testkit::pb::schema::DataType;
use testkit::relay::{Act, Relay};

const PLAN: &str = "plan.ferry.toml";

struct Between {
    source: Fake,
    target: Fake,
    ferry: Ferry,
    relays: [Relay; 2],
}

/// Copies between doubles, of which the calls of one name are refused for so long from the first on.
async fn away(rpcs: [&'static str; 2], time: Duration) -> Between {
    let (source, target) =
        (Fake::start(Profile::milvus("2.5.27")), Fake::start(Profile::milvus("2.6.5")));
    let collection = plain("things", DataType::Int64);
    source.probe().await.fill(&collection, &data::table(&collection, 2_000, 1)).await;
    // What is called before the copy is not meant.
    let copying = Arc::new(AtomicBool::new(false));
    let relay = |uri: &str, rpc: &'static str| {
        let (began, over) = (std::sync::OnceLock::new(), AtomicBool::new(false));
        let copying = Arc::clone(&copying);
        Relay::to(uri, move |call| {
            if call.rpc == "CreateCollection" {
                copying.store(true, Ordering::Relaxed);
            }
            let now = copying.load(Ordering::Relaxed) && !over.load(Ordering::Relaxed);
            // What may have been written is written by key.
            let meant = call.rpc == rpc || rpc == "Insert" && call.rpc == "Upsert";
            if !meant || !now {
                return Act::Forward;
            }
            let began = began.get_or_init(Instant::now);
            over.store(began.elapsed() > time, Ordering::Relaxed);
            Act::Fail(tonic::Status::unavailable("tcp connect error: Connection refused"))
        })
    };
    let relays = [relay(&source.uri(), rpcs[0]), relay(&target.uri(), rpcs[1])];
    let text = format!(
        "version = 1\n[source]\nendpoint = \"{}\"\n[target]\nendpoint = \"{}\"\n[copy]\n\
         chunk_size = \"64KiB\"\nretry_for = \"90s\"\n[[collections]]\nsource = \"things\"\n",
        relays[0].uri(),
        relays[1].uri()
    );
    Between { source, target, ferry: Ferry::with_plan(PLAN, &text), relays }
}

fn events(outcome: &Outcome) -> Vec<serde_json::Value> {
    let lines = outcome.stderr.lines().filter_map(|line| serde_json::from_str(line).ok());
    lines.filter(|line: &serde_json::Value| line["event"].is_string()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lines_say_why_calls_are_made_again_and_until_when() {
    let between = away(["", "Insert"], Duration::from_secs(9)).await;
    let outcome = between.ferry.run(&["apply", PLAN, "--yes"]).expect_code(0);
    let said = "target unreachable (connection refused), retrying until ";
    assert!(outcome.stderr.contains(said), "{}", outcome.stderr);
    let text = outcome.stderr.split(said).nth(1).unwrap();
    assert!(text.get(8..12) == Some(" UTC") && &text[2..3] == ":", "{text}");
    assert!(between.target.count("Upsert") > 0 && between.source.count("Query") > 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_of_reads_and_writes_have_the_reason_and_every_event_its_run() {
    let between = away(["Query", "Insert"], Duration::from_secs(2)).await;
    let arguments = ["apply", PLAN, "--yes", "--log-format", "json", "--report", "report.json"];
    let outcome = between.ferry.run(&arguments).expect_code(0);
    let events = events(&outcome);
    for end in ["source", "target"] {
        let mut retried = events.iter().filter(|e| e["event"] == "retried" && e["end"] == end);
        let first = retried.next().unwrap_or_else(|| panic!("{end}: {}", outcome.stderr));
        assert_eq!(first["reason"], "unreachable (connection refused)");
        assert!(first["until"].as_str().unwrap() > first["time"].as_str().unwrap(), "{first}");
        assert_eq!(first["target"], "default/things");
    }
    let retried = events.iter().filter(|event| event["event"] == "retried").count() as u64;
    let finished = events.iter().find(|event| event["event"] == "collection_finished").unwrap();
    assert!(finished["retries"].as_u64().unwrap() >= retried, "{finished}");
    let row = outcome.stdout.lines().find(|line| line.starts_with("default/things")).unwrap();
    assert!(row.ends_with(&finished["retries"].to_string()), "{row}");
    // Every event has its time and run; endpoints are told once.
    assert_eq!(events[0]["event"], "version");
    let run = events[0]["run"].as_i64().unwrap();
    for event in &events {
        assert_eq!(event["run"], run, "{event}");
        let time = event["time"].as_str().unwrap();
        assert!(time.len() == 24 && time.ends_with('Z'), "{event}");
    }
    assert!(events.is_sorted_by_key(|event| event["time"].as_str().unwrap().to_owned()));
    let started = &events[1];
    assert_eq!((&started["event"], &started["name"]), (&"run_started".into(), &"plan".into()));
    assert_eq!(started["command"], "apply");
    assert_eq!(started["source"]["uri"], between.relays[0].uri());
    assert_eq!(started["target"]["uri"], between.relays[1].uri());
    assert!(started["source"]["version"].as_str().unwrap().contains("2.5.27"), "{started}");
    let with_ends = events.iter().filter(|event| event["source"].is_object()).count();
    assert_eq!(with_ends, 1);
    let last = events.last().unwrap();
    assert_eq!((&last["event"], &last["exit_code"]), (&"run_finished".into(), &0.into()));
    assert_eq!(last["verdict"], "counts_agree");
    assert!(between.source.count("Query") > 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_happens_the_last_event_has_the_exit_code() {
    let between = away(["", ""], Duration::ZERO).await;
    let json = |command: &'static [&'static str]| {
        let arguments = [command, &["--log-format", "json"]].concat();
        let outcome = between.ferry.run(&arguments);
        let last = events(&outcome).pop().unwrap_or_else(|| panic!("{outcome:#?}"));
        assert_eq!(last["event"], "run_finished", "{outcome:#?}");
        assert_eq!(last["exit_code"], outcome.code.unwrap(), "{outcome:#?}");
        last["verdict"].as_str().unwrap().to_owned()
    };
    assert_eq!(json(&["verify", PLAN]), "different");
    assert_eq!(json(&["apply", PLAN, "--yes"]), "counts_agree");
    assert_eq!(json(&["apply", PLAN, "--yes"]), "nothing_to_do");
    assert_eq!(json(&["verify", PLAN]), "verified");
    between.target.probe().await.drop_collection("things").await;
    let other = plain("things", DataType::VarChar);
    between.target.probe().await.fill(&other, &data::table(&other, 3, 1)).await;
    assert_eq!(json(&["apply", PLAN, "--yes"]), "refused");
    let outcome = between.ferry.run(&["apply", "nowhere.ferry.toml", "--log-format", "json"]);
    assert_eq!(events(&outcome).pop().unwrap()["verdict"], "failed");
}
