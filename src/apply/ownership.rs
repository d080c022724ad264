//! Who fills a target: it is marked before its first row is written, and the mark is taken away in
//! the end. Whoever finds the mark of another run stops.
//!
//! The request that creates a collection carries the mark, and servers refuse it where the
//! collection is there with another one: of two runs that start together one makes it. A collection
//! that is there already is marked with a property that no other ledger has; whoever sets its own
//! and then reads no other is alone, as of two that do so the later reads the earlier's.

use std::hash::{BuildHasher, RandomState};
use std::time::{Duration, Instant};

use super::{Failure, Turn};
use crate::changes::diff::TAKEN_OVER;
use crate::ledger::{MARK, MoveId, utc_now};
use crate::milvus::{self, Kind};
use crate::model::{Collection, Mark};

/// How long a run that marked first waits for one that marked later to take its mark away.
const WITHDRAWAL: Duration = Duration::from_secs(10);
/// Time between two looks at the marks.
const LOOK_AGAIN: Duration = Duration::from_millis(200);

/// A mark that could not be set, or not be taken away, and that the run does without.
fn is_not_let(error: &milvus::Error) -> bool {
    matches!(error.kind, Kind::Unsupported | Kind::PermissionDenied)
}

impl Turn<'_> {
    /// Creates the collection with a mark on it. Returns whether the mark is there: without it,
    /// another run may have been answered that it made the collection.
    pub(super) async fn create_marked(
        &mut self,
        of_move: MoveId,
        made: &Collection,
    ) -> Result<bool, Failure> {
        let target = &self.target;
        let (database, name) = (made.database.as_str(), made.name.as_str());
        let mark = self.our_mark(of_move).await?;
        if let Some(before) = target.describe_collection(database, name).await? {
            return Err(self.came_into_being(&before.marks, &mark));
        }
        if let Err(error) = target.create_marked(made, &mark).await {
            // The name is taken since; or the request was answered and the answer was lost, and
            // the server refuses to be asked again.
            let there = match error.kind {
                Kind::Cancelled => None,
                _ => target.describe_collection(database, name).await?,
            };
            match there {
                None => return Err(error.into()),
                Some(there) if has(&there.marks, &mark.owner) => {}
                Some(there) => return Err(self.came_into_being(&there.marks, &mark)),
            }
        }
        self.hold(of_move, made, mark, false).await
    }

    /// Marks a collection that is there, or finds the mark that an earlier run made on it.
    pub(super) async fn mark_existing(
        &mut self,
        of_move: MoveId,
        wanted: &Collection,
    ) -> Result<(), Failure> {
        let target = &self.target;
        let (database, name) = (wanted.database.as_str(), wanted.name.as_str());
        let mark = self.our_mark(of_move).await?;
        let marks = self.describe(wanted).await?.marks;
        let others: Vec<String> = marks
            .iter()
            .map(|other| other.owner.clone())
            .filter(|owner| *owner != mark.owner)
            .collect();
        // Those that the changes name and that are to be taken over. One that is newer is not.
        let planned = self.change.target.as_ref().map(|target| &target.marks);
        let taken_over = self.change.reason == TAKEN_OVER;
        if let Some(other) = marks.iter().find(|other| {
            other.owner != mark.owner
                && !(taken_over && planned.is_some_and(|planned| planned.contains(other)))
        }) {
            return Err(self.owned(other));
        }
        let ours = has(&marks, &mark.owner);
        if !ours && let Err(error) = target.mark(database, name, &mark).await {
            if !is_not_let(&error) {
                return Err(error.into());
            }
            self.warn(format!(
                "the target could not be marked as being filled ({error}): another run that writes \
                 into it at the same time would not be noticed"
            ))
            .await;
            return Ok(());
        }
        if !others.is_empty() {
            self.step("take over from another run").await;
            target.unmark(database, name, &others).await?;
        }
        self.hold(of_move, wanted, mark, !ours).await.map(drop)
    }

    /// Makes sure that a collection is empty which an earlier run is to have made, where nothing on it
    /// says that it did. Only flushed rows are in a statistic.
    pub(super) async fn holds_nothing_of_others(&self, wanted: &Collection) -> Result<(), Failure> {
        let owner = self.change.known.as_ref().and_then(|known| known.owner.clone());
        let marks = self.describe(wanted).await?.marks;
        if owner.is_some_and(|owner| has(&marks, &owner))
            || self.target.is_empty(&wanted.database, &wanted.name).await? == Some(true)
        {
            return Ok(());
        }
        Err(Failure::Refused(format!(
            "{} is there, an earlier run was to make it and did not note that it did, and it is not \
             known to be empty: somebody else may have made it\n  drop it to have it made anew, or \
             write into it with `existing = \"adopt\"`",
            self.change.target_address
        )))
    }

    /// Finds the mark of this ledger on a target whose copy an earlier run began.
    pub(super) async fn marked_still(
        &mut self,
        of_move: MoveId,
        wanted: &Collection,
    ) -> Result<(), Failure> {
        let known = self.change.known.as_ref();
        let marked = known.is_some_and(|known| known.marked);
        let owner = known.and_then(|known| known.owner.clone()).unwrap_or_default();
        if marked && !has(&self.describe(wanted).await?.marks, &owner) {
            return Err(self.mark_is_gone());
        }
        self.mark_existing(of_move, wanted).await
    }

    /// Sees to it that the target is still marked by this run, and by no other.
    pub(super) async fn still_owned(&self, wanted: &Collection) -> Result<(), Failure> {
        let Some(owner) = &self.mark else { return Ok(()) };
        let marks = self.describe(wanted).await?.marks;
        match marks.iter().find(|mark| mark.owner != *owner) {
            Some(other) => Err(self.owned(other)),
            None if has(&marks, owner) => Ok(()),
            None => Err(self.mark_is_gone()),
        }
    }

    /// Takes the mark away: the target is whole.
    pub(super) async fn unmark(
        &mut self,
        of_move: MoveId,
        wanted: &Collection,
    ) -> Result<(), Failure> {
        let Some(owner) = self.mark.take() else { return Ok(()) };
        let again = owner.clone();
        self.ledger(move |ledger| ledger.marking(of_move, &again)).await?;
        let target = &self.target;
        match target.unmark(&wanted.database, &wanted.name, &[owner]).await {
            // Milvus Lite 2 keeps it; `plan` says so to whoever finds it.
            Err(error) if error.kind == Kind::Unsupported => Ok(()),
            Err(error) if is_not_let(&error) => {
                let text = format!(
                    "the mark that it is being filled could not be taken away: {error}; other \
                     plans refuse to write into it until it is"
                );
                self.warn(text).await;
                Ok(())
            }
            other => Ok(other?),
        }
    }

    /// The mark of this ledger, recorded before any server is told.
    async fn our_mark(&self, of_move: MoveId) -> Result<Mark, Failure> {
        let candidate =
            format!("{:016x}", RandomState::new().hash_one(&self.change.target_address));
        let owner = self.ledger(move |ledger| ledger.marking(of_move, &candidate)).await?;
        Ok(Mark { since: utc_now(), owner, plan: self.run.migration.name.clone() })
    }

    /// Reads the marks back. Of two runs that mark at the same time the earlier mark stays, and the
    /// other run withdraws its own. Returns whether our mark is there.
    async fn hold(
        &mut self,
        of_move: MoveId,
        wanted: &Collection,
        mark: Mark,
        withdraw: bool,
    ) -> Result<bool, Failure> {
        let started = Instant::now();
        loop {
            let marks = self.describe(wanted).await?.marks;
            let other = marks.iter().find(|other| other.owner != mark.owner);
            match (marks.iter().find(|have| have.owner == mark.owner), other) {
                (Some(_), None) => {
                    let owner = mark.owner.clone();
                    self.ledger(move |ledger| ledger.step_done(of_move, MARK, &owner)).await?;
                    self.mark = Some(mark.owner);
                    return Ok(true);
                }
                (None, None) => {
                    self.warn(
                        "the target's server keeps no mark of who fills a collection: rows are \
                         written by key, so that another run cannot double them, but rows of two \
                         plans would be mixed"
                            .to_owned(),
                    )
                    .await;
                    return Ok(false);
                }
                (None, Some(other)) => return Err(self.owned(other)),
                (Some(ours), Some(other)) if ours > other || started.elapsed() > WITHDRAWAL => {
                    if withdraw {
                        let (database, name) = (&wanted.database, &wanted.name);
                        self.target.unmark(database, name, &[mark.owner]).await?;
                    }
                    return Err(self.owned(other));
                }
                (Some(_), Some(_)) => {}
            }
            tokio::select! {
                () = tokio::time::sleep(LOOK_AGAIN) => {}
                () = self.common.halt.cancelled() => return Err(Failure::Stopped),
            }
        }
    }

    /// What is said of a collection that is there, and was not when the changes were made.
    fn came_into_being(&self, marks: &[Mark], ours: &Mark) -> Failure {
        match marks.iter().find(|mark| mark.owner != ours.owner) {
            Some(other) => self.owned(other),
            None => Failure::Refused(
                "a collection of this name came into being at the target while this was planned; \
                 run the same command again to see it"
                    .to_owned(),
            ),
        }
    }

    fn owned(&self, other: &Mark) -> Failure {
        Failure::Owned(format!(
            "another run is filling {target}: {who}; this run leaves it alone\n  wait until that run \
             is done, or run its command again where its ledger is; if both are lost, `apply \
             --take-over {target}` goes on in its place",
            target = self.change.target_address,
            who = other.who()
        ))
    }

    fn mark_is_gone(&self) -> Failure {
        let target = &self.change.target_address;
        Failure::Owned(format!(
            "{target} is no more marked as being filled by this run: it was dropped and made again, \
             another run has taken it over, or somebody removed the mark\n  look at it; `apply \
             --take-over {target}` writes every row by key and goes on, and a collection that is \
             dropped is filled anew"
        ))
    }
}

fn has(marks: &[Mark], owner: &str) -> bool {
    marks.iter().any(|mark| mark.owner == owner)
}
