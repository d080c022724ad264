//! How the rows of a collection are read and written.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{Collection, DYNAMIC_COLUMN};

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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowSettings {
    /// Each partition is read and written by itself.
    pub by_partition: bool,
    /// What becomes of dynamic data.
    pub dynamic_data: DynamicData,
    /// The source's partitions that are read, `_default` among them or not; all where absent.
    #[serde(default)]
    pub partitions: Option<Vec<String>>,
    /// Columns that have another name at the target, by their name at the source.
    #[serde(default)]
    pub renamed: BTreeMap<String, String>,
    /// Columns of the source that are not read: fields that are dropped, and outputs of functions
    /// that the target computes itself.
    #[serde(default)]
    pub left_behind: BTreeSet<String>,
}

impl Default for RowSettings {
    /// Everything is read as one, and arrives under the same names.
    fn default() -> Self {
        Self {
            by_partition: false,
            dynamic_data: DynamicData::Carry,
            partitions: None,
            renamed: BTreeMap::new(),
            left_behind: BTreeSet::new(),
        }
    }
}

impl RowSettings {
    /// The columns to read from the source, one by one: `*` means something else in every version.
    pub fn columns(&self, source: &Collection) -> Vec<String> {
        let mut names = source.columns();
        names.retain(|name| !self.left_behind.contains(name));
        if self.dynamic_data == DynamicData::Discard {
            names.retain(|name| name != DYNAMIC_COLUMN);
        }
        names
    }

    /// The source's partitions that are read for one scope, which is a partition or everything that
    /// is read; none means all of them.
    pub fn source_partitions(&self, scope: Option<&str>) -> Vec<String> {
        match scope {
            Some(partition) => vec![partition.to_owned()],
            None => self.partitions.clone().unwrap_or_default(),
        }
    }
}
