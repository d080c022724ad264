//! Creating a collection: rules, ids, partitions, and the columns that its rows will have.

use std::collections::BTreeSet;

use prost::Message as _;

use super::function_rules;
use super::moments::{self, Zone};
use super::profile::{Feature, Plan};
use super::property_rules;
use super::refused::{Refused, Result};
use super::schema_rules::{self, Wanted};
use super::state::{Asked, Collection, Column, DEFAULT_PARTITION, META, Partition, State, to_map};
use crate::pb::common::ErrorCode;
use crate::pb::milvus;
use crate::pb::schema::value_field::Data;
use crate::pb::schema::{CollectionSchema, DataType, FieldSchema, FunctionType, ValueField};

/// The property with which a collection takes values for the outputs of embedding functions.
pub const OUTPUTS_INSERTED: &str = "collection.function.allowInsertNonBM25FunctionOutputs";

impl State {
    pub fn create_collection(
        &mut self,
        database: &str,
        request: &milvus::CreateCollectionRequest,
    ) -> Result<()> {
        let asked = self.asked(request)?;
        let holder = self.database(database)?;
        if let Some(there) = holder.collections.get(&asked.schema.name) {
            // `createCollectionTask.validateIfCollectionExists` (internal/rootcoord) with
            // `Collection.Equal` (internal/metastore/model/collection.go), 2.6.20: the partitions
            // count too, and a user's own are in no request.
            let more = there.partition_key().is_none() && there.partitions.len() > 1;
            if there.asked == asked && !more {
                return Ok(());
            }
            return Err(self.profile.invalid(format!(
                "create duplicate collection with different parameters, collection: {}",
                asked.schema.name
            )));
        }
        if holder.aliases.contains_key(&asked.schema.name) {
            return Err(match self.profile.has(Feature::ParameterErrors) {
                true => Refused::alias_in_the_way(
                    "please choose a unique name: ",
                    database,
                    &asked.schema.name,
                ),
                false => Refused::other(format!(
                    "collection name [{}] conflicts with an existing alias, please choose a unique \
                     name",
                    asked.schema.name
                )),
            });
        }
        let count: usize = self.databases.values().map(|holder| holder.collections.len()).sum();
        if count >= self.profile.limits.collections {
            let limit = self.profile.limits.collections;
            let reason = format!("exceeded the limit number of collections[limit={limit}]");
            return Err(Refused::new(102, ErrorCode::UnexpectedError, reason));
        }
        let mut collection = self.built(asked);
        let zone = self.database(database)?.properties.get("timezone").cloned();
        collection.database_zone = zone;
        property_rules::stamp(&self.profile, &mut collection);
        let holder = self.database_mut(database)?;
        holder.collections.insert(collection.name.clone(), collection);
        Ok(())
    }

