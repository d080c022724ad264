//! Rows that a server counts in a range beyond the keys that it gives there.

use super::{Error, ONE_KEY, check_stop};
use crate::copy::KeyPages;
use crate::milvus::{Client, Moment, Query};
use crate::model::{Key, KeyKind, KeyRange};

/// Keys of one count.
const COUNTED: usize = 500;

/// What the rows are that are counted beyond the keys.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::verify) struct Beyond {
    /// Rows beyond the first of each key that is given: every key was counted.
    pub(in crate::verify) duplicates: u64,
    /// A key that has several.
    pub(in crate::verify) proof: Option<Key>,
    /// Rows with the largest Int64 key, which servers before 2.6 count and never give.
    pub(in crate::verify) unreadable: u64,
    /// Rows with keys that no query gives: deleted ones, or some that cannot be read. Nothing tells
    /// which.
    pub(in crate::verify) withheld: u64,
}

impl Beyond {
    /// All of them.
    pub(in crate::verify) fn rows(&self) -> u64 {
        self.duplicates + self.unreadable + self.withheld
    }

    pub(in crate::verify) fn add(&mut self, more: Self) {
        self.duplicates += more.duplicates;
        self.unreadable += more.unreadable;
        self.withheld += more.withheld;
        self.proof = self.proof.take().or(more.proof);
    }
}

/// Counts the rows of every key of a range. An answer has at most `limit` bytes.
pub(in crate::verify) async fn beyond(
    client: &Client,
    query: &Query,
    range: &KeyRange,
    at: Moment,
    limit: usize,
) -> Result<Beyond, Error> {
    let mut beyond =
        Beyond { unreadable: unreadable(client, query, range, at).await?, ..Beyond::default() };
    let (mut given, mut one) = (0, None);
    let mut pages = KeyPages::of(client, query, range, at, limit);
    while let Some(keys) = pages.next().await? {
        for keys in keys.chunks(COUNTED) {
            check_stop(client)?;
            let Some(rows) = client.count_of_keys(query, keys, at).await? else {
                return Ok(beyond);
            };
            given += rows;
            let more = rows.saturating_sub(keys.len() as u64);
            beyond.duplicates += more;
            if more > 0 && beyond.proof.is_none() {
                beyond.proof = one_of_several(client, query, keys, at).await?;
            }
        }
        one = keys.first().cloned().or(one);
    }
    let counted = count_by_key(client, query, range, one, at).await?;
    beyond.withheld = counted.saturating_sub(given + beyond.unreadable);
    Ok(beyond)
}

/// Counts the rows of a range by an expression: without one, some servers count deleted rows too.
async fn count_by_key(
    client: &Client,
    query: &Query,
    range: &KeyRange,
    inside: Option<Key>,
    at: Moment,
) -> Result<u64, Error> {
    let ranges = if *range == KeyRange::ALL {
        let any = match query.key_kind {
            KeyKind::Int64 => Key::Int64(0),
            KeyKind::VarChar => Key::VarChar("a".to_owned()),
        };
        let middle = Some(inside.unwrap_or(any));
        let lower = KeyRange { after: None, up_to: middle.clone() };
        vec![lower, KeyRange { after: middle, up_to: None }]
    } else {
        vec![range.clone()]
    };
    let mut rows = 0;
    for range in ranges {
        rows += client.count(query, &range, at).await?.unwrap_or(0);
    }
    Ok(rows)
}

/// A key that has several rows, of keys some of which do.
async fn one_of_several(
    client: &Client,
    query: &Query,
    mut keys: &[Key],
    at: Moment,
) -> Result<Option<Key>, Error> {
    while keys.len() > 1 {
        let (lower, upper) = keys.split_at(keys.len() / 2);
        let rows = client.count_of_keys(query, lower, at).await?;
        keys = if rows > Some(lower.len() as u64) { lower } else { upper };
    }
    Ok(keys.first().cloned())
}

/// The range that the largest Int64 key has for itself.
pub(in crate::verify) fn last_key() -> KeyRange {
    KeyRange { after: Some(Key::Int64(i64::MAX - 1)), up_to: None }
}

/// Rows with the largest Int64 key, which servers before 2.6 count and never return.
async fn unreadable(
    client: &Client,
    query: &Query,
    range: &KeyRange,
    at: Moment,
) -> Result<u64, Error> {
    let largest = last_key();
    if query.key_kind != KeyKind::Int64 || !range.contains(&Key::Int64(i64::MAX)) {
        return Ok(0);
    }
    if !client.keys_in(query, &largest, at, ONE_KEY).await?.is_empty() {
        return Ok(0);
    }
    Ok(client.count(query, &largest, at).await?.unwrap_or(0))
}
