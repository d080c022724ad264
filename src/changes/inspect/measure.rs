//! Numbers of a source collection: rows, their size, rows with dynamic data or without a value.

use std::collections::{BTreeMap, BTreeSet};

use crate::changes::{Finding, SourceState};
use crate::milvus::{Client, Error, Kind, Moment, Query, Result};
use crate::model::{
    AutoId, CollectionRule, DYNAMIC_COLUMN, DynamicField, Flavour, Key, KeyRange, LoadState,
    Partition, PartitionKey, ServerVersion,
};

/// Rows that are read to measure how large a row is.
const SAMPLE_ROWS: u32 = 100;
/// Largest answer that is taken, bytes.
const MAX_ANSWER: usize = 64 << 20;
/// Rows of which all keys are compared with each other.
const MOST_KEYS: u64 = 1_000_000;
/// Keys asked for at a time when a whole collection is walked.
const KEYS_PER_PAGE: u32 = 2_000;

/// The reads of what is to be copied: of the selected partitions, or of all.
fn selected(state: &SourceState, rule: &CollectionRule) -> Option<Query> {
    let query = Query::of(&state.collection)?;
    if rule.partitions.select.is_empty() {
        return Some(query);
    }
    let names = state.partitions.iter().map(|partition| partition.name.clone());
    Some(query.within(names.collect()))
}

/// The columns that are read where rows are copied.
fn read_columns(state: &SourceState, rule: &CollectionRule) -> Vec<String> {
    let mut columns = state.collection.columns();
    let off = matches!(rule.dynamic_field, DynamicField::Off { .. });
    let key = state.collection.primary_key().map(|key| key.name.as_str());
    columns.retain(|name| {
        // That the key cannot be dropped is said elsewhere.
        let dropped =
            rule.fields.get(name).is_some_and(|field| field.drop) && key != Some(name.as_str());
        let left_behind = off && name == DYNAMIC_COLUMN;
        !dropped && !left_behind
    });
    columns
}

/// The field that is not loaded although something of the collection is, as far as its server says
/// so. Servers before 2.4 load all fields, and those since 2.6 read them from elsewhere.
pub(super) async fn unloaded_field(
    source: &Client,
    state: &SourceState,
    rule: &CollectionRule,
) -> Result<Option<String>> {
    let version = source.version();
    let knows = version.flavour != Flavour::Lite
        && !version.older_than(2, 4, 0)
        && version.older_than(2, 6, 0);
    let Some(query) = Query::of(&state.collection).filter(|_| knows) else { return Ok(None) };
    match source.sample_rows(&query, read_columns(state, rule), 1).await {
        Ok(_) => Ok(None),
        Err(error) => match error.unloaded_field() {
            Some(field) => Ok(Some(field.to_owned())),
            // Whatever it is, it is said where the rows are read.
            None if error.kind != Kind::Cancelled => Ok(None),
            None => Err(error),
        },
    }
}

/// Counts rows, and measures a few where any may be copied.
pub(super) async fn rows(
    source: &Client,
    state: &mut SourceState,
    rule: &CollectionRule,
    in_use: bool,
) -> Result<()> {
    let Some(query) = selected(state, rule) else { return Ok(()) };
    if state.partitions.len() <= state.collection.partitions.len() && !query.partitions.is_empty() {
        // It is of the whole collection.
        state.row_statistic = 0;
    }
    state.rows = source.count(&query, &KeyRange::ALL, Moment::Strong).await?;
    if in_use {
        return Ok(());
    }
    let output = read_columns(state, rule);
    let mut limit = SAMPLE_ROWS;
    loop {
        match source.sample_rows(&query, output.clone(), limit).await {
            Ok(rows) if rows.is_empty() => return Ok(()),
            Ok(rows) => {
                state.row_bytes = Some((rows.bytes() / rows.len()).max(1) as u64);
                return Ok(());
            }
            // 2.2.16 gathers every matching row before it applies the limit, so a large
            // collection cannot be sampled like this; then a closed range can.
            Err(error) if error.kind == Kind::TooLarge && limit > 1 => limit = 1,
            Err(error) if error.kind == Kind::TooLarge => break,
            Err(error) => return Err(error),
        }
    }
    let (keys, _) = source
        .key_page(&query, &KeyRange::ALL, Moment::Eventually, SAMPLE_ROWS, MAX_ANSWER)
        .await?;
    if let Some(last) = keys.last() {
        let range = KeyRange { after: None, up_to: Some(last.clone()) };
        let rows = source.rows_in(&query, &range, output, Moment::Eventually, MAX_ANSWER).await?;
        state.row_bytes = (!rows.is_empty()).then(|| (rows.bytes() / rows.len()) as u64);
    }
    Ok(())
}

