//! Comparing numbers of rows, and explaining a difference chunk by chunk.

use crate::copy::{SharedLedger, answer_limit};
use crate::ledger::{self, ChunkId, ChunkRecord, MoveId};
use crate::milvus::{self, Client, Kind, Moment, Query};
use crate::model::quantity::count as grouped;
use crate::model::{Collection, Key, KeyKind, KeyRange};

/// Chunks taken from the ledger at a time.
const LEDGER_PAGE: usize = 500;
/// Key ranges that are named in a difference.
const NAMED_RANGES: usize = 5;
/// Bytes that an answer with one key may have.
const ONE_KEY: usize = 1 << 20;
/// Chunks of a source before 2.3 that are probed for duplicate keys.
const PROBED_CHUNKS: usize = 64;

/// The rows of one move, counted in four ways.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Counts {
    /// `count(*)` at the source: live rows, duplicate keys counted. `None` before Milvus 2.3.
    pub source_count: Option<u64>,
    /// Rows that were read: distinct keys per partition.
    pub read: u64,
    /// Rows that the target acknowledged.
    pub acknowledged: u64,
    /// `count(*)` at the target.
    pub target_count: Option<u64>,
    /// Distinct keys at the target; counted only where `target_count` is no proof.
    pub target_distinct: Option<u64>,
    /// What explains a difference between these numbers.
    pub explanations: Vec<String>,
    /// Differences that nothing explains.
    pub unexplained: Vec<String>,
}

/// What is compared.
pub struct Compared<'a> {
    /// The source's server.
    pub source: &'a Client,
    /// The target's server.
    pub target: &'a Client,
    /// The source collection, loaded.
    pub from: &'a Collection,
    /// The target collection, loaded.
    pub to: &'a Collection,
    /// Whether the target may hold rows that are not from this source.
    pub adopted: bool,
    /// Bytes that a chunk aims at.
    pub chunk_size: u64,
    /// The ledger.
    pub ledger: &'a SharedLedger,
    /// The move.
    pub of_move: MoveId,
}

/// Why counting failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A server failed.
    #[error("cannot count rows: {0}")]
    Milvus(#[from] milvus::Error),
    /// The ledger failed.
    #[error(transparent)]
    Ledger(#[from] ledger::Error),
}

/// Counts at both ends with Strong consistency and explains what differs.
///
/// # Errors
/// When a server or the ledger fails. A difference is no error; it is in the result.
pub async fn compare(compared: &Compared<'_>) -> Result<Counts, Error> {
    let of_move = compared.of_move;
    let totals = compared.ledger.with(move |ledger| ledger.totals(of_move)).await?;
    let mut counts =
        Counts { read: totals.rows, acknowledged: totals.rows, ..Counts::default() };
    if let Some(query) = Query::of(compared.to, None) {
        counts.target_count =
            compared.target.count(&query, &KeyRange::ALL, Moment::Strong).await?;
    }
    if let Some(query) = Query::of(compared.from, None) {
        counts.source_count =
            compared.source.count(&query, &KeyRange::ALL, Moment::Strong).await?;
    }
    if compared.adopted || counts.target_count != Some(counts.acknowledged) {
        let at = moment(compared.target, compared.to).await?;
        explain_target(compared, &mut counts, at).await?;
    }
    match counts.source_count {
        Some(count) if count == counts.read => {}
        Some(_) => {
            let at = moment(compared.source, compared.from).await?;
            explain_source(compared, &mut counts, at).await?;
        }
        None => probe_for_duplicates(compared, &mut counts).await?,
    }
    Ok(counts)
}

/// The moment at which every chunk is looked at: after everything that was written until now, and
/// without paying for Strong at every chunk.
async fn moment(client: &Client, collection: &Collection) -> Result<Moment, Error> {
    match (client.alloc_timestamp().await?, Query::of(collection, None)) {
        (Some(timestamp), _) => Ok(Moment::At(timestamp)),
        (None, Some(query)) => {
            client.key_page(&query, &KeyRange::ALL, Moment::Strong, 1, ONE_KEY).await?;
            Ok(Moment::Eventually)
        }
        (None, None) => Ok(Moment::Strong),
    }
}

/// Differences of chunks, summed up.
#[derive(Default)]
struct Tally {
    rows: u64,
    chunks: u64,
    ranges: Vec<String>,
}

impl Tally {
    fn add(&mut self, rows: u64, chunk: &ChunkRecord) {
        if rows == 0 {
            return;
        }
        self.rows += rows;
        self.chunks += 1;
        if self.ranges.len() < NAMED_RANGES {
            self.ranges.push(match &chunk.scope {
                Some(partition) => format!("partition {partition}, {}", chunk.range),
                None => chunk.range.to_string(),
            });
        }
    }

    fn places(&self) -> String {
        let more = if self.chunks > NAMED_RANGES as u64 { ", …" } else { "" };
        format!("{}{more}", self.ranges.join("; "))
    }
}

/// Counts distinct keys at the target, chunk by chunk: `count(*)` may lag behind deletes and
/// upserts for hours, distinct keys do not.
async fn explain_target(
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
                let id = chunk.id;
                compared.ledger.with(move |ledger| ledger.reopen_chunk(id)).await?;
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
            "the target counts {} rows more than it has keys: rows that were written again after \
             an interruption leave a deleted version behind until the server compacts",
            grouped(count - distinct)
        ));
    }
    Ok(())
}

