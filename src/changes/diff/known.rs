//! Targets that earlier runs made or filled: what became of them since.

use std::collections::BTreeMap;

use super::hindered::hindered;
use super::{Verdict, adoption, names_beyond};
use crate::changes::abilities::{Abilities, Family, Feature};
use crate::changes::wanted::Wanted;
use crate::changes::{Action, Finding, Inspected, Known, Loaded, SourceState, TargetState, Update};
use crate::model::differences::{differences, essential, list, not_kept, other_indexes, place};
use crate::model::quantity::{count, counted};
use crate::model::{AliasRule, Existing, LoadRule, LoadState};

/// Everything there is to compare.
pub(super) struct Sides<'a> {
    pub(super) inspected: &'a Inspected,
    pub(super) known: &'a Known,
    pub(super) source: &'a SourceState,
    pub(super) target: &'a TargetState,
    pub(super) wanted: &'a Wanted,
    pub(super) abilities: &'a Abilities,
}

/// What to do with a target that the ledger knows.
pub(super) fn decide(sides: &Sides<'_>) -> Verdict {
    let Sides { inspected, known, source, target, wanted, abilities } = sides;
    let existing = inspected.rule.existing;
    let address = wanted.collection.address();
    if known.source_address != source.collection.address() {
        return Verdict::conflict(
            "target_taken",
            &address,
            format!("an earlier run filled this collection from {}", known.source_address),
            "choose another `target`",
        );
    }
    if known.target_id.is_none() && !was_made(sides) {
        // An earlier run meant to make it and did not note that it did: this is another one, or holds
        // more than that run can have put in.
        return adoption::decide(inspected, target, wanted, abilities);
    }
    // Milvus Lite describes every collection with the id 0.
    if known.target_id.is_some_and(|id| id != target.id && id != 0) {
        if existing == Existing::Adopt {
            return adoption::decide(inspected, target, wanted, abilities);
        }
        return Verdict::conflict(
            "target_replaced",
            &address,
            "the collection at the target is not the one that an earlier run made: it was dropped \
             and made again since"
                .to_owned(),
            "drop it to have it made anew, or write into it with `existing = \"adopt\"`",
        );
    }
    if let Some(verdict) = not_as_asked_for(sides) {
        return verdict;
    }
    if known.source_id != source.id && source.id != 0 {
        return Verdict::conflict(
            "source_replaced",
            &address,
            format!(
                "{} is not the collection that an earlier run read: it was dropped and made again \
                 since",
                source.collection.address()
            ),
            "give that collection its name back; or drop this target to have it made anew, or choose \
             another `target`",
        );
    }
    if known.finished { finished(sides) } else { unfinished(sides) }
}

/// Whether a target is what a run made that did not note it: nothing is in it, nothing was done to it,
/// and it has the mark that it was made with.
fn was_made(sides: &Sides<'_>) -> bool {
    let Sides { inspected, known, target, abilities, .. } = sides;
    let collection = &target.collection;
    let may_adopt = inspected.rule.existing == Existing::Adopt;
    let empty = match target.rows {
        Some(rows) => rows == 0,
        None => target.load == LoadState::NotLoaded,
    };
    let marked = target.marks.iter().any(|mark| Some(&mark.owner) == known.owner.as_ref());
    empty
        && target.row_statistic == 0
        && collection.indexes.is_empty()
        && collection.aliases.is_empty()
        // Of all others it is known that they keep it.
        && (marked || (matches!(abilities.family, Family::Zilliz(_)) && !may_adopt))
}

/// A collection that its server made differently from what was asked for must not be filled.
fn not_as_asked_for(sides: &Sides<'_>) -> Option<Verdict> {
    let created = sides.known.created.as_ref()?;
    // A finished target was altered since, as far as it lets itself be.
    let details = sides.abilities.keeps_details && !sides.known.finished;
    let (failing, _) = not_kept(&sides.known.wanted, created, details);
    if failing.is_empty() || sides.known.adopted {
        return None;
    }
    let text = failing.join("; ");
    Some(Verdict::conflict(
        "target_schema_differs",
        &sides.wanted.collection.address(),
        format!("the target made this collection differently from what was asked for: {text}"),
        "drop it there, and leave it out of the plan file or move to a server that knows these \
         attributes",
    ))
}

