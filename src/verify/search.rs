//! The same searches at both ends: do people find at the target what they found at the source?

pub mod draw;
mod each;
mod overlap;
mod tuning;

use bytes::Bytes;

use super::{Check, SearchParity, Subject};
use crate::milvus::{Client, Error, Kind, Moment, Query, Result, Search};
use crate::model::quantity::{count, counted};
use crate::model::{DataType, Field, FunctionKind, Index, LoadState, SearchCheck};
use draw::Bounds;
pub use each::{Searched, search_each};
use overlap::Tally;

/// Searches in one request, at most.
const BATCH: usize = 32;
/// Bytes of what is searched for in one request, about.
const BATCH_BYTES: usize = 8 << 20;
/// Bytes that an answer may have: keys and scores.
const LARGEST_ANSWER: usize = 64 << 20;

/// Runs the same searches at both ends, in each vector field that is carried, with values that rows
/// of the source have.
///
/// A field in which nothing could be compared has not passed, and its `note` says why, unless there
/// is nothing in it that could be searched for.
///
/// # Errors
/// When a server fails for a reason that is not about one field.
pub async fn search_parity(
    check: &Check,
    subject: &Subject,
    settings: SearchCheck,
) -> Result<Vec<SearchParity>> {
    let mut found = Vec::new();
    let mut bounds = None;
    for place in places(subject) {
        let mut parity = place.unsearched(subject, settings);
        let compared = compare(check, subject, settings, &place, &mut bounds, &mut parity);
        if let Err(why) = Box::pin(compared).await? {
            parity.passed = false;
            parity.note = Some(why);
        }
        found.push(parity);
    }
    Ok(found)
}

/// A field that is searched.
struct Place<'a> {
    /// Its name at the source.
    source: String,
    /// Its name at the target.
    target: String,
    /// The field.
    field: &'a Field,
}

/// The vector fields that the target has from the source.
fn places(subject: &Subject) -> Vec<Place<'_>> {
    let mut places = Vec::new();
    for field in subject.from.fields.iter().filter(|field| field.data_type.is_vector()) {
        let target = subject.settings.renamed.get(&field.name).unwrap_or(&field.name).clone();
        if subject.wanted.has_field(&target) {
            places.push(Place { source: field.name.clone(), target, field });
        }
    }
    for of in &subject.from.struct_fields {
        let target = subject.settings.renamed.get(&of.name).unwrap_or(&of.name);
        for field in of.fields.iter().filter(|field| field.data_type.is_vector()) {
            if subject.wanted.has_field(target) {
                let name = |of: &str| match field.name.split_once('[') {
                    Some((_, inner)) => format!("{of}[{inner}"),
                    None => format!("{of}[{}]", field.name),
                };
                places.push(Place { source: name(&of.name), target: name(target), field });
            }
        }
    }
    places
}

impl Place<'_> {
    /// The result before anything was searched.
    fn unsearched(&self, subject: &Subject, settings: SearchCheck) -> SearchParity {
        let text = |index: Option<&Index>| {
            index.map_or_else(
                || "none".to_owned(),
                |index| format!("{}/{}", kind(index), metric(index)),
            )
        };
        SearchParity {
            field: self.target.clone(),
            queries: 0,
            top_k: u64::from(settings.top_k),
            overlap: 0.0,
            lowest_overlap: 0.0,
            largest_score_difference: 0.0,
            min_overlap: settings.min_overlap,
            passed: false,
            source_index: text(index_on(&subject.from.indexes, &self.source)),
            target_index: text(index_on(&subject.to.indexes, &self.target)),
            note: None,
        }
    }

    /// What is searched for: the column that it is read from and its type, or why nothing can be.
    fn examples<'a>(
        &'a self,
        subject: &'a Subject,
    ) -> std::result::Result<(&'a str, DataType), String> {
        if self.field.data_type == DataType::ARRAY_OF_VECTOR {
            return Err("searches in arrays of vectors are not compared".to_owned());
        }
        if !self.field.function_output {
            return Ok((&self.source, self.field.data_type));
        }
        match subject.from.function_of(&self.source) {
            // What was computed is carried like any other vector.
            Some(function) if function.kind.output_is_readable() => {
                Ok((&self.source, self.field.data_type))
            }
            // Nobody can read these vectors; people search with a text.
            Some(function)
                if [FunctionKind::BM25, FunctionKind::MIN_HASH].contains(&function.kind) =>
            {
                let input = function.inputs.first().map(String::as_str);
                input.map(|input| (input, DataType::VARCHAR)).ok_or_else(|| {
                    format!("the source does not say what {} computes it from", function.kind)
                })
            }
            Some(function) => {
                Err(format!("{} computes it, and no query returns it", function.kind))
            }
            None => Err("a function computes it that the source does not describe".to_owned()),
        }
    }
}

