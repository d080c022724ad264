//! Chunks that were written become done: together, when both ends were found to be the same
//! collections after their rows were read and written.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::Instant;

use super::identity;
use super::{Copy, Error, Progress};
use crate::ledger::WrittenChunk;

/// Time between two looks at both ends. What a killed run wrote since the last one is written again,
/// by key.
const EVERY: Duration = Duration::from_secs(1);
/// Chunks that may wait for a look.
const WAITING: usize = 4_096;
/// How long a look may take when the run halts.
const AT_THE_END: Duration = Duration::from_secs(10);

/// Where writers put chunks that are written.
pub(super) struct Written(Mutex<Option<mpsc::Sender<WrittenChunk>>>);

impl Written {
    pub(super) fn channel() -> (Self, mpsc::Receiver<WrittenChunk>) {
        let (sender, receiver) = mpsc::channel(WAITING);
        (Self(Mutex::new(Some(sender))), receiver)
    }

    /// Hands a chunk over. Where nobody takes it any more it stays open, and is written again.
    pub(super) async fn add(&self, chunk: WrittenChunk) {
        let sender = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(sender) = sender {
            let _ = sender.send(chunk).await;
        }
    }

    /// No more are written.
    pub(super) fn close(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
    }
}

impl Copy {
    /// Records chunks as done until no more are written.
    pub(super) async fn settle(
        &self,
        mut written: mpsc::Receiver<WrittenChunk>,
    ) -> Result<(), Error> {
        let settled = self.settle_all(&mut written).await;
        if settled.is_err() {
            self.halt.cancel();
        }
        settled
    }

    async fn settle_all(&self, written: &mut mpsc::Receiver<WrittenChunk>) -> Result<(), Error> {
        let mut next_look = Instant::now();
        while let Some(first) = written.recv().await {
            let mut batch = vec![first];
            loop {
                tokio::select! {
                    biased;
                    more = written.recv() => match more {
                        Some(chunk) => batch.push(chunk),
                        None => break,
                    },
                    () = tokio::time::sleep_until(next_look) => break,
                    () = self.halt.cancelled() => break,
                }
            }
            while let Ok(more) = written.try_recv() {
                batch.push(more);
            }
            next_look = Instant::now() + EVERY;
            if !self.confirm_unless_halted().await? {
                continue;
            }
            let of_batch = batch.clone();
            self.task.ledger.with(move |ledger| ledger.chunks_done(&of_batch)).await?;
            for WrittenChunk { rows, bytes, .. } in batch {
                self.tell(Progress::Copied { rows, bytes }).await;
            }
        }
        Ok(())
    }

    /// Whether both ends are the same, and it could be found out before a halted run has to end.
    async fn confirm_unless_halted(&self) -> Result<bool, Error> {
        let at_the_end = async {
            self.halt.cancelled().await;
            tokio::time::sleep(AT_THE_END).await;
        };
        tokio::select! {
            confirmed = self.task.identity.confirm() => confirmed.map(|()| true).map_err(Into::into),
            () = at_the_end => Ok(false),
        }
    }

    /// What says more than `error`.
    pub(super) async fn cause_of(&self, error: Error) -> Error {
        match error {
            Error::Identity(_) | Error::Stopped | Error::Ledger(_) => error,
            error => self.task.identity.cause().await.map_or(error, Error::Identity),
        }
    }
}

impl From<identity::Error> for Error {
    fn from(error: identity::Error) -> Self {
        if error.is_cancelled() { Self::Stopped } else { Self::Identity(error) }
    }
}
