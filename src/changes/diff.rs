//! The difference between what the target is to be and what it is. Pure.

mod known;

use std::collections::BTreeMap;

use super::abilities::Abilities;
use super::differences::{differences, list};
use super::preflight;
use super::wanted::{Wanted, wanted};
use super::{Action, CollectionChange, Finding, Inspected, Severity, SourceState, TargetState};
use crate::model::quantity::counted;
use crate::model::{Existing, LoadState, RowSettings};

/// Compares every inspected collection; two onto one target is found here too, as globs are only
/// known now.
pub fn diff(inspected: Vec<Inspected>, abilities: &Abilities) -> Vec<CollectionChange> {
    let mut changes: Vec<CollectionChange> =
        inspected.into_iter().map(|inspected| compare(inspected, abilities)).collect();
    changes.sort_by(|a, b| a.target_address.cmp(&b.target_address));
    let mut sources: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for change in &changes {
        let onto = sources.entry(change.target_address.clone()).or_default();
        onto.push(change.source_address.clone());
    }
    for change in &mut changes {
        let onto = &sources[&change.target_address];
        if onto.len() > 1 {
            change.findings.insert(
                0,
                error(
                    "two_onto_one",
                    &change.target_address,
                    format!("several collections would land here: {}", onto.join(", ")),
                    "give each its own `target`",
                ),
            );
            change.refuse("two_onto_one");
        }
    }
    changes
}

impl CollectionChange {
    fn refuse(&mut self, reason: &'static str) {
        self.action = Action::Conflict;
        self.reason = reason;
        if let Some(finding) =
            self.findings.iter().find(|finding| finding.severity == Severity::Error)
        {
            finding.message.clone_into(&mut self.explanation);
        }
    }
}

fn error(code: &'static str, address: &str, message: String, advice: &str) -> Finding {
    Finding {
        severity: Severity::Error,
        code,
        address: address.to_owned(),
        message,
        advice: advice.to_owned(),
    }
}

fn warning(code: &'static str, address: &str, message: String, advice: &str) -> Finding {
    Finding { severity: Severity::Warning, ..error(code, address, message, advice) }
}

fn compare(mut inspected: Inspected, abilities: &Abilities) -> CollectionChange {
    let findings = std::mem::take(&mut inspected.findings);
    let mut change = CollectionChange {
        source_address: format!("{}/{}", inspected.rule.source_database, inspected.source_name),
        target_address: format!("{}/{}", inspected.rule.target_database, inspected.target_name),
        action: Action::Conflict,
        reason: "refused",
        explanation: String::new(),
        source: inspected.source.clone(),
        target: inspected.target.clone(),
        wanted: None,
        settings: RowSettings::default(),
        known: inspected.known.clone(),
        create_database: inspected.database_missing,
        load_source: false,
        overrides: Vec::new(),
        findings,
    };
    if let Some(source) = &inspected.source {
        let wanted = wanted(&inspected, source);
        change.settings = wanted.settings.clone();
        change.overrides.clone_from(&wanted.overrides);
        change.findings.extend(wanted.findings.iter().cloned());
        change.findings.extend(preflight::beyond(&wanted.collection, abilities));
        change.load_source = needs_loading(source);
        let verdict = decide(&inspected, source, &wanted, abilities);
        change.action = verdict.action;
        change.reason = verdict.reason;
        change.explanation = verdict.explanation;
        change.findings.extend(verdict.findings);
        change.wanted = Some(wanted.collection);
    }
    change.findings.sort_by_key(|finding| finding.severity);
    if let Some(first) = change.findings.first()
        && first.severity == Severity::Error
    {
        change.refuse(first.code);
    }
    change
}

fn needs_loading(source: &SourceState) -> bool {
    source.load != LoadState::Loaded
        || source.partitions.iter().any(|partition| partition.load != LoadState::Loaded)
}

struct Verdict {
    action: Action,
    reason: &'static str,
    explanation: String,
    findings: Vec<Finding>,
}

impl Verdict {
    fn new(action: Action, reason: &'static str, explanation: impl Into<String>) -> Self {
        Self { action, reason, explanation: explanation.into(), findings: Vec::new() }
    }

    fn conflict(code: &'static str, address: &str, message: String, advice: &str) -> Self {
        Self {
            findings: vec![error(code, address, message.clone(), advice)],
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
            verdict.findings.push(warning(
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
    match &inspected.known {
        None => unknown_target(inspected.rule.existing, target, wanted, abilities),
        Some(known) => {
            let sides = known::Sides { known, source, target, wanted, abilities };
            known::decide(&sides, inspected.rule.existing)
        }
    }
}

/// The names that are in one list and not in the other.
fn names_beyond(names: &[String], of: &[String]) -> String {
    let beyond: Vec<&str> =
        names.iter().filter(|name| !of.contains(name)).map(String::as_str).collect();
    beyond.join(", ")
}

fn unknown_target(
    existing: Existing,
    target: &TargetState,
    wanted: &Wanted,
    abilities: &Abilities,
) -> Verdict {
    let address = wanted.collection.address();
    if existing == Existing::Refuse {
        return Verdict::conflict(
            "target_exists",
            &address,
            "a collection of this name is at the target, and no run recorded in this ledger made \
             it"
            .to_owned(),
            "choose another `target`, point --state at the ledger of the run that made it, or \
             write into it with `existing = \"adopt\"`",
        );
    }
    let partitions = names_beyond(&target.collection.partitions, &wanted.collection.partitions);
    if !partitions.is_empty() {
        return Verdict::conflict(
            "target_schema_differs",
            &address,
            format!(
                "the collection at the target has partitions of its own ({partitions}): a row is \
                 replaced only within its partition, so a key that is in another would be doubled"
            ),
            "choose another `target`",
        );
    }
    let mut differences =
        differences(&wanted.collection, &target.collection, abilities.keeps_details);
    differences.retain(|difference| difference.essential);
    if let Some(text) = list(&differences) {
        return Verdict::conflict(
            "target_schema_differs",
            &address,
            format!("the collection at the target has another schema: {text}"),
            "choose another `target`, or make the schemas alike",
        );
    }
    let rows = match target.rows {
        Some(rows) => format!("it holds {}", counted(rows, "row")),
        None => "its rows are not counted, as it is not loaded".to_owned(),
    };
    let mut verdict = Verdict::new(Action::Adopt, "adopted", format!("written into; {rows}"));
    verdict.findings.push(warning(
        "adopted",
        &address,
        format!(
            "the collection is there already and {rows}; rows with the same key are replaced, \
             others stay"
        ),
        "",
    ));
    verdict
}

#[cfg(test)]
mod tests;
