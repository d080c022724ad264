//! One search in each field of vectors of one collection: is anything found at all?

use super::{LARGEST_ANSWER, index_on, kind, metric, tuning};
use crate::milvus::{Client, Moment, Query, Result, Search};
use crate::model::{Collection, DataType, Field, FunctionKind, KeyRange};

/// Rows that are read for a value to search for: the first may hold null.
const ROWS: u32 = 32;
/// Results that are asked for.
const TOP_K: u32 = 10;

/// What became of the search in a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Searched {
    /// So many rows were found.
    Found(usize),
    /// There was no search; why.
    Not(String),
}

/// Searches in each field of vectors that has an index, with a value that a row of the collection has
/// itself. The collection is loaded.
///
/// # Errors
/// When a call fails.
pub async fn search_each(client: &Client, of: &Collection) -> Result<Vec<(String, Searched)>> {
    let mut found = Vec::new();
    for field in of.fields.iter().filter(|field| field.data_type.is_vector()) {
        found.push((field.name.clone(), search(client, of, field).await?));
    }
    Ok(found)
}

async fn search(client: &Client, of: &Collection, field: &Field) -> Result<Searched> {
    let not = |why: &str| Ok(Searched::Not(why.to_owned()));
    let Some(index) = index_on(&of.indexes, &field.name) else { return not("it has no index") };
    let Some(query) = Query::of(of) else { return not("keys are of an unknown type") };
    let (column, example) = match of.function_of(&field.name) {
        Some(function) if !function.kind.output_is_readable() => {
            let computed = [FunctionKind::BM25, FunctionKind::MIN_HASH].contains(&function.kind);
            match function.inputs.first().filter(|_| computed) {
                Some(input) => (input.clone(), DataType::VARCHAR),
                None => return not("a function computes it, and no query returns it"),
            }
        }
        _ => (field.name.clone(), field.data_type),
    };
    let rows = client.examples(&query, &KeyRange::ALL, &column, Moment::Strong, ROWS).await?;
    let mut values = rows.into_iter().filter_map(|(_, value)| value);
    let Some(value) = values.find(|value| !value.is_empty()) else {
        return not("no row that was written has a value in it");
    };
    let search = Search {
        of: query,
        field: field.name.clone(),
        example,
        metric: metric(index),
        params: tuning::params(index, TOP_K),
        top_k: TOP_K,
    };
    tracing::debug!(field = %field.name, index = %kind(index), "Searching.");
    let hits = client.search(&search, &[value], Moment::Strong, LARGEST_ANSWER).await?;
    Ok(Searched::Found(hits.first().map_or(0, Vec::len)))
}
