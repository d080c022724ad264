//! Digests of rows: what is at both ends is compared by them.
//!
//! The digest of a row is a 128-bit hash (XXH3) of its values, by the names of their fields, under a
//! seed that is the names'. A short value is there as it is, with its length; of a long one its own
//! hash is, so that no vector is decoded, and none is copied.

use xxhash_rust::xxh3::{xxh3_64_with_seed, xxh3_128, xxh3_128_with_seed};

use super::canonical::Canonical;
use super::{FieldData, Rows, is_dynamic};
use crate::model::{DYNAMIC_COLUMN, Digest};

/// Another version of this form would have another.
const SEED: u64 = 0x6665_7272_7931_0001;
/// Bytes of the longest value that is there as it is.
const SHORT: u8 = 64;
/// What is in the place of the length of a long value, and of a null.
const LONG: u8 = 0xfe;
const NULL: u8 = 0xff;

impl Rows {
    /// The digest of each row, in the order of the keys. It depends on the names and the values of
    /// the row's fields alone.
    ///
    /// # Errors
    /// When a column is unreadable, or has values for another number of rows.
    pub fn digests(&self) -> Result<Vec<Digest>, String> {
        let mut digests = Vec::with_capacity(self.len());
        self.each_digest(|digest| digests.push(digest))?;
        Ok(digests)
    }

    /// [`Self::digest`] of rows without some of their columns.
    ///
    /// # Errors
    /// As [`Self::digests`].
    pub(in crate::milvus) fn digest_without(&self, names: &[String]) -> Result<Digest, String> {
        let columns = self.columns.iter().filter(|column| !names.contains(&column.field_name));
        let (columns, keys) = (columns.cloned().collect(), self.keys.clone());
        Self { columns, keys, bytes: 0, rebuilt: 0 }.digest()
    }

    /// The digest of all rows: the sum of those of each.
    ///
    /// # Errors
    /// As [`Self::digests`].
    pub fn digest(&self) -> Result<Digest, String> {
        let mut sum = Digest::default();
        self.each_digest(|digest| sum += digest)?;
        Ok(sum)
    }

    fn each_digest(&self, mut take: impl FnMut(Digest)) -> Result<(), String> {
        if self.is_empty() {
            return Ok(());
        }
        let (mut names, mut columns) = (Vec::new(), Vec::with_capacity(self.columns.len()));
        for (name, column) in self.by_name() {
            names.extend((name.len() as u64).to_le_bytes());
            names.extend_from_slice(name.as_bytes());
            let values = Canonical::of(column, self.len()).map_err(|why| in_column(name, &why))?;
            columns.push((name, values));
        }
        let seed = xxh3_64_with_seed(&names, SEED);
        let mut form = Vec::with_capacity(columns.len() * usize::from(SHORT + 1));
        for row in 0..self.len() {
            form.clear();
            for (name, values) in &columns {
                if let Some(value) = values.found(row) {
                    put(&mut form, value);
                    continue;
                }
                match values.value(row).map_err(|why| in_column(name, &why))? {
                    Some(value) => put(&mut form, &value),
                    None => form.push(NULL),
                }
            }
            take(Digest(xxh3_128_with_seed(&form, seed)));
        }
        Ok(())
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

/// Where a value ends is told by its first byte, so that other values never have one form.
#[inline]
fn put(form: &mut Vec<u8>, value: &[u8]) {
    match u8::try_from(value.len()) {
        Ok(length) if length <= SHORT => {
            form.push(length);
            form.extend_from_slice(value);
        }
        _ => {
            form.push(LONG);
            form.extend(xxh3_128(value).to_le_bytes());
        }
    }
}

fn in_column(name: &str, why: &str) -> String {
    format!("the column {name:?}: {why}")
}
