//! A struct array column of a request, taken apart into its sub-fields.

use super::super::profile::Profile;
use super::super::refused::{Refused, Result};
use super::super::state::{Collection, Column};
use crate::pb::schema::field_data::Field;
use crate::pb::schema::scalar_field::Data as Scalars;
use crate::pb::schema::vector_field::Data as Vectors;
use crate::pb::schema::{
    ArrayArray, DataType, FieldData, ScalarField, StructArrayFieldSchema, VectorArray, VectorField,
};

/// The sub-fields with their places among the collection's columns.
pub fn parts(
    profile: &Profile,
    collection: &Collection,
    parent: &StructArrayFieldSchema,
    data: &FieldData,
) -> Result<Vec<(usize, FieldData)>> {
    let name = &parent.name;
    let Some(Field::StructArrays(arrays)) = &data.field else {
        return Err(Refused::invalid(format!(
            "field convert FieldData_StructArrays fail in fieldData, fieldName: {name}"
        )));
    };
    if arrays.fields.len() != parent.fields.len() {
        return Err(Refused::invalid(format!(
            "length of fields of struct field mismatch length of the fields in schema, fieldName: {name}, \
             collectionName:{}, fieldData fields length:{}, schema fields length:{}",
            collection.name,
            arrays.fields.len(),
            parent.fields.len()
        )));
    }
    let mut out: Vec<(usize, FieldData)> = Vec::new();
    for part in &arrays.fields {
        // `checkAndFlattenStructFieldData` (internal/proxy/util.go): 3.0.0 takes `struct[sub]` too.
        let long =
            |column: &Column| profile.version >= (3, 0, 0) && column.path() == part.field_name;
        let place = collection
            .columns
            .iter()
            .position(|column| {
                column.parent.as_ref() == Some(name)
                    && (column.field.name == part.field_name || long(column))
            })
            .ok_or_else(|| {
                let sub = &part.field_name;
                Refused::invalid(format!("sub-field '{sub}' not found in struct schema '{name}'"))
            })?;
        if out.iter().any(|(there, _)| *there == place) {
            let path = collection.columns[place].path();
            return Err(Refused::invalid(format!("duplicated field {path} found")));
        }
        out.push((place, part.clone()));
    }
    check_alike(collection, name, &out)?;
    Ok(out)
}

/// All sub-fields have the same rows, the same nulls, and in each row the same number of elements.
fn check_alike(collection: &Collection, name: &str, parts: &[(usize, FieldData)]) -> Result<()> {
    let mut first: Option<(&str, &[bool], Vec<usize>)> = None;
    for (place, part) in parts {
        let counts = counts(&collection.columns[*place], part).ok_or_else(|| {
            let sub = &part.field_name;
            Refused::invalid(format!(
                "array data is nil in struct field '{name}', sub-field '{sub}'"
            ))
        })?;
        let valid = validity(part);
        let Some((other, other_valid, other_counts)) = &first else {
            first = Some((&part.field_name, valid, counts));
            continue;
        };
        if valid != *other_valid {
            return Err(Refused::invalid(format!(
                "sub-field ValidData mismatch in struct '{name}': '{other}', '{}'",
                part.field_name
            )));
        }
        if counts != *other_counts {
            return Err(Refused::invalid(format!(
                "inconsistent array length in struct field '{name}': expected {other_counts:?} of \
                 sub-field '{other}', got {counts:?} for sub-field '{}'",
                part.field_name
            )));
        }
    }
    Ok(())
}

fn validity(part: &FieldData) -> &[bool] {
    let own = match &part.field {
        Some(Field::Scalars(field)) => field.valid_data.as_slice(),
        Some(Field::Vectors(field)) => field.valid_data.as_slice(),
        _ => &[],
    };
    if own.is_empty() { &part.valid_data } else { own }
}

/// Elements in each row that is there.
fn counts(column: &Column, part: &FieldData) -> Option<Vec<usize>> {
    match &part.field {
        Some(Field::Scalars(ScalarField { data: Some(Scalars::ArrayData(arrays)), .. })) => {
            Some(array_counts(arrays))
        }
        Some(Field::Vectors(VectorField { data: Some(Vectors::VectorArray(arrays)), .. })) => {
            Some(vector_counts(column, arrays))
        }
        _ => None,
    }
}

fn array_counts(arrays: &ArrayArray) -> Vec<usize> {
    let one = |array: &ScalarField| match &array.data {
        Some(Scalars::BoolData(values)) => values.data.len(),
        Some(Scalars::IntData(values)) => values.data.len(),
        Some(Scalars::LongData(values)) => values.data.len(),
        Some(Scalars::FloatData(values)) => values.data.len(),
        Some(Scalars::DoubleData(values)) => values.data.len(),
        Some(Scalars::StringData(values)) => values.data.len(),
        _ => 0,
    };
    arrays.data.iter().map(one).collect()
}

fn vector_counts(column: &Column, arrays: &VectorArray) -> Vec<usize> {
    let dim = usize::try_from(column.number("dim").unwrap_or(1).max(1)).unwrap();
    let width = match column.field.element_type() {
        DataType::BinaryVector => dim / 8,
        DataType::Float16Vector | DataType::BFloat16Vector => dim * 2,
        _ => dim,
    };
    let one = |row: &VectorField| match &row.data {
        Some(Vectors::FloatVector(floats)) => floats.data.len() / dim,
        Some(
            Vectors::BinaryVector(bytes)
            | Vectors::Float16Vector(bytes)
            | Vectors::Bfloat16Vector(bytes)
            | Vectors::Int8Vector(bytes),
        ) => bytes.len() / width,
        _ => 0,
    };
    arrays.data.iter().map(one).collect()
}
