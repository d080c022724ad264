//! What a collection is, independent of any server or wire format.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::DataType;

/// The name of the column that holds what the schema does not name.
pub const DYNAMIC_COLUMN: &str = "$meta";

/// The partition that every collection has.
pub const DEFAULT_PARTITION: &str = "_default";

/// The default of a field, kept as the encoded `ValueField` that the server described.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ValueOfDefault(pub Vec<u8>);

/// A field of a collection, without anything that only one server's copy of it has (such as ids).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "as the protocol has them")]
pub struct Field {
    /// Name, unique in the collection.
    pub name: String,
    /// Free text.
    pub description: String,
    /// Type of its values.
    pub data_type: DataType,
    /// Type of the elements when `data_type` is `Array`, else [`DataType::NONE`].
    pub element_type: DataType,
    /// Whether it is the primary key.
    pub primary_key: bool,
    /// Whether the server makes its values up (primary keys only).
    pub auto_id: bool,
    /// Whether its values choose the partition.
    pub partition_key: bool,
    /// Whether it is the clustering key (2.4).
    pub clustering_key: bool,
    /// Whether values may be null (2.5).
    pub nullable: bool,
    /// Whether a function computes it (2.5).
    pub function_output: bool,
    /// The value of rows that give none (2.5).
    pub default_value: Option<ValueOfDefault>,
    /// `dim`, `max_length`, `max_capacity`, `mmap.enabled`, …
    pub type_params: BTreeMap<String, String>,
}

impl Field {
    /// A type parameter as a number, such as `dim` or `max_length`.
    pub fn numeric_param(&self, name: &str) -> Option<u64> {
        self.type_params.get(name)?.parse().ok()
    }

    /// The type as people write it: `FloatVector(768)`, `VarChar(128)`, `Array<Int32>(16)`.
    pub fn type_text(&self) -> String {
        match self.data_type {
            DataType::ARRAY | DataType::ARRAY_OF_VECTOR => {
                let size = if self.element_type.is_vector() { "dim" } else { "max_length" };
                let sized = self.element_type.is_vector() || self.element_type == DataType::VARCHAR;
                let inner = match self.numeric_param(size).filter(|_| sized) {
                    Some(size) => format!("{}({size})", self.element_type),
                    None => self.element_type.to_string(),
                };
                match self.numeric_param("max_capacity") {
                    Some(capacity) => format!("Array<{inner}>({capacity})"),
                    None => format!("Array<{inner}>"),
                }
            }
            kind => {
                let size = if kind.is_vector() { "dim" } else { "max_length" };
                match self.numeric_param(size) {
                    Some(size) => format!("{kind}({size})"),
                    None => kind.to_string(),
                }
            }
        }
    }
}

/// A function that computes fields from others (2.5).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Function {
    /// Its name, unique in the collection.
    pub name: String,
    /// Free text.
    pub description: String,
    /// What it does.
    pub kind: FunctionKind,
    /// The fields that it reads.
    pub inputs: Vec<String>,
    /// The fields that it computes.
    pub outputs: Vec<String>,
    /// Its parameters, such as the provider and model of an embedding.
    pub params: BTreeMap<String, String>,
}

/// What a function does, by its protocol number (`schema.FunctionType`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct FunctionKind(pub i32);

impl FunctionKind {
    /// Full-text search: text to a sparse vector that no query returns (2.5).
    pub const BM25: Self = Self(1);
    /// A model provider turns text into a vector, which queries return (2.6).
    pub const TEXT_EMBEDDING: Self = Self(2);
    /// Rank results again; computes no field (2.6).
    pub const RERANK: Self = Self(3);
    /// Text to a binary vector that no query returns (3.0).
    pub const MIN_HASH: Self = Self(4);

    /// Whether queries return what it computes.
    pub fn output_is_readable(self) -> bool {
        self == Self::TEXT_EMBEDDING
    }
}

impl fmt::Display for FunctionKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            1 => f.write_str("BM25"),
            2 => f.write_str("TextEmbedding"),
            3 => f.write_str("Rerank"),
            4 => f.write_str("MinHash"),
            5 => f.write_str("MolFingerprint"),
            other => write!(f, "function type {other}"),
        }
    }
}