/// Compares one field; the inner error says why it cannot be.
async fn compare(
    check: &Check,
    subject: &Subject,
    settings: SearchCheck,
    place: &Place<'_>,
    bounds: &mut Option<Bounds>,
    parity: &mut SearchParity,
) -> Result<std::result::Result<(), String>> {
    let (ends, column) = match ends(subject, settings, place) {
        Ok(ends) => ends,
        Err(why) => return Ok(Err(why)),
    };
    // What is drawn, and the copy of it that is sent.
    let _share = check.memory.share(2 * draw::bytes(place.field, settings.queries)).await;
    let (source, of) = (&check.source, &ends.source.of);
    let wanted = usize::try_from(settings.queries).unwrap_or(usize::MAX);
    // The same for every field.
    let bounds = match bounds {
        Some(bounds) => bounds,
        none => match draw::bounds(source, of, wanted).await {
            Ok(found) => none.insert(found),
            Err(error) => return about_field("source", error).map(Err),
        },
    };
    let drawn = match draw::draw(source, of, &column, bounds, wanted).await {
        Ok(drawn) => drawn,
        Err(error) => return about_field("source", error).map(Err),
    };
    let mut notes = Vec::new();
    if drawn.examples.is_empty() {
        if drawn.rows == 0 {
            notes.push("there are no rows to search for".to_owned());
        } else if drawn.is_all {
            notes.push("no row has a value to search for".to_owned());
        } else {
            let rows = counted(drawn.rows, "row");
            return Ok(Err(format!("none of {rows} that were read has a value to search for")));
        }
        parity.overlap = 1.0;
        parity.lowest_overlap = 1.0;
        parity.passed = true;
        parity.note = Some(notes.join("; "));
        return Ok(Ok(()));
    }
    let mut tally = Tally::default();
    for examples in batches(&drawn.examples) {
        if check.stop.is_cancelled() {
            return Err(Error::cancelled("Search", check.source.uri()));
        }
        let search = |client: Client, search: Search| async move {
            client.search(&search, examples, Moment::Strong, LARGEST_ANSWER).await
        };
        let (source, target) = tokio::join!(
            search(check.source.clone(), ends.source.clone()),
            search(check.target.clone(), ends.target.clone()),
        );
        let (source, target) = match (source, target) {
            (Err(error), _) => return about_field("source", error).map(Err),
            (_, Err(error)) => return about_field("target", error).map(Err),
            (Ok(source), Ok(target)) => (source, target),
        };
        for (source, target) in source.iter().zip(&target) {
            tally.add(source, target);
        }
    }
    parity.queries = tally.searches;
    parity.overlap = tally.overlap();
    parity.lowest_overlap = tally.lowest;
    parity.largest_score_difference = tally.score_difference;
    if tally.searches == 0 {
        return Ok(Err("no search found anything at either end".to_owned()));
    }
    // As computed from a sum of shares: 0.9 may be a little less.
    parity.passed = parity.overlap + 1e-9 >= settings.min_overlap;
    notes.extend(ends.note);
    if tally.without_result > 0 {
        let searches = if tally.without_result == 1 { "search" } else { "searches" };
        notes.push(format!(
            "{} {searches} found nothing at either end",
            count(tally.without_result)
        ));
    }
    if let Some(keys) = bounds.only_first {
        notes.push(format!("what was searched for is from the first {} keys", count(keys)));
    }
    if subject.adopted {
        notes.push("the target may hold rows that are not from this source".to_owned());
    }
    parity.note = (!notes.is_empty()).then(|| notes.join("; "));
    Ok(Ok(()))
}

