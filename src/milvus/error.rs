//! What can go wrong with a call, sorted by what to do about it.

mod kinds;

use std::error::Error as _;
use std::fmt;

use tonic::Status;

use super::pb::common;
use kinds::{grpc_kind, has_any, status_kind};

/// The result of a call.
pub type Result<T> = std::result::Result<T, Error>;

/// The class of an error, chosen by what the caller can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The address cannot be reached, or the connection broke. Try again.
    Unavailable,
    /// TLS could not be agreed on. Trying again does not help.
    Tls,
    /// No answer in time.
    Timeout,
    /// The server is starting, recovering or otherwise busy with itself. Try again.
    NotReady,
    /// Too many or too large requests per second. Try again, slower.
    RateLimited,
    /// A quota is used up or writing is switched off. A person has to act.
    QuotaExceeded,
    /// The request or its answer is over a message limit. Ask for less.
    TooLarge,
    /// No or wrong credentials.
    Unauthenticated,
    /// Known, but not allowed to do this.
    PermissionDenied,
    /// The database, collection or partition is not there.
    Missing,
    /// The collection or partition is not loaded.
    NotLoaded,
    /// There is no index.
    NoIndex,
    /// The server does not know this call.
    Unsupported,
    /// The server refuses the request as it is.
    Invalid,
    /// The answer is not what the protocol or the request promises; going on could lose data.
    BadAnswer,
    /// We were asked to stop.
    Cancelled,
    /// Anything else.
    Other,
}

/// A failed call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    /// What to do about it.
    pub kind: Kind,
    /// The call.
    pub rpc: &'static str,
    /// The server, without credentials.
    pub endpoint: String,
    /// What the server or the connection said.
    pub message: String,
    /// Milvus's code, where there is one; for servers before 2.3 the legacy one.
    pub code: Option<i32>,
}

impl Error {
    /// Whether the same call may succeed when it is made again.
    ///
    /// `Other` is not: an unknown refusal is shown to a person instead of repeated for minutes.
    pub fn is_retryable(&self) -> bool {
        matches!(self.kind, Kind::Unavailable | Kind::Timeout | Kind::NotReady | Kind::RateLimited)
            || self.lacks_memory()
    }

    /// Whether a server denies writing because its memory is full. Unlike other quotas this one
    /// comes back by itself, when the server has flushed and compacted.
    fn lacks_memory(&self) -> bool {
        self.kind == Kind::QuotaExceeded
            && (matches!(self.code, Some(3 | 52 | 53)) || self.message.contains("memory quota"))
    }

    /// Whether a write that ended so may have been carried out all the same.
    ///
    /// Only an explicit refusal says that it was not: of 44 inserts that ran into their deadline on
    /// 2.3.5, 7 had been applied.
    pub fn outcome_unknown(&self) -> bool {
        !matches!(
            self.kind,
            Kind::RateLimited
                | Kind::QuotaExceeded
                | Kind::TooLarge
                | Kind::Unauthenticated
                | Kind::PermissionDenied
                | Kind::Missing
                | Kind::Unsupported
                | Kind::Invalid
                | Kind::Tls
        )
    }

    /// Whether it may be the rows of a write that the server refuses, and takes others.
    ///
    /// Servers say so under codes of all sorts: 2.3.5 refuses a vector that is no number with 65535
    /// and broken JSON with 1001. An answer without any code is not the server's own.
    pub fn concerns_rows(&self) -> bool {
        match self.kind {
            Kind::Invalid | Kind::TooLarge => true,
            Kind::Other => self.code.is_some(),
            _ => false,
        }
    }

    /// Whether the endpoint could not be used at all: unreachable, or not permitted.
    pub fn is_access(&self) -> bool {
        matches!(
            self.kind,
            Kind::Unavailable
                | Kind::Timeout
                | Kind::Tls
                | Kind::Unauthenticated
                | Kind::PermissionDenied
        )
    }

