//! What one release takes and another refuses or makes up: foreseen in `plan`.

use testkit::collection::{Collection, FieldWords, array, field, plain};
use testkit::data;
use testkit::fake::Profile;
use testkit::pb::schema::DataType;
use testkit::scene::{doubles::Doubles, expect_words, says};
use testkit::structs::struct_array;

fn things() -> Collection {
    plain("things", DataType::Int64)
}

async fn between(from: &str, to: &str, source: &Collection) -> Doubles {
    let scene = Doubles::between(from, to).await;
    scene.source.fill(source, &data::table(source, 50, 1)).await;
    scene.plan_one("things", "");
    scene
}

/// `timezone`, `max_field_id` and `namespace.sharding.enabled` are in every collection of 3.0.
#[tokio::test]
async fn what_a_server_makes_up_is_no_wish() {
    for (from, to) in [
        ("3.0.0", "3.0.0"),
        ("3.0.0", "2.6.20"),
        ("3.0.0", "2.5.27"),
        ("2.6.20", "2.5.27"),
        ("2.6.20", "3.0.0"),
        ("2.5.27", "3.0.0"),
    ] {
        let scene = between(from, to, &things()).await;
        let (plan, apply) = scene.converge().await;
        for outcome in [&plan, &apply] {
            for word in ["properties_not_carried", "namespace.sharding", "max_field_id"] {
                assert!(!says(outcome, word), "{from} to {to}: {word} in {outcome:?}");
            }
        }
        let at_target = scene.properties("things").await;
        if to == "2.5.27" {
            assert!(at_target.is_empty(), "{from} to {to}: {at_target:?}");
        }
    }
    // A target that is there is not altered for it.
    let scene = between("2.6.20", "2.6.20", &things()).await;
    scene.target.create_collection(&things()).await;
    scene.to.with_collection("default", "things", |it| it.properties.clear());
    scene.target.create_index("things", &things().indexes[0]).await;
    scene.plan_one("things", "existing = \"adopt\"");
    let (plan, _) = scene.converge().await;
    assert!(!says(&plan, "property_kept") && !says(&plan, "alter"), "{plan:?}");
    assert!(scene.properties("things").await.is_empty());
    // Who asks for it gets it.
    let scene = between("3.0.0", "2.5.27", &things()).await;
    scene.plan_one("things", "properties.set.timezone = \"UTC\"");
    scene.converge().await;
    assert_eq!(scene.properties("things").await["timezone"], "UTC");
}

#[tokio::test]
async fn a_zone_that_somebody_chose_is_carried() {
    let scene = between("2.6.20", "3.0.0", &things().property("timezone", "Asia/Tokyo")).await;
    scene.converge().await;
    assert_eq!(scene.properties("things").await["timezone"], "Asia/Tokyo");
}

#[tokio::test]
async fn values_that_a_release_does_not_know_are_refused_before_anything_is_made() {
    let cases: [(&str, &str, &str, &str, &[&str]); 4] = [
        ("3.0.0", "2.6.20", "warmup.vectorField", "async", &["disable, sync", "warmup"]),
        ("2.5.27", "2.6.20", "query_mode", "mine", &["large_topk", "query_mode"]),
        ("2.6.20", "3.0.0", "ttl_field", "text", &["Timestamptz", "it is VarChar"]),
        ("2.6.20", "3.0.0", "ttl_field", "nothing", &["Timestamptz", "there is no such field"]),
    ];
    for (from, to, name, value, words) in cases {
        let scene = between(from, to, &things().property(name, value)).await;
        scene.expect_refusal(&[&["property_unfit", "properties.unset"], words].concat()).await;
        scene.plan_one("things", &format!("properties.unset = [\"{name}\"]"));
        scene.converge().await;
    }
    let scene = between("2.6.20", "2.6.20", &things()).await;
    scene.plan_one("things", "properties.set.warmup = \"sync\"");
    scene.expect_refusal(&["property_unfit", "of single fields only"]).await;
}

