//! From which release on a server has something, and what a bare "X.Y" of Zilliz Cloud means.

use testkit::collection::{Collection, FieldWords, Index, field, pair, plain, var_char, vector};
use testkit::data;
use testkit::fake::{Attribute, Plan, Profile};
use testkit::lines::auto_index;
use testkit::pb::milvus::AddFileResourceRequest;
use testkit::pb::schema::DataType;
use testkit::scene::doubles::Doubles;
use testkit::scene::expect_words;

const DEDICATED: Plan = Plan::Dedicated { units: 1 };

/// Refused in `plan` at the one release, and moved at the other.
async fn begins(collection: &Collection, before: &str, from: &str, words: &[&str]) {
    for (to, refused) in [(before, true), (from, false)] {
        let scene = Doubles::between("3.0.0", to).await;
        scene.source.fill(collection, &data::table(collection, 20, 1)).await;
        scene.plan_one(&collection.name, "");
        if refused {
            scene.expect_refusal(words).await;
        } else {
            scene.converge().await;
        }
    }
}

fn with(kind: DataType) -> Collection {
    let mut things = plain("things", DataType::Int64);
    things.fields.push(field("extra", kind));
    things
}

#[tokio::test]
async fn types_and_partitions_begin_and_end_where_servers_say_so() {
    begins(&with(DataType::Geometry), "2.6.3", "2.6.4", &["target_lacks_type", "2.6.4"]).await;
    begins(&with(DataType::Timestamptz), "2.6.5", "2.6.6", &["target_lacks_type", "2.6.6"]).await;
    let mut keyed = plain("things", DataType::Int64);
    keyed.fields.push(var_char("tenant", 600).partition_key());
    for (to, refused) in [("2.4.5", false), ("2.4.6", true)] {
        let scene = Doubles::between("2.4.1", to).await;
        scene.source.fill(&keyed, &data::table(&keyed, 20, 1)).await;
        let many = "partition_key = { field = \"tenant\", partitions = 1025 }";
        scene.plan_one("things", many);
        if refused {
            scene.expect_refusal(&["too_many_partitions", "1,025", "1,024"]).await;
        } else {
            scene.converge().await;
        }
    }
}

#[tokio::test]
async fn bitmaps_stay_from_248_on() {
    for (to, kind) in [("2.4.7", "INVERTED"), ("2.4.8", "BITMAP")] {
        let scene = Doubles::between("2.4.10", to).await;
        let things = plain("things", DataType::Int64).index(Index::new("text", "BITMAP", "", ""));
        scene.source.fill(&things, &data::table(&things, 20, 1)).await;
        scene.plan_one("things", "");
        scene.converge().await;
        assert_eq!(scene.target.index("things", "text").await["index_type"], kind);
    }
}

