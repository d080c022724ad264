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
    /// Differences that nothing explains, and the first key of each sort.
    open: BTreeMap<(&'static str, Option<String>), (u64, String)>,
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
                     gives either of them: the target has the one that was copied"
                }
                code::EXPIRED => {
                    "were copied so long ago that they expired at one end, by its properties"
                }
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
                    "are at the target only, which had them before, and were not written by this move"
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
            let why = match (*kind, code, self.lifetime) {
                ("extra", Some(_), None) => "; deleted at the source after the copy".to_owned(),
                ("extra", Some(_), Some(seconds)) => format!(
                    "; deleted at the source after the copy, or expired: rows live {seconds} \
                     seconds there, which have not passed since the copy"
                ),
                ("extra", None, Some(seconds)) => format!(
                    "; rows live {seconds} seconds at the source, and nothing proves that these \
                     were there"
                ),
                (_, Some(_), _) => "; changed at the source after the copy".to_owned(),
                (_, None, _) => String::new(),
            };
            format!("{what}: {}, such as the one with key {key}{why}", counted(*rows, "row"))
        };
        self.open.iter().map(say).collect()
    }
}

#[cfg(test)]
mod tests;
