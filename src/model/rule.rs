//! What a plan file asks of collections: which ones, and what is to be different.

use std::collections::{BTreeMap, BTreeSet};

use super::{ConsistencyLevel, NameTemplate, Selector};

/// What becomes of the dynamic field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DynamicField {
    /// As the source has it.
    Keep,
    /// On at the target.
    On,
    /// Off at the target; refused where rows would lose data, unless `drop_data`.
    Off {
        /// The plan file accepts that dynamic data is left behind.
        drop_data: bool,
    },
}

/// What becomes of the partition key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PartitionKey {
    /// As the source has it.
    Keep,
    /// None at the target.
    None,
    /// This field.
    Field {
        /// Name of an Int64 or VarChar field that is not the primary key.
        field: String,
        /// Number of partitions to spread over; the target's default where absent.
        partitions: Option<i64>,
    },
}

/// What becomes of the user's partitions.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Partitions {
    /// Globs of the source's partitions to copy, `_default` being one of them; empty means all.
    pub select: Vec<String>,
    /// All rows together; the partition names are lost.
    pub merge: bool,
}

/// Properties that are to differ from the source's.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PropertyRules {
    /// These values.
    pub set: BTreeMap<String, String>,
    /// Not these.
    pub unset: BTreeSet<String>,
}

/// What becomes of the indexes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct IndexRules {
    /// Of every field that is not named in `fields`.
    pub all: IndexRule,
    /// By the field's name at the source.
    pub fields: BTreeMap<String, IndexRule>,
}

/// What becomes of the indexes of a field.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum IndexRule {
    /// As at the source.
    #[default]
    Keep,
    /// `AUTOINDEX`, with the metric of the source.
    Auto,
    /// None.
    None,
    /// This one, and no other.
    Given(IndexSetting),
}

/// An index that the plan file describes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexSetting {
    /// Its name; the server chooses one where absent.
    pub name: Option<String>,
    /// `HNSW`, `INVERTED`, …
    pub index_type: String,
    /// `COSINE`, `L2`, …; the metric of the source's index where absent.
    pub metric_type: Option<String>,
    /// Its parameters, each as the text that an index parameter is: `M` is `16`, `json_path` is
    /// `a["b"]`.
    pub params: BTreeMap<String, String>,
}

/// Whether the target is loaded in the end.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum LoadRule {
    /// As the source is, partition by partition.
    #[default]
    Keep,
    /// All of it.
    Yes,
    /// Not.
    No,
}

/// What becomes of the aliases.
#[derive(Debug, Clone, Default)]
pub enum AliasRule {
    /// The source's, under the same names.
    #[default]
    Keep,
    /// None.
    None,
    /// Only these of the source's, under other names.
    Rename(BTreeMap<String, NameTemplate>),
    /// These, whatever the source has.
    Exactly(Vec<NameTemplate>),
}

/// What is different about one field.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FieldRule {
    /// Its name at the target.
    pub rename: Option<String>,
    /// Its description at the target.
    pub description: Option<String>,
    /// Its `max_length` at the target, bytes; not smaller than the source's.
    pub max_length: Option<u64>,
    /// Whether the target maps its data from disk.
    pub mmap: Option<bool>,
    /// It is left behind, with its values.
    pub drop: bool,
    /// Its default value is left behind, so that nulls can stay nulls.
    pub drop_default: bool,
}

/// What becomes of a primary key that the source's server makes up (autoID).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum AutoId {
    /// The target keeps the keys of the source's rows and makes up those of new ones, as the source
    /// does; refused where the target cannot do both.
    #[default]
    Keep,
    /// The target keeps the keys and makes up none: autoID is off there.
    KeepKeys,
    /// The target makes new keys for all rows, and keeps those of the source in a field of its own.
    Regenerate {
        /// The name of that field.
        source_key_field: String,
    },
}

/// What to do when the target collection is there and no run of ours made it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Existing {
    /// Refuse.
    Refuse,
    /// Write into it when its schema is the wanted one.
    Adopt,
}

/// One `[[collections]]` entry.
#[derive(Debug, Clone)]
pub struct CollectionRule {
    /// `file:line` of the entry, for messages.
    pub location: String,
    /// Which collections of the source.
    pub source: Selector,
    /// In which database of the source.
    pub source_database: String,
    /// Name at the target; the source's name where absent.
    pub target: Option<NameTemplate>,
    /// Database at the target.
    pub target_database: String,
    /// Description at the target; the source's where absent.
    pub description: Option<NameTemplate>,
    /// The dynamic field.
    pub dynamic_field: DynamicField,
    /// A primary key that the source's server makes up.
    pub auto_id: AutoId,
    /// The partition key.
    pub partition_key: PartitionKey,
    /// The user's partitions.
    pub partitions: Partitions,
    /// Number of shards; the source's where absent.
    pub shards: Option<i32>,
    /// Default consistency level; the source's where absent.
    pub consistency: Option<ConsistencyLevel>,
    /// Properties.
    pub properties: PropertyRules,
    /// Indexes.
    pub indexes: IndexRules,
    /// Whether it is loaded in the end.
    pub load: LoadRule,
    /// Replicas to load where nothing is loaded; as many as the target is set to where absent.
    pub replicas: Option<u32>,
    /// Aliases.
    pub aliases: AliasRule,
    /// Whether an alias that another collection of the target has is taken from it.
    pub move_aliases: bool,
    /// Fields, by their name at the source.
    pub fields: BTreeMap<String, FieldRule>,
    /// What to do with a target that is there already.
    pub existing: Existing,
}
