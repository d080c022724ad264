//! Sorting what servers answer, by gRPC code, Milvus code, legacy code, and text.

use tonic::Code;

use super::codes::{self, Class};
use super::{Doubt, Kind};

pub(super) fn has_any(text: &str, needles: &[&str]) -> bool {
    needles.iter().any(|needle| text.contains(needle))
}

/// Texts that mean that an answer or a request is over a limit, whatever the code.
const TOO_LARGE: &[&str] = &[
    "message larger than max",
    "maxOutputSize",
    "exceed the limit size",
    "exceed the limit",
    "decoded message length too large",
    "encoded message length too large",
    "message length too large",
    // Fronts that speak gRPC say 413 with this text (envoy).
    "Payload Too Large",
    "Request Entity Too Large",
];

/// Texts of transient failures that servers report under unspecific codes.
const TRANSIENT: &[&str] = &[
    "client connection is closing",
    "context canceled",
    "context deadline exceeded",
    "context Done",
    "connection refused",
    "connection reset",
    "not ready",
    "not healthy",
    "is not available",
    "no available shard",
    "channel not available",
    "node offline",
    "recovering",
    "broken pipe",
    "transport is closing",
    "Unavailable desc",
    "Canceled desc",
    // Streaming nodes, from 2.6 on (by their source).
    "STREAMING_CODE_ON_SHUTDOWN",
    "STREAMING_CODE_UNMATCHED_CHANNEL_TERM",
    "STREAMING_CODE_CHANNEL_NOT_EXIST",
    "STREAMING_CODE_CHANNEL_FENCED",
];

/// Texts that mean that a request is refused as it is.
const REFUSED: &[&str] = &[
    "already exist",
    "conflicts with an existing",
    // A filter that a server does not understand: 2.2.16 and 2.3.5 give it no code of its own.
    "cannot parse expression",
    "failed to create query plan",
    "failed to create expr plan",
];

pub(super) fn grpc_kind(code: Code, text: &str) -> Kind {
    if has_any(text, TOO_LARGE) {
        return Kind::TooLarge;
    }
    if has_any(
        text,
        &[
            "InvalidCertificate",
            "certificate",
            "InvalidContentType",
            "HandshakeFailure",
            "received corrupt message",
            "tls handshake",
            "AlertReceived",
            "received fatal alert",
        ],
    ) {
        return Kind::Tls;
    }
    match code {
        Code::DeadlineExceeded => Kind::Timeout,
        Code::Cancelled if text.contains("Timeout expired") => Kind::Timeout,
        Code::Unavailable | Code::Aborted | Code::Cancelled => Kind::Unavailable,
        // What gateways in front of a server say; Milvus itself has a status of its own for that.
        Code::ResourceExhausted
            if has_any(
                &text.to_lowercase(),
                &["rate limit", "rate_limit", "ratelimit", "too many requests", "quota"],
            ) =>
        {
            Kind::RateLimited
        }
        Code::ResourceExhausted | Code::OutOfRange => Kind::TooLarge,
        Code::Unauthenticated => Kind::Unauthenticated,
        Code::PermissionDenied => Kind::PermissionDenied,
        Code::Unimplemented => Kind::Unsupported,
        Code::InvalidArgument | Code::FailedPrecondition | Code::AlreadyExists => Kind::Invalid,
        Code::NotFound => Kind::Missing,
        // 2.2.16 refuses wrong credentials with UNKNOWN.
        Code::Unknown if text.contains("auth check failure") => Kind::Unauthenticated,
        // tonic reports a connection that broke as UNKNOWN, a reset stream as INTERNAL.
        Code::Unknown | Code::Internal
            if has_any(text, &["transport error", "h2 protocol error", "stream", "connection"]) =>
        {
            Kind::Unavailable
        }
        _ => Kind::Other,
    }
}

/// Sorts by Milvus's code, by the legacy code of servers before 2.3, then by text.
pub(super) fn status_kind(code: i32, legacy: i32, text: &str) -> (Kind, Doubt) {
    if has_any(text, TOO_LARGE) {
        return (Kind::TooLarge, Doubt::None);
    }
    // Not ready, which has a legacy code of its own; Milvus Lite says both of any failure, and what
    // fails in one process does not pass by itself. Some calls of Milvus Lite 3 have no legacy code: of
    // these only what names something missing is known not to pass.
    if code == 1 {
        let kind = text_kind(text);
        if legacy == 1 || kind == Kind::Missing {
            return (kind, Doubt::None);
        }
    }
    let class = codes::class(code, text);
    match class {
        // The limiter denies writing while a server lags behind itself.
        Some(Class::Is(_)) if code == 9 && text.contains("time tick") => {
            return (Kind::NotReady, Doubt::None);
        }
        Some(Class::Is(kind)) => return (kind, Doubt::None),
        Some(Class::Final) => return (Kind::Other, Doubt::None),
        Some(Class::ByText) | None => {}
    }
    let kind = match legacy {
        49 => Kind::RateLimited,
        48 | 52 | 53 | 54 => Kind::QuotaExceeded,
        55 | 56 => Kind::NotReady,
        4 | 15 | 26 => Kind::Missing,
        25 => Kind::NoIndex,
        5 => Kind::Invalid,
        _ => text_kind(text),
    };
    let doubt = match (class, kind) {
        (None, _) if code != 0 => Doubt::UnknownCode,
        (_, Kind::Other) => Doubt::Unclear,
        _ => Doubt::None,
    };
    (kind, doubt)
}

fn text_kind(text: &str) -> Kind {
    if text.contains("STREAMING_CODE_RATE_LIMIT") {
        return Kind::RateLimited;
    }
    if has_any(
        text,
        &[
            "can't find collection",
            "CollectionNotExists",
            "collection not found",
            "partition is not exist",
            "partition not found",
            "database not found",
            "database not exist",
        ],
    ) || (text.contains("database") && has_any(text, &["not found", "does not exist"]))
    {
        Kind::Missing
    } else if has_any(text, &["has not been loaded", "not loaded", "checkIfLoaded failed"]) {
        Kind::NotLoaded
    } else if has_any(
        text,
        &["index doesn't exist", "index not exist", "index not found", "no index"],
    ) {
        Kind::NoIndex
    } else if has_any(text, REFUSED) {
        Kind::Invalid
    // The whole text of what 2.3.5 says to LoadCollection for most of a minute after a crash.
    } else if has_any(text, TRANSIENT) || text == "unrecoverable error" {
        Kind::NotReady
    } else {
        Kind::Other
    }
}
