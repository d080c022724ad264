//! What a server can hold: its types, features, indexes and limits, by its version and kind. Pure.
//!
//! The tables are in `tables`, `index_tables` and `words`; here is how they are asked.

mod index_tables;
mod limits;
pub mod rules;
mod tables;
mod words;

use std::fmt;

pub use limits::Limits;
pub use tables::Feature;
pub use words::FieldName;

use super::Capacity;
use crate::model::{DataType, Field, Flavour, FunctionKind, ServerVersion, TargetKind};

/// A Milvus release: major, minor, patch.
pub type Release = (u32, u32, u32);

/// The newest release whose rules are known; an unknown version is believed to follow them.
const NEWEST: Release = (3, 0, 0);

/// Which implementation it is: they differ in what they hold even at the same version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    /// Milvus, standalone or distributed.
    Milvus,
    /// Milvus Lite 2 (C++).
    Lite2,
    /// Milvus Lite 3 (Python).
    Lite3,
    /// Zilliz Cloud.
    Zilliz(Plan),
}

/// A plan of Zilliz Cloud.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Plan {
    /// Free.
    Free,
    /// Serverless.
    Serverless,
    /// Dedicated, with so many compute units where that is known.
    Dedicated(Option<u32>),
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Free => f.write_str("Free"),
            Self::Serverless => f.write_str("Serverless"),
            Self::Dedicated(None) => f.write_str("Dedicated"),
            Self::Dedicated(Some(units)) => write!(f, "Dedicated, {units} CU"),
        }
    }
}

/// What a server can hold, as far as the changes depend on it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a separate question")]
pub struct Abilities {
    /// Which implementation it is.
    pub family: Family,
    /// The Milvus release whose rules it follows.
    pub release: Release,
    /// Whether the release is not known, and [`Abilities::release`] is the newest instead.
    pub release_unknown: bool,
    /// Whether it is Zilliz Cloud of a plan that nobody named.
    pub plan_unknown: bool,
    /// Descriptions, shard and partition counts are kept as asked for (not by Milvus Lite).
    pub keeps_details: bool,
    /// A function can be made without asking its provider whether it is there (2.6.8).
    pub skips_function_checks: bool,
    /// Numeric limits.
    pub limits: Limits,
}

impl Abilities {
    /// What a server of this version can hold. `kind` and `units` are what the plan file says of
    /// it; Zilliz Cloud of an unknown plan is given the limits of the widest one, Dedicated.
    pub fn of(version: &ServerVersion, kind: Option<TargetKind>, units: Option<u32>) -> Self {
        let plan = match kind {
            Some(TargetKind::ZillizFree) => Some(Plan::Free),
            Some(TargetKind::ZillizServerless) => Some(Plan::Serverless),
            Some(TargetKind::ZillizDedicated) => Some(Plan::Dedicated(units)),
            Some(TargetKind::Milvus) | None => None,
        };
        let family = match (plan, version.flavour) {
            (Some(plan), _) => Family::Zilliz(plan),
            (None, Flavour::ZillizCloud) => Family::Zilliz(Plan::Dedicated(units)),
            (None, Flavour::Lite) if version.older_than(3, 0, 0) => Family::Lite2,
            (None, Flavour::Lite) => Family::Lite3,
            (None, Flavour::Milvus) => Family::Milvus,
        };
        let release = version.release.unwrap_or(NEWEST);
        Self {
            family,
            release,
            release_unknown: version.release.is_none(),
            plan_unknown: plan.is_none() && version.flavour == Flavour::ZillizCloud,
            keeps_details: matches!(family, Family::Milvus | Family::Zilliz(_)),
            skips_function_checks: release >= (2, 6, 8),
            limits: Limits::of(family, release),
        }
    }

    /// The same server, of which the address is known too: Free and Serverless clusters of Zilliz
    /// Cloud have `.serverless.` in theirs, and which of both it is cannot be seen.
    #[must_use]
    pub fn hosted_at(mut self, uri: &str) -> Self {
        if self.plan_unknown && uri.contains(".serverless.") {
            self.family = Family::Zilliz(Plan::Serverless);
            self.limits = Limits::of(self.family, self.release);
        }
        self
    }

    /// The plan of Zilliz Cloud, where it is known.
    pub fn plan(&self) -> Option<Plan> {
        match self.family {
            Family::Zilliz(plan) if !self.plan_unknown => Some(plan),
            _ => None,
        }
    }

    /// How much arrives and fits, where that is known. Of a plan that is only assumed nothing is:
    /// a cluster with a serverless address may be Free, and take a fifth.
    pub fn capacity(&self) -> Capacity {
        if self.plan_unknown {
            return Capacity::default();
        }
        Capacity { write_quota: self.limits.write_rate, storage: self.limits.storage }
    }

    /// Whether fields may be of this type.
    pub fn has_type(&self, data_type: DataType) -> bool {
        self.finds(tables::TYPES, data_type)
    }

    /// Whether arrays may have elements of this type.
    pub fn has_element(&self, data_type: DataType) -> bool {
        self.has_type(DataType::ARRAY) && tables::ELEMENTS.contains(&data_type)
    }

    /// Whether structs may hold vectors of this type.
    pub fn has_vectors_of_arrays(&self, data_type: DataType) -> bool {
        self.finds(tables::VECTORS_OF_ARRAYS, data_type)
    }

    /// Whether an index into JSON makes this of its values.
    pub fn has_json_cast(&self, cast: &str) -> bool {
        let mut known = tables::JSON_CASTS.iter();
        known.any(|row| row.what.eq_ignore_ascii_case(cast.trim()) && self.is_within(row.servers))
    }

