//! Struct array fields. Tables have a column for each sub-field, called `parent[sub]` as in Milvus;
//! requests and answers hold one column of all.

use super::pb::schema::field_data::Field;
use super::pb::schema::{DataType, FieldData, FieldSchema, StructArrayField};
pub use super::pb::schema::{StructArrayFieldSchema, VectorArray};

/// A struct array field.
pub fn struct_array(name: &str, fields: Vec<FieldSchema>) -> StructArrayFieldSchema {
    StructArrayFieldSchema { name: name.to_owned(), fields, ..Default::default() }
}

/// A sub-field that holds up to 16 vectors.
pub fn vectors(name: &str, element: DataType, dim: u32) -> FieldSchema {
    let mut out = super::collection::vector(name, DataType::ArrayOfVector, dim);
    out.type_params.push(super::collection::pair("max_capacity", "16"));
    out.element_type = element.into();
    out
}

/// The columns that struct array fields are in a table.
pub fn columns(parents: &[StructArrayFieldSchema]) -> Vec<FieldSchema> {
    let of = |parent: &StructArrayFieldSchema| {
        let (name, nullable) = (parent.name.clone(), parent.nullable);
        parent.fields.clone().into_iter().map(move |field| FieldSchema {
            name: format!("{name}[{}]", field.name),
            nullable,
            ..field
        })
    };
    parents.iter().flat_map(of).collect()
}

/// The struct array field and the sub-field that a column's name speaks of.
pub fn split(name: &str) -> Option<(&str, &str)> {
    name.strip_suffix(']')?.split_once('[')
}

/// The columns of a request: those of one struct array field become one.
pub fn grouped(columns: Vec<FieldData>) -> Vec<FieldData> {
    let mut out: Vec<FieldData> = Vec::new();
    for mut column in columns {
        let name = column.field_name.clone();
        let Some((parent, sub)) = split(&name) else {
            out.push(column);
            continue;
        };
        sub.clone_into(&mut column.field_name);
        let there = out.iter_mut().find(|column| column.field_name == parent);
        match there.and_then(|column| column.field.as_mut()) {
            Some(Field::StructArrays(arrays)) => arrays.fields.push(column),
            _ => out.push(FieldData {
                r#type: DataType::ArrayOfStruct.into(),
                field_name: parent.to_owned(),
                field: Some(Field::StructArrays(StructArrayField { fields: vec![column] })),
                ..Default::default()
            }),
        }
    }
    out
}

/// The columns of an answer with the sub-fields one by one.
pub fn ungrouped(columns: &[FieldData]) -> Vec<FieldData> {
    let of = |column: &FieldData| match &column.field {
        Some(Field::StructArrays(arrays)) => arrays
            .fields
            .iter()
            .map(|part| FieldData {
                field_name: format!("{}[{}]", column.field_name, part.field_name),
                ..part.clone()
            })
            .collect(),
        _ => vec![column.clone()],
    };
    columns.iter().flat_map(of).collect()
}
