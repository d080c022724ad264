//! The reading half of the probe: whole collections, every row and every column.

use std::collections::BTreeSet;

use super::Probe;
use super::query::keys_of;
use crate::collection::meta;
use crate::columns;
use crate::pb::milvus;
use crate::pb::schema::{DataType, FieldSchema};
use crate::structs;
use crate::table::{Key, Row, Table, Value};

/// Rows of one query by keys, at most.
const KEYS_AT_ONCE: usize = 5000;
/// Known keys between the bounds of two windows of the search for strays.
const WINDOW: usize = 20_000;
/// What one answer may weigh, roughly.
const ANSWER_BYTES: usize = 24 << 20;

impl Probe {
    /// Reads every row and every column of a loaded collection.
    ///
    /// `keys` are those that should be there; others are found too. With partitions, each is read
    /// by itself and the rows say which they are in; without, the collection is read as a whole.
    /// Panics unless `count(*)` agrees, so a collection with copies of a key needs
    /// [`Probe::read_uncounted`].
    pub async fn read_all(&self, collection: &str, keys: &[Key], partitions: &[&str]) -> Table {
        let table = self.read_uncounted(collection, keys, partitions).await;
        let count = self.count(collection, partitions).await;
        assert_eq!(count, table.rows.len(), "{collection}: count(*) and the rows that were read");
        table
    }

    /// [`Probe::read_all`] without the count.
    pub async fn read_uncounted(
        &self,
        collection: &str,
        keys: &[Key],
        partitions: &[&str],
    ) -> Table {
        let mut table = Table { columns: self.columns(collection).await, rows: Vec::new() };
        if partitions.is_empty() {
            table.rows = self.read_part(collection, keys, "", &table.columns).await;
        }
        for partition in partitions {
            let rows = self.read_part(collection, keys, partition, &table.columns).await;
            table.rows.extend(rows);
        }
        table
    }

    /// One partition, or all of them when it is "".
    async fn read_part(
        &self,
        collection: &str,
        keys: &[Key],
        partition: &str,
        columns: &[FieldSchema],
    ) -> Vec<Row> {
        let partitions: Vec<&str> =
            Some(partition).filter(|name| !name.is_empty()).into_iter().collect();
        let key = columns.iter().find(|column| column.is_primary_key).unwrap();
        let output: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
        let found = self.all_keys(collection, &partitions, keys).await;
        let wanted: BTreeSet<Key> = keys.iter().cloned().chain(found.iter().cloned()).collect();
        let wanted: Vec<Key> = wanted.into_iter().collect();
        let mut rows = Vec::new();
        // Its language has no literal for a text with a carriage return.
        let expressions = if self.is_lite_25() {
            windows(key, &[])
        } else {
            self.key_lists(&key.name, &wanted, ANSWER_BYTES / row_bytes(columns))
        };
        for expression in expressions {
            let answer = self.query(collection, &partitions, &expression, &output, &[]).await;
            rows.extend(rows_of(&answer, columns, partition));
        }
        assert_eq!(rows.len(), found.len(), "{collection}: rows by their keys and keys by ranges");
        rows
    }

    /// Every key, by ranges without a limit. The known keys only say where to cut.
    pub(super) async fn all_keys(
        &self,
        collection: &str,
        partitions: &[&str],
        known: &[Key],
    ) -> Vec<Key> {
        let key = self.key_field(collection).await;
        let sorted: BTreeSet<&Key> =
            known.iter().filter(|key| **key != Key::Int(i64::MIN)).collect();
        let bounds: Vec<String> =
            sorted.into_iter().skip(WINDOW).step_by(WINDOW).map(|key| self.literal(key)).collect();
        let name = &key.name;
        let mut keys = Vec::new();
        for window in windows(&key, &bounds) {
            let answer = self.query(collection, partitions, &window, &[name], &[]).await;
            keys.extend(keys_of(&answer, name));
        }
        keys
    }

    pub(super) async fn key_field(&self, collection: &str) -> FieldSchema {
        self.columns(collection).await.into_iter().find(|column| column.is_primary_key).unwrap()
    }

