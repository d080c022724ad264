//! `init --interactive` on a terminal of its own.

use testkit::collection::plain;
use testkit::data;
use testkit::pb::schema::DataType;
use testkit::scene::Scene;

/// Runs `init --interactive`; returns its exit code and what stood on the terminal.
async fn ask(scene: &Scene, options: &[&str], answers: &[(&str, &str)]) -> (i32, String) {
    let arguments = [&["init", "--interactive"], options].concat();
    tokio::task::block_in_place(|| scene.ferry.run_on_terminal(&arguments, answers))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_newcomer_answers_and_gets_a_plan_file() {
    let scene = Scene::new().await;
    for name in ["products", "reviews"] {
        let collection = plain(name, DataType::Int64);
        let rows = data::table_of(&collection, &data::key_range(0..10), 3);
        scene.source.fill(&collection, &rows).await;
    }
    let (source, target) = (scene.source_uri.as_str(), scene.target_uri.as_str());
    let database = scene.source.database();
    let with_password = target.replace("://", "://root:Canary-1@");
    let answers = [
        ("Source [", "nonsense"),
        ("Source [", source),
        ("Login at the source", ""),
        ("Which of them", "nowhere"),
        ("Which of them", database),
        ("Collections, as names or globs", "prod*"),
        ("Target, empty", &with_password),
        ("Target, empty", target),
        ("Login at the target", "perhaps"),
        ("Login at the target", "none"),
        ("Write the plan file to [migration.ferry.toml]", ""),
    ];
    let (code, said) = ask(&scene, &[], &answers).await;
    assert_eq!(code, 0, "{said}");
    for words in
        ["http://` or `https://", "there is no database \"nowhere\"", "never written in it"]
    {
        assert!(said.contains(words), "no {words:?} in:\n{said}");
    }
    let text = scene.ferry.read("migration.ferry.toml");
    assert!(text.contains("source = \"products\"") && !text.contains("reviews"), "{text}");
    scene.run(&["plan", "migration.ferry.toml", "--detailed-exitcode"]).await.expect_code(2);

    // What an option says is not asked; a file that is there is not taken; no answer, no file.
    let options = ["--from", source, "--database", database, "--only", "reviews"];
    let answers = [
        ("Target, empty", ""),
        ("Write the plan file to", ""),
        ("Write the plan file to", "other.ferry.toml"),
    ];
    let (code, said) = ask(&scene, &options, &answers).await;
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("migration.ferry.toml is there already"), "{said}");
    assert!(scene.ferry.read("other.ferry.toml").contains("EDIT-ME"));
    let (code, said) = ask(&scene, &options, &[("Target, empty", "\u{4}")]).await;
    assert_eq!(code, 1, "{said}");
    let variables = [
        ("Login at the source", "token"),
        ("Variable that holds the token [SOURCE_TOKEN]", "Canary-1"),
        ("Variable that holds the token [SOURCE_TOKEN]", ""),
    ];
    let (code, said) = ask(&scene, &[], &[&[("Source [", source)], &variables[..]].concat()).await;
    assert_eq!(code, 4, "{said}");
    assert!(said.contains("credentials are missing: SOURCE_TOKEN"), "{said}");
}
