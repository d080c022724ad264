//! Presets that have every type of the release lines that no real server here can run.

use super::collection::{
    Collection, FieldWords, Index, array, everything_235, field, var_char, vector,
};
use super::pb::schema::value_field::Data;
use super::pb::schema::{DataType, FieldSchema, StructArrayFieldSchema};
use super::structs::{struct_array, vectors};

/// An index that every server takes, Zilliz Cloud too.
pub fn auto_index(field: &str, metric: &str) -> Index {
    Index::new(field, "AUTOINDEX", metric, "")
}

fn with(mut collection: Collection, fields: Vec<FieldSchema>) -> Collection {
    collection.fields.extend(fields);
    collection
}

/// Every type of Milvus 2.4; `key_type` is `Int64` or `VarChar`.
pub fn everything_24(name: &str, key_type: DataType) -> Collection {
    let mut collection = everything_235(name, key_type);
    collection.indexes.clear();
    let fields = vec![
        vector("half", DataType::Float16Vector, 8),
        vector("brain", DataType::BFloat16Vector, 8),
        field("sparse", DataType::SparseFloatVector),
    ];
    with(collection, fields)
        .index(auto_index("embedding", "L2"))
        .index(auto_index("half", "COSINE"))
        .index(auto_index("brain", "IP"))
        .index(auto_index("sparse", "IP"))
}

/// Scalar types that every line from 2.5 on lets be null.
const NULLABLE: [(&str, DataType); 8] = [
    ("maybe_flag", DataType::Bool),
    ("maybe_tiny", DataType::Int8),
    ("maybe_small", DataType::Int16),
    ("maybe_medium", DataType::Int32),
    ("maybe_big", DataType::Int64),
    ("maybe_single", DataType::Float),
    ("maybe_double", DataType::Double),
    ("maybe_document", DataType::Json),
];

/// Every type of Milvus 2.5, with nulls and with a default value.
pub fn everything_25(name: &str, key_type: DataType) -> Collection {
    let mut fields: Vec<FieldSchema> =
        NULLABLE.iter().map(|(name, kind)| field(name, *kind).nullable()).collect();
    fields.push(var_char("maybe_text", 500).nullable());
    fields.push(array("maybe_words", DataType::VarChar).nullable());
    fields.push(array("maybe_numbers", DataType::Int64).nullable());
    fields.push(field("rank", DataType::Int64).with_default(Data::LongData(7)));
    with(everything_24(name, key_type), fields)
}

fn things() -> StructArrayFieldSchema {
    let fields = vec![
        array("label", DataType::VarChar),
        array("weight", DataType::Double),
        vectors("dense", DataType::FloatVector, 4),
        vectors("bits", DataType::BinaryVector, 16),
    ];
    struct_array("things", fields)
}

/// Every type of Milvus 2.6.0.
pub fn everything_26(name: &str, key_type: DataType) -> Collection {
    let fields = vec![
        field("place", DataType::Geometry),
        field("maybe_place", DataType::Geometry).nullable(),
        field("moment", DataType::Timestamptz),
        field("maybe_moment", DataType::Timestamptz).nullable(),
        vector("bytes", DataType::Int8Vector, 8),
        vector("bits", DataType::BinaryVector, 64),
    ];
    with(everything_25(name, key_type), fields)
        .struct_field(things())
        .index(auto_index("bytes", "COSINE"))
        .index(auto_index("bits", "HAMMING"))
        .index(auto_index("things[dense]", "MAX_SIM_COSINE"))
        // What `AUTOINDEX` is on bits, `BIN_IVF_FLAT`, compares no lists.
        .index(Index::new(
            "things[bits]",
            "HNSW",
            "MAX_SIM_HAMMING",
            r#"{"M": 8, "efConstruction": 64}"#,
        ))
}

/// Every type of Milvus 3.0, with vectors and structs that are null.
pub fn everything_30(name: &str, key_type: DataType) -> Collection {
    let fields = vec![
        field("story", DataType::Text),
        vector("maybe_embedding", DataType::FloatVector, 8).nullable(),
        field("maybe_sparse", DataType::SparseFloatVector).nullable(),
    ];
    let mut collection = with(everything_26(name, key_type), fields)
        .index(auto_index("maybe_embedding", "L2"))
        .index(auto_index("maybe_sparse", "IP"));
    collection.struct_fields[0].nullable = true;
    collection
}
