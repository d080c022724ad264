//! Values to search for, from rows of the source all over its keys.
//!
//! The same rows are drawn each time while the source stays as it is.

use std::collections::BTreeSet;

use bytes::Bytes;

use crate::milvus::query::LARGEST_LIMIT;
use crate::milvus::{Client, Kind, Moment, Query, Result};
use crate::model::{Key, KeyRange};

/// Rows that are read in one place: the first may hold null.
const ROWS: u32 = 8;
/// Bytes of values that are kept.
const MOST_BYTES: usize = 64 << 20;
/// Bytes that a page of keys may have.
const KEYS_ANSWER: usize = 64 << 20;
/// Pages of text keys that are walked through.
const MOST_PAGES: usize = 64;
/// Into how many parts of the span of its keys a collection is divided at the finest.
const PARTS: i128 = 4_096;

/// What was drawn.
#[derive(Debug, Default)]
pub(super) struct Drawn {
    /// Undecoded values, each of another row.
    pub(super) examples: Vec<Bytes>,
    /// Rows that were read for them.
    pub(super) rows: u64,
    /// Whether that is all there are; looked at only where there are no examples.
    pub(super) is_all: bool,
    /// That only so many keys, the first ones, were drawn from.
    pub(super) only_first: Option<u64>,
}

/// Draws values of a column.
pub(super) async fn draw(
    client: &Client,
    query: &Query,
    column: &str,
    wanted: usize,
) -> Result<Drawn> {
    let mut drawn = Drawn::default();
    // With Strong, so that nothing is overlooked; the others then see as much.
    let range = KeyRange::ALL;
    let first = client.examples(query, &range, column, Moment::Strong, ROWS).await?;
    let Some(lowest) = first.iter().map(|(key, _)| key.clone()).min() else {
        return Ok(drawn);
    };
    let starts = match lowest {
        Key::Int64(lowest) => numbers(client, query, lowest, wanted).await?,
        Key::VarChar(_) => {
            let (starts, walked) = texts(client, query, wanted).await?;
            drawn.only_first = walked;
            starts
        }
    };
    let mut seen: BTreeSet<Key> = BTreeSet::new();
    let (mut bytes, mut spare) = (0, Vec::new());
    let mut take = |page: Vec<(Key, Option<Bytes>)>, examples: &mut Vec<Bytes>| {
        let mut found = false;
        for (key, value) in page {
            if !seen.insert(key) {
                continue;
            }
            let Some(value) = value.filter(|value| !value.is_empty()) else { continue };
            if found {
                spare.push(value);
            } else if bytes + value.len() <= MOST_BYTES {
                found = true;
                bytes += value.len();
                // The answer that it is a part of is not kept.
                examples.push(Bytes::copy_from_slice(&value));
            }
        }
        spare.truncate(wanted);
        seen.len() as u64
    };
    drawn.rows = take(first, &mut drawn.examples);
    for start in starts {
        if drawn.examples.len() >= wanted {
            break;
        }
        let range = KeyRange { after: Some(start), up_to: None };
        let page = client.examples(query, &range, column, Moment::Eventually, ROWS).await?;
        drawn.rows = take(page, &mut drawn.examples);
    }
    for value in spare {
        if drawn.examples.len() < wanted && bytes + value.len() <= MOST_BYTES {
            bytes += value.len();
            drawn.examples.push(value);
        }
    }
    if drawn.examples.is_empty() {
        let rows = client.count(query, &KeyRange::ALL, Moment::Strong).await?;
        drawn.is_all = rows.is_some_and(|rows| rows <= drawn.rows);
    }
    Ok(drawn)
}

/// Bounds all over the numbers that are keys, from the second place on.
///
/// There is no asking for the highest key. It is felt for in steps that get smaller: is there any
/// that is so much higher? 62 questions at most, most of them with the answer no.
async fn numbers(client: &Client, query: &Query, lowest: i64, wanted: usize) -> Result<Vec<Key>> {
    let mut highest = lowest;
    for exponent in (0..63).rev() {
        let step = 1_i64 << exponent;
        if i128::from(step) * PARTS < i128::from(highest) - i128::from(lowest) {
            break;
        }
        let Some(after) = highest.checked_add(step) else { continue };
        let range = KeyRange { after: Some(Key::Int64(after)), up_to: None };
        let page = client.key_page(query, &range, Moment::Eventually, 1, KEYS_ANSWER).await;
        if let Some(Key::Int64(key)) = page?.0.first() {
            highest = *key;
        }
    }
    Ok(spread(lowest, highest, wanted).into_iter().map(Key::Int64).collect())
}

