//! What the target is to be: the source with the plan file's overrides. Pure.

mod aliases;
mod dynamic;
mod ending;
mod fields;
mod indexes;
mod keys;
mod partitions;
mod properties;

use std::collections::BTreeMap;

use super::abilities::Abilities;
use super::indexes::KEPT_IN;
use super::{Ending, Finding, Inspected, Override, Severity, SourceState};
use crate::model::suggestion::closest;
use crate::model::{AutoId, Collection, Index, RowSettings, Selector};

pub use aliases::aliases;
pub use indexes::without_index;
pub use partitions::selected;
pub use properties::{is_made_up, is_portable_of_database, portable_of_database};

/// The target as it is to be, how rows get there, what differs from the source, and what stands
/// against it.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// The target collection.
    pub collection: Collection,
    /// How rows are read and written.
    pub settings: RowSettings,
    /// Properties that the target has only while rows are copied.
    pub during: BTreeMap<String, String>,
    /// What is done when the rows are there.
    pub ending: Ending,
    /// What differs from the source.
    pub overrides: Vec<Override>,
    /// What stands against it.
    pub findings: Vec<Finding>,
}

/// Applies the overrides of `inspected.rule` to `source`, for a target that can hold `abilities`.
///
/// Everything is done under the source's names of fields; renaming comes last.
pub fn wanted(inspected: &Inspected, source: &SourceState, abilities: &Abilities) -> Wanted {
    let rule = &inspected.rule;
    let from = &source.collection;
    let mut making = Making {
        source,
        in_use: inspected.in_use(),
        address: from.address(),
        exactly_named: matches!(rule.source, Selector::Name(_)),
        collection: from.clone(),
        settings: RowSettings::default(),
        overrides: Vec::new(),
        findings: Vec::new(),
    };
    rule.target_database.clone_into(&mut making.collection.database);
    inspected.target_name.clone_into(&mut making.collection.name);
    making.names();
    if let Some(description) = &inspected.description {
        making.set("description", &from.description, description);
        description.clone_into(&mut making.collection.description);
    }
    making.keep_keys(&rule.auto_id, abilities);
    making.limit_texts();
    making.dynamic_field(rule.dynamic_field);
    making.partition_key(&rule.partition_key);
    making.partitions(&rule.partitions);
    making.sizes(rule);
    making.properties(&rule.properties, abilities);
    making.indexes(&rule.indexes, abilities);
    making.fields(&rule.fields);
    making.vectors_without_index(abilities);
    let regenerates = matches!(rule.auto_id, AutoId::Regenerate { .. });
    let during = making.while_copying(regenerates, abilities);
    making.rename(&rule.fields);
    making.source_key(rule);
    // After the names: what a function computes is not read, and has its new name all the same.
    making.functions();
    making.shadowed();
    making.aliases(inspected);
    let ending = making.ending(rule);
    Wanted {
        collection: making.collection,
        settings: making.settings,
        during,
        ending,
        overrides: making.overrides,
        findings: making.findings,
    }
}

/// The target while it is being made.
struct Making<'a> {
    source: &'a SourceState,
    /// Whether the target was finished, so that the source is not measured again.
    in_use: bool,
    /// `database/collection` at the source.
    address: String,
    /// The rule names this collection, and not a glob that spans others too.
    exactly_named: bool,
    collection: Collection,
    settings: RowSettings,
    overrides: Vec<Override>,
    findings: Vec<Finding>,
}

impl Making<'_> {
    fn find(
        &mut self,
        severity: Severity,
        code: &'static str,
        part: Option<&str>,
        message: String,
        advice: &str,
    ) {
        let address = match part {
            Some(part) => format!("{}/{part}", self.address),
            None => self.address.clone(),
        };
        self.findings.push(Finding {
            severity,
            code: code.into(),
            address,
            message,
            advice: advice.to_owned(),
        });
    }

    fn error(&mut self, code: &'static str, part: Option<&str>, message: String, advice: &str) {
        self.find(Severity::Error, code, part, message, advice);
    }

    fn warn(&mut self, code: &'static str, part: Option<&str>, message: String, advice: &str) {
        self.find(Severity::Warning, code, part, message, advice);
    }

    /// Which fields there are, for who named another one.
    fn fields_instead_of(&self, name: &str) -> String {
        let fields = self.source.collection.fields.iter().map(|field| field.name.as_str());
        let there = format!("the fields are: {}", self.field_names());
        match closest(name, fields) {
            Some(near) => format!("did you mean {near:?}? {there}"),
            None => there,
        }
    }

    /// A rule about a field that the collection does not have: a mistake where the collection is
    /// named, and to be expected where a glob spans collections of several kinds.
    fn no_such_field(&mut self, code: &'static str, key: &str, name: &str) {
        let what = format!("`{key}` names a field that is not there: {name:?}");
        let severity = if self.exactly_named { Severity::Error } else { Severity::Warning };
        let advice = self.fields_instead_of(name);
        self.find(severity, code, Some(name), what, &advice);
    }

    fn set(&mut self, attribute: &str, source: &str, target: &str) {
        if source != target {
            self.overrides.push(Override {
                attribute: attribute.to_owned(),
                source: source.to_owned(),
                target: target.to_owned(),
            });
        }
    }

    fn names(&mut self) {
        let (from, to) = (&self.source.collection, self.collection.clone());
        if from.primary_key().is_none() {
            let what = "the source describes no primary key".to_owned();
            let advice = "leave this collection out of the plan file";
            self.error("no_primary_key", None, what, advice);
        }
        let (database, name) = (from.database.clone(), from.name.clone());
        self.set("database", &database, &to.database);
        self.set("name", &name, &to.name);
    }

    /// The fields that there are, for advice.
    fn field_names(&self) -> String {
        let from = &self.source.collection;
        let fields = from.fields.iter().map(|field| field.name.as_str());
        let names: Vec<_> =
            fields.chain(from.struct_fields.iter().map(|field| field.name.as_str())).collect();
        names.join(", ")
    }
}

/// An index in one line: `HNSW COSINE {"M": 16} mmap.enabled=true`.
fn index_text(index: &Index) -> String {
    const SHOWN: [&str; 3] = ["index_type", "metric_type", "params"];
    let param = |name: &str| index.params.get(name).cloned().unwrap_or_default();
    let mut parts: Vec<String> = SHOWN.into_iter().map(param).collect();
    parts.retain(|part| !part.is_empty());
    if parts.is_empty() {
        return "decided by the target".to_owned();
    }
    let kept = index.params.iter().filter(|(name, _)| KEPT_IN.contains(&name.as_str()));
    parts.extend(kept.map(|(name, value)| format!("{name}={value}")));
    parts.join(" ")
}
