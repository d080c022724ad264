//! Rows that the target refuses: found by halving the chunk that holds them, and set aside as far
//! as the plan file allows. Everything else of the chunk is written.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::read::SINGLE_ROW;
use super::write::Written;
use super::{Copy, Error};
use crate::ledger::ChunkRecord;
use crate::milvus::{self, Rows, retry};
use crate::model::Key;

/// What the target took and refused: one that refuses everything for a while, in words that nobody
/// knows, has nothing against a row.
#[derive(Debug, Default)]
pub(super) struct Refusals(Mutex<Balance>);

#[derive(Debug, Default)]
struct Balance {
    /// Writes that were acknowledged.
    taken: u64,
    /// When the first was refused of which none was acknowledged since.
    nothing_since: Option<Instant>,
}

impl Refusals {
    /// Rows were acknowledged.
    pub(super) fn taken(&self) {
        let mut balance = self.balance();
        balance.taken += 1;
        balance.nothing_since = None;
    }

    /// Rows were refused.
    pub(super) fn refused(&self) {
        self.balance().nothing_since.get_or_insert_with(Instant::now);
    }

    /// Writes that were acknowledged.
    fn count(&self) -> u64 {
        self.balance().taken
    }

    /// Whether some were since there were so many, or the target takes nothing for so long.
    fn tell(&self, count: u64, patience: Duration) -> bool {
        let balance = self.balance();
        balance.taken > count
            || balance.nothing_since.is_some_and(|since| since.elapsed() >= patience)
    }

    fn balance(&self) -> MutexGuard<'_, Balance> {
        // Plain numbers, so that a panic elsewhere leaves them usable.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A row that the target refuses.
struct RefusedRow {
    key: Key,
    rows: Rows,
    error: milvus::Error,
}

impl Copy {
    /// Writes the rows of a chunk that the target takes, when it refused the whole.
    ///
    /// A row is set aside only when it was refused once more after everything else was written, and
    /// the target took others meanwhile: what a server says in a bad moment is no reason to leave
    /// rows behind.
    pub(super) async fn write_accepted(&self, mut chunk: ChunkRecord) -> Result<(), Error> {
        let of_move = self.task.of_move;
        let before = self.task.ledger.with(move |ledger| ledger.rejected(of_move)).await?;
        let room = self.task.limits.max_rejected_rows.saturating_sub(before);
        let taken = self.refusals.count();
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
            if let Some(row) = self.refused_for_good(&single, taken).await? {
                self.set_aside(&single, row).await?;
            }
        }
        Ok(())
    }

    /// Tries a single row until the target takes it, or refuses it and took others since there were
    /// `taken`. Where there are no others to tell, as long as any call is tried again.
    async fn refused_for_good(
        &self,
        chunk: &ChunkRecord,
        taken: u64,
    ) -> Result<Option<RefusedRow>, Error> {
        let policy = self.task.target.retry();
        let mut attempt = 0;
        loop {
            // What is taken after this row was refused tells nothing of that moment.
            let tells = self.refusals.tell(taken, policy.limit());
            let Some(row) = self.refused_again(chunk).await? else { return Ok(None) };
            if tells {
                return Ok(Some(row));
            }
            tracing::info!(key = %row.key, attempt, error = %row.error, "The target takes nothing.");
            self.task.target.tell_repeated(&row.error, policy.limit());
            retry::wait(policy.pause(attempt), &self.halt, &row.error)
                .await
                .map_err(|error| self.write_error(chunk, error))?;
            attempt += 1;
        }
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
        self.task.identity.confirm().await?;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_tells_once_others_were_taken_or_nothing_was_for_long() {
        let long = Duration::from_secs(3_600);
        let refusals = Refusals::default();
        assert!(!refusals.tell(0, Duration::ZERO), "nothing was refused");
        refusals.refused();
        assert!(!refusals.tell(0, long));
        assert!(refusals.tell(0, Duration::ZERO), "it takes nothing");
        refusals.taken();
        assert_eq!(refusals.count(), 1);
        assert!(refusals.tell(0, long), "one was taken since");
        assert!(!refusals.tell(1, Duration::ZERO), "none since, and none refused since");
        refusals.refused();
        assert!(refusals.tell(1, Duration::ZERO));
        assert!(!refusals.tell(1, long));
    }

    #[test]
    fn the_first_refusal_says_since_when_nothing_is_taken() {
        let refusals = Refusals::default();
        refusals.refused();
        let first = refusals.balance().nothing_since;
        refusals.refused();
        assert!(first.is_some() && refusals.balance().nothing_since == first);
    }
}
