//! The changes that a team reviews before it says yes: as text, as markdown and as JSON.
//!
//! The same changes give the same text: no times, no order but that of the changes.

mod collection;
pub mod document;
mod markdown;
mod schema;
pub mod steps;

use std::fmt::Write as _;
use std::time::Duration;

use super::page::{Page, Text};
use super::size;
use super::style::{Role, Style};
use crate::changes::{Action, Capacity, Changes, CollectionChange, Finding, Severity};
use document::{Verdict, Word};

pub use markdown::markdown;

/// The changes as text: findings, both ends, one block per collection, and a line that sums up.
pub fn render(changes: &Changes, style: &Style) -> String {
    let mut page = Page::new(*style);
    let findings = findings(changes);
    for finding in &findings {
        page.gap();
        write_finding(&mut page, finding);
    }
    page.gap();
    write_header(&mut page, changes);
    let (unchanged, others): (Vec<_>, Vec<_>) =
        changes.collections.iter().partition(|change| change.action == Action::Unchanged);
    let mut shown = collection::Shown::default();
    for change in others {
        page.gap();
        collection::write(&mut page, change, &mut shown);
    }
    page.gap();
    for database in &changes.databases {
        let line = Text::new(Role::Change, "create database").with(Role::Plain, " ");
        let line = line.with(Role::Heading, &database.name);
        page.line(0, &line.with(Role::Plain, ": the source's holds no collection"));
    }
    page.gap();
    for change in unchanged {
        collection::write_unchanged(&mut page, change);
    }
    page.gap();
    page.line(0, &verdict_line(changes, &findings));
    page.finish()
}

/// Every finding once, errors first, otherwise in their order.
fn findings(changes: &Changes) -> Vec<&Finding> {
    let mut findings: Vec<&Finding> = Vec::new();
    for finding in changes.all_findings() {
        if !findings.contains(&finding) {
            findings.push(finding);
        }
    }
    findings.sort_by_key(|finding| finding.severity);
    findings
}

pub(super) fn write_finding(page: &mut Page, finding: &Finding) {
    let (word, role) = match finding.severity {
        Severity::Error => ("error", Role::Problem),
        Severity::Warning => ("warning", Role::Change),
    };
    let line = Text::new(role, format!("{word}[{}]", finding.code))
        .with(Role::Plain, " ")
        .with(Role::Heading, &finding.address);
    page.line(0, &line);
    page.paragraph(2, Role::Plain, &finding.message);
    if !finding.advice.is_empty() {
        page.paragraph(4, Role::Secondary, &format!("help: {}", finding.advice));
    }
}

/// Codes of what a finished target has otherwise than the plan file asks, and that is left so.
const DEVIATIONS: &[&str] =
    &["changed_since", "index_differs", "property_not_removable", "alias_left"];

fn write_header(page: &mut Page, changes: &Changes) {
    let mut line = Text::new(Role::Heading, &changes.name);
    if let Some(environment) = &changes.environment {
        line = line.with(Role::Plain, format!(" (environment {environment})"));
    }
    page.line(0, &line);
    write_ends(page, changes);
}

fn write_ends(page: &mut Page, changes: &Changes) {
    for (label, end) in [("from", &changes.source), ("to  ", &changes.target)] {
        let line = Text::new(Role::Secondary, label);
        page.line(2, &line.with(Role::Plain, format!("  {} · {}", end.uri, end.version)));
    }
}

/// What is asked before the changes are carried out: from where, to where, and how much. The changes
/// themselves may be far above it.
pub fn question(changes: &Changes, style: &Style) -> String {
    let mut page = Page::new(*style);
    page.line(0, &Text::new(Role::Heading, "Apply these changes?"));
    write_ends(&mut page, changes);
    page.line(2, &verdict_line(changes, &findings(changes)));
    format!("\n{}Only `yes` is accepted: ", page.finish())
}

/// What the changes come to.
pub fn verdict(changes: &Changes) -> Verdict {
    let findings = findings(changes);
    let word = if is_refused(changes, &findings) {
        Word::Refused
    } else if changes.is_pending() {
        Word::Pending
    } else {
        Word::NothingToDo
    };
    Verdict { word, sentence: verdict_line(changes, &findings).without_roles() }
}

