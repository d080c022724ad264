//! The differences of one collection and what explains them, summed up and in words.

use std::collections::BTreeMap;

use super::explain::{code, lifetime};
use super::result::{Content, Explanation, RowDifference, RowDifferenceKind};
use crate::model::Collection;
use crate::model::quantity::{count as grouped, counted};

/// Differences that a result names.
const NAMED: usize = 20;

/// The differences and explanations of one collection, summed up.
#[derive(Debug, Default)]
pub(super) struct Account {
    /// Seconds that rows live at the source, where they expire there.
    lifetime: Option<u64>,
    missing: u64,
    extra: u64,
    different: u64,
    explained: u64,
    first: Vec<RowDifference>,
    /// Rows that changed at the source since the copy.
    pending: u64,
    /// How many of them are at the target only.
    gone: u64,
    /// Differences that nothing explains, and the first key of each sort.
    open: BTreeMap<&'static str, (u64, String)>,
    /// Rows and a key that proves it, by code.
    codes: BTreeMap<String, (u64, String)>,
    /// Said in words, by code.
    said: Vec<Explanation>,
}

impl Account {
    /// Nothing yet.
    pub(super) fn of(source: &Collection) -> Self {
        Self { lifetime: lifetime(source), ..Self::default() }
    }

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
        match row.explanation.as_deref() {
            // A row that is another one by now is not the same for that.
            Some(code::CHANGED_AT_SOURCE) => {
                self.pending += 1;
                self.gone += u64::from(row.kind == RowDifferenceKind::Extra);
            }
            Some(_) => self.explained += 1,
            None => self.open.entry(kind).or_insert((0, row.key.to_string())).0 += 1,
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
        let bad = self.open.iter().filter(|(kind, _)| **kind != "extra").map(|(_, (rows, _))| rows);
        bad.sum::<u64>() + self.pending - self.gone
    }

    /// Puts the numbers into the result.
    pub(super) fn write(&self, content: &mut Content) {
        content.missing = self.missing;
        content.extra = self.extra;
        content.different = self.different;
        content.explained = self.explained;
        content.pending = self.pending;
        content.differences.clone_from(&self.first);
    }

    /// What is explained, in words.
    pub(super) fn explanations(&self) -> Vec<Explanation> {
        let mut explanations = self.said.clone();
        for (code, (rows, key)) in &self.codes {
            let text = match code.as_str() {
                code::DUPLICATE_KEYS => {
                    "differ because the source holds several rows with their key, and a query \
                     gives either of them: the target has the one that was copied"
                }
                code::EXPIRED => {
                    "were copied so long ago that they expired at one end, by its properties"
                }
                code::CHANGED_AT_SOURCE => {
                    "were written, changed or deleted at the source after the copy: `apply \
                     --catch-up` carries that over"
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
                    "are at the target only, which had them before, and were not written by this move"
                }
                _ => "are explained",
            };
            let message = format!("{} rows {text}, such as the one with key {key}", grouped(*rows));
            let message = match (code.as_str(), self.lifetime, self.gone) {
                (code::CHANGED_AT_SOURCE, Some(seconds), 1..) => format!(
                    "{message}; or expired: rows live {seconds} seconds there, which have not passed \
                     since the copy"
                ),
                _ => message,
            };
            explanations.push(Explanation { code: code.clone(), message, rows: *rows });
        }
        explanations
    }

    /// Whether rows changed at the source since the copy, so that the ends differ.
    pub(super) fn is_pending(&self) -> bool {
        self.pending > 0
    }

    /// Rows that nothing explains, in words.
    pub(super) fn unexplained(&self) -> Vec<String> {
        let say = |(kind, (rows, key)): (&&str, &(u64, String))| {
            let what = match *kind {
                "missing" => "missing at the target",
                "extra" => "at the target and not at the source",
                _ => "other values at the target",
            };
            let why = match (*kind, self.lifetime) {
                ("extra", Some(seconds)) => format!(
                    "; rows live {seconds} seconds at the source, and nothing proves that these \
                     were there"
                ),
                _ => String::new(),
            };
            format!("{what}: {}, such as the one with key {key}{why}", counted(*rows, "row"))
        };
        self.open.iter().map(say).collect()
    }
}

#[cfg(test)]
mod tests;
