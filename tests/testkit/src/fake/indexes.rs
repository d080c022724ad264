//! Indexes: which ones a server builds on which column, under which name.

use std::collections::BTreeMap;

use super::names;
use super::profile::{Feature, Profile};
use super::refused::{Refused, Result};
use super::state::{Column, Index, State, to_map, to_pairs};
use crate::pb::common::IndexState;
use crate::pb::milvus;
use crate::pb::schema::{DataType, FunctionType};

const FLOAT_INDEXES: [&str; 8] =
    ["FLAT", "IVF_FLAT", "IVF_SQ8", "IVF_PQ", "HNSW", "SCANN", "DISKANN", "AUTOINDEX"];

impl State {
    pub fn create_index(
        &mut self,
        database: &str,
        request: &milvus::CreateIndexRequest,
    ) -> Result<()> {
        let id = self.id();
        let profile = self.profile.clone();
        let collection = self.collection_mut(database, &request.collection_name)?;
        let field = &request.field_name;
        let Some(column) = collection.columns.iter().find(|column| column.path() == *field) else {
            return Err(Refused::invalid(format!(
                "cannot create index on non-exist field: {field}"
            )));
        };
        let mut params = flattened(&to_map(&request.extra_params))?;
        check(&profile, column, &mut params)?;
        let name = match (request.index_name.as_str(), params.get("json_path")) {
            ("", Some(path)) if column.kind() == DataType::Json => format!("{field}/{path}"),
            ("", _) => field.clone(),
            (name, _) => {
                names::check_index(name)?;
                name.to_owned()
            }
        };
        let path = |params: &BTreeMap<String, String>| params.get("json_path").cloned();
        for there in &collection.indexes {
            let same_place = there.field == *field && path(&there.params) == path(&params);
            if same_place && there.name == name && there.params == params {
                return Ok(());
            }
            if there.name == name {
                return Err(Refused::invalid(format!(
                    "CreateIndex failed: creating multiple indexes with same name {name} is not allowed"
                )));
            }
            if same_place {
                return Err(Refused::invalid(
                    "CreateIndex failed: at most one distinct index is allowed per field",
                ));
            }
        }
        collection.indexes.push(Index { id, name, field: field.clone(), params });
        Ok(())
    }

    pub fn describe_index(
        &self,
        database: &str,
        request: &milvus::DescribeIndexRequest,
    ) -> Result<milvus::DescribeIndexResponse> {
        let collection = self.collection(database, &request.collection_name)?;
        let wanted = |asked: &str, is: &str| asked.is_empty() || asked == is;
        let found = collection.indexes.iter().filter(|index| {
            wanted(&request.field_name, &index.field) && wanted(&request.index_name, &index.name)
        });
        let rows = collection.live().count() as i64;
        let descriptions: Vec<milvus::IndexDescription> = found
            .map(|index| milvus::IndexDescription {
                index_name: index.name.clone(),
                index_id: index.id,
                params: to_pairs(&index.params),
                field_name: index.field.clone(),
                indexed_rows: rows,
                total_rows: rows,
                state: IndexState::Finished.into(),
                ..Default::default()
            })
            .collect();
        if descriptions.is_empty() {
            return Err(Refused::no_index(&collection.name));
        }
        Ok(milvus::DescribeIndexResponse {
            status: Some(Default::default()),
            index_descriptions: descriptions,
        })
    }

    pub fn drop_index(&mut self, database: &str, request: &milvus::DropIndexRequest) -> Result<()> {
        let collection = self.collection_mut(database, &request.collection_name)?;
        let hit = |index: &Index| match request.index_name.as_str() {
            "" => index.field == request.field_name,
            name => index.name == name,
        };
        let on_vector = collection.indexes.iter().filter(|index| hit(index)).any(|index| {
            let mut columns = collection.columns.iter();
            columns.any(|column| column.path() == index.field && column.is_vector())
        });
        if on_vector && collection.is_loaded() {
            return Err(Refused::other(
                "vector index cannot be dropped on loaded collection: please release it first",
            ));
        }
        collection.indexes.retain(|index| !hit(index));
        Ok(())
    }
}

/// The members of `params`, a JSON object in a text, beside the parameters that hold it.
fn flattened(given: &BTreeMap<String, String>) -> Result<BTreeMap<String, String>> {
    let mut params = given.clone();
    if let Some(text) = given.get("params") {
        let parsed: serde_json::Value = serde_json::from_str(text)
            .map_err(|error| Refused::invalid(format!("params of the index: {error}")))?;
        for (key, value) in parsed.as_object().into_iter().flatten() {
            let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            params.entry(key.clone()).or_insert(value);
        }
    }
    Ok(params)
}

