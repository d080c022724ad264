//! What explains rows that differ.
//!
//! Nothing is explained by what merely could be: each explanation rests on something that was seen.

use std::collections::{BTreeMap, BTreeSet};

use super::content::Moments;
use super::counts::beyond;
use super::ends::{Ends, Side};
use super::result::{RowDifference, RowDifferenceKind};
use super::{Error, content};
use crate::ledger::Ledger;
use crate::milvus::Moment;
use crate::model::{Collection, DYNAMIC_COLUMN, DataType, Digest, FieldDifference, Key};

/// Queries that look for duplicate keys among those that differ, for one collection.
const DUPLICATE_QUERIES: u64 = 2_000;
/// Keys of one such query.
const DUPLICATE_KEYS: usize = 500;

/// The codes of explanations: a part of the report's format. With each, the evidence for a row.
pub(super) mod code {
    /// Its key is counted several times at the source, and the target has the row that was copied:
    /// its range there has the digest in the ledger.
    pub(in crate::verify) const DUPLICATE_KEYS: &str = "duplicate_keys";
    /// It was copied, by a digest in the ledger, so long ago that its end lets no row live.
    pub(in crate::verify) const EXPIRED: &str = "expired";
    /// The source gave another row before, or the target has the row that was copied. It is no
    /// reason to call the ends the same.
    pub(in crate::verify) const CHANGED_AT_SOURCE: &str = super::super::result::CHANGED_AT_SOURCE;
    /// The name means another collection by now, by its server's id or its schema.
    pub(in crate::verify) const REPLACED: &str = super::super::result::REPLACED;
    /// The server says so.
    pub(in crate::verify) const NOT_LOADED: &str = "not_loaded";
    /// Range by range the server counts just the rows that it gives, and in all it counts more.
    pub(in crate::verify) const DELETES_NOT_COMPACTED: &str = "deletes_not_compacted";
    /// The two are the same value, and the target's server is one that writes values of this type
    /// anew; or the target has its default value where the source has none.
    pub(in crate::verify) const VALUE_CHANGED_BY_TARGET: &str = "value_changed_by_target";
    /// The source counts a row with this key and gives none. What its values are, nobody can tell.
    pub(in crate::verify) const UNREADABLE_KEY: &str = "unreadable_key";
    /// The ledger has this key among the rows that the target refused.
    pub(in crate::verify) const SET_ASIDE: &str = "set_aside";
    /// The ledger has its key among those of rows that an adopted target had before this move wrote into
    /// their chunk, and that it has not written since; or the move writes nothing into its partition.
    pub(in crate::verify) const THERE_BEFORE: &str = "there_before";
}

/// What the ledger proves of the range in which rows differ.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::verify) struct Evidence {
    /// The source has just the rows that were copied.
    pub(in crate::verify) source_as_copied: bool,
    /// The target has just the rows that were copied, and those that it had before: nobody put another
    /// one there.
    pub(in crate::verify) target_as_copied: bool,
    /// Seconds since both ends had these rows.
    pub(in crate::verify) age: Option<u64>,
}

/// What is known of a collection that may explain rows that differ.
pub(in crate::verify) struct Context {
    /// Keys of rows that were set aside, by scope.
    set_aside: BTreeSet<(Option<String>, Key)>,
    /// Seconds after which rows expire at the source, and at the target.
    lifetimes: (Option<u64>, Option<u64>),
    /// Seconds since the last rows were written, by the ledger.
    written_since: Option<u64>,
    /// Rows that an adopted target had before, by scope, as many as are known.
    before: BTreeMap<Option<String>, u64>,
    /// Whether the target's server writes JSON anew.
    rewrites_json: bool,
    queries: std::sync::atomic::AtomicU64,
}

impl Context {
    pub(in crate::verify) async fn of(ends: &Ends) -> Result<Self, Error> {
        let (mut set_aside, mut written_since) = (BTreeSet::new(), None);
        let mut before = BTreeMap::new();
        if let (Some(ledger), Some(of_move)) = (&ends.check.ledger, ends.subject.of_move) {
            let (rejects, since, rows) = ledger
                .with(move |ledger| {
                    let since = ledger.seconds_since_last_chunk(of_move)?;
                    Ok((ledger.rejects(of_move)?, since, ledger.count_before(of_move)?))
                })
                .await?;
            before = rows;
            set_aside = rejects.into_iter().map(|reject| (reject.scope, reject.key)).collect();
            written_since = since;
        }
        let lifetimes = (lifetime(&ends.subject.from), lifetime(&ends.subject.to));
        let rewrites_json = ends.check.target.version().rewrites_json();
        Ok(Self { set_aside, lifetimes, written_since, before, rewrites_json, queries: 0.into() })
    }

