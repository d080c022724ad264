//! Every range of a collection, several at a time.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::{Mutex, mpsc};
use tokio::task::JoinSet;

use super::part::{Compared, Part};
use super::ranges::{Known, Ranged, Source};
use super::{RangeComparison, Rows, WAITING, Way};
use crate::verify::account::Account;
use crate::verify::ends::{Ends, Moments};
use crate::verify::result::{Basis, Content, Mode, Repair};
use crate::verify::resume::Resume;
use crate::verify::{Error, Event};

/// What was compared before, and is not again.
pub(in crate::verify) type Before = Arc<Known>;

/// What the tasks tell.
pub(super) enum Told {
    /// A range, or a part of one, was compared.
    Part(Box<RangeComparison>),
    /// A range was compared to its end.
    Range(Box<Ranged>, Compared),
    /// Rows that differed were brought up to date.
    Mended(Repair),
    /// A range had been compared before.
    Before(Option<String>, u64),
}

/// What a full comparison found.
pub(in crate::verify) struct Full {
    pub(in crate::verify) content: Content,
    /// Rows of the source and of the target, by scope; absent where that end was not read.
    pub(in crate::verify) rows: BTreeMap<Option<String>, (Option<u64>, Option<u64>)>,
    /// Ranges of the source that were found equal, and what they held, where its server does not tell
    /// its collections apart.
    pub(in crate::verify) seen: Vec<Ranged>,
    /// Why it ended early.
    pub(in crate::verify) failure: Option<Error>,
}

/// Compares every row.
pub(in crate::verify) async fn full(
    ends: &Ends,
    at: Moments,
    wanted: Basis,
    account: &mut Account,
) -> Full {
    let (rows, seen) = (BTreeMap::new(), Vec::new());
    let mut full = Full { content: Content::nothing(wanted), rows, seen, failure: None };
    full.failure = Box::pin(run(ends, at, wanted, account, &mut full)).await.err();
    account.write(&mut full.content);
    full
}

async fn run(
    ends: &Ends,
    at: Moments,
    wanted: Basis,
    account: &mut Account,
    full: &mut Full,
) -> Result<(), Error> {
    let Full { content, rows, seen, .. } = full;
    let mut resume = Resume::open(ends, Mode::Full, wanted).await?;
    let source = Source::of(ends, resume.rows_of_a_range()).await?;
    // Without the chunks there is nothing but the source to compare with.
    content.basis = match source {
        Source::Ledger(_) => wanted,
        Source::Scan(_) => Basis::Source,
    };
    resume.ranges_have(source.rows()).await?;
    let before: Before = Arc::new(resume.take_known());
    let way = match content.basis {
        Basis::Source => Way::Both,
        Basis::Ledger => Way::TargetFirst,
        Basis::Changes => Way::SourceFirst,
    };
    let (sender, mut told) = mpsc::channel(WAITING);
    let comparing = compare_all(ends.clone(), at, way, source, before, sender);
    let target = ends.subject.to.address();
    let gather = async {
        let mut failure = None;
        while let Some(next) = told.recv().await {
            match next {
                Told::Part(part) => {
                    for row in part.differences {
                        account.add(row.clone());
                        let row = Box::new(row);
                        ends.tell(Event::Different { target: target.clone(), row }).await;
                    }
                }
                Told::Range(ranged, compared) => {
                    content.ranges += 1;
                    content.rows += compared.rows;
                    content.unequal_ranges += u64::from(!compared.equal);
                    let of_scope = rows.entry(ranged.scope.clone()).or_insert((Some(0), Some(0)));
                    of_scope.0 = of_scope.0.zip(compared.source).map(|(sum, more)| sum + more);
                    of_scope.1 = of_scope.1.zip(compared.target).map(|(sum, more)| sum + more);
                    if compared.equal
                        && ends.identity().source_id() == 0
                        && let Some(rows) = compared.source
                    {
                        let copied = Some(Rows { rows, digest: compared.digest });
                        seen.push(Ranged { copied, unsure: None, ..(*ranged).clone() });
                    }
                    if compared.equal
                        && failure.is_none()
                        && let Err(error) = resume.equal(ends, &ranged, &compared).await
                    {
                        failure = Some(error);
                    }
                }
                Told::Mended(more) => {
                    let repair = content.repair.get_or_insert_default();
                    repair.copied += more.copied;
                    repair.bytes += more.bytes;
                    repair.deleted += more.deleted;
                    repair.rounds = repair.rounds.max(more.rounds);
                }
                Told::Before(scope, known) => {
                    content.ranges += 1;
                    content.ranges_before += 1;
                    content.rows += known;
                    let of_scope = rows.entry(scope).or_insert((Some(0), Some(0)));
                    if content.basis == Basis::Ledger {
                        of_scope.0 = None;
                    }
                    of_scope.0 = of_scope.0.map(|sum| sum + known);
                    of_scope.1 = of_scope.1.map(|sum| sum + known);
                }
            }
        }
        failure
    };
    let (compared, failure) = tokio::join!(comparing, gather);
    // What was found equal stays so for the next attempt, however this one ended.
    let noted = resume.flush(ends).await;
    compared?;
    if let Some(error) = failure {
        return Err(error);
    }
    noted?;
    resume.finish().await
}

