//! Verifications of every row that were begun, and the ranges that they found equal, so that one
//! that is interrupted goes on where it was.

use rusqlite::{OptionalExtension, params};

use super::chunks::whole_seconds;
use super::error::Error;
use super::ranges::{key_of, kind_of_range, signed, text_of, unsigned};
use super::records::{MoveId, VerificationId, VerificationRecord, VerifiedRange};
use super::{Ledger, clock};
use crate::model::KeyRange;

/// How long one that was interrupted may be taken up again, as `SQLite` says it.
const TAKEN_UP_FOR: &str = "-24 hours";

impl Ledger {
    /// Whether this was opened for writing.
    pub fn records(&self) -> bool {
        self.lock.is_some()
    }

    /// Takes up the verification of the same subject that was interrupted within a day, or begins
    /// one. What is older is forgotten.
    pub fn begin_verification(&mut self, subject: &str) -> Result<VerificationRecord, Error> {
        self.write(|transaction| {
            transaction
                .prepare_cached(
                    "DELETE FROM verified_ranges WHERE verification_id IN (
                         SELECT id FROM verifications
                         WHERE finished_at IS NOT NULL
                             OR julianday(started_at) < julianday('now', ?1))",
                )?
                .execute([TAKEN_UP_FOR])?;
            let found = transaction
                .prepare_cached(
                    "SELECT id, range_rows FROM verifications
                     WHERE subject = ?1 AND finished_at IS NULL
                         AND julianday(started_at) >= julianday('now', ?2)
                     ORDER BY id DESC LIMIT 1",
                )?
                .query_row(params![subject, TAKEN_UP_FOR], |row| {
                    Ok((row.get(0)?, row.get::<_, Option<i64>>(1)?))
                })
                .optional()?;
            if let Some((id, rows)) = found {
                let range_rows = rows.map(unsigned).transpose()?;
                return Ok(VerificationRecord { id: VerificationId(id), range_rows });
            }
            transaction
                .prepare_cached("INSERT INTO verifications (subject, started_at) VALUES (?1, ?2)")?
                .execute(params![subject, clock::now()])?;
            let id = VerificationId(transaction.last_insert_rowid());
            Ok(VerificationRecord { id, range_rows: None })
        })
    }

    /// Records how many rows a range has, where ranges are not the chunks that were copied.
    pub fn verification_ranges(
        &mut self,
        id: VerificationId,
        rows: Option<u64>,
    ) -> Result<(), Error> {
        self.write(|transaction| {
            transaction
                .prepare_cached("UPDATE verifications SET range_rows = ?2 WHERE id = ?1")?
                .execute(params![id.0, rows.map(signed).transpose()?])?;
            Ok(())
        })
    }

    /// Records ranges that are equal at both ends.
    pub fn ranges_verified(
        &mut self,
        id: VerificationId,
        ranges: &[VerifiedRange],
    ) -> Result<(), Error> {
        self.write(|transaction| {
            let mut insert = transaction.prepare_cached(
                "INSERT INTO verified_ranges
                     (verification_id, partition, key_kind, after_key, up_to_key, rows)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            )?;
            for VerifiedRange { scope, range, rows } in ranges {
                insert.execute(params![
                    id.0,
                    scope,
                    kind_of_range(range),
                    range.after.as_ref().map(text_of),
                    range.up_to.as_ref().map(text_of),
                    signed(*rows)?
                ])?;
            }
            Ok(())
        })
    }

    /// The ranges that a verification found equal.
    pub fn verified_ranges(&self, id: VerificationId) -> Result<Vec<VerifiedRange>, Error> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached(
                "SELECT partition, key_kind, after_key, up_to_key, rows
                 FROM verified_ranges WHERE verification_id = ?1",
            )?;
            let mut rows = statement.query([id.0])?;
            let mut ranges = Vec::new();
            while let Some(row) = rows.next()? {
                let kind: Option<String> = row.get(1)?;
                let range = KeyRange {
                    after: key_of(kind.as_deref(), row.get(2)?)?,
                    up_to: key_of(kind.as_deref(), row.get(3)?)?,
                };
                ranges.push(VerifiedRange {
                    scope: row.get(0)?,
                    range,
                    rows: unsigned(row.get(4)?)?,
                });
            }
            Ok(ranges)
        })
    }

    /// Records that a verification came to its end: it is not taken up again.
    pub fn verification_finished(&mut self, id: VerificationId) -> Result<(), Error> {
        self.write(|transaction| {
            transaction
                .prepare_cached("UPDATE verifications SET finished_at = ?2 WHERE id = ?1")?
                .execute(params![id.0, clock::now()])?;
            transaction
                .prepare_cached("DELETE FROM verified_ranges WHERE verification_id = ?1")?
                .execute([id.0])?;
            Ok(())
        })
    }

    /// Seconds since the last chunk of a move was done: every row was at the target that long ago.
    pub fn seconds_since_last_chunk(&self, id: MoveId) -> Result<Option<u64>, Error> {
        self.read(|connection| {
            let seconds: Option<f64> = connection
                .prepare_cached(
                    "SELECT (julianday('now') - julianday(max(done_at))) * 86400.0
                     FROM chunks WHERE move_id = ?1 AND state = 'done'",
                )?
                .query_row([id.0], |row| row.get(0))?;
            Ok(seconds.map(whole_seconds))
        })
    }

    /// The rows of a move that were acknowledged, by scope.
    pub fn rows_by_scope(&self, id: MoveId) -> Result<Vec<(Option<String>, u64)>, Error> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached(
                "SELECT s.partition, coalesce(sum(c.rows), 0)
                 FROM scopes s LEFT JOIN chunks c ON c.scope_id = s.id AND c.state = 'done'
                 WHERE s.move_id = ?1 GROUP BY s.id",
            )?;
            let mut rows = statement.query([id.0])?;
            let mut scopes = Vec::new();
            while let Some(row) = rows.next()? {
                scopes.push((row.get(0)?, unsigned(row.get(1)?)?));
            }
            Ok(scopes)
        })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "that is how a test fails")]
