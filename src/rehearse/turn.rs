//! One collection's turn: its steps in order, and the end of what it made.

use std::time::Instant;

use super::outcome::{Rehearsed, Step, StepOutcome, StepStatus};
use super::steps::Work;
use super::write::Written;
use super::{Run, scratch};
use crate::changes::CollectionChange;
use crate::milvus::{self, Kind};

/// What a step did not come to its end by.
#[derive(Debug)]
pub(super) enum Fault {
    /// We were asked to stop.
    Stopped,
    /// It failed.
    Failed { text: String, advice: String, unreachable: bool },
    /// It is not tried; why.
    Skipped(String),
}

impl Fault {
    pub(super) fn failed(text: impl Into<String>, advice: impl Into<String>) -> Self {
        Self::Failed { text: text.into(), advice: advice.into(), unreachable: false }
    }
}

impl From<milvus::Error> for Fault {
    fn from(error: milvus::Error) -> Self {
        if error.kind == Kind::Cancelled {
            return Self::Stopped;
        }
        let unreachable = error.is_access() && error.kind != Kind::PermissionDenied;
        let advice = error.advice().to_owned();
        Self::Failed { text: error.to_string(), advice, unreachable }
    }
}

/// No further step is begun.
pub(super) struct Over;

/// What the steps of a collection came to.
struct Notes<'a> {
    run: &'a Run<'a>,
    out: Rehearsed,
}

impl Notes<'_> {
    /// Does a step, and notes what it came to. One that is given up half-way leaves nothing that the
    /// end of the scratch collection does not end too.
    async fn step<T>(
        &mut self,
        step: Step,
        work: impl Future<Output = Result<(T, String), Fault>>,
    ) -> Result<Option<T>, Over> {
        let token = self.run.stop.clone();
        let stopped = async {
            tokio::select! {
                biased;
                () = token.cancelled() => Err(Fault::Stopped),
                done = work => done,
            }
        };
        self.step_whole(step, stopped).await
    }

    /// The same of a step that is not given up half-way.
    async fn step_whole<T>(
        &mut self,
        step: Step,
        work: impl Future<Output = Result<(T, String), Fault>>,
    ) -> Result<Option<T>, Over> {
        (self.run.tell)(&self.out.target, step);
        let started = Instant::now();
        let done = work.await;
        self.note(step, started, done)
    }

    fn note<T>(
        &mut self,
        step: Step,
        started: Instant,
        done: Result<(T, String), Fault>,
    ) -> Result<Option<T>, Over> {
        let seconds = started.elapsed().as_secs_f64();
        let (status, text, advice, value) = match done {
            Ok((value, text)) => (StepStatus::Ok, text, String::new(), Some(value)),
            Err(Fault::Skipped(why)) => (StepStatus::Skipped, why, String::new(), None),
            Err(Fault::Stopped) => {
                (StepStatus::Skipped, INTERRUPTED.to_owned(), String::new(), None)
            }
            Err(Fault::Failed { text, advice, unreachable }) => {
                self.out.unreachable |= unreachable;
                (StepStatus::Failed, text, advice, None)
            }
        };
        self.out.steps.push(StepOutcome { step, status, text, advice, seconds });
        if self.run.stop.is_cancelled() || self.out.unreachable { Err(Over) } else { Ok(value) }
    }

    /// Notes that the steps that are left, but for the last, are not tried.
    fn skip_rest(&mut self, why: &str) {
        for step in Step::ALL {
            let last = step == Step::DropCollection;
            if !last && self.out.step(step).is_none() {
                self.skip(step, why);
            }
        }
    }

    fn skip(&mut self, step: Step, why: &str) {
        let (text, advice) = (why.to_owned(), String::new());
        let status = StepStatus::Skipped;
        self.out.steps.push(StepOutcome { step, status, text, advice, seconds: 0.0 });
    }
}

/// Why a step was not tried.
const INTERRUPTED: &str = "it was interrupted";
const NOT_MADE: &str = "the scratch collection was not made";
const NO_ROWS: &str = "no row was written";
const NOT_LOADED: &str = "the scratch collection is not loaded";

