//! Targets that are there: adopted with what they lack, altered when more is asked of them.

use testkit::collection::{Collection, FieldWords, Index, field, pair, plain, var_char};
use testkit::data;
use testkit::fake::{Attribute, Profile};
use testkit::lines::auto_index;
use testkit::pb::milvus::{CreateDatabaseRequest, DescribeDatabaseRequest};
use testkit::pb::schema::DataType;
use testkit::probe::Probe;
use testkit::scene::{doubles::Doubles, entry, expect_words};

const TTL: &str = "collection.ttl.seconds";

/// A source with partitions, indexes, aliases and properties.
fn rich() -> Collection {
    let mut collection = plain("things", DataType::Int64);
    collection.fields.extend([
        field("rank", DataType::Int64).nullable(),
        field("sparse", DataType::SparseFloatVector),
    ]);
    collection
        .partitions(&["p1", "p2"])
        .index(auto_index("sparse", "IP"))
        .index(Index::new("rank", "STL_SORT", "", "").named("ranks"))
        .alias("live")
        .property(TTL, "3600")
        .property("mmap.enabled", "true")
}

/// The same with nothing but what cannot be added.
fn bare() -> Collection {
    let mut collection = rich();
    collection.partitions.clear();
    collection.aliases.clear();
    collection.properties.clear();
    collection.indexes.truncate(1);
    collection
}

#[tokio::test]
async fn an_adopted_target_gets_what_it_lacks_and_nothing_else() {
    let scene = Doubles::between("2.6.5", "2.6.5").await;
    let (rich, bare) = (rich(), bare());
    let rows = data::table_of(&rich, &data::key_range(0..600), 1);
    let rows = rows.spread_over(&["_default", "p1", "p2"]);
    scene.source.fill(&rich, &rows).await;
    scene.target.create_collection(&bare).await;
    scene.target.create_index("things", &bare.indexes[0]).await;
    scene.target.create_partition("things", "p1").await;
    scene.plan_one("things", "");
    scene.expect_refusal(&["target_exists", "adopt"]).await;

    // Rows that are there before do not begin to expire unless the plan file says so itself.
    scene.plan_one("things", "existing = \"adopt\"");
    let plan = scene.plan().await.expect_code(2);
    expect_words(&plan, &["property_kept", TTL]);
    let settings = format!("existing = \"adopt\"\nproperties.set.\"{TTL}\" = 3600");
    scene.plan_one("things", &settings);
    scene.to.forget_calls();
    scene.converge().await;
    let calls = |rpc| scene.to.count(rpc);
    assert_eq!(calls("CreateCollection"), 0);
    assert_eq!((calls("CreatePartition"), calls("CreateIndex"), calls("CreateAlias")), (1, 2, 1));
    // It is marked, altered, and the mark is taken away.
    assert_eq!((calls("AlterCollection"), calls("Insert")), (3, 0));
    let names = ["_default", "p1", "p2"];
    let read = scene.target.read_all("things", &rows.keys(), &names).await;
    testkit::table::assert_same_by_partition(&rows, &read);
    let properties = scene.properties("things").await;
    assert_eq!(properties.get(TTL).map(String::as_str), Some("3600"));
    assert_eq!(properties.get("mmap.enabled").map(String::as_str), Some("true"));
    scene.expect_alike("things").await;
}

/// A property with another value is the target's own affair, unless the plan file says otherwise.
#[tokio::test]
async fn properties_of_an_adopted_target_change_only_by_order() {
    let scene = Doubles::between("2.6.5", "2.6.5").await;
    let source = plain("things", DataType::Int64).property(TTL, "3600");
    let target = plain("things", DataType::Int64).property(TTL, "60");
    let rows = data::table_of(&source, &data::key_range(0..100), 1);
    scene.source.fill(&source, &rows).await;
    scene.target.create_collection(&target).await;
    scene.plan_one("things", "existing = \"adopt\"");
    let plan = scene.plan().await.expect_code(2);
    expect_words(&plan, &["property_kept", "60", "3600"]);
    scene.converge().await;
    assert_eq!(scene.properties("things").await[TTL], "60");

    let set = format!("existing = \"adopt\"\nproperties = {{ set = {{ \"{TTL}\" = 3600 }} }}");
    scene.plan_one("things", &set);
    scene.to.forget_calls();
    scene.converge().await;
    assert_eq!(scene.properties("things").await[TTL], "3600");
    assert!(scene.writes().is_empty());
}