/// A field whose values are arrays of structs (2.6).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StructField {
    /// Its name, unique among the fields.
    pub name: String,
    /// Free text.
    pub description: String,
    /// What each struct holds: fields of type `Array`, or `ArrayOfVector` for vectors.
    pub fields: Vec<Field>,
    /// Whether values may be null (3.0).
    pub nullable: bool,
    /// `max_capacity`, `mmap.enabled`, …
    pub type_params: BTreeMap<String, String>,
}

/// An index on one field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Index {
    /// Its name, or empty where the server chose it (`_default_idx_<id>` or the field's name).
    pub name: String,
    /// The indexed field.
    pub field: String,
    /// `index_type`, `metric_type`, `params`, …
    pub params: BTreeMap<String, String>,
}

impl Index {
    /// Every parameter by itself, whether the server describes them one by one, as one JSON text,
    /// or both ways; without empty ones.
    pub fn settings(&self) -> BTreeMap<String, String> {
        let mut settings = self.params.clone();
        let inner = settings.remove("params").unwrap_or_default();
        let members: serde_json::Map<String, serde_json::Value> =
            serde_json::from_str(&inner).unwrap_or_default();
        for (name, value) in members {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            settings.entry(name).or_insert(text);
        }
        settings.retain(|_, value| !value.is_empty());
        settings
    }

    /// One parameter, such as `index_type` or `nlist`.
    pub fn setting(&self, name: &str) -> Option<String> {
        self.settings().remove(name)
    }

    /// The same index without some of its parameters, wherever they stand.
    #[must_use]
    pub fn without(&self, names: &[&str]) -> Self {
        let mut index = self.clone();
        index.params.retain(|name, _| !names.contains(&name.as_str()));
        let inner = index.params.get("params").and_then(|text| {
            serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(text).ok()
        });
        if let Some(mut members) = inner
            && members.keys().any(|name| names.contains(&name.as_str()))
        {
            members.retain(|name, _| !names.contains(&name.as_str()));
            index.params.remove("params");
            if !members.is_empty() {
                let text = serde_json::Value::Object(members).to_string();
                index.params.insert("params".to_owned(), text);
            }
        }
        index
    }
}

/// How far reads wait for writes (`common.ConsistencyLevel`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the protocol's own names")]
pub enum ConsistencyLevel {
    Strong,
    Session,
    Bounded,
    Eventually,
    Customized,
}

impl fmt::Display for ConsistencyLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}

/// Whether a collection or partition can be queried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LoadState {
    /// In memory and ready for queries.
    Loaded,
    /// On the way.
    Loading,
    /// Not in memory: any query is refused.
    NotLoaded,
}

/// A partition and whether it can be queried.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Partition {
    /// Its name, `_default` for the one that every collection has.
    pub name: String,
    /// Its own load state: a collection with one released partition calls itself loaded.
    pub load: LoadState,
}

/// A collection as a server describes it, or as the target is to be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Collection {
    /// Its database.
    pub database: String,
    /// Its name.
    pub name: String,
    /// Free text.
    pub description: String,
    /// Its fields, in the order of creation; without the dynamic column and system fields.
    pub fields: Vec<Field>,
    /// Functions that compute some of its fields (2.5).
    pub functions: Vec<Function>,
    /// Its struct array fields (2.6).
    pub struct_fields: Vec<StructField>,
    /// Whether rows belong to namespaces (3.0).
    #[serde(default)]
    pub namespaces: bool,
    /// Whether its rows are outside Milvus, in files (3.0).
    #[serde(default)]
    pub external: bool,
    /// Whether rows may carry keys that the schema does not name (the `$meta` column).
    pub dynamic_field: bool,
    /// Number of shards.
    pub shards: i32,
    /// Number of partitions that a partition key spreads over; `None` without a partition key.
    pub num_partitions: Option<i64>,
    /// Default consistency level of reads.
    pub consistency: ConsistencyLevel,
    /// `collection.ttl.seconds`, `mmap.enabled`, …
    pub properties: BTreeMap<String, String>,
    /// Names of the user's partitions, without `_default`; empty with a partition key.
    pub partitions: Vec<String>,
    /// Its indexes.
    pub indexes: Vec<Index>,
    /// Other names that lead to it.
    pub aliases: Vec<String>,
    /// Of a target that makes new keys: the field with the keys that its rows have at the source. No
    /// server tells it; it is part of what a target is to be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_key: Option<String>,
}

