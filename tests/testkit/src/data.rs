//! Generated rows, the same on every run.

use super::collection::Collection;
use super::pb::schema::{DataType, FieldSchema};
use super::structs;
use super::table::{Key, Row, Table, Value};

/// Steele, Lea and Flood's generator: small, and good enough for test data.
#[derive(Debug, Clone)]
pub struct SplitMix(u64);

impl SplitMix {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, bound: u64) -> u64 {
        self.draw() % bound
    }

    fn pick<T: Clone>(&mut self, among: &[T]) -> T {
        among[usize::try_from(self.below(among.len() as u64)).unwrap()].clone()
    }

    /// Between -1 and 1.
    fn unit(&mut self) -> f32 {
        (self.below(2_000_001) as f32 - 1_000_000.0) / 1_000_000.0
    }
}

/// Keys at the edges of `Int64`. 2^63-1 is not among them: no query before Milvus 2.6 returns it.
pub const INT64_KEYS: [i64; 9] = [
    i64::MIN,
    i64::MIN + 1,
    -9_007_199_254_740_993,
    -1,
    0,
    1,
    9_007_199_254_740_993,
    i64::MAX - 2,
    i64::MAX - 1,
];

/// Texts that are hard to quote, to page over or to encode; all of them fit 200 bytes.
pub const AWKWARD_TEXTS: [&str; 33] = [
    "",
    " ",
    "a b",
    "\"",
    "\"quoted\"",
    "'",
    "it's",
    "\\",
    "back\\slash",
    "ends with \\",
    "\\\"",
    "\\n is no newline",
    "line\nbreak",
    "carriage\rreturn",
    "both\r\nof them",
    "tab\there",
    "%",
    "100%",
    "{}",
    "{\"a\": [1, 2]}",
    "id in [1, 2]",
    "Größe",
    "naïve café",
    "数据库",
    "データ",
    "🚢 ferry",
    "𠮷野家",
    "\u{16fe2}",
    "\u{bb7} is no \u{20bb7}",
    "e\u{301} is not \u{e9}",
    "\u{1}control",
    "-- ; drop",
    "zzz~",
];

/// `count` different `Int64` keys: the edges first, then a run of neighbours.
pub fn int64_keys(count: usize) -> Vec<Key> {
    INT64_KEYS.iter().copied().chain(1000..).take(count).map(Key::Int).collect()
}

/// `count` different `VarChar` keys: the awkward ones first, then plain ones.
pub fn text_keys(count: usize) -> Vec<Key> {
    let plain = (0..count).map(|number| format!("key-{number:06}"));
    AWKWARD_TEXTS
        .iter()
        .map(|text| (*text).to_owned())
        .chain(plain)
        .take(count)
        .map(Key::Text)
        .collect()
}

/// `count` keys of the collection's key type, edges first.
pub fn keys(collection: &Collection, count: usize) -> Vec<Key> {
    let key = collection.fields.iter().find(|field| field.is_primary_key).expect("a primary key");
    if key.data_type() == DataType::VarChar { text_keys(count) } else { int64_keys(count) }
}

/// A run of plain `Int64` keys.
pub fn key_range(range: std::ops::Range<i64>) -> Vec<Key> {
    range.map(Key::Int).collect()
}

/// A table with the keys of [`keys`].
pub fn table(collection: &Collection, rows: usize, seed: u64) -> Table {
    table_of(collection, &keys(collection, rows), seed)
}

/// A table with these keys. A value depends on the seed, the column and the row's number only.
pub fn table_of(collection: &Collection, keys: &[Key], seed: u64) -> Table {
    let columns = collection.columns();
    let rows = keys.iter().enumerate().map(|(number, key)| {
        let value = |column: &FieldSchema| {
            if column.is_primary_key { key.clone().into() } else { generate(column, number, seed) }
        };
        Row { partition: String::new(), values: columns.iter().map(value).collect() }
    });
    Table { rows: rows.collect(), columns }
}