    /// What a person can do about it.
    pub fn advice(&self) -> &'static str {
        match self.kind {
            Kind::Unavailable | Kind::Timeout => {
                "check that the server runs and that host, port and scheme of the endpoint are right \
                 (http for a plain port, https for TLS)"
            }
            Kind::Tls => {
                "check the scheme (http for a plain port, https for TLS) and the files under `tls`; \
                 some servers ask for a client certificate"
            }
            Kind::NotReady => "the server is not ready; run the same command again later",
            Kind::RateLimited => "the server limits the rate; run the same command again later",
            Kind::QuotaExceeded if self.lacks_memory() => {
                "the server's memory is full: release collections there or give it more memory, \
                 then run the same command again"
            }
            Kind::QuotaExceeded => {
                "a quota is used up or writing is switched off at the server: free or add capacity, \
                 then run the same command again"
            }
            Kind::TooLarge => "lower `chunk_size` under [copy]",
            Kind::Unauthenticated => {
                "check the variables that the plan file names for username and password, or token"
            }
            Kind::PermissionDenied => "grant the named privilege to this user",
            Kind::Missing => "check the names, and that the user may see them",
            Kind::NotLoaded => {
                "load the collection there; for the source, `load = true` under [source] lets apply do so"
            }
            Kind::NoIndex => "create an index on every vector field at the source, then load it",
            Kind::Unsupported => "the server is too old for this call",
            Kind::BadAnswer => {
                "nothing of this was noted as done, so the same command does it again; if it stays, \
                 please report it with the server's version"
            }
            Kind::Cancelled => "run the same command again to continue",
            Kind::Invalid | Kind::Other => "see the server's own log for more",
        }
    }

    /// An answer that cannot be used, found by a reader of it.
    pub fn bad_answer(rpc: &'static str, endpoint: &str, why: impl Into<String>) -> Self {
        Self::new(Kind::BadAnswer, rpc, endpoint, why)
    }

    /// A call that was not made because we were asked to stop.
    pub fn cancelled(rpc: &'static str, endpoint: &str) -> Self {
        Self::new(Kind::Cancelled, rpc, endpoint, "")
    }

    /// Something over a limit, found by the caller.
    pub fn too_large(rpc: &'static str, endpoint: &str, why: impl Into<String>) -> Self {
        Self::new(Kind::TooLarge, rpc, endpoint, why)
    }

    pub(crate) fn new(
        kind: Kind,
        rpc: &'static str,
        endpoint: &str,
        message: impl Into<String>,
    ) -> Self {
        Self { kind, rpc, endpoint: endpoint.to_owned(), message: message.into(), code: None }
    }

    /// Sorts the status of a call that gRPC itself failed.
    pub(crate) fn from_grpc(rpc: &'static str, endpoint: &str, status: &Status) -> Self {
        let mut message = status.message().to_owned();
        let mut source = status.source();
        while let Some(cause) = source {
            let text = cause.to_string();
            if !message.contains(&text) {
                message = format!("{message}: {text}");
            }
            source = cause.source();
        }
        let mut kind = grpc_kind(status.code(), &message);
        let closed = has_any(&message, &["broken pipe", "connection reset", "connection closed"]);
        if kind == Kind::Unavailable && closed && rpc == "Connect" && endpoint.starts_with("http:")
        {
            // The first thing that is said on a plain connection; a server that is there and
            // hangs up at once expects TLS.
            kind = Kind::Tls;
            message =
                format!("the server closed the plain connection, as a TLS port does: {message}");
        }
        Self::new(kind, rpc, endpoint, shortened(&message))
    }

    /// Sorts Milvus's own status; `None` when it is success.
    pub(crate) fn from_status(
        rpc: &'static str,
        endpoint: &str,
        status: Option<&common::Status>,
    ) -> Option<Self> {
        let Some(status) = status else {
            // A message without a status is what an all-default, hence successful, one encodes to.
            return None;
        };
        #[expect(deprecated, reason = "the only code that servers before 2.3 set")]
        let legacy = status.error_code;
        if status.code == 0 && legacy == 0 {
            return None;
        }
        let text = if status.reason.is_empty() { &status.detail } else { &status.reason };
        let mut error =
            Self::new(status_kind(status.code, legacy, text), rpc, endpoint, shortened(text));
        error.code = Some(if status.code == 0 { legacy } else { status.code });
        Some(error)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.kind {
            Kind::Unavailable => "cannot reach the server",
            Kind::Tls => "cannot agree on TLS",
            Kind::Timeout => "no answer in time",
            Kind::NotReady => "the server is not ready",
            Kind::RateLimited => "the server limits the rate",
            Kind::QuotaExceeded => "the server denies writing",
            Kind::TooLarge => "over a message limit",
            Kind::Unauthenticated => "the credentials are refused",
            Kind::PermissionDenied => "not permitted",
            Kind::Missing => "not found",
            Kind::NotLoaded => "not loaded",
            Kind::NoIndex => "no index",
            Kind::Unsupported => "the server does not know this call",
            Kind::Invalid => "the server refuses the request",
            Kind::BadAnswer => "unusable answer",
            Kind::Cancelled => "stopped",
            Kind::Other => "the call failed",
        };
        write!(f, "{what} ({} at {})", self.rpc, self.endpoint)?;
        if !self.message.is_empty() {
            write!(f, ": {}", self.message)?;
        }
        if let Some(code) = self.code {
            write!(f, " [code {code}]")?;
        }
        Ok(())
    }
}

impl std::error::Error for Error {}

/// Both ends of a long text: servers quote a whole expression, with thousands of keys.
fn shortened(text: &str) -> String {
    const ENDS: usize = 400;
    let count = text.chars().count();
    if count <= 2 * ENDS + 100 {
        return text.to_owned();
    }
    let head: String = text.chars().take(ENDS).collect();
    let tail: String = text.chars().skip(count - ENDS).collect();
    format!("{head} […] {tail}")
}

#[cfg(test)]
mod tests {
    use tonic::Code;

    use super::*;

    fn status(code: i32, legacy: i32, reason: &str) -> Option<Kind> {
        #[expect(deprecated)]
        let status = common::Status {
            code,
            error_code: legacy,
            reason: reason.to_owned(),
            ..Default::default()
        };
        Error::from_status("Insert", "http://h:1", Some(&status)).map(|error| error.kind)
    }

