//! The values of a column of vectors.

use super::super::profile::Profile;
use super::super::refused::{Refused, Result};
use super::super::state::Column;
use crate::pb::schema::vector_field::Data;
use crate::pb::schema::{DataType, VectorField};
use crate::table::Value;

/// The vectors that are there, in their order.
pub fn read(profile: &Profile, column: &Column, field: &VectorField) -> Result<Vec<Value>> {
    let path = column.path();
    match (column.kind(), &field.data) {
        (DataType::ArrayOfVector, Some(Data::VectorArray(arrays))) => {
            let element = column.field.element_type();
            check_dim(column, &path, arrays.dim)?;
            arrays
                .data
                .iter()
                .enumerate()
                .map(|(row, array)| {
                    if array.data.is_none() {
                        return Err(Refused::invalid(format!(
                            "nil vector array data: row {row} of field {path} has no member set"
                        )));
                    }
                    let vectors = flat(profile, column, element, &path, array)?;
                    let most = column.number("max_capacity").unwrap_or(0);
                    if vectors.len() as i64 > most {
                        return Err(Refused::expected(
                            "valid length array",
                            "array length exceeds max capacity",
                            format!(
                                "the length ({}) of {row}th array exceeds max capacity ({most})",
                                vectors.len()
                            ),
                        ));
                    }
                    Ok(Value::Array(vectors))
                })
                .collect()
        }
        (DataType::SparseFloatVector, Some(Data::SparseFloatVector(rows))) => rows
            .contents
            .iter()
            .map(|row| check_sparse(profile, row).map(|()| Value::Bytes(row.clone())))
            .collect(),
        (kind, _) => {
            check_dim(column, &path, field.dim)?;
            flat(profile, column, kind, &path, field)
        }
    }
}

fn check_dim(column: &Column, path: &str, dim: i64) -> Result<()> {
    let expected = column.number("dim").unwrap_or(0);
    if dim == expected {
        return Ok(());
    }
    let what =
        format!("the dim ({dim}) of field data({path}) is not equal to schema dim ({expected})");
    Err(Refused::expected(expected, dim, what))
}

/// Vectors one behind the other.
fn flat(
    profile: &Profile,
    column: &Column,
    kind: DataType,
    path: &str,
    field: &VectorField,
) -> Result<Vec<Value>> {
    let dim = usize::try_from(column.number("dim").unwrap_or(1).max(1)).unwrap();
    let of = match kind {
        DataType::FloatVector => "float",
        DataType::BinaryVector => "binary",
        DataType::Float16Vector => "float16",
        DataType::BFloat16Vector => "bfloat16",
        _ => "int8",
    };
    let whole = |length: usize, width: usize| {
        if length.is_multiple_of(width) {
            return Ok(());
        }
        // `GetNumRowOfFieldDataWithSchema` (pkg/util/funcutil), 2.5.27 to 3.0.0.
        Err(profile
            .invalid(format!("the length({length}) of {of} data should divide the dim({dim})")))
    };
    let chunks = |bytes: &[u8], width: usize| -> Result<Vec<Value>> {
        whole(bytes.len(), width)?;
        Ok(bytes.chunks(width).map(|row| Value::Bytes(row.to_vec())).collect())
    };
    let halves = |bytes: &[u8], exponent: u16| {
        let bad = |pair: &[u8]| u16::from_le_bytes([pair[0], pair[1]]) & exponent == exponent;
        if bytes.chunks_exact(2).any(bad) {
            return Err(profile.invalid(format!("{of} vector contain nan or infinity value.")));
        }
        chunks(bytes, dim * 2)
    };
    match (kind, &field.data) {
        (DataType::FloatVector, Some(Data::FloatVector(floats))) => {
            if let Some(value) = floats.data.iter().find(|value| !value.is_finite()) {
                return Err(profile.invalid(format!("value '{value}' is not a number or infinity")));
            }
            whole(floats.data.len(), dim)?;
            Ok(floats.data.chunks(dim).map(|row| Value::FloatVector(row.to_vec())).collect())
        }
        (DataType::BinaryVector, Some(Data::BinaryVector(bytes))) => chunks(bytes, dim / 8),
        (DataType::Float16Vector, Some(Data::Float16Vector(bytes))) => halves(bytes, 0x7c00),
        (DataType::BFloat16Vector, Some(Data::Bfloat16Vector(bytes))) => halves(bytes, 0x7f80),
        (DataType::Int8Vector, Some(Data::Int8Vector(bytes))) => chunks(bytes, dim),
        _ => Err(mismatch(path, kind)),
    }
}

/// `validateUtil.checkFloatVectorFieldData` and the like (internal/proxy/validate_util.go).
pub fn mismatch(path: &str, kind: DataType) -> Refused {
    let of = match kind {
        DataType::FloatVector => "float vector",
        DataType::BinaryVector => "binary vector",
        DataType::Float16Vector => "float16 vector",
        DataType::BFloat16Vector => "bfloat16 vector",
        DataType::SparseFloatVector => "sparse float vector",
        _ => "int8 vector",
    };
    Refused::expected(
        format!("need {of}"),
        "got nil",
        format!("{of} field '{path}' is illegal, array type mismatch"),
    )
}

/// Pairs of an ascending index and a value.
fn check_sparse(profile: &Profile, row: &[u8]) -> Result<()> {
    if !row.len().is_multiple_of(8) {
        return Err(
            profile.invalid(format!("invalid data length in sparse float vector: {}", row.len()))
        );
    }
    let mut last: Option<u32> = None;
    for pair in row.chunks_exact(8) {
        let index = u32::from_le_bytes(pair[..4].try_into().unwrap());
        let value = f32::from_le_bytes(pair[4..].try_into().unwrap());
        if index == u32::MAX {
            return Err(
                profile.invalid("invalid index in sparse float vector: must be less than 2^32-1")
            );
        }
        if last.is_some_and(|last| last >= index) {
            return Err(profile.invalid("unsorted or same indices in sparse float vector"));
        }
        if !value.is_finite() {
            return Err(profile.invalid(format!("value '{value}' is not a number or infinity")));
        }
        if value < 0.0 {
            return Err(profile.invalid("negative value in sparse float vector"));
        }
        last = Some(index);
    }
    Ok(())
}
