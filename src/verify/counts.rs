//! Comparing numbers of rows, and explaining a difference chunk by chunk.
//!
//! A chunk whose rows are not at the target as they should be is opened again in the ledger, so
//! that the next copy writes it by key.

pub(super) mod beyond;
pub(super) mod source;
mod target;

use std::collections::BTreeSet;

use crate::copy::{KeyPages, SharedLedger};
use crate::ledger::{self, ChunkId, ChunkRecord, MoveId};
use crate::milvus::{self, Client, Moment, Query};
use crate::model::quantity::count as grouped;
use crate::model::{Collection, KeyRange, RowSettings};

/// Chunks of one row each, which is set aside.
type Rejects = BTreeSet<ChunkId>;

/// Chunks taken from the ledger at a time.
const LEDGER_PAGE: usize = 500;
/// Key ranges that are named in a difference.
const NAMED_RANGES: usize = 5;
/// Bytes that an answer with one key may have.
const ONE_KEY: usize = 1 << 20;

/// The rows of one move, counted in four ways.
#[derive(
    Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema,
)]
pub struct Counts {
    /// `count(*)` at the source: live rows, duplicate keys counted. `None` before Milvus 2.3.
    pub source_count: Option<u64>,
    /// Rows that were read: distinct keys per partition.
    pub read: u64,
    /// Rows of these that the target refuses and that were set aside.
    #[serde(default)]
    pub rejected: u64,
    /// Rows that the target acknowledged.
    pub acknowledged: u64,
    /// `count(*)` at the target.
    pub target_count: Option<u64>,
    /// Distinct keys at the target; counted only where `target_count` is no proof.
    pub target_distinct: Option<u64>,
    /// What explains a difference between these numbers.
    pub explanations: Vec<String>,
    /// Differences that nothing explains, or that copying again did not mend.
    pub unexplained: Vec<String>,
    /// Chunks that are to be opened again and written by key.
    #[serde(skip)]
    pub to_reopen: BTreeSet<ChunkId>,
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
    /// How the rows were read: only what was to be read is counted at the source.
    pub settings: &'a RowSettings,
    /// Whether the target may hold rows that are not from this source.
    pub adopted: bool,
    /// Bytes that a chunk aims at.
    pub chunk_size: u64,
    /// The ledger.
    pub ledger: &'a SharedLedger,
    /// The move.
    pub of_move: MoveId,
    /// Whether nothing was copied again yet in this run.
    pub first_round: bool,
    /// Whether every chunk is looked at for rows that are there twice or not at all, whatever the numbers
    /// say: a write with an unknown outcome may have landed late (`milvus::landing`).
    pub look_at_all: bool,
}

impl Compared<'_> {
    /// The reads of a scope at the source; `None` where it has no usable key.
    fn source_query(&self, scope: Option<&str>) -> Option<Query> {
        Some(Query::of(self.from)?.within(self.settings.source_partitions(scope)))
    }

    /// The reads of a scope at the target.
    fn target_query(&self, scope: Option<&str>) -> Option<Query> {
        Some(Query::of(self.to)?.within(scope.map(str::to_owned).into_iter().collect()))
    }
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
    let (totals, rejects) = compared
        .ledger
        .with(move |ledger| Ok((ledger.totals(of_move)?, ledger.rejects(of_move)?)))
        .await?;
    let rejects: Rejects = rejects.into_iter().map(|reject| reject.chunk).collect();
    let rejected = rejects.len() as u64;
    let mut counts = Counts {
        read: totals.rows + rejected,
        rejected,
        acknowledged: totals.rows,
        ..Counts::default()
    };
    if rejected > 0 {
        counts.explanations.push(format!(
            "the target refuses {} of the rows read: set aside, and not there",
            grouped(rejected)
        ));
    }
    if let Some(query) = compared.target_query(None) {
        counts.target_count = compared.target.count(&query, &KeyRange::ALL, Moment::Strong).await?;
    }
    if let Some(query) = compared.source_query(None) {
        counts.source_count = compared.source.count(&query, &KeyRange::ALL, Moment::Strong).await?;
    }
    if compared.adopted || compared.look_at_all || counts.target_count != Some(counts.acknowledged)
    {
        let at = moment(compared.target, compared.target_query(None)).await?;
        target::explain(compared, &rejects, &mut counts, at).await?;
    }
    if counts.source_count != Some(counts.read) {
        let at = moment(compared.source, compared.source_query(None)).await?;
        source::explain(compared, &rejects, &mut counts, at).await?;
    }
    Ok(counts)
}

/// The moment at which every chunk is looked at: after everything that was written until now, and
/// without paying for Strong at every chunk.
async fn moment(client: &Client, query: Option<Query>) -> Result<Moment, Error> {
    match (client.alloc_timestamp().await?, query) {
        (Some(timestamp), _) => Ok(Moment::At(timestamp)),
        (None, Some(query)) => {
            client.caught_up(&query, ONE_KEY).await?;
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

async fn done_chunks(
    compared: &Compared<'_>,
    after: &mut Option<ChunkId>,
) -> Result<Option<Vec<(ChunkRecord, u64)>>, Error> {
    let (of_move, from) = (compared.of_move, *after);
    let page =
        compared.ledger.with(move |ledger| ledger.done_chunks(of_move, from, LEDGER_PAGE)).await?;
    let Some(last) = page.last() else { return Ok(None) };
    *after = Some(last.chunk.id);
    Ok(Some(page.into_iter().map(|done| (done.chunk, done.rows)).collect()))
}

/// Bytes that one answer may have when chunks aim at `chunk_size`: it holds keys, or a few columns.
fn answer_limit(chunk_size: u64) -> usize {
    usize::try_from(chunk_size.saturating_mul(4)).unwrap_or(usize::MAX).clamp(1 << 20, 60 << 20)
}

/// Distinct keys of a chunk's range.
async fn keys(
    client: &Client,
    query: &Query,
    chunk_size: u64,
    chunk: &ChunkRecord,
    at: Moment,
) -> Result<u64, Error> {
    let mut pages = KeyPages::of(client, query, &chunk.range, at, answer_limit(chunk_size));
    let mut count = 0;
    while let Some(keys) = pages.next().await? {
        count += keys.len() as u64;
    }
    Ok(count)
}

/// Looks whether we were asked to stop.
fn check_stop(client: &Client) -> Result<(), Error> {
    if client.cancel().is_cancelled() {
        return Err(milvus::Error::cancelled("Query", client.uri()).into());
    }
    Ok(())
}

/// Opens chunks again that are not as they should be, to be written by key.
///
/// # Errors
/// When the ledger fails.
pub async fn reopen(ledger: &SharedLedger, counts: &Counts) -> Result<(), ledger::Error> {
    for id in counts.to_reopen.iter().copied() {
        ledger.with(move |ledger| ledger.reopen_chunk(id)).await?;
    }
    Ok(())
}
