//! Which field a target refuses a row for, as far as that can be told.

use prost::Message as _;

use super::super::pb::schema::{self, field_data::Field, scalar_field, vector_field};
use super::{FieldData, Rows, scalars};
use crate::model::{Collection, DataType};

/// What servers write before the name of a field that they complain about.
const BEFORE_NAMES: &[&str] = &["field", "field name", "field_name", "fieldname", "column"];

impl Rows {
    /// The field that a refusal of these rows is about: one that the message names, or else one
    /// with a value that servers are known to refuse. Decodes values: it explains why a write was
    /// refused, and is no part of copying.
    pub fn field_to_blame(&self, to: &Collection, message: &str) -> Option<String> {
        let named = || to.fields.iter().find(|field| names_field(message, &field.name));
        let refused = || self.columns.iter().find(|column| holds_refused_value(column));
        self.too_long(to)
            .map(|text| text.field)
            .or_else(|| named().map(|field| field.name.clone()))
            .or_else(|| refused().map(|column| column.field_name.clone()))
    }
}

/// Whether a message speaks of a field of this name: the mere word may stand for something else.
fn names_field(message: &str, name: &str) -> bool {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    message.match_indices(name).any(|(at, _)| {
        let before = message[..at].trim_end_matches(|c: char| " \"'`(:=[".contains(c));
        let ends = before.len() < at && !message[at + name.len()..].starts_with(is_word);
        let before = before.to_lowercase();
        ends && BEFORE_NAMES
            .iter()
            .any(|word| before.strip_suffix(word).is_some_and(|rest| !rest.ends_with(is_word)))
    })
}

/// Whether a column holds a number that is none, or JSON that is no object.
fn holds_refused_value(column: &FieldData) -> bool {
    let data_type = DataType(column.r#type);
    if data_type == DataType::FLOAT_VECTOR {
        let Some(Field::Vectors(raw)) = &column.field else { return false };
        let vectors = schema::VectorField::decode(raw.clone()).ok().and_then(|field| field.data);
        let Some(vector_field::Data::FloatVector(floats)) = vectors else { return false };
        return floats.data.iter().any(|number| !number.is_finite());
    }
    match scalars(column) {
        Ok(Some(scalar_field::Data::FloatData(floats))) => {
            floats.data.iter().any(|number| !number.is_finite())
        }
        Ok(Some(scalar_field::Data::DoubleData(doubles))) => {
            doubles.data.iter().any(|number| !number.is_finite())
        }
        Ok(Some(scalar_field::Data::JsonData(texts))) => texts.data.iter().any(|json| {
            serde_json::from_slice::<serde_json::Map<String, serde_json::Value>>(json).is_err()
        }),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_named_where_the_message_speaks_of_a_field() {
        for (message, name) in [
            ("length of varchar field title exceeds max length, row number: 0", "title"),
            ("the value of field(embedding) is not a number", "embedding"),
            ("fieldName: \"tag\" is wrong", "tag"),
            ("the column 'id' has 3 rows", "id"),
        ] {
            assert!(names_field(message, name), "{message}");
        }
        for (message, name) in [
            ("the length of text is wrong", "text"),
            ("field titles exceeds", "title"),
            ("subfield title", "title"),
            ("the fieldtitle", "title"),
            ("nothing", "title"),
        ] {
            assert!(!names_field(message, name), "{message}");
        }
    }
}
