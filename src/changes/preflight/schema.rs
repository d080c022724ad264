//! Types, attributes, functions and indexes that the target's server has not.

use super::{Found, LEAVE_OUT, newer};
use crate::changes::abilities::{Abilities, Family, Feature};
use crate::changes::indexes::{IndexFit, index_for};
use crate::model::{Collection, DataType, Field, Index, StructField};

/// Types that the protocol names and no released server holds: `Mol` to `UUID`.
const WITHOUT_SERVER: std::ops::RangeInclusive<i32> = 27..=31;

pub(super) fn check(found: &mut Found<'_>, wanted: &Collection) {
    for field in &wanted.fields {
        data_type(found, field, &field.name);
        attributes(found, wanted, field);
        if field.function_output && wanted.function_of(&field.name).is_none() {
            let what = "a function computes it, and the source does not say which (Milvus Lite 2 \
                        does not)"
                .to_owned();
            let advice = format!("leave it behind with `fields.{}.drop = true`", field.name);
            found.error("function_not_described", &field.name, what, advice);
        }
    }
    structs(found, wanted);
    for function in &wanted.functions {
        if !found.target.has_function(function.kind) {
            let what = format!(
                "the function {:?} cannot be made: {} has no {} functions",
                function.name, found.target, function.kind
            );
            let advice = newer(Abilities::first_with_function(function.kind), LEAVE_OUT);
            found.error("target_lacks_functions", &function.name, what, advice);
        }
    }
    collection(found, wanted);
    vectors(found, wanted);
    for index in &wanted.indexes {
        an_index(found, wanted, index);
    }
}

fn data_type(found: &mut Found<'_>, field: &Field, part: &str) {
    let drop = format!("leave it behind with `fields.{}.drop = true`", field.name);
    if WITHOUT_SERVER.contains(&field.data_type.0) {
        let what = format!(
            "{part} is of type {}, which the protocol names and no released Milvus holds: how its \
             values travel is not settled",
            field.data_type
        );
        found.error("type_without_server", part, what, drop);
    } else if !found.target.has_type(field.data_type) {
        let what = format!("{} cannot hold the type {}", found.target, field.data_type);
        let advice = newer(Abilities::first_with_type(field.data_type), &drop);
        found.error("target_lacks_type", part, what, advice);
    } else if field.data_type == DataType::ARRAY && !found.target.has_element(field.element_type) {
        let what = format!("{} cannot hold arrays of {}", found.target, field.element_type);
        found.error("target_lacks_type", part, what, drop);
    }
}

fn attributes(found: &mut Found<'_>, wanted: &Collection, field: &Field) {
    let name = &field.name;
    if field.nullable {
        let (feature, what) = if field.data_type.is_vector() {
            (Feature::NullableVectors, "nullable vectors")
        } else {
            (Feature::NullableScalars, "nullable fields")
        };
        if !found.target.has(feature) {
            let what = format!(
                "{} has no {what}: rows that are null here could not be written",
                found.target
            );
            let otherwise = format!("leave the field behind with `fields.{name}.drop = true`");
            let advice = newer(Abilities::first_with(feature), &otherwise);
            found.error("target_lacks_nullable", name, what, advice);
        }
    }
    if field.default_value.is_some() {
        default_value(found, field);
    }
    if field.clustering_key && !found.target.has(Feature::ClusteringKey) {
        lacks(found, name, Feature::ClusteringKey, "clustering keys");
    }
    if field.partition_key && !found.target.has(Feature::PartitionKey) {
        let what = format!("{} has no partition keys", found.target);
        let advice = newer(
            Abilities::first_with(Feature::PartitionKey),
            "do without with `partition_key = \"none\"`",
        );
        found.error("target_lacks_feature", name, what, advice);
    }
    let on = |param: &str| field.type_params.get(param).is_some_and(|value| value == "true");
    let feeds_text_search =
        wanted.functions.iter().any(|function| function.inputs.contains(&field.name));
    if (on("enable_match") || (on("enable_analyzer") && feeds_text_search))
        && !found.target.has(Feature::TextMatch)
    {
        lacks(found, name, Feature::TextMatch, "text match");
    }
    if field.type_params.contains_key("mmap.enabled") {
        mmap(found, name);
    }
    let files = field.file_resources();
    if !files.is_empty() && !found.target.has(Feature::FileResources) {
        let what = format!(
            "its analyzer uses uploaded files ({}), and {} has none",
            files.into_iter().collect::<Vec<_>>().join(", "),
            found.target
        );
        let otherwise = format!("leave the field behind with `fields.{name}.drop = true`");
        let advice = newer(Abilities::first_with(Feature::FileResources), &otherwise);
        found.error("target_lacks_feature", name, what, advice);
    }
}

