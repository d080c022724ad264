//! Properties of a target that is there: what its server does not let be altered is foreseen.

use testkit::collection::{Collection, FieldWords, plain, var_char};
use testkit::data;
use testkit::pb::common::LoadState;
use testkit::pb::schema::DataType;
use testkit::scene::{PLAN, doubles::Doubles, expect_words};

const ISOLATION: &str = "partitionkey.isolation";

/// A source, and a target of the same name that is indexed and loaded.
async fn into_use(version: &str, source: &Collection, target: &Collection) -> Doubles {
    let scene = Doubles::between(version, version).await;
    scene.source.fill(source, &data::table(source, 50, 1)).await;
    scene.target.create_collection(target).await;
    for index in &target.indexes {
        scene.target.create_index(&target.name, index).await;
    }
    scene.target.load(&target.name).await;
    scene
}

fn things() -> Collection {
    plain("things", DataType::Int64)
}

fn set(name: &str, value: &str) -> String {
    format!("existing = \"adopt\"\nproperties.set.\"{name}\" = \"{value}\"")
}

/// Nothing is made of it, and it is said what is to be done first.
#[tokio::test]
async fn what_stays_while_a_target_is_loaded_needs_a_release() {
    const RELEASE: &str = "property_needs_release";
    const INDEX: &str = "property_needs_index_dropped";
    for (name, value, refused) in [
        ("mmap.enabled", "true", [RELEASE; 3]),
        ("lazyload.enabled", "true", [RELEASE, RELEASE, ""]),
        ("warmup.vectorField", "sync", ["", RELEASE, RELEASE]),
        ("query_mode", "large_topk", ["", INDEX, INDEX]),
        ("collection.ttl.seconds", "60", [""; 3]),
    ] {
        for (version, code) in ["2.5.27", "2.6.20", "3.0.0"].into_iter().zip(refused) {
            let scene = into_use(version, &things(), &things()).await;
            scene.plan_one("things", &set(name, value));
            match code {
                "" => {}
                INDEX => {
                    scene.expect_refusal(&[code, name, "drop the indexes"]).await;
                    continue;
                }
                code => {
                    scene.expect_refusal(&[code, name, "release it at the target"]).await;
                    scene.target.release("things").await;
                }
            }
            scene.converge().await;
            assert_eq!(scene.properties("things").await[name], value, "{version}");
            assert_eq!(scene.target.load_state("things", &[]).await, LoadState::Loaded);
        }
    }
}

/// The source has it otherwise, and nobody asks for it at the target.
#[tokio::test]
async fn what_nobody_asks_for_stays_as_it_is() {
    let source = things().property("mmap.enabled", "true").property("query_mode", "large_topk");
    let scene = into_use("2.6.20", &source, &things()).await;
    scene.plan_one("things", "existing = \"adopt\"");
    let plan = scene.plan().await.expect_code(2);
    let words = ["property_kept", "mmap.enabled is missing, not true", "release it at the target"];
    expect_words(&plan, &words);
    expect_words(&plan, &["query_mode is missing, not large_topk", "drop the indexes"]);
    scene.converge().await;
    assert!(!scene.properties("things").await.contains_key("mmap.enabled"));
    // Released before, it gets what can be altered then.
    let scene = into_use("2.6.20", &source, &things()).await;
    scene.target.release("things").await;
    scene.plan_one("things", "existing = \"adopt\"");
    scene.converge().await;
    assert_eq!(scene.properties("things").await["mmap.enabled"], "true");
}

#[tokio::test]
async fn a_finished_target_in_use_is_not_altered_by_surprise() {
    let scene = Doubles::between("2.6.20", "2.6.20").await;
    let source = things().property("warmup.scalarField", "disable");
    scene.source.fill(&source, &data::table(&source, 50, 1)).await;
    scene.plan_one("things", "");
    scene.converge().await;
    let change = [
        ("properties.set.\"mmap.enabled\" = \"true\"", "mmap.enabled"),
        ("properties.unset = [\"warmup.scalarField\"]", "warmup.scalarField"),
    ];
    for (settings, name) in change {
        scene.plan_one("things", settings);
        scene.expect_refusal(&["property_needs_release", name]).await;
    }
    scene.target.release("things").await;
    scene.plan_one("things", change[0].0);
    scene.converge().await;
    assert_eq!(scene.properties("things").await["mmap.enabled"], "true");
    assert_eq!(scene.target.load_state("things", &[]).await, LoadState::Loaded);
}

fn tenants() -> Collection {
    let mut collection = things();
    collection.fields.push(var_char("tenant", 200).partition_key());
    collection
}

/// Up to 2.6.12 a request that does not name the isolation means that it is off, which is refused
/// under an index: also one that marks a target, or takes the mark away.
#[tokio::test]
async fn isolation_outlives_the_mark_of_who_fills_a_target() {
    for version in ["2.4.17", "2.5.27", "2.6.12", "2.6.20", "3.0.0"] {
        let source = tenants().property(ISOLATION, "true");
        let scene = Doubles::between(version, version).await;
        scene.source.fill(&source, &data::table(&source, 50, 1)).await;
        scene.plan_one("things", "");
        scene.converge().await;
        assert_eq!(scene.properties("things").await[ISOLATION], "true", "{version}");
        scene.run(&["verify", PLAN]).await.expect_code(0);
        let scene = into_use(version, &source, &source).await;
        scene.plan_one("things", &set("collection.ttl.seconds", "60"));
        scene.converge().await;
        let properties = scene.properties("things").await;
        assert_eq!(properties[ISOLATION], "true", "{version}");
        assert_eq!(properties["collection.ttl.seconds"], "60", "{version}");
    }
}

#[tokio::test]
async fn isolation_is_not_altered_under_an_index() {
    for version in ["2.5.27", "2.6.20", "3.0.0"] {
        let scene = into_use(version, &tenants(), &tenants()).await;
        scene.target.release("things").await;
        scene.plan_one("things", &set(ISOLATION, "true"));
        let words = ["property_needs_index_dropped", ISOLATION, "drop the indexes"];
        scene.expect_refusal(&words).await;
        let source = tenants().property(ISOLATION, "true");
        let scene = into_use(version, &source, &tenants()).await;
        scene.plan_one("things", "existing = \"adopt\"");
        let plan = scene.plan().await.expect_code(2);
        expect_words(&plan, &["property_kept", ISOLATION]);
        scene.converge().await;
    }
    // Nor is anything else taken away, up to 2.6.12.
    let target = tenants().property(ISOLATION, "true").property("collection.ttl.seconds", "60");
    let unset = "existing = \"adopt\"\nproperties.unset = [\"collection.ttl.seconds\"]";
    let scene = into_use("2.5.27", &target, &target).await;
    scene.plan_one("things", unset);
    let words =
        ["property_needs_index_dropped", "collection.ttl.seconds", "takes no property away"];
    scene.expect_refusal(&words).await;
    let scene = into_use("2.6.20", &target, &target).await;
    scene.plan_one("things", unset);
    scene.converge().await;
}
