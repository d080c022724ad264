//! Messages that hold rows, put together from blocks: answers to queries, and inserts.

use bytes::{BufMut, Bytes, BytesMut};
use prost::encoding::{encode_varint, encoded_len_varint};

use super::front::Pieces;
use super::shape::{Column, Content, Shape};
use crate::pb::schema::DataType;

/// Columns in `QueryResults` and in `InsertRequest`.
const ANSWERED: u8 = 2;
const INSERTED: u8 = 5;

/// An answer with these keys, the first and the last, and these columns.
///
/// # Errors
/// The name of a column that is not there.
pub fn answer(
    shape: &Shape,
    collection: &str,
    keys: Option<(i64, i64)>,
    output: &[String],
) -> Result<Pieces, String> {
    let mut pieces = Pieces::default();
    pieces.put(&[0x0a, 0]); // a status that says nothing
    for name in output.iter().filter(|name| *name != "id") {
        let column = shape.column(name).ok_or_else(|| name.clone())?;
        put_column(&mut pieces, ANSWERED, column, keys);
    }
    // The key comes with every answer, asked for or not.
    put_keys(&mut pieces, ANSWERED, keys);
    pieces.put(&text(3, collection));
    for name in output {
        pieces.put(&text(4, name));
    }
    Ok(pieces)
}

/// An insert of the rows with these keys, the first and the last.
pub fn insert(shape: &Shape, collection: &str, keys: (i64, i64)) -> Pieces {
    let mut pieces = Pieces::default();
    pieces.put(&text(3, collection));
    put_keys(&mut pieces, INSERTED, Some(keys));
    for column in shape.columns() {
        put_column(&mut pieces, INSERTED, column, Some(keys));
    }
    let mut number = vec![7 << 3];
    encode_varint((keys.1 - keys.0 + 1) as u64, &mut number);
    pieces.put(&number);
    pieces
}

/// An answer to `count(*)`.
pub fn count(collection: &str, rows: u64) -> Pieces {
    let mut pieces = Pieces::default();
    pieces.put(&[0x0a, 0]);
    let mut number = BytesMut::new();
    encode_varint(rows, &mut number);
    put(
        &mut pieces,
        ANSWERED,
        &COUNT,
        nested(&[3, 3, 1], &[], number.len()),
        number.len(),
        |pieces| {
            pieces.put(&number);
        },
    );
    pieces.put(&text(3, collection));
    pieces
}

fn put_keys(pieces: &mut Pieces, place: u8, keys: Option<(i64, i64)>) {
    let numbers = packed(keys);
    put(pieces, place, &KEY, nested(&[3, 3, 1], &[], numbers.len()), numbers.len(), |pieces| {
        pieces.put_block(numbers);
    });
}

/// Puts the values of a column: those of a key are always the same.
fn put_column(pieces: &mut Pieces, place: u8, column: &Column, keys: Option<(i64, i64)>) {
    let (first, rows) = keys.map_or((1, 0), |(first, last)| (first, last - first + 1));
    let bytes = rows as usize * column.stride;
    // Through which fields the values are reached; each text and each JSON value is a field itself.
    let (kind, around) = match column.content {
        Content::Floats(dim) => {
            let mut said = vec![0x08];
            encode_varint(dim.into(), &mut said);
            (DataType::FloatVector, nested(&[4, 2, 1], &said, bytes))
        }
        Content::Text(_) => (DataType::VarChar, nested(&[3, 6], &[], bytes)),
        Content::Json(_) => (DataType::Json, nested(&[3, 9], &[], bytes)),
    };
    let head = Head { name: column.name, kind, field_id: column.field_id };
    put(pieces, place, &head, around, bytes, |pieces| {
        let mut at = (first - 1) as usize * column.stride % column.block.len();
        let mut left = bytes;
        while left > 0 {
            let part = left.min(column.block.len() - at);
            pieces.put_block(column.block.slice(at..at + part));
            left -= part;
            at = 0;
        }
    });
}

/// What a column is.
struct Head {
    name: &'static str,
    kind: DataType,
    field_id: u64,
}

const KEY: Head = Head { name: "id", kind: DataType::Int64, field_id: 100 };
const COUNT: Head = Head { name: "count(*)", kind: DataType::Int64, field_id: 0 };

/// Puts a column: a `FieldData` whose values, so many bytes, lie in nested messages.
fn put(
    pieces: &mut Pieces,
    place: u8,
    is: &Head,
    around: Vec<u8>,
    bytes: usize,
    values: impl FnOnce(&mut Pieces),
) {
    let mut head = BytesMut::new();
    head.put_u8(0x08);
    encode_varint(is.kind as u64, &mut head);
    head.put_slice(&text(2, is.name));
    let mut tail = BytesMut::new();
    // An insert that names the source's ids is misread.
    if place == ANSWERED && is.field_id > 0 {
        tail.put_u8(0x28);
        encode_varint(is.field_id, &mut tail);
    }
    let mut start = BytesMut::new();
    start.put_u8(place << 3 | 2);
    encode_varint((head.len() + around.len() + bytes + tail.len()) as u64, &mut start);
    pieces.put(&start);
    pieces.put(&head);
    pieces.put(&around);
    values(pieces);
    pieces.put(&tail);
}

/// The heads of messages around so many bytes. `said` stands first in the outermost one.
fn nested(path: &[u32], said: &[u8], bytes: usize) -> Vec<u8> {
    // An empty packed field is left out.
    let path = if bytes == 0 && path.len() == 3 { &path[..2] } else { path };
    let mut out: Vec<u8> = Vec::new();
    let mut length = bytes;
    for (depth, field) in path.iter().enumerate().rev() {
        if depth == 0 {
            out.splice(0..0, said.iter().copied());
            length += said.len();
        }
        let mut head = vec![(field << 3 | 2) as u8];
        encode_varint(length as u64, &mut head);
        length += head.len();
        out.splice(0..0, head);
    }
    out
}

fn text(field: u32, text: &str) -> Vec<u8> {
    let mut out = vec![(field << 3 | 2) as u8];
    encode_varint(text.len() as u64, &mut out);
    out.extend(text.as_bytes());
    out
}

/// Ascending keys as a packed field holds them.
fn packed(keys: Option<(i64, i64)>) -> Bytes {
    let Some((first, last)) = keys else { return Bytes::new() };
    let mut out =
        BytesMut::with_capacity((last - first + 1) as usize * encoded_len_varint(last as u64));
    for key in first..=last {
        encode_varint(key as u64, &mut out);
    }
    out.freeze()
}
