//! Moves and their steps.

use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension, Params, Row, Transaction, params};

use super::error::{Error, Fault};
use super::records::{MoveEnds, MoveId, MoveRecord, MoveState, RunId, StepState};
use super::{Ledger, clock};
use crate::model::Collection;

impl Ledger {
    /// The newest move between these ends that is not superseded.
    pub fn find_move(&self, ends: &MoveEnds) -> Result<Option<MoveRecord>, Error> {
        self.read(|connection| {
            newest(
                connection,
                "state <> 'superseded' AND source_endpoint = ?1 AND source_database = ?2
                 AND source_collection = ?3 AND target_endpoint = ?4 AND target_database = ?5
                 AND target_collection = ?6",
                params![
                    ends.source_endpoint,
                    ends.source_database,
                    ends.source_collection,
                    ends.target_endpoint,
                    ends.target_database,
                    ends.target_collection
                ],
            )
        })
    }

    /// The newest move onto this target collection that is not superseded, wherever from.
    pub fn find_target(
        &self,
        endpoint: &str,
        database: &str,
        collection: &str,
    ) -> Result<Option<MoveRecord>, Error> {
        self.read(|connection| {
            newest(
                connection,
                "state <> 'superseded' AND target_endpoint = ?1 AND target_database = ?2
                 AND target_collection = ?3",
                params![endpoint, database, collection],
            )
        })
    }

    /// All moves, oldest first.
    pub fn moves(&self) -> Result<Vec<MoveRecord>, Error> {
        self.read(|connection| {
            let mut statement =
                connection.prepare_cached(&format!("SELECT {COLUMNS} FROM moves ORDER BY id"))?;
            let mut rows = statement.query([])?;
            let mut moves = Vec::new();
            while let Some(row) = rows.next()? {
                moves.push(move_record(row)?);
            }
            Ok(moves)
        })
    }