fn default_value(found: &mut Found<'_>, field: &Field) {
    let name = &field.name;
    let drop = format!("leave the default behind with `fields.{name}.drop_default = true`");
    if !found.target.has(Feature::DefaultValues) {
        let what = format!(
            "{} has no default values: later writers that leave the field out would fail",
            found.target
        );
        let advice = newer(Abilities::first_with(Feature::DefaultValues), &drop);
        found.error("target_lacks_default", name, what, advice);
    } else if !found.target.takes_default_of(field.data_type) {
        let what = format!(
            "{} takes no default value of a field of type {}: the collection could not be created",
            found.target, field.data_type
        );
        found.error("target_lacks_default", name, what, drop);
    } else if !found.target.has(Feature::DefaultsInUse) {
        let what = format!(
            "{} keeps the default value, and an insert that makes use of it ends the server (seen \
             with 2.3.5): this copy brings every value, and so has every later writer to",
            found.target
        );
        found.warn("default_value_risky", name, what, drop);
    }
}

/// Mapped files change nothing that rows or queries show, so that their lack stops nobody.
fn mmap(found: &mut Found<'_>, part: &str) {
    if !found.target.has(Feature::Mmap) {
        let what = format!("{} has no mapped files: mmap.enabled has no effect", found.target);
        found.warn("target_lacks_feature", part, what, "");
    }
}

/// What a server drops without a word. Where details get lost anyway (Milvus Lite), nobody is
/// stopped by it.
fn lacks(found: &mut Found<'_>, part: &str, feature: Feature, name: &str) {
    let what = format!("{} has no {name}: it would be lost", found.target);
    if found.target.keeps_details {
        let advice = newer(Abilities::first_with(feature), LEAVE_OUT);
        found.error("target_lacks_feature", part, what, advice);
    } else {
        found.warn("target_lacks_feature", part, what, "");
    }
}

fn structs(found: &mut Found<'_>, wanted: &Collection) {
    for of in &wanted.struct_fields {
        let advice = |feature| newer(Abilities::first_with(feature), LEAVE_OUT);
        if !found.target.has(Feature::StructArrays) {
            let what = format!("{} has no arrays of structs", found.target);
            found.error("target_lacks_feature", &of.name, what, advice(Feature::StructArrays));
            continue;
        }
        if of.nullable && !found.target.has(Feature::NullableStructs) {
            let what = format!("{} has no nullable arrays of structs", found.target);
            let advice = advice(Feature::NullableStructs);
            found.error("target_lacks_nullable", &of.name, what, advice);
        }
        capacities(found, of);
        for field in &of.fields {
            let part = format!("{}[{}]", of.name, field.name);
            data_type(found, field, &part);
            let element = field.element_type;
            if field.data_type == DataType::ARRAY_OF_VECTOR
                && !found.target.has_vectors_of_arrays(element)
            {
                let what = format!("{} cannot hold structs with {element}", found.target);
                let drop =
                    format!("leave the structs behind with `fields.{}.drop = true`", of.name);
                let advice = newer(Abilities::first_with_vectors_of_arrays(element), &drop);
                found.error("target_lacks_type", &part, what, advice);
            }
        }
    }
}

/// Fields of one struct that may hold different numbers of elements.
fn capacities(found: &mut Found<'_>, of: &StructField) {
    let capacity = |field: &Field| field.numeric_param("max_capacity");
    let Some((first, others)) = of.fields.split_first() else { return };
    let other = others.iter().find(|field| capacity(field) != capacity(first));
    if let Some(other) = other.filter(|_| found.target.wants_one_capacity()) {
        let told = |field: &Field| {
            let number =
                capacity(field).map_or_else(|| "none".to_owned(), |number| number.to_string());
            format!("{} has {number}", field.name)
        };
        let what = format!(
            "the fields of a struct have one max_capacity in {}, and here {} and {}",
            found.target,
            told(first),
            told(other)
        );
        let drop = format!("leave the structs behind with `fields.{}.drop = true`", of.name);
        found.error("target_lacks_feature", &of.name, what, drop);
    }
}

