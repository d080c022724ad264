//! Calls of the client that a run makes around the rows, against real servers: aliases, properties,
//! replicas, partitions, indexes by their names.
use std::collections::BTreeMap;
use std::time::Duration;

use milvus_ferry::milvus::{
    Client, Connection, Kind as ErrorKind, Moment, ProxySettings, Query, RetryPolicy, TlsFiles,
};
use milvus_ferry::model::{Key, LoadState, Replicas};
use testkit::collection::plain;
use testkit::data;
use testkit::lab::{self, Kind};
use testkit::patience::until;
use testkit::pb::schema::DataType;
use testkit::probe::Probe;
use tokio_util::sync::CancellationToken;

/// A client of a server, and a probe of it in a database of this test.
async fn scene(kind: Kind) -> (Client, Probe) {
    let server = lab::server(kind);
    let connection = Connection {
        uri: server.uri().to_owned(),
        login: None,
        tls: TlsFiles::default(),
        connections: 1,
        proxies: ProxySettings::default(),
        role: None,
    };
    let retry = RetryPolicy::new(Duration::from_secs(60), 1);
    let client = Client::connect(&connection, retry, CancellationToken::new()).await.unwrap();
    (client, Probe::of(server).await.in_new_database().await)
}

fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

/// The real name of what an alias leads to, and all of its aliases.
async fn behind(client: &Client, database: &str, alias: &str) -> Option<(String, Vec<String>)> {
    let described = client.describe_collection(database, alias).await.unwrap()?;
    Some((described.collection.name, described.collection.aliases))
}

async fn aliases_are_given_found_and_moved(kind: Kind) {
    let (client, probe) = scene(kind).await;
    let database = probe.database();
    for name in ["one", "two"] {
        probe.create_collection(&plain(name, DataType::Int64)).await;
    }
    assert_eq!(behind(&client, database, "current").await, None);
    client.create_alias(database, "current", "one").await.unwrap();
    client.create_alias(database, "current", "one").await.unwrap();
    assert_eq!(behind(&client, database, "current").await.unwrap().0, "one");
    let one = client.describe_collection(database, "one").await.unwrap().unwrap();
    let through = client.describe_collection(database, "current").await.unwrap().unwrap();
    assert_eq!(one.id, through.id);
    if !matches!(kind, Kind::Lite3) {
        assert_eq!(one.collection.aliases, ["current"]);
    }

    let error = client.create_alias(database, "current", "two").await.unwrap_err();
    assert!(!error.is_retryable() && error.message.contains("alias"), "{error}");
    client.alter_alias(database, "current", "two").await.unwrap();
    client.alter_alias(database, "current", "two").await.unwrap();
    assert_eq!(behind(&client, database, "current").await.unwrap().0, "two");

    let error = client.alter_alias(database, "nobody", "two").await.unwrap_err();
    assert!(!error.is_retryable(), "{error}");
    assert_eq!(behind(&client, database, "nobody").await, None);
    // A collection's own name is not an alias of it.
    client.create_alias(database, "one", "one").await.unwrap_err();
}

#[tokio::test]
async fn aliases_are_given_found_and_moved_on_235() {
    aliases_are_given_found_and_moved(Kind::Milvus235A).await;
}

#[tokio::test]
async fn aliases_are_given_found_and_moved_on_2216() {
    aliases_are_given_found_and_moved(Kind::Milvus2216).await;
}

#[tokio::test]
async fn aliases_are_given_found_and_moved_on_lite() {
    aliases_are_given_found_and_moved(Kind::Lite3).await;
}

