//! From the columns of an insert or upsert to rows, with every check that a server makes.

mod column;
mod scalars;
mod structs;
mod vectors;

use std::collections::BTreeSet;

pub use column::absent;

use super::create::OUTPUTS_INSERTED;
use super::functions;
use super::profile::{Feature, Profile};
use super::refused::{Refused, Result};
use super::state::{Collection, Column, META};
use crate::pb::schema::{FieldData, FunctionType};
use crate::table::{Key, Value};

/// A request with rows.
pub struct Delivery<'a> {
    pub columns: &'a [FieldData],
    pub rows: u32,
    pub partition: &'a str,
    /// Upserts name their keys also where the server makes them up.
    pub upsert: bool,
}

/// Rows that passed.
pub struct Accepted {
    /// In the order of the collection's columns. Keys that the server is to make are null.
    pub rows: Vec<Vec<Value>>,
    /// How often a provider of embeddings is asked.
    pub embeddings: usize,
}

/// A column as it was sent, and what it is of the collection; sub-fields one by one.
struct Sent<'a> {
    place: usize,
    data: std::borrow::Cow<'a, FieldData>,
}

/// Checks a request against the collection.
pub fn accept(profile: &Profile, collection: &Collection, delivery: &Delivery) -> Result<Accepted> {
    if delivery.rows == 0 {
        let what = "num_rows should be greater than 0";
        return Err(Refused::expected("invalid num_rows", 0, what));
    }
    let rows = delivery.rows as usize;
    check_key_claims(collection, delivery.columns)?;
    let (sent, unknown) = sorted_out(profile, collection, delivery.columns)?;
    check_structs(profile, collection, delivery.columns)?;
    let columns = &collection.columns;
    let mut surplus = unknown;
    for (place, column) in columns.iter().enumerate() {
        let is_sent = sent.iter().any(|sent| sent.place == place);
        check_presence(profile, collection, column, delivery, is_sent)?;
        surplus += usize::from(is_sent && is_made(profile, collection, column, delivery.upsert));
    }
    // `checkFieldsDataBySchema` (internal/proxy/util.go), 2.5.27 to 3.0.0: what the server makes
    // itself counts as there, and what is sent of it too.
    if surplus > 0 {
        let count = columns.len();
        return Err(Refused::expected(count, count + surplus, "more fieldData has pass in"));
    }
    let mut values: Vec<Option<Vec<Value>>> = vec![None; columns.len()];
    for sent in &sent {
        let column = &columns[sent.place];
        values[sent.place] =
            Some(column::values(profile, collection, column, &sent.data, delivery)?);
    }
    let embeddings = computed(collection, &mut values, rows);
    let mut columns_of_values: Vec<std::vec::IntoIter<Value>> = values
        .into_iter()
        .zip(columns)
        .map(|(values, column)| {
            values.unwrap_or_else(|| vec![column::absent(collection, column); rows]).into_iter()
        })
        .collect();
    let rows: Vec<Vec<Value>> = (0..rows)
        .map(|_| columns_of_values.iter_mut().map(|values| values.next().unwrap()).collect())
        .collect();
    check_rows(profile, collection, &rows, delivery)?;
    Ok(Accepted { rows, embeddings })
}

/// Milvus takes for the primary key the first column with the key's id or the key's name. One that
/// carries the id of another server's field would have its values hashed and deleted by.
fn check_key_claims(collection: &Collection, columns: &[FieldData]) -> Result<()> {
    let key = collection.key();
    let first = columns
        .iter()
        .find(|column| column.field_id == key.field_id || column.field_name == key.name);
    match first {
        Some(column) if column.field_name != key.name => Err(Refused::invalid(format!(
            "column {} carries field_id {}, that of the primary key {}: its values would be taken for keys",
            column.field_name, column.field_id, key.name
        ))),
        _ => Ok(()),
    }
}

