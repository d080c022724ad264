//! What servers make of properties and keys of collections, by release: `createCollectionTask` and
//! `alterCollectionTask` (internal/proxy/task.go of Milvus 2.4 to 3.0, by their history).

use super::{Abilities, Family, Release};
use crate::model::DataType;

/// What stands against altering a property of a collection that is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hindrance {
    /// Anything of the collection is loaded (code 104).
    Loaded,
    /// A vector of it has an index (code 702).
    VectorIndex,
}

/// Keeps the values of a partition key apart in the indexes of vectors.
pub const ISOLATION: &str = "partitionkey.isolation";
/// How searches are carried out.
pub const QUERY_MODE: &str = "query_mode";
/// The field by whose moment a row expires.
pub const TTL_FIELD: &str = "ttl_field";
/// The groups of nodes that a collection is loaded into by itself.
pub const RESOURCE_GROUPS: &str = "collection.resource_groups";

/// The policy of warming up, of a field or an index.
pub const WARMUP: &str = "warmup";
/// The same for a collection's fields and indexes.
const WARMUPS: [&str; 4] =
    ["warmup.scalarField", "warmup.scalarIndex", "warmup.vectorField", "warmup.vectorIndex"];

/// `hasWarmupProp`, `ValidateWarmupPolicy`.
const WARMUP_KNOWN: Release = (2, 6, 11);
/// `detectBoolPropChange`.
const ISOLATION_OF_REQUESTS: Release = (2, 6, 13);
/// `detectQueryModeChange`.
const QUERY_MODE_KNOWN: Release = (2, 6, 14);
/// `IsClusteringKeyType` (pkg/util/typeutil/schema.go).
const CLUSTERING_KEYS_CHECKED: Release = (2, 6, 14);
/// `checkStructArrayFieldMaxCapacity` (internal/rootcoord/util.go).
const CAPACITIES_CHECKED: Release = (2, 6, 18);
/// `validateTTLField`; `hasLazyLoadProp` is gone.
const V3: Release = (3, 0, 0);

/// Whether a property says how a collection is warmed up.
pub fn is_warmup(name: &str) -> bool {
    WARMUPS.contains(&name)
}

impl Abilities {
    fn is_milvus(&self) -> bool {
        matches!(self.family, Family::Milvus | Family::Zilliz(_))
    }

    /// What may stand against setting a property of a collection that is there, or taking it away.
    pub fn hindrance(&self, name: &str, removed: bool) -> Option<Hindrance> {
        if !self.is_milvus() || self.release < (2, 4, 0) {
            return None;
        }
        let looks = !removed || self.release >= (2, 5, 0);
        match name {
            "mmap.enabled" if looks => Some(Hindrance::Loaded),
            "lazyload.enabled" if looks && self.release < V3 => Some(Hindrance::Loaded),
            _ if is_warmup(name) && self.release >= WARMUP_KNOWN => Some(Hindrance::Loaded),
            ISOLATION => Some(Hindrance::VectorIndex),
            QUERY_MODE if self.release >= QUERY_MODE_KNOWN => Some(Hindrance::VectorIndex),
            _ => None,
        }
    }

    /// Whether a request that takes a property away means that the isolation is off: it is refused
    /// while that is on and a vector has an index.
    pub fn removal_ends_isolation(&self) -> bool {
        self.is_milvus() && self.release < ISOLATION_OF_REQUESTS
    }

