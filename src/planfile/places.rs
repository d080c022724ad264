//! Where the values of a plan are written: file and bytes, by JSON pointer.

use std::collections::{BTreeMap, BTreeSet};

use super::document::{Fault, Spans, parent};
use crate::diagnostic::{SourceId, Span};

/// Places of keys and values, in any of the files of a plan.
#[derive(Debug, Default)]
pub(super) struct Places {
    values: BTreeMap<String, Span>,
    keys: BTreeMap<String, Span>,
    /// Values that TOML has and a plan file has no use for.
    unusable: BTreeSet<String>,
    /// The plan file itself.
    root: Option<SourceId>,
}

impl Places {
    pub(super) fn new(spans: Spans, source: SourceId, unusable: Vec<(String, Fault)>) -> Self {
        let placed = |ranges: BTreeMap<String, _>| {
            ranges.into_iter().map(|(pointer, range)| (pointer, Span { source, range })).collect()
        };
        let (values, keys) = spans.into_parts();
        Self {
            values: placed(values),
            keys: placed(keys),
            unusable: unusable.into_iter().map(|(pointer, _)| pointer).collect(),
            root: Some(source),
        }
    }

    /// The place of a value, or of the nearest table around it.
    pub(super) fn value(&self, pointer: &str) -> Span {
        self.nearest(pointer, |pointer| self.values.get(pointer).or_else(|| self.keys.get(pointer)))
    }

    /// The place of the key that leads to a value, or of the value where there is no key.
    pub(super) fn key(&self, pointer: &str) -> Span {
        self.nearest(pointer, |pointer| self.keys.get(pointer).or_else(|| self.values.get(pointer)))
    }

    /// Pointers of all values.
    pub(super) fn pointers(&self) -> impl Iterator<Item = &str> {
        self.values.keys().map(String::as_str)
    }

    /// Pointers of the values that a plan file has no use for.
    pub(super) fn unusable(&self) -> impl Iterator<Item = &String> {
        self.unusable.iter()
    }

    fn nearest<'a>(&self, pointer: &str, find: impl Fn(&str) -> Option<&'a Span>) -> Span {
        let mut pointer = pointer;
        while !pointer.is_empty() {
            if let Some(span) = find(pointer) {
                return span.clone();
            }
            pointer = parent(pointer);
        }
        Span { source: self.root.unwrap_or_default(), range: 0..0 }
    }

    /// What has no place of its own is in the file that the others are of.
    pub(super) fn take_root(&mut self, of: &Self) {
        self.root = of.root;
    }

    /// Takes the place of a value, and not of what is in it, from others.
    pub(super) fn take(&mut self, from: &Self, pointer: &str) {
        for (own, theirs) in [(&mut self.values, &from.values), (&mut self.keys, &from.keys)] {
            if let Some(span) = theirs.get(pointer) {
                own.insert(pointer.to_owned(), span.clone());
            }
        }
    }

    /// Replaces the places of a value and of all in it by those that others have at a pointer.
    pub(super) fn graft(&mut self, others: &Self, from: &str, to: &str) {
        for (own, theirs) in [(&mut self.values, &others.values), (&mut self.keys, &others.keys)] {
            let gone: Vec<String> = below(own, to).map(|(pointer, _)| pointer.clone()).collect();
            for pointer in gone {
                own.remove(&pointer);
            }
            for (pointer, span) in below(theirs, from) {
                own.insert(format!("{to}{}", &pointer[from.len()..]), span.clone());
            }
        }
        let below = |places: &BTreeSet<String>, top: &str| -> Vec<String> {
            let after = places.range(top.to_owned()..);
            let after = after.take_while(|pointer| pointer.starts_with(top));
            after.filter(|pointer| is_below(pointer, top)).cloned().collect()
        };
        for pointer in below(&self.unusable, to) {
            self.unusable.remove(&pointer);
        }
        for pointer in below(&others.unusable, from) {
            self.unusable.insert(format!("{to}{}", &pointer[from.len()..]));
        }
    }
}

fn is_below(pointer: &str, top: &str) -> bool {
    pointer.strip_prefix(top).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn below<'a>(
    places: &'a BTreeMap<String, Span>,
    top: &str,
) -> impl Iterator<Item = (&'a String, &'a Span)> {
    places
        .range(top.to_owned()..)
        .take_while(move |(pointer, _)| pointer.starts_with(top))
        .filter(move |(pointer, _)| is_below(pointer, top))
}
