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
    counted: bool,
) -> Result<Vec<Value>> {
    let path = column.path();
    match (column.kind(), &field.data) {
        (DataType::Array, Some(Data::ArrayData(arrays))) => arrays
            .data
            .iter()
            .enumerate()
            .map(|(row, array)| one_array(profile, column, row, array, counted))
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
            let most = column.number("max_length");
            plain(profile, kind, data.as_ref(), &path, most, !column.field.auto_id)
        }
    }
}

/// `validateUtil` (internal/proxy/validate_util.go), 2.5.27 to 3.0.0.
pub fn mismatch(path: &str, need: DataType) -> Refused {
    let of = match need {
        DataType::Int8 | DataType::Int16 | DataType::Int32 => "int".to_owned(),
        DataType::Int64 => "long int".to_owned(),
        DataType::Float => "float32".to_owned(),
        DataType::Double => "float64(double)".to_owned(),
        DataType::VarChar => "string".to_owned(),
        kind => kind.as_str_name().to_lowercase(),
    };
    Refused::expected(
        format!("need {of} array"),
        "got nil",
        format!("field '{path}' is illegal, array type mismatch"),
    )
}

/// Values of one scalar type, or the elements of one array.
fn plain(
    profile: &Profile,
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
        Err(profile.invalid(format!("value '{value}' is not a number or infinity")))
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

fn one_array(
    profile: &Profile,
    column: &Column,
    row: usize,
    array: &ScalarField,
    counted: bool,
) -> Result<Value> {
    let path = column.path();
    let element = column.field.element_type();
    // `checkArrayElement` (internal/proxy/validate_util.go), 2.5.27 to 3.0.0; Milvus 2.3.5 dies of an
    // array without a member.
    let is = member(array.data.as_ref());
    if is != wanted_member(element) {
        let of = |is: &str| match is {
            "" => "nil array".to_owned(),
            is => format!("*schemapb.ScalarField_{is} array"),
        };
        return Err(Refused::expected(
            format!("{} array", wanted_array(element)),
            of(is),
            "insert data does not match",
        ));
    }
    let most = column.number("max_length");
    let elements = plain(profile, element, array.data.as_ref(), &path, most, true)?;
    let most = column.number("max_capacity").unwrap_or(0);
    if counted && elements.len() as i64 > most {
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

/// The member of a `ScalarField` that is set, in Go's words.
fn member(data: Option<&Data>) -> &'static str {
    match data {
        Some(Data::BoolData(_)) => "BoolData",
        Some(Data::IntData(_)) => "IntData",
        Some(Data::LongData(_)) => "LongData",
        Some(Data::FloatData(_)) => "FloatData",
        Some(Data::DoubleData(_)) => "DoubleData",
        Some(Data::StringData(_)) => "StringData",
        Some(_) => "another",
        None => "",
    }
}

fn wanted_member(element: DataType) -> &'static str {
    match element {
        DataType::Bool => "BoolData",
        DataType::Int8 | DataType::Int16 | DataType::Int32 => "IntData",
        DataType::Int64 => "LongData",
        DataType::Float => "FloatData",
        DataType::Double => "DoubleData",
        _ => "StringData",
    }
}

fn wanted_array(element: DataType) -> &'static str {
    match element {
        DataType::Bool => "bool",
        DataType::Int8 | DataType::Int16 | DataType::Int32 => "int",
        DataType::Int64 => "int64",
        DataType::Float => "float",
        DataType::Double => "double",
        _ => "string",
    }
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
        let expected = if dynamic { "valid length" } else { "valid length json string" };
        return Err(Refused::expected(expected, "length exceeds max length", what));
    }
    // Nobody reads what is no dynamic field.
    if !dynamic {
        return Ok(());
    }
    // `verifyDynamicFieldData` (internal/proxy/util.go), 2.5.27 to 3.0.0.
    let new = profile.has(Feature::ParameterErrors);
    let words = "Syntax error of the JSON library";
    let object = match serde_json::from_slice::<serde_json::Value>(bytes) {
        Ok(serde_json::Value::Object(object)) => object,
        // Go reads it as a map without anything.
        Ok(serde_json::Value::Null) => serde_json::Map::new(),
        _ if new => {
            return Err(Refused::invalid(format!(
                "invalid dynamic field data, only json map is supported: {words}"
            )));
        }
        _ => return Err(Refused::unreadable(words)),
    };
    if object.contains_key(META) {
        return Err(profile.invalid(format!("cannot set json key to: {META}")));
    }
    if !profile.has(Feature::ShadowKeysRefused) {
        return Ok(());
    }
    let fields = collection.schema.fields.iter().map(|field| &field.name);
    let parents = collection.schema.struct_array_fields.iter().map(|field| &field.name);
    match fields.chain(parents).find(|name| object.contains_key(*name)) {
        Some(name) => Err(profile
            .invalid(format!("dynamic field name cannot include the static field name: {name}"))),
        None => Ok(()),
    }
}