    /// Rows that were set aside.
    pub(in crate::verify) fn rejected(&self) -> u64 {
        self.set_aside.len() as u64
    }

    /// Rows of one scope that were set aside.
    pub(in crate::verify) fn rejected_in(&self, scope: Option<&str>) -> u64 {
        self.set_aside.iter().filter(|(of, _)| of.as_deref() == scope).count() as u64
    }

    /// Rows of a scope that an adopted target is known to have had before; none where the move may have
    /// written all that is there, and no number where it writes nothing into the scope.
    pub(in crate::verify) fn before(&self, ends: &Ends, scope: Option<&str>) -> Option<u64> {
        if ends.is_foreign(scope) {
            return None;
        }
        Some(self.before.get(&scope.map(str::to_owned)).copied().unwrap_or_default())
    }

    /// Those of the keys that an adopted target had before, of rows that the move has not written.
    pub(in crate::verify) async fn among_before(
        &self,
        ends: &Ends,
        scope: Option<&str>,
        keys: impl Iterator<Item = &Key>,
    ) -> Result<BTreeSet<Key>, Error> {
        if ends.is_foreign(scope) {
            return Ok(keys.cloned().collect());
        }
        let of = scope.map(str::to_owned);
        match (&ends.check.ledger, ends.subject.of_move) {
            (Some(ledger), Some(of_move)) if self.before.contains_key(&of) => {
                let keys: Vec<Key> = keys.cloned().collect();
                let among = move |l: &mut Ledger| l.among_before(of_move, of.as_deref(), &keys);
                Ok(ledger.with(among).await?)
            }
            _ => Ok(BTreeSet::new()),
        }
    }

    /// Whether rows that both ends had so many seconds ago have expired at the target, and not at the
    /// source: of those that expire at both ends alike, one that the source still has is lost.
    fn expired_at_target(&self, age: Option<u64>) -> bool {
        let sooner = match self.lifetimes {
            (Some(at_source), Some(at_target)) => at_target < at_source,
            (None, Some(_)) => true,
            (_, None) => false,
        };
        sooner && is_over(self.lifetimes.1, age)
    }

    /// Whether every row that was copied has expired at the target.
    pub(in crate::verify) fn all_expired_at_target(&self) -> bool {
        self.expired_at_target(self.written_since)
    }

    /// Whether every row that was copied has expired at the source.
    pub(in crate::verify) fn all_expired_at_source(&self) -> bool {
        is_over(self.lifetimes.0, self.written_since)
    }

    /// Says what explains each of the rows that were found to differ, by what was seen of them
    /// first and what the ledger proves.
    pub(in crate::verify) async fn explain(
        &self,
        ends: &Ends,
        scope: Option<&str>,
        seemed: &[content::Seemed],
        found: Vec<content::Found>,
        evidence: Evidence,
        at: Moments,
    ) -> Result<Vec<RowDifference>, Error> {
        // A row of another collection has no explanation.
        ends.confirm().await?;
        let extra = found.iter().filter(|row| row.kind == RowDifferenceKind::Extra);
        let there = self.among_before(ends, scope, extra.map(|row| &row.key)).await?;
        let before: BTreeMap<&Key, Option<Digest>> =
            seemed.iter().map(|one| (&one.key, one.source)).collect();
        let suspects: Vec<Key> = found
            .iter()
            .filter(|row| row.kind == RowDifferenceKind::Different && !row.several)
            .map(|row| row.key.clone())
            .collect();
        let duplicates = self.duplicates(ends, scope, suspects, at.source).await?;
        let is_last = |row: &content::Found| {
            row.kind == RowDifferenceKind::Extra && row.key == Key::Int64(i64::MAX)
        };
        let unreadable = found.iter().any(is_last)
            && ends.count(Side::Source, scope, &beyond::last_key(), at.source).await? > Some(0);
        let mut rows = Vec::with_capacity(found.len());
        for row in found {
            let changed = evidence.target_as_copied
                || before.get(&row.key).is_some_and(|first| *first != row.source);
            let doubled = row.several || duplicates.contains(&row.key);
            let code = if unreadable && is_last(&row) {
                Some(code::UNREADABLE_KEY)
            } else if there.contains(&row.key) {
                Some(code::THERE_BEFORE)
            } else {
                self.code(ends, scope, &row, &Seen { evidence, doubled, changed })
            };
            rows.push(RowDifference {
                partition: scope.map(str::to_owned),
                key: row.key,
                kind: row.kind,
                fields: row.fields,
                explanation: code.map(str::to_owned),
            });
        }
        Ok(rows)
    }

