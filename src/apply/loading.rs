//! Load states: a source that is loaded for the copy, a target that is loaded in the end.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::steps::pause;
use super::{Failure, Turn};
use crate::changes::{Loaded, SourceState};
use crate::copy::wait_until_readable;
use crate::ledger::{MoveId, StepState};
use crate::milvus::{self, Client, Kind, Load, Query};
use crate::model::{Collection, LoadState};

/// How long a collection may stay unloaded after the server agreed to load it.
const GIVEN_UP: Duration = Duration::from_secs(180);
/// The step that noted what was loaded at the source, followed by which partitions.
const LOAD_SOURCE: &str = "load_source:";
/// The step that released it again.
const RELEASE_SOURCE: &str = "release_source";
/// The step that loaded the target.
const LOAD_TARGET: &str = "load";
/// The step that releases it again, where the source was not loaded.
pub(super) const RELEASE_TARGET: &str = "release_target";

impl Turn<'_> {
    /// Loads the source where the plan file allows it, and notes what was not loaded before.
    pub(super) async fn load_source(
        &mut self,
        of_move: MoveId,
        source: &SourceState,
    ) -> Result<(), Failure> {
        let steps = self.ledger(move |ledger| ledger.steps(of_move)).await?;
        // The note says how the source was found; a run that was killed since has changed it. Once it
        // was released again, the source is what it is by now.
        let noted = steps.iter().find(|(step, _)| step.starts_with(LOAD_SOURCE));
        let released = steps.get(RELEASE_SOURCE) == Some(&StepState::Done);
        let note = match noted {
            Some((old, _)) if self.change.load_source && released => {
                let (old, new) = (old.clone(), self.what_is_not_loaded(source).await?);
                if new.as_ref() != Some(&old) {
                    self.ledger(move |ledger| ledger.step_forgotten(of_move, &old)).await?;
                }
                new
            }
            Some((note, state)) if self.change.load_source || *state != StepState::Done => {
                Some(note.clone())
            }
            None if self.change.load_source => self.what_is_not_loaded(source).await?,
            _ => return Ok(()),
        };
        let from = &source.collection;
        let reads: Vec<String> =
            source.partitions.iter().map(|partition| partition.name.clone()).collect();
        if let Some(note) = &note {
            self.step("load the source").await;
            self.begin(of_move, note).await?;
            self.begin(of_move, RELEASE_SOURCE).await?;
            // No more than what is read takes memory there.
            let some = self.change.settings.partitions.as_ref().map_or(&[][..], |_| &reads);
            let loading = self.source.load_rest(from, some, 0).await?;
            asked(&loading, &format!("{} at the source", from.address()))?;
        }
        wait_until_loaded(&self.source, from, &reads, &self.common.halt).await?;
        self.wait_until_readable(from, (None, Instant::now())).await?;
        match note {
            Some(note) => self.done(of_move, &note, "").await,
            None => Ok(()),
        }
    }

    /// The step that notes what is not loaded at the source by now, and nobody loads: these
    /// partitions, or all of it. None where there is nothing.
    async fn what_is_not_loaded(&self, source: &SourceState) -> Result<Option<String>, Failure> {
        let names = source.partitions.iter().map(|partition| partition.name.as_str());
        let unloaded = self.source.nobody_loads(&source.collection, names).await?;
        Ok(unloaded.map(|names| format!("{LOAD_SOURCE}{}", names.join(","))))
    }

    /// Waits until all rows of the source that are copied can be read. `counted` is an earlier
    /// count, and when it was taken.
    pub(super) async fn wait_until_readable(
        &self,
        from: &Collection,
        counted: (Option<u64>, Instant),
    ) -> Result<(), Failure> {
        let Some(query) = Query::of(from) else { return Ok(()) };
        let query = query.within(self.change.settings.source_partitions(None));
        self.until_readable(&self.source, &query, from, counted).await
    }

    async fn until_readable(
        &self,
        client: &Client,
        query: &Query,
        of: &Collection,
        counted: (Option<u64>, Instant),
    ) -> Result<(), Failure> {
        tokio::select! {
            biased;
            () = self.common.halt.cancelled() => Err(Failure::Stopped),
            readable = wait_until_readable(client, query, of, counted) => Ok(readable?),
        }
    }

    /// Makes sure that every partition of the source can still be read. One that was released since
    /// the plan was made would be left out by queries and counts alike, without a word.
    pub(super) async fn source_is_loaded(&self, source: &SourceState) -> Result<(), Failure> {
        let names = source.partitions.iter().map(|partition| partition.name.as_str());
        let released = self.source.not_loaded(&source.collection, names).await?;
        if released.is_empty() {
            return Ok(());
        }
        Err(Failure::Refused(format!(
            "partitions of the source were released while it was copied, so that their rows could \
             not be read: {}; load them, then run the same command again",
            released.join(", ")
        )))
    }

    /// Loads all of the target, to be read: what is not to stay loaded is released later.
    pub(super) async fn load_whole_target(
        &mut self,
        of_move: MoveId,
        wanted: &Collection,
    ) -> Result<(), Failure> {
        let target_state = self.change.target.as_ref().map(|target| target.load);
        // What somebody else has in memory stays there.
        let release = target_state.is_none_or(|load| load == LoadState::NotLoaded);
        self.load(of_move, wanted, &Loaded::All, release).await
    }

    /// Loads what of a finished target is to be loaded.
    pub(super) async fn load_target(
        &mut self,
        of_move: MoveId,
        wanted: &Collection,
        what: &Loaded,
    ) -> Result<(), Failure> {
        self.load(of_move, wanted, what, false).await
    }

    async fn load(
        &mut self,
        of_move: MoveId,
        wanted: &Collection,
        what: &Loaded,
        release: bool,
    ) -> Result<(), Failure> {
        let target = &self.target;
        let partitions = match what {
            Loaded::Nothing => return Ok(()),
            Loaded::All => wanted.all_partitions(),
            Loaded::Partitions(names) => names.clone(),
        };
        if target.load_state_of_all(wanted, &partitions).await? == LoadState::Loaded {
            return Ok(());
        }
        self.step("load").await;
        self.begin(of_move, LOAD_TARGET).await?;
        if release {
            self.begin(of_move, RELEASE_TARGET).await?;
        }
        let replicas = self.change.ending.replicas.unwrap_or(0);
        let some = match what {
            Loaded::Partitions(names) => names.as_slice(),
            _ => &[],
        };
        let loading = target.load_rest(wanted, some, replicas).await;
        let loading = loading.map_err(|error| too_many(replicas, error))?;
        asked(&loading, &format!("{} at the target", wanted.address()))?;
        wait_until_loaded(target, wanted, &partitions, &self.common.halt).await?;
        // A whole collection is loaded when its rows can be read; partitions beside others are not.
        let target_state = self.change.target.as_ref().map(|target| target.load);
        if target_state == Some(LoadState::Loaded)
            && let Some(query) = Query::of(wanted)
        {
            self.until_readable(target, &query, wanted, (None, Instant::now())).await?;
        }
        self.done(of_move, LOAD_TARGET, "").await
    }

    /// Loads the target, of which no row was copied yet, with the replicas that it is to have.
    pub(super) async fn try_load(&self, wanted: &Collection) -> Result<(), Failure> {
        let target = &self.target;
        let replicas = self.change.ending.replicas.unwrap_or(0);
        let loading = target.load_rest(wanted, &[], replicas).await;
        let loading = loading.map_err(|error| too_many(replicas, error))?;
        asked(&loading, &format!("{} at the target", wanted.address()))?;
        wait_until_loaded(target, wanted, &wanted.all_partitions(), &self.common.halt).await
    }

    /// Releases what was loaded only for this turn, at both ends. What cannot be is said.
    pub(super) async fn release_ends(
        &mut self,
        of_move: MoveId,
        source: &SourceState,
        wanted: &Collection,
    ) -> Result<(), Failure> {
        let of_target = self.release_target(of_move, wanted).await;
        let of_source = self.leave_as_found(of_move, source).await;
        let (from, to) = (&self.change.source_address, &self.change.target_address);
        let mut left = Vec::new();
        for (end, address, released) in [("target", to, of_target), ("source", from, of_source)] {
            match released {
                Err(Failure::Milvus(error)) => left.push(format!(
                    "{address} at the {end} was loaded for this move and is not released yet: {error}"
                )),
                other => other?,
            }
        }
        if left.is_empty() {
            return Ok(());
        }
        Err(Failure::Refused(format!(
            "{}\n  the same command releases it when the cause is gone; or release it by hand",
            left.join("; ")
        )))
    }

    /// Releases what was loaded only to be counted, at the target.
    async fn release_target(
        &mut self,
        of_move: MoveId,
        wanted: &Collection,
    ) -> Result<(), Failure> {
        let steps = self.ledger(move |ledger| ledger.steps(of_move)).await?;
        // Only what this move loaded itself: one that is in use stays so, whatever the source is by now.
        if steps.get(RELEASE_TARGET) != Some(&StepState::Started) {
            return Ok(());
        }
        let ending = self.loaded_in_the_end(&steps, wanted);
        let partitions: Vec<String> = match &ending {
            Loaded::All => return self.done(of_move, RELEASE_TARGET, "").await,
            Loaded::Nothing => Vec::new(),
            Loaded::Partitions(keep) => {
                wanted.all_partitions().into_iter().filter(|name| !keep.contains(name)).collect()
            }
        };
        if partitions.is_empty() && ending != Loaded::Nothing {
            return self.done(of_move, RELEASE_TARGET, "").await;
        }
        self.step("release").await;
        self.target.release(&wanted.database, &wanted.name, &partitions).await?;
        self.done(of_move, RELEASE_TARGET, "").await
    }

    /// What of the target is loaded in the end. Where that is as at the source, and an earlier run
    /// loaded the source for the copy, its note says how the source was found.
    pub(super) fn loaded_in_the_end(
        &self,
        steps: &BTreeMap<String, StepState>,
        wanted: &Collection,
    ) -> Loaded {
        let ending = &self.change.ending;
        let note = steps.keys().find_map(|step| step.strip_prefix(LOAD_SOURCE));
        let Some(note) = note.filter(|_| ending.as_source) else { return ending.loaded.clone() };
        let unloaded: Vec<&str> = note.split(',').filter(|name| !name.is_empty()).collect();
        if unloaded.is_empty() {
            return Loaded::Nothing;
        }
        if !self.change.settings.by_partition {
            return ending.loaded.clone();
        }
        let selected = self.change.settings.partitions.as_ref();
        let mut loaded = wanted.all_partitions();
        loaded.retain(|name| {
            selected.is_none_or(|names| names.contains(name)) && !unloaded.contains(&name.as_str())
        });
        if loaded.is_empty() { Loaded::Nothing } else { Loaded::Partitions(loaded) }
    }

    /// Releases what was loaded only for the copy, at the source.
    async fn leave_as_found(
        &mut self,
        of_move: MoveId,
        source: &SourceState,
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
        self.source.release(&from.database, &from.name, &partitions).await?;
        self.done(of_move, RELEASE_SOURCE, "").await
    }
}

