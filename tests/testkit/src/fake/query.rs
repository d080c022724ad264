//! Queries: which rows and which columns, in which order, and how many.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

use super::answer::{self, Part};
use super::expression::{self, Expression};
use super::merged;
use super::moments::Zone;
use super::names;
use super::profile::{Feature, Profile};
use super::refused::{Refused, Result};
use super::shards;
use super::state::{Collection, META, Row, State, to_map};
use crate::pb::common::ErrorCode;
use crate::pb::milvus;
use crate::pb::schema::field_data::Field;
use crate::pb::schema::scalar_field::Data;
use crate::pb::schema::{DataType, FieldData, LongArray, ScalarField};
use crate::table::Key;

/// What beside the filter a query says.
struct Params {
    limit: Option<usize>,
    offset: usize,
    iterator: bool,
    stop_for_best: bool,
    zone: Option<Zone>,
}

impl State {
    pub fn query(
        &self,
        database: &str,
        request: &milvus::QueryRequest,
    ) -> Result<milvus::QueryResults> {
        let profile = &self.profile;
        names::check_collection(&request.collection_name)?;
        let collection = self.collection(database, &request.collection_name)?;
        let params = params(profile, &to_map(&request.query_params))?;
        check_collection_id(profile, collection, request)?;
        let expression = expression::parse("query", &request.expr, &collection.columns, profile)
            .map_err(Refused::invalid)?;
        let counts = request.output_fields.iter().any(|name| name == "count(*)");
        if counts && let Some(other) = request.output_fields.iter().find(|n| *n != "count(*)") {
            return Err(match profile.version >= (3, 0, 0) {
                true => Refused::invalid(format!(
                    "output field '{other}' is not allowed: when using aggregation functions (e.g., \
                     count(*)), output_fields can only contain aggregation expressions, not regular \
                     columns: invalid parameter"
                )),
                false => profile.invalid("parse output field name failed: count(*)"),
            });
        }
        if counts && params.limit.is_some() {
            return Err(Refused::invalid("count entities with pagination is not allowed"));
        }
        if expression == Expression::Everything && params.limit.is_none() && !counts {
            return Err(Refused::invalid("empty expression should be used with limit"));
        }
        if profile.limit_required && params.limit.is_none() && !counts {
            return Err(Refused::invalid("limit must be specified for a query on this cluster"));
        }
        let partitions = partitions(profile, collection, &request.partition_names, "query")?;
        let moment = moment(request, &params);
        let unfiltered = expression == Expression::Everything;
        let past_deletes =
            counts && profile.counts_deleted && (unfiltered || profile.counts_deleted_by_filter);
        let visible = |row: &&Row| match moment {
            _ if past_deletes => true,
            None => row.deleted.is_none(),
            Some(at) => row.written <= at && row.deleted.is_none_or(|deleted| deleted > at),
        };
        let mut found: Vec<&Row> = collection
            .rows
            .iter()
            .filter(visible)
            .filter(|row| partitions.contains(&row.partition) && expression.finds(&row.values))
            .collect();
        let mut out = milvus::QueryResults {
            status: Some(Default::default()),
            collection_name: collection.name.clone(),
            ..Default::default()
        };
        if profile.has(Feature::SessionTimestamp) {
            out.session_ts = self.clock();
            out.primary_field_name.clone_from(&collection.key().name);
        }
        if counts {
            out.fields_data = vec![count(found.len())];
            out.output_fields = vec!["count(*)".to_owned()];
            return Ok(out);
        }
        let parts = parts(profile, collection, &request.output_fields)?;
        let sealed_first = !profile.has(Feature::ArraysAligned)
            && merged::is_in_both(collection, &found)
            && self.merges.fetch_add(1, Ordering::Relaxed) % 3 < 2;
        if sealed_first && params.limit == Some(1) {
            found.retain(|row| merged::is_sealed(collection, row));
        }
        shards::check_across(profile.version, collection, &found)?;
        let rows = page(profile, &found, &params, collection);
        let arrays =
            if sealed_first { merged::arrays(collection, &found, &rows) } else { rows.clone() };
        let own_zone = collection.zone();
        let zone = params.zone.as_ref().unwrap_or(&own_zone);
        out.output_fields = parts.iter().map(|part| part.name(collection)).collect();
        out.fields_data = answer::columns(profile, collection, &parts, (&rows, &arrays), zone);
        Ok(out)
    }
}

