//! What a server can hold, by its version. Pure.

use crate::model::{Flavour, ServerVersion};

/// What a server can hold, as far as the changes depend on it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a separate question")]
pub struct Abilities {
    /// The `Array` type (Milvus 2.3).
    pub arrays: bool,
    /// The `COSINE` metric (Milvus 2.3).
    pub cosine: bool,
    /// Binary vectors (not Milvus Lite 3).
    pub binary_vectors: bool,
    /// The `ANNOY` index (gone in Milvus 2.3).
    pub annoy: bool,
    /// Descriptions, shard and partition counts are kept as asked for (not by Milvus Lite).
    pub keeps_details: bool,
}

impl Abilities {
    /// What a server of this version can hold. An unknown version is believed to be new.
    pub fn of(version: &ServerVersion) -> Self {
        let lite = version.flavour == Flavour::Lite;
        let old = !lite && version.older_than(2, 3, 0);
        Self {
            arrays: !old,
            cosine: !old,
            binary_vectors: !(lite && version.at_least(3, 0, 0)),
            annoy: old,
            keeps_details: !lite,
        }
    }
}
