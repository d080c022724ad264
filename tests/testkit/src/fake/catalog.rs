//! Databases, collections, partitions, aliases: the calls that name things.

use super::names;
use super::profile::{Feature, Profile};
use super::property_rules;
use super::refused::{Refused, Result};
use super::state::{Collection, DEFAULT_DATABASE, DEFAULT_PARTITION, Partition, State, to_map};
use crate::pb::common::{ErrorCode, KeyValuePair};

impl State {
    pub fn create_database(&mut self, name: &str, properties: &[KeyValuePair]) -> Result<()> {
        names::check_database(name)?;
        if !self.has_databases() {
            return Err(Refused::other("this plan does not support databases"));
        }
        if self.databases.contains_key(name) {
            return Err(self.profile.invalid(format!("database already exist: {name}")));
        }
        if self.databases.len() >= self.profile.limits.databases {
            let limit = self.profile.limits.databases;
            let reason = format!("exceeded the limit number of database[limit={limit}]");
            return Err(Refused::new(801, ErrorCode::UnexpectedError, reason));
        }
        property_rules::check_zone(&self.profile, &to_map(properties))?;
        let enciphered = properties.iter().any(|pair| pair.key.starts_with("cipher."));
        if enciphered && self.profile.version >= (2, 6, 0) {
            return Err(Refused::other(
                "failed to tidy database cipher properties: cipher plugin is missing",
            ));
        }
        self.add_database(name);
        self.database_mut(name)?.properties = to_map(properties);
        Ok(())
    }

    pub fn drop_database(&mut self, name: &str) -> Result<()> {
        if name == DEFAULT_DATABASE {
            return Err(self.profile.invalid("can not drop default database"));
        }
        if self.databases.get(name).is_some_and(|holder| !holder.collections.is_empty()) {
            return Err(self.profile.invalid(format!(
                "database:{name} not empty, must drop all collections before drop database"
            )));
        }
        self.databases.remove(name);
        Ok(())
    }

    pub fn alter_database(
        &mut self,
        name: &str,
        set: &[KeyValuePair],
        delete: &[String],
    ) -> Result<()> {
        let (profile, new) = (&self.profile, self.profile.version >= (2, 6, 0));
        if !set.is_empty() && !delete.is_empty() {
            let operation = if new { "" } else { " operation" };
            return Err(profile.invalid(format!(
                "alter database{operation} cannot modify properties and delete keys at the same time"
            )));
        }
        let named = |start: &str| set.iter().find(|pair| pair.key.starts_with(start));
        if new && named("cipher.").is_some() {
            return Err(profile.invalid("can not alter cipher related properties"));
        }
        property_rules::check_zone(profile, &to_map(set))?;
        let groups = named("database.resource_groups").filter(|_| profile.version >= (3, 0, 0));
        let unknown = |group: &&str| !profile.resource_groups.contains(*group);
        if let Some(group) = groups.and_then(|pair| pair.value.split(',').find(unknown)) {
            let reason = format!("resource group not found[rg={group}]");
            return Err(Refused::new(300, ErrorCode::UnexpectedError, reason));
        }
        if new && !self.databases.contains_key(name) {
            let reason =
                format!("failed to get database by name: database not found[database={name}]");
            return Err(Refused::new(800, ErrorCode::UnexpectedError, reason));
        }
        let database = self.database_mut(name)?;
        database.properties.extend(to_map(set));
        database.properties.retain(|key, _| !delete.contains(key));
        let zone = database.properties.get("timezone").cloned();
        for collection in database.collections.values_mut() {
            collection.database_zone.clone_from(&zone);
        }
        Ok(())
    }

    pub fn drop_collection(&mut self, database: &str, name: &str) -> Result<()> {
        let profile = self.profile.clone();
        let Ok(holder) = self.database_mut(database) else { return Ok(()) };
        if holder.aliases.contains_key(name) {
            return Err(profile.invalid(format!("cannot drop the collection via alias = {name}")));
        }
        let to_it = holder.aliases.iter().filter(|(_, to)| *to == name);
        let aliases: Vec<&str> = to_it.map(|(alias, _)| alias.as_str()).collect();
        if !aliases.is_empty() {
            return Err(profile.invalid(format!(
                "unable to drop the collection [{name}] because it has associated aliases [{}], please \
                 remove all aliases before dropping the collection",
                aliases.join(" ")
            )));
        }
        holder.collections.remove(name);
        Ok(())
    }

