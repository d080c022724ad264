//! Which collections are taken, and what is said of them.

use super::scene::{Scene, fine, refused, small};
use testkit::collection::{
    Collection, FieldWords, array, field, key, pair, plain, var_char, vector,
};
use testkit::data;
use testkit::fake::Profile;
use testkit::lines::{everything_26, everything_30};
use testkit::pb::milvus;
use testkit::pb::schema::value_field::Data;
use testkit::pb::schema::{DataType, FieldSchema};
use testkit::structs::{struct_array, vectors};

async fn says(version: &str, collection: &Collection) -> testkit::pb::common::Status {
    Scene::milvus(version).await.create(collection).await
}

/// What 2.6.20 says to a collection with this field.
async fn says_to(field: FieldSchema) -> testkit::pb::common::Status {
    says("2.6.20", &small(vec![field])).await
}

#[tokio::test]
async fn an_identical_repeat_succeeds_and_another_does_not() {
    let scene = Scene::milvus("2.6.20").await;
    let collection = plain("things", DataType::Int64);
    fine(scene.create(&collection).await);
    fine(scene.create(&collection).await);
    let other = collection.clone().shards(2);
    refused(
        scene.create(&other).await,
        1100,
        "create duplicate collection with different parameters",
    );
    let other = collection.property("mmap.enabled", "true");
    refused(scene.create(&other).await, 1100, "different parameters");
}

#[tokio::test]
async fn names_are_of_letters_digits_and_underscores() {
    let named = |name: &str| plain(name, DataType::Int64);
    for wrong in ["", "1a", "a-b", "größe", "a b", &"x".repeat(256)] {
        let text = "collection name";
        refused(says("2.6.20", &named(wrong)).await, 1100, text);
    }
    for good in ["_a1", "A", &"x".repeat(255)] {
        fine(says("2.6.20", &named(good)).await);
    }
    for version in ["2.5.4", "2.6.20", "3.0.0"] {
        refused(says(version, &named("a$b")).await, 1100, "can only contain");
    }
    for (wrong, code) in [("$meta", 1701), ("RowID", 1100), ("Timestamp", 1100), ("1st", 1701)] {
        let status = says_to(field(wrong, DataType::Int64)).await;
        assert_eq!(status.code, code, "{wrong}: {}", status.reason);
    }
    let kept = small(vec![field("RowID", DataType::Int64)]);
    refused(says("3.0.0", &kept).await, 1701, "reserved for internal use");
    let twice = small(vec![field("a", DataType::Int64), field("a", DataType::Bool)]);
    refused(says("2.6.20", &twice).await, 1100, "duplicated field name a");
}

#[tokio::test]
async fn descriptions_are_short_from_2_6_19_on() {
    let mut collection = plain("things", DataType::Int64);
    collection.description = "x".repeat(1025);
    fine(says("2.6.18", &collection).await);
    refused(says("2.6.19", &collection).await, 1100, "must not exceed 1024 bytes");
    collection.description.pop();
    fine(says("2.6.20", &collection).await);
    let long = field("number", DataType::Int64).described(&"x".repeat(1025));
    fine(says_to(long).await);
}

#[tokio::test]
async fn fields_vectors_shards_and_partitions_are_counted() {
    let many = |count: usize| {
        let fields = (0..count).map(|number| field(&format!("f{number}"), DataType::Bool));
        small(fields.collect())
    };
    fine(says("2.6.20", &many(62)).await);
    refused(
        says("2.6.20", &many(63)).await,
        1100,
        "maximum field's number should be limited to 64",
    );
    fine(says("3.0.0", &many(254)).await);
    refused(says("3.0.0", &many(255)).await, 1100, "limited to 256");
    let vectors = |count: usize| {
        small((0..count).map(|n| vector(&format!("v{n}"), DataType::FloatVector, 4)).collect())
    };
    fine(says("2.5.4", &vectors(4)).await);
    refused(
        says("2.5.4", &vectors(5)).await,
        65_535,
        "maximum vector field's number should be limited to 4",
    );
    fine(says("2.6.20", &vectors(10)).await);
    refused(says("2.6.20", &vectors(11)).await, 1100, "limited to 10");
    let bare = Collection::new("bare", vec![key(DataType::Int64)]);
    refused(says("2.6.20", &bare).await, 1100, "does not contain vector field");
    fine(says("2.6.20", &plain("a", DataType::Int64).shards(16)).await);
    let wide = plain("a", DataType::Int64).shards(17);
    refused(says("2.6.20", &wide).await, 1100, "maximum shards's number should be limited to 16");
    let mut keyed = small(vec![field("tenant", DataType::Int64).partition_key()]);
    keyed.num_partitions = 1025;
    fine(says("2.4.5", &keyed).await);
    refused(says("2.4.6", &keyed).await, 1100, "exceeds max configuration");
    let mut plain = plain("things", DataType::Int64);
    plain.num_partitions = 4;
    refused(says("2.5.4", &plain).await, 65_535, "num_partitions should only be specified");
}

