//! Which servers have which indexes and metrics, on which types.
//!
//! Sources: index type lists of Milvus's documentation per line, and creating and loading each on
//! real servers 2.2.16, 2.3.5 and Milvus Lite 2.5.1 (rows marked `[M]`). A type that one line added
//! to an index later is only told apart where the type itself is older than that.

use super::tables::{Servers, between, from};
use crate::model::DataType;

/// An index type.
pub(super) struct IndexRow {
    /// Its name; Milvus compares without regard to case.
    pub(super) name: &'static str,
    /// On what.
    pub(super) holds: &'static [DataType],
    /// Where.
    pub(super) servers: Servers,
}

/// A metric.
pub(super) struct MetricRow {
    /// Its name.
    pub(super) name: &'static str,
    /// On what.
    pub(super) compares: &'static [DataType],
    /// Where.
    pub(super) servers: Servers,
}

const DENSE: &[DataType] = &[
    DataType::FLOAT_VECTOR,
    DataType::FLOAT16_VECTOR,
    DataType::BFLOAT16_VECTOR,
    DataType::INT8_VECTOR,
];
/// Those that knowhere does not index as `HNSW` alone (`legal_knowhere_index` in
/// `include/knowhere/index/index_table.h`, knowhere 2.5.14 to 3.0.6: the rows of `Int8Vector` are
/// commented out there).
const NOT_INT8: &[DataType] =
    &[DataType::FLOAT_VECTOR, DataType::FLOAT16_VECTOR, DataType::BFLOAT16_VECTOR];
const BINARY: &[DataType] = &[DataType::BINARY_VECTOR];
const SPARSE: &[DataType] = &[DataType::SPARSE_FLOAT_VECTOR];
const VECTORS: &[DataType] = &[
    DataType::FLOAT_VECTOR,
    DataType::FLOAT16_VECTOR,
    DataType::BFLOAT16_VECTOR,
    DataType::INT8_VECTOR,
    DataType::BINARY_VECTOR,
    DataType::SPARSE_FLOAT_VECTOR,
];
const TEXTS: &[DataType] = &[DataType::VARCHAR];
const NUMBERS: &[DataType] = &[
    DataType::INT8,
    DataType::INT16,
    DataType::INT32,
    DataType::INT64,
    DataType::FLOAT,
    DataType::DOUBLE,
];
/// What can be told apart exactly: no floating point, no JSON.
const DISCRETE: &[DataType] = &[
    DataType::BOOL,
    DataType::INT8,
    DataType::INT16,
    DataType::INT32,
    DataType::INT64,
    DataType::VARCHAR,
    DataType::ARRAY,
];
const SCALARS: &[DataType] = &[
    DataType::BOOL,
    DataType::INT8,
    DataType::INT16,
    DataType::INT32,
    DataType::INT64,
    DataType::FLOAT,
    DataType::DOUBLE,
    DataType::VARCHAR,
    DataType::ARRAY,
];
const JSON: &[DataType] = &[DataType::JSON];
/// Scalars that came with 2.6.
const NEW_SCALARS: &[DataType] = &[DataType::TIMESTAMPTZ, DataType::GEOMETRY, DataType::TEXT];

const fn index(name: &'static str, holds: &'static [DataType], servers: Servers) -> IndexRow {
    IndexRow { name, holds, servers }
}

const fn metric(name: &'static str, compares: &'static [DataType], servers: Servers) -> MetricRow {
    MetricRow { name, compares, servers }
}

/// What Zilliz Cloud builds on vectors; other types are for those whom its support allowed them.
pub(super) const ZILLIZ_VECTOR_INDEXES: &[&str] = &["AUTOINDEX", "MINHASH_LSH"];

