//! Properties of collections and databases; partitions, aliases and databases.

use testkit::collection::{Collection, FieldWords, field, plain};
use testkit::pb::milvus;
use testkit::pb::schema::DataType;

use super::super::talk::{Talk, alter, describe, kv, partition_request};
use super::names::alias;

const PROPERTIES: [(&str, &str); 37] = [
    ("collection.ttl.seconds", "100"),
    ("collection.ttl.seconds", "0"),
    ("collection.ttl.seconds", "-1"),
    ("collection.ttl.seconds", "-2"),
    ("collection.ttl.seconds", "x"),
    ("ttl_field", "id"),
    ("mmap.enabled", "true"),
    ("mmap.enabled", "yes"),
    ("lazyload.enabled", "true"),
    ("timezone", "Asia/Tokyo"),
    ("timezone", "Mars"),
    ("collection.autocompaction.enabled", "false"),
    ("collection.insertRate.max.mb", "1"),
    ("collection.replica.number", "1"),
    ("collection.replica.number", "x"),
    ("collection.resource_groups", "__default_resource_group"),
    ("collection.resource_groups", "none"),
    ("query_mode", "large_topk"),
    ("query_mode", "nonsense"),
    ("warmup.vectorIndex", "sync"),
    ("warmup.vectorIndex", "async"),
    ("warmup.vectorIndex", "nonsense"),
    ("warmup.scalarField", "disable"),
    ("partitionkey.isolation", "true"),
    ("consistency_level", "0"),
    ("consistency_level", "1"),
    ("dynamicfield.enabled", "true"),
    ("dynamicfield.enabled", "false"),
    ("namespace.enabled", "true"),
    ("allow_insert_auto_id", "true"),
    ("allow_update_auto_id", "true"),
    ("max_field_id", "200"),
    ("custom.key", "x"),
    ("milvus-ferry.filling.abc", "1"),
    ("collection.description", "d"),
    ("disable_func_runtime_check", "true"),
    ("collection.function.allowInsertNonBM25FunctionOutputs", "true"),
];

pub(super) async fn list(talk: &mut Talk) {
    talk.topic("properties");
    for (number, (key, value)) in PROPERTIES.into_iter().enumerate() {
        let what = format!("{key}={value}");
        let name = format!("p_new_{number}");
        let collection = plain(&name, DataType::Int64).property(key, value);
        let request = talk.probe.create_request(&collection);
        let made = talk.ask(format!("{what}: created with"), request).await;
        if made.is_some_and(|status| status.code == 0) {
            talk.properties(format!("{what}: created with, described"), &name).await;
            if key == "consistency_level" {
                talk.ask(format!("{what}: created with, all of it"), describe(&name)).await;
            }
        }
        let name = format!("p_old_{number}");
        talk.probe.create_collection(&plain(&name, DataType::Int64)).await;
        talk.ask(format!("{what}: altered"), alter(&name, &[(key, value)], &[])).await;
        talk.properties(format!("{what}: altered, described"), &name).await;
        let name = format!("p_loaded_{number}");
        let collection = plain(&name, DataType::Int64);
        talk.probe.create_collection(&collection).await;
        talk.probe.build_and_load(&collection).await;
        talk.ask(format!("{what}: altered while loaded"), alter(&name, &[(key, value)], &[])).await;
    }
    deleted(talk).await;
    isolation(talk).await;
    switched_on(talk).await;
}

async fn deleted(talk: &mut Talk) {
    let name = "p_deleted";
    let collection = plain(name, DataType::Int64)
        .property("collection.ttl.seconds", "60")
        .property("mmap.enabled", "true");
    talk.ready(&collection).await;
    talk.ask("deleted: one that is not there", alter(name, &[], &["custom.key"])).await;
    talk.ask("deleted", alter(name, &[], &["collection.ttl.seconds"])).await;
    talk.ask("deleted again", alter(name, &[], &["collection.ttl.seconds"])).await;
    talk.ask("deleted while loaded: mmap", alter(name, &[], &["mmap.enabled"])).await;
    talk.ask("deleted: timezone", alter(name, &[], &["timezone"])).await;
    talk.ask("deleted: max_field_id", alter(name, &[], &["max_field_id"])).await;
    talk.ask("set and deleted", alter(name, &[("custom.key", "x")], &["mmap.enabled"])).await;
    talk.ask("neither set nor deleted", alter(name, &[], &[])).await;
    talk.ask("the same value again while loaded", alter(name, &[("mmap.enabled", "true")], &[]))
        .await;
    talk.properties("deleted: described", name).await;
}

