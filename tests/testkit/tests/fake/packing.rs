//! How nulls and lengths have to come.

use super::scene::{Scene, column, fine, refused, scalars, small, three_rows};
use testkit::collection::{FieldWords, array, field, plain, vector};
use testkit::fake::{Feature, Profile};
use testkit::lines::everything_26;
use testkit::pb::milvus::InsertRequest;
use testkit::pb::schema::field_data::Field;
use testkit::pb::schema::scalar_field::Data;
use testkit::pb::schema::value_field::Data as Default_;
use testkit::pb::schema::vector_field::Data as Vectors;
use testkit::pb::schema::{DataType, FieldData, LongArray};
use testkit::table::Value;

/// Rows 0 and 2 have a value, row 1 has none.
fn full_length(column: &mut FieldData) {
    *scalars(column) = Data::LongData(LongArray { data: vec![1, 0, 3] });
}

#[tokio::test]
async fn scalars_come_without_their_nulls() {
    let scene = Scene::milvus("2.5.4").await;
    let collection = scene.with_field(field("maybe", DataType::Int64).nullable()).await;
    fine(scene.insert_changed(&collection, |_| ()).await);
    let status = scene.insert_changed(&collection, |r| full_length(column(r, "maybe"))).await;
    refused(status, 1100, "the length of field is wrong");
}

#[tokio::test]
async fn nullable_columns_come_with_an_entry_for_each_row() {
    let missing = |r: &mut InsertRequest| {
        full_length(column(r, "maybe"));
        column(r, "maybe").valid_data.clear();
    };
    let scene = Scene::milvus("2.5.4").await;
    let collection = scene.with_field(field("maybe", DataType::Int64).nullable()).await;
    let status = scene.insert_changed(&collection, missing).await;
    refused(status, 1100, "the length of valid_data of field(maybe) is wrong");
    let short = |r: &mut InsertRequest| {
        column(r, "maybe").valid_data.pop();
    };
    let status = scene.insert_changed(&collection, short).await;
    refused(status, 1100, "the length of valid_data of field(maybe) is wrong");
    // Later lines take none for "all are valid".
    let scene = Scene::milvus("2.6.20").await;
    let collection = scene.with_field(field("maybe", DataType::Int64).nullable()).await;
    fine(scene.insert_changed(&collection, missing).await);
}

#[tokio::test]
async fn other_columns_come_without_any() {
    let scene = Scene::milvus("3.0.0").await;
    let collection = scene.with_field(field("number", DataType::Int64)).await;
    let status =
        scene.insert_changed(&collection, |r| column(r, "number").valid_data = vec![true; 3]).await;
    refused(status, 1100, "the length of valid_data of field(number) is wrong");
}

#[tokio::test]
async fn columns_with_a_default_come_with_an_entry_for_each_row_before_30() {
    let number = || field("number", DataType::Int64).with_default(Default_::LongData(42));
    let bare = |r: &mut InsertRequest| {
        column(r, "number").valid_data.clear();
    };
    for (version, taken) in [("2.5.4", false), ("2.6.18", false), ("3.0.0", true)] {
        let scene = Scene::milvus(version).await;
        let collection = scene.with_field(number()).await;
        fine(scene.insert_changed(&collection, |_| ()).await);
        let status = scene.insert_changed(&collection, bare).await;
        assert_eq!(status.code == 0, taken, "{version}: {}", status.reason);
    }
}

#[tokio::test]
async fn nulls_and_missing_columns_take_the_default() {
    let scene = Scene::milvus("2.6.20").await;
    let number = field("number", DataType::Int64).nullable().with_default(Default_::LongData(42));
    let collection = scene.with_field(number).await;
    fine(scene.insert_changed(&collection, |_| ()).await); // row 1 is null
    let stored = scene.fake.with_collection("default", "things", |collection| {
        collection.rows.iter().map(|row| row.values[3].clone()).collect::<Vec<_>>()
    });
    assert_eq!(stored[1], Value::Int(42));
    let left_out = |r: &mut InsertRequest| {
        r.fields_data.retain(|column| column.field_name != "number");
    };
    fine(scene.insert_changed(&collection, left_out).await);
    let stored = scene.fake.with_collection("default", "things", |collection| {
        collection.rows.iter().skip(3).map(|row| row.values[3].clone()).collect::<Vec<_>>()
    });
    assert_eq!(stored, vec![Value::Int(42); 3]);
}

