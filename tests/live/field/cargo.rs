//! What is moved: collections of everything that both ends know.

use testkit::collection::{
    Collection, FieldWords, Index, bm25, everything_235, everything_2216, everything_lite, field,
    key, plain, var_char, vector,
};
use testkit::data;
use testkit::lines::{everything_24, everything_25, everything_26, everything_30};
use testkit::pb::schema::DataType;
use testkit::table::Table;

use super::ends::End;

/// A collection and what it holds at first.
pub(super) struct Load {
    pub(super) collection: Collection,
    pub(super) rows: Table,
}

impl Load {
    pub(super) fn name(&self) -> &str {
        &self.collection.name
    }

    /// As it is called at the target.
    pub(super) fn moved(&self) -> String {
        format!("{}_moved", self.name())
    }

    /// Its partitions, where it has some of its own.
    pub(super) fn partitions(&self) -> Vec<&str> {
        let own = self.collection.partitions.iter().map(String::as_str);
        if self.collection.partitions.is_empty() {
            Vec::new()
        } else {
            std::iter::once("_default").chain(own).collect()
        }
    }

    /// Rows of these keys, other ones for another seed.
    pub(super) fn rows_of(&self, keys: &[testkit::table::Key], seed: u64) -> Table {
        let rows = data::table_of(&self.collection, keys, seed);
        match self.partitions().as_slice() {
            [] => rows,
            partitions => rows.spread_over(partitions),
        }
    }

    /// A key that none of its rows has.
    pub(super) fn new_key(&self, number: usize) -> testkit::table::Key {
        let is_text = self.collection.fields[0].data_type() == DataType::VarChar;
        if is_text {
            testkit::table::Key::Text(format!("new {number}"))
        } else {
            testkit::table::Key::Int(1_000_000 + i64::try_from(number).unwrap())
        }
    }
}

/// What both ends hold, `rows` rows of the largest one.
pub(super) fn loads(prefix: &str, source: &End, target: &End, rows: usize) -> Vec<Load> {
    let release = source.release.min(target.release);
    let lite = source.is_lite || target.is_lite;
    let few = rows.div_ceil(6).max(60);
    let mut collections = vec![(types(&format!("{prefix}types"), source, target), rows)];
    let texts = plain(&format!("{prefix}texts"), DataType::VarChar);
    let texts = texts.alias(&format!("{prefix}alias"));
    // The tool waits for partitions a quarter of a minute in every run: not in the suite.
    let texts = if rows >= 1000 { texts.partitions(&["north", "south"]) } else { texts };
    collections.push((texts, few));
    if !lite && release >= (2, 3, 0) {
        collections.push((keyed(&format!("{prefix}keyed"), release >= (2, 5, 0)), few));
    }
    if !lite && release >= (2, 5, 0) {
        collections.push((searched(&format!("{prefix}searched")), few));
    }
    let load = |(collection, rows): (Collection, usize)| {
        let empty = Load { rows: data::table(&collection, 0, 1), collection };
        let keys = data::keys(&empty.collection, rows);
        Load { rows: empty.rows_of(&keys, 1), ..empty }
    };
    collections.into_iter().map(load).collect()
}

/// Every type that both ends know.
fn types(name: &str, source: &End, target: &End) -> Collection {
    let kind = DataType::Int64;
    match (source.is_lite, target.is_lite) {
        (true, true) => return without_json(everything_lite(name, kind)),
        (true, false) | (false, true) => {
            let other = if source.is_lite { target.release } else { source.release };
            return without_json(if other >= (2, 3, 0) {
                everything_235(name, kind)
            } else {
                everything_2216(name, kind)
            });
        }
        (false, false) => {}
    }
    // Vectors in structs are of floats alone before 2.6.20, and `Text` needs a setting.
    let plainer = |mut collection: Collection| {
        collection.fields.retain(|field| field.data_type() != DataType::Text);
        for parent in &mut collection.struct_fields {
            parent.fields.retain(|field| field.element_type() != DataType::BinaryVector);
        }
        collection.indexes.retain(|index| index.field != "things[bits]");
        collection
    };
    match source.release.min(target.release) {
        release if release >= (3, 0, 0) => plainer(everything_30(name, kind)),
        release if release >= (2, 6, 6) => plainer(everything_26(name, kind)),
        release if release >= (2, 5, 0) => everything_25(name, kind),
        release if release >= (2, 4, 0) => everything_24(name, kind),
        release if release >= (2, 3, 0) => everything_235(name, kind),
        _ => everything_2216(name, kind),
    }
}

/// Milvus Lite writes JSON anew, and with it other digits of long numbers.
fn without_json(mut collection: Collection) -> Collection {
    collection.dynamic = false;
    collection.fields.retain(|field| field.data_type() != DataType::Json);
    collection
}

/// With a partition key, isolated where servers know that.
fn keyed(name: &str, isolated: bool) -> Collection {
    let fields = vec![
        key(DataType::Int64),
        var_char("tenant", 50).partition_key(),
        vector("embedding", DataType::FloatVector, 8),
    ];
    let params = "{\"M\": 8, \"efConstruction\": 32}";
    let mut collection = Collection::new(name, fields)
        .index(Index::new("embedding", "HNSW", "COSINE", params))
        .property("collection.ttl.seconds", "864000");
    collection.num_partitions = 4;
    if isolated { collection.property("partitionkey.isolation", "true") } else { collection }
}

/// With a function.
fn searched(name: &str) -> Collection {
    let fields = vec![
        key(DataType::Int64),
        var_char("text", 500).param("enable_analyzer", "true"),
        field("sparse", DataType::SparseFloatVector).function_output(),
    ];
    Collection::new(name, fields).function(bm25("terms", "text", "sparse")).index(Index::new(
        "sparse",
        "SPARSE_INVERTED_INDEX",
        "BM25",
        "",
    ))
}
