//! What a rehearsal came to: as text, as markdown and as JSON.

pub mod document;
mod markdown;

use std::time::Duration;

use super::page::{Page, Text};
use super::plan::write_finding;
use super::size;
use super::style::{Role, Style};
use crate::changes::{Changes, Finding, Severity};
use crate::rehearse::outcome::Estimate;
use crate::rehearse::{
    ABANDONED_HOURS, Left, Rehearsed, Step, StepOutcome, StepStatus, Whose, not_rehearsed,
};
use document::{Document, Verdict, Word};

pub use markdown::markdown;

/// Left of the marks of a collection.
const INDENT: usize = 2;

/// What is asked before anything is written: the findings for which `apply` would refuse, what is
/// made, and what an earlier rehearsal left behind and is deleted first.
pub fn question(changes: &Changes, rows: usize, left: &[Left], style: &Style) -> String {
    let mut page = Page::new(*style);
    for finding in errors(changes) {
        page.gap();
        write_finding(&mut page, finding);
    }
    page.gap();
    let rehearsed: Vec<_> =
        changes.collections.iter().filter(|change| not_rehearsed(change).is_none()).collect();
    let rows = size::counted(rows as u64, "row");
    let number = size::counted(rehearsed.len() as u64, "collection");
    page.paragraph(
        0,
        Role::Plain,
        &format!(
            "Rehearses {number} with up to {rows} of each, in scratch collections at {} that are \
             deleted again. Nothing is written at {}.",
            changes.target.uri, changes.source.uri
        ),
    );
    for change in &rehearsed {
        page.line(INDENT, &Text::plain(&change.target_address));
        if change.load_source {
            let text = "the source is loaded for it and released afterwards; a rehearsal that is \
                        killed leaves it loaded";
            page.paragraph(2 * INDENT, Role::Change, text);
        }
    }
    write_left(&mut page, left, "Deletes what an earlier rehearsal of this plan left:");
    page.finish()
}

/// What `--clean` deletes.
pub fn cleaning(left: &[Left], style: &Style) -> String {
    let mut page = Page::new(*style);
    write_left(&mut page, left, "Deletes what rehearsals of this plan left at the target:");
    page.finish()
}

fn write_left(page: &mut Page, left: &[Left], title: &str) {
    let (ours, kept): (Vec<&Left>, Vec<&Left>) = left.iter().partition(|left| left.is_over());
    if !ours.is_empty() {
        page.gap();
        page.line(0, &Text::plain(title));
    }
    for left in ours {
        page.line(INDENT, &Text::plain(left.address()));
    }
    if !kept.is_empty() {
        page.gap();
        page.line(0, &Text::plain("Leaves alone:"));
    }
    for left in kept {
        let why = match &left.whose {
            Whose::Elsewhere(at) => format!(
                "a rehearsal of this plan with another --state made it at {at} and may be at work; if it \
                 is not, delete it by hand, or run `rehearse --clean` {ABANDONED_HOURS} hours after that"
            ),
            _ => "not made by a rehearsal of this plan".to_owned(),
        };
        page.line(INDENT, &Text::new(Role::Change, left.address()));
        page.paragraph(2 * INDENT, Role::Change, &why);
    }
}

fn errors(changes: &Changes) -> Vec<&Finding> {
    let mut errors: Vec<&Finding> = Vec::new();
    for finding in changes.all_findings() {
        if finding.severity == Severity::Error && !errors.contains(&finding) {
            errors.push(finding);
        }
    }
    errors
}

/// The verdict, a table of collections and steps, and what there is to say of each.
pub fn render(document: &Document, style: &Style) -> String {
    let mut page = Page::new(*style);
    page.paragraph(0, role_of(document.verdict.word), &document.verdict.sentence);
    page.gap();
    let shown: Vec<&Rehearsed> =
        document.collections.iter().filter(|of| of.skipped.is_none()).collect();
    if !shown.is_empty() {
        let heads: Vec<&str> = Step::ALL.iter().map(|step| step.head()).collect();
        page.line(INDENT, &Text::new(Role::Secondary, heads.join(" ")));
    }
    for of in &shown {
        page.line(0, &title(of));
        page.line(INDENT, &marks(of));
    }
    for of in document.collections.iter().filter(|of| of.skipped.is_some()) {
        let why = of.skipped.as_deref().unwrap_or_default();
        page.line(0, &title(of));
        page.paragraph(INDENT, Role::Change, &format!("not rehearsed: {why}"));
    }
    if !shown.is_empty() {
        page.gap();
        page.paragraph(0, Role::Secondary, LEGEND);
    }
    for of in shown {
        page.gap();
        page.line(0, &title(of));
        for step in &of.steps {
            write_step(&mut page, step);
        }
        for line in measures(of) {
            page.paragraph(INDENT, Role::Plain, &line);
        }
        for left in &of.left {
            page.paragraph(INDENT, Role::Problem, left);
        }
    }
    page.finish()
}

