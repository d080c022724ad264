//! Which index the target gets for one of the source's: the same, or the nearest that it can hold.
//! Pure.
//!
//! A metric is never replaced: it decides what a search means. An index decides how fast and how
//! exact a search is, and another one of the same family gives the same meaning; every replacement
//! is said in words.

use std::collections::BTreeMap;
use std::iter::successors;

use super::abilities::{Abilities, Family, Feature};
use crate::model::{DataType, Field, Index};

/// How an index of the source fits the target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IndexFit {
    /// As it is.
    Same,
    /// Another type takes its place.
    Mapped {
        /// The index to make.
        index: Index,
        /// What is different and why.
        why: String,
    },
    /// The target chooses; what was asked of the index besides its metric is not.
    Auto {
        /// The index to make: `AUTOINDEX` with the metric.
        index: Index,
        /// What is different and why.
        why: String,
    },
    /// The same, without parameters that the target does not take with it.
    Without {
        /// The index to make.
        index: Index,
        /// What is different and why.
        why: String,
    },
    /// Nothing that the target has can take its place.
    Lacking(String),
}

/// The nearest index that the target can hold, with what it takes of its parameters. Names of old
/// servers should be spelled as newer ones do first, with [`portable`]. `field` is the indexed field:
/// of an index into a struct array, the field in the struct.
pub fn index_for(target: &Abilities, index: &Index, field: &Field) -> IndexFit {
    let fit = nearest(target, index, field);
    let (IndexFit::Same | IndexFit::Mapped { .. } | IndexFit::Auto { .. }) = &fit else {
        return fit;
    };
    let of = match &fit {
        IndexFit::Mapped { index, .. } | IndexFit::Auto { index, .. } => index,
        _ => index,
    };
    let left = not_taken(target, of, field);
    if left.is_empty() {
        return fit;
    }
    let names: Vec<&str> = left.iter().map(String::as_str).collect();
    let without = of.without(&names);
    let because = if target.only_autoindex() {
        "takes none on an index of vectors"
    } else {
        "takes AUTOINDEX on a vector with its metric alone"
    };
    let left = format!("without {}, as {target} {because}", names.join(", "));
    match fit {
        IndexFit::Mapped { why, .. } => {
            IndexFit::Mapped { index: without, why: format!("{why}; {left}") }
        }
        IndexFit::Auto { why, .. } => {
            IndexFit::Auto { index: without, why: format!("{why}; {left}") }
        }
        _ => IndexFit::Without { index: without, why: left },
    }
}

/// Parameters that the target refuses with an index of this type: `AUTOINDEX` on a vector is made
/// with its metric alone, and altered to what can be altered; where a cluster chooses every index of
/// vectors itself, that is less.
fn not_taken(target: &Abilities, index: &Index, field: &Field) -> Vec<String> {
    // Milvus Lite 3 takes any parameters [M].
    if !field.data_type.is_vector() || target.family == Family::Lite3 {
        return Vec::new();
    }
    let counted = is_auto(index) && !target.only_autoindex();
    let mut names: Vec<String> = index.settings().into_keys().collect();
    names.retain(|name| match name.as_str() {
        "index_type" | "metric_type" => false,
        name if counted => !target.alters_index(name, true),
        name => target.only_autoindex() && name == MMAP,
    });
    names
}

/// Keeping an index in mapped files.
const MMAP: &str = "mmap.enabled";
/// Parameters of an index that say how it is kept and not how it is built. Servers alter them of an
/// index that is there.
pub const KEPT_IN: &[&str] = &[MMAP, "warmup"];

/// Whether the server chooses the index.
fn is_auto(index: &Index) -> bool {
    param(index, "index_type").eq_ignore_ascii_case("AUTOINDEX")
}

/// What of an index a server takes when it makes it, and to what it is altered afterwards.
/// `keeps_details`: not Milvus Lite, which alters none.
pub fn in_turn(
    index: &Index,
    field: Option<&Field>,
    keeps_details: bool,
) -> (Index, BTreeMap<String, String>) {
    let on_vector = field.is_some_and(|field| field.data_type.is_vector());
    if !(on_vector && keeps_details && is_auto(index)) {
        return (index.clone(), BTreeMap::new());
    }
    let mut afterwards = index.settings();
    afterwards.retain(|name, _| KEPT_IN.contains(&name.as_str()));
    (index.without(KEPT_IN), afterwards)
}

