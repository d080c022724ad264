//! What the servers themselves take: inserts from memory, reads that are thrown away, and the calls
//! around them, by the leanest client.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::lean::Lean;
use testkit::collection::{Collection, Index};
use testkit::null::{Shape, messages};
use testkit::pb::common::LoadState;
use testkit::pb::milvus;
use testkit::probe::{Probe, refusal};

/// How rows are sent or asked for.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    pub rows_at_once: u64,
    pub connections: usize,
}

/// Hands out ranges of the keys 1 to `rows`.
struct Ranges {
    next: AtomicU64,
    rows: u64,
    step: u64,
}

impl Ranges {
    fn new(rows: u64, step: u64) -> Arc<Self> {
        Arc::new(Self { next: AtomicU64::new(0), rows, step })
    }

    fn take(&self) -> Option<(i64, i64)> {
        let first = self.next.fetch_add(self.step, Ordering::Relaxed);
        (first < self.rows).then(|| (first as i64 + 1, (first + self.step).min(self.rows) as i64))
    }
}

/// Inserts the rows with the keys 1 to `rows`; returns the seconds.
pub async fn insert(uri: &str, shape: &Shape, collection: &str, rows: u64, pace: Pace) -> f64 {
    let ranges = Ranges::new(rows, pace.rows_at_once);
    let mut writers = tokio::task::JoinSet::new();
    let began = Instant::now();
    for lean in Lean::several(uri, pace.connections) {
        let (ranges, shape, collection) = (ranges.clone(), shape.clone(), collection.to_owned());
        writers.spawn(async move {
            while let Some(keys) = ranges.take() {
                let pieces = messages::insert(&shape, &collection, keys);
                lean.insert(pieces, (keys.1 - keys.0 + 1) as u64).await;
            }
        });
    }
    writers.join_all().await;
    began.elapsed().as_secs_f64()
}

/// Reads the rows with the keys 1 to `rows` and throws them away; returns the seconds.
pub async fn read(uri: &str, shape: &Shape, collection: &str, rows: u64, pace: Pace) -> f64 {
    let ranges = Ranges::new(rows, pace.rows_at_once);
    let mut readers = tokio::task::JoinSet::new();
    let began = Instant::now();
    let output: Vec<String> = std::iter::once("id".to_owned())
        .chain(shape.columns().iter().map(|column| column.name.to_owned()))
        .collect();
    for lean in Lean::several(uri, pace.connections) {
        let (ranges, collection, output) = (ranges.clone(), collection.to_owned(), output.clone());
        let row_bytes = shape.row_bytes();
        readers.spawn(async move {
            while let Some(keys) = ranges.take() {
                let answer = lean.read(&collection, keys, &output).await;
                let least = (keys.1 - keys.0 + 1) as usize * row_bytes;
                assert!(answer.len() > least, "keys {keys:?}: {} bytes", answer.len());
            }
        });
    }
    readers.join_all().await;
    began.elapsed().as_secs_f64()
}

/// The fastest of several paces, tried on some of the rows.
pub async fn fastest<F: Future<Output = f64>>(
    paces: &[Pace],
    mut seconds: impl FnMut(Pace) -> F,
) -> Pace {
    let mut best: Option<(f64, Pace)> = None;
    for pace in paces {
        let took = seconds(*pace).await;
        if best.is_none_or(|(other, _)| took < other) {
            best = Some((took, *pace));
        }
    }
    best.expect("a pace").1
}

/// Creates the collection, without its indexes.
pub async fn create(probe: &Probe, shape: &Shape, name: &str) -> Collection {
    let mut collection = shape.collection(name);
    collection.indexes.clear();
    probe.create_collection(&collection).await;
    collection
}

/// Creates the collection and fills it, indexes and loads it, to be read from.
pub async fn make_source(probe: &Probe, uri: &str, shape: &Shape, name: &str, rows: u64) {
    create(probe, shape, name).await;
    let rows_at_once = ((4 << 20) / shape.row_bytes() as u64).clamp(1, 5000);
    insert(uri, shape, name, rows, Pace { rows_at_once, connections: 2 }).await;
    probe.flush(name).await;
    index_and_load(probe, name, &flat()).await;
    assert_eq!(probe.count(name, &[]).await as u64, rows, "{name}");
}

pub fn flat() -> Index {
    Index::new("embedding", "FLAT", "L2", "")
}

/// Creates an index and loads the collection; returns the seconds until it is loaded.
pub async fn index_and_load(probe: &Probe, name: &str, index: &Index) -> f64 {
    let began = Instant::now();
    probe.create_index(name, index).await;
    load(probe, name).await;
    began.elapsed().as_secs_f64()
}

/// Loads a collection, and asks often whether it is.
pub async fn load(probe: &Probe, name: &str) {
    let began = Instant::now();
    let patience = Duration::from_secs(600);
    loop {
        let request = milvus::LoadCollectionRequest {
            collection_name: name.to_owned(),
            replica_number: 1,
            ..Default::default()
        };
        let answer = probe.raw().load_collection(request).await.unwrap().into_inner();
        let Some(reason) = refusal(Some(&answer)) else { break };
        assert!(began.elapsed() < patience, "load {name}: {reason}");
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    while probe.load_state(name, &[]).await != LoadState::Loaded {
        assert!(began.elapsed() < patience, "{name} is not loaded");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
