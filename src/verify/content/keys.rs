//! Rows that are compared by their keys: those of a sample, and those that seemed to differ.

use std::collections::HashSet;

use super::keyed::{Keyed, Unequal, unequal};
use crate::copy::{SINGLE_ROW, Share, batches};
use crate::milvus::Rows;
use crate::model::{Collection, Digest, FieldDifference, Key};
use crate::verify::Error;
use crate::verify::ends::{Answer, Ends, Moments, Side};
use crate::verify::result::RowDifferenceKind;

/// An answer of each end.
const ENDS: usize = 2;

/// A row that differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::verify) struct Found {
    pub(in crate::verify) key: Key,
    pub(in crate::verify) kind: RowDifferenceKind,
    pub(in crate::verify) fields: Vec<FieldDifference>,
    /// The digest of the source's row.
    pub(in crate::verify) source: Option<Digest>,
    /// Whether the source gave several rows with this key that are not equal.
    pub(in crate::verify) several: bool,
}

/// What comparing rows by key found.
#[derive(Debug, Default)]
pub(in crate::verify) struct ByKeys {
    /// Those that differ, in order.
    pub(in crate::verify) found: Vec<Found>,
    /// Rows of the source that were there.
    pub(in crate::verify) rows: u64,
    /// Bytes that were read at both ends.
    pub(in crate::verify) bytes: u64,
}

/// Compares the rows that have these keys.
///
/// # Errors
/// When they cannot be read or compared.
pub(in crate::verify) async fn compare_keys(
    ends: &Ends,
    scope: Option<&str>,
    keys: &[Key],
    at: &Moments,
) -> Result<ByKeys, Error> {
    let mut result = ByKeys::default();
    let mut batches = batches(keys);
    batches.reverse();
    while let Some(batch) = batches.pop() {
        let limit = if batch.len() == 1 { SINGLE_ROW } else { ends.answer_limit() };
        let mut share = share(ends, ENDS * limit).await?;
        let (source, target) = tokio::join!(
            Box::pin(ends.rows_of_keys(Side::Source, scope, batch, at, limit)),
            Box::pin(ends.rows_of_keys(Side::Target, scope, batch, at, limit))
        );
        let (source, target) = (source?, target?);
        if let (Answer::TooLarge(error), _) | (_, Answer::TooLarge(error)) = (&source, &target) {
            if batch.len() == 1 {
                let key = batch[0].to_string();
                let place = || format!("{}, key {key}", ends.address(Side::Source));
                return Err(Error::read(place, error.clone()));
            }
            let (lower, upper) = batch.split_at(batch.len() / 2);
            batches.extend([upper, lower]);
            continue;
        }
        let unreadable = |why| Error::Rows { place: ends.address(Side::Source), why };
        let source = keyed(source).map_err(unreadable)?;
        let target = keyed(target).map_err(unreadable)?;
        let target = target.each_for_itself(ends.shows_each(Side::Target));
        share.shrink_to(source.memory() + target.memory());
        result.rows += source.count();
        result.bytes += bytes(&source) + bytes(&target);
        let to = ends.collection(Side::Target);
        result.found.extend(named(&source, &target, to).map_err(unreadable)?);
    }
    Ok(result)
}

/// A share of the memory, unless we are asked to stop while waiting.
pub(in crate::verify) async fn share(ends: &Ends, bytes: usize) -> Result<Share, Error> {
    tokio::select! {
        biased;
        () = ends.check.stop.cancelled() => Err(Error::Stopped),
        share = ends.memory().share(bytes) => Ok(share),
    }
}

/// The rows of an answer that is not too large.
pub(super) fn keyed(answer: Answer) -> Result<Keyed, String> {
    match answer {
        Answer::Rows(rows) => Keyed::of(rows),
        Answer::Nothing | Answer::TooLarge(_) => Ok(Keyed::nothing()),
    }
}

/// Bytes that came over the wire.
pub(super) fn bytes(rows: &Keyed) -> u64 {
    rows.rows().map_or(0, |rows| rows.bytes() as u64)
}

/// The rows that differ, with their fields. `to`: the target, which knows its default values.
fn named(source: &Keyed, target: &Keyed, to: &Collection) -> Result<Vec<Found>, String> {
    let several: HashSet<&Key> = source.several().collect();
    let mut found = Vec::new();
    for unequal in unequal(source, target) {
        let (kind, fields) = match &unequal {
            Unequal::Missing(_) => (RowDifferenceKind::Missing, Vec::new()),
            Unequal::Extra(_) => (RowDifferenceKind::Extra, Vec::new()),
            Unequal::Different(_, ours, theirs) => {
                let fields = match (source.rows(), target.rows()) {
                    (Some(source), Some(target)) => {
                        let mut fields = source.differing_fields(*ours, target, *theirs)?;
                        for field in &mut fields {
                            field.default_value = is_default(field, target, *theirs, to)?;
                        }
                        fields
                    }
                    _ => Vec::new(),
                };
                (RowDifferenceKind::Different, fields)
            }
        };
        let key = unequal.key().clone();
        found.push(Found {
            source: source.digest_of(&key),
            several: several.contains(&key),
            key,
            kind,
            fields,
        });
    }
    Ok(found)
}

/// Whether the target has the default value of a field in which the source has none.
fn is_default(
    differing: &FieldDifference,
    target: &Rows,
    row: usize,
    to: &Collection,
) -> Result<bool, String> {
    let default = to.field(&differing.field).and_then(|field| field.default_value.as_ref());
    match default {
        Some(default) if differing.first_byte.is_none() && differing.source == "null" => {
            target.has_default(row, &differing.field, default)
        }
        _ => Ok(false),
    }
}

#[cfg(test)]
mod tests;
