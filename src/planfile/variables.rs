//! Values of variables: their defaults, overridden by `[env.NAME]`, `--vars FILE` and `--var`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;
use std::sync::LazyLock;

use serde_json::{Map, Value};

use super::assembly::Assembly;
use super::declarations::{self, Declaration, Kind};
use super::document::{Document, child, type_of};
use super::template::{self, NAME};
use super::{Inputs, hidden, reading};
use crate::diagnostic::{Diagnostic, Report, Span};
use crate::model::suggestion::{closest, listed};

/// The variables of a plan under the given inputs.
#[derive(Debug, Default)]
pub(super) struct Variables {
    pub(super) values: BTreeMap<String, Variable>,
    /// Declared ones whose value is not known; that was said.
    pub(super) withheld: BTreeSet<String>,
}

/// The value of a variable, and where it is from.
#[derive(Debug, Clone)]
pub(super) struct Variable {
    pub(super) value: Value,
    pub(super) origin: Origin,
}

/// Where the value of a variable is from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Origin {
    /// `[vars]`.
    Default(Span),
    /// `default` of `[inputs.NAME]`.
    InputDefault(Span),
    /// `[env.NAME]`.
    Environment(String, Span),
    /// `--vars FILE`.
    File(Span),
    /// `--var NAME=VALUE`.
    Option,
}

/// What the variables of a plan are under the given inputs. Findings go to the report.
pub(super) fn resolve(plan: &Assembly, inputs: &Inputs, report: &mut Report) -> Variables {
    let declared = declarations::declared(plan, report);
    let mut given = Given { declared: &declared, values: BTreeMap::new(), faulty: BTreeSet::new() };
    for (name, declaration) in &declared {
        if let Some(value) = declaration.default.clone() {
            let span = plan.places.key(&declaration.pointer);
            let origin = if declaration.is_input() {
                Origin::InputDefault(plan.places.value(&child(&declaration.pointer, "default")))
            } else {
                Origin::Default(span)
            };
            given.values.insert(name.clone(), Variable { value, origin });
        }
    }

    let environments = table(&plan.value, "/env");
    for (environment, _) in environments {
        let environment_pointer = child("/env", environment);
        let chosen = inputs.env.as_ref() == Some(environment);
        for (name, value) in table(&plan.value, &environment_pointer) {
            let pointer = child(&environment_pointer, name);
            let (key, span) = (plan.places.key(&pointer), plan.places.value(&pointer));
            if value.is_object() || !is_data(value, span.clone(), report) {
                continue;
            }
            let origin = Origin::Environment(environment.clone(), key.clone());
            match given.fitting(name, value) {
                Ok(value) if chosen => given.set(name, value, origin),
                Ok(_) => {}
                Err(fault) => {
                    if chosen {
                        given.faulty.insert(name.clone());
                    }
                    report.push(fault.at(key, span));
                }
            }
        }
    }
    if let Some(chosen) = &inputs.env
        && !environments.contains_key(chosen)
    {
        report.push(unknown_environment(chosen, environments));
    }
    for path in &inputs.vars_files {
        given.read_file(path, report);
    }
    for (name, text) in &inputs.vars {
        match given.parsed(name, text) {
            Ok(value) => given.set(name, value, Origin::Option),
            Err(finding) => {
                given.faulty.insert(name.clone());
                report.push(*finding);
            }
        }
    }
    let Given { values, faulty, .. } = given;
    let mut variables = Variables { values, withheld: BTreeSet::new() };
    for (name, declaration) in declared.iter().filter(|(_, one)| one.is_input()) {
        let value = variables.values.get(name).map(|variable| &variable.value);
        if value.is_none_or(Value::is_null) {
            variables.values.remove(name);
            variables.withheld.insert(name.clone());
            if declaration.default.is_none() && !faulty.contains(name) {
                let place = plan.places.key(&declaration.pointer);
                report.push(missing(name, declaration, environments).at(place));
            }
        }
    }
    variables
}

