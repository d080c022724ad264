//! The steps around the rows: the collection and its partitions, indexes, load states.

use std::time::{Duration, Instant};

use super::{Event, Failure, Turn};
use crate::changes::indexes::in_turn;
use crate::changes::{Action, SourceState};
use crate::ledger::{MoveId, StepState, WAS_EMPTY};
use crate::milvus::{self, Described, Kind};
use crate::model::differences::{not_kept, place, told_index_difference};
use crate::model::{Collection, Index};

/// How long a server may take to load a collection or to build an index.
const BUILD_LIMIT: Duration = Duration::from_secs(4 * 3600);
/// Time between two questions about it.
const ASK_AGAIN: Duration = Duration::from_millis(300);

impl Turn<'_> {
    /// The move in the ledger: an earlier one that is resumed, or a new one.
    pub(super) async fn the_move(
        &mut self,
        source: &SourceState,
        wanted: &Collection,
    ) -> Result<MoveId, Failure> {
        let ends = self.ends();
        let of_ends = ends.clone();
        let earlier = self.ledger(move |ledger| ledger.find_move(&of_ends)).await?;
        if let Some(earlier) = earlier {
            if self.change.action == Action::Resume {
                return Ok(earlier.id);
            }
            let reason = self.change.reason.clone();
            self.ledger(move |ledger| ledger.supersede_move(earlier.id, &reason)).await?;
        }
        let settings = serde_json::to_string(&self.change.settings)
            .map_err(|error| Failure::Refused(error.to_string()))?;
        let (run, wanted, source_id) = (self.run.id, wanted.clone(), source.id);
        let adopted = self.change.action == Action::Adopt;
        let of_move = self
            .ledger(move |ledger| {
                ledger.begin_move(run, &ends, &wanted, &settings, adopted, source_id)
            })
            .await?;
        if adopted && let Some(target) = &self.change.target {
            let (id, collection) = (target.id, target.collection.clone());
            self.ledger(move |ledger| ledger.target_described(of_move, id, &collection)).await?;
        }
        Ok(of_move)
    }

    /// Makes the collection and its partitions where they are not there yet, and describes it
    /// again: an old server silently drops what it does not know. Returns whether everything in
    /// the collection is certainly ours.
    pub(super) async fn make_collection(
        &mut self,
        of_move: MoveId,
        wanted: &Collection,
    ) -> Result<bool, Failure> {
        let target = self.target.clone();
        let (database, name) = (wanted.database.as_str(), wanted.name.as_str());
        let mut fresh = false;
        match self.change.action {
            Action::Create => {
                self.step("create collection").await;
                self.begin(of_move, "create_collection").await?;
                let mut made = wanted.clone();
                made.properties.extend(self.change.during.clone());
                fresh = self.create_marked(of_move, &made).await?;
                self.describe_again(of_move, wanted).await?;
                if fresh {
                    self.done(of_move, "create_collection", "").await?;
                }
            }
            Action::Resume => {
                let steps = self.ledger(move |ledger| ledger.steps(of_move)).await?;
                // Killed between making the collection and noting it: it is as wanted and looks
                // untouched, or `plan` had refused. It is written by key all the same.
                fresh = steps.get("create_collection") == Some(&StepState::Done);
                let noted =
                    self.change.known.as_ref().is_some_and(|known| known.target_id.is_some());
                if !noted {
                    self.holds_nothing_of_others(wanted).await?;
                }
                self.marked_still(of_move, wanted).await?;
                if !noted {
                    self.describe_again(of_move, wanted).await?;
                }
            }
            Action::Adopt => {
                self.mark_existing(of_move, wanted).await?;
                if self.has_no_row(wanted).await {
                    self.done(of_move, WAS_EMPTY, "").await?;
                }
            }
            Action::Unchanged | Action::Conflict => {}
        }
        if wanted.partition_key().is_none() && !wanted.partitions.is_empty() {
            let there = target.list_partitions(database, name).await?;
            for partition in wanted.partitions.iter().filter(|name| !there.contains(name)) {
                self.step(&format!("create partition {partition}")).await;
                target.create_partition(database, name, partition).await?;
            }
        }
        Ok(fresh)
    }

    /// Whether a target that is adopted and not loaded is known to have no row. Only flushed rows are in
    /// a statistic. Of one that is loaded the rows are looked at.
    async fn has_no_row(&self, wanted: &Collection) -> bool {
        let Some(there) = &self.change.target else { return false };
        let (target, database, name) = (&self.target, &wanted.database, &wanted.name);
        there.rows.is_none()
            && there.row_statistic == 0
            && matches!(target.is_empty(database, name).await, Ok(Some(true)))
    }

    /// Whether the target may hold rows of others, and which these are is noted while it is filled.
    pub(super) async fn is_shared(&self, of_move: MoveId) -> Result<bool, Failure> {
        let steps = self.ledger(move |ledger| ledger.steps(of_move)).await?;
        Ok(self.run_adopted() && !steps.contains_key(WAS_EMPTY))
    }

    pub(super) async fn describe(&self, wanted: &Collection) -> Result<Described, Failure> {
        let described = self.target.describe_collection(&wanted.database, &wanted.name).await?;
        described.ok_or_else(|| {
            Failure::Refused("the target does not show the collection it just made".to_owned())
        })
    }

    async fn describe_again(
        &mut self,
        of_move: MoveId,
        wanted: &Collection,
    ) -> Result<(), Failure> {
        let described = self.describe(wanted).await?;
        let (id, mut created) = (described.id, described.collection);
        // These are taken back in the end.
        for name in self.change.during.keys() {
            match wanted.properties.get(name) {
                Some(value) => created.properties.insert(name.clone(), value.clone()),
                None => created.properties.remove(name),
            };
        }
        let (failing, told) = not_kept(wanted, &created, self.change.keeps_details);
        // Noted before it is judged: `plan` judges the note, so that no later run fills it either.
        self.ledger(move |ledger| ledger.target_described(of_move, id, &created)).await?;
        if !failing.is_empty() {
            return Err(Failure::Refused(format!(
                "the target made the collection differently from what was asked for: {}. Drop it \
                 there, and leave it out of the plan file or move to a server that knows these \
                 attributes",
                failing.join("; ")
            )));
        }
        if !told.is_empty() {
            self.warn(format!("the target did not keep: {}", told.join("; "))).await;
        }
        Ok(())
    }

    pub(super) async fn create_indexes(
        &mut self,
        of_move: MoveId,
        wanted: &Collection,
    ) -> Result<(), Failure> {
        let target = &self.target;
        let (database, name) = (wanted.database.as_str(), wanted.name.as_str());
        let there = target.list_indexes(database, name).await?;
        let steps = self.ledger(move |ledger| ledger.steps(of_move)).await?;
        for index in &wanted.indexes {
            let (field, path) = place(index);
            let on = path.map_or_else(|| field.to_owned(), |path| format!("{field} {path}"));
            let step = format!("create_index:{on}");
            let (made, afterwards) =
                in_turn(index, wanted.indexed_field(field), self.change.keeps_details);
            let is_there = there.iter().any(|have| place(have) == (field, path));
            // Killed between making it and altering it, or before the one or the other was recorded.
            let half = steps.get(&step) == Some(&StepState::Started) && !afterwards.is_empty();
            if is_there && !half {
                continue;
            }
            self.step(&format!("create index on {on}")).await;
            self.begin(of_move, &step).await?;
            let created = if is_there {
                target.alter_index(database, name, &made, &afterwards).await
            } else {
                target.create_index_in_turn(database, name, &made, &afterwards).await
            };
            created.map_err(|error| self.index_refused(index, error))?;
            self.done(of_move, &step, "").await?;
        }
        for index in &wanted.indexes {
            self.wait_until_built(wanted, index).await?;
        }
        self.indexes_are_as_wanted(wanted).await
    }

    /// What the plan file says of an index can be corrected after the collection was made.
    pub(super) fn index_refused(&self, index: &Index, error: milvus::Error) -> Failure {
        if !matches!(error.kind, Kind::Other | Kind::Invalid) {
            return error.into();
        }
        // In the plan file, fields go by their names at the source.
        let mut renamed = self.change.settings.renamed.iter();
        let field = renamed.find(|(_, to)| **to == index.field).map_or(&index.field, |(of, _)| of);
        Failure::Refused(format!(
            "{error}\n  choose another index with `indexes.{field}` in the plan file; the same \
             command then continues where it stopped"
        ))
    }

    async fn wait_until_built(&self, wanted: &Collection, index: &Index) -> Result<(), Failure> {
        let (database, name) = (&wanted.database, &wanted.name);
        let (started, field) = (Instant::now(), &index.field);
        let mut told = 0;
        loop {
            let state = self.target.index_progress(database, name, field, &index.name).await?;
            if state.indexed >= state.total {
                return Ok(());
            }
            if state.indexed != told {
                told = state.indexed;
                self.tell(Event::Waiting {
                    target: self.change.target_address.clone(),
                    what: format!("index on {field}"),
                    done: u64::try_from(state.indexed).unwrap_or(0),
                    total: u64::try_from(state.total).unwrap_or(0),
                })
                .await;
            }
            pause(&self.common.halt, started, &format!("the index on {field} to be built")).await?;
        }
    }

    /// An index that the server made otherwise, without a word, is told, once.
    pub(super) async fn indexes_are_as_wanted(
        &mut self,
        wanted: &Collection,
    ) -> Result<(), Failure> {
        let there = self.target.list_indexes(&wanted.database, &wanted.name).await?;
        for index in &wanted.indexes {
            let have = there.iter().find(|have| place(have) == place(index));
            let wrong = match have {
                None => Some("it is not there".to_owned()),
                Some(have) => told_index_difference(index, have, self.change.keeps_details),
            };
            if let Some(wrong) = wrong {
                let text = format!("the index on {} is not as asked for: {wrong}", index.field);
                if !self.outcome.warnings.contains(&text) {
                    self.warn(text).await;
                }
            }
        }
        Ok(())
    }
}

/// Waits a little before a server is asked again, within a bound.
///
/// # Errors
/// When the bound is reached, or we are asked to stop.
pub(super) async fn pause(
    stop: &tokio_util::sync::CancellationToken,
    started: Instant,
    what: &str,
) -> Result<(), Failure> {
    if started.elapsed() > BUILD_LIMIT {
        return Err(Failure::Refused(format!(
            "waited {} hours for {what}; look at the server, then run the same command again",
            BUILD_LIMIT.as_secs() / 3600
        )));
    }
    tokio::select! {
        () = tokio::time::sleep(ASK_AGAIN) => Ok(()),
        () = stop.cancelled() => Err(Failure::Stopped),
    }
}
