//! Targets that take an attribute and forget it without a word.

use testkit::collection::{Collection, FieldWords, Index, bm25, field, plain, var_char};
use testkit::data;
use testkit::fake::{Attribute, Profile};
use testkit::lines::{auto_index, everything_26};
use testkit::pb::schema::DataType;
use testkit::pb::schema::value_field::Data;
use testkit::scene::{doubles::Doubles, expect_words};

/// One of everything that a server could forget.
fn collection() -> Collection {
    let mut collection = plain("things", DataType::Int64)
        .dynamic()
        .property("collection.ttl.seconds", "3600")
        .struct_field(everything_26("x", DataType::Int64).struct_fields.remove(0))
        .function(bm25("score", "words", "by_words"))
        .index(auto_index("by_words", "BM25"))
        .index(auto_index("things[dense]", "MAX_SIM"))
        .index(Index::new(
            "things[bits]",
            "HNSW",
            "MAX_SIM_HAMMING",
            r#"{"M": 8, "efConstruction": 64}"#,
        ));
    collection.description = "all of it".to_owned();
    let mut ordered = field("ordered", DataType::Int64);
    ordered.is_clustering_key = true;
    collection.fields.extend([
        field("maybe", DataType::Int64).nullable().described("may be null"),
        field("rank", DataType::Int64).with_default(Data::LongData(7)),
        ordered,
        var_char("tenant", 600).partition_key(),
        var_char("words", 600).param("enable_analyzer", "true").param("mmap.enabled", "true"),
        field("by_words", DataType::SparseFloatVector).function_output(),
    ]);
    collection
}

#[tokio::test]
async fn what_a_target_forgets_is_named_and_nothing_is_filled() {
    let said: [(Attribute, &str); 11] = [
        (Attribute::Nullable, "field \"maybe\" nullable is false, not true"),
        (Attribute::DefaultValue, "field \"rank\" default value is none"),
        (Attribute::ClusteringKey, "field \"ordered\" clustering_key is false, not true"),
        (Attribute::PartitionKey, "field \"tenant\" partition_key is false, not true"),
        (Attribute::DynamicField, "dynamic_field is false, not true"),
        (Attribute::Functions, "function \"score\" is missing"),
        (Attribute::StructArrayFields, "field \"things\" is missing"),
        (Attribute::CollectionDescription, "description is \"\", not \"all of it\""),
        (Attribute::FieldDescription, "field \"maybe\" description is \"\", not \"may be null\""),
        (
            Attribute::TypeParam("mmap.enabled".to_owned()),
            "field \"words\" mmap.enabled is missing, not true",
        ),
        (
            Attribute::Property("collection.ttl.seconds".to_owned()),
            "property collection.ttl.seconds is missing, not 3600",
        ),
    ];
    let collection = collection();
    let rows = data::table_of(&collection, &data::key_range(0..100), 1);
    for (attribute, text) in said {
        let forgetful = Profile::milvus("2.6.20").dropping(attribute.clone());
        // Without its parts the partition key takes no number of partitions.
        let scene = Doubles::of(Profile::milvus("2.6.20"), forgetful).await;
        scene.source.fill(&collection, &rows).await;
        let settings = match attribute {
            Attribute::PartitionKey => "partition_key = { field = \"tenant\" }",
            _ => "",
        };
        scene.plan_one("things", settings);
        scene.plan().await.expect_code(2);
        let apply = scene.apply().await.expect_code(5);
        expect_words(&apply, &[text, "Drop it there"]);
        for again in [scene.plan().await.expect_code(1), scene.apply().await.expect_code(1)] {
            expect_words(&again, &["target_schema_differs", text]);
        }
        assert!(scene.writes().is_empty(), "{attribute:?}");
        assert_eq!(scene.to.count("CreateCollection"), 1);
        assert_eq!(scene.to.count("CreateIndex") + scene.to.count("CreateAlias"), 0);
    }
}

/// What the target cannot keep is known by its version before anything is made.
#[tokio::test]
async fn what_an_older_target_would_forget_is_refused_before() {
    let collection = collection();
    let rows = data::table_of(&collection, &data::key_range(0..20), 1);
    let scene = Doubles::between("2.6.20", "2.3.5").await;
    scene.source.fill(&collection, &rows).await;
    scene.plan_one("things", "");
    scene
        .expect_refusal(&[
            "target_lacks_nullable",
            "target_lacks_feature",
            "target_lacks_functions",
            "clustering keys",
            "structs",
            "maybe",
            "score",
        ])
        .await;
}
