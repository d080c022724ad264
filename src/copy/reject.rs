//! Rows that the target refuses: found by halving the chunk that holds them, and set aside as far
//! as the plan file allows. Everything else of the chunk is written.

use super::read::SINGLE_ROW;
use super::write::Written;
use super::{Copy, Error};
use crate::ledger::ChunkRecord;
use crate::milvus::{self, Rows};
use crate::model::Key;

/// A row that the target refuses.
struct RefusedRow {
    key: Key,
    rows: Rows,
    error: milvus::Error,
}

impl Copy {
    /// Writes the rows of a chunk that the target takes, when it refused the whole.
    ///
    /// A row is set aside only when it was refused once more after everything else was written:
    /// what a server says in a bad moment is no reason to leave rows behind.
    pub(super) async fn write_accepted(&self, mut chunk: ChunkRecord) -> Result<(), Error> {
        let of_move = self.task.of_move;
        let before = self.task.ledger.with(move |ledger| ledger.rejected(of_move)).await?;
        let room = self.task.limits.max_rejected_rows.saturating_sub(before);
        let mut singles = Vec::new();
        // As the ledger has it, whatever the record says that the reader was given.
        chunk.tried = true;
        let mut refused = vec![chunk];
        while let Some(part) = refused.pop() {
            let Some((lower, upper)) = self.split(&part).await? else {
                singles.push(part);
                if singles.len() as u64 > room
                    && let Some(one_too_many) = singles.pop()
                    && let Some(row) = self.refused_again(&one_too_many).await?
                {
                    return Err(self.refusal(&one_too_many, row));
                }
                continue;
            };
            for half in [upper, lower] {
                // Unlike what is in memory, this would have to be read.
                if self.halt.is_cancelled() {
                    return Ok(());
                }
                let written = match self.read(&half, self.size.answer_limit()).await? {
                    Some(rows) => self.write(&half, &rows).await?,
                    None => Written::TooLarge,
                };
                if !matches!(written, Written::Done) {
                    refused.push(half);
                }
            }
        }
        for single in singles {
            if let Some(row) = self.refused_again(&single).await? {
                self.set_aside(&single, row).await?;
            }
        }
        Ok(())
    }

    /// Tries a single row once more; what the target says when it refuses it again.
    async fn refused_again(&self, chunk: &ChunkRecord) -> Result<Option<RefusedRow>, Error> {
        // Under the share of the chunk that it was read with at first.
        let Some(rows) = self.read(chunk, SINGLE_ROW).await? else {
            let why = "a single row is over every message limit";
            let error = milvus::Error::too_large("Query", self.task.source.uri(), why);
            return Err(self.read_error(chunk, error));
        };
        let error = match self.write(chunk, &rows).await? {
            Written::Done => return Ok(None),
            Written::Refused(error) => *error,
            Written::TooLarge => {
                let why = "the target refuses a single row as too large";
                milvus::Error::too_large("Insert", self.task.target.uri(), why)
            }
        };
        match rows.keys() {
            [key] => Ok(Some(RefusedRow { key: key.clone(), rows, error })),
            // Rows may have come in between, where reads are of no fixed moment.
            _ => Err(self.write_error(chunk, error)),
        }
    }

    /// Notes a row as set aside, or stops the run when that is one too many.
    async fn set_aside(&self, chunk: &ChunkRecord, row: RefusedRow) -> Result<(), Error> {
        let allowed = self.task.limits.max_rejected_rows;
        let reason = reason(&row.error);
        tracing::warn!(key = %row.key, %reason, "A row is set aside: the target refuses it.");
        let (id, key) = (chunk.id, row.key.clone());
        let noted = self
            .task
            .ledger
            .with(move |ledger| ledger.set_aside(id, &key, &reason, allowed))
            .await?;
        if noted { Ok(()) } else { Err(self.refusal(chunk, row)) }
    }

    fn refusal(&self, chunk: &ChunkRecord, row: RefusedRow) -> Error {
        let RefusedRow { key, rows, error } = row;
        let to = &self.task.to;
        let collection = to.address();
        let mut place = match &chunk.scope {
            Some(partition) => format!("{collection}, partition {partition}, key {key}"),
            None => format!("{collection}, key {key}"),
        };
        if let Some(text) = rows.too_long(to) {
            return Error::TooLong { place, text: Box::new(text), error };
        }
        if let Some(field) = rows.field_to_blame(to, &error.message) {
            place = format!("{place}, field {field:?}");
        }
        Error::Refused { place, allowed: self.task.limits.max_rejected_rows, error }
    }
}

/// What the target said, without where it was asked.
fn reason(error: &milvus::Error) -> String {
    match error.code {
        Some(code) => format!("{} [code {code}]", error.message),
        None => error.message.clone(),
    }
}
