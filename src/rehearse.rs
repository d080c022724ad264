//! A rehearsal: the whole migration in small, on the user's own two servers. Of each collection a
//! sample of its rows goes into a scratch collection at the target, which is made as the target is to
//! be, indexed, loaded, compared, changed, searched and deleted again. What a step came to is noted,
//! with the server's own words where it refused.
//!
//! Nothing is written at the source. At the target nothing is touched but scratch collections: they
//! have a name of their own, and are told from others by it and by their description (`scratch`).

pub mod outcome;
mod sample;
mod scratch;
mod steps;
mod turn;
mod write;

use std::collections::BTreeSet;

use tokio_util::sync::CancellationToken;

use crate::changes::{Action, Changes, CollectionChange, Severity};
use crate::milvus::{self, Client};
use crate::model::Migration;

pub use outcome::{Rehearsed, Step, StepOutcome, StepStatus};
pub use scratch::{ABANDONED_HOURS, Begun, LONGEST_HOURS, Left, Whose, left_behind};

/// Keeps the names of scratch collections, for whoever cleans up after a rehearsal that is killed.
pub trait Journal: Sync {
    /// One is about to be made.
    ///
    /// # Errors
    /// When that is not kept: none is to be made then.
    fn made(&self, address: &str) -> Result<(), String>;

    /// One is deleted.
    ///
    /// # Errors
    /// When that is not kept.
    fn gone(&self, address: &str) -> Result<(), String>;
}

/// One rehearsal.
pub struct Run<'a> {
    /// What was asked for.
    pub migration: &'a Migration,
    /// Where rows come from.
    pub source: Client,
    /// Where they go.
    pub target: Client,
    /// Rows of each collection, at most.
    pub rows: usize,
    /// Which one it is.
    pub begun: Begun,
    /// Where its scratch collections are kept in mind.
    pub journal: &'a dyn Journal,
    /// Which rows are drawn where it does not matter.
    pub seed: u64,
    /// Told what is done, for people: the collection and the step.
    pub tell: &'a (dyn Fn(&str, Step) + Sync),
    /// Fires when the rehearsal is to end: what it made is deleted, and nothing else is begun.
    pub stop: CancellationToken,
}

/// Why a collection is not rehearsed; `None` where it is.
pub fn not_rehearsed(change: &CollectionChange) -> Option<String> {
    let errors: BTreeSet<&str> = change
        .findings
        .iter()
        .filter(|found| found.severity == Severity::Error)
        .map(|found| found.code.as_ref())
        .collect();
    if change.action == Action::Conflict || !errors.is_empty() {
        let codes: Vec<&str> = errors.into_iter().collect();
        let codes = if codes.is_empty() { change.reason.to_string() } else { codes.join(", ") };
        return Some(format!("`apply` would refuse it: {codes}"));
    }
    let finished = change.action == Action::Unchanged || change.is_finished();
    if finished {
        return Some("it is at the target already".to_owned());
    }
    let known = change.source.is_some() && change.wanted.is_some();
    (!known).then(|| "it is not at the source".to_owned())
}

/// Deletes what earlier rehearsals of this plan left behind.
///
/// # Errors
/// When the target cannot be asked, or does not delete it.
pub async fn clean(target: &Client, left: &[Left], journal: &dyn Journal) -> milvus::Result<()> {
    for left in left.iter().filter(|left| left.is_over()) {
        target.drop_collection(&left.database, &left.name).await?;
        is_gone(journal, &left.address());
    }
    Ok(())
}

/// What is recorded and not there any more harms nobody.
fn is_gone(journal: &dyn Journal, address: &str) {
    if let Err(error) = journal.gone(address) {
        tracing::warn!(address, error, "Not recorded that a scratch collection is deleted.");
    }
}

/// Rehearses one collection after the other, in the order of the changes.
pub async fn rehearse(run: &Run<'_>, changes: &Changes) -> Vec<Rehearsed> {
    let mut ended = Vec::new();
    let mut over: Option<String> = None;
    for change in &changes.collections {
        let (source, target) = (&change.source_address, &change.target_address);
        if let Some(reason) = not_rehearsed(change).or_else(|| over.clone()) {
            ended.push(Rehearsed::skipped(source, target, reason));
            continue;
        }
        if run.stop.is_cancelled() {
            ended.push(Rehearsed::skipped(source, target, "it was interrupted before".to_owned()));
            continue;
        }
        let rehearsed = Box::pin(turn::rehearse(run, change)).await;
        if rehearsed.unreachable {
            over = Some("a server could not be used any more".to_owned());
        }
        ended.push(rehearsed);
    }
    ended
}
