//! Carries changes out, several collections at a time, each in the same order: collection →
//! partitions → rows → indexes → load → counts → aliases. (Indexes before the rows cost the
//! server more: see `benches/README.md`; what a server refuses of them it is asked before the rows of
//! a large collection, see `asking`.) Every step is safe to run twice and is journaled; what happens is
//! told as one stream of [`Event`]s.

mod asking;
mod databases;
pub mod event;
mod finished;
mod identity;
mod loading;
mod ownership;
mod retries;
mod rows;
mod settings;
mod settled;
mod steps;
mod unread;
mod verification;

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use futures_util::stream::{self, StreamExt};
use tokio::sync::{Mutex, mpsc};
use tokio_util::sync::CancellationToken;

pub use event::{Event, Outcome, RowDiffers, Status};
pub use settings::TAKE_BACK;

use retries::Retries;

use crate::changes::{Action, Changes, CollectionChange, SourceState, Update};
use crate::copy::{Identity, Memory, SharedLedger};
use crate::ledger::{self, MoveEnds, MoveId, RunId};
use crate::milvus::{self, Client};
use crate::model::{Collection, Migration};
use crate::verify::{self, counts};

/// How long an event waits for whoever shows it.
const SHOW_LIMIT: Duration = Duration::from_secs(1);

/// The step of a move that a verification begins when rows differ, and that is done when they do no
/// more.
pub const REPAIR: &str = "repair";

/// The step of a move that begins when changes are carried over, and is done when both ends are the
/// same: one that is not done reads both ends the next time, whatever the ledger says.
pub const CATCH_UP: &str = "catch_up";

/// One run of `apply`.
pub struct Run<'a> {
    /// What was asked for.
    pub migration: &'a Migration,
    /// Where rows come from.
    pub source: Client,
    /// Where they go.
    pub target: Client,
    /// What was done before, and is done now.
    pub ledger: SharedLedger,
    /// This run in the ledger.
    pub id: RunId,
    /// Where events go.
    pub events: mpsc::Sender<Event>,
    /// Where rows go that differ.
    pub differing: mpsc::Sender<RowDiffers>,
    /// When the source's rows were counted for the changes.
    pub inspected_at: Instant,
    /// Fires when the run is to stop.
    pub stop: CancellationToken,
}

impl Run<'_> {
    /// Notes in the ledger how a collection's turn ended, for whoever looks there later.
    async fn note(&self, outcome: &Outcome) {
        let (kind, text) = match &outcome.status {
            Status::Unchanged => return,
            Status::Done => ("done", String::new()),
            Status::Stopped => ("stopped", String::new()),
            Status::CountsDiffer(differences) => ("counts_differ", differences.join("; ")),
            Status::RowsDiffer(differences) => ("rows_differ", differences.join("; ")),
            Status::SchemaDiffers(differences) => ("schema_differs", differences.join("; ")),
            Status::Failed(why) | Status::Owned(why) => ("failed", why.clone()),
            Status::Replaced(why) => ("replaced", why.clone()),
        };
        let text = format!("{} → {}: {text}", outcome.source, outcome.target);
        let id = self.id;
        let noted = self
            .ledger
            .with(move |ledger| ledger.note(id, None, kind, text.trim_end_matches(": ")))
            .await;
        if let Err(error) = noted {
            tracing::warn!(%error, "How it ended could not be noted in the ledger.");
        }
    }
}

/// Why a collection's turn ended early.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("{0}\n  {advice}", advice = .0.advice())]
    Milvus(milvus::Error),
    #[error("{0}\n  {advice}", advice = .0.advice())]
    Copy(crate::copy::Error),
    #[error("{0}\n  {advice}", advice = .0.advice())]
    Identity(crate::copy::identity::Error),
    #[error("{0}")]
    Ledger(#[from] ledger::Error),
    #[error("{0}")]
    Refused(String),
    /// Another run fills the target.
    #[error("{0}")]
    Owned(String),
    #[error("stopped")]
    Stopped,
}

impl From<milvus::Error> for Failure {
    fn from(error: milvus::Error) -> Self {
        match error.kind {
            milvus::Kind::Cancelled => Self::Stopped,
            _ => Self::Milvus(error),
        }
    }
}

impl From<crate::copy::Error> for Failure {
    fn from(error: crate::copy::Error) -> Self {
        match error {
            crate::copy::Error::Stopped => Self::Stopped,
            crate::copy::Error::Ledger(error) => Self::Ledger(error),
            crate::copy::Error::Identity(error) => error.into(),
            other => Self::Copy(other),
        }
    }
}