/// An unfinished target must be exactly as it was when it was begun.
fn unfinished(sides: &Sides<'_>) -> Verdict {
    let Sides { known, target, wanted, .. } = sides;
    let address = wanted.collection.address();
    let changed = |text: String| {
        let message =
            format!("the collection was begun from other settings or another source: {text}");
        let advice = "undo the change, or choose another `target`";
        Verdict::conflict("plan_changed", &address, message, advice)
    };
    if let Some(text) = list(&differences(&wanted.collection, &known.wanted, true)) {
        return changed(text);
    }
    let dropped = names_beyond(&known.wanted.partitions, &wanted.collection.partitions);
    if !dropped.is_empty() {
        return changed(format!("the source has these partitions no more: {dropped}"));
    }
    if known.settings != wanted.settings {
        return changed("partitions or dynamic data were to be treated differently".to_owned());
    }
    // What the server said right after it made the collection is the measure: some attributes
    // it may never have kept. Without that, only what rows depend on can be compared.
    let made = known.created.as_ref().unwrap_or(&wanted.collection);
    let mut changed = differences(made, &target.collection, known.created.is_some());
    // Those of the copy are taken back in the end.
    changed.retain(|found| {
        found.property.as_ref().is_none_or(|name| !wanted.during.contains_key(name))
    });
    // A run that was killed had altered them, and not noted it yet.
    let have = &target.collection.properties;
    changed.retain(|found| {
        let property = found.property.as_ref();
        property.is_none_or(|name| have.get(name) != wanted.collection.properties.get(name))
    });
    if let Some(text) = list(&changed) {
        return drifted(&address, &text);
    }
    let explanation = format!(
        "{} in {} are there; {} are known and to be copied",
        counted(known.rows, "row"),
        counted(known.chunks_done, "chunk"),
        counted(known.chunks_open, "chunk")
    );
    let mut verdict = Verdict::new(Action::Resume, "unfinished", explanation);
    if sides.inspected.update == Some(Update::CatchUp) {
        verdict.explanation.push_str("; then what changed at the source since is carried over");
        verdict.update = Some(Update::CatchUp);
    }
    if known.adopted && sides.abilities.keeps_details {
        let mut lacking = differences(&wanted.collection, &target.collection, true);
        lacking.retain(|found| found.property.is_some());
        adoption::properties(
            &mut verdict,
            sides.inspected,
            target,
            wanted,
            sides.abilities,
            &lacking,
        );
    }
    verdict
}

fn drifted(address: &str, text: &str) -> Verdict {
    Verdict::conflict(
        "target_drifted",
        address,
        format!("the collection was changed at the target: {text}"),
        "undo the change at the target, or choose another `target`",
    )
}

/// A finished target is in use: what changed since is said, and only what makes it another
/// collection, or takes its rows away, stands against going on.
fn finished(sides: &Sides<'_>) -> Verdict {
    let Sides { known, target, wanted, .. } = sides;
    let address = wanted.collection.address();
    let made = known.created.as_ref().unwrap_or(&known.wanted);
    let mut at_target = differences(made, &target.collection, true);
    let asked_for = differences(&wanted.collection, &known.wanted, true);
    // What was asked for anew and is not so yet.
    let not_so: Vec<String> = differences(&wanted.collection, &target.collection, true)
        .into_iter()
        .map(|difference| difference.name)
        .collect();
    let alter = altered(sides);
    let asked_for_still: Vec<_> = asked_for
        .into_iter()
        .filter(|difference| not_so.contains(&difference.name))
        .filter(|found| found.property.as_ref().is_none_or(|name| !alter.contains_key(name)))
        .collect();
    if let Some(text) = list(&essential(differences(&wanted.collection, &known.wanted, false))) {
        return Verdict::conflict(
            "plan_changed",
            &address,
            format!("the collection was made from other settings or another source schema: {text}"),
            "undo the change, or choose another `target`",
        );
    }
    if let Some(text) = list(&essential(differences(made, &target.collection, false))) {
        return drifted(&address, &text);
    }
    let dropped = names_beyond(&known.wanted.partitions, &target.collection.partitions);
    if !dropped.is_empty() {
        return drifted(&address, &format!("these partitions are there no more: {dropped}"));
    }
    let emptied = target.rows == Some(0) && known.rows > 0 && !known.adopted;
    if emptied {
        let mut verdict = Verdict::new(Action::Conflict, "target_emptied", "");
        verdict.findings.push(Finding::error(
            "target_emptied",
            &address,
            format!("{} were copied, and the collection is empty now", counted(known.rows, "row")),
            "drop it to have it made and filled anew, or choose another `target`",
        ));
        return verdict;
    }
    let mut verdict = lacking(sides).or_else(|| left_of_the_copy(sides)).unwrap_or_else(|| {
        let text = format!("{} copied", counted(known.rows, "row"));
        Verdict::new(Action::Unchanged, "done", text)
    });
    if !alter.is_empty() {
        if verdict.action == Action::Unchanged {
            let names: Vec<&str> = alter.keys().map(String::as_str).collect();
            let text = format!("properties are altered: {}", names.join(", "));
            verdict = Verdict::new(Action::Resume, "properties_changed", text);
        }
        at_target.retain(|found| found.property.as_ref().is_none_or(|n| !alter.contains_key(n)));
        verdict.alter = alter;
        hindered(&mut verdict, sides.inspected, target, sides.abilities);
    }
    verdict.findings.extend(not_removable(sides));
    if let Some(update) = sides.inspected.update
        && let Some(refused) = brought_up_to_date(sides, update, &mut verdict)
    {
        return refused;
    }
    verdict.findings.extend(deviations(sides));
    let mut warn = |code, message: String, advice| {
        verdict.findings.push(Finding::warning(code, &address, message, advice));
    };
    if let Some(text) = list(&asked_for_still) {
        let message = format!("since it was finished, what is asked for has changed: {text}");
        warn("changed_since", message, "change it at the target by hand");
    }
    if known.half_caught_up && sides.inspected.update != Some(Update::CatchUp) {
        warn(
            "half_caught_up",
            "an earlier `apply --catch-up` was not completed: the target holds rows of before and \
             after it"
                .to_owned(),
            "once nobody writes to the source, `apply --catch-up` makes its rows those of the source",
        );
    }
    if let Some(text) = list(&at_target) {
        warn("target_drifted", format!("it was changed at the target since: {text}"), "");
    }
    // Rows of partitions that are not loaded are not counted.
    let counts_all = wanted.ending.loaded == Loaded::All || known.wanted.partitions.is_empty();
    if !known.adopted
        && counts_all
        && let Some(rows) = target.rows
        && rows != known.rows
    {
        let message =
            format!("the target holds {}, {} were copied", counted(rows, "row"), count(known.rows));
        warn("target_rows_differ", message, "rows were written or deleted at the target since");
    }
    verdict
}

