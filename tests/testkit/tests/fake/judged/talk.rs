//! Sends requests to a server, and notes in comparable words what it answers.

use std::time::{Duration, Instant};

use testkit::collection::{Collection, pair};
use testkit::pb::common::{KeyValuePair, LoadState, Status};
use testkit::pb::milvus;
use testkit::probe::{Client, Probe};

use super::told;

/// What was asked and what was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Said {
    /// Topic and request, which are the same for every server: `names/field "like"`.
    pub(super) asked: String,
    /// `ok` with what it tells, or the code, the old code and the words of a refusal.
    pub(super) answer: String,
}

/// A client that keeps what it was told.
pub(super) struct Talk {
    pub(super) probe: Probe,
    topic: &'static str,
    said: Vec<Said>,
}

/// A request that a server can be asked.
pub(super) trait Ask {
    type Answer;
    async fn send(self, client: &mut Client) -> Result<Self::Answer, tonic::Status>;
    fn status(answer: &Self::Answer) -> Option<&Status>;
    /// What a good answer tells, without what differs from run to run.
    fn told(answer: &Self::Answer) -> String;
}

impl Talk {
    pub(super) fn new(probe: Probe) -> Self {
        Self { probe, topic: "", said: Vec::new() }
    }

    pub(super) fn topic(&mut self, topic: &'static str) {
        self.topic = topic;
    }

    pub(super) fn said(self) -> Vec<Said> {
        self.said
    }

    /// Asks, notes the answer under these words, and returns it; none in place of a gRPC error.
    pub(super) async fn ask<R: Ask>(
        &mut self,
        what: impl Into<String>,
        request: R,
    ) -> Option<R::Answer> {
        let answer = request.send(&mut self.probe.raw()).await;
        let words = match &answer {
            Ok(answer) => match R::status(answer) {
                Some(status) if status.code != 0 || status.error_code != 0 => {
                    format!("{}/{} {}", status.code, status.error_code, status.reason)
                }
                _ => format!("ok {}", R::told(answer)),
            },
            Err(status) => format!("gRPC {:?} {}", status.code(), status.message()),
        };
        let asked = format!("{}/{}", self.topic, what.into());
        assert!(self.said.iter().all(|said| said.asked != asked), "{asked} was asked before");
        self.said.push(Said { asked, answer: told::plain(&words) });
        answer.ok()
    }

    /// Notes something that was seen in several answers.
    pub(super) fn note(&mut self, what: impl Into<String>, seen: impl std::fmt::Display) {
        let asked = format!("{}/{}", self.topic, what.into());
        self.said.push(Said { asked, answer: told::plain(&seen.to_string()) });
    }

    pub(super) async fn create(&mut self, what: impl Into<String>, collection: &Collection) {
        let request = self.probe.create_request(collection);
        self.ask(what, request).await;
    }

    /// Creates the collection with its partitions and indexes.
    pub(super) async fn indexed(&mut self, collection: &Collection) {
        let name = &collection.name;
        self.create(format!("{name}: create"), collection).await;
        for partition in &collection.partitions {
            self.ask(format!("{name}: partition {partition}"), partition_request(name, partition))
                .await;
        }
        for index in &collection.indexes {
            let request = self.probe.index_request(name, index);
            self.ask(format!("{name}: index on {}", index.field), request).await;
        }
    }

    /// Creates the collection with its partitions and indexes, and loads it.
    pub(super) async fn ready(&mut self, collection: &Collection) {
        self.indexed(collection).await;
        let name = &collection.name;
        self.ask(format!("{name}: load"), load(name, 1)).await;
        self.settled(name).await;
    }

    /// Waits until it is loaded or not, and no longer on the way.
    pub(super) async fn settled(&self, name: &str) {
        while self.probe.load_state(name, &[]).await == LoadState::Loading {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Waits until a partition is released.
    pub(super) async fn released(&self, name: &str, partition: &str) {
        let began = Instant::now();
        while self.probe.load_state(name, &[partition]).await != LoadState::NotLoad {
            assert!(began.elapsed() < Duration::from_secs(30), "{partition} is not released");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    pub(super) async fn properties(&mut self, what: impl Into<String>, name: &str) {
        let answer = self.probe.raw().describe_collection(describe(name)).await.unwrap();
        let mut pairs = told::pairs(&answer.into_inner().properties);
        pairs.sort_unstable();
        self.note(what, pairs.join(", "));
    }
}

pub(super) fn describe(name: &str) -> milvus::DescribeCollectionRequest {
    milvus::DescribeCollectionRequest { collection_name: name.to_owned(), ..Default::default() }
}

pub(super) fn load(name: &str, replicas: i32) -> milvus::LoadCollectionRequest {
    milvus::LoadCollectionRequest {
        collection_name: name.to_owned(),
        replica_number: replicas,
        ..Default::default()
    }
}

pub(super) fn release(name: &str) -> milvus::ReleaseCollectionRequest {
    milvus::ReleaseCollectionRequest { collection_name: name.to_owned(), ..Default::default() }
}

pub(super) fn partition_request(name: &str, partition: &str) -> milvus::CreatePartitionRequest {
    milvus::CreatePartitionRequest {
        collection_name: name.to_owned(),
        partition_name: partition.to_owned(),
        ..Default::default()
    }
}

pub(super) fn alter(
    name: &str,
    set: &[(&str, &str)],
    delete: &[&str],
) -> milvus::AlterCollectionRequest {
    milvus::AlterCollectionRequest {
        collection_name: name.to_owned(),
        properties: kv(set),
        delete_keys: delete.iter().map(|key| (*key).to_owned()).collect(),
        ..Default::default()
    }
}

pub(super) fn index(
    name: &str,
    field: &str,
    index_name: &str,
    params: &[(&str, &str)],
) -> milvus::CreateIndexRequest {
    milvus::CreateIndexRequest {
        collection_name: name.to_owned(),
        field_name: field.to_owned(),
        index_name: index_name.to_owned(),
        extra_params: kv(params),
        ..Default::default()
    }
}

pub(super) fn query(name: &str, filter: &str, output: &[&str]) -> milvus::QueryRequest {
    milvus::QueryRequest {
        collection_name: name.to_owned(),
        expr: filter.to_owned(),
        output_fields: output.iter().map(|name| (*name).to_owned()).collect(),
        ..Default::default()
    }
}

pub(super) fn kv(pairs: &[(&str, &str)]) -> Vec<KeyValuePair> {
    pairs.iter().map(|(key, value)| pair(key, value)).collect()
}
