//! Progress as JSON lines. Names and meanings stay; new ones may be added.

use std::io::{self, Write};
use std::time::{Duration, Instant};

use serde::Serialize;

use super::super::text::printable_json;
use super::figures::Figures;
use super::tally::Tally;
use super::write_line;
use crate::apply::event::{Event, Outcome, Status};
use crate::verify::counts::Counts;
use crate::verify::result::{self, Content, Verification};

/// Rises when a reader of the old lines would misunderstand the new ones.
const FORMAT_VERSION: &str = "1.2";

/// Sums are told this often.
const PERIOD: Duration = Duration::from_secs(5);

/// Writes events as JSON lines, and what they add up to every few seconds.
#[derive(Debug)]
pub(super) struct Stream<W> {
    out: W,
    begun: bool,
    tally: Tally,
    summed: Option<Instant>,
}

#[derive(Debug, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
enum Line<'a> {
    /// The first line.
    Version {
        format_version: &'static str,
    },
    RunStarted {
        collections: usize,
        rows: Option<u64>,
        rows_before: u64,
    },
    VerificationStarted {
        collections: usize,
        rows: Option<u64>,
    },
    CollectionStarted {
        source: &'a str,
        target: &'a str,
        rows: Option<u64>,
        rows_before: u64,
    },
    Step {
        target: &'a str,
        what: &'a str,
    },
    Waiting {
        target: &'a str,
        what: &'a str,
        done: u64,
        total: u64,
    },
    Copied {
        target: &'a str,
        rows: u64,
        bytes: u64,
        chunks: u64,
    },
    Compared {
        target: &'a str,
        rows: u64,
        bytes: u64,
    },
    Retried {
        target: &'a str,
    },
    Warning {
        target: &'a str,
        text: &'a str,
    },
    CollectionFinished {
        source: &'a str,
        target: &'a str,
        status: &'static str,
        /// Why it failed.
        error: Option<&'a str>,
        /// What nothing explains.
        differences: &'a [String],
        rows: u64,
        bytes: u64,
        seconds: f64,
        retries: u64,
        /// Rows that the target refuses and that are set aside.
        rejected: u64,
        counts: Option<&'a Counts>,
        warnings: &'a [String],
    },
    VerificationFinished {
        source: &'a str,
        target: &'a str,
        status: result::Status,
        mode: result::Mode,
        /// Why it was not compared to the end.
        error: Option<&'a str>,
        /// What nothing explains, in words.
        unexplained: &'a [String],
        rows: Option<u64>,
        missing: Option<u64>,
        extra: Option<u64>,
        different: Option<u64>,
        explained: Option<u64>,
        seconds: f64,
    },
    /// What the others add up to.
    Progress {
        /// Since the run began.
        seconds: f64,
        collections: usize,
        done: usize,
        counts_differ: usize,
        failed: usize,
        stopped: usize,
        total: Sums,
        active: Vec<OfCollection<'a>>,
    },
}

/// A collection whose turn it is.
#[derive(Debug, Serialize)]
struct OfCollection<'a> {
    target: &'a str,
    /// What is being done, for people.
    step: String,
    step_seconds: f64,
    #[serde(flatten)]
    sums: Sums,
}

#[derive(Debug, Serialize)]
struct Sums {
    /// At the target, those of earlier runs included.
    rows: u64,
    /// Unknown where a source does not count, or there are more.
    rows_total: Option<u64>,
    percent: Option<u64>,
    bytes: u64,
    chunks: u64,
    rows_per_second: Option<u64>,
    bytes_per_second: Option<u64>,
    seconds_left: Option<u64>,
    retries: u64,
}

impl From<Figures> for Sums {
    fn from(figures: Figures) -> Self {
        Self {
            rows: figures.rows,
            rows_total: figures.total(),
            percent: figures.percent(),
            bytes: figures.bytes,
            chunks: figures.chunks,
            rows_per_second: figures.speed.map(|(rows, _)| rows),
            bytes_per_second: figures.speed.map(|(_, bytes)| bytes),
            seconds_left: figures.left.map(|left| left.as_secs()),
            retries: figures.retries,
        }
    }
}

