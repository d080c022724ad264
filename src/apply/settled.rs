//! Targets whose server makes up keys: writes whose outcome is not known, by this run or by one that was
//! killed, are waited for and looked at before a move counts as finished. The law is in
//! `milvus::landing`.

use tokio::time::Instant;

use super::{Failure, Turn};
use crate::ledger::{MoveId, StepState};
use crate::model::Collection;

/// The step of a move that begins before rows are written into a target whose server makes up keys, and is
/// done when none of these writes can land any more and what they did was looked at. Where a run finds it
/// begun, the one before ended in between.
const WRITES: &str = "writes_by_delete_and_insert";

impl Turn<'_> {
    /// Notes that rows are about to be written, and that those of a run that is gone may still land.
    pub(super) async fn begin_writes(
        &mut self,
        of_move: MoveId,
        wanted: &Collection,
    ) -> Result<(), Failure> {
        if !wanted.makes_keys() || self.writes_begun {
            return Ok(());
        }
        let steps = self.ledger(move |ledger| ledger.steps(of_move)).await?;
        if steps.get(WRITES) == Some(&StepState::Started) {
            self.target.others_may_land(wanted);
        }
        self.begin(of_move, WRITES).await?;
        self.writes_begun = true;
        Ok(())
    }

    /// Waits until no write can land any more whose outcome is not known. Returns the moment until which
    /// one could, where there was any.
    pub(super) async fn wait_for_landing(
        &self,
        wanted: &Collection,
    ) -> Result<Option<Instant>, Failure> {
        let Some(until) = self.target.may_land_until(wanted) else { return Ok(None) };
        if until > Instant::now() {
            self.step("wait until no unanswered write can arrive any more").await;
        }
        tokio::select! {
            () = tokio::time::sleep_until(until) => Ok(Some(until)),
            () = self.common.halt.cancelled() => Err(Failure::Stopped),
        }
    }

    /// Says that every range into which something was written was looked at, once nothing could land
    /// there any more: a comparison that repairs does so range by range (`verify::content::doubled`).
    pub(super) fn looked_at(&self, wanted: &Collection) {
        if let Some(until) = self.target.may_land_until(wanted) {
            self.target.landed(wanted, until);
        }
    }

    /// Notes that what was written is there once, or says that this is not known.
    pub(super) async fn writes_are_settled(
        &self,
        of_move: MoveId,
        wanted: &Collection,
    ) -> Result<(), Failure> {
        if !wanted.makes_keys() {
            return Ok(());
        }
        if self.target.may_land_until(wanted).is_some() {
            return Err(not_settled());
        }
        self.done(of_move, WRITES, "").await
    }
}

/// What is said where answers were lost again and again.
pub(super) fn not_settled() -> Failure {
    Failure::Refused(
        "answers of the target were lost while rows were written again, so that some may be there \
         twice or not at all\n  run the same command again: it looks at all of them, and makes that good"
            .to_owned(),
    )
}
