//! What a rehearsal found, for reports: text, markdown and JSON.
//!
//! These types are a part of the report's format (`schema/rehearsal.schema.json`): a change of them is
//! a change of it.

use schemars::JsonSchema;
use serde::Serialize;

/// One step of a rehearsal, in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// Choosing rows at the source, and reading them.
    ReadRows,
    /// Making the scratch collection, and describing it again.
    CreateCollection,
    /// Making its partitions.
    CreatePartitions,
    /// Writing the rows.
    WriteRows,
    /// Making its indexes.
    CreateIndexes,
    /// Loading it.
    Load,
    /// Reading the rows back, and comparing them with the source value by value.
    CompareRows,
    /// Writing one row again by its key.
    Upsert,
    /// Deleting one row by its key.
    Delete,
    /// Writing a row whose key the target makes up.
    InsertWithoutKey,
    /// Searching in each field of vectors.
    Search,
    /// Deleting the scratch collection.
    DropCollection,
}

impl Step {
    /// All of them, in order.
    pub const ALL: [Self; 12] = [
        Self::ReadRows,
        Self::CreateCollection,
        Self::CreatePartitions,
        Self::WriteRows,
        Self::CreateIndexes,
        Self::Load,
        Self::CompareRows,
        Self::Upsert,
        Self::Delete,
        Self::InsertWithoutKey,
        Self::Search,
        Self::DropCollection,
    ];

    /// In words.
    pub fn text(self) -> &'static str {
        match self {
            Self::ReadRows => "read rows",
            Self::CreateCollection => "create collection",
            Self::CreatePartitions => "create partitions",
            Self::WriteRows => "write rows",
            Self::CreateIndexes => "create indexes",
            Self::Load => "load",
            Self::CompareRows => "compare rows",
            Self::Upsert => "upsert a row",
            Self::Delete => "delete a row",
            Self::InsertWithoutKey => "insert without a key",
            Self::Search => "search",
            Self::DropCollection => "delete the scratch collection",
        }
    }

    /// The head of its column.
    pub fn head(self) -> &'static str {
        match self {
            Self::ReadRows => "read",
            Self::CreateCollection => "make",
            Self::CreatePartitions => "part",
            Self::WriteRows => "rows",
            Self::CreateIndexes => "idx",
            Self::Load => "load",
            Self::CompareRows => "same",
            Self::Upsert => "ups",
            Self::Delete => "del",
            Self::InsertWithoutKey => "auto",
            Self::Search => "find",
            Self::DropCollection => "drop",
        }
    }
}

/// How a step ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum StepStatus {
    /// It did what it is to do.
    Ok,
    /// It did not.
    Failed,
    /// It was not tried.
    Skipped,
}

/// What a step came to.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct StepOutcome {
    /// Which.
    pub step: Step,
    /// How it ended.
    pub status: StepStatus,
    /// What was found; why it failed, in the server's own words where it refused; or why it was not
    /// tried. May be empty where it is ok.
    pub text: String,
    /// What to do where it failed; may be empty.
    pub advice: String,
    /// Seconds that it took.
    pub seconds: f64,
}

/// What was measured with the rows of the sample, one request at a time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, JsonSchema)]
pub struct Measured {
    /// Rows that were read and written.
    pub rows: u64,
    /// Their bytes on the wire.
    pub bytes: u64,
    /// Seconds of reading them.
    pub read_seconds: f64,
    /// Seconds of writing them.
    pub write_seconds: f64,
}

/// What that comes to for all rows: an estimate.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, JsonSchema)]
pub struct Estimate {
    /// Rows that are to be copied.
    pub rows: u64,
    /// Bytes of them on the wire. The sample has the largest rows in it that were found, so that this
    /// is rather too many.
    pub bytes: u64,
    /// Seconds of copying them at the slower of both rates; neither building indexes nor comparing is
    /// in it.
    pub seconds: f64,
}

impl Measured {
    /// What it comes to for so many rows; `None` where nothing was measured.
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "an estimate"
    )]
    pub fn estimate(&self, rows: u64) -> Option<Estimate> {
        if self.rows == 0 {
            return None;
        }
        let times = rows as f64 / self.rows as f64;
        Some(Estimate {
            rows,
            bytes: (self.bytes as f64 * times) as u64,
            seconds: self.read_seconds.max(self.write_seconds) * times,
        })
    }
}

/// What became of one collection.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Rehearsed {
    /// `database/collection` at the source.
    pub source: String,
    /// `database/collection` at the target.
    pub target: String,
    /// `database/collection` of the scratch collection; absent where none was to be made.
    pub scratch: Option<String>,
    /// Why it was not rehearsed at all; absent where it was.
    pub skipped: Option<String>,
    /// Each step; empty where it was not rehearsed.
    pub steps: Vec<StepOutcome>,
    /// What was measured; absent where no row was written.
    pub measured: Option<Measured>,
    /// What that comes to for all rows; absent where their number is not known.
    pub estimate: Option<Estimate>,
    /// What is left behind, and could not be undone.
    pub left: Vec<String>,
    /// Whether a server could not be used any more.
    #[serde(skip)]
    pub unreachable: bool,
}

impl Rehearsed {
    /// Nothing done yet.
    pub(super) fn of(source: &str, target: &str) -> Self {
        Self {
            source: source.to_owned(),
            target: target.to_owned(),
            scratch: None,
            skipped: None,
            steps: Vec::new(),
            measured: None,
            estimate: None,
            left: Vec::new(),
            unreachable: false,
        }
    }

    pub(super) fn skipped(source: &str, target: &str, reason: String) -> Self {
        Self { skipped: Some(reason), ..Self::of(source, target) }
    }

    /// Steps that ended so.
    pub fn count(&self, status: StepStatus) -> usize {
        self.steps.iter().filter(|step| step.status == status).count()
    }

    /// What a step came to.
    pub fn step(&self, step: Step) -> Option<&StepOutcome> {
        self.steps.iter().find(|outcome| outcome.step == step)
    }

    /// Whether anything failed, or is left behind.
    pub fn has_failed(&self) -> bool {
        self.count(StepStatus::Failed) > 0 || !self.left.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_slower_rate_counts() {
        let measured = Measured { rows: 100, bytes: 5_000, read_seconds: 1.0, write_seconds: 2.0 };
        let estimate = measured.estimate(1_000).unwrap();
        assert_eq!((estimate.rows, estimate.bytes), (1_000, 50_000));
        assert!((estimate.seconds - 20.0).abs() < 1e-9);
        assert_eq!(Measured { rows: 0, ..measured }.estimate(1_000), None);
    }
}
