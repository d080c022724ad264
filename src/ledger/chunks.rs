//! Scopes and their chunks.
//!
//! The invariant that everything here keeps: the chunks of a scope that are not split are
//! disjoint and cover every key up to where discovery is, or every key when it is complete.

use rusqlite::{Connection, Row, params};

use super::error::{Error, Fault};
use super::keys::{forget_before, forget_if_sure, forget_written, hand_down, insert_written};
use super::moves::state_of;
use super::ranges::{
    COLUMNS, OpenChunk, Place, advance, chunk_record, find_open, find_scope, insert_chunk,
    insert_scope, kind_of, kind_of_range, not_open, signed, text_of, unsigned,
};
use super::records::{
    ChunkId, ChunkRecord, DoneChunk, MoveId, MoveState, ScopeState, Totals, Unsure, WrittenChunk,
};
use super::{Ledger, clock};
use crate::model::{Digest, Key, KeyRange};

/// Whose rows are in a chunk that is written more than once: into a target that was there before, or
/// that is not marked, others may have written too.
const WHOSE: &str = "CASE WHEN EXISTS (
                             SELECT 1 FROM moves m JOIN steps s ON s.move_id = m.id
                             WHERE m.id = chunks.move_id AND m.adopted = 0
                                 AND s.step = 'mark' AND s.state = 'done')
                         THEN 'ours' ELSE 'others' END";

/// What was found equal before counts no more, of a move of which a chunk is written or changed.
const FORGET_VERIFIED: &str = "DELETE FROM verified_ranges WHERE verification_id IN (
     SELECT v.id FROM verifications v JOIN chunks c ON c.id = ?1
     WHERE v.finished_at IS NULL AND json_valid(v.subject)
         AND json_extract(v.subject, '$.of_move') = c.move_id)";

impl Ledger {
    /// Records chunks that discovery found in a scope (a partition, or `None` for the whole
    /// collection), and whether these were the last.
    ///
    /// The ranges have to continue where the scope's last one ended, each where the one before
    /// ended. Discovery is complete with a range that is open above, and only then.
    pub fn add_chunks(
        &mut self,
        id: MoveId,
        scope: Option<&str>,
        ranges: &[KeyRange],
        complete: bool,
    ) -> Result<Vec<ChunkId>, Error> {
        self.write(|transaction| {
            if state_of(transaction, id)? != MoveState::Open {
                return Err(Fault::Refused(format!("move {id} is not open")));
            }
            let (scope_id, mut reached) = match find_scope(transaction, id, scope)? {
                Some(found) => found,
                None => (insert_scope(transaction, id, scope)?, ScopeState::default()),
            };
            let mut ids = Vec::with_capacity(ranges.len());
            for range in ranges {
                reached = advance(&reached, range)?;
                let place = Place { of_move: id, scope_id, parent: None };
                ids.push(insert_chunk(transaction, &place, range, false)?);
            }
            if complete != reached.complete {
                return Err(Fault::Refused(format!(
                    "discovery said complete: {complete}, but the last range ends open: {}",
                    reached.complete
                )));
            }
            transaction
                .prepare_cached(
                    "UPDATE scopes SET complete = ?2, discovered_up_to = ?3,
                         key_kind = coalesce(?4, key_kind)
                     WHERE id = ?1",
                )?
                .execute(params![
                    scope_id,
                    reached.complete,
                    reached.last_up_to.as_ref().map(text_of),
                    ranges.iter().find_map(kind_of_range)
                ])?;
            Ok(ids)
        })
    }

    /// How far chunks of a scope were found.
    pub fn scope(&self, id: MoveId, scope: Option<&str>) -> Result<ScopeState, Error> {
        self.read(|connection| {
            Ok(find_scope(connection, id, scope)?.map_or_else(ScopeState::default, |(_, s)| s))
        })
    }

    /// At most `limit` open chunks of a move after the given one, by ascending id: in the order
    /// they were found, the halves of split ones behind.
    pub fn open_chunks(
        &self,
        id: MoveId,
        after: Option<ChunkId>,
        limit: usize,
    ) -> Result<Vec<ChunkRecord>, Error> {
        self.page(id, "open", after, limit, |_, chunk| Ok(chunk))
    }

