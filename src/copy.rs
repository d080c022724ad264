//! The data path: chunk discovery → readers → byte-budgeted queue → writers.
//!
//! A *chunk* is a primary-key interval of one scope (a partition, or the whole collection). A
//! keys-only scan finds the bounds and runs ahead; each chunk is then read by one limit-less range
//! query. The scan only finds bounds: a key that a page skipped still lies inside some interval,
//! and the last interval is open above. So completeness never rests on paging, which loses rows on
//! real servers.
//!
//! Nothing here decodes a vector or JSON. A chunk is noted as tried before its first write is sent,
//! and as done after the target acknowledged and both ends were found to be the collections that
//! the copy began with, never before.
//!
//! A row's bytes are copied twice in this process: from the frames of an answer into one buffer,
//! which the columns then point into, and from there into the request.

mod before;
mod discover;
pub mod identity;
mod keys;
mod memory;
mod pages;
mod read;
mod readable;
mod reject;
mod settle;
mod size;
mod split;
mod write;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

pub use discover::Walk;
pub use identity::Identity;
pub(crate) use keys::batches;
pub use keys::{ByKey, Copied};
pub use memory::{Memory, Share};
pub use pages::KeyPages;
pub use read::SINGLE_ROW;
pub use readable::wait_until_readable;
use reject::Refusals;
use settle::Written;
use size::ChunkSize;
pub use split::middle;

use crate::ledger::{self, ChunkRecord, Ledger, MoveId};
use crate::milvus::{self, Client, Moment, Query, Rows, TooLong};
use crate::model::{Collection, CopySettings, DynamicData, RowSettings};

/// Chunks that may wait between discovery and the readers.
const WAITING_CHUNKS: usize = 64;
/// Largest answer of a keys-only query, bytes; decoded it takes as much once more.
pub const KEYS_ANSWER: usize = 8 << 20;

/// The ledger, shared by the tasks of a run.
#[derive(Clone)]
pub struct SharedLedger(Arc<Mutex<Ledger>>);

impl SharedLedger {
    /// Shares a ledger.
    pub fn new(ledger: Ledger) -> Self {
        Self(Arc::new(Mutex::new(ledger)))
    }

