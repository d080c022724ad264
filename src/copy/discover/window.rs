//! Where to look for the next keys. Milvus before 2.3 gathers every key behind a filter before it
//! applies the limit: each page would cost as much as all that is left, and fail where that is over
//! 100 MB. A bound above keeps a page small there. Pure: what to ask for, by what came.

use crate::model::{Key, KeyRange};

/// Pages that a window is made for, by the distance of the keys so far.
const PAGES: u64 = 4;
/// The first window where everything is too much at once, and how much smaller each next one is.
const FIRST: u64 = 1 << 60;
const SMALLER: u64 = 8;

/// The part of the key space that the next page comes from.
#[derive(Debug)]
pub(super) struct Window {
    /// Whether the server needs it at all.
    used: bool,
    cursor: Option<Key>,
    /// Keys to look at behind the cursor; all that are left where there is none.
    width: Option<u64>,
}

/// What to do with what came.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// Keys, to be used.
    Keys,
    /// Nothing in this window; there may be more behind it.
    Nothing,
    /// No more keys at all.
    End,
}

impl Window {
    /// Behind a key. It is bounded for `Int64` keys only: there is nothing to reckon with in texts.
    pub(super) fn behind(cursor: Option<Key>, used: bool) -> Self {
        Self { used, cursor, width: None }
    }

    /// Where to look for the next page.
    pub(super) fn range(&self) -> KeyRange {
        KeyRange { after: self.cursor.clone(), up_to: self.end() }
    }

    fn end(&self) -> Option<Key> {
        let width = self.width?;
        let from = match &self.cursor {
            None => i64::MIN,
            Some(Key::Int64(key)) => *key,
            Some(Key::VarChar(_)) => return None,
        };
        from.checked_add_unsigned(width).filter(|end| *end < i64::MAX).map(Key::Int64)
    }

    /// Takes the keys of a page as found, `limit` of which were asked for.
    pub(super) fn took(&mut self, keys: &[Key], limit: u32) -> Found {
        let end = self.end();
        let Some(last) = keys.last() else {
            return if end.is_some() {
                self.cursor = end;
                self.width = None;
                Found::Nothing
            } else {
                Found::End
            };
        };
        if self.used
            && let (Some(Key::Int64(first)), Key::Int64(last)) = (keys.first(), last)
        {
            let apart = first.abs_diff(*last).div_ceil((keys.len() as u64 - 1).max(1)).max(1);
            self.width = Some(apart.saturating_mul(u64::from(limit)).saturating_mul(PAGES));
        }
        self.cursor = Some(last.clone());
        Found::Keys
    }

    /// The server found too much behind the cursor. Whether there is a smaller window.
    pub(super) fn shrink(&mut self) -> bool {
        if !self.used || matches!(self.cursor, Some(Key::VarChar(_))) {
            return false;
        }
        let smaller = self.width.map_or(FIRST, |width| width / SMALLER);
        self.width = Some(smaller.max(1));
        smaller > 0
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    /// A server that gives up where more keys than `most` match, whatever the limit. Returns the
    /// keys that were found, and the calls it took.
    fn walk(keys: &BTreeSet<i64>, most: usize, limit: u32) -> (Vec<i64>, usize) {
        let mut window = Window::behind(None, true);
        let (mut found, mut calls) = (Vec::new(), 0);
        loop {
            calls += 1;
            assert!(calls < 20_000, "it does not end");
            let range = window.range();
            let matching: Vec<Key> =
                keys.iter().map(|key| Key::Int64(*key)).filter(|key| range.contains(key)).collect();
            if matching.len() > most {
                assert!(window.shrink());
                continue;
            }
            let page = &matching[..matching.len().min(limit as usize)];
            match window.took(page, limit) {
                Found::Keys => found.extend(page.iter().map(|key| match key {
                    Key::Int64(key) => *key,
                    Key::VarChar(_) => unreachable!("all are numbers"),
                })),
                Found::Nothing => {}
                Found::End => return (found, calls),
            }
        }
    }

    proptest! {
        #[test]
        fn every_key_is_found_in_order(
            keys in proptest::collection::btree_set(any::<i64>(), 0..120),
            near in proptest::collection::btree_set(-500i64..500, 0..120),
            most in 20usize..200,
            limit in 1u32..40,
        ) {
            let keys: BTreeSet<i64> = keys.union(&near).copied().collect();
            let (found, _) = walk(&keys, most, limit);
            prop_assert_eq!(found, keys.into_iter().collect::<Vec<_>>());
        }
    }

    #[test]
    fn dense_keys_take_hardly_more_calls_than_pages() {
        let keys: BTreeSet<i64> = (0..20_000).collect();
        let (found, calls) = walk(&keys, 1_000, 100);
        assert_eq!(found.len(), 20_000);
        assert!(calls < 200 + 40, "{calls}");
    }

    #[test]
    fn other_servers_are_asked_for_all_that_is_left() {
        let mut window = Window::behind(None, false);
        assert_eq!(window.range(), KeyRange::ALL);
        assert!(!window.shrink());
        assert_eq!(window.took(&[Key::Int64(1), Key::Int64(9)], 2), Found::Keys);
        let behind = KeyRange { after: Some(Key::Int64(9)), up_to: None };
        assert_eq!(window.range(), behind);
        assert_eq!(window.took(&[], 2), Found::End);
    }
}
