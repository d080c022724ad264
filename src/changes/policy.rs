//! The rules of a plan file that changes have to keep. Pure.

use super::glob::matcher;
use super::{CollectionChange, Finding};
use crate::model::quantity::{count, counted};
use crate::model::{ByteSize, Placed, Policy};

/// Findings about what of a collection is left behind.
const LOSSY: [&str; 5] = [
    "dynamic_data_dropped",
    "field_dropped",
    "nulls_become_default",
    "partitions_left_out",
    "partitions_merged",
];

/// Every breach of the rules, each naming its rule and where it is written. A collection with
/// nothing left to do breaks none.
pub fn breaches(policy: &Policy, changes: &[CollectionChange], target: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    let written = || changes.iter().filter(|change| change.is_written());
    for change in written() {
        lossy(policy, change, &mut findings);
        name(policy, change, &mut findings);
        description(policy, change, &mut findings);
    }
    let written: Vec<&CollectionChange> = written().collect();
    let total = Total { changes: &written, target };
    if let Some(Placed { value, location }) = &policy.max_rows {
        let show = |rows| counted(rows, "row");
        let rule = Bound { key: "max_rows", code: "policy_max_rows", limit: *value, location };
        findings.extend(total.over(&rule, rows, &show));
    }
    if let Some(Placed { value: ByteSize(limit), location }) = &policy.max_bytes {
        let show = |bytes| format!("about {} bytes", count(bytes));
        let rule = Bound { key: "max_bytes", code: "policy_max_bytes", limit: *limit, location };
        findings.extend(total.over(&rule, bytes, &show));
    }
    findings
}

/// Rows that are to be copied; where a finished collection is brought up to date, those that came
/// since: what else changed is known afterwards only.
fn rows(change: &CollectionChange) -> Option<u64> {
    match (&change.known, change.update) {
        (Some(known), Some(_)) => Some(change.rows()?.saturating_sub(known.rows)),
        _ => change.rows_to_copy(),
    }
}

fn bytes(change: &CollectionChange) -> Option<u64> {
    match rows(change)? {
        0 => Some(0),
        rows => change.bytes_of(rows),
    }
}

fn lossy(policy: &Policy, change: &CollectionChange, findings: &mut Vec<Finding>) {
    let Some(Placed { location, .. }) = &policy.forbid_lossy else { return };
    let mut breach = |address: String, what: &str| {
        let message = format!("{what}; `forbid_lossy` at {location} forbids it");
        let advice = "keep it in the plan file, or change the policy";
        findings.push(Finding::error("policy_lossy", address, message, advice));
    };
    for found in change.findings.iter().filter(|found| LOSSY.contains(&&*found.code)) {
        breach(found.address.clone(), &found.message);
    }
    for field in change
        .overrides
        .iter()
        .filter(|changed| changed.target == "none")
        .filter_map(|changed| changed.attribute.strip_suffix(".default"))
    {
        let address = format!("{}/{field}", change.target_address);
        breach(address, &format!("the default value of field {field:?} is left behind"));
    }
}

fn name(policy: &Policy, change: &CollectionChange, findings: &mut Vec<Finding>) {
    let Some(Placed { value: globs, location }) = &policy.collection_names else { return };
    let name = match change.target_address.split_once('/') {
        Some((_, name)) => name,
        None => &change.target_address,
    };
    if globs.iter().any(|glob| matcher(glob)(name)) {
        return;
    }
    let message = format!(
        "the name {name:?} is none of those that `collection_names` at {location} allows: {}",
        globs.join(", ")
    );
    let advice = "give it another `target`, or change the policy";
    let address = &change.target_address;
    findings.push(Finding::error("policy_collection_names", address, message, advice));
}

fn description(policy: &Policy, change: &CollectionChange, findings: &mut Vec<Finding>) {
    let Some(Placed { location, .. }) = &policy.require_description else { return };
    if change.wanted.as_ref().is_none_or(|wanted| !wanted.description.trim().is_empty()) {
        return;
    }
    let message = format!("it has no description; `require_description` at {location} wants one");
    let advice = "describe it with `description`";
    let address = &change.target_address;
    findings.push(Finding::error("policy_description", address, message, advice));
}

/// A rule that bounds a sum.
struct Bound<'a> {
    key: &'a str,
    code: &'static str,
    limit: u64,
    location: &'a str,
}

/// What all collections come to together.
struct Total<'a> {
    changes: &'a [&'a CollectionChange],
    target: &'a str,
}

impl Total<'_> {
    fn over(
        &self,
        rule: &Bound<'_>,
        value: impl Fn(&CollectionChange) -> Option<u64>,
        show: &dyn Fn(u64) -> String,
    ) -> Option<Finding> {
        let Bound { key, code, limit, location } = rule;
        let sum =
            self.changes.iter().filter_map(|change| value(change)).fold(0_u64, u64::saturating_add);
        let unknown: Vec<&str> = self
            .changes
            .iter()
            .filter(|change| change.source.is_some() && value(change).is_none())
            .map(|change| change.source_address.as_str())
            .collect();
        let rule = format!("`{key}` at {location} allows {}", show(*limit));
        let (message, advice) = if sum > *limit {
            let advice = "move fewer with --only, or change the policy";
            (format!("{} are to be copied; {rule}", show(sum)), advice)
        } else if unknown.is_empty() {
            return None;
        } else {
            let names = unknown.join(", ");
            let advice = "load these collections at the source so that their rows can be counted, \
                          leave them out with --exclude, or change the policy";
            (format!("how much is to be copied is not known of {names}; {rule}"), advice)
        };
        Some(Finding::error(code, self.target, message, advice))
    }
}

#[cfg(test)]
mod tests;