    /// Uses the ledger off the async threads: each write waits for the disk.
    ///
    /// # Errors
    /// What `work` returns.
    pub async fn with<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Ledger) -> Result<T, ledger::Error> + Send + 'static,
    ) -> Result<T, ledger::Error> {
        let shared = self.clone();
        let done = tokio::task::spawn_blocking(move || work(&mut shared.lock())).await;
        match done {
            Ok(result) => result,
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Ledger> {
        // Every method of the ledger is one transaction, so a panic elsewhere leaves it whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What happened to rows, for whoever shows progress.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// A chunk arrived: rows and bytes.
    Copied {
        /// Rows acknowledged.
        rows: u64,
        /// Their bytes on the wire.
        bytes: u64,
    },
}

/// Why copying stopped.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Reading a chunk failed.
    #[error("cannot read {place}: {error}")]
    Read {
        /// Collection, partition and key range.
        place: String,
        /// What the source said.
        error: milvus::Error,
    },
    /// Writing a chunk failed.
    #[error("cannot write {place}: {error}")]
    Write {
        /// Collection, partition and key range.
        place: String,
        /// What the target said.
        error: milvus::Error,
    },
    /// The target refuses a row, and no more may be set aside.
    #[error(
        "the target refuses a row, {place}{}: {error}",
        if *allowed == 0 { String::new() } else { format!(", and {allowed} others before") }
    )]
    Refused {
        /// Collection, partition and key, and the field that is to blame, where that can be told.
        place: String,
        /// Rows that may be set aside, by the plan file.
        allowed: u64,
        /// What the target said.
        error: milvus::Error,
    },
    /// The target refuses a row with a text that its field has no room for, and no more may be set
    /// aside.
    #[error(
        "the target refuses a row, {place}: the field {:?} has a text of {} bytes, and takes {} at the target: \
         {error}",
        text.field, text.length, text.limit
    )]
    TooLong {
        /// Collection, partition and key.
        place: String,
        /// The field and its room.
        text: Box<TooLong>,
        /// What the target said.
        error: milvus::Error,
    },
    /// The target makes up the keys, and refuses rows that bring theirs.
    #[error("the target refuses rows that bring their keys, {place}: {error}")]
    KeysRefused {
        /// Collection, partition and key range.
        place: String,
        /// What the target said.
        error: milvus::Error,
    },
    /// A row has dynamic data that the plan file says is not there.
    #[error(
        "{rows} rows in {place} have dynamic data, which dynamic_field = false would lose; they \
         were written after the plan was made"
    )]
    DynamicData {
        /// Collection, partition and key range.
        place: String,
        /// How many of its rows.
        rows: u64,
    },
    /// Nothing can be read by key.
    #[error("{0} has no primary key that can be read by ranges")]
    NoKey(String),
    /// An end is another collection than before, or that cannot be told.
    #[error(transparent)]
    Identity(identity::Error),
    /// The ledger cannot be written.
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
            Self::Read { error, .. } | Self::Write { error, .. } => error.advice(),
            Self::Refused { error, .. } if error.is_of_front() => error.advice(),
            Self::Refused { .. } => {
                "mend or delete that row at the source, or let such rows be set aside, with their \
                 keys in a file: `max_rejected_rows` under [copy]; then run the same command again"
            }
            Self::TooLong { .. } => {
                "Milvus counts the bytes of a text, Milvus Lite its characters: drop the target \
                 collection, give the field more room with `fields.NAME.max_length`, then run the \
                 same command again"
            }
            Self::KeysRefused { .. } => {
                "that server cannot keep the source's keys and make up those of new rows, whatever its \
                 release: drop the target collection, say `auto_id = \"keep_keys\"` for it in the plan \
                 file, then run the same command again; or move to a newer server"
            }
            Self::DynamicData { .. } => {
                "remove that data at the source, then run the same command again; to keep it or to \
                 leave it behind instead, drop the target collection, and change `dynamic_field` \
                 or `drop_dynamic_data`"
            }
            Self::NoKey(_) => "leave this collection out of the plan file",
            Self::Identity(error) => error.advice(),
            Self::Ledger(_) | Self::Stopped => "run the same command again to continue",
        }
    }
}

/// One source collection onto one target collection.
pub struct Task {
    /// Where rows come from.
    pub source: Client,
    /// Where they go.
    pub target: Client,
    /// The collection at the source.
    pub from: Collection,
    /// The collection at the target.
    pub to: Collection,
    /// How rows are read and written.
    pub settings: RowSettings,
    /// Parallelism and sizes.
    pub limits: CopySettings,
    /// Bytes of an average row, measured or guessed; corrected while copying.
    pub row_bytes: u64,
    /// Whether the target collection was made by this move, so that nothing in it is not ours.
    pub fresh: bool,
    /// Whether it may hold rows of others: which keys it has is noted before a chunk is written, and it
    /// is loaded for that.
    pub shared: bool,
    /// Both ends, as they were before anything was read.
    pub identity: Identity,
    /// The move in the ledger.
    pub of_move: MoveId,
    /// The ledger.
    pub ledger: SharedLedger,
    /// Bytes of rows that may be in memory, shared by all collections of a run.
    pub memory: Memory,
    /// Where progress is told.
    pub progress: mpsc::Sender<Progress>,
    /// Fires when no new chunk may be begun.
    pub stop: CancellationToken,
}

/// Rows on their way from a reader to a writer, with their share of the memory.
struct Loaded {
    chunk: ChunkRecord,
    rows: Rows,
    share: memory::Share,
}

/// What the tasks of one copy share.
struct Copy {
    task: Task,
    /// Columns to read.
    columns: Vec<String>,
    moment: Moment,
    /// The moment at which the target is looked at that may hold rows of others.
    before: Option<Moment>,
    size: ChunkSize,
    refusals: Refusals,
    written: Written,
    /// Fires on the first error, or on `task.stop`.
    halt: CancellationToken,
}

