//! Inserts, upserts and deletes, good and bad.

use testkit::collection::{Collection, FieldWords, array, field, plain, var_char, vector};
use testkit::data;
use testkit::pb::milvus;
use testkit::pb::schema::field_data::Field;
use testkit::pb::schema::scalar_field::Data;
use testkit::pb::schema::value_field::Data as Default_;
use testkit::pb::schema::vector_field::Data as Vectors;
use testkit::pb::schema::{DataType, FieldData, FieldSchema, LongArray, ScalarField, StringArray};

use super::super::talk::{Talk, query};
use super::deletes;

type Change = Box<dyn FnOnce(&mut milvus::InsertRequest)>;

fn column<'a>(request: &'a mut milvus::InsertRequest, name: &str) -> &'a mut FieldData {
    request.fields_data.iter_mut().find(|column| column.field_name == name).unwrap()
}

fn scalars<'a>(request: &'a mut milvus::InsertRequest, name: &str) -> &'a mut Data {
    match column(request, name).field.as_mut().unwrap() {
        Field::Scalars(ScalarField { data: Some(data), .. }) => data,
        other => panic!("{other:?}"),
    }
}

fn vectors<'a>(request: &'a mut milvus::InsertRequest, name: &str) -> &'a mut Vectors {
    match column(request, name).field.as_mut().unwrap() {
        Field::Vectors(field) => field.data.as_mut().unwrap(),
        other => panic!("{other:?}"),
    }
}

pub(super) fn insert(
    talk: &Talk,
    collection: &Collection,
    keys: std::ops::Range<i64>,
) -> milvus::InsertRequest {
    let rows = data::table_of(collection, &data::key_range(keys), 1);
    talk.probe.insert_requests(&collection.name, &rows, 100).remove(0)
}

fn upsert(request: milvus::InsertRequest) -> milvus::UpsertRequest {
    milvus::UpsertRequest {
        collection_name: request.collection_name,
        partition_name: request.partition_name,
        num_rows: request.num_rows,
        fields_data: request.fields_data,
        ..Default::default()
    }
}

/// Sends a changed insert of three rows, and the same as an upsert.
async fn both(talk: &mut Talk, what: &str, collection: &Collection, change: Change) {
    let mut request = insert(talk, collection, 1..4);
    change(&mut request);
    talk.ask(format!("{what}: insert"), request.clone()).await;
    talk.ask(format!("{what}: upsert"), upsert(request)).await;
}

pub(super) async fn list(talk: &mut Talk) {
    talk.topic("rows");
    whole(talk).await;
    values(talk).await;
    nulls(talk).await;
    dynamic(talk).await;
    parts(talk).await;
    structs(talk).await;
    deletes::list(talk).await;
    many(talk).await;
}

/// Requests that are wrong as a whole.
async fn whole(talk: &mut Talk) {
    let collection = plain("r_whole", DataType::Int64);
    talk.ready(&collection).await;
    let all: Vec<(&str, Change)> = vec![
        ("good", Box::new(|_| {})),
        ("no rows", Box::new(|r| r.num_rows = 0)),
        ("more rows said", Box::new(|r| r.num_rows = 4)),
        ("fewer rows said", Box::new(|r| r.num_rows = 2)),
        ("no column", Box::new(|r| r.fields_data.clear())),
        ("no key", Box::new(|r| r.fields_data.retain(|c| c.field_name != "id"))),
        ("no text", Box::new(|r| r.fields_data.retain(|c| c.field_name != "text"))),
        ("no vector", Box::new(|r| r.fields_data.retain(|c| c.field_name != "embedding"))),
        (
            "a column twice",
            Box::new(|r| {
                let text = column(r, "text").clone();
                r.fields_data.push(text);
            }),
        ),
        (
            "an unknown column",
            Box::new(|r| {
                let more = FieldData { field_name: "more".to_owned(), ..column(r, "text").clone() };
                r.fields_data.push(more);
            }),
        ),
        (
            "a dynamic column without dynamic fields",
            Box::new(|r| {
                let json = Data::JsonData(testkit::pb::schema::JsonArray {
                    data: vec![b"{}".to_vec(); 3],
                });
                r.fields_data.push(FieldData {
                    r#type: DataType::Json.into(),
                    is_dynamic: true,
                    field: Some(Field::Scalars(ScalarField {
                        data: Some(json),
                        ..Default::default()
                    })),
                    ..Default::default()
                });
            }),
        ),
        ("an unknown partition", Box::new(|r| r.partition_name = "none".to_owned())),
        ("a schema of another time", Box::new(|r| r.schema_timestamp = 5)),
        ("columns in another order", Box::new(|r| r.fields_data.reverse())),
        (
            "ids of other fields",
            Box::new(|r| r.fields_data.iter_mut().for_each(|c| c.field_id = 7)),
        ),
    ];
    for (what, change) in all {
        both(talk, what, &collection, change).await;
    }
    talk.ask("seen: all", query("r_whole", "id >= 0", &["id", "text"])).await;
    talk.ask("seen: count", query("r_whole", "", &["count(*)"])).await;
}

