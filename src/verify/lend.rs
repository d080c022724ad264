//! What is loaded for a comparison, and released again: by the ledger also where that was killed.

use std::time::{Duration, Instant};

use super::ends::{Ends, Side};
use super::{Error, Subject};
use crate::copy::identity::{self, Place};
use crate::ledger::StepState;
use crate::milvus::{Kind, Result};
use crate::model::LoadState;

/// How long a server may take to load a collection.
const LOAD_LIMIT: Duration = Duration::from_secs(3600);
/// Time between two questions about it.
const ASK_AGAIN: Duration = Duration::from_millis(200);
/// How long a release may take.
const RELEASE_LIMIT: Duration = Duration::from_secs(60);

/// What may be loaded for the comparison.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Lend {
    /// The source, as the plan file says.
    pub source: bool,
    /// The target, which is not to stay loaded.
    pub target: bool,
    /// Whether the target is to be loaded as the source is.
    pub as_source: bool,
}

/// What was loaded of one end: these partitions, or all where there are none.
pub(super) struct Lent {
    side: Side,
    partitions: Vec<String>,
    step: String,
}

/// The step of a move that notes what is to be released, followed by which partitions.
fn step(side: Side) -> &'static str {
    match side {
        Side::Source => "verify_load_source:",
        Side::Target => "verify_load_target:",
    }
}

/// Loads what may be loaded and is not; what has to be released again is noted first, and is in
/// `lent` whatever becomes of it. How a killed comparison found the ends is put into `subject`.
pub(super) async fn load(
    ends: &Ends,
    subject: &mut Subject,
    lent: &mut Vec<Lent>,
) -> std::result::Result<(), Error> {
    for side in [Side::Source, Side::Target] {
        let may = match side {
            Side::Source => subject.lend.source,
            Side::Target => subject.lend.target,
        };
        if let Some(partitions) = left_loaded(ends, side).await? {
            // A source that is loaded by that makes the target look as if it were to stay so. One that
            // stays loaded does not.
            let source_goes = lent.iter().any(|lent| lent.side == Side::Source);
            let follows = side == Side::Target && subject.lend.as_source && source_goes;
            if !may && !follows {
                // It is to stay loaded by now, or is not ours to release any more.
                tracing::warn!(
                    "{} was loaded for a comparison that was killed, and stays loaded.",
                    ends.address(side)
                );
                note(ends, &format!("{}{}", step(side), partitions.join(",")), StepState::Done)
                    .await?;
                continue;
            }
            if partitions.is_empty() {
                found_unloaded(subject, side);
            }
            let step = format!("{}{}", step(side), partitions.join(","));
            lent.push(Lent { side, partitions, step });
        } else if !may {
            continue;
        }
        // Of no use where the source cannot be read.
        if side == Side::Target && !ends.not_loaded(Side::Source).await?.is_empty() {
            continue;
        }
        let unloaded = ends.not_loaded(side).await?;
        if unloaded.is_empty() {
            continue;
        }
        let (database, name) = ends.names(side);
        let whole = unloaded.contains(&None);
        if !lent.iter().any(|lent| lent.side == side) {
            let partitions: Vec<String> =
                if whole { Vec::new() } else { unloaded.iter().flatten().cloned().collect() };
            let step = format!("{}{}", step(side), partitions.join(","));
            note(ends, &step, StepState::Started).await?;
            lent.push(Lent { side, partitions, step });
        }
        let client = ends.client(side);
        tracing::info!(database, collection = name, "Loaded for the comparison.");
        let selected = ends.read_partitions(side);
        let loading = client.load_rest(ends.collection(side), &selected, 0).await;
        let loading = loading.map_err(|error| Error::read(|| ends.address(side), error))?;
        if let Some(why) = loading.refusal(&ends.address(side)) {
            return Err(Error::NotLoadable(why));
        }
        let began = Instant::now();
        while !ends.not_loaded(side).await?.is_empty() {
            if began.elapsed() > LOAD_LIMIT {
                return Err(Error::NotLoaded(ends.address(side)));
            }
            tokio::select! {
                () = ends.check.stop.cancelled() => return Err(Error::Stopped),
                () = tokio::time::sleep(ASK_AGAIN) => {}
            }
        }
    }
    Ok(())
}

