//! Proves the lab itself on real servers: that they start, that what the probe puts in comes back
//! bit for bit, that the traps are armed, and that nothing is left behind.
use std::collections::BTreeSet;

use testkit::collection::{
    Collection, binary, everything_235, everything_2216, everything_lite, plain,
};
use testkit::data;
use testkit::ferry::Ferry;
use testkit::lab::{self, Kind, Spec};
use testkit::patience::until;
use testkit::pb::schema::DataType;
use testkit::probe::Probe;
use testkit::quickstart;
use testkit::relay::{Act, Relay};
use testkit::scene::databases;
use testkit::table::{Key, Value, assert_same, assert_same_by_partition, differences};
use testkit::traps::{page_carelessly, paging_trap};

/// What goes in comes back, from a database of its own.
async fn round_trip(kind: Kind, collection: Collection, rows: usize) {
    let probe = Probe::of(lab::server(kind)).await.in_new_database().await;
    let table = data::table(&collection, rows, 7);
    probe.fill(&collection, &table).await;
    let read = probe.read_all(&collection.name, &table.keys(), &[]).await;
    if kind == Kind::Lite3 {
        assert_same(&table.with_json_parsed(), &read.with_json_parsed());
    } else {
        assert_same(&table, &read);
    }
}

#[tokio::test]
async fn everything_comes_back_from_235_by_int64_keys() {
    round_trip(Kind::Milvus235A, everything_235("numbers", DataType::Int64), 3000).await;
}

#[tokio::test]
async fn everything_comes_back_from_235_by_var_char_keys() {
    round_trip(Kind::Milvus235B, everything_235("texts", DataType::VarChar), 3000).await;
}

#[tokio::test]
async fn binary_vectors_come_back_from_235() {
    round_trip(Kind::Milvus235A, binary("bits", DataType::Int64), 1000).await;
}

#[tokio::test]
async fn everything_comes_back_from_2216_by_int64_keys() {
    round_trip(Kind::Milvus2216, everything_2216("numbers", DataType::Int64), 3000).await;
}

#[tokio::test]
async fn everything_comes_back_from_2216_by_var_char_keys() {
    round_trip(Kind::Milvus2216, everything_2216("texts", DataType::VarChar), 3000).await;
}

#[tokio::test]
async fn everything_comes_back_from_lite_by_int64_keys() {
    round_trip(Kind::Lite3, everything_lite("numbers", DataType::Int64), 500).await;
}

#[tokio::test]
async fn everything_comes_back_from_lite_by_var_char_keys() {
    round_trip(Kind::Lite3, everything_lite("texts", DataType::VarChar), 500).await;
}

/// Paging by `key > last` with a limit loses rows there, and the probe's way of reading does not.
async fn paging_loses_rows(kind: Kind) {
    let probe = Probe::of(lab::server(kind)).await.in_new_database().await;
    let (collection, table) = paging_trap(&probe, "trap").await;
    let seen = page_carelessly(&probe, &collection.name, 300).await;
    assert!(seen.len() < table.rows.len(), "nothing was lost: the trap is not armed");
    let read = probe.read_uncounted(&collection.name, &table.keys(), &[]).await;
    assert_same(&table, &read);
}

#[tokio::test]
async fn paging_loses_rows_on_235() {
    paging_loses_rows(Kind::Milvus235A).await;
}

#[tokio::test]
async fn paging_loses_rows_on_2216() {
    paging_loses_rows(Kind::Milvus2216).await;
}

