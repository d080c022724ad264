//! The texts and vectors that are shipped beside this file, as rows of a collection.

use std::error::Error;

use crate::support::collection::{Collection, Index, field, var_char, vector};
use crate::support::pb::schema::DataType;
use crate::support::table::{Row, Table, Value};

/// The source collection.
pub(crate) const COLLECTION: &str = "definitions";
/// Dimension of all-MiniLM-L6-v2.
const DIMENSION: usize = 384;

const TEXTS: &str = include_str!("texts.jsonl");
const VECTORS: &[u8] = include_bytes!("vectors.f16");
const QUERIES: &str = include_str!("queries.jsonl");
const QUERY_VECTORS: &[u8] = include_bytes!("queries.f16");

/// A question and its embedding.
pub(crate) struct Query {
    pub(crate) text: String,
    pub(crate) vector: Vec<f32>,
}

/// The source collection: its fields and its index.
pub(crate) fn collection() -> Collection {
    let mut id = field("id", DataType::Int64);
    id.is_primary_key = true;
    let dimension = u32::try_from(DIMENSION).unwrap_or(u32::MAX);
    let fields = vec![
        id,
        var_char("category", 32),
        var_char("word", 128),
        var_char("text", 2048),
        vector("embedding", DataType::FloatVector, dimension),
    ];
    let index = Index::new("embedding", "HNSW", "COSINE", r#"{"M":16,"efConstruction":200}"#);
    let mut collection = Collection::new(COLLECTION, fields).index(index);
    "WordNet definitions".clone_into(&mut collection.description);
    collection
}

/// Every row.
pub(crate) fn rows() -> Result<Table, Box<dyn Error>> {
    let mut rows = Vec::new();
    for (line, bytes) in TEXTS.lines().zip(VECTORS.chunks_exact(2 * DIMENSION)) {
        let entry: serde_json::Value = serde_json::from_str(line)?;
        let text = |name: &str| {
            entry[name].as_str().map(|text| Value::Text(text.to_owned())).ok_or("a text is missing")
        };
        let values = vec![
            Value::Int(entry["id"].as_i64().ok_or("an id is missing")?),
            text("category")?,
            text("word")?,
            text("text")?,
            Value::FloatVector(floats(bytes)),
        ];
        rows.push(Row { partition: String::new(), values });
    }
    Ok(Table { columns: collection().columns(), rows })
}

/// The questions.
pub(crate) fn queries() -> Result<Vec<Query>, Box<dyn Error>> {
    QUERIES
        .lines()
        .zip(QUERY_VECTORS.chunks_exact(2 * DIMENSION))
        .map(|(line, bytes)| {
            let entry: serde_json::Value = serde_json::from_str(line)?;
            let text = entry["query"].as_str().ok_or("a query has no text")?.to_owned();
            Ok(Query { text, vector: floats(bytes) })
        })
        .collect()
}

/// The text of a row.
pub(crate) fn text(rows: &Table, id: i64) -> &str {
    let texts = rows.rows.iter().filter_map(|row| match (&row.values[0], &row.values[3]) {
        (Value::Int(of), Value::Text(text)) if *of == id => Some(text.as_str()),
        _ => None,
    });
    texts.last().unwrap_or("?")
}

/// Little-endian half-precision floats, widened.
fn floats(bytes: &[u8]) -> Vec<f32> {
    bytes.chunks_exact(2).map(|pair| half(u16::from_le_bytes([pair[0], pair[1]]))).collect()
}

/// Widens an IEEE half. Embeddings hold no infinities and no NaN.
fn half(bits: u16) -> f32 {
    let sign = if bits >> 15 == 1 { -1.0 } else { 1.0 };
    let exponent = i32::from(bits >> 10 & 0x1f);
    let fraction = f32::from(bits & 0x3ff) / 1024.0;
    match exponent {
        0 => sign * fraction * 2f32.powi(-14),
        _ => sign * (1.0 + fraction) * 2f32.powi(exponent - 15),
    }
}
