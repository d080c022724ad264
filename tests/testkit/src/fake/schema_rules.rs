//! What a server takes as a collection, by its release, and what it forgets of it without a word.

use std::collections::BTreeSet;

use super::profile::{Attribute, Feature, Profile};
use super::refused::{Refused, Result};
use super::state::is_vector;
use super::{field_rules, function_rules, names, property_rules};
use crate::pb::schema::{CollectionSchema, DataType, FieldSchema};

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

/// Refuses what this server does not take.
pub fn check(profile: &Profile, schema: &CollectionSchema) -> Result<()> {
    let limits = &profile.limits;
    names::check(profile, "collection", &schema.name)?;
    names::check_description(profile, &schema.description)?;
    let sub_fields = || schema.struct_array_fields.iter().flat_map(|parent| &parent.fields);
    let everything = || schema.fields.iter().chain(sub_fields());
    if everything().count() > limits.fields {
        return Err(Refused::other(format!(
            "maximum field's number should be limited to {}",
            limits.fields
        )));
    }
    let vectors = everything().filter(|field| is_vector(field.data_type())).count();
    if vectors > limits.vector_fields {
        return Err(Refused::other(format!(
            "maximum vector field's number should be limited to {}",
            limits.vector_fields
        )));
    }
    let mut seen = BTreeSet::new();
    let fields = schema.fields.iter().map(|field| &field.name);
    for name in fields.chain(schema.struct_array_fields.iter().map(|parent| &parent.name)) {
        if !seen.insert(name) {
            return Err(Refused::invalid(format!("duplicated field name {name} found")));
        }
    }
    check_keys(&schema.fields)?;
    // `validateTextStorageV3Enabled` (internal/proxy/util.go), 3.0.0.
    let text = schema.fields.iter().any(|field| field.data_type() == DataType::Text);
    if text && profile.version >= (3, 0, 0) && !profile.storage_v3 {
        return Err(Refused::invalid(
            "TEXT field requires StorageV3; enable common.storage.useLoonFFI: invalid parameter",
        ));
    }
    for field in &schema.fields {
        field_rules::check(profile, field, &schema.name)?;
        if field.is_clustering_key {
            property_rules::check_clustering(profile, field, &schema.name)?;
        }
    }
    if vectors == 0 {
        return Err(Refused::invalid("schema does not contain vector field"));
    }
    for parent in &schema.struct_array_fields {
        names::check_field(profile, &parent.name)?;
        if parent.fields.is_empty() {
            return Err(Refused::invalid(format!(
                "struct array field {} has no sub-fields",
                parent.name
            )));
        }
        let mut seen = BTreeSet::new();
        for field in &parent.fields {
            if !seen.insert(&field.name) {
                return Err(Refused::invalid(format!(
                    "duplicated field name {} found",
                    field.name
                )));
            }
            field_rules::check_sub_field(profile, field, &parent.name, &schema.name)?;
            // `ValidateFieldsInStruct` (internal/proxy/util.go), 2.6.20, and `ValidateStructArrayField`,
            // 3.0.0.
            if field.nullable && !parent.nullable {
                let (name, of) = (&field.name, &parent.name);
                return Err(Refused::invalid(match profile.has(Feature::NullableStructs) {
                    true => format!(
                        "sub-field in non-nullable struct cannot be nullable individually, set \
                         nullable on the struct instead: structName={of}, subFieldName={name}"
                    ),
                    false => format!(
                        "nullable is not supported for fields in struct array now, fieldName = {name}"
                    ),
                }));
            }
        }
    }
    function_rules::check(profile, schema)
}

fn check_keys(fields: &[FieldSchema]) -> Result<()> {
    let names = |is: fn(&FieldSchema) -> bool| -> Vec<&str> {
        fields.iter().filter(|field| is(field)).map(|field| field.name.as_str()).collect()
    };
    match names(|field| field.is_primary_key).as_slice() {
        [_] => {}
        [] => return Err(Refused::other("primary key is not specified")),
        [first, second, ..] => {
            return Err(Refused::other(format!(
                "there are more than one primary key, field name = {first}, {second}"
            )));
        }
    }
    if let [first, second, ..] = names(|field| field.is_partition_key).as_slice() {
        return Err(Refused::other(format!(
            "there are more than one partition key, field name = {first}, {second}"
        )));
    }
    if let [first, second, ..] = names(|field| field.is_clustering_key).as_slice() {
        return Err(Refused::invalid(format!(
            "there are more than one clustering key, field name = {first}, {second}"
        )));
    }
    Ok(())
}
