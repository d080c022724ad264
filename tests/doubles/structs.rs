//! Arrays of structs.

use testkit::collection::{Collection, Index, array, plain};
use testkit::data;
use testkit::fake::Profile;
use testkit::lines::auto_index;
use testkit::pb::schema::{DataType, StructArrayFieldSchema};
use testkit::scene::doubles::Doubles;
use testkit::structs::{struct_array, vectors};
use testkit::table::{Table, Value};

/// A struct of every scalar type, and one of every type of vector.
fn collection(name: &str) -> Collection {
    let scalars = [
        ("flag", DataType::Bool),
        ("tiny", DataType::Int8),
        ("small", DataType::Int16),
        ("medium", DataType::Int32),
        ("big", DataType::Int64),
        ("single", DataType::Float),
        ("double", DataType::Double),
        ("text", DataType::VarChar),
    ];
    let scalars = scalars.map(|(name, element)| array(name, element)).to_vec();
    let kinds = [
        ("floats", DataType::FloatVector, "MAX_SIM_COSINE"),
        ("halves", DataType::Float16Vector, "MAX_SIM_IP"),
        ("brains", DataType::BFloat16Vector, "MAX_SIM_L2"),
        ("bytes", DataType::Int8Vector, "MAX_SIM"),
        ("bits", DataType::BinaryVector, "MAX_SIM_HAMMING"),
    ];
    let of_vectors = kinds.map(|(name, element, _)| vectors(name, element, 16)).to_vec();
    let mut collection = plain(name, DataType::Int64)
        .struct_field(struct_array("facts", scalars))
        .struct_field(struct_array("clips", of_vectors));
    collection.struct_fields[1].description = "one for each shot".to_owned();
    kinds.iter().fold(collection, |collection, (name, _, metric)| {
        let name = format!("clips[{name}]");
        // What `AUTOINDEX` is on bits, `BIN_IVF_FLAT`, compares no lists.
        let index = match *metric {
            "MAX_SIM_HAMMING" => Index::new(&name, "HNSW", metric, r#"{"M": 8}"#),
            metric => auto_index(&name, metric),
        };
        collection.index(if *metric == "MAX_SIM" { index.named("by_bytes") } else { index })
    })
}

fn nullable(mut collection: Collection) -> Collection {
    let nullable = |field: &mut StructArrayFieldSchema| field.nullable = true;
    collection.struct_fields.iter_mut().for_each(nullable);
    collection
}

/// Rows without a struct, some of them null where that may be; the last rows are so in runs.
fn rows(collection: &Collection) -> Table {
    let mut rows = data::table_of(collection, &data::key_range(0..1200), 3);
    let parts: Vec<usize> =
        (0..rows.columns.len()).filter(|place| rows.columns[*place].name.ends_with(']')).collect();
    for (number, row) in rows.rows.iter_mut().enumerate().skip(900) {
        for place in &parts {
            row.values[*place] = match (number / 100, rows.columns[*place].nullable) {
                (10, _) => Value::Array(Vec::new()),
                (11, true) => Value::Null,
                _ => continue,
            };
        }
    }
    rows
}

async fn moves(from: Profile, to: Profile, collection: Collection) {
    let scene = Doubles::of(from, to).await;
    let rows = rows(&collection);
    scene.source.fill(&collection, &rows).await;
    scene.plan_one(&collection.name, "");
    scene.converge().await;
    assert!(scene.chunks() > 3);
    scene.expect_alike(&collection.name).await;
    scene.expect(&collection.name, &rows).await;
}

#[tokio::test]
async fn structs_of_scalars_and_of_vectors_arrive() {
    moves(Profile::milvus("2.6.20"), Profile::milvus("2.6.20"), collection("things")).await;
    let members = |profile: &mut Profile| profile.empty_arrays_without_member = false;
    let with_members = Profile::milvus("2.6.20").set(members);
    moves(with_members, Profile::milvus("3.0.0"), collection("things")).await;
}

#[tokio::test]
async fn structs_may_be_null_and_empty() {
    let collection = nullable(collection("things"));
    moves(Profile::milvus("3.0.0"), Profile::milvus("3.0.0"), collection).await;
}

/// Indexes are named by the path of what they are on.
#[tokio::test]
async fn structs_are_renamed_and_their_indexes_chosen() {
    let scene = Doubles::between("2.6.5", "2.6.5").await;
    let fields =
        vec![vectors("dense", DataType::FloatVector, 8), array("label", DataType::VarChar)];
    let collection = Collection::new("things", plain("", DataType::Int64).fields)
        .struct_field(struct_array("clips", fields))
        .index(auto_index("embedding", "L2"))
        .index(Index::new("clips[dense]", "HNSW", "MAX_SIM_IP", r#"{"M": 8}"#).named("near"));
    let rows = data::table_of(&collection, &data::key_range(0..300), 1);
    scene.source.fill(&collection, &rows).await;
    scene.plan_one(
        "things",
        "fields = { clips = { rename = \"shots\", description = \"new\" } }\n\
         indexes = { \"clips[dense]\" = \"auto\" }",
    );
    scene.converge().await;
    let rows = rows.renamed("clips[dense]", "shots[dense]").renamed("clips[label]", "shots[label]");
    scene.expect("things", &rows).await;
    let schema = scene.target.describe("things").await.schema.unwrap();
    assert_eq!(schema.struct_array_fields[0].description, "new");
    let indexes = scene.target.describe_index("things").await;
    let index = indexes.iter().find(|index| index.index_name == "near").unwrap();
    assert_eq!(index.field_name, "shots[dense]");
    assert!(index.params.iter().any(|pair| pair.value == "AUTOINDEX"));
    assert!(index.params.iter().any(|pair| pair.value == "MAX_SIM_IP"));
    assert!(!index.params.iter().any(|pair| pair.key == "M"));
}

#[tokio::test]
async fn structs_need_a_target_that_has_them() {
    let scene = Doubles::between("3.0.0", "2.6.5").await;
    let things = nullable(collection("things"));
    scene.source.fill(&things, &rows(&things)).await;
    scene.plan_one("things", "");
    scene.expect_refusal(&["target_lacks_nullable", "facts", "clips", "Milvus 3.0"]).await;

    let scene = Doubles::between("2.6.20", "2.5.4").await;
    let things = collection("things");
    scene.source.fill(&things, &rows(&things)).await;
    scene.plan_one("things", "");
    scene.expect_refusal(&["target_lacks_feature", "facts", "clips", "Milvus 2.6"]).await;
}