/// The first rows of a column are its edge cases, the others random.
fn generate(column: &FieldSchema, row: usize, seed: u64) -> Value {
    let salt = column
        .name
        .bytes()
        .fold(seed, |salt, byte| salt.wrapping_mul(31).wrapping_add(u64::from(byte)));
    let mut random =
        SplitMix::new(salt.wrapping_add((row as u64).wrapping_mul(0x2545_f491_4f6c_dd1d)));
    if column.nullable && row % 3 == 1 {
        return Value::Null;
    }
    match column.data_type() {
        DataType::ArrayOfVector => vectors_of_row(column, row, &mut random),
        DataType::Array if structs::split(&column.name).is_some() => {
            let element = |place| scalar(column.element_type(), row + place, &mut random);
            Value::Array((0..struct_elements(row)).map(element).collect())
        }
        DataType::Array => {
            // Every fourth one is empty, beginning with the first.
            let count = if row.is_multiple_of(4) { 0 } else { 1 + random.below(8) };
            let element = |place: u64| {
                scalar(column.element_type(), row + usize::try_from(place).unwrap(), &mut random)
            };
            Value::Array((0..count).map(element).collect())
        }
        DataType::FloatVector => {
            // Finite distances need moderate numbers; signed zero and subnormals are moderate.
            let element = |place: u64| match (row, place) {
                (0, 0) => -0.0,
                (0, 1) => f32::from_bits(1),
                (0, 2) => -f32::MIN_POSITIVE,
                _ => random.unit(),
            };
            Value::FloatVector((0..dim(column)).map(element).collect())
        }
        DataType::BinaryVector => Value::Bytes(match row {
            0 => vec![0; dim(column) as usize / 8],
            1 => vec![0xff; dim(column) as usize / 8],
            _ => (0..dim(column) / 8).map(|_| random.draw() as u8).collect(),
        }),
        DataType::SparseFloatVector => Value::Bytes(match row {
            0 => sparse_edge(),
            _ => sparse(&mut random),
        }),
        DataType::Float16Vector => {
            Value::Bytes(halves(&FLOAT16_EDGES, 0x7c00, column, row, &mut random))
        }
        DataType::BFloat16Vector => {
            Value::Bytes(halves(&BFLOAT16_EDGES, 0x7f80, column, row, &mut random))
        }
        DataType::Int8Vector => Value::Bytes(match row {
            0 => vec![i8::MIN.cast_unsigned(); dim(column) as usize],
            1 => vec![i8::MAX.cast_unsigned(); dim(column) as usize],
            _ => (0..dim(column)).map(|_| random.draw() as u8).collect(),
        }),
        DataType::Json if column.is_dynamic => Value::Json(dynamic(row, &mut random)),
        other => scalar(other, row, &mut random),
    }
}

/// How many elements a row's structs have: none in every fourth row, the same in all sub-fields.
fn struct_elements(row: usize) -> usize {
    row % 4
}

/// Vectors for one row of a sub-field.
fn vectors_of_row(column: &FieldSchema, row: usize, random: &mut SplitMix) -> Value {
    let bytes = |count: u64, random: &mut SplitMix| -> Vec<u8> {
        // Never all bits of an exponent, which would be no number.
        (0..count).map(|_| (random.draw() & 0x3b) as u8).collect()
    };
    let one = |_| match column.element_type() {
        DataType::FloatVector => Value::FloatVector(
            (0..dim(column)).map(|_| random.below(2001) as f32 / 1000.0 - 1.0).collect(),
        ),
        DataType::BinaryVector => Value::Bytes(bytes(dim(column) / 8, random)),
        DataType::Float16Vector | DataType::BFloat16Vector => {
            Value::Bytes(bytes(dim(column) * 2, random))
        }
        _ => Value::Bytes(bytes(dim(column), random)),
    };
    Value::Array((0..struct_elements(row)).map(one).collect())
}

