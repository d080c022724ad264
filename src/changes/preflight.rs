//! What stands against the target as it is to be, known before anything is made: what its server
//! cannot hold, what does not fit into it, and what no copy between endpoints can carry. Pure.

mod left_behind;
mod names;
mod properties;
mod releases;
mod room;
mod schema;
mod sizes;

pub use left_behind::not_carried;
pub use room::{Admission, ServerState, whole};

use super::abilities::{Abilities, Release};
use super::{Finding, Severity, SourceState};
use crate::model::Collection;

/// Every way in which a collection does not fit the target. `wanted` is the target as it is to be,
/// `source` where its rows come from.
pub fn findings(wanted: &Collection, source: &SourceState, target: &Abilities) -> Vec<Finding> {
    let mut found = Found { target, address: wanted.address(), findings: Vec::new() };
    schema::check(&mut found, wanted);
    releases::check(&mut found, wanted);
    properties::check(&mut found, wanted);
    names::check(&mut found, wanted);
    sizes::check(&mut found, wanted, source);
    found.findings
}

/// Findings about one collection as they are gathered.
struct Found<'a> {
    target: &'a Abilities,
    /// `database/collection` at the target.
    address: String,
    findings: Vec<Finding>,
}

const LEAVE_OUT: &str = "leave this collection out of the plan file";

impl Found<'_> {
    fn push(
        &mut self,
        severity: Severity,
        code: &'static str,
        part: &str,
        message: String,
        advice: impl Into<String>,
    ) {
        let address = match part {
            "" => self.address.clone(),
            part => format!("{}/{part}", self.address),
        };
        self.findings.push(Finding {
            severity,
            code: code.into(),
            address,
            message,
            advice: advice.into(),
        });
    }

    /// `part` is a field, index, alias or partition, or empty.
    fn error(
        &mut self,
        code: &'static str,
        part: &str,
        message: String,
        advice: impl Into<String>,
    ) {
        self.push(Severity::Error, code, part, message, advice);
    }

    fn warn(&mut self, code: &'static str, part: &str, message: String, advice: impl Into<String>) {
        self.push(Severity::Warning, code, part, message, advice);
    }
}

/// "Milvus 2.6 has it", for advice.
fn newer(first: Option<Release>, otherwise: &str) -> String {
    match first {
        Some((major, minor, 0)) => format!("Milvus {major}.{minor} has it; {otherwise}"),
        Some((major, minor, patch)) => {
            format!("Milvus {major}.{minor}.{patch} has it; {otherwise}")
        }
        None => otherwise.to_owned(),
    }
}

#[cfg(test)]
mod tests;
