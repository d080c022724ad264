//! What functions compute: something of the right form that depends on the text alone.

use super::state::Column;
use crate::pb::schema::DataType;
use crate::table::Value;

/// The output of a function for a text.
pub fn output(column: &Column, text: &Value) -> Value {
    let text = match text {
        Value::Text(text) => text.as_str(),
        _ => "",
    };
    let dim = usize::try_from(column.number("dim").unwrap_or(0)).unwrap();
    let seed = text.bytes().fold(17_u64, |seed, byte| {
        seed.wrapping_mul(0x0100_0000_01b3).wrapping_add(u64::from(byte))
    });
    let byte = |place: usize| (seed.rotate_left(place as u32 * 7 % 64) & 0x7f) as u8;
    match column.kind() {
        DataType::SparseFloatVector => {
            let mut row = Vec::new();
            let mut words: Vec<u32> = text
                .split_whitespace()
                .map(|word| {
                    word.bytes().fold(7_u32, |hash, b| hash.wrapping_mul(31) ^ u32::from(b)) >> 1
                })
                .collect();
            words.sort_unstable();
            words.dedup();
            for word in words {
                row.extend(word.to_le_bytes());
                row.extend(1.0_f32.to_le_bytes());
            }
            Value::Bytes(row)
        }
        DataType::FloatVector => {
            Value::FloatVector((0..dim).map(|place| f32::from(byte(place)) / 128.0).collect())
        }
        DataType::BinaryVector => Value::Bytes((0..dim / 8).map(byte).collect()),
        _ => Value::Bytes((0..dim).map(byte).collect()),
    }
}
