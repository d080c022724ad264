//! Values to and from the columns of a request or an answer.

use super::pb::schema::field_data::Field;
use super::pb::schema::scalar_field::Data;
use super::pb::schema::vector_field::Data as Vectors;
use super::pb::schema::{
    ArrayArray, BoolArray, DataType, DoubleArray, FieldData, FieldSchema, FloatArray,
    GeometryWktArray, IntArray, JsonArray, LongArray, ScalarField, SparseFloatArray, StringArray,
    VectorField,
};
use super::structs::VectorArray;
use super::table::Value;

/// A column for an insert: nulls are left out, as servers demand.
pub fn encode(field: &FieldSchema, values: &[&Value]) -> FieldData {
    let valid: Vec<bool> = values.iter().map(|value| !matches!(value, Value::Null)).collect();
    let present: Vec<&Value> =
        values.iter().copied().filter(|value| !matches!(value, Value::Null)).collect();
    let payload = match field.data_type() {
        DataType::FloatVector
        | DataType::BinaryVector
        | DataType::Float16Vector
        | DataType::BFloat16Vector
        | DataType::Int8Vector
        | DataType::SparseFloatVector => Field::Vectors(encode_vectors(field, &present)),
        DataType::ArrayOfVector => Field::Vectors(encode_vector_arrays(field, &present)),
        DataType::Array => {
            let rows = present.iter().map(|value| match value {
                // An empty array has to have its member set: one without kills Milvus 2.3.5.
                Value::Array(elements) => {
                    encode_scalars(field.element_type(), &elements.iter().collect::<Vec<_>>())
                }
                other => wrong(field, other),
            });
            let data = ArrayArray { data: rows.collect(), element_type: field.element_type };
            Field::Scalars(ScalarField { data: Some(Data::ArrayData(data)), ..Default::default() })
        }
        scalar => Field::Scalars(encode_scalars(scalar, &present)),
    };
    FieldData {
        r#type: field.data_type,
        field_name: field.name.clone(),
        is_dynamic: field.is_dynamic,
        valid_data: if field.nullable || field.default_value.is_some() {
            valid
        } else {
            Vec::new()
        },
        field: Some(payload),
        ..Default::default()
    }
}

fn wrong(field: &FieldSchema, value: &Value) -> ! {
    panic!("{value:?} is no value of {} ({:?})", field.name, field.data_type())
}

fn encode_scalars(data_type: DataType, values: &[&Value]) -> ScalarField {
    macro_rules! each {
        ($variant:ident) => {
            values
                .iter()
                .map(|value| match value {
                    Value::$variant(value) => value.clone(),
                    other => panic!("{other:?} is no {data_type:?}"),
                })
                .collect()
        };
    }
    let data = match data_type {
        DataType::Bool => Data::BoolData(BoolArray { data: each!(Bool) }),
        DataType::Int8 | DataType::Int16 | DataType::Int32 => {
            let wide: Vec<i64> = each!(Int);
            Data::IntData(IntArray {
                data: wide.into_iter().map(|value| i32::try_from(value).unwrap()).collect(),
            })
        }
        DataType::Int64 => Data::LongData(LongArray { data: each!(Int) }),
        DataType::Float => Data::FloatData(FloatArray { data: each!(Float) }),
        DataType::Double => Data::DoubleData(DoubleArray { data: each!(Double) }),
        DataType::VarChar | DataType::Timestamptz => {
            Data::StringData(StringArray { data: each!(Text) })
        }
        DataType::Geometry => Data::GeometryWktData(GeometryWktArray { data: each!(Text) }),
        DataType::Json => Data::JsonData(JsonArray { data: each!(Json) }),
        DataType::Text => Data::StringData(StringArray { data: each!(Text) }),
        other => panic!("no scalar: {other:?}"),
    };
    ScalarField { data: Some(data), ..Default::default() }
}

fn encode_vector_arrays(field: &FieldSchema, values: &[&Value]) -> VectorField {
    let element = FieldSchema { data_type: field.element_type, ..field.clone() };
    let one = |value: &&Value| match value {
        Value::Array(vectors) => encode_vectors(&element, &vectors.iter().collect::<Vec<_>>()),
        other => wrong(field, other),
    };
    let data: Vec<VectorField> = values.iter().map(one).collect();
    let dim = dim_of(field);
    let array = VectorArray { dim, data, element_type: field.element_type };
    VectorField { dim, data: Some(Vectors::VectorArray(array)), ..Default::default() }
}

fn dim_of(field: &FieldSchema) -> i64 {
    let dim = field.type_params.iter().find(|pair| pair.key == "dim");
    dim.map_or(0, |pair| pair.value.parse().unwrap())
}

