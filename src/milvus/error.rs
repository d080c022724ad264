//! What can go wrong with a call, sorted by what to do about it.

mod codes;
mod field;
mod kinds;

use std::error::Error as _;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tonic::Status;

use super::front::http_answer;
use super::pb::common;
use super::trust::untrusted;
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
    /// Something else than Milvus answers there. Trying again does not help.
    NotGrpc,
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
    /// Wrong credentials.
    Unauthenticated,
    /// The server asks for a login, and none was given.
    LoginMissing,
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

/// What is not known of a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Doubt {
    /// Nothing: code, text or gRPC say of which kind it is.
    None,
    /// The code may mean anything, and the text is not known.
    Unclear,
    /// No release that is known has such a code.
    UnknownCode,
}

/// How often a call was made and how long that took; of one call nothing is noted. Small, as errors are
/// handed on everywhere.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Tried {
    times: u16,
    seconds: u16,
}

impl Tried {
    pub(super) fn new(times: u32, time: Duration) -> Self {
        Self {
            times: u16::try_from(times).unwrap_or(u16::MAX),
            seconds: u16::try_from(time.as_secs()).unwrap_or(u16::MAX),
        }
    }
}

/// How long a read is repeated of which it is not known why it fails. What is known to pass by itself
/// is waited for as long as the plan file says.
const UNCLEAR: Duration = Duration::from_secs(30);

/// Calls that only read, and without which a run cannot go on.
const READS: &[&str] = &[
    "Query",
    "Search",
    "DescribeCollection",
    "DescribeDatabase",
    "DescribeIndex",
    "GetCollectionStatistics",
    "GetLoadState",
    "ListAliases",
    "ListDatabases",
    "ShowCollections",
    "ShowPartitions",
];

/// A failed call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    /// What to do about it.
    pub kind: Kind,
    /// The call.
    pub rpc: &'static str,
    /// The server, without credentials.
    pub endpoint: Box<str>,
    /// What the server or the connection said.
    pub message: String,
    /// Milvus's code, where there is one; for servers before 2.3 the legacy one.
    pub code: Option<i32>,
    /// Whether an HTTP server in front of Milvus said it, in its own name.
    pub(super) of_front: bool,
    /// What is not known of it.
    pub(super) doubt: Doubt,
    /// How long it was tried, where that was more than once.
    pub(super) tried: Tried,
    /// What to do, where that is known better than by the kind. Behind a pointer of one word, as errors
    /// are handed on everywhere.
    pub(super) help: Option<Arc<String>>,
}

impl Error {
    /// Whether the server, and not a front of it, says that this user may not do so.
    pub fn is_denial(&self) -> bool {
        self.kind == Kind::PermissionDenied && !self.of_front
    }

    /// The privilege that is missing, where the server names it: `PrivilegeLoad: permission deny …`.
    pub fn denied_privilege(&self) -> Option<&str> {
        let (_, rest) = self.message.split_once("Privilege")?;
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(rest.len());
        (end > 0 && rest[end..].starts_with(": permission deny")).then(|| &rest[..end])
    }

    /// Whether it is known better than by its kind what to do.
    pub fn has_help(&self) -> bool {
        self.help.is_some()
    }

    /// The same with what to do about it.
    pub(super) fn with_help(self, help: impl Into<String>) -> Self {
        Self { help: Some(Arc::new(help.into())), ..self }
    }

    /// How long the same call may be made again, where no call may for longer than `limit`.
    pub(super) fn patience(&self, limit: Duration) -> Option<Duration> {
        // A front answers so for a moment while it is configured anew.
        let of_front = self.kind == Kind::NotGrpc;
        let unclear = self.kind == Kind::Other && self.doubt != Doubt::None || of_front;
        if self.is_retryable() {
            Some(limit)
        } else if unclear && READS.contains(&self.rpc) {
            Some(limit.min(UNCLEAR))
        } else {
            None
        }
    }

    /// Whether the same call may succeed when it is made again.
    ///
    /// `Other` is not: an unknown refusal is shown to a person instead of repeated for minutes. Reads
    /// are repeated for a while all the same.
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
                | Kind::LoginMissing
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

    /// The field that is not loaded, of a collection that is: repeating the call does not help.
    pub fn unloaded_field(&self) -> Option<&str> {
        if self.kind == Kind::NotLoaded { field::not_loaded(&self.message) } else { None }
    }

    /// Whether a server refuses rows because they bring keys that it makes up itself.
    pub fn refuses_given_keys(&self) -> bool {
        matches!(self.kind, Kind::Invalid | Kind::Other) && field::keys_refused(&self.message)
    }

    /// Whether the endpoint could not be used at all: unreachable, or not permitted.
    pub fn is_access(&self) -> bool {
        matches!(
            self.kind,
            Kind::Unavailable
                | Kind::Timeout
                | Kind::Tls
                | Kind::NotGrpc
                | Kind::Unauthenticated
                | Kind::LoginMissing
                | Kind::PermissionDenied
        )
    }

    /// Whether an HTTP server in front of Milvus said it, in its own name.
    pub fn is_of_front(&self) -> bool {
        self.of_front
    }

