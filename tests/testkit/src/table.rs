//! Rows as the tests know them, and their comparison bit for bit.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::pb::schema::FieldSchema;

/// A value of any field.
#[derive(Debug, Clone)]
pub enum Value {
    Null,
    Bool(bool),
    /// `Int8` to `Int64`.
    Int(i64),
    Float(f32),
    Double(f64),
    /// `VarChar`, `Geometry` as WKT, `Timestamptz` as ISO 8601.
    Text(String),
    /// `JSON` and `$meta`, as the bytes that they are.
    Json(Vec<u8>),
    Array(Vec<Value>),
    FloatVector(Vec<f32>),
    /// A binary, half-precision or `Int8` vector, or one row of a sparse one.
    Bytes(Vec<u8>),
}

impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        let bits = |values: &[f32]| values.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
        match (self, other) {
            (Self::Null, Self::Null) => true,
            (Self::Bool(a), Self::Bool(b)) => a == b,
            (Self::Int(a), Self::Int(b)) => a == b,
            (Self::Float(a), Self::Float(b)) => a.to_bits() == b.to_bits(),
            (Self::Double(a), Self::Double(b)) => a.to_bits() == b.to_bits(),
            (Self::Text(a), Self::Text(b)) => a == b,
            (Self::Json(a), Self::Json(b)) | (Self::Bytes(a), Self::Bytes(b)) => a == b,
            (Self::Array(a), Self::Array(b)) => a == b,
            (Self::FloatVector(a), Self::FloatVector(b)) => bits(a) == bits(b),
            _ => false,
        }
    }
}

impl From<Key> for Value {
    fn from(key: Key) -> Self {
        match key {
            Key::Int(key) => Self::Int(key),
            Key::Text(key) => Self::Text(key),
        }
    }
}

/// A primary key.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Key {
    Int(i64),
    Text(String),
}

impl Key {
    /// The key in Milvus's expression language. `i64::MIN` has no literal before 2.6.
    pub fn literal(&self) -> String {
        match self {
            Self::Int(key) => key.to_string(),
            Self::Text(key) => {
                let mut out = String::from("\"");
                for c in key.chars() {
                    match c {
                        '\\' => out.push_str("\\\\"),
                        '"' => out.push_str("\\\""),
                        '\n' => out.push_str("\\n"),
                        '\r' => out.push_str("\\r"),
                        other => out.push(other),
                    }
                }
                out + "\""
            }
        }
    }
}

impl From<i64> for Key {
    fn from(key: i64) -> Self {
        Self::Int(key)
    }
}

impl From<&str> for Key {
    fn from(key: &str) -> Self {
        Self::Text(key.to_owned())
    }
}

/// One row: its partition (empty where nobody asked) and its values in the order of the columns.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    pub partition: String,
    pub values: Vec<Value>,
}

/// Rows of one collection.
#[derive(Debug, Clone)]
pub struct Table {
    /// `$meta` is among them where the collection has dynamic fields.
    pub columns: Vec<FieldSchema>,
    pub rows: Vec<Row>,
}

impl Table {
    pub fn key_column(&self) -> usize {
        self.columns.iter().position(|column| column.is_primary_key).expect("a primary key")
    }

    pub fn column(&self, name: &str) -> usize {
        self.columns
            .iter()
            .position(|column| column.name == name)
            .unwrap_or_else(|| panic!("no column {name}"))
    }

    pub fn key_of(&self, row: &Row) -> Key {
        match &row.values[self.key_column()] {
            Value::Int(key) => Key::Int(*key),
            Value::Text(key) => Key::Text(key.clone()),
            other => panic!("{other:?} is no key"),
        }
    }

    pub fn keys(&self) -> Vec<Key> {
        self.rows.iter().map(|row| self.key_of(row)).collect()
    }

    /// The rows that `keep` says yes to, by key.
    pub fn filtered(&self, keep: impl Fn(&Key) -> bool) -> Self {
        let rows = self.rows.iter().filter(|row| keep(&self.key_of(row))).cloned().collect();
        Self { columns: self.columns.clone(), rows }
    }

    /// The same rows with a column under another name.
    pub fn renamed(mut self, from: &str, to: &str) -> Self {
        let column = self.column(from);
        self.columns[column].name = to.to_owned();
        self
    }

    /// The same rows without a column.
    pub fn without(mut self, name: &str) -> Self {
        let column = self.column(name);
        self.columns.remove(column);
        for row in &mut self.rows {
            row.values.remove(column);
        }
        self
    }

