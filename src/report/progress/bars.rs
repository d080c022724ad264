//! Progress as bars on a terminal, and the writer that keeps other lines out of them.

use std::collections::HashMap;
use std::fmt;
use std::io::{self, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressState, ProgressStyle};

use super::super::text::escape;
use super::lines::{finished, retried};
use super::{Rate, write_line};
use crate::apply::event::Event;

/// Bars are drawn anew this often, so that a stall shows.
const TICK: Duration = Duration::from_millis(200);
const TEMPLATE: &str = "{spinner} {prefix} {wide_bar} {percent_known}\n  {figures}";

/// Standard error, shared with the bars: they make room for what is written. Clones share the bars.
#[derive(Debug, Clone, Default)]
pub struct BarWriter {
    bars: MultiProgress,
}

impl BarWriter {
    /// Standard error without a bar.
    pub fn new() -> Self {
        Self::default()
    }
}

impl Write for BarWriter {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        self.bars.suspend(|| io::stderr().lock().write_all(text))?;
        Ok(text.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().lock().flush()
    }
}

/// Shows a bar for every collection whose turn it is.
#[derive(Debug)]
pub(super) struct Bars {
    writer: BarWriter,
    active: HashMap<String, Active>,
}

#[derive(Debug)]
struct Active {
    bar: ProgressBar,
    state: Arc<Mutex<State>>,
}

/// What a bar shows.
#[derive(Debug)]
struct State {
    rate: Rate,
    step: String,
    retries: u64,
}

impl State {
    /// The line under the bar.
    fn text(&self, now: Instant) -> String {
        // Before the first row only the step is of interest.
        let rows = match self.rate.position() {
            0 => String::new(),
            _ => format!(": {}", self.rate.text(now)),
        };
        format!("{}{rows}{}", self.step, retried(self.retries))
    }
}

impl Bars {
    pub(super) fn new(writer: BarWriter) -> Self {
        Self { writer, active: HashMap::new() }
    }

    pub(super) fn handle(&mut self, event: &Event, now: Instant) -> io::Result<()> {
        match event {
            Event::CollectionStarted { target, rows, rows_before, .. } => {
                let rate = Rate::new(*rows, *rows_before, now);
                let state = State { rate, step: "starting".to_owned(), retries: 0 };
                let active = self.add(target, state);
                self.active.insert(target.clone(), active);
            }
            Event::Step { target, what } => self.change(target, |state| {
                state.rate.begin(now);
                state.step = escape(what).into_owned();
            }),
            Event::Copied { target, rows, bytes } => {
                self.change(target, |state| state.rate.add(*rows, *bytes, now));
            }
            Event::Retried { target } => self.change(target, |state| state.retries += 1),
            Event::Warning { target, text } => {
                let line = format!("warning: {target}: {text}");
                write_line(&mut self.writer, &escape(&line))?;
            }
            Event::CollectionFinished(outcome) => {
                if let Some(active) = self.active.remove(&outcome.target) {
                    active.bar.finish_and_clear();
                    self.writer.bars.remove(&active.bar);
                }
                if let Some(line) = finished(outcome) {
                    write_line(&mut self.writer, &escape(&line))?;
                }
            }
        }
        Ok(())
    }

    pub(super) fn finish(self) {
        for active in self.active.into_values() {
            active.bar.finish_and_clear();
        }
    }

    fn add(&self, target: &str, state: State) -> Active {
        let state = Arc::new(Mutex::new(state));
        let bar = self.writer.bars.add(ProgressBar::no_length());
        bar.set_style(style(&state));
        bar.set_prefix(escape(target).into_owned());
        show(&bar, &lock(&state).rate);
        bar.enable_steady_tick(TICK);
        Active { bar, state }
    }

    fn change(&self, target: &str, change: impl FnOnce(&mut State)) {
        if let Some(active) = self.active.get(target) {
            let mut state = lock(&active.state);
            change(&mut state);
            let rate = state.rate.clone();
            // Drawing takes the lock again.
            drop(state);
            show(&active.bar, &rate);
        }
    }
}

/// An expected total that is unknown, or was wrong, leaves the bar empty.
fn show(bar: &ProgressBar, rate: &Rate) {
    match rate.total() {
        Some(total) => bar.set_length(total),
        None => bar.unset_length(),
    }
    bar.set_position(rate.position());
}

fn style(state: &Arc<Mutex<State>>) -> ProgressStyle {
    let (of_percent, of_figures) = (state.clone(), state.clone());
    // The template is fixed and right; a bar in another style is no reason to stop.
    ProgressStyle::with_template(TEMPLATE)
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .progress_chars("=> ")
        .with_key("percent_known", move |_: &ProgressState, out: &mut dyn fmt::Write| {
            let percent = lock(&of_percent).rate.percent();
            let _ = percent.map_or(Ok(()), |percent| write!(out, "{percent:>3} %"));
        })
        .with_key("figures", move |_: &ProgressState, out: &mut dyn fmt::Write| {
            let _ = out.write_str(&lock(&of_figures).text(Instant::now()));
        })
}

/// A panic elsewhere leaves numbers behind that are good enough to show.
fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}
