//! What a server takes as a collection, by its release, and what it forgets of it without a word.

use std::collections::{BTreeMap, BTreeSet};

use super::profile::{Attribute, Feature, Profile};
use super::refused::{Refused, Result};
use super::state::param;
use super::{field_rules, function_rules, names, property_rules};
use crate::pb::common::ErrorCode;
use crate::pb::schema::{CollectionSchema, DataType, FieldSchema, FunctionType};

/// What a request asks for.
pub struct Wanted<'a> {
    pub name: &'a str,
    pub schema: &'a CollectionSchema,
    pub shards: i32,
    pub partitions: i64,
    pub properties: &'a BTreeMap<String, String>,
}

/// Takes away what this server does not know, or is told to forget.
pub fn forget(profile: &Profile, schema: &mut CollectionSchema) {
    let forgets = |attribute| profile.forgets(&attribute);
    schema.db_name.clear();
    schema.external_source.clear();
    schema.external_spec.clear();
    schema.file_resource_ids.clear();
    schema.enable_namespace = false;
    if forgets(Attribute::CollectionDescription) {
        schema.description.clear();
    }
    if forgets(Attribute::DynamicField) {
        schema.enable_dynamic_field = false;
    }
    if forgets(Attribute::Functions) {
        schema.functions.clear();
    }
    if forgets(Attribute::StructArrayFields) {
        schema.struct_array_fields.clear();
    }
    for parent in &mut schema.struct_array_fields {
        parent.nullable &= profile.has(Feature::NullableStructs);
        parent.fields.iter_mut().for_each(|field| forget_of_field(profile, field));
    }
    schema.fields.iter_mut().for_each(|field| forget_of_field(profile, field));
}

fn forget_of_field(profile: &Profile, field: &mut FieldSchema) {
    let forgets = |attribute| profile.forgets(&attribute);
    field.is_function_output = false;
    field.external_field.clear();
    if !profile.has(Feature::OwnValidity) {
        field.type_schema = None;
        field.element_nullable = false;
    }
    field.nullable &= !forgets(Attribute::Nullable);
    field.is_clustering_key &= !forgets(Attribute::ClusteringKey);
    field.is_partition_key &= !forgets(Attribute::PartitionKey);
    if forgets(Attribute::DefaultValue) {
        field.default_value = None;
    }
    if forgets(Attribute::FieldDescription) {
        field.description.clear();
    }
    field.type_params.retain(|pair| !forgets(Attribute::TypeParam(pair.key.clone())));
}

/// Refuses what this server does not take, in the order of its checks.
pub fn check(profile: &Profile, wanted: &Wanted) -> Result<()> {
    at_the_proxy(profile, wanted)?;
    at_the_coordinator(profile, wanted)
}

/// `createCollectionTask.PreExecute` (internal/proxy/task.go), 2.5.27 to 3.0.0.
fn at_the_proxy(profile: &Profile, wanted: &Wanted) -> Result<()> {
    let Wanted { schema, .. } = *wanted;
    function_rules::check(profile, schema)?;
    // `validateTextStorageV3Enabled` (internal/proxy/util.go), 3.0.0.
    let text = schema.fields.iter().any(|field| field.data_type() == DataType::Text);
    if text && profile.version >= (3, 0, 0) && !profile.storage_v3 {
        return Err(Refused::invalid(
            "TEXT field requires StorageV3; enable common.storage.useLoonFFI: invalid parameter",
        ));
    }
    check_numbers(profile, wanted)?;
    names::check_collection(&schema.name)?;
    names::check_description(profile, &schema.description)?;
    names::check_reserved(profile, schema)?;
    // Since there are struct arrays, after the fields themselves.
    let structs = profile.has(Feature::StructArrays);
    if !structs {
        check_names(profile, schema)?;
    }
    check_primary_key(profile, schema)?;
    check_auto_id(profile, schema)?;
    field_rules::check_types(profile, schema)?;
    check_partition_key(profile, wanted)?;
    property_rules::check_created(profile, schema, wanted.properties)?;
    check_clustering_key(profile, schema)?;
    for field in &schema.fields {
        field_rules::check(profile, field, &schema.name)?;
    }
    for parent in &schema.struct_array_fields {
        field_rules::check_struct(profile, parent, &schema.name)?;
    }
    if structs {
        check_names(profile, schema)?;
    }
    Ok(())
}

