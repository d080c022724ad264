//! What has moved about one collection, at either end.

use super::TakenAliases;
use crate::changes::{Action, CollectionChange, RISKY, SourceState, Update};
use crate::model::differences::{differences, index_difference, list, place};
use crate::model::{Collection, LoadState};

/// In what way a collection is not as it was. `elsewhere`: something else moved, of which a
/// difference in what is wanted is but a consequence.
pub(super) fn moved(
    was: &CollectionChange,
    is: &CollectionChange,
    elsewhere: bool,
    taken: &TakenAliases,
) -> Vec<String> {
    let mut found = Vec::new();
    source(was, is, taken, &mut found);
    target(was, is, taken, &mut found);
    aliases(was, is, &mut found);
    // A consequence of what moved is not told beside it.
    if found.is_empty() {
        lost(was, is, &mut found);
    }
    if found.is_empty() && !elsewhere {
        wanted(was, is, &mut found);
    }
    found
}

fn source(
    was: &CollectionChange,
    is: &CollectionChange,
    taken: &TakenAliases,
    found: &mut Vec<String>,
) {
    // What is finished is not read again: its source may change, or go.
    let read = is.update.is_some() || is.known.as_ref().is_none_or(|known| !known.finished);
    if !read && is_ours(was, is) {
        return;
    }
    let (then, now) = match (&was.source, &is.source) {
        (Some(then), Some(now)) => (then, now),
        (Some(_), None) => {
            let why = first_error(is).unwrap_or("it is gone");
            return found.push(format!("source: {why}"));
        }
        (None, Some(_)) => return found.push("source: it is there now".to_owned()),
        (None, None) => return,
    };
    if then.id != now.id {
        found.push("source: it was dropped and made again".to_owned());
    }
    found.extend(
        collections(
            &taken.without_at_source(&then.collection),
            &taken.without_at_source(&now.collection),
        )
        .into_iter()
        .map(|text| format!("source: {text}")),
    );
    let begins = is.load_source && !was.load_source && was.is_pending() && read;
    if begins && !is_loading(then) && !is_loading(now) {
        let text = "source: it is loaded no more, and would have to be loaded for the copy";
        found.push(text.to_owned());
    }
}

fn is_loading(source: &SourceState) -> bool {
    source.load == LoadState::Loading
        || source.partitions.iter().any(|partition| partition.load == LoadState::Loading)
}

/// Whether the target is one that these very changes made or filled, in a run that did not end or
/// in one that did.
fn is_ours(was: &CollectionChange, is: &CollectionChange) -> bool {
    let (Some(known), Some(target), Some(wanted)) = (&is.known, &is.target, &was.wanted) else {
        return false;
    };
    // A run that was killed did not note yet what it had made; `diff` has looked whether it can be
    // that.
    let same_target = match known.target_id {
        Some(id) => id == target.id,
        None => is.action == Action::Resume,
    };
    let same_source = was.source.as_ref().is_some_and(|source| source.id == known.source_id);
    let knew = was.known.as_ref().is_some_and(|before| before.wanted == known.wanted);
    same_target && same_source && (known.wanted == *wanted || knew)
}

fn target(
    was: &CollectionChange,
    is: &CollectionChange,
    taken: &TakenAliases,
    found: &mut Vec<String>,
) {
    let database =
        |of: &CollectionChange| of.create_database.then(|| of.database_properties.clone());
    if database(is).is_some() && database(is) != database(was) {
        found.push("target: its database would be made otherwise than was shown".to_owned());
    }
    if is_ours(was, is) {
        let other = match (was.action, is.action) {
            // Nothing is done to it now as then, or it goes on. `diff` has held what is there
            // against what was made; an alias may have been taken from it by these changes.
            (before, now) if before == now => false,
            (Action::Unchanged, _) | (_, Action::Conflict) => true,
            _ => false,
        };
        if other {
            let why = first_error(is).unwrap_or(&is.explanation);
            found.push(format!("target: {why}"));
        } else if is.is_finished() {
            at_finished(was, is, found);
        }
        return;
    }
    match (&was.target, &is.target) {
        (None, Some(_)) => found.push(
            "target: a collection is there now that was not, and the ledger does not know it as \
             made by these changes"
                .to_owned(),
        ),
        (Some(_), None) => found.push("target: it is gone".to_owned()),
        (Some(_), Some(_)) if was.known.is_some() && is.known.is_none() => {
            found.push("target: the ledger does not know it any more".to_owned());
        }
        (Some(_), Some(_)) => at_target(was, is, taken, found),
        (None, None) => {}
    }
}

/// A target that is there, and was.
fn at_target(
    was: &CollectionChange,
    is: &CollectionChange,
    taken: &TakenAliases,
    found: &mut Vec<String>,
) {
    let (Some(then), Some(now)) = (&was.target, &is.target) else { return };
    if then.id != now.id {
        found.push("target: it was dropped and made again".to_owned());
    }
    found.extend(
        collections(&taken.without(&then.collection), &taken.without(&now.collection))
            .into_iter()
            .map(|text| format!("target: {text}")),
    );
}

