//! Targets that another run fills, by the mark on them: left alone, or taken over.

use super::{Verdict, adoption};
use crate::changes::abilities::{Abilities, Family};
use crate::changes::wanted::Wanted;
use crate::changes::{Action, BEING_FILLED, Finding, Inspected, TargetState};
use crate::model::{Existing, Mark};

/// The code of the finding that a target is taken over from another run, and the reason.
pub const TAKEN_OVER: &str = "taken_over";

/// The mark of somebody else, if there is one.
fn of_another<'a>(inspected: &Inspected, target: &'a TargetState) -> Option<&'a Mark> {
    let ours = inspected.known.as_ref().and_then(|known| known.owner.as_ref());
    target.marks.iter().find(|mark| Some(&mark.owner) != ours)
}

/// Whether an earlier run marked this very collection, did not come to an end, and the mark is gone:
/// another run has taken it over since, or somebody took the mark away.
fn is_gone(inspected: &Inspected, target: &TargetState) -> bool {
    inspected.known.as_ref().is_some_and(|known| {
        let there = target.marks.iter().any(|mark| Some(&mark.owner) == known.owner.as_ref());
        !known.finished && known.marked && known.target_id == Some(target.id) && !there
    })
}

/// The verdict on a target that is taken over: it is filled as one that is adopted, by key, as
/// nobody knows what the other run wrote. `None` where there is nobody to take it over from.
pub(super) fn taken_over(
    inspected: &Inspected,
    target: &TargetState,
    wanted: &Wanted,
    abilities: &Abilities,
) -> Option<Verdict> {
    let other = of_another(inspected, target);
    if !inspected.take_over || (other.is_none() && !is_gone(inspected, target)) {
        return None;
    }
    let mut adopting = inspected.clone();
    adopting.rule.existing = Existing::Adopt;
    let mut verdict = adoption::decide(&adopting, target, wanted, abilities);
    if verdict.action == Action::Adopt {
        verdict.reason = TAKEN_OVER;
        let from = other.map_or_else(|| "another run".to_owned(), Mark::who);
        let message = format!(
            "taken over from another run ({from}): should that run still be at work, or be started \
             again, rows of both are mixed"
        );
        let address = wanted.collection.address();
        let advice = "be sure that it is at work no more";
        verdict.findings.push(Finding::warning(TAKEN_OVER, address, message, advice));
    }
    Some(verdict)
}

/// The verdict, unless it is about a target that another run fills.
pub(super) fn respected(
    mut verdict: Verdict,
    inspected: &Inspected,
    target: &TargetState,
    address: &str,
    abilities: &Abilities,
) -> Verdict {
    let take_over = format!(
        "wait until that run is done, or run its command again where its ledger is; if both are lost, \
         `apply --take-over {address}` writes every row by key and goes on in its place"
    );
    if let Some(mark) = of_another(inspected, target) {
        let forever = if abilities.family == Family::Lite2 {
            " (Milvus Lite 2 keeps this mark when that run is done)"
        } else {
            ""
        };
        let message = format!("another run is filling this collection: {}{forever}", mark.who());
        if verdict.action == Action::Unchanged {
            verdict.findings.push(Finding::warning(BEING_FILLED, address, message, ""));
            return verdict;
        }
        return Verdict::conflict(BEING_FILLED, address, message, &take_over);
    }
    if verdict.action == Action::Resume && is_gone(inspected, target) {
        let message = "an earlier run marked this collection as being filled by it, and the mark is \
                       gone: another run has taken it over since, or somebody removed it";
        let advice = format!(
            "if no other run is at work, `apply --take-over {address}` writes every row by key and \
             goes on"
        );
        return Verdict::conflict("mark_gone", address, message.to_owned(), &advice);
    }
    if verdict.action == Action::Adopt && abilities.family == Family::Lite2 {
        let message = format!(
            "{abilities} lets no collection be marked that is there already: another run that writes \
             into it at the same time would not be noticed"
        );
        let advice = "start no other run onto it; rows are written by key, so that none is doubled";
        verdict.findings.push(Finding::warning("not_marked", address, message, advice));
    }
    verdict
}