/// Copies every row of the source collection that the ledger does not know as done.
///
/// # Errors
/// The first failure. Chunks in flight are finished or left as tried; the ledger holds what is
/// done, and the same call continues.
pub async fn copy_rows(task: Task) -> Result<(), Error> {
    let everything = source_query(&task, None)?;
    let moment = fix_moment(&task.source, &everything).await.map_err(|error| match error.kind {
        milvus::Kind::Cancelled => Error::Stopped,
        _ => Error::Read { place: task.from.address(), error },
    })?;
    let before = moment_before(&task).await?;
    let of_move = task.of_move;
    task.ledger.with(move |ledger| ledger.tried_again(of_move)).await?;
    let columns = task.settings.columns(&task.from);
    let parallelism = task.limits.parallelism.max(1);
    let (written, of_writers) = Written::channel();
    let copy = Arc::new(Copy {
        columns,
        moment,
        before,
        size: ChunkSize::new(&task.limits, task.row_bytes),
        refusals: Refusals::default(),
        written,
        halt: task.stop.child_token(),
        task,
    });
    let (chunks, waiting_chunks) = mpsc::channel::<ChunkRecord>(WAITING_CHUNKS);
    let (loaded, waiting_rows) = mpsc::channel::<Loaded>(parallelism);
    let waiting_chunks = Arc::new(tokio::sync::Mutex::new(waiting_chunks));
    let waiting_rows = Arc::new(tokio::sync::Mutex::new(waiting_rows));

    let mut tasks = JoinSet::new();
    tasks.spawn(copy.clone().discover(chunks));
    for _ in 0..parallelism {
        tasks.spawn(copy.clone().read_chunks(waiting_chunks.clone(), loaded.clone()));
        tasks.spawn(copy.clone().write_chunks(waiting_rows.clone()));
    }
    drop((loaded, waiting_chunks, waiting_rows));
    let (worked, settled) = tokio::join!(copy.join(tasks), copy.settle(of_writers));
    let ended = match (worked, settled) {
        // What stopped the others says more than that they stopped.
        (Err(Error::Stopped) | Ok(()), Err(error)) => Err(error),
        (worked, _) => worked,
    };
    match ended {
        Err(error) => Err(copy.cause_of(error).await),
        Ok(()) if copy.task.stop.is_cancelled() && !copy.is_complete().await? => {
            Err(Error::Stopped)
        }
        Ok(()) => Ok(()),
    }
}

/// Waits once until the source has everything that was written before now, and returns the moment
/// at which every later read looks.
///
/// Strong costs 200 ms a query on a real server, so it is used once. A server that gives a
/// snapshot timestamp with the answer (2.5) has it sent back; elsewhere an allocated timestamp
/// makes each read wait for that moment; a server with neither (Milvus Lite) has one node that has
/// it all.
///
/// # Errors
/// When a call fails.
pub async fn fix_moment(source: &Client, query: &Query) -> milvus::Result<Moment> {
    let allocated = source.alloc_timestamp().await?;
    let session = source.caught_up(query, 64 << 20).await?;
    Ok(session.or(allocated).map_or(Moment::Eventually, Moment::At))
}

/// The moment at which a target is looked at that may hold rows of others.
async fn moment_before(task: &Task) -> Result<Option<Moment>, Error> {
    if !task.shared {
        return Ok(None);
    }
    let query = target_query(task, None)?;
    let moment = fix_moment(&task.target, &query).await.map_err(|error| match error.kind {
        milvus::Kind::Cancelled => Error::Stopped,
        _ => Error::Read { place: task.to.address(), error },
    })?;
    Ok(Some(moment))
}

impl Copy {
    /// Waits for the tasks, and returns the first error.
    async fn join(&self, mut tasks: JoinSet<Result<(), Error>>) -> Result<(), Error> {
        let mut first_error = None;
        while let Some(ended) = tasks.join_next().await {
            let result = match ended {
                Ok(result) => result,
                Err(error) => std::panic::resume_unwind(error.into_panic()),
            };
            if let Err(error) = result {
                self.halt.cancel();
                // What stopped the others says more than that they stopped.
                if first_error.as_ref().is_none_or(|first| matches!(first, Error::Stopped)) {
                    first_error = Some(error);
                }
            }
        }
        self.written.close();
        first_error.map_or(Ok(()), Err)
    }

