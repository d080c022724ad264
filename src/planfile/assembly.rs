//! A plan file and the files that it includes, as one value whose every part knows its file.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Component, Path, PathBuf};

use serde_json::{Map, Value};

use super::document::{Document, child};
use super::places::Places;
use super::reading::{Other, PLAN_FILE, foreign, read, read_included, report_syntax};
use super::{hidden, template};
use crate::diagnostic::{Diagnostic, Report, SourceId, Span};
use crate::model::suggestion::listed;

/// How many files deep an inclusion may be.
const DEEPEST: usize = 8;

/// What a file that is included may have.
const SHARED: [&str; 9] =
    ["collections", "copy", "defaults", "env", "include", "inputs", "policy", "vars", "verify"];

/// One value of several files. What is said about a pointer is said about the file that has it.
#[derive(Debug, Default)]
pub(super) struct Assembly {
    pub(super) value: Value,
    pub(super) places: Places,
    texts: BTreeMap<SourceId, String>,
}

impl Assembly {
    /// The text of a file as it is written.
    pub(super) fn text(&self, source: SourceId) -> &str {
        self.texts.get(&source).map_or("", String::as_str)
    }

    /// The files.
    pub(super) fn sources(&self) -> impl Iterator<Item = SourceId> {
        self.texts.keys().copied()
    }

    /// The string at a pointer as it is written.
    pub(super) fn written(&self, pointer: &str) -> Option<&str> {
        self.value.pointer(pointer).and_then(Value::as_str)
    }

    fn of(document: Document, source: SourceId, text: String) -> Self {
        let places = Places::new(document.spans, source, document.unusable);
        Self { value: document.value, places, texts: BTreeMap::from([(source, text)]) }
    }

    /// Lays a file over those that it includes: it wins key by key, and its collections come after
    /// theirs.
    fn lay_over(&mut self, mut upper: Self) {
        self.texts.append(&mut upper.texts);
        let Value::Object(table) = std::mem::take(&mut upper.value) else { return };
        if !self.value.is_object() {
            self.value = Value::Object(Map::new());
        }
        for (key, value) in table {
            let pointer = child("", &key);
            match (self.value.get_mut(&key), value) {
                (Some(Value::Array(lower)), Value::Array(items)) if key == "collections" => {
                    let before = lower.len();
                    for index in 0..items.len() {
                        let from = format!("{pointer}/{index}");
                        let to = format!("{pointer}/{}", before + index);
                        self.places.graft(&upper.places, &from, &to);
                    }
                    lower.extend(items);
                }
                (_, value) => self.lay_value_over(&pointer, value, &upper.places),
            }
        }
        self.places.take_root(&upper.places);
    }

    fn lay_value_over(&mut self, pointer: &str, value: Value, upper: &Places) {
        let (parent, key) = (super::document::parent(pointer), super::document::last_key(pointer));
        let Some(Value::Object(around)) = self.value.pointer_mut(parent) else { return };
        match (around.get(&key), value) {
            (Some(Value::Object(_)), Value::Object(table)) if is_merged(pointer) => {
                self.places.take(upper, pointer);
                for (key, value) in table {
                    self.lay_value_over(&child(pointer, &key), value, upper);
                }
            }
            (_, value) => {
                around.insert(key, value);
                self.places.graft(upper, pointer, pointer);
            }
        }
    }
}

/// Whether the tables that two files have at a pointer are merged key by key. They are where the
/// keys are settings or names; a setting that is a table is one value.
fn is_merged(pointer: &str) -> bool {
    let keys: Vec<&str> = pointer.split('/').skip(1).collect();
    match keys.as_slice() {
        [table] => *table != "collections",
        ["env", _] | ["defaults", "fields", _] | ["defaults", "properties", "set"] => true,
        ["defaults", key] => ["fields", "indexes", "properties"].contains(key),
        _ => false,
    }
}

/// A file that is being read, and where it is named.
struct Visit {
    path: PathBuf,
    named: Option<Span>,
}