/// An input without a value: what it is for, and how to give it.
fn missing(name: &str, input: &Declaration, environments: &Map<String, Value>) -> Diagnostic {
    let mut finding =
        Diagnostic::error("missing_input", format!("the input `{name}` has no value"));
    if let Some(description) = &input.description {
        finding = finding.label(description);
    }
    let having: Vec<String> = environments
        .iter()
        .filter(|(_, values)| values.get(name).is_some())
        .map(|(environment, _)| format!("`--env {environment}`"))
        .collect();
    let mut help = format!("give it with `--var {name}=…`, in a file for `--vars`, or ");
    if having.is_empty() {
        help.push_str("in `[env.NAME]`");
    } else {
        let _ = write!(help, "choose an environment that has it: {}", having.join(", "));
    }
    match (input.kind, input.choice()) {
        (_, choice) if !choice.is_empty() => {
            let _ = write!(help, "; it is one of {choice}");
        }
        (Some(kind), _) => {
            let _ = write!(help, "; it is {}", kind.words());
        }
        (None, _) => {}
    }
    finding.help(help)
}

/// The table at a pointer; empty where there is none.
pub(super) fn table<'a>(value: &'a Value, pointer: &str) -> &'a Map<String, Value> {
    static EMPTY: LazyLock<Map<String, Value>> = LazyLock::new(Map::new);
    value.pointer(pointer).and_then(Value::as_object).unwrap_or(&EMPTY)
}

pub(super) fn name_fault(name: &str) -> Option<Diagnostic> {
    let identifier = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if !identifier {
        return Some(
            Diagnostic::error(
                "invalid_variable_name",
                format!("`{name}` cannot be the name of a variable"),
            )
            .help("use letters, digits and `_`, and no digit first"),
        );
    }
    (name == NAME).then(|| {
        Diagnostic::error("reserved_variable", format!("the variable `{NAME}` is taken")).help(
            "in `target`, `description` and `aliases` it is the name of the source collection",
        )
    })
}

/// Whether a value is data. A template in one would stay as it is, which nobody means.
pub(super) fn is_data(value: &Value, place: Span, report: &mut Report) -> bool {
    let template = value.as_str().is_some_and(template::is_template);
    if template {
        report.push(
            Diagnostic::error(
                "template_in_variable",
                "the value of a variable cannot be a template",
            )
            .at(place)
            .help("put the template where the variable is used"),
        );
    }
    !template
}

/// Why a value cannot override a variable.
struct OverrideFault {
    finding: Box<Diagnostic>,
    about_name: bool,
}

impl OverrideFault {
    fn at(self, key: Span, value: Span) -> Diagnostic {
        (*self.finding).at(if self.about_name { key } else { value })
    }
}

fn type_fault(name: &str, declaration: &Declaration, kind: Kind, found: &str) -> Diagnostic {
    let (wanted, table) = (kind.words(), declaration.table());
    Diagnostic::error(
        "variable_type",
        format!("the variable `{name}` is {wanted} in {table}, and {found} here"),
    )
    .help(format!("`{name}` stays {wanted} in every environment"))
}

fn no_choice(name: &str, declaration: &Declaration) -> Diagnostic {
    Diagnostic::error("not_a_choice", format!("the input `{name}` does not take this value"))
        .help(format!("it is one of {}", declaration.choice()))
}

/// Values that are given to declared variables.
struct Given<'a> {
    declared: &'a BTreeMap<String, Declaration>,
    values: BTreeMap<String, Variable>,
    /// Those that were given a value that is none.
    faulty: BTreeSet<String>,
}

