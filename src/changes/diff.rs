//! The difference between what the target is to be and what it is. Pure.

mod adoption;
mod aliases;
mod hindered;
mod known;
mod ownership;

use std::borrow::Cow;
use std::collections::BTreeMap;

pub use ownership::TAKEN_OVER;

use super::abilities::Abilities;
use super::preflight;
use super::wanted::{Wanted, is_portable_of_database, portable_of_database, wanted};
use super::{Action, CollectionChange, Ending, Finding, Inspected, Severity, SourceState, Update};
use crate::model::quantity::counted;
use crate::model::{LoadState, RowSettings};

/// Compares every inspected collection; two onto one target is found here too, as globs are only
/// known now.
pub fn diff(inspected: Vec<Inspected>, abilities: &Abilities) -> Vec<CollectionChange> {
    let mut sources: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut changes = Vec::new();
    for inspected in inspected {
        let location = inspected.rule.location.clone();
        let change = compare(inspected, abilities);
        let onto = sources.entry(change.target_address.clone()).or_default();
        onto.push(at_rule(&change.source_address, &location));
        changes.push(change);
    }
    changes.sort_by(|a, b| a.target_address.cmp(&b.target_address));
    for change in &mut changes {
        let onto = &sources[&change.target_address];
        if onto.len() > 1 {
            change.findings.insert(
                0,
                Finding::error(
                    "two_onto_one",
                    &change.target_address,
                    format!("several collections would land here: {}", onto.join(", ")),
                    "give each its own `target`, or leave one of the rules out",
                ),
            );
            change.refuse("two_onto_one");
        }
    }
    aliases::wanted_twice(&mut changes);
    changes
}

/// What is about a rule of the plan file, with where that is; nowhere yet in a draft.
fn at_rule(text: &str, location: &str) -> String {
    if location.is_empty() { text.to_owned() } else { format!("{text} ({location})") }
}

impl Finding {
    /// Names the rule of the plan file for which `apply` refuses, where the message does not.
    fn say_where(&mut self, location: &str) {
        if self.severity == Severity::Error && !self.message.contains(location) {
            self.message = at_rule(&self.message, location);
        }
    }
}

impl CollectionChange {
    /// Which properties of the source's database a new one gets.
    fn database(&mut self, inspected: &Inspected) {
        if !self.create_database {
            return;
        }
        let of = &inspected.database_properties;
        self.database_properties = portable_of_database(of);
        let left: Vec<&str> =
            of.keys().filter(|name| !is_portable_of_database(name)).map(String::as_str).collect();
        if !left.is_empty() {
            let message = format!(
                "properties of the source's database are not carried, as they belong to its \
                 environment: {}",
                left.join(", ")
            );
            let address = &inspected.rule.target_database;
            let advice = "set them at the target by hand";
            self.findings.push(Finding::warning("database_properties", address, message, advice));
        }
    }

    fn refuse(&mut self, reason: impl Into<Cow<'static, str>>) {
        self.action = Action::Conflict;
        self.reason = reason.into();
        if let Some(finding) =
            self.findings.iter().find(|finding| finding.severity == Severity::Error)
        {
            finding.message.clone_into(&mut self.explanation);
        }
    }
}

