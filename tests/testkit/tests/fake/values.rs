//! Which values are let in.

use super::scene::{Scene, column, fine, refused, scalars, small};
use testkit::collection::{FieldWords, array, field, key, plain, var_char, vector};
use testkit::lines::everything_25;
use testkit::pb::milvus::InsertRequest;
use testkit::pb::schema::field_data::Field;
use testkit::pb::schema::scalar_field::Data;
use testkit::pb::schema::vector_field::Data as Vectors;
use testkit::pb::schema::{
    DataType, FieldSchema, GeometryWktArray, IntArray, JsonArray, StringArray,
};
use testkit::table::Value;

/// Inserts three rows with the first value of a column changed: `Ok` where the server takes it.
async fn takes(
    version: &str,
    extra: FieldSchema,
    change: impl FnOnce(&mut Data),
) -> testkit::pb::common::Status {
    let scene = Scene::milvus(version).await;
    let name = extra.name.clone();
    let collection = scene.with_field(extra).await;
    scene.insert_changed(&collection, |r| change(scalars(column(r, &name)))).await
}

fn text(value: &str) -> impl FnOnce(&mut Data) {
    let value = value.to_owned();
    move |data| match data {
        Data::StringData(texts) => texts.data[0] = value,
        other => panic!("{other:?}"),
    }
}

fn json(value: &str) -> impl FnOnce(&mut Data) {
    let value = value.to_owned();
    move |data| match data {
        Data::JsonData(values) => values.data[0] = value.into_bytes(),
        other => panic!("{other:?}"),
    }
}

