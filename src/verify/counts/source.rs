//! Why the source does not count what was read.

use super::{
    Compared, Counts, Error, ONE_KEY, Rejects, Tally, answer_limit, check_stop, done_chunks, keys,
    reopen,
};
use crate::milvus::{self, Client, Moment, Query};
use crate::model::quantity::count as grouped;
use crate::model::{Key, KeyKind, KeyRange};

/// Chunks of a source before 2.3 that are probed for duplicate keys.
const PROBED_CHUNKS: usize = 64;
/// Chunks in which duplicate keys are proven before they are believed elsewhere.
const PROVEN_CHUNKS: usize = 8;

/// Rows behind a difference.
#[derive(Default)]
struct Found {
    /// Rows that are counted beyond the keys there are, where a key with several rows was found.
    duplicates: u64,
    /// Such a key.
    proof: Option<Key>,
    /// Chunks in which one was looked for.
    proofs: usize,
    /// Rows that are counted beyond the keys there are, and no key has several.
    unproven: u64,
    /// Rows that are counted and never returned.
    unreadable: u64,
    /// Whether the target counts as many with their key: somebody copied them by hand.
    by_hand: bool,
    /// Rows that are there now and were not read.
    unread: Tally,
    /// Rows that were read and are there no more.
    gone: Tally,
    /// Rows that were set aside and are there no more.
    withdrawn: Tally,
}

/// Finds out, chunk by chunk, why `count(*)` of the source is not the number of rows read. Chunks
/// that hold more keys than were read are opened again. Before 2.3 there is no such count, and
/// every chunk is looked at.
pub(super) async fn explain(
    compared: &Compared<'_>,
    rejects: &Rejects,
    counts: &mut Counts,
    at: Moment,
) -> Result<(), Error> {
    let mut found = Found::default();
    let mut after = None;
    while let Some(chunks) = done_chunks(compared, &mut after).await? {
        for (chunk, acknowledged) in chunks {
            let Some(query) = compared.source_query(chunk.scope.as_deref()) else {
                continue;
            };
            check_stop(compared.source)?;
            let is_set_aside = rejects.contains(&chunk.id);
            let rows = acknowledged + u64::from(is_set_aside);
            let count = compared.source.count(&query, &chunk.range, at).await?;
            if count == Some(rows) {
                continue;
            }
            let keys = keys(compared.source, &query, compared.chunk_size, &chunk, at).await?;
            if let Some(count) = count {
                let unreadable = unreadable_keys(compared.source, &query, &chunk.range, at).await?;
                found.unreadable += unreadable;
                let beyond = count.saturating_sub(keys + unreadable);
                if beyond > 0 && found.proofs < PROVEN_CHUNKS {
                    found.proofs += 1;
                    let limit = answer_limit(compared.chunk_size);
                    match duplicate_key(compared.source, &query, &chunk.range, at, limit).await? {
                        Some(key) => {
                            found.duplicates += beyond;
                            found.proof.get_or_insert(key);
                        }
                        None => found.unproven += beyond,
                    }
                } else {
                    found.duplicates += beyond;
                }
            }
            found.unread.add(keys.saturating_sub(rows), &chunk);
            // A row that was never copied cannot be left at the target.
            let gone = if is_set_aside { &mut found.withdrawn } else { &mut found.gone };
            gone.add(rows.saturating_sub(keys), &chunk);
            if keys > rows || (is_set_aside && keys < rows) {
                reopen(compared, counts, &chunk).await?;
            }
        }
    }
    if found.unreadable > 0
        && let Some(query) = compared.target_query(None)
    {
        let there = compared.target.count(&query, &last_key(), Moment::Strong).await?;
        found.by_hand = there >= Some(found.unreadable);
    }
    say(&found, counts);
    if counts.source_count.is_none() {
        probe_for_duplicates(compared, counts).await?;
    }
    Ok(())
}

fn say(found: &Found, counts: &mut Counts) {
    if let Some(key) = &found.proof {
        counts.explanations.push(format!(
            "the source holds duplicate keys: {} rows have a key that another row has too, such as \
             {key}; a query gives each key once, so each arrives once",
            grouped(found.duplicates)
        ));
    }
    if found.unproven > 0 {
        counts.explanations.push(format!(
            "the source counts {} rows more than it returns, and no key is found that has several: \
             deleted and replaced rows are counted until the server compacts",
            grouped(found.unproven)
        ));
    }
    if found.unread.rows > 0 {
        counts.unexplained.push(format!(
            "{} rows are at the source that were not there when it was read ({}); pause writing, \
             and the same command copies these ranges again",
            grouped(found.unread.rows),
            found.unread.places()
        ));
    }
    if found.gone.rows > 0 {
        counts.explanations.push(format!(
            "{} rows were deleted or expired at the source after they were read ({}); they are at \
             the target",
            grouped(found.gone.rows),
            found.gone.places()
        ));
    }
    if found.withdrawn.rows > 0 {
        counts.unexplained.push(format!(
            "{} rows that were set aside are at the source no more ({}); the same command looks \
             there again",
            grouped(found.withdrawn.rows),
            found.withdrawn.places()
        ));
    }
    if found.unreadable > 0 {
        let text = format!(
            "the key {} is counted at the source, but no query of that server returns it (Milvus \
             before 2.6)",
            i64::MAX
        );
        if found.by_hand {
            counts.explanations.push(format!("{text}; the target has it"));
        } else {
            counts.unexplained.push(format!("{text}: copy that row by hand"));
        }
    }
    let beyond = found.duplicates + found.unproven + found.unreadable;
    let explained = counts.read + beyond + found.unread.rows;
    if let Some(count) = counts.source_count
        && count + found.gone.rows + found.withdrawn.rows != explained
    {
        counts.unexplained.push(format!(
            "the source counts {} rows, {} were read; duplicate keys and changes since explain {} \
             of it",
            grouped(count),
            grouped(counts.read),
            grouped((found.duplicates + found.unread.rows).abs_diff(found.gone.rows))
        ));
    }
}

