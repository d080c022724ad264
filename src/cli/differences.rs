//! The file of rows that differ, while a comparison finds them.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::output;
use crate::apply::RowDiffers;
use crate::report::differences::Differences;
use crate::verify::RowDifference;

/// How long the last rows wait to be written.
pub(super) const LAST_ROWS: Duration = Duration::from_secs(60);

/// Writes the file; what keeps it from being written is told once, and stops nothing else.
pub(super) struct Writer {
    differences: Differences,
    /// Why the file cannot be written.
    fault: Option<String>,
}

impl Writer {
    /// The file of a plan, in the folder of its ledger.
    pub(super) fn new(folder: &Path, name: &str) -> Self {
        Self { differences: Differences::new(folder, name), fault: None }
    }

    pub(super) fn add(&mut self, source: &str, target: &str, row: &RowDifference) {
        if self.fault.is_none()
            && let Err(cause) = self.differences.add(source, target, row)
        {
            self.fault = Some(cause.to_string());
        }
    }

    /// Writes rows until no more come.
    pub(super) async fn write(mut self, mut rows: mpsc::Receiver<RowDiffers>) -> Self {
        while let Some(RowDiffers { source, target, row }) = rows.recv().await {
            self.add(&source, &target, &row);
        }
        self
    }

    /// Puts the file in its place, and tells where that is.
    pub(super) fn finish(self) -> Option<PathBuf> {
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

/// Waits until the last row is written. Where nothing was compared, the file of an earlier comparison
/// stays as it is.
pub(super) async fn finish(writing: JoinHandle<Writer>, compared: bool) -> Option<PathBuf> {
    match tokio::time::timeout(LAST_ROWS, writing).await {
        Ok(Ok(writer)) if compared => writer.finish(),
        Ok(Ok(_)) => None,
        _ => {
            tracing::warn!("The last of the differences could not be written.");
            None
        }
    }
}