impl From<counts::Error> for Failure {
    fn from(error: counts::Error) -> Self {
        match error {
            counts::Error::Milvus(error) => error.into(),
            counts::Error::Ledger(error) => error.into(),
        }
    }
}

impl Failure {
    /// Whether the next collection would fail in the same way.
    fn concerns_all(&self) -> bool {
        use crate::copy::identity::Error::{Replaced, Unknown};
        match self {
            Self::Milvus(error)
            | Self::Copy(
                crate::copy::Error::Read { error, .. } | crate::copy::Error::Write { error, .. },
            )
            | Self::Identity(Unknown { error, .. }) => concerns_server(error),
            Self::Ledger(_) | Self::Stopped => true,
            Self::Copy(_) | Self::Refused(_) | Self::Owned(_) | Self::Identity(Replaced(_)) => {
                false
            }
        }
    }
}

/// Whether the server would answer in the same way about any other collection.
fn concerns_server(error: &milvus::Error) -> bool {
    use milvus::Kind;
    // A query or a write that takes too long may be so of this collection alone.
    let of_rows = ["Query", "Insert", "Upsert", "Delete"].contains(&error.rpc);
    let one = error.kind == Kind::PermissionDenied || (error.kind == Kind::Timeout && of_rows);
    let access = error.is_access() && !one;
    access || error.kind == Kind::QuotaExceeded
}

/// Carries out the pending changes: several collections at a time, the largest first, so that the
/// last ones are short. A failure of one collection does not keep the others from their turn, unless
/// it concerns a whole server or the ledger; then those that are not finished are stopped. The
/// outcomes are in the order of the changes.
pub async fn apply(run: &Run<'_>, changes: &Changes) -> Vec<Outcome> {
    let pending = || changes.collections.iter().filter(|change| change.is_pending());
    let started = Event::RunStarted {
        collections: pending().count(),
        rows: pending().map(CollectionChange::rows).sum(),
        rows_before: pending().map(CollectionChange::rows_before).sum(),
    };
    let _ = run.events.send_timeout(started, SHOW_LIMIT).await;
    let common = Common {
        memory: Memory::new(run.migration.copy.memory_limit.0),
        made_databases: Mutex::default(),
        lent_sources: lent_sources(run.migration, changes),
        halt: run.stop.child_token(),
    };
    let databases = databases::create(run, changes).await;
    let mut order: Vec<_> = changes.collections.iter().enumerate().collect();
    // One whose size is unknown may be the largest.
    let size = |change: &CollectionChange| change.bytes().or(change.rows()).unwrap_or(u64::MAX);
    order.sort_by_key(|(_, change)| std::cmp::Reverse(size(change)));
    let turns = order.into_iter().map(|(place, change)| {
        let turn = Turn::new(run, &common, change);
        async move { (place, turn.run_to_end().await) }
    });
    let at_a_time = run.migration.copy.parallel_collections.max(1);
    let mut ended: Vec<_> = stream::iter(turns).buffer_unordered(at_a_time).collect().await;
    ended.sort_by_key(|(place, _)| *place);
    databases.into_iter().chain(ended.into_iter().map(|(_, outcome)| outcome)).collect()
}

/// Sources that may be loaded for the copy, and are of more than one collection's turn.
fn lent_sources(migration: &Migration, changes: &Changes) -> BTreeMap<String, Mutex<()>> {
    let (mut once, mut often) = (BTreeSet::new(), BTreeMap::new());
    for change in changes.collections.iter().filter(|_| migration.load_source) {
        if !once.insert(&change.source_address) {
            often.insert(change.source_address.clone(), Mutex::new(()));
        }
    }
    often
}

/// What the turns of a run share.
struct Common {
    memory: Memory,
    /// Databases of the target that this run made. Whoever makes one holds the lock.
    made_databases: Mutex<BTreeSet<String>>,
    /// Source collections that several turns read and any of them may release in the end: one after
    /// the other has them.
    lent_sources: BTreeMap<String, Mutex<()>>,
    /// Fires when nothing new may be begun.
    halt: CancellationToken,
}

/// One collection's turn.
struct Turn<'a> {
    run: &'a Run<'a>,
    common: &'a Common,
    change: &'a CollectionChange,
    /// Where rows come from; what is called again is told.
    source: Client,
    /// Where they go.
    target: Client,
    /// Calls that were made again, at either end.
    retries: Retries,
    outcome: Outcome,
    /// The owner that our mark on the target names, while it is there.
    mark: Option<String>,
    /// Both ends, when the target is there.
    identity: Option<Identity>,
    /// Rows, bytes and chunks that arrived and were not told yet.
    untold: (u64, u64, u64),
    /// Whether it was noted that rows are about to be written.
    writes_begun: bool,
}