/// Index types of Milvus and Zilliz Cloud. Milvus Lite 3 takes any [M] and is not asked here; Lite 2
/// has [`LITE_2_INDEXES`].
pub(super) const INDEXES: &[IndexRow] = &[
    index("FLAT", NOT_INT8, from((2, 0, 0), false, true)),
    index("IVF_FLAT", NOT_INT8, from((2, 0, 0), false, true)),
    index("IVF_SQ8", NOT_INT8, from((2, 0, 0), false, true)),
    index("IVF_PQ", NOT_INT8, from((2, 0, 0), false, true)),
    index("HNSW", DENSE, from((2, 0, 0), false, true)),
    // Knowhere 2.6.4.
    index("HNSW", BINARY, from((2, 6, 4), false, true)),
    index("ANNOY", DENSE, between((2, 0, 0), (2, 3, 0), false, true)),
    index("RHNSW_FLAT", DENSE, between((2, 0, 0), (2, 2, 0), false, true)),
    index("RHNSW_PQ", DENSE, between((2, 0, 0), (2, 2, 0), false, true)),
    index("RHNSW_SQ", DENSE, between((2, 0, 0), (2, 2, 0), false, true)),
    index("IVF_HNSW", DENSE, between((2, 0, 0), (2, 2, 0), false, true)),
    index("RNSG", DENSE, between((2, 0, 0), (2, 1, 0), false, true)),
    index("NGT_PANNG", DENSE, between((2, 0, 0), (2, 1, 0), false, true)),
    index("NGT_ONNG", DENSE, between((2, 0, 0), (2, 1, 0), false, true)),
    index("DISKANN", NOT_INT8, from((2, 2, 0), false, true)),
    index("SCANN", NOT_INT8, from((2, 3, 0), false, true)),
    // A server without a GPU takes these too, and cannot load them [M].
    index("GPU_IVF_FLAT", DENSE, from((2, 3, 0), false, true)),
    index("GPU_IVF_PQ", DENSE, from((2, 3, 0), false, true)),
    index("GPU_BRUTE_FORCE", DENSE, from((2, 4, 0), false, true)),
    index("GPU_CAGRA", DENSE, from((2, 4, 0), false, true)),
    index("HNSW_SQ", DENSE, from((2, 5, 0), false, true)),
    index("HNSW_PQ", DENSE, from((2, 5, 0), false, true)),
    index("HNSW_PRQ", DENSE, from((2, 5, 0), false, true)),
    index("IVF_RABITQ", NOT_INT8, from((2, 6, 0), false, true)),
    index("AISAQ", NOT_INT8, from((2, 6, 4), false, true)),
    index("EMB_LIST_HNSW", DENSE, from((2, 6, 0), false, true)),
    index("BIN_FLAT", BINARY, from((2, 0, 0), false, false)),
    index("BIN_IVF_FLAT", BINARY, from((2, 0, 0), false, false)),
    index("MINHASH_LSH", BINARY, from((2, 6, 0), false, true)),
    index("SPARSE_INVERTED_INDEX", SPARSE, from((2, 4, 0), false, true)),
    index("SPARSE_WAND", SPARSE, from((2, 4, 0), false, true)),
    // 2.2.16 has it on `FloatVector` alone [M].
    index("AUTOINDEX", &[DataType::FLOAT_VECTOR], from((2, 2, 0), false, true)),
    index("AUTOINDEX", VECTORS, from((2, 4, 0), false, true)),
    index("Trie", TEXTS, from((2, 1, 0), false, true)),
    index("STL_SORT", NUMBERS, from((2, 1, 0), false, true)),
    index("STL_SORT", TEXTS, from((2, 6, 4), false, true)),
    index("STL_SORT", NEW_SCALARS, from((2, 6, 0), false, true)),
    index("INVERTED", SCALARS, from((2, 4, 0), false, true)),
    index("INVERTED", JSON, from((2, 5, 7), false, true)),
    index("INVERTED", NEW_SCALARS, from((2, 6, 0), false, true)),
    // 2.4.8 is the first whose `GetChecker` (pkg/util/indexparamcheck) knows it.
    index("BITMAP", DISCRETE, from((2, 4, 8), false, true)),
    index("BITMAP", JSON, from((3, 0, 0), false, true)),
    // HYBRID is a server's own choice: "not enable hybrid index for user" (parseIndexParams,
    // internal/proxy/task_index.go).
    index("AUTOINDEX", SCALARS, from((2, 4, 0), false, true)),
    index("AUTOINDEX", JSON, from((2, 5, 7), false, true)),
    index("AUTOINDEX", NEW_SCALARS, from((2, 6, 0), false, true)),
    index("NGRAM", TEXTS, from((2, 6, 0), false, true)),
    index("NGRAM", JSON, from((2, 6, 0), false, true)),
    index("RTREE", NEW_SCALARS, from((2, 6, 0), false, true)),
];

