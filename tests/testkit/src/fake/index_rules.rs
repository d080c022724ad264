//! What a server takes as an index of a field: its type, its metric and its parameters.
//!
//! The rules follow `createIndexTask.parseIndexParams` (internal/proxy/task_index.go) and the checks
//! of pkg/util/indexparamcheck in 2.5.27, 2.6.20 and 3.0.0; where one is younger, the function says so.

use std::collections::BTreeMap;

use super::profile::{Feature, Profile, Version};
use super::refused::{Refused, Result};
use super::state::Column;
use crate::pb::common::ErrorCode;
use crate::pb::schema::{DataType, FunctionType};

pub const AUTOINDEX: &str = "AUTOINDEX";
pub const MMAP: &str = "mmap.enabled";

const DENSE: &[DataType] =
    &[DataType::FloatVector, DataType::Float16Vector, DataType::BFloat16Vector];
const DENSE_AND_INT8: &[DataType] = &[
    DataType::FloatVector,
    DataType::Float16Vector,
    DataType::BFloat16Vector,
    DataType::Int8Vector,
];
const BINARY: &[DataType] = &[DataType::BinaryVector];
const SPARSE: &[DataType] = &[DataType::SparseFloatVector];

/// Indexes on vectors, since which release, and on which types: `legal_knowhere_index`
/// (include/knowhere/index/index_table.h in knowhere 2.5.14, 2.6.17 and 3.0.6, those of Milvus 2.5.27,
/// 2.6.20 and 3.0.0), as a server has it that was built without GPU.
const ON_VECTORS: [(&str, Version, &[DataType]); 18] = [
    ("FLAT", (2, 0, 0), DENSE),
    ("IVF_FLAT", (2, 0, 0), DENSE),
    ("IVF_SQ8", (2, 0, 0), DENSE),
    ("IVF_PQ", (2, 0, 0), DENSE),
    ("IVF_RABITQ", (2, 5, 0), DENSE),
    ("SCANN", (2, 0, 0), DENSE),
    ("HNSW", (2, 0, 0), DENSE_AND_INT8),
    // Since knowhere 2.6.4.
    ("HNSW", (2, 6, 4), BINARY),
    ("HNSW_SQ", (2, 5, 0), DENSE_AND_INT8),
    ("HNSW_PQ", (2, 5, 0), DENSE_AND_INT8),
    ("HNSW_PRQ", (2, 5, 0), DENSE_AND_INT8),
    ("DISKANN", (2, 0, 0), DENSE),
    // Since knowhere 2.6.1.
    ("AISAQ", (2, 6, 1), DENSE),
    ("BIN_FLAT", (2, 0, 0), BINARY),
    ("BIN_IVF_FLAT", (2, 0, 0), BINARY),
    ("MINHASH_LSH", (2, 6, 0), BINARY),
    ("SPARSE_INVERTED_INDEX", (2, 4, 0), SPARSE),
    ("SPARSE_WAND", (2, 4, 0), SPARSE),
];