fn encode_vectors(field: &FieldSchema, values: &[&Value]) -> VectorField {
    let bytes: Vec<Vec<u8>> = values
        .iter()
        .filter_map(|value| match value {
            Value::Bytes(bytes) => Some(bytes.clone()),
            Value::FloatVector(_) => None,
            other => wrong(field, other),
        })
        .collect();
    let mut dim = dim_of(field);
    let data = match field.data_type() {
        DataType::FloatVector => {
            let data = values.iter().flat_map(|value| match value {
                Value::FloatVector(vector) => vector.clone(),
                other => wrong(field, other),
            });
            Vectors::FloatVector(FloatArray { data: data.collect() })
        }
        DataType::BinaryVector => Vectors::BinaryVector(bytes.concat()),
        DataType::Float16Vector => Vectors::Float16Vector(bytes.concat()),
        DataType::BFloat16Vector => Vectors::Bfloat16Vector(bytes.concat()),
        DataType::Int8Vector => Vectors::Int8Vector(bytes.concat()),
        _ => {
            dim = bytes.iter().map(|row| sparse_dim(row)).max().unwrap_or(0);
            Vectors::SparseFloatVector(SparseFloatArray { contents: bytes, dim })
        }
    };
    VectorField { dim, data: Some(data), ..Default::default() }
}

/// One more than the largest index of a sparse row (pairs of a u32 index and an f32 value).
fn sparse_dim(row: &[u8]) -> i64 {
    row.chunks_exact(8)
        .map(|pair| i64::from(u32::from_le_bytes(pair[..4].try_into().unwrap())) + 1)
        .max()
        .unwrap_or(0)
}

/// A column of an answer, whichever way it packs its nulls.
pub fn decode(column: &FieldData) -> Vec<Value> {
    let (present, own_valid) = match &column.field {
        Some(Field::Scalars(scalars)) => (decode_scalars(scalars), &scalars.valid_data),
        Some(Field::Vectors(vectors)) => (decode_vectors(vectors), &vectors.valid_data),
        Some(Field::StructArrays(_)) => panic!("{}: struct arrays are not read", column.field_name),
        None => (Vec::new(), &Vec::new()),
    };
    let valid = if own_valid.is_empty() { &column.valid_data } else { own_valid };
    if valid.is_empty() {
        return present;
    }
    let full = present.len() == valid.len();
    let mut present = present.into_iter();
    valid
        .iter()
        .map(|valid| match (valid, full) {
            (true, _) => {
                present.next().unwrap_or_else(|| panic!("{}: too short", column.field_name))
            }
            (false, true) => {
                present.next();
                Value::Null
            }
            (false, false) => Value::Null,
        })
        .collect()
}

fn decode_scalars(scalars: &ScalarField) -> Vec<Value> {
    match &scalars.data {
        None => Vec::new(), // how an empty array is read
        Some(Data::BoolData(column)) => column.data.iter().copied().map(Value::Bool).collect(),
        Some(Data::IntData(column)) => {
            column.data.iter().map(|value| Value::Int(i64::from(*value))).collect()
        }
        Some(Data::LongData(column)) => column.data.iter().copied().map(Value::Int).collect(),
        Some(Data::FloatData(column)) => column.data.iter().copied().map(Value::Float).collect(),
        Some(Data::DoubleData(column)) => column.data.iter().copied().map(Value::Double).collect(),
        Some(Data::StringData(column)) => column.data.iter().cloned().map(Value::Text).collect(),
        Some(Data::GeometryWktData(column)) => {
            column.data.iter().cloned().map(Value::Text).collect()
        }
        Some(Data::JsonData(column)) => column.data.iter().cloned().map(Value::Json).collect(),
        Some(Data::ArrayData(column)) => {
            column.data.iter().map(|row| Value::Array(decode_scalars(row))).collect()
        }
        Some(other) => panic!("a column of an unexpected type: {other:?}"),
    }
}

fn decode_vectors(vectors: &VectorField) -> Vec<Value> {
    let dim = usize::try_from(vectors.dim).unwrap();
    let rows = |bytes: &[u8], width: usize| {
        bytes.chunks(width).map(|row| Value::Bytes(row.to_vec())).collect()
    };
    match &vectors.data {
        None => Vec::new(),
        Some(Vectors::FloatVector(column)) => {
            column.data.chunks(dim).map(|row| Value::FloatVector(row.to_vec())).collect()
        }
        Some(Vectors::BinaryVector(bytes)) => rows(bytes, dim / 8),
        Some(Vectors::Float16Vector(bytes) | Vectors::Bfloat16Vector(bytes)) => {
            rows(bytes, dim * 2)
        }
        Some(Vectors::Int8Vector(bytes)) => rows(bytes, dim),
        Some(Vectors::SparseFloatVector(column)) => {
            column.contents.iter().cloned().map(Value::Bytes).collect()
        }
        Some(Vectors::VectorArray(arrays)) => arrays
            .data
            .iter()
            .map(|row| {
                // How the row of a null is read: without a dimension.
                let row = VectorField { dim: arrays.dim, ..row.clone() };
                Value::Array(decode_vectors(&row))
            })
            .collect(),
    }
}
