//! Holding both ends of a turn against the collections that its move began with.

use std::collections::BTreeSet;
use std::hash::{BuildHasher, RandomState};

use tokio::sync::mpsc;

use super::{Failure, Turn};
use crate::changes::SourceState;
use crate::copy::Identity;
use crate::copy::identity::{self, End, Place};
use crate::ledger::{ChunkId, MoveId};
use crate::model::quantity::{count as grouped, counted};
use crate::model::{Collection, LoadState};
use crate::verify::{self, Ids, Mode};

impl From<verify::Error> for Failure {
    fn from(error: verify::Error) -> Self {
        match error {
            verify::Error::Identity(error) => error.into(),
            verify::Error::Stopped => Self::Stopped,
            error => Self::Refused(format!("{error}\n  {}", error.advice())),
        }
    }
}

impl From<identity::Error> for Failure {
    fn from(error: identity::Error) -> Self {
        if error.is_cancelled() { Self::Stopped } else { Self::Identity(error) }
    }
}

impl Turn<'_> {
    /// The source, still the collection that the changes are about.
    pub(super) async fn source_end(&self, source: &SourceState) -> Result<End, Failure> {
        let (client, collection) = (&self.source, &source.collection);
        Ok(End::open(Place::Source, client, collection, source.id).await?)
    }

    /// Begins to hold both ends against what they are now: the target the collection that this move
    /// made or found.
    pub(super) async fn hold_ends(
        &mut self,
        of_move: MoveId,
        source: End,
        wanted: &Collection,
    ) -> Result<(), Failure> {
        let id = self.ledger(move |ledger| ledger.target_id(of_move)).await?.unwrap_or(0);
        // What the target did not keep of what was asked for is judged elsewhere.
        let target = End::found(Place::Target, &self.target, wanted, id).await?;
        self.identity = Some(Identity::new(source, target));
        Ok(())
    }

    /// The servers' ids of both collections.
    pub(super) fn ids(&self) -> Ids {
        let ids = |of: &Identity| Ids { source: of.source_id(), target: of.target_id() };
        self.identity.as_ref().map(ids).unwrap_or_default()
    }

    /// Whether all that a resumed run has copied so far can be read.
    pub(super) fn target_was_loaded(&self) -> bool {
        self.change.target.as_ref().is_some_and(|target| target.load == LoadState::Loaded)
    }

    /// Reads a few ranges of the source once more that were copied, where its server does not tell
    /// its collections apart. The target is loaded.
    pub(super) async fn compare_spots(
        &mut self,
        of_move: MoveId,
        source: &SourceState,
        wanted: &Collection,
    ) -> Result<(), Failure> {
        if self.identity.as_ref().is_none_or(|identity| identity.source_id() != 0) {
            return Ok(());
        }
        self.step("compare some ranges with the source").await;
        let to = self.target_now(wanted).await?;
        let check = self.check(Mode::Counts, None, mpsc::channel(1).0);
        let subject = self.loaded_subject(of_move, source, wanted, to);
        let seed = RandomState::new().hash_one(&subject.to.name);
        let spots = Box::pin(verify::compare_spots(&check, &subject, seed));
        let spots = spots.await?.unwrap_or_default();
        tracing::info!(?spots, "Ranges were read once more.");
        if spots.changed > 0 {
            let (changed, rows) = (grouped(spots.changed), counted(spots.rows, "row"));
            self.warn(format!(
                "of {rows} that were read once more at the source, {changed} are others: written \
                 since, or of another collection with the same name, which Milvus Lite does not tell"
            ))
            .await;
        }
        Ok(())
    }

    /// Notes what the target holds of chunks that were written more than once, before others may
    /// write into it. The target is loaded.
    pub(super) async fn settle(
        &mut self,
        of_move: MoveId,
        source: &SourceState,
        wanted: &Collection,
    ) -> Result<(), Failure> {
        if self.run_adopted() || self.mark.is_none() {
            return Ok(());
        }
        let to = self.target_now(wanted).await?;
        let check = self.check(Mode::Counts, None, mpsc::channel(1).0);
        let subject = self.loaded_subject(of_move, source, wanted, to);
        Ok(verify::settle(&check, &subject).await?)
    }

    /// Notes which rows are of this move in chunks that are to be written once more, where others may
    /// write into the target. It is loaded.
    pub(super) async fn note_ours(
        &mut self,
        of_move: MoveId,
        source: &SourceState,
        wanted: &Collection,
        chunks: BTreeSet<ChunkId>,
    ) -> Result<(), Failure> {
        if !self.run_adopted() && self.mark.is_some() {
            return Ok(());
        }
        let to = self.target_now(wanted).await?;
        let check = self.check(Mode::Counts, None, mpsc::channel(1).0);
        let subject = self.loaded_subject(of_move, source, wanted, to);
        Ok(verify::note_ours(&check, &subject, chunks).await?)
    }

    /// What says more than `failure`.
    pub(super) async fn cause_of(&self, failure: Failure) -> Failure {
        match (failure, &self.identity) {
            (failure @ (Failure::Stopped | Failure::Ledger(_) | Failure::Identity(_)), _)
            | (failure, None) => failure,
            (failure, Some(identity)) => identity.cause().await.map_or(failure, Failure::Identity),
        }
    }

    /// Makes sure that both ends are the same collections still, before what was read or written
    /// until now counts.
    pub(super) async fn confirm_ends(&self) -> Result<(), Failure> {
        match &self.identity {
            Some(identity) => Ok(identity.confirm().await?),
            None => Ok(()),
        }
    }
}