#[tokio::test]
async fn what_cannot_be_altered_is_a_conflict_that_names_it() {
    type Change = fn(&mut Collection);
    let cases: [(Change, &[&str]); 12] = [
        (|it| it.description = "other".to_owned(), &["target_attribute_differs", "description"]),
        (|it| it.shards = 2, &["target_attribute_differs", "shards is 2, not 1"]),
        (|it| it.consistency = 0, &["target_attribute_differs", "consistency"]),
        (
            |it| it.fields[1].description = "other".to_owned(),
            &["target_attribute_differs", "field \"text\" description"],
        ),
        (
            |it| it.fields[3].is_clustering_key = true,
            &["target_attribute_differs", "field \"rank\" clustering_key is true"],
        ),
        (
            |it| it.fields[1] = var_char("text", 900),
            &["target_attribute_differs", "VarChar(900)", "VarChar(500)"],
        ),
        (
            |it| it.fields[1] = var_char("text", 90),
            &["target_schema_differs", "VarChar(90)", "VarChar(500)"],
        ),
        (
            |it| it.fields[3].nullable = false,
            &["target_schema_differs", "field \"rank\" nullable is false, not true"],
        ),
        (|it| it.dynamic = true, &["target_schema_differs", "dynamic_field is true"]),
        (
            |it| it.fields.push(field("more", DataType::Bool)),
            &["target_schema_differs", "field \"more\""],
        ),
        (
            |it| it.indexes[0] = Index::new("embedding", "FLAT", "IP", ""),
            &["target_index_differs", "index on embedding: metric_type is IP, not L2"],
        ),
        (|it| it.partitions.push("mine".to_owned()), &["target_schema_differs", "mine"]),
    ];
    for (change, reasons) in cases {
        let scene = Doubles::between("2.6.5", "2.6.5").await;
        let source = rich();
        let rows = data::table_of(&source, &data::key_range(0..20), 1);
        scene.source.fill(&source, &rows).await;
        let mut target = bare();
        change(&mut target);
        scene.target.create_collection(&target).await;
        scene.target.create_index("things", &target.indexes[0]).await;
        scene.plan_one("things", "existing = \"adopt\"");
        scene.expect_refusal(reasons).await;
    }
}

