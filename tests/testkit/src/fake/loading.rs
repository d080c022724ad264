//! What is in memory: loading, releasing, and the answers about it.

use std::collections::BTreeSet;

use super::catalog::refuse_partition_key;
use super::profile::Profile;
use super::refused::{Refused, Result};
use super::state::{Collection, Column, META, State};
use crate::pb::common::{ErrorCode, LoadState};
use crate::pb::milvus;

/// The resource group of who asks for no other.
pub const DEFAULT_GROUP: &str = "__default_resource_group";

impl State {
    pub fn load_collection(
        &mut self,
        database: &str,
        request: &milvus::LoadCollectionRequest,
    ) -> Result<()> {
        let (polls, new) = (self.profile.loading_polls, self.profile.version >= (2, 6, 0));
        let name = &request.collection_name;
        let coordinator = "call query coordinator LoadCollection";
        let profile = self.profile.clone();
        let collection = self.collection(database, name)?;
        let fields = load_fields(
            &profile,
            collection,
            &request.load_fields,
            request.skip_load_dynamic_field,
        )?;
        check_indexes(&profile, collection, &fields)?;
        let first = !collection.is_loaded();
        let replicas = self
            .replicas_asked_for(database, name, request.replica_number, &request.resource_groups)
            .and_then(|replicas| {
                if first {
                    check_nodes(&profile, replicas.len())?;
                }
                Ok(replicas)
            })
            .map_err(|refused| refused.led_by(&format!("{coordinator}: ")))?;
        let collection = self.collection_mut(database, name)?;
        if !first && !new {
            // `Server.LoadCollection` (internal/querycoordv2/services.go), 2.4.17 and 2.5.27: another
            // number or other groups are all that such a request changes.
            let has = &collection.replicas;
            if has.len() != replicas.len() || groups(has) != groups(&replicas) {
                collection.replicas = replicas;
                return Ok(());
            }
            // `LoadCollectionJob.PreExecute` (internal/querycoordv2/job/job_load.go).
            if collection.load_fields != fields {
                return Err(Refused::other(format!(
                    "{coordinator}: can't change the load field list for loaded collection: \
                     invalid parameter[expected={}][actual={}]",
                    ids_of(collection, &collection.load_fields),
                    ids_of(collection, &fields)
                )));
            }
        }
        // `broadcastAlterLoadConfigCollectionV2ForLoadCollection` (internal/querycoordv2), 2.6.20
        // and 3.0.0: it is loaded as this request says, whatever it was.
        if first {
            collection.loading = polls;
        }
        collection.partitions.iter_mut().for_each(|partition| partition.loaded = true);
        (collection.replicas, collection.load_fields) = (replicas, fields);
        Ok(())
    }

    pub fn release_collection(&mut self, database: &str, name: &str) -> Result<()> {
        let collection = self.collection_mut(database, name)?;
        collection.partitions.iter_mut().for_each(|partition| partition.loaded = false);
        forget_load(collection);
        Ok(())
    }

    pub fn load_partitions(
        &mut self,
        database: &str,
        request: &milvus::LoadPartitionsRequest,
    ) -> Result<()> {
        let (polls, new) = (self.profile.loading_polls, self.profile.version >= (2, 6, 0));
        let name = &request.collection_name;
        let profile = self.profile.clone();
        refuse_partition_key(&profile, self.collection(database, name)?, "load partitions")?;
        if request.partition_names.is_empty() {
            let what = "failed to load partition, due to no partition specified";
            return Err(profile.invalid(what));
        }
        let replicas = self.replicas_asked_for(
            database,
            name,
            request.replica_number,
            &request.resource_groups,
        )?;
        check_nodes(&self.profile, replicas.len())?;
        let collection = self.collection_mut(database, name)?;
        let fields = load_fields(
            &profile,
            collection,
            &request.load_fields,
            request.skip_load_dynamic_field,
        )?;
        check_indexes(&profile, collection, &fields)?;
        if collection.is_loaded() {
            // `CheckIfLoadPartitionsExecutable` (internal/querycoordv2/job/load_config.go), 2.6.20 and
            // 3.0.0; `LoadPartitionJob.PreExecute` (internal/querycoordv2/job/job_load.go) with the
            // groups and the fields too, 2.4.17 and 2.5.27. Since 2.6 these become what is asked for.
            let has = &collection.replicas;
            if has.len() != replicas.len() {
                let what = "can't change the replica number for loaded partitions";
                return Err(Refused::expected(has.len(), replicas.len(), what));
            }
            if !new && collection.load_fields != fields {
                let what = "can't change the load field list for loaded collection";
                let (has, asked) = (&collection.load_fields, &fields);
                return Err(Refused::expected(format!("{has:?}"), format!("{asked:?}"), what));
            }
            if !new && groups(has) != groups(&replicas) {
                let what = "can't change the resource groups for loaded partitions";
                let (has, asked) = (groups(has), groups(&replicas));
                return Err(Refused::expected(format!("{has:?}"), format!("{asked:?}"), what));
            }
        } else {
            collection.loading = polls;
        }
        set_loaded(collection, &request.partition_names, true)?;
        (collection.replicas, collection.load_fields) = (replicas, fields);
        Ok(())
    }

