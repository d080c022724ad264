//! Digests of rows: what is at both ends is compared by them.
//!
//! Each value has a 128-bit hash (XXH3) under a seed that is its field's; the hashes of a row, by the
//! names of its fields, are hashed once more. No vector is decoded, and none is copied.

use xxhash_rust::xxh3::{xxh3_64_with_seed, xxh3_128, xxh3_128_with_seed};

use super::canonical::Canonical;
use super::{FieldData, Rows, is_dynamic};
use crate::model::{DYNAMIC_COLUMN, Digest};

/// Seeds of values and of nulls: another version of this form would have others.
const VALUE: u64 = 0x6665_7272_7931_0001;
const NULL: u64 = 0x6665_7272_7931_0002;
/// Bytes of a hash.
const HASH: usize = 16;

impl Rows {
    /// The digest of each row, in the order of the keys. It depends on the names and the values of
    /// the row's fields alone.
    ///
    /// # Errors
    /// When a column is unreadable, or has values for another number of rows.
    pub fn digests(&self) -> Result<Vec<Digest>, String> {
        if self.is_empty() {
            return Ok(Vec::new());
        }
        let columns = self.by_name();
        let width = columns.len() * HASH;
        let mut hashes = vec![0; self.len() * width];
        for (number, (name, column)) in columns.iter().enumerate() {
            hash_column(name, column, self.len(), |row, hash| {
                let start = row * width + number * HASH;
                hashes[start..start + HASH].copy_from_slice(&hash.to_le_bytes());
            })
            .map_err(|why| format!("the column {name:?}: {why}"))?;
        }
        Ok(hashes.chunks(width).map(|row| Digest(xxh3_128(row))).collect())
    }

    /// The digest of all rows: the sum of those of each.
    ///
    /// # Errors
    /// As [`Self::digests`].
    pub fn digest(&self) -> Result<Digest, String> {
        Ok(self.digests()?.into_iter().sum())
    }

    /// The columns by their names, sorted.
    pub(super) fn by_name(&self) -> Vec<(&str, &FieldData)> {
        let name = |column: &FieldData| is_dynamic(column).then_some(DYNAMIC_COLUMN);
        let mut columns: Vec<(&str, &FieldData)> = self
            .columns
            .iter()
            .map(|column| (name(column).unwrap_or(&column.field_name), column))
            .collect();
        columns.sort_by_key(|(name, _)| *name);
        columns
    }
}

fn hash_column(
    name: &str,
    column: &FieldData,
    rows: usize,
    mut put: impl FnMut(usize, u128),
) -> Result<(), String> {
    let values = Canonical::of(column, rows)?;
    let seed = xxh3_64_with_seed(name.as_bytes(), VALUE);
    let null = xxh3_128_with_seed(name.as_bytes(), NULL);
    for row in 0..rows {
        let hash = match values.value(row)? {
            Some(value) => xxh3_128_with_seed(&value, seed),
            None => null,
        };
        put(row, hash);
    }
    Ok(())
}
