//! Numbers of rows at both ends, and what explains that they differ.
//!
//! `count(*)` proves nothing by itself: it counts rows that no query gives, such as further rows with
//! a key. Where it is not what it should be, the keys are scanned.

use std::collections::BTreeMap;

use super::account::Account;
use super::content::{Moments, Scan};
use super::counts::{self, beyond};
use super::ends::{Ends, Side};
use super::explain::{Context, code};
use super::result::{Basis, RowCounts};
use super::{Error, content};
use crate::copy::KEYS_ANSWER;
use crate::model::KeyRange;
use crate::model::quantity::{count as grouped, counted};

/// Keys of one look at a range.
const SCANNED: u64 = 16_000;

/// Rows of the source and of the target, by scope, as far as content was compared.
pub(super) type Compared = BTreeMap<Option<String>, (Option<u64>, Option<u64>)>;

/// What a scan of the keys of one end found.
#[derive(Debug, Default, Clone)]
struct Scanned {
    keys: u64,
    /// Rows that are counted beyond them.
    beyond: beyond::Beyond,
}

/// The numbers of one collection.
pub(super) struct Numbers<'a> {
    pub(super) ends: &'a Ends,
    pub(super) at: Moments,
    pub(super) context: &'a Context,
    /// What comparing rows found; nothing where only numbers are compared.
    pub(super) compared: Option<Compared>,
    /// What the rows were compared with.
    pub(super) basis: Basis,
    /// Whether every row was compared.
    pub(super) every_row: bool,
}