#[tokio::test]
async fn strays_changes_and_partitions_are_seen() {
    let probe = Probe::of(lab::server(Kind::Milvus235B)).await.in_new_database().await;
    let collection = plain("rows", DataType::Int64).partitions(&["a", "b"]);
    let table = data::table(&collection, 1000, 3).spread_over(&["a", "b"]);
    probe.fill(&collection, &table).await;
    assert_eq!(probe.partition_names("rows").await.len(), 3);

    // Told of half of the keys, it finds the others too.
    let half: Vec<Key> = table.keys().into_iter().step_by(2).collect();
    let read = probe.read_all("rows", &half, &["a", "b", "_default"]).await;
    assert_same_by_partition(&table, &read);

    let other = data::table(&collection, 40, 4).spread_over(&["a", "b"]);
    probe.upsert("rows", &other).await;
    let gone: Vec<String> = table.keys()[40..50].iter().map(Key::literal).collect();
    probe.delete("rows", "", &format!("id in [{}]", gone.join(", "))).await;
    let mut expected = table.clone();
    expected.rows.drain(40..50);
    expected.rows.splice(..40, other.rows.clone());
    let read = probe.read_uncounted("rows", &half, &["a", "b", "_default"]).await;
    assert_same_by_partition(&expected, &read);
    let report = differences(&table, &read, true);
    assert!(report.contains("embedding:\n    expected FloatVector"), "{report}");
    let less = table.filtered(|key| *key != Key::Int(1500));
    assert!(differences(&less, &table, false).contains("unexpected key 1500"));
    assert!(differences(&table, &less, false).contains("missing key 1500"));
}

#[tokio::test]
async fn a_search_finds_the_vector_itself() {
    let probe = Probe::of(lab::server(Kind::Milvus235A)).await.in_new_database().await;
    let collection = plain("rows", DataType::VarChar);
    let table = data::table(&collection, 100, 5);
    probe.fill(&collection, &table).await;
    let row = &table.rows[50];
    let Value::FloatVector(vector) = &row.values[table.column("embedding")] else {
        panic!("a vector")
    };
    let hits = probe.search("rows", "embedding", std::slice::from_ref(vector), "L2", 3, "").await;
    assert_eq!(hits[0].len(), 3);
    assert_eq!(hits[0][0].key, table.key_of(row));
}

#[tokio::test]
async fn the_relay_loses_the_answer_of_an_insert_that_was_carried_out() {
    let server = lab::server(Kind::Milvus235A);
    let direct = Probe::of(server).await.in_new_database().await;
    let relay = Relay::with_rule(server, |call| match (call.rpc, call.number) {
        ("Insert", 2) => Act::lose_answer(),
        ("Insert", 3) => Act::rate_limited(),
        ("Insert", 4) => Act::unavailable(),
        _ => Act::Forward,
    });
    let relayed = Probe::connect(&relay.uri()).await.in_database(direct.database());
    let collection = plain("rows", DataType::Int64);
    relayed.create_collection(&collection).await;
    for (number, range) in [0..100, 100..200, 200..300, 300..400, 400..500].into_iter().enumerate()
    {
        let table = data::table_of(&collection, &data::key_range(range), 6);
        let own = relayed.clone();
        let insert = tokio::spawn(async move { own.insert("rows", &table).await });
        assert_eq!(insert.await.is_err(), (1..=3).contains(&number), "insert {number}");
    }
    direct.build_and_load(&collection).await;
    let keys = data::key_range(0..200).into_iter().chain(data::key_range(400..500));
    let expected: BTreeSet<Key> = keys.collect();
    let found: BTreeSet<Key> =
        relayed.query_keys("rows", &[], "id >= 0", 1000).await.into_iter().collect();
    assert_eq!(found, expected);

    assert_eq!(relay.count("Insert"), 5);
    assert!(
        relay.calls_of("Insert").iter().all(|call| call.rows == 100 && call.collection == "rows")
    );
    let query = relay.calls_of("Query").pop().unwrap();
    assert_eq!((query.expression.as_str(), query.limit()), ("id >= 0", Some(1000)));
    assert_eq!(query.database, direct.database());
}