/// Compares all ranges and tells what was found; ends with the first failure.
pub(super) async fn compare_all(
    mut ends: Ends,
    at: Moments,
    way: Way,
    source: Source,
    before: Before,
    told: mpsc::Sender<Told>,
) -> Result<(), Error> {
    // The first failure stops the other tasks.
    ends.check.stop = ends.check.stop.child_token();
    let halt = ends.check.stop.clone();
    let _guard = halt.clone().drop_guard();
    let part = Part::of(ends.clone(), at).await?;
    let (ranges, waiting) = mpsc::channel::<Ranged>(WAITING);
    let waiting = Arc::new(Mutex::new(waiting));
    let mut tasks: JoinSet<Result<(), Error>> = JoinSet::new();
    let parallelism = ends.check.limits.parallelism.max(1);
    tasks.spawn(async move { source.send(&ends, &at, &ranges).await });
    for _ in 0..parallelism {
        let worker = Worker {
            part: part.clone(),
            way,
            before: before.clone(),
            waiting: waiting.clone(),
            told: told.clone(),
        };
        tasks.spawn(worker.run());
    }
    drop((told, part, waiting));
    let mut first: Option<Error> = None;
    while let Some(ended) = tasks.join_next().await {
        let result = match ended {
            Ok(result) => result,
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        };
        if let Err(error) = result {
            halt.cancel();
            // What stopped the others says more than that they stopped.
            if first.as_ref().is_none_or(|first| matches!(first, Error::Stopped)) {
                first = Some(error);
            }
        }
    }
    first.map_or(Ok(()), Err)
}

pub(super) struct Worker {
    pub(super) part: Part,
    pub(super) way: Way,
    before: Before,
    waiting: Arc<Mutex<mpsc::Receiver<Ranged>>>,
    pub(super) told: mpsc::Sender<Told>,
}

impl Worker {
    async fn run(self) -> Result<(), Error> {
        let (parts, mut found) = mpsc::channel::<RangeComparison>(1);
        let told = self.told.clone();
        let pass_on = async move {
            while let Some(part) = found.recv().await {
                let _ = told.send(Told::Part(Box::new(part))).await;
            }
        };
        let compare = async move {
            loop {
                let next = async { self.waiting.lock().await.recv().await };
                let ranged = tokio::select! {
                    biased;
                    () = self.part.ends.check.stop.cancelled() => return Err(Error::Stopped),
                    ranged = next => ranged,
                };
                let Some(ranged) = ranged else { return Ok(()) };
                if let Some(rows) = self.known(&ranged) {
                    let _ = self.told.send(Told::Before(ranged.scope, rows)).await;
                    self.part.tell(rows, 0).await;
                    continue;
                }
                let compared = match self.part.ends().check.repair {
                    Some(_) => Box::pin(self.mend(&ranged, &parts)).await?,
                    None => Box::pin(self.part.compare(&ranged, self.way, &parts)).await?,
                };
                let _ = self.told.send(Told::Range(Box::new(ranged), compared)).await;
            }
        };
        let (compared, ()) = tokio::join!(compare, pass_on);
        compared
    }

    /// Rows of a range that was compared before.
    fn known(&self, ranged: &Ranged) -> Option<u64> {
        if self.before.is_empty() {
            return None;
        }
        self.before.get(&(ranged.scope.clone(), ranged.range.clone())).copied()
    }
}
