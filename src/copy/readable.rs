//! Waiting until rows that were loaded can be read.

use std::time::{Duration, Instant};

use crate::milvus::{self, Client, Moment, Query};
use crate::model::{Collection, KeyRange};

/// How long rows that are loaded may stay unseen: 6 s were measured on 2.3.5, whose query nodes are
/// told of newly loaded partitions every 10 s (`queryCoord.UpdateNextTargetInterval`).
const UNCHANGED: Duration = Duration::from_secs(15);
/// How long a count is waited for that keeps changing, as somebody writes.
const SETTLING: Duration = Duration::from_secs(60);
/// How long to wait before counting again.
const COUNT_AGAIN: Duration = Duration::from_millis(500);

/// Waits until the rows that a query means can be read. Milvus 2.3 calls partitions that were loaded
/// beside others loaded some seconds before that, and until then queries and counts alike leave
/// their rows out without a word.
///
/// A count that has stayed the same for a while tells that they are there. Without partitions
/// there is a shorter way: the statistic of flushed rows does not wait for loading, and a count
/// that is not below it lacks none. (With partitions, rows of one that are not flushed yet would
/// make up for those of another that are not there.)
/// `counted` is an earlier count, and when it was taken.
///
/// # Errors
/// When a call fails.
pub async fn wait_until_readable(
    client: &Client,
    query: &Query,
    of: &Collection,
    counted: (Option<u64>, Instant),
) -> milvus::Result<()> {
    let started = Instant::now();
    let (mut last, mut since) = counted;
    loop {
        let Some(count) = client.count(query, &KeyRange::ALL, Moment::Strong).await? else {
            return Ok(());
        };
        let statistic = client.row_count_statistic(&of.database, &of.name).await?;
        if last != Some(count) {
            (last, since) = (Some(count), Instant::now());
        }
        let complete = of.partitions.is_empty() && count >= statistic;
        if complete || since.elapsed() >= UNCHANGED || started.elapsed() >= SETTLING {
            tracing::debug!(count, statistic, waited = ?started.elapsed(), "Readable.");
            return Ok(());
        }
        tokio::time::sleep(COUNT_AGAIN).await;
    }
}
