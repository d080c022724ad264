//! From the typed plan file to the migration: defaults are merged, and the rules are checked that
//! a schema cannot express.

mod aliases;
mod auto_id;
mod collections;
mod copy;
mod endpoint;
mod fields;
mod idle;
mod indexes;
mod landing;
mod names;
mod partitions;
mod policy;
mod properties;
mod target;
mod verify;

use std::collections::BTreeSet;
use std::path::Path;

use super::assembly::Assembly;
use super::file::PlanFile;
use super::template::Templates;
use crate::diagnostic::{Diagnostic, Report, Span};
use crate::model::Migration;

pub(super) use endpoint::uri;
pub(super) use landing::one_server;
pub(super) use names::{SAMPLE, fault as name_fault, is_file_stem, is_glob, sample_name};

/// What the rules need to know besides the file, and where their findings go.
pub(super) struct Context<'a> {
    pub(super) path: &'a Path,
    pub(super) environment: Option<&'a str>,
    pub(super) assembly: &'a Assembly,
    /// Values that were found wrong before: nothing follows from them or from their absence.
    pub(super) invalid: &'a BTreeSet<String>,
    pub(super) templates: &'a Templates,
    pub(super) report: &'a mut Report,
}

impl Context<'_> {
    fn span(&self, pointer: &str) -> Span {
        self.assembly.places.value(pointer)
    }

    fn key_span(&self, pointer: &str) -> Span {
        self.assembly.places.key(pointer)
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
        self.assembly.written(pointer)
    }

    /// `file:line` of a key.
    fn location(&self, pointer: &str) -> String {
        let span = self.key_span(pointer);
        format!("{}:{}", self.report.source_name(span.source), self.report.start(&span).line)
    }

    /// Whether anything inside a table or list is invalid.
    fn has_invalid(&self, pointer: &str) -> bool {
        let inside = format!("{pointer}/");
        let mut after = self.invalid.range(inside.clone()..);
        self.is_invalid(pointer) || after.next().is_some_and(|other| other.starts_with(&inside))
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
    let verify = verify::settings(file.verify.as_ref(), &mut context);
    let copy = copy::settings(file.copy.as_ref(), &mut context);
    let policy = policy::resolve(file.policy.as_ref(), &mut context);
    policy::check(&policy, &collections, verify.as_ref(), &mut context);
    Some(Migration {
        name: name?,
        path: context.path.to_owned(),
        environment: context.environment.map(str::to_owned),
        source: source?,
        load_source: file.source.as_ref()?.load.unwrap_or(false),
        max_load: file.source.as_ref()?.max_load,
        target: target?,
        target_kind: file.target.as_ref().and_then(target::kind),
        compute_units,
        collections,
        verify: verify?,
        copy: copy?,
        policy,
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
