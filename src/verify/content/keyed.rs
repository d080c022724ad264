//! Rows of one answer by their keys, and how those of both ends are set against each other.

use crate::milvus::Rows;
use crate::model::{Digest, Key};

/// The rows of an answer, each key once.
///
/// Some servers give a key several times, when several of its rows are there. Rows that are equal
/// count as one; those that are not are versions of one row, and the first stands for it. Where the key
/// is not the primary key of these rows, each of them is one of its own, and a key that has several
/// differs.
pub(super) struct Keyed {
    rows: Option<Rows>,
    digests: Vec<Digest>,
    /// Places in `rows`, in the order of their keys; for one key in the order of the answer.
    order: Vec<usize>,
    /// Whether each row is one of its own.
    each: bool,
}

impl Keyed {
    /// No rows.
    pub(super) fn nothing() -> Self {
        Self { rows: None, digests: Vec::new(), order: Vec::new(), each: false }
    }

    /// The rows of an answer.
    ///
    /// # Errors
    /// When they cannot be digested.
    pub(super) fn of(rows: Rows) -> Result<Self, String> {
        if rows.is_empty() {
            return Ok(Self::nothing());
        }
        let digests = rows.digests()?;
        let order = order(rows.keys());
        Ok(Self { rows: Some(rows), digests, order, each: false })
    }

    /// Whether each row is one of its own: the key is not the primary key of these rows.
    pub(super) fn each_for_itself(mut self, each: bool) -> Self {
        self.each = each;
        self
    }

    /// The keys of all rows, one of several rows as often.
    pub(super) fn keys(&self) -> &[Key] {
        self.rows.as_ref().map_or(&[], Rows::keys)
    }

    /// The rows themselves, where there are any.
    pub(super) fn rows(&self) -> Option<&Rows> {
        self.rows.as_ref()
    }

    /// Each key's rows.
    pub(super) fn versions(&self) -> impl Iterator<Item = &[usize]> {
        let keys = self.keys();
        self.order.chunk_by(|one, other| keys[*one] == keys[*other])
    }

    /// How many rows there are.
    pub(super) fn count(&self) -> u64 {
        if self.each { self.order.len() as u64 } else { self.versions().count() as u64 }
    }

    /// The digest of all rows.
    pub(super) fn digest(&self) -> Digest {
        if self.each {
            return self.digests.iter().copied().sum();
        }
        self.versions().map(|versions| self.digests[versions[0]]).sum()
    }

    /// The digest of a key's row.
    pub(super) fn digest_of(&self, key: &Key) -> Option<Digest> {
        let keys = self.keys();
        let place = self.order.partition_point(|place| keys[*place] < *key);
        let place = *self.order.get(place)?;
        (keys[place] == *key).then(|| self.digests[place])
    }

    /// Keys that came with several rows which are not equal.
    pub(super) fn several(&self) -> impl Iterator<Item = &Key> {
        self.versions()
            .filter(|versions| {
                versions.iter().any(|place| self.digests[*place] != self.digests[versions[0]])
            })
            .map(|versions| &self.keys()[versions[0]])
    }

    /// Bytes in memory.
    pub(super) fn memory(&self) -> usize {
        let each = size_of::<Digest>() + size_of::<usize>();
        self.rows.as_ref().map_or(0, Rows::memory) + self.order.len() * each
    }
}

/// Places of keys, by key and then by place.
fn order(keys: &[Key]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..keys.len()).collect();
    order.sort_by(|one, other| keys[*one].cmp(&keys[*other]));
    order
}

/// A key whose rows are not the same at both ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Unequal {
    /// It is at the source only.
    Missing(Key),
    /// It is at the target only.
    Extra(Key),
    /// It is at both ends, with other values: the places of the rows.
    Different(Key, usize, usize),
}

impl Unequal {
    pub(super) fn key(&self) -> &Key {
        match self {
            Self::Missing(key) | Self::Extra(key) | Self::Different(key, ..) => key,
        }
    }
}

/// The keys whose rows are not the same, in order.
pub(super) fn unequal(source: &Keyed, target: &Keyed) -> Vec<Unequal> {
    merge(&Ordered::of(source), &Ordered::of(target))
}

