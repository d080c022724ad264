//! What stands against all collections together: room, quotas, and what is not known of the
//! target.

use std::collections::BTreeSet;

use crate::changes::abilities::{Abilities, Family, Plan};
use crate::changes::{Action, CollectionChange, Finding, Severity};
use crate::model::quantity::count;

/// How far a server lets something be done, by its own health report.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Admission {
    /// Freely, as far as it says.
    #[default]
    Open,
    /// Slowed down.
    Limited,
    /// Not at all.
    Denied,
}

/// What a server says about itself beside its collections.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ServerState {
    /// Its address, for messages.
    pub uri: String,
    /// Databases, `default` counted; `None` where it does not tell.
    pub databases: Option<u64>,
    /// Collections over all databases; `None` where it does not tell, or not of every database.
    pub collections: Option<u64>,
    /// Whether rows can be read.
    pub reads: Admission,
    /// Whether rows can be written.
    pub writes: Admission,
    /// Whether collections, indexes and such can be made.
    pub definitions: Admission,
    /// Its reasons, in its own words.
    pub reasons: Vec<String>,
}

const FREE: &str = "free or add capacity there, or lift its quota, then run the same command again";

/// What stands against the changes as a whole.
pub fn whole(
    changes: &[CollectionChange],
    source: &ServerState,
    target: &ServerState,
    abilities: &Abilities,
) -> Vec<Finding> {
    let mut whole = Whole { changes, target: target.uri.clone(), abilities, findings: Vec::new() };
    whole.unknowns();
    if changes.iter().any(CollectionChange::is_pending) {
        whole.admission(source, target);
    }
    whole.chains(source);
    whole.databases(target);
    whole.collections(target);
    whole.storage();
    whole.findings
}

struct Whole<'a> {
    changes: &'a [CollectionChange],
    target: String,
    abilities: &'a Abilities,
    findings: Vec<Finding>,
}

impl Whole<'_> {
    fn push(
        &mut self,
        severity: Severity,
        code: &'static str,
        address: String,
        message: String,
        advice: &str,
    ) {
        let advice = advice.to_owned();
        self.findings.push(Finding { severity, code: code.into(), address, message, advice });
    }

    fn unknowns(&mut self) {
        let address = self.target.clone();
        if self.abilities.release_unknown {
            let what = "the target does not say which release it is: the rules of the newest one \
                        are assumed, and what it cannot hold shows only when it is made"
                .to_owned();
            self.push(Severity::Warning, "version_unknown", address.clone(), what, "");
        }
        if !self.abilities.plan_unknown {
            return;
        }
        let (what, advice) = if self.abilities.family == Family::Zilliz(Plan::Serverless) {
            (
                "a Free or Serverless cluster of Zilliz Cloud, by its address: the limits of \
                 Serverless are assumed",
                "say which with `kind` under [target]: \"zilliz-free\" or \"zilliz-serverless\"",
            )
        } else {
            (
                "Zilliz Cloud does not tell the plan of a cluster: the widest limits, those of a \
                 dedicated cluster, are assumed, and what is over those of yours shows only when \
                 it is made",
                "say which with `kind` under [target], and with `compute_units` for a dedicated \
                 cluster",
            )
        };
        self.push(Severity::Warning, "target_kind_unknown", address, what.to_owned(), advice);
    }

    fn admission(&mut self, source: &ServerState, target: &ServerState) {
        let because = |state: &ServerState| match state.reasons.join("; ") {
            reasons if reasons.is_empty() => String::new(),
            reasons => format!(": {reasons}"),
        };
        for (admission, code, denied, limited, state) in [
            (
                source.reads,
                "source_denies_reads",
                "the source answers no queries at present",
                "the source slows queries down at present",
                source,
            ),
            (
                target.writes,
                "target_denies_writes",
                "the target takes no rows at present",
                "the target slows writers down at present",
                target,
            ),
            (
                target.definitions,
                "target_denies_writes",
                "the target makes no collections or indexes at present",
                "the target slows down who makes collections or indexes at present",
                target,
            ),
        ] {
            let (severity, text, advice) = match admission {
                Admission::Open => continue,
                Admission::Denied => (Severity::Error, denied, FREE),
                Admission::Limited => (Severity::Warning, limited, ""),
            };
            let what = format!("{text}{}", because(state));
            self.push(severity, code, state.uri.clone(), what, advice);
        }
    }

    /// One collection that is filled while another is made of it would be copied in part.
    fn chains(&mut self, source: &ServerState) {
        if source.uri != self.target {
            return;
        }
        let pending = || self.changes.iter().filter(|change| change.is_pending());
        let read: BTreeSet<&str> = pending().map(|change| change.source_address.as_str()).collect();
        let both: Vec<String> = pending()
            .map(|change| change.target_address.as_str())
            .filter(|target| read.contains(target))
            .map(str::to_owned)
            .collect();
        for address in both {
            let what = "it is a target and a source of the same plan file".to_owned();
            let advice = "move one after the other: select them with --only";
            self.push(Severity::Error, "target_is_a_source", address, what, advice);
        }
    }

    fn databases(&mut self, target: &ServerState) {
        let new: BTreeSet<&str> = self
            .changes
            .iter()
            .filter(|change| change.create_database && change.wanted.is_some())
            .filter_map(|change| change.target_address.split_once('/'))
            .map(|(database, _)| database)
            .collect();
        let there = target.databases.unwrap_or(1);
        if let Some(limit) = self.abilities.limits.databases
            && !new.is_empty()
            && there + new.len() as u64 > limit
        {
            let what = format!(
                "{} to create beside {there} that are there, and {} takes {}",
                new.into_iter().collect::<Vec<_>>().join(", "),
                self.abilities,
                count(limit)
            );
            let advice = "choose fewer with `target_database`, with a prefix in `target` that \
                          keeps names apart";
            let address = self.target.clone();
            self.push(Severity::Error, "too_many_databases", address, what, advice);
        }
    }

    fn collections(&mut self, target: &ServerState) {
        let new =
            self.changes.iter().filter(|change| change.action == Action::Create).count() as u64;
        let there = target.collections.unwrap_or(0);
        if let Some(limit) = self.abilities.limits.collections
            && new > 0
            && there + new > limit
        {
            let what = format!(
                "{} to create beside {} that are there, and {} takes {}",
                count(new),
                count(there),
                self.abilities,
                count(limit)
            );
            let advice = "move fewer with --only, or make room at the target";
            let address = self.target.clone();
            self.push(Severity::Error, "too_many_collections", address, what, advice);
        }
    }

    fn storage(&mut self) {
        let bytes = self
            .changes
            .iter()
            .filter(|change| change.is_pending())
            .filter_map(CollectionChange::bytes)
            .fold(0_u64, u64::saturating_add);
        if let Some(limit) = self.abilities.limits.storage
            && bytes > limit
        {
            let what = format!(
                "about {} bytes of rows are to arrive, by a sample of them, and {} holds {}",
                count(bytes),
                self.abilities,
                count(limit)
            );
            let advice = "move fewer with --only, or to a larger plan";
            let address = self.target.clone();
            self.push(Severity::Error, "storage_exceeded", address, what, advice);
        }
    }
}

#[cfg(test)]
mod tests;
