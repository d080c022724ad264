//! Between the server's words for a collection and ours.

pub(super) mod moment;

use std::collections::BTreeMap;

use bytes::Bytes;
use prost::Message as _;

use super::catalog::Described;
use super::pb::{common, milvus as pb, schema};
use crate::model::{
    Collection, ConsistencyLevel, DataType, Field, Function, FunctionKind, Index, Mark,
    StructField, ValueOfDefault,
};

/// Field ids below this one are the server's own columns (row id, timestamp).
const FIRST_USER_FIELD_ID: i64 = 100;

/// Reads an answer of `DescribeCollection`. `schema.name` is the real name, also when an alias was
/// asked for.
pub(super) fn described(
    database: &str,
    answer: pb::DescribeCollectionResponse,
) -> Result<Described, String> {
    let consistency = match answer.consistency_level() {
        common::ConsistencyLevel::Strong => ConsistencyLevel::Strong,
        common::ConsistencyLevel::Session => ConsistencyLevel::Session,
        common::ConsistencyLevel::Bounded => ConsistencyLevel::Bounded,
        common::ConsistencyLevel::Eventually => ConsistencyLevel::Eventually,
        common::ConsistencyLevel::Customized => ConsistencyLevel::Customized,
    };
    let schema = answer.schema.ok_or("the answer holds no schema")?;
    let fields: Vec<Field> = schema
        .fields
        .into_iter()
        .filter(|field| {
            !field.is_dynamic && (field.field_id == 0 || field.field_id >= FIRST_USER_FIELD_ID)
        })
        .map(field)
        .collect::<Result<_, _>>()?;
    let has_partition_key = fields.iter().any(|field| field.partition_key);
    let mut aliases = answer.aliases;
    aliases.sort();
    // 3.0 has them in the schema too.
    let mut properties = map(schema.properties);
    properties.extend(map(answer.properties));
    let mut marks: Vec<Mark> =
        properties.iter().filter_map(|(name, value)| Mark::read(name, value)).collect();
    marks.sort();
    properties.retain(|name, _| !Mark::is_mark(name));
    let struct_fields =
        schema.struct_array_fields.into_iter().map(struct_field).collect::<Result<_, _>>()?;
    Ok(Described {
        id: answer.collection_id,
        created: answer.created_timestamp,
        collection: Collection {
            database: database.to_owned(),
            name: schema.name,
            description: schema.description,
            fields,
            functions: schema.functions.into_iter().map(function).collect(),
            struct_fields,
            namespaces: schema.enable_namespace,
            external: !schema.external_source.is_empty(),
            dynamic_field: schema.enable_dynamic_field,
            shards: answer.shards_num,
            num_partitions: has_partition_key.then_some(answer.num_partitions),
            consistency,
            properties,
            partitions: Vec::new(),
            indexes: Vec::new(),
            aliases,
            source_key: None,
        },
        marks,
        file_resources: schema.file_resource_ids,
    })
}

fn field(field: schema::FieldSchema) -> Result<Field, String> {
    if field.element_nullable {
        return Err(format!(
            "the field {:?} holds arrays whose elements may be null, which this version of \
             milvus-ferry does not know",
            field.name
        ));
    }
    let data_type = DataType(field.data_type);
    Ok(Field {
        data_type,
        element_type: DataType(field.element_type),
        name: field.name,
        description: field.description,
        primary_key: field.is_primary_key,
        auto_id: field.auto_id,
        partition_key: field.is_partition_key,
        clustering_key: field.is_clustering_key,
        nullable: field.nullable,
        function_output: field.is_function_output,
        default_value: field
            .default_value
            .filter(|value| value.data.is_some())
            .map(|value| default_value(data_type, value)),
        type_params: map(field.type_params),
    })
}

/// A default value in the form in which every server that knows its type takes it.
fn default_value(of: DataType, mut value: schema::ValueField) -> ValueOfDefault {
    use schema::value_field::Data;
    let at = match &value.data {
        Some(Data::TimestamptzData(at)) if of == DataType::TIMESTAMPTZ => Some(*at),
        Some(Data::StringData(text)) if of == DataType::TIMESTAMPTZ => moment::micros(text),
        _ => None,
    };
    if let Some(text) = at.and_then(moment::text) {
        value.data = Some(Data::StringData(text));
    }
    ValueOfDefault(value.encode_to_vec())
}