    /// Reads a request and refuses what this server does not take.
    fn asked(&mut self, request: &milvus::CreateCollectionRequest) -> Result<Asked> {
        let profile = &self.profile;
        let mut schema = CollectionSchema::decode(request.schema.as_slice())
            .map_err(|_| Refused::other("proto: cannot parse invalid wire-format data"))?;
        schema_rules::forget(profile, &mut schema);
        let mut properties = to_map(&request.properties);
        properties.retain(|key, _| profile.keeps_property(key));
        let wanted = Wanted {
            name: &request.collection_name,
            schema: &schema,
            shards: request.shards_num,
            partitions: request.num_partitions,
            properties: &properties,
        };
        schema_rules::check(profile, &wanted)?;
        let unchecked = profile.has(Feature::RuntimeCheckDisabled)
            && properties.get("disable_func_runtime_check").is_some_and(|value| value == "true");
        if !unchecked {
            let mut functions = schema.functions.iter();
            functions.try_for_each(|function| function_rules::check_provider(profile, function))?;
        }
        let consistency = property_rules::consistency(profile, &mut properties)
            .unwrap_or(request.consistency_level);
        let keyed = schema.fields.iter().any(|field| field.is_partition_key);
        let num_partitions = match (keyed, request.num_partitions) {
            (false, _) => 1,
            (true, 0) => 16,
            (true, count) => count,
        };
        schema.file_resource_ids = self.resources_of(&schema)?;
        let embeds = |kind| schema.functions.iter().any(|function| function.r#type() == kind);
        if embeds(FunctionType::TextEmbedding) && !unchecked {
            // The server tries the provider before it believes in the function.
            self.embeddings += 1;
        }
        let shards = request.shards_num.max(1);
        Ok(Asked { schema, shards, consistency, num_partitions, properties })
    }

    fn built(&mut self, asked: Asked) -> Collection {
        let mut schema = asked.schema.clone();
        number_fields(&mut schema);
        let columns = self.columns_of(&schema);
        let keyed = schema.fields.iter().any(|field| field.is_partition_key);
        let names: Vec<String> = if keyed {
            (0..asked.num_partitions).map(|number| format!("_default_{number}")).collect()
        } else {
            vec![DEFAULT_PARTITION.to_owned()]
        };
        let created = self.now();
        let partitions = names
            .into_iter()
            .map(|name| Partition { id: self.id(), name, created, loaded: false })
            .collect();
        Collection {
            id: self.id(),
            name: schema.name.clone(),
            columns,
            schema,
            properties: asked.properties.clone(),
            shards: asked.shards,
            consistency: asked.consistency,
            asked,
            partitions,
            indexes: Vec::new(),
            replicas: Vec::new(),
            load_fields: BTreeSet::new(),
            loading: 0,
            rows: Vec::new(),
            flushed: 0,
            created,
            updated: created,
            database_zone: None,
        }
    }

    /// Everything that has a value in each row of a collection of this schema.
    pub fn columns_of(&self, schema: &CollectionSchema) -> Vec<Column> {
        let function_of = |name: &String| {
            let found =
                schema.functions.iter().find(|function| function.output_field_names.contains(name));
            found.map(|function| function.r#type())
        };
        let mut columns: Vec<Column> = schema
            .fields
            .iter()
            .map(|field| Column {
                field: field.clone(),
                parent: None,
                nullable: field.nullable,
                function: function_of(&field.name),
            })
            .collect();
        for parent in &schema.struct_array_fields {
            columns.extend(parent.fields.iter().map(|field| Column {
                field: field.clone(),
                parent: Some(parent.name.clone()),
                nullable: parent.nullable,
                function: None,
            }));
        }
        if schema.enable_dynamic_field {
            let last = columns.iter().map(|column| column.field.field_id).max().unwrap_or(100);
            columns.push(self.meta_column(last + 1));
        }
        columns
    }

    /// The column of dynamic fields.
    pub fn meta_column(&self, field_id: i64) -> Column {
        let field = FieldSchema {
            field_id,
            name: META.to_owned(),
            data_type: DataType::Json.into(),
            is_dynamic: true,
            ..Default::default()
        };
        let nullable = self.profile.has(Feature::NullableMeta);
        Column { field, parent: None, nullable, function: None }
    }

    /// Whether this server has databases beside `default`.
    pub fn has_databases(&self) -> bool {
        !matches!(self.profile.plan, Some(Plan::Free | Plan::Serverless))
    }
}

/// Gives every field its id, links the functions with their fields, and turns defaults into what
/// is kept.
fn number_fields(schema: &mut CollectionSchema) {
    let mut ids = 100..;
    for field in &mut schema.fields {
        field.field_id = ids.next().unwrap();
        if let (DataType::Timestamptz, Some(ValueField { data: Some(data) })) =
            (field.data_type(), &mut field.default_value)
            && let Data::StringData(text) = data
        {
            *data = Data::TimestamptzData(moments::parse(text, &Zone::UTC).unwrap());
        }
    }
    for parent in &mut schema.struct_array_fields {
        parent.field_id = ids.next().unwrap();
        for field in &mut parent.fields {
            // `ValidateStructArrayField` (internal/proxy/util.go), 3.0.0.
            field.nullable |= parent.nullable;
            field.field_id = ids.next().unwrap();
        }
    }
    let id_of = |name: &String, fields: &[FieldSchema]| {
        fields.iter().find(|field| field.name == *name).map_or(0, |field| field.field_id)
    };
    for function in &mut schema.functions {
        function.id = ids.next().unwrap();
        function.input_field_ids =
            function.input_field_names.iter().map(|name| id_of(name, &schema.fields)).collect();
        function.output_field_ids =
            function.output_field_names.iter().map(|name| id_of(name, &schema.fields)).collect();
        for field in &mut schema.fields {
            field.is_function_output |= function.output_field_names.contains(&field.name);
        }
    }
}