/// A key of the range that has several rows: halves the range until one key is left.
pub(in crate::verify) async fn duplicate_key(
    source: &Client,
    query: &Query,
    range: &KeyRange,
    at: Moment,
    limit: usize,
) -> Result<Option<Key>, Error> {
    let mut range = range.clone();
    if query.key_kind == KeyKind::Int64 && range.up_to.is_none() {
        // The largest key may be counted and not returned.
        range.up_to = Some(Key::Int64(i64::MAX - 1));
    }
    loop {
        check_stop(source)?;
        let (keys, all) = match source.keys_in(query, &range, at, limit).await {
            Ok(keys) => (keys, true),
            // A range that outgrew its answer: any bound inside it will do.
            Err(error) if error.kind == milvus::Kind::TooLarge => {
                (source.key_page(query, &range, at, 1_000, limit).await?.0, false)
            }
            Err(error) => return Err(error.into()),
        };
        let middle = match keys.as_slice() {
            [] => return Ok(None),
            [key] => {
                let count = source.count_of_key(query, key, at).await?;
                return Ok((count > Some(1)).then(|| key.clone()));
            }
            keys => (keys.len() - 1) / 2,
        };
        let lower = KeyRange { after: range.after.clone(), up_to: Some(keys[middle].clone()) };
        let in_lower = if all {
            middle as u64 + 1
        } else {
            source.keys_in(query, &lower, at, limit).await?.len() as u64
        };
        if source.count(query, &lower, at).await? > Some(in_lower) {
            range = lower;
        } else {
            range.after = lower.up_to;
        }
    }
}

/// The range that the largest Int64 key has for itself.
pub(in crate::verify) fn last_key() -> KeyRange {
    KeyRange { after: Some(Key::Int64(i64::MAX - 1)), up_to: None }
}

/// Rows with the largest Int64 key, which servers before 2.6 count and never return.
pub(in crate::verify) async fn unreadable_keys(
    source: &Client,
    query: &Query,
    range: &KeyRange,
    at: Moment,
) -> Result<u64, Error> {
    let largest = last_key();
    if query.key_kind != KeyKind::Int64 || !range.contains(&Key::Int64(i64::MAX)) {
        return Ok(0);
    }
    if !source.keys_in(query, &largest, at, ONE_KEY).await?.is_empty() {
        return Ok(0);
    }
    Ok(source.count(query, &largest, at).await?.unwrap_or(0))
}

/// Before 2.3 there is no `count(*)`. The statistic counts duplicates, but deleted rows too; what
/// tells is that a limit is spent before duplicates are dropped, so that a page of a range that is
/// known to hold n keys comes back with fewer.
async fn probe_for_duplicates(compared: &Compared<'_>, counts: &mut Counts) -> Result<(), Error> {
    if compared.settings.partitions.is_some() {
        // The statistic is of the whole collection.
        return Ok(());
    }
    let from = compared.from;
    let statistic = compared.source.row_count_statistic(&from.database, &from.name).await?;
    if statistic <= counts.read {
        return Ok(());
    }
    let mut probed = 0;
    let mut after = None;
    while let Some(chunks) = done_chunks(compared, &mut after).await? {
        for (chunk, rows) in chunks {
            let Some(query) = compared.source_query(chunk.scope.as_deref()) else {
                continue;
            };
            check_stop(compared.source)?;
            let limit = u32::try_from(rows).unwrap_or(u32::MAX);
            if !(2..=milvus::query::LARGEST_LIMIT).contains(&limit) {
                continue;
            }
            let limit_of_answer = answer_limit(compared.chunk_size);
            let (page, _) = compared
                .source
                .key_page(&query, &chunk.range, Moment::Eventually, limit, limit_of_answer)
                .await?;
            if (page.len() as u64) < rows {
                counts.explanations.push(format!(
                    "the source holds duplicate keys: its statistics say {} rows, and {} distinct \
                     keys were read; a query gives each key once, so each arrives once",
                    grouped(statistic),
                    grouped(counts.read)
                ));
                return Ok(());
            }
            probed += 1;
            if probed >= PROBED_CHUNKS {
                break;
            }
        }
        if probed >= PROBED_CHUNKS {
            break;
        }
    }
    counts.explanations.push(format!(
        "the source's statistics say {} rows, which counts deleted rows and duplicate keys; {} \
         distinct keys were read",
        grouped(statistic),
        grouped(counts.read)
    ));
    Ok(())
}

#[cfg(test)]
mod tests;
