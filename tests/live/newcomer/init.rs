//! The plan file that `init` writes: what it says of a source, and that `plan` works on it at once.

use testkit::collection::{FieldWords, plain};
use testkit::data;
use testkit::ferry::Outcome;
use testkit::lab::{Kind, server};
use testkit::pb::schema::DataType;
use testkit::probe::Probe;
use testkit::scene::{Scene, expect_words, says};
use testkit::table::Key;

const FILE: &str = "catalog.ferry.toml";

async fn fill(probe: &Probe, name: &str, rows: i64) {
    let collection = plain(name, DataType::Int64);
    probe.fill(&collection, &data::table_of(&collection, &data::key_range(0..rows), 3)).await;
}

async fn init(scene: &Scene, more: &[&str]) -> Outcome {
    let from = ["init", "--from", &scene.source_uri, "--database", scene.source.database()];
    scene.run(&[&from, more].concat()).await
}

/// A plan file with what differs from run to run in words.
fn stable(scene: &Scene, text: &str) -> String {
    text.replace(&scene.source_uri, "http://SOURCE")
        .replace(&scene.target_uri, "http://TARGET")
        .replace(scene.source.database(), "DATABASE")
}

#[tokio::test]
async fn everything_that_a_person_has_to_decide_is_said() {
    let scene = Scene::new().await;
    let source = &scene.source;
    let mut auto = plain("auto", DataType::Int64).dynamic().alias("live");
    auto.fields[0] = auto.fields[0].clone().auto_id();
    let rows = data::table(&auto, 20, 1);
    let twice = plain("twice", DataType::Int64);
    let doubled = data::table_of(&twice, &data::key_range(0..50), 3);
    let cold = plain("cold", DataType::Int64);
    let asleep = async {
        source.create_collection(&cold).await;
        source.insert("cold", &data::table(&cold, 30, 2)).await;
        source.flush("cold").await;
    };
    let repeated = async {
        source.fill(&twice, &doubled).await;
        source
            .insert(
                "twice",
                &doubled.filtered(|key| matches!(key, Key::Int(number) if number % 10 == 7)),
            )
            .await;
    };
    tokio::join!(source.fill(&auto, &rows), repeated, asleep, fill(source, "products", 1_234));

    let written = init(&scene, &["--out", FILE]).await.expect_code(0);
    assert_eq!(written.stdout, "");
    expect_words(&written, &["catalog.ferry.toml: written · 4 collections"]);
    let text = scene.ferry.read(FILE);
    let mut settings = insta::Settings::clone_current();
    // Which keys a page of this server holds differs from run to run.
    settings.add_filter(r"\d+ keys have \d+ rows", "SOME keys have MORE rows");
    settings.bind(|| insta::assert_snapshot!(stable(&scene, &text)));
    // Nothing is overwritten.
    let again = init(&scene, &["--out", FILE]).await.expect_code(1);
    expect_words(&again, &["catalog.ferry.toml is there already", "give another --out"]);
    assert_eq!(scene.ferry.read(FILE), text);
    // To standard output it is the same, but for the file's name.
    let shown = init(&scene, &[]).await.expect_code(0);
    assert_eq!(shown.stdout.replace("plan FILE", &format!("plan {FILE}")), text);

    let validated = scene.run(&["validate", FILE]).await.expect_code(3);
    expect_words(&validated, &["endpoint_to_fill_in", "this is not filled in yet"]);
    scene.ferry.write(FILE, &text.replace("EDIT-ME", &scene.target_uri));
    scene.run(&["validate", FILE]).await.expect_code(0);
    let plan = scene.run(&["plan", FILE]).await.expect_code(1);
    expect_words(&plan, &["source_not_loaded", "create", "auto_id_not_kept"]);
    // As the comments beside it say.
    let keeps = "[[collections]]\nauto_id = \"keep_keys\"\nsource = \"auto\"";
    let loads = scene.ferry.read(FILE).replace("# load = true", "load = true");
    let loads = loads.replace("[[collections]]\nsource = \"auto\"", keeps);
    source.create_index("cold", &cold.indexes[0]).await;
    scene.ferry.write(FILE, &loads);
    scene.run(&["plan", FILE, "--detailed-exitcode"]).await.expect_code(2);
}

