//! The table of collections: each holds one group of types, with values at their edges.

use testkit::collection::{
    Collection, FieldWords, Index, array, bm25, field, key, var_char, vector,
};
use testkit::data;
use testkit::pb::schema::value_field::Data as DefaultValue;
use testkit::pb::schema::{DataType, FieldSchema};
use testkit::table::{Table, Value};

/// Rows of a collection: enough for several chunks, few enough for sixteen pairs of servers.
const ROWS: i64 = 240;

/// One group of types.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Group {
    Scalars,
    Json,
    Dynamic,
    Arrays,
    FloatVector,
    HnswIndex,
    BinaryVector,
    Float16Vector,
    BFloat16Vector,
    SparseVector,
    Int8Vector,
    SeveralVectors,
    NullableScalars,
    NullableArrays,
    NullableFloatVector,
    NullableSparseVector,
    NullableDefaults,
    Defaults,
    ZeroDefaults,
    Int64Key,
    VarCharKey,
    AutoInt64Key,
    AutoVarCharKey,
    PartitionKey,
    Partitions,
    Geometry,
    Timestamptz,
    Bm25,
}

impl Group {
    pub(super) const ALL: [Self; 28] = [
        Self::Scalars,
        Self::Json,
        Self::Dynamic,
        Self::Arrays,
        Self::FloatVector,
        Self::HnswIndex,
        Self::BinaryVector,
        Self::Float16Vector,
        Self::BFloat16Vector,
        Self::SparseVector,
        Self::Int8Vector,
        Self::SeveralVectors,
        Self::NullableScalars,
        Self::NullableArrays,
        Self::NullableFloatVector,
        Self::NullableSparseVector,
        Self::NullableDefaults,
        Self::Defaults,
        Self::ZeroDefaults,
        Self::Int64Key,
        Self::VarCharKey,
        Self::AutoInt64Key,
        Self::AutoVarCharKey,
        Self::PartitionKey,
        Self::Partitions,
        Self::Geometry,
        Self::Timestamptz,
        Self::Bm25,
    ];

    /// What the group is called in names of collections and in failures.
    pub(super) fn name(self) -> String {
        format!("{self:?}").to_lowercase()
    }

