//! What passing columns through undecoded saves: the codec work of one batch, query answer to
//! insert request, against the same through fully decoded types, in one run.
//!
//! ```text
//! cargo bench --bench columns
//! ```

#![allow(clippy::expect_used, clippy::cast_precision_loss, clippy::cast_possible_wrap)]

use std::hint::black_box;
use std::time::{Duration, Instant};

use bytes::Bytes;
use prost::Message;

/// The types that the tool uses. Their client names the codec by its path in the tool's crate.
#[allow(warnings, clippy::all, clippy::pedantic)]
mod ferry {
    pub mod common {
        include!(concat!(env!("OUT_DIR"), "/milvus.proto.common.rs"));
    }
    pub mod schema {
        include!(concat!(env!("OUT_DIR"), "/milvus.proto.schema.rs"));
    }
    pub mod msg {
        include!(concat!(env!("OUT_DIR"), "/milvus.proto.msg.rs"));
    }
    pub mod milvus {
        include!(concat!(env!("OUT_DIR"), "/milvus.proto.milvus.rs"));
    }
}
mod milvus {
    pub(crate) use milvus_ferry::milvus::codec;
}

/// The same messages with every type decoded.
use testkit::pb as full;

const ROWS: usize = 1_000;
const DIMENSION: usize = 768;
const TIME_EACH: Duration = Duration::from_secs(2);

fn main() {
    let answer = Bytes::from(answer().encode_to_vec());
    let bytes = answer.len();
    assert_eq!(through_raw(answer.clone()).len(), through_full(answer.clone()).len());
    let raw = seconds_per_batch(|| through_raw(answer.clone()));
    let full = seconds_per_batch(|| through_full(answer.clone()));
    println!("one batch: {ROWS} rows, {:.2} MB", bytes as f64 / 1e6);
    for (name, seconds) in [("undecoded columns", raw), ("decoded types", full)] {
        let per_gigabyte = seconds / bytes as f64 * 1e9;
        println!("{name:>18}: {:8.3} ms   {per_gigabyte:6.2} CPU s/GB", seconds * 1e3);
    }
    println!("{:>18}: {:8.1} times", "ratio", full / raw);
}

/// Decode the answer, check each column, encode the insert: what the tool does with a chunk.
fn through_raw(answer: Bytes) -> Vec<u8> {
    use ferry::milvus::{InsertRequest, QueryResults};
    let answer = QueryResults::decode(answer).expect("the answer decodes");
    let columns = answer.fields_data.into_iter().map(|raw| {
        let length = raw.len();
        let column = ferry::schema::FieldData::decode(raw).expect("a column decodes");
        assert_eq!(column.encoded_len(), length);
        ferry::schema::FieldData { field_id: 0, ..column }
    });
    let request =
        InsertRequest { fields_data: columns.collect(), num_rows: 1_000, ..Default::default() };
    encode(&request)
}

fn through_full(answer: Bytes) -> Vec<u8> {
    use full::milvus::{InsertRequest, QueryResults};
    let answer = QueryResults::decode(answer).expect("the answer decodes");
    let mut fields_data = answer.fields_data;
    for column in &mut fields_data {
        column.field_id = 0;
    }
    encode(&InsertRequest { fields_data, num_rows: 1_000, ..Default::default() })
}

fn encode(message: &impl Message) -> Vec<u8> {
    let mut buffer = Vec::with_capacity(message.encoded_len());
    message.encode_raw(&mut buffer);
    buffer
}

fn seconds_per_batch(mut work: impl FnMut() -> Vec<u8>) -> f64 {
    black_box(work());
    let started = Instant::now();
    let mut rounds = 0u32;
    while started.elapsed() < TIME_EACH {
        black_box(work());
        rounds += 1;
    }
    started.elapsed().as_secs_f64() / f64::from(rounds)
}

/// An answer with a key, a text, JSON and a vector in each row.
fn answer() -> full::milvus::QueryResults {
    use full::schema::{
        DataType, FieldData, FloatArray, JsonArray, LongArray, ScalarField, StringArray,
        VectorField, field_data::Field, scalar_field::Data, vector_field,
    };
    let column = |name: &str, kind: DataType, id: i64, field: Field| FieldData {
        r#type: kind.into(),
        field_name: name.to_owned(),
        field_id: id,
        field: Some(field),
        ..Default::default()
    };
    let scalar = |data| Field::Scalars(ScalarField { data: Some(data), ..Default::default() });
    let keys = (0..ROWS as i64).collect();
    let texts = (0..ROWS).map(|row| format!("{row:0200}")).collect();
    let json = (0..ROWS).map(|row| format!(r#"{{"row":{row},"pad":"{row:0100}"}}"#).into_bytes());
    let floats = (0..ROWS * DIMENSION).map(|number| number as f32 / 7.0).collect();
    let vectors = VectorField {
        dim: DIMENSION as i64,
        data: Some(vector_field::Data::FloatVector(FloatArray { data: floats })),
        ..Default::default()
    };
    let columns = vec![
        column("id", DataType::Int64, 100, scalar(Data::LongData(LongArray { data: keys }))),
        column("t", DataType::VarChar, 101, scalar(Data::StringData(StringArray { data: texts }))),
        column(
            "j",
            DataType::Json,
            102,
            scalar(Data::JsonData(JsonArray { data: json.collect() })),
        ),
        column("v", DataType::FloatVector, 103, Field::Vectors(vectors)),
    ];
    full::milvus::QueryResults { fields_data: columns, ..Default::default() }
}
