//! Calls of one collection's turn that are made again, at either end: counted, and told.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use tokio::sync::mpsc;

use super::Event;
use crate::ledger;
use crate::milvus::{Client, Repeated, Watcher};

/// How many there were.
#[derive(Debug, Clone, Default)]
pub(super) struct Retries(Arc<AtomicU64>);

impl Retries {
    pub(super) fn count(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    /// The client of an end, whose calls that are made again count here and are told as those of this
    /// target.
    pub(super) fn of(
        &self,
        client: &Client,
        end: &'static str,
        events: &mpsc::Sender<Event>,
        target: &str,
    ) -> Client {
        let (events, target, retries) = (events.clone(), target.to_owned(), self.0.clone());
        client.clone().watched(Watcher::new(move |Repeated { reason, left }| {
            retries.fetch_add(1, Ordering::Relaxed);
            let (target, until) = (target.clone(), ledger::utc_at(SystemTime::now() + left));
            // Whoever shows them has enough to show.
            let _ = events.try_send(Event::Retried { target, end, reason, until });
        }))
    }
}