impl Numbers<'_> {
    /// Counts, and explains what differs: of the whole first, then of each partition where rows are
    /// moved by partition.
    pub(super) async fn count(
        &self,
        account: &mut Account,
        unexplained: &mut Vec<String>,
    ) -> Result<Vec<RowCounts>, Error> {
        let copied = self.copied().await?;
        let rejected = self.context.rejected();
        if rejected > 0 && !self.every_row {
            let text = format!(
                "{} rows were refused by the target and set aside, as the plan allows",
                grouped(rejected)
            );
            account.say(code::SET_ASIDE, rejected, text);
        }
        let by_partition = self.ends.subject.settings.by_partition;
        let mut scopes = self.ends.source_scopes().to_vec();
        scopes.extend(self.ends.foreign_partitions().into_iter().map(Some));
        let mut all = Vec::new();
        for scope in scopes {
            let mut row = self.row(scope.as_deref(), copied.as_ref()).await?;
            self.judge(scope.as_deref(), &mut row, account, unexplained).await?;
            all.push(row);
        }
        if !by_partition {
            return Ok(all);
        }
        let sum = |number: fn(&RowCounts) -> Option<u64>| all.iter().map(number).sum();
        let whole = RowCounts {
            partition: None,
            source_count: sum(|row| row.source_count),
            source_distinct: sum(|row| row.source_distinct),
            read: sum(|row| row.read),
            acknowledged: sum(|row| row.acknowledged),
            target_count: sum(|row| row.target_count),
            target_distinct: sum(|row| row.target_distinct),
        };
        all.insert(0, whole);
        Ok(all)
    }

    /// Rows that were acknowledged, by scope; nothing without a ledger.
    async fn copied(&self) -> Result<Option<BTreeMap<Option<String>, u64>>, Error> {
        let (Some(ledger), Some(of_move)) = (&self.ends.check.ledger, self.ends.subject.of_move)
        else {
            return Ok(None);
        };
        let rows = ledger.with(move |ledger| ledger.rows_by_scope(of_move)).await?;
        Ok(Some(rows.into_iter().collect()))
    }

    async fn row(
        &self,
        scope: Option<&str>,
        copied: Option<&BTreeMap<Option<String>, u64>>,
    ) -> Result<RowCounts, Error> {
        let of = scope.map(str::to_owned);
        let acknowledged = copied.map(|copied| copied.get(&of).copied().unwrap_or_default());
        let (source, target) =
            self.compared.as_ref().and_then(|all| all.get(&of).copied()).unwrap_or_default();
        let whole = KeyRange::ALL;
        Ok(RowCounts {
            partition: of,
            source_count: self.ends.count(Side::Source, scope, &whole, self.at.source).await?,
            source_distinct: source,
            read: acknowledged.map(|rows| rows + self.context.rejected_in(scope)),
            acknowledged,
            target_count: self.ends.count(Side::Target, scope, &whole, self.at.target).await?,
            target_distinct: target,
        })
    }

    async fn judge(
        &self,
        scope: Option<&str>,
        row: &mut RowCounts,
        account: &mut Account,
        unexplained: &mut Vec<String>,
    ) -> Result<(), Error> {
        let place = scope.map(|scope| format!(" in partition {scope}")).unwrap_or_default();
        for side in [Side::Source, Side::Target] {
            let (count, distinct, copied, other) = match side {
                Side::Source => (row.source_count, row.source_distinct, row.read, row.target_count),
                Side::Target => {
                    (row.target_count, row.target_distinct, row.acknowledged, row.source_count)
                }
            };
            // What the count should be: the keys that were seen, else what was copied, else what
            // the other end counts.
            let should = distinct.or(copied).or(other);
            if count.is_some() && count == should {
                continue;
            }
            if count.is_none() && distinct.is_some() {
                continue;
            }
            let scanned = self.scan(side, scope).await?;
            match side {
                Side::Source => row.source_distinct = Some(distinct.unwrap_or(scanned.keys)),
                Side::Target => row.target_distinct = Some(distinct.unwrap_or(scanned.keys)),
            }
            say((side, &self.ends.address(side)), &scanned, &place, account, unexplained);
            let unreadable = scanned.beyond.unreadable;
            if side == Side::Source && unreadable > 0 {
                self.last_key(scope, unreadable, &place, unexplained).await?;
            }
            let known = distinct.unwrap_or(scanned.keys);
            let Some(count) = count else { continue };
            if count < known {
                unexplained.push(format!(
                    "{} counts {} rows{place}, and gives {}",
                    self.ends.address(side),
                    grouped(count),
                    grouped(known)
                ));
            }
            let in_ranges = scanned.keys + scanned.beyond.rows();
            if count > in_ranges {
                let rows = count - in_ranges;
                let text = format!(
                    "{} counts {} rows{place} more in all than in its key ranges, where it counts \
                     the rows that it gives: deleted and replaced rows are counted until the server \
                     compacts",
                    self.ends.address(side),
                    grouped(rows)
                );
                account.say(code::DELETES_NOT_COMPACTED, rows, text);
            }
        }
        self.set_against(row, &place, account, unexplained);
        Ok(())
    }

    /// A key that the source counts and never gives can only be there if somebody copied it by hand.
    async fn last_key(
        &self,
        scope: Option<&str>,
        rows: u64,
        place: &str,
        unexplained: &mut Vec<String>,
    ) -> Result<(), Error> {
        let last = beyond::last_key();
        let there = self.ends.count(Side::Target, scope, &last, self.at.target).await?;
        if there < Some(rows) {
            unexplained.push(format!(
                "missing at the target: the row with key {}{place}, which no query of the source \
                 gives: copy it by hand",
                i64::MAX
            ));
        }
        Ok(())
    }

    /// Sets the keys of both ends against each other, where not every row was.
    fn set_against(
        &self,
        row: &RowCounts,
        place: &str,
        account: &mut Account,
        unexplained: &mut Vec<String>,
    ) {
        let of_source = row.source_distinct.or(row.source_count);
        let of_target = row.target_distinct.or(row.target_count);
        let (Some(source), Some(target)) = (of_source, of_target) else {
            unexplained.push(format!("the rows{place} could not be counted"));
            return;
        };
        if let Some(read) = row.read
            && source > read
            && (!self.every_row || self.basis == Basis::Ledger)
        {
            unexplained.push(format!(
                "{} rows{place} are at the source that were not there when it was read; \
                 `apply --catch-up` carries them over",
                grouped(source - read)
            ));
        }
        let gone = row.read.map_or(0, |read| read.saturating_sub(source));
        if gone > 0 && (!self.every_row || self.basis == Basis::Ledger) {
            let rows = grouped(gone);
            if self.context.all_expired_at_source() {
                let text = format!("{rows} rows{place} expired at the source after the copy");
                account.say(code::EXPIRED, gone, text);
            } else if self.basis == Basis::Ledger {
                // What is at the source by now was not asked for.
                let text = format!(
                    "{rows} rows{place} were deleted or expired at the source after they were \
                     copied; they are at the target"
                );
                account.say(code::CHANGED_AT_SOURCE, gone, text);
            } else {
                unexplained.push(format!(
                    "{rows} rows{place} were deleted or expired at the source after they were \
                     copied; they are at the target, and `apply --catch-up` deletes them there"
                ));
            }
        }
        if self.every_row && self.basis != Basis::Changes {
            return;
        }
        // What the ledger explains is said above.
        let expected = row.acknowledged.unwrap_or(source);
        if target < expected {
            let missing = expected - target;
            if self.context.all_expired_at_target() {
                let text = format!("{} rows{place} expired at the target", grouped(missing));
                account.say(code::EXPIRED, missing, text);
            } else {
                unexplained.push(format!(
                    "the target has {} rows{place}, {} fewer than {}",
                    grouped(target),
                    grouped(missing),
                    if row.acknowledged.is_some() { "it acknowledged" } else { "the source" }
                ));
            }
        }
        let Some(extra) = target.checked_sub(expected).filter(|extra| *extra > 0) else { return };
        let known = self.context.before(self.ends, row.partition.as_deref());
        let known = known.unwrap_or(extra).min(extra);
        if known > 0 {
            let text = format!(
                "{} rows{place} are at the target only, which had as many before",
                grouped(known)
            );
            account.say(code::THERE_BEFORE, known, text);
        }
        if extra > known {
            let rows = grouped(extra - known);
            unexplained.push(format!("{rows} rows{place} are at the target only"));
        }
    }

    /// Scans the keys of one end, and where it counts more looks for the reason.
    async fn scan(&self, side: Side, scope: Option<&str>) -> Result<Scanned, Error> {
        let mut scanned = Scanned::default();
        let at = match side {
            Side::Source => self.at.source,
            Side::Target => self.at.target,
        };
        let (ends, client) = (self.ends, self.ends.client(side));
        let Some(query) = ends.query(side, scope) else { return Ok(scanned) };
        let mut scan = Scan::of(ends, side, scope, at, SCANNED);
        while let Some(ranges) = scan.next().await? {
            let mut open: Vec<KeyRange> = ranges.into_iter().rev().collect();
            while let Some(range) = open.pop() {
                let share = content::share(ends, 2 * KEYS_ANSWER).await?;
                let Some(keys) = ends.keys(side, scope, &range, &self.at).await? else {
                    drop(share);
                    open.extend(self.halves(side, scope, range).await?);
                    continue;
                };
                let keys = keys.len() as u64;
                drop(share);
                scanned.keys += keys;
                let Some(count) = ends.count(side, scope, &range, at).await? else { continue };
                if count <= keys {
                    continue;
                }
                let limit = KEYS_ANSWER;
                let beyond = beyond::beyond(client, &query, &range, at, limit).await;
                scanned.beyond.add(beyond.map_err(|error| match error {
                    counts::Error::Milvus(error) => {
                        Error::read(|| ends.place(side, scope, &range), error)
                    }
                    counts::Error::Ledger(error) => Error::Ledger(error),
                })?);
            }
        }
        Ok(scanned)
    }

    async fn halves(
        &self,
        side: Side,
        scope: Option<&str>,
        range: KeyRange,
    ) -> Result<[KeyRange; 2], Error> {
        let Some(at) = self.ends.middle(side, scope, &range, &self.at).await? else {
            let place = self.ends.place(side, scope, &range);
            return Err(Error::Rows { place, why: "its keys are over every limit".to_owned() });
        };
        let lower = KeyRange { after: range.after, up_to: Some(at.clone()) };
        Ok([KeyRange { after: Some(at), up_to: range.up_to }, lower])
    }
}

