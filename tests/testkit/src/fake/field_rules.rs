//! What a server takes as a field, by its release.

use super::moments::{self, Zone};
use super::profile::{Feature, Profile};
use super::refused::{Refused, Result};
use super::state::{is_vector, number, param};
use super::{names, property_rules, wkt};
use crate::pb::schema::value_field::Data;
use crate::pb::schema::{
    CollectionSchema, DataType, FieldSchema, StructArrayFieldSchema, ValueField,
};

/// Longest `VarChar`.
const MAX_LENGTH: i64 = 65_535;
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

/// `validateFieldType` (internal/proxy/util.go), 2.5.27 to 3.0.0.
pub fn check_types(profile: &Profile, schema: &CollectionSchema) -> Result<()> {
    for field in &schema.fields {
        match DataType::try_from(field.data_type) {
            Ok(DataType::String) => return Err(no_strings(profile)),
            Ok(DataType::None) => return Err(profile.invalid("data type None is not valid")),
            Ok(DataType::Array) => check_element(profile, field)?,
            _ => {}
        }
    }
    let mut parts = schema.struct_array_fields.iter().flat_map(|parent| &parent.fields);
    let is_other = |part: &&FieldSchema| {
        !matches!(part.data_type(), DataType::Array | DataType::ArrayOfVector)
    };
    match parts.find(is_other) {
        Some(part) => Err(profile.invalid(format!(
            "fields in StructArrayField must be Array or ArrayOfVector, field name = {}, field type \
             = {}",
            part.name,
            part.data_type().as_str_name()
        ))),
        None => Ok(()),
    }
}

fn no_strings(profile: &Profile) -> Refused {
    profile.invalid("string data type not supported yet, please use VarChar type instead")
}

/// `validateElementType` (internal/proxy/util.go), 2.5.27 to 3.0.0.
fn check_element(profile: &Profile, field: &FieldSchema) -> Result<()> {
    match field.element_type() {
        element if ELEMENTS.contains(&element) => Ok(()),
        DataType::String => Err(no_strings(profile)),
        DataType::None => Err(profile.invalid("element data type None is not valid")),
        element => {
            let what = format!("element type {} is not supported", element.as_str_name());
            Err(profile.invalid(what))
        }
    }
}

/// A field of a collection, not one of a struct: `ValidateField` (internal/proxy/util.go), 2.5.27 to
/// 3.0.0.
pub fn check(profile: &Profile, field: &FieldSchema, collection: &str) -> Result<()> {
    names::check_field(profile, &field.name)?;
    let kind = field.data_type();
    if profile.is_vector(kind) {
        check_dim(profile, field, kind)?;
    }
    let texts = kind == DataType::Array && field.element_type() == DataType::VarChar;
    if kind == DataType::VarChar || texts {
        check_length(profile, field, collection)?;
    }
    if kind == DataType::Array {
        let of = format!("array field {} of collection {collection}", field.name);
        capacity(profile, field, &of)?;
    }
    if kind == DataType::ArrayOfVector && profile.has(Feature::StructArrays) {
        return Err(profile.invalid(format!(
            "array of vector can only be in the struct array field, field name: {}",
            field.name
        )));
    }
    check_warmup(profile, field)
}

fn check_warmup(profile: &Profile, field: &FieldSchema) -> Result<()> {
    match param(field, "warmup") {
        Some(policy) => {
            let of = format!("invalid warmup policy for field {}", field.name);
            property_rules::check_warmup(profile, &of, policy)
        }
        None => Ok(()),
    }
}

/// `ValidateStructArrayField` with `ValidateFieldsInStruct` (internal/proxy/util.go), 2.6.20 and 3.0.0.
pub fn check_struct(
    profile: &Profile,
    parent: &StructArrayFieldSchema,
    collection: &str,
) -> Result<()> {
    let (of, new) = (&parent.name, profile.has(Feature::NullableStructs));
    if parent.fields.is_empty() {
        return Err(profile.invalid(format!("struct array field {of} has no sub-fields")));
    }
    for part in &parent.fields {
        check_part(profile, part, collection)?;
    }
    let capacities = |part: &FieldSchema| {
        capacity(profile, part, &format!("array field {} of collection {collection}", part.name))
    };
    if new {
        one_capacity(profile, parent, |part| part.name.clone(), capacities)?;
    }
    match parent.fields.iter().find(|part| part.nullable && !parent.nullable) {
        Some(part) if new => Err(Refused::invalid(format!(
            "sub-field in non-nullable struct cannot be nullable individually, set nullable on the \
             struct instead: structName={of}, subFieldName={}",
            part.name
        ))),
        _ => Ok(()),
    }
}

