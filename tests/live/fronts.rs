//! Real servers behind a real nginx.

use testkit::collection::plain;
use testkit::data;
use testkit::fronts::Nginx;
use testkit::pb::schema::DataType;
use testkit::scene::{PLAN, Scene};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_collection_goes_from_nginx_to_nginx_in_spite_of_a_limit_of_bodies() {
    let mut scene = Scene::new().await;
    // Its default is 1 MiB, which takes more rows to reach.
    let limit = "client_max_body_size 100k;";
    let (from, to) =
        (Nginx::before(&scene.source_uri, ""), Nginx::before(&scene.target_uri, limit));
    (scene.source_uri, scene.target_uri) = (from.uri(), to.uri());
    let collection = plain("articles", DataType::Int64);
    let rows = data::table(&collection, 20_000, 3);
    scene.source.fill(&collection, &rows).await;
    scene.plan_one("articles", "");
    let text = scene.ferry.read(PLAN).replace("64KiB", "4MiB");
    scene.ferry.write(PLAN, &text);
    scene.run(&["apply", PLAN, "--yes"]).await.expect_code(0);
    scene.expect("articles", &rows).await;
    assert!(to.requests().iter().any(|line| line.contains(" 413 ")), "{:?}", to.requests().len());
}
