//! Which rows of a source are rehearsed: those that are likely to be hard, as far as they are found
//! without reading everything. The lowest and the highest keys, rows with nulls and with empty arrays,
//! of those that were looked at the largest, and others from all over the keys; some of each
//! partition.

use std::collections::{BTreeMap, BTreeSet};

use super::Run;
use crate::changes::SourceState;
use crate::milvus::query::LARGEST_LIMIT;
use crate::milvus::{Client, Kind, Moment, Query, Result};
use crate::model::{Collection, DataType, Key, KeyRange, RowSettings};
use crate::verify::bounds;

/// Keys that are taken behind each bound.
const BEHIND: u32 = 8;
/// Rows that are looked for by each filter.
const BY_FILTER: u32 = 5;
/// Pages of keys that are walked to the highest.
const PAGES_TO_THE_END: usize = 4;
/// Bytes that a page of keys may have.
const KEYS_ANSWER: usize = 64 << 20;
/// Rows of one read.
pub(super) const BATCH: usize = 100;
/// Bytes that one answer with rows may have.
pub(super) const ANSWER: usize = 16 << 20;

/// The keys of a sample, by partition where rows are moved by partition.
pub(super) type Keys = BTreeMap<Option<String>, Vec<Key>>;

/// Chooses as many rows as the run asks for, or all there are.
pub(super) async fn choose(
    run: &Run<'_>,
    source: &SourceState,
    settings: &RowSettings,
) -> Result<Keys> {
    let mut chosen = Keys::new();
    let mut scopes = scopes(&source.collection, settings);
    // Where there are more partitions than rows, not each has one.
    scopes.truncate(run.rows.max(1));
    let mut rows = run.rows;
    for (place, scope) in scopes.iter().enumerate() {
        // What one partition does not have the next ones may.
        let share = rows / (scopes.len() - place);
        let Some(query) = query(source, settings, scope.as_deref()) else { break };
        let keys = of_scope(run, source, settings, &query, share.max(1)).await?;
        rows = rows.saturating_sub(keys.len());
        if !keys.is_empty() {
            chosen.insert(scope.clone(), keys);
        }
    }
    Ok(chosen)
}

/// What is read by itself at the source.
fn scopes(from: &Collection, settings: &RowSettings) -> Vec<Option<String>> {
    match (&settings.partitions, settings.by_partition) {
        (_, false) => vec![None],
        (Some(selected), true) => selected.iter().cloned().map(Some).collect(),
        (None, true) => from.all_partitions().into_iter().map(Some).collect(),
    }
}

/// The reads of a scope; `None` where keys are of an unknown type.
pub(super) fn query(
    source: &SourceState,
    settings: &RowSettings,
    scope: Option<&str>,
) -> Option<Query> {
    let query = Query::of(&source.collection)?.of_id(source.id);
    Some(query.within(settings.source_partitions(scope)))
}

async fn of_scope(
    run: &Run<'_>,
    source: &SourceState,
    settings: &RowSettings,
    query: &Query,
    share: usize,
) -> Result<Vec<Key>> {
    let client = &run.source;
    let page =
        |number: usize| u32::try_from(number.max(1)).unwrap_or(LARGEST_LIMIT).min(LARGEST_LIMIT);
    let whole = KeyRange::ALL;
    let lowest = client
        .key_page(query, &whole, Moment::Strong, page(share.div_ceil(4)), KEYS_ANSWER)
        .await?
        .0;
    let mut sure: BTreeSet<Key> = lowest.into_iter().collect();
    let found = bounds(client, query, (share / 4).max(4)).await?;
    sure.extend(highest(client, query, found.keys.last(), share.div_ceil(8)).await?);
    let by_filter = hard(client, source, settings, query).await?;
    sure.extend(by_filter.into_iter().take(share.div_ceil(4)));
    let mut pool: BTreeSet<Key> = BTreeSet::new();
    for bound in found.keys {
        let behind = KeyRange { after: Some(bound), up_to: None };
        let keys =
            client.key_page(query, &behind, Moment::Eventually, BEHIND, KEYS_ANSWER).await?.0;
        pool.extend(keys.into_iter().filter(|key| !sure.contains(key)));
    }
    let room = share.saturating_sub(sure.len());
    let mut keys: Vec<Key> = sure.into_iter().take(share).collect();
    keys.extend(largest_and_others(run, source, settings, query, pool, room).await?);
    keys.sort();
    Ok(keys)
}

/// Rows that filters find, those of each filter in turn.
async fn hard(
    client: &Client,
    source: &SourceState,
    settings: &RowSettings,
    query: &Query,
) -> Result<Vec<Key>> {
    let mut found: Vec<(usize, Key)> = Vec::new();
    for expression in filters(&source.collection, settings) {
        match client.some_keys_where(query, expression.clone(), BY_FILTER).await {
            Ok(keys) => found.extend(keys.into_iter().enumerate()),
            Err(error) if error.kind == Kind::Cancelled => return Err(error),
            // Not every release knows every filter, and finding such a row is no duty.
            Err(error) => {
                tracing::debug!(expression, %error, "No row is looked for by this filter.");
            }
        }
    }
    found.sort_by_key(|(place, _)| *place);
    Ok(found.into_iter().map(|(_, key)| key).collect())
}

