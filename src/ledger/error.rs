//! Why the ledger could not be used, and what to do about it.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use rusqlite::ffi;

/// Why the ledger could not be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Another run of the same plan is at work.
    #[error(
        "another run of this plan is at work ({by}); it holds the lock {}\n  wait until it has ended, or stop it with Ctrl-C where it runs; then run the same command again",
        path.display()
    )]
    Locked {
        /// Who holds the lock, as far as the lock file tells.
        by: Holder,
        /// The lock file.
        path: PathBuf,
    },
    /// The file was written by a newer release; writing to it could destroy what it means.
    #[error(
        "the ledger {} has format {found}, and this release knows formats up to {known}: use the release that wrote it, or a newer one",
        path.display()
    )]
    Newer {
        /// The ledger file.
        path: PathBuf,
        /// The format of the file.
        found: i64,
        /// The newest format this build knows.
        known: i64,
    },
    /// No space is left where the ledger is.
    #[error(
        "the disk that holds the ledger {} is full; nothing recorded so far is lost: free some space there, or move the ledger's directory to another disk and name it with --state, then run the same command again",
        path.display()
    )]
    Full {
        /// The ledger file.
        path: PathBuf,
    },
    /// Another program keeps the file locked.
    #[error(
        "the ledger {} is kept locked by another program: close whatever has it open for writing, such as a database browser, then run the same command again",
        path.display()
    )]
    Busy {
        /// The ledger file.
        path: PathBuf,
    },
    /// A writer appeared while the file was read without one.
    #[error("the ledger {} was written to while it was read: run the command again", path.display())]
    Changed {
        /// The ledger file.
        path: PathBuf,
    },
    /// The file is damaged, incomplete, or no ledger.
    #[error(
        "the ledger {} cannot be used{}. Put a whole copy of it in its place where there is one; or move it and the files named {}-… away to go on without it: collections that it filled count as made by somebody else then, so drop them at the target to copy them anew, or have them brought up to date by key with `existing = \"adopt\"`",
        path.display(),
        if *opening {
            format!(": {detail}; nothing was done")
        } else {
            format!(" any more: {detail}; what the run did before stays, and may be recorded in part only")
        },
        path.file_name().map(|name| name.to_string_lossy()).unwrap_or_default()
    )]
    Corrupt {
        /// The ledger file.
        path: PathBuf,
        /// What is wrong with it.
        detail: String,
        /// Whether that was found when it was opened.
        opening: bool,
    },
    /// A file of the ledger is a link, or no plain file: writing to it could destroy what is not ours.
    #[error(
        "{} is not a plain file of its own (a link, say): nothing was written to what it leads to. Delete it, or name another folder with --state",
        path.display()
    )]
    NotOurs {
        /// The file.
        path: PathBuf,
    },
    /// The plan's name cannot be a file name.
    #[error(
        "the plan name {name:?} cannot be used as a file name: it must not be empty or contain a path"
    )]
    Name {
        /// The name.
        name: String,
    },
    /// What was asked for contradicts what is recorded, so nothing was recorded.
    #[error("refused to record in the ledger {}: {reason}", path.display())]
    Refused {
        /// The ledger file.
        path: PathBuf,
        /// What contradicts what.
        reason: String,
    },
    /// A file operation failed.
    #[error("cannot {action} {} (--state names another folder for the ledger)", path.display())]
    Io {
        /// What was tried, as a verb.
        action: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
    /// `SQLite` failed in another way.
    #[error(
        "cannot use the ledger {}: see that its folder can be written to and its disk is well, then run the same command again",
        path.display()
    )]
    Sqlite {
        /// The ledger file.
        path: PathBuf,
        /// What `SQLite` says.
        source: rusqlite::Error,
    },
}

impl Error {
    /// Classifies a failed file operation.
    pub(super) fn io(action: &'static str, path: &Path, source: io::Error) -> Self {
        let path = path.to_path_buf();
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::Full { path },
            _ => Self::Io { action, path, source },
        }
    }
}

/// Who holds a lock. A holder that is just starting may not have written this yet.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Holder {
    /// Its process id.
    pub pid: Option<u32>,
    /// When it took the lock: UTC, ISO 8601.
    pub since: Option<String>,
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.pid {
            Some(pid) => write!(f, "process {pid}")?,
            None => f.write_str("process unknown")?,
        }
        match &self.since {
            Some(since) => write!(f, ", since {since}"),
            None => Ok(()),
        }
    }
}

/// A failure that does not know yet which file it happened to.
#[derive(Debug)]
pub(super) enum Fault {
    /// `SQLite` failed.
    Sql(rusqlite::Error),
    /// What the file holds makes no sense.
    Corrupt(String),
    /// What was asked for contradicts what is recorded.
    Refused(String),
}

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sql(error)
    }
}

impl Fault {
    /// The failure, with the ledger file that was being opened.
    pub(super) fn at(self, path: &Path) -> Error {
        self.of(path, true)
    }

    /// The failure, with the ledger file that was open.
    pub(super) fn in_use(self, path: &Path) -> Error {
        self.of(path, false)
    }

    fn of(self, path: &Path, opening: bool) -> Error {
        let path = path.to_path_buf();
        match self {
            Self::Corrupt(detail) => Error::Corrupt { path, detail, opening },
            Self::Refused(reason) => Error::Refused { path, reason },
            Self::Sql(error) => classify(error, path, opening),
        }
    }
}

fn classify(error: rusqlite::Error, path: PathBuf, opening: bool) -> Error {
    let corrupt = |path, detail| Error::Corrupt { path, detail, opening };
    if let rusqlite::Error::SqliteFailure(failure, _) = &error {
        // Growing the shared memory file fails for no other ordinary reason than a full disk.
        if failure.extended_code == ffi::SQLITE_IOERR_SHMSIZE {
            return Error::Full { path };
        }
        // A file that is shorter than it says.
        if failure.extended_code == ffi::SQLITE_IOERR_SHORT_READ {
            return corrupt(path, error.to_string());
        }
        match failure.code {
            rusqlite::ErrorCode::DiskFull => return Error::Full { path },
            rusqlite::ErrorCode::DatabaseBusy | rusqlite::ErrorCode::DatabaseLocked => {
                return Error::Busy { path };
            }
            rusqlite::ErrorCode::DatabaseCorrupt | rusqlite::ErrorCode::NotADatabase => {
                return corrupt(path, error.to_string());
            }
            _ => {}
        }
    }
    match error {
        rusqlite::Error::FromSqlConversionFailure(..)
        | rusqlite::Error::InvalidColumnType(..)
        | rusqlite::Error::IntegralValueOutOfRange(..)
        | rusqlite::Error::Utf8Error(..) => corrupt(path, error.to_string()),
        source => Error::Sqlite { path, source },
    }
}