async fn properties_are_set_and_the_others_stay(kind: Kind) {
    let (client, probe) = scene(kind).await;
    let database = probe.database();
    let ttl = "collection.ttl.seconds";
    let collection = plain("rows", DataType::Int64).property(ttl, "1000000");
    probe.create_collection(&collection).await;
    for _ in 0..2 {
        let set = map(&[("mmap.enabled", "true")]);
        client.alter_collection(database, "rows", &set, &[]).await.unwrap();
    }
    client.alter_collection(database, "rows", &map(&[(ttl, "2000000")]), &[]).await.unwrap();
    let described = client.describe_collection(database, "rows").await.unwrap().unwrap();
    assert_eq!(described.collection.properties, map(&[(ttl, "2000000"), ("mmap.enabled", "true")]));
    let error = client
        .alter_collection(database, "rows", &BTreeMap::new(), &[ttl.to_owned()])
        .await
        .unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unsupported);
    assert!(error.message.contains("cannot take properties away"), "{error}");
    assert_eq!(client.describe_database(database).await.unwrap(), None);
}

#[tokio::test]
async fn properties_are_set_and_the_others_stay_on_235() {
    properties_are_set_and_the_others_stay(Kind::Milvus235A).await;
}

#[tokio::test]
async fn properties_are_set_and_the_others_stay_on_2216() {
    properties_are_set_and_the_others_stay(Kind::Milvus2216).await;
}

#[tokio::test]
async fn lite_describes_databases() {
    let (client, probe) = scene(Kind::Lite3).await;
    let name = lab::unique_name("made");
    client.create_database(&name, &map(&[("a", "b")])).await.unwrap();
    client.create_database(&name, &map(&[("a", "b")])).await.unwrap();
    assert!(client.describe_database(&name).await.unwrap().is_some());
    assert!(client.describe_database(probe.database()).await.unwrap().is_some());
    let error = client.describe_database("nowhere").await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Missing, "{error}");
}

async fn some_partitions_are_loaded_and_replicas_counted(kind: Kind) {
    let (client, probe) = scene(kind).await;
    let database = probe.database();
    let collection = plain("rows", DataType::Int64).partitions(&["north", "south"]);
    let rows = data::table(&collection, 300, 1).spread_over(&["north", "south"]);
    probe.create_collection(&collection).await;
    probe.insert("rows", &rows).await;
    for index in &collection.indexes {
        probe.create_index("rows", index).await;
    }
    assert_eq!(client.replicas(database, "rows").await.unwrap(), None);
    let north = ["north".to_owned()];
    let replicas = [Replicas::default(), Replicas::of(1)];
    for replicas in &replicas {
        client.load_partitions(database, "rows", &north, replicas).await.unwrap();
    }
    let state = |partition| client.settled_load_state(database, "rows", Some(partition));
    until(async || state("north").await.unwrap() == LoadState::Loaded).await;
    assert_eq!(state("south").await.unwrap(), LoadState::NotLoaded);
    assert_eq!(client.replicas(database, "rows").await.unwrap(), Some(Replicas::of(1)));
    client.release(database, "rows", &[]).await.unwrap();
    // There is one query node.
    let error = client.load_collection(database, "rows", 3).await.unwrap_err();
    assert!(!error.is_retryable(), "{error}");
    let error = client.replicas(database, "nothing").await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Missing, "{error}");
}

#[tokio::test]
async fn some_partitions_are_loaded_and_replicas_counted_on_235() {
    some_partitions_are_loaded_and_replicas_counted(Kind::Milvus235A).await;
}

#[tokio::test]
async fn some_partitions_are_loaded_and_replicas_counted_on_2216() {
    some_partitions_are_loaded_and_replicas_counted(Kind::Milvus2216).await;
}

#[tokio::test]
async fn lite_counts_no_replicas() {
    let (client, probe) = scene(Kind::Lite3).await;
    probe.create_collection(&plain("rows", DataType::Int64)).await;
    assert_eq!(client.replicas(probe.database(), "rows").await.unwrap(), None);
}

