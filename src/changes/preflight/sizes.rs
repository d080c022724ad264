//! What is larger, longer or more than the target takes.

use super::{Found, LEAVE_OUT};
use crate::changes::SourceState;
use crate::changes::abilities::Family;
use crate::model::quantity::count;
use crate::model::{Collection, DataType, Field};

pub(super) fn check(found: &mut Found<'_>, wanted: &Collection, source: &SourceState) {
    fields(found, wanted);
    let all = wanted.fields.iter().map(|field| (field.name.clone(), field));
    let inner = wanted.struct_fields.iter().flat_map(|of| {
        of.fields.iter().map(|field| (format!("{}[{}]", of.name, field.name), field))
    });
    for (part, field) in all.chain(inner) {
        values(found, field, &part);
    }
    parts(found, wanted);
    descriptions(found, wanted);
    rows(found, source);
}

fn beyond(limit: Option<u64>, number: u64) -> Option<u64> {
    limit.filter(|limit| number > *limit)
}

fn fields(found: &mut Found<'_>, wanted: &Collection) {
    let inner: usize = wanted.struct_fields.iter().map(|of| of.fields.len()).sum();
    let number = (wanted.fields.len() + inner) as u64;
    if let Some(limit) = beyond(found.target.limits.fields, number) {
        let what = format!("it has {number} fields, and {} takes {limit}", found.target);
        found.error(
            "too_many_fields",
            "",
            what,
            "leave some behind with `fields.NAME.drop = true`",
        );
    }
    let sub_fields = wanted.struct_fields.iter().flat_map(|of| &of.fields);
    let vectors = wanted.fields.iter().chain(sub_fields).filter(|f| f.data_type.is_vector());
    let number = vectors.count() as u64;
    if let Some(limit) = beyond(found.target.limits.vector_fields, number) {
        let what = format!("it has {number} vector fields, and {} takes {limit}", found.target);
        let advice = "leave some behind with `fields.NAME.drop = true`";
        found.error("too_many_vector_fields", "", what, advice);
    }
}

fn values(found: &mut Found<'_>, field: &Field, part: &str) {
    let limits = found.target.limits;
    let vector = match field.data_type {
        DataType::ARRAY_OF_VECTOR => field.element_type,
        other => other,
    };
    let times = if vector == DataType::BINARY_VECTOR { 8 } else { 1 };
    if let Some(dimension) = field.numeric_param("dim")
        && let Some(limit) = beyond(limits.dimension.map(|limit| limit * times), dimension)
    {
        let what = format!(
            "its vectors have {} dimensions, and {} takes {}",
            count(dimension),
            found.target,
            count(limit)
        );
        found.error("dimension_too_large", part, what, LEAVE_OUT);
    }
    let longest = if field.data_type == DataType::TEXT { limits.text } else { limits.varchar };
    if let Some(length) = field.numeric_param("max_length")
        && let Some(limit) = beyond(longest, length)
    {
        let what =
            format!("max_length is {}, and {} takes {}", count(length), found.target, count(limit));
        found.error("max_length_too_large", part, what, LEAVE_OUT);
    }
    if let Some(capacity) = field.numeric_param("max_capacity")
        && let Some(limit) = beyond(limits.capacity, capacity)
    {
        let what = format!(
            "max_capacity is {}, and {} takes {}",
            count(capacity),
            found.target,
            count(limit)
        );
        found.error("capacity_too_large", part, what, LEAVE_OUT);
    }
}

fn parts(found: &mut Found<'_>, wanted: &Collection) {
    let limits = found.target.limits;
    let shards = u64::try_from(wanted.shards).unwrap_or(0);
    if let Some(limit) = beyond(limits.shards, shards) {
        let what = format!("it has {shards} shards, and {} takes {limit}", found.target);
        found.error("too_many_shards", "", what, format!("set `shards = {limit}` or fewer"));
    }
    if wanted.partition_key().is_some() {
        let number = wanted.num_partitions.and_then(|number| u64::try_from(number).ok());
        if let Some(number) = number
            && let Some(limit) = beyond(limits.partitions, number)
        {
            let what = format!(
                "its partition key spreads over {} partitions, and {} takes {}",
                count(number),
                found.target,
                count(limit)
            );
            let advice =
                format!("set `partition_key = {{ field = \"…\", partitions = {limit} }}` or fewer");
            found.error("too_many_partitions", "", what, advice);
        }
    } else if let Some(limit) = beyond(limits.partitions, wanted.partitions.len() as u64 + 1) {
        let what = format!(
            "it has {} partitions, and {} takes {}, `_default` counted",
            count(wanted.partitions.len() as u64 + 1),
            found.target,
            count(limit)
        );
        let advice = "bring their rows together with `partitions = \"merge\"`, or choose some";
        found.error("too_many_partitions", "", what, advice);
    }
}

fn descriptions(found: &mut Found<'_>, wanted: &Collection) {
    let Some(limit) = found.target.limits.description else { return };
    // Milvus measures those of fields nowhere: 2.5.27, 2.6.20 and 3.0.0 take 70,000 bytes.
    let of_fields = matches!(found.target.family, Family::Zilliz(_));
    let mut check = |part: &str, text: &str, advice: String| {
        let length = text.len() as u64;
        if length > limit {
            let what = format!(
                "the description has {} bytes, and {} takes {}",
                count(length),
                found.target,
                count(limit)
            );
            found.error("description_too_long", part, what, advice);
        }
    };
    check("", &wanted.description, "give it a shorter `description`".to_owned());
    if !of_fields {
        return;
    }
    for field in &wanted.fields {
        let advice = format!("give it a shorter `fields.{}.description`", field.name);
        check(&field.name, &field.description, advice);
    }
    for of in &wanted.struct_fields {
        check(&of.name, &of.description, LEAVE_OUT.to_owned());
        for field in &of.fields {
            let part = format!("{}[{}]", of.name, field.name);
            check(&part, &field.description, LEAVE_OUT.to_owned());
        }
    }
}

fn rows(found: &mut Found<'_>, source: &SourceState) {
    if let Some(bytes) = source.row_bytes
        && let Some(limit) = beyond(found.target.limits.request, bytes)
    {
        let what = format!(
            "its rows have {} bytes on average, and {} takes {} in one request",
            count(bytes),
            found.target,
            count(limit)
        );
        found.error("row_too_large", "", what, LEAVE_OUT);
    }
}
