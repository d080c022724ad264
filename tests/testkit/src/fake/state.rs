//! What the double holds in memory: databases, collections, partitions, rows.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};

use super::moments::Zone;
use super::profile::Profile;
use super::refused::{Refused, Result};
use super::shards::Landings;
use crate::pb::common::KeyValuePair;
use crate::pb::milvus::FileResourceInfo;
use crate::pb::schema::{CollectionSchema, DataType, FieldSchema, FunctionType};
use crate::table::{Key, Value};

pub const DEFAULT_DATABASE: &str = "default";
pub const DEFAULT_PARTITION: &str = "_default";
pub const META: &str = "$meta";

/// Servers that were started.
static SERVERS: AtomicI64 = AtomicI64::new(0);

/// One server.
#[derive(Debug)]
pub struct State {
    pub profile: Profile,
    pub databases: BTreeMap<String, Database>,
    /// The latest timestamp that was given out, hybrid as Milvus's.
    clock: u64,
    next_id: i64,
    /// How often a provider of embeddings would have been called.
    pub embeddings: usize,
    /// Uploaded files that analyzers may use, by name.
    pub file_resources: BTreeMap<String, FileResourceInfo>,
    /// Queries so far that two segments had a key of.
    pub merges: AtomicUsize,
    pub(super) landings: Landings,
}

#[derive(Debug, Default)]
pub struct Database {
    pub id: i64,
    pub created: u64,
    pub properties: BTreeMap<String, String>,
    pub collections: BTreeMap<String, Collection>,
    /// Alias to collection.
    pub aliases: BTreeMap<String, String>,
}

/// Everything that holds one value in each row: fields, sub-fields of struct arrays, `$meta`.
#[derive(Debug, Clone)]
pub struct Column {
    /// With its id; sub-fields have their short name.
    pub field: FieldSchema,
    /// The struct array field that it is a part of.
    pub parent: Option<String>,
    /// Whether the column may hold nulls: that of the struct for sub-fields.
    pub nullable: bool,
    /// The function that computes it.
    pub function: Option<FunctionType>,
}

impl Column {
    /// As it is called in index requests: `struct[sub]` for a part of a struct.
    pub fn path(&self) -> String {
        match &self.parent {
            Some(parent) => format!("{parent}[{}]", self.field.name),
            None => self.field.name.clone(),
        }
    }

    pub fn kind(&self) -> DataType {
        self.field.data_type()
    }

    pub fn is_vector(&self) -> bool {
        is_vector(self.kind())
    }

    /// A type parameter as a number.
    pub fn number(&self, key: &str) -> Option<i64> {
        number(&self.field, key)
    }

    /// Whether its values exist only inside of the server.
    pub fn is_hidden(&self) -> bool {
        matches!(self.function, Some(FunctionType::Bm25 | FunctionType::MinHash))
    }
}

pub fn is_vector(kind: DataType) -> bool {
    (100..200).contains(&(kind as i32))
}

pub fn number(field: &FieldSchema, key: &str) -> Option<i64> {
    param(field, key)?.parse().ok()
}

pub fn param<'a>(field: &'a FieldSchema, key: &str) -> Option<&'a str> {
    field.type_params.iter().find(|pair| pair.key == key).map(|pair| pair.value.as_str())
}

#[derive(Debug, Clone)]
pub struct Partition {
    pub id: i64,
    pub name: String,
    pub created: u64,
    pub loaded: bool,
}

#[derive(Debug, Clone)]
pub struct Index {
    pub id: i64,
    pub name: String,
    /// A field, or `struct[sub]`.
    pub field: String,
    /// As they are described.
    pub given: BTreeMap<String, String>,
    /// Every parameter by itself, a path as a JSON pointer.
    pub params: BTreeMap<String, String>,
}

/// A row, in the order of the collection's columns.
#[derive(Debug, Clone)]
pub struct Row {
    pub partition: i64,
    pub key: Key,
    pub values: Vec<Value>,
    pub written: u64,
    pub deleted: Option<u64>,
    /// The shard that it is in, where that is not the one of its key.
    pub moved_to: Option<u32>,
}

#[derive(Debug)]
pub struct Collection {
    pub id: i64,
    pub name: String,
    /// What was asked for, to tell an identical repeat.
    pub asked: Asked,
    /// What it is: fields with ids, without `$meta` and system fields.
    pub schema: CollectionSchema,
    pub columns: Vec<Column>,
    pub properties: BTreeMap<String, String>,
    pub shards: i32,
    pub consistency: i32,
    pub partitions: Vec<Partition>,
    pub indexes: Vec<Index>,
    /// The resource group of each replica in memory.
    pub replicas: Vec<String>,
    /// The fields in memory; none where all are.
    pub load_fields: BTreeSet<String>,
    /// Questions about its load state that are still answered with "loading".
    pub loading: u32,
    pub rows: Vec<Row>,
    /// Rows that `row_count` counts.
    pub flushed: usize,
    pub created: u64,
    pub updated: u64,
    /// The property `timezone` of its database.
    pub database_zone: Option<String>,
}

