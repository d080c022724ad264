//! In which fields two rows with one key differ, and how, for people.

use std::fmt::Write as _;

use prost::Message;

use super::canonical::Canonical;
use super::same::same;
use super::{FieldData, Rows, is_dynamic};
use crate::milvus::pb::schema::ValueField;
use crate::milvus::pb::schema::value_field::Data;
use crate::model::{DataType, FieldDifference, ValueOfDefault};

/// Characters of a value that are shown.
const SHOWN: usize = 60;

impl Rows {
    /// The fields in which a row differs from one of the other end.
    ///
    /// # Errors
    /// When a column is unreadable.
    pub fn differing_fields(
        &self,
        row: usize,
        other: &Self,
        other_row: usize,
    ) -> Result<Vec<FieldDifference>, String> {
        let (ours, theirs) = (self.by_name(), other.by_name());
        let mut names: Vec<&str> = ours.iter().chain(&theirs).map(|(name, _)| *name).collect();
        names.sort_unstable();
        names.dedup();
        let find = |columns: &[(&str, _)], wanted| {
            columns.iter().find(|(name, _)| *name == wanted).map(|(_, column)| *column)
        };
        let mut differences = Vec::new();
        for name in names {
            let source = find(&ours, name).map(|column| Side::of(column, self.len(), row));
            let target = find(&theirs, name).map(|column| Side::of(column, other.len(), other_row));
            let (source, target) = (source.transpose()?, target.transpose()?);
            differences.extend(difference(name, source.as_ref(), target.as_ref()));
        }
        Ok(differences)
    }

    /// Whether a row has the default value of a field in it.
    ///
    /// # Errors
    /// When the column is unreadable.
    pub fn has_default(
        &self,
        row: usize,
        field: &str,
        default: &ValueOfDefault,
    ) -> Result<bool, String> {
        let columns = self.by_name();
        let Some((_, column)) = columns.iter().find(|(name, _)| *name == field) else {
            return Ok(false);
        };
        let side = Side::of(column, self.len(), row)?;
        let default = ValueField::decode(default.0.as_slice()).ok().and_then(|value| value.data);
        Ok(match (side.bytes, default.and_then(in_canonical_form)) {
            (Some(one), Some(other)) => one == other || same(side.data_type, &one, &other),
            _ => false,
        })
    }
}

/// A default value as values of its field are compared; `None` where no field has such.
fn in_canonical_form(default: Data) -> Option<Vec<u8>> {
    Some(match default {
        Data::BoolData(value) => u64::from(value).to_le_bytes().to_vec(),
        Data::IntData(value) => i64::from(value).to_le_bytes().to_vec(),
        Data::LongData(value) => value.to_le_bytes().to_vec(),
        Data::FloatData(value) => value.to_le_bytes().to_vec(),
        Data::DoubleData(value) => value.to_le_bytes().to_vec(),
        Data::StringData(text) => text.into_bytes(),
        Data::BytesData(bytes) => bytes.to_vec(),
        _ => return None,
    })
}

/// A value at one end; no bytes for a null.
struct Side {
    data_type: DataType,
    bytes: Option<Vec<u8>>,
}

impl Side {
    fn of(column: &FieldData, rows: usize, row: usize) -> Result<Self, String> {
        let bytes = Canonical::of(column, rows)
            .and_then(|values| Ok(values.value(row)?.map(|value| value.to_vec())))
            .map_err(|why| format!("the column {:?}: {why}", column.field_name))?;
        let data_type = if is_dynamic(column) { DataType::JSON } else { DataType(column.r#type) };
        Ok(Self { data_type, bytes })
    }
}

fn difference(name: &str, source: Option<&Side>, target: Option<&Side>) -> Option<FieldDifference> {
    let bytes = |side: Option<&Side>| side.map(|side| side.bytes.clone());
    if bytes(source) == bytes(target) {
        return None;
    }
    let both = source
        .and_then(|side| side.bytes.as_deref())
        .zip(target.and_then(|side| side.bytes.as_deref()));
    let first = both.map(|(one, other)| first_difference(one, other));
    let text = |side: Option<&Side>| match side {
        None => "not there".to_owned(),
        Some(side) => shown(side, first.unwrap_or(0)),
    };
    let same_value = both.is_some_and(|(one, other)| {
        let types = (source.map(|side| side.data_type), target.map(|side| side.data_type));
        matches!(types, (Some(a), Some(b)) if a == b && same(a, one, other))
    });
    Some(FieldDifference {
        field: name.to_owned(),
        source: text(source),
        target: text(target),
        first_byte: first.map(|first| first as u64),
        same_value,
        default_value: false,
    })
}

fn first_difference(one: &[u8], other: &[u8]) -> usize {
    one.iter().zip(other).position(|(a, b)| a != b).unwrap_or(one.len().min(other.len()))
}

/// A value for people, around the byte at which it differs.
fn shown(side: &Side, first: usize) -> String {
    let Some(bytes) = &side.bytes else { return "null".to_owned() };
    match side.data_type {
        DataType::BOOL => (bytes.first() != Some(&0)).to_string(),
        DataType::INT8 | DataType::INT16 | DataType::INT32 | DataType::INT64 => bytes
            .first_chunk()
            .map_or_else(|| hex(bytes, 0), |b| i64::from_le_bytes(*b).to_string()),
        DataType::FLOAT => bytes
            .first_chunk()
            .map_or_else(|| hex(bytes, 0), |b| f32::from_le_bytes(*b).to_string()),
        DataType::DOUBLE => bytes
            .first_chunk()
            .map_or_else(|| hex(bytes, 0), |b| f64::from_le_bytes(*b).to_string()),
        DataType::FLOAT_VECTOR => numbers(bytes, first),
        DataType::VARCHAR
        | DataType::TEXT
        | DataType::JSON
        | DataType::GEOMETRY
        | DataType::TIMESTAMPTZ => text(bytes, first),
        _ => hex(bytes, first),
    }
}

/// The number that differs, and its place.
fn numbers(bytes: &[u8], first: usize) -> String {
    let place = first / 4;
    match bytes.get(place * 4..).and_then(|rest| rest.first_chunk()) {
        Some(number) => format!("[{place}] = {}", f32::from_le_bytes(*number)),
        None => format!("{} numbers", bytes.len() / 4),
    }
}

/// Some characters around a byte, quoted.
fn text(bytes: &[u8], first: usize) -> String {
    let all = String::from_utf8_lossy(bytes);
    let before = all.char_indices().take_while(|(at, _)| *at < first).count();
    let length = all.chars().count();
    let start = if length <= SHOWN { 0 } else { before.saturating_sub(SHOWN / 2) };
    let part: String = all.chars().skip(start).take(SHOWN).collect();
    let head = if start > 0 { "…" } else { "" };
    let tail = if start + SHOWN < length { "…" } else { "" };
    format!("{head}{part:?}{tail}")
}

/// Some bytes from one on.
fn hex(bytes: &[u8], first: usize) -> String {
    const BYTES: usize = 16;
    let mut out = format!("byte {first}: 0x");
    let rest = bytes.get(first..).unwrap_or_default();
    for byte in rest.iter().take(BYTES) {
        let _ = write!(out, "{byte:02x}");
    }
    if rest.len() > BYTES {
        out.push('…');
    }
    out
}