    /// Whether this parameter of an index that is there can be altered, of a vector's if `on_vector`.
    pub fn alters_index(&self, parameter: &str, on_vector: bool) -> bool {
        match parameter {
            // `ValidateAutoIndexMmapConfig` (pkg/common), where a cluster chooses the indexes itself.
            "mmap.enabled" if self.only_autoindex() => !on_vector,
            "mmap.enabled" => self.has(Feature::Mmap),
            "warmup" => self.has(Feature::IndexWarmup),
            _ => false,
        }
    }

    /// Whether a function of this kind may compute fields.
    pub fn has_function(&self, kind: FunctionKind) -> bool {
        self.finds(tables::FUNCTIONS, kind)
    }

    /// Whether it has a feature.
    pub fn has(&self, feature: Feature) -> bool {
        // "Databases" is a feature of dedicated clusters (Zilliz Cloud, limits).
        let small = matches!(self.family, Family::Zilliz(Plan::Free | Plan::Serverless));
        self.finds(tables::FEATURES, feature) && !(small && feature == Feature::Databases)
    }

    /// The first Milvus release with a type, if any has it.
    pub fn first_with_type(data_type: DataType) -> Option<Release> {
        tables::first(tables::TYPES, data_type)
    }

    /// The first Milvus release whose structs hold vectors of a type, if any holds them.
    pub fn first_with_vectors_of_arrays(data_type: DataType) -> Option<Release> {
        tables::first(tables::VECTORS_OF_ARRAYS, data_type)
    }

    /// The first Milvus release with a kind of function, if any has it.
    pub fn first_with_function(kind: FunctionKind) -> Option<Release> {
        tables::first(tables::FUNCTIONS, kind)
    }

    /// The first Milvus release with a feature.
    pub fn first_with(feature: Feature) -> Option<Release> {
        tables::first(tables::FEATURES, feature)
    }

    /// Whether the server gives names these characters besides letters, digits and `_`. Milvus gives
    /// none (`validateCollectionNameOrAlias` and the like, internal/proxy/util.go, 2.5.27 to 3.0.0):
    /// `proxy.nameValidation.allowedChars` is for names of users, roles and groups.
    pub fn allows_in_names(&self, character: char) -> bool {
        match self.family {
            Family::Milvus | Family::Zilliz(_) | Family::Lite2 => false,
            Family::Lite3 => character == '-' || character == '$', // [M]
        }
    }

    /// Whether a field can have an index of this type. Types are compared without regard to case.
    pub fn has_index(&self, index_type: &str, field: &Field) -> bool {
        if self.family == Family::Lite3 {
            // Takes any name on a vector and keeps it; on anything else it has one index [M].
            return field.data_type.is_vector() || index_type.eq_ignore_ascii_case("INVERTED");
        }
        if self.only_autoindex() && field.data_type.is_vector() {
            return index_tables::ZILLIZ_VECTOR_INDEXES
                .iter()
                .any(|name| name.eq_ignore_ascii_case(index_type));
        }
        if self.family == Family::Lite2 {
            return index_tables::LITE_2_INDEXES.iter().any(|(name, holds)| {
                name.eq_ignore_ascii_case(index_type) && holds.contains(&indexed_type(field))
            });
        }
        index_tables::INDEXES.iter().any(|row| {
            row.name.eq_ignore_ascii_case(index_type)
                && row.holds.contains(&indexed_type(field))
                && self.is_within(row.servers)
        })
    }

    /// Whether vectors of this field's type can be compared by a metric.
    pub fn has_metric(&self, metric: &str, field: &Field) -> bool {
        let compared = indexed_type(field);
        let finds = |metrics: &[index_tables::MetricRow]| {
            metrics.iter().any(|row| {
                row.name.eq_ignore_ascii_case(metric)
                    && row.compares.contains(&compared)
                    && self.is_within(row.servers)
            })
        };
        if field.data_type != DataType::ARRAY_OF_VECTOR {
            return finds(index_tables::METRICS);
        }
        let one_by_one = self.is_within(index_tables::SINGLE_METRICS_OF_ARRAYS);
        finds(index_tables::LIST_METRICS) || (one_by_one && finds(index_tables::METRICS))
    }

    /// Whether vectors are indexed as the server likes, whatever is asked for.
    pub fn only_autoindex(&self) -> bool {
        matches!(self.family, Family::Zilliz(_))
    }

    fn finds<T: PartialEq + Copy>(&self, table: &[tables::Row<T>], what: T) -> bool {
        table.iter().any(|row| row.what == what && self.is_within(row.servers))
    }

    fn is_within(&self, servers: tables::Servers) -> bool {
        match self.family {
            Family::Lite2 => servers.lite2,
            Family::Lite3 => servers.lite3,
            Family::Milvus | Family::Zilliz(_) => {
                servers.from <= self.release
                    && servers.below.is_none_or(|below| self.release < below)
            }
        }
    }
}

/// The type that an index on a field is about: of vectors in structs, the vectors'.
fn indexed_type(field: &Field) -> DataType {
    match field.data_type {
        DataType::ARRAY_OF_VECTOR => field.element_type,
        other => other,
    }
}

impl fmt::Display for Abilities {
    /// As in "the target, Milvus 2.3.5, has no …".
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (major, minor, patch) = self.release;
        match self.family {
            Family::Milvus if self.release_unknown => f.write_str("Milvus of unknown version"),
            Family::Milvus => write!(f, "Milvus {major}.{minor}.{patch}"),
            Family::Lite2 | Family::Lite3 => write!(f, "Milvus Lite {major}.{minor}.{patch}"),
            Family::Zilliz(_) if self.plan_unknown => f.write_str("Zilliz Cloud"),
            Family::Zilliz(plan) => write!(f, "Zilliz Cloud ({plan})"),
        }
    }
}

#[cfg(test)]
mod tests;
