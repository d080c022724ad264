//! A real forward proxy between us and the servers, as variables name it.

use testkit::collection::plain;
use testkit::data;
use testkit::fake::{Fake, Profile};
use testkit::ferry::{Ferry, expect_words};
use testkit::fronts::{Nginx, OpenSsl, TinyProxy, free_port};
use testkit::pb::schema::DataType;
use testkit::table::{Table, assert_same};

const PLAN: &str = "plan.ferry.toml";

async fn servers() -> (Fake, Fake, Table) {
    let (source, target) =
        (Fake::start(Profile::milvus("2.6.5")), Fake::start(Profile::milvus("2.6.5")));
    let collection = plain("things", DataType::Int64);
    let rows = data::table(&collection, 500, 1);
    source.probe().await.fill(&collection, &rows).await;
    (source, target, rows)
}

fn plan(source: &str, target: &str, tls: &str) -> Ferry {
    let text = format!(
        "version = 1\n[source]\nendpoint = \"{source}\"\n[target]\nendpoint = \"{target}\"\n{tls}\n\
         [[collections]]\nsource = \"things\"\n"
    );
    Ferry::with_plan(PLAN, &text)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_go_through_the_proxy_that_a_variable_names() {
    let (source, target, rows) = servers().await;
    let openssl = OpenSsl::default();
    let certificate = openssl.self_signed("front", "-days 2 -addext subjectAltName=IP:127.0.0.1");
    let front = Nginx::with_tls(&target.uri(), &certificate);
    let tls = format!("tls.ca_file = \"{}\"", certificate.certificate.display());
    for variable in ["https_proxy", "http_proxy", "HTTPS_PROXY", "grpc_proxy"] {
        let proxy = TinyProxy::start("");
        let ferry = plan(&source.uri(), &front.uri(), &tls).env(variable, &proxy.uri());
        let shown = format!("through the proxy {} ({variable})", proxy.uri());
        let outcome = ferry.run(&["validate", PLAN, "--online"]).expect_code(0);
        expect_words(&outcome, &["source: ", "target: ", &shown]);
        let outcome = ferry.run(&["validate", PLAN, "--online", "--format", "json"]).expect_code(0);
        assert_eq!(outcome.json()["proxies"].as_array().unwrap().len(), 2, "{}", outcome.stdout);
        ferry.run(&["apply", PLAN, "--yes"]).expect_code(0);
        assert!(proxy.tunnels() >= 4, "{variable}: {}", proxy.tunnels());
        let probe = target.probe().await;
        assert_same(&rows, &probe.read_all("things", &rows.keys(), &[]).await);
        probe.drop_collection("things").await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn excepted_hosts_are_reached_without_it() {
    let (source, target, _) = servers().await;
    let proxy = TinyProxy::start("");
    for except in ["127.0.0.1", "localhost,127.0.0.0/8", "*"] {
        let ferry = plan(&source.uri(), &target.uri(), "")
            .env("https_proxy", &proxy.uri())
            .env("no_proxy", except);
        let outcome = ferry.run(&["validate", PLAN, "--online"]).expect_code(0);
        assert!(!outcome.stderr.contains("proxy"), "{}", outcome.stderr);
        assert_eq!(proxy.tunnels(), 0, "{except}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_proxy_that_wants_a_login_gets_it_and_nobody_else_sees_it() {
    let (source, target, _) = servers().await;
    let proxy = TinyProxy::start("BasicAuth ferry s3cret99");
    let without = plan(&source.uri(), &target.uri(), "").env("https_proxy", &proxy.uri());
    let outcome = without.run(&["plan", PLAN]).expect_code(4);
    expect_words(
        &outcome,
        &["source: ", "target: ", "asks for a login", "https_proxy", "USER:PASSWORD@"],
    );
    let address = format!("http://ferry:s3cret99@127.0.0.1:{}", proxy.port());
    let with = plan(&source.uri(), &target.uri(), "").env("https_proxy", &address);
    let outcome = with.run(&["validate", PLAN, "--online", "-vv"]).expect_code(0);
    for said in [&outcome.stdout, &outcome.stderr] {
        assert!(!said.contains("s3cret99"), "{said}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_proxy_that_is_away_or_refuses_is_named() {
    let (source, target, _) = servers().await;
    let nobody = format!("http://127.0.0.1:{}", free_port());
    let away = plan(&source.uri(), &target.uri(), "").env("http_proxy", &nobody);
    let outcome = away.run(&["plan", PLAN]).expect_code(4);
    expect_words(&outcome, &[&nobody, "(http_proxy) cannot be reached", "no_proxy"]);
    // As many are set up.
    let strict = TinyProxy::start("ConnectPort 443");
    let refused = plan(&source.uri(), &target.uri(), "").env("https_proxy", &strict.uri());
    let outcome = refused.run(&["plan", PLAN]).expect_code(4);
    expect_words(&outcome, &["does not open a tunnel", "https_proxy", "443"]);
    let socks = plan(&source.uri(), &target.uri(), "")
        .env("https_proxy", "socks5://me:s3cret99@127.0.0.1:1080");
    let outcome = socks.run(&["plan", PLAN]).expect_code(4);
    expect_words(&outcome, &["https_proxy", "plain HTTP"]);
    assert!(!outcome.stderr.contains("s3cret99"), "{}", outcome.stderr);
}
