//! One collection after the other, several at a time.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use tokio::sync::{Mutex, Semaphore};
use tokio::task::JoinSet;

use super::account::Account;
use super::content::spots::{self, Spots};
use super::ends::{self, Ends};
use super::explain::{Context, code};
use super::numbers::{Compared, Numbers};
use super::result::{Basis, Content, Explanation, Mode, RowCounts, Status, Verification};
use super::{Check, Error, Event, Subject, compare_schema, content, lend, sample, search_parity};
use crate::ledger::{ChunkId, utc_at};
use crate::milvus::{Client, Repeated, Watcher};

/// Verifies collections, several at a time; the results are in their order.
pub async fn verify(check: &Check, subjects: &[Subject], basis: Basis) -> Vec<Verification> {
    let turns = Arc::new(Semaphore::new(check.limits.parallel_collections.max(1)));
    let lent = lent_sources(subjects);
    let mut tasks = JoinSet::new();
    for (place, subject) in subjects.iter().enumerate() {
        let (check, subject, turns) = (watched(check, subject), subject.clone(), turns.clone());
        let source = lent.get(&subject.from.address()).cloned();
        tasks.spawn(async move {
            // Before the turn, so that nobody who waits for a source keeps another from its turn.
            let _alone = match &source {
                Some(source) => Some(source.lock().await),
                None => None,
            };
            let _turn = turns.acquire_owned().await;
            (place, verify_collection(&check, &subject, basis).await)
        });
    }
    let mut found = BTreeMap::new();
    while let Some(ended) = tasks.join_next().await {
        match ended {
            Ok((place, verification)) => found.insert(place, verification),
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        };
    }
    found.into_values().collect()
}

/// The same with clients that tell what is called again for this collection.
fn watched(check: &Check, subject: &Subject) -> Check {
    let client = |client: &Client, end: &'static str| {
        let (events, target) = (check.events.clone(), subject.to.address());
        client.clone().watched(Watcher::new(move |Repeated { reason, left }| {
            let (target, until) = (target.clone(), utc_at(SystemTime::now() + left));
            // Whoever shows them has enough to show.
            let _ = events.try_send(Event::Retried { target, end, reason, until });
        }))
    };
    let (source, target) = (client(&check.source, "source"), client(&check.target, "target"));
    Check { source, target, ..check.clone() }
}

/// Sources that may be loaded and released, and are compared with several targets: one after the
/// other has them.
fn lent_sources(subjects: &[Subject]) -> BTreeMap<String, Arc<Mutex<()>>> {
    let (mut once, mut often) = (BTreeSet::new(), BTreeMap::new());
    for subject in subjects.iter().filter(|subject| subject.lend.source) {
        if !once.insert(subject.from.address()) {
            often.insert(subject.from.address(), Arc::default());
        }
    }
    often
}

/// Verifies one collection.
pub async fn verify_collection(check: &Check, subject: &Subject, basis: Basis) -> Verification {
    // The standard library's only source of randomness.
    let seed = RandomState::new().hash_one(subject.to.address());
    verify_collection_by(check, subject, basis, seed).await
}

