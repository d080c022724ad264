//! Holding both ends against the collections that a comparison began with.

use super::ends::Ends;
use super::{Check, Error, Subject};
use crate::copy::Identity;
use crate::copy::identity::{End, Place};

/// Describes both ends, which have to be those that the subject names.
pub(super) async fn open(check: &Check, subject: &Subject) -> Result<Identity, Error> {
    let Subject { from, to, ids, .. } = subject;
    let open = async {
        tokio::try_join!(
            End::open(Place::Source, &check.source, from, ids.source),
            End::open(Place::Target, &check.target, to, ids.target)
        )
    };
    tokio::select! {
        biased;
        () = check.stop.cancelled() => Err(Error::Stopped),
        opened = Box::pin(open) => {
            let (source, target) = opened?;
            Ok(Identity::new(source, target))
        }
    }
}

impl Ends {
    /// Makes sure that both ends are the same collections still: what was read of others explains
    /// nothing, and proves nothing.
    pub(super) async fn confirm(&self) -> Result<(), Error> {
        tokio::select! {
            biased;
            () = self.check.stop.cancelled() => Err(Error::Stopped),
            confirmed = self.identity().confirm() => Ok(confirmed?),
        }
    }

    /// What says more than `error`.
    pub(super) async fn cause_of(&self, error: Error) -> Error {
        match error {
            Error::Identity(_) | Error::Stopped | Error::Ledger(_) => error,
            error => self.identity().cause().await.map_or(error, Error::Identity),
        }
    }
}
