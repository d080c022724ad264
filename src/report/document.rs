//! The report as one JSON document, for programs: `schema/report.schema.json` describes it.
//!
//! Its types are the format. [`FORMAT_VERSION`] rises in its second number where something is added,
//! in its first where a reader of the old format would misunderstand the new one.

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::text::escape;
use super::verification::{Verdict, Word, verdict};
use crate::apply::event::{Outcome, Status};
use crate::changes::{self, CollectionChange};
use crate::verify::counts::Counts;
use crate::verify::result::{self, Mode, RowCounts, Verification};

/// Version of the format.
pub const FORMAT_VERSION: &str = "1.1";

/// What a run of `apply` or `verify` came to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "milvus-ferry report")]
pub struct Document {
    /// Version of this format: `1.1`. The second number rises with additions.
    #[schemars(regex(pattern = "^1\\.[0-9]+$"))]
    pub format_version: String,
    /// The command that wrote it.
    pub command: Command,
    /// Name of the plan file's run, as in the ledger.
    pub name: String,
    /// The environment of the plan file that was chosen.
    pub environment: Option<String>,
    /// Version of milvus-ferry.
    pub tool_version: String,
    /// Where rows come from.
    pub source: End,
    /// Where they go.
    pub target: End,
    /// When it began: UTC, such as `2026-08-31T12:34:56.789Z`.
    pub started: String,
    /// When it ended: UTC.
    pub finished: String,
    /// What it comes to.
    pub verdict: Verdict,
    /// The exit code of the command.
    pub exit_code: u8,
    /// One of every collection, in the order of their addresses at the target.
    pub collections: Vec<CollectionReport>,
    /// The file that names every row that differs, one JSON object a line; absent where there is none.
    pub differences_file: Option<String>,
}

/// A command that writes a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Command {
    /// Carries changes out.
    Apply,
    /// Compares both ends.
    Verify,
}

/// One of the two servers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct End {
    /// Its address, without credentials.
    pub uri: String,
    /// What it is: `Milvus 2.3.5`.
    pub version: String,
}

impl From<changes::End> for End {
    fn from(end: changes::End) -> Self {
        Self { uri: end.uri, version: end.version }
    }
}

/// What became of one collection.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CollectionReport {
    /// `database/collection` at the source.
    pub source: String,
    /// `database/collection` at the target.
    pub target: String,
    /// What `apply` did; absent where nothing was to be done, and in a report of `verify`.
    pub copy: Option<Copied>,
    /// What comparing both ends found; absent where they were not compared.
    pub verification: Option<Verification>,
}

/// What `apply` did for one collection.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Copied {
    /// How it ended.
    pub status: CopyStatus,
    /// Why it failed, and what to do.
    pub failure: Option<String>,
    /// Rows that this run copied.
    pub rows: u64,
    /// Their bytes on the wire.
    pub bytes: u64,
    /// Seconds that it took.
    pub seconds: f64,
    /// Calls that were made again.
    pub retries: u64,
    /// Rows that the target refuses and that are set aside, by this run or an earlier one.
    pub rejected: u64,
    /// The file that names them.
    pub rejects_file: Option<String>,
    /// Numbers of rows right after the copy; absent where they were not counted.
    pub counts: Option<Counts>,
    /// Differences of rows or of their numbers that nothing explains.
    pub differences: Vec<String>,
    /// What a person should know.
    pub warnings: Vec<String>,
}

/// How the copy of a collection ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CopyStatus {
    /// Everything is done.
    Done,
    /// There was nothing to do.
    Unchanged,
    /// Everything is done, and the numbers of rows differ without an explanation.
    CountsDiffer,
    /// Everything is done, and rows were compared and differ; the same command copies them again.
    RowsDiffer,
    /// Everything is done, and the target's schema is not as it is to be.
    SchemaDiffers,
    /// Something failed; the same command continues.
    Failed,
    /// It was stopped; the same command continues.
    Stopped,
}

impl CollectionReport {
    /// What a comparison alone found.
    pub fn verified(found: &Verification) -> Self {
        Self {
            source: found.source.clone(),
            target: found.target.clone(),
            copy: None,
            verification: Some(found.clone()),
        }
    }

    /// One that is as it was.
    pub fn untouched(change: &CollectionChange) -> Self {
        Self {
            source: change.source_address.clone(),
            target: change.target_address.clone(),
            copy: None,
            verification: None,
        }
    }