    /// At most `limit` done chunks of a move after the given one, by ascending id.
    pub fn done_chunks(
        &self,
        id: MoveId,
        after: Option<ChunkId>,
        limit: usize,
    ) -> Result<Vec<DoneChunk>, Error> {
        self.page(id, "done", after, limit, |row, chunk| {
            let digest = row.get::<_, Option<String>>(8)?.map(|text| text.parse()).transpose();
            Ok(DoneChunk {
                chunk,
                rows: unsigned(row.get(6)?)?,
                bytes: unsigned(row.get(7)?)?,
                digest: digest.map_err(Fault::Corrupt)?,
                unsure: unsure_of(row.get::<_, Option<String>>(9)?.as_deref())?,
                age: row.get::<_, Option<f64>>(10)?.map(whole_seconds),
                rest: rest_of(row)?,
            })
        })
    }

    /// Records that the first write of a chunk is about to be sent, so that its outcome may
    /// become unknown. Has to return before the write is sent; saying it again does no harm.
    pub fn chunk_tried(&mut self, id: ChunkId) -> Result<(), Error> {
        self.write(|transaction| {
            let found = transaction
                .prepare_cached("UPDATE chunks SET tried = 1 WHERE id = ?1 AND state = 'open'")?
                .execute([id.0])?;
            if found == 1 { Ok(()) } else { Err(not_open(id)) }
        })
    }

    /// Records that the target acknowledged every row of a chunk, and their digest. Must not be said
    /// earlier.
    pub fn chunk_done(
        &mut self,
        id: ChunkId,
        rows: u64,
        bytes: u64,
        digest: Digest,
    ) -> Result<(), Error> {
        self.chunks_done(&[WrittenChunk { id, rows, bytes, digest }])
    }

    /// The same of several chunks together.
    pub fn chunks_done(&mut self, chunks: &[WrittenChunk]) -> Result<(), Error> {
        self.write(|transaction| {
            let now = clock::now();
            let mut update = transaction.prepare_cached(
                "UPDATE chunks SET state = 'done', rows = ?2, bytes = ?3, done_at = ?4, digest = ?5
                 WHERE id = ?1 AND state = 'open'",
            )?;
            for WrittenChunk { id, rows, bytes, digest } in chunks {
                let (rows, bytes) = (signed(*rows)?, signed(*bytes)?);
                let found = update.execute(params![id.0, rows, bytes, now, digest.to_string()])?;
                if found != 1 {
                    return Err(not_open(*id));
                }
                forget_if_sure(transaction, *id)?;
            }
            match chunks.first() {
                Some(first) => forget_verified(transaction, first.id),
                None => Ok(()),
            }
        })
    }

    /// Records that the open chunks that were tried are about to be read and written once more: what
    /// an earlier attempt wrote and the source has no more stays at the target.
    pub fn tried_again(&mut self, id: MoveId) -> Result<(), Error> {
        self.write(|transaction| {
            let sql = format!(
                "UPDATE chunks SET unsure = {WHOSE}
                 WHERE move_id = ?1 AND state = 'open' AND tried = 1 AND unsure IS NULL"
            );
            transaction.prepare_cached(&sql)?.execute([id.0])?;
            Ok(())
        })
    }

    /// Records that rows of a done chunk with these keys are about to be written or deleted, and rows
    /// that the target had before with the keys `over`. `rest` is what the target holds beside all keys
    /// that were told so and those of rows that it had before, where nobody else wrote into it.
    pub fn chunk_unsure(
        &mut self,
        id: ChunkId,
        whose: Unsure,
        keys: &[Key],
        over: &[Key],
        rest: Option<(u64, Digest)>,
    ) -> Result<(), Error> {
        let whose = match whose {
            Unsure::Ours => "ours",
            Unsure::Others => "others",
        };
        self.write(|transaction| {
            let found = transaction
                .prepare_cached(
                    "UPDATE chunks SET unsure = ?2, rest_rows = ?3, rest_digest = ?4
                     WHERE id = ?1 AND state = 'done'",
                )?
                .execute(params![
                    id.0,
                    whose,
                    rest.map(|(rows, _)| signed(rows)).transpose()?,
                    rest.map(|(_, digest)| digest.to_string())
                ])?;
            if found != 1 {
                return Err(not_done(id));
            }
            insert_written(transaction, id, keys, true)?;
            insert_written(transaction, id, over, false)?;
            if !over.is_empty() {
                let scope = transaction
                    .prepare_cached("SELECT scope_id FROM chunks WHERE id = ?1")?
                    .query_row([id.0], |row| row.get(0))?;
                forget_before(transaction, scope, over)?;
            }
            forget_verified(transaction, id)
        })
    }

