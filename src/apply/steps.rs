//! The steps around the rows: the collection and its partitions, indexes, load states.

use std::time::{Duration, Instant};

use super::{Failure, Turn};
use crate::changes::differences::not_kept;
use crate::changes::{Action, SourceState};
use crate::ledger::{MoveId, StepState};
use crate::milvus::{Client, Kind, Moment, Query};
use crate::model::{Collection, KeyRange, LoadState};

/// How long a server may take to load a collection or to build an index.
const BUILD_LIMIT: Duration = Duration::from_secs(4 * 3600);
/// Time between two questions about it.
const ASK_AGAIN: Duration = Duration::from_millis(300);
/// How long the rows of a partition that was loaded beside others may stay unseen.
const SETTLING: Duration = Duration::from_secs(60);
/// The step that noted what was loaded at the source, followed by which partitions.
const LOAD_SOURCE: &str = "load_source:";
/// The step that released it again.
const RELEASE_SOURCE: &str = "release_source";

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
            let reason = self.change.reason;
            self.ledger(move |ledger| ledger.supersede_move(earlier.id, reason)).await?;
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
        let target = &self.run.target;
        let (database, name) = (wanted.database.as_str(), wanted.name.as_str());
        let mut fresh = false;
        match self.change.action {
            Action::Create => {
                self.step("create collection").await;
                self.begin(of_move, "create_collection").await?;
                target.create_collection(wanted).await?;
                self.describe_again(of_move, wanted).await?;
                self.done(of_move, "create_collection", "").await?;
                fresh = true;
            }
            Action::Resume => {
                let steps = self.ledger(move |ledger| ledger.steps(of_move)).await?;
                // Killed between making the collection and noting it: it is as wanted and empty,
                // or `plan` had refused. What is written now is written by key all the same.
                fresh = steps.get("create_collection") == Some(&StepState::Done);
                let noted =
                    self.change.known.as_ref().is_some_and(|known| known.target_id.is_some());
                if !noted {
                    self.describe_again(of_move, wanted).await?;
                }
            }
            Action::Adopt | Action::Unchanged | Action::Conflict => {}
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

    async fn describe_again(
        &mut self,
        of_move: MoveId,
        wanted: &Collection,
    ) -> Result<(), Failure> {
        let described = self
            .run
            .target
            .describe_collection(&wanted.database, &wanted.name)
            .await?
            .ok_or_else(|| {
                Failure::Refused("the target does not show the collection it just made".to_owned())
            })?;
        let (essential, details) = not_kept(wanted, &described.collection);
        let (id, created) = (described.id, described.collection);
        self.ledger(move |ledger| ledger.target_described(of_move, id, &created)).await?;
        if !essential.is_empty() {
            return Err(Failure::Refused(format!(
                "the target made the collection differently from what was asked for: {}. Drop it \
                 there, and leave it out of the plan file or move to a server that knows these \
                 attributes",
                essential.join("; ")
            )));
        }
        if !details.is_empty() {
            self.warn(format!("the target did not keep: {}", details.join("; "))).await;
        }
        Ok(())
    }

    /// Loads the source where the plan file allows it, and notes what was not loaded before.
    pub(super) async fn load_source(
        &mut self,
        of_move: MoveId,
        source: &SourceState,
    ) -> Result<(), Failure> {
        let steps = self.ledger(move |ledger| ledger.steps(of_move)).await?;
        // The first note says how the source was found; a run that was killed since has changed it.
        let note = match steps.iter().find(|(step, _)| step.starts_with(LOAD_SOURCE)) {
            Some((note, state)) if self.change.load_source || *state != StepState::Done => {
                note.clone()
            }
            None if self.change.load_source => what_is_not_loaded(source),
            _ => return Ok(()),
        };
        self.step("load the source").await;
        self.begin(of_move, &note).await?;
        self.begin(of_move, RELEASE_SOURCE).await?;
        let from = &source.collection;
        self.run.source.load_collection(&from.database, &from.name).await?;
        wait_until_loaded(&self.run.source, from, &self.run.stop).await?;
        if note != LOAD_SOURCE {
            self.wait_until_readable(from).await?;
        }
        self.done(of_move, &note, "").await
    }

    /// Waits until the rows of partitions that were loaded beside others can be read. Milvus 2.3
    /// calls such partitions loaded some seconds before that, and until then a query leaves their
    /// rows out without a word. When the server's two counts agree, they are there.
    async fn wait_until_readable(&mut self, from: &Collection) -> Result<(), Failure> {
        let Some(query) = Query::of(from, None) else { return Ok(()) };
        let source = &self.run.source;
        let started = Instant::now();
        loop {
            let count = source.count(&query, &KeyRange::ALL, Moment::Strong).await?.unwrap_or(0);
            let statistic = source.row_count_statistic(&from.database, &from.name).await?;
            if count == statistic {
                return Ok(());
            }
            if started.elapsed() > SETTLING {
                self.warn(format!(
                    "partitions of the source were loaded for the copy, and its numbers do not \
                     prove that all of their rows can be read: it counts {count}, and its \
                     statistics, which hold deleted rows and lack those not flushed yet, say \
                     {statistic}"
                ))
                .await;
                return Ok(());
            }
            pause(&self.run.stop, started, "the loaded partitions to be read").await?;
        }
    }

    pub(super) async fn create_indexes(
        &mut self,
        of_move: MoveId,
        wanted: &Collection,
    ) -> Result<(), Failure> {
        let target = &self.run.target;
        let (database, name) = (wanted.database.as_str(), wanted.name.as_str());
        let there = target.list_indexes(database, name).await?;
        for index in &wanted.indexes {
            if there.iter().any(|have| have.field == index.field) {
                continue;
            }
            self.step(&format!("create index on {}", index.field)).await;
            let step = format!("create_index:{}", index.field);
            self.begin(of_move, &step).await?;
            target.create_index(database, name, index).await?;
            self.done(of_move, &step, "").await?;
        }
        for index in &wanted.indexes {
            self.wait_until_built(wanted, &index.field).await?;
        }
        Ok(())
    }

    async fn wait_until_built(&self, wanted: &Collection, field: &str) -> Result<(), Failure> {
        let started = Instant::now();
        loop {
            let (indexed, total) =
                self.run.target.index_progress(&wanted.database, &wanted.name, field).await?;
            if indexed >= total {
                return Ok(());
            }
            pause(&self.run.stop, started, &format!("the index on {field} to be built")).await?;
        }
    }

    /// Loads the target: it is to be loaded like the source, or has to be to be counted.
    pub(super) async fn load_target(
        &mut self,
        of_move: MoveId,
        wanted: &Collection,
    ) -> Result<(), Failure> {
        let target = &self.run.target;
        let (database, name) = (wanted.database.as_str(), wanted.name.as_str());
        if target.load_state(database, name, None).await? == LoadState::Loaded {
            return Ok(());
        }
        self.step("load").await;
        self.begin(of_move, "load").await?;
        target.load_collection(database, name).await?;
        wait_until_loaded(target, wanted, &self.run.stop).await?;
        self.done(of_move, "load", "").await
    }

    /// Releases what was loaded only for the copy, at both ends.
    pub(super) async fn leave_as_found(
        &mut self,
        of_move: MoveId,
        source: &SourceState,
        wanted: &Collection,
    ) -> Result<(), Failure> {
        let steps = self.ledger(move |ledger| ledger.steps(of_move)).await?;
        let Some(note) = steps.keys().find_map(|step| step.strip_prefix(LOAD_SOURCE)) else {
            return Ok(());
        };
        if steps.get(RELEASE_SOURCE) == Some(&StepState::Done) {
            return Ok(());
        }
        self.step("release the source").await;
        let partitions: Vec<String> =
            note.split(',').filter(|name| !name.is_empty()).map(str::to_owned).collect();
        let from = &source.collection;
        self.run.source.release(&from.database, &from.name, &partitions).await?;
        if partitions.is_empty() {
            self.step("release").await;
            self.run.target.release(&wanted.database, &wanted.name, &[]).await?;
        }
        self.done(of_move, RELEASE_SOURCE, "").await
    }
}

