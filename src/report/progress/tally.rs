//! What the events of a run add up to. Pure: moments come in as arguments.

use std::time::{Duration, Instant};

use super::super::size;
use super::figures::{Figures, retried, seconds};
use super::rate::Rate;
use super::words;
use crate::apply::event::{Event, Outcome, Status};
use crate::verify::result::{self, Verification};

/// A run at some moment.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// Collections with something to do; none before the run begins.
    pub(super) collections: usize,
    /// How many turns ended, and how.
    pub(super) ended: Ended,
    /// Collections whose turn it is, in the order in which their turns came.
    pub(super) active: Vec<Active>,
    /// Since when; `None` before the run begins.
    rate: Option<Rate>,
    began: Option<Instant>,
    expected: Option<u64>,
    before: u64,
    /// Rows that this run will not copy any more, as their collection failed.
    given_up: u64,
    chunks: u64,
    retries: u64,
    /// Whether nothing is copied, so that rows that are compared are what is counted.
    compares: bool,
}

/// How the turns of collections ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Ended {
    pub(super) done: usize,
    /// Their counts differ; in a run of `verify`, anything.
    pub(super) counts_differ: usize,
    pub(super) failed: usize,
    pub(super) stopped: usize,
}

/// A collection whose turn it is.
#[derive(Debug)]
pub(super) struct Active {
    /// `database/collection` at the target.
    pub(super) target: String,
    /// When its step began.
    pub(super) step_began: Instant,
    /// What is being done, for people.
    step: String,
    doing: Doing,
    expected: Option<u64>,
    before: u64,
    rate: Rate,
    chunks: u64,
    retries: u64,
    /// How many of them before this step.
    earlier_retries: u64,
    /// Why calls are made again and until when, as long as none is known to have succeeded since.
    trouble: Option<Trouble>,
    /// Whether rows arrived in an earlier step: what arrives now is copied again.
    again: bool,
    /// Whether rows arrived in this step.
    arrived: bool,
}

/// A call that lasts shorter until it succeeds is not spoken of.
const SHORT: Duration = Duration::from_secs(2);
/// So long after the last call that was made again, it is no more what is told.
const OLD: Duration = Duration::from_secs(15);

/// Calls that are made again.
#[derive(Debug)]
struct Trouble {
    /// Why, and until when.
    what: String,
    /// When the first was, of those after which nothing is known to have succeeded.
    since: Instant,
    /// When the last was.
    last: Instant,
}

/// What is seen of a step.
#[derive(Debug)]
enum Doing {
    /// That it goes on.
    Step,
    /// A server's progress with it.
    Waiting(String),
    /// Rows that arrive.
    Copying,
    /// Rows that arrive once more, as counts differed. They are no rows more.
    CopyingAgain(u64),
    /// Rows that are compared after they were copied.
    Comparing(u64),
}

impl Ended {
    fn number(&self) -> usize {
        self.done + self.counts_differ + self.failed + self.stopped
    }
}

impl Tally {
    pub(super) fn add(&mut self, event: &Event, now: Instant) {
        match event {
            Event::RunStarted { collections, rows, rows_before } => {
                *self = Self {
                    collections: *collections,
                    expected: *rows,
                    before: *rows_before,
                    rate: Some(Rate::new(now)),
                    began: Some(now),
                    ..Self::default()
                };
            }
            Event::VerificationStarted { collections, rows } => {
                *self = Self {
                    collections: *collections,
                    expected: *rows,
                    rate: Some(Rate::new(now)),
                    began: Some(now),
                    compares: true,
                    ..Self::default()
                };
            }
            Event::CollectionStarted { target, rows, rows_before, .. } => {
                self.active.push(Active::new(target, *rows, *rows_before, now));
            }
            Event::Step { target, what } => {
                if let Some(rate) = &mut self.rate {
                    rate.begin(now);
                }
                self.change(target, |active| active.begin(what, now));
            }
            Event::Copied { target, rows, bytes, chunks } => {
                self.arrived(target, *rows, *bytes, *chunks, now);
            }
            Event::Compared { target, rows, bytes } if self.compares => {
                self.arrived(target, *rows, *bytes, 0, now);
            }
            Event::Compared { target, rows, .. } => {
                self.change(target, |active| active.compared(*rows));
            }
            Event::Waiting { target, what, done, total } => self.change(target, |active| {
                active.trouble = None;
                let rows = format!("{} of {} rows", size::count(*done), size::count(*total));
                active.doing = Doing::Waiting(format!("{what}: {rows}"));
            }),
            Event::Retried { target, end, reason, until } => {
                self.retries += 1;
                let trouble = words::trouble(end, reason, until);
                self.change(target, |active| {
                    active.retries += 1;
                    let since = active.trouble.as_ref().map_or(now, |earlier| earlier.since);
                    active.trouble = Some(Trouble { what: trouble, since, last: now });
                });
            }
            Event::Warning { .. } => {}
            Event::CollectionFinished(outcome) => self.end(outcome, now),
            Event::VerificationFinished(found) => self.end_of_comparison(found, now),
        }
    }