/// Makes the verdict one that brings the rows up to date, or says why that cannot be done.
fn brought_up_to_date(sides: &Sides<'_>, update: Update, verdict: &mut Verdict) -> Option<Verdict> {
    let Sides { known, wanted, .. } = sides;
    if known.settings != wanted.settings {
        let address = wanted.collection.address();
        return Some(Verdict::conflict(
            "plan_changed",
            &address,
            "rows were copied in another way than the plan file asks for by now: partitions, \
             dynamic data, names or fields"
                .to_owned(),
            "undo the change, so that they can be compared; or choose another `target`",
        ));
    }
    let (reason, explanation) = match update {
        Update::Repair => {
            ("rows_differ", "a verification found rows that differ: they are copied again")
        }
        Update::CatchUp => ("catch_up", "rows that changed at the source since are carried over"),
    };
    if verdict.action == Action::Unchanged {
        (verdict.action, verdict.reason) = (Action::Resume, reason);
        explanation.clone_into(&mut verdict.explanation);
    } else {
        verdict.explanation = format!("{}; {explanation}", verdict.explanation);
    }
    verdict.update = Some(update);
    None
}

/// What a finished target has otherwise than it is asked for by now, and that is left so.
fn deviations(sides: &Sides<'_>) -> Vec<Finding> {
    let Sides { known, target, wanted, abilities, .. } = sides;
    let address = wanted.collection.address();
    let tells_all = abilities.keeps_details;
    let mut findings = Vec::new();
    let mut warn = |code, message: String, advice: &str| {
        findings.push(Finding::warning(code, &address, message, advice));
    };
    if let Some(text) = other_indexes(&wanted.collection, &target.collection, tells_all) {
        let advice = "an index is not replaced on its own: drop it at the target, and the next run \
                      makes it anew; or give `indexes` in the plan file as the target has them";
        warn("index_differs", format!("indexes at the target are others: {text}"), advice);
    }
    let left = names_beyond(&known.wanted.aliases, &wanted.collection.aliases);
    let left: Vec<&str> = left
        .split(", ")
        .filter(|alias| target.collection.aliases.iter().any(|have| have == alias))
        // The source's own may be gone from it because they went over.
        .filter(|_| !matches!(sides.inspected.rule.aliases, AliasRule::Keep))
        .collect();
    if !left.is_empty() {
        let message =
            format!("these aliases are not asked for any more, and stay: {}", left.join(", "));
        warn("alias_left", message, "drop them at the target by hand");
    }
    let new = names_beyond(&wanted.collection.partitions, &known.wanted.partitions);
    let same_selection = known.settings.partitions == wanted.settings.partitions;
    if !new.is_empty()
        && same_selection
        && (known.settings.by_partition || wanted.settings.by_partition)
    {
        let message = format!("partitions are new at the source, and were not copied: {new}");
        warn("changed_since", message, "");
    }
    if !same_selection {
        let message = "another selection of partitions is asked for than was copied".to_owned();
        let advice = "drop the collection at the target to have it filled anew, or copy the others \
                      to another `target`";
        warn("changed_since", message, advice);
    }
    findings
}