impl Collection {
    /// Whether its server makes up the keys of rows (autoID).
    ///
    /// Into such a collection no upsert may be sent, also while rows may bring their keys: the server
    /// takes it, and gives the rows new keys (2.4.10 to 3.0.0).
    pub fn makes_keys(&self) -> bool {
        self.primary_key().is_some_and(|key| key.auto_id)
    }

    /// The field by which a row of the source is found here: the one with the source's keys where the
    /// server makes new ones, else the primary key.
    pub fn row_key(&self) -> Option<&Field> {
        match &self.source_key {
            Some(name) => self.field(name),
            None => self.primary_key(),
        }
    }

    /// Whether rows bring the primary keys with which they are found: those of the source.
    pub fn brings_keys(&self) -> bool {
        self.source_key.is_none()
    }

    /// The field that is the primary key.
    pub fn primary_key(&self) -> Option<&Field> {
        self.fields.iter().find(|field| field.primary_key)
    }

    /// The field whose values choose the partition.
    pub fn partition_key(&self) -> Option<&Field> {
        self.fields.iter().find(|field| field.partition_key)
    }

    /// The field of a name.
    pub fn field(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.name == name)
    }

    /// Whether it has a field, or a struct array field, of this name.
    pub fn has_field(&self, name: &str) -> bool {
        self.field(name).is_some() || self.struct_fields.iter().any(|field| field.name == name)
    }

    /// The field that an index is on; `struct[field]` is one in a struct array.
    pub fn indexed_field(&self, name: &str) -> Option<&Field> {
        self.field(name).or_else(|| {
            let (of, inner) = name.strip_suffix(']')?.split_once('[')?;
            let of = self.struct_fields.iter().find(|field| field.name == of)?;
            of.fields.iter().find(|field| field.name == inner || field.name == name)
        })
    }

    /// The names of all partitions, [`DEFAULT_PARTITION`] first; those of a partition key have none
    /// that could be used.
    pub fn all_partitions(&self) -> Vec<String> {
        std::iter::once(DEFAULT_PARTITION.to_owned())
            .chain(self.partitions.iter().cloned())
            .collect()
    }

    /// The function that computes a field.
    pub fn function_of(&self, field: &str) -> Option<&Function> {
        self.functions.iter().find(|function| function.outputs.iter().any(|name| name == field))
    }

    /// Gives fields other names, wherever they are named: in functions, in indexes and in the paths
    /// of these.
    pub fn rename_fields(&mut self, names: &BTreeMap<String, String>) {
        let rename = |name: &mut String| {
            if let Some(new) = names.get(name.as_str()) {
                new.clone_into(name);
            }
        };
        self.fields.iter_mut().for_each(|field| rename(&mut field.name));
        self.struct_fields.iter_mut().for_each(|field| rename(&mut field.name));
        for function in &mut self.functions {
            function.inputs.iter_mut().chain(&mut function.outputs).for_each(rename);
        }
        for index in &mut self.indexes {
            if let Some((of, inner)) = index.field.split_once('[') {
                let mut of = of.to_owned();
                rename(&mut of);
                index.field = format!("{of}[{inner}");
                continue;
            }
            if let Some(new) = names.get(&index.field)
                && let Some(path) = index.params.get_mut("json_path")
                && let Some(inside) = path.trim().strip_prefix(index.field.as_str())
                && (inside.is_empty() || inside.starts_with('['))
            {
                *path = format!("{new}{inside}");
            }
            rename(&mut index.field);
        }
    }

    /// `database/name`, the address of the collection in messages and reports.
    pub fn address(&self) -> String {
        format!("{}/{}", self.database, self.name)
    }

    /// The name of every column that queries return, the dynamic one included. What a function
    /// computes is not returned, but for embeddings.
    pub fn columns(&self) -> Vec<String> {
        let is_returned = |field: &&Field| {
            let function = self.function_of(&field.name);
            !field.function_output
                || function.is_some_and(|function| function.kind.output_is_readable())
        };
        let fields = self.fields.iter().filter(is_returned);
        let mut names: Vec<String> = fields.map(|field| field.name.clone()).collect();
        names.extend(self.struct_fields.iter().map(|field| field.name.clone()));
        if self.dynamic_field {
            names.push(DYNAMIC_COLUMN.to_owned());
        }
        names
    }
}

#[cfg(test)]
mod tests;
