//! Real servers behind a real nginx.

use testkit::collection::plain;
use testkit::data;
use testkit::fronts::Nginx;
use testkit::pb::schema::DataType;
use testkit::scene::{PLAN, Scene};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_collection_goes_from_nginx_to_nginx_in_spite_of_the_default_limit() {
    let mut scene = Scene::new().await;
    // 1 MiB is what nginx lets through when nothing is said.
    let (from, to) = (Nginx::before(&scene.source_uri, ""), Nginx::before(&scene.target_uri, ""));
    (scene.source_uri, scene.target_uri) = (from.uri(), to.uri());
    let collection = plain("articles", DataType::Int64);
    let rows = data::table(&collection, 60_000, 3);
    scene.source.fill(&collection, &rows).await;
    scene.plan_one("articles", "");
    let text = scene.ferry.read(PLAN).replace("64KiB", "4MiB");
    scene.ferry.write(PLAN, &text);
    scene.run(&["apply", PLAN, "--yes"]).await.expect_code(0);
    scene.expect("articles", &rows).await;
    assert!(to.requests().iter().any(|line| line.contains(" 413 ")), "{:?}", to.requests().len());
}