    /// Records that a move begins.
    ///
    /// `wanted` is the target collection as intended, `settings` (JSON, without secrets) how rows
    /// are read and written, `adopted` whether the target collection was there before.
    pub fn begin_move(
        &mut self,
        run: RunId,
        ends: &MoveEnds,
        wanted: &Collection,
        settings: &str,
        adopted: bool,
        source_collection_id: i64,
    ) -> Result<MoveId, Error> {
        self.write(|transaction| {
            for endpoint in [&ends.source_endpoint, &ends.target_endpoint] {
                refuse_user_information(endpoint)?;
            }
            transaction
                .prepare_cached(
                    "INSERT INTO moves (run_id, source_endpoint, source_database,
                         source_collection, target_endpoint, target_database, target_collection,
                         state, wanted, settings, adopted, source_collection_id, started_at)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 'open', ?8, ?9, ?10, ?11, ?12)",
                )?
                .execute(params![
                    run.0,
                    ends.source_endpoint,
                    ends.source_database,
                    ends.source_collection,
                    ends.target_endpoint,
                    ends.target_database,
                    ends.target_collection,
                    to_json(wanted)?,
                    settings,
                    adopted,
                    source_collection_id,
                    clock::now()
                ])?;
            Ok(MoveId(transaction.last_insert_rowid()))
        })
    }

    /// Gives a move up: it no longer tells anything about what is on the servers.
    pub fn supersede_move(&mut self, id: MoveId, reason: &str) -> Result<(), Error> {
        self.write(|transaction| {
            refuse_superseded(transaction, id)?;
            transaction
                .prepare_cached(
                    "UPDATE moves SET state = 'superseded', superseded_because = ?2 WHERE id = ?1",
                )?
                .execute(params![id.0, reason])?;
            Ok(())
        })
    }

    /// Records the target collection as the target described it right after creation.
    pub fn target_described(
        &mut self,
        id: MoveId,
        target_collection_id: i64,
        created: &Collection,
    ) -> Result<(), Error> {
        self.write(|transaction| {
            refuse_superseded(transaction, id)?;
            transaction
                .prepare_cached(
                    "UPDATE moves SET target_collection_id = ?2, created = ?3 WHERE id = ?1",
                )?
                .execute(params![id.0, target_collection_id, to_json(created)?])?;
            Ok(())
        })
    }

    /// The server's id of the target collection; `None` until the target described it.
    pub fn target_id(&self, id: MoveId) -> Result<Option<i64>, Error> {
        self.read(|connection| {
            Ok(connection
                .prepare_cached("SELECT target_collection_id FROM moves WHERE id = ?1")?
                .query_row([id.0], |row| row.get(0))?)
        })
    }

    /// Records what the target collection is intended to be by now.
    pub fn wanted_altered(&mut self, id: MoveId, wanted: &Collection) -> Result<(), Error> {
        self.write(|transaction| {
            refuse_superseded(transaction, id)?;
            transaction
                .prepare_cached("UPDATE moves SET wanted = ?2 WHERE id = ?1")?
                .execute(params![id.0, to_json(wanted)?])?;
            Ok(())
        })
    }

    /// Records that a move is done, with what was counted (JSON).
    ///
    /// Refused while a chunk is open or a scope is not complete.
    pub fn move_done(&mut self, id: MoveId, counts: &str) -> Result<(), Error> {
        self.write(|transaction| {
            refuse_superseded(transaction, id)?;
            let unfinished: bool = transaction
                .prepare_cached(
                    "SELECT EXISTS (SELECT 1 FROM chunks WHERE move_id = ?1 AND state = 'open')
                         OR EXISTS (SELECT 1 FROM scopes WHERE move_id = ?1 AND complete = 0)",
                )?
                .query_row([id.0], |row| row.get(0))?;
            if unfinished {
                return Err(Fault::Refused(format!(
                    "move {id} cannot be done while chunks are open or still to be found"
                )));
            }
            transaction
                .prepare_cached(
                    "UPDATE moves SET state = 'done', counts = ?2, finished_at = ?3 WHERE id = ?1",
                )?
                .execute(params![id.0, counts, clock::now()])?;
            Ok(())
        })
    }

    /// Records that a step begins; a step that was done is begun again.
    pub fn step_started(&mut self, id: MoveId, step: &str, detail: &str) -> Result<(), Error> {
        self.write(|transaction| {
            refuse_superseded(transaction, id)?;
            transaction
                .prepare_cached(
                    "INSERT INTO steps (move_id, step, state, detail, started_at)
                     VALUES (?1, ?2, 'started', ?3, ?4)
                     ON CONFLICT (move_id, step) DO UPDATE SET state = 'started',
                         detail = excluded.detail, started_at = excluded.started_at,
                         done_at = NULL",
                )?
                .execute(params![id.0, step, detail, clock::now()])?;
            Ok(())
        })
    }

    /// Forgets a step that means nothing any more.
    pub fn step_forgotten(&mut self, id: MoveId, step: &str) -> Result<(), Error> {
        self.write(|transaction| {
            refuse_superseded(transaction, id)?;
            transaction
                .prepare_cached("DELETE FROM steps WHERE move_id = ?1 AND step = ?2")?
                .execute(params![id.0, step])?;
            Ok(())
        })
    }

    /// Records that the effect of a step was seen, also of a step that needed no beginning.
    pub fn step_done(&mut self, id: MoveId, step: &str, detail: &str) -> Result<(), Error> {
        self.write(|transaction| {
            refuse_superseded(transaction, id)?;
            transaction
                .prepare_cached(
                    "INSERT INTO steps (move_id, step, state, detail, started_at, done_at)
                     VALUES (?1, ?2, 'done', ?3, ?4, ?4)
                     ON CONFLICT (move_id, step) DO UPDATE SET state = 'done',
                         detail = excluded.detail, done_at = excluded.done_at",
                )?
                .execute(params![id.0, step, detail, clock::now()])?;
            Ok(())
        })
    }

    /// Records that the target of a move may or may not be marked as being filled from here on, before
    /// any server is told. Returns the owner that the marks of this ledger name: `candidate`, where it
    /// has none yet.
    pub fn marking(&mut self, id: MoveId, candidate: &str) -> Result<String, Error> {
        self.write(|transaction| {
            refuse_superseded(transaction, id)?;
            let owner = owner(transaction)?.unwrap_or_else(|| candidate.to_owned());
            transaction
                .prepare_cached(
                    "INSERT INTO steps (move_id, step, state, detail, started_at)
                     VALUES (?1, ?2, 'started', ?3, ?4)
                     ON CONFLICT (move_id, step) DO UPDATE SET state = 'started', done_at = NULL",
                )?
                .execute(params![id.0, MARK, owner, clock::now()])?;
            Ok(owner)
        })
    }

    /// The owner that the marks of this ledger name, where it ever marked a target.
    pub fn owner(&self) -> Result<Option<String>, Error> {
        self.read(owner)
    }

    /// The steps of a move that were begun, by name.
    pub fn steps(&self, id: MoveId) -> Result<BTreeMap<String, StepState>, Error> {
        self.read(|connection| {
            let mut statement =
                connection.prepare_cached("SELECT step, state FROM steps WHERE move_id = ?1")?;
            let mut rows = statement.query([id.0])?;
            let mut steps = BTreeMap::new();
            while let Some(row) = rows.next()? {
                let state = match row.get::<_, String>(1)?.as_str() {
                    "started" => StepState::Started,
                    "done" => StepState::Done,
                    other => return Err(Fault::Corrupt(format!("a step has state {other:?}"))),
                };
                steps.insert(row.get(0)?, state);
            }
            Ok(steps)
        })
    }
}