#[tokio::test]
async fn lengths_capacities_and_dimensions_are_bounded() {
    refused(says_to(field("text", DataType::VarChar)).await, 1101, "type param(max_length)");
    refused(says_to(var_char("text", 65_536)).await, 1100, "should be in (0, 65535]");
    fine(says_to(var_char("text", 65_535)).await);
    let mut wide = array("words", DataType::Int32);
    wide.type_params = vec![pair("max_capacity", "4097")];
    refused(says_to(wide).await, 1100, "should be in (0, 4096]");
    refused(says_to(array("words", DataType::Json)).await, 1100, "element type JSON");
    for (kind, good, wrong) in [
        (DataType::FloatVector, 32_768, 32_769),
        (DataType::FloatVector, 2, 1),
        (DataType::BinaryVector, 262_144, 262_152),
        (DataType::BinaryVector, 8, 9),
    ] {
        fine(says_to(vector("v", kind, good)).await);
        refused(says_to(vector("v", kind, wrong)).await, 1100, "invalid dimension");
    }
    refused(says_to(vector("v", DataType::SparseFloatVector, 8)).await, 1100, "dim should not be");
    refused(says_to(field("v", DataType::FloatVector)).await, 1100, "dimension is not defined");
}

#[tokio::test]
async fn keys_are_of_the_right_kind() {
    let of = |fields: Vec<FieldSchema>| {
        let mut all = fields;
        all.push(vector("embedding", DataType::FloatVector, 4));
        Collection::new("things", all)
    };
    let id = || key(DataType::Int64);
    let number = || field("number", DataType::Int64);
    for (collection, words) in [
        (of(vec![number()]), "primary key is not specified"),
        (of(vec![id(), number().primary()]), "more than one primary key"),
        (of(vec![key(DataType::Int32)]), "primary key should be Int64 or VarChar"),
        (of(vec![id().nullable()]), "primary field not support null"),
        (of(vec![id().with_default(Data::LongData(1))]), "primary field not support default_value"),
        (of(vec![id(), number().auto_id()]), "AutoID"),
        (of(vec![id(), number().partition_key().nullable()]), "not support nullable"),
        (of(vec![id().partition_key()]), "must not be primary field"),
        (of(vec![id(), field("x", DataType::Bool).partition_key()]), "should be Int64 or VarChar"),
        (
            of(vec![id(), number().partition_key(), field("x", DataType::Int64).partition_key()]),
            "more than one partition key",
        ),
    ] {
        let status = says("2.6.20", &collection).await;
        assert!(status.code != 0 && status.reason.contains(words), "{words}: {status:?}");
    }
    let mut first = number();
    first.is_clustering_key = true;
    let mut second = field("second", DataType::Int64);
    second.is_clustering_key = true;
    let scene = Scene::milvus("2.6.20").await;
    fine(scene.create(&of(vec![id(), first.clone()])).await);
    assert!(scene.probe.describe("things").await.schema.unwrap().fields[1].is_clustering_key);
    refused(
        says("2.6.20", &of(vec![id(), first, second])).await,
        105,
        "more than one clustering key",
    );
    let mut wrong = vector("v", DataType::FloatVector, 4);
    wrong.is_clustering_key = true;
    refused(says_to(wrong).await, 107, "vector clustering key not allowed");
}

#[tokio::test]
async fn vectors_are_nullable_from_2_6_18_on() {
    let maybe = small(vec![vector("maybe", DataType::FloatVector, 4).nullable()]);
    refused(says("2.6.17", &maybe).await, 1100, "vector type not support null");
    fine(says("2.6.18", &maybe).await);
}

