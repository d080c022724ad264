//! Files that a report is written to: whole or not at all.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

/// How a report begins, so that no other file is taken for one and replaced.
const BEGINNING: &str = "{\n  \"format_version\"";

/// A place where a report will be, found fit for it before anything else is done.
///
/// The report is written beside it and renamed, so that nobody reads half of one. A report of an
/// earlier run is taken away at once: what is there in the end is of this run.
#[derive(Debug)]
pub struct Destination {
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
        let shown = path.display();
        let failed = |what: &str, cause: &io::Error, advice: &str| {
            format!("cannot write the report `{shown}`: {what}: {cause}\n  {advice}")
        };
        let path = match fs::metadata(path) {
            Ok(found) if found.is_dir() => {
                return Err(format!(
                    "cannot write the report `{shown}`: it is a directory\n  name a file in it"
                ));
            }
            // A device or a pipe is written to as it is.
            Ok(found) if !found.is_file() => {
                return Ok(Self { path: path.to_owned(), partial: None });
            }
            Ok(_) => {
                check_replaceable(path)?;
                fs::canonicalize(path)
                    .map_err(|cause| failed("it cannot be found", &cause, "name another file"))?
            }
            Err(_) => path.to_owned(),
        };
        let Some(name) = path.file_name() else {
            return Err(format!("cannot write the report `{shown}`: it names no file"));
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
            _ => Ok(Self { path, partial: Some((partial, file)) }),
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
            let path = self.path.display();
            format!("cannot write the report `{path}`: {cause}\n  make room, and run it again")
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

/// Refuses to replace a file that is no report: a plan file, say, that was named by mistake.
fn check_replaceable(path: &Path) -> Result<(), String> {
    let mut beginning = String::new();
    let read = File::open(path)
        .and_then(|file| file.take(BEGINNING.len() as u64).read_to_string(&mut beginning));
    match read {
        Ok(0) => Ok(()),
        Ok(_) if beginning == BEGINNING => Ok(()),
        _ => Err(format!(
            "cannot write the report `{}`: a file is there that is no report of milvus-ferry\n  \
             delete it, or name another one",
            path.display()
        )),
    }
}

#[cfg(test)]
mod tests;