async fn isolation(talk: &mut Talk) {
    let mut collection = plain("p_keyed", DataType::Int64);
    collection.fields.push(field("tenant", DataType::Int64).partition_key());
    let isolated = |name: &str, value: &str| Collection {
        name: name.to_owned(),
        ..collection.clone().property("partitionkey.isolation", value)
    };
    talk.create("isolation yes", &isolated("p_isolated_yes", "yes")).await;
    talk.create("isolation", &isolated("p_isolated", "true")).await;
    let index =
        |params: &[(&str, &str)]| super::super::talk::index("p_isolated", "embedding", "", params);
    talk.ask("isolation: FLAT", index(&[("index_type", "FLAT"), ("metric_type", "L2")])).await;
    let hnsw =
        [("index_type", "HNSW"), ("metric_type", "L2"), ("M", "8"), ("efConstruction", "32")];
    talk.ask("isolation: HNSW", index(&hnsw)).await;
    let other = [("collection.ttl.seconds", "60")];
    talk.ask("isolation: another property set under an index", alter("p_isolated", &other, &[]))
        .await;
    let gone = alter("p_isolated", &[], &["collection.ttl.seconds"]);
    talk.ask("isolation: another property deleted under an index", gone).await;
    let off = [("partitionkey.isolation", "false")];
    talk.ask("isolation: off under an index", alter("p_isolated", &off, &[])).await;
    talk.ask(
        "isolation: deleted under an index",
        alter("p_isolated", &[], &["partitionkey.isolation"]),
    )
    .await;
}

/// The dynamic field, switched on later.
async fn switched_on(talk: &mut Talk) {
    let name = "p_dynamic";
    talk.ready(&plain(name, DataType::Int64)).await;
    talk.ask("dynamic field: on", alter(name, &[("dynamicfield.enabled", "true")], &[])).await;
    talk.ask("dynamic field: described", describe(name)).await;
    talk.ask("dynamic field: on again", alter(name, &[("dynamicfield.enabled", "true")], &[]))
        .await;
    talk.ask("dynamic field: off", alter(name, &[("dynamicfield.enabled", "false")], &[])).await;
    let both = [("dynamicfield.enabled", "true"), ("collection.ttl.seconds", "60")];
    talk.ask("dynamic field: with another property", alter(name, &both, &[])).await;
    talk.ask("dynamic field: nonsense", alter(name, &[("dynamicfield.enabled", "x")], &[])).await;
}

pub(super) async fn things(talk: &mut Talk) {
    partitions(talk).await;
    aliases(talk).await;
    databases(talk).await;
}

async fn partitions(talk: &mut Talk) {
    talk.topic("partitions");
    talk.create("create", &plain("things", DataType::Int64)).await;
    let show = || milvus::ShowPartitionsRequest {
        collection_name: "things".to_owned(),
        ..Default::default()
    };
    let drop = |name: &str| milvus::DropPartitionRequest {
        collection_name: "things".to_owned(),
        partition_name: name.to_owned(),
        ..Default::default()
    };
    talk.ask("show", show()).await;
    talk.ask("a new one", partition_request("things", "p")).await;
    talk.ask("repeated", partition_request("things", "p")).await;
    talk.ask("the default one", partition_request("things", "_default")).await;
    talk.ask("show two", show()).await;
    talk.ask("drop", drop("p")).await;
    talk.ask("drop again", drop("p")).await;
    talk.ask("drop of the default one", drop("_default")).await;
    talk.ask("drop of one without a name", drop("")).await;
    let mut keyed = plain("things_keyed", DataType::Int64);
    keyed.fields.push(field("tenant", DataType::Int64).partition_key());
    keyed.num_partitions = 2;
    talk.create("create with a partition key", &keyed).await;
    let show = milvus::ShowPartitionsRequest {
        collection_name: "things_keyed".to_owned(),
        ..Default::default()
    };
    talk.ask("show of a partition key", show).await;
    let dropped = milvus::DropPartitionRequest {
        collection_name: "things_keyed".to_owned(),
        ..drop("_default_0")
    };
    talk.ask("drop of a partition key", dropped).await;
}

