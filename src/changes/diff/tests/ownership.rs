//! Targets that somebody else fills, by the mark on them.

use super::*;
use crate::changes::BEING_FILLED;
use crate::changes::diff::TAKEN_OVER;
use crate::model::Mark;

pub(super) fn mark(owner: &str) -> Mark {
    let since = "2026-11-29T20:31:00.000Z".to_owned();
    Mark { since, owner: owner.to_owned(), plan: "catalog".to_owned() }
}

/// A target that another run made a moment ago.
fn filled_by(owner: &str) -> Inspected {
    let mut there = inspected(rule(), collection());
    there.target = Some(TargetState {
        id: 1,
        collection: collection(),
        load: LoadState::NotLoaded,
        rows: None,
        row_statistic: 0,
        marks: vec![mark(owner)],
    });
    there
}

/// One that this ledger's run is filling, or has filled, with its mark on it.
fn ours(finished: bool) -> Inspected {
    let before = inspected(rule(), collection());
    let mut after = carried_out(&before, &one(before.clone()), finished);
    let known = after.known.as_mut().unwrap();
    (known.owner, known.marked) = (Some("ours".to_owned()), !finished);
    after.target.as_mut().unwrap().marks = vec![mark("ours")];
    after
}

#[test]
fn a_target_that_another_run_fills_is_refused_by_its_name_whatever_the_rule() {
    for existing in [Existing::Refuse, Existing::Adopt] {
        let mut there = filled_by("other");
        there.rule.existing = existing;
        let change = one(there);
        assert_eq!((change.action, &*change.reason), (Action::Conflict, BEING_FILLED));
        let found = &change.findings[0];
        assert!(found.message.contains("\"catalog\", since 2026-11-29T20:31:00.000Z"), "{found:?}");
        assert!(found.advice.contains("--take-over default/products"), "{found:?}");
    }
}

#[test]
fn our_own_mark_is_in_nobodys_way() {
    assert_eq!(one(ours(false)).action, Action::Resume);
    // Where a server keeps every mark.
    assert_eq!(one(ours(true)).action, Action::Unchanged);
}

#[test]
fn a_mark_that_another_run_put_beside_ours_or_in_its_place_is_respected() {
    for marks in [vec![mark("other"), mark("ours")], vec![mark("other")]] {
        let mut both = ours(false);
        both.target.as_mut().unwrap().marks.clone_from(&marks);
        assert_eq!(one(both.clone()).reason, BEING_FILLED);
        both.take_over = true;
        assert_eq!((one(both).action), Action::Adopt);
        // One that is finished is left alone, and only what would be done to it is refused.
        let mut finished = ours(true);
        finished.target.as_mut().unwrap().marks = marks;
        let left = one(finished.clone());
        assert_eq!(left.action, Action::Unchanged);
        assert_eq!(left.findings[0].code, BEING_FILLED);
        finished.update = Some(Update::CatchUp);
        assert_eq!(one(finished).reason, BEING_FILLED);
    }
}

#[test]
fn a_mark_that_is_gone_stops_a_run_that_saw_it() {
    let mut gone = ours(false);
    gone.target.as_mut().unwrap().marks.clear();
    assert_eq!(one(gone.clone()).reason, "mark_gone");
    let mut taken_over = gone.clone();
    taken_over.take_over = true;
    assert_eq!(one(taken_over).reason, TAKEN_OVER);
    // Of a ledger from before there were marks, or where the server keeps none.
    gone.known.as_mut().unwrap().marked = false;
    assert_eq!(one(gone).action, Action::Resume);
}

#[test]
fn only_what_another_run_marked_is_taken_over_and_only_what_fits() {
    let mut there = filled_by("other");
    there.take_over = true;
    let change = one(there.clone());
    assert_eq!((change.action, &*change.reason), (Action::Adopt, TAKEN_OVER));
    assert!(change.findings.iter().any(|found| found.code == TAKEN_OVER));
    let mut unmarked = there.clone();
    unmarked.target.as_mut().unwrap().marks.clear();
    assert_eq!(one(unmarked).reason, "target_exists");
    there.target.as_mut().unwrap().collection.fields.remove(2);
    assert_eq!(one(there).reason, "target_schema_differs");
}
