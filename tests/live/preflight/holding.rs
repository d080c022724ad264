//! What real servers drop without a word, refuse half-way or die of is refused beforehand.

use testkit::collection::{Collection, FieldWords, Index, array, field, key, plain};
use testkit::collection::{var_char, vector};
use testkit::data;
use testkit::fake::{Fake, Profile};
use testkit::ferry::Ferry;
use testkit::lab::{self, Kind};
use testkit::pb::schema::{DataType, FieldSchema};
use testkit::probe::Probe;

const PLAN: &str = "catalog.ferry.toml";

fn with(name: &str, more: FieldSchema) -> Collection {
    let fields = vec![key(DataType::Int64), vector("embedding", DataType::FloatVector, 4), more];
    Collection::new(name, fields).index(Index::new("embedding", "FLAT", "L2", ""))
}

fn clustered() -> FieldSchema {
    FieldSchema { is_clustering_key: true, ..field("extra", DataType::Int64) }
}

/// A source of 2.6 with a collection of each kind; each to be refused with the code.
async fn of_26() -> (Fake, Vec<(&'static str, &'static str)>) {
    let source = Fake::start(Profile::milvus("2.6.20"));
    let probe = Probe::connect(&source.uri()).await;
    let mut geometry = with("geometry", field("extra", DataType::Geometry));
    let mut several = with("several", vector("extra", DataType::FloatVector, 4));
    several.indexes.push(Index::new("extra", "FLAT", "L2", ""));
    geometry.shards = 1;
    let collections = [
        (with("nullable", var_char("extra", 50).nullable()), "target_lacks_nullable"),
        (geometry, "target_lacks_type"),
        (with("zoned", field("extra", DataType::Timestamptz)), "target_lacks_type"),
        (with("clustered", clustered()), "target_lacks_feature"),
        (several, "too_many_vector_fields"),
    ];
    for (collection, _) in &collections {
        probe.create_collection(collection).await;
        probe.build_and_load(collection).await;
    }
    let plain = plain("plain", DataType::Int64);
    probe.fill(&plain, &data::table(&plain, 30, 1)).await;
    let codes = [
        ("nullable", collections[0].1),
        ("geometry", collections[1].1),
        ("zoned", collections[2].1),
        ("clustered", collections[3].1),
        ("several", collections[4].1),
    ];
    (source, codes.to_vec())
}

fn ferry(source: &Fake, target: Kind, database: &str) -> Ferry {
    let text = format!(
        "version = 1\n[source]\nendpoint = \"{}\"\n[target]\nendpoint = \"{}\"\n[defaults]\n\
         target_database = \"{database}\"\n[[collections]]\nsource = \"*\"\n",
        source.uri(),
        lab::server(target).uri(),
    );
    Ferry::with_plan(PLAN, &text)
}

/// Every one is refused by name, nothing is made, and what fits moves without them.
async fn refused_by(target: Kind) {
    let (source, codes) = of_26().await;
    let probe = Probe::of(lab::server(target)).await.in_new_database().await;
    let ferry = ferry(&source, target, probe.database());
    for command in [&["plan", PLAN][..], &["apply", PLAN, "--yes"]] {
        let outcome = ferry.run(command).expect_code(1);
        let said = format!("{}{}", outcome.stdout, outcome.stderr);
        for (name, code) in &codes {
            let heading = format!("error[{code}] {}/{name}", probe.database());
            assert!(said.contains(&heading), "no {heading} in:\n{said}");
            assert!(!probe.has_collection(name).await);
        }
        assert!(!probe.has_collection("plain").await);
    }
    ferry.run(&["apply", PLAN, "--yes", "--only", "plain"]).expect_code(0);
    assert_eq!(probe.count("plain", &[]).await, 30);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn by_235() {
    refused_by(Kind::Milvus235B).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn by_2216_arrays_and_cosine_too() {
    refused_by(Kind::Milvus2216).await;
    let source = Fake::start(Profile::milvus("2.4.10"));
    let from = Probe::connect(&source.uri()).await;
    let arrays = with("arrays", array("extra", DataType::Int32));
    let mut cosine = plain("cosine", DataType::Int64);
    cosine.indexes = vec![Index::new("embedding", "FLAT", "COSINE", "")];
    for collection in [&arrays, &cosine] {
        from.create_collection(collection).await;
        from.build_and_load(collection).await;
    }
    let probe = Probe::of(lab::server(Kind::Milvus2216)).await.in_new_database().await;
    let ferry = ferry(&source, Kind::Milvus2216, probe.database());
    let outcome = ferry.run(&["plan", PLAN]).expect_code(1);
    for heading in ["error[target_lacks_type]", "error[target_lacks_index]"] {
        assert!(outcome.stdout.contains(heading), "no {heading} in:\n{}", outcome.stdout);
    }
}
