//! Which servers have which types, functions and features.
//!
//! Sources: the version table of Milvus's own release lines (descriptors of milvus-proto, proxy
//! checks of each line), and for the rows marked `[M]` measurements against real servers 2.2.16,
//! 2.3.5, Milvus Lite 2.5.1 and 3.2.2. Zilliz Cloud follows the release that it says it is
//! compatible with.

use super::Release;
use crate::model::{DataType, FunctionKind};

/// The servers that have something.
#[derive(Debug, Clone, Copy)]
pub(super) struct Servers {
    /// From this Milvus release on.
    pub(super) from: Release,
    /// And below this one, where it went away again.
    pub(super) below: Option<Release>,
    /// Milvus Lite 2.
    pub(super) lite2: bool,
    /// Milvus Lite 3.
    pub(super) lite3: bool,
}

/// Something, and who has it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Row<T> {
    /// What.
    pub(super) what: T,
    /// Who.
    pub(super) servers: Servers,
}

/// Milvus from a release on, and which of Milvus Lite 2 and 3.
pub(super) const fn from(from: Release, lite2: bool, lite3: bool) -> Servers {
    Servers { from, below: None, lite2, lite3 }
}

/// Milvus from one release on and below another.
pub(super) const fn between(from: Release, below: Release, lite2: bool, lite3: bool) -> Servers {
    Servers { from, below: Some(below), lite2, lite3 }
}

const fn row<T>(what: T, first: Release, lite2: bool, lite3: bool) -> Row<T> {
    Row { what, servers: from(first, lite2, lite3) }
}

/// The first Milvus release in a table that has something.
pub(super) fn first<T: PartialEq + Copy>(table: &[Row<T>], what: T) -> Option<Release> {
    table.iter().filter(|row| row.what == what).map(|row| row.servers.from).min()
}

/// Types of fields. 27 to 31 (`Mol`, `Date`, `Time`, `Decimal`, `UUID`) are in the protocol and in
/// no released server.
pub(super) const TYPES: &[Row<DataType>] = &[
    row(DataType::BOOL, (2, 0, 0), true, true),
    row(DataType::INT8, (2, 0, 0), true, true),
    row(DataType::INT16, (2, 0, 0), true, true),
    row(DataType::INT32, (2, 0, 0), true, true),
    row(DataType::INT64, (2, 0, 0), true, true),
    row(DataType::FLOAT, (2, 0, 0), true, true),
    row(DataType::DOUBLE, (2, 0, 0), true, true),
    row(DataType::VARCHAR, (2, 1, 0), true, true),
    row(DataType::JSON, (2, 2, 9), true, true),
    // 2.2.16 refuses it [M].
    row(DataType::ARRAY, (2, 3, 0), true, true),
    // 2.3.5 takes both at creation and dies when the collection is loaded [M].
    // By the documentation; releases of 2.6 before take the types without a whole support of them.
    row(DataType::GEOMETRY, (2, 6, 4), false, true),
    row(DataType::TIMESTAMPTZ, (2, 6, 6), false, true),
    row(DataType::TEXT, (3, 0, 0), false, false),
    row(DataType::FLOAT_VECTOR, (2, 0, 0), true, true),
    row(DataType::BINARY_VECTOR, (2, 0, 0), true, false),
    // Announced for 2.4; 2.3.5 holds, indexes and returns it [M].
    row(DataType::FLOAT16_VECTOR, (2, 3, 5), true, false),
    // 2.3.5 takes these at creation and refuses rows [M].
    row(DataType::BFLOAT16_VECTOR, (2, 4, 0), true, false),
    row(DataType::SPARSE_FLOAT_VECTOR, (2, 4, 0), true, true),
    row(DataType::INT8_VECTOR, (2, 6, 0), false, false),
    row(DataType::ARRAY_OF_VECTOR, (2, 6, 4), false, false),
    row(DataType::ARRAY_OF_STRUCT, (2, 6, 4), false, false),
];

/// Types of an array's elements, wherever there are arrays.
pub(super) const ELEMENTS: &[DataType] = &[
    DataType::BOOL,
    DataType::INT8,
    DataType::INT16,
    DataType::INT32,
    DataType::INT64,
    DataType::FLOAT,
    DataType::DOUBLE,
    DataType::VARCHAR,
];

/// Types of the vectors in arrays of structs, whose `ValidateFieldsInStruct` (internal/proxy/util.go)
/// takes `FloatVector` alone up to 2.6.19.
pub(super) const VECTORS_OF_ARRAYS: &[Row<DataType>] = &[
    row(DataType::FLOAT_VECTOR, (2, 6, 4), false, false),
    row(DataType::FLOAT16_VECTOR, (2, 6, 20), false, false),
    row(DataType::BFLOAT16_VECTOR, (2, 6, 20), false, false),
    row(DataType::BINARY_VECTOR, (2, 6, 20), false, false),
    row(DataType::INT8_VECTOR, (2, 6, 20), false, false),
];

/// What indexes into JSON make of its values (`INVERTEDChecker.CheckTrain` of each line).
pub(super) const JSON_CASTS: &[Row<&str>] = &[
    row("BOOL", (2, 5, 7), false, true),
    row("DOUBLE", (2, 5, 7), false, true),
    row("VARCHAR", (2, 5, 7), false, true),
    row("ARRAY_BOOL", (2, 5, 14), false, true),
    row("ARRAY_DOUBLE", (2, 5, 14), false, true),
    row("ARRAY_VARCHAR", (2, 5, 14), false, true),
    row("JSON", (2, 6, 0), false, true),
];