#[tokio::test]
async fn defaults_fit_their_fields() {
    let good = [
        field("a", DataType::Int8).with_default(Data::IntData(127)),
        field("a", DataType::Bool).with_default(Data::BoolData(true)),
        field("a", DataType::Float).with_default(Data::FloatData(f32::NAN)),
        var_char("a", 3).with_default(Data::StringData("abc".to_owned())),
        field("a", DataType::Timestamptz)
            .with_default(Data::StringData("2024-01-01T00:00:00Z".to_owned())),
    ];
    for field in good {
        fine(says_to(field).await);
    }
    let wrong = [
        field("a", DataType::Int8).with_default(Data::IntData(128)),
        field("a", DataType::Int64).with_default(Data::IntData(1)),
        field("a", DataType::Json).with_default(Data::BytesData(b"{}".to_vec())),
        var_char("a", 3).with_default(Data::StringData("abcd".to_owned())),
        array("a", DataType::Int32).with_default(Data::IntData(1)),
    ];
    for field in wrong {
        let status = says_to(field).await;
        assert_eq!(status.code, 1100, "{status:?}");
    }
}

#[tokio::test]
async fn structs_hold_arrays_and_nothing_else() {
    let of = |fields: Vec<FieldSchema>| {
        plain("things", DataType::Int64).struct_field(struct_array("parts", fields))
    };
    fine(says("2.6.20", &of(vec![vectors("dense", DataType::FloatVector, 4)])).await);
    let scalar = of(vec![field("number", DataType::Int64)]);
    refused(says("2.6.20", &scalar).await, 1100, "must be Array or ArrayOfVector");
    let nullable = of(vec![array("words", DataType::VarChar).nullable()]);
    refused(
        says("2.6.20", &nullable).await,
        1100,
        "nullable is not supported for fields in struct",
    );
    refused(says("2.6.20", &of(Vec::new())).await, 1100, "has no sub-fields");
    // A vector field of the top level is none.
    let astray = small(vec![vectors("dense", DataType::FloatVector, 4)]);
    refused(says("2.6.20", &astray).await, 1100, "only be in the struct array field");
    // Before 2.6 the whole field is an unknown part of the message.
    let scene = Scene::milvus("2.5.4").await;
    fine(scene.create(&of(vec![vectors("dense", DataType::FloatVector, 4)])).await);
    assert!(scene.probe.describe("things").await.schema.unwrap().struct_array_fields.is_empty());
}

#[tokio::test]
async fn a_description_says_what_its_line_says() {
    let scene = Scene::milvus("2.6.20").await;
    let mut collection = everything_26("things", DataType::Int64)
        .property("collection.ttl.seconds", "3600")
        .shards(2)
        .alias("other");
    collection.struct_fields[0].nullable = true; // not known yet
    scene.probe.create_collection(&collection).await;
    scene.probe.build_and_load(&collection).await;
    let described = scene.probe.describe("other").await;
    let schema = described.schema.unwrap();
    assert_eq!((described.collection_name.as_str(), schema.name.as_str()), ("other", "things"));
    assert_eq!((described.shards_num, described.aliases), (2, vec!["other".to_owned()]));
    assert!(described.update_timestamp > 0 && described.num_partitions == 1);
    assert!(!schema.struct_array_fields[0].nullable);
    assert!(schema.properties.is_empty());
    assert!(schema.enable_dynamic_field && schema.fields.iter().all(|field| !field.is_dynamic));
    assert!(schema.fields.iter().all(|field| field.field_id >= 100));
    let sent: Vec<&String> = collection.fields.iter().map(|field| &field.name).collect();
    assert_eq!(schema.fields.iter().map(|field| &field.name).collect::<Vec<_>>(), sent);

    let scene = Scene::milvus("3.0.0").await;
    let collection = everything_30("things", DataType::Int64).property("mmap.enabled", "true");
    scene.probe.create_collection(&collection).await;
    let schema = scene.probe.describe("things").await.schema.unwrap();
    assert!(schema.struct_array_fields[0].nullable);
    // The dynamic column is the last.
    let last = schema.struct_array_fields[0].fields.last().unwrap().field_id + 1;
    let last = last.to_string();
    let stamped = [
        pair("max_field_id", &last),
        pair("mmap.enabled", "true"),
        pair("namespace.sharding.enabled", "false"),
        pair("timezone", "UTC"),
    ];
    assert_eq!(schema.properties, stamped);
    let scene = Scene::milvus("2.6.6").await;
    scene.probe.create_collection(&plain("things", DataType::Int64)).await;
    assert_eq!(scene.probe.describe("things").await.properties, [pair("timezone", "UTC")]);

    let scene = Scene::milvus("2.4.10").await;
    scene.probe.create_collection(&plain("things", DataType::Int64)).await;
    assert_eq!(scene.probe.describe("things").await.update_timestamp, 0);
}