/// The highest keys, from the last bound on.
async fn highest(
    client: &Client,
    query: &Query,
    last: Option<&Key>,
    wanted: usize,
) -> Result<Vec<Key>> {
    let mut range = KeyRange { after: last.cloned(), up_to: None };
    let mut keys: Vec<Key> = Vec::new();
    for _ in 0..PAGES_TO_THE_END {
        let page = client.key_page(query, &range, Moment::Eventually, LARGEST_LIMIT, KEYS_ANSWER);
        let page = match page.await {
            Err(error) if error.kind == Kind::TooLarge => break,
            other => other?.0,
        };
        let Some(end) = page.iter().rfind(|key| !key.breaks_lines()).cloned() else { break };
        keys.extend(page);
        keys.drain(..keys.len().saturating_sub(wanted));
        range.after = Some(end);
    }
    Ok(keys)
}

/// Filters that find rows which are easily carried wrongly: with a null, or with an empty array.
fn filters(from: &Collection, settings: &RowSettings) -> Vec<String> {
    let read = |name: &String| !settings.left_behind.contains(name);
    let mut filters = Vec::new();
    for field in from.fields.iter().filter(|field| read(&field.name)) {
        if field.nullable {
            filters.push(format!("{} is null", field.name));
        }
        if field.data_type == DataType::ARRAY {
            filters.push(format!("array_length({}) == 0", field.name));
        }
    }
    filters
}

/// Of these rows the largest, as a quarter, and others from all over them.
async fn largest_and_others(
    run: &Run<'_>,
    source: &SourceState,
    settings: &RowSettings,
    query: &Query,
    pool: BTreeSet<Key>,
    room: usize,
) -> Result<Vec<Key>> {
    let pool: Vec<Key> = pool.into_iter().collect();
    if pool.len() <= room {
        return Ok(pool);
    }
    let columns = settings.columns(&source.collection);
    let mut sized: Vec<(usize, Key)> = Vec::with_capacity(pool.len());
    let mut open: Vec<&[Key]> = pool.chunks(BATCH).rev().collect();
    while let Some(batch) = open.pop() {
        let rows = run
            .source
            .rows_of_keys(query, batch, columns.clone(), Moment::Eventually, ANSWER)
            .await;
        match rows {
            Ok(rows) => {
                let bad = |why| crate::milvus::Error::bad_answer("Query", run.source.uri(), why);
                let bytes = rows.sizes().map_err(bad)?;
                sized.extend(bytes.into_iter().zip(rows.into_keys()));
            }
            // A row that needs an answer of its own is large.
            Err(error) if error.kind == Kind::TooLarge && batch.len() == 1 => {
                sized.extend(batch.iter().map(|key| (usize::MAX, key.clone())));
            }
            Err(error) if error.kind == Kind::TooLarge => {
                let (lower, upper) = batch.split_at(batch.len() / 2);
                open.extend([upper, lower]);
            }
            Err(error) => return Err(error),
        }
    }
    Ok(pick(sized, room, run.seed))
}

/// The largest of them as a quarter of the room, and others as the seed has it.
fn pick(mut sized: Vec<(usize, Key)>, room: usize, seed: u64) -> Vec<Key> {
    sized.sort_by(|one, other| other.cmp(one));
    sized.dedup_by(|one, other| one.1 == other.1);
    let others = sized.split_off(sized.len().min(room.div_ceil(4)));
    let mut keys: Vec<Key> = sized.into_iter().map(|(_, key)| key).collect();
    let mut others: Vec<(u64, Key)> = others
        .into_iter()
        .map(|(_, key)| {
            let text = key.to_string();
            (xxhash_rust::xxh3::xxh3_64_with_seed(text.as_bytes(), seed), key)
        })
        .collect();
    others.sort();
    keys.extend(others.into_iter().map(|(_, key)| key).take(room.saturating_sub(keys.len())));
    keys
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_are_picked_and_as_many_as_there_is_room_for() {
        let sized = |rows: i64| -> Vec<(usize, Key)> {
            (0..rows).map(|n| (usize::try_from(n * 37 % 101).unwrap(), Key::Int64(n))).collect()
        };
        for seed in 0..20 {
            let keys = pick(sized(100), 8, seed);
            assert_eq!(keys.len(), 8);
            let unique: BTreeSet<&Key> = keys.iter().collect();
            assert_eq!(unique.len(), 8);
            let mut largest = sized(100);
            largest.sort_by(|one, other| other.cmp(one));
            assert!(largest[..2].iter().all(|(_, key)| keys.contains(key)));
        }
        assert_eq!(pick(sized(3), 8, 1).len(), 3);
        assert_eq!(pick(sized(3), 0, 1).len(), 0);
    }
}
