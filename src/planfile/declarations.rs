//! What variables are declared, in `[vars]` with a default and in `[inputs]` with a type.

use std::collections::BTreeMap;

use serde_json::Value;

use super::assembly::Assembly;
use super::document::{child, last_key, type_of};
use super::hidden;
use super::variables::{is_data, name_fault, table};
use crate::diagnostic::{Diagnostic, Report};

/// What the values of a variable are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Whole,
    Number,
    Boolean,
}

impl Kind {
    pub(super) const fn words(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Whole => "a whole number",
            Self::Number => "a number",
            Self::Boolean => "a boolean",
        }
    }

    fn of(value: &Value) -> Option<Self> {
        match value {
            Value::String(_) => Some(Self::Text),
            Value::Bool(_) => Some(Self::Boolean),
            Value::Number(number) if number.is_f64() => Some(Self::Number),
            Value::Number(_) => Some(Self::Whole),
            Value::Null | Value::Array(_) | Value::Object(_) => None,
        }
    }

    fn named(word: &str) -> Option<Self> {
        match word {
            "string" => Some(Self::Text),
            "integer" => Some(Self::Whole),
            "number" => Some(Self::Number),
            "boolean" => Some(Self::Boolean),
            _ => None,
        }
    }

    /// A value as one of this kind, or what it is instead.
    pub(super) fn fit(self, value: &Value) -> Result<Value, &'static str> {
        match (self, value) {
            (Self::Text, Value::String(_)) | (Self::Boolean, Value::Bool(_)) => Ok(value.clone()),
            (Self::Number, Value::Number(number)) => {
                Ok(number.as_f64().map_or_else(|| value.clone(), Value::from))
            }
            (Self::Whole, Value::Number(number)) if !number.is_f64() => Ok(value.clone()),
            _ => Err(type_of(value)),
        }
    }

    /// A text of the command line as a value of this kind.
    pub(super) fn parse(self, text: &str) -> Option<Value> {
        match self {
            Self::Text => Some(Value::from(text)),
            Self::Boolean => text.parse::<bool>().ok().map(Value::from),
            Self::Whole => text.parse::<i64>().ok().map(Value::from),
            Self::Number => {
                text.parse::<f64>().ok().filter(|value| value.is_finite()).map(Value::from)
            }
        }
    }
}

/// A variable as it is declared.
#[derive(Debug)]
pub(super) struct Declaration {
    /// Where: `/vars/NAME` or `/inputs/NAME`.
    pub(super) pointer: String,
    /// Unknown where the declaration is wrong, which is said elsewhere.
    pub(super) kind: Option<Kind>,
    pub(super) default: Option<Value>,
    pub(super) choices: Vec<Value>,
    pub(super) description: Option<String>,
}

impl Declaration {
    pub(super) fn is_input(&self) -> bool {
        self.pointer.starts_with("/inputs/")
    }

    /// The table that declares it, as people write it.
    pub(super) fn table(&self) -> &'static str {
        if self.is_input() { "`[inputs]`" } else { "`[vars]`" }
    }

    /// The values that it takes, for people; empty where there is no choice.
    pub(super) fn choice(&self) -> String {
        if !self.choices.is_empty() && hidden::sounds_secret(&last_key(&self.pointer)) {
            return "those in its declaration".to_owned();
        }
        let choices: Vec<String> = self.choices.iter().map(Value::to_string).collect();
        choices.join(", ")
    }

    /// Whether a value is one of those to choose from.
    pub(super) fn admits(&self, value: &Value) -> bool {
        self.choices.is_empty() || self.choices.contains(value)
    }
}

/// All variables that a plan declares, by name.
pub(super) fn declared(plan: &Assembly, report: &mut Report) -> BTreeMap<String, Declaration> {
    let mut declared = BTreeMap::new();
    for (name, value) in table(&plan.value, "/vars") {
        let pointer = child("/vars", name);
        check_name(name, &pointer, plan, report);
        is_data(value, plan.places.value(&pointer), report);
        let declaration = Declaration {
            pointer,
            kind: Kind::of(value),
            default: Some(value.clone()),
            choices: Vec::new(),
            description: None,
        };
        declared.insert(name.clone(), declaration);
    }
    for (name, value) in table(&plan.value, "/inputs") {
        let pointer = child("/inputs", name);
        check_name(name, &pointer, plan, report);
        if let Some(other) = declared.get(name) {
            report.push(
                Diagnostic::error(
                    "declared_twice",
                    format!("`{name}` is a variable of `[vars]` and an input"),
                )
                .at(plan.places.key(&pointer))
                .related(plan.places.key(&other.pointer), "the variable")
                .help("keep one of them: an input can have a `default`, too"),
            );
        }
        let declaration = input(pointer, value, plan, report);
        declared.insert(name.clone(), declaration);
    }
    declared
}

fn check_name(name: &str, pointer: &str, plan: &Assembly, report: &mut Report) {
    if let Some(finding) = name_fault(name) {
        report.push(finding.at(plan.places.key(pointer)));
    }
}

/// What `[inputs.NAME]` says. What has no sensible form is reported by the schema check.
fn input(pointer: String, value: &Value, plan: &Assembly, report: &mut Report) -> Declaration {
    let kind = value.get("type").and_then(Value::as_str).and_then(Kind::named);
    let mut fitting = |key: &str, pointer: &str, value: &Value| {
        let span = plan.places.value(pointer);
        let scalar = matches!(value, Value::String(_) | Value::Bool(_) | Value::Number(_));
        if !scalar || !is_data(value, span.clone(), report) {
            return None;
        }
        match kind?.fit(value) {
            Ok(value) => Some(value),
            Err(found) => {
                let wanted = kind?.words();
                report.push(
                    Diagnostic::error(
                        "variable_type",
                        format!("{key} must be {wanted}, as `type` says; found {found}"),
                    )
                    .at(span),
                );
                None
            }
        }
    };
    let default_pointer = child(&pointer, "default");
    let written = value.get("default");
    let default = written.and_then(|value| fitting("`default`", &default_pointer, value));
    let mut choices = Vec::new();
    let items = value.get("choices").and_then(Value::as_array);
    for (index, item) in items.into_iter().flatten().enumerate() {
        let at = format!("{pointer}/choices/{index}");
        choices.extend(fitting("every element of `choices`", &at, item));
    }
    // What is wrong is not missing.
    let wrong = !value.is_object() || (written.is_some() && default.is_none());
    let known = kind.is_some() && !wrong;
    let declaration = Declaration {
        kind: kind.filter(|_| known),
        default: default.or_else(|| wrong.then_some(Value::Null)),
        choices,
        description: value.get("description").and_then(Value::as_str).map(str::to_owned),
        pointer,
    };
    if let Some(default) = declaration.default.as_ref().filter(|value| !value.is_null())
        && !declaration.admits(default)
    {
        report.push(
            Diagnostic::error("not_a_choice", "`default` is none of the `choices`")
                .at(plan.places.value(&default_pointer))
                .help(format!("the choices are {}", declaration.choice())),
        );
    }
    declaration
}