/// Walks the whole collection by key ranges and counts rows with dynamic data.
pub(super) async fn dynamic_rows(
    source: &Client,
    state: &SourceState,
    rule: &CollectionRule,
) -> Result<u64> {
    let Some(query) = selected(state, rule) else { return Ok(0) };
    let output = vec![query.key_field.clone(), DYNAMIC_COLUMN.to_owned()];
    let mut count = 0;
    let mut after: Option<Key> = None;
    let mut moment = Moment::Strong;
    let mut limit = KEYS_PER_PAGE;
    loop {
        if source.cancel().is_cancelled() {
            return Err(Error::cancelled("Query", source.uri()));
        }
        let rest = KeyRange { after: after.clone(), up_to: None };
        let (keys, _) = source.key_page(&query, &rest, moment, limit, MAX_ANSWER).await?;
        moment = Moment::Eventually;
        let up_to = keys.last().cloned();
        let range = KeyRange { after: after.clone(), up_to: up_to.clone() };
        let rows = match source.rows_in(&query, &range, output.clone(), moment, MAX_ANSWER).await {
            Err(error) if error.kind == Kind::TooLarge && limit > 1 && up_to.is_some() => {
                limit = limit.div_ceil(4);
                continue;
            }
            other => other?,
        };
        count += rows
            .rows_with_dynamic_data()
            .map_err(|why| Error::bad_answer("Query", source.uri(), why))?;
        match up_to {
            Some(key) => after = Some(key),
            None => return Ok(count),
        }
    }
}

/// Counts the nulls of fields where one would not arrive as it is: a field that becomes the
/// partition key, and one with a default value. A server that cannot count them is not believed to
/// have none.
pub(super) async fn nulls(
    source: &Client,
    state: &mut SourceState,
    rule: &CollectionRule,
) -> Result<()> {
    let Some(query) = selected(state, rule) else { return Ok(()) };
    for field in state.collection.fields.iter().filter(|field| field.nullable) {
        let becomes_key = matches!(
            &rule.partition_key,
            PartitionKey::Field { field: name, .. } if *name == field.name
        );
        let keeps_default = field.default_value.is_some()
            && !rule.fields.get(&field.name).is_some_and(|rule| rule.drop_default);
        if !becomes_key && !keeps_default {
            continue;
        }
        let expression = format!("{} is null", field.name);
        if let Some(rows) = matching(source, &query, expression).await? {
            state.nulls.insert(field.name.clone(), rows);
        }
    }
    Ok(())
}