/// Indexes on scalars, and since which release (`IndexCheckerMgr`, conf_adapter_mgr.go).
const ON_SCALARS: [(&str, Version); 7] = [
    ("INVERTED", (2, 4, 0)),
    ("BITMAP", (2, 4, 8)),
    ("STL_SORT", (2, 0, 0)),
    ("Trie", (2, 0, 0)),
    ("TRIE", (2, 0, 0)),
    ("NGRAM", (2, 6, 0)),
    ("RTREE", (2, 5, 18)),
];

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
    let mut params = flattened(profile, &given)?;
    if let Some(cast) = params.get_mut("json_cast_type") {
        *cast = cast.trim().to_uppercase();
    }
    no_mmap_in_the_cloud(profile, column, &params)?;
    if let Some(index) = params.get("index_type").filter(|index| !index.is_empty()) {
        mmap(profile, &params)?;
        if index != AUTOINDEX && !is_known(profile, index) {
            let actual = format!("invalid index type: {index}");
            return Err(Refused::unlike("valid index", actual));
        }
    }
    if let Some(policy) = params.get("warmup").filter(|_| profile.has(Feature::IndexWarmup)) {
        super::property_rules::check_warmup(profile, "invalid warmup params", policy)?;
    }
    let mut checked = Checked { given, params };
    if profile.is_vector(column.kind()) {
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

/// Whether there is an index of this name at all.
fn is_known(profile: &Profile, index: &str) -> bool {
    let has = |since: Version| profile.version >= since;
    let scalar = |(name, since): &(&str, Version)| *name == index && has(*since);
    let vector = |(name, since, _): &(&str, Version, &[DataType])| *name == index && has(*since);
    ON_SCALARS.iter().any(scalar) && (index != "BITMAP" || profile.has(Feature::Bitmap))
        || ON_VECTORS.iter().any(vector)
}

/// What `checkTrain` (internal/proxy/task_index.go) says: up to 2.6.18 with what was expected.
fn untrained(profile: &Profile, what: impl std::fmt::Display) -> Refused {
    match profile.has(Feature::ParameterErrors) {
        true => Refused::invalid(what),
        false => unfit(what),
    }
}

fn unfit(what: impl std::fmt::Display) -> Refused {
    Refused::expected("valid index params", "invalid index params", what)
}

/// The members of `params`, a JSON object in a text, beside the parameters that stand for themselves.
fn flattened(
    profile: &Profile,
    given: &BTreeMap<String, String>,
) -> Result<BTreeMap<String, String>> {
    let mut params = given.clone();
    if let Some(text) = params.remove("params") {
        // `JSONToMap` (pkg/util/funcutil/func.go), 2.5.27 to 3.0.0.
        let parsed: serde_json::Value = serde_json::from_str(&text).map_err(|_| {
            let colon = if profile.has(Feature::ParameterErrors) { ":" } else { "," };
            Refused::other(format!("unmarshal params failed{colon} unexpected end of JSON input"))
        })?;
        for (key, value) in parsed.as_object().into_iter().flatten() {
            let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            params.entry(key.clone()).or_insert(value);
        }
    }
    Ok(params)
}

/// What `AUTOINDEX` is on a scalar (`autoIndex.params.scalar.*`), where there is one.
fn scalar_auto(profile: &Profile, column: &Column) -> Result<&'static str> {
    let kind = match column.kind() {
        DataType::Array => column.field.element_type(),
        kind => kind,
    };
    let new = profile.has(Feature::Timestamptz);
    match kind {
        DataType::Timestamptz if new => Ok("STL_SORT"),
        DataType::Geometry => Ok("RTREE"),
        DataType::Text if new => Ok("INVERTED"),
        DataType::Timestamptz | DataType::Text => Err(()),
        kind if super::state::is_vector(kind) => Err(()),
        _ => Ok("INVERTED"),
    }
    .map_err(|()| {
        let name = column.kind().as_str_name();
        let actual = format!("create auto index on type:{name} is not supported");
        Refused::unlike("supported field", actual)
    })
}

/// `CheckValidDataType` and `CheckTrain` of the checkers (internal/util/indexparamcheck).
fn scalar(profile: &Profile, column: &Column, params: &mut BTreeMap<String, String>) -> Result<()> {
    let asked = params.entry("index_type".to_owned()).or_insert_with(|| AUTOINDEX.to_owned());
    let index = match asked.as_str() {
        AUTOINDEX => scalar_auto(profile, column)?,
        asked => asked,
    };
    let index = index.to_owned();
    let (kind, version) = (column.kind(), profile.version);
    let name = kind.as_str_name();
    let refused = |what: String| Err(untrained(profile, what));
    let is_text =
        kind == DataType::VarChar || kind == DataType::Text && profile.has(Feature::TextEmbedding);
    let is_integer = |kind: DataType| {
        matches!(kind, DataType::Int8 | DataType::Int16 | DataType::Int32 | DataType::Int64)
    };
    let is_number = is_integer(kind) || matches!(kind, DataType::Float | DataType::Double);
    let json = kind == DataType::Json && profile.has(Feature::JsonPathIndex);
    let array = kind == DataType::Array;
    let json_fits = json && version >= (3, 0, 0);
    match index.as_str() {
        "INVERTED" if !(is_number || is_text || json || array || kind == DataType::Bool) => {
            return refused(format!("INVERTED are not supported on {name} field"));
        }
        "BITMAP" if column.field.is_primary_key => {
            return refused("create bitmap index on primary key not supported".to_owned());
        }
        "BITMAP" if array => {
            let element = column.field.element_type();
            let fits = is_integer(element) || matches!(element, DataType::Bool | DataType::VarChar);
            if !fits {
                let what = "bitmap index are only supported on bool, int, string for array field";
                return refused(what.to_owned());
            }
        }
        "BITMAP" if !(is_integer(kind) || is_text || json_fits || kind == DataType::Bool) => {
            let what = "bitmap index are only supported on bool, int, string and array field";
            return refused(what.to_owned());
        }
        "STL_SORT" if version < (2, 6, 0) && !is_number => {
            return refused("STL_SORT are only supported on numeric field".to_owned());
        }
        "STL_SORT" if !(is_number || is_text || json_fits || kind == DataType::Timestamptz) => {
            return refused(format!(
                "STL_SORT are only supported on numeric, varchar or timestamptz field, got {name}"
            ));
        }
        "Trie" | "TRIE" if !is_text => {
            return refused("TRIE are only supported on varchar field".to_owned());
        }
        "NGRAM" => ngram(profile, column, is_text, params)?,
        "RTREE" if kind != DataType::Geometry => {
            let what = format!("RTREE index can only be built on geometry field, got {name}");
            return refused(what);
        }
        index if ON_VECTORS.iter().any(|(name, ..)| *name == index) => {
            return refused(format!("index {index} only supports vector data type"));
        }
        _ => {}
    }
    if json && index != "NGRAM" { json_cast(profile, &index, params) } else { Ok(()) }
}