/// So many numbers from one to the other, evenly, without the first.
fn spread(lowest: i64, highest: i64, wanted: usize) -> Vec<i64> {
    let (lowest, parts) = (i128::from(lowest), i128::try_from(wanted).unwrap_or(1).max(1));
    let span = i128::from(highest) - lowest;
    let mut numbers: Vec<i64> =
        (1..parts).filter_map(|part| i64::try_from(lowest + span * part / parts).ok()).collect();
    numbers.dedup();
    numbers
}

/// Bounds all over the texts that are keys, and how many keys were walked through where that is not
/// all of them: between two texts there is no middle to ask for.
async fn texts(client: &Client, query: &Query, wanted: usize) -> Result<(Vec<Key>, Option<u64>)> {
    let mut thinned = Thinned::new(wanted);
    let (mut range, mut limit) = (KeyRange::ALL, LARGEST_LIMIT);
    for _ in 0..MOST_PAGES {
        let page = client.key_page(query, &range, Moment::Eventually, limit, KEYS_ANSWER).await;
        let keys = match page {
            Err(error) if error.kind == Kind::TooLarge && limit > 1 => {
                limit = (limit / 8).max(1);
                continue;
            }
            other => other?.0,
        };
        let Some(last) = keys.iter().rfind(|key| !key.breaks_lines()).cloned() else {
            let stuck = (!keys.is_empty()).then_some(thinned.seen);
            return Ok((thinned.spread(), stuck));
        };
        keys.into_iter().for_each(|key| thinned.add(key));
        range.after = Some(last);
    }
    let seen = thinned.seen;
    Ok((thinned.spread(), Some(seen)))
}

/// Every so-manieth of a list of unknown length.
struct Thinned {
    kept: Vec<Key>,
    seen: u64,
    stride: u64,
    wanted: usize,
}

impl Thinned {
    fn new(wanted: usize) -> Self {
        Self { kept: Vec::new(), seen: 0, stride: 1, wanted: wanted.max(1) }
    }

    fn add(&mut self, key: Key) {
        if self.seen.is_multiple_of(self.stride) && !key.breaks_lines() {
            self.kept.push(key);
        }
        self.seen += 1;
        if self.kept.len() >= 4 * self.wanted {
            let mut place = 0;
            self.kept.retain(|_| {
                place += 1;
                place % 2 == 1
            });
            self.stride *= 2;
        }
    }

    /// As many of them as are wanted, from the first to the last.
    fn spread(self) -> Vec<Key> {
        let (length, wanted) = (self.kept.len(), self.wanted);
        if length <= wanted {
            return self.kept;
        }
        (0..wanted).map(|place| self.kept[place * length / wanted].clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_spread_evenly_and_never_overflow() {
        assert_eq!(spread(0, 100, 4), [25, 50, 75]);
        assert_eq!(spread(i64::MIN, i64::MAX, 2), [-1]);
        assert_eq!(spread(7, 8, 10), [7]);
        assert_eq!(spread(7, 7, 1), Vec::<i64>::new());
    }

    #[test]
    fn texts_are_thinned_evenly_however_many_there_are() {
        for length in [0, 3, 10, 39, 40, 41, 1_000, 100_000] {
            let mut thinned = Thinned::new(10);
            (0..length).for_each(|n| thinned.add(Key::VarChar(format!("{n:06}"))));
            assert_eq!(thinned.seen, length);
            let kept: Vec<u64> = thinned
                .spread()
                .iter()
                .map(|key| key.to_string().trim_matches('"').parse().unwrap())
                .collect();
            assert_eq!(kept.len() as u64, length.min(10), "{length}: {kept:?}");
            let widest = kept.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap_or(0);
            assert!(widest <= (length / 10 + 1) * 2, "{length}: {kept:?}");
            let last = kept.last().copied().unwrap_or(0);
            assert!(last + (length / 10 + 1) * 3 >= length, "{length}: {kept:?}");
        }
    }
}