/// Says what the rows are that are counted and not given.
fn say(
    (side, address): (Side, &str),
    scanned: &Scanned,
    place: &str,
    account: &mut Account,
    unexplained: &mut Vec<String>,
) {
    let end = match side {
        Side::Source => "source",
        Side::Target => "target",
    };
    let beyond = &scanned.beyond;
    if let Some(key) = &beyond.proof {
        let rows = beyond.duplicates;
        let text = format!(
            "the {end} holds duplicate keys{place}: {} rows have a key that another row has \
             too, such as {key}; a query gives each key once",
            grouped(rows)
        );
        match side {
            Side::Source => account.say(code::DUPLICATE_KEYS, rows, text),
            Side::Target => unexplained.push(text),
        }
    }
    if beyond.withheld > 0 {
        unexplained.push(format!(
            "{address} counts {}{place} that no query gives, with keys of their own: deleted rows that \
             are not compacted yet, or rows that cannot be read; flush and compact the \
             collection, then verify it again",
            counted(beyond.withheld, "row")
        ));
    }
    if beyond.unreadable > 0 {
        let rows = beyond.unreadable;
        let text = format!(
            "the {end} counts {}{place} with the key {}, and no query gives it (Milvus before \
             2.6)",
            counted(rows, "row"),
            i64::MAX
        );
        account.say(code::UNREADABLE_KEY, rows, text);
    }
}

#[cfg(test)]
mod tests;