    fn code(
        &self,
        ends: &Ends,
        scope: Option<&str>,
        row: &content::Found,
        seen: &Seen,
    ) -> Option<&'static str> {
        let Seen { evidence, doubled, changed } = *seen;
        let by_kind = match row.kind {
            RowDifferenceKind::Missing => {
                let place = (scope.map(str::to_owned), row.key.clone());
                if self.set_aside.contains(&place) {
                    Some(code::SET_ASIDE)
                } else {
                    (evidence.source_as_copied && self.expired_at_target(evidence.age))
                        .then_some(code::EXPIRED)
                }
            }
            RowDifferenceKind::Extra => (evidence.target_as_copied
                && is_over(self.lifetimes.0, evidence.age))
            .then_some(code::EXPIRED),
            // Of several rows with its key the source gives one or another: that is no change.
            RowDifferenceKind::Different if doubled => {
                return evidence.target_as_copied.then_some(code::DUPLICATE_KEYS);
            }
            RowDifferenceKind::Different => (!row.fields.is_empty()
                && row.fields.iter().all(|field| self.is_by_target(ends, field)))
            .then_some(code::VALUE_CHANGED_BY_TARGET),
        };
        by_kind.or(changed.then_some(code::CHANGED_AT_SOURCE))
    }

    /// Whether the target stored a value otherwise than it was given: in another form, or its
    /// default in place of none.
    fn is_by_target(&self, ends: &Ends, field: &FieldDifference) -> bool {
        let name = field.field.as_str();
        let is_json = name == DYNAMIC_COLUMN
            || ends.subject.to.field(name).is_some_and(|field| field.data_type == DataType::JSON);
        // Every server keeps instants and geometries in a form of its own; JSON is bytes to most.
        field.default_value || (field.same_value && (self.rewrites_json || !is_json))
    }

    /// Those of the keys that several rows of the source have: a query gives either of them.
    async fn duplicates(
        &self,
        ends: &Ends,
        scope: Option<&str>,
        keys: Vec<Key>,
        at: Moment,
    ) -> Result<BTreeSet<Key>, Error> {
        let mut found = BTreeSet::new();
        let Some(query) = ends.query(Side::Source, scope) else { return Ok(found) };
        let mut open: Vec<&[Key]> = keys.chunks(DUPLICATE_KEYS).collect();
        while let Some(keys) = open.pop() {
            let asked = self.queries.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            if asked >= DUPLICATE_QUERIES {
                break;
            }
            let count = ends.check.source.count_of_keys(&query, keys, at);
            let count = ends.unless_stopped(count).await?;
            let count = count.map_err(|error| Error::read(|| ends.address(Side::Source), error))?;
            match (count, keys) {
                // Before 2.3 there is no such count.
                (None, _) => break,
                (Some(count), keys) if count <= keys.len() as u64 => {}
                (Some(_), [key]) => {
                    found.insert(key.clone());
                }
                (Some(_), keys) => {
                    let (lower, upper) = keys.split_at(keys.len() / 2);
                    open.extend([upper, lower]);
                }
            }
        }
        Ok(found)
    }
}

/// Seconds after which the rows of a collection expire.
pub(super) fn lifetime(collection: &Collection) -> Option<u64> {
    let text = collection.properties.get("collection.ttl.seconds")?;
    text.parse().ok().filter(|seconds| *seconds > 0)
}

/// Whether no row lives any more that is so old.
fn is_over(lifetime: Option<u64>, age: Option<u64>) -> bool {
    matches!((lifetime, age), (Some(lifetime), Some(age)) if age >= lifetime)
}

/// What is known of one row.
struct Seen {
    evidence: Evidence,
    /// Whether the source has several rows with its key.
    doubled: bool,
    /// Whether the source had another row before.
    changed: bool,
}

#[cfg(test)]
mod tests;
