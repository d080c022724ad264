//! Properties that differ from the source's.

use super::super::document::child;
use super::super::file::PropertiesTable;
use super::Context;
use super::collections::Entry;
use crate::diagnostic::Diagnostic;
use crate::model::PropertyRules;

/// Reports what is wrong with one table of properties.
pub(super) fn check(pointer: &str, table: Option<&PropertiesTable>, context: &mut Context<'_>) {
    let Some(table) = table else { return };
    let set = child(&child(pointer, "properties"), "set");
    let unset = child(&child(pointer, "properties"), "unset");
    let empty = || Diagnostic::error("invalid_name", "the name of a property is empty");
    for name in table.set.iter().flat_map(|set| set.keys()).filter(|name| name.is_empty()) {
        context.report_key(&child(&set, name), empty());
    }
    for (index, name) in table.unset.iter().flatten().enumerate() {
        let at = format!("{unset}/{index}");
        if name.is_empty() {
            context.report(&at, empty());
        } else if table.set.as_ref().is_some_and(|set| set.contains_key(name)) {
            let finding = Diagnostic::error(
                "set_and_unset",
                format!("the property `{name}` is both set and unset"),
            )
            .related(context.key_span(&child(&set, name)), "it is set here")
            .help("keep one of the two");
            context.report(&at, finding);
        }
    }
}

impl Entry<'_> {
    pub(super) fn properties(&self) -> PropertyRules {
        let rules = |table: Option<&PropertiesTable>| table.map(rules).unwrap_or_default();
        over(rules(self.own.properties.as_ref()), rules(self.defaults.properties.as_ref()))
    }
}

fn rules(table: &PropertiesTable) -> PropertyRules {
    let set = table.set.iter().flatten();
    PropertyRules {
        set: set.map(|(name, value)| (name.clone(), value.to_text())).collect(),
        unset: table.unset.iter().flatten().cloned().collect(),
    }
}

/// What an entry says over what the defaults say, property by property.
fn over(own: PropertyRules, mut default: PropertyRules) -> PropertyRules {
    default.unset.retain(|name| !own.set.contains_key(name));
    default.set.retain(|name, _| !own.unset.contains(name));
    default.unset.extend(own.unset);
    default.set.extend(own.set);
    default
}

#[cfg(test)]
mod tests {
    use proptest::collection::{btree_map, btree_set};
    use proptest::prelude::*;

    use super::*;

    /// Rules that set and unset no property at once, out of few names, so that they meet.
    fn rule() -> impl Strategy<Value = PropertyRules> {
        (btree_map("[a-e]", "[xyz]", 0..4), btree_set("[a-e]", 0..4)).prop_map(
            |(set, mut unset)| {
                unset.retain(|name| !set.contains_key(name));
                PropertyRules { set, unset }
            },
        )
    }

    proptest! {
        #[test]
        fn the_entry_wins_and_the_rest_stays(own in rule(), default in rule()) {
            let merged = over(own.clone(), default.clone());
            for name in ["a", "b", "c", "d", "e"] {
                let says = |rules: &PropertyRules| {
                    (rules.set.get(name).cloned(), rules.unset.contains(name))
                };
                let nothing = (None, false);
                let wanted = if says(&own) == nothing { says(&default) } else { says(&own) };
                prop_assert_eq!(says(&merged), wanted);
            }
        }

        #[test]
        fn merging_again_changes_nothing(own in rule(), default in rule()) {
            let merged = over(own.clone(), default.clone());
            prop_assert_eq!(over(own.clone(), merged.clone()), merged.clone());
            prop_assert_eq!(over(merged.clone(), default), merged);
            prop_assert_eq!(over(own.clone(), PropertyRules::default()), own.clone());
            prop_assert_eq!(over(PropertyRules::default(), own.clone()), own);
        }
    }
}
