//! The values of a column of scalars, arrays or JSON.

use super::super::profile::{Feature, Profile};
use super::super::refused::{Refused, Result};
use super::super::state::{Collection, Column, META};
use super::super::{moments, wkt};
use crate::pb::schema::scalar_field::Data;
use crate::pb::schema::{DataType, ScalarField};
use crate::table::Value;

/// The values that are there, in their order.
pub fn read(
    profile: &Profile,
    collection: &Collection,
    column: &Column,
    field: &ScalarField,
) -> Result<Vec<Value>> {
    let path = column.path();
    match (column.kind(), &field.data) {
        (DataType::Array, Some(Data::ArrayData(arrays))) => arrays
            .data
            .iter()
            .enumerate()
            .map(|(row, array)| one_array(column, row, array))
            .collect(),
        (DataType::Json, Some(Data::JsonData(json))) => {
            json.data
                .iter()
                .try_for_each(|bytes| check_json(profile, collection, column, bytes))?;
            Ok(json.data.iter().cloned().map(Value::Json).collect())
        }
        (DataType::Geometry, Some(Data::GeometryWktData(shapes))) => shapes
            .data
            .iter()
            .map(|text| wkt::normalized(text).map(Value::Text).map_err(Refused::unreadable))
            .collect(),
        (DataType::Timestamptz, Some(Data::StringData(texts))) => texts
            .data
            .iter()
            .map(|text| {
                moments::parse(text, &collection.zone()).map(Value::Int).map_err(Refused::invalid)
            })
            .collect(),
        (kind, data) => {
            plain(kind, data.as_ref(), &path, column.number("max_length"), !column.field.auto_id)
        }
    }
}

fn mismatch(path: &str, need: DataType) -> Refused {
    Refused::expected(
        format!("need {} array", need.as_str_name().to_lowercase()),
        "got nil",
        format!("field '{path}' is illegal, array type mismatch"),
    )
}

/// Values of one scalar type, or the elements of one array.
fn plain(
    kind: DataType,
    data: Option<&Data>,
    path: &str,
    max_length: Option<i64>,
    measured: bool,
) -> Result<Vec<Value>> {
    let in_range = |values: &[i32], low: i64, high: i64| -> Result<Vec<Value>> {
        values
            .iter()
            .enumerate()
            .map(|(place, value)| match i64::from(*value) {
                value if (low..=high).contains(&value) => Ok(Value::Int(value)),
                value => Err(Refused::expected(
                    "integer doesn't overflow",
                    "out of range",
                    format!("the {place}th element ({value}) out of range: [{low}, {high}]"),
                )),
            })
            .collect()
    };
    let finite = |finite: bool, value: &dyn std::fmt::Display| {
        if finite {
            return Ok(());
        }
        Err(Refused::invalid(format!("value '{value}' is not a number or infinity")))
    };
    match (kind, data) {
        (DataType::Bool, Some(Data::BoolData(values))) => {
            Ok(values.data.iter().copied().map(Value::Bool).collect())
        }
        (DataType::Int8, Some(Data::IntData(values))) => {
            in_range(&values.data, i8::MIN.into(), i8::MAX.into())
        }
        (DataType::Int16, Some(Data::IntData(values))) => {
            in_range(&values.data, i16::MIN.into(), i16::MAX.into())
        }
        (DataType::Int32, Some(Data::IntData(values))) => {
            in_range(&values.data, i32::MIN.into(), i32::MAX.into())
        }
        (DataType::Int64, Some(Data::LongData(values))) => {
            Ok(values.data.iter().copied().map(Value::Int).collect())
        }
        (DataType::Float, Some(Data::FloatData(values))) => {
            values.data.iter().try_for_each(|value| finite(value.is_finite(), value))?;
            Ok(values.data.iter().copied().map(Value::Float).collect())
        }
        (DataType::Double, Some(Data::DoubleData(values))) => {
            values.data.iter().try_for_each(|value| finite(value.is_finite(), value))?;
            Ok(values.data.iter().copied().map(Value::Double).collect())
        }
        (DataType::VarChar | DataType::Text, Some(Data::StringData(values))) => {
            let most = max_length.unwrap_or(2 << 20);
            for (row, text) in values.data.iter().enumerate().filter(|_| measured) {
                if text.len() as i64 > most {
                    return Err(Refused::invalid(format!(
                        "length of {} field {path} exceeds max length, row number: {row}, length: {}, max length: {most}",
                        kind.as_str_name().to_lowercase(),
                        text.len()
                    )));
                }
            }
            Ok(values.data.iter().cloned().map(Value::Text).collect())
        }
        _ => Err(mismatch(path, kind)),
    }
}

fn one_array(column: &Column, row: usize, array: &ScalarField) -> Result<Value> {
    let path = column.path();
    let element = column.field.element_type();
    if array.data.is_none() {
        // Milvus 2.3.5 dies of it.
        return Err(Refused::expected(
            format!("{} array", element.as_str_name().to_lowercase()),
            "nil array",
            format!(
                "insert data does not match: rule 21: array {row} of field {path} has no member set"
            ),
        ));
    }
    let elements = plain(element, array.data.as_ref(), &path, column.number("max_length"), true)?;
    let most = column.number("max_capacity").unwrap_or(0);
    if elements.len() as i64 > most {
        return Err(Refused::expected(
            "valid length array",
            "array length exceeds max capacity",
            format!(
                "the length ({}) of {row}th array exceeds max capacity ({most})",
                elements.len()
            ),
        ));
    }
    Ok(Value::Array(elements))
}

fn check_json(
    profile: &Profile,
    collection: &Collection,
    column: &Column,
    bytes: &[u8],
) -> Result<()> {
    let most = profile.limits.json_bytes;
    let dynamic = column.field.is_dynamic;
    if bytes.len() > most {
        let what = if dynamic {
            format!("the length ({}) of dynamic field exceeds max length ({most})", bytes.len())
        } else {
            let name = column.path();
            format!(
                "the length ({}) of json field ({name}) exceeds max length ({most})",
                bytes.len()
            )
        };
        return Err(Refused::expected("valid length", "length exceeds max length", what));
    }
    let parsed: serde_json::Value = serde_json::from_slice(bytes).map_err(Refused::unreadable)?;
    if !dynamic {
        return Ok(());
    }
    let Some(object) = parsed.as_object() else {
        return Err(Refused::unreadable("json: cannot unmarshal the dynamic field into an object"));
    };
    if object.contains_key(META) {
        return Err(Refused::other(format!("cannot set key to {META}")));
    }
    if !profile.has(Feature::ShadowKeysRefused) {
        return Ok(());
    }
    let fields = collection.schema.fields.iter().map(|field| &field.name);
    let parents = collection.schema.struct_array_fields.iter().map(|field| &field.name);
    match fields.chain(parents).find(|name| object.contains_key(*name)) {
        Some(name) => Err(Refused::other(format!(
            "dynamic field cannot include the static field name: {name}"
        ))),
        None => Ok(()),
    }
}
