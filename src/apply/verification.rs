//! Comparing the rows of a collection at its end, and bringing them up to date.

use tokio::sync::mpsc;

use super::{CATCH_UP, Event, Failure, REPAIR, RowDiffers, Turn};
use crate::changes::{SourceState, Update};
use crate::ledger::{MoveId, StepState};
use crate::milvus::Client;
use crate::model::{
    Collection, ContentCheck, DEFAULT_PARTITION, LoadState, OnMismatch, VerifySettings,
};
use crate::verify::repair::Extra;
use crate::verify::result::{Basis, SchemaItem, Status};
use crate::verify::{self, Check, Lend, Mode, Subject, Wishes};

/// How rows are compared at the end of a collection's turn.
struct Way {
    mode: Mode,
    basis: Basis,
    /// What may be done about rows that differ.
    repair: Option<Extra>,
}

/// The attribute that only is as it is to be when all else is.
const ALIASES: &str = "aliases";

/// Events of a verification that may wait.
const WAITING: usize = 256;

impl Turn<'_> {
    /// Compares the rows of both ends as the plan file asks, brings them up to date where that is
    /// asked for, and searches at both ends. Both are loaded.
    pub(super) async fn verify_rows(
        &mut self,
        of_move: MoveId,
        source: &SourceState,
        wanted: &Collection,
    ) -> Result<(), Failure> {
        let settings = self.run.migration.verify.clone();
        let steps = self.ledger(move |ledger| ledger.steps(of_move)).await?;
        let to_repair = steps.get(REPAIR) == Some(&StepState::Started);
        let update = self.change.update;
        let settled = !to_repair && steps.get(CATCH_UP) != Some(&StepState::Started);
        let Some(Way { mode, basis, repair }) = self.way(&settings, to_repair, settled) else {
            return Ok(());
        };
        let catching_up = update == Some(Update::CatchUp);
        if catching_up {
            self.step("carry changes over").await;
            self.begin(of_move, CATCH_UP).await?;
        } else {
            self.step("compare rows").await;
        }
        let (events, mut told) = mpsc::channel(WAITING);
        let check = self.check(mode, repair, events);
        let to = self.target_now(wanted).await?;
        let mut from = source.collection.clone();
        let new = match update {
            Some(_) if self.change.settings.by_partition => new_partitions(&mut from, &to),
            _ => Vec::new(),
        };
        let mut subject = self.loaded_subject(of_move, source, wanted, to);
        subject.from = from;
        let mut verifying = Box::pin(verify::verify_collection(&check, &subject, basis));
        let mut compared = 0;
        let mut found = loop {
            tokio::select! {
                found = &mut verifying => break found,
                Some(event) = told.recv() => {
                    self.compared(event, &mut compared, source.rows).await;
                }
            }
        };
        while let Ok(event) = told.try_recv() {
            self.compared(event, &mut compared, source.rows).await;
        }
        if !new.is_empty() {
            let names = new.join(", ");
            found.unexplained.push(format!(
                "new partitions of the source were not copied: {names}; a plan file of another name \
                 with `existing = \"adopt\"` for this collection makes them and copies them, and \
                 every other row once more, by key"
            ));
            if found.status != Status::Unfinished {
                found.status = Status::Different;
            }
        }
        let status = found.status;
        let detail = found.in_words().join("; ");
        let failure = found.failure.clone();
        let rows_differ = found.content.as_ref().is_some_and(|content| content.open() > 0);
        let repair = found.content.as_ref().and_then(|content| content.repair);
        self.outcome.rows += repair.map_or(0, |repair| repair.copied);
        self.outcome.bytes += repair.map_or(0, |repair| repair.bytes);
        self.outcome.verification = Some(Box::new(found));
        match status {
            Status::Verified | Status::Repaired => {
                if catching_up {
                    self.done(of_move, CATCH_UP, "").await?;
                }
                if to_repair {
                    self.done(of_move, REPAIR, "").await?;
                }
                Ok(())
            }
            // Copying rows again does not help against the rest.
            Status::Different if !rows_differ => Ok(()),
            Status::Different => {
                // The same command mends it then.
                let step = (of_move, REPAIR.to_owned(), detail);
                self.ledger(move |ledger| ledger.step_started(step.0, &step.1, &step.2)).await
            }
            Status::Unfinished if self.common.halt.is_cancelled() => Err(Failure::Stopped),
            Status::Unfinished => Err(Failure::Refused(failure.unwrap_or_default())),
        }
    }

    /// How rows are compared; not at all where nothing asks for it.
    ///
    /// `settled`: nothing is known to differ, and no earlier pass was left half-way.
    fn way(&self, settings: &VerifySettings, to_repair: bool, settled: bool) -> Option<Way> {
        let update = self.change.update;
        let finished = self.change.is_finished();
        let mode = match settings.content {
            _ if to_repair || update.is_some() => Mode::Full,
            ContentCheck::Full => Mode::Full,
            ContentCheck::Sample => Mode::Sample,
            ContentCheck::Off if settings.search.is_some() => Mode::Counts,
            ContentCheck::Off => return None,
        };
        let basis = match update {
            Some(Update::CatchUp) if finished && settled => Basis::Changes,
            Some(Update::CatchUp | Update::Repair) => Basis::Source,
            None if to_repair => Basis::Source,
            None => Basis::Ledger,
        };
        let asked_for = settings.on_mismatch == OnMismatch::Repair;
        let repair = match update {
            _ if settings.delete_extra && asked_for => Some(Extra::Delete),
            Some(Update::CatchUp) if !finished && !self.run_adopted() && self.mark.is_some() => {
                Some(Extra::DeleteOurs)
            }
            Some(Update::CatchUp) => Some(Extra::DeleteCopied),
            _ if to_repair || asked_for => Some(Extra::Keep),
            _ => None,
        };
        Some(Way { mode, basis, repair })
    }

    /// What leads on from rows or numbers that differ.
    pub(super) fn way_on(&self) -> Option<String> {
        if !matches!(
            self.outcome.status,
            super::Status::RowsDiffer(_) | super::Status::CountsDiffer(_)
        ) {
            return None;
        }
        let content = self.outcome.verification.as_ref().and_then(|found| found.content.as_ref());
        let extra = content.is_some_and(|content| content.extra > 0 && content.open() > 0);
        let text = match (self.change.update, extra) {
            (Some(Update::CatchUp), true) => {
                "while the source is written to, some rows escape: run the same command again when \
                 nobody writes. Rows that are only at the target and that this plan is not known to \
                 have written stay even then: delete them by hand, or, in a collection that this \
                 plan made, with `on_mismatch = \"repair\"` and `delete_extra = true` under [verify]"
            }
            (Some(Update::CatchUp), false) => {
                "while the source is written to, some rows escape: run the same command again when \
                 nobody writes"
            }
            _ => {
                "once nobody writes to the source, `apply --catch-up` makes the target's rows those \
                 of the source, and deletes what was copied and is there no more"
            }
        };
        Some(text.to_owned())
    }

    /// Compares the rows of a finished collection with those of the source once more, and brings
    /// them up to date. Both ends are left loaded as they were found.
    pub(super) async fn bring_up_to_date(
        &mut self,
        of_move: MoveId,
        source: &SourceState,
        wanted: &Collection,
    ) -> Result<(), Failure> {
        self.load_source(of_move, source).await?;
        self.source_is_loaded(source).await?;
        if !self.change.load_source {
            let counted = (source.rows, self.run.inspected_at);
            self.wait_until_readable(&source.collection, counted).await?;
        }
        self.load_whole_target(of_move, &self.without_new_partitions(wanted)).await?;
        self.verify_rows(of_move, source, wanted).await?;
        self.source_is_loaded(source).await?;
        self.release_ends(of_move, source, wanted).await
    }

    /// Takes the aliases over, last of all: whoever follows one finds everything there. Where rows
    /// were compared the schema is as well, before that and after it; `false` where it is not as it
    /// is to be, and then no alias is taken.
    pub(super) async fn hand_over(
        &mut self,
        of_move: MoveId,
        source: &SourceState,
        there: &Collection,
        wanted: &Collection,
    ) -> Result<bool, Failure> {
        let some = !wanted.aliases.is_empty();
        self.compare_schema(of_move, source, there, |item| !some || item.attribute != ALIASES)
            .await?;
        if self.schema_differs() {
            return Ok(false);
        }
        self.move_aliases(wanted).await?;
        if some {
            self.compare_schema(of_move, source, there, |_| true).await?;
        }
        Ok(!self.schema_differs())
    }

    fn schema_differs(&self) -> bool {
        self.outcome.verification.as_ref().is_some_and(|found| found.schema_differs())
    }

    /// Compares the target's schema with what it is to be, where its rows were compared. What differs
    /// is noted in the outcome.
    async fn compare_schema(
        &mut self,
        of_move: MoveId,
        source: &SourceState,
        wanted: &Collection,
        looked_at: impl Fn(&SchemaItem) -> bool,
    ) -> Result<(), Failure> {
        if self.outcome.verification.is_none() {
            return Ok(());
        }
        self.step("compare the schema").await;
        let ends = self.ends();
        let (noted, steps) = self
            .ledger(move |ledger| Ok((ledger.find_move(&ends)?, ledger.steps(of_move)?)))
            .await?;
        let (from, to) = (source.collection.clone(), self.target_now(wanted).await?);
        let load = async |client: &Client, of: &Collection| {
            client.settled_load_state(&of.database, &of.name, None).await
        };
        let subject = Subject {
            from_load: load(&self.source, &from).await?,
            from,
            wanted: wanted.clone(),
            to_load: load(&self.target, &to).await?,
            to,
            settings: self.change.settings.clone(),
            of_move: None,
            adopted: self.run_adopted(),
            rows: source.rows,
            wishes: Wishes {
                created: noted.and_then(|noted| noted.created),
                load: Some(self.loaded_in_the_end(&steps, wanted).load_state()),
                replicas: self.change.ending.replicas,
            },
            lend: Lend::default(),
            unread: false,
            ids: self.ids(),
        };
        let check = self.check(Mode::Counts, None, mpsc::channel(1).0);
        let mut items = verify::compare_schema(&check, &subject, &subject.wishes).await?;
        items.retain(looked_at);
        if let Some(found) = &mut self.outcome.verification {
            found.add_schema(items);
        }
        Ok(())
    }

    /// Both ends when all of them is loaded.
    pub(super) fn loaded_subject(
        &self,
        of_move: MoveId,
        source: &SourceState,
        wanted: &Collection,
        to: Collection,
    ) -> Subject {
        Subject {
            from: source.collection.clone(),
            from_load: LoadState::Loaded,
            wanted: wanted.clone(),
            to,
            to_load: LoadState::Loaded,
            settings: self.change.settings.clone(),
            of_move: Some(of_move),
            adopted: self.run_adopted(),
            rows: source.rows,
            wishes: Wishes::default(),
            lend: Lend::default(),
            unread: false,
            ids: self.ids(),
        }
    }

    pub(super) fn check(
        &self,
        mode: Mode,
        repair: Option<Extra>,
        events: mpsc::Sender<verify::Event>,
    ) -> Check {
        Check {
            source: self.source.clone(),
            target: self.target.clone(),
            mode,
            settings: self.run.migration.verify.clone(),
            limits: self.run.migration.copy.clone(),
            memory: self.common.memory.clone(),
            ledger: Some(self.run.ledger.clone()),
            // Not everything is done yet.
            schema: false,
            repair,
            readable: true,
            events,
            stop: self.common.halt.clone(),
        }
    }

    /// The target as its server describes it now.
    pub(super) async fn target_now(&self, wanted: &Collection) -> Result<Collection, Failure> {
        let mut to = self.describe(wanted).await?.collection;
        if to.partition_key().is_none() {
            to.partitions = self.target.list_partitions(&wanted.database, &wanted.name).await?;
            to.partitions.retain(|name| name != DEFAULT_PARTITION);
        }
        to.indexes = self.target.list_indexes(&wanted.database, &wanted.name).await?;
        Ok(to)
    }

    /// Tells how far comparing is, and every row that differs.
    async fn compared(&self, event: verify::Event, rows: &mut u64, total: Option<u64>) {
        match event {
            verify::Event::Compared { rows: more, .. } => {
                *rows += more;
                self.tell_compared(*rows, total);
            }
            verify::Event::Different { row, .. } => {
                let change = self.change;
                let (source, target) = (&change.source_address, &change.target_address);
                let row = RowDiffers { source: source.clone(), target: target.clone(), row };
                // Nobody writing it is no reason to stop.
                let _ = self.run.differing.send(row).await;
            }
            // The turn's own clients tell of what is called again.
            verify::Event::Started { .. }
            | verify::Event::Finished(_)
            | verify::Event::Retried { .. } => {}
        }
    }

    /// Tells how far comparing is.
    fn tell_compared(&self, done: u64, total: Option<u64>) {
        let event = Event::Waiting {
            target: self.change.target_address.clone(),
            what: "rows to be compared".to_owned(),
            done,
            total: total.unwrap_or(done).max(done),
        };
        let _ = self.run.events.try_send(event);
    }
}

/// Takes partitions away that the target does not have, and names them.
fn new_partitions(from: &mut Collection, to: &Collection) -> Vec<String> {
    let (known, new) = std::mem::take(&mut from.partitions)
        .into_iter()
        .partition(|name| to.partitions.contains(name));
    from.partitions = known;
    new
}
