//! Targets that are in use, and what of them is only for the time of the copy.

use super::{Action, CollectionChange, Inspected, Known, TargetState};
use crate::model::Collection;

impl Inspected {
    /// Whether the target was finished by an earlier run and is still there.
    pub fn in_use(&self) -> bool {
        in_use(self.known.as_ref(), self.target.as_ref())
    }
}

pub(super) fn in_use(known: Option<&Known>, target: Option<&TargetState>) -> bool {
    let (Some(known), Some(target)) = (known, target) else { return false };
    known.finished && known.target_id == Some(target.id)
}

impl CollectionChange {
    /// The value of a property before and after the copy: as it was found at a collection that was
    /// adopted, otherwise as it is wanted.
    pub fn property_in_the_end(&self, wanted: &Collection, name: &str) -> Option<String> {
        let of = match (&self.action, &self.known, &self.target) {
            (Action::Adopt, _, Some(target)) => &target.collection.properties,
            (Action::Resume, Some(known), _) if known.adopted => {
                known.created.as_ref().map_or(&wanted.properties, |found| &found.properties)
            }
            _ => &wanted.properties,
        };
        of.get(name).cloned()
    }

    /// Whether rows are written, so that the target has the properties of the copy meanwhile.
    pub fn writes_rows(&self) -> bool {
        self.is_pending()
            && (!self.is_finished() || self.update.is_some())
            && self.source.as_ref().is_some_and(|source| !source.is_unread())
    }

    /// Whether properties of the copy are taken back in the end.
    pub fn takes_back(&self) -> bool {
        let left = self.known.as_ref().is_some_and(|known| known.to_take_back);
        !self.during.is_empty() && (self.writes_rows() || (self.is_finished() && left))
    }
}
