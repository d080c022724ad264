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
mod files;
mod format;
mod keys;
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

use std::path::{Component, Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, Transaction, TransactionBehavior};

use error::Fault;
use format::Found;
use lock::Lock;
use reading::{Scratch, Still};

use crate::private;

pub(crate) use clock::{at as utc_at, now as utc_now};
pub use error::{Error, Holder};
pub use moves::{MARK, WAS_EMPTY};
pub use records::{
    ChunkId, ChunkRecord, DoneChunk, EventId, EventRecord, MoveEnds, MoveId, MoveRecord, MoveState,
    RejectRecord, RunId, RunRecord, ScopeState, StepState, Totals, Unsure, VerificationId,
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
    /// Nobody else may read it then, whatever the umask.
    ///
    /// Takes the run lock `<directory>/<name>.lock`, or fails with [`Error::Locked`]. The lock ends
    /// when the value is dropped or the process dies. One that is damaged, or lacks the end of what
    /// was recorded in it, is refused with [`Error::Corrupt`]: going on from it could double rows.
    pub fn open(directory: &Path, name: &str) -> Result<Self, Error> {
        check_name(name)?;
        private::folder(directory, files::ENDINGS)
            .map_err(|source| Error::io("create", directory, source))?;
        let mut lock = Lock::take(&directory.join(format!("{name}.lock")))?;
        let path = directory.join(format!("{name}.db"));
        let connection = files::open_for_writing(&path, &mut lock)?;
        Ok(Self { connection, path, still: None, _scratch: None, lock: Some(lock) })
    }

    /// [`Ledger::open`] where there is a ledger; `None` where there is none, and none is made.
    pub fn open_existing(directory: &Path, name: &str) -> Result<Option<Self>, Error> {
        check_name(name)?;
        if files::is_there(&directory.join(format!("{name}.db")))? {
            Self::open(directory, name).map(Some)
        } else {
            Ok(None)
        }
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
        if !files::is_there(&path)? {
            return Ok(None);
        }
        // Asked first: a run at work records more, never less.
        let commits = lock::commits_at(&path.with_extension("lock"));
        let Some(view) = reading::open(&path)? else { return Ok(None) };
        let ledger = Self {
            connection: view.connection,
            path,
            still: view.still,
            _scratch: view.scratch,
            lock: None,
        };
        let found = files::examine(&ledger.connection, &ledger.path, commits);
        // Whatever a file looks like that moved underneath means nothing.
        if ledger.still.as_ref().is_some_and(Still::moved) {
            return Err(Error::Changed { path: ledger.path.clone() });
        }
        match found? {
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
        outcome.map_err(|fault: Fault| fault.in_use(&self.path))
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
            let commits = files::count_commit(&transaction)?;
            transaction.commit()?;
            Ok((value, commits))
        };
        let outcome = match &mut self.lock {
            Some(lock) => run(&mut self.connection).map(|(value, commits)| {
                lock.note(commits);
                value
            }),
            None => Err(Fault::Refused("it was opened for reading".to_owned())),
        };
        outcome.map_err(|fault: Fault| fault.in_use(&self.path))
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

/// What every connection gets.
fn prepare(connection: &Connection) -> Result<(), rusqlite::Error> {
    connection.set_prepared_statement_cache_capacity(64);
    connection.busy_timeout(BUSY_TIMEOUT)
}
