//! Databases, collections, partitions, aliases: the calls that name things.

use super::create::check_properties;
use super::names;
use super::profile::Feature;
use super::property_rules;
use super::refused::{Refused, Result};
use super::state::{DEFAULT_DATABASE, DEFAULT_PARTITION, Partition, State, to_map};
use crate::pb::common::{ErrorCode, KeyValuePair};

impl State {
    pub fn create_database(&mut self, name: &str, properties: &[KeyValuePair]) -> Result<()> {
        names::check(&self.profile, "database", name)?;
        if !self.has_databases() {
            return Err(Refused::other("this plan does not support databases"));
        }
        if self.databases.contains_key(name) {
            let reason = format!("database already exist: {name}");
            return Err(Refused::new(802, ErrorCode::UnexpectedError, reason));
        }
        if self.databases.len() >= self.profile.limits.databases {
            let limit = self.profile.limits.databases;
            let reason = format!("exceeded the limit number of database[limit={limit}]");
            return Err(Refused::new(801, ErrorCode::UnexpectedError, reason));
        }
        check_properties(&to_map(properties))?;
        self.add_database(name);
        self.database_mut(name)?.properties = to_map(properties);
        Ok(())
    }

    pub fn drop_database(&mut self, name: &str) -> Result<()> {
        if name == DEFAULT_DATABASE {
            return Err(Refused::other("can not drop default database"));
        }
        if !self.database(name)?.collections.is_empty() {
            return Err(Refused::other(format!(
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
        check_properties(&to_map(set))?;
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
        let holder = self.database_mut(database)?;
        if holder.aliases.contains_key(name) {
            return Err(Refused::other(format!("cannot drop the collection via alias = {name}")));
        }
        let aliases: Vec<&String> =
            holder.aliases.iter().filter(|(_, to)| *to == name).map(|(alias, _)| alias).collect();
        if !aliases.is_empty() {
            return Err(Refused::other(format!(
                "unable to drop the collection [{name}] because it has associated aliases {aliases:?}, \
                 please remove all aliases before dropping the collection"
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
        check_properties(&set)?;
        set.retain(|key, _| self.profile.keeps_property(key));
        let later = self.profile.has(Feature::DynamicLater);
        let inserted = self.profile.has(Feature::AutoIdInserted);
        property_rules::check_altered(
            &self.profile,
            self.collection(database, name)?,
            &set,
            delete,
        )?;
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
                ("false", true) => {
                    return Err(Refused::invalid("dynamic schema cannot supported to be disabled"));
                }
                _ => {}
            }
        }
        collection.properties.extend(set);
        collection.properties.retain(|key, _| !delete.contains(key));
        collection.updated = now;
        Ok(())
    }

    pub fn create_partition(&mut self, database: &str, name: &str, partition: &str) -> Result<()> {
        names::check_partition(&self.profile, partition)?;
        let limit = self.profile.limits.partitions;
        let (id, created) = (self.id(), self.now());
        let collection = self.collection_mut(database, name)?;
        refuse_partition_key(collection, "create partition")?;
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
        let collection = self.collection_mut(database, name)?;
        refuse_partition_key(collection, "drop partition")?;
        if partition == DEFAULT_PARTITION {
            return Err(Refused::other("default partition cannot be deleted"));
        }
        let Ok(found) = collection.partition(partition) else {
            return Ok(());
        };
        if found.loaded {
            return Err(Refused::other(
                "partition cannot be dropped, partition is loaded, please release it first",
            ));
        }
        let id = found.id;
        collection.partitions.retain(|partition| partition.id != id);
        collection.rows.retain(|row| row.partition != id);
        Ok(())
    }

    pub fn create_alias(&mut self, database: &str, name: &str, alias: &str) -> Result<()> {
        names::check(&self.profile, "collection alias", alias)?;
        let holder = self.database(database)?;
        if holder.collections.contains_key(alias) {
            let reason =
                format!("collection name conflicts with alias[database={database}][alias={alias}]");
            return Err(Refused::new(1601, ErrorCode::UnexpectedError, reason));
        }
        if !holder.collections.contains_key(name) {
            return Err(Refused::no_collection(database, name));
        }
        if let Some(to) = holder.aliases.get(alias)
            && to != name
        {
            let reason = format!(
                "{alias} is alias to another collection: {to}: alias already exist[database={database}][alias={alias}]"
            );
            return Err(Refused::new(1602, ErrorCode::UnexpectedError, reason));
        }
        self.database_mut(database)?.aliases.insert(alias.to_owned(), name.to_owned());
        Ok(())
    }

    pub fn alter_alias(&mut self, database: &str, name: &str, alias: &str) -> Result<()> {
        if !self.database(database)?.collections.contains_key(name) {
            return Err(Refused::no_collection(database, name));
        }
        self.alias_target(database, alias)?;
        self.database_mut(database)?.aliases.insert(alias.to_owned(), name.to_owned());
        Ok(())
    }

    /// The collection that an alias leads to.
    pub fn alias_target(&self, database: &str, alias: &str) -> Result<&str> {
        self.database(database)?.aliases.get(alias).map(String::as_str).ok_or_else(|| {
            let reason = format!("alias not found[database={database}][alias={alias}]");
            Refused::new(1600, ErrorCode::UnexpectedError, reason)
        })
    }
}

pub fn refuse_partition_key(collection: &super::state::Collection, what: &str) -> Result<()> {
    if collection.partition_key().is_some() {
        return Err(Refused::other(format!("disable {what} if partition key mode is used")));
    }
    Ok(())
}