    /// What a person can do about it.
    pub fn advice(&self) -> &str {
        if let Some(help) = &self.help {
            return help;
        }
        if let Some(advice) = self.advice_of_front() {
            return advice;
        }
        match self.kind {
            Kind::Unavailable | Kind::Timeout => {
                "check that the server runs and that host, port and scheme of the endpoint are right \
                 (http for a plain port, https for TLS)"
            }
            Kind::Tls => {
                "check the scheme (http for a plain port, https for TLS) and the files under `tls`; \
                 some servers ask for a client certificate"
            }
            Kind::NotGrpc => {
                "give the address of Milvus's gRPC port (19530 unless it was changed); an HTTP server in \
                 front has to pass gRPC on to it over HTTP/2 (nginx: `grpc_pass`)"
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
            Kind::LoginMissing => {
                "add `username` and `password`, or `token`, to the end's table in the plan file, each \
                 the name of a variable: `token = { env = \"NAME\" }` (init: --token-env, or \
                 --username-env and --password-env)"
            }
            Kind::PermissionDenied => "grant the named privilege to this user",
            Kind::Missing => "check the names, and that the user may see them",
            Kind::NotLoaded if self.unloaded_field().is_some() => {
                "only some fields of the collection are loaded: release it there, and load it with \
                 all its fields"
            }
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

    /// What to do about an HTTP server in front of Milvus.
    fn advice_of_front(&self) -> Option<&'static str> {
        if !self.of_front {
            return None;
        }
        match self.kind {
            Kind::Unavailable | Kind::Timeout => Some(
                "check that Milvus runs, and that the HTTP server in front leads to its gRPC port \
                 (nginx: `grpc_pass`) and waits long enough (nginx: `grpc_read_timeout`)",
            ),
            Kind::RateLimited => Some(
                "the HTTP server in front limits requests (nginx: `limit_req`): raise its limit, or \
                 lower `parallelism` under [copy], then run the same command again",
            ),
            Kind::TooLarge => Some(
                "raise the limit of the HTTP server in front (nginx: `client_max_body_size 64m`), or \
                 lower `chunk_size` under [copy]",
            ),
            Kind::Unauthenticated | Kind::PermissionDenied => Some(
                "the HTTP server in front of Milvus refuses these credentials or this client, before \
                 Milvus is asked: check the variables that the plan file names for the login, and the \
                 rules of that server",
            ),
            _ => None,
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
        Self {
            kind,
            rpc,
            endpoint: endpoint.into(),
            message: message.into(),
            code: None,
            of_front: false,
            doubt: Doubt::None,
            tried: Tried::default(),
            help: None,
        }
    }

    /// Sorts the status of a call that gRPC itself failed.
    pub(crate) fn from_grpc(rpc: &'static str, endpoint: &str, status: &Status) -> Self {
        if let Some(answer) = http_answer(status) {
            let error = Self::new(answer.kind(), rpc, endpoint, shortened(&answer.to_string()));
            return Self { of_front: true, ..error };
        }
        if let Some(untrusted) = untrusted(status) {
            let error = Self::new(Kind::Tls, rpc, endpoint, untrusted.why.clone());
            return error.with_help(untrusted.help.as_str());
        }
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
        if kind == Kind::Unavailable && closed && rpc == "Connect" && endpoint.contains("http:") {
            // The first thing that is said on a plain connection; a server that is there and
            // hangs up at once expects TLS.
            kind = Kind::Tls;
            message =
                format!("the server closed the plain connection, as a TLS port does: {message}");
        }
        let mut error = Self::new(kind, rpc, endpoint, shortened(&message));
        if kind == Kind::Other {
            error.doubt = Doubt::Unclear;
        }
        error
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
        let (mut kind, doubt) = status_kind(status.code, legacy, text);
        // A server that says so may be believed; one that does not says nothing by it.
        if kind == Kind::Other && status.retriable {
            kind = Kind::NotReady;
        }
        let mut error = Self::new(kind, rpc, endpoint, shortened(text));
        error.doubt = doubt;
        error.code = Some(if status.code == 0 { legacy } else { status.code });
        Some(error)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.kind {
            Kind::Unavailable => "cannot reach the server",
            Kind::Tls => "cannot agree on TLS",
            Kind::NotGrpc => "not a gRPC endpoint",
            Kind::Timeout => "no answer in time",
            Kind::NotReady => "the server is not ready",
            Kind::RateLimited => "the server limits the rate",
            Kind::QuotaExceeded => "the server denies writing",
            Kind::TooLarge => "over a message limit",
            Kind::Unauthenticated => "the credentials are refused",
            Kind::LoginMissing => "the server asks for a login, and none is given",
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
        match self.code {
            Some(code) if self.doubt == Doubt::UnknownCode => {
                write!(f, " [code {code}, which milvus-ferry does not know]")?;
            }
            Some(code) => write!(f, " [code {code}]")?,
            None => {}
        }
        let Tried { times, seconds } = self.tried;
        if times > 1 {
            write!(f, " (tried for {seconds} s, {times} times)")?;
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
mod tests;
