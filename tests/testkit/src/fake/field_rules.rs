//! What a server takes as a field, by its release.

use super::moments::Zone;
use super::names;
use super::profile::{Feature, Profile};
use super::refused::{Refused, Result};
use super::state::{is_vector, number, param};
use super::{moments, wkt};
use crate::pb::schema::value_field::Data;
use crate::pb::schema::{DataType, FieldSchema, ValueField};

/// Longest `VarChar`.
const MAX_LENGTH: i64 = 65_535;
/// Longest `Text`.
const TEXT_LENGTH: i64 = 2 << 20;
const MAX_CAPACITY: i64 = 4096;

const ELEMENTS: [DataType; 8] = [
    DataType::Bool,
    DataType::Int8,
    DataType::Int16,
    DataType::Int32,
    DataType::Int64,
    DataType::Float,
    DataType::Double,
    DataType::VarChar,
];

/// A field of a collection, not one of a struct.
pub fn check(profile: &Profile, field: &FieldSchema, collection: &str) -> Result<()> {
    names::check_field(profile, &field.name)?;
    check_type(profile, field, collection)?;
    check_roles(profile, field)?;
    check_default(profile, field)
}

/// A field inside of a struct array: an array of scalars or of vectors.
pub fn check_sub_field(
    profile: &Profile,
    field: &FieldSchema,
    parent: &str,
    collection: &str,
) -> Result<()> {
    names::check_field(profile, &field.name)?;
    let name = &field.name;
    if !matches!(field.data_type(), DataType::Array | DataType::ArrayOfVector) {
        return Err(Refused::invalid(format!(
            "Inner field {name} of struct array field {parent} can only be Array or ArrayOfVector"
        )));
    }
    let roles = [
        (field.is_primary_key, "primary key"),
        (field.is_partition_key, "partition key"),
        (field.is_clustering_key, "clustering key"),
        (field.default_value.is_some(), "default value"),
    ];
    if let Some((_, role)) = roles.iter().find(|(is, _)| *is) {
        return Err(Refused::invalid(format!(
            "{role} is not supported for struct field, fieldName = {name}"
        )));
    }
    check_capacity(field)?;
    check_element(profile, field, collection)
}

fn unknown_type(field: &FieldSchema) -> Refused {
    let kind = DataType::try_from(field.data_type)
        .map_or_else(|_| field.data_type.to_string(), |kind| kind.as_str_name().to_owned());
    Refused::invalid(format!("data type {kind} of field {} is not supported", field.name))
}

fn check_type(profile: &Profile, field: &FieldSchema, collection: &str) -> Result<()> {
    let kind = DataType::try_from(field.data_type).map_err(|_| unknown_type(field))?;
    let known = match kind {
        DataType::Bool
        | DataType::Int8
        | DataType::Int16
        | DataType::Int32
        | DataType::Int64
        | DataType::Float
        | DataType::Double
        | DataType::VarChar
        | DataType::Array
        | DataType::Json
        | DataType::BinaryVector
        | DataType::FloatVector => true,
        DataType::Float16Vector | DataType::BFloat16Vector | DataType::SparseFloatVector => {
            profile.has(Feature::MoreVectors)
        }
        DataType::Int8Vector => profile.has(Feature::Int8Vector),
        DataType::Geometry => profile.has(Feature::Geometry),
        DataType::Timestamptz => profile.has(Feature::Timestamptz),
        DataType::Text => profile.has(Feature::Text),
        _ => false,
    };
    if !known {
        return Err(unknown_type(field));
    }
    match kind {
        DataType::VarChar => check_length(field, MAX_LENGTH, true, collection),
        DataType::Text => check_length(field, TEXT_LENGTH, false, collection),
        DataType::Array => {
            check_capacity(field)?;
            check_element(profile, field, collection)
        }
        kind if is_vector(kind) => check_dim(profile, field, kind),
        _ => Ok(()),
    }
}

fn check_length(field: &FieldSchema, most: i64, needed: bool, collection: &str) -> Result<()> {
    let name = &field.name;
    match (param(field, "max_length"), number(field, "max_length")) {
        (None, _) if needed => Err(Refused::invalid(format!(
            "type param(max_length) should be specified for the field({name}) of collection {collection}"
        ))),
        (None, _) => Ok(()),
        (Some(_), Some(length)) if (1..=most).contains(&length) => Ok(()),
        (Some(length), _) => Err(Refused::invalid(format!(
            "the maximum length specified for the field({name}) should be in (0, {most}], but got {length} instead"
        ))),
    }
}

fn check_capacity(field: &FieldSchema) -> Result<()> {
    let name = &field.name;
    match number(field, "max_capacity") {
        Some(capacity) if (1..=MAX_CAPACITY).contains(&capacity) => Ok(()),
        Some(_) => Err(Refused::invalid(format!(
            "the maximum capacity specified for the field({name}) should be in (0, {MAX_CAPACITY}]"
        ))),
        None => Err(Refused::invalid(format!(
            "type param(max_capacity) should be specified for array field {name}"
        ))),
    }
}

/// The elements of an array of scalars or of vectors.
fn check_element(profile: &Profile, field: &FieldSchema, collection: &str) -> Result<()> {
    let element = field.element_type();
    if field.data_type() == DataType::ArrayOfVector {
        check_vectors_of_arrays(profile, &field.name, element)?;
        return check_dim(profile, field, element);
    }
    if !ELEMENTS.contains(&element) {
        return Err(Refused::invalid(format!(
            "element type {} is not supported",
            element.as_str_name()
        )));
    }
    match element {
        DataType::VarChar => check_length(field, MAX_LENGTH, true, collection),
        _ => Ok(()),
    }
}

