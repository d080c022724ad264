//! Writes of which nobody knows whether they were carried out, into collections whose keys the server
//! makes up: until when they may still be.
//!
//! Elsewhere this does not matter: rows are written again by upsert, and an earlier request that comes
//! late writes the same rows once more. Here rows are written again by delete and insert. An insert
//! that comes after the next delete doubles rows, and a delete that comes after the next insert loses
//! them. So the law is:
//!
//! **A range into which a request went whose outcome is not known counts as whole when it was looked at,
//! or written once more, after the last moment at which any such request may land.** That moment is the
//! deadline that was sent with the request, and what a server may take beyond it. It is noted here, and
//! `apply::settled` waits for it and looks.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::client::Client;
use crate::model::Collection;

/// Deadline of a write into a collection whose keys the server makes up. Shorter than that of others:
/// what is not answered in time has to be waited for.
pub(super) const DEADLINE: Duration = Duration::from_secs(30);
/// What a request may take beyond its deadline: a proxy that has handed it on to the log does not take it
/// back.
const BEYOND: Duration = Duration::from_secs(10);

/// By collection, until when a request may land whose outcome is not known.
#[derive(Clone, Default)]
pub(super) struct Landings(Arc<Mutex<BTreeMap<String, Instant>>>);

impl Landings {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Instant>> {
        // Plain moments, so that a panic elsewhere leaves them usable.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self, address: &str, until: Instant) {
        let mut all = self.lock();
        let noted = all.entry(address.to_owned()).or_insert(until);
        *noted = until.max(*noted);
    }

    /// A request is about to be sent. Its outcome is not known until it [is](Sent::known), also where
    /// nobody waits for the answer any more.
    pub(super) fn sent(&self, to: &Collection) -> Sent<'_> {
        let address = to.makes_keys().then(|| to.address());
        Sent { landings: self, address, until: Instant::now() + DEADLINE + BEYOND }
    }
}

/// A request that is under way.
pub(super) struct Sent<'a> {
    landings: &'a Landings,
    /// Nothing once the outcome is known, or where it does not matter.
    address: Option<String>,
    until: Instant,
}

impl Sent<'_> {
    /// The server said whether it was carried out.
    pub(super) fn known(mut self) {
        self.address = None;
    }
}

impl Drop for Sent<'_> {
    fn drop(&mut self) {
        if let Some(address) = &self.address {
            self.landings.note(address, self.until);
        }
    }
}

impl Client {
    /// Until when a write into this collection may land whose outcome is not known; nothing where there
    /// is none, or it does not matter. See `milvus::landing`.
    pub fn may_land_until(&self, to: &Collection) -> Option<Instant> {
        self.landings().lock().get(&to.address()).copied()
    }

    /// Notes that a process that is gone may have sent such a write until now.
    pub fn others_may_land(&self, to: &Collection) {
        if to.makes_keys() {
            self.landings().note(&to.address(), Instant::now() + DEADLINE + BEYOND);
        }
    }

    /// Forgets the writes that could land until then: what they did was looked at, and made good.
    pub fn landed(&self, to: &Collection, until: Instant) {
        let mut all = self.landings().lock();
        if all.get(&to.address()).is_some_and(|noted| *noted <= until) {
            all.remove(&to.address());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::DataType;
    use crate::model::samples::{collection, field};

    fn of(auto_id: bool) -> Collection {
        let mut of = collection("things", vec![field("id", DataType::INT64)]);
        of.fields[0].primary_key = true;
        of.fields[0].auto_id = auto_id;
        of
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_not_known_is_noted_where_the_server_makes_keys() {
        let landings = Landings::default();
        landings.sent(&of(true)).known();
        drop(landings.sent(&of(false)));
        assert!(landings.lock().is_empty());
        let began = Instant::now();
        drop(landings.sent(&of(true)));
        let first = landings.lock().values().copied().next().unwrap();
        assert_eq!(first, began + DEADLINE + BEYOND);
        tokio::time::advance(Duration::from_secs(5)).await;
        drop(landings.sent(&of(true)));
        landings.note(&of(true).address(), began);
        let last = landings.lock().values().copied().next().unwrap();
        assert_eq!(last, first + Duration::from_secs(5), "the latest counts");
    }
}