    /// Records what the target holds of a done chunk by now, as if that had been copied just now.
    pub fn chunk_digest_changed(
        &mut self,
        id: ChunkId,
        rows: u64,
        digest: Digest,
    ) -> Result<(), Error> {
        self.write(|transaction| {
            let found = transaction
                .prepare_cached(
                    "UPDATE chunks SET rows = ?2, digest = ?3, done_at = ?4, unsure = NULL,
                         rest_rows = NULL, rest_digest = NULL
                     WHERE id = ?1 AND state = 'done'",
                )?
                .execute(params![id.0, signed(rows)?, digest.to_string(), clock::now()])?;
            if found != 1 {
                return Err(not_done(id));
            }
            forget_written(transaction, id)?;
            forget_verified(transaction, id)
        })
    }

    /// Replaces an open chunk by its keys up to `at` (inclusive) and its keys above. Both inherit
    /// `tried`. Refused when `at` does not lie inside, so that a half would be empty.
    pub fn split_chunk(
        &mut self,
        id: ChunkId,
        at: &Key,
    ) -> Result<(ChunkRecord, ChunkRecord), Error> {
        self.write(|transaction| {
            let OpenChunk { chunk, place, key_kind } = find_open(transaction, id)?;
            let KeyRange { after, up_to } = &chunk.range;
            let inside = after.as_ref().is_none_or(|after| after < at)
                && up_to.as_ref().is_none_or(|up_to| at < up_to)
                && key_kind.is_none_or(|kind| kind == kind_of(at));
            if !inside {
                return Err(Fault::Refused(format!(
                    "chunk {id} ({}) cannot be split at {at}",
                    chunk.range
                )));
            }
            transaction
                .prepare_cached("UPDATE chunks SET state = 'split' WHERE id = ?1")?
                .execute([id.0])?;
            transaction
                .prepare_cached(
                    "UPDATE scopes SET key_kind = ?2 WHERE id = ?1 AND key_kind IS NULL",
                )?
                .execute(params![place.scope_id, kind_of(at)])?;
            let half = |range: KeyRange| -> Result<ChunkRecord, Fault> {
                let id = insert_chunk(transaction, &place, &range, chunk.tried)?;
                Ok(ChunkRecord { id, scope: chunk.scope.clone(), range, tried: chunk.tried })
            };
            let lower = half(KeyRange { after: after.clone(), up_to: Some(at.clone()) })?;
            let upper = half(KeyRange { after: Some(at.clone()), up_to: up_to.clone() })?;
            let sql =
                format!("UPDATE chunks SET unsure = {WHOSE} WHERE parent_id = ?1 AND tried = 1");
            transaction.prepare_cached(&sql)?.execute([id.0])?;
            hand_down(transaction, id, at, (lower.id, upper.id))?;
            Ok((lower, upper))
        })
    }

    /// Opens a done chunk again, as tried: its rows are not at the target as they should be, and
    /// the next copy writes them by key. A move that was done is open again; its steps stay, so
    /// begin the copying step again first. A row that was set aside is no longer.
    pub fn reopen_chunk(&mut self, id: ChunkId) -> Result<(), Error> {
        self.write(|transaction| {
            let reopened = transaction
                .prepare_cached(&format!(
                    "UPDATE chunks SET state = 'open', tried = 1, rows = NULL, bytes = NULL,
                         done_at = NULL, digest = NULL, unsure = {WHOSE},
                         rest_rows = NULL, rest_digest = NULL
                     WHERE id = ?1 AND state = 'done'",
                ))?
                .execute([id.0])?;
            if reopened != 1 {
                return Err(not_done(id));
            }
            forget_verified(transaction, id)?;
            transaction
                .prepare_cached("DELETE FROM rejects WHERE chunk_id = ?1")?
                .execute([id.0])?;
            transaction
                .prepare_cached(
                    "UPDATE moves SET state = 'open', counts = NULL, finished_at = NULL
                     WHERE state = 'done' AND id = (SELECT move_id FROM chunks WHERE id = ?1)",
                )?
                .execute([id.0])?;
            Ok(())
        })
    }