/// `ValidateFieldsInStruct` (internal/proxy/util.go): 2.6.19, and 2.6.20 and 3.0.0.
fn check_vectors_of_arrays(profile: &Profile, name: &str, element: DataType) -> Result<()> {
    if !profile.has(Feature::ArraysOfAnyVector) {
        return match element {
            DataType::FloatVector => Ok(()),
            _ => Err(profile.invalid(format!(
                "unsupported element type of array field {name}, now only float vector is supported"
            ))),
        };
    }
    let of_fixed_size = is_vector(element)
        && !matches!(element, DataType::SparseFloatVector | DataType::ArrayOfVector);
    if of_fixed_size {
        return Ok(());
    }
    Err(Refused::invalid(format!(
        "unsupported element type {} of ArrayOfVector field {name}, only fixed dimension vector \
         types are supported",
        element.as_str_name()
    )))
}

fn check_dim(profile: &Profile, field: &FieldSchema, kind: DataType) -> Result<()> {
    let name = &field.name;
    if kind == DataType::SparseFloatVector {
        return match param(field, "dim") {
            Some(_) => Err(Refused::invalid(format!(
                "dim should not be specified for sparse vector field {name}({})",
                field.data_type
            ))),
            None => Ok(()),
        };
    }
    let most = profile.limits.dim * if kind == DataType::BinaryVector { 8 } else { 1 };
    let Some(dim) = number(field, "dim") else {
        return Err(Refused::invalid(format!(
            "dimension is not defined in field type params, check type param `dim` for vector field: {name}"
        )));
    };
    if !(2..=most).contains(&dim) {
        return Err(Refused::invalid(format!(
            "invalid dimension: {dim} of field {name}. vector dimension should be in range 2 ~ {most}"
        )));
    }
    if kind == DataType::BinaryVector && dim % 8 != 0 {
        return Err(Refused::invalid(format!(
            "invalid dimension: {dim} of field {name}. binary vector dimension should be multiple of 8."
        )));
    }
    Ok(())
}

fn check_roles(profile: &Profile, field: &FieldSchema) -> Result<()> {
    let (name, kind) = (&field.name, field.data_type());
    let invalid = |why: String| Err(Refused::invalid(why));
    let is_key_type = matches!(kind, DataType::Int64 | DataType::VarChar);
    if field.auto_id && !field.is_primary_key {
        return invalid(format!(
            "only primary field can speficy AutoID with true, field name = {name}"
        ));
    }
    if field.is_primary_key {
        if !is_key_type {
            return invalid("the data type of primary key should be Int64 or VarChar".to_owned());
        }
        if field.nullable {
            return invalid("primary field not support null".to_owned());
        }
        if field.default_value.is_some() {
            return invalid("primary field not support default_value".to_owned());
        }
    }
    if field.is_partition_key {
        if field.is_primary_key {
            return invalid("the partition key field must not be primary field".to_owned());
        }
        if !is_key_type {
            return invalid("the data type of partition key should be Int64 or VarChar".to_owned());
        }
        if field.nullable {
            return invalid(format!(
                "partition key field not support nullable: field name = {name}"
            ));
        }
    }
    if field.is_clustering_key && is_vector(kind) {
        return invalid(format!("vector clustering key not allowed[field={name}]"));
    }
    if field.nullable && is_vector(kind) && !profile.has(Feature::NullableVectors) {
        return invalid(format!("vector type not support null, fieldName: {name}"));
    }
    Ok(())
}

fn check_default(profile: &Profile, field: &FieldSchema) -> Result<()> {
    let Some(ValueField { data: Some(value) }) = &field.default_value else {
        return Ok(());
    };
    let (name, kind) = (&field.name, field.data_type());
    let fits = match (kind, value) {
        (DataType::Bool, Data::BoolData(_))
        | (DataType::Int32, Data::IntData(_))
        | (DataType::Int64, Data::LongData(_))
        | (DataType::Float, Data::FloatData(_))
        | (DataType::Double, Data::DoubleData(_))
        | (DataType::VarChar | DataType::Geometry, Data::StringData(_))
        | (DataType::Timestamptz, Data::StringData(_) | Data::TimestamptzData(_)) => true,
        (DataType::Json, Data::BytesData(_)) => profile.has(Feature::NullableMeta),
        (DataType::Int8, Data::IntData(value)) => i8::try_from(*value).is_ok(),
        (DataType::Int16, Data::IntData(value)) => i16::try_from(*value).is_ok(),
        _ => false,
    };
    let finite = match value {
        Data::FloatData(value) => value.is_finite(),
        Data::DoubleData(value) => value.is_finite(),
        _ => true,
    };
    if !fits || !finite {
        return Err(Refused::invalid(format!(
            "type ({}) of field ({name}), type or range of its default value does not match",
            kind.as_str_name()
        )));
    }
    match value {
        Data::StringData(text) if kind == DataType::VarChar => {
            let most = number(field, "max_length").unwrap_or(0);
            if text.len() as i64 > most {
                return Err(Refused::expected(
                    "valid length string",
                    "string length exceeds max length",
                    format!("the length ({}) of string exceeds max length ({most})", text.len()),
                ));
            }
            Ok(())
        }
        Data::StringData(text) if kind == DataType::Geometry => {
            wkt::normalized(text).map(drop).map_err(Refused::unreadable)
        }
        Data::StringData(text) if kind == DataType::Timestamptz => {
            moments::parse(text, &Zone::UTC).map(drop).map_err(Refused::invalid)
        }
        Data::BytesData(bytes) if kind == DataType::Json => {
            serde_json::from_slice::<serde_json::Value>(bytes)
                .map(drop)
                .map_err(Refused::unreadable)
        }
        _ => Ok(()),
    }
}