/// `createCollectionTask.validateSchema` (internal/rootcoord/create_collection_task.go), 2.5.27 to 3.0.0.
fn at_the_coordinator(profile: &Profile, wanted: &Wanted) -> Result<()> {
    let Wanted { name, schema, .. } = *wanted;
    if schema.name != name {
        return Err(Refused::expected(
            "collection name matches schema name",
            "don't match",
            format!("collection name = {name}, schema.Name={}", schema.name),
        ));
    }
    for field in &schema.fields {
        field_rules::check_value(profile, field)?;
    }
    for parent in &schema.struct_array_fields {
        field_rules::check_parts(profile, parent)?;
    }
    names::check_system(profile, schema)?;
    schema.fields.iter().try_for_each(|field| check_analyzer(profile, schema, field))?;
    let fields = schema.fields.iter();
    let unknown = |field: &&FieldSchema| !profile.knows_type(field.data_type);
    match fields.clone().find(unknown) {
        Some(field) => {
            let expected =
                if profile.version < (2, 6, 0) { "valid field" } else { "Invalid field" };
            let kind = field.data_type;
            Err(Refused::unlike(expected, format!("field data type: {kind} is not supported")))
        }
        None => Ok(()),
    }
}

fn check_numbers(profile: &Profile, wanted: &Wanted) -> Result<()> {
    let (limits, schema) = (&profile.limits, wanted.schema);
    let limited = |what: &str, most: usize| {
        Err(profile.invalid(format!("maximum {what}'s number should be limited to {most}")))
    };
    if wanted.shards > limits.shards {
        return limited("shards", limits.shards as usize);
    }
    let structs = &schema.struct_array_fields;
    let inside = || structs.iter().flat_map(|parent| &parent.fields);
    // `GetTotalFieldsNum` (pkg/util/typeutil/schema.go), 2.6.20.
    if schema.fields.len() + structs.len() + inside().count() > limits.fields {
        return limited("field", limits.fields);
    }
    let vectors = schema.fields.iter().chain(inside());
    let vectors = vectors.filter(|field| profile.is_vector(field.data_type())).count();
    if vectors > limits.vector_fields {
        return limited("vector field", limits.vector_fields);
    }
    if vectors == 0 {
        return Err(Refused::invalid("schema does not contain vector field"));
    }
    Ok(())
}

/// `validateDuplicatedFieldName` (internal/proxy/util.go), with sub-fields as `struct[sub]`.
fn check_names(profile: &Profile, schema: &CollectionSchema) -> Result<()> {
    let mut names: Vec<String> = schema.fields.iter().map(|field| field.name.clone()).collect();
    for parent in &schema.struct_array_fields {
        names.push(parent.name.clone());
        names.extend(parent.fields.iter().map(|sub| format!("{}[{}]", parent.name, sub.name)));
    }
    let mut seen = BTreeSet::new();
    match names.iter().find(|name| !seen.insert(*name)) {
        Some(name) => Err(profile.invalid(format!("duplicated field name {name} found"))),
        None => Ok(()),
    }
}

/// Sub-fields of struct arrays.
fn parts(schema: &CollectionSchema) -> impl Iterator<Item = &FieldSchema> {
    schema.struct_array_fields.iter().flat_map(|parent| &parent.fields)
}

/// The first field of these, and an error where there is a second one.
fn only<'a>(
    fields: &'a [FieldSchema],
    is: fn(&FieldSchema) -> bool,
    what: &str,
) -> (Option<&'a FieldSchema>, Option<String>) {
    let mut found = fields.iter().filter(|field| is(field));
    let first = found.next();
    let more = found.next().zip(first).map(|(second, first)| {
        format!("there are more than one {what}, field name = {}, {}", first.name, second.name)
    });
    (first, more)
}

/// `validatePrimaryKey` (internal/proxy/util.go).
fn check_primary_key(profile: &Profile, schema: &CollectionSchema) -> Result<()> {
    let (key, more) = only(&schema.fields, |field| field.is_primary_key, "primary key");
    let Some(key) = key else {
        return Err(profile.missing("primary key is not specified"));
    };
    if !matches!(key.data_type(), DataType::Int64 | DataType::VarChar) {
        let what = "the data type of primary key should be Int64 or VarChar";
        return Err(profile.invalid(what));
    }
    if let Some(more) = more {
        return Err(profile.invalid(more));
    }
    match parts(schema).find(|part| part.is_primary_key) {
        Some(part) => Err(profile.invalid(format!(
            "primary key is not supported for struct field, field name = {}",
            part.name
        ))),
        None => Ok(()),
    }
}

