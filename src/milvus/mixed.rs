//! Arrays of Milvus 2.3.0 to 2.4.5, which are those of other rows where a key is in a sealed and in a
//! growing segment.
//!
//! `MergeInternalRetrieveResult` (`internal/querynodev2/segments/result.go`) puts a newer row in the
//! place of an older one, and `DeleteFieldData` (`pkg/util/typeutil/schema.go`) forgets the older array
//! there. Every array behind it is that of the row before, and the proxy takes as many of them as there
//! are keys: nothing shows. It depends on which segments answer first; a real 2.3.5 does it in a quarter
//! of all answers.
//!
//! An answer is right where there are as many rows as keys. Where there are more, the keys are asked
//! for in halves, until a key that is there twice is alone.

use super::client::Client;
use super::column::Rows;
use super::error::{Kind, Result};
use super::query::{Limit, Moment, Query};
use crate::model::{Flavour, Key, KeyRange};

/// How often one key is asked for, until its newest row comes whole.
const TRIES: usize = 64;
/// After how many of them the newest row may be another one by now.
const RENEWED: usize = 8;
/// How often a row may come that is equal to the one in a sealed segment, before it is believed that
/// there is no other. A growing segment answers first in most cases.
const EQUAL: usize = 8;

/// Which rows are asked for.
#[derive(Debug, Clone)]
pub(super) enum Of {
    /// Those of a range of keys.
    Range(KeyRange),
    /// Those that have one of these keys.
    Keys(Vec<Key>),
}

/// What is asked of each of them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ask<'a> {
    pub(super) query: &'a Query,
    pub(super) output: &'a [String],
    pub(super) moment: Moment,
    pub(super) max_answer: usize,
}

impl Client {
    /// Whether answers to a query for these columns may hold arrays of other rows.
    pub(super) fn mixes_arrays(&self, query: &Query, output: &[String]) -> bool {
        let version = self.version();
        version.flavour == Flavour::Milvus
            && version.at_least(2, 3, 0)
            && version.older_than(2, 4, 6)
            && output.iter().any(|name| query.arrays.contains(name))
    }

    /// Rows of a server that mixes arrays up, each with its own.
    ///
    /// # Errors
    /// As [`Client::rows_in`]; [`Kind::BadAnswer`] where the newest row of a key never came whole.
    pub(super) async fn unmixed(&self, ask: Ask<'_>, of: Of) -> Result<Rows> {
        let mut keys = match self.if_aligned(ask, &of).await? {
            Ok(rows) => return Ok(rows),
            Err(keys) => keys,
        };
        tracing::debug!(rows = keys.len(), "A key is there twice: asking in parts.");
        keys.sort();
        keys.dedup();
        let mut waiting = vec![(of, keys)];
        let mut found = Vec::new();
        while let Some((of, keys)) = waiting.pop() {
            match keys.as_slice() {
                [] => {}
                [key] => found.push(self.newest_row(ask, key).await?),
                _ => {
                    for (of, keys) in halves(&of, &keys) {
                        match self.if_aligned(ask, &of).await? {
                            Ok(rows) => found.push(rows),
                            Err(_) => waiting.push((of, keys)),
                        }
                    }
                }
            }
        }
        Rows::joined(found).map_err(|why| self.error(Kind::BadAnswer, "Query", why))
    }

    /// The rows, where there are as many as keys before and after; the keys otherwise.
    async fn if_aligned(
        &self,
        ask: Ask<'_>,
        of: &Of,
    ) -> Result<std::result::Result<Rows, Vec<Key>>> {
        let expression = self.expression(ask.query, of);
        let count = || self.count_where(ask.query, expression.clone(), ask.moment);
        let before = count().await?;
        let rows = self.rows_as_answered(ask, expression.clone()).await?;
        let keys = Some(rows.len() as u64);
        if before == keys && count().await? == keys {
            return Ok(Ok(rows));
        }
        Ok(Err(rows.into_keys()))
    }

