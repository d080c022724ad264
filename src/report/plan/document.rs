//! The changes as one JSON document, for programs: `schema/changes.schema.json` describes it.
//!
//! Its types are the format. [`FORMAT_VERSION`] rises in its second number where something is added,
//! in its first where a reader of the old format would misunderstand the new one. Readers ignore
//! what they do not know; nothing is ever renamed or reordered.

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::super::document::{End, join_lines};
use super::super::text::printable_json;
use super::steps::{Step, steps};
use super::{findings, verdict};
use crate::changes::saved::Saved;
use crate::changes::{self, Changes, CollectionChange, Selection};

/// Version of the format.
pub const FORMAT_VERSION: &str = "1.0";

/// What `apply` would do.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(title = "milvus-ferry changes")]
pub struct Document {
    /// Version of this format: `1.0`. The second number rises with additions.
    #[schemars(regex(pattern = "^1\\.[0-9]+$"))]
    pub format_version: String,
    /// What the document is.
    pub kind: Kind,
    /// Version of milvus-ferry.
    pub tool_version: String,
    /// Name of the plan file's run, as in the ledger.
    pub name: String,
    /// The environment of the plan file that was chosen.
    pub environment: Option<String>,
    /// Where rows come from.
    pub source: End,
    /// Where they go.
    pub target: End,
    /// Which collections of the plan file were looked at.
    pub selection: Chosen,
    /// What it comes to.
    pub verdict: Verdict,
    /// How much of what there is.
    pub counts: Counts,
    /// Databases of the target that are created with no collection in them, as at the source.
    pub databases: Vec<String>,
    /// One of every collection, in the order of their addresses at the target.
    pub collections: Vec<Entry>,
    /// Findings about no collection in particular.
    pub findings: Vec<Finding>,
    /// What `show` and `apply` need of saved changes: for this tool alone, and of no stable form.
    /// Absent where the changes are not saved.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Value>")]
    pub saved: Option<Box<Saved>>,
}

/// What a document is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The changes that a plan file asks for.
    Changes,
}

/// Which collections of the plan file were looked at, and how.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Chosen {
    /// Globs of source collections (`--only`); empty means all.
    pub only: Vec<String>,
    /// Globs of what was left out (`--exclude`).
    pub exclude: Vec<String>,
    /// Whether finished collections are brought up to date (`--catch-up`).
    pub catch_up: bool,
}

/// What the changes come to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Verdict {
    /// In one word.
    pub word: Word,
    /// In one line, for people.
    pub sentence: String,
}

/// What the changes come to, in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Word {
    /// There is something to do.
    Pending,
    /// There is nothing to do.
    NothingToDo,
    /// `apply` refuses; the findings say why.
    Refused,
}

impl Word {
    /// As in the document.
    pub fn text(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::NothingToDo => "nothing_to_do",
            Self::Refused => "refused",
        }
    }
}

/// Numbers of collections and findings, and what is to be copied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Counts {
    /// Collections to make.
    pub create: u64,
    /// Collections that are there, and are filled.
    pub adopt: u64,
    /// Collections that an earlier run began.
    pub resume: u64,
    /// Collections with nothing to do.
    pub unchanged: u64,
    /// Collections that `apply` refuses.
    pub conflict: u64,
    /// Findings for which `apply` refuses.
    pub errors: u64,
    /// Findings worth knowing.
    pub warnings: u64,
    /// Rows that are to be copied, as far as they are known.
    pub rows: u64,
    /// Estimated bytes of those rows on the wire, as far as they are known.
    pub bytes: u64,
}

/// The change of one collection.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Entry {
    /// `database/collection` at the target.
    pub address: String,
    /// `database/collection` at the source.
    pub source_address: String,
    /// What is done.
    pub action: Action,
    /// A stable name of why: `target_missing`, `unfinished`, `target_exists`, …
    pub reason: String,
    /// Why, in words; may be empty.
    pub explanation: String,
    /// Rows that are to be copied; absent where that is not known.
    pub rows: Option<u64>,
    /// Estimated bytes of those rows on the wire; absent where that is not known.
    pub bytes: Option<u64>,
    /// What is done, in this order.
    pub steps: Vec<Step>,
    /// What the target has otherwise than the source.
    pub overrides: Vec<Override>,
    /// What should be known, errors first.
    pub findings: Vec<Finding>,
}

/// What `apply` does to a collection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Makes it and fills it.
    Create,
    /// Fills one that was there before.
    Adopt,
    /// Goes on where an earlier run stopped.
    Resume,
    /// Nothing.
    Unchanged,
    /// Nothing, because it would be wrong; the findings say why.
    Conflict,
}

impl Action {
    /// In one word.
    pub(super) fn text(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Adopt => "adopt",
            Self::Resume => "resume",
            Self::Unchanged => "unchanged",
            Self::Conflict => "conflict",
        }
    }
}

impl From<changes::Action> for Action {
    fn from(action: changes::Action) -> Self {
        match action {
            changes::Action::Create => Self::Create,
            changes::Action::Adopt => Self::Adopt,
            changes::Action::Resume => Self::Resume,
            changes::Action::Unchanged => Self::Unchanged,
            changes::Action::Conflict => Self::Conflict,
        }
    }
}

/// An attribute that the target gets differently from the source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Override {
    /// `description`, `dynamic_field`, `partition_key`, `id.auto_id`, …
    pub attribute: String,
    /// As at the source.
    pub source: String,
    /// As at the target.
    pub target: String,
}

/// Something that a person should know before `apply`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// A stable name of the kind of finding.
    pub code: String,
    /// What it is about: `database/collection`, with a field or an alias where it is about one.
    pub address: String,
    /// What is the case, or will happen.
    pub message: String,
    /// What to do; may be empty.
    pub advice: String,
}

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// `apply` refuses.
    Error,
    /// Worth knowing before saying yes.
    Warning,
}