/// Verifies one collection; the seed chooses the rows of a sample.
pub async fn verify_collection_by(
    check: &Check,
    subject: &Subject,
    basis: Basis,
    seed: u64,
) -> Verification {
    let began = Instant::now();
    let target = subject.to.address();
    let started = Event::Started { target: target.clone(), rows: subject.rows };
    ends::tell(&check.events, started).await;
    let mut verification = Verification {
        source: subject.from.address(),
        target,
        status: Status::Unfinished,
        mode: check.mode,
        counts: Vec::new(),
        content: None,
        schema: Vec::new(),
        searches: Vec::new(),
        explanations: Vec::new(),
        unexplained: Vec::new(),
        failure: None,
        seconds: 0.0,
    };
    let mut account = Account::of(&subject.from);
    let compared = match Box::pin(Ends::of(check, subject)).await {
        Ok(ends) => {
            // On the heap: every layer of it would be in the caller's frame, several times over.
            match Box::pin(compare(&ends, basis, seed, &mut account, &mut verification)).await {
                Err(error) => Err(Box::pin(ends.cause_of(error)).await),
                compared => compared,
            }
        }
        Err(error) => Err(error),
    };
    verification.explanations.extend(account.explanations());
    verification.unexplained.splice(0..0, account.unexplained());
    verification.status = match &compared {
        Err(_) => Status::Unfinished,
        Ok(()) if !verification.unexplained.is_empty() || account.is_pending() => Status::Different,
        // What was loaded for it is loaded still.
        Ok(()) if verification.failure.is_some() => Status::Unfinished,
        Ok(()) => match &verification.content {
            Some(content) if content.is_repaired() => Status::Repaired,
            _ => Status::Verified,
        },
    };
    if let Err(error) = compared {
        if let Error::Identity(replaced) = &error
            && replaced.is_replaced()
        {
            // What was found is of two collections.
            verification.forget();
            let (code, message) = (code::REPLACED.to_owned(), replaced.to_string());
            verification.explanations.push(Explanation { code, message, rows: 0 });
        }
        if let Error::NotLoaded(_) = &error {
            let message = error.to_string();
            let code = code::NOT_LOADED.to_owned();
            verification.explanations.push(Explanation { code, message, rows: 0 });
        }
        let failure = format!("{error}: {}", error.advice());
        verification.failure = Some(match verification.failure.take() {
            Some(not_released) => format!("{failure}; {not_released}"),
            None => failure,
        });
    }
    verification.seconds = began.elapsed().as_secs_f64();
    let finished = Event::Finished(Box::new(verification.clone()));
    ends::tell(&check.events, finished).await;
    verification
}

async fn compare(
    ends: &Ends,
    basis: Basis,
    seed: u64,
    account: &mut Account,
    verification: &mut Verification,
) -> Result<(), Error> {
    if ends.subject.unread {
        Box::pin(compare_unread(ends, verification)).await?;
        return ends.confirm().await;
    }
    let (mut subject, mut lent) = (ends.subject.clone(), Vec::new());
    let compared = match Box::pin(lend::load(ends, &mut subject, &mut lent)).await {
        Ok(()) => {
            Box::pin(compare_loaded(ends, &subject, basis, seed, account, verification)).await
        }
        Err(error) => Err(error),
    };
    let kept = Box::pin(lend::release(ends, &lent)).await;
    if !kept.is_empty() {
        verification.failure = Some(kept.join("; "));
    }
    compared
}

async fn compare_loaded(
    ends: &Ends,
    subject: &Subject,
    basis: Basis,
    seed: u64,
    account: &mut Account,
    verification: &mut Verification,
) -> Result<(), Error> {
    let check = &ends.check;
    ends.require_loaded().await?;
    if !check.readable {
        Box::pin(ends.wait_until_readable()).await?;
    }
    let at = ends.fix_moments().await?;
    let (mut compared, mut of_content) = (None, basis);
    match check.mode {
        Mode::Counts => {}
        Mode::Sample => {
            let mut rows = Compared::new();
            let (content, failure) = sample::sample(ends, at, seed, account, &mut rows).await;
            of_content = content.basis;
            verification.content = Some(content);
            failure.map_or(Ok(()), Err)?;
            compared = Some(rows);
        }
        Mode::Full => {
            let full = content::full(ends, at, basis, account).await;
            of_content = full.content.basis;
            verification.content = Some(full.content);
            full.failure.map_or(Ok(()), Err)?;
            compared = Some(full.rows);
            spots::read_again(ends, spots::some_of(full.seen, seed)).await?;
        }
    }
    // Rows that were written just now are to be counted too.
    let repaired = verification.content.as_ref().is_some_and(Content::is_repaired);
    let at = if repaired { ends.fix_moments().await? } else { at };
    let context = Context::of(ends).await?;
    ends.confirm().await?;
    let numbers = Numbers {
        ends,
        at,
        context: &context,
        compared,
        basis: of_content,
        every_row: check.mode == Mode::Full,
    };
    verification.counts = numbers.count(account, &mut verification.unexplained).await?;
    Box::pin(compare_the_rest(check, subject, verification)).await?;
    ends.confirm().await
}

