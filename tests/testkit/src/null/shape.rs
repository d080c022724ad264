//! What the rows of an endless source look like: their columns, each with a block of values that
//! was encoded once.

use std::sync::Arc;

use bytes::Bytes;

use crate::collection::{Collection, Index, field, key, var_char, vector};
use crate::pb::schema::DataType;

/// Bytes of a block, roughly, where values may come again.
const BLOCK: usize = 1 << 20;

/// The values of a column beside the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Content {
    /// A float vector of so many dimensions.
    Floats(u32),
    /// A `VarChar` of so many bytes.
    Text(usize),
    /// A JSON object of so many bytes.
    Json(usize),
}

/// Rows with an `Int64` key named `id` and these columns.
#[derive(Debug, Clone)]
pub struct Shape(Arc<Vec<Column>>);

/// One column with its block.
#[derive(Debug)]
pub struct Column {
    pub name: &'static str,
    pub content: Content,
    /// Its number in the schema.
    pub field_id: u64,
    /// Encoded values, one behind the other.
    pub block: Bytes,
    /// Bytes of one of them.
    pub stride: usize,
}

impl Shape {
    pub fn new(columns: &[(&'static str, Content)]) -> Self {
        Self::with_blocks(columns, |column| (BLOCK / column.stride).max(1))
    }

    /// With so many different rows in memory.
    pub fn distinct(columns: &[(&'static str, Content)], rows: usize) -> Self {
        Self::with_blocks(columns, |_| rows)
    }

    fn with_blocks(columns: &[(&'static str, Content)], values: impl Fn(&Column) -> usize) -> Self {
        let column = |(place, (name, content)): (usize, &(&'static str, Content))| {
            let mut column = Column::new(name, *content, 101 + place as u64);
            column.fill(values(&column));
            column
        };
        Self(Arc::new(columns.iter().enumerate().map(column).collect()))
    }

    /// Embeddings of a text with the text and what else is known of it: 3.4 kB a row.
    pub fn texts_768() -> Self {
        Self::new(&[
            ("text", Content::Text(200)),
            ("document", Content::Json(115)),
            ("embedding", Content::Floats(768)),
        ])
    }

    /// Long texts and documents with a short vector: 50 kB a row.
    pub fn wide() -> Self {
        Self::new(&[
            ("text", Content::Text(32_000)),
            ("document", Content::Json(18_000)),
            ("embedding", Content::Floats(8)),
        ])
    }

    /// A collection of such rows, with a FLAT index.
    pub fn collection(&self, name: &str) -> Collection {
        let mut collection = Collection::new(name, vec![key(DataType::Int64)]);
        for column in self.0.iter() {
            collection.fields.push(match column.content {
                Content::Floats(dim) => vector(column.name, DataType::FloatVector, dim),
                Content::Text(_) => var_char(column.name, 65_535),
                Content::Json(_) => field(column.name, DataType::Json),
            });
            if let Content::Floats(_) = column.content {
                collection = collection.index(Index::new(column.name, "FLAT", "L2", ""));
            }
        }
        collection
    }

    pub fn columns(&self) -> &[Column] {
        &self.0
    }

    /// The column of this name.
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.0.iter().find(|column| column.name == name)
    }

    /// Bytes of a row without its key.
    pub fn row_bytes(&self) -> usize {
        self.0.iter().map(|column| column.stride).sum()
    }
}

impl Column {
    /// With a block of one value.
    fn new(name: &'static str, content: Content, field_id: u64) -> Self {
        let block = content.value(&mut Random::of(field_id));
        Self { name, content, field_id, stride: block.len(), block: block.into() }
    }

    /// Makes a block of so many values.
    fn fill(&mut self, values: usize) {
        let mut random = Random::of(self.field_id);
        let mut block = Vec::with_capacity(values * self.stride);
        (0..values).for_each(|_| block.extend(self.content.value(&mut random)));
        self.block = block.into();
    }
}

impl Content {
    /// A value as it lies in the array of its column.
    fn value(self, random: &mut Random) -> Vec<u8> {
        match self {
            Self::Floats(dim) => (0..dim).flat_map(|_| random.float().to_le_bytes()).collect(),
            Self::Text(length) => member(&random.text(length)),
            Self::Json(length) => {
                let around = r#"{"pad":""}"#.len();
                let mut json = b"{\"pad\":\"".to_vec();
                json.extend(random.text(length.checked_sub(around).expect("a longer object")));
                json.extend(b"\"}");
                member(&json)
            }
        }
    }
}

/// A member of a `StringArray` or a `JSONArray`.
fn member(bytes: &[u8]) -> Vec<u8> {
    let mut out = vec![0x0a];
    prost::encoding::encode_varint(bytes.len() as u64, &mut out);
    out.extend(bytes);
    out
}

/// xorshift64: the same blocks in each run.
struct Random(u64);

impl Random {
    fn of(field_id: u64) -> Self {
        Self(0x9e37_79b9_7f4a_7c15 ^ field_id)
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// Between -1 and 1.
    fn float(&mut self) -> f32 {
        (self.next() >> 40) as f32 / (1 << 23) as f32 - 1.0
    }

    fn text(&mut self, length: usize) -> Vec<u8> {
        (0..length).map(|_| b'a' + (self.next() >> 32) as u8 % 26).collect()
    }
}
