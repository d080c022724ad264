//! What stands against the target as it is to be, known before anything is made: what its server
//! cannot hold. Pure.

use super::abilities::Abilities;
use super::indexes::{IndexFit, index_for};
use super::{Finding, Severity};
use crate::model::Collection;

/// What the target's server cannot hold.
pub(super) fn beyond(wanted: &Collection, abilities: &Abilities) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut refuse = |field: &str, what: String| {
        findings.push(Finding {
            severity: Severity::Error,
            code: "target_too_old",
            address: format!("{}/{field}", wanted.address()),
            message: what,
            advice: "move to a newer target, or leave this collection out of the plan file"
                .to_owned(),
        });
    };
    for field in &wanted.fields {
        if !abilities.has_type(field.data_type) {
            refuse(&field.name, format!("{abilities} has no type {}", field.data_type));
        }
    }
    for index in &wanted.indexes {
        if let Some(field) = wanted.field(&index.field)
            && let IndexFit::Lacking(why) = index_for(abilities, index, field)
        {
            refuse(&index.field, why);
        }
    }
    findings
}
