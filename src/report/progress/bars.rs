//! Progress as bars on a terminal, and the writer that keeps other lines out of them.

use std::collections::HashMap;
use std::fmt;
use std::io::{self, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressState, ProgressStyle};

use super::super::text::escape;
use super::lines::{finished, retried, waiting};
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
    /// Whether rows have arrived in this step: the speed is of no interest in another one.
    copying: bool,
    retries: u64,
}

impl State {
    /// The line under the bar: how fast rows arrive, or what is done instead.
    fn text(&self, now: Instant) -> String {
        let what = if self.copying { self.rate.text_of_bar(now) } else { self.step.clone() };
        format!("{what}{}", retried(self.retries))
    }
}

impl Bars {
    pub(super) fn new(writer: BarWriter) -> Self {
        Self { writer, active: HashMap::new() }
    }

    pub(super) fn handle(&mut self, event: &Event, now: Instant) -> io::Result<()> {
        match event {
            Event::RunStarted { .. } => {}
            Event::CollectionStarted { target, rows, rows_before, .. } => {
                let rate = Rate::new(*rows, *rows_before, now);
                let step = "starting".to_owned();
                let state = State { rate, step, copying: false, retries: 0 };
                let active = self.add(target, state);
                self.active.insert(target.clone(), active);
            }
            Event::Step { target, what } => self.change(target, |state| {
                state.rate.begin(now);
                state.step = escape(what).into_owned();
                state.copying = false;
            }),
            Event::Copied { target, rows, bytes, .. } => {
                self.change(target, |state| {
                    state.rate.add(*rows, *bytes, now);
                    state.copying = true;
                });
            }
            Event::Waiting { target, what, done, total } => self.change(target, |state| {
                state.step = escape(&waiting(what, *done, *total)).into_owned();
                state.copying = false;
            }),
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
        let rate = state.rate.clone();
        let state = Arc::new(Mutex::new(state));
        let bar = self.writer.bars.add(ProgressBar::no_length());
        bar.set_style(style(&state));
        bar.set_prefix(escape(target).into_owned());
        show(&bar, &rate);
        bar.enable_steady_tick(TICK);
        Active { bar, state }
    }

    fn change(&self, target: &str, change: impl FnOnce(&mut State)) {
        if let Some(active) = self.active.get(target) {
            let rate = {
                let mut state = lock(&active.state);
                change(&mut state);
                state.rate.clone()
            };
            show(&active.bar, &rate);
        }
    }
}

/// An expected total that is unknown, or was wrong, leaves the bar empty.
///
/// This draws, and drawing locks the state: it must not be locked here.
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

#[cfg(test)]
mod tests {
    use indicatif::{ProgressDrawTarget, TermLike};

    use super::*;
    use crate::apply::event::Status;
    use crate::report::samples::outcome;

    /// A terminal that keeps everything that was ever drawn.
    #[derive(Debug, Clone, Default)]
    struct Screen(Arc<Mutex<String>>);

    impl TermLike for Screen {
        fn width(&self) -> u16 {
            60
        }
        fn move_cursor_up(&self, _: usize) -> io::Result<()> {
            Ok(())
        }
        fn move_cursor_down(&self, _: usize) -> io::Result<()> {
            Ok(())
        }
        fn move_cursor_right(&self, _: usize) -> io::Result<()> {
            Ok(())
        }
        fn move_cursor_left(&self, _: usize) -> io::Result<()> {
            Ok(())
        }
        fn write_line(&self, line: &str) -> io::Result<()> {
            self.write_str(&format!("{line}\n"))
        }
        fn write_str(&self, text: &str) -> io::Result<()> {
            self.0.lock().unwrap().push_str(text);
            Ok(())
        }
        fn clear_line(&self) -> io::Result<()> {
            Ok(())
        }
        fn flush(&self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn bars_draw_while_they_change() {
        let screen = Screen::default();
        let target = ProgressDrawTarget::term_like_with_hz(Box::new(screen.clone()), 255);
        let writer = BarWriter { bars: MultiProgress::with_draw_target(target) };
        let mut bars = Bars::new(writer);
        let start = Instant::now();
        let target = "default/tags".to_owned();
        let started = Event::CollectionStarted {
            source: target.clone(),
            target: target.clone(),
            rows: Some(1_000),
            rows_before: 100,
        };
        bars.handle(&started, start).unwrap();
        for number in 0..8 {
            let step = Event::Step { target: target.clone(), what: format!("step {number}\n") };
            bars.handle(&step, start).unwrap();
            let copied = Event::Copied { target: target.clone(), rows: 50, bytes: 10, chunks: 1 };
            bars.handle(&copied, start).unwrap();
            bars.handle(&Event::Retried { target: target.clone() }, start).unwrap();
            std::thread::sleep(Duration::from_millis(20));
        }
        let unchanged = outcome("tags", Status::Unchanged, 0);
        bars.handle(&Event::CollectionFinished(Box::new(unchanged)), start).unwrap();
        bars.finish();
        let drawn = screen.0.lock().unwrap().clone();
        assert!(drawn.contains("default/tags"), "{drawn}");
        assert!(drawn.contains("step 7\\n"), "{drawn}");
        assert!(drawn.contains("500 of 1,000 rows, "), "{drawn}");
        assert!(drawn.contains(" 50 %"), "{drawn}");
    }
}
