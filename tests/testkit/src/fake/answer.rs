//! The columns of an answer, laid out as servers do.

use super::moments::{self, Zone};
use super::profile::{Feature, NullScalars, Profile};
use super::state::{Collection, Column, Row};
use crate::pb::schema::field_data::Field;
use crate::pb::schema::scalar_field::Data as Scalars;
use crate::pb::schema::vector_field::Data as Vectors;
use crate::pb::schema::{
    ArrayArray, BoolArray, DataType, DoubleArray, FieldData, FloatArray, GeometryWktArray,
    IntArray, JsonArray, LongArray, ScalarField, SparseFloatArray, StringArray, StructArrayField,
    VectorArray, VectorField,
};
use crate::table::Value;

/// One column of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// A place among the collection's columns.
    Column(usize),
    /// A place among its struct array fields.
    Struct(usize),
}

impl Part {
    pub fn name(&self, collection: &Collection) -> String {
        match self {
            Self::Column(place) => collection.columns[*place].field.name.clone(),
            Self::Struct(place) => collection.schema.struct_array_fields[*place].name.clone(),
        }
    }
}

/// Lays the rows out in columns; arrays are those of `arrays`.
pub fn columns(
    profile: &Profile,
    collection: &Collection,
    parts: &[Part],
    (rows, arrays): (&[&Row], &[&Row]),
    zone: &Zone,
) -> Vec<FieldData> {
    let column = |place: usize| {
        let of = match collection.columns[place].kind() {
            DataType::Array => arrays,
            _ => rows,
        };
        let values: Vec<&Value> = of.iter().map(|row| &row.values[place]).collect();
        one(profile, &collection.columns[place], &values, zone)
    };
    let mut out: Vec<FieldData> = parts
        .iter()
        .map(|part| match part {
            Part::Column(place) => column(*place),
            Part::Struct(number) => {
                let parent = &collection.schema.struct_array_fields[*number];
                let places = (0..collection.columns.len()).filter(|place| {
                    collection.columns[*place].parent.as_ref() == Some(&parent.name)
                });
                FieldData {
                    r#type: DataType::ArrayOfStruct.into(),
                    field_name: parent.name.clone(),
                    field_id: parent.field_id,
                    field: Some(Field::StructArrays(StructArrayField {
                        fields: places.map(column).collect(),
                    })),
                    ..Default::default()
                }
            }
        })
        .collect();
    if profile.shuffled_columns {
        let ids: Vec<i64> = out.iter().map(|column| column.field_id).collect();
        out.reverse();
        // Each column carries the id of another one.
        for (column, id) in out.iter_mut().zip(ids) {
            column.field_id = id;
        }
    }
    out
}

/// The values of one column.
fn one(profile: &Profile, column: &Column, values: &[&Value], zone: &Zone) -> FieldData {
    let valid: Vec<bool> = values.iter().map(|value| !matches!(value, Value::Null)).collect();
    let valid = if column.nullable { valid } else { Vec::new() };
    let present = || -> Vec<&Value> {
        values.iter().copied().filter(|value| !matches!(value, Value::Null)).collect()
    };
    let own = profile.has(Feature::OwnValidity);
    let inside = if own { valid.clone() } else { Vec::new() };
    let field = if column.kind() == DataType::ArrayOfVector {
        Field::Vectors(VectorField { valid_data: inside, ..vector_arrays(profile, column, values) })
    } else if column.is_vector() {
        Field::Vectors(VectorField { valid_data: inside, ..vectors(column, &present()) })
    } else {
        let shown = match profile.null_scalars {
            NullScalars::Full => values.to_vec(),
            NullScalars::Compact => present(),
        };
        Field::Scalars(ScalarField { valid_data: inside, ..scalars(profile, column, &shown, zone) })
    };
    FieldData {
        r#type: column.field.data_type,
        field_name: column.field.name.clone(),
        field_id: column.field.field_id,
        is_dynamic: column.field.is_dynamic,
        valid_data: if own { Vec::new() } else { valid },
        field: Some(field),
    }
}

fn wrong(value: &Value, kind: DataType) -> ! {
    panic!("{value:?} is no {kind:?}")
}

fn scalars(profile: &Profile, column: &Column, values: &[&Value], zone: &Zone) -> ScalarField {
    let data = match column.kind() {
        DataType::Array => {
            let element = column.field.element_type();
            let one = |value: &&Value| match value {
                Value::Array(elements)
                    if elements.is_empty() && profile.empty_arrays_without_member =>
                {
                    ScalarField::default()
                }
                Value::Array(elements) => {
                    let elements: Vec<&Value> = elements.iter().collect();
                    ScalarField { data: Some(plain(element, &elements)), ..Default::default() }
                }
                Value::Null => ScalarField::default(),
                other => wrong(other, DataType::Array),
            };
            Scalars::ArrayData(ArrayArray {
                data: values.iter().map(one).collect(),
                element_type: column.field.element_type,
            })
        }
        DataType::Geometry => Scalars::GeometryWktData(GeometryWktArray { data: texts(values) }),
        DataType::Timestamptz => {
            let one = |value: &&Value| match value {
                Value::Int(micros) => moments::text(*micros, zone),
                _ => String::new(),
            };
            Scalars::StringData(StringArray { data: values.iter().map(one).collect() })
        }
        kind => plain(kind, values),
    };
    ScalarField { data: Some(data), ..Default::default() }
}