    pub fn release_partitions(
        &mut self,
        database: &str,
        request: &milvus::ReleasePartitionsRequest,
    ) -> Result<()> {
        let profile = self.profile.clone();
        let collection = self.collection_mut(database, &request.collection_name)?;
        refuse_partition_key(&profile, collection, "release partitions")?;
        if request.partition_names.is_empty() {
            return Err(Refused::unlike("any partition", "empty partition list"));
        }
        set_loaded(collection, &request.partition_names, false)?;
        if !collection.is_loaded() {
            forget_load(collection);
        }
        Ok(())
    }

    /// The resource group of each replica that a load request asks for:
    /// `getDefaultResourceGroupsAndReplicaNumber` (internal/querycoordv2, 2.6.20 and 3.0.0) or
    /// `Server.LoadCollection` (internal/querycoordv2/services.go, 2.5.27), then `AssignReplica`
    /// (internal/querycoordv2/utils/meta.go).
    fn replicas_asked_for(
        &self,
        database: &str,
        name: &str,
        number: i32,
        asked: &[String],
    ) -> Result<Vec<String>> {
        let (mut number, mut asked) = (number, asked.to_vec());
        if number <= 0 && asked.is_empty() {
            let set = |key: &str| -> Option<String> {
                let own = self.collection(database, name).ok()?.properties.get(key);
                let of_database = key.replace("collection.", "database.");
                own.or_else(|| self.databases[database].properties.get(&of_database)).cloned()
            };
            let of_text = |text: String| text.split(',').map(str::to_owned).collect();
            asked = set("collection.resource_groups").map(of_text).unwrap_or_default();
            let text = set("collection.replica.number");
            number = text.and_then(|text| text.parse().ok()).unwrap_or(0);
        }
        let number = number.max(1) as usize;
        match asked.as_slice() {
            [] => asked = vec![DEFAULT_GROUP.to_owned(); number],
            [one] => asked = vec![one.clone(); number],
            several if several.len() == number => {}
            several => {
                let what = format!(
                    "replica=[{number}] resource group=[{}], resource group num can only be 0, 1 or \
                     same as replica number",
                    several.join(",")
                );
                return Err(match self.profile.version >= (2, 6, 0) {
                    true => Refused::invalid(what),
                    false => Refused::other(what),
                });
            }
        }
        let known = |group: &&String| !self.profile.resource_groups.contains(*group);
        if let Some(group) = asked.iter().find(known) {
            let reason = format!("resource group not found[rg={group}]");
            return Err(not_spawned(&self.profile, 300, reason));
        }
        Ok(asked)
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
            return Err(Refused::not_loaded(collection.id));
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
        // `Server.GetReplicas` (internal/querycoordv2/services.go), 2.5.27 to 3.0.0: of one that is
        // not loaded there are none.
        let one = |(number, group): (i64, &String)| milvus::ReplicaInfo {
            replica_id: collection.id + 1000 + number,
            collection_id: collection.id,
            node_ids: vec![number + 1],
            resource_group_name: group.clone(),
            ..Default::default()
        };
        Ok((0..).zip(&collection.replicas).map(one).collect())
    }
}

fn groups(replicas: &[String]) -> BTreeSet<&String> {
    replicas.iter().collect()
}

