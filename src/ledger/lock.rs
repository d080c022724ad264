//! The lock that keeps two runs of one plan apart.
//!
//! It is the operating system's lock on a file, so it ends with its holder however that ends; the
//! file itself stays, and only says who took the lock last.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::Path;

use super::clock;
use super::error::{Error, Holder};

/// A held lock; dropping it releases it.
#[derive(Debug)]
pub(super) struct Lock {
    file: File,
}

impl Lock {
    /// Takes the lock, or tells who holds it.
    pub(super) fn take(path: &Path) -> Result<Self, Error> {
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)
            .map_err(|source| Error::io("open", path, source))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(Error::Locked { by: holder(&mut file), path: path.to_path_buf() });
            }
            Err(TryLockError::Error(source)) => return Err(Error::io("lock", path, source)),
        }
        sign(&mut file).map_err(|source| Error::io("write", path, source))?;
        Ok(Self { file })
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Closing would do, but not while a process that was just forked still has the file open.
        let _ = self.file.unlock();
    }
}

/// Writes who holds the lock.
fn sign(file: &mut File) -> std::io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    file.write_all(format!("pid {}\nsince {}\n", std::process::id(), clock::now()).as_bytes())
}

/// Reads who holds the lock. Best effort: it only makes a message better.
fn holder(file: &mut File) -> Holder {
    let mut text = String::new();
    if file.take(1_000).read_to_string(&mut text).is_err() {
        return Holder::default();
    }
    let value = |key: &str| text.lines().find_map(|line| line.strip_prefix(key)).map(str::trim);
    Holder {
        pid: value("pid ").and_then(|pid| pid.parse().ok()),
        since: value("since ").map(str::to_owned),
    }
}