/// The step that notes what is not loaded at the source: these partitions, or all of it.
fn what_is_not_loaded(source: &SourceState) -> String {
    if source.load != LoadState::Loaded {
        return LOAD_SOURCE.to_owned();
    }
    let unloaded: Vec<&str> = source
        .partitions
        .iter()
        .filter(|partition| partition.load != LoadState::Loaded)
        .map(|partition| partition.name.as_str())
        .collect();
    format!("{LOAD_SOURCE}{}", unloaded.join(","))
}

/// Whether the collection and each of its partitions is loaded: with some partitions loaded, the
/// collection calls itself so.
async fn is_loaded(client: &Client, collection: &Collection) -> crate::milvus::Result<bool> {
    let (database, name) = (collection.database.as_str(), collection.name.as_str());
    if client.load_state(database, name, None).await? != LoadState::Loaded {
        return Ok(false);
    }
    for partition in &collection.partitions {
        match client.load_state(database, name, Some(partition)).await {
            Ok(LoadState::Loaded) => {}
            Ok(_) => return Ok(false),
            Err(error) if error.kind == Kind::Unsupported => {}
            Err(error) => return Err(error),
        }
    }
    Ok(true)
}

async fn wait_until_loaded(
    client: &Client,
    collection: &Collection,
    stop: &tokio_util::sync::CancellationToken,
) -> Result<(), Failure> {
    let started = Instant::now();
    loop {
        match is_loaded(client, collection).await {
            Ok(true) => return Ok(()),
            Ok(false) => {}
            Err(error) if error.kind == Kind::NotReady => {}
            Err(error) => return Err(error.into()),
        }
        pause(stop, started, &format!("{} to be loaded", collection.address())).await?;
    }
}

async fn pause(
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