/// A source that no query can read: its schema is all that there is to compare, once both ends are
/// known to have no rows.
async fn compare_unread(ends: &Ends, verification: &mut Verification) -> Result<(), Error> {
    let Ends { check, subject, .. } = ends;
    verification.mode = Mode::Counts;
    for (client, of) in [(&check.source, &subject.from), (&check.target, &subject.to)] {
        let unreadable = |why| Error::Unreadable { place: of.address(), why };
        let failed = |error| Error::read(|| of.address(), error);
        if !subject.lend.source {
            return Err(unreadable("whether it has rows is not known"));
        }
        // Only flushed rows are in a statistic.
        match client.is_empty(&of.database, &of.name).await.map_err(failed)? {
            Some(true) => {}
            Some(false) => return Err(unreadable("it has rows")),
            None => return Err(unreadable("its server does not say whether it has rows")),
        }
    }
    verification.counts = vec![RowCounts {
        partition: None,
        source_count: Some(0),
        source_distinct: None,
        read: None,
        acknowledged: None,
        target_count: Some(0),
        target_distinct: None,
    }];
    let message = format!(
        "{} has a vector without an index, so that no query can read it; both ends were flushed, and \
         have no rows",
        subject.from.address()
    );
    let code = code::NOT_LOADED.to_owned();
    verification.explanations.push(Explanation { code, message, rows: 0 });
    let schema = compare_schema(check, subject, &subject.wishes).await;
    let schema = schema.map_err(|error| Error::read(|| subject.to.address(), error))?;
    verification.add_schema(schema);
    Ok(())
}

/// Reads a few ranges that were copied once more, where the source's server does not tell its
/// collections apart; nothing elsewhere.
///
/// # Errors
/// When it is another collection, or a call fails.
pub async fn compare_spots(
    check: &Check,
    subject: &Subject,
    seed: u64,
) -> Result<Option<Spots>, Error> {
    let ends = Ends::of(check, subject).await?;
    let Some(of_move) = subject.of_move.filter(|_| ends.identity().source_id() == 0) else {
        return Ok(None);
    };
    let ranges = spots::of_ledger(&ends, of_move, seed).await?;
    spots::read_again(&ends, ranges).await.map(Some)
}

/// Notes what the target holds of chunks that were written more than once, before others may write
/// into it.
///
/// # Errors
/// When a call fails, or an end is another collection by now.
pub async fn settle(check: &Check, subject: &Subject) -> Result<(), Error> {
    let ends = Ends::of(check, subject).await?;
    match subject.of_move {
        Some(of_move) => Box::pin(spots::settle(&ends, of_move)).await,
        None => Ok(()),
    }
}

/// Notes which rows are of this move in chunks that are to be written once more, into a target with rows
/// of others.
///
/// # Errors
/// When a call fails, or an end is another collection by now.
pub async fn note_ours(
    check: &Check,
    subject: &Subject,
    chunks: BTreeSet<ChunkId>,
) -> Result<(), Error> {
    let ends = Ends::of(check, subject).await?;
    match subject.of_move {
        Some(of_move) => Box::pin(spots::note_ours(&ends, of_move, chunks)).await,
        None => Ok(()),
    }
}

/// Schemas and searches.
async fn compare_the_rest(
    check: &Check,
    subject: &Subject,
    verification: &mut Verification,
) -> Result<(), Error> {
    let failed = |error| Error::read(|| subject.to.address(), error);
    if check.schema {
        let schema = compare_schema(check, subject, &subject.wishes).await.map_err(failed)?;
        verification.add_schema(schema);
    }
    let Some(search) = check.settings.search else { return Ok(()) };
    verification.searches = search_parity(check, subject, search).await.map_err(failed)?;
    let failing = verification.searches.iter().filter(|parity| !parity.passed);
    verification.unexplained.extend(failing.map(|parity| match &parity.note {
        Some(why) if parity.queries == 0 => format!("{} was not searched: {why}", parity.field),
        _ => format!(
            "searches in {} find {:.3} of what they find at the source; {} is asked for",
            parity.field, parity.overlap, parity.min_overlap
        ),
    }));
    Ok(())
}
