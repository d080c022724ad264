//! Files that a report or saved changes are written to: whole or not at all.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

/// How our files begin, so that no other file is taken for one and replaced.
const BEGINNING: &str = "{\n  \"format_version\"";
/// What saved changes have in their second line.
const CHANGES: &str = "\n  \"kind\": \"changes\"";
/// Bytes in which that stands.
const HEAD: u64 = 80;

/// What is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    Report,
    Changes,
}

impl What {
    /// As in "the report".
    fn text(self) -> &'static str {
        match self {
            Self::Report => "report",
            Self::Changes => "changes",
        }
    }
}

/// A place where a report will be, found fit for it before anything else is done.
///
/// The report is written beside it and renamed, so that nobody reads half of one. A report of an
/// earlier run is taken away at once: what is there in the end is of this run.
#[derive(Debug)]
pub struct Destination {
    what: What,
    path: PathBuf,
    partial: Option<(PathBuf, File)>,
}

impl Destination {
    /// A place for a report.
    ///
    /// # Errors
    /// When it is not there or cannot be written, or holds something else; in words that say what to
    /// do.
    pub fn new(path: &Path) -> Result<Self, String> {
        Self::of(What::Report, path)
    }

    /// A place for saved changes.
    ///
    /// # Errors
    /// As of [`Destination::new`].
    pub fn of_changes(path: &Path) -> Result<Self, String> {
        Self::of(What::Changes, path)
    }

    fn of(what: What, path: &Path) -> Result<Self, String> {
        let shown = format!("the {} `{}`", what.text(), path.display());
        let failed = |why: &str, cause: &io::Error, advice: &str| {
            format!("cannot write {shown}: {why}: {cause}\n  {advice}")
        };
        let path = match fs::metadata(path) {
            Ok(found) if found.is_dir() => {
                return Err(format!(
                    "cannot write {shown}: it is a directory\n  name a file in it"
                ));
            }
            // A device or a pipe is written to as it is.
            Ok(found) if !found.is_file() => {
                return Ok(Self { what, path: path.to_owned(), partial: None });
            }
            Ok(_) => {
                check_replaceable(what, path)?;
                fs::canonicalize(path)
                    .map_err(|cause| failed("it cannot be found", &cause, "name another file"))?
            }
            Err(_) => path.to_owned(),
        };
        let Some(name) = path.file_name() else {
            return Err(format!("cannot write {shown}: it names no file"));
        };
        let mut beside = name.to_owned();
        beside.push(".part");
        let partial = path.with_file_name(beside);
        let file = File::create(&partial).map_err(|cause| match cause.kind() {
            io::ErrorKind::NotFound => failed("there is no such directory", &cause, "make it"),
            io::ErrorKind::PermissionDenied => {
                let advice = "name a file in a directory that you may write to";
                failed("its directory cannot be written to", &cause, advice)
            }
            _ => failed("it cannot be made", &cause, "name another file"),
        })?;
        match fs::remove_file(&path) {
            Err(cause) if cause.kind() != io::ErrorKind::NotFound => {
                let _ = fs::remove_file(&partial);
                Err(failed("the old one cannot be replaced", &cause, "name another file"))
            }
            _ => Ok(Self { what, path, partial: Some((partial, file)) }),
        }
    }

    /// Writes the report.
    ///
    /// # Errors
    /// When it cannot be written; in words that say what to do.
    pub fn write(mut self, text: &str) -> Result<(), String> {
        let written = match self.partial.as_mut() {
            None => fs::OpenOptions::new()
                .write(true)
                .open(&self.path)
                .and_then(|mut file| file.write_all(text.as_bytes())),
            Some((partial, file)) => file
                .write_all(text.as_bytes())
                .and_then(|()| file.sync_all())
                .and_then(|()| fs::rename(partial, &self.path)),
        };
        if written.is_ok() {
            self.partial = None;
        }
        written.map_err(|cause| {
            let (what, path) = (self.what.text(), self.path.display());
            format!("cannot write the {what} `{path}`: {cause}\n  make room, and run it again")
        })
    }
}

impl Drop for Destination {
    fn drop(&mut self) {
        if let Some((partial, _)) = &self.partial {
            // What is left of a report that was never written; nothing depends on it.
            let _ = fs::remove_file(partial);
        }
    }
}

/// Refuses to replace a file of another kind: a plan file, say, that was named by mistake.
fn check_replaceable(what: What, path: &Path) -> Result<(), String> {
    let mut head = Vec::new();
    let read = File::open(path).and_then(|file| file.take(HEAD).read_to_end(&mut head));
    let head = String::from_utf8_lossy(&head);
    let is_changes = head.contains(CHANGES);
    match read {
        Ok(0) => Ok(()),
        Ok(_) if head.starts_with(BEGINNING) && is_changes == (what == What::Changes) => Ok(()),
        _ => Err(format!(
            "cannot write the {0} `{1}`: a file is there that is no {2} of milvus-ferry\n  \
             delete it, or name another one",
            what.text(),
            path.display(),
            match what {
                What::Report => "report",
                What::Changes => "file with saved changes",
            }
        )),
    }
}

#[cfg(test)]
mod tests;