    /// The newest row of a key that is there several times.
    ///
    /// Its columns other than arrays come rightly. With a limit of 1 any of its rows comes, and comes
    /// whole, so that it is asked for until one comes that has those columns. Where rows differ in
    /// their arrays alone, the newest is the one that is in no sealed segment.
    async fn newest_row(&self, ask: Ask<'_>, key: &Key) -> Result<Rows> {
        let bad = |why| self.error(Kind::BadAnswer, "Query", why);
        let expression = self.expression(ask.query, &Of::Keys(vec![key.clone()]));
        let arrays = &ask.query.arrays;
        let others: Vec<String> =
            ask.output.iter().filter(|name| !arrays.contains(name)).cloned().collect();
        let sealed = self.one_row(ask, &expression, &[("ignore_growing", "true")]).await?;
        let sealed = if sealed.is_empty() { None } else { Some(sealed.digest().map_err(bad)?) };
        let mut equal = 0;
        let mut newest = None;
        for attempt in 0..TRIES {
            if attempt % RENEWED == 0 {
                let ask = Ask { output: &others, ..ask };
                let rows = self.rows_as_answered(ask, expression.clone()).await?;
                newest = Some(rows.digest().map_err(bad)?);
            }
            let row = self.one_row(ask, &expression, &[]).await?;
            if row.is_empty() {
                return Ok(row);
            }
            let digest = Some(row.digest().map_err(bad)?);
            if sealed == digest {
                equal += 1;
            }
            let of_others = row.digest_without(arrays).map_err(bad)?;
            if Some(of_others) == newest && (sealed != digest || equal >= EQUAL) {
                return Ok(row);
            }
        }
        Err(bad(format!(
            "the key {key} of {}/{} is there several times, and the newest of its rows never came \
             whole: upsert that row at the source, which leaves one",
            ask.query.database, ask.query.collection
        )))
    }

    async fn one_row(
        &self,
        ask: Ask<'_>,
        expression: &str,
        params: &[(&str, &str)],
    ) -> Result<Rows> {
        let Ask { query, output, moment, max_answer } = ask;
        let mut request =
            query.request(expression.to_owned(), output.to_vec(), moment, Limit::Whole(1));
        request.query_params.extend(params.iter().map(|(key, value)| {
            super::pb::common::KeyValuePair { key: (*key).to_owned(), value: (*value).to_owned() }
        }));
        let answer = self.query(&query.database, request, max_answer).await?;
        self.rows(query, answer, output)
    }
}

/// Two parts that hold these keys, which are sorted and several.
fn halves(of: &Of, keys: &[Key]) -> [(Of, Vec<Key>); 2] {
    let (lower, upper) = keys.split_at(keys.len() / 2);
    let (below, above) = match of {
        Of::Range(range) => {
            let middle = lower.last().cloned();
            (
                Of::Range(KeyRange { after: range.after.clone(), up_to: middle.clone() }),
                Of::Range(KeyRange { after: middle, up_to: range.up_to.clone() }),
            )
        }
        Of::Keys(_) => (Of::Keys(lower.to_vec()), Of::Keys(upper.to_vec())),
    };
    [(below, lower.to_vec()), (above, upper.to_vec())]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_hold_every_key_once() {
        let keys: Vec<Key> = [2, 3, 5, 8, 9].map(Key::Int64).to_vec();
        let whole = KeyRange { after: Some(Key::Int64(1)), up_to: None };
        let parts = halves(&Of::Range(whole.clone()), &keys);
        let all: Vec<Key> = parts.iter().flat_map(|(_, keys)| keys.clone()).collect();
        assert_eq!(all, keys);
        let [(Of::Range(lower), below), (Of::Range(upper), above)] = &parts else {
            panic!("{parts:?}")
        };
        for key in (1..20).map(Key::Int64) {
            let times = usize::from(lower.contains(&key)) + usize::from(upper.contains(&key));
            assert_eq!(times, usize::from(whole.contains(&key)), "{key}");
        }
        assert!(below.iter().all(|key| lower.contains(key)));
        assert!(above.iter().all(|key| upper.contains(key)));
        let [(Of::Keys(lower), _), (Of::Keys(upper), _)] = halves(&Of::Keys(keys.clone()), &keys)
        else {
            panic!()
        };
        assert_eq!([lower, upper].concat(), keys);
    }
}