/// A server with too few nodes for the replicas refuses to load, and does not name the setting.
fn too_many(replicas: u32, error: milvus::Error) -> Failure {
    if replicas < 2 || !matches!(error.kind, Kind::Other | Kind::Invalid) {
        return error.into();
    }
    Failure::Refused(format!(
        "{error}\n  each of {replicas} replicas needs a query node of its own: give fewer with \
         `replicas` in the plan file, or give the target more nodes"
    ))
}

fn asked(load: &Load, address: &str) -> Result<(), Failure> {
    load.refusal(address).map_or(Ok(()), |why| Err(Failure::Refused(why)))
}

async fn wait_until_loaded(
    client: &Client,
    collection: &Collection,
    partitions: &[String],
    stop: &tokio_util::sync::CancellationToken,
) -> Result<(), Failure> {
    let started = Instant::now();
    let mut at_work = Instant::now();
    loop {
        match client.load_state_of_all(collection, partitions).await {
            Ok(LoadState::Loaded) => return Ok(()),
            Ok(LoadState::NotLoaded) => {}
            Ok(LoadState::Loading) => at_work = Instant::now(),
            Err(error) if error.kind == Kind::NotReady => at_work = Instant::now(),
            Err(error) => return Err(error.into()),
        }
        if at_work.elapsed() > GIVEN_UP {
            return Err(Failure::Refused(format!(
                "{} was to be loaded, and the server does not load it; see the server's log, then \
                 run the same command again",
                collection.address()
            )));
        }
        pause(stop, started, &format!("{} to be loaded", collection.address())).await?;
    }
}
