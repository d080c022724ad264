//! Runs and what happened in them.

use rusqlite::{Row, params};

use super::error::{Error, Fault};
use super::records::{EventId, EventRecord, MoveId, RunId, RunRecord};
use super::{Ledger, clock};

impl Ledger {
    /// Records that a command is at work.
    pub fn begin_run(
        &mut self,
        tool_version: &str,
        command: &str,
        environment: Option<&str>,
    ) -> Result<RunId, Error> {
        self.write(|transaction| {
            transaction
                .prepare_cached(
                    "INSERT INTO runs (tool_version, command, environment, process_id, started_at)
                     VALUES (?1, ?2, ?3, ?4, ?5)",
                )?
                .execute(params![
                    tool_version,
                    command,
                    environment,
                    std::process::id(),
                    clock::now()
                ])?;
            Ok(RunId(transaction.last_insert_rowid()))
        })
    }

    /// Records how a run ended.
    pub fn end_run(&mut self, run: RunId, outcome: &str) -> Result<(), Error> {
        self.write(|transaction| {
            let found = transaction
                .prepare_cached("UPDATE runs SET ended_at = ?2, outcome = ?3 WHERE id = ?1")?
                .execute(params![run.0, clock::now(), outcome])?;
            match found {
                1 => Ok(()),
                _ => Err(Fault::Refused(format!("there is no run {run}"))),
            }
        })
    }

    /// All runs, oldest first.
    pub fn runs(&self) -> Result<Vec<RunRecord>, Error> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached(
                "SELECT id, tool_version, command, environment, process_id, started_at, ended_at,
                        outcome
                 FROM runs ORDER BY id",
            )?;
            let runs = statement.query_map([], run_record)?.collect::<Result<_, _>>()?;
            Ok(runs)
        })
    }

    /// Records that something happened, for people to read. Must not hold a secret.
    pub fn note(
        &mut self,
        run: RunId,
        of_move: Option<MoveId>,
        kind: &str,
        text: &str,
    ) -> Result<(), Error> {
        self.write(|transaction| {
            transaction
                .prepare_cached(
                    "INSERT INTO events (run_id, move_id, at, kind, text)
                     VALUES (?1, ?2, ?3, ?4, ?5)",
                )?
                .execute(params![run.0, of_move.map(|id| id.0), clock::now(), kind, text])?;
            Ok(())
        })
    }

    /// At most `limit` events of a run (of all runs without one) after the given one, in order.
    pub fn events(
        &self,
        run: Option<RunId>,
        after: Option<EventId>,
        limit: usize,
    ) -> Result<Vec<EventRecord>, Error> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached(
                "SELECT id, run_id, move_id, at, kind, text FROM events
                 WHERE id > ?1 AND (?2 IS NULL OR run_id = ?2) ORDER BY id LIMIT ?3",
            )?;
            let after = after.map_or(0, |id| id.0);
            let limit = i64::try_from(limit).unwrap_or(i64::MAX);
            let events = statement
                .query_map(params![after, run.map(|id| id.0), limit], event_record)?
                .collect::<Result<_, _>>()?;
            Ok(events)
        })
    }
}

fn run_record(row: &Row<'_>) -> rusqlite::Result<RunRecord> {
    Ok(RunRecord {
        id: RunId(row.get(0)?),
        tool_version: row.get(1)?,
        command: row.get(2)?,
        environment: row.get(3)?,
        process_id: row.get(4)?,
        started_at: row.get(5)?,
        ended_at: row.get(6)?,
        outcome: row.get(7)?,
    })
}

fn event_record(row: &Row<'_>) -> rusqlite::Result<EventRecord> {
    Ok(EventRecord {
        id: EventId(row.get(0)?),
        run: RunId(row.get(1)?),
        of_move: row.get::<_, Option<i64>>(2)?.map(MoveId),
        at: row.get(3)?,
        kind: row.get(4)?,
        text: row.get(5)?,
    })
}