mod tests {
    use super::*;
    use crate::model::Key;

    fn range(after: Option<&str>, up_to: Option<&str>, rows: u64) -> VerifiedRange {
        let key = |text: &str| Key::VarChar(text.to_owned());
        let range = KeyRange { after: after.map(key), up_to: up_to.map(key) };
        VerifiedRange { scope: Some("p".to_owned()), range, rows }
    }

    #[test]
    fn an_interrupted_one_is_taken_up_and_a_finished_one_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let ranges = [range(None, Some("a\n"), 3), range(Some("a\n"), None, 0)];
        let mut ledger = Ledger::open(folder.path(), "x").unwrap();
        let first = ledger.begin_verification("one").unwrap();
        assert_eq!(first.range_rows, None);
        ledger.verification_ranges(first.id, Some(7)).unwrap();
        ledger.ranges_verified(first.id, &ranges).unwrap();
        drop(ledger);

        let mut ledger = Ledger::open(folder.path(), "x").unwrap();
        let other = ledger.begin_verification("another").unwrap();
        assert_ne!(other.id, first.id);
        let again = ledger.begin_verification("one").unwrap();
        assert_eq!((again.id, again.range_rows), (first.id, Some(7)));
        assert_eq!(ledger.verified_ranges(again.id).unwrap(), ranges);
        ledger.verification_finished(again.id).unwrap();
        let anew = ledger.begin_verification("one").unwrap();
        assert_ne!(anew.id, first.id);
        assert_eq!(ledger.verified_ranges(first.id).unwrap(), []);
    }

    #[test]
    fn one_of_yesterday_is_begun_anew() {
        let folder = tempfile::tempdir().unwrap();
        let mut ledger = Ledger::open(folder.path(), "x").unwrap();
        let old = ledger.begin_verification("one").unwrap();
        ledger.ranges_verified(old.id, &[range(None, None, 1)]).unwrap();
        let change = "UPDATE verifications SET started_at = '2020-01-01T00:00:00.000Z'";
        ledger.connection.execute(change, []).unwrap();
        let new = ledger.begin_verification("one").unwrap();
        assert_ne!(new.id, old.id);
        assert_eq!(ledger.verified_ranges(old.id).unwrap(), []);
    }
}