/// `NgramIndexChecker` (ngram_index_checker.go), 2.6.20 and 3.0.0.
fn ngram(
    profile: &Profile,
    column: &Column,
    is_text: bool,
    params: &BTreeMap<String, String>,
) -> Result<()> {
    let kind = column.kind();
    if !is_text && kind != DataType::Json {
        let what = "ngram index can only be created on VARCHAR or JSON field";
        return Err(untrained(profile, what));
    }
    if !matches!(kind, DataType::VarChar | DataType::Json) {
        let what = "Ngram index can only be created on VARCHAR or JSON field";
        return Err(untrained(profile, what));
    }
    let cast = params.get("json_cast_type").map(String::as_str);
    match cast {
        None if kind == DataType::Json => {
            return Err(Refused::missing(
                "JSON field with ngram index must specify json_cast_type",
            ));
        }
        Some(cast) if kind == DataType::Json && cast != "VARCHAR" => {
            return Err(untrained(
                profile,
                format!("JSON field with ngram index only supports VARCHAR cast type, got: {cast}"),
            ));
        }
        _ => {}
    }
    let (Some(least), Some(most)) = (params.get("min_gram"), params.get("max_gram")) else {
        return Err(Refused::missing("Ngram index must specify both min_gram and max_gram"));
    };
    let number = |key: &str, text: &str| {
        text.parse::<i64>().map_err(|_| {
            untrained(profile, format!("{key} for Ngram index must be an integer, got: {text}"))
        })
    };
    let (least, most) = (number("min_gram", least)?, number("max_gram", most)?);
    if least <= 0 || least > most {
        return Err(untrained(
            profile,
            format!(
                "invalid min_gram or max_gram value for Ngram index, min_gram: {least}, max_gram: {most}"
            ),
        ));
    }
    Ok(())
}

/// `INVERTEDChecker.CheckTrain` (inverted_checker.go): arrays since 2.5.14, `JSON` since 2.6.0; and
/// those of `BITMAP` and `STL_SORT`, 3.0.0.
fn json_cast(profile: &Profile, index: &str, params: &BTreeMap<String, String>) -> Result<()> {
    const MISSING: &str =
        "json index must specify cast type: missing parameter[missing_param=json_cast_type]";
    let Some(cast) = params.get("json_cast_type") else {
        return Err(match profile.has(Feature::ParameterErrors) {
            true => Refused::new(1101, ErrorCode::IllegalArgument, MISSING),
            false => unfit(MISSING),
        });
    };
    let since = match (index, cast.as_str()) {
        ("BITMAP", "BOOL" | "VARCHAR") | ("STL_SORT", "DOUBLE" | "VARCHAR") => Some((3, 0, 0)),
        ("BITMAP" | "STL_SORT", _) => None,
        (_, "BOOL" | "DOUBLE" | "VARCHAR") => Some((2, 5, 7)),
        (_, "ARRAY_BOOL" | "ARRAY_DOUBLE" | "ARRAY_VARCHAR") => Some((2, 5, 14)),
        (_, "JSON") => Some((2, 6, 0)),
        _ => None,
    };
    if since.is_none_or(|since| profile.version < since) {
        let what = format!("json_cast_type {cast} is not supported");
        return Err(match profile.has(Feature::ParameterErrors) {
            true => Refused::invalid(what),
            false => unfit(format!("{what}: invalid parameter")),
        });
    }
    Ok(())
}

