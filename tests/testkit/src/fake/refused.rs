//! How a server says no: Milvus's codes with their texts, or a status of gRPC.

use std::fmt::Display;

use crate::pb::common::{ErrorCode, Status};

/// A refusal.
#[derive(Debug, Clone)]
pub enum Refused {
    /// In the status of an answer that gRPC takes for good.
    Milvus(Box<Status>),
    /// Instead of an answer.
    Grpc(Box<tonic::Status>),
}

/// Codes that say `retriable` (`pkg/util/merr/errors.go`, 2.3 to 3.0).
const RETRIABLE: [i32; 27] = [
    1, 2, 4, 8, 12, 103, 106, 110, 202, 305, 505, 507, 1002, 1003, 1807, 2200, 2307, 2308, 2309,
    2311, 2312, 2313, 2316, 2317, 1501, 1502, 1503,
];

pub type Result<T> = std::result::Result<T, Refused>;

impl Refused {
    pub fn new(code: i32, legacy: ErrorCode, reason: impl Into<String>) -> Self {
        let reason = reason.into();
        let mut status = Status {
            code,
            error_code: legacy.into(),
            detail: reason.clone(),
            reason,
            retriable: RETRIABLE.contains(&code),
            ..Default::default()
        };
        if [100, 200, 700, 800, 1100, 1101].contains(&code) {
            status.extra_info.insert("is_input_error".to_owned(), "true".to_owned());
        }
        Self::Milvus(Box::new(status))
    }

    /// A parameter is wrong.
    pub fn invalid(what: impl Display) -> Self {
        Self::new(1100, ErrorCode::IllegalArgument, format!("{what}: invalid parameter"))
    }

    /// A parameter is not what it should be.
    pub fn expected(expected: impl Display, actual: impl Display, what: impl Display) -> Self {
        let reason = format!("{what}: invalid parameter[expected={expected}][actual={actual}]");
        Self::new(1100, ErrorCode::IllegalArgument, reason)
    }

    /// The same without further words.
    pub fn unlike(expected: impl Display, actual: impl Display) -> Self {
        let reason = format!("invalid parameter[expected={expected}][actual={actual}]");
        Self::new(1100, ErrorCode::IllegalArgument, reason)
    }

    /// A parameter is missing.
    pub fn missing(what: impl Display) -> Self {
        Self::new(1101, ErrorCode::IllegalArgument, format!("{what}: missing parameter"))
    }

    /// A refusal without a code of its own.
    pub fn other(what: impl Into<String>) -> Self {
        Self::new(65_535, ErrorCode::UnexpectedError, what)
    }

    /// Something cannot be parsed.
    pub fn unreadable(what: impl Display) -> Self {
        Self::new(1001, ErrorCode::UnexpectedError, format!("IO failed: {what}"))
    }

    pub fn no_database(name: &str) -> Self {
        let reason = format!("database not found[database={name}]");
        Self::new(800, ErrorCode::UnexpectedError, reason)
    }

    pub fn no_collection(database: &str, name: &str) -> Self {
        let reason = format!("collection not found[database={database}][collection={name}]");
        Self::new(100, ErrorCode::CollectionNotExists, reason)
    }

    /// The same in the words of calls about aliases.
    pub fn no_collection_of_alias(name: &str) -> Self {
        let reason = format!("collection not found[collection={name}]");
        Self::new(100, ErrorCode::CollectionNotExists, reason)
    }

    /// A collection and an alias of one name.
    pub fn alias_in_the_way(why: &str, database: &str, name: &str) -> Self {
        let reason =
            format!("{why}alias and collection name conflict[database={database}][alias={name}]");
        Self::new(1601, ErrorCode::UnexpectedError, reason)
    }

    pub fn no_partition(name: &str) -> Self {
        let reason = format!("partition not found[partition={name}]");
        Self::new(200, ErrorCode::MetaFailed, reason)
    }

    pub fn no_index(collection: &str) -> Self {
        let reason = format!("index not found[collection={collection}]");
        Self::new(700, ErrorCode::IndexNotExist, reason)
    }

    /// Servers name the id of the collection.
    pub fn not_loaded(collection: i64) -> Self {
        let reason = format!("collection not loaded[collection={collection}]");
        Self::new(101, ErrorCode::UnexpectedError, reason)
    }

    /// The same refusal, with words in front.
    pub fn led_by(self, words: &str) -> Self {
        match self {
            Self::Milvus(mut status) => {
                status.reason = format!("{words}{}", status.reason);
                status.detail = format!("{words}{}", status.detail);
                Self::Milvus(status)
            }
            grpc => grpc,
        }
    }

    /// The words of grpc-go for a message that is over the limit.
    pub fn too_large(verb: &str, bytes: usize, limit: usize) -> Self {
        let text = format!("grpc: {verb} message larger than max ({bytes} vs. {limit})");
        Self::Grpc(Box::new(tonic::Status::resource_exhausted(text)))
    }
}
