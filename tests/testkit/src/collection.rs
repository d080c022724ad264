//! What a test collection looks like: a builder, and presets that have every type a server knows.

use super::pb::common::KeyValuePair;
use super::pb::schema::value_field::Data as DefaultValue;
use super::pb::schema::{
    CollectionSchema, DataType, FieldSchema, FunctionSchema, FunctionType, ValueField,
};

/// A field with the defaults of Milvus.
pub fn field(name: &str, data_type: DataType) -> FieldSchema {
    FieldSchema { name: name.to_owned(), data_type: data_type.into(), ..Default::default() }
}

pub fn var_char(name: &str, max_length: u32) -> FieldSchema {
    field(name, DataType::VarChar).param("max_length", &max_length.to_string())
}

/// An array of up to 16 elements; those of type `VarChar` of up to 200 bytes.
pub fn array(name: &str, element: DataType) -> FieldSchema {
    let mut out = field(name, DataType::Array).param("max_capacity", "16");
    out.element_type = element.into();
    if element == DataType::VarChar { out.param("max_length", "200") } else { out }
}

pub fn vector(name: &str, data_type: DataType, dim: u32) -> FieldSchema {
    field(name, data_type).param("dim", &dim.to_string())
}

/// Words to say more about a field.
pub trait FieldWords {
    fn param(self, key: &str, value: &str) -> Self;
    fn primary(self) -> Self;
    fn auto_id(self) -> Self;
    fn partition_key(self) -> Self;
    fn nullable(self) -> Self;
    fn described(self, description: &str) -> Self;
    /// What the server puts into rows that come without a value.
    fn with_default(self, value: DefaultValue) -> Self;
    /// What a function of the collection makes; it is neither written nor read.
    fn function_output(self) -> Self;
}

impl FieldWords for FieldSchema {
    fn param(mut self, key: &str, value: &str) -> Self {
        self.type_params.push(pair(key, value));
        self
    }

    fn primary(mut self) -> Self {
        self.is_primary_key = true;
        self
    }

    fn auto_id(mut self) -> Self {
        self.auto_id = true;
        self
    }

    fn partition_key(mut self) -> Self {
        self.is_partition_key = true;
        self
    }

    fn nullable(mut self) -> Self {
        self.nullable = true;
        self
    }

    fn described(mut self, description: &str) -> Self {
        self.description = description.to_owned();
        self
    }

    fn with_default(mut self, value: DefaultValue) -> Self {
        self.default_value = Some(ValueField { data: Some(value) });
        self
    }

    fn function_output(mut self) -> Self {
        self.is_function_output = true;
        self
    }
}

/// The BM25 function that makes a sparse vector of a text.
pub fn bm25(name: &str, input: &str, output: &str) -> FunctionSchema {
    FunctionSchema {
        name: name.to_owned(),
        r#type: FunctionType::Bm25.into(),
        input_field_names: vec![input.to_owned()],
        output_field_names: vec![output.to_owned()],
        ..Default::default()
    }
}

pub fn pair(key: &str, value: &str) -> KeyValuePair {
    KeyValuePair { key: key.to_owned(), value: value.to_owned() }
}

/// An index to be.
#[derive(Debug, Clone)]
pub struct Index {
    pub field: String,
    /// Empty: the server chooses one.
    pub name: String,
    /// `index_type`, `metric_type`, `params`.
    pub params: Vec<(String, String)>,
}

impl Index {
    /// `params` as JSON text, like `{"nlist": 128}`; empty for none.
    pub fn new(field: &str, index_type: &str, metric_type: &str, params: &str) -> Self {
        let mut pairs = vec![("index_type".to_owned(), index_type.to_owned())];
        pairs.push(("metric_type".to_owned(), metric_type.to_owned()));
        if !params.is_empty() {
            pairs.push(("params".to_owned(), params.to_owned()));
        }
        Self { field: field.to_owned(), name: String::new(), params: pairs }
    }

    pub fn named(mut self, name: &str) -> Self {
        name.clone_into(&mut self.name);
        self
    }
}

/// A collection to be.
#[derive(Debug, Clone)]
pub struct Collection {
    pub name: String,
    pub description: String,
    pub fields: Vec<FieldSchema>,
    pub functions: Vec<FunctionSchema>,
    /// Whether it has dynamic fields, and so a column `$meta`.
    pub dynamic: bool,
    pub shards: i32,
    /// 0 Strong, 1 Session, 2 Bounded, 3 Eventually.
    pub consistency: i32,
    pub properties: Vec<(String, String)>,
    /// How many partitions a partition key spreads over; 0: the server's default.
    pub num_partitions: i64,
    /// Partitions beside `_default`.
    pub partitions: Vec<String>,
    pub indexes: Vec<Index>,
    /// Its columns are those of a table that [`super::structs::columns`] names.
    pub struct_fields: Vec<super::structs::StructArrayFieldSchema>,
    /// Other names, which it gets with its indexes.
    pub aliases: Vec<String>,
}

impl Collection {
    pub fn new(name: &str, fields: Vec<FieldSchema>) -> Self {
        Self {
            name: name.to_owned(),
            description: String::new(),
            fields,
            functions: Vec::new(),
            dynamic: false,
            shards: 1,
            consistency: 2,
            properties: Vec::new(),
            num_partitions: 0,
            partitions: Vec::new(),
            indexes: Vec::new(),
            struct_fields: Vec::new(),
            aliases: Vec::new(),
        }
    }

