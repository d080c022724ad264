//! Progress as JSON lines. Names and meanings stay; new ones may be added.

use std::io::{self, Write};
use std::time::{Duration, Instant};

use serde::Serialize;

use super::super::document::End;
use super::super::text::printable_json;
use super::figures::Figures;
use super::tally::Tally;
use super::{About, Ended, write_line};
use crate::apply::event::{Event, Outcome, Status};
use crate::verify::counts::Counts;
use crate::verify::result::{self, Content, Verification};

/// Rises when a reader of the old lines would misunderstand the new ones.
const FORMAT_VERSION: &str = "1.3";

/// Sums are told this often.
const PERIOD: Duration = Duration::from_secs(5);

/// Writes events as JSON lines, and what they add up to every few seconds.
#[derive(Debug)]
pub(super) struct Stream<W> {
    out: W,
    about: About,
    begun: bool,
    tally: Tally,
    summed: Option<Instant>,
}

/// A line with what each has.
#[derive(Debug, Serialize)]
struct Stamped<'a> {
    #[serde(flatten)]
    line: &'a Line<'a>,
    /// When it was written: UTC.
    time: String,
    /// The run's number in the ledger.
    run: Option<i64>,
}

/// What is told of a run once, as it begins.
#[derive(Debug, Serialize)]
struct OfRun<'a> {
    command: &'static str,
    name: &'a str,
    source: Option<&'a End>,
    target: Option<&'a End>,
}

#[derive(Debug, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
enum Line<'a> {
    /// The first line.
    Version {
        format_version: &'static str,
    },
    RunStarted {
        #[serde(flatten)]
        of: OfRun<'a>,
        collections: usize,
        rows: Option<u64>,
        rows_before: u64,
    },
    VerificationStarted {
        #[serde(flatten)]
        of: OfRun<'a>,
        collections: usize,
        rows: Option<u64>,
    },
    /// The last line.
    RunFinished {
        verdict: &'a str,
        sentence: &'a str,
        exit_code: u8,
        seconds: f64,
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
        end: &'a str,
        reason: &'a str,
        until: &'a str,
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
        pending: Option<u64>,
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

impl<'a> Line<'a> {
    fn of(event: &'a Event, about: &'a About) -> Self {
        match event {
            Event::RunStarted { collections, rows, rows_before } => Self::RunStarted {
                of: about.once(),
                collections: *collections,
                rows: *rows,
                rows_before: *rows_before,
            },
            Event::CollectionStarted { source, target, rows, rows_before } => {
                Self::CollectionStarted { source, target, rows: *rows, rows_before: *rows_before }
            }
            Event::VerificationStarted { collections, rows } => Self::VerificationStarted {
                of: about.once(),
                collections: *collections,
                rows: *rows,
            },
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
            Event::Retried { target, end, reason, until } => {
                Self::Retried { target, end, reason, until }
            }
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
            pending: of(|content| content.pending),
            seconds: found.seconds,
        }
    }
}

impl<W: Write> Stream<W> {
    pub(super) fn new(out: W, about: About) -> Self {
        Self { out, about, begun: false, tally: Tally::default(), summed: None }
    }

    pub(super) fn handle(&mut self, event: &Event, now: Instant) -> io::Result<()> {
        self.tally.add(event, now);
        self.begin()?;
        if matches!(event, Event::RunStarted { .. } | Event::VerificationStarted { .. }) {
            self.summed = Some(now);
        }
        write(&mut self.out, &self.about, &Line::of(event, &self.about))
    }

    /// Says what the lines are, before the first of them.
    fn begin(&mut self) -> io::Result<()> {
        if std::mem::replace(&mut self.begun, true) {
            return Ok(());
        }
        write(&mut self.out, &self.about, &Line::Version { format_version: FORMAT_VERSION })
    }

    /// Says what the run came to.
    pub(super) fn end(&mut self, end: &Ended<'_>, now: Instant) -> io::Result<()> {
        self.begin()?;
        let Ended { verdict, sentence, exit_code } = *end;
        let seconds = seconds(self.tally.elapsed(now).unwrap_or_default());
        let line = Line::RunFinished { verdict, sentence, exit_code, seconds };
        write(&mut self.out, &self.about, &line)
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
            step: active.what(now),
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
        write(&mut self.out, &self.about, &progress)
    }
}

impl About {
    fn once(&self) -> OfRun<'_> {
        OfRun {
            command: self.command,
            name: &self.name,
            source: self.source.as_ref(),
            target: self.target.as_ref(),
        }
    }
}

fn write(out: &mut impl Write, about: &About, line: &Line<'_>) -> io::Result<()> {
    let stamped = Stamped { line, time: (about.clock)(), run: about.run };
    let json = serde_json::to_string(&stamped).map_err(io::Error::from)?;
    write_line(out, &printable_json(&json))
}

/// In seconds, to the millisecond.
fn seconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 1_000.0).round() / 1_000.0
}

#[cfg(test)]
mod tests;