fn dim(column: &FieldSchema) -> u64 {
    column
        .type_params
        .iter()
        .find(|pair| pair.key == "dim")
        .expect("a dimension")
        .value
        .parse()
        .unwrap()
}

fn scalar(data_type: DataType, row: usize, random: &mut SplitMix) -> Value {
    let whole = |edges: [i64; 5], random: &mut SplitMix| {
        let (low, high) = (edges[0], edges[1]);
        let any =
            i128::from(low) + i128::from(random.draw()) % (i128::from(high) - i128::from(low) + 1);
        Value::Int(edges.get(row).copied().unwrap_or_else(|| i64::try_from(any).unwrap()))
    };
    match data_type {
        DataType::Bool => Value::Bool(random.below(2) == 1),
        DataType::Int8 => whole([i8::MIN.into(), i8::MAX.into(), 0, -1, 1], random),
        DataType::Int16 => whole([i16::MIN.into(), i16::MAX.into(), 0, -1, 1], random),
        DataType::Int32 => whole([i32::MIN.into(), i32::MAX.into(), 0, -1, 1], random),
        DataType::Int64 => whole([i64::MIN, i64::MAX, 0, -1, 9_007_199_254_740_993], random),
        DataType::Float => {
            let edges = [
                -0.0,
                f32::MAX,
                f32::MIN,
                f32::from_bits(1),
                -f32::MIN_POSITIVE,
                0.1,
                16_777_217.0,
            ];
            Value::Float(edges.get(row).copied().unwrap_or_else(|| random.unit() * 1e6))
        }
        DataType::Double => {
            let edges =
                [-0.0, f64::MAX, f64::MIN, f64::from_bits(1), -f64::MIN_POSITIVE, 0.1, 1e-300];
            Value::Double(edges.get(row).copied().unwrap_or_else(|| f64::from(random.unit()) / 3.0))
        }
        DataType::VarChar | DataType::Text => {
            let plain = || format!("row {row}: {}", AWKWARD_TEXTS[row % AWKWARD_TEXTS.len()]);
            Value::Text(AWKWARD_TEXTS.get(row).map_or_else(plain, |text| (*text).to_owned()))
        }
        DataType::Json => Value::Json(document(row, random)),
        DataType::Geometry => Value::Text(geometry(row, random)),
        DataType::Timestamptz => Value::Text(instant(row, random)),
        other => panic!("no values for {other:?}"),
    }
}