/// Finds for every column what it is of the collection, and counts those that are nothing of it:
/// `checkAndFlattenStructFieldData` (internal/proxy/util.go) refuses these since there are struct
/// arrays; before, the number of columns tells.
fn sorted_out<'a>(
    profile: &Profile,
    collection: &Collection,
    columns: &'a [FieldData],
) -> Result<(Vec<Sent<'a>>, usize)> {
    let mut seen: BTreeSet<String> = BTreeSet::new();
    let (mut out, mut unknown) = (Vec::new(), 0);
    for data in columns {
        let name = if data.is_dynamic { META } else { &data.field_name };
        if !seen.insert(name.to_owned()) {
            return Err(Refused::invalid(format!("duplicated field {name} found")));
        }
        let parent = collection.schema.struct_array_fields.iter().find(|field| field.name == name);
        if let Some(parent) = parent {
            for (place, part) in structs::parts(profile, collection, parent, data)? {
                out.push(Sent { place, data: std::borrow::Cow::Owned(part) });
            }
            continue;
        }
        if name == META && !data.is_dynamic && collection.schema.enable_dynamic_field {
            return Err(Refused::invalid(format!("duplicated field {META} found")));
        }
        let mut places = collection.columns.iter();
        let is_it = |column: &Column| column.parent.is_none() && column.field.name == name;
        match places.position(is_it) {
            Some(place) => out.push(Sent { place, data: std::borrow::Cow::Borrowed(data) }),
            None if profile.has(Feature::StructArrays) => {
                let (name, kind, id) = (&data.field_name, data.r#type(), data.field_id);
                return Err(Refused::invalid(format!(
                    "fieldName {name} not exist in collection schema, fieldType {}, fieldId {id}",
                    kind.as_str_name()
                )));
            }
            None => unknown += 1,
        }
    }
    Ok((out, unknown))
}

/// `checkAndFlattenStructFieldData` (internal/proxy/util.go), 2.6.20 and 3.0.0: the structs that are
/// left out.
fn check_structs(profile: &Profile, collection: &Collection, columns: &[FieldData]) -> Result<()> {
    let parents = &collection.schema.struct_array_fields;
    let is_sent = |name: &String| columns.iter().any(|column| column.field_name == *name);
    let sent = parents.iter().filter(|parent| is_sent(&parent.name)).count();
    let mut left_out = parents.iter().filter(|parent| !parent.nullable && !is_sent(&parent.name));
    match left_out.next() {
        None => Ok(()),
        Some(parent) if profile.version >= (3, 0, 0) => Err(Refused::invalid(format!(
            "required struct array field '{}' is missing in insert data",
            parent.name
        ))),
        Some(_) => Err(profile.invalid(format!(
            "the number of struct array fields is not the same as needed, expected: {}, actual: {sent}",
            parents.len()
        ))),
    }
}

/// Whether the server fills this column, and takes it from nobody.
fn is_made(profile: &Profile, collection: &Collection, column: &Column, upsert: bool) -> bool {
    let key_allowed =
        profile.has(Feature::AutoIdInserted) && collection.is_on("allow_insert_auto_id");
    column.is_hidden()
        || column.function.is_some() && !profile.has(Feature::TextEmbedding)
        || column.field.auto_id && !upsert && !key_allowed
}

/// Refuses a column that may not be sent, and the lack of one that has to be.
fn check_presence(
    profile: &Profile,
    collection: &Collection,
    column: &Column,
    delivery: &Delivery,
    is_sent: bool,
) -> Result<()> {
    let upsert = delivery.upsert;
    let name = column.path();
    let takes_outputs =
        profile.has(Feature::FunctionOutputsInserted) && collection.is_on(OUTPUTS_INSERTED);
    if is_sent && column.function.is_some() && !column.is_hidden() && !takes_outputs {
        return Err(Refused::other(
            "Insert data has function output field, but collection's \
             allowInsertNonBM25FunctionOutputs is not enabled",
        ));
    }
    // `GetNeedProcessFunctions` (pkg/util/typeutil/schema.go), 2.6.20 and 3.0.0.
    let bm25 = column.function == Some(FunctionType::Bm25);
    if is_sent && bm25 && profile.has(Feature::TextEmbedding) {
        return Err(Refused::invalid("attempt to insert bm25 function output field"));
    }
    // `upsertTask.PreExecute` (internal/proxy/task_upsert.go): 2.6.20 looks for keys that are there
    // twice before anything else, 3.0.0 for the key itself.
    let key = column.field.is_primary_key && !delivery.columns.is_empty();
    if upsert && key && !is_sent && profile.has(Feature::RepeatedKeysRefused) {
        let when =
            if profile.version >= (3, 0, 0) { "when upsert" } else { "when checking duplicates" };
        return Err(Refused::invalid(format!("must assign pk {when}, primary field: {name}")));
    }
    let optional = column.nullable
        || column.field.default_value.is_some()
        || column.field.is_dynamic
        || column.function.is_some()
        || column.field.auto_id && !upsert;
    if !is_sent && !optional {
        let what = format!("fieldSchema({name}) has no corresponding fieldData pass in");
        return Err(Refused::invalid(what));
    }
    Ok(())
}

/// Fills the outputs of functions that were not sent, and says how often a provider was asked.
fn computed(collection: &Collection, values: &mut [Option<Vec<Value>>], rows: usize) -> usize {
    let mut embeddings = 0;
    for function in &collection.schema.functions {
        let place = |name: &String| {
            collection.columns.iter().position(|column| column.field.name == *name).unwrap()
        };
        let (input, output) =
            (place(&function.input_field_names[0]), place(&function.output_field_names[0]));
        if values[output].is_some() {
            continue;
        }
        embeddings += usize::from(function.r#type() == FunctionType::TextEmbedding);
        let texts = (0..rows).map(|row| match &values[input] {
            Some(values) => values[row].clone(),
            None => Value::Null,
        });
        let column = &collection.columns[output];
        values[output] = Some(texts.map(|text| functions::output(column, &text)).collect());
    }
    embeddings
}

fn check_rows(
    profile: &Profile,
    collection: &Collection,
    rows: &[Vec<Value>],
    delivery: &Delivery,
) -> Result<()> {
    if collection.partition_key().is_some() && !delivery.partition.is_empty() {
        return Err(profile.invalid(
            "not support manually specifying the partition names if partition key mode is used",
        ));
    }
    if delivery.upsert && profile.has(Feature::RepeatedKeysRefused) {
        let mut seen = BTreeSet::new();
        for row in rows {
            let key = key_of(&row[collection.key_column()]);
            if key.is_some_and(|key| !seen.insert(key)) {
                return Err(Refused::invalid(
                    "duplicate primary keys are not allowed in the same batch",
                ));
            }
        }
    }
    Ok(())
}

/// The key in a value; none where the server is to make it.
pub fn key_of(value: &Value) -> Option<Key> {
    match value {
        Value::Int(key) => Some(Key::Int(*key)),
        Value::Text(key) => Some(Key::Text(key.clone())),
        _ => None,
    }
}
