//! Rows as undecoded columns: what a query answers is what an insert sends.
//!
//! Only the key column is decoded. These things are touched on the way, and nothing else:
//! - `field_id` is reset: a forwarded one makes Milvus hash by the wrong column;
//! - null rows are left out of a column that holds any, as inserts demand;
//! - an empty array gets its empty member: the form in which 2.3.5 returns it kills a 2.3.5 that it
//!   is inserted into;
//! - the dynamic column is named as servers want it.

mod blame;
mod canonical;
mod compare;
mod digest;
mod examples;
mod joined;
mod lists;
mod nulls;
mod parts;
mod payload;
mod same;
mod texts;
mod wire;

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use prost::Message as _;
pub use texts::TooLong;

use self::payload::{GEOMETRY_WKB, Kind, Payload, TIMESTAMPTZ_NUMBER, UNKNOWN_PARTS};
use super::pb::milvus as pb;
use super::pb::schema::{self, FieldData, field_data::Field, scalar_field};
use crate::model::{DYNAMIC_COLUMN, DataType, Key, KeyKind};

/// Rows of a query's answer, in the form in which they can be inserted.
#[derive(Debug)]
pub struct Rows {
    columns: Vec<FieldData>,
    keys: Vec<Key>,
    bytes: usize,
    rebuilt: usize,
}

impl Rows {
    /// Takes an answer apart into the columns that were asked for, and decodes the keys.
    ///
    /// # Errors
    /// When a column holds parts that this build does not know, or values for another number of
    /// rows as far as it is looked at, or is there twice, or the key column is missing. That all
    /// columns have as many rows as the key column is checked by the target when they are sent.
    pub(super) fn from_answer(
        answer: pb::QueryResults,
        asked: &[String],
        key_field: &str,
        kind: KeyKind,
    ) -> Result<Self, String> {
        let mut columns: Vec<FieldData> = Vec::with_capacity(answer.fields_data.len());
        let mut bytes = 0;
        for raw in answer.fields_data {
            let length = raw.len();
            let mut column = decoded(raw)?;
            if is_dynamic(&column) {
                column.is_dynamic = true;
                DYNAMIC_COLUMN.clone_into(&mut column.field_name);
            }
            // Some servers add columns: the key, or the dynamic column.
            if !asked.contains(&column.field_name) {
                continue;
            }
            if columns.iter().any(|other| other.field_name == column.field_name) {
                return Err(format!("the column {:?} is there twice", column.field_name));
            }
            bytes += length;
            columns.push(column);
        }
        if columns.is_empty() {
            return Ok(Self { columns, keys: Vec::new(), bytes: 0, rebuilt: 0 });
        }
        let key_column = columns
            .iter()
            .find(|column| column.field_name == key_field)
            .ok_or_else(|| format!("the answer misses the key column {key_field:?}"))?;
        let keys = keys(key_column, kind)?;
        let mut rebuilt = 0;
        if !keys.is_empty() {
            for column in &mut columns {
                rebuilt += settle(column, keys.len())
                    .map_err(|why| format!("the column {:?}: {why}", column.field_name))?;
            }
        }
        Ok(Self { columns, keys, bytes, rebuilt })
    }

    /// Rows of an answer, without keeping them.
    pub(super) fn row_count(answer: &pb::QueryResults, key_field: &str) -> usize {
        answer
            .fields_data
            .iter()
            .filter_map(|raw| FieldData::decode(raw.clone()).ok())
            .find(|column| column.field_name == key_field)
            .and_then(|column| scalars(&column).ok().flatten())
            .map_or(0, |data| match data {
                scalar_field::Data::LongData(array) => array.data.len(),
                scalar_field::Data::StringData(array) => array.data.len(),
                _ => 0,
            })
    }

