//! The endless source: a Milvus 2.3.5 with collections whose rows have the keys 1, 2, 3, …

use std::collections::BTreeMap;
use std::sync::Arc;

use prost::Message as _;
use tonic::body::Body;

use super::front::{self, Answer, Pieces, Rows};
use super::{Count, MESSAGE_LIMIT, Shape, Tally, messages, profile, range};
use crate::collection::pair;
use crate::fake::{Double, State};
use crate::loopback::Loopback;
use crate::pb::common::{ErrorCode, Status};
use crate::pb::milvus;

/// A running source; it ends when it is dropped.
pub struct Source {
    server: Loopback,
    held: Arc<Held>,
}

struct Held {
    collections: BTreeMap<String, (Shape, u64)>,
    count: Count,
}

impl Source {
    /// With loaded collections of the default database: their names, shapes and numbers of rows.
    pub fn start(collections: impl IntoIterator<Item = (String, Shape, u64)>) -> Self {
        let behind = Double::new(profile());
        let collections: BTreeMap<String, (Shape, u64)> =
            collections.into_iter().map(|(name, shape, rows)| (name, (shape, rows))).collect();
        for (name, (shape, _)) in &collections {
            behind.change_state(|state| make(state, name, shape));
        }
        let held = Arc::new(Held { collections, count: Count::default() });
        let server = front::serve(held.clone(), &behind);
        Self { server, held }
    }

    /// One collection.
    pub fn of(name: &str, shape: Shape, rows: u64) -> Self {
        Self::start([(name.to_owned(), shape, rows)])
    }

    pub fn uri(&self) -> String {
        self.server.uri()
    }

    /// The answers that held rows: not those with keys alone, and no counts.
    pub fn tally(&self) -> Tally {
        self.held.count.get()
    }

    pub fn reset(&self) {
        self.held.count.reset();
    }
}

fn make(state: &mut State, name: &str, shape: &Shape) {
    let collection = shape.collection(name);
    let create = milvus::CreateCollectionRequest {
        collection_name: name.to_owned(),
        schema: collection.to_schema().encode_to_vec(),
        shards_num: 1,
        consistency_level: 2,
        ..Default::default()
    };
    state.create_collection("default", &create).unwrap();
    for index in &collection.indexes {
        let create = milvus::CreateIndexRequest {
            collection_name: name.to_owned(),
            field_name: index.field.clone(),
            extra_params: index.params.iter().map(|(key, value)| pair(key, value)).collect(),
            ..Default::default()
        };
        state.create_index("default", &create).unwrap();
    }
    let load = milvus::LoadCollectionRequest {
        collection_name: name.to_owned(),
        replica_number: 1,
        ..Default::default()
    };
    state.load_collection("default", &load).unwrap();
}

impl Rows for Held {
    const RPCS: &'static [&'static str] = &["Query", "GetCollectionStatistics"];

    async fn answer(self: Arc<Self>, rpc: &'static str, _: String, body: Body) -> Answer {
        let message = front::message(body).await;
        if rpc == "GetCollectionStatistics" {
            let request = milvus::GetCollectionStatisticsRequest::decode(message).unwrap();
            let rows = self.collections.get(&request.collection_name).map_or(0, |held| held.1);
            return Ok(statistics(rows));
        }
        let request = milvus::QueryRequest::decode(message).unwrap();
        match self.query(&request) {
            Ok(answer) => answer,
            Err(reason) => Ok(Pieces::of(&milvus::QueryResults {
                status: Some(refusal(1100, ErrorCode::IllegalArgument, reason)),
                ..Default::default()
            })),
        }
    }
}

impl Held {
    /// What a query is answered; a reason where this double does not understand it.
    fn query(&self, request: &milvus::QueryRequest) -> Result<Answer, String> {
        let name = &request.collection_name;
        let (shape, held) =
            self.collections.get(name).ok_or_else(|| format!("no collection {name}"))?;
        let keys = range::keys(&request.expr, *held as i64)
            .map_err(|part| format!("the filter {part:?} is not understood here"))?;
        let rows = |keys: Option<(i64, i64)>| keys.map_or(0, |(first, last)| last - first + 1);
        if request.output_fields == ["count(*)"] {
            return Ok(Ok(messages::count(name, rows(keys) as u64)));
        }
        let limit = request.query_params.iter().find(|pair| pair.key == "limit");
        let limit = limit.map_or(i64::MAX, |pair| pair.value.parse().unwrap());
        let keys = keys.map(|(first, last)| (first, last.min(first.saturating_add(limit - 1))));
        let answer = messages::answer(shape, name, keys, &request.output_fields)
            .map_err(|field| format!("field {field} not exist"))?;
        if request.output_fields == ["id"] {
            return Ok(Ok(answer));
        }
        let bytes = answer.size();
        self.count.arrived(bytes);
        if bytes > MESSAGE_LIMIT {
            self.count.refused();
            return Ok(Err(too_large("trying to send", bytes)));
        }
        self.count.done(rows(keys) as u64, bytes);
        Ok(Ok(answer))
    }
}

/// The answer to `GetCollectionStatistics`.
pub fn statistics(rows: u64) -> Pieces {
    Pieces::of(&milvus::GetCollectionStatisticsResponse {
        status: Some(Status::default()),
        stats: vec![pair("row_count", &rows.to_string())],
    })
}

pub fn refusal(code: i32, legacy: ErrorCode, reason: String) -> Status {
    Status { code, error_code: legacy.into(), reason, ..Default::default() }
}

/// The words of grpc-go for a message that is over the limit.
pub fn too_large(verb: &str, bytes: usize) -> tonic::Status {
    let text = format!("grpc: {verb} message larger than max ({bytes} vs. {MESSAGE_LIMIT})");
    tonic::Status::resource_exhausted(text)
}
