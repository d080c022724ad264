//! Proof that the target holds what the source gave: numbers of rows, every value by digests of key
//! ranges, samples, schemas and searches.

mod account;
mod content;
pub mod counts;
mod ends;
mod error;
mod explain;
mod identity;
mod lend;
mod numbers;
pub mod repair;
pub mod result;
mod resume;
mod run;
mod sample;
pub mod schema;
pub mod search;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::copy::{Memory, SharedLedger};
use crate::ledger::MoveId;
use crate::milvus::Client;
use crate::model::{Collection, CopySettings, LoadState, RowSettings, VerifySettings};

pub use content::spots::Spots;
pub use error::Error;
pub use lend::Lend;
use repair::Extra;
pub use result::{Basis, Mode, RowDifference, SearchParity, Status, Verification};
pub use run::{compare_spots, note_ours, settle, verify, verify_collection, verify_collection_by};
pub use sample::{Chosen, compare_chosen};
pub use schema::{Wishes, compare_schema, schema_differs};
pub use search::draw::{Bounds, bounds};
pub use search::{Searched, search_each, search_parity};

/// What the verifications of all collections of a run share.
#[derive(Clone)]
pub struct Check {
    /// Where the rows came from.
    pub source: Client,
    /// Where they went.
    pub target: Client,
    /// How rows are compared.
    pub mode: Mode,
    /// Sample sizes, searches.
    pub settings: VerifySettings,
    /// Parallelism and sizes.
    pub limits: CopySettings,
    /// Bytes of rows that may be in memory.
    pub memory: Memory,
    /// The ledger, where there is one.
    pub ledger: Option<SharedLedger>,
    /// Whether schemas are compared too: a target that is not finished is not as it is to be.
    pub schema: bool,
    /// What may be done about rows that differ; nothing where absent.
    pub repair: Option<Extra>,
    /// Whether all rows that are loaded can be read: somebody waited for that already.
    pub readable: bool,
    /// Where progress is told; nobody has to listen.
    pub events: mpsc::Sender<Event>,
    /// Fires when no more may be compared.
    pub stop: CancellationToken,
}

/// One collection that is verified.
#[derive(Debug, Clone)]
pub struct Subject {
    /// The source, as it is now.
    pub from: Collection,
    /// Its load state.
    pub from_load: LoadState,
    /// The target as it is to be.
    pub wanted: Collection,
    /// The target as it is now.
    pub to: Collection,
    /// Its load state.
    pub to_load: LoadState,
    /// How rows are read and written.
    pub settings: RowSettings,
    /// What made it, in the ledger; absent without one.
    pub of_move: Option<MoveId>,
    /// Whether the target may hold rows that are not from this source.
    pub adopted: bool,
    /// Rows at the source, as far as that is known.
    pub rows: Option<u64>,
    /// What else is known of the target as it is to be.
    pub wishes: Wishes,
    /// What may be loaded for the comparison, and is released afterwards.
    pub lend: Lend,
    /// Whether no query can read the source, and no row of it is known.
    pub unread: bool,
    /// Which collections these are.
    pub ids: Ids,
}

/// The servers' ids of a collection at both ends; 0 where a server tells none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Ids {
    /// Of the source.
    pub source: i64,
    /// Of the target.
    pub target: i64,
}

/// What happens while collections are verified.
#[derive(Debug, Clone)]
pub enum Event {
    /// A collection's turn begins.
    Started {
        /// `database/collection` at the target.
        target: String,
        /// Rows to compare, where that is known.
        rows: Option<u64>,
    },
    /// Rows were compared.
    Compared {
        /// `database/collection` at the target.
        target: String,
        /// How many, since the last such event.
        rows: u64,
        /// Their bytes, at both ends.
        bytes: u64,
    },
    /// A call is made again because a server was busy, away, or limits the rate.
    Retried {
        /// `database/collection` at the target.
        target: String,
        /// Which end: `source` or `target`.
        end: &'static str,
        /// Why, in a few words.
        reason: String,
        /// Until when it is made again: UTC.
        until: String,
    },
    /// A row differs: every one is told, however many there are.
    Different {
        /// `database/collection` at the target.
        target: String,
        /// The row.
        row: Box<RowDifference>,
    },
    /// It ended.
    Finished(Box<Verification>),
}
