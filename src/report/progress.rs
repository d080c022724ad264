//! Progress while `apply` or `verify` works: one more reader of the event stream, writing to standard error.

mod bars;
mod figures;
mod lines;
mod rate;
#[cfg(test)]
mod samples;
mod screen;
mod stream;
mod tally;
mod words;

use std::io::{self, Write};
use std::time::{Duration, Instant};

pub use bars::BarWriter;

use super::document::End;
use super::style::Style;
use crate::apply::event::Event;

/// How often [`Progress::tick`] wants to be called.
pub const TICK: Duration = Duration::from_millis(200);

/// How progress is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Bars that move; for a terminal.
    Terminal(Style),
    /// Plain lines, a few seconds apart; where there is no terminal.
    Lines(Style),
    /// JSON objects, one a line; for programs.
    Json,
    /// Not at all.
    Quiet,
}

/// Which run it is, for programs.
#[derive(Debug, Clone)]
pub struct About {
    /// Its number in the ledger, where it has one.
    pub run: Option<i64>,
    /// The command.
    pub command: &'static str,
    /// Name of the plan file's run, as in the ledger.
    pub name: String,
    /// Where rows come from, once that is known.
    pub source: Option<End>,
    /// Where they go.
    pub target: Option<End>,
    /// Tells the time, as `2026-08-31T12:34:56.789Z`.
    pub clock: fn() -> String,
}

/// What a run came to, for programs.
#[derive(Debug, Clone, Copy)]
pub struct Ended<'a> {
    /// In one word.
    pub verdict: &'a str,
    /// In one sentence.
    pub sentence: &'a str,
    /// The exit code of the command.
    pub exit_code: u8,
}

/// Shows events.
#[derive(Debug)]
pub struct Progress {
    shown: Shown,
}

#[derive(Debug)]
enum Shown {
    Bars(bars::Bars),
    Lines(lines::Lines<BarWriter>),
    Json(stream::Stream<BarWriter>),
    Nothing,
}

impl Progress {
    /// Shows events by this writer, which the log may have too: its lines then appear above the
    /// bars.
    pub fn new(mode: Mode, writer: BarWriter, about: About) -> Self {
        let shown = match mode {
            Mode::Terminal(style) => Shown::Bars(bars::Bars::new(writer, style)),
            Mode::Lines(style) => Shown::Lines(lines::Lines::new(writer, style)),
            Mode::Json => Shown::Json(stream::Stream::new(writer, about)),
            Mode::Quiet => Shown::Nothing,
        };
        Self { shown }
    }

    /// Shows an event.
    pub fn handle(&mut self, event: &Event) {
        let now = Instant::now();
        let shown = match &mut self.shown {
            Shown::Bars(bars) => bars.handle(event, now),
            Shown::Lines(lines) => lines.handle(event, now),
            Shown::Json(stream) => stream.handle(event, now),
            Shown::Nothing => Ok(()),
        };
        // Standard error may be gone; the work goes on without it.
        drop(shown);
    }

    /// Shows that time goes by; to be called every [`TICK`].
    pub fn tick(&mut self) {
        let now = Instant::now();
        let shown = match &mut self.shown {
            Shown::Bars(bars) => {
                bars.draw(now);
                Ok(())
            }
            Shown::Lines(lines) => lines.tick(now),
            Shown::Json(stream) => stream.tick(now),
            Shown::Nothing => Ok(()),
        };
        drop(shown);
    }

    /// Takes away the bars that are left, and tells a program how far it came.
    pub fn finish(&mut self) {
        match &mut self.shown {
            Shown::Bars(bars) => bars.finish(),
            Shown::Json(stream) => drop(stream.finish(Instant::now())),
            Shown::Lines(_) | Shown::Nothing => {}
        }
    }

    /// Tells a program what the run came to. Nothing comes after it.
    pub fn end(&mut self, end: &Ended<'_>) {
        if let Shown::Json(stream) = &mut self.shown {
            drop(stream.end(end, Instant::now()));
        }
    }
}

/// Writes a line in one piece, so that a log line cannot come between.
fn write_line(out: &mut impl Write, line: &str) -> io::Result<()> {
    out.write_all(format!("{line}\n").as_bytes())?;
    out.flush()
}
