//! Why the target does not count what it acknowledged.

use std::collections::BTreeSet;

use super::{Compared, Counts, Error, Rejects, Tally, answer_limit, done_chunks};
use crate::copy::KeyPages;
use crate::ledger::{ChunkRecord, Ledger};
use crate::milvus::{Kind, Moment, Query};
use crate::model::Key;
use crate::model::quantity::count as grouped;

/// Keys that are named in a difference.
const NAMED_KEYS: usize = 5;

/// Counts distinct keys at the target, chunk by chunk: `count(*)` may lag behind deletes and
/// upserts for hours, distinct keys do not. Chunks with missing or doubled rows are to be opened again.
pub(super) async fn explain(
    compared: &Compared<'_>,
    rejects: &Rejects,
    counts: &mut Counts,
    at: Moment,
) -> Result<(), Error> {
    let (mut others, mut before) = (Tally::default(), Tally::default());
    let (mut missing, mut extra, mut distinct) = (Tally::default(), Tally::default(), 0);
    let mut strays: Vec<Key> = Vec::new();
    let mut after = None;
    while let Some(chunks) = done_chunks(compared, &mut after).await? {
        for (chunk, rows) in chunks {
            let Some(query) = compared.target_query(chunk.scope.as_deref()) else { continue };
            let (all, theirs) = keys_there(compared, &query, &chunk, at).await?;
            let keys = all - theirs;
            distinct += all;
            before.add(theirs, &chunk);
            if rejects.contains(&chunk.id) {
                others.add(keys, &chunk);
                continue;
            }
            missing.add(rows.saturating_sub(keys), &chunk);
            extra.add(keys.saturating_sub(rows), &chunk);
            if keys > rows && strays.len() < NAMED_KEYS {
                strays.extend(keys_beyond_source(compared, &chunk, at).await?);
            }
            if keys < rows {
                counts.to_reopen.insert(chunk.id);
                continue;
            }
            // Once: what is written by key replaces every older version of a row. What is counted
            // too often after that is not there twice.
            let counted_too_often = compared.first_round
                && !compared.adopted
                && counts.target_count > Some(counts.acknowledged);
            if (counted_too_often || compared.look_at_all)
                && compared.target.count(&query, &chunk.range, at).await? > Some(all)
            {
                counts.to_reopen.insert(chunk.id);
            }
        }
    }
    counts.target_distinct = Some(distinct);
    if others.rows > 0 {
        counts.explanations.push(format!(
            "the target has rows with {} of the keys that are set aside ({}): from before, or \
             written by somebody else",
            grouped(others.rows),
            others.places()
        ));
    }
    if missing.rows > 0 {
        counts.unexplained.push(format!(
            "{} rows that the target acknowledged are not there ({}); the same command copies \
             these ranges again",
            grouped(missing.rows),
            missing.places()
        ));
    }
    if extra.rows > 0 {
        let names: Vec<String> = strays.iter().take(NAMED_KEYS).map(ToString::to_string).collect();
        let such = match names.as_slice() {
            [] => String::new(),
            names => format!(", such as {}", names.join(", ")),
        };
        counts.unexplained.push(format!(
            "the target holds {} keys that the source does not have{such} ({}): they were deleted at \
             the source after they were copied, or somebody else wrote them; delete them at the target \
             if they are not wanted",
            grouped(extra.rows),
            extra.places()
        ));
    }
    if before.rows > 0 {
        counts.explanations.push(format!(
            "the target holds {} keys of rows that it had before, and that are not from this move ({})",
            grouped(before.rows),
            before.places()
        ));
    }
    if let Some(count) = counts.target_count
        && count > distinct
    {
        counts.explanations.push(format!(
            "the target counts {} rows more than it has keys: rows that were written again leave a \
             deleted version behind until the server compacts",
            grouped(count - distinct)
        ));
    }
    Ok(())
}

/// Distinct keys of a chunk's range at the target, and how many of them are of rows that it had before.
async fn keys_there(
    compared: &Compared<'_>,
    query: &Query,
    chunk: &ChunkRecord,
    at: Moment,
) -> Result<(u64, u64), Error> {
    let limit = answer_limit(compared.chunk_size);
    let mut pages = KeyPages::of(compared.target, query, &chunk.range, at, limit);
    let (mut all, mut before) = (0, 0);
    while let Some(keys) = pages.next().await? {
        all += keys.len() as u64;
        before += among_before(compared, chunk, keys).await?.len() as u64;
    }
    Ok((all, before))
}

/// Those of the keys that an adopted target had before.
async fn among_before(
    compared: &Compared<'_>,
    chunk: &ChunkRecord,
    keys: Vec<Key>,
) -> Result<BTreeSet<Key>, Error> {
    let Compared { ledger, of_move, adopted, .. } = *compared;
    if !adopted {
        return Ok(BTreeSet::new());
    }
    let scope = chunk.scope.clone();
    let among = move |l: &mut Ledger| l.among_before(of_move, scope.as_deref(), &keys);
    Ok(ledger.with(among).await?)
}

/// Keys of a chunk that the target has and the source has not, as far as both can be listed.
async fn keys_beyond_source(
    compared: &Compared<'_>,
    chunk: &ChunkRecord,
    at: Moment,
) -> Result<Vec<Key>, Error> {
    let scope = chunk.scope.as_deref();
    let (Some(there), Some(here)) = (compared.target_query(scope), compared.source_query(scope))
    else {
        return Ok(Vec::new());
    };
    let limit = answer_limit(compared.chunk_size);
    let source = compared.source.keys_in(&here, &chunk.range, Moment::Strong, limit).await;
    let target = compared.target.keys_in(&there, &chunk.range, at, limit).await;
    match (source, target) {
        (Ok(source), Ok(mut target)) => {
            let source: BTreeSet<Key> = source.into_iter().collect();
            target.retain(|key| !source.contains(key));
            let before = among_before(compared, chunk, target.clone()).await?;
            target.retain(|key| !before.contains(key));
            target.truncate(NAMED_KEYS);
            Ok(target)
        }
        (Err(error), _) | (_, Err(error)) if error.kind != Kind::TooLarge => Err(error.into()),
        _ => Ok(Vec::new()),
    }
}
