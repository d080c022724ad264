//! Every row that differs, in a file: one JSON object a line.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::text::printable_json;
use crate::private;
use crate::verify::result::RowDifference;

/// One line of the file.
#[derive(Serialize)]
struct Line<'a> {
    /// `database/collection` at the source.
    source: &'a str,
    /// `database/collection` at the target.
    target: &'a str,
    #[serde(flatten)]
    difference: &'a RowDifference,
}

/// The file while it is written. Nothing of it stays in memory.
///
/// It is made with the first row, under another name, and takes the place of that of an earlier run
/// in the end; without a row the old one is taken away.
#[derive(Debug)]
pub struct Differences {
    path: PathBuf,
    partial: PathBuf,
    out: Option<BufWriter<File>>,
    rows: u64,
}

impl Differences {
    /// The file `<directory>/<name>.differences.jsonl`.
    pub fn new(directory: &Path, name: &str) -> Self {
        let path = directory.join(format!("{name}.differences.jsonl"));
        let partial = directory.join(format!("{name}.differences.jsonl.part"));
        Self { path, partial, out: None, rows: 0 }
    }

    /// Adds a row that differs.
    ///
    /// # Errors
    /// When the file cannot be written; it is not written any further then.
    pub fn add(
        &mut self,
        source: &str,
        target: &str,
        difference: &RowDifference,
    ) -> io::Result<()> {
        let out = if let Some(out) = &mut self.out {
            out
        } else {
            if let Some(directory) = self.partial.parent() {
                private::folder(directory, &[])?;
            }
            self.out.insert(BufWriter::new(private::create(&self.partial)?))
        };
        let json = serde_json::to_string(&Line { source, target, difference })?;
        writeln!(out, "{}", printable_json(&json))?;
        self.rows += 1;
        Ok(())
    }

    /// Puts the file in its place, and tells where that is; nowhere when no row differs.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn finish(mut self) -> io::Result<Option<PathBuf>> {
        let Some(mut out) = self.out.take() else {
            return match fs::remove_file(&self.path) {
                Err(cause) if cause.kind() != io::ErrorKind::NotFound => Err(cause),
                _ => Ok(None),
            };
        };
        out.flush()?;
        out.get_ref().sync_all()?;
        drop(out);
        fs::rename(&self.partial, &self.path)?;
        Ok(Some(std::mem::take(&mut self.path)))
    }

    /// Where it will be.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Rows that were added.
    pub fn rows(&self) -> u64 {
        self.rows
    }
}

impl Drop for Differences {
    fn drop(&mut self) {
        if self.out.is_some() {
            // It was not finished; nobody is told of it.
            let _ = fs::remove_file(&self.partial);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Key;
    use crate::report::verification::samples::{HOSTILE, different, hostile};
    use crate::verify::result::RowDifferenceKind;

    #[test]
    fn every_row_is_a_line() {
        let folder = tempfile::tempdir().unwrap();
        let mut file = Differences::new(&folder.path().join("state"), "catalog");
        let rows = |found: crate::verify::Verification| found.content.unwrap().differences;
        let rows = [rows(different("a")), rows(hostile())].concat();
        for row in &rows {
            file.add("default/a", HOSTILE, row).unwrap();
        }
        assert_eq!(file.rows(), rows.len() as u64);
        let path = file.finish().unwrap().unwrap();
        assert_eq!(path, folder.path().join("state/catalog.differences.jsonl"));
        let text = fs::read_to_string(&path).unwrap();
        let mut lines = text.lines();
        assert_eq!(
            serde_json::from_str::<serde_json::Value>(lines.next().unwrap()).unwrap(),
            serde_json::json!({"source": "default/a", "target": HOSTILE, "key": 4711, "kind": "missing"})
        );
        let found: Vec<RowDifference> =
            text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(found, rows);
        for line in text.lines() {
            assert_eq!(crate::report::text::escape(line), line);
        }
    }

    #[test]
    fn the_file_is_of_the_last_comparison() {
        let folder = tempfile::tempdir().unwrap();
        let new = || Differences::new(folder.path(), "p");
        let row = RowDifference {
            partition: None,
            key: Key::Int64(1),
            kind: RowDifferenceKind::Extra,
            fields: Vec::new(),
            explanation: None,
        };
        let mut file = new();
        file.add("a", "b", &row).unwrap();
        let path = file.finish().unwrap().unwrap();
        // One that is not finished leaves the old one.
        let mut file = new();
        file.add("a", "b", &row).unwrap();
        drop(file);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        assert!(path.exists());
        // Without a row there is no file.
        assert_eq!(new().finish().unwrap(), None);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
        assert_eq!(new().finish().unwrap(), None);
    }
}
