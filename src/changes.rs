//! The changes that a plan file asks for: what both ends hold (`inspect`), what the target is to
//! be (`wanted`), what stands against that (`preflight`, by `abilities` and `indexes`), the difference
//! (`diff`, by `model::differences`), the rules that it has to keep (`policy`), and what moved since
//! they were saved (`saved`).
//!
//! All but `inspect` are pure: values in, values out.

pub mod abilities;
mod asking;
mod databases;
pub mod diff;
mod glob;
mod in_use;
pub mod indexes;
pub mod inspect;
pub mod policy;
pub mod preflight;
pub mod saved;
pub mod wanted;

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use databases::NewDatabase;

use crate::model::{Collection, CollectionRule, LoadState, Mark, Partition, Replicas, RowSettings};

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// `apply` refuses.
    Error,
    /// Worth knowing before saying yes.
    Warning,
}

/// Something that a person should know before `apply`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// A stable name of the kind of finding.
    pub code: Cow<'static, str>,
    /// `database/collection` or `database/collection/field` that it is about.
    pub address: String,
    /// What is the case, or will happen.
    pub message: String,
    /// What to do; may be empty for a warning.
    pub advice: String,
}

/// Codes of warnings by which something is lost, or may be.
pub const RISKY: &[&str] = &[
    "adopted",
    "adopted_by_partition",
    "alias_taken_over",
    "auto_id_restarts",
    "default_value_risky",
    "dynamic_data_dropped",
    "field_dropped",
    "function_recomputed",
    "half_caught_up",
    "index_replaced",
    "nulls_become_default",
    "partitions_left_out",
    "partitions_merged",
    "source_not_read",
    "taken_over",
    "target_drifted",
    "target_gone",
    "target_lacks_default",
    "target_lacks_feature",
    "target_lacks_functions",
    "target_rows_differ",
    "ttl_restarts",
];

/// The code of the finding that another run is filling a target.
pub const BEING_FILLED: &str = "target_being_filled";
impl Finding {
    /// Something for which `apply` refuses.
    pub fn error(
        code: &'static str,
        address: impl Into<String>,
        message: String,
        advice: impl Into<String>,
    ) -> Self {
        let (address, advice) = (address.into(), advice.into());
        Self { severity: Severity::Error, code: code.into(), address, message, advice }
    }

    /// Something worth knowing before saying yes.
    pub fn warning(
        code: &'static str,
        address: impl Into<String>,
        message: String,
        advice: impl Into<String>,
    ) -> Self {
        Self { severity: Severity::Warning, ..Self::error(code, address, message, advice) }
    }
}

/// Which of the plan file's collections to look at (`--only`, `--exclude`).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Selection {
    /// Globs over `database/collection` or `collection` of the source; empty means all.
    pub only: Vec<String>,
    /// Globs of what to leave out.
    pub exclude: Vec<String>,
    /// Whether the rows of finished collections are brought up to date (`--catch-up`).
    pub catch_up: bool,
    /// Targets, as `database/collection` or `collection`, that are taken over from other runs
    /// (`--take-over`).
    #[serde(default)]
    pub take_over: Vec<String>,
}

impl Selection {
    /// Whether a target is to be taken over.
    pub fn takes_over(&self, database: &str, name: &str) -> bool {
        let address = format!("{database}/{name}");
        self.take_over.iter().any(|asked| asked == name || *asked == address)
    }
}

/// A source collection as it was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceState {
    /// The server's id of it.
    pub id: i64,
    /// What it is, indexes and user partitions included.
    pub collection: Collection,
    /// Every partition with its load state; only `_default` and the user's own.
    pub partitions: Vec<Partition>,
    /// Load state of the whole.
    pub load: LoadState,
    /// `count(*)`: live rows, duplicate keys counted. `None` before 2.3, or when not loaded.
    pub rows: Option<u64>,
    /// The `row_count` statistic: flushed rows, deletes not subtracted.
    pub row_statistic: u64,
    /// Bytes of an average row on the wire, from a sample; `None` where nothing could be sampled.
    pub row_bytes: Option<u64>,
    /// Rows with dynamic data; counted only where the plan file switches the dynamic field off.
    pub dynamic_rows: Option<u64>,
    /// Rows that are null in a field; counted only where that matters.
    pub nulls: BTreeMap<String, u64>,
    /// Rows with a dynamic key that is the name of a field at the target; only those that there are.
    pub shadowed: BTreeMap<String, u64>,
    /// Replicas in memory, where the server tells and they matter.
    pub replicas: Option<Replicas>,
}

/// A target collection as it was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TargetState {
    /// The server's id of it.
    pub id: i64,
    /// What it is, indexes and user partitions included.
    pub collection: Collection,
    /// Load state of the whole.
    pub load: LoadState,
    /// `count(*)`; `None` where it cannot be asked.
    pub rows: Option<u64>,
    /// The `row_count` statistic: flushed rows, deletes not subtracted.
    pub row_statistic: u64,
    /// Who fills it, by the marks on it.
    #[serde(default)]
    pub marks: Vec<Mark>,
}

