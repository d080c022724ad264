//! How far the look at both ends is, while it takes long: thousands of collections take minutes.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::{LogFormat, OutputArgs, output};
use crate::model::quantity::count;
use crate::report::progress::BarWriter;

/// What is over sooner is not spoken of.
const SHORT: Duration = Duration::from_secs(1);

/// How often a terminal is drawn anew.
const TICK: Duration = Duration::from_millis(200);

/// Where nothing is drawn anew, lines are so far apart.
const BETWEEN_LINES: Duration = Duration::from_secs(5);

/// How far it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Connecting,
    /// Collections that were looked at, and all of them.
    Reading(usize, usize),
    Asking,
}

impl Stage {
    fn words(self) -> String {
        match self {
            Self::Connecting => "connecting to both ends".to_owned(),
            Self::Reading(_, 0) => "listing collections".to_owned(),
            Self::Reading(done, total) => {
                let (done, total) = (count(done as u64), count(total as u64));
                format!("reading collections: {done} of {total}")
            }
            Self::Asking => "asking both ends what is permitted, and for room".to_owned(),
        }
    }
}

/// Shows how far the look at both ends is, until it is dropped.
#[derive(Debug)]
pub(super) struct Looking {
    /// Nothing when there is nothing to show any more.
    stage: Arc<Mutex<Option<Stage>>>,
    showing: Option<(JoinHandle<()>, BarWriter)>,
}

impl Looking {
    /// On a terminal in one line that goes again, elsewhere in lines; not where nothing or JSON is
    /// asked for.
    pub(super) fn new(output: &OutputArgs, stderr: &BarWriter) -> Self {
        let stage = Arc::new(Mutex::new(Some(Stage::Connecting)));
        if output.quiet || output.log_format == LogFormat::Json {
            return Self { stage, showing: None };
        }
        let showing = tokio::spawn(show(Arc::clone(&stage), stderr.clone(), output::can_redraw()));
        Self { stage, showing: Some((showing, stderr.clone())) }
    }

    /// Shows nothing.
    pub(super) fn silent() -> Self {
        Self { stage: Arc::default(), showing: None }
    }

    /// So many collections were looked at, of so many.
    pub(super) fn read(&self, done: usize, total: usize) {
        self.set(Stage::Reading(done, total));
    }

    /// What is left to ask is about the whole.
    pub(super) fn ask(&self) {
        self.set(Stage::Asking);
    }

    fn set(&self, stage: Stage) {
        *self.stage.lock().unwrap_or_else(PoisonError::into_inner) = Some(stage);
    }
}

impl Drop for Looking {
    fn drop(&mut self) {
        if let Some((showing, stderr)) = self.showing.take() {
            *self.stage.lock().unwrap_or_else(PoisonError::into_inner) = None;
            showing.abort();
            stderr.status("");
        }
    }
}

async fn show(stage: Arc<Mutex<Option<Stage>>>, stderr: BarWriter, redraws: bool) {
    let began = Instant::now();
    let mut ticks = interval(if redraws { TICK } else { BETWEEN_LINES });
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut said = None;
    loop {
        ticks.tick().await;
        // Kept while it is shown: nothing is shown after the end.
        let shown = stage.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(stage) = *shown else { return };
        if began.elapsed() < SHORT || said == Some(stage) {
            continue;
        }
        said = Some(stage);
        if redraws {
            stderr.status(&format!("  {}", stage.words()));
        } else {
            output::message(&format!("{}\n", stage.words()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_stage_has_words() {
        assert_eq!(Stage::Reading(120, 3_000).words(), "reading collections: 120 of 3,000");
        assert_eq!(Stage::Reading(0, 0).words(), "listing collections");
    }
}