    fn change(&mut self, target: &str, change: impl FnOnce(&mut Active)) {
        if let Some(active) = self.active.iter_mut().find(|active| active.target == target) {
            change(active);
        }
    }

    fn arrived(&mut self, target: &str, rows: u64, bytes: u64, chunks: u64, now: Instant) {
        let mut new = false;
        self.change(target, |active| new = active.copied(rows, bytes, chunks, now));
        if new {
            self.chunks = self.chunks.saturating_add(chunks);
            if let Some(rate) = &mut self.rate {
                rate.add(rows, bytes, now);
            }
        }
    }

    fn end(&mut self, outcome: &Outcome, now: Instant) {
        let ended = match &outcome.status {
            // It was not among those with something to do.
            Status::Unchanged => return self.active.retain(|a| a.target != outcome.target),
            Status::Done => &mut self.ended.done,
            Status::CountsDiffer(_) | Status::RowsDiffer(_) | Status::SchemaDiffers(_) => {
                &mut self.ended.counts_differ
            }
            Status::Failed(_) | Status::Owned(_) | Status::Replaced(_) => &mut self.ended.failed,
            Status::Stopped => &mut self.ended.stopped,
        };
        *ended += 1;
        let whole = !matches!(
            outcome.status,
            Status::Failed(_) | Status::Owned(_) | Status::Replaced(_) | Status::Stopped
        );
        self.leave(&outcome.target, (outcome.rows, outcome.bytes), whole, now);
    }

    fn end_of_comparison(&mut self, found: &Verification, now: Instant) {
        let ended = match found.status {
            result::Status::Verified | result::Status::Repaired => &mut self.ended.done,
            result::Status::Different => &mut self.ended.counts_differ,
            result::Status::Unfinished => &mut self.ended.failed,
        };
        *ended += 1;
        self.leave(&found.target, (0, 0), found.status != result::Status::Unfinished, now);
    }

    /// A collection's turn is over, with so many rows and bytes; `whole` when no row is to come.
    fn leave(&mut self, target: &str, (rows, bytes): (u64, u64), whole: bool, now: Instant) {
        let Some(at) = self.active.iter().position(|active| active.target == target) else {
            return;
        };
        let active = self.active.remove(at);
        // Where a screen stood still, the last rows were not told.
        let untold = rows.saturating_sub(active.rate.rows());
        if untold > 0
            && let Some(rate) = &mut self.rate
        {
            rate.add(untold, bytes.saturating_sub(active.rate.bytes()), now);
        }
        let rows = active.rows().saturating_add(untold);
        let (Some(all), Some(expected)) = (self.expected, active.expected) else { return };
        if rows >= expected {
            self.expected = Some(all.saturating_add(rows - expected));
        } else if whole {
            self.expected = Some(all.saturating_sub(expected - rows));
        } else {
            self.given_up = self.given_up.saturating_add(expected - rows);
        }
    }

    /// How long the run has lasted.
    pub(super) fn elapsed(&self, now: Instant) -> Option<Duration> {
        self.began.map(|began| now.saturating_duration_since(began))
    }

    /// The run as a whole.
    pub(super) fn figures(&self, now: Instant) -> Figures {
        let rows = self.before.saturating_add(self.rate.as_ref().map_or(0, Rate::rows));
        // One that has more rows than expected makes the sum wrong until its turn ends.
        let sure = self.active.iter().all(|a| a.expected.is_some_and(|all| a.rows() <= all));
        let expected = self.expected.filter(|_| sure);
        // Where all are at other steps, the speed of before means nothing.
        let begun = self.active.len() + self.ended.number() >= self.collections;
        let copies = self.active.is_empty() || self.active.iter().any(Active::is_copying);
        let moves = self.compares || !begun || copies;
        let rate = self.rate.as_ref().filter(|rate| moves && rate.stalled(now).is_none());
        let to_come =
            |all: u64| all.checked_sub(rows).map(|rest| rest.saturating_sub(self.given_up));
        let left = expected
            .and_then(to_come)
            .zip(rate)
            .and_then(|(to_come, rate)| rate.time_for(to_come, now))
            // The run is not over before its slowest collection.
            .map(|left| self.active.iter().filter_map(|a| a.left(now)).fold(left, Duration::max));
        Figures {
            rows,
            expected,
            bytes: self.rate.as_ref().map_or(0, Rate::bytes),
            chunks: self.chunks,
            retries: self.retries,
            speed: rate.and_then(|rate| rate.speed(now)),
            left,
            // Collections that are at other steps bring no rows, and that is all right.
            stalled: None,
        }
    }
}