    /// What a copy did, and what comparing it found.
    pub fn copied(outcome: &Outcome) -> Self {
        let (status, failure, differences) = match &outcome.status {
            Status::Done => (CopyStatus::Done, None, &[][..]),
            Status::Unchanged => (CopyStatus::Unchanged, None, &[][..]),
            Status::CountsDiffer(texts) => (CopyStatus::CountsDiffer, None, texts.as_slice()),
            Status::RowsDiffer(texts) => (CopyStatus::RowsDiffer, None, texts.as_slice()),
            Status::SchemaDiffers(texts) => (CopyStatus::SchemaDiffers, None, texts.as_slice()),
            Status::Failed(why) | Status::Owned(why) | Status::Replaced(why) => {
                (CopyStatus::Failed, Some(why.clone()), &[][..])
            }
            Status::Stopped => (CopyStatus::Stopped, None, &[][..]),
        };
        let copy = (status != CopyStatus::Unchanged).then(|| Copied {
            status,
            failure,
            rows: outcome.rows,
            bytes: outcome.bytes,
            seconds: outcome.elapsed.as_secs_f64(),
            retries: outcome.retries,
            rejected: outcome.rejected,
            rejects_file: outcome.rejects_file.as_ref().map(|file| file.display().to_string()),
            counts: outcome.counts.clone(),
            differences: differences.to_vec(),
            warnings: outcome.warnings.clone(),
        });
        Self {
            source: outcome.source.clone(),
            target: outcome.target.clone(),
            copy,
            verification: outcome.verification.as_deref().cloned(),
        }
    }
}

/// What a run of `apply` comes to: what was compared when rows had been copied, or else their counts.
pub fn verdict_of_copy(outcomes: &[Outcome]) -> Verdict {
    let not_verified = |text: String| Verdict {
        word: Word::NotVerified,
        sentence: format!("Not verified: {}", escape(&text)),
    };
    for outcome in outcomes {
        match &outcome.status {
            Status::Failed(why) | Status::Owned(why) | Status::Replaced(why) => {
                let why = why.lines().next().unwrap_or_default();
                return not_verified(format!("{} failed: {why}", outcome.target));
            }
            Status::Stopped => return not_verified(format!("{} was stopped.", outcome.target)),
            Status::Done
            | Status::Unchanged
            | Status::CountsDiffer(_)
            | Status::RowsDiffer(_)
            | Status::SchemaDiffers(_) => {}
        }
    }
    let found: Vec<Verification> = outcomes
        .iter()
        .filter(|outcome| outcome.status != Status::Unchanged)
        .map(|outcome| match (&outcome.status, &outcome.verification) {
            (Status::Done | Status::RowsDiffer(_) | Status::SchemaDiffers(_), Some(found)) => {
                found.as_ref().clone()
            }
            _ => counted(outcome),
        })
        .collect();
    if found.is_empty() {
        return not_verified("there was nothing to do, and nothing was compared.".to_owned());
    }
    verdict(&found)
}

/// The counts of a copy as a comparison that compared nothing else.
fn counted(outcome: &Outcome) -> Verification {
    let whole = outcome.counts.as_ref().map(|counts| RowCounts {
        partition: None,
        source_count: counts.source_count,
        source_distinct: None,
        read: Some(counts.read),
        acknowledged: Some(counts.acknowledged),
        target_count: counts.target_count,
        target_distinct: counts.target_distinct,
    });
    let unexplained = match &outcome.status {
        Status::CountsDiffer(texts) | Status::RowsDiffer(texts) | Status::SchemaDiffers(texts) => {
            texts.clone()
        }
        _ => Vec::new(),
    };
    let different = !unexplained.is_empty();
    Verification {
        source: outcome.source.clone(),
        target: outcome.target.clone(),
        status: if different { result::Status::Different } else { result::Status::Verified },
        mode: Mode::Counts,
        counts: whole.into_iter().collect(),
        content: None,
        schema: Vec::new(),
        searches: Vec::new(),
        explanations: Vec::new(),
        unexplained,
        failure: None,
        seconds: outcome.elapsed.as_secs_f64(),
    }
}

impl Document {
    /// The document as text.
    pub fn to_text(&self) -> Result<String, String> {
        match serde_json::to_string_pretty(self) {
            Ok(json) => Ok(format!("{}\n", super::text::printable_json(&json))),
            Err(error) => Err(format!("the report cannot be put into JSON: {error}")),
        }
    }
}

/// The JSON Schema of the document. Additions are no violation, so that readers of an older schema
/// keep reading.
pub fn published_schema() -> Value {
    let settings = SchemaSettings::draft07();
    let mut schema = settings.into_generator().into_root_schema_for::<Document>().to_value();
    join_lines(&mut schema);
    schema
}

/// Descriptions come from comments, which are broken into lines.
pub(super) fn join_lines(value: &mut Value) {
    match value {
        Value::Object(object) => {
            for (key, inner) in object {
                match inner {
                    Value::String(text) if key == "description" => *text = text.replace('\n', " "),
                    inner => join_lines(inner),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(join_lines),
        _ => {}
    }
}

#[cfg(test)]
mod tests;
