//! What is in memory: loading, releasing, and the answers about it.

use super::catalog::refuse_partition_key;
use super::profile::Profile;
use super::refused::{Refused, Result};
use super::state::{Collection, State};
use crate::pb::common::{ErrorCode, LoadState};
use crate::pb::milvus;

impl State {
    pub fn load_collection(
        &mut self,
        database: &str,
        request: &milvus::LoadCollectionRequest,
    ) -> Result<()> {
        let polls = self.profile.loading_polls;
        check_replicas(&self.profile, request.replica_number)?;
        let collection = self.collection_mut(database, &request.collection_name)?;
        check_indexes(collection)?;
        let unknown = request.load_fields.iter().find(|name| {
            !collection
                .columns
                .iter()
                .any(|column| column.field.name == **name || column.parent.as_ref() == Some(name))
        });
        if let Some(name) = unknown {
            return Err(Refused::invalid(format!("failed to get field schema by name: {name}")));
        }
        if !collection.is_loaded() {
            collection.loading = polls;
        }
        collection.partitions.iter_mut().for_each(|partition| partition.loaded = true);
        collection.replicas = request.replica_number.max(1);
        collection.load_fields.clone_from(&request.load_fields);
        Ok(())
    }

    pub fn release_collection(&mut self, database: &str, name: &str) -> Result<()> {
        let collection = self.collection_mut(database, name)?;
        collection.partitions.iter_mut().for_each(|partition| partition.loaded = false);
        (collection.replicas, collection.loading) = (0, 0);
        Ok(())
    }

    pub fn load_partitions(
        &mut self,
        database: &str,
        request: &milvus::LoadPartitionsRequest,
    ) -> Result<()> {
        let polls = self.profile.loading_polls;
        check_replicas(&self.profile, request.replica_number)?;
        let collection = self.collection_mut(database, &request.collection_name)?;
        refuse_partition_key(collection, "load partitions")?;
        check_indexes(collection)?;
        if !collection.is_loaded() {
            collection.loading = polls;
        }
        set_loaded(collection, &request.partition_names, true)?;
        collection.replicas = request.replica_number.max(1);
        Ok(())
    }

    pub fn release_partitions(
        &mut self,
        database: &str,
        request: &milvus::ReleasePartitionsRequest,
    ) -> Result<()> {
        let collection = self.collection_mut(database, &request.collection_name)?;
        refuse_partition_key(collection, "release partitions")?;
        set_loaded(collection, &request.partition_names, false)
    }

    /// Answers "loading" for a while after a load.
    pub fn load_state(
        &mut self,
        database: &str,
        name: &str,
        partitions: &[String],
    ) -> Result<LoadState> {
        let Ok(collection) = self.collection_mut(database, name) else {
            self.database(database)?;
            return Ok(LoadState::NotExist);
        };
        let loaded = loaded_part(collection, partitions)?;
        Ok(match (loaded, collection.loading) {
            (0, _) => LoadState::NotLoad,
            (_, 0) => LoadState::Loaded,
            _ => {
                collection.loading -= 1;
                LoadState::Loading
            }
        })
    }

    /// In percent.
    pub fn loading_progress(
        &mut self,
        database: &str,
        name: &str,
        partitions: &[String],
    ) -> Result<i64> {
        let collection = self.collection_mut(database, name)?;
        if loaded_part(collection, partitions)? == 0 {
            return Err(Refused::not_loaded(name));
        }
        if collection.loading > 0 {
            collection.loading -= 1;
            return Ok(50);
        }
        Ok(100)
    }

    pub fn replicas(
        &self,
        database: &str,
        request: &milvus::GetReplicasRequest,
    ) -> Result<Vec<milvus::ReplicaInfo>> {
        let collection = self.found(database, &request.collection_name, request.collection_id)?;
        if !collection.is_loaded() {
            return Err(Refused::not_loaded(&collection.name));
        }
        let one = |number: i32| milvus::ReplicaInfo {
            replica_id: collection.id + 1000 + i64::from(number),
            collection_id: collection.id,
            node_ids: vec![i64::from(number) + 1],
            resource_group_name: "__default_resource_group".to_owned(),
            ..Default::default()
        };
        Ok((0..collection.replicas).map(one).collect())
    }
}

fn check_replicas(profile: &Profile, wanted: i32) -> Result<()> {
    let most = profile.limits.replicas;
    if wanted <= most {
        return Ok(());
    }
    let reason = format!(
        "when load {wanted} replica count: service resource insufficient\
         [currentStreamingNode={most}][expectedStreamingNode={wanted}]"
    );
    Err(Refused::new(12, ErrorCode::UnexpectedError, reason))
}

/// Every vector field needs an index before a load.
fn check_indexes(collection: &Collection) -> Result<()> {
    let indexed = |path: &String| collection.indexes.iter().any(|index| index.field == *path);
    let bare: Vec<String> = collection
        .columns
        .iter()
        .filter(|column| column.is_vector())
        .map(super::state::Column::path)
        .filter(|path| !indexed(path))
        .collect();
    match bare.as_slice() {
        [] => Ok(()),
        _ if collection.indexes.is_empty() => Err(Refused::no_index(&collection.name)),
        _ => Err(Refused::other(format!(
            "there is no vector index on field: {bare:?}, please create index firstly"
        ))),
    }
}

fn set_loaded(collection: &mut Collection, names: &[String], loaded: bool) -> Result<()> {
    if names.is_empty() {
        return Err(Refused::invalid("partition names are empty"));
    }
    for name in names {
        let id = collection.partition(name)?.id;
        let found = collection.partitions.iter_mut().filter(|partition| partition.id == id);
        found.for_each(|partition| partition.loaded = loaded);
    }
    Ok(())
}

/// How many of these partitions, or of all, are loaded. A collection with one that is not loaded
/// calls itself loaded all the same.
fn loaded_part(collection: &Collection, names: &[String]) -> Result<usize> {
    if names.is_empty() {
        return Ok(collection.partitions.iter().filter(|partition| partition.loaded).count());
    }
    let mut least = usize::MAX;
    for name in names {
        least = least.min(usize::from(collection.partition(name)?.loaded));
    }
    Ok(least)
}