const FLOATS: &[DataType] = &[DataType::FLOAT_VECTOR];
const HALVES: &[DataType] = &[DataType::FLOAT16_VECTOR, DataType::BFLOAT16_VECTOR];
const BOOLEANS: &[DataType] = &[DataType::BOOL];

/// Index types of Milvus Lite 2, and on what [M]. It has none on arrays and JSON.
pub(super) const LITE_2_INDEXES: &[(&str, &[DataType])] = &[
    ("FLAT", FLOATS),
    ("FLAT", HALVES),
    ("IVF_FLAT", FLOATS),
    ("AUTOINDEX", FLOATS),
    ("BIN_FLAT", BINARY),
    ("SPARSE_INVERTED_INDEX", SPARSE),
    ("SPARSE_WAND", SPARSE),
    ("INVERTED", NUMBERS),
    ("INVERTED", TEXTS),
    ("INVERTED", BOOLEANS),
    ("Trie", NUMBERS),
    ("Trie", TEXTS),
];

/// Metrics.
pub(super) const METRICS: &[MetricRow] = &[
    metric("L2", DENSE, from((2, 0, 0), true, true)),
    metric("IP", DENSE, from((2, 0, 0), true, true)),
    // 2.2.16 refuses it [M].
    metric("COSINE", DENSE, from((2, 3, 0), true, true)),
    metric("HAMMING", BINARY, from((2, 0, 0), true, false)),
    metric("JACCARD", BINARY, from((2, 0, 0), true, false)),
    metric("TANIMOTO", BINARY, between((2, 0, 0), (2, 3, 0), false, false)),
    metric("SUBSTRUCTURE", BINARY, from((2, 0, 0), false, false)),
    metric("SUPERSTRUCTURE", BINARY, from((2, 0, 0), false, false)),
    metric("MHJACCARD", BINARY, from((2, 6, 0), false, false)),
    metric("IP", SPARSE, from((2, 4, 0), true, true)),
    metric("BM25", SPARSE, from((2, 5, 0), true, true)),
];

/// Metrics that compare whole lists, of vectors of these types in arrays of structs: of any up to
/// 2.6.20 (`EmbListMetrics`), and of those that fit since 3.0 (`ValidateArrayOfVectorMetricType`,
/// internal/util/indexparamcheck).
pub(super) const LIST_METRICS: &[MetricRow] = &[
    metric("MAX_SIM", DENSE, from((2, 6, 4), false, false)),
    metric("MAX_SIM", BINARY, between((2, 6, 4), (3, 0, 0), false, false)),
    metric("MAX_SIM_IP", DENSE, from((2, 6, 4), false, false)),
    metric("MAX_SIM_IP", BINARY, between((2, 6, 4), (3, 0, 0), false, false)),
    metric("MAX_SIM_L2", DENSE, from((2, 6, 4), false, false)),
    metric("MAX_SIM_L2", BINARY, between((2, 6, 4), (3, 0, 0), false, false)),
    metric("MAX_SIM_COSINE", DENSE, from((2, 6, 4), false, false)),
    metric("MAX_SIM_COSINE", BINARY, between((2, 6, 4), (3, 0, 0), false, false)),
    metric("MAX_SIM_HAMMING", BINARY, from((2, 6, 4), false, false)),
    metric("MAX_SIM_HAMMING", DENSE, between((2, 6, 4), (3, 0, 0), false, false)),
    metric("MAX_SIM_JACCARD", BINARY, from((2, 6, 4), false, false)),
    metric("MAX_SIM_JACCARD", DENSE, between((2, 6, 4), (3, 0, 0), false, false)),
];

/// Since when vectors in arrays of structs are compared one by one, as any other vectors
/// (`parseIndexParams` in `internal/proxy/task_index.go`).
pub(super) const SINGLE_METRICS_OF_ARRAYS: Servers = from((2, 6, 18), false, false);
