//! Loading, in part and in several replicas, and what is said of it.

use testkit::collection::{Collection, Index, field, plain, var_char};
use testkit::pb::milvus;
use testkit::pb::schema::DataType;

use super::super::talk::{Talk, index, kv, load, partition_request, query, release};

pub(super) fn replicas(name: &str) -> milvus::GetReplicasRequest {
    milvus::GetReplicasRequest { collection_name: name.to_owned(), ..Default::default() }
}

fn partitions(name: &str, names: &[&str], replicas: i32) -> milvus::LoadPartitionsRequest {
    milvus::LoadPartitionsRequest {
        collection_name: name.to_owned(),
        partition_names: names.iter().map(|name| (*name).to_owned()).collect(),
        replica_number: replicas,
        ..Default::default()
    }
}

fn release_partitions(name: &str, names: &[&str]) -> milvus::ReleasePartitionsRequest {
    milvus::ReleasePartitionsRequest {
        collection_name: name.to_owned(),
        partition_names: names.iter().map(|name| (*name).to_owned()).collect(),
        ..Default::default()
    }
}

fn state(name: &str, names: &[&str]) -> milvus::GetLoadStateRequest {
    milvus::GetLoadStateRequest {
        collection_name: name.to_owned(),
        partition_names: names.iter().map(|name| (*name).to_owned()).collect(),
        ..Default::default()
    }
}

fn progress(name: &str, names: &[&str]) -> milvus::GetLoadingProgressRequest {
    milvus::GetLoadingProgressRequest {
        collection_name: name.to_owned(),
        partition_names: names.iter().map(|name| (*name).to_owned()).collect(),
        ..Default::default()
    }
}

/// How it is loaded now.
async fn seen(talk: &mut Talk, what: &str, name: &str, parts: &[&str]) {
    talk.ask(format!("{what}: state"), state(name, &[])).await;
    for part in parts {
        talk.ask(format!("{what}: state of {part}"), state(name, &[part])).await;
    }
    talk.ask(format!("{what}: progress"), progress(name, &[])).await;
    talk.ask(format!("{what}: replicas"), replicas(name)).await;
}

pub(super) async fn list(talk: &mut Talk) {
    talk.topic("loading");
    let bare = Collection { indexes: Vec::new(), ..plain("l_bare", DataType::Int64) };
    talk.indexed(&bare).await;
    talk.ask("no index: load", load("l_bare", 1)).await;
    talk.ask("no index: load a partition", partitions("l_bare", &["_default"], 1)).await;
    let mut two = plain("l_two", DataType::Int64);
    two.fields.push(super::fields::of(DataType::SparseFloatVector));
    talk.indexed(&two).await;
    talk.ask("one of two indexes: load", load("l_two", 1)).await;
    whole(talk).await;
    reloaded(talk).await;
    parts(talk).await;
    some_fields(talk).await;
    groups(talk).await;
    configured(talk).await;
}

async fn whole(talk: &mut Talk) {
    let name = "l_whole";
    talk.indexed(&plain(name, DataType::Int64).partitions(&["p"])).await;
    seen(talk, "made", name, &["_default", "p"]).await;
    talk.ask("state of an unknown partition", state(name, &["none"])).await;
    talk.ask("released before it is loaded", release(name)).await;
    talk.ask("query of what is not loaded", query(name, "id >= 0", &["id"])).await;
    for wanted in [-1, 3, 100] {
        talk.ask(format!("load in {wanted} replicas"), load(name, wanted)).await;
        seen(talk, &format!("load in {wanted} replicas"), name, &[]).await;
        talk.ask(format!("load in {wanted} replicas, released"), release(name)).await;
    }
    talk.ask("load in 0 replicas", load(name, 0)).await;
    talk.settled(name).await;
    seen(talk, "loaded in 0 replicas", name, &["_default", "p"]).await;
    talk.ask("repeated in 0 replicas", load(name, 0)).await;
    talk.ask("repeated in 1 replica", load(name, 1)).await;
    talk.ask("partition loaded in 1 replica", partitions(name, &["p"], 1)).await;
    let flat = [("index_type", "INVERTED")];
    talk.ask("index while loaded", index(name, "text", "", &flat)).await;
    let drop = |field: &str| milvus::DropIndexRequest {
        collection_name: name.to_owned(),
        index_name: field.to_owned(),
        ..Default::default()
    };
    talk.ask("drop of a scalar index while loaded", drop("text")).await;
    talk.ask("drop of a vector index while loaded", drop("embedding")).await;
    let p = milvus::DropPartitionRequest {
        collection_name: name.to_owned(),
        partition_name: "p".to_owned(),
        ..Default::default()
    };
    talk.ask("drop of a loaded partition", p.clone()).await;
    talk.ask("release of one partition", release_partitions(name, &["p"])).await;
    talk.released(name, "p").await;
    seen(talk, "one partition released", name, &["_default", "p"]).await;
    talk.ask("query, one partition released", query(name, "id >= 0", &["id"])).await;
    let of_p = milvus::QueryRequest {
        partition_names: vec!["p".to_owned()],
        ..query(name, "id >= 0", &["id"])
    };
    talk.ask("query of a released partition", of_p).await;
    talk.ask("drop of a released partition", p).await;
    talk.ask("release", release(name)).await;
    seen(talk, "released", name, &["_default"]).await;
    talk.ask("release again", release(name)).await;
}

