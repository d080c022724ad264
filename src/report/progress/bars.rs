//! Progress as bars on a terminal, and the writer that keeps other lines out of them.

use std::fmt::Debug;
use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use console::{Term, truncate_str};
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle, TermLike};

use super::screen::{self, View};
use super::tally::Tally;
use super::{words, write_line};
use crate::apply::event::Event;
use crate::report::style::Style;

/// Bars are drawn at most so often in a second.
const DRAWN_PER_SECOND: u8 = 20;

/// Standard error, shared with the bars: they make room for what is written. Clones share the bars.
///
/// Writing never fails: where standard error is gone the work goes on, and the log would panic on an
/// error.
#[derive(Debug, Clone)]
pub struct BarWriter {
    bars: MultiProgress,
    screen: Arc<dyn Screen>,
    /// A line of its own, where there is one.
    status: Arc<Mutex<Option<ProgressBar>>>,
}

/// Where bars and lines appear.
trait Screen: Debug + Send + Sync {
    /// Rows and columns.
    fn size(&self) -> (u16, u16);
    /// Writes what is no bar.
    fn write(&self, text: &[u8]) -> io::Result<()>;
}

impl Default for BarWriter {
    fn default() -> Self {
        let terminal = Terminal(Term::stderr());
        let target = if terminal.0.is_term() {
            ProgressDrawTarget::term_like_with_hz(Box::new(terminal.clone()), DRAWN_PER_SECOND)
        } else {
            ProgressDrawTarget::hidden()
        };
        let bars = MultiProgress::with_draw_target(target);
        Self { bars, screen: Arc::new(terminal), status: Arc::default() }
    }
}

impl BarWriter {
    /// Standard error without a bar.
    pub fn new() -> Self {
        Self::default()
    }

    /// Shows a text in a line that is drawn anew with each text, and goes with an empty one. Only on
    /// a terminal.
    pub fn status(&self, text: &str) {
        let mut shown = self.status.lock().unwrap_or_else(PoisonError::into_inner);
        if text.is_empty() {
            if let Some(bar) = shown.take() {
                bar.finish_and_clear();
                self.bars.remove(&bar);
            }
        } else {
            let width = usize::from(self.screen.size().1);
            let text = truncate_str(text, width.saturating_sub(1), "…").into_owned();
            shown.get_or_insert_with(|| message_bar(&self.bars)).set_message(text);
        }
    }
}

/// A bar that is nothing but its message.
fn message_bar(bars: &MultiProgress) -> ProgressBar {
    let bar = bars.add(ProgressBar::no_length());
    // The template is fixed and right; another style would still show.
    bar.with_style(
        ProgressStyle::with_template("{msg}").unwrap_or_else(|_| ProgressStyle::default_spinner()),
    )
}

impl Write for BarWriter {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        let _ = self.bars.suspend(|| self.screen.write(text));
        Ok(text.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        // Standard error has no buffer.
        Ok(())
    }
}

/// Shows a line for every collection whose turn it is, and one for the run.
#[derive(Debug)]
pub(super) struct Bars {
    writer: BarWriter,
    style: Style,
    tally: Tally,
    /// All of them, as one text of several lines.
    bar: Option<ProgressBar>,
    drawn: String,
}

impl Bars {
    pub(super) fn new(writer: BarWriter, style: Style) -> Self {
        Self { writer, style, tally: Tally::default(), bar: None, drawn: String::new() }
    }

    pub(super) fn handle(&mut self, event: &Event, now: Instant) -> io::Result<()> {
        self.tally.add(event, now);
        let line = match event {
            Event::Warning { target, text } => Some(words::warning(target, text, self.style)),
            Event::CollectionFinished(outcome) => words::finished(outcome, self.style),
            Event::VerificationFinished(found) => Some(words::compared(found, self.style)),
            _ => None,
        };
        let Some(line) = line else { return Ok(()) };
        // So that the line does not stand above its own bar.
        self.draw(now);
        write_line(&mut self.writer, &line)
    }

    /// Draws what has changed.
    pub(super) fn draw(&mut self, now: Instant) {
        let (height, width) = self.writer.screen.size();
        let view = View { width: width.into(), height: height.into(), style: self.style };
        let text = screen::draw(&self.tally, view, now).join("\n");
        if text == self.drawn {
            return;
        }
        if text.is_empty() {
            self.clear();
        } else {
            let bar = self.bar.get_or_insert_with(|| message_bar(&self.writer.bars));
            bar.set_message(text.clone());
        }
        self.drawn = text;
    }

    pub(super) fn finish(&mut self) {
        self.clear();
    }

    fn clear(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
            self.writer.bars.remove(&bar);
        }
    }
}

/// Standard error as a terminal. One that went away is drawn on in vain, and never an error: bars
/// must not end a run.
#[derive(Debug, Clone)]
struct Terminal(Term);

impl Screen for Terminal {
    fn size(&self) -> (u16, u16) {
        self.0.size()
    }

    fn write(&self, text: &[u8]) -> io::Result<()> {
        io::stderr().lock().write_all(text)
    }
}

impl TermLike for Terminal {
    fn width(&self) -> u16 {
        self.0.size().1
    }
    fn height(&self) -> u16 {
        self.0.size().0
    }
    fn move_cursor_up(&self, lines: usize) -> io::Result<()> {
        self.0.move_cursor_up(lines).or(Ok(()))
    }
    fn move_cursor_down(&self, lines: usize) -> io::Result<()> {
        self.0.move_cursor_down(lines).or(Ok(()))
    }
    fn move_cursor_right(&self, columns: usize) -> io::Result<()> {
        self.0.move_cursor_right(columns).or(Ok(()))
    }
    fn move_cursor_left(&self, columns: usize) -> io::Result<()> {
        self.0.move_cursor_left(columns).or(Ok(()))
    }
    fn write_line(&self, line: &str) -> io::Result<()> {
        self.0.write_line(line).or(Ok(()))
    }
    fn write_str(&self, text: &str) -> io::Result<()> {
        self.0.write_str(text).or(Ok(()))
    }
    fn clear_line(&self) -> io::Result<()> {
        self.0.clear_line().or(Ok(()))
    }
    fn flush(&self) -> io::Result<()> {
        self.0.flush().or(Ok(()))
    }
}

#[cfg(test)]
mod tests;