fn function(function: schema::FunctionSchema) -> Function {
    Function {
        kind: FunctionKind(function.r#type),
        name: function.name,
        description: function.description,
        inputs: function.input_field_names,
        outputs: function.output_field_names,
        params: map(function.params),
    }
}

fn struct_field(of: schema::StructArrayFieldSchema) -> Result<StructField, String> {
    let mut nullable = of.nullable;
    let mut fields = Vec::with_capacity(of.fields.len());
    for part in of.fields {
        let mut part = field(part)?;
        // As it is stored, which some answers give away.
        let stored = part.name.strip_prefix(&of.name).and_then(|rest| rest.strip_prefix('['));
        let short = stored.and_then(|rest| rest.strip_suffix(']')).map(str::to_owned);
        part.name = short.unwrap_or(part.name);
        // A struct is null as a whole, and a request may say so of it alone.
        nullable |= std::mem::take(&mut part.nullable);
        fields.push(part);
    }
    Ok(StructField {
        name: of.name,
        description: of.description,
        fields,
        nullable,
        type_params: map(of.type_params),
    })
}

/// Builds the request that creates a collection, with a mark on its schema or on itself.
pub(super) fn create_request(
    wanted: &Collection,
    mark: Option<&Mark>,
    on_schema: bool,
) -> Result<pb::CreateCollectionRequest, String> {
    let mark = mark.map(|mark| (Mark::property(&mark.owner), mark.value()));
    let (inner, outer) = if on_schema { (mark, None) } else { (None, mark) };
    let mut properties = wanted.properties.clone();
    properties.extend(outer);
    let fields = wanted.fields.iter().map(field_schema).collect::<Result<_, _>>()?;
    let schema = schema::CollectionSchema {
        name: wanted.name.clone(),
        description: wanted.description.clone(),
        fields,
        enable_dynamic_field: wanted.dynamic_field,
        functions: wanted.functions.iter().map(function_schema).collect(),
        struct_array_fields: wanted
            .struct_fields
            .iter()
            .map(struct_schema)
            .collect::<Result<_, _>>()?,
        properties: pairs(&inner.into_iter().collect()),
        ..Default::default()
    };
    let consistency = match wanted.consistency {
        ConsistencyLevel::Strong => common::ConsistencyLevel::Strong,
        ConsistencyLevel::Session => common::ConsistencyLevel::Session,
        ConsistencyLevel::Bounded => common::ConsistencyLevel::Bounded,
        ConsistencyLevel::Eventually => common::ConsistencyLevel::Eventually,
        ConsistencyLevel::Customized => common::ConsistencyLevel::Customized,
    };
    Ok(pb::CreateCollectionRequest {
        db_name: wanted.database.clone(),
        collection_name: wanted.name.clone(),
        schema: Bytes::from(schema.encode_to_vec()),
        shards_num: wanted.shards,
        consistency_level: consistency.into(),
        properties: pairs(&properties),
        num_partitions: wanted.num_partitions.unwrap_or(0),
        ..Default::default()
    })
}

fn field_schema(field: &Field) -> Result<schema::FieldSchema, String> {
    let default_value = match &field.default_value {
        Some(ValueOfDefault(bytes)) => Some(
            schema::ValueField::decode(bytes.as_slice())
                .map_err(|error| format!("default value of field {:?}: {error}", field.name))?,
        ),
        None => None,
    };
    Ok(schema::FieldSchema {
        name: field.name.clone(),
        description: field.description.clone(),
        data_type: field.data_type.0,
        element_type: field.element_type.0,
        is_primary_key: field.primary_key,
        auto_id: field.auto_id,
        is_partition_key: field.partition_key,
        is_clustering_key: field.clustering_key,
        nullable: field.nullable,
        // As official clients send it; servers mark it by the functions themselves.
        is_function_output: field.function_output,
        default_value,
        type_params: pairs(&field.type_params),
        ..Default::default()
    })
}

fn function_schema(function: &Function) -> schema::FunctionSchema {
    schema::FunctionSchema {
        name: function.name.clone(),
        description: function.description.clone(),
        r#type: function.kind.0,
        input_field_names: function.inputs.clone(),
        output_field_names: function.outputs.clone(),
        params: pairs(&function.params),
        ..Default::default()
    }
}

fn struct_schema(of: &StructField) -> Result<schema::StructArrayFieldSchema, String> {
    Ok(schema::StructArrayFieldSchema {
        name: of.name.clone(),
        description: of.description.clone(),
        fields: of.fields.iter().map(field_schema).collect::<Result<_, _>>()?,
        nullable: of.nullable,
        type_params: pairs(&of.type_params),
        ..Default::default()
    })
}

/// Reads index descriptions; several segments' entries of one index become one.
pub(super) fn indexes(descriptions: Vec<pb::IndexDescription>) -> Vec<Index> {
    let mut indexes: Vec<Index> = Vec::new();
    for description in descriptions {
        let name = chosen_index_name(&description.index_name, &description.field_name);
        let index = Index { name, field: description.field_name, params: map(description.params) };
        if !indexes.contains(&index) {
            indexes.push(index);
        }
    }
    indexes.sort_by(|a, b| (&a.field, &a.name, &a.params).cmp(&(&b.field, &b.name, &b.params)));
    indexes
}

/// The name that a user chose, or nothing: 2.2 makes up `_default_idx_<field id>`, later servers
/// take the field's name, with the path behind it for an index on a path of a JSON field. Such a
/// path holds `/`, which servers take from nobody in a name.
pub(super) fn chosen_index_name(name: &str, field: &str) -> String {
    let made_up = name == field
        || name.contains('/')
        || name
            .strip_prefix("_default_idx_")
            .or_else(|| name.strip_prefix("_default_idx"))
            .is_some_and(|rest| rest.chars().all(|c| c.is_ascii_digit()));
    if made_up { String::new() } else { name.to_owned() }
}

/// The map of pairs; of two with one key, the last.
pub(super) fn map(pairs: Vec<common::KeyValuePair>) -> BTreeMap<String, String> {
    pairs.into_iter().map(|pair| (pair.key, pair.value)).collect()
}

/// The pairs of a map, in order.
pub(super) fn pairs(map: &BTreeMap<String, String>) -> Vec<common::KeyValuePair> {
    map.iter()
        .map(|(key, value)| common::KeyValuePair { key: key.clone(), value: value.clone() })
        .collect()
}

#[cfg(test)]
mod tests;
