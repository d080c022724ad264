//! A server in front of a real one that forwards its calls, notes them, and lets a test spoil them.

mod service;

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tonic::transport::{Channel, Endpoint};

use super::lab::Server;
use super::loopback::Loopback;
use super::pb::common::{ErrorCode, Status};
use super::pb::milvus::QueryResults;
use super::pb::milvus::milvus_service_client::MilvusServiceClient;
use super::probe::MESSAGE_LIMIT;
pub(crate) use service::Refusal;

/// One call, as the relay saw it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Call {
    /// The RPC's name, like `Insert`.
    pub rpc: &'static str,
    /// The how manyth call of this RPC it is, from 1.
    pub number: usize,
    pub database: String,
    pub collection: String,
    pub partitions: Vec<String>,
    /// The filter of a query or a delete.
    pub expression: String,
    pub output_fields: Vec<String>,
    /// `limit`, `offset`, `iterator`, ... of a query.
    pub params: HashMap<String, String>,
    /// The rows of an insert or upsert.
    pub rows: usize,
}

impl Call {
    /// The limit of a query.
    pub fn limit(&self) -> Option<u64> {
        self.params.get("limit").map(|limit| limit.parse().unwrap())
    }
}

/// What to do with a call.
#[derive(Debug, Clone)]
pub enum Act {
    /// Forward it and answer what the server answered.
    Forward,
    /// Forward it after a while.
    Delay(Duration),
    /// Do not forward it; answer with a gRPC status.
    Fail(tonic::Status),
    /// Do not forward it; answer with a Milvus status in an answer that gRPC takes for good.
    Refuse(Status),
    /// Forward it, let the server carry it out, and answer with a gRPC status all the same.
    LoseAnswer(tonic::Status),
    /// Forward it, let the server carry it out, and refuse with a Milvus status all the same.
    RefuseAfter(Status),
    /// Forward it, let the server carry it out, and never answer.
    Hang,
    /// Answer with a gRPC status, and forward it after a while all the same.
    Late(Duration, tonic::Status),
    /// Forward it and change the answer of a query on its way back.
    Change(Change),
}

/// A change of a query's answer.
#[derive(Clone)]
pub struct Change(Arc<dyn Fn(&mut QueryResults) + Send + Sync>);

impl std::fmt::Debug for Change {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Change")
    }
}

impl Act {
    pub fn change(change: impl Fn(&mut QueryResults) + Send + Sync + 'static) -> Self {
        Self::Change(Change(Arc::new(change)))
    }

    pub fn unavailable() -> Self {
        Self::Fail(tonic::Status::unavailable("relay: unavailable"))
    }

    /// The server carried it out, and the connection broke.
    pub fn lose_answer() -> Self {
        Self::LoseAnswer(tonic::Status::unavailable("relay: connection reset by peer"))
    }

    /// The server carried it out, too late.
    pub fn deadline_after() -> Self {
        Self::LoseAnswer(tonic::Status::deadline_exceeded("relay: deadline exceeded"))
    }

    /// The answer or the request is larger than the server's limit.
    pub fn too_large() -> Self {
        let text = "grpc: trying to send message larger than max (67478362 vs. 67108864)";
        Self::Fail(tonic::Status::resource_exhausted(text))
    }

    /// The refusal of Milvus 2.3.5's rate limiter, word for word: `retriable` is false, though to
    /// try again is just what helps.
    pub fn rate_limited() -> Self {
        let reason = "request is rejected by grpc RateLimiter middleware, please retry later: \
                      rate limit exceeded[rate=2.097152e+06]";
        Self::Refuse(refusal(8, ErrorCode::RateLimit, reason))
    }

    /// The refusal of Milvus 2.2.16's rate limiter, which sets the legacy code only.
    pub fn rate_limited_2216() -> Self {
        let reason = "request is rejected by grpc RateLimiter middleware, please retry later, \
                      req: /milvus.proto.milvus.MilvusService/Insert";
        Self::Refuse(refusal(0, ErrorCode::RateLimit, reason))
    }

    /// The refusal of a gateway in front of the server.
    pub fn rate_limited_by_gateway() -> Self {
        Self::Fail(tonic::Status::resource_exhausted("local_rate_limited: rate limit exceeded"))
    }

    /// The refusal when writing is switched off, which no retry mends.
    pub fn write_denied() -> Self {
        let reason = "quota exceeded[reason=the writing has been deactivated by the administrator]";
        Self::Refuse(refusal(9, ErrorCode::ForceDeny, reason))
    }
}

/// A Milvus status that says no.
pub fn refusal(code: i32, legacy: ErrorCode, reason: &str) -> Status {
    Status { code, error_code: legacy.into(), reason: reason.to_owned(), ..Default::default() }
}

type Rule = Box<dyn Fn(&Call) -> Act + Send + Sync>;

/// What the relay's connections share.
struct Shared {
    rule: Mutex<Arc<Rule>>,
    calls: Mutex<Vec<Call>>,
}

/// A running relay; it ends when it is dropped.
pub struct Relay {
    server: Loopback,
    shared: Arc<Shared>,
}

impl Relay {
    /// Starts a relay that forwards everything. Neither side has TLS.
    pub fn before(server: &Server) -> Self {
        Self::with_rule(server, |_| Act::Forward)
    }

    /// Starts a relay with a rule, which is asked about every call.
    pub fn with_rule(server: &Server, rule: impl Fn(&Call) -> Act + Send + Sync + 'static) -> Self {
        Self::to(server.uri(), rule)
    }

    /// [`Relay::with_rule`] before whatever listens there, such as a double.
    pub fn to(upstream: &str, rule: impl Fn(&Call) -> Act + Send + Sync + 'static) -> Self {
        let rule: Rule = Box::new(rule);
        let shared = Arc::new(Shared { rule: Mutex::new(Arc::new(rule)), calls: Mutex::default() });
        let server =
            Loopback::serve(|| service::Forwarder::new(connect(upstream), Arc::clone(&shared)));
        Self { server, shared }
    }

    /// Where clients connect to instead of the server.
    pub fn uri(&self) -> String {
        self.server.uri()
    }

    pub fn port(&self) -> u16 {
        self.server.port()
    }

    /// Another rule for the calls from now on.
    pub fn set_rule(&self, rule: impl Fn(&Call) -> Act + Send + Sync + 'static) {
        *self.shared.rule.lock().unwrap() = Arc::new(Box::new(rule));
    }

    /// Every call so far, in the order of arrival.
    pub fn calls(&self) -> Vec<Call> {
        self.shared.calls.lock().unwrap().clone()
    }

    /// The calls of one RPC so far.
    pub fn calls_of(&self, rpc: &str) -> Vec<Call> {
        self.calls().into_iter().filter(|call| call.rpc == rpc).collect()
    }

    /// How often an RPC was called so far.
    pub fn count(&self, rpc: &str) -> usize {
        self.calls_of(rpc).len()
    }
}

fn connect(upstream: &str) -> MilvusServiceClient<Channel> {
    let channel = Endpoint::from_shared(upstream.to_owned())
        .unwrap()
        .initial_stream_window_size(8 << 20)
        .initial_connection_window_size(8 << 20)
        .connect_lazy();
    MilvusServiceClient::new(channel)
        .max_decoding_message_size(MESSAGE_LIMIT)
        .max_encoding_message_size(MESSAGE_LIMIT)
}
