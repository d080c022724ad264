//! What is done with the events of a comparison while it works: they are shown, and rows that differ
//! are written to a file.

use std::collections::HashMap;
use std::path::PathBuf;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::apply;
use crate::cli::output;
use crate::report::differences::Differences;
use crate::report::progress::{self, Progress};
use crate::verify::{Event, Subject};

/// How long the last events wait to be shown and written.
const LAST_EVENTS: Duration = Duration::from_secs(60);

/// Whoever watches a comparison.
pub(super) struct Watch {
    progress: Progress,
    differences: Differences,
    /// `database/collection` at the source, by that at the target.
    sources: HashMap<String, String>,
    rows: Option<u64>,
    /// Why the file cannot be written.
    fault: Option<String>,
}

/// What is known of the subjects when it begins: their names, and rows to compare in all.
pub(super) struct Names {
    sources: HashMap<String, String>,
    rows: Option<u64>,
}

pub(super) fn names(subjects: &[Subject]) -> Names {
    let of = |subject: &Subject| (subject.wanted.address(), subject.from.address());
    Names {
        sources: subjects.iter().map(of).collect(),
        rows: subjects.iter().map(|subject| subject.rows).sum(),
    }
}

impl Watch {
    pub(super) fn new(progress: Progress, differences: Differences, names: Names) -> Self {
        let Names { sources, rows } = names;
        Self { progress, differences, sources, rows, fault: None }
    }

    fn handle(&mut self, event: Event) {
        let shown = match event {
            Event::Started { target, rows } => {
                let source = self.source(&target);
                let begun = apply::Event::CollectionStarted {
                    source,
                    target: target.clone(),
                    rows,
                    rows_before: 0,
                };
                self.progress.handle(&begun);
                apply::Event::Step { target, what: "compare".to_owned() }
            }
            Event::Compared { target, rows, bytes } => {
                apply::Event::Compared { target, rows, bytes }
            }
            Event::Different { target, row } => {
                let source = self.source(&target);
                if self.fault.is_none()
                    && let Err(cause) = self.differences.add(&source, &target, &row)
                {
                    self.fault = Some(cause.to_string());
                }
                return;
            }
            Event::Finished(found) => apply::Event::VerificationFinished(found),
        };
        self.progress.handle(&shown);
    }

    fn source(&self, target: &str) -> String {
        self.sources.get(target).cloned().unwrap_or_default()
    }

    /// Puts the file of differences in its place, and tells where that is.
    fn finish(self) -> Option<PathBuf> {
        self.progress.finish();
        let path = self.differences.path().display().to_string();
        let written = match self.fault {
            Some(fault) => Err(fault),
            None => self.differences.finish().map_err(|cause| cause.to_string()),
        };
        written.unwrap_or_else(|cause| {
            output::message(&format!("warning: {path} could not be written: {cause}\n"));
            None
        })
    }
}

/// Shows and writes what is told, until nothing more comes.
pub(super) async fn watch(mut told: mpsc::Receiver<Event>, mut watch: Watch) -> Option<PathBuf> {
    let started =
        apply::Event::VerificationStarted { collections: watch.sources.len(), rows: watch.rows };
    watch.progress.handle(&started);
    let mut ticks = tokio::time::interval(progress::TICK);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            event = told.recv() => match event {
                Some(event) => watch.handle(event),
                None => break,
            },
            _ = ticks.tick() => watch.progress.tick(),
        }
    }
    watch.finish()
}

/// Waits for the last of it.
pub(super) async fn finish(watching: JoinHandle<Option<PathBuf>>) -> Option<PathBuf> {
    let Ok(Ok(file)) = tokio::time::timeout(LAST_EVENTS, watching).await else {
        tracing::warn!("The last of the differences could not be written or shown.");
        return None;
    };
    file
}