fn errors(findings: &[&Finding]) -> usize {
    findings.iter().filter(|finding| finding.severity == Severity::Error).count()
}

fn is_refused(changes: &Changes, findings: &[&Finding]) -> bool {
    errors(findings) > 0 || changes.count(Action::Conflict) > 0
}

fn verdict_line(changes: &Changes, findings: &[&Finding]) -> Text {
    let errors = errors(findings);
    let refused = is_refused(changes, findings);
    if !changes.is_pending() && !refused {
        let told = findings.iter().any(|finding| DEVIATIONS.contains(&finding.code.as_ref()));
        let text = if told {
            "No changes can be made: the target is not in all as the plan file asks, see above."
        } else {
            "No changes: the target is as the plan file asks."
        };
        return Text::new(Role::Heading, text);
    }
    let mut parts = Vec::new();
    if !changes.databases.is_empty() {
        let databases = changes.databases.len() as u64;
        parts.push(format!("{} to create", size::counted(databases, "empty database")));
    }
    parts.push(format!("{} to create", changes.count(Action::Create)));
    if changes.count(Action::Adopt) > 0 {
        parts.push(format!("{} to adopt", changes.count(Action::Adopt)));
    }
    parts.push(format!("{} to resume", changes.count(Action::Resume)));
    parts.push(format!("{} unchanged", changes.count(Action::Unchanged)));
    parts.push(size::counted(changes.count(Action::Conflict) as u64, "conflict"));
    let mut line = Text::new(Role::Heading, "Plan: ").with(Role::Plain, parts.join(", "));
    // Nothing is copied while apply refuses.
    if changes.is_pending() && !refused {
        let pending: Vec<_> = changes.collections.iter().filter(|c| c.is_pending()).collect();
        let rows = total(&pending, "rows", CollectionChange::rows_to_copy, |sum| {
            size::counted(sum, "row")
        });
        let bytes = total(&pending, "size", CollectionChange::bytes_to_copy, approximate);
        line = line.with(Role::Plain, format!(" · {rows} · {bytes}"));
        if let Some(room) = room(&pending, changes.capacity) {
            line = line.with(Role::Plain, room);
        }
    }
    if refused {
        let why = match errors as u64 {
            0 => "there are conflicts".to_owned(),
            errors => size::counted(errors, "error"),
        };
        line = line.with(Role::Plain, " · ").with(Role::Problem, format!("apply refuses: {why}"));
    }
    line
}

/// Those bytes against what the target takes: of its storage, and in which time at best.
fn room(pending: &[&CollectionChange], capacity: Capacity) -> Option<String> {
    let known = pending.iter().filter_map(|change| change.bytes_to_copy());
    let bytes = known.fold(0_u64, u64::saturating_add);
    if bytes == 0 {
        return None;
    }
    let mut text = String::new();
    if let Some(storage) = capacity.storage {
        let _ = write!(text, " of the target's {}", size::bytes(storage));
    }
    if let Some(rate) = capacity.write_quota.filter(|rate| *rate > 0) {
        let time = Duration::from_secs(bytes.div_ceil(rate));
        let _ = write!(text, " · at most {} MB/s, the quota of its plan", rate / 1_000_000);
        if time >= Duration::from_secs(60) {
            let _ = write!(text, ": at least {}", size::about(time));
        }
    }
    Some(text)
}

fn approximate(bytes: u64) -> String {
    if bytes == 0 { size::bytes(0) } else { format!("~{}", size::bytes(bytes)) }
}

/// The sum over the collections where it is known, and for how many it is not.
fn total(
    pending: &[&CollectionChange],
    what: &str,
    value: fn(&CollectionChange) -> Option<u64>,
    show: fn(u64) -> String,
) -> String {
    let known: Vec<u64> = pending.iter().filter_map(|change| value(change)).collect();
    let sum = known.iter().fold(0_u64, |sum, value| sum.saturating_add(*value));
    match (known.len(), pending.len() - known.len()) {
        (_, 0) => show(sum),
        (0, _) => format!("{what} unknown"),
        (_, unknown) => {
            format!("{} ({} unknown)", show(sum), size::counted(unknown as u64, "collection"))
        }
    }
}

#[cfg(test)]
mod tests;
