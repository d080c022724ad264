//! Aliases that are to lead to a target and lead elsewhere.

use std::collections::{BTreeMap, BTreeSet};

use crate::changes::wanted::Wanted;
use crate::changes::{CollectionChange, Finding, Inspected};

/// Findings about aliases that another collection of the target has. A finished target is in use:
/// an alias that was moved on since is not fetched back.
pub(super) fn taken(inspected: &Inspected, wanted: &Wanted, finished: bool) -> Vec<Finding> {
    let to = &wanted.collection;
    let mut findings = Vec::new();
    for alias in &to.aliases {
        let address = format!("{}/{alias}", to.address());
        let Some(holder) = inspected.alias_holders.get(alias).filter(|holder| **holder != to.name)
        else {
            continue;
        };
        let found = if finished {
            let message = format!("the alias {alias:?} leads to {holder:?} by now, and is left so");
            Finding::warning("alias_moved_on", &address, message, "")
        } else if holder == alias {
            let message = format!("the alias {alias:?} cannot be made: a collection has that name");
            let advice =
                "rename it with `aliases = { old = \"new\" }`, or say `aliases = \"none\"`";
            Finding::error("alias_is_collection", &address, message, advice)
        } else if wanted.ending.move_aliases {
            let message = format!(
                "the alias {alias:?} is taken from {holder:?} when all rows are there: that is the \
                 cut-over"
            );
            Finding::warning("alias_taken_over", &address, message, "")
        } else {
            let message = format!("the alias {alias:?} leads to {holder:?} at the target");
            let advice = "say `move_aliases = true` to take it over when all rows are there, or \
                          `aliases = \"none\"`";
            Finding::error("alias_taken", &address, message, advice)
        };
        findings.push(found);
    }
    findings
}

/// Refuses aliases that two collections are to have, or that are the name of another target.
pub(super) fn wanted_twice(changes: &mut [CollectionChange]) {
    let mut takers: BTreeMap<(String, String), BTreeSet<String>> = BTreeMap::new();
    for change in changes.iter() {
        let Some(wanted) = &change.wanted else { continue };
        let of = |name: &str| (wanted.database.clone(), name.to_owned());
        for alias in &wanted.aliases {
            takers.entry(of(alias)).or_default().insert(change.target_address.clone());
        }
    }
    for change in changes.iter() {
        if let Some(wanted) = &change.wanted
            && let Some(takers) = takers.get_mut(&(wanted.database.clone(), wanted.name.clone()))
        {
            takers.insert(change.target_address.clone());
        }
    }
    for change in changes {
        let Some(wanted) = &change.wanted else { continue };
        for alias in wanted.aliases.clone() {
            let of = &takers[&(wanted.database.clone(), alias.clone())];
            if of.len() > 1 {
                let names: Vec<&str> = of.iter().map(String::as_str).collect();
                let message =
                    format!("the name {alias:?} would lead to several: {}", names.join(", "));
                let address = format!("{}/{alias}", change.target_address);
                let advice = "say `aliases = \"none\"`, or give other names, for all but one";
                change
                    .findings
                    .insert(0, Finding::error("alias_wanted_twice", &address, message, advice));
                change.refuse("alias_wanted_twice");
                break;
            }
        }
    }
}
