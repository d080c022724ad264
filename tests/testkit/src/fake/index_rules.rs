//! What a server takes as an index of a field: its type, its metric and its parameters.
//!
//! The rules follow `createIndexTask.parseIndexParams` (internal/proxy/task_index.go) and the checks
//! of pkg/util/indexparamcheck in 2.5.27, 2.6.20 and 3.0.0; where one is younger, the function says so.

use std::collections::BTreeMap;

use super::profile::{Feature, Profile};
use super::refused::{Refused, Result};
use super::state::Column;
use crate::pb::common::ErrorCode;
use crate::pb::schema::{DataType, FunctionType};

pub const AUTOINDEX: &str = "AUTOINDEX";
pub const MMAP: &str = "mmap.enabled";

const FLOAT_INDEXES: [&str; 8] =
    ["FLAT", "IVF_FLAT", "IVF_SQ8", "IVF_PQ", "HNSW", "SCANN", "DISKANN", AUTOINDEX];

/// A request for an index that is good.
pub struct Checked {
    /// As `DescribeIndex` tells it.
    pub given: BTreeMap<String, String>,
    /// Every parameter by itself.
    pub params: BTreeMap<String, String>,
}

/// The parameters that an index keeps, or why it takes none of them.
pub fn check(
    profile: &Profile,
    column: &Column,
    given: BTreeMap<String, String>,
) -> Result<Checked> {
    let mut params = flattened(&given)?;
    if let Some(cast) = params.get_mut("json_cast_type") {
        *cast = cast.trim().to_uppercase();
    }
    no_mmap_in_the_cloud(profile, column, &params)?;
    mmap(profile, &params)?;
    let mut checked = Checked { given, params };
    if column.is_vector() {
        vector(profile, column, &mut checked)?;
    } else {
        scalar(profile, column, &mut checked.params)?;
    }
    Ok(checked)
}

/// `ValidateAutoIndexMmapConfig` (pkg/common/common.go, 2.5.27 to 3.0.0), where `autoIndex.enable` is
/// set: clusters of Zilliz Cloud.
pub fn no_mmap_in_the_cloud(
    profile: &Profile,
    column: &Column,
    params: &BTreeMap<String, String>,
) -> Result<()> {
    if profile.only_autoindex && column.is_vector() && params.contains_key(MMAP) {
        return Err(Refused::invalid(
            "mmap index is not supported to config for the collection in auto index mode",
        ));
    }
    Ok(())
}

/// `ValidateMmapIndexParams` (index_type.go, 2.5.27 to 3.0.0): 2.6.20 says twice what is wrong.
fn mmap(profile: &Profile, params: &BTreeMap<String, String>) -> Result<()> {
    const WITHOUT: [&str; 5] = ["DISKANN", "AISAQ", "STL_SORT", "RTREE", "MINHASH_LSH"];
    let index = params.get("index_type").map_or("", String::as_str);
    let without = WITHOUT.contains(&index) || index.starts_with("GPU_");
    let why = match params.get(MMAP).map(|value| value.to_lowercase()).as_deref() {
        Some("true") if without => format!("index type {index} does not support mmap"),
        None | Some("true" | "false") => return Ok(()),
        Some(value) => format!("invalid {MMAP} value: {value}, expected: true, false"),
    };
    let twice = if profile.has(Feature::ParameterErrors) { ": invalid parameter" } else { "" };
    Err(Refused::invalid(format!("invalid mmap type params: {why}{twice}")))
}

/// The members of `params`, a JSON object in a text, beside the parameters that stand for themselves.
fn flattened(given: &BTreeMap<String, String>) -> Result<BTreeMap<String, String>> {
    let mut params = given.clone();
    if let Some(text) = params.remove("params") {
        let parsed: serde_json::Value = serde_json::from_str(&text)
            .map_err(|error| Refused::invalid(format!("params of the index: {error}")))?;
        for (key, value) in parsed.as_object().into_iter().flatten() {
            let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            params.entry(key.clone()).or_insert(value);
        }
    }
    Ok(params)
}