fn check_part(profile: &Profile, part: &FieldSchema, collection: &str) -> Result<()> {
    names::check_field(profile, &part.name)?;
    let (name, element) = (&part.name, part.element_type());
    let nested = [DataType::ArrayOfStruct, DataType::ArrayOfVector, DataType::Array];
    if nested.contains(&element) {
        return Err(profile.invalid(format!("nested array is not supported {name}")));
    }
    if part.data_type() == DataType::Array {
        check_element(profile, part)?;
    } else {
        check_vectors_of_arrays(profile, name, element)?;
        check_dim(profile, part, element)?;
    }
    if element == DataType::VarChar {
        check_length(profile, part, collection)?;
    }
    if part.nullable && !profile.has(Feature::NullableStructs) {
        return Err(profile.invalid(format!(
            "nullable is not supported for fields in struct array now, fieldName = {name}"
        )));
    }
    check_warmup(profile, part)
}

/// `checkStructArrayFieldSchema` (internal/rootcoord/util.go), 2.6.20 and 3.0.0; the sub-fields have
/// their long names there.
pub fn check_parts(profile: &Profile, parent: &StructArrayFieldSchema) -> Result<()> {
    let long = |part: &FieldSchema| format!("{}[{}]", parent.name, part.name);
    if let Some(part) = parent.fields.iter().find(|part| part.default_value.is_some()) {
        return Err(profile.invalid(format!(
            "fields in struct array field not support default_value, data type:{}, element type:{}, \
             name:{}",
            part.data_type().as_str_name(),
            part.element_type().as_str_name(),
            long(part)
        )));
    }
    let of = |part: &FieldSchema| {
        capacity(
            profile,
            part,
            &format!("field {} in struct array field {}", long(part), parent.name),
        )
    };
    match profile.has(Feature::OneCapacity) {
        true => one_capacity(profile, parent, long, of),
        false => Ok(()),
    }
}

fn one_capacity(
    profile: &Profile,
    parent: &StructArrayFieldSchema,
    name: impl Fn(&FieldSchema) -> String,
    capacity: impl Fn(&FieldSchema) -> Result<i64>,
) -> Result<()> {
    let mut first = None;
    for part in &parent.fields {
        let (capacity, of) = (capacity(part)?, &parent.name);
        let expected = *first.get_or_insert(capacity);
        if capacity != expected {
            return Err(profile.invalid(format!(
                "all sub-fields in struct array field must have the same max_capacity: \
                 structName={of}, subFieldName={}, max_capacity={capacity}, expected={expected}",
                name(part)
            )));
        }
    }
    Ok(())
}

/// `validateMaxLengthPerRow` (internal/proxy/util.go), 2.5.27 to 3.0.0.
fn check_length(profile: &Profile, field: &FieldSchema, collection: &str) -> Result<()> {
    let (name, new) = (&field.name, profile.has(Feature::ParameterErrors));
    let Some(text) = param(field, "max_length") else {
        let of = if new { "the" } else { "varChar" };
        return Err(profile.missing(format!(
            "type param(max_length) should be specified for {of} field({name}) of collection \
             {collection}"
        )));
    };
    let length = text.parse::<i64>().map_err(|_| no_number(text))?;
    if (1..=MAX_LENGTH).contains(&length) {
        return Ok(());
    }
    let of = if new { "the" } else { "a VarChar" };
    Err(Refused::invalid(format!(
        "the maximum length specified for {of} field({name}) should be in (0, {MAX_LENGTH}], but got \
         {length} instead"
    )))
}

/// The words of `strconv.ParseInt` of Go.
fn no_number(text: &str) -> Refused {
    Refused::other(format!("strconv.ParseInt: parsing {text:?}: invalid syntax"))
}

/// `validateMaxCapacityPerRow` (internal/proxy/util.go), 2.5.27 to 3.0.0.
fn capacity(profile: &Profile, field: &FieldSchema, of: &str) -> Result<i64> {
    let Some(text) = param(field, "max_capacity") else {
        let what = format!("type param(max_capacity) should be specified for {of}");
        return Err(profile.missing(what));
    };
    let Ok(capacity) = text.parse::<i64>() else {
        let what = format!("the value for max_capacity of field {} must be an integer", field.name);
        return Err(profile.invalid(what));
    };
    if (1..=MAX_CAPACITY).contains(&capacity) {
        return Ok(capacity);
    }
    let what =
        format!("the maximum capacity specified for a Array should be in (0, {MAX_CAPACITY}]");
    Err(profile.invalid(what))
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
    let what = if profile.version >= (3, 0, 0) { "Unsupported" } else { "unsupported" };
    Err(Refused::invalid(format!(
        "{what} element type {} of ArrayOfVector field {name}, only fixed dimension vector types are \
         supported",
        element.as_str_name()
    )))
}

