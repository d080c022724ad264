//! What `apply` does to one collection, step by step, for programs and for tables.

use schemars::JsonSchema;
use serde::Serialize;

use super::super::size;
use crate::changes::{Action, CollectionChange, Loaded, SourceState, Update};
use crate::model::differences::place;
use crate::model::{Collection, Index, LoadState};

/// Partitions that are named before the rest is only counted.
const NAMES: usize = 10;

/// One thing that `apply` does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Step {
    /// What is done.
    pub action: StepAction,
    /// A stable name of why: `target_missing`, `index_missing`, `rows_behind`, …
    pub reason: &'static str,
    /// What it is done to: `database`, `database/collection`, or `database/collection/NAME` of a
    /// partition, an indexed field, a property or an alias.
    pub address: String,
    /// As it is; absent where there is nothing.
    pub before: Option<String>,
    /// As it will be; absent where it is taken away.
    pub after: Option<String>,
}

/// What a step does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum StepAction {
    /// Makes a database at the target.
    CreateDatabase,
    /// Makes a collection at the target.
    CreateCollection,
    /// Makes a partition at the target.
    CreatePartition,
    /// Sets a property of a collection that is there, or takes it away.
    AlterProperty,
    /// Loads the source for the copy; it is released again afterwards.
    LoadSource,
    /// Makes each index on the empty target, loads it, and undoes both: what the target refuses of
    /// that is known before rows are copied.
    AskTarget,
    /// Copies rows.
    CopyRows,
    /// Compares the rows that were copied, and brings those that differ up to date.
    UpdateRows,
    /// Makes an index.
    CreateIndex,
    /// Loads the target in the end.
    LoadCollection,
    /// Makes an alias.
    CreateAlias,
    /// Takes an alias from another collection.
    MoveAlias,
}

impl StepAction {
    /// In words.
    pub(super) fn text(self) -> &'static str {
        match self {
            Self::CreateDatabase => "create database",
            Self::CreateCollection => "create collection",
            Self::CreatePartition => "create partition",
            Self::AlterProperty => "alter property",
            Self::LoadSource => "load source",
            Self::AskTarget => "try indexes and load",
            Self::CopyRows => "copy rows",
            Self::UpdateRows => "update rows",
            Self::CreateIndex => "create index",
            Self::LoadCollection => "load",
            Self::CreateAlias => "create alias",
            Self::MoveAlias => "move alias",
        }
    }
}

/// The steps of a collection in their order; none where nothing is done.
pub fn steps(change: &CollectionChange) -> Vec<Step> {
    let mut steps = Steps { change, list: Vec::new() };
    if change.is_pending()
        && let Some(wanted) = &change.wanted
    {
        steps.make(wanted);
        steps.rows();
        steps.indexes(wanted);
        steps.load();
        steps.take_back(wanted);
        steps.aliases(wanted);
    }
    steps.list
}

struct Steps<'a> {
    change: &'a CollectionChange,
    list: Vec<Step>,
}

