//! From the typed plan file to the migration: defaults are merged, and the rules are checked that
//! a schema cannot express.

mod aliases;
mod collections;
mod endpoint;
mod fields;
mod idle;
mod indexes;
mod landing;
mod names;
mod partitions;
mod properties;
mod target;

use std::collections::BTreeSet;
use std::ops::RangeInclusive;
use std::path::Path;
use std::time::Duration;

use serde_json::Value;

use super::document::{Document, child};
use super::file::{CopyTable, PlanFile};
use super::template::Templates;
use super::units;
use crate::diagnostic::{Diagnostic, Report, SourceId, Span};
use crate::model::{ByteSize, CopySettings, Migration, VerifySettings};

pub(super) use names::{SAMPLE, sample_name};

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;

/// What the rules need to know besides the file, and where their findings go.
pub(super) struct Context<'a> {
    pub(super) path: &'a Path,
    pub(super) environment: Option<&'a str>,
    pub(super) document: &'a Document,
    pub(super) source: SourceId,
    /// Values that were found wrong before: nothing follows from them or from their absence.
    pub(super) invalid: &'a BTreeSet<String>,
    pub(super) templates: &'a Templates,
    pub(super) report: &'a mut Report,
}

impl Context<'_> {
    fn span(&self, pointer: &str) -> Span {
        Span { source: self.source, range: self.document.spans.value(pointer) }
    }

    fn key_span(&self, pointer: &str) -> Span {
        Span { source: self.source, range: self.document.spans.key(pointer) }
    }

    /// Reports a finding at a value.
    fn report(&mut self, pointer: &str, finding: Diagnostic) {
        let span = self.span(pointer);
        self.report.push(finding.at(span));
    }

    /// Reports a finding at a key.
    fn report_key(&mut self, pointer: &str, finding: Diagnostic) {
        let span = self.key_span(pointer);
        self.report.push(finding.at(span));
    }

    fn is_invalid(&self, pointer: &str) -> bool {
        self.invalid.contains(pointer)
    }

    /// The string at a pointer before it was rendered.
    fn written(&self, pointer: &str) -> Option<&str> {
        self.document.value.pointer(pointer).and_then(Value::as_str)
    }

    /// Whether anything inside a table or list is invalid.
    fn has_invalid(&self, pointer: &str) -> bool {
        let inside = format!("{pointer}/");
        self.is_invalid(pointer) || self.invalid.iter().any(|other| other.starts_with(&inside))
    }
}

/// The pointer of the entry, or of the defaults, whose source collection's name the string at a
/// pointer may use, if it may use one.
pub(super) fn sees_name(pointer: &str) -> Option<&str> {
    let keys: Vec<&str> = pointer.split('/').skip(1).collect();
    let length = match keys.as_slice() {
        ["collections", index, "target" | "description"] | ["collections", index, "aliases", _] => {
            "/collections/".len() + index.len()
        }
        ["defaults", "description"] | ["defaults", "aliases", _] => "/defaults".len(),
        _ => return None,
    };
    pointer.get(..length)
}

/// The migration that a plan file asks for, when it can be told; rules report what they find.
pub(super) fn resolve(file: &PlanFile, mut context: Context<'_>) -> Option<Migration> {
    let name = run_name(file, &mut context);
    let source = file
        .source
        .as_ref()
        .and_then(|end| endpoint::resolve(&endpoint::End::source(end), &mut context));
    let target = file
        .target
        .as_ref()
        .and_then(|end| endpoint::resolve(&endpoint::End::target(end), &mut context));
    let collections = collections::resolve(file, source.as_ref(), target.as_ref(), &mut context);
    let compute_units =
        file.target.as_ref().and_then(|end| target::compute_units(end, &mut context));
    let copy = copy_settings(file.copy.as_ref(), &mut context);
    Some(Migration {
        name: name?,
        path: context.path.to_owned(),
        environment: context.environment.map(str::to_owned),
        source: source?,
        load_source: file.source.as_ref()?.load.unwrap_or(false),
        max_load: None,
        target: target?,
        target_kind: file.target.as_ref().and_then(target::kind),
        compute_units,
        collections,
        verify: VerifySettings {
            counts: file.verify.as_ref().and_then(|verify| verify.counts).unwrap_or(true),
        },
        copy: copy?,
    })
}

fn run_name(file: &PlanFile, context: &mut Context<'_>) -> Option<String> {
    const HELP: &str =
        "it names files: use letters, digits, `.`, `_` and `-`, and begin with a letter or digit";
    if context.is_invalid("/name") {
        return None;
    }
    if let Some(name) = &file.name {
        if names::is_file_stem(name) {
            return Some(name.clone());
        }
        let finding =
            Diagnostic::error("invalid_name", "this cannot be the name of a run").help(HELP);
        context.report("/name", finding);
        return None;
    }
    let stem = context
        .path
        .file_stem()
        .map(|stem| stem.to_string_lossy().into_owned())
        .unwrap_or_default();
    let stem = stem.strip_suffix(".ferry").unwrap_or(&stem);
    if names::is_file_stem(stem) {
        return Some(stem.to_owned());
    }
    let finding =
        Diagnostic::error("invalid_name", "the name of the plan file cannot be the name of a run")
            .help(format!("give one with `name = \"…\"`; {HELP}"));
    context.report("", finding);
    None
}

fn copy_settings(table: Option<&CopyTable>, context: &mut Context<'_>) -> Option<CopySettings> {
    let empty = CopyTable::default();
    let table = table.unwrap_or(&empty);
    let memory_limit = size(
        "memory_limit",
        table.memory_limit.as_deref(),
        ByteSize(512 * MIB),
        64 * MIB..=1024 * 1024 * MIB,
        context,
    );
    let chunk_size = size(
        "chunk_size",
        table.chunk_size.as_deref(),
        ByteSize(8 * MIB),
        64 * KIB..=32 * MIB,
        context,
    );
    let retry_for = match &table.retry_for {
        None => Some(Duration::from_secs(300)),
        Some(text) => {
            let duration = units::duration(text);
            if duration.is_none() {
                let finding = Diagnostic::error("invalid_value", "`retry_for` is out of range");
                context.report("/copy/retry_for", finding);
            }
            duration
        }
    };
    let (memory_limit, chunk_size) = (memory_limit?, chunk_size?);
    if memory_limit.0 < 4 * chunk_size.0 {
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
        return None;
    }
    Some(CopySettings {
        parallelism: match table.parallelism {
            None => 2,
            Some(parallelism) => usize::try_from(parallelism.0).ok()?,
        },
        parallel_collections: 4,
        memory_limit,
        chunk_size,
        max_request_size: ByteSize(48 * MIB),
        max_read_rate: None,
        max_write_rate: None,
        max_rejected_rows: 0,
        retry_for: retry_for?,
    })
}

fn size(
    key: &str,
    text: Option<&str>,
    default: ByteSize,
    limits: RangeInclusive<u64>,
    context: &mut Context<'_>,
) -> Option<ByteSize> {
    let pointer = child("/copy", key);
    if context.is_invalid(&pointer) {
        return None;
    }
    let Some(text) = text else {
        return Some(default);
    };
    let size = units::size(text).unwrap_or(ByteSize(u64::MAX));
    if limits.contains(&size.0) {
        return Some(size);
    }
    let finding = Diagnostic::error(
        "invalid_value",
        format!(
            "`{key}` must be from {} to {}",
            units::size_text(*limits.start()),
            units::size_text(*limits.end())
        ),
    );
    context.report(&pointer, finding);
    None
}
