//! Fields that are different at the target.

use testkit::collection::{Collection, FieldWords, Index, bm25, field, plain, var_char, vector};
use testkit::data;
use testkit::fake::Profile;
use testkit::lines::auto_index;
use testkit::pb::milvus::DescribeCollectionResponse;
use testkit::pb::schema::value_field::Data;
use testkit::pb::schema::{DataType, FieldSchema};
use testkit::scene::{doubles::Doubles, expect_words};
use testkit::table::{Table, Value};

fn the_field(described: &DescribeCollectionResponse, name: &str) -> FieldSchema {
    let fields = &described.schema.as_ref().unwrap().fields;
    fields.iter().find(|field| field.name == name).unwrap_or_else(|| panic!("{name}")).clone()
}

fn param<'a>(field: &'a FieldSchema, name: &str) -> Option<&'a str> {
    field.type_params.iter().find(|pair| pair.key == name).map(|pair| pair.value.as_str())
}

/// A collection where nearly every field is named somewhere.
fn referred(key_type: DataType) -> Collection {
    let mut collection = plain("things", key_type).dynamic().shards(2);
    collection.fields[1] = var_char("text", 500).param("enable_analyzer", "true");
    collection.fields.extend([
        field("by_words", DataType::SparseFloatVector).function_output(),
        var_char("tenant", 64),
        field("junk", DataType::Int64),
        vector("old", DataType::FloatVector, 4),
        var_char("title", 600),
    ]);
    collection.fields[4].is_partition_key = true;
    collection.num_partitions = 8;
    collection.indexes[0] = Index::new("embedding", "HNSW", "COSINE", r#"{"M": 16}"#).named("near");
    collection
        .function(bm25("score", "text", "by_words"))
        .index(auto_index("by_words", "BM25"))
        .index(Index::new("tenant", "INVERTED", "", "").named("of_tenant"))
        .index(auto_index("old", "L2"))
        .index(Index::new("junk", "STL_SORT", "", ""))
}

/// Texts of at most 64 bytes, as the partition key's.
fn rows(collection: &Collection, count: usize) -> Table {
    let mut rows = data::table(collection, count, 4);
    let tenant = rows.column("tenant");
    for (number, row) in rows.rows.iter_mut().enumerate() {
        row.values[tenant] = Value::Text(format!("tenant {}", number % 7));
    }
    rows
}

#[tokio::test]
async fn fields_are_renamed_dropped_and_widened() {
    for key_type in [DataType::Int64, DataType::VarChar] {
        let scene = Doubles::between("2.5.4", "2.6.5").await;
        let collection = referred(key_type);
        let rows = rows(&collection, 1000);
        scene.source.fill(&collection, &rows).await;
        scene.plan_one(
            "things",
            "[collections.fields]\n\
             id = { rename = \"key\", description = \"the key\" }\n\
             text = { rename = \"body\", max_length = 4096 }\n\
             embedding = { rename = \"near\" }\n\
             by_words = { rename = \"words\" }\n\
             tenant = { rename = \"customer\" }\n\
             title = { rename = \"text\", mmap = true }\n\
             junk = { drop = true }\n\
             old = { drop = true }\n\
             [collections.indexes]\n\
             junk = \"none\"\n\
             old = \"none\"\n\
             [verify]\n\
             content = \"full\"\n",
        );
        let (plan, _) = scene.converge().await;
        expect_words(&plan, &["field_dropped", "\"junk\"", "\"old\""]);
        assert!(scene.chunks() > 1);
        let rows = rows
            .renamed("id", "key")
            .renamed("text", "body")
            .renamed("embedding", "near")
            .renamed("tenant", "customer")
            .renamed("title", "text")
            .without("junk")
            .without("old");
        scene.expect("things", &rows).await;
        let described = scene.target.describe("things").await;
        assert_eq!(described.num_partitions, 8);
        assert!(the_field(&described, "key").is_primary_key);
        assert_eq!(the_field(&described, "key").description, "the key");
        assert!(the_field(&described, "customer").is_partition_key);
        assert_eq!(param(&the_field(&described, "body"), "max_length"), Some("4096"));
        assert_eq!(param(&the_field(&described, "text"), "mmap.enabled"), Some("true"));
        let function = &described.schema.unwrap().functions[0];
        assert_eq!(function.input_field_names, ["body"]);
        assert_eq!(function.output_field_names, ["words"]);
        let mut indexes: Vec<(String, String)> = scene
            .target
            .describe_index("things")
            .await
            .into_iter()
            .map(|index| (index.field_name, index.index_name))
            .collect();
        indexes.sort();
        let pairs = [("customer", "of_tenant"), ("near", "near"), ("words", "words")];
        assert_eq!(indexes, pairs.map(|(field, name)| (field.to_owned(), name.to_owned())));
    }
}

#[tokio::test]
async fn what_fields_cannot_become_is_refused() {
    let scene = Doubles::between("2.6.5", "2.6.5").await;
    let collection = referred(DataType::Int64);
    scene.source.fill(&collection, &rows(&collection, 20)).await;
    for (settings, reasons) in [
        ("id = { drop = true }", ["dropped_field_needed", "primary key"]),
        ("tenant = { drop = true }", ["dropped_field_needed", "partition key"]),
        ("text = { drop = true }", ["dropped_field_needed", "score"]),
        ("by_words = { drop = true }", ["dropped_field_needed", "score"]),
        ("text = { max_length = 499 }", ["max_length_narrowed", "at least 500"]),
        ("junk = { rename = \"old\" }", ["field_name_taken", "old"]),
        ("nothing = { rename = \"more\" }", ["field_missing", "nothing"]),
        ("junk = { max_length = 5 }", ["field_override_unfit", "max_length"]),
        ("junk = { drop_default = true }", ["field_override_unfit", "drop_default"]),
    ] {
        scene.plan_one("things", &format!("fields = {{ {settings} }}"));
        scene.expect_refusal(&reasons).await;
    }
}

/// A null that is sent to a field with a default becomes the default.
#[tokio::test]
async fn nulls_stay_nulls_where_the_default_is_dropped() {
    for (from, to) in [("2.5.4", "2.6.5"), ("2.6.5", "3.0.0")] {
        let scene = Doubles::between(from, to).await;
        let mut collection = plain("things", DataType::Int64);
        let rank = field("rank", DataType::Int64).nullable().with_default(Data::LongData(7));
        collection.fields.push(rank);
        let mut rows = data::table_of(&collection, &data::key_range(0..200), 1);
        let rank = rows.column("rank");
        rows.rows.iter_mut().for_each(|row| row.values[rank] = Value::Int(3));
        scene.source.fill(&collection, &rows).await;
        // Nothing is null: nothing stands against it.
        scene.plan_one("things", "target = \"whole\"");
        scene.converge().await;
        scene.expect("whole", &rows).await;

        // Rows that are older than the field.
        for number in [0, 100, 199] {
            rows.rows[number].values[rank] = Value::Null;
        }
        scene.from.with_collection("default", "things", |collection| {
            let place = collection.columns.iter().position(|c| c.field.name == "rank").unwrap();
            for number in [0, 100, 199] {
                collection.rows[number].values[place] = Value::Null;
            }
        });
        scene.plan_one("things", "");
        scene.expect_refusal(&["nulls_become_default", "3 rows", "drop_default"]).await;
        scene.plan_one("things", "fields = { rank = { drop_default = true } }");
        scene.converge().await;
        scene.expect("things", &rows).await;
        let field = the_field(&scene.target.describe("things").await, "rank");
        assert!(field.nullable && field.default_value.is_none());
    }
}

#[tokio::test]
async fn a_nullable_field_becomes_the_partition_key_where_no_row_is_null() {
    for kind in [DataType::Int64, DataType::VarChar] {
        let scene = Doubles::between("2.5.4", "2.6.5").await;
        let mut collection = plain("things", DataType::Int64);
        let tenant =
            if kind == DataType::Int64 { field("tenant", kind) } else { var_char("tenant", 600) };
        collection.fields.push(tenant.clone());
        let mut rows = data::table_of(&collection, &data::key_range(0..1000), 1);
        collection.fields[3] = tenant.nullable();
        rows.columns = collection.columns();
        scene.source.fill(&collection, &rows).await;
        scene.plan_one("things", "partition_key = { field = \"tenant\", partitions = 4 }");
        scene.converge().await;
        scene.expect("things", &rows).await;
        let described = scene.target.describe("things").await;
        let field = the_field(&described, "tenant");
        assert!(field.is_partition_key && !field.nullable);
        assert_eq!(described.num_partitions, 4);

        scene.from.with_collection("default", "things", |collection| {
            let place = collection.columns.iter().position(|c| c.field.name == "tenant").unwrap();
            collection.rows[7].values[place] = Value::Null;
        });
        let settings = "target = \"other\"\npartition_key = { field = \"tenant\" }";
        scene.plan_one("things", settings);
        scene.expect_refusal(&["partition_key_unfit", "tenant", "null in 1 row"]).await;
    }
}

/// Servers refuse a dynamic key that is the name of a field since 2.5.
#[tokio::test]
async fn dynamic_keys_that_a_field_would_hide_are_refused() {
    let scene = Doubles::between("2.4.10", "2.6.5").await;
    let collection = plain("things", DataType::Int64).dynamic();
    let mut rows = data::table_of(&collection, &data::key_range(0..300), 1);
    let meta = rows.column("$meta");
    rows.rows[5].values[meta] = Value::Json(br#"{"text": "hidden", "size": 1}"#.to_vec());
    rows.rows[299].values[meta] = Value::Json(br#"{"text": 2}"#.to_vec());
    scene.source.fill(&collection, &rows).await;
    scene.plan_one("things", "");
    scene.expect_refusal(&["dynamic_key_shadowed", "things/text", "2 rows"]).await;

    // With another name for the field there is nothing in the way …
    scene.plan_one("things", "fields = { text = { rename = \"body\" } }");
    scene.converge().await;
    scene.expect("things", &rows.clone().renamed("text", "body")).await;
    // … unless that name hides another key.
    scene.plan_one("things", "target = \"b\"\nfields = { text = { rename = \"size\" } }");
    scene.expect_refusal(&["dynamic_key_shadowed", "things/size", "1 row"]).await;

    // A target that takes such rows gets them.
    let scene = Doubles::of(Profile::milvus("2.4.10"), Profile::milvus("2.4.1")).await;
    scene.source.fill(&collection, &rows).await;
    scene.plan_one("things", "");
    scene.converge().await;
    scene.expect("things", &rows).await;
}
