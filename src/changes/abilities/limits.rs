//! How much a server can hold.
//!
//! Sources: default configuration and checks of each Milvus line; the public limits pages of Zilliz
//! Cloud as of mid-2026 (its numbers move; a limit that has become wider is the reason to look
//! there again).

use super::{Family, Plan, Release};

/// Numeric limits; `None` where there is none, or none is known.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Limits {
    /// Fields of a collection, struct arrays counted by their sub-fields.
    pub fields: Option<u64>,
    /// Vector fields of a collection.
    pub vector_fields: Option<u64>,
    /// Dimension of vectors; binary ones may have eight times as many bits.
    pub dimension: Option<u64>,
    /// Shards of a collection.
    pub shards: Option<u64>,
    /// Partitions of a collection, `_default` counted, and those of a partition key.
    pub partitions: Option<u64>,
    /// Collections, over all databases.
    pub collections: Option<u64>,
    /// Databases, `default` counted.
    pub databases: Option<u64>,
    /// Bytes of the description of a collection or field.
    pub description: Option<u64>,
    /// `max_length` of VarChar fields, bytes.
    pub varchar: Option<u64>,
    /// `max_length` of Text fields, bytes.
    pub text: Option<u64>,
    /// `max_capacity` of arrays.
    pub capacity: Option<u64>,
    /// Bytes that one request may have.
    pub request: Option<u64>,
    /// Bytes of rows that are taken a second.
    pub write_rate: Option<u64>,
    /// Bytes of rows that fit.
    pub storage: Option<u64>,
    /// Partition names may have hyphens.
    pub hyphens: bool,
}

const MEGABYTE: u64 = 1_000_000;
/// Receive limit of the proxy in every packaged configuration.
const REQUEST: u64 = 64 << 20;

/// A limit from a release on.
type Steps = &'static [(Release, Option<u64>)];

/// Fields per collection.
const FIELDS: Steps = &[((2, 0, 0), Some(256)), ((2, 2, 0), Some(64)), ((3, 0, 0), Some(256))];
/// Vector fields per collection.
const VECTOR_FIELDS: Steps = &[((2, 0, 0), Some(1)), ((2, 4, 0), Some(4)), ((2, 6, 0), Some(10))];
/// Shards per collection.
const SHARDS: Steps = &[((2, 0, 0), Some(256)), ((2, 2, 0), Some(16))];
/// Partitions per collection: `rootCoord.maxPartitionNum`, whose default 2.4.6 is the first to have
/// lowered.
const PARTITIONS: Steps = &[((2, 0, 0), Some(4_096)), ((2, 4, 6), Some(1_024))];
/// Bytes of a collection's description (`validateCollectionDescription`, internal/proxy/util.go).
const DESCRIPTION: Steps = &[((2, 0, 0), None), ((2, 6, 19), Some(1_024))];
/// The same in Zilliz Cloud, whose patch release is not told.
const DESCRIPTION_IN_THE_CLOUD: Steps = &[((2, 0, 0), None), ((2, 6, 0), Some(1_024))];

fn step(steps: Steps, release: Release) -> Option<u64> {
    steps.iter().rev().find(|(from, _)| *from <= release).and_then(|(_, limit)| *limit)
}

/// Shards of a collection in a dedicated cluster of so many compute units.
fn dedicated_shards(units: u32) -> u64 {
    match units {
        0..=2 => 2,
        3..=8 => 4,
        9..=64 => 8,
        _ => 16,
    }
}

impl Limits {
    pub(super) fn of(family: Family, release: Release) -> Self {
        let milvus = Self {
            fields: step(FIELDS, release),
            vector_fields: step(VECTOR_FIELDS, release),
            dimension: Some(32_768),
            shards: step(SHARDS, release),
            partitions: step(PARTITIONS, release),
            collections: Some(65_536),
            databases: Some(64),
            description: step(DESCRIPTION, release),
            varchar: Some(65_535),
            text: Some(2 << 20),
            capacity: Some(4_096),
            request: Some(REQUEST),
            write_rate: None,
            storage: None,
            hyphens: release >= (2, 5, 0),
        };
        match family {
            Family::Milvus => milvus,
            Family::Lite2 | Family::Lite3 => Self { hyphens: true, ..Self::default() },
            Family::Zilliz(plan) => {
                let description = step(DESCRIPTION_IN_THE_CLOUD, release);
                Self { description, ..milvus }.on(plan)
            }
        }
    }

    fn on(self, plan: Plan) -> Self {
        let cloud = Self { fields: Some(64), partitions: Some(1_024), ..self };
        match plan {
            Plan::Free => Self {
                vector_fields: Some(4),
                shards: Some(2),
                collections: Some(5),
                databases: Some(1),
                write_rate: Some(2 * MEGABYTE),
                storage: Some(5_000 * MEGABYTE),
                ..cloud
            },
            Plan::Serverless => Self {
                vector_fields: Some(4),
                shards: Some(2),
                collections: Some(100),
                databases: Some(1),
                write_rate: Some(10 * MEGABYTE),
                ..cloud
            },
            Plan::Dedicated(units) => Self {
                vector_fields: Some(10),
                shards: Some(dedicated_shards(units.unwrap_or(u32::MAX))),
                collections: Some(match units {
                    Some(units) => (1_024 * u64::from(units)).min(16_384),
                    None => 16_384,
                }),
                databases: Some(1_024),
                write_rate: units.map(|units| (16 + u64::from(units)).min(256) * MEGABYTE),
                ..cloud
            },
        }
    }
}
