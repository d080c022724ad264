//! How rows are copied: sizes, rates, and how they bound each other.

use std::ops::RangeInclusive;
use std::time::Duration;

use super::super::document::child;
use super::super::file::{CopyTable, Whole};
use super::super::units;
use super::Context;
use crate::diagnostic::Diagnostic;
use crate::model::{ByteSize, CopySettings};

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;
/// Largest answer and request that may be asked for: below the 64 MiB that servers take.
const MAX_REQUEST: u64 = 60 * MIB;

/// A value is wrong, and that was said.
struct Reported;

/// The settings, when they can be told.
pub(super) fn settings(
    table: Option<&CopyTable>,
    context: &mut Context<'_>,
) -> Option<CopySettings> {
    let empty = CopyTable::default();
    let table = table.unwrap_or(&empty);
    let memory_limit =
        size("memory_limit", table.memory_limit.as_deref(), 64 * MIB..=1024 * GIB, context);
    let chunk_size = size("chunk_size", table.chunk_size.as_deref(), 64 * KIB..=32 * MIB, context);
    let max_request_size =
        size("max_request_size", table.max_request_size.as_deref(), MIB..=MAX_REQUEST, context);
    let max_read_rate = rate("max_read_rate", table.max_read_rate.as_deref(), context);
    let max_write_rate = rate("max_write_rate", table.max_write_rate.as_deref(), context);
    let retry_for = retry_for(table.retry_for.as_deref(), context);
    let memory_limit = memory_limit.ok()?.unwrap_or(ByteSize(512 * MIB));
    let chunk_size = chunk_size.ok()?.unwrap_or(ByteSize(8 * MIB));
    let room = memory_for_chunks(table, memory_limit, chunk_size, context);
    let request = request_size(max_request_size.ok()?, memory_limit, chunk_size, context);
    room?;
    Some(CopySettings {
        parallelism: count(table.parallelism, 8)?,
        parallel_collections: count(table.parallel_collections, 4)?,
        memory_limit,
        chunk_size,
        max_request_size: request?,
        max_read_rate: max_read_rate.ok()?,
        max_write_rate: max_write_rate.ok()?,
        max_rejected_rows: count(table.max_rejected_rows, 0)?,
        retry_for: retry_for?,
    })
}

fn count<T: TryFrom<i64>>(number: Option<Whole>, default: i64) -> Option<T> {
    T::try_from(number.map_or(default, |number| number.0)).ok()
}

/// Readers fill memory ahead of writers: with less than this, they would wait for each other.
fn memory_for_chunks(
    table: &CopyTable,
    memory_limit: ByteSize,
    chunk_size: ByteSize,
    context: &mut Context<'_>,
) -> Option<()> {
    if memory_limit.0 >= 4 * chunk_size.0 {
        return Some(());
    }
    let at = if table.chunk_size.is_some() { "/copy/chunk_size" } else { "/copy/memory_limit" };
    let finding = Diagnostic::error(
        "memory_limit_too_small",
        "`memory_limit` must be at least four times `chunk_size`",
    )
    .help(format!(
        "raise `memory_limit` to {}, or lower `chunk_size`",
        units::size_text((4 * chunk_size.0).next_multiple_of(MIB))
    ));
    context.report(at, finding);
    None
}

/// The largest answer and request. Memory holds one answer and the request that is made of it.
fn request_size(
    size: Option<ByteSize>,
    memory_limit: ByteSize,
    chunk_size: ByteSize,
    context: &mut Context<'_>,
) -> Option<ByteSize> {
    let Some(size) = size else {
        return Some(ByteSize((2 * chunk_size.0).clamp(MIB, MAX_REQUEST)));
    };
    let finding = if size < chunk_size {
        Diagnostic::error(
            "max_request_size_too_small",
            "`max_request_size` must be at least `chunk_size`",
        )
        .help(format!(
            "raise `max_request_size` to {}, or lower `chunk_size`",
            units::size_text(chunk_size.0)
        ))
    } else if memory_limit.0 / 2 < size.0 {
        Diagnostic::error(
            "memory_limit_too_small",
            "`memory_limit` must be at least twice `max_request_size`",
        )
        .help(format!(
            "raise `memory_limit` to {}, or lower `max_request_size`",
            units::size_text((2 * size.0).next_multiple_of(MIB))
        ))
    } else {
        return Some(size);
    };
    context.report("/copy/max_request_size", finding);
    None
}

fn retry_for(text: Option<&str>, context: &mut Context<'_>) -> Option<Duration> {
    let Some(text) = text else { return Some(Duration::from_secs(300)) };
    let duration = units::duration(text);
    if duration.is_none() && !context.is_invalid("/copy/retry_for") {
        let finding = Diagnostic::error("invalid_value", "`retry_for` is out of range");
        context.report("/copy/retry_for", finding);
    }
    duration
}

/// A size within its limits, where the plan file has one.
fn size(
    key: &str,
    text: Option<&str>,
    limits: RangeInclusive<u64>,
    context: &mut Context<'_>,
) -> Result<Option<ByteSize>, Reported> {
    text.map(|text| within(key, units::size(text), limits, "", context)).transpose()
}

/// A positive rate, where the plan file has one.
fn rate(
    key: &str,
    text: Option<&str>,
    context: &mut Context<'_>,
) -> Result<Option<ByteSize>, Reported> {
    text.map(|text| within(key, units::rate(text), 1..=1024 * GIB, "/s", context)).transpose()
}

fn within(
    key: &str,
    size: Option<ByteSize>,
    limits: RangeInclusive<u64>,
    unit: &str,
    context: &mut Context<'_>,
) -> Result<ByteSize, Reported> {
    let pointer = child("/copy", key);
    if context.is_invalid(&pointer) {
        return Err(Reported);
    }
    if let Some(size) = size.filter(|size| limits.contains(&size.0)) {
        return Ok(size);
    }
    let finding = Diagnostic::error(
        "invalid_value",
        format!(
            "`{key}` must be from {}{unit} to {}{unit}",
            units::size_text(*limits.start()),
            units::size_text(*limits.end())
        ),
    );
    context.report(&pointer, finding);
    Err(Reported)
}
