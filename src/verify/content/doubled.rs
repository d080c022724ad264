//! Rows that are there twice: a run that was killed may leave some, and where the target's server makes up
//! keys, so may a write whose answer was lost (`milvus::landing`). A comparison of rows does not show
//! them, as queries give a key once; `count(*)` counts each.

use std::collections::BTreeSet;

use super::RangeComparison;
use super::full::Worker;
use crate::copy::{KeyPages, batches};
use crate::milvus::{Moment, Query};
use crate::model::Key;
use crate::verify::Error;
use crate::verify::ends::{Ends, Side};

impl Worker {
    /// Waits until no write can land any more whose outcome is not known.
    pub(super) async fn wait_for_landing(&self) -> Result<(), Error> {
        let ends = self.part.ends();
        let Some(until) = ends.check.target.may_land_until(&ends.subject.to) else { return Ok(()) };
        tokio::select! {
            biased;
            () = ends.check.stop.cancelled() => Err(Error::Stopped),
            () = tokio::time::sleep_until(until) => Ok(()),
        }
    }

    /// Keys of the source with which the target has more than one row in a range, once no write can land
    /// there any more whose outcome is not known.
    pub(super) async fn doubled(&self, one: &RangeComparison) -> Result<Vec<Key>, Error> {
        self.wait_for_landing().await?;
        let ends = self.part.ends();
        let (client, scope) = (&ends.check.target, one.scope.as_deref());
        let Some(query) = ends.query(Side::Target, scope) else { return Ok(Vec::new()) };
        let at = ends.fix_moments().await?;
        let failed = |error| Error::read(|| ends.place(Side::Target, scope, &one.range), error);
        let mut keys = Vec::new();
        let mut pages = KeyPages::of(client, &query, &one.range, at.target, ends.answer_limit());
        while let Some(page) = pages.next().await.map_err(failed)? {
            keys.extend(page);
        }
        let count = client.count(&query, &one.range, at.target).await.map_err(failed)?;
        if count.is_none_or(|count| count <= keys.len() as u64) {
            return Ok(Vec::new());
        }
        let mut doubled = Vec::new();
        let mut open = batches(&keys);
        while let Some(batch) = open.pop() {
            let count = client.count_of_keys(&query, batch, at.target).await.map_err(failed)?;
            if count.is_none_or(|count| count <= batch.len() as u64) {
                continue;
            }
            match batch {
                [key] => doubled.push(key.clone()),
                _ => open.extend(<[&[Key]; 2]>::from(batch.split_at(batch.len() / 2))),
            }
        }
        of_source(ends, scope, doubled, at.source).await
    }
}

/// Those of the keys that the source has: others are not of this move.
async fn of_source(
    ends: &Ends,
    scope: Option<&str>,
    mut doubled: Vec<Key>,
    at: Moment,
) -> Result<Vec<Key>, Error> {
    if doubled.is_empty() {
        return Ok(doubled);
    }
    let Some(query) = ends.query(Side::Source, scope) else { return Ok(Vec::new()) };
    let mut there = BTreeSet::new();
    for batch in batches(&doubled) {
        there.extend(keys_of(ends, scope, &query, batch, at).await?);
    }
    doubled.retain(|key| there.contains(key));
    Ok(doubled)
}

async fn keys_of(
    ends: &Ends,
    scope: Option<&str>,
    query: &Query,
    keys: &[Key],
    at: Moment,
) -> Result<Vec<Key>, Error> {
    let columns = vec![query.key_field.clone()];
    let rows = ends.check.source.rows_of_keys(query, keys, columns, at, ends.answer_limit());
    let rows = Box::pin(rows).await.map_err(|error| {
        Error::read(|| ends.place(Side::Source, scope, &crate::model::KeyRange::ALL), error)
    })?;
    Ok(rows.keys().to_vec())
}
