//! A real nginx in front of a server: what it says in its own name is told from what Milvus says.

use std::time::Duration;

use testkit::collection::{Collection, plain};
use testkit::data;
use testkit::fake::{Fake, Profile};
use testkit::ferry::{Ferry, Outcome, expect_words};
use testkit::fronts::{Nginx, free_port};
use testkit::pb::schema::DataType;
use testkit::probe::Probe;
use testkit::table::{Table, assert_same};

const PLAN: &str = "plan.ferry.toml";

fn plan(source: &str, target: &str, copy: &str) -> Ferry {
    let text = format!(
        "version = 1\n[source]\nendpoint = \"{source}\"\n[target]\nendpoint = \"{target}\"\n\
         [copy]\n{copy}\n[[collections]]\nsource = \"things\"\n"
    );
    Ferry::with_plan(PLAN, &text)
}

/// Two servers, of which one has rows.
async fn servers(rows: usize) -> (Fake, Fake, Table) {
    let (source, target) =
        (Fake::start(Profile::milvus("2.6.5")), Fake::start(Profile::milvus("2.6.5")));
    let collection: Collection = plain("things", DataType::Int64);
    let rows = data::table(&collection, rows, 1);
    source.probe().await.fill(&collection, &rows).await;
    (source, target, rows)
}

async fn arrived(target: &Fake, rows: &Table) {
    let probe: Probe = target.probe().await;
    assert_same(rows, &probe.read_all("things", &rows.keys(), &[]).await);
}

/// `plan` ends with this code and says these things, at once.
#[track_caller]
fn says(ferry: &Ferry, code: i32, words: &[&str]) -> Outcome {
    let outcome = ferry.run(&["plan", PLAN]).expect_code(code);
    expect_words(&outcome, words);
    assert!(!outcome.stderr.contains("compression flag"), "{}", outcome.stderr);
    assert!(outcome.took < Duration::from_secs(30), "it took {:?}", outcome.took);
    outcome
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_go_through_nginx_at_both_ends_whatever_its_limits() {
    let (source, target, rows) = servers(3_000).await;
    let from = Nginx::before(&source.uri(), "");
    // It also closes its connections all the time.
    let to = Nginx::with(
        "http2",
        "keepalive_requests 7;",
        &format!(
            "location / {{ grpc_pass grpc://{}; client_max_body_size 40k; }}",
            target.uri().trim_start_matches("http://")
        ),
    );
    let ferry = plan(&from.uri(), &to.uri(), "chunk_size = \"256KiB\"");
    ferry.run(&["apply", PLAN, "--yes"]).expect_code(0);
    arrived(&target, &rows).await;
    assert!(to.requests().iter().any(|line| line.contains(" 413 ")), "{:?}", to.requests());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_limit_below_a_row_is_named_with_what_to_do() {
    let (source, target, _) = servers(20).await;
    let lines = "client_max_body_size 100; ";
    let server = target.uri();
    let server = server.trim_start_matches("http://");
    let to = Nginx::with(
        "http2",
        "",
        &format!(
            "location / {{ grpc_pass grpc://{server}; }}\n\
             location ~ /(Insert|Upsert)$ {{ grpc_pass grpc://{server}; {lines} }}"
        ),
    );
    let ferry = plan(&source.uri(), &to.uri(), "");
    let outcome = ferry.run(&["apply", PLAN, "--yes"]);
    assert_ne!(outcome.code, Some(0), "{outcome:#?}");
    expect_words(
        &outcome,
        &["413 Request Entity Too Large", "nginx", "client_max_body_size", "chunk_size"],
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_passes_is_waited_for_from_the_first_call_on() {
    let (source, target, rows) = servers(6_000).await;
    for status in [502, 503, 504, 429] {
        // Every second connection's worth of calls is refused by its own rule.
        let server = target.uri();
        let server = server.trim_start_matches("http://");
        let to = Nginx::with(
            "http2",
            "split_clients $connection$connection_requests$msec $bad { 35% 1; * \"\"; }",
            &format!(
                "location / {{ if ($bad) {{ return {status}; }} grpc_pass grpc://{server}; }}"
            ),
        );
        let ferry = plan(&source.uri(), &to.uri(), "chunk_size = \"64KiB\"\nretry_for = \"60s\"");
        ferry.run(&["apply", PLAN, "--yes"]).expect_code(0);
        arrived(&target, &rows).await;
        let refused =
            to.requests().iter().filter(|line| line.contains(&format!(" {status} "))).count();
        assert!(refused > 0, "{status}: {:?}", to.requests());
        target.probe().await.drop_collection("things").await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nginx_is_restarted_in_the_middle_of_a_copy() {
    let (source, target, rows) = servers(30_000).await;
    let mut to = Nginx::before(&target.uri(), "");
    let ferry =
        plan(&source.uri(), &to.uri(), "chunk_size = \"64KiB\"\nmax_write_rate = \"300KiB/s\"");
    let mut running = ferry.spawn(&["apply", PLAN, "--yes"]);
    running.wait_until(Duration::from_secs(60), || target.count("Insert") > 3);
    to.stop();
    std::thread::sleep(Duration::from_millis(700));
    to.start();
    running.wait(Duration::from_secs(120)).expect_code(0);
    arrived(&target, &rows).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_stays_away_behind_nginx_is_said_after_a_while() {
    let (source, _target, _) = servers(10).await;
    let to = Nginx::before(&format!("http://127.0.0.1:{}", free_port()), "");
    let ferry = plan(&source.uri(), &to.uri(), "retry_for = \"1s\"");
    says(
        &ferry,
        4,
        &["target: cannot reach the server", "502 Bad Gateway", "nginx", "grpc_pass", "times)"],
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_that_do_not_pass_are_said_at_once() {
    let (source, _target, _) = servers(10).await;
    for (lines, words) in [
        (
            "location / { return 401; }",
            &[
                "target: the credentials are refused",
                "401 Authorization Required",
                "HTTP server in front",
            ][..],
        ),
        ("location / { return 403; }", &["target: not permitted", "403 Forbidden"]),
        ("location / { return 404; }", &["target: not a gRPC endpoint", "404 Not Found", "19530"]),
        (
            "location / { default_type text/html; return 200 '<title>Sign in</title>'; }",
            &["target: not a gRPC endpoint", "text/html", "Sign in"],
        ),
        (
            "location / { return 301 https://elsewhere.example/; }",
            &["target: not a gRPC endpoint", "301 Moved Permanently", "elsewhere.example"],
        ),
    ] {
        let to = Nginx::with("http2", "", lines);
        let ferry = plan(&source.uri(), &to.uri(), "");
        let outcome = says(&ferry, 4, words);
        assert!(outcome.took < Duration::from_secs(10), "{lines}: {:?}", outcome.took);
    }
}
