//! Values of the settings of collections: words, and the tables that some settings take instead.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::Whole;

/// `"keep"`, `true` or `false`.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(in crate::planfile) enum DynamicFieldSetting {
    /// As at the source.
    Keep(Keep),
    /// On or off.
    Switch(bool),
}

/// As at the source.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::planfile) enum Keep {
    /// As at the source.
    Keep,
}

/// What becomes of a primary key that the source's server makes up.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::planfile) enum AutoIdSetting {
    /// The keys of the source's rows and autoID.
    Keep,
    /// The keys of the source's rows; autoID is off at the target.
    KeepKeys,
    /// New keys for all rows; those of the source go into a field of their own.
    Regenerate,
}

/// `"keep"`, `"none"` or `{ field = "NAME", partitions = 64 }`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(in crate::planfile) enum PartitionKeySetting {
    /// As at the source, or none.
    Word(PartitionKeyWord),
    /// A field.
    Field(PartitionKeyTable),
}

/// What becomes of the partition key.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::planfile) enum PartitionKeyWord {
    /// As at the source.
    Keep,
    /// None at the target.
    None,
}

/// The field whose values choose the partition.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::planfile) struct PartitionKeyTable {
    /// Name of an `Int64` or `VarChar` field that is not the primary key.
    #[schemars(required)]
    pub(in crate::planfile) field: Option<String>,
    /// Number of partitions to spread over. Default: the target's own.
    #[schemars(range(min = 1, max = 4096))]
    pub(in crate::planfile) partitions: Option<Whole>,
}

/// `"keep"`, `"merge"`, globs, or a table of both.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(in crate::planfile) enum PartitionsSetting {
    /// All of them.
    Word(PartitionsWord),
    /// Globs of those to copy.
    Select(#[schemars(length(min = 1))] Vec<String>),
    /// Which, and how.
    Table(PartitionsTable),
}

/// What becomes of the user's partitions.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::planfile) enum PartitionsWord {
    /// Made and filled at the target as at the source.
    Keep,
    /// All rows together; the names of the partitions are lost.
    Merge,
}

/// Which of the user's partitions are copied, and how.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::planfile) struct PartitionsTable {
    /// Globs of the source's partitions to copy; `_default` is one of them. Default: all.
    #[schemars(length(min = 1))]
    pub(in crate::planfile) select: Option<Vec<String>>,
    /// All rows together; the names of the partitions are lost. Default: `false`.
    pub(in crate::planfile) merge: Option<bool>,
}

/// What to do with a target collection that is there already.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::planfile) enum ExistingSetting {
    /// Refuse.
    Refuse,
    /// Write into it when its schema is the wanted one.
    Adopt,
}

/// `"keep"`, `true` or `false`.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(in crate::planfile) enum LoadSetting {
    /// As the source is.
    Keep(Keep),
    /// All of it, or not.
    Switch(bool),
}

/// How far reads wait for writes, unless they say so themselves.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::planfile) enum ConsistencyWord {
    /// For all of them.
    Strong,
    /// For those of the same client.
    Session,
    /// For those before the last few seconds.
    Bounded,
    /// For none.
    Eventually,
}

/// Properties that differ from the source's.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::planfile) struct PropertiesTable {
    /// Properties and their values: text, whole numbers or booleans.
    pub(in crate::planfile) set: Option<BTreeMap<String, PropertyValue>>,
    /// Names of properties that the target is not to have.
    pub(in crate::planfile) unset: Option<Vec<String>>,
}

/// A value of a property.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub(in crate::planfile) enum PropertyValue {
    Boolean(bool),
    Integer(i64),
    /// One that is written with a point, such as `2.0`; fractions are refused.
    Whole(f64),
    Text(String),
}

impl PropertyValue {
    /// The value as text, which is what all properties are.
    pub(in crate::planfile) fn to_text(&self) -> String {
        match self {
            Self::Boolean(flag) => flag.to_string(),
            Self::Integer(number) => number.to_string(),
            Self::Whole(number) => number.to_string(),
            Self::Text(text) => text.clone(),
        }
    }
}

impl JsonSchema for PropertyValue {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "PropertyValue".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": ["boolean", "integer", "string"] })
    }
}

/// `"keep"`, `"none"`, a list of names, or new names by old ones.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(in crate::planfile) enum AliasesSetting {
    /// The source's, or none.
    Word(AliasWord),
    /// These, whatever the source has.
    Exactly(#[schemars(length(min = 1))] Vec<String>),
    /// These of the source's, under new names.
    Rename(#[schemars(extend("minProperties" = 1))] BTreeMap<String, String>),
}

/// What becomes of the aliases.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::planfile) enum AliasWord {
    /// The source's, under the same names.
    Keep,
    /// None.
    None,
}

/// What is different about a field at the target.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::planfile) struct FieldTable {
    /// Its name at the target.
    pub(in crate::planfile) rename: Option<String>,
    /// Its description at the target. Default: the source's.
    pub(in crate::planfile) description: Option<String>,
    /// Its `max_length` at the target, in bytes: at least the source's; at most 65535 for a
    /// `VarChar`, 2097152 for a `Text`.
    #[schemars(range(min = 1, max = 2_097_152))]
    pub(in crate::planfile) max_length: Option<Whole>,
    /// Whether the target maps its data from disk. Default: as at the source.
    pub(in crate::planfile) mmap: Option<bool>,
    /// Leave the field and all its values behind; nothing else can be said about it then.
    /// Default: `false`.
    pub(in crate::planfile) drop: Option<bool>,
    /// Leave its default value behind, so that nulls can stay nulls. Default: `false`.
    pub(in crate::planfile) drop_default: Option<bool>,
}
