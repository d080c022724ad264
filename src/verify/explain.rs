//! What explains rows that differ.
//!
//! Nothing is explained by what merely could be: each explanation rests on something that was seen.

use std::collections::{BTreeMap, BTreeSet};

use super::content::Moments;
use super::counts::source;
use super::ends::{Ends, Side};
use super::result::{Content, Explanation, RowDifference, RowDifferenceKind};
use super::{Error, content};
use crate::milvus::Moment;
use crate::model::quantity::{count as grouped, counted};
use crate::model::{Collection, Digest, FieldDifference, Key};

/// Differences that a result names.
const NAMED: usize = 20;
/// Queries that look for duplicate keys among those that differ, for one collection.
const DUPLICATE_QUERIES: u64 = 2_000;
/// Keys of one such query.
const DUPLICATE_KEYS: usize = 500;

/// The codes of explanations: a part of the report's format.
pub(super) mod code {
    pub(in crate::verify) const DUPLICATE_KEYS: &str = "duplicate_keys";
    pub(in crate::verify) const EXPIRED: &str = "expired";
    pub(in crate::verify) const CHANGED_AT_SOURCE: &str = "changed_at_source";
    pub(in crate::verify) const REPLACED: &str = super::super::result::REPLACED;
    pub(in crate::verify) const NOT_LOADED: &str = "not_loaded";
    pub(in crate::verify) const DELETES_NOT_COMPACTED: &str = "deletes_not_compacted";
    pub(in crate::verify) const VALUE_CHANGED_BY_TARGET: &str = "value_changed_by_target";
    pub(in crate::verify) const UNREADABLE_KEY: &str = "unreadable_key";
    pub(in crate::verify) const SET_ASIDE: &str = "set_aside";
    pub(in crate::verify) const THERE_BEFORE: &str = "there_before";
}

/// What is known of a collection that may explain rows that differ.
pub(in crate::verify) struct Context {
    /// Keys of rows that were set aside, by scope.
    set_aside: BTreeSet<(Option<String>, Key)>,
    /// Seconds after which rows expire at the source, and at the target.
    lifetimes: (Option<u64>, Option<u64>),
    /// Seconds since the first rows were written, by the ledger.
    written_since: Option<u64>,
    queries: std::sync::atomic::AtomicU64,
}

impl Context {
    pub(in crate::verify) async fn of(ends: &Ends) -> Result<Self, Error> {
        let (mut set_aside, mut written_since) = (BTreeSet::new(), None);
        if let (Some(ledger), Some(of_move)) = (&ends.check.ledger, ends.subject.of_move) {
            let (rejects, since) = ledger
                .with(move |ledger| {
                    Ok((ledger.rejects(of_move)?, ledger.seconds_since_first_chunk(of_move)?))
                })
                .await?;
            set_aside = rejects.into_iter().map(|reject| (reject.scope, reject.key)).collect();
            written_since = since;
        }
        let lifetimes = (lifetime(&ends.subject.from), lifetime(&ends.subject.to));
        Ok(Self { set_aside, lifetimes, written_since, queries: 0.into() })
    }

    /// Rows that were set aside.
    pub(in crate::verify) fn rejected(&self) -> u64 {
        self.set_aside.len() as u64
    }

    /// Rows of one scope that were set aside.
    pub(in crate::verify) fn rejected_in(&self, scope: Option<&str>) -> u64 {
        self.set_aside.iter().filter(|(of, _)| of.as_deref() == scope).count() as u64
    }

    /// Whether rows may have expired at the target since they were written, and not at the source: of
    /// those that expire at both ends alike, one that the source still has is lost.
    pub(in crate::verify) fn may_have_expired(&self) -> bool {
        let sooner = match self.lifetimes {
            (Some(at_source), Some(at_target)) => at_target < at_source,
            (None, Some(_)) => true,
            (_, None) => false,
        };
        let old_enough = matches!(
            (self.lifetimes.1, self.written_since), (Some(life), Some(age)) if age >= life
        );
        sooner && old_enough
    }

    /// Whether rows expire at the source.
    pub(in crate::verify) fn expire_at_source(&self) -> bool {
        self.lifetimes.0.is_some()
    }

