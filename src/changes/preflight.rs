//! What stands against the target as it is to be, known before anything is made: what its server
//! cannot hold. Pure.

use super::abilities::Abilities;
use super::{Finding, Severity};
use crate::model::{Collection, DataType};

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