/// What a load does to one that is loaded in two replicas.
async fn reloaded(talk: &mut Talk) {
    for again in [0, 1, 2] {
        let name = format!("l_again_{again}");
        talk.indexed(&plain(&name, DataType::Int64).partitions(&["p"])).await;
        talk.ask(format!("{name}: load in 2 replicas"), load(&name, 2)).await;
        talk.settled(&name).await;
        talk.ask(format!("{name}: replicas"), replicas(&name)).await;
        talk.ask(format!("{name}: load again in {again} replicas"), load(&name, again)).await;
        talk.settled(&name).await;
        seen(talk, &format!("{name}: afterwards"), &name, &["_default", "p"]).await;
    }
    for again in [0, 1, 2] {
        let name = format!("l_part_{again}");
        talk.indexed(&plain(&name, DataType::Int64).partitions(&["p"])).await;
        let first = partitions(&name, &["_default"], 2);
        talk.ask(format!("{name}: load of _default in 2 replicas"), first).await;
        talk.settled(&name).await;
        seen(talk, &format!("{name}: in part"), &name, &["_default", "p"]).await;
        let second = partitions(&name, &["p"], again);
        talk.ask(format!("{name}: load of p in {again} replicas"), second).await;
        talk.settled(&name).await;
        seen(talk, &format!("{name}: afterwards"), &name, &["_default", "p"]).await;
        talk.ask(format!("{name}: load of all in {again} replicas"), load(&name, again)).await;
        talk.settled(&name).await;
        seen(talk, &format!("{name}: in the end"), &name, &["_default", "p"]).await;
    }
}

async fn parts(talk: &mut Talk) {
    let name = "l_parts";
    talk.indexed(&plain(name, DataType::Int64).partitions(&["p", "q"])).await;
    talk.ask("load of no partition", partitions(name, &[], 1)).await;
    talk.ask("load of an unknown partition", partitions(name, &["none"], 1)).await;
    talk.ask("load of p", partitions(name, &["p"], 1)).await;
    talk.settled(name).await;
    seen(talk, "p loaded", name, &["_default", "p", "q"]).await;
    talk.ask("load of p and q", partitions(name, &["p", "q"], 1)).await;
    talk.settled(name).await;
    seen(talk, "p and q loaded", name, &["_default", "p", "q"]).await;
    talk.ask("release of no partition", release_partitions(name, &[])).await;
    talk.ask("release of an unknown partition", release_partitions(name, &["none"])).await;
    talk.ask("release of _default, which is not loaded", release_partitions(name, &["_default"]))
        .await;
    talk.ask("release of p and q", release_partitions(name, &["p", "q"])).await;
    talk.released(name, "p").await;
    seen(talk, "p and q released", name, &["_default", "p"]).await;
    let keyed = Collection {
        fields: {
            let mut fields = plain("", DataType::Int64).fields;
            fields
                .push(testkit::collection::FieldWords::partition_key(field("t", DataType::Int64)));
            fields
        },
        ..plain("l_keyed", DataType::Int64)
    };
    talk.indexed(&keyed).await;
    talk.ask("load of a partition of a partition key", partitions("l_keyed", &["_default_0"], 1))
        .await;
    let request = release_partitions("l_keyed", &["_default_0"]);
    talk.ask("release of a partition of a partition key", request).await;
    talk.ask("partition of a partition key", partition_request("l_keyed", "p")).await;
}

