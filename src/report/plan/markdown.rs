//! The changes as markdown, for a comment on a pull request: the verdict first, then what loses
//! or risks something, one row for each collection, and the rest folded.
//!
//! The same changes give the same text. It keeps to a budget, as comments are refused beyond
//! [a limit](BUDGET): first details are left out, then rows of the table, always whole ones.

use std::fmt::Write as _;

use super::super::markdown::{html, inline};
use super::super::size;
use super::super::text::shorten;
use super::document::Action;
use super::steps::{Step, steps};
use super::{approximate, findings, verdict};
use crate::changes::{self, Changes, CollectionChange, Finding, RISKY, Severity};

/// Characters of the whole: GitHub takes 65,536 in a comment, and whoever posts it adds some.
const BUDGET: usize = 60_000;
/// Of which those in front of the table may take so many.
const FOR_FINDINGS: usize = 20_000;
/// And so many are kept for the lines that say what is left out.
const FOR_THE_REST: usize = 400;
/// Characters of a name, an address or a value.
const NAME: usize = 120;
/// Characters of a sentence.
const SENTENCE: usize = 600;
/// Rows of one collection's tables.
const ROWS: usize = 50;

/// The changes as markdown. The first line is no part of what is shown: by it, a job finds the
/// comment that it made before.
pub fn markdown(changes: &Changes) -> String {
    let mut out = Bounded { text: String::new(), used: 0, limit: BUDGET - FOR_THE_REST };
    out.add(&head(changes));
    important(&mut out, changes);
    let mut order: Vec<&CollectionChange> = changes.collections.iter().collect();
    // What stops or changes something comes first: it is left out last.
    order.sort_by_key(|change| match change.action {
        changes::Action::Conflict => 0,
        changes::Action::Create | changes::Action::Adopt | changes::Action::Resume => 1,
        changes::Action::Unchanged => 2,
    });
    for database in &changes.databases {
        let name = inline(&shorten(&database.name, NAME));
        out.add(&format!("\nThe database {name} is created: the source's holds no collection.\n"));
    }
    table(&mut out, &order);
    let mut left_out = 0;
    for change in order.iter().filter(|change| change.action != changes::Action::Unchanged) {
        if left_out > 0 || !out.push(&details(change)) {
            left_out += 1;
        }
    }
    if left_out > 0 {
        let left_out = size::counted(left_out, "collection");
        out.add(&format!("\nDetails of {left_out} are left out here, see the saved changes.\n"));
    }
    out.text
}

/// A text that takes pieces as long as they fit.
struct Bounded {
    text: String,
    /// Characters of it.
    used: usize,
    limit: usize,
}

impl Bounded {
    fn add(&mut self, piece: &str) {
        self.used += piece.chars().count();
        self.text += piece;
    }

    fn push(&mut self, piece: &str) -> bool {
        let fits = self.used + piece.chars().count() <= self.limit;
        if fits {
            self.add(piece);
        }
        fits
    }
}

fn head(changes: &Changes) -> String {
    let environment = changes.environment.as_deref();
    let mut text = format!(
        "<!-- milvus-ferry:plan:{}:{} -->\n**{}**\n\n{}",
        in_comment(&shorten(&changes.name, NAME)),
        in_comment(&shorten(environment.unwrap_or_default(), NAME)),
        inline(&verdict(changes).sentence),
        inline(&shorten(&changes.name, NAME)),
    );
    if let Some(environment) = environment {
        let _ = write!(text, " (environment {})", inline(&shorten(environment, NAME)));
    }
    let end = |end: &changes::End| {
        inline(&format!("{} ({})", shorten(&end.uri, NAME), shorten(&end.version, NAME)))
    };
    // Writing to a string cannot fail, here and below.
    let _ = writeln!(text, "<br>from {}<br>to {}", end(&changes.source), end(&changes.target));
    text
}

/// A text that cannot end the comment that it stands in; different texts stay different.
fn in_comment(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_alphanumeric() || "._/".contains(character) {
            out.push(character);
        } else if character == '-' && !out.ends_with('-') {
            out.push('-');
        } else {
            let _ = write!(out, "%{:02X}", u32::from(character));
        }
    }
    if out.ends_with('-') {
        out.pop();
        out.push_str("%2D");
    }
    out
}

fn is_important(finding: &Finding) -> bool {
    finding.severity == Severity::Error || RISKY.contains(&finding.code.as_ref())
}

/// Errors, what is risky or lost, and what is about no collection.
fn important(out: &mut Bounded, changes: &Changes) {
    let mut list = findings(changes);
    list.retain(|found| is_important(found) || changes.findings.contains(found));
    if list.is_empty() {
        return;
    }
    let limit = std::mem::replace(&mut out.limit, FOR_FINDINGS);
    out.add("\n");
    let mut left_out = 0;
    for found in list {
        if left_out > 0 || !out.push(&item(found)) {
            left_out += 1;
        }
    }
    out.limit = limit;
    if left_out > 0 {
        let left_out = size::count(left_out);
        out.add(&format!("- {left_out} more are left out here, see the saved changes.\n"));
    }
}

