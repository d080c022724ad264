//! Databases that no collection brings along.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// A database of the target that is created for no collection: the source's is empty.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewDatabase {
    /// Its name at the target.
    pub name: String,
    /// Its properties.
    pub properties: BTreeMap<String, String>,
}