fn collection(found: &mut Found<'_>, wanted: &Collection) {
    if wanted.namespaces {
        let what = "its rows belong to namespaces (Milvus 3.0), which are not carried: a query \
                    sees one of them at a time"
            .to_owned();
        found.error("namespace_collection", "", what, LEAVE_OUT);
    }
    if wanted.external {
        let what = "it is an external collection (Milvus 3.0): its rows are in files outside \
                    Milvus, and its description does not say with which credentials"
            .to_owned();
        found.error("external_collection", "", what, "make it anew at the target, by hand");
    }
    if wanted.dynamic_field && !found.target.has(Feature::DynamicField) {
        let what = format!("{} has no dynamic field", found.target);
        let advice = newer(
            Abilities::first_with(Feature::DynamicField),
            "do without with `dynamic_field = false`",
        );
        found.error("target_lacks_feature", "", what, advice);
    }
    if !wanted.partitions.is_empty() && !found.target.has(Feature::Partitions) {
        let what = format!("{} has no partitions: {}", found.target, wanted.partitions.join(", "));
        let advice = "bring their rows together with `partitions = \"merge\"`";
        found.error("target_lacks_feature", "", what, advice);
    }
    if !wanted.aliases.is_empty() && !found.target.has(Feature::Aliases) {
        let what = format!("{} has no aliases: {}", found.target, wanted.aliases.join(", "));
        found.error("target_lacks_feature", "", what, "do without with `aliases = \"none\"`");
    }
    if wanted.database != "default" && !found.target.has(Feature::Databases) {
        let what = format!("{} has no database but `default`", found.target);
        let advice = "set `target_database = \"default\"`, with a prefix in `target` that keeps \
                      names apart";
        found.error("target_lacks_feature", "", what, advice);
    }
    if !wanted.properties.is_empty() && !found.target.has(Feature::Properties) {
        let names: Vec<_> = wanted.properties.keys().map(String::as_str).collect();
        let what = format!("{} keeps no properties: {}", found.target, names.join(", "));
        found.warn("target_lacks_feature", "", what, "");
    } else if wanted.properties.contains_key("mmap.enabled") {
        mmap(found, "");
    }
}

fn vectors(found: &mut Found<'_>, wanted: &Collection) {
    let sub_fields = wanted.struct_fields.iter().flat_map(|of| &of.fields);
    if wanted.fields.iter().chain(sub_fields).any(|field| field.data_type.is_vector()) {
        return;
    }
    if matches!(found.target.family, Family::Zilliz(_)) {
        let what = format!("{} takes no collection without a vector field", found.target);
        found.error("vector_field_required", "", what, LEAVE_OUT);
    } else if found.target.keeps_details && found.target.release < (2, 4, 0) {
        let what = format!(
            "it has no vector field: {} cannot load such a collection, so that its rows could not \
             be counted",
            found.target
        );
        found.error("vector_field_required", "", what, LEAVE_OUT);
    } else if found.target.keeps_details {
        let what = "it has no vector field: many releases refuse such a collection, and those \
                    that take it cannot load it"
            .to_owned();
        found.warn("vector_field_required", "", what, "");
    }
}

fn an_index(found: &mut Found<'_>, wanted: &Collection, index: &Index) {
    let kind = index.params.get("index_type").map_or("", String::as_str);
    let none = format!("choose another, or do without, with `indexes.{}`", index.field);
    let Some(field) = wanted.indexed_field(&index.field) else {
        // A path into the dynamic field, which is no field of the schema.
        if !found.target.has(Feature::JsonPathIndex) {
            let what = format!("{} has no index on a path into JSON", found.target);
            let advice = newer(Abilities::first_with(Feature::JsonPathIndex), &none);
            found.error("target_lacks_index", &index.field, what, advice);
        }
        return;
    };
    match index_for(found.target, index, field) {
        IndexFit::Same => {}
        IndexFit::Lacking(why) => found.error("target_lacks_index", &index.field, why, none),
        IndexFit::Mapped { index: nearest, .. } => {
            let what =
                format!("{} has no index of type {kind:?} on {}", found.target, field.type_text());
            let nearest = nearest.params.get("index_type").map_or("", String::as_str);
            let advice = format!("{nearest} is the nearest that it has; {none}");
            found.error("target_lacks_index", &index.field, what, advice);
        }
        IndexFit::Without { why, .. } => {
            let what = format!("{kind} on {} is only made {why}", field.type_text());
            let advice = format!("leave that out of `indexes.{}`", index.field);
            found.error("target_lacks_index", &index.field, what, advice);
        }
        // Asked for by name in the plan file: there are clusters that were given the right to it.
        IndexFit::Auto { index: auto, .. } => {
            let what = format!(
                "{} takes {kind} only where its support allowed it; otherwise it refuses, or \
                 makes {} of it",
                found.target,
                auto.params.get("index_type").map_or("AUTOINDEX", String::as_str)
            );
            found.warn("target_lacks_index", &index.field, what, "");
        }
    }
    if kind.to_uppercase().starts_with("GPU_") && !found.target.only_autoindex() {
        let what = format!(
            "{kind} needs a target with GPUs; a server without takes it, and cannot load it"
        );
        found.warn("index_needs_gpu", &index.field, what, none_of_gpu(&index.field));
    }
}

fn none_of_gpu(field: &str) -> String {
    format!("for a target without GPUs choose another with `indexes.{field}`")
}
