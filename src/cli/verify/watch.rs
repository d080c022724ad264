//! What is done with the events of a comparison while it works: rows that differ are written to a
//! file, and the rest is shown.

use std::collections::HashMap;
use std::path::PathBuf;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::apply;
use crate::cli::apply::shown;
use crate::cli::differences::{LAST_ROWS, Writer};
use crate::report::progress::Progress;
use crate::verify::{Event, Subject};

/// How long an event waits for whoever shows it: a screen that stands still is no reason to stop.
const SHOW_LIMIT: Duration = Duration::from_secs(1);

/// Whoever watches a comparison.
pub(super) struct Watch {
    /// Where that goes which is shown.
    shown: mpsc::Sender<apply::Event>,
    differences: Writer,
    /// `database/collection` at the source, by that at the target.
    sources: HashMap<String, String>,
    /// Rows to compare in all.
    rows: Option<u64>,
    /// Rows and bytes of a collection that were compared and could not be shown yet.
    untold: HashMap<String, (u64, u64)>,
}

impl Watch {
    pub(super) fn new(
        shown: mpsc::Sender<apply::Event>,
        differences: Writer,
        subjects: &[Subject],
    ) -> Self {
        let names = |subject: &Subject| (subject.to.address(), subject.from.address());
        Self {
            shown,
            differences,
            sources: subjects.iter().map(names).collect(),
            rows: subjects.iter().map(|subject| subject.rows).sum(),
            untold: HashMap::new(),
        }
    }

    /// Writes and shows what is told, until nothing more comes. Returns the file of differences,
    /// where there is one.
    pub(super) async fn run(mut self, mut told: mpsc::Receiver<Event>) -> Option<PathBuf> {
        let (collections, rows) = (self.sources.len(), self.rows);
        self.show(apply::Event::VerificationStarted { collections, rows }).await;
        while let Some(event) = told.recv().await {
            self.handle(event).await;
        }
        self.differences.finish()
    }

    async fn handle(&mut self, event: Event) {
        match event {
            Event::Started { target, rows } => {
                let source = self.source(&target);
                let what = "compare".to_owned();
                let step = apply::Event::Step { target: target.clone(), what };
                let started =
                    apply::Event::CollectionStarted { source, target, rows, rows_before: 0 };
                self.show(started).await;
                self.show(step).await;
            }
            Event::Compared { target, rows, bytes } => {
                let untold = self.untold.entry(target.clone()).or_default();
                *untold = (untold.0.saturating_add(rows), untold.1.saturating_add(bytes));
                let (rows, bytes) = *untold;
                let compared = apply::Event::Compared { target: target.clone(), rows, bytes };
                if self.shown.try_send(compared).is_ok() {
                    self.untold.remove(&target);
                }
            }
            Event::Retried { target, end, reason, until } => {
                let retried = apply::Event::Retried { target, end, reason, until };
                let _ = self.shown.try_send(retried);
            }
            Event::Different { target, row } => {
                let source = self.source(&target);
                self.differences.add(&source, &target, &row);
            }
            Event::Finished(found) => {
                if let Some((rows, bytes)) = self.untold.remove(&found.target) {
                    let target = found.target.clone();
                    self.show(apply::Event::Compared { target, rows, bytes }).await;
                }
                self.show(apply::Event::VerificationFinished(found)).await;
            }
        }
    }

    async fn show(&self, event: apply::Event) {
        let _ = self.shown.send_timeout(event, SHOW_LIMIT).await;
    }

    fn source(&self, target: &str) -> String {
        self.sources.get(target).cloned().unwrap_or_default()
    }
}

/// Waits for the last of it: the file, and what is shown.
pub(super) async fn finish(
    watching: JoinHandle<Option<PathBuf>>,
    showing: JoinHandle<Progress>,
) -> (Option<PathBuf>, Option<Progress>) {
    let Ok(Ok(file)) = tokio::time::timeout(LAST_ROWS, watching).await else {
        tracing::warn!("The last of the differences could not be written.");
        return (None, None);
    };
    (file, shown(showing, 5 * SHOW_LIMIT).await)
}