fn texts(values: &[&Value]) -> Vec<String> {
    let one = |value: &&Value| match value {
        Value::Text(text) => text.clone(),
        Value::Null => String::new(),
        other => wrong(other, DataType::VarChar),
    };
    values.iter().map(one).collect()
}

/// Values of one type; a null has a placeholder.
fn plain(kind: DataType, values: &[&Value]) -> Scalars {
    macro_rules! each {
        ($variant:ident) => {
            values
                .iter()
                .map(|value| match value {
                    Value::$variant(value) => value.clone(),
                    Value::Null => Default::default(),
                    other => wrong(other, kind),
                })
                .collect()
        };
    }
    match kind {
        DataType::Bool => Scalars::BoolData(BoolArray { data: each!(Bool) }),
        DataType::Int8 | DataType::Int16 | DataType::Int32 => {
            let wide: Vec<i64> = each!(Int);
            Scalars::IntData(IntArray {
                data: wide.into_iter().map(|value| value as i32).collect(),
            })
        }
        DataType::Int64 => Scalars::LongData(LongArray { data: each!(Int) }),
        DataType::Float => Scalars::FloatData(FloatArray { data: each!(Float) }),
        DataType::Double => Scalars::DoubleData(DoubleArray { data: each!(Double) }),
        DataType::Json => Scalars::JsonData(JsonArray { data: each!(Json) }),
        _ => Scalars::StringData(StringArray { data: texts(values) }),
    }
}

/// Vectors that are there, one behind the other.
fn vectors(column: &Column, values: &[&Value]) -> VectorField {
    if column.kind() != DataType::SparseFloatVector {
        return flat(column, column.kind(), values);
    }
    let contents: Vec<Vec<u8>> = values
        .iter()
        .map(|value| match value {
            Value::Bytes(row) => row.clone(),
            other => wrong(other, column.kind()),
        })
        .collect();
    let last = |row: &Vec<u8>| {
        row.chunks_exact(8)
            .next_back()
            .map_or(0, |pair| i64::from(u32::from_le_bytes(pair[..4].try_into().unwrap())) + 1)
    };
    let dim = contents.iter().map(last).max().unwrap_or(0);
    let data = Vectors::SparseFloatVector(SparseFloatArray { contents, dim });
    VectorField { dim, data: Some(data), ..Default::default() }
}

fn flat(column: &Column, kind: DataType, values: &[&Value]) -> VectorField {
    let bytes = || -> Vec<u8> {
        let one = |value: &&Value| match value {
            Value::Bytes(row) => row.clone(),
            other => wrong(other, kind),
        };
        values.iter().flat_map(one).collect()
    };
    let data = match kind {
        DataType::FloatVector => {
            let one = |value: &&Value| match value {
                Value::FloatVector(row) => row.clone(),
                other => wrong(other, kind),
            };
            Vectors::FloatVector(FloatArray { data: values.iter().flat_map(one).collect() })
        }
        DataType::BinaryVector => Vectors::BinaryVector(bytes()),
        DataType::Float16Vector => Vectors::Float16Vector(bytes()),
        DataType::BFloat16Vector => Vectors::Bfloat16Vector(bytes()),
        _ => Vectors::Int8Vector(bytes()),
    };
    VectorField { dim: column.number("dim").unwrap_or(0), data: Some(data), ..Default::default() }
}

/// One field of vectors for each row; a null has an empty one.
fn vector_arrays(profile: &Profile, column: &Column, values: &[&Value]) -> VectorField {
    let dim = column.number("dim").unwrap_or(0);
    let element = column.field.element_type();
    let one = |value: &&Value| match value {
        Value::Array(vectors)
            if vectors.is_empty() && profile.empty_vector_arrays_without_member =>
        {
            VectorField { dim, ..Default::default() }
        }
        Value::Array(vectors) => flat(column, element, &vectors.iter().collect::<Vec<_>>()),
        Value::Null => VectorField::default(),
        other => wrong(other, column.kind()),
    };
    let data = values.iter().map(one).collect();
    let array = VectorArray { dim, data, element_type: column.field.element_type };
    VectorField { dim, data: Some(Vectors::VectorArray(array)), ..Default::default() }
}
