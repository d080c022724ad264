//! The file of a ledger and those beside it: made whole, opened by nobody else, and examined before
//! anything is believed.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags, OptionalExtension, Transaction};

use super::error::{Error, Fault};
use super::format::{self, Found};
use super::lock::Lock;
use super::prepare;
use crate::private;

/// What the names of files in the folder of a ledger end with.
pub(super) const ENDINGS: &[&str] = &[
    ".db",
    ".db-wal",
    ".db-shm",
    ".db-journal",
    ".db.new",
    ".lock",
    ".jsonl",
    ".jsonl.new",
    ".jsonl.part",
];

/// What `SQLite` keeps beside the file.
const BESIDE: [&str; 2] = ["-wal", "-shm"];

/// The file that `SQLite` keeps beside the database under a suffix.
pub(super) fn beside(file: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(file);
    name.push(suffix);
    PathBuf::from(name)
}

/// Whether there is a ledger. What is left of one is damage, and no ledger that is yet to be made.
pub(super) fn is_there(path: &Path) -> Result<bool, Error> {
    let corrupt =
        |detail: String| Error::Corrupt { path: path.to_path_buf(), detail, opening: true };
    match fs::metadata(path) {
        Ok(found) if !found.is_file() => Err(Error::NotOurs { path: path.to_path_buf() }),
        Ok(found) if found.len() == 0 => Err(corrupt("it is empty".to_owned())),
        Ok(_) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let log = beside(path, "-wal");
            if fs::metadata(&log).is_ok_and(|log| log.len() > 0) {
                let log = log.display();
                return Err(corrupt(format!(
                    "it is gone, and {log}, which belongs to it, is there"
                )));
            }
            // A link to nothing would be followed.
            match fs::symlink_metadata(path) {
                Ok(_) => Err(Error::NotOurs { path: path.to_path_buf() }),
                Err(_) => Ok(false),
            }
        }
        Err(source) => Err(Error::io("open", path, source)),
    }
}

/// Opens the database, made where there is none.
pub(super) fn open_for_writing(path: &Path, lock: &mut Lock) -> Result<Connection, Error> {
    let recorded = if is_there(path)? {
        lock.commits()
    } else {
        lock.sign(None)?;
        make(path)?;
        None
    };
    for file in [path.to_path_buf()].into_iter().chain(BESIDE.map(|of| beside(path, of))) {
        // The lock beside a link does not guard what it leads to.
        if fs::symlink_metadata(&file).is_ok_and(|found| !found.is_file()) {
            return Err(Error::NotOurs { path: file });
        }
        private::tighten(&file);
    }
    for ending in ["rejects.jsonl", "differences.jsonl"] {
        private::tighten(&path.with_extension(ending));
    }
    let mut connection = connect(path)?;
    // Before anything is written: a file of a newer format must stay exactly as it is.
    examine(&connection, path, recorded)?;
    let durable = || {
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        // Apple's fsync stops at the drive's cache; elsewhere these do nothing.
        connection.pragma_update(None, "fullfsync", true)?;
        connection.pragma_update(None, "checkpoint_fullfsync", true)?;
        connection.pragma_update(None, "foreign_keys", true)
    };
    durable().map_err(|error| Fault::from(error).at(path))?;
    format::migrate(&mut connection, path)?;
    let commits = commits(&connection).map_err(|fault| fault.at(path))?;
    lock.sign(commits)?;
    Ok(connection)
}

/// Makes an empty ledger under another name first: a file that is empty was emptied.
fn make(path: &Path) -> Result<(), Error> {
    let new = path.with_extension("db.new");
    let failed = |source| Error::io("create", path, source);
    drop(private::create(&new).map_err(failed)?);
    let made = connect(&new).and_then(|mut connection| {
        // No second file: nothing of this one is of use unless all of it is.
        connection
            .pragma_update(None, "journal_mode", "MEMORY")
            .map_err(|error| Fault::from(error).at(path))?;
        format::migrate(&mut connection, path)
    });
    if let Err(error) = made {
        // What is not whole is made anew the next time.
        let _ = fs::remove_file(&new);
        return Err(error);
    }
    fs::rename(&new, path).map_err(failed)?;
    // Best effort: some systems cannot open a folder as a file.
    if let Some(Ok(folder)) = path.parent().map(fs::File::open) {
        let _ = folder.sync_all();
    }
    Ok(())
}

