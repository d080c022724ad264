//! Where a rehearsal records its scratch collections, so that one that is killed leaves none that nobody
//! knows.

use std::sync::Mutex;

use crate::ledger::{Error, Ledger, RunId};
use crate::rehearse;

/// Kinds of events in the ledger; the text is `database/name`.
const MADE: &str = "scratch_made";
const GONE: &str = "scratch_gone";

/// The record of one rehearsal, in the ledger of its plan. Nothing is recorded where that cannot be
/// written to.
#[derive(Debug)]
pub(super) struct Journal(Option<Mutex<(Ledger, RunId)>>);

impl Journal {
    /// That of a rehearsal that begins.
    ///
    /// # Errors
    /// When the ledger cannot be written to.
    pub(super) fn begin(ledger: Option<Ledger>, environment: Option<&str>) -> Result<Self, Error> {
        let Some(mut ledger) = ledger else { return Ok(Self(None)) };
        let run = ledger.begin_run(env!("CARGO_PKG_VERSION"), "rehearse", environment)?;
        Ok(Self(Some(Mutex::new((ledger, run)))))
    }

    /// Whether anything is recorded.
    pub(super) fn is_kept(&self) -> bool {
        self.0.is_some()
    }

    /// Records how the rehearsal ended. That it is not recorded harms nobody.
    pub(super) fn end(&self, outcome: &str) {
        if let Err(error) = self.with(|ledger, run| ledger.end_run(run, outcome)) {
            tracing::warn!(%error, "Not recorded how the rehearsal ended.");
        }
    }

    fn note(&self, kind: &str, address: &str) -> Result<(), Error> {
        self.with(|ledger, run| ledger.note(run, None, kind, address))
    }

    fn with(
        &self,
        record: impl FnOnce(&mut Ledger, RunId) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let Some(kept) = &self.0 else { return Ok(()) };
        // A panic while the ledger was written to left a transaction that was rolled back.
        let mut kept = kept.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let (ledger, run) = &mut *kept;
        record(ledger, *run)
    }
}

impl rehearse::Journal for Journal {
    fn made(&self, address: &str) -> Result<(), String> {
        self.note(MADE, address).map_err(|error| error.to_string())
    }

    fn gone(&self, address: &str) -> Result<(), String> {
        self.note(GONE, address).map_err(|error| error.to_string())
    }
}

/// Addresses of scratch collections that were made and are not known to be deleted.
///
/// # Errors
/// When the ledger cannot be read.
pub(super) fn recorded(ledger: &Ledger) -> Result<Vec<String>, Error> {
    let mut left: Vec<String> = Vec::new();
    for event in ledger.events(None, None, usize::MAX)? {
        match event.kind.as_str() {
            MADE => left.push(event.text),
            GONE => left.retain(|address| *address != event.text),
            _ => {}
        }
    }
    Ok(left)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rehearse::Journal as _;

    #[test]
    fn what_was_made_and_is_not_gone_is_left() {
        let folder = tempfile::tempdir().unwrap();
        let open = || Ledger::open(folder.path(), "plan").unwrap();
        let journal = Journal::begin(Some(open()), None).unwrap();
        for address in ["default/a", "default/b", "other/a"] {
            journal.made(address).unwrap();
        }
        journal.gone("default/a").unwrap();
        journal.end("ok");
        drop(journal);
        assert_eq!(recorded(&open()).unwrap(), ["default/b", "other/a"]);
        let journal = Journal::begin(None, None).unwrap();
        assert!(!journal.is_kept());
        journal.made("default/c").unwrap();
        assert_eq!(recorded(&open()).unwrap().len(), 2);
    }
}
