//! What a target has beside its rows: properties and aliases.

use std::collections::BTreeMap;

use super::{Failure, Turn};
use crate::changes::Action;
use crate::ledger::{MoveId, StepState};
use crate::model::Collection;

/// The step that takes back the properties that were there while rows were copied: begun before they are
/// set at a collection that is there, and done when they are as they are to be.
pub const TAKE_BACK: &str = "take_back_properties";

impl Turn<'_> {
    /// Alters properties of a collection that was there already.
    pub(super) async fn alter_properties(
        &mut self,
        of_move: MoveId,
        wanted: &Collection,
    ) -> Result<(), Failure> {
        let alter = self.change.alter.clone();
        if alter.is_empty() {
            return Ok(());
        }
        self.step("alter properties").await;
        let set = alter.iter().filter_map(|(name, value)| Some((name.clone(), value.clone()?)));
        let unset: Vec<String> = alter
            .iter()
            .filter(|(_, value)| value.is_none())
            .map(|(name, _)| name.clone())
            .collect();
        let (database, name) = (&wanted.database, &wanted.name);
        self.target.alter_collection(database, name, &set.collect(), &unset).await?;
        // What it is now is the measure of what changes later.
        let described = self.describe(wanted).await?;
        let missing: Vec<String> = alter
            .iter()
            .filter(|(name, value)| described.collection.properties.get(*name) != value.as_ref())
            .map(|(name, _)| name.clone())
            .collect();
        let (id, now) = (described.id, described.collection);
        self.ledger(move |ledger| ledger.target_described(of_move, id, &now)).await?;
        if let Some(known) = &self.change.known
            && self.change.action == Action::Resume
        {
            let mut by_now = known.wanted.clone();
            for (name, value) in &alter {
                match value {
                    Some(value) => by_now.properties.insert(name.clone(), value.clone()),
                    None => by_now.properties.remove(name),
                };
            }
            self.ledger(move |ledger| ledger.wanted_altered(of_move, &by_now)).await?;
        }
        if !missing.is_empty() {
            let names = missing.join(", ");
            self.warn(format!("the target does not show these properties as altered: {names}"))
                .await;
        }
        Ok(())
    }

    /// Gives a collection that was there already the properties that rows are copied under: one that
    /// is adopted, one that was finished, or whose properties were taken back before a run that ended
    /// early.
    pub(super) async fn set_properties_of_copy(
        &mut self,
        of_move: MoveId,
        wanted: &Collection,
    ) -> Result<(), Failure> {
        let during = &self.change.during;
        if during.is_empty() || self.change.action == Action::Create {
            return Ok(());
        }
        let have = self.describe(wanted).await?.collection.properties;
        let lacking: BTreeMap<String, String> = during
            .iter()
            .filter(|(name, value)| have.get(*name) != Some(value))
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        if lacking.is_empty() {
            return Ok(());
        }
        self.step("set properties for the copy").await;
        self.begin(of_move, TAKE_BACK).await?;
        let (database, name) = (&wanted.database, &wanted.name);
        Ok(self.target.alter_collection(database, name, &lacking, &[]).await?)
    }

    /// Gives properties that were different while rows were copied their value back.
    pub(super) async fn take_back_properties(
        &mut self,
        of_move: MoveId,
        wanted: &Collection,
    ) -> Result<(), Failure> {
        let during = &self.change.during;
        let steps = self.ledger(move |ledger| ledger.steps(of_move)).await?;
        if during.is_empty() || steps.get(TAKE_BACK) == Some(&StepState::Done) {
            return Ok(());
        }
        self.step("take back properties of the copy").await;
        self.begin(of_move, TAKE_BACK).await?;
        let (database, name) = (&wanted.database, &wanted.name);
        let keeps = self.target.request_ends_isolation(database, name).await?;
        let mut set = BTreeMap::new();
        let mut unset = Vec::new();
        for name in during.keys() {
            match self.change.property_in_the_end(wanted, name) {
                Some(value) => drop(set.insert(name.clone(), value)),
                // All of them are off where they are not there.
                None if keeps => drop(set.insert(name.clone(), "false".to_owned())),
                None => unset.push(name.clone()),
            }
        }
        if let Err(error) = self.target.alter_collection(database, name, &set, &unset).await {
            let names: Vec<&str> = during.keys().map(String::as_str).collect();
            let text = format!(
                "the target still has properties that are only for the copy, and the next `apply` takes \
                 them back: {}",
                names.join(", ")
            );
            self.warn(text).await;
            return Err(error.into());
        }
        self.done(of_move, TAKE_BACK, "").await
    }

    /// Lets the aliases lead to the target. One that another collection has is only taken from it
    /// when the plan file says so; of a finished target none is, as it was moved on since.
    pub(super) async fn move_aliases(&mut self, wanted: &Collection) -> Result<(), Failure> {
        let target = &self.target;
        let (database, name) = (wanted.database.as_str(), wanted.name.as_str());
        // One that is made anew is not in use: its aliases are the cut-over once more.
        let finished = self.change.known.as_ref().is_some_and(|known| known.finished)
            && self.change.action == Action::Resume;
        for alias in &wanted.aliases {
            let holder = target
                .describe_collection(database, alias)
                .await?
                .map(|described| described.collection.name);
            match holder.as_deref() {
                Some(holder) if holder == name => {}
                None => {
                    self.step(&format!("create alias {alias}")).await;
                    target.create_alias(database, alias, name).await?;
                }
                Some(_) if finished => {}
                Some(holder) if self.change.ending.move_aliases && holder != alias => {
                    self.step(&format!("move alias {alias} from {holder}")).await;
                    target.alter_alias(database, alias, name).await?;
                }
                Some(holder) => {
                    return Err(Failure::Refused(format!(
                        "the name {alias:?} leads to {holder:?} at the target since this was \
                         planned; run the same command again to see it"
                    )));
                }
            }
        }
        Ok(())
    }
}
