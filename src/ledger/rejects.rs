//! Rows that the target refuses and that were set aside.
//!
//! What holds here: a row that is set aside is the only one of its chunk, and the chunk is done with
//! no row acknowledged. So a key of a scope is set aside once, and never both copied and set aside.

use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use rusqlite::{Row, params};
use serde::Serialize;

use super::error::{Error, Fault};
use super::keys::forget_written;
use super::ranges::{find_open, key_of, kind_of, text_of, unsigned};
use super::records::{ChunkId, MoveId, RejectRecord};
use super::{Ledger, clock};
use crate::model::Key;
use crate::private;

/// One line of the file for people.
#[derive(Serialize)]
struct Line {
    source: String,
    target: String,
    partition: Option<String>,
    /// An `Int64` in decimal: as a number, many a reader would round it.
    key: String,
    reason: String,
    at: String,
}

impl Ledger {
    /// Records that the target refuses the only row of an open chunk, which is done thereby.
    ///
    /// Records nothing and returns `false` where `allowed` rows of the move are set aside already.
    pub fn set_aside(
        &mut self,
        id: ChunkId,
        key: &Key,
        reason: &str,
        allowed: u64,
    ) -> Result<bool, Error> {
        self.write(|transaction| {
            let found = find_open(transaction, id)?;
            if !found.chunk.range.contains(key) {
                let range = &found.chunk.range;
                return Err(Fault::Refused(format!(
                    "the key {key} is not in chunk {id} ({range})"
                )));
            }
            let of_move = found.place.of_move;
            let count = transaction
                .prepare_cached("SELECT count(*) FROM rejects WHERE move_id = ?1")?
                .query_row([of_move.0], |row| row.get(0))?;
            if unsigned(count)? >= allowed {
                return Ok(false);
            }
            let now = clock::now();
            transaction
                .prepare_cached(
                    "INSERT INTO rejects (chunk_id, move_id, key_kind, key, reason, at)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                )?
                .execute(params![id.0, of_move.0, kind_of(key), text_of(key), reason, now])?;
            transaction
                .prepare_cached(
                    "UPDATE chunks SET state = 'done', rows = 0, bytes = 0, done_at = ?2
                     WHERE id = ?1",
                )?
                .execute(params![id.0, now])?;
            // The target does not take it.
            forget_written(transaction, id)?;
            Ok(true)
        })
    }

    /// How many rows of a move are set aside.
    pub fn rejected(&self, id: MoveId) -> Result<u64, Error> {
        self.read(|connection| {
            let count = connection
                .prepare_cached("SELECT count(*) FROM rejects WHERE move_id = ?1")?
                .query_row([id.0], |row| row.get(0))?;
            unsigned(count)
        })
    }

    /// The rows of a move that are set aside, in the order of their chunks.
    pub fn rejects(&self, id: MoveId) -> Result<Vec<RejectRecord>, Error> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached(
                "SELECT r.chunk_id, s.partition, r.key_kind, r.key, r.reason, r.at
                 FROM rejects r JOIN chunks c ON c.id = r.chunk_id
                     JOIN scopes s ON s.id = c.scope_id
                 WHERE r.move_id = ?1 ORDER BY r.chunk_id",
            )?;
            let mut rows = statement.query([id.0])?;
            let mut rejects = Vec::new();
            while let Some(row) = rows.next()? {
                rejects.push(reject_record(row)?);
            }
            Ok(rejects)
        })
    }

    /// Brings `<directory>/<name>.rejects.jsonl` up to date: every row of every move of this ledger
    /// that is set aside, one JSON object a line, without any value but its key. Returns the file,
    /// or nothing when there are no such rows, and no file then.
    ///
    /// Readers see the old file or the new one, never a part.
    pub fn write_rejects_file(&self) -> Result<Option<PathBuf>, Error> {
        let path = self.path.with_extension("rejects.jsonl");
        let lines = self.read(|connection| {
            let mut statement = connection.prepare_cached(
                "SELECT m.source_database || '/' || m.source_collection,
                        m.target_database || '/' || m.target_collection,
                        s.partition, r.key, r.reason, r.at
                 FROM rejects r JOIN moves m ON m.id = r.move_id
                     JOIN chunks c ON c.id = r.chunk_id JOIN scopes s ON s.id = c.scope_id
                 WHERE m.state <> 'superseded' ORDER BY r.move_id, r.chunk_id",
            )?;
            let mut rows = statement.query([])?;
            let mut lines = Vec::new();
            while let Some(row) = rows.next()? {
                let line = Line {
                    source: row.get(0)?,
                    target: row.get(1)?,
                    partition: row.get(2)?,
                    key: row.get(3)?,
                    reason: row.get(4)?,
                    at: row.get(5)?,
                };
                // Texts only, which always have a form in JSON.
                lines.push(serde_json::to_string(&line).unwrap_or_default());
            }
            Ok(lines)
        })?;
        if lines.is_empty() {
            return match std::fs::remove_file(&path) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    Err(Error::io("remove", &path, error))
                }
                _ => Ok(None),
            };
        }
        replace(&path, &lines).map_err(|error| Error::io("write", &path, error))?;
        Ok(Some(path))
    }
}

/// Puts a new file in the place of an old one.
fn replace(path: &Path, lines: &[String]) -> std::io::Result<()> {
    // A name of its own, which only the holder of the lock writes.
    let new = path.with_extension("jsonl.new");
    let mut file = BufWriter::new(private::create(&new)?);
    for line in lines {
        writeln!(file, "{line}")?;
    }
    file.into_inner().map_err(std::io::IntoInnerError::into_error)?.sync_all()?;
    std::fs::rename(&new, path)
}

fn reject_record(row: &Row<'_>) -> Result<RejectRecord, Fault> {
    let kind: String = row.get(2)?;
    let key = key_of(Some(&kind), row.get(3)?)?;
    Ok(RejectRecord {
        chunk: ChunkId(row.get(0)?),
        scope: row.get(1)?,
        key: key.ok_or_else(|| Fault::Corrupt("a row set aside has no key".to_owned()))?,
        reason: row.get(4)?,
        at: row.get(5)?,
    })
}
