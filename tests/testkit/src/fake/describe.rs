//! What a server of some release says of a collection.

use super::moments::{self, Zone};
use super::names;
use super::profile::Feature;
use super::refused::{Refused, Result};
use super::state::{Collection, State, to_pairs};
use crate::pb::common::ErrorCode;
use crate::pb::milvus;
use crate::pb::schema::value_field::Data;
use crate::pb::schema::{DataType, ValueField};

impl State {
    /// The collection of a name, an alias or an id.
    pub fn found(&self, database: &str, name: &str, id: i64) -> Result<&Collection> {
        if name.is_empty() && id != 0 {
            let holder = self.database(database)?;
            if let Some(found) = holder.collections.values().find(|found| found.id == id) {
                return Ok(found);
            }
        }
        self.collection(database, name)
    }

    pub fn describe_collection(
        &self,
        database: &str,
        request: &milvus::DescribeCollectionRequest,
    ) -> Result<milvus::DescribeCollectionResponse> {
        let holder = self.database(database)?;
        let profile = &self.profile;
        let name = &request.collection_name;
        if request.collection_id == 0 {
            names::check_collection(name)?;
        }
        // `Proxy.DescribeCollection` (internal/proxy/impl.go) has words of its own for this, and up to
        // 2.6.20 no code but the old one.
        let collection = self.found(database, name, request.collection_id).map_err(|_| {
            let code = if profile.version >= (3, 0, 0) { 100 } else { 0 };
            let reason = format!("can't find collection[database={database}][collection={name}]");
            Refused::new(code, ErrorCode::CollectionNotExists, reason)
        })?;
        let mut schema = collection.schema.clone();
        for field in &mut schema.fields {
            if profile.has(Feature::Timestamptz)
                && field.data_type() == DataType::Timestamptz
                && let Some(ValueField { data: Some(data) }) = &mut field.default_value
                && let Data::TimestamptzData(micros) = data
            {
                *data = Data::StringData(moments::text(*micros, &Zone::UTC));
            }
        }
        if profile.version >= (3, 0, 0) {
            schema.properties = to_pairs(&collection.properties);
        }
        let aliases = holder
            .aliases
            .iter()
            .filter(|(_, to)| **to == collection.name)
            .map(|(alias, _)| alias.clone());
        let with_updates = profile.has(Feature::SessionTimestamp);
        let updated = if with_updates { collection.updated } else { 0 };
        // An alias that was asked for is repeated here; the real name is that of the schema.
        let asked = Some(request.collection_name.clone()).filter(|name| !name.is_empty());
        Ok(milvus::DescribeCollectionResponse {
            status: Some(Default::default()),
            collection_id: collection.id,
            virtual_channel_names: (0..collection.shards)
                .map(|shard| format!("by-dev-rootcoord-dml_{shard}_{}v{shard}", collection.id))
                .collect(),
            physical_channel_names: (0..collection.shards)
                .map(|shard| format!("by-dev-rootcoord-dml_{shard}"))
                .collect(),
            created_timestamp: collection.created,
            created_utc_timestamp: collection.created >> 18,
            shards_num: collection.shards,
            aliases: aliases.collect(),
            consistency_level: collection.consistency,
            collection_name: asked.unwrap_or_else(|| collection.name.clone()),
            properties: to_pairs(&collection.properties),
            db_name: database.to_owned(),
            num_partitions: collection.partitions.len() as i64,
            db_id: holder.id,
            request_time: self.clock(),
            update_timestamp: updated,
            update_timestamp_str: if with_updates { updated.to_string() } else { String::new() },
            schema: Some(schema),
            ..Default::default()
        })
    }

    pub fn show_collections(&self, database: &str) -> Result<milvus::ShowCollectionsResponse> {
        let collections = &self.database(database)?.collections;
        let created: Vec<u64> = collections.values().map(|collection| collection.created).collect();
        Ok(milvus::ShowCollectionsResponse {
            status: Some(Default::default()),
            collection_names: collections.keys().cloned().collect(),
            collection_ids: collections.values().map(|collection| collection.id).collect(),
            created_utc_timestamps: created.iter().map(|at| at >> 18).collect(),
            created_timestamps: created,
            shards_num: collections.values().map(|collection| collection.shards).collect(),
            ..Default::default()
        })
    }

    pub fn show_partitions(
        &self,
        database: &str,
        request: &milvus::ShowPartitionsRequest,
    ) -> Result<milvus::ShowPartitionsResponse> {
        let collection = self.found(database, &request.collection_name, request.collection_id)?;
        let partitions = &collection.partitions;
        Ok(milvus::ShowPartitionsResponse {
            status: Some(Default::default()),
            partition_names: partitions.iter().map(|partition| partition.name.clone()).collect(),
            partition_i_ds: partitions.iter().map(|partition| partition.id).collect(),
            created_timestamps: partitions.iter().map(|partition| partition.created).collect(),
            created_utc_timestamps: partitions
                .iter()
                .map(|partition| partition.created >> 18)
                .collect(),
            ..Default::default()
        })
    }
}
