//! What the target may refuse is asked of it before the first row: each index is made on the empty
//! collection that this move made, the collection is loaded, and both are undone. (Rows first and
//! then the index stays the order of the copy, as it costs the server less.)
//!
//! Each index is noted before it is made and noted again when it is dropped, so that the next run
//! knows which were made only for this, whatever the plan file asks for by then. A run that was
//! killed in the middle leaves an empty collection with such an index, or loaded: the next one
//! undoes that, and asks anew.

use std::collections::BTreeMap;
use std::time::Instant;

use super::loading::RELEASE_TARGET;
use super::steps::pause;
use super::{Failure, Turn};
use crate::changes::indexes::in_turn;
use crate::ledger::{MoveId, StepState};
use crate::milvus::Kind;
use crate::model::differences::place;
use crate::model::{Collection, Flavour, Index, LoadState};

/// The step of all of it.
const ASK: &str = "ask_target";
/// The step of one index, followed by its field, a line feed and its path into it: done when it is
/// dropped.
const ASK_INDEX: &str = "ask_index:";
/// The step of the load: done when the target is released.
const ASK_LOAD: &str = "ask_load";
/// The step that copies rows.
const COPY_ROWS: &str = "copy_rows";

impl Turn<'_> {
    /// Asks the target for its indexes and its load, where copying takes long, and makes sure that
    /// nothing is left of an earlier run that asked. Returns whether it asked or undid anything.
    pub(super) async fn ask_target(
        &mut self,
        of_move: MoveId,
        wanted: &Collection,
    ) -> Result<bool, Failure> {
        let steps = self.ledger(move |ledger| ledger.steps(of_move)).await?;
        let begun = steps.get(ASK) == Some(&StepState::Started);
        // Not of a collection that others may have written to, nor of one with rows.
        let may = !self.run_adopted() && !steps.contains_key(COPY_ROWS);
        let asks = may && self.change.asks_first() && !steps.contains_key(ASK);
        if !(begun || asks) {
            return Ok(false);
        }
        self.step("try indexes and load").await;
        self.begin(of_move, ASK).await?;
        self.undo(of_move, wanted).await?;
        if may && self.change.asks_first() {
            let asked = self.ask(of_move, wanted).await;
            if matches!(asked, Err(Failure::Stopped)) {
                return Err(Failure::Stopped);
            }
            let undone = self.undo(of_move, wanted).await;
            // Why it was refused says more than what could not be undone after it.
            asked.map_err(before_rows)?;
            undone?;
        }
        self.done(of_move, ASK, "").await?;
        Ok(true)
    }

    async fn ask(&mut self, of_move: MoveId, wanted: &Collection) -> Result<(), Failure> {
        let target = &self.target;
        let (database, name) = (wanted.database.as_str(), wanted.name.as_str());
        let there = target.list_indexes(database, name).await?;
        for index in &wanted.indexes {
            // One that somebody else made stays.
            if there.iter().any(|have| place(have) == place(index)) {
                continue;
            }
            let (made, afterwards) =
                in_turn(index, wanted.indexed_field(&index.field), self.change.keeps_details);
            self.begin(of_move, &step_of(index)).await?;
            let created = target.create_index_in_turn(database, name, &made, &afterwards).await;
            created.map_err(|error| self.index_refused(index, error))?;
        }
        self.indexes_are_as_wanted(wanted).await?;
        // Milvus Lite has neither replicas nor resource groups.
        if is_loadable(wanted) && self.target.version().flavour != Flavour::Lite {
            // It is loaded once more at the end, and released then where it is not to stay so.
            self.begin(of_move, RELEASE_TARGET).await?;
            self.begin(of_move, ASK_LOAD).await?;
            self.try_load(wanted).await?;
        }
        Ok(())
    }

    /// Releases the target, and drops the indexes that were made only to ask for them.
    async fn undo(&mut self, of_move: MoveId, wanted: &Collection) -> Result<(), Failure> {
        let steps = self.ledger(move |ledger| ledger.steps(of_move)).await?;
        let target = &self.target;
        let (database, name) = (wanted.database.as_str(), wanted.name.as_str());
        if steps.get(ASK_LOAD) == Some(&StepState::Started) {
            match target.release(database, name, &[]).await {
                Ok(()) => self.wait_until_released(wanted).await?,
                Err(error) if is_not_let(error.kind) => return self.stays(&error).await,
                Err(error) => return Err(error.into()),
            }
            self.done(of_move, ASK_LOAD, "").await?;
        }
        for (step, index) in made_to_ask(&steps) {
            match self.target.drop_index(database, name, &index).await {
                Ok(()) => self.done(of_move, &step, "").await?,
                Err(error) if is_not_let(error.kind) => return self.stays(&error).await,
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    async fn wait_until_released(&self, wanted: &Collection) -> Result<(), Failure> {
        let started = Instant::now();
        let (database, name) = (&wanted.database, &wanted.name);
        while self.target.load_state(database, name, None).await? != LoadState::NotLoaded {
            pause(&self.common.halt, started, "the empty collection to be released").await?;
        }
        Ok(())
    }

    /// A user that may make indexes and load, and may not undo that, gets the rows into them: the
    /// copy costs the server more then, and is the same.
    async fn stays(&mut self, error: &crate::milvus::Error) -> Result<(), Failure> {
        let text = format!(
            "what was made on the empty collection to try it stays there while rows are copied, \
             which costs the target more: {error}"
        );
        if !self.outcome.warnings.contains(&text) {
            self.warn(text).await;
        }
        Ok(())
    }
}

fn is_not_let(kind: Kind) -> bool {
    matches!(kind, Kind::Unsupported | Kind::PermissionDenied)
}

/// What an error was not told after hours.
fn before_rows(failure: Failure) -> Failure {
    match failure {
        Failure::Refused(text) => Failure::Refused(format!("{text}\n  no row was copied yet")),
        other => other,
    }
}

/// Whether its server can load it: a vector without an index keeps that from it.
fn is_loadable(wanted: &Collection) -> bool {
    let plain = wanted.fields.iter().map(|field| (field, field.name.clone()));
    let inner = wanted.struct_fields.iter().flat_map(|of| {
        of.fields.iter().map(|field| {
            let whole = field.name.contains('[');
            let name =
                if whole { field.name.clone() } else { format!("{}[{}]", of.name, field.name) };
            (field, name)
        })
    });
    let mut vectors = plain.chain(inner).filter(|(field, _)| field.data_type.is_vector());
    vectors.all(|(_, name)| wanted.indexes.iter().any(|index| index.field == name))
}

fn step_of(index: &Index) -> String {
    let (field, path) = place(index);
    format!("{ASK_INDEX}{field}\n{}", path.unwrap_or_default())
}

/// The indexes that were made only to ask for them, and are not dropped yet, by their steps.
fn made_to_ask(steps: &BTreeMap<String, StepState>) -> Vec<(String, Index)> {
    let started = steps.iter().filter(|(_, state)| **state == StepState::Started);
    started
        .filter_map(|(step, _)| {
            let (field, path) = step.strip_prefix(ASK_INDEX)?.split_once('\n')?;
            let path = Some(path).filter(|path| !path.is_empty());
            let params = path.map(|path| ("json_path".to_owned(), path.to_owned()));
            let params = params.into_iter().collect();
            Some((step.clone(), Index { name: String::new(), field: field.to_owned(), params }))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn index(field: &str, path: Option<&str>) -> Index {
        let params = path.map(|path| ("json_path".to_owned(), path.to_owned()));
        Index { name: "one".into(), field: field.into(), params: params.into_iter().collect() }
    }

    #[test]
    fn an_index_is_found_again_by_its_step() {
        let made = [index("vector", None), index("facts", Some(r#"facts["a"]"#))];
        let dropped = index("other", None);
        let mut steps: BTreeMap<String, StepState> =
            made.iter().map(|index| (step_of(index), StepState::Started)).collect();
        steps.insert(step_of(&dropped), StepState::Done);
        steps.insert(ASK.to_owned(), StepState::Started);
        let found = made_to_ask(&steps);
        let places: Vec<_> = found.iter().map(|(_, index)| place(index)).collect();
        assert_eq!(places, [("facts", Some(r#"facts["a"]"#)), ("vector", None)]);
        assert!(found.iter().all(|(step, index)| step_of(index) == *step));
    }
}