/// Reads a plan file and all that it includes. Nothing is returned where a file is broken: what
/// more could be said would mislead.
pub(super) fn read_all(path: &Path, report: &mut Report) -> Option<Assembly> {
    let text = match read(path, PLAN_FILE) {
        Ok(text) => text,
        Err(finding) => {
            report.push(*finding);
            return None;
        }
    };
    of_text(path, text, report)
}

/// The same of a file that has this text, or would have it.
pub(super) fn of_text(path: &Path, text: String, report: &mut Report) -> Option<Assembly> {
    let mut reading = Reading { report, visits: Vec::new(), seen: BTreeMap::new(), broken: false };
    let visit = Visit { path: path.to_owned(), named: None };
    let assembly = reading.file(visit, text);
    if reading.broken { None } else { assembly }
}

struct Reading<'a> {
    report: &'a mut Report,
    /// The files that are being read, each included by the one before it.
    visits: Vec<Visit>,
    /// Every file so far, and where it was named.
    seen: BTreeMap<PathBuf, Option<Span>>,
    broken: bool,
}

impl Reading<'_> {
    fn file(&mut self, visit: Visit, text: String) -> Option<Assembly> {
        let document = Document::parse(&text);
        let broken = !document.syntax.is_empty();
        let stranger = match &visit.named {
            Some(named) => {
                foreign(&visit.path, &document, &text).map(|finding| finding.at(named.clone()))
            }
            None => Other::of(&text)
                .filter(|_| broken)
                .map(|other| other.finding(&visit.path, PLAN_FILE)),
        };
        if let Some(finding) = stranger {
            self.report.push(finding);
            self.broken = true;
            return None;
        }
        let hidden = hidden::ranges(&text, &document);
        let name = visit.path.display().to_string();
        let source = self.report.add_source(name, text.clone(), &hidden);
        let included = visit.named.is_some();
        if report_syntax(&document, source, self.report)
            || other_version(&document, source, self.report)
            || (included && !self.may_be_included(&document, source))
        {
            self.broken = true;
            return None;
        }
        self.seen.insert(identity(&visit.path), visit.named.clone());
        self.visits.push(visit);
        let mut whole: Option<Assembly> = None;
        for (pointer, path) in self.includes(&document, source) {
            let named = Span { source, range: document.spans.value(&pointer) };
            if let Some(part) = self.included(path, named) {
                match &mut whole {
                    Some(whole) => {
                        self.keep_rules(whole, &part);
                        whole.lay_over(part);
                    }
                    None => whole = Some(part),
                }
            }
        }
        self.visits.pop();
        let mut own = Assembly::of(document, source, text);
        if included && let Some(table) = own.value.as_object_mut() {
            // These are about the file and not about the plan.
            table.remove("version");
            table.remove("include");
        }
        Some(match whole {
            Some(mut whole) => {
                self.keep_rules(&whole, &own);
                whole.lay_over(own);
                whole
            }
            None => own,
        })
    }

    /// Refuses another value for a rule of an included policy: who includes it keeps it.
    fn keep_rules(&mut self, lower: &Assembly, upper: &Assembly) {
        let Some(Value::Object(rules)) = upper.value.get("policy") else { return };
        for (name, value) in rules {
            let pointer = child("/policy", name);
            if lower.value.pointer(&pointer).is_some_and(|rule| rule != value) {
                self.report.push(
                    Diagnostic::error(
                        "policy_overruled",
                        format!("`{name}` is a rule of an included file, which has another value"),
                    )
                    .at(upper.places.key(&pointer))
                    .related(lower.places.key(&pointer), "the rule")
                    .help("leave it out here, or change it where the rule is"),
                );
            }
        }
    }

    /// The files that a file includes: pointer and path of each.
    fn includes(&mut self, document: &Document, source: SourceId) -> Vec<(String, PathBuf)> {
        let folder = self
            .visits
            .last()
            .and_then(|visit| visit.path.parent())
            .map(Path::to_path_buf)
            .unwrap_or_default();
        let Some(Value::Array(items)) = document.value.get("include") else {
            // What is no list is found by the schema.
            return Vec::new();
        };
        let mut paths = Vec::new();
        for (index, item) in items.iter().enumerate() {
            let pointer = format!("/include/{index}");
            let Some(text) = item.as_str() else { continue };
            let finding = if template::is_template(text) {
                Diagnostic::error("template_in_include", "the name of a file to include cannot be a template")
                    .help("which files belong to a plan is the same in every environment; include all, and let variables decide")
            } else if text.is_empty() {
                Diagnostic::error("invalid_value", "the name of a file to include is empty")
                    .help("give a path, relative to this file: `include = [\"common.ferry.toml\"]`")
            } else {
                paths.push((pointer, folder.join(text)));
                continue;
            };
            let span = Span { source, range: document.spans.value(&pointer) };
            self.report.push(finding.at(span));
            self.broken = true;
        }
        paths
    }

    fn included(&mut self, path: PathBuf, named: Span) -> Option<Assembly> {
        let path = shortened(path);
        let identity = identity(&path);
        let around = self.visits.iter().position(|visit| self::identity(&visit.path) == identity);
        let finding = if let Some(first) = around {
            let chain: Vec<String> = self.visits[first..]
                .iter()
                .map(|visit| visit.path.display().to_string())
                .chain([path.display().to_string()])
                .collect();
            Diagnostic::error("include_cycle", "this file is being included already")
                .help(format!("remove one of these inclusions: {}", chain.join(" → ")))
        } else if let Some(earlier) = self.seen.get(&identity) {
            let finding = Diagnostic::error("included_twice", "this file is included twice")
                .help("include it once: what it says holds for the whole plan");
            match earlier {
                Some(span) => finding.related(span.clone(), "the first time"),
                None => finding,
            }
        } else if self.visits.len() > DEEPEST {
            Diagnostic::error(
                "include_too_deep",
                format!("this is more than {DEEPEST} inclusions, one in the other"),
            )
            .help("include the files from the plan file itself")
        } else {
            match read_included(&path) {
                Ok(text) => return self.file(Visit { path, named: Some(named) }, text),
                Err(finding) => finding.help("paths are relative to the file that has `include`"),
            }
        };
        self.report.push(finding.at(named));
        self.broken = true;
        None
    }

    /// Whether a file is one that can be included; says why not.
    fn may_be_included(&mut self, document: &Document, source: SourceId) -> bool {
        let mut fits = true;
        let place = |pointer: &str| Span { source, range: document.spans.key(pointer) };
        if document.value.get("version").is_none() {
            self.report.push(
                Diagnostic::error("missing_key", "`version` is missing in the included file")
                    .at(place(""))
                    .help("begin every file with `version = 1`"),
            );
            fits = false;
        }
        for key in document.value.as_object().into_iter().flat_map(Map::keys) {
            if matches!(key.as_str(), "name" | "source" | "target") {
                self.report.push(
                    Diagnostic::error(
                        "not_included",
                        format!("`{key}` cannot be in a file that is included"),
                    )
                    .at(place(&child("", key)))
                    .help(format!(
                        "move it to the plan file itself; others can have {}",
                        listed(SHARED)
                    )),
                );
                fits = false;
            }
        }
        fits
    }
}

/// A path without `folder/..`, where that leads to the same file: what annotations need.
fn shortened(path: PathBuf) -> PathBuf {
    let mut short = PathBuf::new();
    for component in path.components() {
        match (component, short.components().next_back()) {
            (Component::ParentDir, Some(Component::Normal(_))) => {
                short.pop();
            }
            (component, _) => short.push(component),
        }
    }
    let same = fs::canonicalize(&path)
        .is_ok_and(|file| fs::canonicalize(&short).is_ok_and(|other| other == file));
    if same { short } else { path }
}

/// What a file is, whatever path leads to it.
fn identity(path: &Path) -> PathBuf {
    fs::canonicalize(path).unwrap_or_else(|_| path.to_owned())
}

/// Another version has other keys: everything else that could be said would mislead.
fn other_version(document: &Document, source: SourceId, report: &mut Report) -> bool {
    match document.value.get("version").and_then(Value::as_i64) {
        Some(version) if version != 1 => {
            report.push(
                Diagnostic::error(
                    "unsupported_version",
                    format!("plan file version {version} is not supported"),
                )
                .at(Span { source, range: document.spans.value("/version") })
                .help("this build reads version 1"),
            );
            true
        }
        _ => false,
    }
}
