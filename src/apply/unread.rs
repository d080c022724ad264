//! Collections whose rows no query can read: they are made at the target if they have none.

use super::{Failure, Turn};
use crate::changes::SourceState;
use crate::ledger::MoveId;
use crate::model::Collection;

impl Turn<'_> {
    /// Makes certain that there is no row. A statistic counts flushed rows only, so the source is
    /// flushed, where the plan file allows to load it.
    pub(super) async fn has_no_rows(&self, source: &SourceState) -> Result<(), Failure> {
        let Collection { database, name, .. } = &source.collection;
        let (client, address) = (&self.source, &self.change.source_address);
        if !self.run.migration.load_source {
            return Err(Failure::Refused(format!(
                "{address} has a vector without an index, so that no query can read it, and whether it \
                 has rows is not known: set `load = true` under [source] to let apply flush it and \
                 find out, or make an index on its vectors"
            )));
        }
        match client.is_empty(database, name).await? {
            Some(true) => Ok(()),
            Some(false) => Err(self.has_rows()),
            None => Err(Failure::Refused(format!(
                "{address} has a vector without an index, so that no query can read it, and its server \
                 does not say whether it has rows: make an index on its vectors"
            ))),
        }
    }

    fn has_rows(&self) -> Failure {
        Failure::Refused(format!(
            "{} has rows, and no query can read them, as it has a vector without an index: make an \
             index on its vectors, then run the same command again",
            self.change.source_address
        ))
    }

    /// What is left to do of a collection that has no rows.
    pub(super) async fn make_without_rows(
        &mut self,
        of_move: MoveId,
        source: &SourceState,
        wanted: &Collection,
    ) -> Result<(), Failure> {
        self.create_indexes(of_move, wanted).await?;
        let Collection { database, name, .. } = &source.collection;
        if self.source.row_count_statistic(database, name).await? > 0 {
            return Err(self.has_rows());
        }
        self.finish(of_move, source, wanted, "null".to_owned()).await
    }
}
