//! Nulls: in every type, in any rows, in every layout in which servers answer them.

use testkit::collection::{Collection, FieldWords, field, key, plain, vector};
use testkit::data;
use testkit::fake::{Feature, NullScalars, Profile};
use testkit::lines::{auto_index, everything_25, everything_26, everything_30};
use testkit::pb::milvus::AlterCollectionRequest;
use testkit::pb::schema::{DataType, FieldSchema};
use testkit::scene::doubles::Doubles;
use testkit::structs;
use testkit::table::{Table, Value};

const ROWS: usize = 240;

/// Which rows of a column are null.
#[derive(Debug, Clone, Copy)]
enum Null {
    First,
    Last,
    All,
    None,
    EverySecond,
    /// In runs that are longer than a chunk.
    Runs,
}

const NULLS: [Null; 6] =
    [Null::First, Null::Last, Null::All, Null::None, Null::EverySecond, Null::Runs];

impl Null {
    fn is(self, row: usize) -> bool {
        match self {
            Self::First => row == 0,
            Self::Last => row == ROWS - 1,
            Self::All => true,
            Self::None => false,
            Self::EverySecond => row % 2 == 1,
            Self::Runs => (row / 80).is_multiple_of(2),
        }
    }
}

/// Rows in which nullable columns take turns to be null in one of the ways; all parts of a struct
/// are null in the same rows.
fn rows(collection: &Collection, turn: usize) -> Table {
    let mut certain = collection.clone();
    certain.fields.iter_mut().for_each(|field| field.nullable = false);
    certain.struct_fields.iter_mut().for_each(|field| field.nullable = false);
    let mut rows = data::table_of(&certain, &data::key_range(0..ROWS as i64), turn as u64);
    rows.columns = collection.columns();
    let mut columns = rows.columns.iter().enumerate().collect::<Vec<_>>();
    columns.retain(|(_, column)| column.nullable);
    let of = |column: &FieldSchema| {
        structs::split(&column.name).map_or(column.name.clone(), |(of, _)| of.to_owned())
    };
    let mut names: Vec<String> = columns.iter().map(|(_, column)| of(column)).collect();
    names.dedup();
    for (place, column) in columns {
        let number = names.iter().position(|name| *name == of(column)).unwrap();
        let null = NULLS[(number + turn) % NULLS.len()];
        for (row, values) in rows.rows.iter_mut().enumerate() {
            if null.is(row) {
                values.values[place] = Value::Null;
            }
        }
    }
    rows
}

/// One collection for each turn, so that every nullable column is null in every way.
async fn moves(from: Profile, to: Profile, collection: impl Fn(&str) -> Collection) {
    let scene = Doubles::of(from, to).await;
    let mut moved = Vec::new();
    for turn in 0..NULLS.len() {
        let collection = collection(&format!("turn_{turn}"));
        let rows = rows(&collection, turn);
        scene.source.fill(&collection, &rows).await;
        moved.push((collection.name, rows));
    }
    scene.plan_file("[[collections]]\nsource = \"turn_*\"");
    scene.converge().await;
    for (name, rows) in &moved {
        scene.expect(name, rows).await;
    }
    let chunks = scene.chunks();
    assert!(chunks >= 3 * NULLS.len() as i64, "{chunks} chunks");
}

fn milvus(version: &str) -> Profile {
    Profile::milvus(version)
}

fn compact(version: &str) -> Profile {
    milvus(version).set(|profile| profile.null_scalars = NullScalars::Compact)
}

fn of_25(name: &str) -> Collection {
    everything_25(name, DataType::Int64)
}

fn of_26(name: &str) -> Collection {
    everything_26(name, DataType::Int64)
}

fn of_30(name: &str) -> Collection {
    everything_30(name, DataType::Int64)
}

#[tokio::test]
async fn scalars_of_25_may_be_null() {
    moves(milvus("2.5.4"), milvus("2.5.4"), of_25).await;
}

#[tokio::test]
async fn scalars_of_26_may_be_null() {
    moves(milvus("2.6.20"), milvus("2.6.20"), of_26).await;
}

#[tokio::test]
async fn compact_answers_are_understood() {
    moves(compact("2.6.20"), milvus("2.6.20"), of_26).await;
    moves(compact("3.0.0"), milvus("3.0.0"), of_30).await;
}

#[tokio::test]
async fn vectors_and_structs_of_30_may_be_null() {
    moves(milvus("3.0.0"), milvus("3.0.0"), of_30).await;
}