/// The searches at both ends.
struct Ends {
    source: Search,
    target: Search,
    /// What to keep in mind of how they differ.
    note: Option<String>,
}

/// The searches of a field and the column to draw from, or why there are none.
fn ends(
    subject: &Subject,
    settings: SearchCheck,
    place: &Place<'_>,
) -> std::result::Result<(Ends, String), String> {
    let (column, example) = place.examples(subject)?;
    let index = |indexes, name: &str, end: &str| {
        index_on(indexes, name).ok_or_else(|| format!("it has no index at the {end}"))
    };
    let from = index(&subject.from.indexes, &place.source, "source")?;
    let to = index(&subject.to.indexes, &place.target, "target")?;
    if !metric(from).eq_ignore_ascii_case(&metric(to)) {
        return Err(format!(
            "the metrics differ: {} at the source, {} at the target",
            metric(from),
            metric(to)
        ));
    }
    for (end, load) in [("source", subject.from_load), ("target", subject.to_load)] {
        if load != LoadState::Loaded {
            return Err(format!("the collection is not loaded at the {end}"));
        }
    }
    let no_key = "the collection has no primary key of a known type";
    let partitions = subject.settings.source_partitions(None);
    // Rows of others are in other partitions, as far as partitions tell them apart.
    let at_target = if subject.adopted && subject.settings.by_partition {
        partitions.clone()
    } else {
        Vec::new()
    };
    let search = |of: Query, field: &str, index: &Index| Search {
        of,
        field: field.to_owned(),
        example,
        metric: metric(index),
        params: tuning::params(index, settings.top_k),
        top_k: settings.top_k,
    };
    let source = Query::of(&subject.from).ok_or(no_key)?.within(partitions);
    let target = Query::of(&subject.to).ok_or(no_key)?.within(at_target);
    let ends = Ends {
        source: search(source, &place.source, from),
        target: search(target, &place.target, to),
        note: tuning::note(from, to),
    };
    Ok((ends, column.to_owned()))
}

/// Why a field cannot be searched; an error where it is not about the field.
fn about_field(end: &str, error: Error) -> Result<String> {
    match error.kind {
        Kind::NotLoaded
        | Kind::NoIndex
        | Kind::Unsupported
        | Kind::Invalid
        | Kind::TooLarge
        | Kind::PermissionDenied
        | Kind::BadAnswer
        | Kind::Other => Ok(format!("cannot be searched at the {end}: {}", error.message)),
        _ => Err(error),
    }
}

/// The examples in requests.
fn batches(examples: &[Bytes]) -> Vec<&[Bytes]> {
    let mut batches = Vec::new();
    let (mut start, mut bytes) = (0, 0);
    for (place, example) in examples.iter().enumerate() {
        if place > start && (place - start == BATCH || bytes + example.len() > BATCH_BYTES) {
            batches.push(&examples[start..place]);
            (start, bytes) = (place, 0);
        }
        bytes += example.len();
    }
    batches.push(&examples[start..]);
    batches
}

/// The index that searches in a field use.
fn index_on<'a>(indexes: &'a [Index], field: &str) -> Option<&'a Index> {
    indexes.iter().find(|index| index.field == field)
}

fn kind(index: &Index) -> String {
    index.setting("index_type").unwrap_or_else(|| "unknown".to_owned())
}

fn metric(index: &Index) -> String {
    index.setting("metric_type").unwrap_or_default()
}

#[cfg(test)]
mod tests;
