//! Targets that no recorded run made: refused, or adopted with what they lack.

use super::hindered::hindered;
use super::{Verdict, names_beyond};
use crate::changes::abilities::Abilities;
use crate::changes::wanted::{Wanted, is_made_up};
use crate::changes::{Action, Finding, Inspected, TargetState};
use crate::model::Existing;
use crate::model::differences::{Difference, Weight, differences, list, other_indexes};
use crate::model::quantity::counted;

/// Properties by which rows expire.
const EXPIRING: &[&str] = &["collection.ttl.seconds", "ttl_field"];

/// What to do with a collection that is there already.
pub(super) fn decide(
    inspected: &Inspected,
    target: &TargetState,
    wanted: &Wanted,
    abilities: &Abilities,
) -> Verdict {
    let address = wanted.collection.address();
    if inspected.rule.existing == Existing::Refuse {
        let advice = match unfit(&address, target, wanted, abilities) {
            None => {
                "choose another `target`, point --state at the ledger of the run that made it, or \
                 write into it with `existing = \"adopt\"`"
                    .to_owned()
            }
            Some(conflict) => format!(
                "choose another `target`, or point --state at the ledger of the run that made it; \
                 it cannot be adopted: {}",
                conflict.explanation
            ),
        };
        return Verdict::conflict(
            "target_exists",
            &address,
            "a collection of this name is at the target, and no run recorded in this ledger made \
             it"
            .to_owned(),
            &advice,
        );
    }
    if let Some(conflict) = unfit(&address, target, wanted, abilities) {
        return conflict;
    }
    let found = differences(&wanted.collection, &target.collection, abilities.keeps_details);
    let alterable: Vec<_> =
        found.into_iter().filter(|difference| difference.property.is_some()).collect();
    let rows = match target.rows {
        Some(rows) => format!("it holds {}", counted(rows, "row")),
        None => "its rows are not counted, as it is not loaded".to_owned(),
    };
    let mut verdict = Verdict::new(Action::Adopt, "adopted", format!("written into; {rows}"));
    verdict.findings.push(Finding::warning(
        "adopted",
        &address,
        format!(
            "the collection is there already and {rows}; rows with the same key are replaced{}, \
             others stay",
            if wanted.settings.by_partition { " within their partition" } else { "" }
        ),
        "",
    ));
    if wanted.settings.by_partition && target.rows != Some(0) {
        verdict.findings.push(Finding::warning(
            "adopted_by_partition",
            &address,
            "a key that the target holds in another partition than the source would be there \
             twice: servers replace rows only within a partition"
                .to_owned(),
            "be sure that it does not, or choose another `target`",
        ));
    }
    properties(&mut verdict, inspected, target, wanted, abilities, &alterable);
    verdict
}

/// Why a collection that is there cannot be adopted.
fn unfit(
    address: &str,
    target: &TargetState,
    wanted: &Wanted,
    abilities: &Abilities,
) -> Option<Verdict> {
    let partitions = names_beyond(&target.collection.partitions, &wanted.collection.partitions);
    if !partitions.is_empty() {
        return Some(Verdict::conflict(
            "target_schema_differs",
            address,
            format!(
                "the collection at the target has partitions of its own ({partitions}): a row is \
                 replaced only within its partition, so a key that is in another would be doubled"
            ),
            "choose another `target`",
        ));
    }
    let found = differences(&wanted.collection, &target.collection, abilities.keeps_details);
    let fixed: Vec<_> =
        found.into_iter().filter(|difference| difference.property.is_none()).collect();
    if let Some(conflict) = cannot_be_altered(address, &fixed) {
        return Some(conflict);
    }
    let text = other_indexes(&wanted.collection, &target.collection, abilities.keeps_details)?;
    Some(Verdict::conflict(
        "target_index_differs",
        address,
        format!("the collection at the target has other indexes: {text}"),
        "say in the plan file that they are to be so (`indexes`), or drop them at the target to \
         have them made",
    ))
}

/// The properties of an adopted target that are to be altered.
pub(super) fn properties(
    verdict: &mut Verdict,
    inspected: &Inspected,
    target: &TargetState,
    wanted: &Wanted,
    abilities: &Abilities,
    differences: &[Difference],
) {
    for difference in differences {
        alter(verdict, difference, inspected, target, wanted);
    }
    let unset = &inspected.rule.properties.unset;
    let there = target.collection.properties.keys();
    let unwanted = there
        .filter(|name| unset.contains(*name) && !wanted.collection.properties.contains_key(*name));
    verdict.alter.extend(unwanted.map(|name| (name.clone(), None)));
    hindered(verdict, inspected, target, abilities);
}

/// What the target lacks is set; another value is only replaced when the plan file itself says so,
/// and so is what would let rows expire that were there before.
fn alter(
    verdict: &mut Verdict,
    difference: &Difference,
    inspected: &Inspected,
    target: &TargetState,
    wanted: &Wanted,
) {
    let Some(name) = &difference.property else { return };
    let asked_for = inspected.rule.properties.set.contains_key(name);
    let value = wanted.collection.properties.get(name);
    if !asked_for && value.is_some_and(|value| is_made_up(name, value)) {
        return;
    }
    let expires = EXPIRING.contains(&name.as_str()) && target.rows != Some(0);
    if asked_for || (!target.collection.properties.contains_key(name) && !expires) {
        verdict.alter.insert(name.clone(), value.cloned());
        return;
    }
    verdict.findings.push(Finding::warning(
        "property_kept",
        wanted.collection.address(),
        format!(
            "the collection at the target differs and is left so: {}",
            list(std::slice::from_ref(difference)).unwrap_or_default()
        ),
        "to change it, give the value under `properties.set`",
    ));
}

/// The conflict over attributes that a collection has for good.
fn cannot_be_altered(address: &str, differences: &[Difference]) -> Option<Verdict> {
    let essential = differences.iter().any(|difference| difference.weight == Weight::Rows);
    let text = list(differences)?;
    Some(if essential {
        Verdict::conflict(
            "target_schema_differs",
            address,
            format!("the collection at the target has another schema: {text}"),
            "choose another `target`, or make the schemas alike",
        )
    } else {
        Verdict::conflict(
            "target_attribute_differs",
            address,
            format!(
                "the collection at the target differs in what cannot be altered in place: {text}"
            ),
            "say in the plan file that it is to be so (`description`, `shards`, `consistency`, \
             `fields.NAME`), or choose another `target`",
        )
    })
}
