//! Progress as plain lines, a few seconds apart: quick things are no news, and slow ones are told of
//! while they last, so that silence never means that nothing happens.

use std::collections::HashMap;
use std::io::{self, Write};
use std::time::{Duration, Instant};

use super::tally::{Active, Ended, Tally};
use super::{words, write_line};
use crate::apply::event::Event;
use crate::report::style::{Role, Style};

/// Lines about one collection are this far apart.
const PERIOD: Duration = Duration::from_secs(5);
/// Lines about all collections together are this far apart, on average.
const APART: Duration = Duration::from_millis(2_500);
/// A step of a lone collection is news when it has lasted so long.
const SLOW: Duration = Duration::from_secs(2);
/// A step that goes on, without anything new to say, is told again after so long.
const STILL: Duration = Duration::from_secs(20);
/// Lines about the run as a whole are this far apart, where it has several collections.
const OF_RUN: Duration = Duration::from_secs(10);

/// Writes events as lines.
#[derive(Debug)]
pub(super) struct Lines<W> {
    out: W,
    style: Style,
    tally: Tally,
    /// What was last said of the collections whose turn it is.
    said: HashMap<String, Said>,
    said_of_run: Option<Instant>,
    /// Rows, retries and ended turns that were last said of the run.
    total_said: Option<(u64, u64, Ended)>,
}

#[derive(Debug)]
struct Said {
    at: Instant,
    /// The beginning of the step that was spoken of; `None` where none was.
    step: Option<Instant>,
    what: String,
    rows: u64,
}

impl<W: Write> Lines<W> {
    pub(super) fn new(out: W, style: Style) -> Self {
        let (tally, said) = (Tally::default(), HashMap::new());
        Self { out, style, tally, said, said_of_run: None, total_said: None }
    }

    pub(super) fn handle(&mut self, event: &Event, now: Instant) -> io::Result<()> {
        self.tally.add(event, now);
        let line = match event {
            Event::RunStarted { collections, rows, rows_before } => {
                self.said_of_run = Some(now);
                (*collections > 1).then(|| words::of_run(*collections, *rows, *rows_before))
            }
            Event::VerificationStarted { collections, rows } => {
                self.said_of_run = Some(now);
                (*collections > 1).then(|| words::of_run(*collections, *rows, 0))
            }
            Event::CollectionStarted { source, target, rows, rows_before } => {
                let said = Said { at: now, step: None, what: String::new(), rows: *rows_before };
                self.said.insert(target.clone(), said);
                (!self.has_several()).then(|| {
                    let text = words::started(source, target, *rows, *rows_before);
                    self.style.paint(Role::Plain, &text)
                })
            }
            Event::Warning { target, text } => Some(words::warning(target, text, self.style)),
            Event::CollectionFinished(outcome) => {
                self.said.remove(&outcome.target);
                words::finished(outcome, self.style)
            }
            Event::VerificationFinished(found) => {
                self.said.remove(&found.target);
                Some(words::compared(found, self.style))
            }
            Event::Step { .. }
            | Event::Compared { .. }
            | Event::Copied { .. }
            | Event::Waiting { .. }
            | Event::Retried { .. } => None,
        };
        line.map_or(Ok(()), |line| write_line(&mut self.out, &line))
    }

    /// Says what is due.
    pub(super) fn tick(&mut self, now: Instant) -> io::Result<()> {
        let several = self.has_several();
        let number = u32::try_from(self.tally.active.len()).unwrap_or(u32::MAX);
        let period = PERIOD.max(APART.saturating_mul(number));
        for active in &self.tally.active {
            let Some(said) = self.said.get_mut(&active.target) else { continue };
            let figures = active.figures(now);
            if !said.is_due(active, figures.rows, several, period, now) {
                continue;
            }
            *said = Said {
                at: now,
                step: Some(active.step_began),
                what: active.what(now),
                rows: figures.rows,
            };
            let text = match active.trouble(now) {
                Some(trouble) if active.is_copying() => format!("{}, {trouble}", figures.reached()),
                _ if active.is_copying() => figures.text(),
                _ => active.what_and_since(now),
            };
            let line = self.style.paint(Role::Plain, &format!("{}: {text}", active.target));
            write_line(&mut self.out, &line)?;
        }
        let due = now.saturating_duration_since(*self.said_of_run.get_or_insert(now)) >= OF_RUN;
        let figures = self.tally.figures(now);
        // The lines of those at work say that there is nothing new.
        let state = (figures.rows, figures.retries, self.tally.ended);
        if several && due && !self.tally.active.is_empty() && self.total_said != Some(state) {
            (self.said_of_run, self.total_said) = (Some(now), Some(state));
            write_line(&mut self.out, &words::total(&self.tally, &figures, self.style))?;
        }
        Ok(())
    }

    fn has_several(&self) -> bool {
        self.tally.collections > 1 || self.tally.active.len() > 1
    }
}

impl Said {
    fn is_due(
        &self,
        active: &Active,
        rows: u64,
        several: bool,
        period: Duration,
        now: Instant,
    ) -> bool {
        let silent = now.saturating_duration_since(self.at);
        if self.step != Some(active.step_began) && !several && !active.is_copying() {
            return now.saturating_duration_since(active.step_began) >= SLOW;
        }
        let is_news = self.step != Some(active.step_began)
            || self.rows != rows
            || self.what != active.what(now);
        silent >= if is_news { period } else { period.max(STILL) }
    }
}

#[cfg(test)]
mod tests;