/// Finds dynamic keys that have the name of a field at the target. Servers refuse such rows since
/// 2.4.18 (`verifyDynamicFieldData`, internal/proxy/util.go); sources before that, or fields with a
/// new name, may have them.
pub(super) async fn shadowed(
    source: &Client,
    target: &ServerVersion,
    state: &mut SourceState,
    rule: &CollectionRule,
    findings: &mut Vec<Finding>,
) -> Result<()> {
    let off = matches!(rule.dynamic_field, DynamicField::Off { .. });
    if !state.collection.dynamic_field || off {
        return Ok(());
    }
    let Some(query) = selected(state, rule) else { return Ok(()) };
    let there = rule.fields.iter().filter(|(name, _)| state.collection.has_field(name));
    let mut names: BTreeSet<String> = there.filter_map(|(_, field)| field.rename.clone()).collect();
    if let AutoId::Regenerate { source_key_field } = &rule.auto_id {
        names.insert(source_key_field.clone());
    }
    if source.version().older_than(2, 4, 18) && !target.older_than(2, 4, 18) {
        let renamed = |name: &String| rule.fields.get(name).is_some_and(|f| f.rename.is_some());
        let own = state.collection.fields.iter().map(|field| field.name.clone());
        names.extend(own.filter(|name| !renamed(name)));
    }
    let readable = state.load == LoadState::Loaded
        && state.partitions.iter().all(|partition| partition.load == LoadState::Loaded);
    for name in names {
        if !readable {
            findings.push(not_checked(state, &name, "is not loaded, so that it"));
            continue;
        }
        let expression = format!("exists {DYNAMIC_COLUMN}[\"{name}\"]");
        match matching(source, &query, expression).await? {
            Some(0) => {}
            Some(rows) => {
                state.shadowed.insert(name, rows);
            }
            None => findings.push(not_checked(state, &name, "")),
        }
    }
    Ok(())
}

/// Looks for a key that several partitions have, where the target holds one row of each key over all
/// of them (Milvus Lite 3): the last of these rows to arrive would replace the others.
pub(super) async fn keys_of_several_partitions(
    source: &Client,
    target: &ServerVersion,
    state: &SourceState,
    rule: &CollectionRule,
    findings: &mut Vec<Finding>,
) -> Result<()> {
    let one_row = target.flavour == Flavour::Lite && !target.older_than(3, 0, 0);
    if !one_row || state.partitions.len() < 2 {
        return Ok(());
    }
    let Some(query) = selected(state, rule) else { return Ok(()) };
    let address = state.collection.address();
    let advice = "copy each partition to a `target` of its own with `partitions`, or give these rows \
                  other keys at the source";
    if state.rows.is_none_or(|rows| rows > MOST_KEYS) {
        let message = "the target holds one row of each key over all partitions, and the source has \
                       too many rows to look whether a key is in several; of such a key one row \
                       arrives";
        let found = Finding::warning("keys_not_checked", address, message.to_owned(), advice);
        findings.push(found);
        return Ok(());
    }
    let mut partitions: BTreeMap<Key, &str> = BTreeMap::new();
    for Partition { name, .. } in &state.partitions {
        let query = query.clone().within(vec![name.clone()]);
        for key in source.keys_in(&query, &KeyRange::ALL, Moment::Strong, MAX_ANSWER).await? {
            let Some(other) = partitions.get(&key) else {
                partitions.insert(key, name);
                continue;
            };
            let message = format!(
                "the key {key} is in the partitions {other} and {name}, and the target holds one row \
                 of each key over all partitions: the others would be lost"
            );
            findings.push(Finding::error("key_in_several_partitions", address, message, advice));
            return Ok(());
        }
    }
    Ok(())
}

fn not_checked(state: &SourceState, name: &str, why: &str) -> Finding {
    let why = if why.is_empty() { String::new() } else { format!("{why} ") };
    let address = format!("{}/{name}", state.collection.address());
    let message = format!(
        "the source {why}cannot tell whether rows have a dynamic key {name:?}, which would have \
         the name of a field at the target"
    );
    Finding::warning("dynamic_keys_not_checked", address, message, "")
}

/// Rows that an expression holds for; `None` where the server does not know such an expression.
async fn matching(source: &Client, query: &Query, expression: String) -> Result<Option<u64>> {
    match source.matching(query, expression).await {
        Ok(rows) => Ok(Some(rows)),
        // Old servers call an expression that they cannot parse an unexpected error.
        Err(error)
            if matches!(
                error.kind,
                Kind::Invalid | Kind::Unsupported | Kind::Other | Kind::Timeout
            ) =>
        {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}
