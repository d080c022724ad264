//! What the ledger hands out.

use std::fmt;

use crate::model::{Collection, Digest, Key, KeyRange};

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub i64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

id! {
    /// A run: one command at work.
    RunId
}
id! {
    /// A move: one source collection onto one target collection.
    MoveId
}
id! {
    /// A chunk. A chunk found or split off later has a greater id.
    ChunkId
}
id! {
    /// A verification of every row of a collection.
    VerificationId
}
id! {
    /// An event. A later event has a greater id.
    EventId
}

/// A run as recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunRecord {
    /// Its id.
    pub id: RunId,
    /// The release that ran.
    pub tool_version: String,
    /// `apply`, `verify`, …
    pub command: String,
    /// The plan's environment it ran with.
    pub environment: Option<String>,
    /// Its process id at the time.
    pub process_id: u32,
    /// When it began: UTC, ISO 8601.
    pub started_at: String,
    /// When it ended; `None` while it runs, and for ever when it was killed.
    pub ended_at: Option<String>,
    /// How it ended.
    pub outcome: Option<String>,
}

/// Both ends of a move.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct MoveEnds {
    /// Where the rows come from: a URI without user information.
    pub source_endpoint: String,
    /// The database there.
    pub source_database: String,
    /// The collection there.
    pub source_collection: String,
    /// Where the rows go: a URI without user information.
    pub target_endpoint: String,
    /// The database there.
    pub target_database: String,
    /// The collection there.
    pub target_collection: String,
}

/// Where a move stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MoveState {
    /// Begun and not finished.
    Open,
    /// Finished.
    Done,
    /// No longer about what is on the servers; only kept as history.
    Superseded,
}

/// A move as recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MoveRecord {
    /// Its id.
    pub id: MoveId,
    /// The run that began it.
    pub run: RunId,
    /// Both ends.
    pub ends: MoveEnds,
    /// Where it stands.
    pub state: MoveState,
    /// The target collection as intended.
    pub wanted: Collection,
    /// The target collection as the target described it right after creation.
    pub created: Option<Collection>,
    /// How rows are read and written, JSON.
    pub settings: String,
    /// Whether the target collection was there before.
    pub adopted: bool,
    /// The source server's id of the collection.
    pub source_collection_id: i64,
    /// The target server's id of the collection, once described.
    pub target_collection_id: Option<i64>,
    /// What was counted at the end, JSON.
    pub counts: Option<String>,
    /// When it began: UTC, ISO 8601.
    pub started_at: String,
    /// When it was done.
    pub finished_at: Option<String>,
}

/// Where a step of a move stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StepState {
    /// Begun; it may or may not have had its effect.
    Started,
    /// Its effect was seen.
    Done,
}

/// How far chunks of a scope were found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ScopeState {
    /// Whether the chunks cover every key.
    pub complete: bool,
    /// The key where discovery continues; `None` at the start, and when complete.
    pub last_up_to: Option<Key>,
}

/// A chunk as recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChunkRecord {
    /// Its id.
    pub id: ChunkId,
    /// The partition of the source it is read from; `None` for the whole collection.
    pub scope: Option<String>,
    /// Its keys.
    pub range: KeyRange,
    /// Whether a write of it may have reached the target, so that its outcome is unknown.
    pub tried: bool,
}

/// A row that the target refuses and that was set aside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RejectRecord {
    /// Its chunk, in which it is alone.
    pub chunk: ChunkId,
    /// The partition of the source it is in; `None` where the collection is read as a whole.
    pub scope: Option<String>,
    /// Its key.
    pub key: Key,
    /// What the target said.
    pub reason: String,
    /// When it was set aside: UTC, ISO 8601.
    pub at: String,
}

/// The sums over a move.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Totals {
    /// Chunks whose rows the target acknowledged.
    pub chunks_done: u64,
    /// Chunks still to do.
    pub chunks_open: u64,
    /// Those of the open chunks whose outcome is unknown.
    pub chunks_tried: u64,
    /// Rows acknowledged.
    pub rows: u64,
    /// Bytes acknowledged.
    pub bytes: u64,
    /// Scopes known.
    pub scopes: u64,
    /// Scopes whose chunks cover every key.
    pub scopes_complete: u64,
}

/// A chunk whose rows the target acknowledged just now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WrittenChunk {
    /// Its id.
    pub id: ChunkId,
    /// Rows that were acknowledged.
    pub rows: u64,
    /// Their bytes on the wire.
    pub bytes: u64,
    /// The digest of these rows.
    pub digest: Digest,
}

/// A chunk whose rows the target acknowledged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DoneChunk {
    /// The chunk.
    pub chunk: ChunkRecord,
    /// Rows that were acknowledged.
    pub rows: u64,
    /// Their bytes on the wire.
    pub bytes: u64,
    /// The digest of these rows; absent where an older version copied them.
    pub digest: Option<Digest>,
    /// Who wrote what the target holds of its keys, where the digest does not say what that is.
    pub unsure: Option<Unsure>,
    /// Rows that the target held beside the keys that were written since, and their digest.
    pub rest: Option<(u64, Digest)>,
    /// Seconds since both ends had just these rows, by the time of this machine.
    pub age: Option<u64>,
}

/// Whose the rows of a chunk are whose digest does not say what the target holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unsure {
    /// Only this move wrote them.
    Ours,
    /// Others may have written some.
    Others,
}

/// An event as recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventRecord {
    /// Its id.
    pub id: EventId,
    /// The run it happened in.
    pub run: RunId,
    /// The move it is about.
    pub of_move: Option<MoveId>,
    /// When: UTC, ISO 8601.
    pub at: String,
    /// What sort of event.
    pub kind: String,
    /// What happened.
    pub text: String,
}

/// A verification that was begun or taken up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VerificationRecord {
    /// Its id.
    pub id: VerificationId,
    /// Rows of a range, where ranges are not the chunks that were copied.
    pub range_rows: Option<u64>,
}

/// A range that is equal at both ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedRange {
    /// The partition; `None` for the whole collection.
    pub scope: Option<String>,
    /// Its keys.
    pub range: KeyRange,
    /// Rows of the source in it.
    pub rows: u64,
}
