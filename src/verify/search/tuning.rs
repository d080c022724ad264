//! Parameters of a search by the type of the index: exact enough that two indexes over the same
//! rows, built apart, find the same. Pure.

use serde_json::{Map, Value, json};

use super::kind;
use crate::model::Index;

/// Fewest rows that a search in a graph keeps an eye on.
const LEAST_BREADTH: u64 = 64;
/// Fewest clusters that a search looks into.
const LEAST_CLUSTERS: u64 = 64;
/// Clusters of an index that says nothing of it (Milvus's own default).
const CLUSTERS: u64 = 128;
/// One of how many clusters a search looks into, where there are many.
const CLUSTERS_SHARE: u64 = 8;

/// The parameters of a search for so many results, as a JSON object.
pub(super) fn params(index: &Index, top_k: u32) -> String {
    let top_k = u64::from(top_k.max(1));
    let breadth = LEAST_BREADTH.max(2 * top_k);
    let clusters = || {
        let all = index.setting("nlist").and_then(|nlist| nlist.parse().ok()).unwrap_or(CLUSTERS);
        all.min(LEAST_CLUSTERS.max(all / CLUSTERS_SHARE))
    };
    let kind = kind(index).to_ascii_uppercase();
    let chosen: Vec<(&str, u64)> = if kind.contains("HNSW") {
        vec![("ef", breadth.min(32_768))]
    } else if kind == "SCANN" {
        vec![("nprobe", clusters()), ("reorder_k", breadth)]
    } else if kind == "GPU_CAGRA" {
        // Whole blocks of 32.
        vec![("itopk_size", breadth.next_multiple_of(32))]
    } else if kind.contains("IVF") {
        vec![("nprobe", clusters())]
    } else if ["DISKANN", "AISAQ"].contains(&kind.as_str()) {
        vec![("search_list", breadth.min(65_535))]
    } else if kind == "ANNOY" {
        vec![("search_k", 64 * breadth)]
    } else {
        // Those that look at every row, those that choose for themselves, and unknown ones.
        Vec::new()
    };
    let members: Map<String, Value> =
        chosen.into_iter().map(|(name, value)| (name.to_owned(), json!(value))).collect();
    Value::Object(members).to_string()
}

/// What is to be kept in mind when these two are compared.
pub(super) fn note(from: &Index, to: &Index) -> Option<String> {
    let (from, to) = (kind(from), kind(to));
    if !from.eq_ignore_ascii_case(&to) {
        return Some(format!(
            "the index types differ ({from} and {to}): small differences are expected"
        ));
    }
    from.eq_ignore_ascii_case("AUTOINDEX").then(|| {
        "what AUTOINDEX is, each server chooses: small differences are expected".to_owned()
    })
}