#[tokio::test]
async fn with_a_target_plan_works_at_once() {
    let scene = Scene::new().await;
    let names: Vec<String> = (0..14).map(|number| format!("part_{number:02}")).collect();
    for name in &names {
        scene.source.create_collection(&plain(name, DataType::Int64)).await;
    }
    fill(&scene.source, "tmp_1", 10).await;
    let to = ["--to", &scene.target_uri, "--exclude", "tmp_*", "--out", FILE, "--name", "moved"];
    init(&scene, &to).await.expect_code(0);
    insta::assert_snapshot!(stable(&scene, &scene.ferry.read(FILE)));
    scene.run(&["validate", FILE]).await.expect_code(0);
    let loads = scene.ferry.read(FILE).replace("# load = true", "load = true");
    scene.ferry.write(FILE, &loads);
    // They have no index, which is said of each.
    let plan = scene.run(&["plan", FILE]).await.expect_code(0);
    expect_words(&plan, &["source_not_read"]);
    assert!(!says(&plan, "tmp_1"));
}

#[tokio::test]
async fn two_databases_come_together_where_the_target_has_one() {
    let scene = Scene::new().await;
    let other = scene.source.in_new_database().await;
    tokio::join!(fill(&scene.source, "events", 10), fill(&other, "events", 20));
    let lite = server(Kind::Lite25).uri();
    let options = ["--database", other.database(), "--to", lite, "--out", FILE];
    init(&scene, &options).await.expect_code(0);
    let text = scene.ferry.read(FILE);
    for database in [scene.source.database(), other.database()] {
        assert!(text.contains(&format!("source_database = \"{database}\"")), "{text}");
        assert!(text.contains(&format!("target = \"{database}_events\"")), "{text}");
    }
    assert!(text.contains("target_database = \"default\""), "{text}");
    let plan = scene.run(&["plan", FILE, "--detailed-exitcode"]).await.expect_code(2);
    expect_words(&plan, &[&format!("create default/{}_events", other.database())]);
}

#[tokio::test]
async fn beside_its_source_everything_gets_another_name() {
    let mut scene = Scene::new().await;
    scene.target_uri = scene.source_uri.clone();
    fill(&scene.source, "products", 10).await;
    let out = ["--to", &scene.source_uri, "--out", FILE];
    init(&scene, &out).await.expect_code(0);
    scene.run(&["apply", FILE, "--yes"]).await.expect_code(0);
    let plan = scene.run(&["plan", FILE, "--detailed-exitcode"]).await.expect_code(0);
    expect_words(&plan, &["unchanged", "products_copy"]);
}

#[tokio::test]
async fn what_cannot_be_done_is_said() {
    let scene = Scene::new().await;
    fill(&scene.source, "products", 10).await;
    let canary = "Canary-1234";
    let run = async |options: &[&str], code| {
        let outcome = scene.run(&[&["init"], options].concat()).await.expect_code(code);
        let said = [&outcome.stdout, &outcome.stderr].map(String::as_str).concat();
        assert!(!said.contains(canary), "{said}");
        outcome
    };
    let uri = scene.source_uri.as_str();
    let with_password = uri.replace("://", &format!("://root:{canary}@"));
    let refused = run(&["--from", &with_password], 64).await;
    expect_words(
        &refused,
        &["--from: a credential is named in the plan file, never written in it"],
    );
    let refused = run(&["--from", uri, "--token-env", canary], 64).await;
    expect_words(&refused, &["--token-env is not the name of a variable"]);
    let missing = run(&["--from", uri, "--token-env", "NOT_SET"], 4).await;
    expect_words(&missing, &["source: credentials are missing: NOT_SET"]);
    let missing = run(&["--from", uri, "--database", "nowhere"], 1).await;
    expect_words(&missing, &["the source has no database \"nowhere\"", "its databases are:"]);
    let none = run(&["--from", uri, "--only", "nothing*"], 1).await;
    expect_words(&none, &["--only nothing* matches no collection"]);
    let database = scene.source.database();
    let all = run(&["--from", uri, "--database", database, "--exclude", "*"], 1).await;
    expect_words(&all, &["leave no collection"]);
    let away = run(&["--from", "http://127.0.0.1:1"], 4).await;
    expect_words(&away, &["source: ", "http://127.0.0.1:1"]);
    let nowhere = run(&["--from", uri, "--database", database, "--out", "no/such/x.toml"], 1).await;
    expect_words(&nowhere, &["cannot write no/such/x.toml"]);
    for wrong in [
        &["--from", "nonsense"][..],
        &[],
        &["--from", uri, "--username-env", "USER"],
        &["--from", uri, "--to-token-env", "TOKEN"],
        &["--from", uri, "--name", "a/b"],
        &["--from", uri, "--tls-ca-file", "ca.pem"],
    ] {
        run(wrong, 64).await;
    }
    let quiet = run(&["--interactive"], 64).await;
    expect_words(&quiet, &["there is no terminal to ask on", "--from URI"]);
}
