//! The ledger: what a plan's runs have done so far, in one `SQLite` file.
//!
//! It saves work and is never the truth: the live target is. With it lost, a run compares instead
//! of continuing. The tables are documented in `ledger/schema*.sql` and meant
//! to be read by people.
//!
//! What callers rely on:
//! - Every call that records is one transaction, on the disk (fsync) when it returns, and had no
//!   effect when it fails.
//! - One process writes: [`Ledger::open`] takes a lock that ends with its holder.
//! - The chunks of a scope never overlap and leave no gap; a call that would break this is refused
//!   with [`Error::Refused`].
//! - No secret enters: endpoints with user information are refused.

mod chunks;
mod clock;
mod error;
mod format;
mod lock;
mod moves;
mod ranges;
mod reading;
mod records;
mod rejects;
mod runs;
mod verified;

#[cfg(test)]
mod tests;

use std::fs;
use std::path::{Component, Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior};

use error::Fault;
use format::Found;
use lock::Lock;
use reading::{Scratch, Still};

pub(crate) use clock::now as utc_now;
pub use error::{Error, Holder};
pub use moves::MARK;
pub use records::{
    ChunkId, ChunkRecord, DoneChunk, EventId, EventRecord, MoveEnds, MoveId, MoveRecord, MoveState,
    RejectRecord, RunId, RunRecord, ScopeState, StepState, Totals, VerificationId,
    VerificationRecord, VerifiedRange, WrittenChunk,
};

/// How long to wait for a reader or a checkpoint that is in the way.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// The ledger of one plan.
///
/// All calls block on the disk. A record is on the disk when the call that made it returns.
#[derive(Debug)]
pub struct Ledger {
    // Closed first: dropping goes from top to bottom.
    connection: Connection,
    path: PathBuf,
    still: Option<Still>,
    _scratch: Option<Scratch>,
    // Released last, when nothing of ours touches the file any more. None: opened for reading.
    lock: Option<Lock>,
}

impl Ledger {
    /// Opens the ledger `<directory>/<name>.db` for writing, made or brought up to date as needed.
    ///
    /// Takes the run lock `<directory>/<name>.lock`, or fails with [`Error::Locked`]. The lock ends
    /// when the value is dropped or the process dies.
    pub fn open(directory: &Path, name: &str) -> Result<Self, Error> {
        check_name(name)?;
        create_directory(directory)?;
        let lock = Lock::take(&directory.join(format!("{name}.lock")))?;
        let path = directory.join(format!("{name}.db"));
        let connection = open_for_writing(&path)?;
        Ok(Self { connection, path, still: None, _scratch: None, lock: Some(lock) })
    }

    /// Opens the ledger `<directory>/<name>.db` for reading; `None` when there is none.
    ///
    /// Takes no lock, needs no writable directory, and sees all that was recorded, also by a run
    /// that was killed. Neither creates nor changes a file in the directory, except that `SQLite`
    /// rebuilds the shared memory file that a killed run left.
    ///
    /// Open it anew rather than keep it: when a run starts meanwhile, reading may fail with
    /// [`Error::Changed`].
    pub fn open_read_only(directory: &Path, name: &str) -> Result<Option<Self>, Error> {
        check_name(name)?;
        let path = directory.join(format!("{name}.db"));
        let Some(view) = reading::open(&path)? else { return Ok(None) };
        let ledger = Self {
            connection: view.connection,
            path,
            still: view.still,
            _scratch: view.scratch,
            lock: None,
        };
        match format::recognise(&ledger.connection, &ledger.path)? {
            Found::Empty => Ok(None),
            Found::Ledger => Ok(Some(ledger)),
        }
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Runs queries that all see the same moment.
    fn read<T>(&self, query: impl FnOnce(&Connection) -> Result<T, Fault>) -> Result<T, Error> {
        let run = || {
            let transaction = self.connection.unchecked_transaction()?;
            let value = query(&transaction)?;
            transaction.commit()?;
            Ok(value)
        };
        let outcome = run();
        // Whatever was read, or failed to be, from a file that moved underneath means nothing.
        if self.still.as_ref().is_some_and(Still::moved) {
            return Err(Error::Changed { path: self.path.clone() });
        }
        outcome.map_err(|fault: Fault| fault.at(&self.path))
    }

    /// Records in one transaction, durable on return.
    fn write<T>(
        &mut self,
        record: impl FnOnce(&Transaction<'_>) -> Result<T, Fault>,
    ) -> Result<T, Error> {
        let run = |connection: &mut Connection| {
            let transaction =
                connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let value = record(&transaction)?;
            transaction.commit()?;
            Ok(value)
        };
        let outcome = match &self.lock {
            Some(_) => run(&mut self.connection),
            None => Err(Fault::Refused("it was opened for reading".to_owned())),
        };
        outcome.map_err(|fault: Fault| fault.at(&self.path))
    }
}

/// Refuses names that would lead out of the directory.
fn check_name(name: &str) -> Result<(), Error> {
    let mut components = Path::new(name).components();
    let plain = matches!(components.next(), Some(Component::Normal(only)) if only == name);
    if plain && !name.contains(['\\', '\0']) {
        return Ok(());
    }
    Err(Error::Name { name: name.to_owned() })
}

fn create_directory(directory: &Path) -> Result<(), Error> {
    if directory.is_dir() {
        return Ok(());
    }
    fs::create_dir_all(directory).map_err(|source| Error::io("create", directory, source))?;
    // The entry of the new directory has to survive a power cut too. Best effort: some systems
    // cannot open a directory as a file.
    let parent = directory.parent().filter(|parent| !parent.as_os_str().is_empty());
    if let Ok(parent) = fs::File::open(parent.unwrap_or(Path::new("."))) {
        let _ = parent.sync_all();
    }
    Ok(())
}

fn open_for_writing(path: &Path) -> Result<Connection, Error> {
    let failed = |error: rusqlite::Error| Fault::from(error).at(path);
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(path, flags).map_err(failed)?;
    prepare(&connection).map_err(failed)?;
    // Before anything is written: a file of a newer format must stay exactly as it is.
    format::recognise(&connection, path)?;
    let durable = || {
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        // Apple's fsync stops at the drive's cache; elsewhere these do nothing.
        connection.pragma_update(None, "fullfsync", true)?;
        connection.pragma_update(None, "checkpoint_fullfsync", true)?;
        connection.pragma_update(None, "foreign_keys", true)
    };
    durable().map_err(failed)?;
    format::migrate(&mut connection, path)?;
    Ok(connection)
}

/// What every connection gets.
fn prepare(connection: &Connection) -> Result<(), rusqlite::Error> {
    connection.set_prepared_statement_cache_capacity(64);
    connection.busy_timeout(BUSY_TIMEOUT)
}