    pub fn alter_collection(
        &mut self,
        database: &str,
        name: &str,
        set: &[KeyValuePair],
        delete: &[String],
    ) -> Result<()> {
        if !set.is_empty() && !delete.is_empty() {
            return Err(Refused::invalid("cannot provide both DeleteKeys and ExtraParams"));
        }
        let mut set = to_map(set);
        if set.is_empty() && delete.is_empty() {
            return Err(self.profile.invalid(match self.profile.version < (2, 6, 0) {
                true => {
                    "The collection properties to alter and keys to delete must not be empty at the \
                     same time"
                }
                false => "no properties or delete keys provided",
            }));
        }
        set.retain(|key, _| self.profile.keeps_property(key));
        let later = self.profile.has(Feature::DynamicLater);
        let inserted = self.profile.has(Feature::AutoIdInserted);
        property_rules::check_altered(
            &self.profile,
            self.collection(database, name)?,
            &set,
            delete,
        )?;
        let profile = self.profile.clone();
        let (mut meta, now) = (self.meta_column(0), self.now());
        let collection = self.collection_mut(database, name)?;
        // `alterCollectionTask.PreExecute` (internal/proxy/task.go), 2.5.27 to 3.0.0.
        let brought = set.get("allow_insert_auto_id").is_some_and(|value| value == "true");
        if inserted && brought && !collection.key().auto_id {
            return Err(Refused::invalid(
                "the value for allow_insert_auto_id must be false when autoID is false",
            ));
        }
        if later && let Some(value) = set.remove("dynamicfield.enabled") {
            if !set.is_empty() {
                let what = "cannot alter dynamic schema with other properties at the same time";
                return Err(Refused::invalid(what));
            }
            match (value.to_lowercase().as_str(), collection.schema.enable_dynamic_field) {
                ("true", false) => {
                    collection.schema.enable_dynamic_field = true;
                    meta.field.field_id = collection.last_field_id() + 1;
                    collection.columns.push(meta);
                    // What was written before knows nothing of it.
                    for row in &mut collection.rows {
                        row.values.push(crate::table::Value::Null);
                    }
                }
                ("false", true) if profile.version < (3, 0, 0) => {
                    return Err(Refused::invalid("dynamic schema cannot supported to be disabled"));
                }
                ("false", true) => {
                    collection.schema.enable_dynamic_field = false;
                    collection.columns.pop();
                    collection.rows.iter_mut().for_each(|row| drop(row.values.pop()));
                }
                ("true" | "false", _) => {}
                (_, _) => {
                    let what = format!("invalid dynamic schema property value: {value}");
                    return Err(Refused::invalid(what));
                }
            }
        }
        // `alterCollectionTask.Execute` (internal/rootcoord), 2.5.27 to 3.0.0.
        if let Some(description) = set.remove("collection.description") {
            collection.schema.description = description;
        }
        if profile.version >= (2, 6, 0)
            && let Some(level) = property_rules::consistency(&profile, &mut set)
        {
            collection.consistency = level;
        }
        property_rules::count_fields(&profile, collection);
        collection.properties.extend(set);
        collection.properties.retain(|key, _| !delete.contains(key));
        collection.updated = now;
        Ok(())
    }

    pub fn create_partition(&mut self, database: &str, name: &str, partition: &str) -> Result<()> {
        names::check_partition(&self.profile, partition)?;
        let limit = self.profile.limits.partitions;
        let (id, created) = (self.id(), self.now());
        let profile = self.profile.clone();
        let collection = self.collection_mut(database, name)?;
        refuse_partition_key(&profile, collection, "create partition")?;
        if collection.partition(partition).is_ok() {
            return Ok(());
        }
        if collection.partitions.len() >= limit {
            return Err(Refused::other(format!(
                "partition number ({limit}) exceeds max configuration ({limit}), collection: {name}"
            )));
        }
        let loaded = collection.partitions.iter().all(|partition| partition.loaded);
        let made = Partition { id, name: partition.to_owned(), created, loaded };
        collection.partitions.push(made);
        Ok(())
    }

