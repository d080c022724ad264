//! How answers are laid out.

use super::scene::Scene;
use testkit::collection::{FieldWords, Index, array, field, plain, vector};
use testkit::data;
use testkit::fake::{Feature, NullScalars, Profile};
use testkit::lines::everything_26;
use testkit::pb::milvus::QueryResults;
use testkit::pb::schema::field_data::Field;
use testkit::pb::schema::scalar_field::Data;
use testkit::pb::schema::vector_field::Data as Vectors;
use testkit::pb::schema::{DataType, FieldData, ScalarField, VectorField};

fn found<'a>(answer: &'a QueryResults, name: &str) -> &'a FieldData {
    answer.fields_data.iter().find(|column| column.field_name == name).unwrap()
}

fn scalars(column: &FieldData) -> &ScalarField {
    match column.field.as_ref().unwrap() {
        Field::Scalars(field) => field,
        other => panic!("{other:?}"),
    }
}

fn vectors(column: &FieldData) -> &VectorField {
    match column.field.as_ref().unwrap() {
        Field::Vectors(field) => field,
        other => panic!("{other:?}"),
    }
}

/// Six rows, of which 1 and 4 are null in nullable columns, read in the order of their keys.
async fn answer(profile: Profile) -> QueryResults {
    let scene = Scene::of(profile).await;
    let mut collection = plain("things", DataType::Int64);
    collection.fields.extend([
        field("number", DataType::Int64).nullable(),
        array("words", DataType::VarChar).nullable(),
        array("full", DataType::Int32),
        vector("maybe", DataType::FloatVector, 2).nullable(),
        field("sparse", DataType::SparseFloatVector).nullable(),
        field("place", DataType::Geometry).nullable(),
        field("moment", DataType::Timestamptz).nullable(),
    ]);
    let mut things = everything_26("x", DataType::Int64).struct_fields.remove(0);
    things.nullable = scene.probe.version() >= "v3";
    collection.struct_fields.push(things);
    let metrics = [("maybe", "L2"), ("sparse", "IP"), ("things[dense]", "MAX_SIM")];
    for (field, metric) in metrics {
        collection = collection.index(testkit::lines::auto_index(field, metric));
    }
    let parameters = r#"{"M": 8, "efConstruction": 64}"#;
    let bits = Index::new("things[bits]", "HNSW", "MAX_SIM_HAMMING", parameters);
    let collection = collection.index(bits);
    let rows = data::table_of(&collection, &data::key_range(0..6), 1);
    scene.probe.fill(&collection, &rows).await;
    let names = ["number", "words", "full", "maybe", "sparse", "place", "moment", "things"];
    let flags = [("limit", "10"), ("iterator", "True"), ("reduce_stop_for_best", "True")];
    scene.probe.query("things", &[], "id >= 0", &names, &flags).await
}

const VALID: [bool; 6] = [true, false, true, true, false, true];

#[tokio::test]
async fn scalars_are_full_with_placeholders_and_vectors_compact() {
    let answer = answer(Profile::milvus("3.0.0")).await;
    let number = found(&answer, "number");
    assert_eq!(number.valid_data, VALID);
    let Some(Data::LongData(values)) = &scalars(number).data else { panic!() };
    assert_eq!((values.data.len(), values.data[1], values.data[4]), (6, 0, 0));
    assert!(scalars(number).valid_data.is_empty());
    let Some(Data::ArrayData(arrays)) = &scalars(found(&answer, "words")).data else { panic!() };
    assert_eq!(arrays.data.len(), 6);
    let maybe = found(&answer, "maybe");
    assert_eq!(maybe.valid_data, VALID);
    let Some(Vectors::FloatVector(floats)) = &vectors(maybe).data else { panic!() };
    assert_eq!(floats.data.len(), 4 * 2);
    let sparse = vectors(found(&answer, "sparse"));
    let Some(Vectors::SparseFloatVector(rows)) = &sparse.data else { panic!() };
    assert_eq!(rows.contents.len(), 4);
    assert!(rows.dim > 0 && sparse.dim == rows.dim);
    let Some(Data::GeometryWktData(shapes)) = &scalars(found(&answer, "place")).data else {
        panic!()
    };
    assert_eq!((shapes.data[1].as_str(), shapes.data[3].starts_with("POLYGON (")), ("", true));
    let Some(Data::StringData(moments)) = &scalars(found(&answer, "moment")).data else { panic!() };
    assert_eq!(moments.data[0], "1970-01-01T00:00:00Z");
    // A column that cannot be null says nothing of validity.
    assert!(found(&answer, "full").valid_data.is_empty());
}