impl Active {
    fn new(target: &str, expected: Option<u64>, before: u64, now: Instant) -> Self {
        Self {
            target: target.to_owned(),
            step_began: now,
            step: "starting".to_owned(),
            doing: Doing::Step,
            expected,
            before,
            rate: Rate::new(now),
            chunks: 0,
            retries: 0,
            earlier_retries: 0,
            trouble: None,
            again: false,
            arrived: false,
        }
    }

    fn begin(&mut self, what: &str, now: Instant) {
        self.again |= self.arrived;
        self.arrived = false;
        what.clone_into(&mut self.step);
        self.doing = Doing::Step;
        self.step_began = now;
        self.earlier_retries = self.retries;
        self.trouble = None;
        self.rate.begin(now);
    }

    /// Rows that are there already were compared.
    fn compared(&mut self, rows: u64) {
        self.trouble = None;
        let earlier = if let Doing::Comparing(rows) = self.doing { rows } else { 0 };
        self.doing = Doing::Comparing(earlier.saturating_add(rows));
    }

    /// Returns whether the rows are new ones.
    fn copied(&mut self, rows: u64, bytes: u64, chunks: u64, now: Instant) -> bool {
        self.arrived = true;
        self.trouble = None;
        if self.again {
            let earlier = if let Doing::CopyingAgain(rows) = self.doing { rows } else { 0 };
            self.doing = Doing::CopyingAgain(earlier.saturating_add(rows));
            return false;
        }
        self.rate.add(rows, bytes, now);
        self.chunks = self.chunks.saturating_add(chunks);
        self.doing = Doing::Copying;
        true
    }

    fn rows(&self) -> u64 {
        self.before.saturating_add(self.rate.rows())
    }

    fn left(&self, now: Instant) -> Option<Duration> {
        let to_come = self.expected?.checked_sub(self.rows())?;
        self.rate.time_for(to_come, now).filter(|_| self.is_copying())
    }

    /// Whether new rows arrive in this step.
    pub(super) fn is_copying(&self) -> bool {
        matches!(self.doing, Doing::Copying)
    }

    /// Why calls are made again and until when, where that is all there is to say.
    pub(super) fn trouble(&self, now: Instant) -> Option<String> {
        let what = self.told_trouble(now)?;
        Some(format!("{what}{}", retried(self.retries - self.earlier_retries)))
    }

    fn told_trouble(&self, now: Instant) -> Option<&str> {
        let Trouble { what, since, last } = self.trouble.as_ref()?;
        let lasts = now.saturating_duration_since(*since) >= SHORT;
        (lasts && now.saturating_duration_since(*last) < OLD).then_some(what)
    }

    /// What is being done, or what stands against it.
    pub(super) fn what(&self, now: Instant) -> String {
        if let Some(trouble) = self.told_trouble(now) {
            return trouble.to_owned();
        }
        match &self.doing {
            Doing::Step | Doing::Copying => self.step.clone(),
            Doing::Waiting(what) => what.clone(),
            Doing::Comparing(rows) => format!("{}: {}", self.step, size::counted(*rows, "row")),
            Doing::CopyingAgain(rows) => {
                format!("{}: {} again", self.step, size::counted(*rows, "row"))
            }
        }
    }

    /// What is being done, and for how long and with how many retries once that is worth a word.
    pub(super) fn what_and_since(&self, now: Instant) -> String {
        if let Some(trouble) = self.trouble(now) {
            return trouble;
        }
        let since = now.saturating_duration_since(self.step_began);
        let since = match since.as_secs() {
            0..3 => String::new(),
            _ => format!(", for {}", seconds(since)),
        };
        format!("{}{since}{}", self.what(now), retried(self.retries - self.earlier_retries))
    }

    pub(super) fn figures(&self, now: Instant) -> Figures {
        Figures {
            rows: self.rows(),
            expected: self.expected,
            bytes: self.rate.bytes(),
            chunks: self.chunks,
            retries: self.retries,
            speed: self.rate.speed(now).filter(|_| self.is_copying()),
            left: self.left(now),
            stalled: self.rate.stalled(now).filter(|_| self.is_copying()),
        }
    }
}

#[cfg(test)]
mod tests;