#[tokio::test]
async fn a_default_moment_is_described_as_a_text() {
    let text = Data::StringData("1970-01-01T00:00:01Z".to_owned());
    let collection = small(vec![field("at", DataType::Timestamptz).with_default(text.clone())]);
    for version in ["2.6.20", "3.0.0"] {
        let scene = Scene::milvus(version).await;
        scene.probe.create_collection(&collection).await;
        let schema = scene.probe.describe("small").await.schema.unwrap();
        assert_eq!(schema.fields[1].default_value.clone().unwrap().data, Some(text.clone()));
    }
}

#[tokio::test]
async fn collections_and_databases_are_counted() {
    let scene = Scene::of(Profile::milvus("2.6.20").set(|profile| {
        profile.limits.collections = 1;
        profile.limits.databases = 2;
    }))
    .await;
    fine(scene.create(&plain("one", DataType::Int64)).await);
    let status = scene.create(&plain("two", DataType::Int64)).await;
    refused(status, 102, "exceeded the limit number of collections");
    scene.probe.create_database("more").await;
    let request = testkit::pb::milvus::CreateDatabaseRequest {
        db_name: "too_many".to_owned(),
        ..Default::default()
    };
    let status = scene.probe.raw().create_database(request).await.unwrap().into_inner();
    refused(status, 801, "exceeded the limit number of database");
}

/// Beside the words that lists of the server have, a filter has words that no list has.
#[tokio::test]
async fn words_of_the_filter_language_are_refused_or_cannot_be_asked_for() {
    // Version, and names: refused; taken and in no filter; like any other.
    let cases = [
        ("2.4.11", "", "like EXISTS LIKE", "IN text_match null"),
        ("2.4.17", "like TRUE array_length", "LIKE IN", "AND tRUE is"),
        ("2.5.4", "like", "text_match AND", "phrase_match st_contains Like"),
        ("2.5.27", "text_match", "phrase_match ST_WITHIN", "random_sample iso"),
        (
            "2.6.20",
            "phrase_match RANDOM_SAMPLE",
            "interval iso minimum_should_match st_dwithin NOT",
            "null threshold __virtual_pk__ match_all",
        ),
        (
            "3.0.0",
            "null Null __virtual_pk__",
            "threshold match_exact element_filter st_isvalid text_match_fuzzy",
            "max_edit_distance is",
        ),
    ];
    for (version, kept_out, unnamed, fine_ones) in cases {
        let scene = Scene::milvus(version).await;
        let called = |name: &str| {
            let mut collection = plain("things", DataType::Int64);
            collection.fields[0].name = name.to_owned();
            collection
        };
        for name in kept_out.split_whitespace() {
            refused(scene.create(&called(name)).await, 1701, "field name invalid");
        }
        let unnamed = unnamed.split_whitespace().map(|name| (name, false));
        for (name, named) in unnamed.chain(fine_ones.split_whitespace().map(|name| (name, true))) {
            let collection = called(name);
            scene.probe.fill(&collection, &data::table(&collection, 3, 1)).await;
            let query = milvus::QueryRequest {
                collection_name: "things".to_owned(),
                expr: format!("{name} > 0 and {name} <= 5"),
                output_fields: vec![name.to_owned()],
                ..Default::default()
            };
            let status = scene.probe.raw().query(query).await.unwrap().into_inner().status.unwrap();
            if named {
                fine(status);
            } else {
                refused(status, 1100, "cannot parse expression");
            }
            scene.probe.drop_collection("things").await;
        }
    }
}