impl Given<'_> {
    fn set(&mut self, name: &str, value: Value, origin: Origin) {
        if !value.is_null() {
            self.values.insert(name.to_owned(), Variable { value, origin });
        }
    }

    /// A value as the variable takes it.
    fn fitting(&self, name: &str, value: &Value) -> Result<Value, OverrideFault> {
        let fault =
            |finding, about_name| Err(OverrideFault { finding: Box::new(finding), about_name });
        let Some(declaration) = self.declared.get(name) else {
            return fault(undeclared(self.declared, name), true);
        };
        // The schema check reports what cannot be a value at all, or what declares nothing.
        let Some(kind) = declaration.kind else { return Ok(value.clone()) };
        if matches!(value, Value::Null | Value::Array(_) | Value::Object(_)) {
            return Ok(Value::Null);
        }
        match kind.fit(value) {
            Ok(value) if declaration.admits(&value) => Ok(value),
            Ok(_) => fault(no_choice(name, declaration), false),
            Err(found) => fault(type_fault(name, declaration, kind, found), false),
        }
    }

    fn parsed(&self, name: &str, text: &str) -> Result<Value, Box<Diagnostic>> {
        let about = |mut finding: Diagnostic| {
            finding.message = format!("`--var {name}=…`: {}", finding.message);
            Err(Box::new(finding))
        };
        let Some(declaration) = self.declared.get(name) else {
            return about(undeclared(self.declared, name));
        };
        // What declares nothing is reported elsewhere.
        let Some(kind) = declaration.kind else { return Ok(Value::from(text)) };
        match kind.parse(text) {
            Some(value) if declaration.admits(&value) => Ok(value),
            Some(_) => about(no_choice(name, declaration)),
            None => about(Diagnostic::error(
                "variable_type",
                format!(
                    "the variable `{name}` is {} in {}, and the given text is not",
                    kind.words(),
                    declaration.table()
                ),
            )),
        }
    }

    fn read_file(&mut self, path: &Path, report: &mut Report) {
        let text = match reading::read(path, "variables file") {
            Ok(text) => text,
            Err(finding) => return report.push(*finding),
        };
        let document = Document::parse(&text);
        if let Some(other) = reading::Other::of(&text).filter(|_| !document.syntax.is_empty()) {
            return report.push(other.finding(path, "variables file"));
        }
        let hidden = hidden::ranges(&text, &document);
        let source = report.add_source(path.display().to_string(), text, &hidden);
        if reading::report_syntax(&document, source, report) {
            return;
        }
        for (name, value) in table(&document.value, "") {
            let pointer = child("", name);
            let key = Span { source, range: document.spans.key(&pointer) };
            let span = Span { source, range: document.spans.value(&pointer) };
            if matches!(value, Value::Array(_) | Value::Object(_)) {
                report.push(
                    Diagnostic::error(
                        "unexpected_type",
                        format!("expected text, a number or a boolean, found {}", type_of(value)),
                    )
                    .at(key)
                    .help("a variables file has lines of `NAME = VALUE` and no tables"),
                );
                self.faulty.insert(name.clone());
                continue;
            }
            if !is_data(value, span.clone(), report) {
                self.faulty.insert(name.clone());
                continue;
            }
            match self.fitting(name, value) {
                Ok(value) => self.set(name, value, Origin::File(key)),
                Err(fault) => {
                    self.faulty.insert(name.clone());
                    report.push(fault.at(key, span));
                }
            }
        }
    }
}

fn undeclared(declared: &BTreeMap<String, Declaration>, name: &str) -> Diagnostic {
    let names = || declared.keys().map(String::as_str);
    let help = match closest(name, names()) {
        Some(near) => format!("did you mean `{near}`?"),
        None if declared.is_empty() => {
            format!("declare it with a default: `[vars]`, then `{name} = …`")
        }
        None => format!("declare it in `[vars]` with a default; declared are {}", listed(names())),
    };
    Diagnostic::error(
        "undeclared_variable",
        format!("the variable `{name}` is not declared in `[vars]`"),
    )
    .help(help)
}

fn unknown_environment(chosen: &str, environments: &Map<String, Value>) -> Diagnostic {
    let names = || environments.keys().map(String::as_str);
    let help = if environments.is_empty() {
        format!("it has no environments; add `[env.{chosen}]` or leave `--env` out")
    } else {
        let known = format!("it has {}", listed(names()));
        match closest(chosen, names()) {
            Some(near) => format!("did you mean `{near}`? {known}"),
            None => known,
        }
    };
    Diagnostic::error("unknown_environment", format!("the plan file has no environment `{chosen}`"))
        .help(help)
}