/// `ValidateFieldAutoID` (internal/proxy/util.go).
fn check_auto_id(profile: &Profile, schema: &CollectionSchema) -> Result<()> {
    let mut made = schema.fields.iter().filter(|field| field.auto_id && !field.is_primary_key);
    let what = match (made.next(), parts(schema).find(|part| part.auto_id)) {
        (Some(field), _) => {
            format!("only primary field can speficy AutoID with true, field name = {}", field.name)
        }
        (None, Some(part)) => {
            format!("autoID is not supported for struct field, field name = {}", part.name)
        }
        (None, None) => return Ok(()),
    };
    Err(profile.invalid(what))
}

/// `createCollectionTask.validatePartitionKey` (internal/proxy/task.go).
fn check_partition_key(profile: &Profile, wanted: &Wanted) -> Result<()> {
    let schema = wanted.schema;
    let (key, more) = only(&schema.fields, |field| field.is_partition_key, "partition key");
    let (count, most) = (wanted.partitions, profile.limits.partitions);
    if let Some(key) = key {
        if key.is_primary_key {
            let what = "the partition key field must not be primary field";
            return Err(profile.invalid(what));
        }
        if key.nullable {
            return Err(Refused::invalid("partition key field not support nullable"));
        }
        if !matches!(key.data_type(), DataType::Int64 | DataType::VarChar) {
            let what = "the data type of partition key should be Int64 or VarChar";
            return Err(profile.invalid(what));
        }
        if count < 0 {
            return Err(profile.invalid(
                "the specified partitions should be greater than 0 if partition key is used",
            ));
        }
        if count as usize > most {
            let what = format!("partition number ({count}) exceeds max configuration ({most})");
            return Err(Refused::invalid(what));
        }
    }
    if let Some(more) = more {
        return Err(profile.invalid(more));
    }
    if let Some(part) = parts(schema).find(|part| part.is_partition_key) {
        return Err(illegal(schema, "partition key is not supported for struct field", part));
    }
    if key.is_none() && count != 0 {
        return Err(profile
            .invalid("num_partitions should only be specified with partition key field enabled"));
    }
    Ok(())
}

/// `createCollectionTask.validateClusteringKey` (internal/proxy/task.go).
fn check_clustering_key(profile: &Profile, schema: &CollectionSchema) -> Result<()> {
    for field in schema.fields.iter().filter(|field| field.is_clustering_key) {
        property_rules::check_clustering(profile, field, &schema.name)?;
        // `common.enableVectorClusteringKey` is off unless somebody sets it.
        if profile.is_vector(field.data_type()) {
            let reason = format!("vector clustering key not allowed[collection={}]", schema.name);
            return Err(Refused::new(107, ErrorCode::UnexpectedError, reason));
        }
    }
    if let (_, Some(more)) = only(&schema.fields, |field| field.is_clustering_key, "clustering key")
    {
        let reason = format!("{more}: illegal collection schema[collection={}]", schema.name);
        return Err(Refused::new(105, ErrorCode::UnexpectedError, reason));
    }
    match parts(schema).find(|part| part.is_clustering_key) {
        Some(part) => {
            Err(illegal(schema, "clustering key is not supported for struct field", part))
        }
        None => Ok(()),
    }
}

fn illegal(schema: &CollectionSchema, what: &str, field: &FieldSchema) -> Refused {
    let reason = format!(
        "{what}, field name = {}: illegal collection schema[collection={}]",
        field.name, schema.name
    );
    Refused::new(105, ErrorCode::UnexpectedError, reason)
}

/// `validateAnalyzer`: internal/proxy/util.go in 2.5.27, internal/rootcoord/util.go since 2.6.
fn check_analyzer(profile: &Profile, schema: &CollectionSchema, field: &FieldSchema) -> Result<()> {
    let on = |key| param(field, key).is_some_and(|value| value.eq_ignore_ascii_case("true"));
    let searched = schema.functions.iter().any(|function| {
        function.r#type() == FunctionType::Bm25 && function.input_field_names.contains(&field.name)
    });
    if !(on("enable_match") || searched) || on("enable_analyzer") {
        return Ok(());
    }
    let name = &field.name;
    Err(profile.invalid(match profile.version < (2, 6, 0) {
        true => {
            format!("field {name} is set to enable match or bm25 function but not enable analyzer")
        }
        false => format!(
            "field {name} which has enable_match or is input of BM25 function must also \
             enable_analyzer"
        ),
    }))
}
