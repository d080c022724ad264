//! The lock that keeps two runs of one plan apart.
//!
//! It is the operating system's lock on a file, so it ends with its holder however that ends; the
//! file itself stays. It says who took the lock last, and how often something was recorded in the
//! ledger: whoever opens the ledger next finds out by that whether its end is gone.

use std::fs::{self, File, Metadata, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::clock;
use super::error::{Error, Holder};
use crate::private;

/// A held lock; dropping it releases it.
#[derive(Debug)]
pub(super) struct Lock {
    file: File,
    path: PathBuf,
    /// Where the number of commits stands in the file.
    place: u64,
    /// How often something was recorded, as the file said when it was opened.
    commits: Option<u64>,
}

impl Lock {
    /// Takes the lock, or tells who holds it.
    pub(super) fn take(path: &Path) -> Result<Self, Error> {
        let mut file = open(path)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(Error::Locked { by: holder(&mut file), path: path.to_path_buf() });
            }
            Err(TryLockError::Error(source)) => return Err(Error::io("lock", path, source)),
        }
        let commits = commits_in(&text_of(&mut file));
        let mut lock = Self { file, path: path.to_path_buf(), place: 0, commits };
        lock.sign(commits)?;
        Ok(lock)
    }

    /// How often something was recorded up to now, where that is known.
    pub(super) fn commits(&self) -> Option<u64> {
        self.commits
    }

    /// Writes who holds the lock, and how often something was recorded.
    pub(super) fn sign(&mut self, commits: Option<u64>) -> Result<(), Error> {
        let mut text = format!("pid {}\nsince {}\n", std::process::id(), clock::now());
        if let Some(commits) = commits {
            text.push_str("commits ");
            self.place = text.len() as u64;
            text.push_str(&padded(commits));
        }
        // Never shorter on the way: a kill leaves the number as it was, or as it is.
        let file = &mut self.file;
        let written = file
            .rewind()
            .and_then(|()| file.write_all(text.as_bytes()))
            .and_then(|()| file.set_len(text.len() as u64));
        written.map_err(|source| Error::io("write", &self.path, source))
    }

    /// Notes how often something was recorded, having recorded it: this may lag behind the ledger,
    /// and is never ahead of it.
    pub(super) fn note(&mut self, commits: u64) {
        if self.place == 0 {
            return;
        }
        // What cannot be noted is not checked.
        let _ = self
            .file
            .seek(SeekFrom::Start(self.place))
            .and_then(|_| self.file.write_all(padded(commits).as_bytes()));
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Closing would do, but not while a process that was just forked still has the file open.
        let _ = self.file.unlock();
    }
}

/// How often something was recorded, as a lock file says that somebody else may hold.
pub(super) fn commits_at(path: &Path) -> Option<u64> {
    let mut file = File::open(path).ok()?;
    commits_in(&text_of(&mut file))
}

/// Opens the file, made where there is none. Nothing but a file of its own is written to: what a
/// link leads to is somebody else's.
fn open(path: &Path) -> Result<File, Error> {
    match private::create_new(path) {
        Ok(file) => return Ok(file),
        Err(cause) if cause.kind() == io::ErrorKind::AlreadyExists => {}
        Err(source) => return Err(Error::io("open", path, source)),
    }
    let failed = |source| Error::io("open", path, source);
    let seen = fs::symlink_metadata(path).map_err(failed)?;
    if !seen.is_file() || names(&seen) > 1 {
        return Err(Error::NotOurs { path: path.to_path_buf() });
    }
    private::tighten(path);
    let file = OpenOptions::new().read(true).write(true).open(path).map_err(failed)?;
    // It may have been replaced in between.
    if !is_same(&seen, &file.metadata().map_err(failed)?) {
        return Err(Error::NotOurs { path: path.to_path_buf() });
    }
    Ok(file)
}

#[cfg(unix)]
fn names(of: &Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::nlink(of)
}

#[cfg(not(unix))]
fn names(_: &Metadata) -> u64 {
    1
}

#[cfg(unix)]
fn is_same(one: &Metadata, other: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    (one.dev(), one.ino()) == (other.dev(), other.ino())
}

#[cfg(not(unix))]
fn is_same(_: &Metadata, other: &Metadata) -> bool {
    other.is_file()
}

/// A number that always takes the same room.
fn padded(commits: u64) -> String {
    format!("{commits:020}\n")
}

/// Reads the file. Best effort: a text that cannot be read says nothing.
fn text_of(file: &mut File) -> String {
    let mut text = String::new();
    match file.rewind().and_then(|()| file.take(1_000).read_to_string(&mut text)) {
        Ok(_) => text,
        Err(_) => String::new(),
    }
}

fn value<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    text.lines().find_map(|line| line.strip_prefix(key)).map(str::trim)
}

fn commits_in(text: &str) -> Option<u64> {
    value(text, "commits ").and_then(|commits| commits.parse().ok())
}

/// Reads who holds the lock. Best effort: it only makes a message better.
fn holder(file: &mut File) -> Holder {
    let text = text_of(file);
    Holder {
        pid: value(&text, "pid ").and_then(|pid| pid.parse().ok()),
        since: value(&text, "since ").map(str::to_owned),
    }
}