/// The nearest type of index.
fn nearest(target: &Abilities, index: &Index, field: &Field) -> IndexFit {
    let index_type = param(index, "index_type");
    let metric = param(index, "metric_type");
    if field.data_type.is_vector() && !metric.is_empty() && !target.has_metric(metric, field) {
        return IndexFit::Lacking(format!("{target} cannot compare {} by {metric}", of(field)));
    }
    let path = param(index, "json_path");
    if !path.is_empty() && !target.has(Feature::JsonPathIndex) {
        return IndexFit::Lacking(format!("{target} has no index on a path into JSON ({path})"));
    }
    let cast = param(index, "json_cast_type");
    if !cast.is_empty() && !target.has_json_cast(cast) {
        return IndexFit::Lacking(format!(
            "{target} has no index on a path into JSON ({path}) as {cast}"
        ));
    }
    let spelled = portable(index);
    let lists = field.data_type == DataType::ARRAY_OF_VECTOR && is_auto(index);
    if lists && !target.has_auto_index_on_lists(field.element_type, metric) {
        return mapped(target, index, "HNSW", &[]);
    }
    // A scalar index without a type is the one that the server likes best for the field.
    if index_type.is_empty() || target.has_index(param(&spelled, "index_type"), field) {
        return if spelled == *index {
            IndexFit::Same
        } else {
            let why = format!("{index_type} is created as {}", param(&spelled, "index_type"));
            IndexFit::Mapped { index: spelled, why }
        };
    }
    if target.only_autoindex() && field.data_type.is_vector() {
        return auto(target, index);
    }
    let replacement_of = |kind: &str| REPLACEMENTS.iter().find(|r| r.of.eq_ignore_ascii_case(kind));
    let replacement = successors(replacement_of(index_type), |last| replacement_of(last.by))
        .map(|replacement| (replacement.by, replacement.keeps))
        .find(|(by, _)| target.has_index(by, field))
        .or_else(|| Some((fallback(target, field)?, [].as_slice())));
    if let Some((by, keeps)) = replacement {
        mapped(target, index, by, keeps)
    } else {
        let on = of(field);
        IndexFit::Lacking(format!("{target} has no index like {index_type} on {on}"))
    }
}

/// An index as it can be sent: `marisa-trie` is how 2.2 and 2.3 describe what is created as `Trie`.
pub fn portable(index: &Index) -> Index {
    let mut index = index.clone();
    if let Some(kind) = index.params.get_mut("index_type")
        && kind.eq_ignore_ascii_case("marisa-trie")
    {
        "Trie".clone_into(kind);
    }
    index
}

/// An index type, the nearest one to it, and which parameters mean the same to both.
struct Replacement {
    of: &'static str,
    by: &'static str,
    keeps: &'static [&'static str],
}

const fn replace(
    of: &'static str,
    by: &'static str,
    keeps: &'static [&'static str],
) -> Replacement {
    Replacement { of, by, keeps }
}

const GRAPH: &[&str] = &["M", "efConstruction"];
const CLUSTERS: &[&str] = &["nlist"];

/// What stands in for an index type where it is lacking; what stands in for that, where it is
/// lacking too. Graphs stay graphs and clusters stay
/// clusters; what compressed the vectors gives way to what does not, never the other way round.
/// `SCANN`, `IVF_RABITQ` and the GPU types are built on the clusters or graphs named here
/// (Milvus documentation, "In-memory Index", "GPU Index", "On-disk Index").
const REPLACEMENTS: &[Replacement] = &[
    // Only Milvus Lite 2 has no graphs.
    replace("HNSW", "IVF_FLAT", &[]),
    replace("DISKANN", "HNSW", &[]),
    replace("AISAQ", "DISKANN", &[]),
    replace("ANNOY", "HNSW", &[]),
    replace("RHNSW_FLAT", "HNSW", GRAPH),
    replace("RHNSW_PQ", "HNSW", GRAPH),
    replace("RHNSW_SQ", "HNSW", GRAPH),
    replace("IVF_HNSW", "HNSW", GRAPH),
    replace("RNSG", "HNSW", &[]),
    replace("NGT_PANNG", "HNSW", &[]),
    replace("NGT_ONNG", "HNSW", &[]),
    replace("HNSW_SQ", "HNSW", GRAPH),
    replace("HNSW_PQ", "HNSW", GRAPH),
    replace("HNSW_PRQ", "HNSW", GRAPH),
    replace("EMB_LIST_HNSW", "HNSW", GRAPH),
    replace("SCANN", "IVF_FLAT", CLUSTERS),
    replace("IVF_RABITQ", "IVF_FLAT", CLUSTERS),
    replace("IVF_SQ8", "IVF_FLAT", CLUSTERS),
    replace("IVF_PQ", "IVF_FLAT", CLUSTERS),
    replace("GPU_IVF_FLAT", "IVF_FLAT", CLUSTERS),
    replace("GPU_IVF_PQ", "IVF_FLAT", CLUSTERS),
    replace("GPU_CAGRA", "HNSW", &[]),
    replace("GPU_BRUTE_FORCE", "FLAT", &[]),
    replace("SPARSE_WAND", "SPARSE_INVERTED_INDEX", &[]),
    replace("MINHASH_LSH", "BIN_FLAT", &[]),
    replace("BITMAP", "INVERTED", &[]),
    replace("HYBRID", "INVERTED", &[]),
    replace("NGRAM", "INVERTED", &[]),
];