fn scalar(profile: &Profile, column: &Column, params: &mut BTreeMap<String, String>) -> Result<()> {
    let index = params.entry("index_type".to_owned()).or_insert_with(|| AUTOINDEX.to_owned());
    let index = index.clone();
    let wrong = |why: &str| {
        let field = column.path();
        Err(Refused::invalid(format!("index {index} on field {field}: {why}")))
    };
    let fits: &[&str] = match column.kind() {
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
    let lacks = index == "BITMAP" && !profile.has(Feature::Bitmap);
    if index != AUTOINDEX && (!fits.contains(&index.as_str()) || lacks) {
        return wrong("invalid index type for this data type");
    }
    if column.kind() == DataType::Json {
        json_cast(profile, params)?;
    }
    Ok(())
}

/// `INVERTEDChecker.CheckTrain` (inverted_checker.go): arrays since 2.5.14, `JSON` since 2.6.0.
fn json_cast(profile: &Profile, params: &BTreeMap<String, String>) -> Result<()> {
    const MISSING: &str =
        "json index must specify cast type: missing parameter[missing_param=json_cast_type]";
    let refused = |what: String| match profile.has(Feature::ParameterErrors) {
        true => Refused::invalid(what),
        false => Refused::expected("valid index params", "invalid index params", what),
    };
    let Some(cast) = params.get("json_cast_type") else {
        return Err(match profile.has(Feature::ParameterErrors) {
            true => Refused::new(1101, ErrorCode::IllegalArgument, MISSING),
            false => refused(MISSING.to_owned()),
        });
    };
    let since = match cast.as_str() {
        "BOOL" | "DOUBLE" | "VARCHAR" => Some((2, 5, 7)),
        "ARRAY_BOOL" | "ARRAY_DOUBLE" | "ARRAY_VARCHAR" => Some((2, 5, 14)),
        "JSON" => Some((2, 6, 0)),
        _ => None,
    };
    if since.is_none_or(|since| profile.version < since) {
        return Err(refused(format!("json_cast_type {cast} is not supported")));
    }
    Ok(())
}

fn vector(profile: &Profile, column: &Column, checked: &mut Checked) -> Result<()> {
    let field = column.path();
    let kind = element(column);
    let wrong = |why: String| Err(Refused::invalid(format!("field {field}: {why}")));
    let Some(index) = checked.params.get("index_type").cloned() else {
        return wrong("IndexType not specified".to_owned());
    };
    let fits: &[&str] = match kind {
        _ if column.parent.is_some() => &["HNSW", AUTOINDEX],
        DataType::FloatVector | DataType::Float16Vector | DataType::BFloat16Vector => {
            &FLOAT_INDEXES
        }
        DataType::BinaryVector if profile.has(Feature::MinHash) => {
            &["BIN_FLAT", "BIN_IVF_FLAT", "MINHASH_LSH", AUTOINDEX]
        }
        DataType::BinaryVector => &["BIN_FLAT", "BIN_IVF_FLAT", AUTOINDEX],
        DataType::SparseFloatVector => &["SPARSE_INVERTED_INDEX", "SPARSE_WAND", AUTOINDEX],
        _ => &["HNSW", AUTOINDEX],
    };
    if !fits.contains(&index.as_str()) {
        return wrong(format!(
            "data type {} can't build with this index {index}",
            kind.as_str_name()
        ));
    }
    if profile.only_autoindex && ![AUTOINDEX, "MINHASH_LSH"].contains(&index.as_str()) {
        return wrong(format!(
            "invalid index type: {index}, only AUTOINDEX is supported on this cluster"
        ));
    }
    if index == AUTOINDEX {
        automatic(profile, column, checked)?;
    }
    match checked.params.get("metric_type") {
        Some(name) => metric(profile, column, name),
        None => wrong("metric type not set for vector index".to_owned()),
    }
}

/// `handle` of `parseIndexParams`: `AUTOINDEX` on a vector takes the metric and nothing else, and is
/// described by these two (`wrapUserIndexParams`). In the cloud it is not asked how many there are.
fn automatic(profile: &Profile, column: &Column, checked: &mut Checked) -> Result<()> {
    let Checked { given, params } = checked;
    let others = |name: &&String| !["index_type", "metric_type"].contains(&name.as_str());
    if !profile.only_autoindex && params.keys().find(others).is_some() {
        return Err(profile.invalid("only metric type can be passed when use AutoIndex"));
    }
    let best = match (column.parent.is_some(), element(column)) {
        (_, _) if column.function == Some(FunctionType::Bm25) => "BM25",
        (_, DataType::SparseFloatVector) => "IP",
        // `mapVectorMetricToEmbListMetric`.
        (true, DataType::BinaryVector) => "MAX_SIM_HAMMING",
        (true, _) => "MAX_SIM_COSINE",
        (_, DataType::BinaryVector) => "HAMMING",
        _ => "COSINE",
    };
    params.entry("metric_type".to_owned()).or_insert_with(|| best.to_owned());
    if !profile.only_autoindex {
        *given = params.clone();
    }
    Ok(())
}

/// The type of a vector, or of those in the arrays of a struct.
fn element(column: &Column) -> DataType {
    match column.kind() {
        DataType::ArrayOfVector => column.field.element_type(),
        kind => kind,
    }
}

fn metric(profile: &Profile, column: &Column, name: &str) -> Result<()> {
    let kind = element(column);
    if column.parent.is_some() {
        return metric_of_arrays(profile, kind, name);
    }
    let bm25 = column.function == Some(FunctionType::Bm25);
    let metrics: &[&str] = match kind {
        DataType::BinaryVector => &["HAMMING", "JACCARD", "MHJACCARD"],
        DataType::SparseFloatVector if bm25 => &["BM25"],
        DataType::SparseFloatVector => &["IP"],
        _ => &["COSINE", "IP", "L2"],
    };
    if metrics.contains(&name) {
        return Ok(());
    }
    let (field, kind) = (column.path(), kind.as_str_name());
    Err(Refused::invalid(format!(
        "field {field}: metric type {name} is not supported for data type {kind}"
    )))
}

/// Metrics of the vectors in a struct array: those of whole lists alone up to 2.6.17
/// (`EmbListMetrics`, constraints.go), those of single vectors too since 2.6.18, and since 3.0 only
/// what fits the element (`ValidateArrayOfVectorMetricType`, utils.go).
fn metric_of_arrays(profile: &Profile, element: DataType, name: &str) -> Result<()> {
    let binary = element == DataType::BinaryVector;
    let single: &[&str] =
        if binary { &["HAMMING", "JACCARD", "MHJACCARD"] } else { &["L2", "IP", "COSINE"] };
    let of_list = |names: &[&str]| {
        name.strip_prefix("MAX_SIM").is_some_and(|rest| names.contains(&rest.trim_matches('_')))
    };
    let lists = if !profile.has(Feature::ArrayMetricsByElement) {
        of_list(&["", "COSINE", "IP", "L2", "HAMMING", "JACCARD"])
    } else if binary {
        of_list(&["HAMMING", "JACCARD"])
    } else {
        of_list(&["", "COSINE", "IP", "L2"])
    };
    let of_one = single.contains(&name) && profile.has(Feature::ArrayMetricsOfVectors);
    if lists || of_one {
        return Ok(());
    }
    let what = match element {
        _ if !profile.has(Feature::ArrayMetricsOfVectors) => "array of vector index",
        DataType::BinaryVector => "array of vector with binary element type",
        DataType::Int8Vector => "array of vector with int element type",
        _ => "array of vector with float element type",
    };
    Err(Refused::expected(
        "valid index params",
        "invalid index params",
        format!("{what} does not support metric type: {name}"),
    ))
}
