//! What became of a run: a table, the numbers that need words, and a verdict.

use std::path::Path;
use std::time::Duration;

use super::page::{Page, Side, Table, Text};
use super::size;
use super::style::{Role, Style};
use super::verification::verdict;
use crate::apply::event::{Outcome, Status};
use crate::verify::Mode;
use crate::verify::counts::Counts;

const PENDING: (Role, &str) = (Role::Change, "pending");
const UNEXPLAINED: (Role, &str) = (Role::Problem, "unexplained");

/// The outcomes as text. `resume_command` is shown where something is left to do; `elapsed` is the
/// time of the whole run, `differences` the file that names all rows that differ, where there are any.
/// The last line is the verdict.
pub fn render(
    outcomes: &[Outcome],
    style: &Style,
    resume_command: &str,
    elapsed: Duration,
    differences: Option<&Path>,
) -> String {
    let mut page = Page::new(*style);
    if !outcomes.is_empty() {
        write_table(&mut page, outcomes, elapsed);
    }
    page.gap();
    for outcome in outcomes {
        write_words(&mut page, outcome);
    }
    if let Some(file) = differences {
        let text = format!("All rows that differ, one JSON object a line: {}", file.display());
        page.line(0, &Text::plain(text));
    }
    page.gap();
    write_verdict(&mut page, outcomes, resume_command);
    page.finish()
}

fn write_table(page: &mut Page, outcomes: &[Outcome], elapsed: Duration) {
    use Side::{Left, Right};
    let mut table = Table::new(&[Left, Left, Right, Right, Right, Right]);
    table.row(
        ["collection", "status", "rows copied", "bytes", "duration", "retries"]
            .map(|title| Text::new(Role::Secondary, title)),
    );
    for outcome in outcomes {
        let (word, role) = status(&outcome.status);
        table.row([
            Text::plain(name(outcome)),
            Text::new(role, word),
            Text::plain(size::count(outcome.rows)),
            Text::plain(size::bytes(outcome.bytes)),
            Text::plain(size::duration(outcome.elapsed)),
            Text::plain(size::count(outcome.retries)),
        ]);
    }
    if outcomes.len() > 1 {
        let sum = |value: fn(&Outcome) -> u64| outcomes.iter().map(value).sum::<u64>();
        table.row([
            Text::plain("in all"),
            Text::default(),
            Text::plain(size::count(sum(|outcome| outcome.rows))),
            Text::plain(size::bytes(sum(|outcome| outcome.bytes))),
            Text::plain(size::duration(elapsed)),
            Text::plain(size::count(sum(|outcome| outcome.retries))),
        ]);
    }
    page.table(0, table);
}

fn name(outcome: &Outcome) -> String {
    if outcome.source == outcome.target {
        outcome.target.clone()
    } else {
        format!("{} → {}", outcome.source, outcome.target)
    }
}

fn status(status: &Status) -> (&'static str, Role) {
    match status {
        Status::Done => ("done", Role::Create),
        Status::Unchanged => ("unchanged", Role::Secondary),
        Status::CountsDiffer(_) => ("counts differ", Role::Problem),
        Status::RowsDiffer(_) => ("rows differ", Role::Problem),
        Status::SchemaDiffers(_) => ("schema differs", Role::Problem),
        Status::Failed(_) => ("failed", Role::Problem),
        Status::Owned(_) => ("left alone", Role::Problem),
        Status::Replaced(_) => ("replaced", Role::Problem),
        Status::Stopped => ("stopped", Role::Change),
    }
}