fn forget_load(collection: &mut Collection) {
    collection.replicas.clear();
    collection.load_fields.clear();
    collection.loading = 0;
}

/// The fields that are loaded; none where all are: `schemaInfo.GetLoadFieldIDs` and
/// `validateLoadFields` (internal/proxy/meta_cache.go), 2.4.17 to 3.0.0.
fn load_fields(
    profile: &Profile,
    collection: &Collection,
    asked: &[String],
    without_dynamic: bool,
) -> Result<BTreeSet<String>> {
    let columns = &collection.columns;
    let field = |column: &Column| column.parent.clone().unwrap_or(column.field.name.clone());
    if asked.is_empty() {
        return Ok(BTreeSet::new());
    }
    if let Some(name) =
        asked.iter().find(|name| !columns.iter().any(|column| field(column) == **name))
    {
        return Err(profile
            .invalid(format!("failed to get field schema by name: fieldName({name}) not found")));
    }
    let listed = asked.join(" ");
    let lacks = |what: &str| Err(Refused::invalid(format!("load field list [{listed}] {what}")));
    let key = &collection.key().name;
    if !asked.contains(key) {
        return lacks(&format!("does not contain primary key field {key}"));
    }
    if !columns.iter().any(|column| column.is_vector() && asked.contains(&field(column))) {
        return lacks("does not contain vector field");
    }
    if let Some(place) = collection.partition_key()
        && !asked.contains(&columns[place].field.name)
    {
        let name = &columns[place].field.name;
        return lacks(&format!("does not contain partition key field {name}"));
    }
    let mut fields: BTreeSet<String> = asked.iter().cloned().collect();
    if collection.schema.enable_dynamic_field && !without_dynamic {
        fields.insert(META.to_owned());
    }
    let all = columns.iter().all(|column| fields.contains(&field(column)));
    Ok(if all { BTreeSet::new() } else { fields })
}

fn check_nodes(profile: &Profile, wanted: usize) -> Result<()> {
    let most = profile.limits.replicas;
    if wanted <= most as usize {
        return Ok(());
    }
    let reason = format!(
        "resource group node not enough[rg={DEFAULT_GROUP}][currentNodeNum={most}]\
         [expectedNodeNum={wanted}]"
    );
    Err(not_spawned(profile, 304, reason))
}

/// Replicas that there is no place for: `LoadCollectionJob.Execute` (internal/querycoordv2/job), which
/// hides the code in 2.5.27, and `AssignReplica` (internal/querycoordv2/utils/meta.go).
fn not_spawned(profile: &Profile, code: i32, reason: String) -> Refused {
    match profile.version < (2, 6, 0) {
        true => Refused::other(format!("failed to spawn replica for collection: {reason}")),
        false => Refused::new(code, ErrorCode::UnexpectedError, reason),
    }
}

/// Fields by their ids, as the query coordinator prints them: `[100 102]`.
fn ids_of(collection: &Collection, names: &BTreeSet<String>) -> String {
    let listed = collection.columns.iter().filter(|column| {
        names.is_empty() || names.contains(column.parent.as_ref().unwrap_or(&column.field.name))
    });
    let ids: Vec<String> = listed.map(|column| column.field.field_id.to_string()).collect();
    format!("[{}]", ids.join(" "))
}

/// Every vector field that is to be loaded needs an index before.
fn check_indexes(
    profile: &Profile,
    collection: &Collection,
    fields: &BTreeSet<String>,
) -> Result<()> {
    let indexed = |path: &String| collection.indexes.iter().any(|index| index.field == *path);
    let loaded = |column: &&Column| {
        fields.is_empty() || fields.contains(column.parent.as_ref().unwrap_or(&column.field.name))
    };
    let bare: Vec<String> = collection
        .columns
        .iter()
        .filter(|column| profile.is_vector(column.kind()))
        .filter(loaded)
        .map(Column::path)
        .filter(|path| !indexed(path))
        .collect();
    match bare.as_slice() {
        [] => Ok(()),
        _ if collection.indexes.is_empty() => Err(Refused::no_index(&collection.name)),
        _ => Err(profile.invalid(format!(
            "there is no vector index on field: [{}], please create index firstly",
            bare.join(" ")
        ))),
    }
}

fn set_loaded(collection: &mut Collection, names: &[String], loaded: bool) -> Result<()> {
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
