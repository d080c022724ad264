//! Properties of a collection that is there and that cannot be altered as it is now: loaded, or with
//! an index on a vector.

use super::Verdict;
use crate::changes::abilities::Abilities;
use crate::changes::abilities::rules::{Hindrance, ISOLATION, QUERY_MODE};
use crate::changes::{Finding, Inspected, TargetState};
use crate::model::LoadState;

/// Holds what is to be altered against what the target is. What the plan file asks for itself is
/// refused with what is to be done first; anything else stays as it is.
pub(super) fn hindered(
    verdict: &mut Verdict,
    inspected: &Inspected,
    target: &TargetState,
    abilities: &Abilities,
) {
    let address = target.collection.address();
    let has = &target.collection.properties;
    let rules = &inspected.rule.properties;
    for (name, value) in verdict.alter.clone() {
        let stands = match abilities.hindrance(&name, value.is_none()) {
            Some(Hindrance::Loaded) => target.load != LoadState::NotLoaded,
            Some(Hindrance::VectorIndex) => {
                let same = match name.as_str() {
                    QUERY_MODE => has.get(&name) == value.as_ref(),
                    _ => is_on(has.get(&name)) == is_on(value.as_ref()),
                };
                !same && has_vector_index(target)
            }
            None => false,
        };
        if !stands {
            continue;
        }
        let (code, why, first) = match abilities.hindrance(&name, value.is_none()) {
            Some(Hindrance::VectorIndex) => (
                "property_needs_index_dropped",
                "while a vector has an index",
                "drop the indexes of its vectors at the target first, which are made anew",
            ),
            _ => (
                "property_needs_release",
                "while the collection is loaded",
                "release it at the target first; it is loaded again in the end where it is to be",
            ),
        };
        let asked_for = rules.set.contains_key(&name) || rules.unset.contains(&name);
        if asked_for {
            let message = format!("{abilities} does not let {name} be altered {why}");
            let advice = format!("{first}; or take {name} out of `properties`");
            verdict.findings.push(Finding::error(code, &address, message, advice));
        } else {
            verdict.alter.remove(&name);
            let wanted = value.as_deref().unwrap_or("none");
            let is = has.get(&name).map_or("missing", String::as_str);
            let message = format!(
                "property {name} is {is}, not {wanted}, and is left so: {abilities} does not let it be \
                 altered {why}"
            );
            verdict.findings.push(Finding::warning("property_kept", &address, message, first));
        }
    }
    let removed: Vec<&str> = verdict
        .alter
        .iter()
        .filter(|(name, value)| value.is_none() && *name != ISOLATION)
        .map(|(name, _)| name.as_str())
        .collect();
    let ends = abilities.removal_ends_isolation() && is_on(has.get(ISOLATION));
    if ends && !removed.is_empty() && has_vector_index(target) {
        let message = format!(
            "{abilities} takes no property away from a collection with {ISOLATION} while a vector has an \
             index: {}",
            removed.join(", ")
        );
        let advice = "set another value instead, or remove it from `properties.unset`";
        verdict.findings.push(Finding::error(
            "property_needs_index_dropped",
            &address,
            message,
            advice,
        ));
    }
}

fn has_vector_index(target: &TargetState) -> bool {
    let of = &target.collection;
    let vector = |name: &str| of.field(name).is_some_and(|field| field.data_type.is_vector());
    of.indexes.iter().any(|index| vector(&index.field))
}

fn is_on(value: Option<&String>) -> bool {
    value.is_some_and(|value| value.eq_ignore_ascii_case("true"))
}
