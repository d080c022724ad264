//! Opening the file for reading only, without leaving traces beside it.
//!
//! `SQLite` reads a WAL database through a shared memory file (`-shm`) and makes one when there is
//! none, which a command that writes nothing must not do and in a read-only directory cannot. So:
//! - No `-wal` with content: everything is in the main file. It is read as `immutable`, which makes
//!   `SQLite` look at nothing else, and watched, because nothing keeps a writer from changing it.
//! - With `-wal` and `-shm` (a live writer, or one that was killed): an ordinary read-only
//!   connection.
//! - A `-wal` alone (somebody copied the files): both are copied aside and read there.

use std::fmt::Write;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use rusqlite::{Connection, OpenFlags};

use super::error::{Error, Fault};
use super::files::beside;

/// A connection for reading, and what it depends on.
pub(super) struct View {
    pub(super) connection: Connection,
    pub(super) still: Option<Still>,
    pub(super) scratch: Option<Scratch>,
}

/// Opens the database for reading; `None` when there is none.
pub(super) fn open(path: &Path) -> Result<Option<View>, Error> {
    // Beside the real file is where SQLite keeps the others.
    let real = match fs::canonicalize(path) {
        Ok(real) => real,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(Error::io("open", path, source)),
    };
    // Windows spells a canonical path in a way that SQLite does not take.
    let file = if cfg!(unix) { real.as_path() } else { path };
    let still = Still::of(file).map_err(|source| Error::io("open", path, source))?;
    let connect = |file: &Path, immutable: bool| {
        connection(file, immutable).map_err(|error| Fault::from(error).at(path))
    };
    let wal = beside(file, "-wal");
    if !fs::metadata(&wal).is_ok_and(|wal| wal.len() > 0) {
        let connection = connect(file, true)?;
        return Ok(Some(View { connection, still: Some(still), scratch: None }));
    }
    if beside(file, "-shm").exists() {
        let connection = connect(file, false)?;
        return Ok(Some(View { connection, still: None, scratch: None }));
    }
    let scratch = Scratch::make()?;
    let copy = scratch.directory.join("ledger.db");
    for (from, to) in [(file, copy.clone()), (&wal, beside(&copy, "-wal"))] {
        fs::copy(from, &to).map_err(|source| Error::io("copy aside", from, source))?;
    }
    if still.moved() || beside(file, "-shm").exists() {
        return Err(Error::Changed { path: path.to_path_buf() });
    }
    let connection = connect(&copy, false)?;
    Ok(Some(View { connection, still: None, scratch: Some(scratch) }))
}

fn connection(file: &Path, immutable: bool) -> Result<Connection, rusqlite::Error> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = if immutable {
        Connection::open_with_flags(immutable_uri(file), flags | OpenFlags::SQLITE_OPEN_URI)?
    } else {
        Connection::open_with_flags(file, flags)?
    };
    super::prepare(&connection)?;
    Ok(connection)
}

/// The file as a URI that makes `SQLite` look at nothing but the file itself.
fn immutable_uri(file: &Path) -> String {
    let mut uri = String::from(if file.has_root() || cfg!(windows) { "file://" } else { "file:" });
    if cfg!(windows) {
        uri.push('/');
    }
    for byte in file.as_os_str().as_encoded_bytes() {
        match byte {
            b'\\' if cfg!(windows) => uri.push('/'),
            b'/' | b'.' | b'-' | b'_' => uri.push(char::from(*byte)),
            byte if byte.is_ascii_alphanumeric() => uri.push(char::from(*byte)),
            byte => {
                let _ = write!(uri, "%{byte:02X}"); // writing to a String does not fail
            }
        }
    }
    uri.push_str("?immutable=1");
    uri
}

/// What the main file looked like when it was opened without regard for writers.
///
/// Commits of a new writer go to the `-wal` first and do not disturb; moving them into the main
/// file does, and shows in its time or length.
#[derive(Debug)]
pub(super) struct Still {
    file: PathBuf,
    seen: (u64, SystemTime),
}

impl Still {
    fn of(file: &Path) -> io::Result<Self> {
        Ok(Self { file: file.to_path_buf(), seen: look(file)? })
    }

    /// Whether the file is no longer what it was.
    pub(super) fn moved(&self) -> bool {
        !look(&self.file).is_ok_and(|now| now == self.seen)
    }
}

fn look(file: &Path) -> io::Result<(u64, SystemTime)> {
    let metadata = fs::metadata(file)?;
    Ok((metadata.len(), metadata.modified()?))
}

/// A directory of our own for a copy, removed on drop.
#[derive(Debug)]
pub(super) struct Scratch {
    directory: PathBuf,
}

impl Scratch {
    fn make() -> Result<Self, Error> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        loop {
            let count = COUNT.fetch_add(1, Ordering::Relaxed);
            let name = format!("milvus-ferry-{}-{count}", std::process::id());
            let directory = std::env::temp_dir().join(name);
            match private_directory(&directory) {
                Ok(()) => return Ok(Self { directory }),
                // Left by a killed process of the same number, or made to be in the way.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists && count < 1_000 => {}
                Err(source) => return Err(Error::io("create", &directory, source)),
            }
        }
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // Best effort: what stays is a copy in the system's own place for leftovers.
        let _ = fs::remove_dir_all(&self.directory);
    }
}

/// Makes a directory that only its owner may enter: the ledger holds primary keys.
fn private_directory(directory: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(directory)
}