/// The step of marking the target as being filled: done while the mark is there, begun as long as it
/// may or may not be. Its detail is the owner that the mark names.
pub const MARK: &str = "mark";

/// The step that notes that a target which was adopted had no row, and was not loaded.
pub const WAS_EMPTY: &str = "adopted_empty";

fn owner(connection: &Connection) -> Result<Option<String>, Fault> {
    let mut statement = connection
        .prepare_cached("SELECT detail FROM steps WHERE step = ?1 ORDER BY move_id LIMIT 1")?;
    Ok(statement.query_row([MARK], |row| row.get(0)).optional()?)
}

const COLUMNS: &str = "id, run_id, source_endpoint, source_database, source_collection, \
    target_endpoint, target_database, target_collection, state, wanted, created, settings, \
    adopted, source_collection_id, target_collection_id, counts, started_at, finished_at";

fn newest(
    connection: &Connection,
    condition: &str,
    values: impl Params,
) -> Result<Option<MoveRecord>, Fault> {
    let sql = format!("SELECT {COLUMNS} FROM moves WHERE {condition} ORDER BY id DESC LIMIT 1");
    let mut statement = connection.prepare_cached(&sql)?;
    let mut rows = statement.query(values)?;
    rows.next()?.map(move_record).transpose()
}

fn move_record(row: &Row<'_>) -> Result<MoveRecord, Fault> {
    let ends = MoveEnds {
        source_endpoint: row.get(2)?,
        source_database: row.get(3)?,
        source_collection: row.get(4)?,
        target_endpoint: row.get(5)?,
        target_database: row.get(6)?,
        target_collection: row.get(7)?,
    };
    let created: Option<String> = row.get(10)?;
    Ok(MoveRecord {
        id: MoveId(row.get(0)?),
        run: RunId(row.get(1)?),
        ends,
        state: state(&row.get::<_, String>(8)?)?,
        wanted: from_json(&row.get::<_, String>(9)?)?,
        created: created.as_deref().map(from_json).transpose()?,
        settings: row.get(11)?,
        adopted: row.get(12)?,
        source_collection_id: row.get(13)?,
        target_collection_id: row.get(14)?,
        counts: row.get(15)?,
        started_at: row.get(16)?,
        finished_at: row.get(17)?,
    })
}

fn state(text: &str) -> Result<MoveState, Fault> {
    match text {
        "open" => Ok(MoveState::Open),
        "done" => Ok(MoveState::Done),
        "superseded" => Ok(MoveState::Superseded),
        other => Err(Fault::Corrupt(format!("a move has state {other:?}"))),
    }
}

/// The state of a move that has to exist.
pub(super) fn state_of(connection: &Connection, id: MoveId) -> Result<MoveState, Fault> {
    let text: Option<String> = connection
        .prepare_cached("SELECT state FROM moves WHERE id = ?1")?
        .query_row([id.0], |row| row.get(0))
        .optional()?;
    match text {
        Some(text) => state(&text),
        None => Err(Fault::Refused(format!("there is no move {id}"))),
    }
}

/// Keeps history as it was.
pub(super) fn refuse_superseded(transaction: &Transaction<'_>, id: MoveId) -> Result<(), Fault> {
    match state_of(transaction, id)? {
        MoveState::Superseded => Err(Fault::Refused(format!("move {id} is superseded"))),
        MoveState::Open | MoveState::Done => Ok(()),
    }
}

/// Keeps passwords out. The message does not repeat the endpoint.
fn refuse_user_information(endpoint: &str) -> Result<(), Fault> {
    let rest = endpoint.split_once("://").map_or(endpoint, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or(rest);
    if authority.contains('@') {
        return Err(Fault::Refused("an endpoint contains user information".to_owned()));
    }
    Ok(())
}

fn to_json(collection: &Collection) -> Result<String, Fault> {
    serde_json::to_string(collection)
        .map_err(|error| Fault::Refused(format!("a collection cannot be written: {error}")))
}

fn from_json(text: &str) -> Result<Collection, Fault> {
    serde_json::from_str(text)
        .map_err(|error| Fault::Corrupt(format!("a collection cannot be read: {error}")))
}