impl From<&changes::Finding> for Finding {
    fn from(found: &changes::Finding) -> Self {
        Self {
            severity: match found.severity {
                changes::Severity::Error => Severity::Error,
                changes::Severity::Warning => Severity::Warning,
            },
            code: found.code.to_string(),
            address: found.address.clone(),
            message: found.message.clone(),
            advice: found.advice.clone(),
        }
    }
}

impl Entry {
    fn of(change: &CollectionChange) -> Self {
        let pending = change.is_pending();
        let overrides = change.overrides.iter().map(|found| Override {
            attribute: found.attribute.clone(),
            source: found.source.clone(),
            target: found.target.clone(),
        });
        Self {
            address: change.target_address.clone(),
            source_address: change.source_address.clone(),
            action: change.action.into(),
            reason: change.reason.to_string(),
            explanation: change.explanation.clone(),
            rows: if pending { change.rows_to_copy() } else { Some(0) },
            bytes: if pending { change.bytes_to_copy() } else { Some(0) },
            steps: steps(change),
            overrides: overrides.collect(),
            findings: change.findings.iter().map(Finding::from).collect(),
        }
    }
}

impl Document {
    /// The document of changes, of which `tool_version` is the version that computed them.
    pub fn new(changes: &Changes, selection: &Selection, tool_version: &str) -> Self {
        let collections: Vec<Entry> = changes.collections.iter().map(Entry::of).collect();
        let count = |action| changes.count(action) as u64;
        let all = findings(changes);
        let of = |severity| all.iter().filter(|found| found.severity == severity).count() as u64;
        let sum = |value: fn(&Entry) -> Option<u64>| {
            collections.iter().filter_map(value).fold(0_u64, u64::saturating_add)
        };
        Self {
            format_version: FORMAT_VERSION.to_owned(),
            kind: Kind::Changes,
            tool_version: tool_version.to_owned(),
            name: changes.name.clone(),
            environment: changes.environment.clone(),
            source: changes.source.clone().into(),
            target: changes.target.clone().into(),
            selection: Chosen {
                only: selection.only.clone(),
                exclude: selection.exclude.clone(),
                catch_up: selection.catch_up,
            },
            verdict: verdict(changes),
            counts: Counts {
                create: count(changes::Action::Create),
                adopt: count(changes::Action::Adopt),
                resume: count(changes::Action::Resume),
                unchanged: count(changes::Action::Unchanged),
                conflict: count(changes::Action::Conflict),
                errors: of(changes::Severity::Error),
                warnings: of(changes::Severity::Warning),
                rows: sum(|entry| entry.rows),
                bytes: sum(|entry| entry.bytes),
            },
            databases: changes.databases.iter().map(|database| database.name.clone()).collect(),
            collections,
            findings: changes.findings.iter().map(Finding::from).collect(),
            saved: None,
        }
    }

    /// The document of changes that are saved.
    pub fn saved(saved: Saved) -> Self {
        let document = Self::new(&saved.changes, &saved.selection, &saved.tool_version);
        Self { saved: Some(Box::new(saved)), ..document }
    }

    /// The document as text.
    ///
    /// # Errors
    /// When a path in it is no text.
    pub fn to_text(&self) -> Result<String, String> {
        match serde_json::to_string_pretty(self) {
            Ok(json) => Ok(format!("{}\n", printable_json(&json))),
            Err(error) => Err(format!("the changes cannot be put into JSON: {error}")),
        }
    }
}

/// Reads saved changes.
///
/// # Errors
/// When the text is anything else, in words that say what it is.
pub fn restore(text: &str) -> Result<Saved, String> {
    /// Everything that is asked of a document before it is read as one of this format.
    #[derive(Deserialize)]
    struct Head {
        format_version: Option<String>,
        kind: Option<Value>,
        command: Option<Value>,
        tool_version: Option<String>,
        saved: Option<Value>,
    }
    let broken = |error: serde_json::Error| match error.classify() {
        serde_json::error::Category::Eof => "the file ends too early: it is not whole".to_owned(),
        _ => format!("it is no JSON document of milvus-ferry: {error}"),
    };
    let head: Head = serde_json::from_str(text).map_err(broken)?;
    if head.command.is_some() && head.kind.is_none() {
        return Err("it is a report of `apply` or `verify`, and no saved changes".to_owned());
    }
    let (Some(version), Some(kind)) = (head.format_version, head.kind) else {
        return Err("it holds no saved changes".to_owned());
    };
    let by = head.tool_version.unwrap_or_else(|| "another version".to_owned());
    let major = version.split('.').next().unwrap_or_default();
    if Some(major) != FORMAT_VERSION.split('.').next() {
        return Err(format!(
            "format version {version} is not known to this build, which reads {FORMAT_VERSION}: it \
             was saved by milvus-ferry {by}"
        ));
    }
    if kind != "changes" {
        return Err("it holds no saved changes".to_owned());
    }
    let Some(saved) = head.saved else {
        return Err("it shows changes and does not hold what is needed to apply them: they were \
                    printed with `plan --format json`, and not saved with `plan --out`"
            .to_owned());
    };
    serde_json::from_value(saved).map_err(|error| {
        let build = env!("CARGO_PKG_VERSION");
        format!("what milvus-ferry {by} saved in it cannot be read by this build, {build}: {error}")
    })
}

/// The JSON Schema of the document. Additions are no violation, so that readers of an older schema
/// keep reading.
pub fn published_schema() -> Value {
    let settings = SchemaSettings::draft07().for_serialize();
    let mut schema = settings.into_generator().into_root_schema_for::<Document>().to_value();
    join_lines(&mut schema);
    schema
}