/// A JSON object, with spaces and a key order that a parser would not keep.
fn document(row: usize, random: &mut SplitMix) -> Vec<u8> {
    let edges = [
        "{}",
        r#"{"b": 1, "a": 2, "c": {"z": null, "y": [true, false, []]}}"#,
        r#"{"big":9007199254740993,"bigger":18446744073709551615,"least":-9223372036854775808}"#,
        r#"{"exact":0.1,"long":3.14159265358979323846264338327950288,"small":1e-300,"zero":-0.0,"one":1.0}"#,
        r#"{"Größe":"ü","数":"据","emoji":"🚢","escaped":"\u00fc\ud83d\udea2\n\t\"\\\/"}"#,
        r#"{ "spaces" : [ 1 , 2 ] ,  "empty" : "" }"#,
        r#"{"":"an empty key","deep":{"a":{"b":{"c":{"d":{"e":[[[1]]]}}}}}}"#,
    ];
    match edges.get(row) {
        Some(edge) => edge.as_bytes().to_vec(),
        None => {
            let (number, word) = (random.draw(), random.pick(&["red", "green", "blau", "青"]));
            format!(r#"{{"z":{row},"colour":"{word}","number":{number},"list":[{row},"{word}"]}}"#)
                .into_bytes()
        }
    }
}

/// Dynamic fields; every third row has none.
fn dynamic(row: usize, random: &mut SplitMix) -> Vec<u8> {
    if row.is_multiple_of(3) {
        return b"{}".to_vec();
    }
    let word = random.pick(&["red", "green", "blau", "青"]);
    let number = 9_007_199_254_740_993 + random.below(1000);
    format!(r#"{{"dyn_z":"{word}","dyn_number":{number},"dyn_nested":{{"b":[1,2.5,null],"a":"{row}"}}}}"#).into_bytes()
}

/// One to eight ascending indices with values.
fn sparse(random: &mut SplitMix) -> Vec<u8> {
    let mut index = 0;
    let mut row = Vec::new();
    for _ in 0..=random.below(8) {
        index += 1 + u32::try_from(random.below(1000)).unwrap();
        row.extend(index.to_le_bytes());
        row.extend((0.5 + random.unit().abs()).to_le_bytes());
    }
    row
}

/// Signed zeros, subnormals, the smallest normal number, the largest ones, one and its neighbour.
const FLOAT16_EDGES: [u16; 9] =
    [0x0000, 0x8000, 0x0001, 0x83ff, 0x0400, 0x7bff, 0xfbff, 0x3c00, 0x3c01];
const BFLOAT16_EDGES: [u16; 9] =
    [0x0000, 0x8000, 0x0001, 0x807f, 0x0080, 0x5f00, 0xdf00, 0x3f80, 0x3f81];

/// A vector of 16-bit numbers. The first rows hold edges, the others any bit patterns of moderate
/// size but NaN and infinities, which have all bits of the `exponent` set and are refused.
fn halves(
    edges: &[u16],
    exponent: u16,
    column: &FieldSchema,
    row: usize,
    random: &mut SplitMix,
) -> Vec<u8> {
    let one = |place: u64| {
        let place = usize::try_from(place).unwrap();
        match edges.get(place) {
            Some(edge) if row < 2 => *edge,
            _ => {
                let bits = random.draw() as u16;
                if bits & exponent == exponent { bits & !exponent } else { bits }
            }
        }
    };
    (0..dim(column)).map(one).flat_map(u16::to_le_bytes).collect()
}

/// The smallest and the largest index that servers take, and values that are hard to keep.
fn sparse_edge() -> Vec<u8> {
    let pairs: [(u32, f32); 4] =
        [(0, 1.0), (1, f32::MIN_POSITIVE), (70_000, 0.1), (u32::MAX - 1, 16_777_216.0)];
    pairs
        .into_iter()
        .flat_map(|(index, value)| [index.to_le_bytes(), value.to_le_bytes()].concat())
        .collect()
}

/// Well-known text of the two kinds that Milvus Lite 3 takes, as Milvus writes it, so that it comes
/// back as it was.
fn geometry(row: usize, random: &mut SplitMix) -> String {
    let edges = [
        "POINT (0 0)",
        "POINT (-180 -90)",
        "POINT (0.1 -0.30000000000000004)",
        "POLYGON ((35 10, 45 45, 15 40, 10 20, 35 10))",
    ];
    match edges.get(row) {
        Some(edge) => (*edge).to_owned(),
        None => format!("POINT ({} {})", random.below(360) as i64 - 180, random.below(90)),
    }
}

/// An instant in UTC, to the microsecond, as Milvus writes it.
fn instant(row: usize, random: &mut SplitMix) -> String {
    let edges = [
        "1970-01-01T00:00:00Z",
        "2024-02-29T23:59:59.999999Z",
        "1969-12-31T23:59:59Z",
        "2038-01-19T03:14:08Z",
        "9999-12-31T23:59:59Z",
    ];
    match edges.get(row) {
        Some(edge) => (*edge).to_owned(),
        None => format!(
            "20{:02}-{:02}-{:02}T{:02}:00:{:02}.{:06}Z",
            random.below(100),
            1 + random.below(12),
            1 + random.below(28),
            random.below(24),
            random.below(60),
            // Go drops zeros at the end and Python does not, so there are none.
            10 * random.below(100_000) + 1 + random.below(9)
        ),
    }
}
