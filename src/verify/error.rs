//! Why rows could not be compared.

use crate::copy::identity;
use crate::{copy, ledger, milvus};

/// Why a comparison stopped.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Reading failed.
    #[error("cannot read {place}: {error}")]
    Read {
        /// Endpoint, collection, partition and keys.
        place: String,
        /// What the server said.
        error: milvus::Error,
    },
    /// Rows arrived that cannot be compared.
    #[error("cannot compare {place}: {why}")]
    Rows {
        /// Collection, partition and keys.
        place: String,
        /// Why not.
        why: String,
    },
    /// Not everything that is to be compared can be read.
    #[error("{0} is not loaded, so that its rows cannot be read")]
    NotLoaded(String),
    /// What is not loaded cannot be loaded beside the rest.
    #[error("{0}")]
    NotLoadable(String),
    /// No query can read it, and it is not known to be empty.
    #[error("{place} has a vector without an index, so that no query can read it: {why}")]
    Unreadable {
        /// Which collection.
        place: String,
        /// What is known of its rows.
        why: &'static str,
    },
    /// An end is another collection than the one that was looked at before, or that cannot be told.
    #[error(transparent)]
    Identity(identity::Error),
    /// Nothing can be read by key.
    #[error("{0} has no primary key that can be read by ranges")]
    NoKey(String),
    /// A row that differs cannot be brought up to date.
    #[error(transparent)]
    Repair(copy::Error),
    /// The ledger failed.
    #[error(transparent)]
    Ledger(#[from] ledger::Error),
    /// We were asked to stop.
    #[error("stopped")]
    Stopped,
}

impl Error {
    /// What a person can do about it.
    pub fn advice(&self) -> &str {
        match self {
            Self::Read { error, .. } => error.advice(),
            Self::Rows { .. } => "if it stays, please report it with the versions of both servers",
            Self::NotLoadable(_) => "or compare it when all of it is loaded",
            Self::NotLoaded(_) => "load it, then run the same command again",
            Self::Unreadable { .. } => {
                "make an index on its vectors, or set `load = true` under [source] to let an empty one \
                 be flushed; then run the same command again"
            }
            Self::Repair(error) => error.advice(),
            Self::NoKey(_) => "leave this collection out of the plan file",
            Self::Identity(error) => error.advice(),
            Self::Ledger(_) | Self::Stopped => "run the same command again to continue",
        }
    }

    /// A failed read; that it was cancelled means that we were asked to stop.
    pub(super) fn read(place: impl FnOnce() -> String, error: milvus::Error) -> Self {
        match error.kind {
            milvus::Kind::Cancelled => Self::Stopped,
            _ => Self::Read { place: place(), error },
        }
    }
}

impl From<identity::Error> for Error {
    fn from(error: identity::Error) -> Self {
        if error.is_cancelled() { Self::Stopped } else { Self::Identity(error) }
    }
}

impl From<copy::Error> for Error {
    fn from(error: copy::Error) -> Self {
        match error {
            copy::Error::Stopped => Self::Stopped,
            copy::Error::Ledger(error) => Self::Ledger(error),
            copy::Error::Identity(error) => error.into(),
            other => Self::Repair(other),
        }
    }
}
