//! What a person should know about a collection: facts beside it, and a sentence for each decision.

use super::entries::Entry;
use super::rows;
use super::text::plain;
use crate::model::Collection;
use crate::model::inventory::{Duplicates, Found, Holding, Loading, RowNumber};
use crate::model::quantity::{count, counted};

impl Entry<'_> {
    /// On one line, what there is.
    pub(super) fn facts(&self) -> String {
        let found: Vec<&Found> =
            self.holdings.iter().filter_map(|holding| holding.found.as_ref()).collect();
        match found.as_slice() {
            [] => "could not be read".to_owned(),
            [one] if !self.is_glob() => facts(one),
            several => {
                let sum = |sum: u64, found: &&Found| sum.saturating_add(found.rows.number());
                let number = counted(self.holdings.len() as u64, "collection");
                let rows = rows(several.iter().fold(0, sum));
                let of = |rows| several.iter().filter(|found| found.rows == rows).count();
                let parts = [
                    (of(RowNumber::Counted(0)), "empty"),
                    (of(RowNumber::About(0)), "of an unknown number of rows"),
                ];
                let parts = parts.iter().filter(|(number, _)| *number > 0);
                let parts: Vec<String> = parts.map(|(of, what)| format!(", {of} {what}")).collect();
                let parts = parts.concat();
                format!("{number}{parts}, {rows}; those that are made later too")
            }
        }
    }

    /// What stands above the entry: of a glob, each sentence once with the collections it is about.
    pub(super) fn above(&self) -> Vec<String> {
        let mut about: Vec<(String, Vec<&str>)> = Vec::new();
        for holding in &self.holdings {
            for sentence in self.sentences(holding) {
                match about.iter_mut().find(|(known, _)| *known == sentence) {
                    Some((_, names)) => names.push(&holding.name),
                    None => about.push((sentence, vec![&holding.name])),
                }
            }
        }
        let mut above: Vec<String> = about
            .into_iter()
            .map(
                |(sentence, of)| {
                    if self.is_glob() { format!("{}: {sentence}", list(&of)) } else { sentence }
                },
            )
            .collect();
        above.extend(self.notes.iter().cloned());
        above
    }

    fn sentences(&self, holding: &Holding) -> Vec<String> {
        let mut notes = Vec::new();
        if let Some(found) = &holding.found {
            if self.is_glob() {
                notes.extend(attributes(found));
            }
            if let Loading::AllBut(partitions) = &found.loaded {
                notes.push(format!("partitions are not loaded: {}", partitions.join(", ")));
            }
            if found.loaded == Loading::Nothing && !found.without_index.is_empty() {
                notes.push(format!(
                    "it cannot be loaded before these vectors have an index at the source: {}",
                    found.without_index.join(", ")
                ));
            }
            if let Some(Duplicates { rows, keys }) = found.duplicates {
                notes.push(format!(
                    "a suspicion: keys are there more than once. Of the lowest ones, {} keys have \
                     {} rows; a copy brings each key once",
                    count(keys),
                    count(rows)
                ));
            }
        }
        notes.extend(holding.notes.iter().cloned());
        notes
    }
}

/// The first names of a list, and how many more there are.
pub(super) fn list(names: &[&str]) -> String {
    const SHOWN: usize = 5;
    match names.get(SHOWN + 1..) {
        Some([_, ..]) => {
            format!("{} and {} more", names[..SHOWN].join(", "), names.len() - SHOWN)
        }
        _ => names.join(", "),
    }
}

fn facts(found: &Found) -> String {
    let number = match found.rows {
        RowNumber::Counted(number) => rows(number),
        // What was not flushed is not counted.
        RowNumber::About(0) => "number of rows unknown, none flushed".to_owned(),
        RowNumber::About(number) => format!("about {}", rows(number)),
    };
    let mut facts = vec![number];
    facts.extend(attributes(found));
    plain(&facts.join(" · "))
}

/// What is kept as it is, and worth a look.
fn attributes(found: &Found) -> Vec<String> {
    let Collection { dynamic_field, aliases, partitions, .. } = &found.collection;
    let mut facts = Vec::new();
    if found.loaded == Loading::Nothing {
        facts.push("not loaded".to_owned());
    }
    if *dynamic_field {
        facts.push("dynamic field".to_owned());
    }
    if let Some(key) = found.collection.partition_key() {
        facts.push(format!("partition key {}", key.name));
    }
    if !partitions.is_empty() {
        facts.push(counted(partitions.len() as u64, "partition"));
    }
    if !aliases.is_empty() {
        facts.push(format!("aliases {}", aliases.join(", ")));
    }
    facts
}
