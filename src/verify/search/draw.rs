//! Values to search for, from rows of the source all over its keys.
//!
//! The same rows are drawn each time while the source stays as it is.

use std::collections::BTreeSet;

use bytes::Bytes;

use crate::milvus::query::LARGEST_LIMIT;
use crate::milvus::{Client, Kind, Moment, Query, Result};
use crate::model::{Field, Key, KeyRange};

/// Rows that are read in one place: the first may hold null.
const ROWS: u32 = 8;
/// Bytes of a value whose length its field does not tell: sparse vectors have no dimension, and texts
/// of fields that are searched as full text are at most so long.
const LARGEST_TEXT: usize = 64 << 10;
/// Bytes of values that are kept.
const MOST_BYTES: usize = 64 << 20;
/// Bytes that a page of keys may have.
const KEYS_ANSWER: usize = 64 << 20;
/// Pages of keys that are walked through.
const MOST_PAGES: usize = 32;
/// Of what part of the span of all keys the highest one is known.
const PARTS: i128 = 4_096;

/// What was drawn.
#[derive(Debug)]
pub(super) struct Drawn {
    /// Undecoded values, each of another row.
    pub(super) examples: Vec<Bytes>,
    /// Rows that were read for them.
    pub(super) rows: u64,
    /// Whether that is all there are; looked at only where there are no examples.
    pub(super) is_all: bool,
}

/// Bytes that drawing so many values of a field takes in memory, at most.
pub(super) fn bytes(field: &Field, wanted: u32) -> usize {
    let numbers = field.numeric_param("dim").and_then(|dim| usize::try_from(dim).ok());
    let row = numbers.map_or(LARGEST_TEXT, |numbers| numbers.saturating_mul(4));
    let rows = wanted.saturating_mul(ROWS);
    usize::try_from(rows).unwrap_or(usize::MAX).saturating_mul(row).min(MOST_BYTES)
}

/// Draws values of a column, from the first rows of all and those behind each of the bounds.
pub(super) async fn draw(
    client: &Client,
    query: &Query,
    column: &str,
    bounds: &Bounds,
    wanted: usize,
) -> Result<Drawn> {
    let mut seen: BTreeSet<Key> = BTreeSet::new();
    let (mut examples, mut spare) = (Vec::new(), Vec::new());
    let mut bytes = 0;
    let whole = KeyRange::ALL;
    let behind = |key: &Key| KeyRange { after: Some(key.clone()), up_to: None };
    for range in std::iter::once(whole.clone()).chain(bounds.keys.iter().map(behind)) {
        if examples.len() >= wanted {
            break;
        }
        let page = client.examples(query, &range, column, Moment::Eventually, ROWS).await?;
        let mut found = false;
        for (key, value) in page {
            let value = value.filter(|value| !value.is_empty());
            let (true, Some(value)) = (seen.insert(key), value) else { continue };
            if bytes + value.len() > MOST_BYTES {
                continue;
            }
            bytes += value.len();
            // The answer that it is a part of is not kept.
            let value = Bytes::copy_from_slice(&value);
            if found { &mut spare } else { &mut examples }.push(value);
            found = true;
        }
    }
    examples.extend(spare);
    examples.truncate(wanted);
    let rows = seen.len() as u64;
    let mut is_all = false;
    if examples.is_empty() {
        let count = client.count(query, &whole, Moment::Strong).await?;
        is_all = count.is_some_and(|count| count <= rows);
    }
    Ok(Drawn { examples, rows, is_all })
}

/// Keys all over a collection, behind which rows are looked for.
#[derive(Debug, Default)]
pub struct Bounds {
    /// The keys, in order.
    pub keys: Vec<Key>,
    /// That only so many keys, the first ones, were looked at.
    pub only_first: Option<u64>,
}

/// Finds bounds: as many keys apart from each other as far as walking through the keys is not too
/// long a way. What is beyond that is divided evenly, where keys are numbers.
///
/// # Errors
/// When a call fails.
pub async fn bounds(client: &Client, query: &Query, wanted: usize) -> Result<Bounds> {
    let mut thinned = Thinned::new(wanted);
    let (mut range, mut limit) = (KeyRange::ALL, LARGEST_LIMIT);
    // What a server has seen once, it does not forget: the first question alone has to be Strong,
    // which takes long.
    let mut moment = Moment::Strong;
    for _ in 0..MOST_PAGES {
        let page = client.key_page(query, &range, moment, limit, KEYS_ANSWER).await;
        moment = Moment::Eventually;
        let keys = match page {
            Err(error) if error.kind == Kind::TooLarge && limit > 1 => {
                limit = (limit / 8).max(1);
                continue;
            }
            other => other?.0,
        };
        if keys.is_empty() {
            return Ok(Bounds { keys: thinned.spread(wanted), only_first: None });
        }
        let last = keys.iter().rfind(|key| !key.breaks_lines()).cloned();
        for key in keys {
            thinned.add(key);
        }
        let Some(last) = last else { break };
        range.after = Some(last);
    }
    if let Some(Key::Int64(last)) = range.after {
        let highest = highest(client, query, last).await?;
        let mut keys = thinned.spread(wanted.div_ceil(2));
        keys.extend(spread(last, highest, wanted / 2).into_iter().map(Key::Int64));
        return Ok(Bounds { keys, only_first: None });
    }
    // Between two texts there is no middle to ask for.
    let only_first = Some(thinned.seen);
    Ok(Bounds { keys: thinned.spread(wanted), only_first })
}

/// About the highest number that is a key.
///
/// There is no asking for it. It is felt for in steps that get smaller: is there any that is so much
/// higher? 63 questions at most, most of them with the answer no.
async fn highest(client: &Client, query: &Query, lowest: i64) -> Result<i64> {
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
    Ok(highest)
}

/// So many numbers from one to the other, evenly, without the second.
fn spread(lowest: i64, highest: i64, wanted: usize) -> Vec<i64> {
    let (lowest, parts) = (i128::from(lowest), i128::try_from(wanted).unwrap_or(1).max(1));
    let span = i128::from(highest) - lowest;
    let mut numbers: Vec<i64> =
        (0..parts).filter_map(|part| i64::try_from(lowest + span * part / parts).ok()).collect();
    numbers.dedup();
    numbers
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
    fn spread(self, wanted: usize) -> Vec<Key> {
        let length = self.kept.len();
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
        assert_eq!(spread(0, 100, 4), [0, 25, 50, 75]);
        assert_eq!(spread(i64::MIN, i64::MAX, 2), [i64::MIN, -1]);
        assert_eq!(spread(7, 8, 10), [7]);
        assert_eq!(spread(7, 7, 1), [7]);
    }

    #[test]
    fn texts_are_thinned_evenly_however_many_there_are() {
        for length in [0, 3, 10, 39, 40, 41, 1_000, 100_000] {
            let mut thinned = Thinned::new(10);
            (0..length).for_each(|n| thinned.add(Key::VarChar(format!("{n:06}"))));
            assert_eq!(thinned.seen, length);
            let kept: Vec<u64> = thinned
                .spread(10)
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