/// As on the master branch: what is null is said inside of the values.
#[tokio::test]
async fn validity_inside_of_the_values_is_understood() {
    let inside = || milvus("3.0.0").with(Feature::OwnValidity);
    moves(inside(), milvus("3.0.0"), of_30).await;
    moves(inside(), inside(), of_30).await;
    let set = |profile: &mut Profile| profile.null_scalars = NullScalars::Compact;
    moves(inside().set(set), milvus("3.0.0"), of_30).await;
}

/// Every type of vector may be null from 2.6.18 on.
fn vectors(name: &str) -> Collection {
    let kinds = [
        ("single", DataType::FloatVector, "L2"),
        ("half", DataType::Float16Vector, "COSINE"),
        ("brain", DataType::BFloat16Vector, "IP"),
        ("bytes", DataType::Int8Vector, "COSINE"),
        ("bits", DataType::BinaryVector, "HAMMING"),
        ("sparse", DataType::SparseFloatVector, "IP"),
    ];
    let vector_of = |name: &str, kind| match kind {
        DataType::SparseFloatVector => field(name, kind),
        kind => vector(name, kind, 128),
    };
    let mut fields = vec![key(DataType::Int64), vector("always", DataType::FloatVector, 128)];
    fields.extend(kinds.map(|(name, kind, _)| vector_of(name, kind).nullable()));
    let collection = Collection::new(name, fields).index(auto_index("always", "L2"));
    kinds.iter().fold(collection, |collection, (name, _, metric)| {
        collection.index(auto_index(name, metric))
    })
}

#[tokio::test]
async fn every_vector_may_be_null() {
    moves(milvus("2.6.18"), milvus("2.6.18"), vectors).await;
    moves(milvus("2.6.18"), milvus("3.0.0"), vectors).await;
    moves(milvus("3.0.0").with(Feature::OwnValidity), milvus("2.6.18"), vectors).await;
}

#[tokio::test]
async fn nullable_vectors_need_a_target_that_has_them() {
    let scene = Doubles::between("2.6.18", "2.6.17").await;
    let collection = vectors("vectors");
    scene.source.fill(&collection, &rows(&collection, 0)).await;
    scene.plan_one("vectors", "");
    let names = ["single", "half", "brain", "bytes", "bits", "sparse"];
    scene.expect_refusal(&[&["target_lacks_nullable", "2.6.18"], names.as_slice()].concat()).await;
}

/// The dynamic field came later than the rows, which have no dynamic data but null.
#[tokio::test]
async fn null_as_dynamic_data_is_none() {
    let scene = Doubles::between("2.6.5", "2.6.5").await;
    let mut collection = plain("things", DataType::Int64);
    let first = data::table_of(&collection, &data::key_range(0..300), 1);
    scene.source.fill(&collection, &first).await;
    let request = AlterCollectionRequest {
        collection_name: "things".to_owned(),
        properties: vec![testkit::collection::pair("dynamicfield.enabled", "true")],
        ..Default::default()
    };
    let answer = scene.source.raw().alter_collection(request).await.unwrap().into_inner();
    assert_eq!(answer.code, 0, "{}", answer.reason);
    collection.dynamic = true;
    let later = data::table_of(&collection, &data::key_range(300..3000), 2);
    scene.source.insert("things", &later).await;
    let nulls = scene.from.with_collection("default", "things", |collection| {
        let meta = collection.columns.len() - 1;
        let is_null = |row: &&testkit::fake::Row| matches!(row.values[meta], Value::Null);
        collection.live().filter(is_null).count()
    });
    assert_eq!(nulls, 300, "the trap is not armed");

    scene.plan_one("things", "");
    scene.converge().await;
    let mut all = later.clone();
    for mut row in first.rows {
        row.values.push(Value::Json(b"{}".to_vec()));
        all.rows.push(row);
    }
    scene.expect("things", &all).await;

    // Switched off, it may be left behind only where no row has dynamic data; null is none.
    scene.plan_one("things", "target = \"off\"\ndynamic_field = false");
    scene.expect_refusal(&["dynamic_data_lost", "1,800 rows"]).await;
}

/// Full and compact scalars, and columns that hold no null, between releases that ask for
/// `valid_data` in different ways (2.6.2 made it optional).
#[tokio::test]
async fn columns_without_any_null_are_flagged_where_servers_insist() {
    for version in ["2.5.4", "2.6.0", "3.0.0"] {
        let scene = Doubles::between("2.5.4", version).await;
        let mut collection = plain("things", DataType::Int64);
        collection.fields.push(field("maybe", DataType::Int64).nullable());
        let mut rows = data::table_of(&collection, &data::key_range(0..100), 1);
        let place = rows.column("maybe");
        for row in &mut rows.rows {
            row.values[place] = Value::Int(7);
        }
        scene.source.fill(&collection, &rows).await;
        scene.plan_one("things", "");
        scene.converge().await;
        scene.expect("things", &rows).await;
    }
}