    async fn is_complete(&self) -> Result<bool, Error> {
        let of_move = self.task.of_move;
        let scopes = self.scopes();
        let totals = self.task.ledger.with(move |ledger| ledger.totals(of_move)).await?;
        Ok(totals.chunks_open == 0 && totals.scopes_complete == scopes.len() as u64)
    }

    /// What is read and written by itself: each partition, or everything that is read.
    fn scopes(&self) -> Vec<Option<String>> {
        let settings = &self.task.settings;
        if !settings.by_partition {
            return vec![None];
        }
        match &settings.partitions {
            Some(selected) => selected.iter().cloned().map(Some).collect(),
            None => self.task.from.all_partitions().into_iter().map(Some).collect(),
        }
    }

    /// The reads of a scope.
    fn query(&self, scope: Option<&str>) -> Result<Query, Error> {
        source_query(&self.task, scope)
    }

    /// What a read gives, unless the run halts meanwhile: its rows would not be written any more.
    async fn unless_halted<T>(
        &self,
        read: impl Future<Output = milvus::Result<T>>,
    ) -> milvus::Result<T> {
        tokio::select! {
            biased;
            () = self.halt.cancelled() => {
                Err(milvus::Error::cancelled("Query", self.task.source.uri()))
            }
            answer = read => answer,
        }
    }

    async fn tell(&self, progress: Progress) {
        // Nobody listening is no reason to stop.
        let _ = self.task.progress.send(progress).await;
    }

    fn read_error(&self, chunk: &ChunkRecord, error: milvus::Error) -> Error {
        if error.kind == milvus::Kind::Cancelled {
            return Error::Stopped;
        }
        Error::Read { place: place(&self.task.from, chunk), error }
    }

    fn write_error(&self, chunk: &ChunkRecord, error: milvus::Error) -> Error {
        if error.kind == milvus::Kind::Cancelled {
            return Error::Stopped;
        }
        let place = place(&self.task.to, chunk);
        if self.task.to.makes_keys() && error.refuses_given_keys() {
            return Error::KeysRefused { place, error };
        }
        Error::Write { place, error }
    }
}

/// The reads of a scope at the source.
fn source_query(task: &Task, scope: Option<&str>) -> Result<Query, Error> {
    let whole = Query::of(&task.from).ok_or_else(|| Error::NoKey(task.from.address()))?;
    let partitions = task.settings.source_partitions(scope);
    Ok(whole.within(partitions).of_id(task.identity.source_id()))
}

/// The reads of a scope at the target.
fn target_query(task: &Task, scope: Option<&str>) -> Result<Query, Error> {
    let whole = Query::of(&task.to).ok_or_else(|| Error::NoKey(task.to.address()))?;
    let partitions = scope.map(str::to_owned).into_iter().collect();
    Ok(whole.within(partitions).of_id(task.identity.target_id()))
}

/// Why rows of the source cannot be carried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unfit {
    /// So many rows have dynamic data that the plan file says is not there.
    DynamicData(u64),
    /// The dynamic column is unreadable.
    Unreadable(String),
}

/// Rows as the target is to have them, from an answer of the source.
///
/// # Errors
/// When the settings forbid what they hold.
pub fn as_carried(rows: Rows, settings: &RowSettings) -> Result<Rows, Unfit> {
    let rows = rows.renamed(&settings.renamed);
    if settings.dynamic_data != DynamicData::RequireNone {
        return Ok(rows);
    }
    match rows.rows_with_dynamic_data() {
        Ok(0) => Ok(rows.without_dynamic_column()),
        Ok(rows) => Err(Unfit::DynamicData(rows)),
        Err(why) => Err(Unfit::Unreadable(why)),
    }
}

/// Where a chunk is, for messages.
fn place(collection: &Collection, chunk: &ChunkRecord) -> String {
    match &chunk.scope {
        Some(partition) => {
            format!("{}, partition {partition}, {}", collection.address(), chunk.range)
        }
        None => format!("{}, {}", collection.address(), chunk.range),
    }
}

#[cfg(test)]
mod tests;
