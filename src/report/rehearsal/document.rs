//! The report of a rehearsal as one JSON document, for programs: `schema/rehearsal.schema.json`
//! describes it. Its types are the format.

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::Serialize;
use serde_json::Value;

use super::super::document::{End, join_lines};
use super::super::plan::document::Finding;
use super::super::text::printable_json;
use crate::changes::Changes;
use crate::rehearse::Rehearsed;

/// Version of the format.
const FORMAT_VERSION: &str = "1.0";

/// What `milvus-ferry rehearse` came to.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[schemars(title = "milvus-ferry rehearsal")]
pub struct Document {
    /// Version of this format: `1.0`. The second number rises with additions.
    #[schemars(regex(pattern = "^1\\.[0-9]+$"))]
    pub format_version: String,
    /// What kind of document this is.
    pub kind: Kind,
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
    /// Rows of each collection that were asked for, at most.
    pub rows: u64,
    /// What it comes to.
    pub verdict: Verdict,
    /// The exit code of the command.
    pub exit_code: u8,
    /// One of every collection of the plan, in the order of the changes.
    pub collections: Vec<Rehearsed>,
    /// What the plan found, errors and warnings.
    pub findings: Vec<Finding>,
}

/// What kind of document it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The report of a rehearsal.
    Rehearsal,
}

/// What a rehearsal comes to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Verdict {
    /// In one word.
    pub word: Word,
    /// In a sentence.
    pub sentence: String,
}

/// What a rehearsal comes to, in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Word {
    /// Every step that was tried is ok.
    Ok,
    /// A step failed.
    Failed,
    /// No step failed, and there is something that `apply` would refuse.
    Refused,
    /// It was interrupted.
    Interrupted,
}

/// What the document is about, beside what was found.
#[derive(Debug, Clone)]
pub struct About {
    /// When it began.
    pub started: String,
    /// When it ended.
    pub finished: String,
    /// Rows of each collection that were asked for.
    pub rows: u64,
    /// The exit code.
    pub exit_code: u8,
}

impl Document {
    /// The document of a rehearsal.
    pub fn new(
        changes: &Changes,
        about: About,
        verdict: Verdict,
        collections: Vec<Rehearsed>,
    ) -> Self {
        Self {
            format_version: FORMAT_VERSION.to_owned(),
            kind: Kind::Rehearsal,
            name: changes.name.clone(),
            environment: changes.environment.clone(),
            tool_version: env!("CARGO_PKG_VERSION").to_owned(),
            source: changes.source.clone().into(),
            target: changes.target.clone().into(),
            started: about.started,
            finished: about.finished,
            rows: about.rows,
            verdict,
            exit_code: about.exit_code,
            collections,
            findings: changes.all_findings().map(Finding::from).collect(),
        }
    }

    /// The document as text.
    ///
    /// # Errors
    /// When it cannot be put into JSON.
    pub fn to_text(&self) -> Result<String, String> {
        match serde_json::to_string_pretty(self) {
            Ok(json) => Ok(format!("{}\n", printable_json(&json))),
            Err(error) => Err(format!("the rehearsal cannot be put into JSON: {error}")),
        }
    }
}

/// The JSON Schema of the document. Additions are no violation, so that readers of an older schema
/// keep reading.
pub fn published_schema() -> Value {
    let settings = SchemaSettings::draft07().for_serialize();
    let mut schema = settings.into_generator().into_root_schema_for::<Document>().to_value();
    join_lines(&mut schema);
    schema
}