fn vector(profile: &Profile, column: &Column, checked: &mut Checked) -> Result<()> {
    let kind = element(column);
    let cloud = profile.only_autoindex;
    let asked = checked.params.get("index_type").map_or(AUTOINDEX, String::as_str).to_owned();
    if cloud && ![AUTOINDEX, "MINHASH_LSH"].contains(&asked.as_str()) {
        return Err(Refused::invalid(format!(
            "field {}: invalid index type: {asked}, only AUTOINDEX is supported on this cluster",
            column.path()
        )));
    }
    if asked == AUTOINDEX {
        automatic(profile, column, checked)?;
    }
    // `parseFunctionParamsToIndex` (internal/proxy/task_index.go).
    let bm25 = column.function == Some(FunctionType::Bm25);
    let metric_type = match checked.params.get("metric_type") {
        Some(name) if bm25 && name != "BM25" => {
            return Err(profile.invalid(format!(
                "index metric type of BM25 function output field must be BM25, got {name}"
            )));
        }
        Some(name) => name.as_str(),
        None if bm25 => "BM25",
        None => return Err(unfit("metric type not set for vector index")),
    };
    metric(profile, column, metric_type)?;
    let of_list = metric_type.starts_with("MAX_SIM");
    let (built, fits) = match column.parent.is_some() {
        // What `AUTOINDEX` is on them cannot be built on lists.
        true if asked == AUTOINDEX && kind == DataType::BinaryVector && of_list && !cloud => {
            ("BIN_IVF_FLAT", false)
        }
        true => (asked.as_str(), ["HNSW", AUTOINDEX].contains(&asked.as_str())),
        false => {
            let is = |(name, since, kinds): &(&str, Version, &[DataType])| {
                *name == asked && profile.version >= *since && kinds.contains(&kind)
            };
            (asked.as_str(), asked == AUTOINDEX || ON_VECTORS.iter().any(is))
        }
    };
    if fits {
        return Ok(());
    }
    let name = column.kind().as_str_name();
    Err(untrained(profile, format!("data type {name} can't build with this index {built}")))
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
    params.entry("index_type".to_owned()).or_insert_with(|| AUTOINDEX.to_owned());
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

const OF_BITS: [&str; 5] = ["HAMMING", "JACCARD", "SUBSTRUCTURE", "SUPERSTRUCTURE", "MHJACCARD"];
const OF_FLOATS: [&str; 3] = ["L2", "IP", "COSINE"];

/// The metrics of each type (constraints.go).
fn metric(profile: &Profile, column: &Column, name: &str) -> Result<()> {
    let kind = element(column);
    if column.parent.is_some() {
        return metric_of_arrays(profile, kind, name);
    }
    let bm25 = column.function == Some(FunctionType::Bm25);
    let (of, metrics): (_, &[&str]) = match kind {
        DataType::SparseFloatVector if name == "BM25" && !bm25 => {
            return Err(unfit("only BM25 Function output field support BM25 metric type"));
        }
        DataType::SparseFloatVector if !["IP", "BM25"].contains(&name) => {
            return Err(unfit("only IP&BM25 is the supported metric type for sparse index"));
        }
        DataType::SparseFloatVector => return Ok(()),
        DataType::BinaryVector => ("binary", &OF_BITS),
        DataType::Int8Vector => ("int", &OF_FLOATS),
        _ => ("float", &OF_FLOATS),
    };
    if metrics.contains(&name) {
        return Ok(());
    }
    Err(unfit(format!("{of} vector index does not support metric type: {name}")))
}

/// Metrics of the vectors in a struct array: those of whole lists alone up to 2.6.17
/// (`EmbListMetrics`, constraints.go), those of single vectors too since 2.6.18, and since 3.0 only
/// what fits the element (`ValidateArrayOfVectorMetricType`, utils.go).
fn metric_of_arrays(profile: &Profile, element: DataType, name: &str) -> Result<()> {
    let binary = element == DataType::BinaryVector;
    let single: &[&str] = if binary { &OF_BITS } else { &OF_FLOATS };
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
    if !profile.has(Feature::ArrayMetricsByElement) {
        return Err(unfit(format!("{what} does not support metric type: {name}")));
    }
    let supported = if binary {
        "HAMMING JACCARD SUBSTRUCTURE SUPERSTRUCTURE MHJACCARD MAX_SIM_HAMMING MAX_SIM_JACCARD"
    } else {
        "L2 IP COSINE MAX_SIM MAX_SIM_COSINE MAX_SIM_L2 MAX_SIM_IP"
    };
    Err(unfit(format!(
        "{what} does not support metric type: {name}, supported: [{supported}]: invalid parameter"
    )))
}