impl<'a> From<&'a Event> for Line<'a> {
    fn from(event: &'a Event) -> Self {
        match event {
            Event::RunStarted { collections, rows, rows_before } => Self::RunStarted {
                collections: *collections,
                rows: *rows,
                rows_before: *rows_before,
            },
            Event::CollectionStarted { source, target, rows, rows_before } => {
                Self::CollectionStarted { source, target, rows: *rows, rows_before: *rows_before }
            }
            Event::VerificationStarted { collections, rows } => {
                Self::VerificationStarted { collections: *collections, rows: *rows }
            }
            Event::Step { target, what } => Self::Step { target, what },
            Event::Waiting { target, what, done, total } => {
                Self::Waiting { target, what, done: *done, total: *total }
            }
            Event::Copied { target, rows, bytes, chunks } => {
                Self::Copied { target, rows: *rows, bytes: *bytes, chunks: *chunks }
            }
            Event::Compared { target, rows, bytes } => {
                Self::Compared { target, rows: *rows, bytes: *bytes }
            }
            Event::Retried { target } => Self::Retried { target },
            Event::Warning { target, text } => Self::Warning { target, text },
            Event::CollectionFinished(outcome) => Self::finished(outcome),
            Event::VerificationFinished(found) => Self::compared(found),
        }
    }
}

impl<'a> Line<'a> {
    fn finished(outcome: &'a Outcome) -> Self {
        let (status, error, differences): (_, Option<&str>, &[String]) = match &outcome.status {
            Status::Done => ("done", None, &[]),
            Status::Unchanged => ("unchanged", None, &[]),
            Status::CountsDiffer(differences) => ("counts_differ", None, differences),
            Status::RowsDiffer(differences) => ("rows_differ", None, differences),
            Status::SchemaDiffers(differences) => ("schema_differs", None, differences),
            Status::Failed(why) | Status::Owned(why) | Status::Replaced(why) => {
                ("failed", Some(why), &[])
            }
            Status::Stopped => ("stopped", None, &[]),
        };
        Self::CollectionFinished {
            source: &outcome.source,
            target: &outcome.target,
            status,
            error,
            differences,
            rows: outcome.rows,
            bytes: outcome.bytes,
            seconds: seconds(outcome.elapsed),
            retries: outcome.retries,
            rejected: outcome.rejected,
            counts: outcome.counts.as_ref(),
            warnings: &outcome.warnings,
        }
    }
}

impl<'a> Line<'a> {
    fn compared(found: &'a Verification) -> Self {
        let of = |number: fn(&Content) -> u64| found.content.as_ref().map(number);
        Self::VerificationFinished {
            source: &found.source,
            target: &found.target,
            status: found.status,
            mode: found.mode,
            error: found.failure.as_deref(),
            unexplained: &found.unexplained,
            rows: of(|content| content.rows),
            missing: of(|content| content.missing),
            extra: of(|content| content.extra),
            different: of(|content| content.different),
            explained: of(|content| content.explained),
            seconds: found.seconds,
        }
    }
}

impl<W: Write> Stream<W> {
    pub(super) fn new(out: W) -> Self {
        Self { out, begun: false, tally: Tally::default(), summed: None }
    }

    pub(super) fn handle(&mut self, event: &Event, now: Instant) -> io::Result<()> {
        self.tally.add(event, now);
        if !self.begun {
            self.begun = true;
            write(&mut self.out, &Line::Version { format_version: FORMAT_VERSION })?;
        }
        if matches!(event, Event::RunStarted { .. } | Event::VerificationStarted { .. }) {
            self.summed = Some(now);
        }
        write(&mut self.out, &event.into())
    }

    /// Sums up when it is time.
    pub(super) fn tick(&mut self, now: Instant) -> io::Result<()> {
        match self.summed {
            Some(summed) if now.saturating_duration_since(summed) >= PERIOD => self.sum_up(now),
            _ => Ok(()),
        }
    }

    /// Sums up once more.
    pub(super) fn finish(&mut self, now: Instant) -> io::Result<()> {
        if self.summed.is_some() { self.sum_up(now) } else { Ok(()) }
    }

    fn sum_up(&mut self, now: Instant) -> io::Result<()> {
        self.summed = Some(now);
        let tally = &self.tally;
        let active = tally.active.iter().map(|active| OfCollection {
            target: &active.target,
            step: active.what(),
            step_seconds: seconds(now.saturating_duration_since(active.step_began)),
            sums: active.figures(now).into(),
        });
        let progress = Line::Progress {
            seconds: seconds(tally.elapsed(now).unwrap_or_default()),
            collections: tally.collections,
            done: tally.ended.done,
            counts_differ: tally.ended.counts_differ,
            failed: tally.ended.failed,
            stopped: tally.ended.stopped,
            total: tally.figures(now).into(),
            active: active.collect(),
        };
        write(&mut self.out, &progress)
    }
}

fn write(out: &mut impl Write, line: &Line<'_>) -> io::Result<()> {
    let json = serde_json::to_string(line).map_err(io::Error::from)?;
    write_line(out, &printable_json(&json))
}

/// In seconds, to the millisecond.
fn seconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 1_000.0).round() / 1_000.0
}

#[cfg(test)]
mod tests;