/// What earlier runs did to a target collection, from the ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[allow(clippy::struct_excessive_bools, reason = "each is recorded for itself")]
pub struct Known {
    /// The target as it was to be.
    pub wanted: Collection,
    /// The target as it described itself right after it was made.
    pub created: Option<Collection>,
    /// How rows are read and written.
    pub settings: RowSettings,
    /// The target's id of the collection that was made.
    pub target_id: Option<i64>,
    /// The source's id of the collection that was read.
    pub source_id: i64,
    /// Whether everything was done.
    pub finished: bool,
    /// Whether the target was there before us.
    pub adopted: bool,
    /// Whether a verification found rows that are missing or different, which nothing mended since.
    pub to_repair: bool,
    /// Whether a pass that carried changes over was not completed.
    #[serde(default)]
    pub half_caught_up: bool,
    /// Whether properties that the target had for the copy alone are still to be taken back.
    #[serde(default)]
    pub to_take_back: bool,
    /// The owner that marks of this ledger name, where it has made any.
    #[serde(default)]
    pub owner: Option<String>,
    /// Whether the target was seen with such a mark, which was not taken away since.
    #[serde(default)]
    pub marked: bool,
    /// Rows acknowledged so far.
    pub rows: u64,
    /// Chunks copied so far.
    pub chunks_done: u64,
    /// Chunks found and not copied yet.
    pub chunks_open: u64,
    /// `database/collection` of the source.
    pub source_address: String,
}

/// Why the rows of a finished collection are compared once more, and brought up to date.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Update {
    /// A verification found rows that are missing or different.
    Repair,
    /// `--catch-up`: the source may have changed since.
    CatchUp,
}

/// What `apply` does to one collection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Make it and fill it.
    Create,
    /// Fill one that was there before.
    Adopt,
    /// Go on where an earlier run stopped.
    Resume,
    /// Nothing.
    Unchanged,
    /// Nothing, because it would be wrong; the findings say why.
    Conflict,
}

/// What is done with a target when its rows are there.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ending {
    /// What is loaded.
    pub loaded: Loaded,
    /// Whether that is as at the source.
    pub as_source: bool,
    /// Replicas to load; the target's default where absent.
    pub replicas: Option<u32>,
    /// Whether an alias that another collection has is taken from it.
    pub move_aliases: bool,
}

/// What of a collection is in memory.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Loaded {
    /// Nothing.
    #[default]
    Nothing,
    /// All of it.
    All,
    /// These partitions.
    Partitions(Vec<String>),
}

impl Loaded {
    /// The load state of the collection then. That of the source may be another one: it calls itself
    /// loaded with any of its partitions, also one that is not copied.
    pub fn load_state(&self) -> LoadState {
        match self {
            Self::Nothing => LoadState::NotLoaded,
            Self::All | Self::Partitions(_) => LoadState::Loaded,
        }
    }
}

/// An attribute that the target gets differently from the source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Override {
    /// `description`, `dynamic_field`, `partition_key`, `id.auto_id`, …
    pub attribute: String,
    /// As at the source.
    pub source: String,
    /// As at the target.
    pub target: String,
}

/// The change of one collection.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CollectionChange {
    /// `database/collection` at the source.
    pub source_address: String,
    /// `database/collection` at the target.
    pub target_address: String,
    /// What is done.
    pub action: Action,
    /// A stable name of why.
    pub reason: Cow<'static, str>,
    /// Why, in words.
    pub explanation: String,
    /// The source as it was found; absent when there is none.
    pub source: Option<SourceState>,
    /// The target as it was found.
    pub target: Option<TargetState>,
    /// The target as it will be; absent when there is no source.
    pub wanted: Option<Collection>,
    /// How rows are read and written.
    pub settings: RowSettings,
    /// What earlier runs did.
    pub known: Option<Known>,
    /// Whether the target's database is created.
    pub create_database: bool,
    /// Properties of a database that is created.
    pub database_properties: BTreeMap<String, String>,
    /// Properties that the target has only while rows are copied or brought up to date.
    pub during: BTreeMap<String, String>,
    /// Properties of a collection that is there already: these are set, and those without a value
    /// taken away.
    pub alter: BTreeMap<String, Option<String>>,
    /// What is done when the rows are there.
    pub ending: Ending,
    /// Whether the target keeps what only describes, so that its absence is a failure.
    pub keeps_details: bool,
    /// Whether the source is loaded for the copy, and released again afterwards.
    pub load_source: bool,
    /// Why a finished target's rows are brought up to date, where they are.
    pub update: Option<Update>,
    /// What is to be different.
    pub overrides: Vec<Override>,
    /// What should be known, errors first.
    pub findings: Vec<Finding>,
}