async fn aliases(talk: &mut Talk) {
    talk.topic("aliases");
    for name in ["a_one", "a_two"] {
        talk.create(format!("{name}: create"), &plain(name, DataType::Int64)).await;
    }
    let moved = |collection: &str, alias: &str| milvus::AlterAliasRequest {
        collection_name: collection.to_owned(),
        alias: alias.to_owned(),
        ..Default::default()
    };
    let told = |alias: &str| milvus::DescribeAliasRequest {
        alias: alias.to_owned(),
        ..Default::default()
    };
    let dropped =
        |alias: &str| milvus::DropAliasRequest { alias: alias.to_owned(), ..Default::default() };
    talk.ask("a new one", alias("a_one", "a_x")).await;
    talk.ask("repeated", alias("a_one", "a_x")).await;
    talk.ask("of another collection", alias("a_two", "a_x")).await;
    talk.ask("named as a collection", alias("a_one", "a_two")).await;
    talk.ask("named as its collection", alias("a_one", "a_one")).await;
    talk.ask("of an alias", alias("a_x", "a_y")).await;
    talk.ask("describe", told("a_x")).await;
    talk.ask("describe none", told("a_none")).await;
    talk.ask("described by alias", describe("a_x")).await;
    talk.ask("move", moved("a_two", "a_x")).await;
    talk.ask("move to where it is", moved("a_two", "a_x")).await;
    talk.ask("describe the moved one", told("a_x")).await;
    talk.ask("move none", moved("a_one", "a_none")).await;
    talk.ask("move to an alias", moved("a_x", "a_x")).await;
    talk.ask("move what is a collection", moved("a_one", "a_two")).await;
    talk.ask("list", milvus::ListAliasesRequest::default()).await;
    let of = |name: &str| milvus::ListAliasesRequest {
        collection_name: name.to_owned(),
        ..Default::default()
    };
    talk.ask("list of a collection", of("a_two")).await;
    talk.ask("list of one without", of("a_one")).await;
    talk.ask("drop", dropped("a_x")).await;
    talk.ask("drop again", dropped("a_x")).await;
    talk.ask("drop what is a collection", dropped("a_one")).await;
}

async fn databases(talk: &mut Talk) {
    talk.topic("databases");
    let create = |name: &str, properties: &[(&str, &str)]| milvus::CreateDatabaseRequest {
        db_name: name.to_owned(),
        properties: kv(properties),
        ..Default::default()
    };
    let told = |name: &str| milvus::DescribeDatabaseRequest {
        db_name: name.to_owned(),
        ..Default::default()
    };
    let dropped =
        |name: &str| milvus::DropDatabaseRequest { db_name: name.to_owned(), ..Default::default() };
    talk.ask("a new one", create("d_one", &[])).await;
    talk.ask("repeated", create("d_one", &[])).await;
    talk.ask("default", create("default", &[])).await;
    talk.ask("describe", told("d_one")).await;
    let properties = [
        ("database.replica.number", "2"),
        ("database.replica.number", "x"),
        ("database.resource_groups", "none"),
        ("database.max.collections", "3"),
        ("database.diskQuota.mb", "9"),
        ("timezone", "Asia/Tokyo"),
        ("timezone", "Mars"),
        ("mmap.enabled", "true"),
        ("cipher.enabled", "true"),
        ("custom", "x"),
    ];
    for (number, (key, value)) in properties.into_iter().enumerate() {
        let alter = milvus::AlterDatabaseRequest {
            db_name: "d_one".to_owned(),
            properties: kv(&[(key, value)]),
            ..Default::default()
        };
        talk.ask(format!("{key}={value}: altered"), alter).await;
        let name = format!("d_with_{number}");
        talk.ask(format!("{key}={value}: created with"), create(&name, &[(key, value)])).await;
        talk.ask(format!("{key}={value}: created with, described"), told(&name)).await;
    }
    talk.ask("describe the altered one", told("d_one")).await;
    let both = milvus::AlterDatabaseRequest {
        db_name: "d_one".to_owned(),
        properties: kv(&[("custom", "y")]),
        delete_keys: vec!["custom".to_owned()],
        ..Default::default()
    };
    talk.ask("set and deleted", both).await;
    let delete = milvus::AlterDatabaseRequest {
        db_name: "d_one".to_owned(),
        delete_keys: vec!["custom".to_owned()],
        ..Default::default()
    };
    talk.ask("deleted", delete).await;
    let inside = talk.probe.in_database("d_one").create_request(&plain("d_in", DataType::Int64));
    talk.ask("collection inside", inside).await;
    talk.ask("drop with a collection", dropped("d_one")).await;
    let zoned = create("d_zoned", &[("timezone", "Asia/Tokyo")]);
    talk.ask("with a time zone", zoned).await;
    let inside = talk.probe.in_database("d_zoned");
    inside.create_collection(&plain("d_in_zone", DataType::Int64)).await;
    let described = milvus::DescribeCollectionRequest {
        db_name: "d_zoned".to_owned(),
        ..describe("d_in_zone")
    };
    talk.ask("collection in a time zone", described).await;
    talk.ask("drop default", dropped("default")).await;
    let out = milvus::DropCollectionRequest {
        db_name: "d_one".to_owned(),
        collection_name: "d_in".to_owned(),
        ..Default::default()
    };
    talk.ask("collection dropped", out).await;
    talk.ask("drop", dropped("d_one")).await;
    talk.ask("drop again", dropped("d_one")).await;
}
