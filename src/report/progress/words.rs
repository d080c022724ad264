//! Sentences about collections, for people.

use super::super::size;
use super::super::style::{Role, Style};
use super::super::text::escape;
use super::super::verification;
use super::figures::{Figures, retried};
use super::tally::Tally;
use crate::apply::event::{Outcome, Status};
use crate::verify::result::{self as verify, Verification};

/// What is said of a run of several collections when it begins.
pub(super) fn of_run(collections: usize, rows: Option<u64>, before: u64) -> String {
    format!("{}: {}", size::counted(collections as u64, "collection"), to_come(rows, before))
}

/// What is said when the turn of a collection comes.
pub(super) fn started(source: &str, target: &str, rows: Option<u64>, before: u64) -> String {
    let from = if source == target { String::new() } else { format!(" from {source}") };
    format!("{target}{from}: {}", to_come(rows, before))
}

fn to_come(rows: Option<u64>, before: u64) -> String {
    let rows = match rows {
        Some(rows) => size::counted(rows, "row"),
        None => "number of rows unknown".to_owned(),
    };
    match before {
        0 => rows,
        before => format!("{rows}, {} copied before", size::count(before)),
    }
}

/// What is said when it is over; nothing of a collection that is as it was.
pub(super) fn finished(outcome: &Outcome, style: Style) -> Option<String> {
    let Outcome { target, rows, elapsed, retries, .. } = outcome;
    let (role, how) = match &outcome.status {
        Status::Unchanged => return None,
        Status::Done => (Role::Create, "done"),
        Status::CountsDiffer(_) => (Role::Problem, "done, but the counts differ"),
        Status::RowsDiffer(_) => (Role::Problem, "done, but rows differ"),
        Status::SchemaDiffers(_) => (Role::Problem, "done, but the schema differs"),
        Status::Stopped => (Role::Change, "stopped"),
        Status::Failed(why) | Status::Owned(why) | Status::Replaced(why) => {
            let why = why.lines().next().unwrap_or_default();
            let (target, failed) = (plain(target, style), style.paint(Role::Problem, "failed"));
            return Some(format!("{target}: {failed}: {}", plain(why, style)));
        }
    };
    let (target, how) = (plain(target, style), style.paint(role, how));
    let rows = size::counted(*rows, "row");
    let elapsed = size::duration(*elapsed);
    Some(format!("{target}: {how}, {rows} in {elapsed}{}", retried(*retries)))
}

/// What is said when a collection was compared.
pub(super) fn compared(found: &Verification, style: Style) -> String {
    let line = verification::line(found);
    let role = match found.status {
        verify::Status::Verified | verify::Status::Repaired => Role::Create,
        verify::Status::Different => Role::Problem,
        verify::Status::Unfinished => Role::Change,
    };
    format!("{}: {}", plain(&found.target, style), style.paint(role, &line))
}

/// Why calls are made again, and until when.
pub(super) fn trouble(end: &str, reason: &str, until: &str) -> String {
    // The time of `2026-08-31T12:34:56.789Z`.
    let time = until.get(11..19).map_or_else(|| until.to_owned(), |time| format!("{time} UTC"));
    escape(&format!("{end} {reason}, retrying until {time}")).into_owned()
}

/// Something that a person should know.
pub(super) fn warning(target: &str, text: &str, style: Style) -> String {
    let text = plain(&format!("{target}: {text}"), style);
    format!("{}: {text}", style.paint(Role::Change, "warning"))
}

/// `total: 5 of 20 collections done, 1 failed, 4 at work; ` and the rows.
pub(super) fn total(tally: &Tally, figures: &Figures, style: Style) -> String {
    let all = size::counted(tally.collections as u64, "collection");
    let mut text = format!("total: {} of {all} done", tally.ended.done);
    for (role, part) in tally.ended.otherwise() {
        text += &style.paint(role, &part);
    }
    format!("{text}, {} at work; {}", tally.active.len(), figures.text())
}

fn plain(text: &str, style: Style) -> String {
    style.paint(Role::Plain, text)
}