/// What the table does not tell: why it failed, numbers that differ, warnings.
fn write_words(page: &mut Page, outcome: &Outcome) {
    if let Status::Failed(why) | Status::Owned(why) | Status::Replaced(why) = &outcome.status {
        let mut lines = why.lines();
        let first = lines.next().unwrap_or_default();
        page.paragraph(0, Role::Problem, &format!("{}: {first}", outcome.target));
        for line in lines {
            page.paragraph(2, Role::Plain, line.trim());
        }
    }
    let differences = differences(outcome);
    if let Some(counts) = &outcome.counts
        && (needs_words(counts) || !differences.is_empty())
    {
        let text = format!("{}: {}", outcome.target, in_words(counts));
        page.paragraph(0, Role::Plain, &text);
        for explanation in &counts.explanations {
            page.paragraph(2, Role::Plain, &format!("explained: {explanation}"));
        }
    } else if !differences.is_empty() {
        page.line(0, &Text::plain(format!("{}:", outcome.target)));
    }
    let found = outcome.verification.as_ref();
    let pending = found.and_then(|found| found.pending()).map(|one| &one.message);
    for difference in differences {
        let is_pending = pending == Some(difference);
        let (role, word) = if is_pending { PENDING } else { UNEXPLAINED };
        page.paragraph(2, role, &format!("{word}: {difference}"));
    }
    let repair = outcome.verification.as_ref().and_then(|found| found.content.as_ref()?.repair);
    if let Some(repair) = repair {
        let text = format!(
            "{}: brought up to date: {} copied, {} deleted",
            outcome.target,
            size::counted(repair.copied, "row"),
            size::counted(repair.deleted, "row")
        );
        page.paragraph(0, Role::Plain, &text);
    }
    if let Some(file) = &outcome.rejects_file
        && outcome.rejected > 0
    {
        let text = format!(
            "warning: {}: the target refuses {}, set aside: their keys, and why, are in {}",
            outcome.target,
            size::counted(outcome.rejected, "row"),
            file.display()
        );
        page.paragraph(0, Role::Change, &text);
    }
    for warning in &outcome.warnings {
        page.paragraph(0, Role::Change, &format!("warning: {}: {warning}", outcome.target));
    }
}

/// Differences that nothing explains, each once.
fn differences(outcome: &Outcome) -> Vec<&String> {
    let mut texts: Vec<&String> = Vec::new();
    let of_status = match &outcome.status {
        Status::CountsDiffer(texts) | Status::RowsDiffer(texts) | Status::SchemaDiffers(texts) => {
            texts.as_slice()
        }
        _ => &[],
    };
    let of_counts = outcome.counts.as_ref().map_or(&[][..], |counts| &counts.unexplained);
    for text in of_status.iter().chain(of_counts) {
        if !texts.contains(&text) {
            texts.push(text);
        }
    }
    texts
}

/// Whether there is more to say than that all numbers are the same.
fn needs_words(counts: &Counts) -> bool {
    let rows = Some(counts.read);
    let distinct = counts.target_distinct.or(rows);
    !counts.explanations.is_empty()
        || !counts.unexplained.is_empty()
        || [counts.source_count, Some(counts.acknowledged), counts.target_count, distinct]
            .iter()
            .any(|number| *number != rows)
}

fn in_words(counts: &Counts) -> String {
    let mut parts = vec![match counts.source_count {
        Some(rows) => format!("{} at the source (count)", size::count(rows)),
        None => "not counted at the source".to_owned(),
    }];
    parts.push(format!("{} read", size::count(counts.read)));
    parts.push(format!("{} acknowledged", size::count(counts.acknowledged)));
    parts.push(match counts.target_count {
        Some(rows) => format!("{} at the target", size::count(rows)),
        None => "not counted at the target".to_owned(),
    });
    if let Some(keys) = counts.target_distinct {
        parts.push(format!("{} of the keys read are at the target", size::count(keys)));
    }
    parts.join(", ")
}

/// Whether the target was counted and no difference is left.
fn is_verified(outcome: &Outcome) -> bool {
    outcome.counts.as_ref().is_some_and(|counts| {
        (counts.target_count.is_some() || counts.target_distinct.is_some())
            && counts.unexplained.is_empty()
    })
}