/// Releases it. What cannot be released is said, with how it is.
pub(super) async fn release(ends: &Ends, lent: &[Lent]) -> Vec<String> {
    let mut failed = Vec::new();
    let replaced = if lent.is_empty() { None } else { replaced(ends).await };
    let is_noted = ends.check.ledger.is_some() && ends.subject.of_move.is_some();
    for Lent { side, partitions, step } in lent.iter().rev() {
        let address = ends.address(*side);
        // By its name: that of another collection now, which is not ours to release. The source is
        // held against what it was first, so that of a target behind it nothing is known.
        if replaced.is_some_and(|place| place == Place::Source || *side == Side::Target) {
            failed.push(format!(
                "{address} was loaded for the comparison, and was not released: its name may mean \
                 another collection by now; release the one that was compared by hand"
            ));
            continue;
        }
        let (database, name) = ends.names(*side);
        let client = ends.client(*side);
        let released = release_within(client.release(database, name, partitions)).await;
        match released {
            Ok(()) => {
                if let Err(error) = note(ends, step, StepState::Done).await {
                    failed.push(format!(
                        "{address} is released, and that could not be noted: {error}"
                    ));
                }
            }
            Err(why) => {
                let way = if is_noted {
                    "the next `verify` that has the ledger does it, or release it by hand"
                } else {
                    "release it by hand"
                };
                failed.push(format!(
                    "{address} was loaded for the comparison and is not released yet: {why}; {way}"
                ));
            }
        }
    }
    failed
}

/// Which end is another collection by now.
async fn replaced(ends: &Ends) -> Option<Place> {
    match tokio::time::timeout(RELEASE_LIMIT, Box::pin(ends.identity().confirm())).await {
        Ok(Err(identity::Error::Replaced(replaced))) => Some(replaced.place),
        _ => None,
    }
}

async fn release_within(
    release: impl Future<Output = Result<()>>,
) -> std::result::Result<(), String> {
    match tokio::time::timeout(RELEASE_LIMIT, Box::pin(release)).await {
        Ok(Err(error)) if error.kind != Kind::Missing => Err(error.to_string()),
        Ok(_) => Ok(()),
        Err(_) => Err("the server does not answer in time".to_owned()),
    }
}

/// How a comparison found an end before it was killed: all of it was not loaded.
fn found_unloaded(subject: &mut Subject, side: Side) {
    match side {
        Side::Source => {
            subject.from_load = LoadState::NotLoaded;
            if subject.lend.as_source {
                subject.wishes.load = Some(LoadState::NotLoaded);
            }
        }
        Side::Target => subject.to_load = LoadState::NotLoaded,
    }
}

/// What a comparison loaded that was killed: partitions, or all where there are none.
async fn left_loaded(ends: &Ends, side: Side) -> std::result::Result<Option<Vec<String>>, Error> {
    let (Some(ledger), Some(of_move)) = (&ends.check.ledger, ends.subject.of_move) else {
        return Ok(None);
    };
    let steps = ledger.with(move |ledger| ledger.steps(of_move)).await?;
    Ok(steps.iter().find_map(|(name, state)| {
        let partitions = name.strip_prefix(step(side))?;
        let names = partitions.split(',').filter(|name| !name.is_empty());
        (*state == StepState::Started).then(|| names.map(str::to_owned).collect())
    }))
}

async fn note(ends: &Ends, step: &str, state: StepState) -> std::result::Result<(), Error> {
    let (Some(ledger), Some(of_move)) = (&ends.check.ledger, ends.subject.of_move) else {
        return Ok(());
    };
    let step = step.to_owned();
    ledger
        .with(move |ledger| match state {
            StepState::Started => ledger.step_started(of_move, &step, ""),
            StepState::Done => ledger.step_done(of_move, &step, ""),
        })
        .await?;
    Ok(())
}
