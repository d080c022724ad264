//! What a collection is, independent of any server or wire format.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

/// The name of the column that holds what the schema does not name.
pub const DYNAMIC_COLUMN: &str = "$meta";

/// A Milvus data type, by its protocol number (`schema.DataType`).
///
/// Kept as the number, so that a type newer than this build is reported by number instead of lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DataType(pub i32);

impl DataType {
    /// No type: the element type of every field that is not an array.
    pub const NONE: Self = Self(0);
    /// `Bool`.
    pub const BOOL: Self = Self(1);
    /// `Int8`.
    pub const INT8: Self = Self(2);
    /// `Int16`.
    pub const INT16: Self = Self(3);
    /// `Int32`.
    pub const INT32: Self = Self(4);
    /// `Int64`.
    pub const INT64: Self = Self(5);
    /// `Float`.
    pub const FLOAT: Self = Self(10);
    /// `Double`.
    pub const DOUBLE: Self = Self(11);
    /// `VarChar`, UTF-8, limited by `max_length` bytes.
    pub const VARCHAR: Self = Self(21);
    /// `Array` of a scalar element type.
    pub const ARRAY: Self = Self(22);
    /// `JSON`, also the type of the dynamic column.
    pub const JSON: Self = Self(23);
    /// `BinaryVector`, `dim` bits.
    pub const BINARY_VECTOR: Self = Self(100);
    /// `FloatVector`, `dim` 32-bit floats.
    pub const FLOAT_VECTOR: Self = Self(101);

    /// Whether values of this type are vectors.
    pub fn is_vector(self) -> bool {
        (100..=106).contains(&self.0)
    }

    /// The name that Milvus gives the type, if this build knows it.
    pub fn name(self) -> Option<&'static str> {
        Some(match self.0 {
            0 => "None",
            1 => "Bool",
            2 => "Int8",
            3 => "Int16",
            4 => "Int32",
            5 => "Int64",
            10 => "Float",
            11 => "Double",
            20 => "String",
            21 => "VarChar",
            22 => "Array",
            23 => "JSON",
            24 => "Geometry",
            25 => "Text",
            26 => "Timestamptz",
            27 => "Mol",
            28 => "Date",
            29 => "Time",
            30 => "Decimal",
            31 => "UUID",
            100 => "BinaryVector",
            101 => "FloatVector",
            102 => "Float16Vector",
            103 => "BFloat16Vector",
            104 => "SparseFloatVector",
            105 => "Int8Vector",
            106 => "ArrayOfVector",
            200 => "ArrayOfStruct",
            201 => "Struct",
            _ => return None,
        })
    }
}

impl fmt::Display for DataType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "data type {}", self.0),
        }
    }
}

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
            DataType::ARRAY => {
                let inner = match self.numeric_param("max_length") {
                    Some(length) if self.element_type == DataType::VARCHAR => {
                        format!("{}({length})", self.element_type)
                    }
                    _ => self.element_type.to_string(),
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
    /// Names of its functions (2.5); a collection that has any cannot be carried yet.
    pub functions: Vec<String>,
    /// Names of its struct array fields (2.6); a collection that has any cannot be carried yet.
    pub struct_fields: Vec<String>,
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
}

impl Collection {
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

    /// `database/name`, the address of the collection in messages and reports.
    pub fn address(&self) -> String {
        format!("{}/{}", self.database, self.name)
    }

    /// The name of every column, the dynamic one included.
    pub fn columns(&self) -> Vec<String> {
        let mut names: Vec<String> = self.fields.iter().map(|field| field.name.clone()).collect();
        if self.dynamic_field {
            names.push(DYNAMIC_COLUMN.to_owned());
        }
        names
    }
}

/// What becomes of dynamic data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DynamicData {
    /// There is none, or it is carried.
    Carry,
    /// It is left behind: the plan file says so.
    Discard,
    /// There must be none; a row that has some stops the run.
    RequireNone,
}

/// How rows are read and written. A run is resumed under the same settings only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowSettings {
    /// Each partition is read and written by itself.
    pub by_partition: bool,
    /// What becomes of dynamic data.
    pub dynamic_data: DynamicData,
}

impl RowSettings {
    /// The columns to read from the source, one by one: `*` means something else in every version.
    pub fn columns(&self, source: &Collection) -> Vec<String> {
        let mut names = source.columns();
        if self.dynamic_data == DynamicData::Discard {
            names.retain(|name| name != DYNAMIC_COLUMN);
        }
        names
    }
}