    /// The policies of warming up that there are; `None` where any text is kept.
    pub fn warmup_policies(&self) -> Option<&'static [&'static str]> {
        match self.release {
            release if !self.is_milvus() || release < WARMUP_KNOWN => None,
            release if release < V3 => Some(&["disable", "sync"]),
            _ => Some(&["disable", "sync", "async"]),
        }
    }

    /// The modes of searches that there are; `None` where any text is kept.
    pub fn query_modes(&self) -> Option<&'static [&'static str]> {
        let knows = self.is_milvus() && self.release >= QUERY_MODE_KNOWN;
        knows.then_some(&["large_topk"])
    }

    /// Whether values of this type may be the clustering key.
    pub fn clusters_by(&self, data_type: DataType) -> bool {
        const KEYS: [DataType; 7] = [
            DataType::INT8,
            DataType::INT16,
            DataType::INT32,
            DataType::INT64,
            DataType::FLOAT,
            DataType::DOUBLE,
            DataType::VARCHAR,
        ];
        !self.is_milvus() || self.release < CLUSTERING_KEYS_CHECKED || KEYS.contains(&data_type)
    }

    /// Whether a field of this type may have a default value: "type not support
    /// `default_value`"
    /// (internal/rootcoord, `create_collection_task.go` of 2.5.27 and `util.go` of 2.6.20 and 3.0.0; of
    /// older ones it is not known).
    pub fn takes_default_of(&self, data_type: DataType) -> bool {
        let never = matches!(data_type, DataType::JSON | DataType::ARRAY) || data_type.is_vector();
        !(self.is_milvus() && self.release >= (2, 5, 0) && never)
    }

    /// Whether `AUTOINDEX` can be built on lists of binary vectors, in structs, by one of their metrics
    /// for whole lists: it is `BIN_IVF_FLAT`, and "data type 104 can't build with this index
    /// `BIN_IVF_FLAT`" (2.6.20 and 3.0.0, by their own Go code). A cluster that chooses every index
    /// itself was not asked.
    pub fn has_auto_index_on_lists(&self, element: DataType, metric: &str) -> bool {
        let of_lists = metric.is_empty() || metric.to_uppercase().starts_with("MAX_SIM");
        self.only_autoindex() || element != DataType::BINARY_VECTOR || !of_lists
    }

    /// Whether all fields of a struct have to have one `max_capacity`.
    pub fn wants_one_capacity(&self) -> bool {
        self.is_milvus() && self.release >= CAPACITIES_CHECKED
    }

    /// Whether rows expire by a field of their own.
    pub fn has_ttl_field(&self) -> bool {
        self.is_milvus() && self.release >= V3
    }
}

#[cfg(test)]
mod tests {
    use super::{Abilities, Hindrance, ISOLATION, QUERY_MODE};
    use crate::model::{DataType, ServerVersion};

    fn of(version: &str) -> Abilities {
        Abilities::of(&ServerVersion::parse(version), None, None)
    }

    #[test]
    fn what_stands_against_altering_depends_on_the_release() {
        use Hindrance::{Loaded, VectorIndex};
        // (property, removed, the last release without, the first with, the hindrance)
        for (name, removed, without, with, hindrance) in [
            ("mmap.enabled", false, "v2.3.5", "v2.4.0", Loaded),
            ("mmap.enabled", true, "v2.4.17", "v2.5.0", Loaded),
            ("lazyload.enabled", false, "v3.0.0", "v2.6.20", Loaded),
            ("lazyload.enabled", true, "v2.4.17", "v2.5.0", Loaded),
            ("warmup.vectorIndex", false, "v2.6.10", "v2.6.11", Loaded),
            ("warmup.scalarField", true, "v2.5.27", "v3.0.0", Loaded),
            (ISOLATION, false, "milvus_lite-3.2.2", "v2.5.27", VectorIndex),
            (QUERY_MODE, false, "v2.6.13", "v2.6.14", VectorIndex),
        ] {
            assert_eq!(of(without).hindrance(name, removed), None, "{name} at {without}");
            assert_eq!(of(with).hindrance(name, removed), Some(hindrance), "{name} at {with}");
        }
        assert_eq!(of("v3.0.0").hindrance("collection.ttl.seconds", false), None);
        assert!(of("v2.6.12").removal_ends_isolation() && !of("v2.6.13").removal_ends_isolation());
    }

    #[test]
    fn values_are_those_of_the_release() {
        let policies = |version| of(version).warmup_policies().map_or(0, <[&str]>::len);
        assert_eq!(["v2.6.10", "v2.6.11", "v3.0.0"].map(policies), [0, 2, 3]);
        let modes = |version| of(version).query_modes().is_some();
        assert_eq!(["v2.6.13", "v2.6.14", "milvus_lite-3.2.2"].map(modes), [false, true, false]);
        assert!(!of("v2.6.20").has_ttl_field() && of("v3.0.0").has_ttl_field());
        assert!(!of("v2.6.17").wants_one_capacity() && of("v2.6.18").wants_one_capacity());
        assert!(of("v2.6.13").clusters_by(DataType::BOOL));
        assert!(!of("v2.6.14").clusters_by(DataType::BOOL));
        assert!(of("v3.0.0").clusters_by(DataType::VARCHAR));
    }
}