async fn an_index_is_asked_for_by_its_name(kind: Kind) {
    let (client, probe) = scene(kind).await;
    let database = probe.database();
    let mut collection = plain("rows", DataType::Int64);
    let index = collection.indexes.remove(0);
    let field = index.field.clone();
    let field = field.as_str();
    probe.create_collection(&collection).await;
    assert_eq!(client.list_indexes(database, "rows").await.unwrap(), []);
    probe.create_index("rows", &index.named("by_vector")).await;
    let made = client.list_indexes(database, "rows").await.unwrap();
    // Milvus Lite names it itself.
    let name = if matches!(kind, Kind::Lite3) { "" } else { "by_vector" };
    assert_eq!((made[0].name.as_str(), made.len()), (name, 1));
    // The same again, as after a lost answer.
    client.create_index(database, "rows", &made[0]).await.unwrap();
    let progress = client.index_progress(database, "rows", field, "by_vector").await.unwrap();
    assert!(progress.indexed >= progress.total, "{progress:?}");
    let error = client.index_progress(database, "rows", "id", "by_vector").await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::NoIndex, "{error}");
}

#[tokio::test]
async fn an_index_is_asked_for_by_its_name_on_235() {
    an_index_is_asked_for_by_its_name(Kind::Milvus235A).await;
}

#[tokio::test]
async fn an_index_is_asked_for_by_its_name_on_2216() {
    an_index_is_asked_for_by_its_name(Kind::Milvus2216).await;
}

#[tokio::test]
async fn an_index_is_asked_for_by_its_name_on_lite() {
    an_index_is_asked_for_by_its_name(Kind::Lite3).await;
}

/// The lowest of all numbers has no literal in most parsers: alone and beside others it is read, counted
/// and deleted, and nothing else is.
async fn the_lowest_key_is_named(kind: Kind) {
    let (client, probe) = scene(kind).await;
    let database = probe.database();
    let things = plain("things", DataType::Int64);
    let keys = [i64::MIN, i64::MIN + 1, -1, 0, 7].map(testkit::table::Key::Int);
    probe.fill(&things, &data::table_of(&things, &keys, 3)).await;
    let described = client.describe_collection(database, "things").await.unwrap().unwrap();
    let query = Query::of(&described.collection).unwrap();
    let lowest = Key::Int64(i64::MIN);
    let read = |keys: Vec<Key>| {
        let (client, query) = (&client, &query);
        async move {
            let columns = vec![query.key_field.clone()];
            let rows = client.rows_of_keys(query, &keys, columns, Moment::Strong, 1 << 20).await;
            let mut found = rows.unwrap().into_keys();
            found.sort();
            found
        }
    };
    for others in [vec![], vec![Key::Int64(-1)], vec![Key::Int64(7), Key::Int64(i64::MIN + 1)]] {
        let mut keys: Vec<Key> = others.into_iter().chain([lowest.clone()]).collect();
        let found = read(keys.clone()).await;
        keys.sort();
        assert_eq!(found, keys, "{kind:?}");
        // Milvus 2.2 counts nothing.
        let counted = client.count_of_keys(&query, &keys, Moment::Strong).await.unwrap();
        assert!(counted.is_none_or(|rows| rows == keys.len() as u64), "{kind:?}: {counted:?}");
    }
    let one = client.count_of_key(&query, &lowest, Moment::Strong).await.unwrap();
    assert!(one.is_none_or(|rows| rows == 1), "{kind:?}: {one:?}");
    let gone = [Key::Int64(7), lowest.clone()];
    client.delete_keys(&described.collection, None, &gone).await.unwrap();
    let left = [i64::MIN + 1, -1, 0].map(Key::Int64);
    let all = [i64::MIN, i64::MIN + 1, -1, 0, 7].map(Key::Int64).to_vec();
    assert_eq!(read(all.clone()).await, left, "{kind:?}");
    probe.insert("things", &data::table_of(&things, &keys[..1], 4)).await;
    client.delete_keys(&described.collection, None, std::slice::from_ref(&lowest)).await.unwrap();
    assert_eq!(read(all).await, left, "{kind:?}");
}

#[tokio::test]
async fn the_lowest_key_is_named_on_235() {
    the_lowest_key_is_named(Kind::Milvus235A).await;
}

#[tokio::test]
async fn the_lowest_key_is_named_on_2216() {
    the_lowest_key_is_named(Kind::Milvus2216).await;
}

#[tokio::test]
async fn the_lowest_key_is_named_on_lite_3() {
    the_lowest_key_is_named(Kind::Lite3).await;
}