/// Properties that the plan file itself asks for otherwise than the target had them when a run last
/// ended. What only the source has otherwise by now is told, and no more; so is what somebody
/// changed at the target.
fn altered(sides: &Sides<'_>) -> BTreeMap<String, Option<String>> {
    if !sides.abilities.has(Feature::Properties) {
        return BTreeMap::new();
    }
    let asked_for = &sides.known.wanted.properties;
    let shown = &sides.known.created.as_ref().unwrap_or(&sides.known.wanted).properties;
    let now = &sides.wanted.collection.properties;
    let have = &sides.target.collection.properties;
    let rules = &sides.inspected.rule.properties;
    let set = now
        .iter()
        .filter(|(name, _)| rules.set.contains_key(*name))
        // A server that does not show a property is not asked for the same value again.
        .filter(|(name, value)| {
            let was = shown.get(*name).or_else(|| asked_for.get(*name));
            was != Some(value) && have.get(*name) != Some(value)
        })
        .map(|(name, value)| (name.clone(), Some(value.clone())));
    let unset = to_be_removed(sides).into_iter().map(|name| (name, None));
    set.chain(unset.filter(|_| sides.abilities.has(Feature::DeleteProperties))).collect()
}

/// Properties that the plan file wants gone, and that nobody changed since.
fn to_be_removed(sides: &Sides<'_>) -> Vec<String> {
    let (was, now) = (&sides.known.wanted.properties, &sides.wanted.collection.properties);
    let have = &sides.target.collection.properties;
    was.iter()
        .filter(|(name, _)| sides.inspected.rule.properties.unset.contains(*name))
        .filter(|(name, value)| !now.contains_key(*name) && have.get(*name) == Some(value))
        .map(|(name, _)| name.clone())
        .collect()
}

/// Those that the target's server does not take away.
fn not_removable(sides: &Sides<'_>) -> Option<Finding> {
    let names = to_be_removed(sides);
    if names.is_empty() || sides.abilities.has(Feature::DeleteProperties) {
        return None;
    }
    let message = format!("{} takes no property away: {}", sides.abilities, names.join(", "));
    let advice = "set another value instead, or remove it from `properties.unset`";
    let address = sides.wanted.collection.address();
    Some(Finding::warning("property_not_removable", &address, message, advice))
}

/// Properties of the copy that a run did not take back, as it was killed or the server refused.
fn left_of_the_copy(sides: &Sides<'_>) -> Option<Verdict> {
    if !sides.known.to_take_back || sides.wanted.during.is_empty() {
        return None;
    }
    let names: Vec<&str> = sides.wanted.during.keys().map(String::as_str).collect();
    let text = format!("properties of the copy are still to be taken back: {}", names.join(", "));
    Some(Verdict::new(Action::Resume, "properties_of_copy_left", text))
}

/// What was taken away since, or is asked for since, and can be made without the rows.
fn lacking(sides: &Sides<'_>) -> Option<Verdict> {
    let Sides { inspected, target, wanted, .. } = sides;
    let there = &target.collection.indexes;
    let lacking: Vec<&str> = wanted
        .collection
        .indexes
        .iter()
        .filter(|index| !there.iter().any(|have| place(have) == place(index)))
        .map(|index| index.field.as_str())
        .collect();
    if !lacking.is_empty() {
        let explanation = format!("indexes are missing on: {}", lacking.join(", "));
        return Some(Verdict::new(Action::Resume, "index_missing", explanation));
    }
    let aliases: Vec<&str> = wanted
        .collection
        .aliases
        .iter()
        .filter(|alias| !inspected.alias_holders.contains_key(*alias))
        .map(String::as_str)
        .collect();
    if !aliases.is_empty() {
        let explanation = format!("aliases are missing: {}", aliases.join(", "));
        return Some(Verdict::new(Action::Resume, "alias_missing", explanation));
    }
    let loadable = !sides.source.is_unread();
    if loadable && wanted.ending.loaded != Loaded::Nothing && target.load != LoadState::Loaded {
        let explanation = match inspected.rule.load {
            LoadRule::Yes => "it is not loaded",
            _ => "it is not loaded, unlike the source",
        };
        return Some(Verdict::new(Action::Resume, "not_loaded", explanation));
    }
    None
}