/// Rehearses one collection. Whatever becomes of it, what it made is deleted in the end.
pub(super) async fn rehearse(run: &Run<'_>, change: &CollectionChange) -> Rehearsed {
    let (from, to) = (&change.source_address, &change.target_address);
    let (Some(source), Some(wanted)) = (&change.source, &change.wanted) else {
        return Rehearsed::skipped(from, to, "it is not at the source".to_owned());
    };
    // A database that is not there yet is made by `apply` only.
    let database = if change.create_database { DEFAULT_DATABASE } else { &wanted.database };
    let scratch = scratch::of(wanted, &run.migration.name, database, &run.begun);
    let mut notes = Notes { run, out: Rehearsed::of(from, to) };
    notes.out.scratch = Some(scratch.address());
    let mut work = Work::new(run, change, source, scratch);
    if Box::pin(steps(&mut notes, &mut work)).await.is_err() {
        let why = if run.stop.is_cancelled() { INTERRUPTED } else { "a server could not be used" };
        notes.skip_rest(why);
    }
    if work.may_be_there {
        // Over or not: nothing is left that this rehearsal made.
        let _ = notes.step_whole(Step::DropCollection, work.drop_scratch()).await;
        if notes.out.step(Step::DropCollection).is_some_and(|at| at.status == StepStatus::Failed) {
            notes.out.left.push(format!(
                "the scratch collection {} is left at the target: the next rehearsal of this plan \
                 deletes it, or `rehearse --clean`",
                work.scratch.address()
            ));
        }
    } else {
        notes.skip(Step::DropCollection, NOT_MADE);
    }
    if let Err(error) = work.release_source().await {
        notes.out.left.push(format!(
            "{from} was loaded at the source for the rehearsal and is not released: {error}; release \
             it by hand"
        ));
    }
    notes.out.steps.sort_by_key(|outcome| outcome.step);
    notes.out
}

/// The database that every server has.
const DEFAULT_DATABASE: &str = "default";

async fn steps(notes: &mut Notes<'_>, work: &mut Work<'_>) -> Result<(), Over> {
    let keys = notes.step(Step::ReadRows, Box::pin(work.choose())).await?;
    let Some(id) = notes.step_whole(Step::CreateCollection, Box::pin(work.create())).await? else {
        notes.skip_rest(NOT_MADE);
        return Ok(());
    };
    notes.step(Step::CreatePartitions, Box::pin(work.create_partitions())).await?;
    let mut written = super::sample::Keys::new();
    match keys {
        None => notes.skip(Step::WriteRows, "no row was read"),
        Some(keys) => {
            (notes.run.tell)(&notes.out.target, Step::WriteRows);
            let started = Instant::now();
            let stop = notes.run.stop.clone();
            let (rows, done) = tokio::select! {
                biased;
                () = stop.cancelled() => (Written::default(), Err(Fault::Stopped)),
                done = Box::pin(work.write(&keys)) => done,
            };
            notes.out.measured = (rows.measured.rows > 0).then_some(rows.measured);
            let all = work.change.rows_to_copy();
            notes.out.estimate = all.and_then(|all| rows.measured.estimate(all));
            written = rows.keys;
            notes.note(Step::WriteRows, started, done)?;
        }
    }
    notes.step(Step::CreateIndexes, Box::pin(work.create_indexes())).await?;
    let loaded = notes.step(Step::Load, Box::pin(work.load())).await?;
    let why = if written.is_empty() { NO_ROWS } else { NOT_LOADED };
    if loaded.is_none() || written.is_empty() {
        notes.skip_rest(why);
        return Ok(());
    }
    notes.step(Step::CompareRows, Box::pin(work.compare(id, &written))).await?;
    notes.step(Step::Upsert, Box::pin(work.upsert(&written))).await?;
    notes.step(Step::Delete, Box::pin(work.delete(&written))).await?;
    notes.step(Step::InsertWithoutKey, Box::pin(work.insert_without_key(&written))).await?;
    notes.step(Step::Search, Box::pin(work.search())).await?;
    Ok(())
}
