//! Keys of single rows, where a digest does not say whose they are: those that the target had before,
//! and those that this move wrote.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::{Connection, OptionalExtension, Transaction, params};

use super::Ledger;
use super::error::{Error, Fault};
use super::ranges::{find_open, find_scope, key_of, kind_of, text_of, unsigned};
use super::records::{ChunkId, MoveId};
use crate::model::Key;

impl Ledger {
    /// Records that the target has rows with these keys in the range of a chunk into which nothing was
    /// written yet. Has to be said of all of them before [`Ledger::chunk_tried_with`].
    pub fn there_before(&mut self, id: ChunkId, keys: &[Key]) -> Result<(), Error> {
        self.write(|transaction| {
            let found = find_open(transaction, id)?;
            if found.chunk.tried {
                return Err(Fault::Refused(format!("chunk {id} may be written already")));
            }
            let mut insert = transaction.prepare_cached(
                "INSERT OR IGNORE INTO keys_before (scope_id, key_kind, key) VALUES (?1, ?2, ?3)",
            )?;
            for key in keys {
                insert.execute(params![found.place.scope_id, kind_of(key), text_of(key)])?;
            }
            Ok(())
        })
    }

    /// [`Ledger::chunk_tried`] of a target that may hold rows of others: `keys` are about to be written.
    /// It has no row with those of them that are `ours`.
    pub fn chunk_tried_with(
        &mut self,
        id: ChunkId,
        keys: &[Key],
        ours: &[Key],
    ) -> Result<(), Error> {
        self.write(|transaction| {
            let scope = find_open(transaction, id)?.place.scope_id;
            transaction
                .prepare_cached("UPDATE chunks SET tried = 1 WHERE id = ?1")?
                .execute([id.0])?;
            forget_before(transaction, scope, keys)?;
            insert_written(transaction, id, ours, true)
        })
    }

    /// Those of the keys that the target had before this move wrote into their chunk, of rows that it
    /// has not written since.
    pub fn among_before(
        &self,
        id: MoveId,
        scope: Option<&str>,
        keys: &[Key],
    ) -> Result<BTreeSet<Key>, Error> {
        self.read(|connection| {
            let Some((scope, _)) = find_scope(connection, id, scope)? else {
                return Ok(BTreeSet::new());
            };
            let mut find = connection.prepare_cached(
                "SELECT 1 FROM keys_before WHERE scope_id = ?1 AND key_kind = ?2 AND key = ?3",
            )?;
            let mut found = BTreeSet::new();
            for key in keys {
                let row = find.query_row(params![scope, kind_of(key), text_of(key)], |_| Ok(()));
                if row.optional()?.is_some() {
                    found.insert(key.clone());
                }
            }
            Ok(found)
        })
    }

    /// How many keys of each scope of a move are known to have been there before.
    pub fn count_before(&self, id: MoveId) -> Result<BTreeMap<Option<String>, u64>, Error> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached(
                "SELECT s.partition, count(*) FROM scopes s JOIN keys_before k ON k.scope_id = s.id
                 WHERE s.move_id = ?1 GROUP BY s.id",
            )?;
            let mut rows = statement.query([id.0])?;
            let mut counts = BTreeMap::new();
            while let Some(row) = rows.next()? {
                counts.insert(row.get(0)?, unsigned(row.get(1)?)?);
            }
            Ok(counts)
        })
    }

    /// Keys of a chunk that were written, or were about to be, since its digest said what the target
    /// holds; and whether all rows with them are of this move.
    pub fn written_keys(&self, id: ChunkId) -> Result<BTreeMap<Key, bool>, Error> {
        self.read(|connection| written(connection, id))
    }
}

fn written(connection: &Connection, id: ChunkId) -> Result<BTreeMap<Key, bool>, Fault> {
    let mut statement = connection
        .prepare_cached("SELECT key_kind, key, ours FROM written_keys WHERE chunk_id = ?1")?;
    let mut rows = statement.query([id.0])?;
    let mut keys = BTreeMap::new();
    while let Some(row) = rows.next()? {
        let kind: String = row.get(0)?;
        if let Some(key) = key_of(Some(&kind), row.get(1)?)? {
            keys.insert(key, row.get(2)?);
        }
    }
    Ok(keys)
}

/// Rows with these keys are about to be written.
pub(super) fn insert_written<'a>(
    transaction: &Transaction<'_>,
    id: ChunkId,
    keys: impl IntoIterator<Item = &'a Key>,
    ours: bool,
) -> Result<(), Fault> {
    let mut insert = transaction.prepare_cached(
        "INSERT OR IGNORE INTO written_keys (chunk_id, key_kind, key, ours) VALUES (?1, ?2, ?3, ?4)",
    )?;
    for key in keys {
        insert.execute(params![id.0, kind_of(key), text_of(key), ours])?;
    }
    Ok(())
}

/// Of rows with these keys it is not known any more that they are of others.
pub(super) fn forget_before(
    transaction: &Transaction<'_>,
    scope: i64,
    keys: &[Key],
) -> Result<(), Fault> {
    let mut delete = transaction.prepare_cached(
        "DELETE FROM keys_before WHERE scope_id = ?1 AND key_kind = ?2 AND key = ?3",
    )?;
    for key in keys {
        delete.execute(params![scope, kind_of(key), text_of(key)])?;
    }
    Ok(())
}

/// The digest of a chunk says what the target holds of it.
pub(super) fn forget_written(transaction: &Transaction<'_>, id: ChunkId) -> Result<(), Fault> {
    transaction.prepare_cached("DELETE FROM written_keys WHERE chunk_id = ?1")?.execute([id.0])?;
    Ok(())
}

/// The same where a chunk was written once.
pub(super) fn forget_if_sure(transaction: &Transaction<'_>, id: ChunkId) -> Result<(), Fault> {
    transaction
        .prepare_cached(
            "DELETE FROM written_keys WHERE chunk_id = ?1
                 AND (SELECT unsure FROM chunks WHERE id = ?1) IS NULL",
        )?
        .execute([id.0])?;
    Ok(())
}

/// What was written of a chunk is of its halves, by now.
pub(super) fn hand_down(
    transaction: &Transaction<'_>,
    id: ChunkId,
    at: &Key,
    (lower, upper): (ChunkId, ChunkId),
) -> Result<(), Fault> {
    for (key, ours) in written(transaction, id)? {
        let half = if key <= *at { lower } else { upper };
        insert_written(transaction, half, [&key], ours)?;
    }
    forget_written(transaction, id)
}
