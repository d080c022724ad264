//! The data set of `examples/quickstart` as a collection, rows and questions.

use std::path::Path;

use serde_json::Value as Json;

use super::collection::{Collection, Index, field, var_char, vector};
use super::collection::{FieldWords as _, meta};
use super::pb::schema::DataType;
use super::table::{Key, Row, Table, Value};

const DIM: usize = 384;

/// A vector to search with, and the keys that it finds, nearest first.
#[derive(Debug, Clone)]
pub struct Question {
    pub text: String,
    pub vector: Vec<f32>,
    pub nearest: Vec<Key>,
}

/// `id`, `category`, `text`, `embedding`, and `word` as a dynamic field; a FLAT index with COSINE.
pub fn collection(name: &str) -> Collection {
    let fields = vec![
        field("id", DataType::Int64).primary(),
        var_char("category", 20),
        var_char("text", 500),
        vector("embedding", DataType::FloatVector, 384),
    ];
    let index = Index::new("embedding", "FLAT", "COSINE", "");
    Collection::new(name, fields).dynamic().index(index)
}

/// Its 2,288 rows.
pub fn table() -> Table {
    let rows =
        lines("texts.jsonl").into_iter().zip(vectors("vectors.f16")).map(|(line, vector)| {
            let text = |key: &str| line[key].as_str().unwrap().to_owned();
            let dynamic = serde_json::json!({"word": line["word"]}).to_string();
            Row {
                partition: String::new(),
                values: vec![
                    Value::Int(line["id"].as_i64().unwrap()),
                    Value::Text(text("category")),
                    Value::Text(text("text")),
                    Value::FloatVector(vector),
                    Value::Json(dynamic.into_bytes()),
                ],
            }
        });
    let rows = rows.collect();
    let mut columns = collection("").fields;
    columns.push(meta());
    Table { columns, rows }
}

/// Its ten questions.
pub fn questions() -> Vec<Question> {
    let questions = lines("queries.jsonl").into_iter().zip(vectors("queries.f16"));
    questions
        .map(|(line, vector)| Question {
            text: line["query"].as_str().unwrap().to_owned(),
            vector,
            nearest: line["nearest"]
                .as_array()
                .unwrap()
                .iter()
                .map(|id| Key::Int(id.as_i64().unwrap()))
                .collect(),
        })
        .collect()
}

fn read(name: &str) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/quickstart");
    std::fs::read(folder.join(name)).unwrap()
}

fn lines(name: &str) -> Vec<Json> {
    let text = String::from_utf8(read(name)).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn vectors(name: &str) -> Vec<Vec<f32>> {
    let halves: Vec<f32> = read(name)
        .chunks_exact(2)
        .map(|bytes| widened(u16::from_le_bytes([bytes[0], bytes[1]])))
        .collect();
    halves.chunks_exact(DIM).map(<[f32]>::to_vec).collect()
}

/// A finite IEEE half-precision number as the `f32` that it equals.
fn widened(half: u16) -> f32 {
    let sign = if half >> 15 == 1 { -1.0 } else { 1.0 };
    let (exponent, fraction) = (i32::from(half >> 10 & 0x1f), f32::from(half & 0x3ff));
    assert_ne!(exponent, 0x1f, "not finite");
    let magnitude = match exponent {
        0 => fraction * 2.0_f32.powi(-24),
        _ => (1024.0 + fraction) * 2.0_f32.powi(exponent - 25),
    };
    sign * magnitude
}