/// Finds out, chunk by chunk, why `count(*)` of the source is not the number of rows read.
async fn explain_source(
    compared: &Compared<'_>,
    counts: &mut Counts,
    at: Moment,
) -> Result<(), Error> {
    let (mut duplicates, mut unread) = (0, 0);
    let (mut written, mut gone) = (Tally::default(), Tally::default());
    let mut after = None;
    while let Some(chunks) = done_chunks(compared, &mut after).await? {
        for (chunk, rows) in chunks {
            let Some(query) = Query::of(compared.from, chunk.scope.as_deref()) else {
                continue;
            };
            let count =
                compared.source.count(&query, &chunk.range, at).await?;
            if count == Some(rows) {
                continue;
            }
            let keys = keys(compared.source, compared.from, compared.chunk_size, &chunk, at).await?;
            let unreadable = unreadable_keys(compared, &query, &chunk.range, at).await?;
            unread += unreadable;
            duplicates += count.unwrap_or(keys).saturating_sub(keys + unreadable);
            written.add(keys.saturating_sub(rows), &chunk);
            gone.add(rows.saturating_sub(keys), &chunk);
        }
    }
    if duplicates > 0 {
        counts.explanations.push(format!(
            "the source holds duplicate keys: {} rows have a key that another row has too; a \
             query gives each key once, so each arrives once",
            grouped(duplicates)
        ));
    }
    if written.rows > 0 {
        counts.explanations.push(format!(
            "{} rows were written at the source after they could be read ({}); they are not at \
             the target",
            grouped(written.rows),
            written.places()
        ));
    }
    if gone.rows > 0 {
        counts.explanations.push(format!(
            "{} rows were deleted or expired at the source after they were read ({}); they are at \
             the target",
            grouped(gone.rows),
            gone.places()
        ));
    }
    if unread > 0 {
        counts.unexplained.push(format!(
            "the key {} is counted at the source, but no query of that server returns it (Milvus \
             before 2.6): copy that row by hand",
            i64::MAX
        ));
    }
    let explained = counts.read + duplicates + written.rows + unread;
    let count = counts.source_count.unwrap_or(0);
    if count + gone.rows != explained {
        counts.unexplained.push(format!(
            "the source counts {} rows, {} were read; duplicate keys and changes since explain {} \
             of it",
            grouped(count),
            grouped(counts.read),
            grouped((duplicates + written.rows).abs_diff(gone.rows))
        ));
    }
    Ok(())
}

/// Rows with the largest Int64 key, which servers before 2.6 count and never return.
async fn unreadable_keys(
    compared: &Compared<'_>,
    query: &Query,
    range: &KeyRange,
    at: Moment,
) -> Result<u64, Error> {
    let largest = KeyRange { after: Some(Key::Int64(i64::MAX - 1)), up_to: None };
    if query.key_kind != KeyKind::Int64 || !range.contains(&Key::Int64(i64::MAX)) {
        return Ok(0);
    }
    if !compared.source.keys_in(query, &largest, at, ONE_KEY).await?.is_empty() {
        return Ok(0);
    }
    Ok(compared.source.count(query, &largest, at).await?.unwrap_or(0))
}

/// Before 2.3 there is no `count(*)`. The statistic counts duplicates, but deleted rows too; what
/// tells is that a limit is spent before duplicates are dropped, so that a page of a range that is
/// known to hold n keys comes back with fewer.
async fn probe_for_duplicates(compared: &Compared<'_>, counts: &mut Counts) -> Result<(), Error> {
    let from = compared.from;
    let statistic = compared.source.row_count_statistic(&from.database, &from.name).await?;
    if statistic <= counts.read {
        return Ok(());
    }
    let mut probed = 0;
    let mut after = None;
    while let Some(chunks) = done_chunks(compared, &mut after).await? {
        for (chunk, rows) in chunks {
            let Some(query) = Query::of(from, chunk.scope.as_deref()) else {
                continue;
            };
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

async fn done_chunks(
    compared: &Compared<'_>,
    after: &mut Option<ChunkId>,
) -> Result<Option<Vec<(ChunkRecord, u64)>>, Error> {
    let (of_move, from) = (compared.of_move, *after);
    let page = compared
        .ledger
        .with(move |ledger| ledger.done_chunks(of_move, from, LEDGER_PAGE))
        .await?;
    let Some((last, _, _)) = page.last() else { return Ok(None) };
    *after = Some(last.id);
    Ok(Some(page.into_iter().map(|(chunk, rows, _)| (chunk, rows)).collect()))
}

/// Distinct keys of a chunk's range.
async fn keys(
    client: &Client,
    collection: &Collection,
    chunk_size: u64,
    chunk: &ChunkRecord,
    at: Moment,
) -> Result<u64, Error> {
    let Some(query) = Query::of(collection, chunk.scope.as_deref()) else {
        return Ok(0);
    };
    let limit = answer_limit(chunk_size);
    match client.keys_in(&query, &chunk.range, at, limit).await {
        Ok(keys) => Ok(keys.len() as u64),
        // More keys than one answer holds: page through them, range by range.
        Err(error) if error.kind == Kind::TooLarge => {
            let mut count = 0;
            let mut range = chunk.range.clone();
            loop {
                let (page, _) =
                    client.key_page(&query, &range, at, 8_192, limit).await?;
                let up_to = page.last().cloned().or_else(|| chunk.range.up_to.clone());
                let part = KeyRange { after: range.after.clone(), up_to };
                count += client.keys_in(&query, &part, at, limit).await?.len() as u64;
                match page.last() {
                    Some(last) => range.after = Some(last.clone()),
                    None => return Ok(count),
                }
            }
        }
        Err(error) => Err(error.into()),
    }
}