    #[test]
    fn sorts_the_answers_that_real_servers_gave() {
        // (code, legacy, reason, kind): measured on 2.3.5, 2.2.16 and Milvus Lite.
        let cases = [
            (8, 49, "request is rejected by grpc RateLimiter middleware", Kind::RateLimited),
            (
                0,
                49,
                "please retry later, req: /milvus.proto.milvus.MilvusService/Insert",
                Kind::RateLimited,
            ),
            (9, 48, "quota exceeded[reason=disk quota exceeded]", Kind::QuotaExceeded),
            (0, 54, "disk quota", Kind::QuotaExceeded),
            (100, 1, "can't find collection collection not found[database=..]", Kind::Missing),
            (
                0,
                1,
                "code: CollectionNotExists, reason: can't find collection default:nope",
                Kind::Missing,
            ),
            (65535, 1, "database:nodb not found", Kind::Missing),
            (200, 15, "partition not found", Kind::Missing),
            (101, 1, "collection not loaded", Kind::NotLoaded),
            (0, 1, "checkIfLoaded failed when query, collection:[x]", Kind::NotLoaded),
            (700, 25, "index not found", Kind::NoIndex),
            (0, 1, "index doesn't exist, collectionID 1", Kind::NoIndex),
            (
                65535,
                1,
                "attempt #7: rpc error: code = Canceled desc = grpc: the client connection is closing",
                Kind::NotReady,
            ),
            (65535, 1, "proxy TaskCondition context Done", Kind::NotReady),
            (65535, 1, "unrecoverable error", Kind::NotReady),
            (65535, 1, "query results exceed the limit size", Kind::TooLarge),
            (1, 1, "alias 'current' already exists", Kind::Invalid),
            (1, 55, "service not ready", Kind::NotReady),
            (6, 1, "database 'nowhere' does not exist", Kind::Missing),
            (1100, 5, "the length of string exceeds max length", Kind::Invalid),
        ];
        for (code, legacy, reason, kind) in cases {
            assert_eq!(status(code, legacy, reason), Some(kind), "{code} {legacy} {reason}");
        }
        assert_eq!(status(0, 0, ""), None);
    }

    #[test]
    fn of_the_quotas_only_memory_is_waited_for() {
        let error = |code, legacy, reason: &str| {
            #[expect(deprecated)]
            let status = common::Status {
                code,
                error_code: legacy,
                reason: reason.to_owned(),
                ..Default::default()
            };
            Error::from_status("Insert", "http://h:1", Some(&status)).unwrap()
        };
        let full = "quota exceeded[reason=memory quota exceeded, please allocate more resources]";
        for error in [
            error(3, 0, "memory limit exceeded[predict=9][limit=8]"),
            error(0, 52, "insufficient memory"),
            error(0, 53, "memory quota exceeded, please allocate more resources"),
            error(9, 48, full),
        ] {
            assert!(error.is_retryable() && error.advice().contains("memory"), "{error}");
            assert!(error.kind == Kind::QuotaExceeded && !error.outcome_unknown(), "{error}");
        }
        for error in [error(9, 48, "disk quota exceeded"), error(7, 54, "disk"), error(0, 54, "")] {
            assert!(!error.is_retryable() && !error.advice().contains("memory"), "{error}");
        }
        // The limiter denies writing while a server lags behind itself.
        assert!(error(9, 48, "quota exceeded[reason=time tick long delay]").is_retryable());
    }

    #[test]
    fn a_long_text_keeps_both_ends() {
        let keys = "1234567,".repeat(1000);
        let text = shortened(&format!("failed to create expr plan, expr = id in [{keys}]: why"));
        assert!(text.len() < 1000, "{text}");
        assert!(text.starts_with("failed to create expr plan") && text.ends_with("]: why"));
        assert_eq!(shortened("größer"), "größer");
    }

    #[test]
    fn only_an_explicit_refusal_has_a_known_outcome() {
        let grpc = |code: Code, text: &str| {
            Error::from_grpc("Insert", "http://h:1", &Status::new(code, text))
        };
        assert!(grpc(Code::DeadlineExceeded, "").outcome_unknown());
        assert!(grpc(Code::Unavailable, "Stream removed").outcome_unknown());
        assert!(grpc(Code::Internal, "h2 protocol error: stream reset").outcome_unknown());
        let large =
            grpc(Code::ResourceExhausted, "grpc: received message larger than max (9 vs. 8)");
        assert!(large.kind == Kind::TooLarge && !large.outcome_unknown());
        // Envoy says no more than this by itself.
        for text in ["Rate limit exceeded", "local_rate_limited", "Quota exceeded for requests"] {
            let fast = grpc(Code::ResourceExhausted, text);
            assert!(fast.kind == Kind::RateLimited && !fast.outcome_unknown(), "{text}");
        }
        assert_eq!(
            grpc(Code::Unknown, "auth check failure, please check username").kind,
            Kind::Unauthenticated
        );
    }
}