    /// The same rows with JSON reduced to its meaning, for Milvus Lite, which writes it anew.
    pub fn with_json_parsed(mut self) -> Self {
        for value in self.rows.iter_mut().flat_map(|row| &mut row.values) {
            if let Value::Json(bytes) = value {
                let parsed: serde_json::Value = serde_json::from_slice(bytes).unwrap();
                *bytes = parsed.to_string().into_bytes();
            }
        }
        self
    }

    /// The same rows, spread over partitions by turns.
    pub fn spread_over(mut self, partitions: &[&str]) -> Self {
        for (number, row) in self.rows.iter_mut().enumerate() {
            row.partition = partitions[number % partitions.len()].to_owned();
        }
        self
    }

    /// Other rows of the same columns put behind these.
    pub fn followed_by(mut self, other: &Self) -> Self {
        assert_eq!(names(&self), names(other));
        self.rows.extend(other.rows.iter().cloned());
        self
    }
}

fn names(table: &Table) -> Vec<&str> {
    table.columns.iter().map(|column| column.name.as_str()).collect()
}

/// Panics, with the first differences, unless both hold the same rows, whatever their partitions.
#[track_caller]
pub fn assert_same(expected: &Table, actual: &Table) {
    let report = differences(expected, actual, false);
    assert!(report.is_empty(), "{report}");
}

/// Panics unless both hold the same rows in the same partitions.
#[track_caller]
pub fn assert_same_by_partition(expected: &Table, actual: &Table) {
    let report = differences(expected, actual, true);
    assert!(report.is_empty(), "{report}");
}

/// The first differences for a reader, or nothing. Columns are matched by name, rows by key.
pub fn differences(expected: &Table, actual: &Table, by_partition: bool) -> String {
    const SHOWN: usize = 10;
    let (mut a, mut b) = (names(expected), names(actual));
    a.sort_unstable();
    b.sort_unstable();
    if a != b {
        return format!("the columns differ:\n  expected {a:?}\n  actual   {b:?}\n");
    }
    let column_of: Vec<usize> =
        expected.columns.iter().map(|column| actual.column(&column.name)).collect();
    let index = |table: &Table| {
        let mut rows: BTreeMap<(String, Key), Vec<usize>> = BTreeMap::new();
        for (number, row) in table.rows.iter().enumerate() {
            let partition = if by_partition { row.partition.clone() } else { String::new() };
            rows.entry((partition, table.key_of(row))).or_default().push(number);
        }
        rows
    };
    let (want, got) = (index(expected), index(actual));

    let mut found = Vec::new();
    for (id, rows) in &want {
        let Some(others) = got.get(id) else {
            found.push(format!("missing {}", show(id)));
            continue;
        };
        if rows.len() != others.len() {
            found.push(format!(
                "{} is there {} times instead of {}",
                show(id),
                others.len(),
                rows.len()
            ));
        }
        for (row, other) in rows.iter().zip(others) {
            for (column, other_column) in column_of.iter().enumerate() {
                let (a, b) = (
                    &expected.rows[*row].values[column],
                    &actual.rows[*other].values[*other_column],
                );
                if a != b {
                    let name = &expected.columns[column].name;
                    found.push(format!(
                        "{} {name}:\n    expected {}\n    actual   {}",
                        show(id),
                        brief(a),
                        brief(b)
                    ));
                }
            }
        }
    }
    found.extend(
        got.keys()
            .filter(|id| !want.contains_key(*id))
            .map(|id| format!("unexpected {}", show(id))),
    );
    if found.is_empty() {
        return String::new();
    }
    let mut report = format!(
        "{} differences ({} rows expected, {} rows there):\n",
        found.len(),
        expected.rows.len(),
        actual.rows.len()
    );
    for line in found.iter().take(SHOWN) {
        let _ = writeln!(report, "  {line}");
    }
    if found.len() > SHOWN {
        let _ = writeln!(report, "  ... and {} more", found.len() - SHOWN);
    }
    report
}

fn show((partition, key): &(String, Key)) -> String {
    match partition.as_str() {
        "" => format!("key {}", key.literal()),
        partition => format!("key {} in partition {partition}", key.literal()),
    }
}

fn brief(value: &Value) -> String {
    let text = match value {
        Value::Json(bytes) => format!("Json({})", String::from_utf8_lossy(bytes)),
        other => format!("{other:?}"),
    };
    match text.char_indices().nth(300) {
        Some((end, _)) => format!("{}... ({} bytes)", &text[..end], text.len()),
        None => text,
    }
}