    pub fn drop_partition(&mut self, database: &str, name: &str, partition: &str) -> Result<()> {
        let profile = self.profile.clone();
        let collection = self.collection_mut(database, name)?;
        refuse_partition_key(&profile, collection, "drop partition")?;
        names::check_partition(&profile, partition)?;
        if partition == DEFAULT_PARTITION {
            return Err(profile.invalid("default partition cannot be deleted"));
        }
        let Ok(found) = collection.partition(partition) else {
            return Ok(());
        };
        if found.loaded {
            return Err(profile.invalid(
                "partition cannot be dropped, partition is loaded, please release it first",
            ));
        }
        let id = found.id;
        collection.partitions.retain(|partition| partition.id != id);
        collection.rows.retain(|row| row.partition != id);
        Ok(())
    }

    /// The collection that a new or moved alias is to lead to: since 2.6 another alias will do.
    fn aliased(&self, database: &str, name: &str) -> Result<&str> {
        let holder = self.database(database)?;
        let real = match holder.aliases.get(name) {
            Some(to) if self.profile.version >= (2, 6, 0) => to.as_str(),
            _ => name,
        };
        match holder.collections.get(real) {
            Some(found) => Ok(&found.name),
            None => Err(Refused::no_collection(database, name)),
        }
    }

    pub fn create_alias(&mut self, database: &str, name: &str, alias: &str) -> Result<()> {
        names::check_alias(alias)?;
        let holder = self.database(database)?;
        if holder.collections.contains_key(alias) {
            return Err(Refused::alias_in_the_way("", database, alias));
        }
        let missing = !holder.collections.contains_key(name) && !holder.aliases.contains_key(name);
        if missing && self.profile.version < (2, 6, 0) {
            // `MetaTable.CreateAlias` (internal/rootcoord/meta_table.go), 2.5.27.
            let id = if database == DEFAULT_DATABASE { 1 } else { holder.id };
            let reason = format!(
                "timestamp = {}: collection not found[database={id}][collection={name}]",
                self.clock()
            );
            return Err(Refused::new(100, ErrorCode::CollectionNotExists, reason));
        }
        let name = self.aliased(database, name)?.to_owned();
        if let Some(to) = self.database(database)?.aliases.get(alias)
            && *to != name
        {
            let reason = format!(
                "{alias} is alias to another collection: {to}: alias already exist[database={database}][alias={alias}]"
            );
            return Err(Refused::new(1602, ErrorCode::UnexpectedError, reason));
        }
        self.database_mut(database)?.aliases.insert(alias.to_owned(), name);
        Ok(())
    }

    pub fn alter_alias(&mut self, database: &str, name: &str, alias: &str) -> Result<()> {
        if self.database(database)?.collections.contains_key(alias) {
            return Err(Refused::alias_in_the_way("", database, alias));
        }
        let to = self.aliased(database, name).map_err(|_| Refused::no_collection_of_alias(name))?;
        let to = to.to_owned();
        self.alias_target(database, alias)?;
        self.database_mut(database)?.aliases.insert(alias.to_owned(), to);
        Ok(())
    }

    /// The aliases of a collection, or of all.
    pub fn list_aliases(&self, database: &str, name: &str) -> Result<Vec<String>> {
        let holder = self.database(database)?;
        if !name.is_empty() && self.collection(database, name).is_err() {
            return Err(Refused::no_collection_of_alias(name));
        }
        let hits = holder.aliases.iter().filter(|(_, to)| name.is_empty() || *to == name);
        Ok(hits.map(|(alias, _)| alias.clone()).collect())
    }

    /// The collection that an alias leads to.
    pub fn alias_target(&self, database: &str, alias: &str) -> Result<&str> {
        self.database(database)?.aliases.get(alias).map(String::as_str).ok_or_else(|| {
            let reason = format!("alias not found[database={database}][alias={alias}]");
            Refused::new(1600, ErrorCode::UnexpectedError, reason)
        })
    }
}

pub fn refuse_partition_key(profile: &Profile, collection: &Collection, what: &str) -> Result<()> {
    if collection.partition_key().is_some() {
        return Err(profile.invalid(format!("disable {what} if partition key mode is used")));
    }
    Ok(())
}