    /// The number in an answer to `count(*)`.
    pub(super) fn count(answer: &pb::QueryResults) -> Option<u64> {
        let column = FieldData::decode(answer.fields_data.first()?.clone()).ok()?;
        match scalars(&column).ok()?? {
            scalar_field::Data::LongData(array) => u64::try_from(*array.data.first()?).ok(),
            _ => None,
        }
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Bytes of the columns on the wire.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Bytes that they take in memory: the answer, what had to be built anew of it, and the keys.
    pub fn memory(&self) -> usize {
        let texts: usize = self.keys.iter().map(Key::text_bytes).sum();
        self.bytes + self.rebuilt + self.keys.len() * size_of::<Key>() + texts
    }

    /// The keys, in the order of the rows.
    pub fn keys(&self) -> &[Key] {
        &self.keys
    }

    /// The keys alone.
    pub fn into_keys(self) -> Vec<Key> {
        self.keys
    }

    /// Whether a column is there.
    pub fn has_column(&self, name: &str) -> bool {
        self.columns.iter().any(|column| {
            column.field_name == name || (name == DYNAMIC_COLUMN && column.is_dynamic)
        })
    }

    /// Number of rows whose dynamic column holds anything.
    ///
    /// # Errors
    /// When the dynamic column is there but unreadable.
    pub fn rows_with_dynamic_data(&self) -> Result<u64, String> {
        let Some(column) = self.columns.iter().find(|column| is_dynamic(column)) else {
            return Ok(0);
        };
        match scalars(column)? {
            Some(scalar_field::Data::JsonData(array)) => {
                Ok(array.data.iter().filter(|value| !is_empty_object(value)).count() as u64)
            }
            None => Ok(0),
            Some(_) => Err("the dynamic column is not JSON".to_owned()),
        }
    }

    /// Leaves the dynamic column behind.
    #[must_use]
    pub fn without_dynamic_column(mut self) -> Self {
        self.columns.retain(|column| !is_dynamic(column));
        self
    }

    /// Gives columns the names that they have at the target, by their names at the source.
    #[must_use]
    pub fn renamed(mut self, names: &BTreeMap<String, String>) -> Self {
        for column in self.columns.iter_mut().filter(|column| !column.is_dynamic) {
            if let Some(name) = names.get(&column.field_name) {
                name.clone_into(&mut column.field_name);
            }
        }
        self
    }

    /// The columns as an insert wants them. Those in `flagged` say of every row whether it is null
    /// even where none is: before 2.6.2, servers insist on that for fields that may be null or have
    /// a default value, and refuse it for all others.
    pub(super) fn to_insert(&self, flagged: &BTreeSet<&str>) -> Vec<FieldData> {
        let mut columns = self.columns.clone();
        for column in &mut columns {
            if column.valid_data.is_empty() && flagged.contains(column.field_name.as_str()) {
                column.valid_data = vec![true; self.len()];
            }
        }
        columns
    }
}

/// A column, if nothing in it is unknown.
fn decoded(raw: Bytes) -> Result<FieldData, String> {
    let length = raw.len();
    let column = FieldData::decode(raw).map_err(|error| format!("unreadable column: {error}"))?;
    if column.encoded_len() == length {
        return Ok(column);
    }
    Err(format!("the column {:?}: {UNKNOWN_PARTS}", column.field_name))
}

/// Brings a column into the form in which it can be inserted. Returns how many bytes were built
/// anew.
fn settle(column: &mut FieldData, rows: usize) -> Result<usize, String> {
    // Milvus looks the primary column up by `field_id == pk.id || name`, first match wins, and the
    // source's ids mean nothing at the target.
    column.field_id = 0;
    let data_type = DataType(column.r#type);
    let validity = std::mem::take(&mut column.valid_data);
    let (kind, bytes) = match column.field.take() {
        Some(Field::StructArrays(raw)) => {
            let settled = settled_structs(&raw, &validity, rows)?;
            let built = settled.len();
            column.field = Some(Field::StructArrays(settled));
            return Ok(built);
        }
        Some(Field::Scalars(raw)) => (Kind::Scalars, raw),
        Some(Field::Vectors(raw)) => (Kind::Vectors, raw),
        None if data_type.is_vector() => (Kind::Vectors, Bytes::new()),
        None => (Kind::Scalars, Bytes::new()),
    };
    let new = if column.is_dynamic {
        nulls::dynamic_without_nulls(&bytes, validity, rows)?
    } else {
        can_be_sent(kind, &bytes)?;
        let settled = nulls::without_nulls(kind, &bytes, data_type, validity, rows)?;
        column.valid_data = settled.validity;
        let mended = lists::with_empty_members(kind, settled.payload.as_deref().unwrap_or(&bytes))?;
        mended.or(settled.payload)
    };
    let built = new.as_ref().map_or(0, Vec::len);
    let payload = new.map_or(bytes, Bytes::from);
    column.field = Some(match kind {
        Kind::Scalars => Field::Scalars(payload),
        Kind::Vectors => Field::Vectors(payload),
    });
    Ok(built)
}

/// The sub-columns of a struct array, each brought into form. A struct is null as a whole: every
/// sub-column has the same null rows.
fn settled_structs(raw: &Bytes, validity: &[bool], rows: usize) -> Result<Bytes, String> {
    let mut out = Vec::with_capacity(raw.len());
    for part in wire::parts(raw)? {
        if part.number != 1 {
            return Err(UNKNOWN_PARTS.to_owned());
        }
        let mut column = decoded(raw.slice(part.value))?;
        if column.valid_data.is_empty() {
            column.valid_data = validity.to_vec();
        }
        settle(&mut column, rows).map_err(|why| format!("{:?}: {why}", column.field_name))?;
        wire::put(&mut out, 1, &column.encode_to_vec());
    }
    Ok(Bytes::from(out))
}

/// Servers translate what they store in forms of their own before they answer. One that does not
/// would have it refused by the target.
fn can_be_sent(kind: Kind, bytes: &[u8]) -> Result<(), String> {
    match (kind, Payload::of(kind, bytes)?.member()) {
        (Kind::Scalars, Some((GEOMETRY_WKB, _))) => {
            Err("the source gives its geometries as WKB; only WKT can be inserted".to_owned())
        }
        (Kind::Scalars, Some((TIMESTAMPTZ_NUMBER, _))) => {
            Err("the source gives its times as numbers; only text can be inserted".to_owned())
        }
        _ => Ok(()),
    }
}

fn is_dynamic(column: &FieldData) -> bool {
    column.is_dynamic || column.field_name == DYNAMIC_COLUMN
}

fn is_empty_object(json: &[u8]) -> bool {
    let text: Vec<u8> = json.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect();
    text.is_empty() || text == b"{}" || text == b"null"
}

fn scalars(column: &FieldData) -> Result<Option<scalar_field::Data>, String> {
    match &column.field {
        Some(Field::Scalars(raw)) => schema::ScalarField::decode(raw.clone())
            .map(|scalars| scalars.data)
            .map_err(|error| format!("unreadable column {:?}: {error}", column.field_name)),
        Some(_) => Err(format!("the column {:?} is not a scalar one", column.field_name)),
        None => Ok(None),
    }
}

/// The keys in the column of a field.
pub(super) fn keys_of(
    columns: &[FieldData],
    field: &str,
    kind: KeyKind,
) -> Result<Vec<Key>, String> {
    let column = columns.iter().find(|column| column.field_name == field);
    keys(column.ok_or_else(|| format!("the answer misses the key column {field:?}"))?, kind)
}

fn keys(column: &FieldData, kind: KeyKind) -> Result<Vec<Key>, String> {
    match (scalars(column)?, kind) {
        (None, _) => Ok(Vec::new()),
        (Some(scalar_field::Data::LongData(array)), KeyKind::Int64) => {
            Ok(array.data.into_iter().map(Key::Int64).collect())
        }
        (Some(scalar_field::Data::StringData(array)), KeyKind::VarChar) => {
            Ok(array.data.into_iter().map(Key::VarChar).collect())
        }
        _ => Err(format!("the key column {:?} has another type", column.field_name)),
    }
}

#[cfg(test)]
mod tests;