fn compare(mut inspected: Inspected, abilities: &Abilities) -> CollectionChange {
    let findings = std::mem::take(&mut inspected.findings);
    let mut change = CollectionChange {
        source_address: format!("{}/{}", inspected.rule.source_database, inspected.source_name),
        target_address: format!("{}/{}", inspected.rule.target_database, inspected.target_name),
        action: Action::Conflict,
        reason: "refused".into(),
        explanation: String::new(),
        source: inspected.source.clone(),
        target: inspected.target.clone(),
        wanted: None,
        settings: RowSettings::default(),
        known: inspected.known.clone(),
        create_database: inspected.database_missing,
        database_properties: BTreeMap::new(),
        during: BTreeMap::new(),
        alter: BTreeMap::new(),
        ending: Ending::default(),
        keeps_details: abilities.keeps_details,
        load_source: false,
        update: None,
        overrides: Vec::new(),
        findings,
    };
    if let Some(source) = &inspected.source {
        let wanted = wanted(&inspected, source, abilities);
        change.settings = wanted.settings.clone();
        change.overrides.clone_from(&wanted.overrides);
        let mut about_making = wanted.findings.clone();
        about_making.extend(preflight::findings(&wanted.collection, source, abilities));
        let from = &source.collection;
        about_making.extend(preflight::not_carried(from, &wanted.collection, abilities));
        change.load_source = needs_loading(source);
        change.during.clone_from(&wanted.during);
        change.ending.clone_from(&wanted.ending);
        change.database(&inspected);
        let verdict = decide(&inspected, source, &wanted, abilities);
        let finished = inspected.known.as_ref().is_some_and(|known| known.finished)
            && matches!(verdict.action, Action::Unchanged | Action::Resume);
        if finished {
            // Whoever said yes to it knows; what is left to do is not lost among it.
            about_making.retain(|finding| finding.severity == Severity::Error);
        }
        change.findings.extend(about_making);
        change.findings.extend(aliases::taken(&inspected, &wanted, finished));
        change.action = verdict.action;
        change.reason = verdict.reason.into();
        change.explanation = verdict.explanation;
        change.alter = verdict.alter;
        change.update = verdict.update;
        change.findings.extend(verdict.findings);
        change.wanted = Some(wanted.collection);
    }
    for finding in &mut change.findings {
        finding.say_where(&inspected.rule.location);
    }
    change.findings.sort_by_key(|finding| finding.severity);
    if let Some(first) = change.findings.first()
        && first.severity == Severity::Error
    {
        let reason = first.code.clone();
        change.refuse(reason);
    }
    change
}

fn needs_loading(source: &SourceState) -> bool {
    if source.is_unread() {
        return false;
    }
    source.load != LoadState::Loaded
        || source.partitions.iter().any(|partition| partition.load != LoadState::Loaded)
}

struct Verdict {
    action: Action,
    reason: &'static str,
    explanation: String,
    /// Properties of a collection that is there that are to be altered.
    alter: BTreeMap<String, Option<String>>,
    /// Why the rows of a finished one are brought up to date.
    update: Option<Update>,
    findings: Vec<Finding>,
}

impl Verdict {
    fn new(action: Action, reason: &'static str, explanation: impl Into<String>) -> Self {
        Self {
            action,
            reason,
            explanation: explanation.into(),
            alter: BTreeMap::new(),
            update: None,
            findings: Vec::new(),
        }
    }

    fn conflict(code: &'static str, address: &str, message: String, advice: &str) -> Self {
        Self {
            findings: vec![Finding::error(code, address, message.clone(), advice)],
            ..Self::new(Action::Conflict, code, message)
        }
    }
}

fn decide(
    inspected: &Inspected,
    source: &SourceState,
    wanted: &Wanted,
    abilities: &Abilities,
) -> Verdict {
    let address = wanted.collection.address();
    let Some(target) = &inspected.target else {
        let mut verdict = Verdict::new(Action::Create, "target_missing", "");
        if let Some(known) = &inspected.known
            && known.target_id.is_some()
        {
            verdict.reason = "target_gone";
            verdict.findings.push(Finding::warning(
                "target_gone",
                &address,
                format!(
                    "an earlier run made this collection and copied {}; it is gone, and will be \
                     made and filled anew",
                    counted(known.rows, "row")
                ),
                "",
            ));
        }
        return verdict;
    };
    if target.collection.name != wanted.collection.name {
        return Verdict::conflict(
            "target_is_alias",
            &address,
            format!("this name is an alias of {:?} at the target", target.collection.name),
            "choose another `target`, or name the collection itself",
        );
    }
    if let Some(taken_over) = ownership::taken_over(inspected, target, wanted, abilities) {
        return taken_over;
    }
    let verdict = match &inspected.known {
        None => adoption::decide(inspected, target, wanted, abilities),
        Some(known) => {
            let sides = known::Sides { inspected, known, source, target, wanted, abilities };
            known::decide(&sides)
        }
    };
    ownership::respected(verdict, inspected, target, &address, abilities)
}

/// The names that are in one list and not in the other.
fn names_beyond(names: &[String], of: &[String]) -> String {
    let beyond: Vec<&str> =
        names.iter().filter(|name| !of.contains(name)).map(String::as_str).collect();
    beyond.join(", ")
}

#[cfg(test)]
mod tests;
