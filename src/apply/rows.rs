//! The rows of one collection: copied, then counted.

use tokio::sync::mpsc;

use super::settled::not_settled;
use super::{Event, Failure, Turn};
use crate::changes::SourceState;
use crate::copy::{self, Progress};
use crate::ledger::MoveId;
use crate::model::quantity::counted;
use crate::model::{Collection, DataType};
use crate::verify::counts::{self, Compared};

/// How often rows are counted, and chunks that differ copied again in between.
const ROUNDS: usize = 3;
/// Progress messages that may wait.
const WAITING: usize = 256;

impl Turn<'_> {
    pub(super) async fn copy_rows(
        &mut self,
        of_move: MoveId,
        source: &SourceState,
        wanted: &Collection,
        fresh: bool,
    ) -> Result<(), Failure> {
        self.step("copy rows").await;
        self.begin(of_move, "copy_rows").await?;
        let Some(identity) = self.identity.clone() else {
            return Err(Failure::Refused(
                "both ends have to be known before rows are copied".into(),
            ));
        };
        let shared = self.is_shared(of_move).await?;
        self.begin_writes(of_move, wanted).await?;
        let (progress, mut told) = mpsc::channel(WAITING);
        let task = copy::Task {
            source: self.source.clone(),
            target: self.target.clone(),
            from: source.collection.clone(),
            to: wanted.clone(),
            settings: self.change.settings.clone(),
            limits: self.run.migration.copy.clone(),
            row_bytes: source.row_bytes.unwrap_or_else(|| guess_row_bytes(&source.collection)),
            fresh,
            shared,
            identity,
            of_move,
            ledger: self.run.ledger.clone(),
            memory: self.common.memory.clone(),
            progress,
            stop: self.common.halt.clone(),
        };
        let copying = tokio::spawn(copy::copy_rows(task));
        // Ends when the copy and its tasks are gone, as they hold the sender.
        while let Some(progress) = told.recv().await {
            self.progress(progress);
        }
        let copied = match copying.await {
            Ok(result) => result,
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        };
        self.name_rejects(of_move).await?;
        copied?;
        self.done(of_move, "copy_rows", "").await
    }

    /// Counts the rows that are set aside, and brings the file up to date that names them.
    async fn name_rejects(&mut self, of_move: MoveId) -> Result<(), Failure> {
        let before = self.outcome.rejected;
        (self.outcome.rejected, self.outcome.rejects_file) = self
            .ledger(move |ledger| Ok((ledger.rejected(of_move)?, ledger.write_rejects_file()?)))
            .await?;
        if self.outcome.rejected == before {
            return Ok(());
        }
        let rows = counted(self.outcome.rejected, "row");
        let target = self.change.target_address.clone();
        let text = format!("the target refuses {rows}: set aside");
        // The summary says it again, with the file.
        self.tell(Event::Warning { target, text }).await;
        Ok(())
    }

    fn progress(&mut self, Progress::Copied { rows, bytes }: Progress) {
        self.outcome.rows += rows;
        self.outcome.bytes += bytes;
        self.tell_rows(rows, bytes);
    }

    /// Counts at both ends. Where rows are missing, or came late, their chunks are copied again,
    /// a bounded number of times. Where the outcome of a write is not known and matters, every chunk is
    /// looked at, whatever the plan file says of counts.
    pub(super) async fn check_counts(
        &mut self,
        of_move: MoveId,
        source: &SourceState,
        wanted: &Collection,
    ) -> Result<(), Failure> {
        let asked_for = self.run.migration.verify.counts;
        for round in 1..=ROUNDS {
            let unsettled = self.wait_for_landing(wanted).await?;
            if !asked_for && unsettled.is_none() {
                break;
            }
            self.step("compare counts").await;
            self.begin(of_move, "check_counts").await?;
            let adopted = self.run_adopted();
            let counts = counts::compare(&Compared {
                source: &self.source,
                target: &self.target,
                from: &source.collection,
                to: wanted,
                settings: &self.change.settings,
                adopted,
                chunk_size: self.run.migration.copy.chunk_size.0,
                ledger: &self.run.ledger,
                of_move,
                first_round: round == 1,
                look_at_all: unsettled.is_some(),
            })
            .await?;
            // What another collection holds explains nothing.
            self.confirm_ends().await?;
            let (reopened, unexplained) = (counts.to_reopen.len(), counts.unexplained.len());
            if reopened > 0 {
                self.note_ours(of_move, source, wanted, counts.to_reopen.clone()).await?;
                counts::reopen(&self.run.ledger, &counts).await?;
            }
            if let Some(until) = unsettled {
                self.target.landed(wanted, until);
            }
            if asked_for {
                self.outcome.counts = Some(counts);
            }
            self.done(of_move, "check_counts", &format!("{unexplained} unexplained")).await?;
            if reopened > 0 && round == ROUNDS && unsettled.is_some() {
                return Err(not_settled());
            }
            if reopened == 0 || round == ROUNDS {
                break;
            }
            let chunks = counted(reopened as u64, "chunk");
            self.warn(format!("the counts differ; {chunks} copied again")).await;
            // Rows that are copied again are not rows more.
            let (rows, bytes) = (self.outcome.rows, self.outcome.bytes);
            let copied = self.copy_rows(of_move, source, wanted, false).await;
            (self.outcome.rows, self.outcome.bytes) = (rows, bytes);
            copied?;
        }
        Ok(())
    }

    /// Whether the target may hold rows that are not from this source.
    pub(super) fn run_adopted(&self) -> bool {
        match &self.change.known {
            Some(known) if self.change.action == crate::changes::Action::Resume => known.adopted,
            _ => self.change.action == crate::changes::Action::Adopt,
        }
    }
}

/// Bytes of a row, from the schema alone.
fn guess_row_bytes(collection: &Collection) -> u64 {
    collection
        .fields
        .iter()
        .map(|field| {
            let dim = field.numeric_param("dim").unwrap_or(0);
            match field.data_type {
                DataType::FLOAT_VECTOR => dim * 4,
                DataType::BINARY_VECTOR => dim / 8,
                DataType::VARCHAR => field.numeric_param("max_length").unwrap_or(64).min(256),
                DataType::JSON | DataType::ARRAY => 256,
                _ => 8,
            }
        })
        .sum::<u64>()
        .max(8)
}