    pub fn dynamic(mut self) -> Self {
        self.dynamic = true;
        self
    }

    pub fn function(mut self, function: FunctionSchema) -> Self {
        self.functions.push(function);
        self
    }

    pub fn shards(mut self, shards: i32) -> Self {
        self.shards = shards;
        self
    }

    pub fn partitions(mut self, names: &[&str]) -> Self {
        self.partitions = names.iter().map(|name| (*name).to_owned()).collect();
        self
    }

    pub fn index(mut self, index: Index) -> Self {
        self.indexes.push(index);
        self
    }

    /// More parameters, as JSON text, for the index that was added last.
    pub fn with_index_params(mut self, params: &str) -> Self {
        let index = self.indexes.last_mut().expect("an index");
        index.params.push(("params".to_owned(), params.to_owned()));
        self
    }

    pub fn property(mut self, key: &str, value: &str) -> Self {
        self.properties.push((key.to_owned(), value.to_owned()));
        self
    }

    /// Everything that has a value in every row: the fields but what functions make, and `$meta`.
    pub fn columns(&self) -> Vec<FieldSchema> {
        let mut columns = self.fields.clone();
        columns.retain(|field| !field.is_function_output);
        if self.dynamic {
            columns.push(meta());
        }
        columns.extend(super::structs::columns(&self.struct_fields));
        columns
    }

    pub fn to_schema(&self) -> CollectionSchema {
        CollectionSchema {
            name: self.name.clone(),
            description: self.description.clone(),
            fields: self.fields.clone(),
            functions: self.functions.clone(),
            enable_dynamic_field: self.dynamic,
            struct_array_fields: self.struct_fields.clone(),
            ..Default::default()
        }
    }

    pub fn struct_field(mut self, field: super::structs::StructArrayFieldSchema) -> Self {
        self.struct_fields.push(field);
        self
    }

    pub fn alias(mut self, alias: &str) -> Self {
        self.aliases.push(alias.to_owned());
        self
    }
}

/// The column of dynamic fields.
pub fn meta() -> FieldSchema {
    FieldSchema { is_dynamic: true, ..field("$meta", DataType::Json) }
}

/// An `Int64` or `VarChar` primary key named `id`.
pub fn key(data_type: DataType) -> FieldSchema {
    match data_type {
        DataType::VarChar => var_char("id", 200).primary(),
        other => field("id", other).primary(),
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
        var_char("text", 500).described("Unicode, quotes, nothing"),
        field("document", DataType::Json),
    ]
}

const ELEMENTS: [(&str, DataType); 8] = [
    ("flags", DataType::Bool),
    ("tinies", DataType::Int8),
    ("smalls", DataType::Int16),
    ("mediums", DataType::Int32),
    ("bigs", DataType::Int64),
    ("singles", DataType::Float),
    ("doubles", DataType::Double),
    ("texts", DataType::VarChar),
];

fn arrays() -> Vec<FieldSchema> {
    ELEMENTS.iter().map(|(name, element)| array(name, *element)).collect()
}

/// Every type of Milvus 2.3.5 with a float vector: `key_type` is `Int64` or `VarChar`.
pub fn everything_235(name: &str, key_type: DataType) -> Collection {
    let mut fields = vec![key(key_type)];
    fields.extend(scalars());
    fields.extend(arrays());
    fields.push(vector("embedding", DataType::FloatVector, 8));
    Collection::new(name, fields).dynamic().index(Index::new("embedding", "FLAT", "L2", ""))
}

/// Every type of Milvus 2.2.16 with a float vector: there are no arrays.
pub fn everything_2216(name: &str, key_type: DataType) -> Collection {
    let mut fields = vec![key(key_type)];
    fields.extend(scalars());
    fields.push(vector("embedding", DataType::FloatVector, 8));
    Collection::new(name, fields).dynamic().index(Index::new("embedding", "FLAT", "L2", ""))
}

/// Every type of Milvus Lite 3.2.2: nullable fields and two vectors.
pub fn everything_lite(name: &str, key_type: DataType) -> Collection {
    let mut fields = vec![key(key_type)];
    fields.extend(scalars());
    fields.extend(arrays());
    fields.push(field("maybe_number", DataType::Int64).nullable());
    fields.push(var_char("maybe_text", 500).nullable());
    fields.push(vector("embedding", DataType::FloatVector, 8));
    fields.push(field("sparse", DataType::SparseFloatVector));
    Collection::new(name, fields)
        .dynamic()
        .index(Index::new("embedding", "FLAT", "L2", ""))
        .index(Index::new("sparse", "SPARSE_INVERTED_INDEX", "IP", ""))
}

/// A binary vector, which shares no collection with a float vector before 2.4. Not on Lite.
pub fn binary(name: &str, key_type: DataType) -> Collection {
    let fields =
        vec![key(key_type), var_char("text", 500), vector("bits", DataType::BinaryVector, 64)];
    Collection::new(name, fields).index(Index::new("bits", "BIN_FLAT", "HAMMING", ""))
}

/// A key, a text and a short vector: for tests about rows, not about types.
pub fn plain(name: &str, key_type: DataType) -> Collection {
    let fields =
        vec![key(key_type), var_char("text", 500), vector("embedding", DataType::FloatVector, 4)];
    Collection::new(name, fields).index(Index::new("embedding", "FLAT", "L2", ""))
}