/// Values that do not fit.
async fn values(talk: &mut Talk) {
    let mut collection = plain("r_values", DataType::Int64);
    collection.fields.extend([
        field("tiny", DataType::Int8),
        field("single", DataType::Float),
        var_char("short", 5),
        field("document", DataType::Json),
        array("numbers", DataType::Int64),
        vector("half", DataType::Float16Vector, 4),
        field("sparse", DataType::SparseFloatVector),
    ]);
    collection.indexes.clear();
    talk.create("values: create", &collection).await;
    let sparse = |row: Vec<u8>| -> Change {
        Box::new(move |r| {
            if let Vectors::SparseFloatVector(rows) = vectors(r, "sparse") {
                rows.contents[1] = row;
            }
        })
    };
    let pairs = |pairs: &[(u32, f32)]| -> Vec<u8> {
        pairs.iter().flat_map(|(i, v)| [i.to_le_bytes(), v.to_le_bytes()].concat()).collect()
    };
    let all: Vec<(&str, Change)> = vec![
        (
            "Int8 128",
            Box::new(|r| {
                if let Data::IntData(v) = scalars(r, "tiny") {
                    v.data[1] = 128
                }
            }),
        ),
        (
            "Float NaN",
            Box::new(|r| {
                if let Data::FloatData(v) = scalars(r, "single") {
                    v.data[1] = f32::NAN
                }
            }),
        ),
        (
            "VarChar too long",
            Box::new(|r| {
                if let Data::StringData(v) = scalars(r, "short") {
                    v.data = vec!["ööö".to_owned(); 3]
                }
            }),
        ),
        (
            "VarChar that fits",
            Box::new(|r| {
                if let Data::StringData(v) = scalars(r, "short") {
                    v.data = vec!["ööa".to_owned(); 3]
                }
            }),
        ),
        (
            "JSON broken",
            Box::new(|r| {
                if let Data::JsonData(v) = scalars(r, "document") {
                    v.data[1] = b"{".to_vec()
                }
            }),
        ),
        (
            "JSON too long",
            Box::new(|r| {
                if let Data::JsonData(v) = scalars(r, "document") {
                    v.data[1] = format!("\"{}\"", "a".repeat(65_535)).into_bytes()
                }
            }),
        ),
        (
            "JSON a number",
            Box::new(|r| {
                if let Data::JsonData(v) = scalars(r, "document") {
                    v.data[1] = b"1".to_vec()
                }
            }),
        ),
        (
            "Array too long",
            Box::new(|r| {
                if let Data::ArrayData(v) = scalars(r, "numbers") {
                    let data = Data::LongData(LongArray { data: vec![1; 17] });
                    v.data[1] = ScalarField { data: Some(data), ..Default::default() };
                }
            }),
        ),
        (
            "Array of another type",
            Box::new(|r| {
                if let Data::ArrayData(v) = scalars(r, "numbers") {
                    let data = Data::StringData(StringArray { data: vec!["a".to_owned()] });
                    v.data[1] = ScalarField { data: Some(data), ..Default::default() };
                }
            }),
        ),
        (
            "Array without a member",
            Box::new(|r| {
                if let Data::ArrayData(v) = scalars(r, "numbers") {
                    v.data[1] = ScalarField::default()
                }
            }),
        ),
        (
            "Array without an element type",
            Box::new(|r| {
                if let Data::ArrayData(v) = scalars(r, "numbers") {
                    v.element_type = 0
                }
            }),
        ),
        (
            "a column of another type",
            Box::new(|r| {
                let text = column(r, "text").field.clone();
                column(r, "tiny").field = text;
            }),
        ),
        (
            "a column that says another type",
            Box::new(|r| column(r, "tiny").r#type = DataType::VarChar.into()),
        ),
        (
            "a vector as a scalar",
            Box::new(|r| {
                let text = column(r, "text").field.clone();
                column(r, "embedding").field = text;
            }),
        ),
        ("a column without a field", Box::new(|r| column(r, "tiny").field = None)),
        (
            "floats NaN",
            Box::new(|r| {
                if let Vectors::FloatVector(v) = vectors(r, "embedding") {
                    v.data[1] = f32::NAN
                }
            }),
        ),
        (
            "a float less",
            Box::new(|r| {
                if let Vectors::FloatVector(v) = vectors(r, "embedding") {
                    v.data.pop();
                }
            }),
        ),
        (
            "a vector less",
            Box::new(|r| {
                if let Vectors::FloatVector(v) = vectors(r, "embedding") {
                    v.data.truncate(8);
                }
            }),
        ),
        (
            "another dimension",
            Box::new(|r| {
                if let Some(Field::Vectors(v)) = &mut column(r, "embedding").field {
                    v.dim = 8
                }
            }),
        ),
        (
            "a half infinite",
            Box::new(|r| {
                if let Vectors::Float16Vector(v) = vectors(r, "half") {
                    v[1] = 0x7c;
                    v[0] = 0;
                }
            }),
        ),
        ("sparse: odd length", sparse(vec![1, 2, 3])),
        ("sparse: not in order", sparse(pairs(&[(5, 1.0), (3, 1.0)]))),
        ("sparse: an index twice", sparse(pairs(&[(5, 1.0), (5, 1.0)]))),
        ("sparse: last index", sparse(pairs(&[(u32::MAX, 1.0)]))),
        ("sparse: NaN", sparse(pairs(&[(5, f32::NAN)]))),
        ("sparse: negative", sparse(pairs(&[(5, -1.0)]))),
        ("sparse: empty", sparse(Vec::new())),
    ];
    for (what, change) in all {
        both(talk, what, &collection, change).await;
    }
}

/// Null flags of fields that may be null, have a default, both, or neither.
async fn nulls(talk: &mut Talk) {
    let fields: [(&str, FieldSchema); 4] = [
        ("plain", field("f", DataType::Int64)),
        ("nullable", field("f", DataType::Int64).nullable()),
        ("default", field("f", DataType::Int64).with_default(Default_::LongData(7))),
        (
            "nullable with default",
            field("f", DataType::Int64).nullable().with_default(Default_::LongData(7)),
        ),
    ];
    for (kind, is) in fields {
        let mut collection = plain(&format!("r_{}", kind.replace(' ', "_")), DataType::Int64);
        collection.fields.push(is);
        talk.ready(&collection).await;
        let with = |valid: Vec<bool>, values: Vec<i64>| -> Change {
            Box::new(move |r| {
                let column = column(r, "f");
                column.valid_data = valid;
                let data = Some(Data::LongData(LongArray { data: values }));
                column.field = Some(Field::Scalars(ScalarField { data, ..Default::default() }));
            })
        };
        let all: Vec<(&str, Change)> = vec![
            ("no flags", with(Vec::new(), vec![1, 2, 3])),
            ("all valid", with(vec![true; 3], vec![1, 2, 3])),
            ("one null", with(vec![true, false, true], vec![1, 3])),
            ("one null with a placeholder", with(vec![true, false, true], vec![1, 0, 3])),
            ("all null", with(vec![false; 3], Vec::new())),
            ("a flag less", with(vec![true; 2], vec![1, 2, 3])),
            ("a value less, no flags", with(Vec::new(), vec![1, 2])),
            ("left out", Box::new(|r| r.fields_data.retain(|c| c.field_name != "f"))),
        ];
        for (what, change) in all {
            both(talk, &format!("{kind}, {what}"), &collection, change).await;
        }
        talk.ask(format!("{kind}: seen"), query(&collection.name, "id >= 0", &["id", "f"])).await;
        talk.ask(format!("{kind}: is null"), query(&collection.name, "f is null", &["id"])).await;
    }
}

async fn dynamic(talk: &mut Talk) {
    let collection = plain("r_dynamic", DataType::Int64).dynamic();
    talk.ready(&collection).await;
    let json = |text: &'static str| -> Change {
        Box::new(move |r| {
            if let Data::JsonData(v) = scalars(r, "$meta") {
                v.data = vec![text.as_bytes().to_vec(); 3];
            }
        })
    };
    let all: Vec<(&str, Change)> = vec![
        ("dynamic: an object", json("{\"a\": 1}")),
        ("dynamic: named by nothing", Box::new(|r| column(r, "$meta").field_name = String::new())),
        ("dynamic: without the flag", Box::new(|r| column(r, "$meta").is_dynamic = false)),
        ("dynamic: left out", Box::new(|r| r.fields_data.retain(|c| c.field_name != "$meta"))),
        ("dynamic: a list", json("[1]")),
        ("dynamic: a number", json("1")),
        ("dynamic: null", json("null")),
        ("dynamic: broken", json("{")),
        ("dynamic: a field's name", json("{\"text\": 1}")),
        ("dynamic: $meta", json("{\"$meta\": 1}")),
        ("dynamic: flags", Box::new(|r| column(r, "$meta").valid_data = vec![true; 3])),
        (
            "dynamic: one null",
            Box::new(|r| {
                column(r, "$meta").valid_data = vec![true, false, true];
                if let Data::JsonData(v) = scalars(r, "$meta") {
                    v.data.truncate(2);
                }
            }),
        ),
    ];
    for (what, change) in all {
        both(talk, what, &collection, change).await;
    }
    talk.ask("dynamic: seen", query("r_dynamic", "id == 1", &["id", "$meta"])).await;
    talk.ask("dynamic: an unknown name", query("r_dynamic", "id == 1", &["id", "nothing"])).await;
}