/// A row expires by the moment in one of its fields, which may have another name at the target.
#[tokio::test]
async fn a_field_by_which_rows_expire_is_carried_to_servers_that_know_it() {
    let mut source = things().property("ttl_field", "until");
    source.fields.push(field("until", DataType::Timestamptz));
    let scene = between("3.0.0", "2.6.20", &source).await;
    let plan = scene.plan().await.expect_code(2);
    expect_words(&plan, &["target_lacks_feature", "do not expire", "until"]);
    let scene = between("3.0.0", "3.0.0", &source).await;
    scene.plan_one("things", "fields.until.rename = \"expires\"");
    scene.converge().await;
    assert_eq!(scene.properties("things").await["ttl_field"], "expires");
    let scene = between("3.0.0", "3.0.0", &source).await;
    scene.plan_one("things", "properties.set.\"collection.ttl.seconds\" = 60");
    scene.expect_refusal(&["property_unfit", "not both"]).await;
}

#[tokio::test]
async fn parts_of_a_schema_that_a_release_refuses_are_named() {
    let mut keyed = things();
    let mut key = field("flag", DataType::Bool);
    key.is_clustering_key = true;
    keyed.fields.push(key);
    let words = ["target_lacks_feature", "Bool as clustering key", "default/things/flag"];
    between("2.5.27", "2.6.20", &keyed).await.expect_refusal(&words).await;
    between("2.5.27", "2.6.13", &keyed).await.converge().await;

    let vectors = |count: usize| {
        let mut many = things();
        for number in 1..count {
            let name = format!("v{number}");
            many.fields.push(testkit::collection::vector(&name, DataType::FloatVector, 4));
            many = many.index(testkit::lines::auto_index(&name, "L2"));
        }
        many
    };
    let words = ["too_many_vector_fields", "5", "4"];
    between("2.6.20", "2.5.27", &vectors(5)).await.expect_refusal(&words).await;
    between("2.5.27", "2.6.20", &vectors(4)).await.converge().await;

    let mut wide = things();
    wide.fields.extend((0..62).map(|number| field(&format!("f{number}"), DataType::Bool)));
    let words = ["too_many_fields", "65", "64"];
    between("3.0.0", "2.6.20", &wide).await.expect_refusal(&words).await;
    between("3.0.0", "3.0.0", &wide).await.converge().await;

    let mut nullable = things();
    nullable.fields.push(testkit::collection::vector("maybe", DataType::FloatVector, 4).nullable());
    let nullable = nullable.index(testkit::lines::auto_index("maybe", "L2"));
    let words = ["target_lacks_nullable", "default/things/maybe"];
    between("2.6.20", "2.5.27", &nullable).await.expect_refusal(&words).await;

    // Of a struct that may be null every field may, and says so.
    let mut parts = struct_array("parts", vec![array("words", DataType::Int64)]);
    parts.nullable = true;
    let scene = between("3.0.0", "2.6.20", &things().struct_field(parts.clone())).await;
    scene.expect_refusal(&["target_lacks_nullable", "parts"]).await;
    between("3.0.0", "3.0.0", &things().struct_field(parts)).await.converge().await;
}

#[tokio::test]
async fn text_needs_a_setting_of_30() {
    let mut story = things();
    story.fields.push(field("story", DataType::Text));
    let scene = between("3.0.0", "3.0.0", &story).await;
    let (plan, _) = scene.converge().await;
    expect_words(&plan, &["target_needs_setting", "common.storage.useLoonFFI"]);
    let without = Profile::milvus("3.0.0").set(|profile| profile.storage_v3 = false);
    let scene = Doubles::of(Profile::milvus("3.0.0"), without).await;
    scene.source.fill(&story, &data::table(&story, 5, 1)).await;
    scene.plan_one("things", "");
    let apply = scene.apply().await.expect_code(5);
    expect_words(&apply, &["common.storage.useLoonFFI"]);
}

#[tokio::test]
async fn resource_groups_that_are_not_there_are_named() {
    let scene = between("3.0.0", "3.0.0", &things()).await;
    scene.to.change(|profile| {
        profile.resource_groups.insert("search".to_owned());
    });
    let set = "properties.set.\"collection.resource_groups\" = ";
    scene.plan_one("things", &format!("{set}\"search,nowhere\""));
    let words = ["resource_group_missing", "nowhere", "search"];
    scene.expect_refusal(&words).await;
    scene.plan_one("things", &format!("{set}\"search\""));
    scene.converge().await;
    scene.to.with_collection("default", "things", |it| assert_eq!(it.replicas, ["search"]));
}