#[tokio::test]
async fn a_column_of_nulls_alone_keeps_its_member() {
    let scene = Scene::milvus("2.6.20").await;
    let collection = scene.with_field(field("maybe", DataType::Int64).nullable()).await;
    let nulls = |column: &mut FieldData| {
        column.valid_data = vec![false; 3];
        *scalars(column) = Data::LongData(LongArray::default());
    };
    fine(scene.insert_changed(&collection, |r| nulls(column(r, "maybe"))).await);
    let status = scene
        .insert_changed(&collection, |r| {
            nulls(column(r, "maybe"));
            column(r, "maybe").field = None;
        })
        .await;
    refused(status, 1100, "array type mismatch");
}

#[tokio::test]
async fn validity_inside_of_the_payload_is_for_newer_servers() {
    let inside = |column: &mut FieldData| {
        let valid = std::mem::take(&mut column.valid_data);
        match column.field.as_mut().unwrap() {
            Field::Scalars(field) => field.valid_data = valid,
            other => panic!("{other:?}"),
        }
    };
    let scene = Scene::milvus("3.0.0").await;
    let collection = scene.with_field(field("maybe", DataType::Int64).nullable()).await;
    let status = scene.insert_changed(&collection, |r| inside(column(r, "maybe"))).await;
    refused(status, 1100, "the length of field is wrong");
    let scene = Scene::of(Profile::milvus("3.0.0").with(Feature::OwnValidity)).await;
    let collection = scene.with_field(field("maybe", DataType::Int64).nullable()).await;
    fine(scene.insert_changed(&collection, |r| inside(column(r, "maybe"))).await);
}

#[tokio::test]
async fn nulls_where_none_may_be_are_refused() {
    let scene = Scene::milvus("2.6.20").await;
    let collection = scene.with_field(field("number", DataType::Int64)).await;
    let status = scene
        .insert_changed(&collection, |r| {
            let number = column(r, "number");
            *scalars(number) = Data::LongData(LongArray { data: vec![1, 3] });
        })
        .await;
    refused(status, 1100, "the num_rows (2) of field (number) is not equal to passed num_rows (3)");
}

#[tokio::test]
async fn nullable_vectors_come_compact() {
    let scene = Scene::milvus("2.6.18").await;
    let collection = scene.with_field(vector("maybe", DataType::FloatVector, 4).nullable()).await;
    fine(scene.insert_changed(&collection, |_| ()).await);
    let status = scene
        .insert_changed(&collection, |r| match column(r, "maybe").field.as_mut().unwrap() {
            Field::Vectors(vectors) => match vectors.data.as_mut().unwrap() {
                Vectors::FloatVector(floats) => floats.data.extend([0.0; 4]),
                other => panic!("{other:?}"),
            },
            other => panic!("{other:?}"),
        })
        .await;
    refused(status, 1100, "the length of field is wrong");
}

#[tokio::test]
async fn the_number_of_rows_has_to_be_right() {
    let scene = Scene::milvus("2.6.20").await;
    let collection = plain("things", DataType::Int64);
    scene.probe.create_collection(&collection).await;
    let status = scene.insert_changed(&collection, |r| r.num_rows = 2).await;
    refused(status, 1100, "is not equal to passed num_rows (2)");
    let status = scene.insert_changed(&collection, |r| r.num_rows = 0).await;
    refused(status, 1100, "should be greater than 0");
}

#[tokio::test]
async fn columns_are_there_once_and_known() {
    let scene = Scene::milvus("2.6.20").await;
    let collection = plain("things", DataType::Int64);
    scene.probe.create_collection(&collection).await;
    let status = scene
        .insert_changed(&collection, |r| r.fields_data.retain(|c| c.field_name != "text"))
        .await;
    refused(status, 1100, "fieldSchema(text) has no corresponding fieldData pass in");
    let status = scene
        .insert_changed(&collection, |r| {
            let copy = column(r, "text").clone();
            r.fields_data.push(copy);
        })
        .await;
    refused(status, 1100, "duplicated field text found");
    let status = scene
        .insert_changed(&collection, |r| column(r, "text").field_name = "words".to_owned())
        .await;
    refused(status, 1100, "fieldName words not exist");
    // In any order.
    fine(scene.insert_changed(&collection, |r| r.fields_data.reverse()).await);
}

