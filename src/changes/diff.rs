//! The difference between what the target is to be and what it is. Pure.

use std::collections::BTreeMap;

use super::differences::{differences, list};
use super::wanted::{Wanted, wanted};
use super::{
    Action, CollectionChange, Finding, Inspected, Known, Severity, SourceState, TargetState,
};
use crate::model::quantity::{count, counted};
use crate::model::{
    Collection, DataType, DynamicData, Existing, LoadState, RowSettings,
};

/// What a server can hold, as far as the difference depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a separate question")]
pub struct Abilities {
    /// The `Array` type (Milvus 2.3).
    pub arrays: bool,
    /// The `COSINE` metric (Milvus 2.3).
    pub cosine: bool,
    /// Binary vectors (not Milvus Lite 3).
    pub binary_vectors: bool,
    /// The `ANNOY` index (gone in Milvus 2.3).
    pub annoy: bool,
    /// Descriptions, shard and partition counts are kept as asked for (not by Milvus Lite).
    pub keeps_details: bool,
}

/// Compares every inspected collection; two onto one target is found here too, as globs are only
/// known now.
pub fn diff(inspected: Vec<Inspected>, abilities: Abilities) -> Vec<CollectionChange> {
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

fn compare(mut inspected: Inspected, abilities: Abilities) -> CollectionChange {
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
        settings: RowSettings { by_partition: false, dynamic_data: DynamicData::Carry },
        known: inspected.known.clone(),
        create_database: inspected.database_missing,
        load_source: false,
        overrides: Vec::new(),
        findings,
    };
    if let Some(source) = &inspected.source {
        let wanted = wanted(&inspected, source);
        change.settings = wanted.settings;
        change.overrides.clone_from(&wanted.overrides);
        change.findings.extend(wanted.findings.iter().cloned());
        change.findings.extend(beyond(&wanted.collection, abilities));
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

/// What the target's server cannot hold.
fn beyond(wanted: &Collection, abilities: Abilities) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut refuse = |field: &str, what: String| {
        findings.push(error(
            "target_too_old",
            &format!("{}/{field}", wanted.address()),
            what,
            "move to a newer target, or leave this collection out of the plan file",
        ));
    };
    for field in &wanted.fields {
        if field.data_type == DataType::ARRAY && !abilities.arrays {
            refuse(&field.name, "the target has no Array type".to_owned());
        }
        if field.data_type == DataType::BINARY_VECTOR && !abilities.binary_vectors {
            refuse(&field.name, "the target has no binary vectors".to_owned());
        }
    }
    for index in &wanted.indexes {
        let param = |name: &str| index.params.get(name).map(String::as_str).unwrap_or_default();
        if param("metric_type") == "COSINE" && !abilities.cosine {
            refuse(&index.field, "the target has no COSINE metric".to_owned());
        }
        if param("index_type") == "ANNOY" && !abilities.annoy {
            refuse(&index.field, "the target has no ANNOY index".to_owned());
        }
    }
    findings
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
    abilities: Abilities,
) -> Verdict {
    let address = wanted.collection.address();
    let Some(target) = &inspected.target else {
        let mut verdict = Verdict::new(Action::Create, "target_missing", "");
        if let Some(known) = &inspected.known {
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
    match &inspected.known {
        None => unknown_target(inspected.rule.existing, target, wanted, abilities),
        Some(known) => known_target(known, source, target, wanted, inspected.rule.existing, abilities),
    }
}

fn unknown_target(
    existing: Existing,
    target: &TargetState,
    wanted: &Wanted,
    abilities: Abilities,
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
    let mut differences = differences(&wanted.collection, &target.collection, abilities.keeps_details);
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

fn known_target(
    known: &Known,
    source: &SourceState,
    target: &TargetState,
    wanted: &Wanted,
    existing: Existing,
    abilities: Abilities,
) -> Verdict {
    let address = wanted.collection.address();
    if known.source_address != source.collection.address() {
        return Verdict::conflict(
            "target_taken",
            &address,
            format!("an earlier run filled this collection from {}", known.source_address),
            "choose another `target`",
        );
    }
    if known.target_id.is_some_and(|id| id != target.id) {
        if existing == Existing::Adopt {
            return unknown_target(existing, target, wanted, abilities);
        }
        return Verdict::conflict(
            "target_replaced",
            &address,
            "the collection at the target is not the one that an earlier run made: it was dropped \
             and made again since"
                .to_owned(),
            "drop it to have it made anew, or write into it with `existing = \"adopt\"`",
        );
    }
    if let Some(text) = list(&differences(&wanted.collection, &known.wanted, true)) {
        return Verdict::conflict(
            "plan_changed",
            &address,
            format!("the collection was made from other settings or another source schema: {text}"),
            "undo the change, or choose another `target`",
        );
    }
    if known.settings != wanted.settings {
        return Verdict::conflict(
            "plan_changed",
            &address,
            "the collection was begun under other settings for partitions or dynamic data"
                .to_owned(),
            "undo the change, or choose another `target`",
        );
    }
    if known.source_id != source.id && source.id != 0 {
        return Verdict::conflict(
            "source_replaced",
            &address,
            format!(
                "{} is not the collection that an earlier run read: it was dropped and made again \
                 since",
                source.collection.address()
            ),
            "choose another `target`, or drop this one to have it made anew",
        );
    }
    // What the server said right after it made the collection is the measure: some attributes
    // it may never have kept.
    let made = known.created.as_ref().unwrap_or(&wanted.collection);
    let keeps = abilities.keeps_details || known.created.is_some();
    if let Some(text) = list(&differences(made, &target.collection, keeps)) {
        return Verdict::conflict(
            "target_drifted",
            &address,
            format!("the collection was changed at the target: {text}"),
            "undo the change at the target, or choose another `target`",
        );
    }
    let missing: Vec<&str> = wanted
        .collection
        .partitions
        .iter()
        .filter(|name| !target.collection.partitions.contains(name))
        .map(String::as_str)
        .collect();
    if known.finished && !missing.is_empty() {
        return Verdict::conflict(
            "target_drifted",
            &address,
            format!("partitions were dropped at the target: {}", missing.join(", ")),
            "choose another `target`, or drop this collection to have it made anew",
        );
    }
    if !known.finished {
        let explanation = format!(
            "{} in {} are there; {} are known and to be copied",
            counted(known.rows, "row"),
            counted(known.chunks_done, "chunk"),
            counted(known.chunks_open, "chunk")
        );
        return Verdict::new(Action::Resume, "unfinished", explanation);
    }
    finished(known, source, target, wanted)
}

fn finished(
    known: &Known,
    source: &SourceState,
    target: &TargetState,
    wanted: &Wanted,
) -> Verdict {
    let address = wanted.collection.address();
    let lacking: Vec<&str> = wanted
        .collection
        .indexes
        .iter()
        .filter(|index| !target.collection.indexes.iter().any(|have| have.field == index.field))
        .map(|index| index.field.as_str())
        .collect();
    let mut verdict = if !lacking.is_empty() {
        let explanation = format!("indexes are missing on: {}", lacking.join(", "));
        Verdict::new(Action::Resume, "index_missing", explanation)
    } else if source.load == LoadState::Loaded && target.load != LoadState::Loaded {
        Verdict::new(Action::Resume, "not_loaded", "it is not loaded, unlike the source")
    } else {
        Verdict::new(Action::Unchanged, "done", format!("{} copied", counted(known.rows, "row")))
    };
    if !known.adopted
        && let Some(rows) = target.rows
        && rows != known.rows
    {
        verdict.findings.push(warning(
            "target_rows_differ",
            &address,
            format!("the target holds {}, {} were copied", counted(rows, "row"), count(known.rows)),
            "rows were written or deleted at the target since",
        ));
    }
    verdict
}

#[cfg(test)]
mod tests;