async fn parts(talk: &mut Talk) {
    let mut keyed = plain("r_keyed", DataType::Int64);
    keyed.fields.push(field("tenant", DataType::Int64).partition_key());
    talk.ready(&keyed).await;
    let into =
        |name: &'static str| -> Change { Box::new(move |r| r.partition_name = name.to_owned()) };
    both(talk, "partition key: no partition", &keyed, into("")).await;
    both(talk, "partition key: a partition", &keyed, into("_default_0")).await;
    let parted = plain("r_parts", DataType::Int64).partitions(&["p"]);
    talk.ready(&parted).await;
    both(talk, "partitions: p", &parted, into("p")).await;
    both(talk, "partitions: _default", &parted, into("_default")).await;
    talk.ask("partitions: seen", query("r_parts", "id >= 0", &["id"])).await;
    let of_p = milvus::QueryRequest {
        partition_names: vec!["p".to_owned()],
        ..query("r_parts", "id >= 0", &["id"])
    };
    talk.ask("partitions: seen in p", of_p).await;
}

async fn structs(talk: &mut Talk) {
    let collection =
        plain("r_structs", DataType::Int64).struct_field(testkit::structs::struct_array(
            "things",
            vec![
                array("words", DataType::VarChar),
                testkit::structs::vectors("dense", DataType::FloatVector, 4),
            ],
        ));
    talk.create("structs: create", &collection).await;
    let arrays = |change: fn(&mut Vec<FieldData>)| -> Change {
        Box::new(move |r| {
            if let Some(Field::StructArrays(arrays)) = &mut column(r, "things").field {
                change(&mut arrays.fields);
            }
        })
    };
    let all: Vec<(&str, Change)> = vec![
        ("structs: good", Box::new(|_| {})),
        ("structs: left out", Box::new(|r| r.fields_data.retain(|c| c.field_name != "things"))),
        ("structs: a sub-field less", arrays(|fields| drop(fields.pop()))),
        (
            "structs: a sub-field twice",
            arrays(|fields| {
                fields.pop();
                fields.push(fields[0].clone());
            }),
        ),
        (
            "structs: an unknown sub-field",
            arrays(|fields| fields[0].field_name = "none".to_owned()),
        ),
        (
            "structs: by their long name",
            arrays(|fields| fields[0].field_name = "things[words]".to_owned()),
        ),
    ];
    for (what, change) in all {
        both(talk, what, &collection, change).await;
    }
}

/// The same key in one request, in several requests, and over shards.
async fn many(talk: &mut Talk) {
    for shards in [1, 2] {
        let collection =
            Collection { name: format!("r_many_{shards}"), ..plain("", DataType::Int64) }
                .shards(shards);
        talk.ready(&collection).await;
        let name = collection.name.clone();
        let twice = |talk: &Talk| {
            let mut request = insert(talk, &collection, 1..4);
            if let Data::LongData(v) = scalars(&mut request, "id") {
                v.data = vec![5, 6, 5];
            }
            request
        };
        talk.ask(format!("{name}: a key twice, insert"), twice(talk)).await;
        talk.ask(format!("{name}: count"), query(&name, "", &["count(*)"])).await;
        talk.ask(format!("{name}: a key twice, upsert"), upsert(twice(talk))).await;
        talk.ask(format!("{name}: count then"), query(&name, "", &["count(*)"])).await;
        talk.ask(format!("{name}: seen"), query(&name, "id >= 0", &["id"])).await;
    }
}