impl<'a> Turn<'a> {
    fn new(run: &'a Run<'a>, common: &'a Common, change: &'a CollectionChange) -> Self {
        let outcome = Outcome::of(&change.source_address, &change.target_address);
        let (untold, retries) = ((0, 0, 0), Retries::default());
        let target = &change.target_address;
        Self {
            run,
            common,
            change,
            source: retries.of(&run.source, "source", &run.events, target),
            target: retries.of(&run.target, "target", &run.events, target),
            retries,
            identity: None,
            mark: None,
            untold,
            writes_begun: false,
            outcome,
        }
    }

    async fn run_to_end(mut self) -> Outcome {
        if !self.change.is_pending() {
            self.tell(Event::CollectionFinished(Box::new(self.outcome.clone()))).await;
            return self.outcome;
        }
        let _alone = match self.common.lent_sources.get(&self.change.source_address) {
            Some(source) => Some(source.lock().await),
            None => None,
        };
        if self.common.halt.is_cancelled() {
            self.outcome.status = Status::Stopped;
            return self.outcome;
        }
        let started = Instant::now();
        let taken = match self.take().await {
            Err(failure) => Err(self.cause_of(failure).await),
            taken => taken,
        };
        self.outcome.status = match taken {
            Ok(()) => match (&self.outcome.verification, &self.outcome.counts) {
                (Some(found), _) if found.schema_differs() => {
                    Status::SchemaDiffers(found.in_words())
                }
                (Some(found), _) if found.status == verify::Status::Different => {
                    Status::RowsDiffer(found.in_words())
                }
                (_, Some(counts)) if !counts.unexplained.is_empty() => {
                    Status::CountsDiffer(counts.unexplained.clone())
                }
                _ => Status::Done,
            },
            Err(Failure::Stopped) => Status::Stopped,
            Err(Failure::Owned(why)) => Status::Owned(why),
            Err(Failure::Identity(error)) if error.is_replaced() => {
                Status::Replaced(Failure::Identity(error).to_string())
            }
            Err(failure) => {
                if failure.concerns_all() {
                    self.common.halt.cancel();
                }
                Status::Failed(failure.to_string())
            }
        };
        if let Some(text) = self.way_on() {
            self.warn(text).await;
        }
        self.outcome.retries = self.retries.count();
        self.outcome.elapsed = started.elapsed();
        self.run.note(&self.outcome).await;
        self.tell(Event::CollectionFinished(Box::new(self.outcome.clone()))).await;
        self.outcome
    }
}

