//! What happens during `apply` and `verify`, as one stream that every reporter consumes.

use std::path::PathBuf;
use std::time::Duration;

use crate::verify::counts::Counts;
use crate::verify::{RowDifference, Verification};

/// Something that happened.
#[derive(Debug, Clone)]
pub enum Event {
    /// The run begins.
    RunStarted {
        /// Collections with something to do.
        collections: usize,
        /// Rows to expect in all of them, those of earlier runs included; `None` where any source
        /// does not count.
        rows: Option<u64>,
        /// Rows that earlier runs copied.
        rows_before: u64,
    },
    /// A run of `verify` begins: it ends with a [`Event::VerificationFinished`] of each collection.
    VerificationStarted {
        /// Collections to compare.
        collections: usize,
        /// Rows to compare in all of them; `None` where any of the numbers is unknown.
        rows: Option<u64>,
    },
    /// A collection's turn has come.
    CollectionStarted {
        /// `database/collection` at the source.
        source: String,
        /// `database/collection` at the target.
        target: String,
        /// Rows to expect in all, those of earlier runs included.
        rows: Option<u64>,
        /// Rows that earlier runs copied.
        rows_before: u64,
    },
    /// A step began, such as "create collection" or "create index on embedding".
    Step {
        /// `database/collection` at the target.
        target: String,
        /// What is being done, for people.
        what: String,
    },
    /// A server is at work on something that takes long.
    Waiting {
        /// `database/collection` at the target.
        target: String,
        /// What is waited for, such as "index on embedding".
        what: String,
        /// Rows that are done.
        done: u64,
        /// Rows there are.
        total: u64,
    },
    /// Rows arrived at the target. Where a later step of the same collection brings rows again, they
    /// are copied once more, and are no rows more.
    Copied {
        /// `database/collection` at the target.
        target: String,
        /// How many, since the last event of this kind.
        rows: u64,
        /// Their bytes on the wire.
        bytes: u64,
        /// Chunks that they were.
        chunks: u64,
    },
    /// Rows were compared at both ends.
    Compared {
        /// `database/collection` at the target.
        target: String,
        /// How many, since the last event of this kind.
        rows: u64,
        /// Their bytes on the wire, of both ends.
        bytes: u64,
    },
    /// A call is made again because a server was busy, away, or limits the rate.
    Retried {
        /// `database/collection` at the target.
        target: String,
        /// Which end: `source` or `target`.
        end: &'static str,
        /// Why, in a few words, such as `unreachable (connection refused)`.
        reason: String,
        /// Until when it is made again: UTC, such as `2026-08-31T12:34:56.789Z`.
        until: String,
    },
    /// Something that a person should know.
    Warning {
        /// `database/collection` at the target.
        target: String,
        /// What.
        text: String,
    },
    /// A collection's turn is over.
    CollectionFinished(Box<Outcome>),
    /// A collection's turn in a run of `verify` is over.
    VerificationFinished(Box<Verification>),
}

/// A row that differs, as comparing found it: every one is told, however many there are.
#[derive(Debug, Clone)]
pub struct RowDiffers {
    /// `database/collection` at the source.
    pub source: String,
    /// `database/collection` at the target.
    pub target: String,
    /// The row.
    pub row: Box<RowDifference>,
}

/// How a collection's turn ended.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// `database/collection` at the source.
    pub source: String,
    /// `database/collection` at the target.
    pub target: String,
    /// How.
    pub status: Status,
    /// Rows that this run copied.
    pub rows: u64,
    /// Their bytes on the wire.
    pub bytes: u64,
    /// How long it took.
    pub elapsed: Duration,
    /// Calls that were made again.
    pub retries: u64,
    /// Rows that the target refuses and that are set aside, by this run or an earlier one.
    pub rejected: u64,
    /// The file that names them.
    pub rejects_file: Option<PathBuf>,
    /// The rows at both ends, where they were counted.
    pub counts: Option<Counts>,
    /// What comparing rows, schemas and searches found, where they were compared.
    pub verification: Option<Box<Verification>>,
    /// What a person should know.
    pub warnings: Vec<String>,
}

impl Outcome {
    /// Nothing done yet.
    pub(super) fn of(source: &str, target: &str) -> Self {
        Self {
            source: source.to_owned(),
            target: target.to_owned(),
            status: Status::Unchanged,
            rows: 0,
            bytes: 0,
            elapsed: Duration::ZERO,
            retries: 0,
            rejected: 0,
            rejects_file: None,
            counts: None,
            verification: None,
            warnings: Vec::new(),
        }
    }
}

/// How a collection's turn ended, in one word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Status {
    /// Everything is done and the counts agree, or are explained.
    Done,
    /// There was nothing to do.
    Unchanged,
    /// Rows are missing, or counts differ without an explanation.
    CountsDiffer(Vec<String>),
    /// Rows were compared, and differ; the same command copies them again.
    RowsDiffer(Vec<String>),
    /// The rows are there, and the target's schema is not as it is to be.
    SchemaDiffers(Vec<String>),
    /// Something failed; the text says what, and the same command continues.
    Failed(String),
    /// Another run fills the target; the text says which.
    Owned(String),
    /// An end is another collection than the one that the turn began with; the text says which, and
    /// what to do, as the same command does not help by itself.
    Replaced(String),
    /// We were asked to stop; the same command continues.
    Stopped,
}