impl Steps<'_> {
    fn push(
        &mut self,
        action: StepAction,
        reason: &'static str,
        address: String,
        (before, after): (Option<String>, Option<String>),
    ) {
        self.list.push(Step { action, reason, address, before, after });
    }

    fn at(&self, name: &str) -> String {
        format!("{}/{name}", self.change.target_address)
    }

    /// The target as it was found.
    fn there(&self) -> Option<&Collection> {
        self.change.target.as_ref().map(|target| &target.collection)
    }

    fn make(&mut self, wanted: &Collection) {
        let change = self.change;
        if change.create_database {
            let database = wanted.database.clone();
            self.push(StepAction::CreateDatabase, "database_missing", database, (None, None));
        }
        if change.action == Action::Create {
            let reason =
                if change.reason == "target_gone" { "target_gone" } else { "target_missing" };
            let fields = wanted.fields.len().saturating_add(wanted.struct_fields.len());
            let after = Some(size::counted(fields as u64, "field"));
            let address = change.target_address.clone();
            self.push(StepAction::CreateCollection, reason, address, (None, after));
        }
        // New partitions of a source are not added to a target that was finished.
        if wanted.partition_key().is_none() && !change.is_finished() {
            let there = self.there().map(|there| there.partitions.clone()).unwrap_or_default();
            for name in wanted.partitions.iter().filter(|name| !there.contains(name)) {
                let address = self.at(name);
                let action = StepAction::CreatePartition;
                self.push(action, "partition_missing", address, (None, None));
            }
        }
        for (name, value) in &change.alter {
            let before = self.there().and_then(|there| there.properties.get(name)).cloned();
            let address = self.at(name);
            let states = (before, value.clone());
            self.push(StepAction::AlterProperty, "property_differs", address, states);
        }
        if change.action == Action::Create || !change.writes_rows() {
            return;
        }
        for (name, value) in &change.during {
            let before = self.there().and_then(|there| there.properties.get(name)).cloned();
            if before.as_ref() != Some(value) {
                let states = (before, Some(value.clone()));
                self.push(StepAction::AlterProperty, "for_the_copy", self.at(name), states);
            }
        }
    }

    fn take_back(&mut self, wanted: &Collection) {
        let change = self.change;
        for (name, value) in change.during.iter().filter(|_| change.takes_back()) {
            let states = (Some(value.clone()), change.property_in_the_end(wanted, name));
            self.push(StepAction::AlterProperty, "copy_is_over", self.at(name), states);
        }
    }

    fn rows(&mut self) {
        let change = self.change;
        let finished = change.is_finished();
        let loads = !finished || change.update.is_some();
        if let Some(source) = change.source.as_ref().filter(|_| change.load_source && loads) {
            let before = match source.load {
                LoadState::Loaded => "some partitions are not loaded",
                LoadState::Loading => "loading",
                LoadState::NotLoaded => "not loaded",
            };
            let states = (Some(before.to_owned()), Some(loaded_for_the_copy(source)));
            let address = change.source_address.clone();
            self.push(StepAction::LoadSource, "source_not_loaded", address, states);
        }
        let address = change.target_address.clone();
        if finished {
            let reason = match change.update {
                Some(Update::Repair) => "rows_differ",
                Some(Update::CatchUp) => "catch_up",
                None => return,
            };
            return self.push(StepAction::UpdateRows, reason, address, (None, None));
        }
        if change.asks_first() {
            let after = Some("undone again before rows are copied".to_owned());
            self.push(StepAction::AskTarget, "rows_take_long", address.clone(), (None, after));
        }
        let reason = if change.action == Action::Resume { "rows_behind" } else { "rows_missing" };
        let known = change.known.as_ref().filter(|_| change.action == Action::Resume);
        let before = known.map(|known| format!("{} copied", size::counted(known.rows, "row")));
        let after = change.rows_to_copy().map(|rows| {
            let bytes =
                change.bytes_to_copy().map(|bytes| format!(", {}", super::approximate(bytes)));
            format!("{} to copy{}", size::counted(rows, "row"), bytes.unwrap_or_default())
        });
        self.push(StepAction::CopyRows, reason, address.clone(), (before, after));
        if change.update == Some(Update::CatchUp) {
            self.push(StepAction::UpdateRows, "catch_up", address, (None, None));
        }
    }

    fn indexes(&mut self, wanted: &Collection) {
        let there = self.there().map(|there| there.indexes.clone()).unwrap_or_default();
        for index in &wanted.indexes {
            if !there.iter().any(|have| place(have) == place(index)) {
                let address = self.at(&index.field);
                let after = Some(index_text(index));
                self.push(StepAction::CreateIndex, "index_missing", address, (None, after));
            }
        }
    }

    fn load(&mut self) {
        let ending = &self.change.ending;
        let after = match &ending.loaded {
            Loaded::Nothing => return,
            Loaded::All => "loaded".to_owned(),
            Loaded::Partitions(names) => format!("loaded partitions: {}", names.join(", ")),
        };
        if self.change.is_finished()
            && self.change.target.as_ref().is_some_and(|there| there.load == LoadState::Loaded)
        {
            return;
        }
        let after = match ending.replicas {
            Some(replicas) => {
                format!("{after}, in {}", size::counted(u64::from(replicas), "replica"))
            }
            None => after,
        };
        let reason = if ending.as_source { "as_source" } else { "asked_for" };
        let before = Some("not loaded".to_owned());
        let address = self.change.target_address.clone();
        self.push(StepAction::LoadCollection, reason, address, (before, Some(after)));
    }

    fn aliases(&mut self, wanted: &Collection) {
        let there = self.there().map(|there| there.aliases.clone()).unwrap_or_default();
        for alias in wanted.aliases.iter().filter(|alias| !there.contains(alias)) {
            let address = self.at(alias);
            let says = |code: &str| {
                let mut findings = self.change.findings.iter();
                findings.any(|found| found.code == code && found.address == address)
            };
            if says("alias_moved_on") {
                continue;
            }
            let (action, reason) = if says("alias_taken_over") {
                (StepAction::MoveAlias, "alias_elsewhere")
            } else {
                (StepAction::CreateAlias, "alias_missing")
            };
            let after = Some(self.change.target_address.clone());
            self.push(action, reason, address, (None, after));
        }
    }
}

/// What of a source is loaded for the copy, and how.
pub(super) fn loaded_for_the_copy(source: &SourceState) -> String {
    if source.load != LoadState::Loaded {
        return "loaded for the copy".to_owned();
    }
    let unloaded: Vec<&str> = source
        .partitions
        .iter()
        .filter(|partition| partition.load != LoadState::Loaded)
        .map(|partition| partition.name.as_str())
        .collect();
    let mut partitions = unloaded.iter().take(NAMES).copied().collect::<Vec<_>>().join(", ");
    if unloaded.len() > NAMES {
        partitions = format!("{partitions} and {} more", unloaded.len() - NAMES);
    }
    match &source.replicas {
        Some(replicas) => {
            format!("loaded for the copy, beside the others in {replicas}: {partitions}")
        }
        None => format!("loaded for the copy, beside the others: {partitions}"),
    }
}

/// An index in one line: `HNSW COSINE M = 16, efConstruction = 200`.
fn index_text(index: &Index) -> String {
    let mut settings = index.settings();
    let kind = settings.remove("index_type");
    let mut words = vec![kind.unwrap_or_else(|| "type decided by the target".to_owned())];
    words.extend(settings.remove("metric_type"));
    let others: Vec<String> =
        settings.iter().map(|(name, value)| format!("{name} = {value}")).collect();
    if !others.is_empty() {
        words.push(others.join(", "));
    }
    words.join(" ")
}
