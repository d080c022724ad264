//! What is in the files that `plan` writes, and which files are no saved changes.

use std::sync::Arc;

use serde_json::Value;

use testkit::ferry::Ferry;
use testkit::scene::{PLAN, Scene, expect_words, says};

const CANARY: &str = "Can4rySecret";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_written_is_what_is_shown_and_holds_no_secret() {
    let mut scene = Scene::new().await;
    let ferry = Ferry::new().env("SOURCE_SECRET", CANARY).env("TARGET_SECRET", CANARY);
    let summary = ferry.path("summary.md").display().to_string();
    let outputs = ferry.path("outputs").display().to_string();
    let ferry = ferry.env("GITHUB_STEP_SUMMARY", &summary).env("GITHUB_OUTPUT", &outputs);
    scene.ferry = Arc::new(ferry);
    scene.articles("a", 20).await;
    scene.plan_file_with(
        "token = { env = \"SOURCE_SECRET\" }",
        "[[collections]]\nsource = \"a\"\ndescription = \"{{ words }}\"\n[vars]\nwords = \"x\"\n",
    );
    let text = scene.ferry.read(PLAN);
    let text = text.replace("[target]\n", "[target]\ntoken = { env = \"TARGET_SECRET\" }\n");
    scene.ferry.write(PLAN, &text);
    scene.ferry.write("summary.md", "before\n");

    let all = ["plan", PLAN, "--var", "words=a | b <c>", "--out", "changes.json", "--format"];
    let mut printed = Vec::new();
    for format in ["text", "json", "markdown"] {
        let arguments = [&all[..], &[format]].concat();
        let outcome = scene.run(&arguments).await.expect_code(0);
        let show = scene.run(&["show", "changes.json", "--format", format]).await.expect_code(0);
        assert_eq!(show.stdout, outcome.stdout);
        printed.push(outcome.stdout);
    }
    assert_eq!(scene.ferry.read("summary.md"), format!("before\n{}\n", printed[2]));
    assert_eq!(scene.ferry.read("outputs"), "changes=true\nverdict=pending\n".repeat(3));
    for entry in std::fs::read_dir(scene.ferry.folder()).unwrap() {
        let path = entry.unwrap().path();
        let bytes = std::fs::read(&path).unwrap();
        let found = bytes.windows(CANARY.len()).any(|window| window == CANARY.as_bytes());
        assert!(!found, "{CANARY} is in {}", path.display());
    }

    let saved: Value = serde_json::from_str(&scene.ferry.read("changes.json")).unwrap();
    let shown: Value = serde_json::from_str(&printed[1]).unwrap();
    let schema: Value =
        serde_json::from_str(&std::fs::read_to_string("schema/changes.schema.json").unwrap())
            .unwrap();
    let schema = jsonschema::validator_for(&schema).unwrap();
    for document in [&saved, &shown] {
        let faults: Vec<String> = schema.iter_errors(document).map(|e| e.to_string()).collect();
        assert_eq!(faults, Vec::<String>::new());
    }
    assert_eq!(shown["verdict"]["word"], "pending");
    let steps = shown["collections"][0]["steps"].as_array().unwrap();
    let steps: Vec<&str> = steps.iter().map(|step| step["action"].as_str().unwrap()).collect();
    assert_eq!(steps, ["create_collection", "copy_rows", "create_index", "load_collection"]);

    // A value that may be a credential is not saved.
    scene.ferry.write(PLAN, &text.replace("words", "api_key"));
    let secret = format!("api_key={CANARY}");
    let arguments = ["plan", PLAN, "--var", &secret, "--out", "other.json"];
    let refused = scene.run(&arguments).await.expect_code(64);
    assert!(says(&refused, "the changes cannot be saved"), "{}", refused.stderr);
    assert!(!scene.ferry.path("other.json").exists());

    // They are of one environment and selection, and not for other uses.
    for option in [&["--env", "prod"][..], &["--var", "a=b"], &["--only", "a"], &["--catch-up"]] {
        let arguments = [&["apply", "changes.json", "--yes"], option].concat();
        let refused = scene.run(&arguments).await.expect_code(64);
        expect_words(&refused, &[option[0], "cannot be given with saved changes"]);
    }
    // A missing plan file, or one that is invalid by now, is said as ever.
    std::fs::remove_file(scene.ferry.path(PLAN)).unwrap();
    let missing = scene.run(&["apply", "changes.json", "--yes"]).await.expect_code(3);
    expect_words(&missing, &["cannot read the plan file `plan.ferry.toml`"]);
}

#[test]
fn what_holds_no_saved_changes_is_refused() {
    let ferry = Ferry::new();
    let report = "{\n  \"format_version\": \"1.0\",\n  \"command\": \"apply\"\n}\n";
    let newer = "{\"format_version\": \"2.0\", \"kind\": \"changes\", \"tool_version\": \"9.1\"}";
    for (name, text, says) in [
        ("report.json", report, "it is a report of `apply` or `verify`, and no saved changes"),
        ("newer.json", newer, "format version 2.0 is not known to this build"),
        ("broken.json", "{\"format_version\": ", "the file ends too early"),
        ("plan.json", "version = 1\n", "it is no JSON document of milvus-ferry"),
        ("json-by-content", " {\"a\": 1}", "it holds no saved changes"),
    ] {
        ferry.write(name, text);
        for arguments in [&["show", name][..], &["apply", name, "--yes"]] {
            let outcome = ferry.run(arguments).expect_code(3);
            expect_words(&outcome, &[says, "milvus-ferry plan PLAN_FILE --out FILE"]);
        }
    }
    let outcome = ferry.run(&["plan", "report.json"]).expect_code(3);
    expect_words(
        &outcome,
        &["report.json is JSON, and no plan file", "milvus-ferry show report.json"],
    );
    let outcome = ferry.run(&["show", "nowhere.json"]).expect_code(3);
    expect_words(&outcome, &["`nowhere.json` cannot be used"]);
    // Nothing else is overwritten, and that is found out before anything is asked.
    ferry.write(
        "p.ferry.toml",
        "version = 1\n[source]\nendpoint = \"http://127.0.0.1:1\"\n\
         [target]\nendpoint = \"http://127.0.0.1:2\"\n[[collections]]\nsource = \"a\"\n",
    );
    for name in ["report.json", "p.ferry.toml"] {
        let before = ferry.read(name);
        let outcome = ferry.run(&["plan", "p.ferry.toml", "--out", name]).expect_code(1);
        expect_words(&outcome, &["a file is there that is no file with saved changes"]);
        assert_eq!(ferry.read(name), before);
    }
}
