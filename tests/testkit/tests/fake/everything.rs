//! Every type of a line comes back as it went in.

use super::scene::{Scene, fine, refused, small};
use testkit::collection::{Collection, field, vector};
use testkit::data;
use testkit::fake::{Attribute, Feature, NullScalars, Profile};
use testkit::lines::{everything_24, everything_25, everything_26, everything_30};
use testkit::pb::schema::{DataType, FieldSchema};
use testkit::table::{Table, Value, assert_same};

async fn comes_back(profile: Profile, preset: fn(&str, DataType) -> Collection) {
    let scene = Scene::of(profile).await;
    for key in [DataType::Int64, DataType::VarChar] {
        let collection = preset(&format!("of_{key:?}"), key);
        let rows = data::table(&collection, 60, 1);
        scene.probe.fill(&collection, &rows).await;
        let read = scene.probe.read_all(&collection.name, &rows.keys(), &[]).await;
        assert_same(&with_short_moments(rows), &read);
    }
}

/// Servers leave out the zeros at the end of a fraction.
pub(super) fn with_short_moments(mut table: Table) -> Table {
    let moments = |column: &FieldSchema| column.data_type() == DataType::Timestamptz;
    let places: Vec<usize> =
        (0..table.columns.len()).filter(|p| moments(&table.columns[*p])).collect();
    for row in &mut table.rows {
        for place in &places {
            if let Value::Text(text) = &mut row.values[*place]
                && let Some((seconds, fraction)) = text.trim_end_matches('Z').split_once('.')
            {
                let fraction = fraction.trim_end_matches('0');
                let dot = if fraction.is_empty() { "" } else { "." };
                *text = format!("{seconds}{dot}{fraction}Z");
            }
        }
    }
    table
}

#[tokio::test]
async fn of_milvus_24() {
    comes_back(Profile::milvus("2.4.10"), everything_24).await;
}

#[tokio::test]
async fn of_milvus_25() {
    comes_back(Profile::milvus("2.5.4"), everything_25).await;
}

#[tokio::test]
async fn of_milvus_26() {
    comes_back(Profile::milvus("2.6.20"), everything_26).await;
}

#[tokio::test]
async fn of_milvus_30() {
    comes_back(Profile::milvus("3.0.0"), everything_30).await;
}

#[tokio::test]
async fn in_every_layout_of_answers() {
    let compact = |profile: &mut Profile| profile.null_scalars = NullScalars::Compact;
    comes_back(Profile::milvus("3.0.0").set(compact), everything_30).await;
    comes_back(Profile::milvus("3.0.0").with(Feature::OwnValidity), everything_30).await;
    let shuffled = |profile: &mut Profile| profile.shuffled_columns = true;
    comes_back(Profile::milvus("2.6.20").set(shuffled), everything_26).await;
}

#[tokio::test]
async fn what_a_line_does_not_know_is_dropped_or_refused() {
    // Attributes go without a word.
    let scene = Scene::milvus("2.4.10").await;
    let collection = everything_25("things", DataType::Int64);
    scene.probe.create_collection(&collection).await;
    let schema = scene.probe.describe("things").await.schema.unwrap();
    assert_eq!(schema.fields.len(), collection.fields.len());
    assert!(schema.fields.iter().all(|field| !field.nullable && field.default_value.is_none()));
    // Types do not.
    let one = |kind| match kind {
        DataType::Int8Vector | DataType::Float16Vector => vector("extra", kind, 8),
        kind => field("extra", kind),
    };
    for (kind, before, from) in [
        (DataType::Float16Vector, "2.3.5", "2.4.0"),
        (DataType::SparseFloatVector, "2.3.5", "2.4.0"),
        // 2.5 knows their names and nothing more.
        (DataType::Int8Vector, "2.4.17", "2.5.27"),
        (DataType::Geometry, "2.4.17", "2.5.27"),
        (DataType::Timestamptz, "2.4.17", "2.5.27"),
        (DataType::Text, "2.4.17", "2.5.27"),
    ] {
        let collection = small(vec![one(kind), vector("embedding", DataType::FloatVector, 4)]);
        refused(Scene::milvus(before).await.create(&collection).await, 1100, "is not supported");
        fine(Scene::milvus(from).await.create(&collection).await);
    }
    // And some are known to none.
    for kind in 28..=31 {
        let mut unknown = field("extra", DataType::Int64);
        unknown.data_type = kind;
        let collection = small(vec![unknown]);
        let status = Scene::milvus("3.0.0").await.create(&collection).await;
        refused(status, 1100, "is not supported");
    }
}

#[tokio::test]
async fn what_a_profile_is_told_to_drop_is_dropped() {
    let profile = Profile::milvus("2.6.20")
        .dropping(Attribute::Nullable)
        .dropping(Attribute::DynamicField)
        .dropping(Attribute::Property("mmap.enabled".to_owned()))
        .dropping(Attribute::TypeParam("warmup".to_owned()));
    let scene = Scene::of(profile).await;
    let mut collection = everything_25("things", DataType::Int64)
        .property("mmap.enabled", "true")
        .property("collection.ttl.seconds", "3600");
    collection.fields[1].type_params.push(testkit::collection::pair("warmup", "sync"));
    scene.probe.create_collection(&collection).await;
    let described = scene.probe.describe("things").await;
    let schema = described.schema.unwrap();
    assert!(!schema.enable_dynamic_field);
    assert!(schema.fields.iter().all(|field| !field.nullable));
    assert!(schema.fields[1].type_params.is_empty());
    let keys: Vec<&str> = described.properties.iter().map(|pair| pair.key.as_str()).collect();
    assert_eq!(keys, ["collection.ttl.seconds", "timezone"]);
}
