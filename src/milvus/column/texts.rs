//! Texts against the room of their fields.

use super::super::pb::schema::scalar_field;
use super::{Rows, scalars};
use crate::model::{Collection, DataType};

/// A text that does not fit into its field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TooLong {
    /// The field, by its name at the target.
    pub field: String,
    /// Bytes of the longest text.
    pub length: u64,
    /// Bytes that the field takes.
    pub limit: u64,
}

impl Rows {
    /// The first field with a text that is longer than `to` lets it be. Decodes texts: it explains
    /// why a write was refused, and is no part of copying.
    pub fn too_long(&self, to: &Collection) -> Option<TooLong> {
        self.columns.iter().find_map(|column| {
            let field = to.field(&column.field_name)?;
            let limit = field.numeric_param("max_length")?;
            if field.data_type != DataType::VARCHAR {
                return None;
            }
            let Ok(Some(scalar_field::Data::StringData(texts))) = scalars(column) else {
                return None;
            };
            let length = texts.data.iter().map(String::len).max()? as u64;
            (length > limit).then(|| TooLong { field: field.name.clone(), length, limit })
        })
    }
}