/// What a request to create a collection asks for.
#[derive(Debug, Clone, PartialEq)]
pub struct Asked {
    pub schema: CollectionSchema,
    pub shards: i32,
    pub consistency: i32,
    pub num_partitions: i64,
    pub properties: BTreeMap<String, String>,
}

impl Collection {
    pub fn key_column(&self) -> usize {
        self.columns.iter().position(|column| column.field.is_primary_key).unwrap()
    }

    pub fn key(&self) -> &FieldSchema {
        &self.columns[self.key_column()].field
    }

    pub fn partition_key(&self) -> Option<usize> {
        self.columns.iter().position(|column| column.field.is_partition_key)
    }

    pub fn partition(&self, name: &str) -> Result<&Partition> {
        self.partitions
            .iter()
            .find(|partition| partition.name == name)
            .ok_or_else(|| Refused::no_partition(name))
    }

    pub fn is_loaded(&self) -> bool {
        self.partitions.iter().any(|partition| partition.loaded)
    }

    pub fn property(&self, key: &str) -> Option<&str> {
        self.properties.get(key).map(String::as_str)
    }

    pub fn is_on(&self, property: &str) -> bool {
        self.property(property).is_some_and(|value| value.eq_ignore_ascii_case("true"))
    }

    /// The zone of its moments: its own, that of its database, or UTC.
    pub fn zone(&self) -> Zone {
        let own = self.property("timezone").or(self.database_zone.as_deref());
        own.and_then(Zone::named).unwrap_or(Zone::UTC)
    }

    /// The greatest id of a field.
    pub fn last_field_id(&self) -> i64 {
        let parents = self.schema.struct_array_fields.iter().map(|parent| parent.field_id);
        self.columns.iter().map(|column| column.field.field_id).chain(parents).max().unwrap()
    }

    /// Adds a field as `AddCollectionField` does: rows that are there have its default value, or
    /// null.
    pub fn add_field(&mut self, mut field: FieldSchema) {
        field.field_id = self.last_field_id() + 1;
        let nullable = field.nullable;
        let column = Column { field: field.clone(), parent: None, nullable, function: None };
        let value = super::intake::absent(self, &column);
        let place = self.schema.fields.len();
        self.schema.fields.push(field);
        self.columns.insert(place, column);
        for row in &mut self.rows {
            row.values.insert(place, value.clone());
        }
        self.updated += 1;
    }

    /// Rows that are there now.
    pub fn live(&self) -> impl Iterator<Item = &Row> {
        self.rows.iter().filter(|row| row.deleted.is_none())
    }
}

impl State {
    pub fn new(profile: Profile) -> Self {
        let mut state = Self {
            profile,
            databases: BTreeMap::new(),
            // 2026-11-01 in milliseconds, and 18 bits to count with.
            clock: 1_793_491_200_000 << 18,
            // As of servers that were never one: no two give the same id.
            next_id: 450_000_000_000_000_000
                + SERVERS.fetch_add(1, Ordering::Relaxed) * 1_000_000_000,
            embeddings: 0,
            file_resources: BTreeMap::new(),
            merges: AtomicUsize::new(0),
            landings: Landings::default(),
        };
        state.add_database(DEFAULT_DATABASE);
        state
    }

    pub fn add_database(&mut self, name: &str) {
        let (id, created) = (self.id(), self.now());
        let database = Database { id, created, ..Database::default() };
        self.databases.insert(name.to_owned(), database);
    }

    /// A new id.
    pub fn id(&mut self) -> i64 {
        self.next_id += 1;
        self.next_id
    }

    /// A new timestamp, later than all before.
    pub fn now(&mut self) -> u64 {
        self.clock += 1 << 18;
        self.clock
    }

    /// The latest timestamp.
    pub fn clock(&self) -> u64 {
        self.clock
    }

    pub fn database(&self, name: &str) -> Result<&Database> {
        self.databases.get(name).ok_or_else(|| Refused::no_database(name))
    }

    pub fn database_mut(&mut self, name: &str) -> Result<&mut Database> {
        self.databases.get_mut(name).ok_or_else(|| Refused::no_database(name))
    }

    /// The collection of a name or an alias.
    pub fn collection(&self, database: &str, name: &str) -> Result<&Collection> {
        let holder = self.database(database)?;
        holder
            .collections
            .get(holder.aliases.get(name).map_or(name, String::as_str))
            .ok_or_else(|| Refused::no_collection(database, name))
    }

    pub fn collection_mut(&mut self, database: &str, name: &str) -> Result<&mut Collection> {
        let holder = self.database_mut(database)?;
        let real = holder.aliases.get(name).cloned().unwrap_or_else(|| name.to_owned());
        holder.collections.get_mut(&real).ok_or_else(|| Refused::no_collection(database, name))
    }
}

pub fn to_map(pairs: &[KeyValuePair]) -> BTreeMap<String, String> {
    pairs.iter().map(|pair| (pair.key.clone(), pair.value.clone())).collect()
}

pub fn to_pairs(map: &BTreeMap<String, String>) -> Vec<KeyValuePair> {
    map.iter().map(|(key, value)| KeyValuePair { key: key.clone(), value: value.clone() }).collect()
}