fn check(profile: &Profile, column: &Column, params: &mut BTreeMap<String, String>) -> Result<()> {
    let kind = match column.kind() {
        DataType::ArrayOfVector => column.field.element_type(),
        kind => kind,
    };
    if column.is_vector() {
        return check_vector(profile, column, kind, params);
    }
    let index = params.entry("index_type".to_owned()).or_insert_with(|| "AUTOINDEX".to_owned());
    let index = index.clone();
    let wrong = |why: &str| {
        let field = column.path();
        Err(Refused::invalid(format!("index {index} on field {field}: {why}")))
    };
    let fits: &[&str] = match kind {
        DataType::Bool => &["INVERTED", "BITMAP"],
        DataType::Int8 | DataType::Int16 | DataType::Int32 | DataType::Int64 => {
            &["INVERTED", "BITMAP", "STL_SORT"]
        }
        DataType::Float | DataType::Double | DataType::Timestamptz => &["INVERTED", "STL_SORT"],
        DataType::VarChar | DataType::Text => &["INVERTED", "BITMAP", "Trie", "NGRAM", "STL_SORT"],
        DataType::Array => &["INVERTED", "BITMAP"],
        DataType::Json if profile.has(Feature::JsonPathIndex) => &["INVERTED", "NGRAM"],
        DataType::Geometry => &["RTREE"],
        _ => return wrong("this type cannot be indexed"),
    };
    if index != "AUTOINDEX" && !fits.contains(&index.as_str()) {
        return wrong("invalid index type for this data type");
    }
    if kind == DataType::Json
        && !(params.contains_key("json_path") && params.contains_key("json_cast_type"))
    {
        return wrong("json index must specify json_path and json_cast_type");
    }
    Ok(())
}

fn check_vector(
    profile: &Profile,
    column: &Column,
    kind: DataType,
    params: &mut BTreeMap<String, String>,
) -> Result<()> {
    let field = column.path();
    let wrong = |why: String| Err(Refused::invalid(format!("field {field}: {why}")));
    let Some(index) = params.get("index_type").cloned() else {
        return wrong("IndexType not specified".to_owned());
    };
    let fits: &[&str] = match kind {
        DataType::FloatVector | DataType::Float16Vector | DataType::BFloat16Vector => {
            &FLOAT_INDEXES
        }
        DataType::BinaryVector if profile.has(Feature::MinHash) => {
            &["BIN_FLAT", "BIN_IVF_FLAT", "MINHASH_LSH", "AUTOINDEX"]
        }
        DataType::BinaryVector => &["BIN_FLAT", "BIN_IVF_FLAT", "AUTOINDEX"],
        DataType::SparseFloatVector => &["SPARSE_INVERTED_INDEX", "SPARSE_WAND", "AUTOINDEX"],
        _ => &["HNSW", "AUTOINDEX"],
    };
    if !fits.contains(&index.as_str()) {
        return wrong(format!(
            "data type {} can't build with this index {index}",
            kind.as_str_name()
        ));
    }
    if profile.only_autoindex && !["AUTOINDEX", "MINHASH_LSH"].contains(&index.as_str()) {
        return wrong(format!(
            "invalid index type: {index}, only AUTOINDEX is supported on this cluster"
        ));
    }
    let bm25 = column.function == Some(FunctionType::Bm25);
    let metrics: &[&str] = match kind {
        _ if column.parent.is_some() => &[
            "MAX_SIM",
            "MAX_SIM_COSINE",
            "MAX_SIM_IP",
            "MAX_SIM_L2",
            "MAX_SIM_HAMMING",
            "MAX_SIM_JACCARD",
        ],
        DataType::BinaryVector => &["HAMMING", "JACCARD", "MHJACCARD"],
        DataType::SparseFloatVector if bm25 => &["BM25"],
        DataType::SparseFloatVector => &["IP"],
        _ => &["COSINE", "IP", "L2"],
    };
    match params.get("metric_type") {
        Some(metric) if metrics.contains(&metric.as_str()) => Ok(()),
        Some(metric) => wrong(format!(
            "metric type {metric} is not supported for data type {}",
            kind.as_str_name()
        )),
        None if index == "AUTOINDEX" => {
            params.insert("metric_type".to_owned(), metrics[0].to_owned());
            Ok(())
        }
        None => wrong("metric type not set for vector index".to_owned()),
    }
}
