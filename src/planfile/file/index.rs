//! Settings of indexes.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::Scalar;

/// `"keep"`, `"auto"`, `"none"`, or a table by the names of fields.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(in crate::planfile) enum IndexesSetting {
    /// Of all fields.
    Word(IndexWord),
    /// By the field's name at the source; `*` is every field that is not named.
    Fields(BTreeMap<String, FieldIndexSetting>),
}

/// `"keep"`, `"auto"`, `"none"`, or an index.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(in crate::planfile) enum FieldIndexSetting {
    /// One of the source's, an automatic one, or none.
    Word(IndexWord),
    /// This one.
    Given(IndexTable),
}

/// What becomes of the indexes of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::planfile) enum IndexWord {
    /// As at the source.
    Keep,
    /// `AUTOINDEX` in the place of the source's, with its metric.
    Auto,
    /// None.
    None,
}

/// An index.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::planfile) struct IndexTable {
    /// Its type, such as `"HNSW"` or `"INVERTED"`; the target decides which it takes.
    #[serde(rename = "type")]
    #[schemars(required, length(min = 1))]
    pub(in crate::planfile) index_type: Option<String>,
    /// Its metric, such as `"COSINE"`. Default: that of the source's index.
    #[schemars(length(min = 1))]
    pub(in crate::planfile) metric: Option<String>,
    /// Its name. Default: the target chooses one.
    pub(in crate::planfile) name: Option<String>,
    /// Its parameters, such as `{ M = 16, efConstruction = 200 }`: text, numbers or booleans.
    pub(in crate::planfile) params: Option<BTreeMap<String, Scalar>>,
}
