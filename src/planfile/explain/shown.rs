//! Values as they are shown: data, what the documentation says, or nothing of a secret.

use serde_json::{Value, json};

use crate::planfile::hidden;

/// A value that may be shown.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Shown {
    /// None.
    Nothing,
    /// Data of the plan.
    Data(Value),
    /// The name of the environment variable that holds a credential.
    Env(String),
    /// What holds where nothing is said, in words.
    Words(String),
    /// It sounds like a secret.
    Hidden,
}

impl Shown {
    pub(super) fn of_variable(name: &str, value: &Value) -> Self {
        match value {
            _ if hidden::sounds_secret(name) => Self::Hidden,
            Value::String(text) => Self::Data(Value::from(hidden::shown_variable(name, text))),
            _ => Self::data(value),
        }
    }

    /// Data, without what in it may be a credential.
    pub(super) fn data(value: &Value) -> Self {
        Self::Data(masked(value))
    }

    /// A credential: `{ env = "NAME" }`.
    pub(super) fn credential(value: &Value) -> Self {
        match value.get("env").and_then(Value::as_str) {
            Some(name) => Self::Env(name.to_owned()),
            None => Self::Hidden,
        }
    }

    /// A default as a description has it: a value in backticks or a number, or words.
    pub(super) fn documented(text: &str) -> Self {
        let quoted = text.strip_prefix('`').and_then(|text| text.split_once('`'));
        // What follows a comma says what it means.
        let word = quoted.filter(|(_, rest)| rest.is_empty() || rest.starts_with(", "));
        let word = word.map(|(word, _)| word);
        match (word, text.parse::<f64>()) {
            (Some(word), _) => {
                Self::Data(serde_json::from_str(word).unwrap_or_else(|_| Value::from(word)))
            }
            (None, Ok(_)) => Self::Data(serde_json::from_str(text).unwrap_or(Value::Null)),
            (None, Err(_)) => Self::Words(text.replace('`', "")),
        }
    }

    /// As a person reads it: in the way of TOML.
    pub(super) fn text(&self) -> String {
        match self {
            Self::Nothing => "none".to_owned(),
            Self::Data(value) => toml_of(value),
            Self::Env(name) => format!("env:{name}"),
            Self::Words(words) => words.clone(),
            Self::Hidden => NOT_SHOWN.to_owned(),
        }
    }

    /// As a machine reads it.
    pub(super) fn json(&self) -> Value {
        match self {
            Self::Nothing | Self::Hidden | Self::Words(_) => Value::Null,
            Self::Data(value) => value.clone(),
            Self::Env(name) => json!({ "env": name }),
        }
    }
}

/// What stands for a value that is not shown.
const NOT_SHOWN: &str = "(not shown)";

fn masked(value: &Value) -> Value {
    match value {
        Value::Object(table) => table
            .iter()
            .map(|(key, value)| match value {
                _ if hidden::sounds_secret(key) => (key.clone(), Value::from(NOT_SHOWN)),
                value => (key.clone(), masked(value)),
            })
            .collect::<serde_json::Map<_, _>>()
            .into(),
        Value::Array(items) => items.iter().map(masked).collect(),
        Value::String(text) => Value::from(hidden::without_secrets_of_addresses(text)),
        other => other.clone(),
    }
}

fn toml_of(value: &Value) -> String {
    match value {
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(toml_of).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Object(table) => {
            let pairs: Vec<String> =
                table.iter().map(|(key, value)| format!("{key} = {}", toml_of(value))).collect();
            format!("{{ {} }}", pairs.join(", "))
        }
        scalar => scalar.to_string(),
    }
}