const LEGEND: &str = "ok, NO failed, - not tried";

fn role_of(word: Word) -> Role {
    match word {
        Word::Ok => Role::Create,
        Word::Failed => Role::Problem,
        Word::Refused | Word::Interrupted => Role::Change,
    }
}

fn title(of: &Rehearsed) -> Text {
    let text = Text::new(Role::Heading, &of.target);
    if of.source == of.target {
        text
    } else {
        text.with(Role::Plain, format!(" from {}", of.source))
    }
}

/// One mark of each step, below the heads of the columns.
fn marks(of: &Rehearsed) -> Text {
    let mut line = Text::default();
    for step in Step::ALL {
        let (role, mark) = match of.step(step).map(|outcome| outcome.status) {
            Some(StepStatus::Ok) => (Role::Create, "ok"),
            Some(StepStatus::Failed) => (Role::Problem, "NO"),
            Some(StepStatus::Skipped) | None => (Role::Secondary, "-"),
        };
        let last = step == Step::DropCollection;
        let width = if last { 0 } else { step.head().len() + 1 };
        line = line.with(role, mark);
        line = line.with(Role::Plain, " ".repeat(width.saturating_sub(mark.len())));
    }
    line
}

/// What there is to say of a step; nothing of one that is simply ok.
fn write_step(page: &mut Page, step: &StepOutcome) {
    let name = step.step.text();
    match step.status {
        StepStatus::Ok if step.text.is_empty() => {}
        StepStatus::Ok => page.paragraph(INDENT, Role::Plain, &format!("{name}: {}", step.text)),
        StepStatus::Skipped => {
            page.paragraph(INDENT, Role::Secondary, &format!("{name}: not tried: {}", step.text));
        }
        StepStatus::Failed => {
            page.paragraph(INDENT, Role::Problem, &format!("{name} FAILED: {}", step.text));
            if !step.advice.is_empty() {
                page.paragraph(2 * INDENT, Role::Secondary, &format!("help: {}", step.advice));
            }
        }
    }
}

/// The rates, and what they come to.
fn measures(of: &Rehearsed) -> Vec<String> {
    let Some(measured) = &of.measured else { return Vec::new() };
    let rate = |seconds: f64| {
        let per_second = |number: u64| rounded(number, seconds);
        match (per_second(measured.rows), per_second(measured.bytes)) {
            (Some(rows), Some(bytes)) => {
                format!("{} rows/s, {}/s", size::count(rows), size::bytes(bytes))
            }
            _ => "too fast to tell".to_owned(),
        }
    };
    let mut lines = vec![format!(
        "measured: read {}; written {}",
        rate(measured.read_seconds),
        rate(measured.write_seconds)
    )];
    if let Some(Estimate { rows, bytes, seconds }) = of.estimate {
        let time = size::about(Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX));
        lines.push(format!(
            "all {}: {time} to copy, {}; an estimate from {}, the largest that were found among \
             them, one request at a time, without building indexes",
            size::counted(rows, "row"),
            size::bytes(bytes),
            size::counted(measured.rows, "row")
        ));
    }
    lines
}

#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a rate for people"
)]
fn rounded(number: u64, seconds: f64) -> Option<u64> {
    (seconds > 1e-6).then(|| (number as f64 / seconds) as u64)
}

/// What a rehearsal comes to.
pub fn verdict(collections: &[Rehearsed], refused: bool, interrupted: bool) -> Verdict {
    let rehearsed = collections.iter().filter(|of| of.skipped.is_none()).count();
    let failed = collections.iter().filter(|of| of.has_failed()).count();
    let of_all = size::counted(collections.len() as u64, "collection");
    let (word, sentence) = if interrupted {
        (Word::Interrupted, "Interrupted: what the rehearsal made is deleted.".to_owned())
    } else if failed > 0 {
        (Word::Failed, format!("Failed: {failed} of {of_all}; the steps below say why."))
    } else if refused || rehearsed == 0 {
        let text = format!("{rehearsed} of {of_all} rehearsed; what `apply` would refuse is not.");
        (Word::Refused, text)
    } else {
        (Word::Ok, format!("Every step is ok: {rehearsed} of {of_all} rehearsed."))
    };
    let left = collections.iter().any(|of| !of.left.is_empty());
    let sentence = match word {
        Word::Interrupted if left => "Interrupted: something is left behind, see below.".to_owned(),
        _ => sentence,
    };
    Verdict { word, sentence }
}

#[cfg(test)]
mod tests;