/// Rows with a dynamic key that is called as a field are refused from 2.4.18 on.
#[tokio::test]
async fn shadow_keys_are_looked_for_from_2418_on() {
    for (to, refused) in [("2.4.17", false), ("2.4.18", true)] {
        let scene = Doubles::between("2.4.15", to).await;
        let things = plain("things", DataType::Int64).dynamic();
        let mut rows = data::table(&things, 20, 1);
        let meta = rows.columns.iter().position(|column| column.name == "$meta").unwrap();
        rows.rows[3].values[meta] = testkit::table::Value::Json(br#"{"text": 1}"#.to_vec());
        scene.source.fill(&things, &rows).await;
        scene.plan_one("things", "");
        if refused {
            scene.expect_refusal(&["text", "dynamic"]).await;
        } else {
            scene.converge().await;
        }
    }
}

/// "Compatible with Milvus 2.6" is the newest 2.6, and what the server made is looked at.
#[tokio::test]
async fn a_line_of_zilliz_is_its_newest_release() {
    let mut things = plain("things", DataType::Int64);
    things.fields.push(vector("maybe", DataType::FloatVector, 4).nullable());
    let things = things.index(auto_index("maybe", "L2"));
    let rows = data::table(&things, 100, 1);
    let scene = Doubles::of(Profile::milvus("2.6.20"), Profile::zilliz(DEDICATED, "2.6")).await;
    scene.source.fill(&things, &rows).await;
    scene.plan_one("things", "");
    scene.converge().await;
    scene.expect("things", &rows).await;
    // One that is older drops what it does not know, and is not filled.
    let old = Profile::zilliz(DEDICATED, "2.6").dropping(Attribute::Nullable);
    let scene = Doubles::of(Profile::milvus("2.6.20"), old).await;
    scene.source.fill(&things, &rows).await;
    scene.plan_one("things", "");
    let failed = scene.apply().await.expect_code(5);
    expect_words(&failed, &["made the collection differently", "maybe", "nullable"]);
    assert!(scene.writes().is_empty());
}

/// Keys that were made up are brought, to a target that makes up none.
#[tokio::test]
async fn bringing_keys_needs_no_property_where_none_are_made_up() {
    const BRING: &str = "allow_insert_auto_id";
    let mut things = plain("things", DataType::Int64).property(BRING, "true");
    things.fields[0].auto_id = true;
    let rows = data::table(&things, 100, 1);
    let scene = Doubles::between("2.6.20", "2.6.20").await;
    scene.source.fill(&things, &rows).await;
    scene.plan_one("things", "auto_id = \"keep_keys\"");
    scene.converge().await;
    assert!(!scene.properties("things").await.contains_key(BRING));
    // A collection that is there is not altered to it, which the server refuses.
    let mut there = plain("there", DataType::Int64);
    there.fields[0].auto_id = false;
    scene.target.create_collection(&there).await;
    scene.target.build_and_load(&there).await;
    scene.plan_one("things", "target = \"there\"\nexisting = \"adopt\"\nauto_id = \"keep_keys\"");
    scene.converge().await;
    assert!(!scene.properties("there").await.contains_key(BRING));
    let asked = "target = \"asked\"\nauto_id = \"keep_keys\"\nproperties.set = { allow_insert_auto_id = true }";
    scene.plan_one("things", asked);
    scene.expect_refusal(&["property_unfit", BRING]).await;
}

/// A collection whose text is analyzed with uploaded words.
fn analyzed() -> Collection {
    let mut things = plain("things", DataType::Int64);
    let mut text = var_char("words", 500);
    let stop = r#"{"type": "remote", "resource_name": "stops", "file_name": "stops.txt"}"#;
    let params = format!(r#"{{"filter": [{{"type": "stop", "stop_words_file": {stop}}}]}}"#);
    text.type_params.push(pair("enable_analyzer", "true"));
    text.type_params.push(pair("enable_match", "true"));
    text.type_params.push(pair("analyzer_params", &params));
    things.fields.push(text);
    things
}

async fn upload(probe: &testkit::probe::Probe) {
    let add = AddFileResourceRequest {
        name: "stops".to_owned(),
        path: "files/stops.txt".to_owned(),
        ..Default::default()
    };
    let answer = probe.raw().add_file_resource(add).await.unwrap().into_inner();
    assert_eq!(answer.code, 0, "{answer:?}");
}

#[tokio::test]
async fn files_of_analyzers_have_to_be_at_the_target() {
    let things = analyzed();
    let rows = data::table(&things, 50, 1);
    let scene = Doubles::between("3.0.0", "3.0.0").await;
    upload(&scene.source).await;
    scene.source.fill(&things, &rows).await;
    scene.plan_one("things", "");
    scene.expect_refusal(&["file_resource_missing", "words", "stops", "AddFileResource"]).await;
    upload(&scene.target).await;
    scene.converge().await;
    let schema = scene.target.describe("things").await.schema.unwrap();
    assert_eq!(schema.file_resource_ids.len(), 1);

    let scene = Doubles::between("3.0.0", "2.6.20").await;
    upload(&scene.source).await;
    scene.source.fill(&things, &rows).await;
    scene.plan_one("things", "");
    scene.expect_refusal(&["target_lacks_feature", "words", "stops", "Milvus 3.0"]).await;
    // A field that is left behind needs none.
    scene.plan_one("things", "fields.words.drop = true");
    scene.converge().await;
}