/// One of ours whose rows are all there: nothing is done to it now that was not shown.
fn at_finished(was: &CollectionChange, is: &CollectionChange, found: &mut Vec<String>) {
    match is.update {
        Some(Update::Repair) if was.update.is_none() => found.push(
            "target: a verification found rows that differ, which would be copied again".to_owned(),
        ),
        Some(Update::CatchUp) if was.update.is_none() => found.push(
            "target: it is finished, and its rows would be compared with the source again"
                .to_owned(),
        ),
        _ => {}
    }
    for (name, value) in &is.alter {
        if was.alter.get(name) != Some(value) {
            found.push(format!("target: the property {name:?} would be altered"));
        }
    }
}

/// What would be lost or risked that was not shown.
fn lost(was: &CollectionChange, is: &CollectionChange, found: &mut Vec<String>) {
    // Of what goes on, it was decided when it began.
    if is_ours(was, is) {
        return;
    }
    for finding in is.findings.iter().filter(|finding| RISKY.contains(&&*finding.code)) {
        let told = was
            .findings
            .iter()
            .any(|old| old.code == finding.code && old.address == finding.address);
        if !told && !ABOUT_ALIASES.contains(&&*finding.code) {
            found.push(format!("{} ({})", finding.message, finding.code));
        }
    }
    let dynamic = |of: &CollectionChange| of.source.as_ref().and_then(|source| source.dynamic_rows);
    if dynamic(was) == Some(0) && dynamic(is).is_some_and(|rows| rows > 0) {
        found.push("source: there are rows with dynamic data now, and were none".to_owned());
    }
}

/// Codes of findings about aliases.
const ABOUT_ALIASES: &[&str] = &["alias_taken", "alias_taken_over", "alias_is_collection"];

/// Aliases that lead elsewhere than when the changes were saved.
fn aliases(was: &CollectionChange, is: &CollectionChange, found: &mut Vec<String>) {
    for finding in &is.findings {
        if ABOUT_ALIASES.contains(&&*finding.code) && !was.findings.contains(finding) {
            found.push(format!("target: {}", finding.message));
        }
    }
}

/// What is done, where neither end nor the plan file tells why it is otherwise.
fn wanted(was: &CollectionChange, is: &CollectionChange, found: &mut Vec<String>) {
    if let (Some(then), Some(now)) = (&was.wanted, &is.wanted) {
        let texts = collections(then, now);
        found.extend(texts.into_iter().map(|text| format!("wanted at the target: {text}")));
    }
    if found.is_empty() && was.wanted.is_some() && is.wanted.is_some() {
        if was.settings != is.settings {
            found.push("rows would be read or written otherwise than was shown".to_owned());
        } else if is.is_pending() && was.action != is.action && !is_ours(was, is) {
            found.push(format!("something else would be done: {}", is.explanation));
        }
    }
}

fn first_error(change: &CollectionChange) -> Option<&str> {
    let error =
        |found: &&crate::changes::Finding| found.severity == crate::changes::Severity::Error;
    change.findings.iter().find(error).map(|found| found.message.as_str())
}

/// In what two descriptions of a collection differ; nothing of them is left out.
fn collections(then: &Collection, now: &Collection) -> Vec<String> {
    let (then, now) = (in_order(then), in_order(now));
    if then == now {
        return Vec::new();
    }
    let mut found: Vec<String> = Vec::new();
    let fields = |of: &Collection| -> Vec<String> {
        of.fields.iter().map(|field| field.name.clone()).collect()
    };
    let (had, has) = (fields(&then), fields(&now));
    names("field", &had, &has, &mut found);
    let is_told = |name: &str| {
        let told = |field: &String| name == format!("field {field:?}");
        had.iter().any(told) != has.iter().any(told)
    };
    let mut changed = differences(&then, &now, true);
    changed.retain(|difference| !is_told(&difference.name));
    let come: Vec<_> = differences(&now, &then, true)
        .into_iter()
        .filter(|new| !changed.iter().any(|old| old.name == new.name) && !is_told(&new.name))
        .map(|new| format!("{} is new, or has another value", new.name))
        .collect();
    found.extend(list(&changed));
    found.extend(come);
    names("partition", &then.partitions, &now.partitions, &mut found);
    names("alias", &then.aliases, &now.aliases, &mut found);
    for index in &then.indexes {
        match now.indexes.iter().find(|other| place(other) == place(index)) {
            None => found.push(format!("the index on {} is gone", index.field)),
            Some(other) => {
                let difference =
                    index_difference(index, other).or_else(|| index_difference(other, index));
                if let Some(text) = difference {
                    found.push(format!("the index on {}: {text}", index.field));
                }
            }
        }
    }
    for index in &now.indexes {
        if !then.indexes.iter().any(|other| place(other) == place(index)) {
            found.push(format!("there is a new index on {}", index.field));
        }
    }
    if found.is_empty() {
        found.push("its description by the server is not what it was".to_owned());
    }
    found
}

/// Servers list these in any order.
fn in_order(collection: &Collection) -> Collection {
    let mut collection = collection.clone();
    collection.partitions.sort();
    collection.aliases.sort();
    collection.indexes.sort_by(|one, other| place(one).cmp(&place(other)));
    collection
}

fn names(what: &str, then: &[String], now: &[String], found: &mut Vec<String>) {
    for name in then.iter().filter(|name| !now.contains(name)) {
        found.push(format!("the {what} {name:?} is gone"));
    }
    for name in now.iter().filter(|name| !then.contains(name)) {
        found.push(format!("there is a new {what} {name:?}"));
    }
}