impl CollectionChange {
    /// Rows that will be copied, as far as that is known.
    pub fn rows(&self) -> Option<u64> {
        let source = self.source.as_ref()?;
        source.rows.or((source.row_statistic > 0).then_some(source.row_statistic))
    }

    /// Rows that earlier runs copied, where this goes on with them.
    pub fn rows_before(&self) -> u64 {
        match (&self.known, self.action) {
            (Some(known), Action::Resume) => known.rows,
            _ => 0,
        }
    }

    /// Estimated bytes of those rows on the wire.
    pub fn bytes(&self) -> Option<u64> {
        self.bytes_of(self.rows()?)
    }

    /// Whether all rows were copied, and only an index or the load is to be made good.
    pub fn is_finished(&self) -> bool {
        self.action == Action::Resume && self.known.as_ref().is_some_and(|known| known.finished)
    }

    /// Rows that are still to be copied, where that is known.
    pub fn rows_to_copy(&self) -> Option<u64> {
        match &self.known {
            _ if self.is_finished() => Some(0),
            Some(known) if self.action == Action::Resume => {
                Some(self.rows()?.saturating_sub(known.rows))
            }
            _ => self.rows(),
        }
    }

    /// Estimated bytes of those rows.
    pub fn bytes_to_copy(&self) -> Option<u64> {
        match self.rows_to_copy()? {
            0 => Some(0),
            rows => self.bytes_of(rows),
        }
    }

    /// Estimated bytes of so many of its rows.
    pub fn bytes_of(&self, rows: u64) -> Option<u64> {
        Some(rows.saturating_mul(self.source.as_ref()?.row_bytes?))
    }

    /// Whether the plan file asks to make this one, to fill it, or to bring its rows up to date:
    /// whether or not something stands against it.
    pub fn is_written(&self) -> bool {
        self.update.is_some() || self.action != Action::Unchanged && !self.is_finished()
    }

    /// Whether `apply` has something to do here.
    pub fn is_pending(&self) -> bool {
        matches!(self.action, Action::Create | Action::Adopt | Action::Resume)
    }
}

/// One end, for headers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct End {
    /// Its address.
    pub uri: String,
    /// What it is: `Milvus 2.3.5`.
    pub version: String,
}

/// How much a target takes, where its plan says so.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Capacity {
    /// Bytes of rows a second, insert and upsert alike: a quota, beyond which requests are refused.
    pub write_quota: Option<u64>,
    /// Bytes of rows altogether.
    pub storage: Option<u64>,
}

/// Everything that `apply` would do.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Changes {
    /// The plan's name.
    pub name: String,
    /// The environment.
    pub environment: Option<String>,
    /// Where rows come from.
    pub source: End,
    /// Where they go.
    pub target: End,
    /// How much the target takes.
    pub capacity: Capacity,
    /// Databases of the target that are created with no collection in them, as at the source.
    #[serde(default)]
    pub databases: Vec<NewDatabase>,
    /// By target address.
    pub collections: Vec<CollectionChange>,
    /// Findings about no collection in particular.
    pub findings: Vec<Finding>,
}

impl Changes {
    /// Whether `apply` must refuse.
    pub fn is_refused(&self) -> bool {
        self.all_findings().any(|finding| finding.severity == Severity::Error)
    }

    /// Whether `apply` has anything to do.
    pub fn is_pending(&self) -> bool {
        !self.databases.is_empty() || self.collections.iter().any(CollectionChange::is_pending)
    }

    /// All findings.
    pub fn all_findings(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().chain(self.collections.iter().flat_map(|change| &change.findings))
    }

    /// How many collections have this action.
    pub fn count(&self, action: Action) -> usize {
        self.collections.iter().filter(|change| change.action == action).count()
    }
}

/// A source collection and the rule that chose it, before anything is compared.
#[derive(Debug, Clone)]
pub struct Inspected {
    /// The rule.
    pub rule: CollectionRule,
    /// Name at the source.
    pub source_name: String,
    /// Name at the target.
    pub target_name: String,
    /// Description that the rule asks for.
    pub description: Option<String>,
    /// The source, if it is there.
    pub source: Option<SourceState>,
    /// The target, if it is there.
    pub target: Option<TargetState>,
    /// Whether the target's database is missing.
    pub database_missing: bool,
    /// Aliases that the target is to have.
    pub aliases: Vec<String>,
    /// Properties of the source's database.
    pub database_properties: BTreeMap<String, String>,
    /// The target's collections that have the aliases that are asked for.
    pub alias_holders: BTreeMap<String, String>,
    /// What earlier runs did.
    pub known: Option<Known>,
    /// Why the rows of a target that an earlier run made are to be brought up to date, where they are.
    pub update: Option<Update>,
    /// Whether the target is taken over from another run (`--take-over`).
    pub take_over: bool,
    /// What was found while looking.
    pub findings: Vec<Finding>,
}