impl Turn<'_> {
    async fn take(&mut self) -> Result<(), Failure> {
        let (Some(source), Some(wanted)) = (&self.change.source, &self.change.wanted) else {
            return Err(Failure::Refused("there is nothing to copy from".to_owned()));
        };
        self.tell(Event::CollectionStarted {
            source: self.change.source_address.clone(),
            target: self.change.target_address.clone(),
            rows: self.change.rows(),
            rows_before: self.change.rows_before(),
        })
        .await;
        let from = self.source_end(source).await?;
        if source.is_unread() {
            self.has_no_rows(source).await?;
        }
        if self.change.create_database {
            self.create_database(&wanted.database).await?;
        }
        let finished = self.change.known.as_ref().is_some_and(|known| known.finished)
            && self.change.action == Action::Resume;
        let of_move = self.the_move(source, wanted).await?;
        if finished {
            return Box::pin(self.go_on_finished(of_move, source, wanted, from)).await;
        }
        let fresh = self.make_collection(of_move, wanted).await?;
        self.hold_ends(of_move, from, wanted).await?;
        self.alter_properties(of_move, wanted).await?;
        self.set_properties_of_copy(of_move, wanted).await?;
        if source.is_unread() {
            return self.make_without_rows(of_move, source, wanted).await;
        }
        let asked = Box::pin(self.ask_target(of_move, wanted)).await?;
        self.load_source(of_move, source).await?;
        self.source_is_loaded(source).await?;
        if !self.change.load_source {
            let counted = (source.rows, self.run.inspected_at);
            self.wait_until_readable(&source.collection, counted).await?;
        }
        if self.change.action == Action::Resume && self.target_was_loaded() && !asked {
            Box::pin(self.compare_spots(of_move, source, wanted)).await?;
        }
        if self.is_shared(of_move).await? || !wanted.brings_keys() {
            // What it holds of others is looked at first; and where the server makes other keys, rows
            // that are written again are looked for.
            self.create_indexes(of_move, wanted).await?;
            self.load_whole_target(of_move, wanted).await?;
        }
        self.copy_rows(of_move, source, wanted, fresh).await?;
        self.create_indexes(of_move, wanted).await?;
        self.load_whole_target(of_move, wanted).await?;
        Box::pin(self.compare_spots(of_move, source, wanted)).await?;
        if self.change.update == Some(Update::CatchUp) {
            // Numbers mean nothing before rows went that the source has no more.
            self.verify_rows(of_move, source, wanted).await?;
            self.check_counts(of_move, source, wanted).await?;
        } else {
            self.check_counts(of_move, source, wanted).await?;
            self.verify_rows(of_move, source, wanted).await?;
            self.looked_at(wanted);
        }
        self.source_is_loaded(source).await?;
        let (counts, found) = (self.outcome.counts.as_ref(), self.outcome.verification.as_ref());
        let whole = counts.is_none_or(|counts| counts.unexplained.is_empty())
            && found.is_none_or(|found| found.status != verify::Status::Different);
        if whole {
            Box::pin(self.settle(of_move, source, wanted)).await?;
        }
        self.release_ends(of_move, source, wanted).await?;
        if whole {
            let counts = self.outcome.counts.as_ref();
            let json = serde_json::to_string(&counts).unwrap_or_default();
            self.finish(of_move, source, wanted, json).await?;
        }
        Ok(())
    }

    /// Ends a move of which every row is there, with its counts as JSON.
    async fn finish(
        &mut self,
        of_move: MoveId,
        source: &SourceState,
        wanted: &Collection,
        counts: String,
    ) -> Result<(), Failure> {
        self.confirm_ends().await?;
        self.still_owned(wanted).await?;
        self.writes_are_settled(of_move, wanted).await?;
        self.take_back_properties(of_move, wanted).await?;
        if self.hand_over(of_move, source, wanted, wanted).await? {
            self.confirm_ends().await?;
            self.unmark(of_move, wanted).await?;
            self.ledger(move |ledger| ledger.move_done(of_move, &counts)).await?;
        }
        Ok(())
    }

    /// The target without partitions that are new at the source since it was finished.
    fn without_new_partitions(&self, wanted: &Collection) -> Collection {
        let mut there = wanted.clone();
        if let Some(target) = &self.change.target {
            there.partitions.retain(|name| target.collection.partitions.contains(name));
        }
        there
    }

    fn ends(&self) -> MoveEnds {
        let split = |address: &str| {
            let (database, name) = address.split_once('/').unwrap_or(("default", address));
            (database.to_owned(), name.to_owned())
        };
        let (source_database, source_collection) = split(&self.change.source_address);
        let (target_database, target_collection) = split(&self.change.target_address);
        MoveEnds {
            source_endpoint: self.source.uri().to_owned(),
            source_database,
            source_collection,
            target_endpoint: self.target.uri().to_owned(),
            target_database,
            target_collection,
        }
    }

    async fn ledger<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut crate::ledger::Ledger) -> Result<T, ledger::Error> + Send + 'static,
    ) -> Result<T, Failure> {
        Ok(self.run.ledger.with(work).await?)
    }

    async fn tell(&self, event: Event) {
        // Nobody listening, or a screen that stands still, is no reason to stop.
        let _ = self.run.events.send_timeout(event, SHOW_LIMIT).await;
    }

    /// Tells of rows, together with those that could not be told before.
    fn tell_rows(&mut self, rows: u64, bytes: u64) {
        let (told_rows, told_bytes, told_chunks) = self.untold;
        self.untold = (told_rows + rows, told_bytes + bytes, told_chunks + 1);
        let (rows, bytes, chunks) = self.untold;
        let target = self.change.target_address.clone();
        if self.run.events.try_send(Event::Copied { target, rows, bytes, chunks }).is_ok() {
            self.untold = (0, 0, 0);
        }
    }

    async fn step(&self, what: &str) {
        tracing::info!(target = %self.change.target_address, step = what, "Step.");
        self.tell(Event::Step {
            target: self.change.target_address.clone(),
            what: what.to_owned(),
        })
        .await;
    }

    async fn warn(&mut self, text: String) {
        let target = self.change.target_address.clone();
        self.tell(Event::Warning { target, text: text.clone() }).await;
        self.outcome.warnings.push(text);
    }

    async fn begin(&self, of_move: MoveId, step: &str) -> Result<(), Failure> {
        let step = step.to_owned();
        self.ledger(move |ledger| ledger.step_started(of_move, &step, "")).await
    }

    async fn done(&self, of_move: MoveId, step: &str, detail: &str) -> Result<(), Failure> {
        let (step, detail) = (step.to_owned(), detail.to_owned());
        self.ledger(move |ledger| ledger.step_done(of_move, &step, &detail)).await
    }
}