fn connect(path: &Path) -> Result<Connection, Error> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connect = || {
        let connection = Connection::open_with_flags(path, flags)?;
        prepare(&connection)?;
        Ok(connection)
    };
    connect().map_err(|error: rusqlite::Error| Fault::from(error).at(path))
}

/// Recognises the file and looks for damage, without writing to it.
///
/// `recorded` is how often something was recorded in it, by the lock file.
pub(super) fn examine(
    connection: &Connection,
    path: &Path,
    recorded: Option<u64>,
) -> Result<Found, Error> {
    let found = format::recognise(connection, path)?;
    let look = || {
        let problem =
            connection.query_row("PRAGMA integrity_check(1)", [], |row| row.get::<_, String>(0));
        match problem?.as_str() {
            "ok" => {}
            problem => {
                let problem = problem.split_whitespace().collect::<Vec<_>>().join(" ");
                return Err(Fault::Corrupt(format!("it is damaged ({problem})")));
            }
        }
        let commits = match found {
            Found::Empty => Some(0),
            Found::Ledger if has_chunks_without_neighbour(connection)? => {
                return Err(Fault::Corrupt("it is damaged (ranges of keys have gaps)".to_owned()));
            }
            Found::Ledger => commits(connection)?,
        };
        match (commits, recorded) {
            (Some(commits), Some(recorded)) if commits < recorded => {
                let missing = recorded - commits;
                let log = beside(path, "-wal");
                let log = log.display();
                Err(Fault::Corrupt(format!(
                    "the last {missing} of {recorded} records that were made in it are not there \
                     ({log} was deleted or damaged, or this is an older copy)"
                )))
            }
            _ => Ok(found),
        }
    };
    look().map_err(|fault: Fault| fault.at(path))
}

/// How often something was recorded; unknown in a file of an older format.
fn commits(connection: &Connection) -> Result<Option<u64>, Fault> {
    let there = "SELECT 1 FROM sqlite_schema WHERE name = 'commits'";
    if connection.query_row(there, [], |_| Ok(())).optional()?.is_none() {
        return Ok(None);
    }
    let count = connection.query_row("SELECT count FROM commits", [], |row| row.get(0))?;
    super::ranges::unsigned(count).map(Some)
}

/// Counts what is being recorded.
pub(super) fn count_commit(transaction: &Transaction<'_>) -> Result<u64, Fault> {
    let count = transaction
        .prepare_cached("UPDATE commits SET count = count + 1 RETURNING count")?
        .query_row([], |row| row.get(0))?;
    super::ranges::unsigned(count)
}

/// Whether a key that a chunk begins after is not the last one of another, or a scope that is whole
/// has no first or last chunk: keys would never be copied. No check of `SQLite` finds a key that
/// became another.
fn has_chunks_without_neighbour(connection: &Connection) -> Result<bool, Fault> {
    let sql = "SELECT (SELECT count(*) FROM (
                   SELECT scope_id, after_key FROM chunks
                       WHERE state <> 'split' AND after_key IS NOT NULL
                   EXCEPT SELECT scope_id, up_to_key FROM chunks WHERE state <> 'split'))
               + (SELECT count(*) FROM scopes s LEFT JOIN (
                   SELECT scope_id, sum(after_key IS NULL) AS firsts, sum(up_to_key IS NULL) AS lasts
                   FROM chunks WHERE state <> 'split' GROUP BY scope_id) c ON c.scope_id = s.id
                   WHERE s.complete = 1 AND (c.firsts IS NOT 1 OR c.lasts IS NOT 1))";
    let count: i64 = connection.query_row(sql, [], |row| row.get(0))?;
    Ok(count > 0)
}