fn params(profile: &Profile, given: &BTreeMap<String, String>) -> Result<Params> {
    let number = |key: &str| -> Result<Option<i64>> {
        given
            .get(key)
            .map(|text| {
                text.parse().map_err(|_| profile.invalid(format!("{key} [{text}] is invalid")))
            })
            .transpose()
    };
    let is = |key: &str| given.get(key).is_some_and(|text| text.eq_ignore_ascii_case("true"));
    let (limit, offset) = (number("limit")?, number("offset")?.unwrap_or(0));
    if let Some(limit) = limit {
        check_window(profile, limit, offset)?;
    }
    // Up to 2.6.5 nobody looks at it.
    let zone = given
        .get("timezone")
        .filter(|_| profile.has(Feature::Timestamptz))
        .map(|name| {
            Zone::named(name).ok_or_else(|| {
                Refused::invalid(format!("unknown or invalid IANA Time Zone ID: {name}"))
            })
        })
        .transpose()?;
    Ok(Params {
        limit: limit.map(|limit| limit as usize),
        offset: offset as usize,
        iterator: is("iterator"),
        stop_for_best: is("reduce_stop_for_best"),
        zone,
    })
}

/// `validateMaxQueryResultWindow` (internal/proxy/util.go), 2.5.27 to 3.0.0.
fn check_window(profile: &Profile, limit: i64, offset: i64) -> Result<()> {
    let window = profile.limits.query_window;
    let why = if offset < 0 {
        format!("offset [{offset}] is invalid, should be gte than 0")
    } else if limit <= 0 {
        format!("limit [{limit}] is invalid, should be greater than 0")
    } else if limit + offset > window {
        format!("(offset+limit) should be in range [1, {window}], but got {}", limit + offset)
    } else {
        return Ok(());
    };
    let twice = if profile.has(Feature::ParameterErrors) { ": invalid parameter" } else { "" };
    Err(profile.invalid(format!("invalid max query result window, {why}{twice}")))
}

/// A query may name the collection that it means, of which servers before 2.5 take no notice.
fn check_collection_id(
    profile: &Profile,
    collection: &Collection,
    request: &milvus::QueryRequest,
) -> Result<()> {
    if profile.version < (2, 5, 0) {
        return Ok(());
    }
    match to_map(&request.query_params).get("collection_id") {
        Some(id) if *id != collection.id.to_string() => Err(Refused::invalid(
            "Input collection id is not consistent to collectionID in the context,alias or database \
             may have changed",
        )),
        _ => Ok(()),
    }
}

/// The moment that an iterator sees, which uses even the smallest timestamps as they are.
fn moment(request: &milvus::QueryRequest, params: &Params) -> Option<u64> {
    Some(request.guarantee_timestamp).filter(|at| params.iterator && *at > 0)
}

/// The partitions to look into. Those of a collection that are not loaded are passed over without a
/// word; one that is asked for by name is not.
pub(super) fn partitions(
    profile: &Profile,
    collection: &Collection,
    names: &[String],
    verb: &str,
) -> Result<Vec<i64>> {
    // `translatePartitionIds` (internal/proxy/task_query.go) comes before the shards are asked.
    let unknown = |name: &&String| collection.partition(name).is_err();
    if let Some(name) = names.iter().find(unknown)
        && collection.partition_key().is_none()
    {
        return Err(profile.invalid(format!("partition name {name} not found")));
    }
    if !collection.is_loaded() {
        return Err(Refused::not_loaded(collection.id).led_by(&format!("failed to {verb}: ")));
    }
    if collection.loading > 0 {
        let reason = format!("collection not fully loaded[collection={}]", collection.name);
        return Err(Refused::new(103, ErrorCode::UnexpectedError, reason));
    }
    if names.is_empty() {
        let loaded = collection.partitions.iter().filter(|partition| partition.loaded);
        return Ok(loaded.map(|partition| partition.id).collect());
    }
    if collection.partition_key().is_some() {
        return Err(profile.invalid(
            "not support manually specifying the partition names if partition key mode is used",
        ));
    }
    names
        .iter()
        .map(|name| {
            let partition = collection.partition(name)?;
            if partition.loaded {
                return Ok(partition.id);
            }
            let reason = format!("partition not loaded[partition={name}]");
            Err(Refused::new(201, ErrorCode::UnexpectedError, reason))
        })
        .collect()
}

