//! A server that takes no rows says so in its health report.

use std::time::{Duration, Instant};

use testkit::collection::plain;
use testkit::data;
use testkit::ferry::Ferry;
use testkit::lab::{self, Kind, Spec, unique_name};
use testkit::pb::milvus::{CheckHealthRequest, QuotaState};
use testkit::pb::schema::DataType;
use testkit::probe::Probe;

const PLAN: &str = "catalog.ferry.toml";

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_target_that_denies_writing_is_found_before_anything_is_made() {
    let spec = Spec::milvus_235()
        .with("quotaAndLimits.enabled", "true")
        .with("quotaAndLimits.limitWriting.forceDeny", "true");
    let server = lab::private(&spec);
    let target = Probe::of(&server).await;
    // 2.3.5 reports the denial for collections that are there.
    target.create_collection(&plain("there", DataType::Int64)).await;
    // The denial comes into force when the server looks at its quotas for the first time.
    let began = Instant::now();
    loop {
        let health = target.raw().check_health(CheckHealthRequest::default()).await.unwrap();
        let health = health.into_inner();
        if health.quota_states().any(|state| state == QuotaState::DenyToWrite) {
            break;
        }
        assert!(began.elapsed() < Duration::from_secs(60), "{health:?}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let source = Probe::of(lab::server(Kind::Milvus235A)).await.in_new_database().await;
    let collection = plain(&unique_name("rows"), DataType::Int64);
    source.fill(&collection, &data::table(&collection, 50, 1)).await;
    let text = format!(
        "version = 1\n[source]\nendpoint = \"{}\"\n[target]\nendpoint = \"{}\"\n\
         [[collections]]\nsource = \"{}\"\nsource_database = \"{}\"\n",
        lab::server(Kind::Milvus235A).uri(),
        server.uri(),
        collection.name,
        source.database(),
    );
    let ferry = Ferry::with_plan(PLAN, &text);
    let outcome = ferry.run(&["plan", PLAN]).expect_code(1);
    assert!(outcome.stdout.contains("error[target_denies_writes]"), "{}", outcome.stdout);
    assert!(outcome.stdout.contains("takes no rows at present"), "{}", outcome.stdout);
    ferry.run(&["apply", PLAN, "--yes"]).expect_code(1);
    assert!(!target.has_collection(&collection.name).await);
}
