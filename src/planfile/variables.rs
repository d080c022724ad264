//! Variables: declared in `[vars]`, overridden by `[env.NAME]`, `--vars FILE` and `--var`.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

use super::document::{Document, child, type_of};
use super::suggestion::{closest, listed};
use super::template::{self, NAME};
use super::{Inputs, hidden};
use crate::diagnostic::{Diagnostic, Report, SourceId, Span};

/// What the variables of a plan file are under the given inputs. Findings go to the report.
pub(super) fn resolve(
    document: &Document,
    source: SourceId,
    inputs: &Inputs,
    report: &mut Report,
) -> BTreeMap<String, Value> {
    let mut variables = BTreeMap::new();
    let place = Place { document, source };
    for (name, value) in table(&document.value, "/vars") {
        let pointer = child("/vars", name);
        if let Some(finding) = name_fault(name) {
            report.push(finding.at(place.key(&pointer)));
        }
        is_data(value, &pointer, &place, report);
        variables.insert(name.clone(), value.clone());
    }
    let declared = variables.clone();

    let environments = table(&document.value, "/env");
    for (environment, _) in environments {
        let environment_pointer = child("/env", environment);
        for (name, value) in table(&document.value, &environment_pointer) {
            let pointer = child(&environment_pointer, name);
            if value.is_object() || !is_data(value, &pointer, &place, report) {
                continue;
            }
            match overriding(&declared, name, value) {
                Ok(value) if inputs.env.as_ref() == Some(environment) => {
                    variables.insert(name.clone(), value);
                }
                Ok(_) => {}
                Err(fault) => report.push(fault.at(&place, &pointer)),
            }
        }
    }
    if let Some(chosen) = &inputs.env
        && !environments.contains_key(chosen)
    {
        report.push(unknown_environment(chosen, environments));
    }
    for path in &inputs.vars_files {
        read_file(path, &declared, &mut variables, report);
    }
    for (name, text) in &inputs.vars {
        match from_command_line(&declared, name, text) {
            Ok(value) => {
                variables.insert(name.clone(), value);
            }
            Err(finding) => report.push(*finding),
        }
    }
    variables
}

/// Where findings about a document point.
struct Place<'a> {
    document: &'a Document,
    source: SourceId,
}

impl Place<'_> {
    fn key(&self, pointer: &str) -> Span {
        Span { source: self.source, range: self.document.spans.key(pointer) }
    }

    fn value(&self, pointer: &str) -> Span {
        Span { source: self.source, range: self.document.spans.value(pointer) }
    }
}

fn table<'a>(value: &'a Value, pointer: &str) -> &'a serde_json::Map<String, Value> {
    static EMPTY: std::sync::LazyLock<serde_json::Map<String, Value>> =
        std::sync::LazyLock::new(serde_json::Map::new);
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
fn is_data(value: &Value, pointer: &str, place: &Place<'_>, report: &mut Report) -> bool {
    let template = value.as_str().is_some_and(template::is_template);
    if template {
        report.push(
            Diagnostic::error(
                "template_in_variable",
                "the value of a variable cannot be a template",
            )
            .at(place.value(pointer))
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
    fn at(self, place: &Place<'_>, pointer: &str) -> Diagnostic {
        (*self.finding).at(if self.about_name { place.key(pointer) } else { place.value(pointer) })
    }
}

fn overriding(
    declared: &BTreeMap<String, Value>,
    name: &str,
    value: &Value,
) -> Result<Value, OverrideFault> {
    let Some(default) = declared.get(name) else {
        return Err(OverrideFault {
            finding: Box::new(undeclared(declared, name)),
            about_name: true,
        });
    };
    match (default, value) {
        // The schema check reports what cannot be a value at all.
        (_, Value::Null | Value::Array(_) | Value::Object(_))
        | (Value::Null | Value::Array(_) | Value::Object(_), _)
        | (Value::String(_), Value::String(_))
        | (Value::Bool(_), Value::Bool(_)) => Ok(value.clone()),
        (Value::Number(default), Value::Number(number)) => match number.as_f64() {
            Some(float) if default.is_f64() => Ok(Value::from(float)),
            _ if number.is_f64() => Err(type_fault(name, "a whole number", "a fraction")),
            _ => Ok(value.clone()),
        },
        (default, _) => Err(type_fault(name, type_of(default), type_of(value))),
    }
}

fn type_fault(name: &str, default: &str, found: &str) -> OverrideFault {
    OverrideFault {
        finding: Box::new(
            Diagnostic::error(
                "variable_type",
                format!("the variable `{name}` is {default} in `[vars]`, and {found} here"),
            )
            .help(format!("`{name}` stays {default} in every environment")),
        ),
        about_name: false,
    }
}

fn undeclared(declared: &BTreeMap<String, Value>, name: &str) -> Diagnostic {
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

fn unknown_environment(chosen: &str, environments: &serde_json::Map<String, Value>) -> Diagnostic {
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

fn read_file(
    path: &Path,
    declared: &BTreeMap<String, Value>,
    variables: &mut BTreeMap<String, Value>,
    report: &mut Report,
) {
    let text = match super::read(path, "variables file") {
        Ok(text) => text,
        Err(finding) => return report.push(*finding),
    };
    let document = Document::parse(&text);
    let hidden = hidden::ranges(&text, &document);
    let source = report.add_source(path.display().to_string(), text, &hidden);
    if super::report_syntax(&document, source, report) {
        return;
    }
    let place = Place { document: &document, source };
    for (name, value) in table(&document.value, "") {
        let pointer = child("", name);
        if matches!(value, Value::Array(_) | Value::Object(_)) {
            report.push(
                Diagnostic::error(
                    "unexpected_type",
                    format!("expected text, a number or a boolean, found {}", type_of(value)),
                )
                .at(place.key(&pointer))
                .help("a variables file has lines of `NAME = VALUE` and no tables"),
            );
            continue;
        }
        if !is_data(value, &pointer, &place, report) {
            continue;
        }
        match overriding(declared, name, value) {
            Ok(Value::Null) => {}
            Ok(value) => {
                variables.insert(name.clone(), value);
            }
            Err(fault) => report.push(fault.at(&place, &pointer)),
        }
    }
}

fn from_command_line(
    declared: &BTreeMap<String, Value>,
    name: &str,
    text: &str,
) -> Result<Value, Box<Diagnostic>> {
    let Some(default) = declared.get(name) else {
        let mut finding = undeclared(declared, name);
        finding.message = format!("`--var {name}=…`: {}", finding.message);
        return Err(Box::new(finding));
    };
    let parsed = match default {
        Value::Bool(_) => text.parse::<bool>().ok().map(Value::from),
        Value::Number(number) if number.is_f64() => {
            text.parse::<f64>().ok().filter(|value| value.is_finite()).map(Value::from)
        }
        Value::Number(_) => text.parse::<i64>().ok().map(Value::from),
        _ => Some(Value::from(text)),
    };
    parsed.ok_or_else(|| {
        Box::new(Diagnostic::error(
            "variable_type",
            format!(
                "`--var {name}=…`: the variable `{name}` is {} in `[vars]`, and the given text is not",
                type_of(default)
            ),
        ))
    })
}
