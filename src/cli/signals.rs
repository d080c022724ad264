//! Signals: Ctrl-C, the request to terminate and the end of the terminal mean the same in every
//! command.

use std::io::Write;

use tokio_util::sync::CancellationToken;

use super::ends::Problem;
use super::output;
use crate::exit;
use crate::report::progress::BarWriter;

/// What asks for the end. Listened to all the time: a listener that is made for each signal misses
/// those that come in between.
pub(super) struct Signals {
    #[cfg(unix)]
    listeners: Vec<tokio::signal::unix::Signal>,
    #[cfg(windows)]
    listener: Option<tokio::signal::windows::CtrlC>,
}

impl Signals {
    #[cfg(unix)]
    pub(super) fn listen() -> Self {
        use tokio::signal::unix::{SignalKind, signal};
        let mut kinds = vec![SignalKind::interrupt(), SignalKind::terminate()];
        // `nohup` asks for the end of the terminal to be passed over.
        if !is_ignored(SignalKind::hangup()) {
            kinds.push(SignalKind::hangup());
        }
        let listeners = kinds.into_iter().map(signal).collect::<Result<_, _>>();
        if listeners.is_err() {
            cannot_listen();
        }
        Self { listeners: listeners.unwrap_or_default() }
    }

    #[cfg(windows)]
    pub(super) fn listen() -> Self {
        let listener = tokio::signal::windows::ctrl_c().ok();
        if listener.is_none() {
            cannot_listen();
        }
        Self { listener }
    }

    /// Waits for the next one.
    #[cfg(unix)]
    pub(super) async fn next(&mut self) {
        std::future::poll_fn(|context| {
            let mut listeners = self.listeners.iter_mut();
            if listeners.any(|listener| listener.poll_recv(context).is_ready()) {
                std::task::Poll::Ready(())
            } else {
                std::task::Poll::Pending
            }
        })
        .await;
    }

    #[cfg(windows)]
    pub(super) async fn next(&mut self) {
        match &mut self.listener {
            Some(listener) => drop(listener.recv().await),
            None => std::future::pending().await,
        }
    }

    /// Does what can be given up at any moment, as nothing is written on the way.
    pub(super) async fn or<T>(
        &mut self,
        work: impl Future<Output = Result<T, Problem>>,
    ) -> Result<T, Problem> {
        tokio::select! {
            // A terminal that ends fails to answer too.
            biased;
            () = self.next() => Err(interrupted()),
            done = work => done,
        }
    }

    /// The first signal lets what is in flight finish; the second ends the process.
    pub(super) async fn stop(mut self, stop: CancellationToken, mut stderr: BarWriter) {
        self.next().await;
        stop.cancel();
        // A terminal that stands still must not keep the second signal from being heard.
        tokio::task::spawn_blocking(move || {
            // Nothing is left to do when standard error is gone.
            let _ = stderr.write_all(
                b"\nStopping: what is in flight is finished and noted. Again to stop at once.\n",
            );
        });
        self.next().await;
        std::process::exit(exit::INTERRUPTED.into());
    }

    /// Ends the process with the first signal: for commands that leave nothing behind.
    pub(super) async fn end(mut self) {
        self.next().await;
        std::process::exit(output::problem(&interrupted()).into());
    }
}

/// What an interrupted command says that has not changed anything yet.
pub(super) fn interrupted() -> Problem {
    Problem::new(exit::INTERRUPTED, "interrupted; nothing was changed")
}

fn cannot_listen() {
    tracing::warn!("Signals cannot be listened to: Ctrl-C ends the command at once.");
}

/// Whether this process was started with a signal ignored, where that can be told.
#[cfg(unix)]
fn is_ignored(kind: tokio::signal::unix::SignalKind) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    ignored.is_some_and(|mask| mask >> (kind.as_raw_value() - 1) & 1 == 1)
}