fn item(found: &Finding) -> String {
    let severity = match found.severity {
        Severity::Error => "**error**",
        Severity::Warning => "**warning**",
    };
    let mut text = format!(
        "- {severity} {}: {} ({})",
        inline(&shorten(&found.address, NAME)),
        inline(&shorten(&found.message, SENTENCE)),
        inline(&found.code),
    );
    if !found.advice.is_empty() {
        let _ = write!(text, "<br>help: {}", inline(&shorten(&found.advice, SENTENCE)));
    }
    text + "\n"
}

fn table(out: &mut Bounded, order: &[&CollectionChange]) {
    if order.is_empty() {
        return;
    }
    out.add("\n| collection | action | rows to copy | size | findings |\n|---|---|--:|--:|---|\n");
    let mut shown = 0;
    for change in order {
        if !out.push(&row(change)) {
            break;
        }
        shown += 1;
    }
    if shown < order.len() {
        let left_out = size::counted((order.len() - shown) as u64, "collection");
        out.add(&format!("\n{left_out} left out here, see the saved changes.\n"));
    }
}

fn row(change: &CollectionChange) -> String {
    let (rows, bytes) = if change.is_pending() {
        let unknown = || "unknown".to_owned();
        (
            change.rows_to_copy().map_or_else(unknown, size::count),
            change.bytes_to_copy().map_or_else(unknown, |bytes| inline(&approximate(bytes))),
        )
    } else {
        (String::new(), String::new())
    };
    let action = Action::from(change.action).text();
    let action = match change.action {
        changes::Action::Unchanged => action.to_owned(),
        _ => format!("**{action}**"),
    };
    let count =
        |severity| change.findings.iter().filter(|found| found.severity == severity).count() as u64;
    let mut found = Vec::new();
    match count(Severity::Error) {
        0 => {}
        errors => found.push(format!("**{}**", size::counted(errors, "error"))),
    }
    match count(Severity::Warning) {
        0 => {}
        warnings => found.push(size::counted(warnings, "warning")),
    }
    format!("| {} | {action} | {rows} | {bytes} | {} |\n", inline(&name(change)), found.join(", "))
}

fn name(change: &CollectionChange) -> String {
    let target = shorten(&change.target_address, NAME);
    if change.source_address == change.target_address {
        target
    } else {
        format!("{target} from {}", shorten(&change.source_address, NAME))
    }
}

/// Everything else about a collection, folded; nothing where there is nothing to say.
fn details(change: &CollectionChange) -> String {
    let mut inside = String::new();
    // The explanation of a conflict is its first error, which stands above.
    let told = change.findings.iter().any(|found| found.message == change.explanation);
    if !change.explanation.is_empty() && !told {
        let _ = write!(inside, "\n{}\n", inline(&shorten(&change.explanation, SENTENCE)));
    }
    let others: Vec<&Finding> =
        change.findings.iter().filter(|found| !is_important(found)).collect();
    if !others.is_empty() {
        inside += "\n";
    }
    for found in others.iter().take(ROWS) {
        inside += &item(found);
    }
    if others.len() > ROWS {
        let _ = writeln!(inside, "- {} more", size::count((others.len() - ROWS) as u64));
    }
    if change.is_pending() {
        overrides(&mut inside, change);
    }
    step_table(&mut inside, &steps(change));
    if inside.is_empty() {
        return inside;
    }
    let action = Action::from(change.action).text();
    let name = html(&name(change));
    format!("\n<details><summary>{name}: {action}</summary>\n{inside}\n</details>\n")
}

fn overrides(out: &mut String, change: &CollectionChange) {
    if change.overrides.is_empty() {
        return;
    }
    *out += "\n| differs from the source | source | target |\n|---|---|---|\n";
    for found in change.overrides.iter().take(ROWS) {
        let cells = [&found.attribute, &found.source, &found.target];
        let cells = cells.map(|text| match text.as_str() {
            "" => "\"\"".to_owned(),
            text => inline(&shorten(text, NAME)),
        });
        let _ = writeln!(out, "| {} |", cells.join(" | "));
    }
    more(out, change.overrides.len());
}

fn step_table(out: &mut String, steps: &[Step]) {
    if steps.is_empty() {
        return;
    }
    *out += "\n| step | of | before | after |\n|---|---|---|---|\n";
    for step in steps.iter().take(ROWS) {
        let text = |text: &str| inline(&shorten(text, NAME));
        let state = |state: &Option<String>| state.as_deref().map_or(String::new(), text);
        let _ = writeln!(
            out,
            "| {} | {} | {} | {} |",
            step.action.text(),
            text(&step.address),
            state(&step.before),
            state(&step.after)
        );
    }
    more(out, steps.len());
}

/// How many rows a table lacks.
fn more(out: &mut String, all: usize) {
    if all > ROWS {
        let _ = write!(out, "\n… and {} more\n", size::count((all - ROWS) as u64));
    }
}