    /// Says what explains each of the rows that were found to differ, by what was seen of them
    /// first. `kept`: the target holds what was copied.
    pub(in crate::verify) async fn explain(
        &self,
        ends: &Ends,
        scope: Option<&str>,
        seemed: &[content::Seemed],
        found: Vec<content::Found>,
        kept: bool,
        at: Moments,
    ) -> Result<Vec<RowDifference>, Error> {
        // A row of another collection has no explanation.
        ends.confirm().await?;
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
            && ends.count(Side::Source, scope, &source::last_key(), at.source).await? > Some(0);
        let mut rows = Vec::with_capacity(found.len());
        for row in found {
            let changed = kept || before.get(&row.key).is_some_and(|first| *first != row.source);
            let doubled = row.several || duplicates.contains(&row.key);
            let code = if unreadable && is_last(&row) {
                Some(code::UNREADABLE_KEY)
            } else {
                self.code(ends, scope, &row, doubled, changed)
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
        doubled: bool,
        changed: bool,
    ) -> Option<&'static str> {
        let by_kind = match row.kind {
            RowDifferenceKind::Missing => {
                let place = (scope.map(str::to_owned), row.key.clone());
                if self.set_aside.contains(&place) {
                    Some(code::SET_ASIDE)
                } else {
                    self.may_have_expired().then_some(code::EXPIRED)
                }
            }
            RowDifferenceKind::Extra if ends.subject.adopted => Some(code::THERE_BEFORE),
            RowDifferenceKind::Extra => self.expire_at_source().then_some(code::EXPIRED),
            RowDifferenceKind::Different if doubled => Some(code::DUPLICATE_KEYS),
            RowDifferenceKind::Different => (!row.fields.is_empty()
                && row.fields.iter().all(is_by_target))
            .then_some(code::VALUE_CHANGED_BY_TARGET),
        };
        by_kind.or(changed.then_some(code::CHANGED_AT_SOURCE))
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
fn lifetime(collection: &Collection) -> Option<u64> {
    let text = collection.properties.get("collection.ttl.seconds")?;
    text.parse().ok().filter(|seconds| *seconds > 0)
}

/// Whether the target stored a value otherwise than it was given: in another form, or its default
/// in place of none.
fn is_by_target(field: &FieldDifference) -> bool {
    field.same_value || field.default_value
}

/// The differences and explanations of one collection, summed up.
#[derive(Debug, Default)]
pub(super) struct Account {
    missing: u64,
    extra: u64,
    different: u64,
    explained: u64,
    first: Vec<RowDifference>,
    /// Differences that nothing explains, and the first key of each sort.
    open: BTreeMap<(&'static str, Option<String>), (u64, String)>,
    /// Rows and a key that proves it, by code.
    codes: BTreeMap<String, (u64, String)>,
    /// Said in words, by code.
    said: Vec<Explanation>,
}

impl Account {
    /// Notes a row that differs.
    pub(super) fn add(&mut self, row: RowDifference) {
        let kind = match row.kind {
            RowDifferenceKind::Missing => "missing",
            RowDifferenceKind::Extra => "extra",
            RowDifferenceKind::Different => "different",
        };
        match row.kind {
            RowDifferenceKind::Missing => self.missing += 1,
            RowDifferenceKind::Extra => self.extra += 1,
            RowDifferenceKind::Different => self.different += 1,
        }
        if let Some(code) = &row.explanation {
            let of_code = self.codes.entry(code.clone()).or_insert((0, row.key.to_string()));
            of_code.0 += 1;
        }
        // A row that is another one by now is explained, and not the same for that.
        if row.explanation.as_deref().is_some_and(|code| code != code::CHANGED_AT_SOURCE) {
            self.explained += 1;
        } else {
            let open = self.open.entry((kind, row.explanation.clone()));
            open.or_insert((0, row.key.to_string())).0 += 1;
        }
        // The first in order, whatever was compared first.
        let place = |row: &RowDifference| (row.partition.clone(), row.key.clone());
        let at = self.first.partition_point(|other| place(other) < place(&row));
        if at < NAMED {
            self.first.insert(at, row);
            self.first.truncate(NAMED);
        }
    }

    /// Explains something else than rows.
    pub(super) fn say(&mut self, code: &str, rows: u64, message: String) {
        self.said.push(Explanation { code: code.to_owned(), message, rows });
    }

    /// Rows that are missing or different for no reason that is known.
    pub(super) fn bad(&self) -> u64 {
        let bad = |((kind, _), (rows, _)): (&(&str, Option<String>), &(u64, String))| {
            if *kind == "extra" { 0 } else { *rows }
        };
        self.open.iter().map(bad).sum()
    }

    /// Puts the numbers into the result.
    pub(super) fn write(&self, content: &mut Content) {
        content.missing = self.missing;
        content.extra = self.extra;
        content.different = self.different;
        content.explained = self.explained;
        content.differences.clone_from(&self.first);
    }

    /// What is explained, in words.
    pub(super) fn explanations(&self) -> Vec<Explanation> {
        let mut explanations = self.said.clone();
        for (code, (rows, key)) in &self.codes {
            let text = match code.as_str() {
                code::DUPLICATE_KEYS => {
                    "differ because the source holds several rows with their key, and a query \
                     gives either of them"
                }
                code::EXPIRED => "expired at one end, as its properties say",
                code::CHANGED_AT_SOURCE => {
                    "were written, changed or deleted at the source after they were copied; \
                     `apply --catch-up` carries that over"
                }
                code::VALUE_CHANGED_BY_TARGET => {
                    "have the same values in the form that the target stores them in"
                }
                code::UNREADABLE_KEY => {
                    "have a key that the source counts, and that no query of it gives (Milvus \
                     before 2.6): their values cannot be compared"
                }
                code::SET_ASIDE => "were refused by the target and set aside, as the plan allows",
                code::THERE_BEFORE => {
                    "are at the target only: it was there before, and may hold other rows"
                }
                _ => "are explained",
            };
            let message = format!("{} rows {text}, such as the one with key {key}", grouped(*rows));
            explanations.push(Explanation { code: code.clone(), message, rows: *rows });
        }
        explanations
    }

    /// Rows that nothing explains, in words.
    pub(super) fn unexplained(&self) -> Vec<String> {
        let say = |((kind, code), (rows, key)): (&(&str, Option<String>), &(u64, String))| {
            let what = match *kind {
                "missing" => "missing at the target",
                "extra" => "at the target and not at the source",
                _ => "other values at the target",
            };
            let why = match code {
                Some(_) => "; changed at the source after the copy",
                None => "",
            };
            format!("{what}: {}, such as the one with key {key}{why}", counted(*rows, "row"))
        };
        self.open.iter().map(say).collect()
    }
}

#[cfg(test)]
mod tests;