/// One row for each key, in the order of this kind of query, cut to the limit.
fn page<'a>(
    profile: &Profile,
    found: &[&'a Row],
    params: &Params,
    collection: &Collection,
) -> Vec<&'a Row> {
    let mut newest: BTreeMap<(&Key, u32), &Row> = BTreeMap::new();
    // Up to 2.4 proxies do not give a key of two shards twice.
    let across = profile.version >= (2, 5, 0);
    let shard = |row: &Row| if across { collection.shard(row) } else { 0 };
    for row in found {
        let entry = newest.entry((&row.key, shard(row))).or_insert(row);
        if row.written > entry.written {
            *entry = row;
        }
    }
    if !profile.has(Feature::EveryInt64) {
        newest.retain(|(key, _), _| **key != Key::Int(i64::MAX));
    }
    let ordered = params.iterator && params.stop_for_best;
    let mut rows: Vec<&Row> = if ordered || !profile.has(Feature::UnorderedQueries) {
        newest.into_values().collect()
    } else {
        // As they lie: the latest first, so that nobody takes it for an order of keys.
        let kept = |row: &&&Row| {
            newest.get(&(&row.key, shard(row))).is_some_and(|one| std::ptr::eq(*one, **row))
        };
        found.iter().rev().filter(kept).copied().collect()
    };
    rows.drain(..params.offset.min(rows.len()));
    let mut limit = params.limit.unwrap_or(usize::MAX);
    if ordered && limit < usize::MAX && !profile.has(Feature::ExactPages) {
        // What the shards sent may be more than the limit, and it may end before there is no more.
        limit = match rows.len() % 3 {
            0 => limit,
            1 if collection.shards > 1 => 2 * limit,
            _ => limit.div_ceil(4),
        };
    }
    rows.truncate(limit);
    rows
}

/// What a query is to answer. The key is always with it.
fn parts(profile: &Profile, collection: &Collection, names: &[String]) -> Result<Vec<Part>> {
    let mut parts: Vec<Part> = Vec::new();
    let mut add = |part: Part| {
        if !parts.contains(&part) {
            parts.push(part);
        }
    };
    let columns = &collection.columns;
    // `translateOutputFields` (internal/proxy/util.go) of 2.4.17 and 2.5.27; 2.6.0 has it no more.
    let by_field = profile.version < (2, 6, 0) && !collection.load_fields.is_empty();
    let loaded = |name: &String| !by_field || collection.load_fields.contains(name);
    for name in names {
        if name == "*" {
            let readable = columns
                .iter()
                .enumerate()
                .filter(|(_, column)| column.parent.is_none() && !column.is_hidden())
                .filter(|(_, column)| loaded(&column.field.name));
            readable.for_each(|(place, _)| add(Part::Column(place)));
            (0..collection.schema.struct_array_fields.len())
                .for_each(|place| add(Part::Struct(place)));
            continue;
        }
        let parents = &collection.schema.struct_array_fields;
        if let Some(place) = parents.iter().position(|parent| parent.name == *name) {
            add(Part::Struct(place));
            continue;
        }
        let is =
            |column: &super::state::Column| column.parent.is_none() && column.field.name == *name;
        match columns.iter().position(is) {
            Some(place) if columns[place].is_hidden() => {
                return Err(
                    profile.invalid(format!("not allowed to retrieve raw data of field {name}"))
                );
            }
            Some(_) if !loaded(name) => {
                return Err(Refused::other(format!("field {name} is not loaded")));
            }
            Some(place) => add(Part::Column(place)),
            // A name that the schema does not know is taken for a dynamic key.
            None => match columns.iter().position(|column| column.field.name == META) {
                Some(place) => add(Part::Column(place)),
                None => return Err(profile.invalid(format!("field {name} not exist"))),
            },
        }
    }
    add(Part::Column(collection.key_column()));
    Ok(parts)
}

fn count(rows: usize) -> FieldData {
    let data = Data::LongData(LongArray { data: vec![rows as i64] });
    FieldData {
        r#type: DataType::Int64.into(),
        field_name: "count(*)".to_owned(),
        field: Some(Field::Scalars(ScalarField { data: Some(data), ..Default::default() })),
        ..Default::default()
    }
}