fn write_verdict(page: &mut Page, outcomes: &[Outcome], resume_command: &str) {
    let named = |wanted: fn(&Status) -> bool| -> Vec<&str> {
        outcomes
            .iter()
            .filter(|outcome| wanted(&outcome.status))
            .map(|outcome| outcome.target.as_str())
            .collect()
    };
    let failed = named(|status| matches!(status, Status::Failed(_) | Status::Owned(_)));
    let differing =
        named(|status| matches!(status, Status::CountsDiffer(_) | Status::RowsDiffer(_)));
    let rows_differ =
        outcomes.iter().any(|outcome| matches!(outcome.status, Status::RowsDiffer(_)));
    let otherwise = named(|status| matches!(status, Status::SchemaDiffers(_)));
    let stopped = named(|status| *status == Status::Stopped);
    let done = named(|status| *status == Status::Done);
    let replaced = named(|status| matches!(status, Status::Replaced(_)));
    let (role, head, text) = if !replaced.is_empty() {
        let text = format!(
            "{}. A collection at one end is another one now, and rows of both may be at the target; \
             what to do is said above.",
            replaced.join(", ")
        );
        (Role::Problem, "Replaced: ", text)
    } else if !failed.is_empty() {
        let also = match (differing.as_slice(), stopped.as_slice()) {
            ([], []) => String::new(),
            ([], stopped) => format!(" Stopped: {}.", stopped.join(", ")),
            (differing, _) => format!(" Rows or counts differ: {}.", differing.join(", ")),
        };
        let text = format!(
            "{}.{also} When the cause is gone, the same command continues: {resume_command}",
            failed.join(", ")
        );
        (Role::Problem, "Failed: ", text)
    } else if !stopped.is_empty() || outcomes.is_empty() {
        let also = match differing.as_slice() {
            [] => String::new(),
            differing => format!(" (rows or counts differ: {})", differing.join(", ")),
        };
        let text = format!("run the same command to continue: {resume_command}{also}");
        (Role::Change, "Stopped: ", text)
    } else if rows_differ {
        let text = format!(
            "{}; see above. The same command copies rows again that are missing or different: {}",
            differing.join(", "),
            resume_command
        );
        (Role::Problem, "Rows differ: ", text)
    } else if !differing.is_empty() {
        let text = format!("{}. Nothing explains it; see above.", differing.join(", "));
        (Role::Problem, "Counts differ: ", text)
    } else if !otherwise.is_empty() {
        let text = format!(
            "{}; see above. All rows are there. Change it at the target, or say in the plan file how \
             it is to be.",
            otherwise.join(", ")
        );
        (Role::Problem, "Schema differs: ", text)
    } else if done.is_empty() {
        let count = outcomes.len() as u64;
        let verb = if count == 1 { "is" } else { "are" };
        let text = format!("{} {verb} as the plan file asks.", size::counted(count, "collection"));
        (Role::Heading, "Nothing to do: ", text)
    } else {
        (Role::Create, "Done: ", done_text(outcomes, done.len() as u64))
    };
    page.line(0, &Text::new(role, head).with(Role::Plain, text));
}

/// `3 collections, 20,000 rows. Verified: counts.` Says "verified" only of what was.
fn done_text(outcomes: &[Outcome], done: u64) -> String {
    let rows = outcomes.iter().map(|outcome| outcome.rows).sum();
    let unchanged = match outcomes.len() as u64 - done {
        0 => String::new(),
        count => format!("; {} unchanged", size::count(count)),
    };
    let rejected: u64 = outcomes.iter().map(|outcome| outcome.rejected).sum();
    let file = outcomes.iter().find_map(|outcome| outcome.rejects_file.as_ref());
    let set_aside = match file {
        Some(file) if rejected > 0 => {
            format!("; {} set aside in {}", size::counted(rejected, "row"), file.display())
        }
        _ => String::new(),
    };
    let verified = outcomes.iter().filter(|outcome| outcome.status == Status::Done);
    let verified = verified.filter(|outcome| is_verified(outcome)).count() as u64;
    let verdict = match (compared_in_all(outcomes), verified) {
        (Some(text), _) => text,
        (None, 0) => "Not verified: counts were not compared.".to_owned(),
        (None, all) if all == done => "Verified: counts.".to_owned(),
        (None, some) => {
            format!("Verified: counts of {some} of {}.", size::counted(done, "collection"))
        }
    };
    format!(
        "{}, {}{unchanged}{set_aside}. {verdict}",
        size::counted(done, "collection"),
        size::counted(rows, "row")
    )
}

/// What comparing rows came to, where that was done for every collection with something to do.
fn compared_in_all(outcomes: &[Outcome]) -> Option<String> {
    let done = outcomes.iter().filter(|outcome| outcome.status == Status::Done);
    let found: Option<Vec<_>> =
        done.map(|outcome| outcome.verification.as_deref().cloned()).collect();
    let found = found.filter(|found| found.iter().all(|found| found.mode > Mode::Counts))?;
    Some(verdict(&found).sentence)
}
