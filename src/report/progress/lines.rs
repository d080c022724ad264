//! Progress as plain lines: a step each, and rows every few seconds.

use std::collections::HashMap;
use std::io::{self, Write};
use std::time::{Duration, Instant};

use super::super::size;
use super::super::text::escape;
use super::{Rate, write_line};
use crate::apply::event::{Event, Outcome, Status};

/// Lines about rows of one collection are this far apart.
const PERIOD: Duration = Duration::from_secs(5);

/// Writes events as lines.
#[derive(Debug)]
pub(super) struct Lines<W> {
    out: W,
    active: HashMap<String, Active>,
}

#[derive(Debug)]
struct Active {
    rate: Rate,
    said: Instant,
    retries: u64,
}

impl<W: Write> Lines<W> {
    pub(super) fn new(out: W) -> Self {
        Self { out, active: HashMap::new() }
    }

    pub(super) fn handle(&mut self, event: &Event, now: Instant) -> io::Result<()> {
        let line = match event {
            Event::RunStarted { .. } => None,
            Event::CollectionStarted { target, rows, rows_before, .. } => {
                let rate = Rate::new(*rows, *rows_before, now);
                self.active.insert(target.clone(), Active { rate, said: now, retries: 0 });
                Some(started(event))
            }
            Event::Step { target, what } => {
                if let Some(active) = self.active.get_mut(target) {
                    active.rate.begin(now);
                    active.said = now;
                }
                Some(format!("{target}: {what}"))
            }
            Event::Waiting { target, what, done, total } => {
                self.active.get_mut(target).and_then(|active| {
                    let due = now.saturating_duration_since(active.said) >= PERIOD;
                    due.then(|| {
                        active.said = now;
                        format!("{target}: {}", waiting(what, *done, *total))
                    })
                })
            }
            Event::Copied { target, rows, bytes, .. } => {
                self.active.get_mut(target).and_then(|active| {
                    active.rate.add(*rows, *bytes, now);
                    let due = now.saturating_duration_since(active.said) >= PERIOD;
                    due.then(|| {
                        active.said = now;
                        format!("{target}: {}{}", active.rate.text(now), retried(active.retries))
                    })
                })
            }
            Event::Retried { target } => {
                if let Some(active) = self.active.get_mut(target) {
                    active.retries += 1;
                }
                None
            }
            Event::Warning { target, text } => Some(format!("warning: {target}: {text}")),
            Event::CollectionFinished(outcome) => {
                self.active.remove(&outcome.target);
                finished(outcome)
            }
        };
        match line {
            Some(line) => write_line(&mut self.out, &escape(&line)),
            None => Ok(()),
        }
    }
}

/// `index on embedding: 3,000 of 10,000 rows`.
pub(super) fn waiting(what: &str, done: u64, total: u64) -> String {
    format!("{what}: {} of {} rows", size::count(done), size::count(total))
}

/// `, 3 retries`, or nothing.
pub(super) fn retried(retries: u64) -> String {
    match retries {
        0 => String::new(),
        1 => ", 1 retry".to_owned(),
        many => format!(", {} retries", size::count(many)),
    }
}

/// What is said when a collection's turn comes.
fn started(event: &Event) -> String {
    let Event::CollectionStarted { source, target, rows, rows_before } = event else {
        return String::new();
    };
    let from = if source == target { String::new() } else { format!(" from {source}") };
    let rows = match rows {
        Some(rows) => size::counted(*rows, "row"),
        None => "number of rows unknown".to_owned(),
    };
    let before = match rows_before {
        0 => String::new(),
        before => format!(", {} copied before", size::count(*before)),
    };
    format!("{target}{from}: {rows}{before}")
}

/// What is said when it is over; nothing of a collection that is as it was.
pub(super) fn finished(outcome: &Outcome) -> Option<String> {
    let Outcome { target, rows, elapsed, retries, .. } = outcome;
    let how = match &outcome.status {
        Status::Unchanged => return None,
        Status::Done => "done",
        Status::CountsDiffer(_) => "done, but the counts differ",
        Status::Stopped => "stopped",
        Status::Failed(why) => {
            let why = why.lines().next().unwrap_or_default();
            return Some(format!("{target}: failed: {why}"));
        }
    };
    let rows = size::counted(*rows, "row");
    let elapsed = size::duration(*elapsed);
    Some(format!("{target}: {how}, {rows} in {elapsed}{}", retried(*retries)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::samples::outcome;

    const TARGET: &str = "catalog/products_v2";

    fn said(lines: &mut Lines<Vec<u8>>, event: &Event, now: Instant) -> String {
        lines.handle(event, now).unwrap();
        String::from_utf8(std::mem::take(&mut lines.out)).unwrap()
    }

    #[test]
    fn a_line_per_step_and_rows_every_five_seconds() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let lines = &mut Lines::new(Vec::new());
        let target = TARGET.to_owned();
        let started = Event::CollectionStarted {
            source: "default/products".to_owned(),
            target: target.clone(),
            rows: Some(100_000),
            rows_before: 20_000,
        };
        assert_eq!(
            said(lines, &started, at(0)),
            "catalog/products_v2 from default/products: 100,000 rows, 20,000 copied before\n"
        );
        let step = Event::Step { target: target.clone(), what: "copy rows".to_owned() };
        assert_eq!(said(lines, &step, at(1)), "catalog/products_v2: copy rows\n");
        let copied =
            Event::Copied { target: target.clone(), rows: 1_000, bytes: 1 << 20, chunks: 1 };
        let retried = Event::Retried { target: target.clone() };
        let mut rows = String::new();
        for second in 2..=12 {
            rows += &said(lines, &copied, at(second));
            rows += &said(lines, &retried, at(second));
        }
        assert_eq!(
            rows,
            "catalog/products_v2: 25,000 of 100,000 rows (25 %), 1,000 rows/s, 1.0 MiB/s, \
             1 min 15 s left, 4 retries\n\
             catalog/products_v2: 30,000 of 100,000 rows (30 %), 1,000 rows/s, 1.0 MiB/s, \
             1 min 10 s left, 9 retries\n"
        );
        let finished = outcome("products", Status::Done, 11_000);
        let finished = Event::CollectionFinished(Box::new(finished));
        let text = "default/products: done, 11,000 rows in 3.0 s\n";
        assert_eq!(said(lines, &finished, at(13)), text);
    }

    #[test]
    fn unchanged_collections_and_unheard_of_ones_are_no_news() {
        let lines = &mut Lines::new(Vec::new());
        let unchanged = outcome("tags", Status::Unchanged, 0);
        let unchanged = Event::CollectionFinished(Box::new(unchanged));
        assert_eq!(said(lines, &unchanged, Instant::now()), "");
        let copied = Event::Copied { target: TARGET.to_owned(), rows: 1, bytes: 1, chunks: 1 };
        assert_eq!(said(lines, &copied, Instant::now()), "");
    }

    #[test]
    fn one_event_is_one_line_whatever_it_says() {
        let lines = &mut Lines::new(Vec::new());
        let text = "a\nb\u{1b}[2J".to_owned();
        let warning = Event::Warning { target: TARGET.to_owned(), text };
        let text = "warning: catalog/products_v2: a\\nb\\u{1b}[2J\n";
        assert_eq!(said(lines, &warning, Instant::now()), text);
        let failed = Status::Failed("cannot read\n  advice".to_owned());
        let failed = Event::CollectionFinished(Box::new(outcome("tags", failed, 0)));
        let text = "default/tags: failed: cannot read\n";
        assert_eq!(said(lines, &failed, Instant::now()), text);
    }
}