    /// The partitions of its own that rows are spread over.
    pub(super) fn partitions(self) -> &'static [&'static str] {
        if self == Self::Partitions { &["_default", "north", "south_2"] } else { &[] }
    }

    /// Whether the server makes the keys.
    pub(super) fn makes_keys(self) -> bool {
        matches!(self, Self::AutoInt64Key | Self::AutoVarCharKey)
    }

    /// The collection and its rows under this name.
    pub(super) fn collection(self, name: &str) -> (Collection, Table) {
        let collection = self.schema(name);
        let keys = match self {
            Self::Int64Key => data::int64_keys(ROWS as usize),
            Self::VarCharKey | Self::AutoVarCharKey => data::text_keys(ROWS as usize),
            _ => data::key_range(1..ROWS + 1),
        };
        let mut table = data::table_of(&collection, &keys, 17);
        match self {
            Self::NullableScalars
            | Self::NullableArrays
            | Self::NullableFloatVector
            | Self::NullableSparseVector => place_nulls(&mut table, true),
            // A null that is sent becomes the default value, so there are none.
            Self::NullableDefaults => place_nulls(&mut table, false),
            Self::PartitionKey => {
                let tenant = table.column("tenant");
                for (number, row) in table.rows.iter_mut().enumerate() {
                    row.values[tenant] = Value::Text(format!("tenant {}", number % 9));
                }
            }
            Self::Partitions => table = table.spread_over(self.partitions()),
            _ => {}
        }
        (collection, table)
    }

    fn schema(self, name: &str) -> Collection {
        let flat = || Index::new("embedding", "FLAT", "L2", "");
        let with = |fields: Vec<FieldSchema>| {
            let mut all = vec![key(DataType::Int64)];
            all.extend(fields);
            all.push(vector("embedding", DataType::FloatVector, 8));
            Collection::new(name, all).index(flat())
        };
        let keyed = |key: FieldSchema| {
            let fields = vec![
                key,
                field("number", DataType::Int64),
                vector("embedding", DataType::FloatVector, 8),
            ];
            Collection::new(name, fields).index(flat())
        };
        let only = |vector: FieldSchema, index: &str, metric: &str| {
            let index = Index::new(&vector.name, index, metric, "");
            Collection::new(name, vec![key(DataType::Int64), vector]).index(index)
        };
        match self {
            Self::Scalars => with(scalars()),
            Self::Json => with(vec![field("document", DataType::Json)]),
            Self::Dynamic => with(Vec::new()).dynamic(),
            Self::Arrays => with(arrays()),
            Self::FloatVector => only(vector("floats", DataType::FloatVector, 96), "FLAT", "L2"),
            Self::HnswIndex => only(vector("floats", DataType::FloatVector, 8), "HNSW", "L2")
                .with_index_params(r#"{"M": 8, "efConstruction": 64}"#),
            Self::BinaryVector => {
                only(vector("bits", DataType::BinaryVector, 64), "BIN_FLAT", "HAMMING")
            }
            Self::Float16Vector => {
                only(vector("halves", DataType::Float16Vector, 12), "FLAT", "L2")
            }
            Self::BFloat16Vector => {
                only(vector("brains", DataType::BFloat16Vector, 12), "FLAT", "L2")
            }
            Self::SparseVector => {
                only(field("sparse", DataType::SparseFloatVector), "SPARSE_INVERTED_INDEX", "IP")
            }
            Self::Int8Vector => only(vector("bytes", DataType::Int8Vector, 16), "HNSW", "L2")
                .with_index_params(r#"{"M": 8, "efConstruction": 64}"#),
            Self::SeveralVectors => with(vec![vector("other", DataType::FloatVector, 5)])
                .index(Index::new("other", "FLAT", "IP", "")),
            Self::NullableScalars => with(
                scalars()
                    .into_iter()
                    .chain([
                        field("document", DataType::Json),
                        field("always", DataType::Int64),
                        field("never", DataType::Double),
                    ])
                    .map(FieldWords::nullable)
                    .collect(),
            ),
            Self::NullableArrays => with(arrays().into_iter().map(FieldWords::nullable).collect()),
            Self::NullableFloatVector => {
                only(vector("floats", DataType::FloatVector, 8).nullable(), "FLAT", "L2")
            }
            Self::NullableSparseVector => only(
                field("sparse", DataType::SparseFloatVector).nullable(),
                "SPARSE_INVERTED_INDEX",
                "IP",
            ),
            Self::NullableDefaults => {
                with(defaults().into_iter().map(FieldWords::nullable).collect())
            }
            Self::Defaults => with(defaults()),
            Self::ZeroDefaults => with(zero_defaults()),
            Self::Int64Key => keyed(key(DataType::Int64)),
            Self::VarCharKey => keyed(key(DataType::VarChar)),
            Self::AutoInt64Key => keyed(key(DataType::Int64).auto_id()),
            Self::AutoVarCharKey => keyed(key(DataType::VarChar).auto_id()),
            Self::PartitionKey => {
                let mut collection = with(vec![var_char("tenant", 60).partition_key()]);
                collection.num_partitions = 5;
                collection
            }
            Self::Partitions => {
                with(vec![field("number", DataType::Int64)]).partitions(&self.partitions()[1..])
            }
            Self::Geometry => with(vec![field("place", DataType::Geometry)]),
            Self::Timestamptz => with(vec![field("moment", DataType::Timestamptz)]),
            Self::Bm25 => {
                let text = var_char("text", 500).param("enable_analyzer", "true");
                let terms = field("terms", DataType::SparseFloatVector).function_output();
                with(vec![text, terms])
                    .function(bm25("by_terms", "text", "terms"))
                    .index(Index::new("terms", "SPARSE_INVERTED_INDEX", "BM25", ""))
            }
        }
    }
}

fn scalars() -> Vec<FieldSchema> {
    vec![
        field("flag", DataType::Bool),
        field("tiny", DataType::Int8),
        field("small", DataType::Int16),
        field("medium", DataType::Int32),
        field("big", DataType::Int64),
        field("single", DataType::Float),
        field("double", DataType::Double),
        var_char("text", 500),
    ]
}

/// Every type that has a default value in the protocol. All rows bring values of their own.
fn defaults() -> Vec<FieldSchema> {
    vec![
        field("flag", DataType::Bool).with_default(DefaultValue::BoolData(true)),
        field("tiny", DataType::Int8).with_default(DefaultValue::IntData(-7)),
        field("small", DataType::Int16).with_default(DefaultValue::IntData(-32_768)),
        field("medium", DataType::Int32).with_default(DefaultValue::IntData(70_000)),
        field("big", DataType::Int64).with_default(DefaultValue::LongData(9_007_199_254_740_993)),
        field("single", DataType::Float).with_default(DefaultValue::FloatData(0.1)),
        field("double", DataType::Double).with_default(DefaultValue::DoubleData(-0.1)),
        var_char("text", 500).with_default(DefaultValue::StringData("none \"yet\"".to_owned())),
    ]
}

/// Default values that the protocol's encoding leaves out unless it is told that they are there.
fn zero_defaults() -> Vec<FieldSchema> {
    vec![
        field("flag", DataType::Bool).with_default(DefaultValue::BoolData(false)),
        field("medium", DataType::Int32).with_default(DefaultValue::IntData(0)),
        field("big", DataType::Int64).with_default(DefaultValue::LongData(0)),
        field("single", DataType::Float).with_default(DefaultValue::FloatData(0.0)),
        field("double", DataType::Double).with_default(DefaultValue::DoubleData(0.0)),
        var_char("text", 500).with_default(DefaultValue::StringData(String::new())),
    ]
}

fn arrays() -> Vec<FieldSchema> {
    [
        ("flags", DataType::Bool),
        ("tinies", DataType::Int8),
        ("smalls", DataType::Int16),
        ("mediums", DataType::Int32),
        ("bigs", DataType::Int64),
        ("singles", DataType::Float),
        ("doubles", DataType::Double),
        ("texts", DataType::VarChar),
    ]
    .into_iter()
    .map(|(name, element)| array(name, element))
    .collect()
}

/// Nulls in the first and the last row; `always` holds nothing else, `never` none. The other
/// columns differ in where theirs are. Or none anywhere.
fn place_nulls(table: &mut Table, any: bool) {
    let (fresh, last) = (table.clone(), table.rows.len() - 1);
    for (place, column) in table.columns.iter().enumerate().filter(|(_, column)| column.nullable) {
        // A value of the same column to stand where there is to be none missing.
        let spare = fresh
            .rows
            .iter()
            .map(|row| &row.values[place])
            .find(|value| !matches!(value, Value::Null))
            .unwrap();
        for (number, row) in table.rows.iter_mut().enumerate() {
            let edge = number == 0 || number == last;
            let null = match column.name.as_str() {
                _ if !any => false,
                "always" => true,
                "never" => false,
                _ => edge || (number + place) % 3 == 0,
            };
            let value = &mut row.values[place];
            match (null, matches!(value, Value::Null)) {
                (true, _) => *value = Value::Null,
                (false, true) => *value = spare.clone(),
                (false, false) => {}
            }
        }
    }
}
