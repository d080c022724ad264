//! Chunks and scopes as rows of their tables.

use rusqlite::{Connection, OptionalExtension, Row, Transaction, params};

use super::error::Fault;
use super::records::{ChunkId, ChunkRecord, MoveId, ScopeState};
use crate::model::{Key, KeyRange};

/// Where a chunk belongs.
pub(super) struct Place {
    pub(super) of_move: MoveId,
    pub(super) scope_id: i64,
    pub(super) parent: Option<ChunkId>,
}

/// An open chunk, and what is needed to replace it.
pub(super) struct OpenChunk {
    pub(super) chunk: ChunkRecord,
    pub(super) place: Place,
    pub(super) key_kind: Option<String>,
}

/// What [`chunk_record`] reads, from chunks `c` and scopes `s`.
pub(super) const COLUMNS: &str = "c.id, s.partition, c.key_kind, c.after_key, c.up_to_key, c.tried";

pub(super) fn chunk_record(row: &Row<'_>) -> Result<ChunkRecord, Fault> {
    let kind: Option<String> = row.get(2)?;
    let range = KeyRange {
        after: key_of(kind.as_deref(), row.get(3)?)?,
        up_to: key_of(kind.as_deref(), row.get(4)?)?,
    };
    Ok(ChunkRecord { id: ChunkId(row.get(0)?), scope: row.get(1)?, range, tried: row.get(5)? })
}

pub(super) fn find_open(connection: &Connection, id: ChunkId) -> Result<OpenChunk, Fault> {
    let sql = format!(
        "SELECT {COLUMNS}, c.move_id, c.scope_id, s.key_kind
         FROM chunks c JOIN scopes s ON s.id = c.scope_id WHERE c.id = ?1 AND c.state = 'open'"
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let mut rows = statement.query([id.0])?;
    let row = rows.next()?.ok_or_else(|| not_open(id))?;
    let place = Place { of_move: MoveId(row.get(6)?), scope_id: row.get(7)?, parent: Some(id) };
    Ok(OpenChunk { chunk: chunk_record(row)?, place, key_kind: row.get(8)? })
}

pub(super) fn not_open(id: ChunkId) -> Fault {
    Fault::Refused(format!("chunk {id} is not open"))
}

pub(super) fn insert_chunk(
    transaction: &Transaction<'_>,
    place: &Place,
    range: &KeyRange,
    tried: bool,
) -> Result<ChunkId, Fault> {
    transaction
        .prepare_cached(
            "INSERT INTO chunks (move_id, scope_id, parent_id, key_kind, after_key, up_to_key,
                 state, tried)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, 'open', ?7)",
        )?
        .execute(params![
            place.of_move.0,
            place.scope_id,
            place.parent.map(|id| id.0),
            kind_of_range(range),
            range.after.as_ref().map(text_of),
            range.up_to.as_ref().map(text_of),
            tried
        ])?;
    Ok(ChunkId(transaction.last_insert_rowid()))
}

pub(super) fn find_scope(
    connection: &Connection,
    id: MoveId,
    partition: Option<&str>,
) -> Result<Option<(i64, ScopeState)>, Fault> {
    let found = connection
        .prepare_cached(
            "SELECT id, complete, key_kind, discovered_up_to FROM scopes
             WHERE move_id = ?1 AND coalesce(partition, '') = coalesce(?2, '')",
        )?
        .query_row(params![id.0, partition], |row| {
            let kind: Option<String> = row.get(2)?;
            let up_to: Option<String> = row.get(3)?;
            Ok((row.get(0)?, row.get(1)?, kind, up_to))
        })
        .optional()?;
    let Some((scope_id, complete, kind, up_to)) = found else { return Ok(None) };
    let last_up_to = key_of(kind.as_deref(), up_to)?;
    Ok(Some((scope_id, ScopeState { complete, last_up_to })))
}

pub(super) fn insert_scope(
    transaction: &Transaction<'_>,
    id: MoveId,
    partition: Option<&str>,
) -> Result<i64, Fault> {
    if partition == Some("") {
        return Err(Fault::Refused("a partition has no name".to_owned()));
    }
    transaction
        .prepare_cached("INSERT INTO scopes (move_id, partition, complete) VALUES (?1, ?2, 0)")?
        .execute(params![id.0, partition])?;
    Ok(transaction.last_insert_rowid())
}

/// How far a scope is found with one more range; refuses a gap, an overlap and an empty range.
pub(super) fn advance(reached: &ScopeState, range: &KeyRange) -> Result<ScopeState, Fault> {
    if reached.complete || range.after != reached.last_up_to {
        let end = match (&reached.last_up_to, reached.complete) {
            (_, true) => "the last key".to_owned(),
            (Some(key), _) => format!("{key}"),
            (None, _) => "the first key".to_owned(),
        };
        return Err(Fault::Refused(format!("{range} do not continue at {end}")));
    }
    if let (Some(after), Some(up_to)) = (&range.after, &range.up_to)
        && (kind_of(after) != kind_of(up_to) || after >= up_to)
    {
        return Err(Fault::Refused(format!("{range} are no range")));
    }
    Ok(ScopeState { complete: range.up_to.is_none(), last_up_to: range.up_to.clone() })
}

pub(super) fn kind_of(key: &Key) -> &'static str {
    match key {
        Key::Int64(_) => "int64",
        Key::VarChar(_) => "varchar",
    }
}

pub(super) fn kind_of_range(range: &KeyRange) -> Option<&'static str> {
    range.up_to.as_ref().or(range.after.as_ref()).map(kind_of)
}

/// The key as it is stored.
pub(super) fn text_of(key: &Key) -> String {
    match key {
        Key::Int64(value) => value.to_string(),
        Key::VarChar(value) => value.clone(),
    }
}

/// A key as it was stored.
pub(super) fn key_of(kind: Option<&str>, text: Option<String>) -> Result<Option<Key>, Fault> {
    let Some(text) = text else { return Ok(None) };
    match kind {
        Some("varchar") => Ok(Some(Key::VarChar(text))),
        Some("int64") => match text.parse() {
            Ok(value) => Ok(Some(Key::Int64(value))),
            Err(_) => Err(Fault::Corrupt(format!("{text:?} is no int64 key"))),
        },
        other => Err(Fault::Corrupt(format!("a key has kind {other:?}"))),
    }
}

/// A number that cannot be negative.
pub(super) fn unsigned(value: i64) -> Result<u64, Fault> {
    u64::try_from(value).map_err(|_| Fault::Corrupt(format!("{value} counts something")))
}

/// A count as `SQLite` stores it.
pub(super) fn signed(value: u64) -> Result<i64, Fault> {
    i64::try_from(value).map_err(|_| Fault::Refused(format!("{value} is too many to count")))
}
