//! Zilliz Cloud as the target: its indexes and its limits.

use testkit::collection::{Collection, FieldWords, Index, field, plain, var_char, vector};
use testkit::data;
use testkit::fake::{Plan, Profile};
use testkit::lines::auto_index;
use testkit::pb::milvus::CreateDatabaseRequest;
use testkit::pb::schema::DataType;
use testkit::scene::{doubles::Doubles, entry, expect_words};
use testkit::structs::{struct_array, vectors};

const DEDICATED: Plan = Plan::Dedicated { units: 1 };

async fn from_26(plan: Plan) -> Doubles {
    Doubles::of(Profile::milvus("2.6.5"), Profile::zilliz(plan, "2.6")).await
}

/// Every index of a vector becomes AUTOINDEX with its metric; those of scalars stay.
#[tokio::test]
async fn vectors_get_automatic_indexes_with_their_metrics() {
    let scene = from_26(DEDICATED).await;
    let mut collection = plain("things", DataType::Int64);
    collection.indexes.clear();
    collection.fields.extend([
        vector("clusters", DataType::FloatVector, 4),
        vector("bits", DataType::BinaryVector, 64),
        field("sparse", DataType::SparseFloatVector),
        vector("disk", DataType::FloatVector, 4),
        var_char("word", 600),
        field("rank", DataType::Int64),
    ]);
    let dense = vectors("dense", DataType::FloatVector, 4);
    let collection = collection
        .struct_field(struct_array("clips", vec![dense]))
        .index(Index::new("embedding", "HNSW", "COSINE", r#"{"M": 16, "efConstruction": 200}"#))
        .index(Index::new("clusters", "IVF_FLAT", "IP", r#"{"nlist": 128}"#).named("near"))
        .index(Index::new("bits", "BIN_IVF_FLAT", "JACCARD", r#"{"nlist": 16}"#))
        .index(Index::new("sparse", "SPARSE_INVERTED_INDEX", "IP", ""))
        .index(Index::new("disk", "DISKANN", "L2", ""))
        .index(Index::new("clips[dense]", "HNSW", "MAX_SIM_IP", r#"{"M": 16}"#))
        .index(Index::new("word", "Trie", "", ""))
        .index(Index::new("rank", "STL_SORT", "", "").named("ranks"));
    let rows = data::table(&collection, 300, 1);
    scene.source.fill(&collection, &rows).await;
    scene.plan_one("things", "");
    let (plan, _) = scene.converge().await;
    let replaced = ["HNSW", "IVF_FLAT", "BIN_IVF_FLAT", "SPARSE_INVERTED_INDEX", "DISKANN"];
    expect_words(
        &plan,
        &replaced
            .map(|kind| format!("AUTOINDEX takes the place of {kind}"))
            .each_ref()
            .map(String::as_str),
    );
    expect_words(&plan, &["index_replaced", "M = 16", "nlist = 128"]);
    let mut there: Vec<[String; 4]> = Vec::new();
    for index in scene.target.describe_index("things").await {
        let param = |name: &str| {
            let pair = index.params.iter().find(|pair| pair.key == name);
            pair.map(|pair| pair.value.clone()).unwrap_or_default()
        };
        assert!(param("M").is_empty() && param("nlist").is_empty());
        let (kind, metric) = (param("index_type"), param("metric_type"));
        there.push([index.field_name, index.index_name, kind, metric]);
    }
    there.sort();
    let wanted = [
        ["bits", "bits", "AUTOINDEX", "JACCARD"],
        ["clips[dense]", "clips[dense]", "AUTOINDEX", "MAX_SIM_IP"],
        ["clusters", "near", "AUTOINDEX", "IP"],
        ["disk", "disk", "AUTOINDEX", "L2"],
        ["embedding", "embedding", "AUTOINDEX", "COSINE"],
        ["rank", "ranks", "STL_SORT", ""],
        ["sparse", "sparse", "AUTOINDEX", "IP"],
        ["word", "word", "Trie", ""],
    ];
    assert_eq!(there, wanted.map(|index| index.map(str::to_owned)));
    scene.expect("things", &rows).await;
}

/// Refused before anything is written, by a code and with the numbers.
async fn refuses(plan: Plan, collection: &Collection, settings: &str, reasons: &[&str]) {
    let scene = from_26(plan).await;
    scene.source.fill(collection, &data::table(collection, 10, 1)).await;
    scene.plan_one(&collection.name, settings);
    scene.expect_refusal(reasons).await;
}

#[tokio::test]
async fn limits_of_a_collection_are_checked_before_anything_is_written() {
    let wide = |shards| plain("things", DataType::Int64).shards(shards);
    refuses(Plan::Serverless, &wide(3), "", &["too_many_shards", "3", "2"]).await;
    refuses(Plan::Dedicated { units: 8 }, &wide(5), "", &["too_many_shards", "5", "4"]).await;

    let mut many = plain("things", DataType::Int64);
    let more = (0..2).map(|number| vector(&format!("v{number}"), DataType::FloatVector, 4));
    many.fields.extend(more);
    let more = (2..4).map(|number| vector(&format!("v{number}"), DataType::FloatVector, 4));
    many.fields.extend(more);
    for number in 0..4 {
        many = many.index(auto_index(&format!("v{number}"), "L2"));
    }
    refuses(Plan::Free, &many, "", &["too_many_vector_fields", "5", "4"]).await;

    let mut described = plain("things", DataType::Int64);
    described.fields[1] = described.fields[1].clone().described("short");
    let long = format!("description = \"{}\"", "ü".repeat(513));
    refuses(DEDICATED, &described, &long, &["description_too_long", "1,024"]).await;

    let fields = Profile::milvus("3.0.0");
    let scene = Doubles::of(fields, Profile::zilliz(DEDICATED, "2.6")).await;
    let mut broad = plain("things", DataType::Int64);
    broad.fields.extend((0..62).map(|number| field(&format!("f{number}"), DataType::Bool)));
    scene.source.fill(&broad, &data::table(&broad, 10, 1)).await;
    scene.plan_one("things", "");
    scene.expect_refusal(&["too_many_fields", "65", "64"]).await;
}

#[tokio::test]
async fn partitions_are_counted() {
    // Milvus 2.4.5 takes 4,096 of them.
    let names: Vec<String> = (0..1024).map(|number| format!("p{number}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let collection = plain("things", DataType::Int64).partitions(&names);
    let scene = Doubles::of(Profile::milvus("2.4.5"), Profile::zilliz(DEDICATED, "2.6")).await;
    scene.source.fill(&collection, &data::table(&collection, 10, 1)).await;
    scene.plan_one("things", "");
    scene.expect_refusal(&["too_many_partitions", "1,024"]).await;
    // Together they fit.
    scene.plan_one("things", "partitions = \"merge\"");
    scene.plan().await.expect_code(2);

    let mut keyed = plain("things", DataType::Int64);
    keyed.fields.push(var_char("tenant", 600).partition_key());
    let settings = "partition_key = { field = \"tenant\", partitions = 1025 }";
    refuses(DEDICATED, &keyed, settings, &["too_many_partitions", "1,025", "1,024"]).await;
}

#[tokio::test]
async fn databases_are_for_dedicated_clusters() {
    let collection = plain("things", DataType::Int64);
    let rows = data::table(&collection, 50, 1);
    let scene = from_26(Plan::Serverless).await;
    scene.source.fill(&collection, &rows).await;
    scene.plan_one("things", "target_database = \"shop\"");
    scene.expect_refusal(&["target_lacks_feature", "no database but `default`"]).await;

    let scene = from_26(DEDICATED).await;
    scene.source.fill(&collection, &rows).await;
    scene.plan_one("things", "target_database = \"shop\"");
    scene.converge().await;
    assert_eq!(scene.to.requests::<CreateDatabaseRequest>().len(), 1);
    let read = scene.target.in_database("shop").read_all("things", &rows.keys(), &[]).await;
    testkit::table::assert_same(&rows, &read);
}

#[tokio::test]
async fn collections_are_counted() {
    let scene = from_26(Plan::Free).await;
    let rows = data::table(&plain("x", DataType::Int64), 10, 1);
    for number in 0..6 {
        scene.source.fill(&plain(&format!("c{number}"), DataType::Int64), &rows).await;
    }
    scene.plan_file(&entry("*", ""));
    scene.expect_refusal(&["too_many_collections", "6", "5"]).await;
    // Those that are there count.
    scene.target.create_collection(&plain("there", DataType::Int64)).await;
    scene.plan_file(&entry("*", "exclude = [\"c5\"]"));
    scene.expect_refusal(&["too_many_collections", "5"]).await;
    scene.plan_file(&entry("*", "exclude = [\"c5\", \"c4\"]"));
    scene.converge().await;
}
