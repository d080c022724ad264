//! What a verification found, for reports: text, markdown and JSON.
//!
//! These types are the report's format (`schema/report.schema.json`): a change of them is a change
//! of it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How rows were compared.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Only their numbers.
    Counts,
    /// Some of them, chosen at random over all keys of the source, value by value.
    Sample,
    /// Every one, value by value.
    Full,
}

/// How it ended for one collection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Everything that was compared is the same, or differs for a reason that is known.
    Verified,
    /// Something differed, was copied again, and is the same now.
    Repaired,
    /// Something differs.
    Different,
    /// It could not be compared to the end, or what was loaded for that could not be released.
    Unfinished,
}

/// What was found of one collection.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Verification {
    /// `database/collection` at the source.
    pub source: String,
    /// `database/collection` at the target.
    pub target: String,
    /// How it ended.
    pub status: Status,
    /// How rows were compared.
    pub mode: Mode,
    /// Numbers of rows: of the whole first, then of each partition where rows are moved by
    /// partition.
    pub counts: Vec<RowCounts>,
    /// What comparing rows found; absent when only their numbers were compared.
    pub content: Option<Content>,
    /// The target's schema, indexes, load state and aliases against what they are to be; those that
    /// are the same too.
    pub schema: Vec<SchemaItem>,
    /// The same searches at both ends; empty when the plan file asks for none.
    pub searches: Vec<SearchParity>,
    /// What explains a difference.
    pub explanations: Vec<Explanation>,
    /// Differences that nothing explains, in words. Empty when `status` is `verified` or `repaired`, and
    /// where all that differs is `pending`.
    pub unexplained: Vec<String>,
    /// Why it is `unfinished`, and what to do; or what is left loaded where it is `different`.
    pub failure: Option<String>,
    /// Seconds that it took.
    pub seconds: f64,
}

/// The code of the explanation that says that a collection was replaced while it was compared.
pub const REPLACED: &str = "collection_replaced";
/// The code of the explanation that says that rows are others at the source by now.
pub const CHANGED_AT_SOURCE: &str = "changed_at_source";

impl Verification {
    /// Whether a collection was replaced while it was compared.
    pub fn is_replaced(&self) -> bool {
        self.explanations.iter().any(|explanation| explanation.code == REPLACED)
    }

    /// What says that rows changed at the source since the copy, where that makes the ends differ.
    pub fn pending(&self) -> Option<&Explanation> {
        self.content.as_ref().filter(|content| content.pending > 0)?;
        // What comparing rows found comes last.
        self.explanations.iter().rev().find(|one| one.code == CHANGED_AT_SOURCE)
    }

    /// What accounts for differences, but for those that are pending.
    pub fn accounted(&self) -> impl Iterator<Item = &Explanation> {
        let pending = self.pending().is_some();
        self.explanations.iter().filter(move |one| !(pending && one.code == CHANGED_AT_SOURCE))
    }

    /// All that makes the ends differ, in words.
    pub fn in_words(&self) -> Vec<String> {
        let pending = self.pending().map(|one| one.message.clone());
        self.unexplained.iter().cloned().chain(pending).collect()
    }

    /// Forgets what was found, but for how and when it was looked for.
    pub(super) fn forget(&mut self) {
        self.counts.clear();
        self.content = None;
        self.schema.clear();
        self.searches.clear();
        self.explanations.clear();
        self.unexplained.clear();
    }

    /// Adds what comparing schemas found.
    pub fn add_schema(&mut self, items: Vec<SchemaItem>) {
        let differing = items.iter().filter(|item| item.status == SchemaStatus::Different);
        self.unexplained.extend(differing.map(|item| {
            let wanted = item.wanted.as_ref().unwrap_or(&item.source);
            format!("{} is to be {wanted} at the target, and is {}", item.attribute, item.target)
        }));
        self.schema = items;
        if self.schema_differs() && matches!(self.status, Status::Verified | Status::Repaired) {
            self.status = Status::Different;
        }
    }

    /// Whether the target's schema is not as it is to be.
    pub fn schema_differs(&self) -> bool {
        super::schema::schema_differs(&self.schema)
    }
}

/// Numbers of rows, of a collection or of one partition.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RowCounts {
    /// The partition; absent for all that is moved.
    pub partition: Option<String>,
    /// `count(*)` at the source: live rows, duplicate keys counted. Absent before Milvus 2.3.
    pub source_count: Option<u64>,
    /// Distinct keys that the source returns; absent where they were not read.
    pub source_distinct: Option<u64>,
    /// Rows that were read, by the ledger; absent without one.
    pub read: Option<u64>,
    /// Rows that the target acknowledged, by the ledger; absent without one.
    pub acknowledged: Option<u64>,
    /// `count(*)` at the target.
    pub target_count: Option<u64>,
    /// Distinct keys that the target returns; absent where they were not read.
    pub target_distinct: Option<u64>,
}

/// What the target's rows were compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Basis {
    /// The rows that the source has now.
    Source,
    /// The digests of the rows that were copied, from the ledger; where those differ, the rows that
    /// the source has now.
    Ledger,
    /// The rows that the source has now, in key ranges where these are not the rows that were copied,
    /// by the digests in the ledger; in the others the target is not read.
    Changes,
}

