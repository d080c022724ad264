//! One column of a request: its nulls, its length, its values.

use super::super::moments;
use super::super::profile::{Feature, Profile};
use super::super::refused::{Refused, Result};
use super::super::state::{Collection, Column};
use super::{Delivery, scalars, vectors};
use crate::pb::schema::field_data::Field;
use crate::pb::schema::value_field::Data;
use crate::pb::schema::{DataType, FieldData, ValueField};
use crate::table::Value;

/// The values of every row. Requests hold the valid values only.
pub fn values(
    profile: &Profile,
    collection: &Collection,
    column: &Column,
    data: &FieldData,
    delivery: &Delivery,
) -> Result<Vec<Value>> {
    let rows = delivery.rows as usize;
    let present = match &data.field {
        Some(Field::Scalars(field)) if !column.is_vector() => {
            // `upsertTask.insertPreExecute` (internal/proxy/task_upsert.go) does without
            // `withMaxCapCheck` up to 2.6.20.
            let counted = !delivery.upsert || profile.version >= (3, 0, 0);
            scalars::read(profile, collection, column, field, counted)?
        }
        Some(Field::Vectors(field)) if column.is_vector() => vectors::read(profile, column, field)?,
        _ if column.is_vector() => return Err(vectors::mismatch(&column.path(), column.kind())),
        _ => return Err(scalars::mismatch(&column.path(), column.kind())),
    };
    // An array without elements is none in Go.
    let filled = column.nullable || column.field.default_value.is_some();
    if present.is_empty() && !filled && !column.is_vector() {
        return Err(scalars::mismatch(&column.path(), column.kind()));
    }
    let mask = mask(profile, column, data, rows)?;
    let valid = mask.iter().filter(|valid| **valid).count();
    if present.len() != valid {
        if mask.len() == valid && !filled {
            return Err(Refused::expected(
                rows,
                present.len(),
                format!(
                    "the num_rows ({}) of field ({}) is not equal to passed num_rows ({rows})",
                    present.len(),
                    column.path()
                ),
            ));
        }
        return Err(Refused::expected(valid, present.len(), "the length of field is wrong"));
    }
    // A null of dynamic fields stays one; only who sends none at all gets an empty object.
    let absent = if column.field.is_dynamic { Value::Null } else { absent(collection, column) };
    let mut present = present.into_iter();
    Ok(mask
        .iter()
        .map(|valid| if *valid { present.next().unwrap() } else { absent.clone() })
        .collect())
}

/// Which rows are valid. A nullable field and one with a default value come with an entry for each
/// row, every other field with none.
fn mask(profile: &Profile, column: &Column, data: &FieldData, rows: usize) -> Result<Vec<bool>> {
    if !profile.has(Feature::Nullable) {
        return Ok(vec![true; rows]); // to them it is an unknown part of the message
    }
    let own = match &data.field {
        Some(Field::Scalars(field)) => &field.valid_data,
        Some(Field::Vectors(field)) => &field.valid_data,
        _ => &Vec::new(),
    };
    let own = if profile.has(Feature::OwnValidity) { own.as_slice() } else { &[] };
    if !own.is_empty() && !data.valid_data.is_empty() && own != data.valid_data {
        return Err(Refused::invalid(format!(
            "field '{}' has different legacy and field-specific valid_data",
            column.path()
        )));
    }
    let given = if own.is_empty() { data.valid_data.as_slice() } else { own };
    let default = column.field.default_value.is_some();
    let optional = (column.nullable && profile.has(Feature::ValidDataOptional))
        || (default && profile.has(Feature::ValidDataOfDefaultsOptional));
    let expected = if column.nullable || default { rows } else { 0 };
    if given.is_empty() && optional {
        return Ok(vec![true; rows]);
    }
    if given.len() != expected {
        return Err(Refused::expected(
            expected,
            given.len(),
            format!("the length of valid_data of field({}) is wrong", column.path()),
        ));
    }
    Ok(if given.is_empty() { vec![true; rows] } else { given.to_vec() })
}

/// What a row has in a column that says nothing of it: the default, or null.
pub fn absent(collection: &Collection, column: &Column) -> Value {
    if column.field.is_dynamic {
        return Value::Json(b"{}".to_vec());
    }
    let Some(ValueField { data: Some(value) }) = &column.field.default_value else {
        return Value::Null;
    };
    match value {
        Data::BoolData(value) => Value::Bool(*value),
        Data::IntData(value) => Value::Int((*value).into()),
        Data::LongData(value) | Data::TimestamptzData(value) => Value::Int(*value),
        Data::FloatData(value) => Value::Float(*value),
        Data::DoubleData(value) => Value::Double(*value),
        Data::BytesData(value) => Value::Json(value.clone()),
        Data::StringData(text) if column.kind() == DataType::Timestamptz => {
            Value::Int(moments::parse(text, &collection.zone()).unwrap_or_default())
        }
        Data::StringData(text) => Value::Text(text.clone()),
        other => panic!("{other:?} is no default of a field"),
    }
}
