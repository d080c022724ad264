//! Rows as undecoded columns: what a query answers is what an insert sends.
//!
//! Only the key column is decoded. Three things are touched on the way, and nothing else:
//! `field_id` is reset (a forwarded one makes Milvus hash by the wrong column), an empty array
//! gets its empty member (the form in which 2.3.5 returns it kills a 2.3.5 that it is inserted
//! into), and the dynamic column is named as the server wants it.

use bytes::Bytes;
use prost::Message as _;

use super::pb::milvus as pb;
use super::pb::schema::{self, FieldData, field_data::Field as Payload, scalar_field};
use crate::model::{DYNAMIC_COLUMN, DataType, Key, KeyKind};

/// Rows of a query's answer.
#[derive(Debug)]
pub struct Rows {
    columns: Vec<FieldData>,
    keys: Vec<Key>,
    bytes: usize,
}

impl Rows {
    /// Takes an answer apart into columns, and decodes the keys.
    ///
    /// # Errors
    /// When a column holds parts that this build does not know, or the key column is missing. That
    /// all columns have as many rows as the key column is checked by the target when they are sent.
    pub(super) fn from_answer(
        answer: pb::QueryResults,
        key_field: &str,
        kind: KeyKind,
    ) -> Result<Self, String> {
        let mut columns = Vec::with_capacity(answer.fields_data.len());
        let mut bytes = 0;
        for raw in answer.fields_data {
            let length = raw.len();
            let column =
                FieldData::decode(raw).map_err(|error| format!("unreadable column: {error}"))?;
            if column.encoded_len() != length {
                return Err(format!(
                    "the column {:?} holds parts that this version of milvus-ferry does not know \
                     and would lose",
                    column.field_name
                ));
            }
            bytes += length;
            columns.push(column);
        }
        if columns.is_empty() {
            return Ok(Self { columns, keys: Vec::new(), bytes: 0 });
        }
        let key_column = columns
            .iter()
            .find(|column| column.field_name == key_field)
            .ok_or_else(|| format!("the answer misses the key column {key_field:?}"))?;
        let keys = keys(key_column, kind)?;
        Ok(Self { columns, keys, bytes })
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

    /// The columns as an insert wants them.
    ///
    /// # Errors
    /// When an array column is unreadable.
    pub(super) fn to_insert(&self) -> Result<Vec<FieldData>, String> {
        self.columns
            .iter()
            .map(|column| {
                let mut column = column.clone();
                // Milvus looks the primary column up by `field_id == pk.id || name`, first match
                // wins, and the source's ids mean nothing at the target.
                column.field_id = 0;
                if is_dynamic(&column) {
                    column.is_dynamic = true;
                    DYNAMIC_COLUMN.clone_into(&mut column.field_name);
                }
                if column.r#type == DataType::ARRAY.0 {
                    let name = column.field_name.clone();
                    mend_empty_arrays(&mut column)
                        .map_err(|why| format!("array column {name:?}: {why}"))?;
                }
                Ok(column)
            })
            .collect()
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
        Some(Payload::Scalars(raw)) => schema::ScalarField::decode(raw.clone())
            .map(|scalars| scalars.data)
            .map_err(|error| format!("unreadable column {:?}: {error}", column.field_name)),
        Some(_) => Err(format!("the column {:?} is not a scalar one", column.field_name)),
        None => Ok(None),
    }
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

/// Sets the empty member of every array that has none. A column without such an array keeps its
/// bytes as they are.
fn mend_empty_arrays(column: &mut FieldData) -> Result<(), String> {
    let Some(Payload::Scalars(raw)) = &column.field else {
        return Ok(());
    };
    let mut scalars =
        schema::ScalarField::decode(raw.clone()).map_err(|error| error.to_string())?;
    let Some(scalar_field::Data::ArrayData(arrays)) = &mut scalars.data else {
        return Ok(());
    };
    if arrays.data.iter().all(|array| array.data.is_some()) {
        return Ok(());
    }
    let empty = empty_member(DataType(arrays.element_type))
        .ok_or_else(|| format!("an empty array of {}", DataType(arrays.element_type)))?;
    for array in &mut arrays.data {
        array.data.get_or_insert_with(|| empty.clone());
    }
    column.field = Some(Payload::Scalars(Bytes::from(scalars.encode_to_vec())));
    Ok(())
}

fn empty_member(element: DataType) -> Option<scalar_field::Data> {
    use scalar_field::Data;
    Some(match element {
        DataType::BOOL => Data::BoolData(schema::BoolArray::default()),
        DataType::INT8 | DataType::INT16 | DataType::INT32 => {
            Data::IntData(schema::IntArray::default())
        }
        DataType::INT64 => Data::LongData(schema::LongArray::default()),
        DataType::FLOAT => Data::FloatData(schema::FloatArray::default()),
        DataType::DOUBLE => Data::DoubleData(schema::DoubleArray::default()),
        DataType::VARCHAR => Data::StringData(schema::StringArray::default()),
        DataType::JSON => Data::JsonData(schema::JsonArray::default()),
        _ => return None,
    })
}

#[cfg(test)]
#[path = "column/tests.rs"]
mod tests;
