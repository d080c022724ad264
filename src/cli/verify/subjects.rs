//! What is compared with what.

use std::path::Path;

use super::super::ends::KnownTargets;
use crate::changes::inspect::TARGET_IS_SOURCE;
use crate::changes::{Action, Changes, CollectionChange, Known, Loaded, NewDatabase, Severity};
use crate::model::LoadState;
use crate::verify::result::{Mode, Status, Verification};
use crate::verify::{Ids, Lend, Subject, Wishes};

/// The collections of a plan file.
#[derive(Default)]
pub(super) struct Sorted {
    /// Those that are at both ends.
    pub(super) subjects: Vec<Subject>,
    /// What there is to say about the others.
    pub(super) others: Vec<Verification>,
    /// What should be known about the result.
    pub(super) warnings: Vec<String>,
    /// What is done beside comparing.
    pub(super) notes: Vec<String>,
}

/// Sorts what is at both ends from what is not.
pub(super) fn sort(
    changes: &Changes,
    known: &KnownTargets,
    file: &Path,
    load_source: bool,
) -> Sorted {
    let mut sorted = Sorted::default();
    for change in &changes.collections {
        match subject(change, known, load_source).filter(|_| !is_itself(change)) {
            Some(subject) => {
                if earlier(change).is_some_and(|known| !known.finished) {
                    let target = &change.target_address;
                    sorted.warnings.push(format!(
                        "{target}: the copy was not finished yet; `apply` resumes it"
                    ));
                }
                let ours = change.known.as_ref().and_then(|known| known.owner.as_ref());
                let marks = change.target.iter().flat_map(|target| &target.marks);
                for mark in marks.filter(|mark| Some(&mark.owner) != ours) {
                    let target = &change.target_address;
                    sorted
                        .warnings
                        .push(format!("{target}: another run is filling it: {}", mark.who()));
                }
                if change.known.as_ref().is_some_and(|known| !is_read(change, known)) {
                    sorted.warnings.push(format!(
                        "{}: the source collection {} is not the one that an earlier run read: it \
                         was replaced since; the target is compared with the one that has the name \
                         now",
                        change.target_address, change.source_address
                    ));
                }
                sorted.subjects.push(subject);
            }
            None => sorted.others.push(absent(change, file)),
        }
    }
    let lent = |end: &'static str, is_it: fn(&Subject) -> bool, name: fn(&Subject) -> String| {
        let names: Vec<String> = sorted.subjects.iter().filter(|of| is_it(of)).map(name).collect();
        (!names.is_empty()).then(|| {
            format!(
                "loaded at the {end} for the comparison, and released afterwards: {}",
                names.join(", ")
            )
        })
    };
    let notes = [
        lent(
            "source",
            |of| !of.unread && of.lend.source && of.from_load != LoadState::Loaded,
            |of| of.from.address(),
        ),
        lent(
            "target",
            |of| !of.unread && of.lend.target && of.to_load != LoadState::Loaded,
            |of| of.to.address(),
        ),
    ];
    sorted.notes.extend(notes.into_iter().flatten());
    for NewDatabase { name, .. } in &changes.databases {
        let mut found = nothing(name, name);
        found.status = Status::Different;
        found.unexplained.push(format!(
            "the target has no database of this name; create it with: milvus-ferry apply {}",
            file.display()
        ));
        sorted.others.push(found);
    }
    sorted
}

/// Whether both ends are one collection, which is equal to itself and proves nothing.
fn is_itself(change: &CollectionChange) -> bool {
    change.findings.iter().any(|finding| finding.code == TARGET_IS_SOURCE)
}

/// What earlier runs did to this very target, from this very source.
fn earlier(change: &CollectionChange) -> Option<&Known> {
    let (known, target) = (change.known.as_ref()?, change.target.as_ref()?);
    // Milvus Lite describes every collection with the id 0.
    let is_the_one = known.target_id.is_none_or(|id| id == target.id || id == 0);
    let is_the_source = is_read(change, known);
    (is_the_one && is_the_source && known.source_address == change.source_address).then_some(known)
}

/// Whether the source is the collection that an earlier run read.
fn is_read(change: &CollectionChange, known: &Known) -> bool {
    change.source.as_ref().is_none_or(|source| source.id == known.source_id || source.id == 0)
}

fn subject(change: &CollectionChange, known: &KnownTargets, load_source: bool) -> Option<Subject> {
    let (source, target) = (change.source.as_ref()?, change.target.as_ref()?);
    let wanted = change.wanted.as_ref()?;
    let earlier = earlier(change);
    let of_move = earlier.and_then(|_| known.find_move(&wanted.database, &wanted.name));
    Some(Subject {
        from: source.collection.clone(),
        from_load: source.load,
        wanted: wanted.clone(),
        to: target.collection.clone(),
        to_load: target.load,
        // Rows are compared as they were copied.
        settings: earlier.map_or_else(|| change.settings.clone(), |known| known.settings.clone()),
        of_move,
        adopted: earlier.map_or(change.action == Action::Adopt, |known| known.adopted),
        rows: change.rows(),
        wishes: Wishes {
            created: earlier.and_then(|known| known.created.clone()),
            load: Some(change.ending.loaded.load_state()),
            replicas: change.ending.replicas,
        },
        lend: Lend {
            source: load_source,
            // As `apply` loads it to count its rows.
            target: change.ending.loaded != Loaded::All,
            as_source: change.ending.as_source,
        },
        unread: source.is_unread(),
        ids: Ids { source: source.id, target: target.id },
    })
}

/// What could not be compared.
fn nothing(source: &str, target: &str) -> Verification {
    Verification {
        source: source.to_owned(),
        target: target.to_owned(),
        status: Status::Unfinished,
        mode: Mode::Counts,
        counts: Vec::new(),
        content: None,
        schema: Vec::new(),
        searches: Vec::new(),
        explanations: Vec::new(),
        unexplained: Vec::new(),
        failure: None,
        seconds: 0.0,
    }
}

/// One that is not at both ends: there is nothing to compare.
fn absent(change: &CollectionChange, file: &Path) -> Verification {
    let mut found = nothing(&change.source_address, &change.target_address);
    if change.source.is_some() && change.target.is_none() {
        let text =
            format!("it is not at the target; make it with: milvus-ferry apply {}", file.display());
        found.status = Status::Different;
        found.unexplained.push(text);
        return found;
    }
    let errors = change.findings.iter().filter(|finding| finding.severity == Severity::Error);
    let texts: Vec<String> =
        errors.map(|finding| format!("{}\n{}", finding.message, finding.advice)).collect();
    let text =
        if texts.is_empty() { "it is not at the source".to_owned() } else { texts.join("\n") };
    found.failure = Some(text);
    found
}