fn number(value: i32) -> impl FnOnce(&mut Data) {
    move |data| match data {
        Data::IntData(values) => values.data[0] = value,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn texts_are_measured_in_bytes() {
    let words = || var_char("words", 500);
    fine(takes("2.6.20", words(), text(&"ü".repeat(250))).await);
    let status = takes("2.6.20", words(), text(&"ü".repeat(251))).await;
    refused(status, 1100, "exceeds max length, row number: 0, length: 502, max length: 500");
    let shape = array("words", DataType::VarChar);
    let long = |data: &mut Data| match data {
        Data::ArrayData(arrays) => {
            let texts = StringArray { data: vec!["x".repeat(201)] };
            arrays.data[0].data = Some(Data::StringData(texts));
        }
        other => panic!("{other:?}"),
    };
    refused(takes("2.6.20", shape, long).await, 1100, "exceeds max length");
}

#[tokio::test]
async fn small_integers_have_their_range() {
    fine(takes("2.5.4", field("tiny", DataType::Int8), number(-128)).await);
    let status = takes("2.5.4", field("tiny", DataType::Int8), number(128)).await;
    refused(status, 1100, "the 0th element (128) out of range: [-128, 127]");
    fine(takes("2.5.4", field("low", DataType::Int16), number(32_767)).await);
    let status = takes("2.5.4", field("low", DataType::Int16), number(32_768)).await;
    refused(status, 1100, "out of range: [-32768, 32767]");
    let many = |data: &mut Data| match data {
        Data::ArrayData(arrays) => {
            arrays.data[0].data = Some(Data::IntData(IntArray { data: vec![1, 200] }));
        }
        other => panic!("{other:?}"),
    };
    refused(takes("2.5.4", array("tinies", DataType::Int8), many).await, 1100, "out of range");
}

#[tokio::test]
async fn numbers_are_finite() {
    for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let set = |data: &mut Data| match data {
            Data::FloatData(values) => values.data[0] = bad,
            Data::DoubleData(values) => values.data[0] = bad.into(),
            other => panic!("{other:?}"),
        };
        let status = takes("2.5.4", field("single", DataType::Float), set).await;
        refused(status, 65_535, "is not a number or infinity");
        let status = takes("2.5.4", field("double", DataType::Double), set).await;
        refused(status, 65_535, "is not a number or infinity");
    }
}

#[tokio::test]
async fn arrays_have_a_capacity() {
    let of = |count: usize| {
        move |data: &mut Data| match data {
            Data::ArrayData(arrays) => {
                let values = IntArray { data: vec![1; count] };
                arrays.data[0].data = Some(Data::IntData(values));
            }
            other => panic!("{other:?}"),
        }
    };
    fine(takes("2.5.4", array("mediums", DataType::Int32), of(16)).await);
    fine(takes("2.5.4", array("mediums", DataType::Int32), of(0)).await);
    let status = takes("2.5.4", array("mediums", DataType::Int32), of(17)).await;
    refused(status, 1100, "the length (17) of 0th array exceeds max capacity (16)");
    let wrong = |data: &mut Data| match data {
        Data::ArrayData(arrays) => arrays.data[0].data = Some(Data::JsonData(JsonArray::default())),
        other => panic!("{other:?}"),
    };
    let status = takes("2.5.4", array("mediums", DataType::Int32), wrong).await;
    refused(status, 1100, "insert data does not match");
}

#[tokio::test]
async fn json_is_json_and_not_too_long() {
    let document = || field("document", DataType::Json);
    fine(takes("2.5.4", document(), json("[1, 2]")).await);
    // Nobody parses it (rows that servers were given: `judged/answers`).
    fine(takes("2.5.4", document(), json("{")).await);
    let long = |length: usize| format!("\"{}\"", "x".repeat(length - 2));
    fine(takes("2.5.4", document(), json(&long(65_536))).await);
    let status = takes("2.5.4", document(), json(&long(65_537))).await;
    refused(status, 1100, "the length (65537) of json field (document) exceeds max length (65536)");
}

#[tokio::test]
async fn dynamic_values_are_objects_of_other_keys() {
    let insert = async |version: &str, value: &str, change: &dyn Fn(&mut InsertRequest)| {
        let scene = Scene::milvus(version).await;
        let collection = plain("things", DataType::Int64).dynamic();
        scene.probe.create_collection(&collection).await;
        scene
            .insert_changed(&collection, |r| {
                json(value)(scalars(column(r, "$meta")));
                change(r);
            })
            .await
    };
    let as_is = |_: &mut InsertRequest| ();
    fine(insert("2.6.20", r#"{"z": 1}"#, &as_is).await);
    refused(insert("2.6.20", "[1]", &as_is).await, 1100, "only json map is supported");
    refused(
        insert("2.6.20", r#"{"$meta": 1}"#, &as_is).await,
        1100,
        "cannot set json key to: $meta",
    );
    let shadow = r#"{"text": "shadow"}"#;
    fine(insert("2.4.10", shadow, &as_is).await);
    refused(
        insert("2.5.4", shadow, &as_is).await,
        65_535,
        "cannot include the static field name: text",
    );
    // Flagged with an empty name is as good; named without the flag is not.
    let nameless = |r: &mut InsertRequest| column(r, "$meta").field_name.clear();
    fine(insert("2.6.20", "{}", &nameless).await);
    let flagless = |r: &mut InsertRequest| column(r, "$meta").is_dynamic = false;
    refused(insert("2.6.20", "{}", &flagless).await, 1100, "duplicated field $meta");
    let without = |r: &mut InsertRequest| r.fields_data.retain(|column| !column.is_dynamic);
    fine(insert("2.6.20", "{}", &without).await);
    let null = |r: &mut InsertRequest| {
        let meta = column(r, "$meta");
        meta.valid_data = vec![true, false, true];
        let Data::JsonData(values) = scalars(meta) else { panic!() };
        values.data.pop();
    };
    fine(insert("2.6.20", "{}", &null).await);
    refused(insert("2.5.4", "{}", &null).await, 1100, "the length of valid_data of field($meta)");
}

#[tokio::test]
async fn geometry_is_well_known_text() {
    let place = |value: &str| {
        let value = value.to_owned();
        move |data: &mut Data| {
            let mut shapes = vec!["POINT (1 2)".to_owned(); 3];
            shapes[0] = value;
            *data = Data::GeometryWktData(GeometryWktArray { data: shapes });
        }
    };
    for (good, kept) in [
        ("point(1.50 2)", "POINT (1.5 2)"),
        ("POLYGON((0 0,1 0,1 1,0 0))", "POLYGON ((0 0, 1 0, 1 1, 0 0))"),
        ("MULTIPOINT ((1 2), (3 4))", "MULTIPOINT (1 2, 3 4)"),
        ("GEOMETRYCOLLECTION(POINT(1 2))", "GEOMETRYCOLLECTION (POINT (1 2))"),
        ("POINT EMPTY", "POINT EMPTY"),
    ] {
        let scene = Scene::milvus("2.6.20").await;
        let collection = scene.with_field(field("place", DataType::Geometry)).await;
        fine(scene.insert_changed(&collection, |r| place(good)(scalars(column(r, "place")))).await);
        let stored =
            scene.fake.with_collection("default", "things", |c| c.rows[0].values[3].clone());
        assert_eq!(stored, Value::Text(kept.to_owned()));
    }
    for bad in ["", "POINT", "POINT (1)", "POINT (1 2", "CIRCLE (1 2)", "POINT (1 2) x"] {
        let status = takes("2.6.20", field("place", DataType::Geometry), place(bad)).await;
        refused(status, 1001, "IO failed");
    }
}

#[tokio::test]
async fn moments_are_iso_8601() {
    let moment = || field("moment", DataType::Timestamptz);
    fine(takes("2.6.20", moment(), text("2024-02-29T23:59:59.123456+08:00")).await);
    fine(takes("2.6.20", moment(), text("2024-02-29 23:59:59")).await);
    refused(takes("2.6.20", moment(), text("yesterday")).await, 1100, "invalid timestamptz");
    refused(
        takes("2.6.20", moment(), text("2024-13-01T00:00:00Z")).await,
        1100,
        "invalid timestamptz",
    );
}

/// Inserts three rows with a vector column changed.
async fn takes_vectors(
    extra: FieldSchema,
    change: impl FnOnce(&mut testkit::pb::schema::VectorField),
) -> testkit::pb::common::Status {
    let scene = Scene::milvus("2.6.20").await;
    let name = extra.name.clone();
    let collection = scene.with_field(extra).await;
    scene
        .insert_changed(&collection, |r| match column(r, &name).field.as_mut().unwrap() {
            Field::Vectors(vectors) => change(vectors),
            other => panic!("{other:?}"),
        })
        .await
}

#[tokio::test]
async fn vectors_have_their_dimension_and_finite_numbers() {
    let dense = || vector("dense", DataType::FloatVector, 8);
    let floats = |change: fn(&mut Vec<f32>)| {
        move |vectors: &mut testkit::pb::schema::VectorField| match &mut vectors.data {
            Some(Vectors::FloatVector(floats)) => change(&mut floats.data),
            other => panic!("{other:?}"),
        }
    };
    let status = takes_vectors(dense(), floats(|data| data.truncate(23))).await;
    refused(status, 1100, "should divide the dim(8)");
    let status = takes_vectors(dense(), floats(|data| data.truncate(16))).await;
    refused(status, 1100, "is not equal to passed num_rows");
    let status = takes_vectors(dense(), floats(|data| data[3] = f32::NAN)).await;
    refused(status, 1100, "is not a number or infinity");
    let status = takes_vectors(dense(), |vectors| vectors.dim = 4).await;
    refused(status, 1100, "the dim (4) of field data(dense) is not equal to schema dim (8)");
    let half = vector("half", DataType::Float16Vector, 8);
    let status = takes_vectors(half, |vectors| match &mut vectors.data {
        Some(Vectors::Float16Vector(bytes)) => bytes[..2].copy_from_slice(&[0x00, 0x7c]),
        other => panic!("{other:?}"),
    })
    .await;
    refused(status, 1100, "contain nan or infinity value");
}

#[tokio::test]
async fn sparse_rows_are_sorted_and_well_formed() {
    let row = |pairs: &[(u32, f32)]| -> Vec<u8> {
        pairs.iter().flat_map(|(i, v)| [i.to_le_bytes(), v.to_le_bytes()].concat()).collect()
    };
    let insert = async |bytes: Vec<u8>| {
        let sparse = field("sparse", DataType::SparseFloatVector);
        takes_vectors(sparse, |vectors| match &mut vectors.data {
            Some(Vectors::SparseFloatVector(rows)) => rows.contents[0] = bytes,
            other => panic!("{other:?}"),
        })
        .await
    };
    fine(insert(row(&[(1, 1.0), (7, 0.5)])).await);
    refused(insert(row(&[(7, 1.0), (1, 0.5)])).await, 1100, "unsorted or same indices");
    refused(insert(row(&[(7, 1.0), (7, 0.5)])).await, 1100, "unsorted or same indices");
    refused(insert(row(&[(u32::MAX, 1.0)])).await, 1100, "invalid index");
    refused(insert(row(&[(1, f32::NAN)])).await, 1100, "is not a number");
    refused(insert(vec![0; 7]).await, 1100, "invalid data length");
}

#[tokio::test]
async fn keys_that_the_server_makes_are_not_sent() {
    let collection = || {
        let mut collection = plain("things", DataType::Int64);
        collection.fields[0] = key(DataType::Int64).auto_id();
        collection
    };
    let with_key = |r: &mut InsertRequest| {
        let named = testkit::columns::encode(
            &key(DataType::Int64),
            &[&Value::Int(1), &Value::Int(2), &Value::Int(3)],
        );
        r.fields_data.push(named);
    };
    for (version, property, taken) in [
        ("2.6.20", false, false),
        ("2.6.20", true, true),
        ("2.6.2", true, false),
        ("2.5.4", true, false),
    ] {
        let scene = Scene::milvus(version).await;
        let mut collection = collection();
        if property {
            collection = collection.property("allow_insert_auto_id", "true");
        }
        scene.probe.create_collection(&collection).await;
        fine(scene.insert_changed(&collection, |_| ()).await);
        let status = scene.insert_changed(&collection, with_key).await;
        if taken {
            fine(status);
        } else {
            refused(status, 1100, "more fieldData has pass in");
        }
    }
}

#[tokio::test]
async fn an_upsert_holds_a_key_once() {
    let twice = |r: &mut InsertRequest| match scalars(column(r, "id")) {
        Data::LongData(keys) => keys.data = vec![1, 2, 1],
        other => panic!("{other:?}"),
    };
    for (version, taken) in [("2.6.7", true), ("2.6.8", false)] {
        let scene = Scene::milvus(version).await;
        let collection = plain("things", DataType::Int64);
        scene.probe.create_collection(&collection).await;
        let mut request = super::scene::three_rows(&scene.probe, &collection);
        twice(&mut request);
        fine(scene.insert(request.clone()).await);
        let status = scene.upsert(request).await.status.unwrap();
        if taken {
            fine(status);
        } else {
            refused(status, 1100, "duplicate primary keys are not allowed in the same batch");
        }
    }
}

#[tokio::test]
async fn a_partition_key_has_values_and_takes_no_partition_names() {
    let scene = Scene::milvus("2.6.20").await;
    let collection = small(vec![field("tenant", DataType::Int64).partition_key()]);
    scene.probe.create_collection(&collection).await;
    fine(scene.insert_changed(&collection, |_| ()).await);
    let named = |r: &mut InsertRequest| r.partition_name = "_default_0".to_owned();
    let status = scene.insert_changed(&collection, named).await;
    refused(status, 1100, "not support manually specifying the partition names");
    // Without one, a partition has to be there.
    let plain = everything_25("plain", DataType::Int64);
    scene.probe.create_collection(&plain).await;
    let missing = |r: &mut InsertRequest| r.partition_name = "nowhere".to_owned();
    refused(scene.insert_changed(&plain, missing).await, 200, "partition not found");
}
