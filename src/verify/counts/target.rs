//! Why the target does not count what it acknowledged.

use super::{Compared, Counts, Error, Tally, done_chunks, keys, reopen};
use crate::milvus::{Moment, Query};
use crate::model::quantity::count as grouped;

/// Counts distinct keys at the target, chunk by chunk: `count(*)` may lag behind deletes and
/// upserts for hours, distinct keys do not. Chunks with missing or doubled rows are opened again.
pub(super) async fn explain(
    compared: &Compared<'_>,
    counts: &mut Counts,
    at: Moment,
) -> Result<(), Error> {
    let (mut missing, mut extra, mut distinct) = (Tally::default(), Tally::default(), 0);
    let mut after = None;
    while let Some(chunks) = done_chunks(compared, &mut after).await? {
        for (chunk, rows) in chunks {
            let keys = keys(compared.target, compared.to, compared.chunk_size, &chunk, at).await?;
            distinct += keys;
            missing.add(rows.saturating_sub(keys), &chunk);
            extra.add(keys.saturating_sub(rows), &chunk);
            if keys < rows {
                reopen(compared, counts, &chunk).await?;
                continue;
            }
            // Once: what is written by key replaces every older version of a row. What is counted
            // too often after that is not there twice.
            let Some(query) = Query::of(compared.to, chunk.scope.as_deref()) else { continue };
            if !compared.last_round
                && !compared.adopted
                && counts.target_count > Some(counts.acknowledged)
                && compared.target.count(&query, &chunk.range, at).await? > Some(keys)
            {
                reopen(compared, counts, &chunk).await?;
            }
        }
    }
    counts.target_distinct = Some(distinct);
    if missing.rows > 0 {
        counts.unexplained.push(format!(
            "{} rows that the target acknowledged are not there ({}); the same command copies \
             these ranges again",
            grouped(missing.rows),
            missing.places()
        ));
    }
    if extra.rows > 0 {
        let text = format!(
            "the target holds {} keys that this run did not write ({})",
            grouped(extra.rows),
            extra.places()
        );
        if compared.adopted {
            counts.explanations.push(format!("{text}: they were there before"));
        } else {
            counts.unexplained.push(text);
        }
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
