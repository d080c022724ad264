//! Shards: a write that fails may have landed in some of them, and a key may be in two.
//!
//! A row is in the shard of its key's hash (`HashPK2Channels`, `pkg/util/typeutil/hash.go`, 2.5.27 to
//! 3.0.0), whatever its partition is. A request becomes one message or more for each shard, and they are
//! sent side by side:
//!
//! * 2.5.27: `mqMsgStream.Produce` (`pkg/mq/msgstream/mq_msgstream.go`), called by
//!   `insertTask.Execute` (`internal/proxy/task_insert.go`), `upsertTask.Execute` (`task_upsert.go`) and
//!   `deleteTask.Execute` (`task_delete.go`). Messages of one shard are sent one after the other, and those with
//!   the new rows of an upsert before that with the keys to delete: the former may be there alone.
//! * 2.6.20 and 3.0.0: `AppendMessages` (`internal/distributed/streaming/util.go`), called from
//!   `task_insert_streaming.go`, `task_upsert_streaming.go` and `task_delete_streaming.go`. "This function
//!   do not promise the atomicity"; messages of one shard are one transaction (`appendWithTxn`).
//!
//! The answer is the first error, and says nothing of the shards that have theirs.
//!
//! Nobody writes a key into two shards: it is there twice after inserts into two partitions, or two
//! inserts into one, and always in one shard. Two shards have it only where rows came another way (an
//! import of segments). What then holds is this. A delete, and an upsert with its delete, goes to the
//! shard of the key's hash alone (`repackDeleteMsgByHash`, `internal/proxy/task_delete.go`), so that the
//! other row stays. A query has one row of a key from each shard: up to 2.4.17 the proxy gives one of them,
//! 2.5.27 and 2.6.20 give all (`reduceRetrieveResults`, `internal/proxy/task_query.go`), and 3.0.0 refuses
//! (`ReduceByPKOperator.mergeByPK`, `internal/util/queryutil/reduce_by_pk_op.go`).

use std::collections::BTreeSet;

use super::refused::{Refused, Result};
use super::state::{Collection, Row, State};
use crate::pb::common::ErrorCode;
use crate::table::Key;

/// Where a write that fails has landed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Landed {
    /// Shards that have all of theirs, from 0.
    pub shards: BTreeSet<u32>,
    /// Shards that have the new rows of an upsert, and not its deletes; up to 2.5.
    pub rows_alone: BTreeSet<u32>,
}

impl Landed {
    /// In these shards and no others.
    pub fn in_shards(shards: &[u32]) -> Self {
        Self { shards: shards.iter().copied().collect(), ..Self::default() }
    }

    /// In these all of it, and in those the new rows of an upsert beside the old ones.
    pub fn beside(shards: &[u32], rows_alone: &[u32]) -> Self {
        let rows_alone = rows_alone.iter().copied().collect();
        Self { rows_alone, ..Self::in_shards(shards) }
    }

    pub(super) fn has_rows(&self, shard: u32) -> bool {
        self.shards.contains(&shard) || self.rows_alone.contains(&shard)
    }

    pub(super) fn has_deletes(&self, shard: u32) -> bool {
        self.shards.contains(&shard)
    }

    /// What the server says of it.
    pub(super) fn refusal() -> Refused {
        Refused::new(65_535, ErrorCode::UnexpectedError, "failed to append messages to wal")
    }
}

/// A write that is to land in part.
#[derive(Debug, Clone)]
pub(super) struct PlannedLanding {
    pub(super) rpc: &'static str,
    /// How many of that RPC are let pass before.
    pub(super) after: usize,
    pub(super) landed: Landed,
}

/// What of partial writes a server has come to.
#[derive(Debug, Default)]
pub(super) struct Landings {
    pub(super) planned: Vec<PlannedLanding>,
    /// Writes so far, of collections with several shards.
    writes: u32,
    /// How many landed in part.
    pub(super) partly: u32,
}

/// The shard of a key: servers take murmur3 of numbers and crc32 of texts, and any hash does here.
pub fn shard_of(key: &Key, shards: i32) -> u32 {
    let count = u32::try_from(shards.max(1)).unwrap();
    let bytes = match key {
        Key::Int(key) => key.to_le_bytes().to_vec(),
        Key::Text(key) => key.as_bytes().to_vec(),
    };
    let step = |hash: u32, byte: &u8| (hash ^ u32::from(*byte)).wrapping_mul(16_777_619);
    let hash = bytes.iter().fold(2_166_136_261, step);
    (hash ^ (hash >> 15)) % count
}

impl Collection {
    /// The shard that a row is in.
    pub fn shard(&self, row: &Row) -> u32 {
        row.moved_to.unwrap_or_else(|| shard_of(&row.key, self.shards))
    }

    /// Puts a row beside one that is there, with its key and in another shard, as an import may.
    pub fn double_across_shards(&mut self, key: &Key) {
        assert!(self.shards > 1, "it has one shard");
        let there = self.live().find(|row| row.key == *key).unwrap();
        let other = (self.shard(there) + 1) % u32::try_from(self.shards).unwrap();
        let row = Row { moved_to: Some(other), ..there.clone() };
        self.rows.push(row);
    }
}

impl State {
    /// Where a write lands that is to fail; none where it does not.
    pub(super) fn landing(&mut self, rpc: &'static str, shards: i32) -> Option<Landed> {
        let landings = &mut self.landings;
        if let Some(place) = landings.planned.iter().position(|planned| planned.rpc == rpc) {
            if landings.planned[place].after == 0 {
                landings.partly += 1;
                return Some(landings.planned.remove(place).landed);
            }
            landings.planned[place].after -= 1;
        }
        let every = self.profile.partial_writes;
        if every == 0 || shards < 2 {
            return None;
        }
        landings.writes += 1;
        if !landings.writes.is_multiple_of(every) {
            return None;
        }
        // Every set of shards in turn, the empty one and all of them too.
        landings.partly += 1;
        let turn = landings.partly;
        let has = |shard: &u32| turn >> (shard % 16) & 1 == 1;
        let (has, has_not): (BTreeSet<u32>, BTreeSet<u32>) =
            (0..u32::try_from(shards).unwrap()).partition(has);
        let separate =
            self.profile.version < (2, 6, 0) && rpc == "Upsert" && turn.is_multiple_of(3);
        let rows_alone = if separate { has_not } else { BTreeSet::new() };
        Some(Landed { shards: has, rows_alone })
    }
}

/// A key that two shards have, in the answer of this release.
pub(super) fn check_across(
    version: super::profile::Version,
    collection: &Collection,
    rows: &[&Row],
) -> Result<()> {
    if version < (3, 0, 0) {
        return Ok(());
    }
    let mut seen = std::collections::BTreeMap::new();
    let mut twice = rows.iter().filter(|row| {
        let shard = collection.shard(row);
        *seen.entry(&row.key).or_insert(shard) != shard
    });
    match twice.next() {
        None => Ok(()),
        Some(row) => {
            let key = match &row.key {
                Key::Int(key) => key.to_string(),
                Key::Text(key) => key.clone(),
            };
            let what =
                format!("duplicate PK {key} found across shards: data integrity check failed");
            Err(Refused::new(1009, ErrorCode::UnexpectedError, what))
        }
    }
}
