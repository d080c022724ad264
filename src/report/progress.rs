//! Progress while `apply` works: one more reader of the event stream, writing to standard error.

mod bars;
mod lines;
mod rate;
mod stream;

use std::io::{self, Write};
use std::time::Instant;

pub use bars::BarWriter;
pub use rate::Rate;

use crate::apply::event::Event;

/// How progress is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Bars that move; for a terminal.
    Terminal,
    /// Plain lines, a few seconds apart; where there is no terminal.
    Lines,
    /// One JSON object per event and line; for programs.
    Json,
    /// Not at all.
    Quiet,
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
    /// Shows events on standard error, nothing yet.
    pub fn new(mode: Mode) -> Self {
        Self::with_writer(mode, BarWriter::new())
    }

    /// The same, for when the log has the writer already: its lines then appear above the bars.
    pub fn with_writer(mode: Mode, writer: BarWriter) -> Self {
        let shown = match mode {
            Mode::Terminal => Shown::Bars(bars::Bars::new(writer)),
            Mode::Lines => Shown::Lines(lines::Lines::new(writer)),
            Mode::Json => Shown::Json(stream::Stream::new(writer)),
            Mode::Quiet => Shown::Nothing,
        };
        Self { shown }
    }

    /// Shows an event.
    pub fn handle(&mut self, event: &Event) {
        let shown = match &mut self.shown {
            Shown::Bars(bars) => bars.handle(event, Instant::now()),
            Shown::Lines(lines) => lines.handle(event, Instant::now()),
            Shown::Json(stream) => stream.handle(event),
            Shown::Nothing => Ok(()),
        };
        // Standard error may be gone; the work goes on without it.
        drop(shown);
    }

    /// Takes away the bars that are left.
    pub fn finish(self) {
        if let Shown::Bars(bars) = self.shown {
            bars.finish();
        }
    }
}

/// Writes a line in one piece, so that a log line cannot come between.
fn write_line(out: &mut impl Write, line: &str) -> io::Result<()> {
    out.write_all(format!("{line}\n").as_bytes())?;
    out.flush()
}