#[tokio::test]
async fn a_foreign_field_id_does_not_pass_for_the_key() {
    let scene = Scene::milvus("2.6.20").await;
    let collection = scene.with_field(field("number", DataType::Int64)).await;
    let described = scene.probe.describe("things").await.schema.unwrap();
    let id = described.fields.iter().find(|field| field.is_primary_key).unwrap().field_id;
    let status = scene
        .insert_changed(&collection, |r| {
            r.fields_data.reverse();
            column(r, "number").field_id = id;
        })
        .await;
    refused(status, 1100, "its values would be taken for keys");
    fine(scene.insert_changed(&collection, |r| column(r, "id").field_id = id).await);
}

#[tokio::test]
async fn sub_fields_of_structs_agree() {
    let scene = Scene::milvus("2.6.20").await;
    let collection = everything_26("things", DataType::Int64);
    scene.probe.create_collection(&collection).await;
    fine(scene.insert_changed(&collection, |_| ()).await);
    let parts =
        |r: &mut InsertRequest, change: &dyn Fn(&mut Vec<FieldData>)| match column(r, "things")
            .field
            .as_mut()
            .unwrap()
        {
            Field::StructArrays(arrays) => change(&mut arrays.fields),
            other => panic!("{other:?}"),
        };
    let status = scene.insert_changed(&collection, |r| parts(r, &|f| drop(f.pop()))).await;
    refused(status, 1100, "length of fields of struct field mismatch");
    let shorter = |fields: &mut Vec<FieldData>| {
        let Data::ArrayData(arrays) = scalars(&mut fields[0]) else { panic!() };
        let Some(Data::StringData(texts)) = &mut arrays.data[2].data else { panic!() };
        texts.data.pop();
    };
    let status = scene.insert_changed(&collection, |r| parts(r, &shorter)).await;
    refused(status, 1100, "inconsistent array length in struct field 'things'");
    let status = scene
        .insert_changed(&collection, |r| parts(r, &|f| f[0].field_name = "other".to_owned()))
        .await;
    refused(status, 1100, "sub-field 'other' not found");
}

#[tokio::test]
async fn null_structs_are_null_in_every_sub_field() {
    let scene = Scene::milvus("3.0.0").await;
    let mut collection = everything_26("things", DataType::Int64);
    collection.struct_fields[0].nullable = true;
    scene.probe.create_collection(&collection).await;
    fine(scene.insert_changed(&collection, |_| ()).await);
    let status = scene
        .insert_changed(&collection, |r| match column(r, "things").field.as_mut().unwrap() {
            Field::StructArrays(arrays) => arrays.fields[1].valid_data.swap(0, 1),
            other => panic!("{other:?}"),
        })
        .await;
    refused(status, 1100, "ValidData mismatch in struct 'things'");
}

#[tokio::test]
async fn an_array_has_its_member_set() {
    let scene = Scene::milvus("2.6.20").await;
    let collection = small(vec![array("words", DataType::VarChar)]);
    scene.probe.create_collection(&collection).await;
    fine(scene.insert_changed(&collection, |_| ()).await);
    let status = scene
        .insert_changed(&collection, |r| {
            let Data::ArrayData(arrays) = scalars(column(r, "words")) else { panic!() };
            arrays.data[0].data = None;
        })
        .await;
    refused(status, 1100, "insert data does not match");
}

#[tokio::test]
async fn messages_have_a_largest_size() {
    let scene = Scene::of(Profile::milvus("2.6.20").set(|p| p.limits.request_bytes = 1000)).await;
    let collection = plain("small", DataType::Int64);
    scene.probe.create_collection(&collection).await;
    fine(scene.insert_changed(&collection, |_| ()).await);
    let mut request = three_rows(&scene.probe, &collection);
    let Data::StringData(texts) = scalars(column(&mut request, "text")) else { panic!() };
    texts.data[0] = "x".repeat(1000);
    let error = scene.probe.raw().insert(request).await.unwrap_err();
    assert_eq!(error.code(), tonic::Code::ResourceExhausted);
    assert!(error.message().contains("received message larger than max"), "{error:?}");
}