/// Parameters of an index that must be given and that the replaced one did not have: the defaults
/// of Milvus's documentation.
const DEFAULTS: &[(&str, &[(&str, &str)])] =
    &[("HNSW", &[("M", "18"), ("efConstruction", "240")]), ("IVF_FLAT", &[("nlist", "128")])];

/// The index type that does for a field when nothing nearer is there.
fn fallback(target: &Abilities, field: &Field) -> Option<&'static str> {
    const ANY: &[&str] = &["INVERTED", "Trie", "STL_SORT", "AUTOINDEX"];
    // Milvus Lite 2 has AUTOINDEX on `FloatVector` alone.
    const VECTORS: &[&str] = &["AUTOINDEX", "FLAT", "BIN_FLAT", "SPARSE_INVERTED_INDEX"];
    // On Geometry and JSON an index of another kind answers other questions.
    if matches!(field.data_type, DataType::GEOMETRY | DataType::JSON) {
        return None;
    }
    let candidates = if field.data_type.is_vector() { VECTORS } else { ANY };
    candidates.iter().find(|candidate| target.has_index(candidate, field)).copied()
}

fn mapped(target: &Abilities, index: &Index, by: &str, keeps: &[&str]) -> IndexFit {
    let given = parameters(index);
    let mut taken: BTreeMap<String, String> = BTreeMap::new();
    for (_, defaults) in DEFAULTS.iter().filter(|(of, _)| *of == by) {
        for (name, value) in *defaults {
            taken.insert((*name).to_owned(), (*value).to_owned());
        }
    }
    for name in keeps {
        if let Some(value) = given.get(*name) {
            taken.insert((*name).to_owned(), value.clone());
        }
    }
    let mut why = format!("{target} has no {} here: {by}", param(index, "index_type"));
    if !taken.is_empty() {
        why = format!("{why} ({})", list(&taken));
    }
    why.push_str(" takes its place");
    let left = without(&given, &taken);
    if !left.is_empty() {
        why = format!("{why}, without {}", list(&left));
    }
    IndexFit::Mapped { index: make(index, by, &taken), why }
}

fn auto(target: &Abilities, index: &Index) -> IndexFit {
    let given = parameters(index);
    let kind = param(index, "index_type");
    let mut why = format!("{target} chooses the index itself: AUTOINDEX takes the place of {kind}");
    if !given.is_empty() {
        why = format!("{why} ({})", list(&given));
    }
    IndexFit::Auto { index: make(index, "AUTOINDEX", &BTreeMap::new()), why }
}

/// The same index with another type and other parameters; its name, metric and what is not about
/// building (`mmap.enabled`, JSON path) stay.
fn make(index: &Index, index_type: &str, parameters: &BTreeMap<String, String>) -> Index {
    let mut params: BTreeMap<String, String> = index
        .params
        .iter()
        .filter(|(name, _)| STAYS.contains(&name.as_str()))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    params.insert("index_type".to_owned(), index_type.to_owned());
    if !parameters.is_empty() {
        let object: serde_json::Map<String, serde_json::Value> = parameters
            .iter()
            .map(|(name, value)| {
                let number = value.parse::<serde_json::Number>();
                (name.clone(), number.map_or_else(|_| value.clone().into(), Into::into))
            })
            .collect();
        params.insert("params".to_owned(), serde_json::Value::Object(object).to_string());
    }
    Index { name: index.name.clone(), field: index.field.clone(), params }
}

/// Parameters of an index that do not depend on its type.
const STAYS: &[&str] = &["metric_type", MMAP, "json_path", "json_cast_type", "json_cast_function"];

/// What an index is built with, whether the server describes it as one JSON text, one by one, or
/// both.
fn parameters(index: &Index) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for (name, value) in &index.params {
        if name == "params" {
            let object = serde_json::from_str::<serde_json::Map<_, _>>(value).unwrap_or_default();
            for (name, value) in object {
                let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                found.insert(name, text);
            }
        } else if name != "index_type" && !STAYS.contains(&name.as_str()) {
            found.insert(name.clone(), value.clone());
        }
    }
    found
}

fn without(
    all: &BTreeMap<String, String>,
    taken: &BTreeMap<String, String>,
) -> BTreeMap<String, String> {
    all.iter()
        .filter(|(name, _)| !taken.contains_key(*name))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

fn list(parameters: &BTreeMap<String, String>) -> String {
    let texts: Vec<String> =
        parameters.iter().map(|(name, value)| format!("{name} = {value}")).collect();
    texts.join(", ")
}

fn param<'a>(index: &'a Index, name: &str) -> &'a str {
    index.params.get(name).map_or("", String::as_str)
}

fn of(field: &Field) -> String {
    match field.data_type {
        DataType::ARRAY_OF_VECTOR => format!("arrays of {}", field.element_type),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests;
