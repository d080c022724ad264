//! Why the source does not count what was read.

use super::beyond::{Beyond, beyond, last_key};
use super::{Compared, Counts, Error, Rejects, Tally, answer_limit, check_stop, done_chunks, keys};
use crate::milvus::{self, Moment};
use crate::model::KeyRange;
use crate::model::quantity::count as grouped;

/// Chunks of a source before 2.3 that are probed for duplicate keys.
const PROBED_CHUNKS: usize = 64;

/// Rows behind a difference.
#[derive(Default)]
struct Found {
    /// Rows that are counted beyond the keys there are.
    beyond: Beyond,
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
/// that hold more keys than were read are to be opened again. Before 2.3 there is no such count, and
/// every chunk is looked at.
pub(super) async fn explain(
    compared: &Compared<'_>,
    rejects: &Rejects,
    counts: &mut Counts,
    at: Moment,
) -> Result<(), Error> {
    let mut found = Found::default();
    if let (Some(_), Some(query)) = (counts.source_count, compared.source_query(None)) {
        // At the moment at which its chunks are counted.
        counts.source_count = compared.source.count(&query, &KeyRange::ALL, at).await?;
    }
    let mut after = None;
    while let Some(chunks) = done_chunks(compared, &mut after).await? {
        for (chunk, acknowledged) in chunks {
            let Some(query) = compared.source_query(chunk.scope.as_deref()) else {
                continue;
            };
            check_stop(compared.source)?;
            if counts.to_reopen.contains(&chunk.id) {
                continue;
            }
            let is_set_aside = rejects.contains(&chunk.id);
            let rows = acknowledged + u64::from(is_set_aside);
            let count = compared.source.count(&query, &chunk.range, at).await?;
            if count == Some(rows) {
                continue;
            }
            let keys = keys(compared.source, &query, compared.chunk_size, &chunk, at).await?;
            if count > Some(keys) {
                let limit = answer_limit(compared.chunk_size);
                let more = beyond(compared.source, &query, &chunk.range, at, limit).await?;
                found.beyond.add(more);
            }
            found.unread.add(keys.saturating_sub(rows), &chunk);
            // A row that was never copied cannot be left at the target.
            let gone = if is_set_aside { &mut found.withdrawn } else { &mut found.gone };
            gone.add(rows.saturating_sub(keys), &chunk);
            if keys > rows || (is_set_aside && keys < rows) {
                counts.to_reopen.insert(chunk.id);
            }
        }
    }
    if found.beyond.unreadable > 0
        && let Some(query) = compared.target_query(None)
    {
        let there = compared.target.count(&query, &last_key(), Moment::Strong).await?;
        found.by_hand = there >= Some(found.beyond.unreadable);
    }
    say(&found, counts);
    if counts.source_count.is_none() {
        probe_for_duplicates(compared, counts).await?;
    }
    Ok(())
}

fn say(found: &Found, counts: &mut Counts) {
    if let Some(key) = &found.beyond.proof {
        counts.explanations.push(format!(
            "the source holds duplicate keys: {} rows have a key that another row has too, such as \
             {key}; a query gives each key once, so each arrives once",
            grouped(found.beyond.duplicates)
        ));
    }
    if found.beyond.withheld > 0 {
        counts.unexplained.push(format!(
            "the source counts {} rows that no query gives, with keys of their own: deleted rows \
             that are not compacted yet, or rows that cannot be read; flush and compact the \
             collection at the source, then run the same command again",
            grouped(found.beyond.withheld)
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
    if found.beyond.unreadable > 0 {
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
    let explained = counts.read + found.beyond.rows() + found.unread.rows;
    let Some(count) =
        counts.source_count.map(|count| count + found.gone.rows + found.withdrawn.rows)
    else {
        return;
    };
    if count > explained {
        // Its chunks leave no key out, and in each it counts just what it gives.
        counts.explanations.push(format!(
            "the source counts {} rows more in all than in its key ranges, where it counts the \
             rows that it gives: deleted and replaced rows are counted until the server compacts",
            grouped(count - explained)
        ));
    }
    if count < explained {
        counts.unexplained.push(format!(
            "the source counts {} rows fewer in all than in its key ranges; run the same command \
             again",
            grouped(explained - count)
        ));
    }
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
