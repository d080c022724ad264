//! The null target: a Milvus 2.3.5 that acknowledges rows and does not keep them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use prost::Message as _;
use tonic::body::Body;

use super::front::{self, Answer, Pieces, Rows};
use super::skim::Skim;
use super::source::{refusal, statistics, too_large};
use super::{Count, MESSAGE_LIMIT, Tally, messages, profile};
use crate::fake::Double;
use crate::loopback::Loopback;
use crate::pb::common::{ErrorCode, Status};
use crate::pb::milvus;

/// How fast a target is.
#[derive(Debug, Clone, Default)]
pub struct Pace {
    /// Time from a whole request to its answer.
    pub latency: Duration,
    /// More bytes a second are refused as Milvus refuses them: its bucket of tokens goes into debt.
    pub bytes_per_second: Option<f64>,
}

/// A running target; it ends when it is dropped.
pub struct Target {
    server: Loopback,
    taken: Arc<Taken>,
}

struct Taken {
    behind: Double,
    pace: Pace,
    /// Tokens of the limit, and when they were counted.
    bucket: Mutex<(f64, Instant)>,
    /// Rows by the collection's id.
    rows: Mutex<BTreeMap<i64, u64>>,
    count: Count,
}

impl Target {
    /// As fast as can be.
    pub fn start() -> Self {
        Self::at(Pace::default())
    }

    pub fn at(pace: Pace) -> Self {
        let behind = Double::new(profile());
        let taken = Arc::new(Taken {
            behind: behind.clone(),
            pace,
            bucket: Mutex::new((0.0, Instant::now())),
            rows: Mutex::default(),
            count: Count::default(),
        });
        let server = front::serve(taken.clone(), &behind);
        Self { server, taken }
    }

    pub fn uri(&self) -> String {
        self.server.uri()
    }

    /// The writes.
    pub fn tally(&self) -> Tally {
        self.taken.count.get()
    }

    pub fn reset(&self) {
        self.taken.count.reset();
    }

    /// Rows that were acknowledged for a collection of the default database.
    pub fn rows(&self, collection: &str) -> u64 {
        self.taken.rows_of("", collection).unwrap_or(0)
    }
}

impl Rows for Taken {
    const RPCS: &'static [&'static str] = &["Insert", "Upsert", "Query", "GetCollectionStatistics"];

    async fn answer(self: Arc<Self>, rpc: &'static str, database: String, body: Body) -> Answer {
        match rpc {
            "Insert" | "Upsert" => {
                self.count.began();
                let answer = self.write(rpc, &database, body).await;
                self.count.ended();
                answer
            }
            "Query" => {
                let request = milvus::QueryRequest::decode(front::message(body).await).unwrap();
                Ok(self.query(&database, &request))
            }
            _ => {
                let message = front::message(body).await;
                let request = milvus::GetCollectionStatisticsRequest::decode(message).unwrap();
                Ok(statistics(self.rows_of(&database, &request.collection_name).unwrap_or(0)))
            }
        }
    }
}

impl Taken {
    async fn write(&self, rpc: &str, database: &str, mut body: Body) -> Answer {
        let mut request = Skim::default();
        while let Some(piece) = front::next_piece(&mut body).await {
            request.feed(&piece);
        }
        if !request.is_whole() {
            return Err(tonic::Status::cancelled("the client is gone"));
        }
        self.count.arrived(request.bytes);
        if request.bytes > MESSAGE_LIMIT {
            self.count.refused();
            return Err(too_large("received", request.bytes));
        }
        if let Some(rate) = self.pace.bytes_per_second
            && !self.is_within(rate, request.bytes)
        {
            self.count.refused();
            // The words and codes of Milvus 2.3.5.
            let reason = format!(
                "request is rejected by grpc RateLimiter middleware, please retry later: \
                 rate limit exceeded[rate={rate:e}]"
            );
            return Ok(mutation(refusal(8, ErrorCode::RateLimit, reason), rpc, 0));
        }
        if !self.pace.latency.is_zero() {
            tokio::time::sleep(self.pace.latency).await;
        }
        let database = if request.database.is_empty() { database } else { &request.database };
        let Some(id) = self.behind.collection_id(database, &request.collection) else {
            self.count.refused();
            let reason = format!("can't find collection[collection={}]", request.collection);
            return Ok(mutation(refusal(100, ErrorCode::CollectionNotExists, reason), rpc, 0));
        };
        *self.rows.lock().unwrap().entry(id).or_default() += request.rows;
        self.count.done(request.rows, request.bytes);
        Ok(mutation(Status::default(), rpc, request.rows))
    }

    /// Takes tokens, if there are any at all.
    fn is_within(&self, rate: f64, bytes: usize) -> bool {
        let mut bucket = self.bucket.lock().unwrap();
        let now = Instant::now();
        let grown = bucket.0 + rate * now.duration_since(bucket.1).as_secs_f64();
        let tokens = grown.min(rate); // a second's worth at most
        *bucket = (if tokens > 0.0 { tokens - bytes as f64 } else { tokens }, now);
        tokens > 0.0
    }

    fn query(&self, database: &str, request: &milvus::QueryRequest) -> Pieces {
        let name = &request.collection_name;
        let database = if request.db_name.is_empty() { database } else { &request.db_name };
        let refused = |code, legacy, reason| {
            let status = Some(refusal(code, legacy, reason));
            Pieces::of(&milvus::QueryResults { status, ..Default::default() })
        };
        if request.output_fields != ["count(*)"] || !request.expr.is_empty() {
            let reason = "rows that were acknowledged here are gone".to_owned();
            return refused(1100, ErrorCode::IllegalArgument, reason);
        }
        match self.rows_of(database, name) {
            Some(rows) => messages::count(name, rows),
            None => {
                let reason = format!("can't find collection[collection={name}]");
                refused(100, ErrorCode::CollectionNotExists, reason)
            }
        }
    }

    fn rows_of(&self, database: &str, collection: &str) -> Option<u64> {
        let id = self.behind.collection_id(database, collection)?;
        Some(self.rows.lock().unwrap().get(&id).copied().unwrap_or(0))
    }
}

fn mutation(status: Status, rpc: &str, rows: u64) -> Pieces {
    let rows = rows as i64;
    let mut result = milvus::MutationResult { status: Some(status), ..Default::default() };
    match rpc {
        "Insert" => result.insert_cnt = rows,
        _ => result.upsert_cnt = rows,
    }
    Pieces::of(&result)
}