/// What [`merge`] needs of rows.
struct Ordered<'a> {
    keys: &'a [Key],
    digests: &'a [Digest],
    order: &'a [usize],
    each: bool,
}

impl<'a> Ordered<'a> {
    fn of(rows: &'a Keyed) -> Self {
        Self { keys: rows.keys(), digests: &rows.digests, order: &rows.order, each: rows.each }
    }
}

fn merge(source: &Ordered<'_>, target: &Ordered<'_>) -> Vec<Unequal> {
    let mut here = source.order.chunk_by(|a, b| source.keys[*a] == source.keys[*b]).peekable();
    let mut there = target.order.chunk_by(|a, b| target.keys[*a] == target.keys[*b]).peekable();
    let mut unequal = Vec::new();
    loop {
        match (here.peek().copied(), there.peek().copied()) {
            (None, None) => return unequal,
            (Some(ours), other) => {
                let key = &source.keys[ours[0]];
                let theirs = other.filter(|theirs| target.keys[theirs[0]] <= *key);
                let Some(theirs) = theirs else {
                    unequal.push(Unequal::Missing(key.clone()));
                    here.next();
                    continue;
                };
                there.next();
                if target.keys[theirs[0]] < *key {
                    unequal.push(Unequal::Extra(target.keys[theirs[0]].clone()));
                    continue;
                }
                here.next();
                let is_ours = |other: &usize| {
                    ours.iter().any(|one| source.digests[*one] == target.digests[*other])
                };
                let several = target.each && theirs.len() > 1;
                if several || !theirs.iter().any(is_ours) {
                    // Where one is as it is to be, the other one is to blame.
                    let other = theirs.iter().find(|other| !is_ours(other)).unwrap_or(&theirs[0]);
                    unequal.push(Unequal::Different(key.clone(), ours[0], *other));
                }
            }
            (None, Some(theirs)) => {
                unequal.push(Unequal::Extra(target.keys[theirs[0]].clone()));
                there.next();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use proptest::prelude::*;

    use super::*;

    type Plain = Vec<(i64, u128)>;

    fn parts(rows: &Plain) -> (Vec<Key>, Vec<Digest>, Vec<usize>) {
        let keys: Vec<Key> = rows.iter().map(|(key, _)| Key::Int64(*key)).collect();
        let order = order(&keys);
        (keys, rows.iter().map(|(_, digest)| Digest(*digest)).collect(), order)
    }

    fn merged(source: &Plain, target: &Plain) -> Vec<Unequal> {
        let (ours, theirs) = (parts(source), parts(target));
        merge(
            &Ordered { keys: &ours.0, digests: &ours.1, order: &ours.2, each: false },
            &Ordered { keys: &theirs.0, digests: &theirs.1, order: &theirs.2, each: false },
        )
    }

    fn versions(rows: &Plain) -> BTreeMap<i64, BTreeSet<u128>> {
        let mut versions: BTreeMap<i64, BTreeSet<u128>> = BTreeMap::new();
        for (key, digest) in rows {
            versions.entry(*key).or_default().insert(*digest);
        }
        versions
    }

    fn rows() -> impl Strategy<Value = Plain> {
        proptest::collection::vec((0i64..30, 0u128..3), 0..60)
    }

    proptest! {
        #[test]
        fn every_key_is_equal_or_named_once(source in rows(), target in rows()) {
            let (here, there) = (versions(&source), versions(&target));
            let keys: BTreeSet<i64> = here.keys().chain(there.keys()).copied().collect();
            let mut expected = Vec::new();
            for key in keys {
                match (here.get(&key), there.get(&key)) {
                    (Some(ours), Some(theirs)) if ours.is_disjoint(theirs) => {
                        expected.push((key, "different"));
                    }
                    (Some(_), None) => expected.push((key, "missing")),
                    (None, Some(_)) => expected.push((key, "extra")),
                    _ => {}
                }
            }
            let found: Vec<(i64, &str)> = merged(&source, &target)
                .into_iter()
                .map(|unequal| match unequal {
                    Unequal::Missing(Key::Int64(key)) => (key, "missing"),
                    Unequal::Extra(Key::Int64(key)) => (key, "extra"),
                    Unequal::Different(Key::Int64(key), ours, theirs) => {
                        assert_eq!((source[ours].0, target[theirs].0), (key, key));
                        (key, "different")
                    }
                    other => unreachable!("{other:?}"),
                })
                .collect();
            prop_assert_eq!(found, expected);
        }

        #[test]
        fn the_order_of_an_answer_does_not_matter(
            (rows, shuffled) in rows().prop_flat_map(|rows| {
                (Just(rows.clone()), Just(rows).prop_shuffle())
            })
        ) {
            prop_assert_eq!(merged(&rows, &shuffled), Vec::new());
        }
    }

    fn keyed(rows: &[(i64, i64)]) -> Keyed {
        Keyed::of(Rows::of_numbers(rows, None)).unwrap()
    }

    #[test]
    fn rows_that_are_equal_count_as_one() {
        let once = keyed(&[(1, 10), (2, 20), (3, 30)]);
        let twice = keyed(&[(3, 30), (1, 10), (2, 20), (1, 10), (3, 30), (1, 10)]);
        assert_eq!((once.count(), twice.count()), (3, 3));
        assert_eq!(once.digest(), twice.digest());
        assert_eq!(once.digest(), once.rows().unwrap().digest().unwrap());
        assert_eq!(twice.several().count(), 0);
        assert_eq!(unequal(&once, &twice), []);
        let nothing = Keyed::of(Rows::of_numbers(&[], None)).unwrap();
        assert_eq!((nothing.count(), nothing.digest()), (0, Digest::default()));
        assert!(nothing.rows().is_none());
    }

    #[test]
    fn rows_of_their_own_are_each_counted_and_differ_where_a_key_has_several() {
        let source = keyed(&[(1, 10), (2, 20), (3, 30)]);
        let once = keyed(&[(3, 30), (1, 10), (2, 20)]).each_for_itself(true);
        assert_eq!((once.count(), once.digest()), (3, source.digest()));
        assert_eq!(unequal(&source, &once), []);
        let twice = keyed(&[(1, 10), (2, 20), (3, 30), (2, 20)]).each_for_itself(true);
        assert_eq!(twice.count(), 4);
        assert_ne!(twice.digest(), source.digest());
        assert_eq!(unequal(&source, &twice), [Unequal::Different(Key::Int64(2), 1, 1)]);
        let other = keyed(&[(1, 10), (2, 20), (3, 30), (2, 21)]).each_for_itself(true);
        assert_eq!(unequal(&source, &other), [Unequal::Different(Key::Int64(2), 1, 3)]);
    }

    #[test]
    fn every_value_and_every_row_makes_another_digest() {
        let rows = keyed(&[(1, 10), (2, 20)]);
        for other in [&[(1, 10), (2, 21)][..], &[(1, 10)], &[(1, 20), (2, 10)], &[(1, 10), (3, 20)]]
        {
            assert_ne!(rows.digest(), keyed(other).digest(), "{other:?}");
        }
    }

    #[test]
    fn versions_of_a_row_are_named_and_the_first_stands_for_it() {
        let rows = keyed(&[(2, 20), (1, 10), (2, 21), (1, 10), (2, 20)]);
        assert_eq!(rows.count(), 2);
        assert_eq!(rows.several().collect::<Vec<_>>(), [&Key::Int64(2)]);
        assert_eq!(rows.digest(), keyed(&[(1, 10), (2, 20)]).digest());
        assert_eq!(rows.digest_of(&Key::Int64(2)), Some(keyed(&[(2, 20)]).digest()));
        assert_eq!(rows.digest_of(&Key::Int64(1)), Some(keyed(&[(1, 10)]).digest()));
        for key in [0, 3] {
            assert_eq!(rows.digest_of(&Key::Int64(key)), None);
        }
        // Any version that both ends have will do.
        assert_eq!(unequal(&keyed(&[(1, 10), (2, 21)]), &rows), []);
        let other = [Unequal::Different(Key::Int64(2), 1, 0)];
        assert_eq!(unequal(&keyed(&[(1, 10), (2, 22)]), &rows), other);
    }
}