    /// The sums over a move. Visits every chunk: for the start and the end, not for each chunk.
    pub fn totals(&self, id: MoveId) -> Result<Totals, Error> {
        self.read(|connection| {
            let (mut chunks, mut scopes) = ([0; 5], [0; 2]);
            connection
                .prepare_cached(
                    "SELECT count(*) FILTER (WHERE state = 'done'),
                            count(*) FILTER (WHERE state = 'open'),
                            count(*) FILTER (WHERE state = 'open' AND tried = 1),
                            coalesce(sum(rows), 0), coalesce(sum(bytes), 0)
                     FROM chunks WHERE move_id = ?1 AND state IN ('open', 'done')",
                )?
                .query_row([id.0], |row| numbers(row, &mut chunks))?;
            connection
                .prepare_cached(
                    "SELECT count(*), coalesce(sum(complete), 0) FROM scopes WHERE move_id = ?1",
                )?
                .query_row([id.0], |row| numbers(row, &mut scopes))?;
            Ok(Totals {
                chunks_done: unsigned(chunks[0])?,
                chunks_open: unsigned(chunks[1])?,
                chunks_tried: unsigned(chunks[2])?,
                rows: unsigned(chunks[3])?,
                bytes: unsigned(chunks[4])?,
                scopes: unsigned(scopes[0])?,
                scopes_complete: unsigned(scopes[1])?,
            })
        })
    }

    /// A page of the chunks of one state.
    fn page<T>(
        &self,
        id: MoveId,
        state: &str,
        after: Option<ChunkId>,
        limit: usize,
        record: impl Fn(&Row<'_>, ChunkRecord) -> Result<T, Fault>,
    ) -> Result<Vec<T>, Error> {
        self.read(|connection| {
            // The index on (move, state) yields a page without visiting other chunks.
            let mut statement = connection.prepare_cached(&format!(
                "SELECT {COLUMNS}, c.rows, c.bytes, c.digest, c.unsure,
                     (julianday('now') - julianday(c.done_at)) * 86400.0, c.rest_rows, c.rest_digest
                 FROM chunks c JOIN scopes s ON s.id = c.scope_id
                 WHERE c.move_id = ?1 AND c.state = ?2 AND c.id > ?3 ORDER BY c.id LIMIT ?4"
            ))?;
            let limit = i64::try_from(limit).unwrap_or(i64::MAX);
            let mut rows =
                statement.query(params![id.0, state, after.map_or(0, |id| id.0), limit])?;
            let mut chunks = Vec::new();
            while let Some(row) = rows.next()? {
                chunks.push(record(row, chunk_record(row)?)?);
            }
            Ok(chunks)
        })
    }
}

fn forget_verified(connection: &Connection, id: ChunkId) -> Result<(), Fault> {
    connection.prepare_cached(FORGET_VERIFIED)?.execute([id.0])?;
    Ok(())
}

fn not_done(id: ChunkId) -> Fault {
    Fault::Refused(format!("chunk {id} is not done"))
}

fn rest_of(row: &Row<'_>) -> Result<Option<(u64, Digest)>, Fault> {
    match (row.get::<_, Option<i64>>(11)?, row.get::<_, Option<String>>(12)?) {
        (Some(rows), Some(digest)) => {
            Ok(Some((unsigned(rows)?, digest.parse().map_err(Fault::Corrupt)?)))
        }
        _ => Ok(None),
    }
}

fn unsure_of(text: Option<&str>) -> Result<Option<Unsure>, Fault> {
    match text {
        None => Ok(None),
        Some("ours") => Ok(Some(Unsure::Ours)),
        Some("others") => Ok(Some(Unsure::Others)),
        Some(other) => Err(Fault::Corrupt(format!("a chunk's rows are of {other:?}"))),
    }
}

/// A time that passed; none where the clock was set back.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "it is no less than 0, and far from 2^64"
)]
pub(super) fn whole_seconds(seconds: f64) -> u64 {
    seconds.max(0.0) as u64
}

fn numbers<const N: usize>(row: &Row<'_>, into: &mut [i64; N]) -> rusqlite::Result<()> {
    for (column, number) in into.iter_mut().enumerate() {
        *number = row.get(column)?;
    }
    Ok(())
}
