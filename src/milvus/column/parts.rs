//! How large single rows are, and rows without their key.

use super::canonical::Canonical;
use super::{Rows, is_dynamic};
use crate::model::DYNAMIC_COLUMN;

impl Rows {
    /// Bytes of each row, in the order of the keys: of its values, not of how they are encoded.
    ///
    /// # Errors
    /// When a column is unreadable, or has values for another number of rows.
    pub fn sizes(&self) -> Result<Vec<usize>, String> {
        let mut sizes = vec![0; self.len()];
        if sizes.is_empty() {
            return Ok(sizes);
        }
        for column in &self.columns {
            let bad = |why: String| format!("the column {:?}: {why}", column.field_name);
            let values = Canonical::of(column, self.len()).map_err(bad)?;
            for (row, size) in sizes.iter_mut().enumerate() {
                *size += values.value(row).map_err(bad)?.map_or(0, |value| value.len());
            }
        }
        Ok(sizes)
    }

    /// The same rows without one of their columns, as a target wants them that makes up its values.
    #[must_use]
    pub fn without_column(mut self, name: &str) -> Self {
        self.columns.retain(|column| {
            let is_it = column.field_name == name || (name == DYNAMIC_COLUMN && is_dynamic(column));
            !is_it
        });
        self
    }
}

#[cfg(test)]
mod tests {
    use crate::milvus::pb::milvus::QueryResults;
    use crate::milvus::pb::schema::field_data::Field;
    use crate::milvus::pb::schema::{FieldData, LongArray, ScalarField, StringArray, scalar_field};
    use crate::model::{DataType, KeyKind};

    use super::*;

    fn column(name: &str, data_type: DataType, data: scalar_field::Data) -> bytes::Bytes {
        use prost::Message as _;
        let scalars = ScalarField { data: Some(data), ..Default::default() }.encode_to_vec().into();
        let column = FieldData {
            r#type: data_type.0,
            field_name: name.to_owned(),
            field: Some(Field::Scalars(scalars)),
            ..Default::default()
        };
        column.encode_to_vec().into()
    }

    fn rows() -> Rows {
        let keys = scalar_field::Data::LongData(LongArray { data: vec![1, 2] });
        let texts =
            scalar_field::Data::StringData(StringArray { data: vec!["a".into(), "bcde".into()] });
        let answer = QueryResults {
            fields_data: vec![
                column("id", DataType::INT64, keys),
                column("text", DataType::VARCHAR, texts),
            ],
            ..Default::default()
        };
        Rows::from_answer(answer, &["id".into(), "text".into()], "id", KeyKind::Int64).unwrap()
    }

    #[test]
    fn rows_are_as_large_as_their_values() {
        assert_eq!(rows().sizes(), Ok(vec![9, 12]));
    }

    #[test]
    fn rows_without_their_key_are_as_many() {
        let rows = rows().without_column("id");
        assert_eq!(rows.len(), 2);
        assert!(!rows.has_column("id") && rows.has_column("text"));
    }
}
