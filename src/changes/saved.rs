//! Changes that are saved for later, and what has moved since. Pure.

mod collection;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{Changes, CollectionChange, End, Selection};
use crate::model::{Collection, Digest};

/// Changes, and everything that is needed to find out whether they still hold.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Saved {
    /// Version of milvus-ferry that computed them.
    pub tool_version: String,
    /// When: UTC.
    pub saved: String,
    /// The plan file, and what it was resolved with.
    pub plan_file: PlanFile,
    /// Which of its collections were looked at.
    pub selection: Selection,
    /// The changes, with both ends as they were found.
    pub changes: Changes,
}

/// A plan file, and what it was resolved with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanFile {
    /// Where it is.
    pub path: PathBuf,
    /// The environment.
    pub env: Option<String>,
    /// Files with values of variables.
    pub vars_files: Vec<PathBuf>,
    /// Names and values of variables.
    pub vars: Vec<(String, String)>,
    /// Folder of the ledger.
    pub state: PathBuf,
    /// A digest of every part of it, resolved.
    pub parts: BTreeMap<String, Digest>,
}

/// Something that is not as it was when the changes were saved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moved {
    /// `plan file`, `source`, `target`, or `database/collection`.
    pub what: String,
    /// In what way.
    pub how: String,
}

impl Moved {
    fn new(what: impl Into<String>, how: impl Into<String>) -> Self {
        Self { what: what.into(), how: how.into() }
    }
}

/// Everything by which what `apply` would do now is not what was saved. Numbers of rows, sizes and
/// how far a load is are none of it: they move all the time.
///
/// `parts` are the digests of the plan file as it is now.
pub fn moved(saved: &Saved, now: &Changes, parts: &BTreeMap<String, Digest>) -> Vec<Moved> {
    let mut moved = Vec::new();
    plan_file(&saved.plan_file.parts, parts, &mut moved);
    let plan_file_moved = !moved.is_empty();
    let then = &saved.changes;
    for (what, then, now) in
        [("source", &then.source, &now.source), ("target", &then.target, &now.target)]
    {
        end(what, then, now, &mut moved);
    }
    let elsewhere = !moved.is_empty();
    for (some, others, how) in [
        (&now.databases, &then.databases, "this empty database is to be created now"),
        (&then.databases, &now.databases, "this empty database is not to be created any more"),
    ] {
        let new = some.iter().filter(|database| !others.contains(database));
        moved.extend(new.map(|database| Moved::new(&database.name, how)));
    }
    let taken = TakenAliases::of(then, now);
    for was in &then.collections {
        match same(was, now) {
            Some(is) => {
                let found = collection::moved(was, is, elsewhere, &taken);
                moved.extend(found.into_iter().map(|how| Moved::new(&was.target_address, how)));
            }
            None if plan_file_moved => {
                let how = format!("the plan file does not move {} here now", was.source_address);
                moved.push(Moved::new(&was.target_address, how));
            }
            None => {
                let how = format!("the source collection {} is gone", was.source_address);
                moved.push(Moved::new(&was.target_address, how));
            }
        }
    }
    for is in &now.collections {
        if same(is, then).is_none() {
            let how = format!(
                "the plan file means the source collection {} now, which the saved changes do not \
                 hold",
                is.source_address
            );
            moved.push(Moved::new(&is.target_address, how));
        }
    }
    moved
}

/// The change of the same source and target among others.
fn same<'a>(change: &CollectionChange, among: &'a Changes) -> Option<&'a CollectionChange> {
    among.collections.iter().find(|other| {
        other.source_address == change.source_address
            && other.target_address == change.target_address
    })
}

/// Aliases that these changes took over already, in a run that did not end: with both ends on one
/// server, a source may have had them, or another target.
struct TakenAliases {
    one_server: bool,
    /// Databases and aliases.
    aliases: BTreeSet<(String, String)>,
}

impl TakenAliases {
    fn of(then: &Changes, now: &Changes) -> Self {
        let mut taken = BTreeSet::new();
        for was in then.collections.iter().filter(|was| was.ending.move_aliases) {
            let Some(target) = same(was, now).and_then(|is| is.target.as_ref()) else { continue };
            let Some(wanted) = &was.wanted else { continue };
            let has = |alias: &&String| target.collection.aliases.contains(*alias);
            let aliases = wanted.aliases.iter().filter(has);
            taken.extend(aliases.map(|alias| (wanted.database.clone(), alias.clone())));
        }
        Self { one_server: then.source.uri == then.target.uri, aliases: taken }
    }

    /// A collection of the source without those.
    fn without_at_source(&self, collection: &Collection) -> Collection {
        if self.one_server { self.without(collection) } else { collection.clone() }
    }

    /// A collection of the target without those.
    fn without(&self, collection: &Collection) -> Collection {
        let mut collection = collection.clone();
        let database = collection.database.clone();
        collection
            .aliases
            .retain(|alias| !self.aliases.contains(&(database.clone(), alias.clone())));
        collection
    }
}

fn plan_file(then: &BTreeMap<String, Digest>, now: &BTreeMap<String, Digest>, to: &mut Vec<Moved>) {
    for (part, digest) in then {
        match now.get(part) {
            Some(other) if other == digest => {}
            Some(_) => to.push(Moved::new("plan file", format!("{part} is not as it was"))),
            None => to.push(Moved::new("plan file", format!("{part} is gone"))),
        }
    }
    for part in now.keys().filter(|part| !then.contains_key(*part)) {
        to.push(Moved::new("plan file", format!("{part} is new")));
    }
}

fn end(what: &str, then: &End, now: &End, to: &mut Vec<Moved>) {
    if then.uri != now.uri {
        to.push(Moved::new(what, format!("it is {}, and was {}", now.uri, then.uri)));
    } else if then.version != now.version {
        let how = format!("the server is {}, and was {}", now.version, then.version);
        to.push(Moved::new(what, how));
    }
}

/// Gives the changes, of which nothing moved, what was decided when they were saved: a source that
/// is loaded by now was not when the target's end was agreed on.
pub fn settle(saved: &Saved, now: &mut Changes) {
    for is in &mut now.collections {
        if let Some(was) = same(is, &saved.changes) {
            is.ending.clone_from(&was.ending);
        }
    }
}

#[cfg(test)]
mod tests;