#[tokio::test]
async fn a_private_server_has_what_its_spec_says_and_keeps_its_data_over_a_kill() {
    let mut server = lab::private(&Spec::milvus_235().with_auth().with_tls(2).with_insert_mb(0.1));
    let probe = Probe::of(&server).await;
    let collection = plain("rows", DataType::Int64);
    let table = data::table(&collection, 500, 8);
    probe.fill(&collection, &table).await;

    // The limit of 0.1 MB/s: one request of some MB runs into a debt of many seconds, however busy this
    // machine is, and the next one is refused.
    let long = data::table(&collection, 80_000, 8);
    let own = probe.clone();
    let flood = tokio::spawn(async move { own.insert_batches("rows", &long, 40_000).await });
    assert!(flood.await.is_err_and(|error| error.is_panic()), "the limit is not on");
    // Certificate and password are asked for.
    let endpoint = tonic::transport::Endpoint::from_shared(server.uri().to_owned()).unwrap();
    let certificates = server.certificates.clone().unwrap();
    let ca = tonic::transport::Certificate::from_pem(std::fs::read(certificates.ca).unwrap());
    let identity = tonic::transport::Identity::from_pem(
        std::fs::read(certificates.client).unwrap(),
        std::fs::read(certificates.client_key).unwrap(),
    );
    let tls = tonic::transport::ClientTlsConfig::new().ca_certificate(ca).identity(identity);
    let stranger = Probe::open(endpoint.tls_config(tls).unwrap(), Some(("root", "wrong"))).await;
    assert_eq!(stranger.unwrap_err().code(), tonic::Code::Unauthenticated);

    server.kill();
    assert!(server.ports().iter().all(|port| !lab::listens(*port)));
    server.start();
    let probe = Probe::of(&server).await;
    assert!(probe.has_collection("rows").await);
    let (ports, folder) = (server.ports().to_vec(), server.folder.clone());
    drop(server);
    assert!(ports.iter().all(|port| !lab::listens(*port)) && !folder.exists());
}

/// Nobody uses them any more: the lab drops them, loaded and with aliases as they are.
#[tokio::test]
async fn what_was_lent_is_dropped_when_it_comes_back() {
    let server = lab::server(Kind::Milvus235A);
    let (own, name) = (Probe::of(server).await, lab::unique_name("own"));
    let (probe, own) = (own.in_new_database().await, own.with_own(&name));
    for (probe, name) in [(&probe, "rows"), (&own, name.as_str())] {
        let collection = plain(name, DataType::Int64);
        probe.fill(&collection, &data::table(&collection, 100, 9)).await;
        probe.create_alias(name, &format!("{name}_alias")).await;
    }
    let databases = async || databases(&Probe::of(server).await).await;
    let database = probe.database().to_owned();
    let last = probe.in_database("default");
    drop(probe);
    drop(own);
    until(async || !last.has_collection(&name).await).await;
    assert!(databases().await.contains(&database), "a clone of the probe is still there");
    drop(last);
    until(async || !databases().await.contains(&database)).await;
}

#[test]
fn the_binary_runs_in_a_folder_of_its_own() {
    let ferry = Ferry::with_plan("catalog.ferry.toml", "version = 1\n");
    assert_eq!(ferry.read("catalog.ferry.toml"), "version = 1\n");
    ferry.run(&["--version"]).expect_code(0);
}

#[tokio::test]
async fn the_quickstart_data_answers_its_questions() {
    let probe = Probe::of(lab::server(Kind::Milvus235B)).await.in_new_database().await;
    let (collection, table) = (quickstart::collection("definitions"), quickstart::table());
    probe.fill(&collection, &table).await;
    assert_same(&table, &probe.read_all("definitions", &table.keys(), &[]).await);
    let questions = quickstart::questions();
    let vectors: Vec<Vec<f32>> = questions.iter().map(|question| question.vector.clone()).collect();
    let hits = probe.search("definitions", "embedding", &vectors, "COSINE", 5, "").await;
    for (question, hits) in questions.iter().zip(hits) {
        let found: Vec<Key> = hits.into_iter().map(|hit| hit.key).collect();
        assert_eq!(found, question.nearest, "{}", question.text);
    }
}