    /// A key in a filter. Milvus 2.4.13 to 3.0 reads what is beyond U+FFFF rightly only where it is
    /// escaped, and Milvus Lite knows no such escape.
    fn literal(&self, key: &Key) -> String {
        let literal = key.literal();
        if self.is_lite_25() || self.version().starts_with("milvus_lite") {
            return literal;
        }
        let escaped = literal.chars().map(|c| match c {
            '\u{10000}'.. => format!("\\U{:08X}", u32::from(c)),
            c => c.to_string(),
        });
        escaped.collect()
    }

    /// `key in [...]` in as many expressions as it takes. `i64::MIN`, which has no literal, gets its
    /// own.
    fn key_lists(&self, name: &str, keys: &[Key], at_once: usize) -> Vec<String> {
        let listed = keys.iter().filter(|key| **key != Key::Int(i64::MIN));
        let literals: Vec<String> = listed.map(|key| self.literal(key)).collect();
        let lists = literals.chunks(at_once.clamp(1, KEYS_AT_ONCE));
        let mut expressions: Vec<String> =
            lists.map(|list| format!("{name} in [{}]", list.join(", "))).collect();
        if keys.contains(&Key::Int(i64::MIN)) {
            expressions.push(format!("{name} < {}", i64::MIN + 1));
        }
        expressions
    }

    /// Every column that can be read, as the server describes it; `$meta` last.
    pub async fn columns(&self, collection: &str) -> Vec<FieldSchema> {
        let schema = self.describe(collection).await.schema.unwrap();
        let made: Vec<String> =
            schema.functions.into_iter().flat_map(|function| function.output_field_names).collect();
        let mut columns: Vec<FieldSchema> = schema
            .fields
            .into_iter()
            .filter(|field| {
                !field.is_dynamic && !field.is_function_output && !made.contains(&field.name)
            })
            .collect();
        if schema.enable_dynamic_field {
            columns.push(meta());
        }
        columns.extend(structs::columns(&schema.struct_array_fields));
        columns
    }
}

/// Ranges of keys with these bounds between them, which hold every key there is.
fn windows(key: &FieldSchema, bounds: &[String]) -> Vec<String> {
    let name = &key.name;
    let mut windows: Vec<String> =
        bounds.windows(2).map(|w| format!("{name} > {} and {name} <= {}", w[0], w[1])).collect();
    match (bounds.first(), bounds.last()) {
        (Some(first), Some(last)) => {
            windows.push(format!("{name} <= {first}"));
            windows.push(format!("{name} > {last}"));
        }
        _ if key.data_type() == DataType::VarChar => windows.push(format!("{name} >= \"\"")),
        _ => windows.extend([format!("{name} <= 0"), format!("{name} > 0")]),
    }
    windows
}

/// What a row weighs at most, as far as its vectors and texts say.
fn row_bytes(columns: &[FieldSchema]) -> usize {
    let sizes =
        columns.iter().flat_map(|column| &column.type_params).map(|pair| match pair.key.as_str() {
            "dim" => pair.value.parse::<usize>().unwrap() * 4,
            "max_length" => pair.value.parse().unwrap(),
            _ => 0,
        });
    4000 + sizes.sum::<usize>()
}

/// The rows of an answer, whose columns come in any order.
fn rows_of(answer: &milvus::QueryResults, columns: &[FieldSchema], partition: &str) -> Vec<Row> {
    let parts = structs::ungrouped(&answer.fields_data);
    let decoded: Vec<Vec<Value>> = columns
        .iter()
        .map(|column| {
            let found = parts.iter().find(|data| data.field_name == column.name);
            found.map(columns::decode).unwrap_or_default()
        })
        .collect();
    let count = decoded.iter().map(Vec::len).max().unwrap_or(0);
    for (column, values) in columns.iter().zip(&decoded) {
        assert_eq!(
            values.len(),
            count,
            "the values of column {} in an answer of {count} rows",
            column.name
        );
    }
    let mut columns: Vec<_> = decoded.into_iter().map(Vec::into_iter).collect();
    (0..count)
        .map(|_| Row {
            partition: partition.to_owned(),
            values: columns.iter_mut().map(|column| column.next().unwrap()).collect(),
        })
        .collect()
}