/// `validateDimension` (internal/proxy/util.go), 2.5.27 to 3.0.0.
fn check_dim(profile: &Profile, field: &FieldSchema, kind: DataType) -> Result<()> {
    let (name, most) = (&field.name, profile.limits.dim);
    let dim = match param(field, "dim") {
        Some(text) => Some(text.parse::<i64>().map_err(|_| no_number(text))?),
        None => None,
    };
    let binary = kind == DataType::BinaryVector;
    let invalid = |what: String| Err(profile.invalid(what));
    match (dim, kind) {
        (None, DataType::SparseFloatVector) => Ok(()),
        (Some(_), DataType::SparseFloatVector) => invalid(format!(
            "dim should not be specified for sparse vector field {name}({})",
            field.field_id
        )),
        (None, _) => invalid(format!(
            "dimension is not defined in field type params of field {name}, check type param `dim` for \
             vector field"
        )),
        (Some(dim), _) if dim <= 1 => {
            invalid(format!("invalid dimension: {dim}. should be in range 2 ~ {most}"))
        }
        (Some(dim), _) if binary && dim % 8 != 0 => invalid(format!(
            "invalid dimension: {dim} of field {name}. binary vector dimension should be multiple of \
             8. "
        )),
        (Some(dim), _) if binary && dim > most * 8 => invalid(format!(
            "invalid dimension: {dim} of field {name}. binary vector dimension should be in range 2 ~ \
             {}",
            most * 8
        )),
        (Some(dim), _) if !binary && dim > most => invalid(format!(
            "invalid dimension: {dim} of field {name}. float vector dimension should be in range 2 ~ \
             {most}"
        )),
        (Some(_), _) => Ok(()),
    }
}

/// Nulls and default values: `checkFieldSchema` (internal/rootcoord/util.go), 2.5.27 to 3.0.0, all of
/// which refuse with a code.
pub fn check_value(profile: &Profile, field: &FieldSchema) -> Result<()> {
    let (name, kind) = (&field.name, field.data_type());
    let of = format!("type:{}, name:{name}", kind.as_str_name());
    let invalid = |what: &str| Err(Refused::invalid(format!("{what}, {of}")));
    if field.nullable && field.is_primary_key {
        return invalid("primary field not support null");
    }
    if field.nullable && profile.is_vector(kind) && !profile.has(Feature::NullableVectors) {
        return invalid("vector type not support null");
    }
    let Some(ValueField { data: Some(value) }) = &field.default_value else {
        return Ok(());
    };
    if field.is_primary_key {
        return invalid("primary field not support default_value");
    }
    let never = matches!(kind, DataType::Array | DataType::Json) || profile.is_vector(kind);
    if never && !field.is_dynamic {
        return invalid("type not support default_value");
    }
    if let (DataType::Geometry, Data::StringData(text)) = (kind, value) {
        return wkt::normalized(text).map(drop).map_err(Refused::unreadable);
    }
    check_default(profile, field, kind, value)
}

fn check_default(
    profile: &Profile,
    field: &FieldSchema,
    kind: DataType,
    value: &Data,
) -> Result<()> {
    let zoned = kind == DataType::Timestamptz && profile.has(Feature::Timestamptz);
    let (fits, is) = match value {
        Data::BoolData(_) => (kind == DataType::Bool, "DataType_Bool"),
        Data::IntData(_) => {
            (matches!(kind, DataType::Int8 | DataType::Int16 | DataType::Int32), "DataType_Int")
        }
        Data::LongData(_) => (kind == DataType::Int64, "DataType_Int64"),
        Data::FloatData(_) => (kind == DataType::Float, "DataType_Float"),
        Data::DoubleData(_) => (kind == DataType::Double, "DataType_Double"),
        Data::TimestamptzData(_) => (zoned, "DataType_Timestamptz"),
        Data::StringData(_) => (kind == DataType::VarChar || zoned, "DataType_VarChar"),
        _ => (kind == DataType::Json, "DataType_SJON"),
    };
    if !fits {
        return Err(Refused::invalid(format!(
            "type ({}) of field ({}) is not equal to the type({is}) of default_value",
            kind.as_str_name(),
            field.name
        )));
    }
    match (kind, value) {
        (DataType::Int8, Data::IntData(value)) => in_range(*value, i8::MIN.into(), i8::MAX.into()),
        (DataType::Int16, Data::IntData(value)) => {
            in_range(*value, i16::MIN.into(), i16::MAX.into())
        }
        (DataType::VarChar, Data::StringData(text)) => {
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
        // `CheckAndRewriteTimestampTzDefaultValue` (pkg/util/timestamptz), 2.6.20 and 3.0.0.
        (DataType::Timestamptz, Data::StringData(text)) => {
            moments::parse(text, &Zone::UTC).map(drop).map_err(|_| {
                Refused::invalid(format!(
                    "invalid timestamp string: '{text}'. Does not match any known format"
                ))
            })
        }
        _ => Ok(()),
    }
}

/// `WrapErrParameterInvalidRange` (pkg/util/merr).
fn in_range(value: i32, low: i32, high: i32) -> Result<()> {
    if (low..=high).contains(&value) {
        return Ok(());
    }
    let reason = format!(
        "default value out of range: invalid parameter[{value} out of range {low} <= value <= {high}]"
    );
    Err(Refused::new(1100, crate::pb::common::ErrorCode::IllegalArgument, reason))
}