#[tokio::test]
async fn structs_have_a_row_for_each_null() {
    let answer = answer(Profile::milvus("3.0.0")).await;
    let things = found(&answer, "things");
    assert_eq!(things.r#type(), DataType::ArrayOfStruct);
    let Some(Field::StructArrays(parts)) = &things.field else { panic!() };
    let names: Vec<&str> = parts.fields.iter().map(|part| part.field_name.as_str()).collect();
    assert_eq!(names, ["label", "weight", "dense", "bits"]);
    assert!(parts.fields.iter().all(|part| part.valid_data == VALID));
    let Some(Vectors::VectorArray(rows)) = &vectors(&parts.fields[2]).data else { panic!() };
    assert_eq!((rows.data.len(), rows.dim), (6, 4));
    assert_eq!(rows.data[1].data, None);
    let Some(Vectors::FloatVector(floats)) = &rows.data[3].data else { panic!() };
    assert_eq!(floats.data.len(), 3 * 4);
}

#[tokio::test]
async fn an_empty_array_has_no_member() {
    let with = answer(Profile::milvus("2.6.20")).await;
    let Some(Data::ArrayData(arrays)) = &scalars(found(&with, "full")).data else { panic!() };
    assert_eq!(arrays.data[0].data, None);
    let set = |profile: &mut Profile| profile.empty_arrays_without_member = false;
    let with = answer(Profile::milvus("2.6.20").set(set)).await;
    let Some(Data::ArrayData(arrays)) = &scalars(found(&with, "full")).data else { panic!() };
    assert!(arrays.data[0].data.is_some());
}

#[tokio::test]
async fn a_row_without_vectors_may_have_no_member() {
    for without in [false, true] {
        let set = |profile: &mut Profile| profile.empty_vector_arrays_without_member = without;
        let answer = answer(Profile::milvus("2.6.20").set(set)).await;
        let Some(Field::StructArrays(parts)) = &found(&answer, "things").field else { panic!() };
        let Some(Vectors::VectorArray(rows)) = &vectors(&parts.fields[2]).data else { panic!() };
        assert_eq!(rows.data[0].data.is_none(), without);
    }
}

#[tokio::test]
async fn scalars_may_be_compact() {
    let set = |profile: &mut Profile| profile.null_scalars = NullScalars::Compact;
    let answer = answer(Profile::milvus("3.0.0").set(set)).await;
    let number = found(&answer, "number");
    assert_eq!(number.valid_data, VALID);
    let Some(Data::LongData(values)) = &scalars(number).data else { panic!() };
    assert_eq!(values.data.len(), 4);
}

#[tokio::test]
async fn validity_may_be_inside() {
    let answer = answer(Profile::milvus("3.0.0").with(Feature::OwnValidity)).await;
    let (number, maybe) = (found(&answer, "number"), found(&answer, "maybe"));
    assert!(number.valid_data.is_empty() && maybe.valid_data.is_empty());
    assert_eq!(scalars(number).valid_data, VALID);
    assert_eq!(vectors(maybe).valid_data, VALID);
}

#[tokio::test]
async fn columns_may_come_shuffled_with_other_ids() {
    let straight = answer(Profile::milvus("2.6.20")).await;
    let set = |profile: &mut Profile| profile.shuffled_columns = true;
    let shuffled = answer(Profile::milvus("2.6.20").set(set)).await;
    let names = |answer: &QueryResults| -> Vec<String> {
        answer.fields_data.iter().map(|column| column.field_name.clone()).collect()
    };
    let mut turned = names(&shuffled);
    assert_ne!(names(&straight), turned);
    turned.reverse();
    assert_eq!(names(&straight), turned);
    assert_ne!(found(&straight, "id").field_id, found(&shuffled, "id").field_id);
}

#[tokio::test]
async fn the_dynamic_column_may_be_null_from_26_on() {
    for (version, valid) in [("2.5.4", 0), ("2.6.20", 3)] {
        let scene = Scene::milvus(version).await;
        let collection = plain("things", DataType::Int64).dynamic();
        let rows = data::table(&collection, 3, 1);
        scene.probe.fill(&collection, &rows).await;
        let answer = scene.probe.query("things", &[], "id <= 0", &["$meta"], &[]).await;
        let meta = found(&answer, "$meta");
        assert!(meta.is_dynamic);
        assert_eq!(meta.valid_data.len(), valid, "{version}");
    }
}

#[tokio::test]
async fn moments_come_in_the_zone_of_query_collection_or_database() {
    let scene = Scene::milvus("2.6.20").await;
    let database = testkit::pb::milvus::CreateDatabaseRequest {
        db_name: "eastern".to_owned(),
        properties: vec![testkit::collection::pair("timezone", "Asia/Tokyo")],
        ..Default::default()
    };
    scene.probe.raw().create_database(database).await.unwrap();
    let eastern = scene.probe.in_database("eastern");
    let bare = || {
        let mut collection = plain("things", DataType::Int64);
        collection.fields.push(field("moment", DataType::Timestamptz));
        collection
    };
    let first = async |probe: &testkit::probe::Probe, params: &[(&str, &str)]| {
        let flags =
            [params, &[("limit", "1"), ("iterator", "True"), ("reduce_stop_for_best", "True")]];
        let answer = probe.query("things", &[], "id >= 0", &["moment"], &flags.concat()).await;
        match &scalars(found(&answer, "moment")).data {
            Some(Data::StringData(moments)) => moments.data[0].clone(),
            other => panic!("{other:?}"),
        }
    };
    let rows = data::table_of(&bare(), &data::key_range(0..3), 1);
    eastern.fill(&bare(), &rows).await;
    assert_eq!(first(&eastern, &[]).await, "1970-01-01T09:00:00+09:00");
    assert_eq!(first(&eastern, &[("timezone", "UTC")]).await, "1970-01-01T00:00:00Z");
    let chinese = bare().property("timezone", "Asia/Shanghai");
    scene.probe.fill(&chinese, &rows).await;
    assert_eq!(first(&scene.probe, &[]).await, "1970-01-01T08:00:00+08:00");
}
