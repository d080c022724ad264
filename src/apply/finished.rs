//! What is done to a target that an earlier run finished: only what was taken away, or asked for, since;
//! and its rows are brought up to date.

use super::{Failure, Turn};
use crate::changes::{Loaded, SourceState};
use crate::copy::identity::End;
use crate::ledger::MoveId;
use crate::model::Collection;
use crate::verify;

impl Turn<'_> {
    pub(super) async fn go_on_finished(
        &mut self,
        of_move: MoveId,
        source: &SourceState,
        wanted: &Collection,
        from: End,
    ) -> Result<(), Failure> {
        self.hold_ends(of_move, from, wanted).await?;
        self.alter_properties(of_move, wanted).await?;
        self.create_indexes(of_move, wanted).await?;
        if self.change.update.is_some() && !source.is_unread() {
            self.mark_existing(of_move, wanted).await?;
            let updated = Box::pin(self.update_rows(of_move, source, wanted)).await;
            // Also after a failure: the application's own inserts are no longer to bring keys.
            let taken_back = self.take_back_properties(of_move, wanted).await;
            self.unmark(of_move, wanted).await?;
            updated?;
            taken_back?;
        } else if self.change.takes_back() {
            self.take_back_properties(of_move, wanted).await?;
        }
        let there = self.without_new_partitions(wanted);
        let mut loaded = self.change.ending.loaded.clone();
        if let Loaded::Partitions(names) = &mut loaded {
            let all = there.all_partitions();
            names.retain(|name| all.contains(name));
        }
        if !source.is_unread() {
            self.load_target(of_move, &there, &loaded).await?;
        }
        let found = self.outcome.verification.as_ref();
        if found.is_some_and(|found| found.status == verify::Status::Different) {
            return Ok(());
        }
        self.confirm_ends().await?;
        self.hand_over(of_move, source, &there, wanted).await?;
        Ok(())
    }

    async fn update_rows(
        &mut self,
        of_move: MoveId,
        source: &SourceState,
        wanted: &Collection,
    ) -> Result<(), Failure> {
        self.set_properties_of_copy(of_move, wanted).await?;
        self.begin_writes(of_move, wanted).await?;
        // Before the moment is fixed at which rows are compared.
        self.wait_for_landing(wanted).await?;
        self.bring_up_to_date(of_move, source, wanted).await?;
        // Every range into which something was written was looked at afterwards.
        self.looked_at(wanted);
        self.writes_are_settled(of_move, wanted).await
    }
}