/// Adopted by saying that it is to be so.
#[tokio::test]
async fn what_the_plan_file_asks_for_is_no_difference() {
    let scene = Doubles::between("2.6.5", "2.6.5").await;
    let source = rich();
    let rows = data::table_of(&source, &data::key_range(0..300), 1);
    scene.source.fill(&source, &rows).await;
    let mut target = bare();
    target.description = "other".to_owned();
    target.shards = 2;
    target.consistency = 0;
    target.fields[1] = var_char("text", 900).described("other");
    target.indexes[0] = Index::new("embedding", "HNSW", "IP", r#"{"M": 8}"#).named("near");
    scene.target.create_collection(&target).await;
    scene.target.create_index("things", &target.indexes[0]).await;
    let settings = "existing = \"adopt\"\ndescription = \"other\"\nshards = 2\n\
         consistency = \"strong\"\npartitions = \"merge\"\n\
         fields = { text = { max_length = 900, description = \"other\" } }\n\
         indexes = { embedding = { type = \"HNSW\", metric = \"IP\", name = \"near\", params = { M = 8 } } }";
    scene.plan_one("things", settings);
    scene.converge().await;
    scene.expect("things", &rows).await;
}

#[tokio::test]
async fn changed_properties_of_a_finished_target_are_altered() {
    let scene = Doubles::between("2.6.5", "2.6.5").await;
    let collection = plain("things", DataType::Int64).property(TTL, "3600");
    let rows = data::table_of(&collection, &data::key_range(0..300), 1);
    scene.source.fill(&collection, &rows).await;
    scene.plan_one("things", "");
    scene.converge().await;
    for (settings, value) in [
        (format!("properties = {{ set = {{ \"{TTL}\" = 60 }} }}"), Some("60")),
        (format!("properties = {{ set = {{ \"{TTL}\" = 90, timezone = \"UTC\" }} }}"), Some("90")),
        (format!("properties = {{ unset = [\"{TTL}\"] }}"), None),
    ] {
        scene.plan_one("things", &settings);
        scene.to.forget_calls();
        let (plan, _) = scene.converge().await;
        expect_words(&plan, &["properties are altered", TTL]);
        let properties = scene.properties("things").await;
        assert_eq!(properties.get(TTL).map(String::as_str), value);
        assert!(scene.writes().is_empty());
        assert_eq!(scene.to.count("CreateCollection"), 0);
    }
    scene.expect("things", &rows).await;
}

/// Indexes and aliases that are asked for anew are made; no row is touched.
#[tokio::test]
async fn a_finished_target_gets_what_is_asked_for_since() {
    let scene = Doubles::between("2.6.5", "2.6.5").await;
    let collection = plain("things", DataType::Int64);
    let rows = data::table_of(&collection, &data::key_range(0..300), 1);
    scene.source.fill(&collection, &rows).await;
    scene.plan_one("things", "");
    scene.converge().await;
    let settings = "properties = { set = { timezone = \"Asia/Tokyo\" } }\n\
         indexes = { text = { type = \"INVERTED\", name = \"words\" } }\naliases = [\"live\"]";
    scene.plan_one("things", settings);
    scene.to.forget_calls();
    scene.converge().await;
    assert!(scene.writes().is_empty());
    assert_eq!(scene.properties("things").await["timezone"], "Asia/Tokyo");
    let indexes = scene.target.describe_index("things").await;
    assert!(indexes.iter().any(|index| index.index_name == "words"));
    assert_eq!(scene.target.describe("things").await.aliases, ["live"]);
    scene.expect("things", &rows).await;
}

/// A target that does not keep what it is altered to says so, and does not come to rest in silence.
#[tokio::test]
async fn a_property_that_the_target_does_not_keep_is_told() {
    let scene = Doubles::between("2.6.5", "2.6.5").await;
    let collection = plain("things", DataType::Int64);
    let rows = data::table_of(&collection, &data::key_range(0..50), 1);
    scene.source.fill(&collection, &rows).await;
    scene.plan_one("things", "");
    scene.converge().await;
    scene.to.change(|profile| {
        profile.drops.insert(Attribute::Property(TTL.to_owned()));
    });
    scene.plan_one("things", &format!("properties = {{ set = {{ \"{TTL}\" = 60 }} }}"));
    let apply = scene.apply().await;
    expect_words(&apply, &["does not show these properties as altered", TTL]);
}

async fn database(probe: &Probe, name: &str, properties: &[(&str, &str)]) {
    let request = CreateDatabaseRequest {
        db_name: name.to_owned(),
        properties: properties.iter().map(|(name, value)| pair(name, value)).collect(),
        ..Default::default()
    };
    let answer = probe.raw().create_database(request).await.unwrap().into_inner();
    assert_eq!(answer.code, 0, "{}", answer.reason);
}

#[tokio::test]
async fn databases_are_made_with_their_portable_properties() {
    let scene = Doubles::between("2.6.20", "2.6.20").await;
    let own = [
        ("timezone", "Asia/Tokyo"),
        ("mmap.enabled", "true"),
        ("database.max.collections", "7"),
        ("database.replica.number", "2"),
    ];
    database(&scene.source, "shop", &own).await;
    let source = scene.source.in_database("shop");
    let mut collection = plain("things", DataType::Int64);
    collection.fields.push(field("moment", DataType::Timestamptz));
    let mut rows = data::table_of(&collection, &data::key_range(0..100), 1);
    // The last second of the year 9999 has no text east of Greenwich.
    rows.rows.remove(4);
    source.fill(&collection, &rows).await;
    let other = Collection { name: "others".to_owned(), ..collection.clone() };
    source.fill(&other, &rows).await;
    scene.plan_file(&entry("*", "source_database = \"shop\"\ntarget_database = \"store\""));
    let (plan, _) = scene.converge().await;
    let said = ["database_properties", "database.max.collections", "database.replica.number"];
    expect_words(&plan, &said);
    assert_eq!(scene.to.count("CreateDatabase"), 1);
    let request = DescribeDatabaseRequest { db_name: "store".to_owned(), ..Default::default() };
    let answer = scene.target.raw().describe_database(request).await.unwrap().into_inner();
    let mut properties = answer.properties;
    properties.sort_by(|a, b| a.key.cmp(&b.key));
    assert_eq!(properties, [pair("mmap.enabled", "true"), pair("timezone", "Asia/Tokyo")]);
    let there = source.read_all("things", &rows.keys(), &[]).await;
    let read = scene.target.in_database("store").read_all("things", &rows.keys(), &[]).await;
    testkit::table::assert_same(&there, &read);

    // One that is there stays as it is.
    let scene = Doubles::of(Profile::milvus("2.6.20"), Profile::milvus("3.0.0")).await;
    database(&scene.source, "shop", &own).await;
    scene.source.in_database("shop").fill(&collection, &rows).await;
    database(&scene.target, "shop", &[]).await;
    scene.to.forget_calls();
    scene.plan_file(&entry("things", "database = \"shop\""));
    scene.converge().await;
    assert_eq!(scene.to.count("CreateDatabase") + scene.to.count("AlterDatabase"), 0);
}
