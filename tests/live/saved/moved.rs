//! Everything that can move between saving and applying, at either end and in the plan file.

use testkit::collection::Index;
use testkit::ferry::Outcome;
use testkit::scene::articles::articles;
use testkit::scene::{PLAN, Scene, expect_words, says};

const OUT: &str = "changes.json";
const GLOB: &str = "[[collections]]\nsource = \"s_*\"\n";

/// A source collection without rows that is not loaded, which takes a server long.
async fn made(scene: &Scene, name: &str) {
    scene.source.create_collection(&articles(name)).await;
    scene.source.create_index(name, &articles(name).indexes[0]).await;
}

/// The plan file: such collections may be loaded for the copy.
fn plan_file(scene: &Scene, collections: &str) {
    scene.plan_file_with("load = true", collections);
}

async fn save(scene: &Scene) -> Outcome {
    scene.run(&["plan", PLAN, "--out", OUT]).await
}

async fn apply(scene: &Scene) -> Outcome {
    scene.run(&["apply", OUT, "--yes"]).await
}

/// The saved changes hold: they would be applied if somebody said yes.
async fn asks(scene: &Scene) {
    let asked = scene.run(&["apply", OUT]).await.expect_code(64);
    assert!(says(&asked, "there is no terminal to ask on"), "{}", asked.stderr);
}

/// The applied changes are refused, each of these is said, and nothing else moved.
#[track_caller]
fn expect_stale(outcome: Outcome, texts: &[&str]) {
    let outcome = outcome.expect_code(7);
    expect_words(&outcome, &["changes.json is stale", "nothing was done", "plan again"]);
    expect_words(&outcome, texts);
    let lines = outcome.stderr.lines().filter(|line| line.starts_with("  ")).count();
    assert_eq!(lines, texts.len() + 2, "{}", outcome.stderr);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_moves_at_the_source_is_named_all_at_once() {
    let scene = Scene::new().await;
    let names = ["gone", "remade", "index", "alias", "partition", "property", "released", "same"];
    let source = &scene.source;
    for name in names {
        made(&scene, &format!("s_{name}")).await;
    }
    source.build_and_load(&articles("s_released")).await;
    plan_file(&scene, GLOB);
    save(&scene).await.expect_code(0);
    // Nothing moved.
    asks(&scene).await;

    source.drop_collection("s_gone").await;
    source.drop_collection("s_remade").await;
    made(&scene, "s_remade").await;
    source.create_index("s_index", &Index::new("tenant", "STL_SORT", "", "")).await;
    source.create_alias("s_alias", "other_name").await;
    source.create_partition("s_partition", "y2026").await;
    source.set_property("s_property", "collection.ttl.seconds", "86400").await;
    source.release("s_released").await;
    made(&scene, "s_new").await;

    let to = scene.target.database();
    let at = |name: &str, text: &str| format!("{to}/s_{name}: {text}");
    let texts = [
        at("gone", "the source collection"),
        at("remade", "source: it was dropped and made again"),
        at("index", "source: there is a new index on tenant"),
        at("alias", "source: there is a new alias \"other_name\""),
        at("partition", "source: there is a new partition \"y2026\""),
        at("property", "source: property collection.ttl.seconds is new"),
        at("released", "source: it is loaded no more"),
        at("new", "the plan file means the source collection"),
    ];
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    expect_stale(apply(&scene).await, &texts);
    for name in names {
        assert!(!scene.target.has_collection(&format!("s_{name}")).await, "{name}");
    }
    // Planned again they hold.
    save(&scene).await.expect_code(0);
    asks(&scene).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_moves_at_the_target_is_named_all_at_once() {
    let scene = Scene::new().await;
    let there = ["gone", "remade", "property", "index", "same"];
    for name in there.iter().chain(&["appeared", "missing"]) {
        made(&scene, &format!("s_{name}")).await;
    }
    let target = &scene.target;
    for name in there {
        target.create_collection(&articles(&format!("s_{name}"))).await;
    }
    for name in ["one", "two"] {
        target.create_collection(&articles(name)).await;
    }
    target.create_alias("one", "now").await;
    scene.source.create_alias("s_missing", "now").await;
    plan_file(&scene, &format!("{GLOB}existing = \"adopt\"\nmove_aliases = true\n"));
    save(&scene).await.expect_code(0);

    target.drop_collection("s_gone").await;
    target.drop_collection("s_remade").await;
    target.create_collection(&articles("s_remade")).await;
    target.set_property("s_property", "collection.ttl.seconds", "86400").await;
    target.create_index("s_index", &articles("s_index").indexes[0]).await;
    target.create_collection(&articles("s_appeared")).await;
    target.move_alias("now", "two").await;

    let to = scene.target.database();
    let at = |name: &str, text: &str| format!("{to}/s_{name}: target: {text}");
    let texts = [
        at("gone", "it is gone"),
        at("remade", "it was dropped and made again"),
        at("property", "property collection.ttl.seconds is new"),
        at("index", "there is a new index on embedding"),
        at("appeared", "a collection is there now that was not"),
        at("missing", "the alias \"now\" is taken from \"two\""),
    ];
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    expect_stale(apply(&scene).await, &texts);
    assert!(!scene.target.has_collection("s_missing").await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_moves_in_the_plan_file_is_named_by_its_part() {
    let scene = Scene::new().await;
    for name in ["s_one", "s_two", "other"] {
        made(&scene, name).await;
    }
    let rules = "[[collections]]\nsource = \"other\"\ntarget = \"other_{{ suffix }}\"\n\
                 [vars]\nsuffix = \"a\"\nnote = \"x\"\n[env.prod]\nsuffix = \"b\"\n";
    plan_file(&scene, &format!("{GLOB}description = \"{{{{ note }}}}\"\n{rules}"));
    let arguments = ["--env", "prod", "--var", "note=y", "--only", "other", "--only", "s_one"];
    let plan = [&["plan", PLAN, "--out", OUT][..], &arguments].concat();
    scene.run(&plan).await.expect_code(0);
    let text = scene.ferry.read(PLAN);

    // Neither layout, nor what is given otherwise, nor what another environment has.
    let same = text.replace("note = \"x\"", "note = \"z\" # for now\n\n").replace("\"a\"", "\"c\"");
    scene.ferry.write(PLAN, &same);
    asks(&scene).await;

    let other = text
        .replace("64KiB", "128KiB")
        .replace("\"b\"", "\"c\"")
        .replace("source = \"s_*\"", "source = \"s_*\"\nshards = 2")
        .replace("[copy]", "[verify]\ncounts = false\n[copy]");
    scene.ferry.write(PLAN, &other);
    let outcome = apply(&scene).await.expect_code(7);
    let entry =
        |name: &str| format!("plan file: the [[collections]] entry of {name:?} is not as it was");
    let (from, to) = (scene.source.database(), scene.target.database());
    expect_words(
        &outcome,
        &[
            "plan file: [copy] is not as it was",
            "plan file: [verify] is new",
            &entry("s_*"),
            &entry("other"),
            &format!("{to}/other_b: the plan file does not move {from}/other here now"),
            "milvus-ferry plan plan.ferry.toml --env prod --var note=y --only other --only s_one \
             --out changes.json",
        ],
    );
    scene.ferry.write(PLAN, &text);
    apply(&scene).await.expect_code(0);
    assert_eq!(scene.target.describe("s_one").await.schema.unwrap().description, "y");
    assert!(scene.target.has_collection("other_b").await);
    assert!(!scene.target.has_collection("s_two").await);
}
