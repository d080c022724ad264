//! Several environments of one plan file, and the policy that all of them keep.

use testkit::collection::plain;
use testkit::data;
use testkit::pb::schema::DataType;
use testkit::scene::{PLAN, Scene, expect_words};

/// A server that nobody runs.
fn nobody() -> String {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    format!("http://127.0.0.1:{port}")
}

async fn scene(policy: &str) -> Scene {
    let scene = Scene::new().await;
    let tags = plain("tags", DataType::Int64);
    scene.source.fill(&tags, &data::table(&tags, 30, 7)).await;
    let text = format!(
        "version = 1\n[vars]\ntarget = \"{}\"\nsuffix = \"\"\nproperties = 60\n\
         [env.away]\ntarget = \"{}\"\n\
         [env.one]\n[env.two]\nsuffix = \"_two\"\nproperties = 120\n\
         [source]\nendpoint = \"{}\"\n[target]\nendpoint = \"{{{{ target }}}}\"\n\
         [copy]\nretry_for = \"1s\"\n\
         [defaults]\nsource_database = \"{}\"\ntarget_database = \"{}\"\n\
         properties = {{ set = {{ \"collection.ttl.seconds\" = \"{{{{ properties }}}}\" }} }}\n\
         [[collections]]\nsource = \"tags\"\ntarget = \"tags{{{{ suffix }}}}\"\n{policy}",
        scene.target_uri,
        nobody(),
        scene.source_uri,
        scene.source.database(),
        scene.target.database(),
    );
    scene.ferry.write(PLAN, &text);
    scene
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_environments_are_planned_and_compared() {
    let scene = scene("").await;
    let outcome = scene.run(&["plan", PLAN, "--all-envs", "--detailed-exitcode"]).await;
    // One of them cannot be reached, and the others are shown.
    let outcome = outcome.expect_code(4);
    let said = [
        "collection away one two",
        "tags unknown + create 30 rows + create 30 rows",
        "property collection.ttl.seconds: 60 in one, 120 in two",
        "name: tags in one, tags_two in two",
        "away: not planned: target: cannot reach the server",
        "two: 1 to create",
    ];
    expect_words(&outcome, &said);
    assert!(!scene.ferry.path(".milvus-ferry").exists());
    let both = scene.run(&["plan", PLAN, "--all-envs", "--env", "one"]).await;
    both.expect_code(64);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_policy_is_kept_by_plan_and_apply() {
    let scene = scene("[policy]\nmax_rows = 29\ncollection_names = [\"tags*\"]\n").await;
    for command in [&["plan", PLAN][..], &["validate", PLAN, "--online"], &["apply", PLAN, "--yes"]]
    {
        let outcome = scene.run(command).await.expect_code(1);
        let rule = "30 rows are to be copied; `max_rows` at plan.ferry.toml:";
        expect_words(&outcome, &["policy_max_rows", rule]);
    }
    assert!(!scene.target.has_collection("tags").await);
}