async fn some_fields(talk: &mut Talk) {
    let mut collection = plain("l_fields", DataType::Int64).dynamic();
    collection.fields.push(var_char("more", 50));
    talk.indexed(&collection).await;
    let with = |fields: &[&str]| milvus::LoadCollectionRequest {
        load_fields: fields.iter().map(|name| (*name).to_owned()).collect(),
        ..load("l_fields", 1)
    };
    talk.ask("fields: an unknown one", with(&["id", "embedding", "none"])).await;
    talk.ask("fields: no key", with(&["embedding"])).await;
    talk.ask("fields: no vector", with(&["id", "text"])).await;
    talk.ask("fields: some", with(&["id", "embedding", "text"])).await;
    talk.settled("l_fields").await;
    let rows = testkit::data::table_of(&collection, &testkit::data::key_range(1..3), 1);
    talk.probe.insert("l_fields", &rows).await;
    talk.ask("some fields: a loaded one", query("l_fields", "id > 0", &["id"])).await;
    talk.ask("some fields: one that is not", query("l_fields", "id > 0", &["id", "more"])).await;
    talk.ask("some fields: all", query("l_fields", "id > 0", &["*"])).await;
    talk.ask("some fields: the dynamic ones", query("l_fields", "id > 0", &["$meta"])).await;
    talk.ask("some fields: filter by one that is not", query("l_fields", "more == \"x\"", &["id"]))
        .await;
    talk.ask("some fields: the same again", with(&["id", "embedding", "text"])).await;
    talk.ask("some fields: others", with(&["id", "embedding", "more"])).await;
    talk.ask("some fields: all fields", load("l_fields", 1)).await;
    seen(talk, "some fields", "l_fields", &[]).await;
}

async fn groups(talk: &mut Talk) {
    let name = "l_groups";
    talk.indexed(&plain(name, DataType::Int64)).await;
    let with = |replicas, groups: &[&str]| milvus::LoadCollectionRequest {
        resource_groups: groups.iter().map(|name| (*name).to_owned()).collect(),
        ..load(name, replicas)
    };
    let default = "__default_resource_group";
    talk.ask("groups: an unknown one", with(1, &["none"])).await;
    talk.ask("groups: two for one replica", with(1, &[default, default])).await;
    talk.ask("groups: the default one", with(1, &[default])).await;
    talk.settled(name).await;
    talk.ask("groups: replicas", replicas(name)).await;
}

/// A number of replicas of the collection's or the database's own.
async fn configured(talk: &mut Talk) {
    let own = plain("l_own", DataType::Int64).property("collection.replica.number", "2");
    talk.indexed(&own).await;
    talk.ask("own number: load in 0 replicas", load("l_own", 0)).await;
    talk.settled("l_own").await;
    talk.ask("own number: replicas", replicas("l_own")).await;
    talk.ask("own number: load in 1 replica", load("l_own", 1)).await;
    talk.ask("own number: replicas then", replicas("l_own")).await;
    let made = milvus::CreateDatabaseRequest {
        db_name: "l_db".to_owned(),
        properties: kv(&[("database.replica.number", "2")]),
        ..Default::default()
    };
    talk.ask("database with 2 replicas", made).await;
    let inside = talk.probe.in_database("l_db");
    let collection = plain("l_in", DataType::Int64).index(Index::new("text", "INVERTED", "", ""));
    inside.create_collection(&collection).await;
    inside.create_index("l_in", &collection.indexes[0]).await;
    let request = milvus::LoadCollectionRequest { db_name: "l_db".to_owned(), ..load("l_in", 0) };
    talk.ask("in a database with 2 replicas: load in 0", request).await;
    inside.load_state("l_in", &[]).await;
    let request = milvus::GetReplicasRequest { db_name: "l_db".to_owned(), ..replicas("l_in") };
    talk.ask("in a database with 2 replicas: replicas", request).await;
}