/// Functions. 2.3.5 drops them silently at creation and dies when the collection is loaded [M].
pub(super) const FUNCTIONS: &[Row<FunctionKind>] = &[
    row(FunctionKind::BM25, (2, 5, 0), true, true),
    row(FunctionKind::TEXT_EMBEDDING, (2, 6, 0), false, false),
    row(FunctionKind::RERANK, (2, 6, 0), false, false),
    row(FunctionKind::MIN_HASH, (3, 0, 0), false, false),
];

/// Something that a server has or has not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Feature {
    /// Scalar fields whose values may be null.
    NullableScalars,
    /// Vector fields whose values may be null.
    NullableVectors,
    /// Struct array fields whose values may be null.
    NullableStructs,
    /// Default values of fields.
    DefaultValues,
    /// Inserts may leave out a field with a default value, without harm to the server.
    DefaultsInUse,
    /// Rows with keys that the schema does not name.
    DynamicField,
    /// A field whose values choose the partition.
    PartitionKey,
    /// A field whose values order the rows in segments.
    ClusteringKey,
    /// Fields whose values are arrays of structs.
    StructArrays,
    /// Partitions that a user makes.
    Partitions,
    /// Other names of collections.
    Aliases,
    /// Databases other than `default`.
    Databases,
    /// Properties of databases.
    DatabaseProperties,
    /// Properties of collections, at creation and later.
    Properties,
    /// Taking properties of collections away again.
    DeleteProperties,
    /// Keeping data in mapped files: `mmap.enabled` of collections, fields and indexes.
    Mmap,
    /// Indexes on a path into a JSON field.
    JsonPathIndex,
    /// `warmup` of an index that is there can be altered.
    IndexWarmup,
    /// Files that are uploaded for analyzers: dictionaries, stop words.
    FileResources,
    /// Analyzers and text match (`enable_analyzer`, `enable_match`).
    TextMatch,
    /// `UpdateInsert` by key.
    Upsert,
    /// Making a function without asking its provider whether it is there.
    SkipFunctionChecks,
    /// Rows may bring keys that the server makes up otherwise: `allow_insert_auto_id` of a collection.
    MadeUpKeysBrought,
}

/// Features.
pub(super) const FEATURES: &[Row<Feature>] = &[
    // Silently dropped by 2.2.16 and 2.3.5, refused by Lite 2 [M].
    row(Feature::NullableScalars, (2, 5, 0), false, true),
    // Lite 3 makes zeros of nulls in float vectors, and takes no sparse ones [M].
    row(Feature::NullableVectors, (2, 6, 18), false, false),
    row(Feature::NullableStructs, (3, 0, 0), false, false),
    // Dropped by 2.2.16; Lite 2 keeps them and makes no use of them [M].
    row(Feature::DefaultValues, (2, 3, 0), false, true),
    // 2.3.5 keeps them and dies when an insert leaves the field out [M].
    row(Feature::DefaultsInUse, (2, 5, 0), false, true),
    row(Feature::DynamicField, (2, 2, 9), true, true),
    // Lite 2 takes rows with one, and then refuses every filter [M].
    row(Feature::PartitionKey, (2, 2, 9), false, true),
    // Silently dropped by 2.2.16, 2.3.5 and Lite 3 [M].
    row(Feature::ClusteringKey, (2, 4, 0), false, false),
    // Silently dropped by 2.5; by the documentation, as releases of 2.6 before take them with other
    // metrics.
    row(Feature::StructArrays, (2, 6, 4), false, false),
    // UNIMPLEMENTED in Lite 2 [M].
    row(Feature::Partitions, (2, 0, 0), false, true),
    row(Feature::Aliases, (2, 0, 0), false, true),
    row(Feature::Databases, (2, 2, 9), false, true),
    row(Feature::SkipFunctionChecks, (2, 6, 8), false, false),
    row(Feature::DatabaseProperties, (2, 4, 3), false, true),
    row(Feature::Properties, (2, 2, 0), false, true),
    row(Feature::DeleteProperties, (2, 4, 0), false, true),
    row(Feature::Mmap, (2, 4, 0), false, false),
    // `Server.CreateIndex` of 2.5.6 knows no path; documented from 2.5.11 on.
    row(Feature::JsonPathIndex, (2, 5, 7), false, true),
    // `IsConfigableIndexParam` (pkg/util/indexparams).
    row(Feature::IndexWarmup, (2, 6, 11), false, false),
    row(Feature::FileResources, (3, 0, 0), false, false),
    row(Feature::TextMatch, (2, 5, 0), true, true),
    row(Feature::Upsert, (2, 3, 0), true, true),
    // `IsAllowInsertAutoID` (pkg/common), asked by `checkFieldsDataBySchema` (internal/proxy/util.go).
    // In 2.6 since 2.6.3; in 2.5 since a few days after the version became 2.5.18, so that 2.5.19 is the
    // first that has it for certain. Older releases keep the property and make no use of it: they refuse
    // the first insert (`Error::refuses_given_keys`). Milvus Lite knows no such property.
    Row { what: Feature::MadeUpKeysBrought, servers: between((2, 5, 19), (2, 6, 0), false, false) },
    row(Feature::MadeUpKeysBrought, (2, 6, 3), false, false),
];