/// What comparing rows found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Content {
    /// What the target's rows were compared with.
    pub basis: Basis,
    /// Rows of the source, or of the copy, that were compared.
    pub rows: u64,
    /// Key ranges that were compared by digest; 0 in a sample.
    pub ranges: u64,
    /// How many of them had been compared before this was interrupted, and were not again.
    #[serde(default)]
    pub ranges_before: u64,
    /// Key ranges whose digests differed.
    pub unequal_ranges: u64,
    /// Rows that are at the source and not at the target.
    pub missing: u64,
    /// Rows that are at the target and not at the source.
    pub extra: u64,
    /// Rows that are at both ends with different values.
    pub different: u64,
    /// How many of these differences an explanation accounts for.
    pub explained: u64,
    /// How many of the others are of rows that changed at the source since the copy, which `apply
    /// --catch-up` carries over.
    #[serde(default)]
    pub pending: u64,
    /// The first of these differences.
    pub differences: Vec<RowDifference>,
    /// What a sample says about the rows that were not looked at.
    pub confidence: Option<Confidence>,
    /// What was done about differences; absent when nothing was.
    pub repair: Option<Repair>,
}

impl Content {
    /// Nothing compared yet.
    pub(crate) fn nothing(basis: Basis) -> Self {
        Self {
            basis,
            rows: 0,
            ranges: 0,
            ranges_before: 0,
            unequal_ranges: 0,
            missing: 0,
            extra: 0,
            different: 0,
            explained: 0,
            pending: 0,
            differences: Vec::new(),
            confidence: None,
            repair: None,
        }
    }

    /// Rows that differ, but for those that an explanation accounts for.
    pub fn open(&self) -> u64 {
        (self.missing + self.extra + self.different).saturating_sub(self.explained)
    }

    /// Whether anything was done about rows that differed.
    pub fn is_repaired(&self) -> bool {
        self.repair.is_some_and(|repair| repair.copied + repair.deleted > 0)
    }
}

/// What a sample says about all rows.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Confidence {
    /// How sure: 0.95.
    pub level: f64,
    /// Fewer than this fraction of the source's rows are missing or different.
    pub fewer_than: f64,
}

/// What was done about differences.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Repair {
    /// Rows that were copied again, or for the first time.
    pub copied: u64,
    /// Bytes of their columns.
    #[serde(default)]
    pub bytes: u64,
    /// Rows that were deleted at the target.
    pub deleted: u64,
    /// How often rows were compared again.
    pub rounds: u32,
}

/// How a row differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RowDifferenceKind {
    /// It is not at the target.
    Missing,
    /// It is not at the source.
    Extra,
    /// It has other values.
    Different,
}

/// One row that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RowDifference {
    /// The partition, where rows are moved by partition.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub partition: Option<String>,
    /// Its primary key: a number or a text.
    #[schemars(with = "KeyValue")]
    pub key: crate::model::Key,
    /// How it differs.
    pub kind: RowDifferenceKind,
    /// The fields that differ, of one that is at both ends.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<crate::model::FieldDifference>,
    /// The code of the explanation that accounts for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub explanation: Option<String>,
}

/// A primary key: a number or a text.
#[derive(JsonSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "it only describes the format")]
enum KeyValue {
    Int64(i64),
    VarChar(String),
}

/// What explains a difference.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Explanation {
    /// A stable name: `duplicate_keys`, `expired`, `changed_at_source`, `not_loaded`,
    /// `deletes_not_compacted`, `value_changed_by_target`, `unreadable_key`, `set_aside`,
    /// `there_before`, `collection_replaced`.
    pub code: String,
    /// In words, with a key that proves it where there is one.
    pub message: String,
    /// Rows that it accounts for.
    pub rows: u64,
}

/// How one attribute of the target stands to the plan file and to the source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SchemaStatus {
    /// As at the source.
    Same,
    /// As the plan file asks, which is not as at the source.
    Overridden,
    /// Not as it is to be where the target may have its own: its server keeps it in another way or
    /// not at all, or somebody added to it. No row depends on it.
    TargetsOwn,
    /// As neither of them.
    Different,
}

/// One attribute of the target collection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SchemaItem {
    /// What it is: `description`, `fields.title.max_length`, `indexes.vec`, `aliases`, `load`, …
    pub attribute: String,
    /// As at the source.
    pub source: String,
    /// As at the target.
    pub target: String,
    /// As it is to be at the target, where that is neither.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wanted: Option<String>,
    /// How it stands.
    pub status: SchemaStatus,
}

/// The same searches at both ends, in one vector field.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SearchParity {
    /// The vector field, by its name at the target.
    pub field: String,
    /// Searches that were run at each end.
    pub queries: u64,
    /// Results that each asked for.
    pub top_k: u64,
    /// Share of the source's results that the target gave too, 0 to 1, averaged over the searches.
    pub overlap: f64,
    /// The same of the search where it was lowest.
    pub lowest_overlap: f64,
    /// Largest difference between the scores of the same row.
    pub largest_score_difference: f64,
    /// The least `overlap` that passes, by the plan file.
    pub min_overlap: f64,
    /// Whether it passed.
    pub passed: bool,
    /// The index at each end, `TYPE/METRIC`, such as `HNSW/COSINE`.
    pub source_index: String,
    /// The same at the target.
    pub target_index: String,
    /// What to keep in mind, such as that the index types differ; or why it was not searched.
    pub note: Option<String>,
}

#[cfg(test)]
mod tests;
