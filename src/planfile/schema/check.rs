//! Checks a rendered plan file against its schema, and says what is wrong in words of the plan
//! file. No value of the file enters a message: it may be a credential in the wrong place.

use std::collections::BTreeSet;

use jsonschema::error::{TypeKind, ValidationErrorKind};
use jsonschema::{JsonType, JsonTypeSet, ValidationError};
use serde_json::Value;

use super::CHECK;
use crate::diagnostic::Diagnostic;
use crate::model::suggestion::{closest, listed};
use crate::planfile::assembly::Assembly;
use crate::planfile::document::{child, last_key, parent, type_of};
use crate::planfile::hidden::is_credential;
use crate::planfile::template::is_template;

/// The outcome of a check.
#[derive(Debug, Default)]
pub(in crate::planfile) struct Checked {
    pub(in crate::planfile) findings: Vec<Diagnostic>,
    /// Pointers of the values that are wrong or should not be there.
    pub(in crate::planfile) invalid: BTreeSet<String>,
}

/// Checks a rendered plan file. `unknown` are pointers of values that could not be rendered:
/// nothing is said about them here. `written` is the plan before rendering.
pub(in crate::planfile) fn check(
    rendered: &Value,
    written: &Assembly,
    unknown: &BTreeSet<String>,
) -> Checked {
    let mut check = Check {
        written,
        unknown,
        missing: Vec::new(),
        meant: BTreeSet::new(),
        checked: Checked::default(),
    };
    match jsonschema::validator_for(&CHECK) {
        Ok(validator) => validator.iter_errors(rendered).for_each(|error| check.finding(&error)),
        Err(error) => check.checked.findings.push(Diagnostic::error(
            "internal_error",
            format!("the schema of this build is broken: {error}"),
        )),
    }
    for (pointer, finding) in check.missing {
        // A misspelt key is one mistake, not two.
        if !check.meant.contains(&pointer) {
            check.checked.findings.push(finding);
        }
        check.checked.invalid.insert(pointer);
    }
    check.checked
}

struct Check<'a> {
    written: &'a Assembly,
    unknown: &'a BTreeSet<String>,
    /// What is said about missing keys, by their pointers.
    missing: Vec<(String, Diagnostic)>,
    /// Pointers of the keys that unknown keys look like.
    meant: BTreeSet<String>,
    checked: Checked,
}

impl Check<'_> {
    fn finding(&mut self, error: &ValidationError<'_>) {
        let pointer = error.instance_path().as_str().to_owned();
        if self.unknown.contains(&pointer) {
            return;
        }
        match error.kind() {
            ValidationErrorKind::AdditionalProperties { unexpected } => {
                for key in unexpected {
                    self.unknown_key(error, &pointer, key);
                }
            }
            ValidationErrorKind::Required { property } => {
                self.missing(&pointer, property.as_str().unwrap_or_default());
            }
            ValidationErrorKind::AnyOf { context }
            | ValidationErrorKind::OneOfNotValid { context } => {
                self.no_alternative(error, &pointer, context);
            }
            _ if is_credential(&pointer) => self.literal_credential(&pointer),
            ValidationErrorKind::Type { .. }
            | ValidationErrorKind::Constant { .. }
            | ValidationErrorKind::Enum { .. } => {
                let expected = expectations(error);
                self.unexpected(error.instance(), pointer, &expected);
            }
            ValidationErrorKind::Pattern { .. } => self.malformed(pointer),
            kind => {
                let key = last_key(&pointer);
                let (message, help) = match kind {
                    ValidationErrorKind::Minimum { limit } => {
                        (format!("must be at least {limit}"), None)
                    }
                    ValidationErrorKind::Maximum { limit } => {
                        (format!("must be at most {limit}"), None)
                    }
                    ValidationErrorKind::MinItems { limit: 1 }
                    | ValidationErrorKind::MinProperties { limit: 1 }
                    | ValidationErrorKind::MinLength { limit: 1 } => {
                        ("must not be empty".to_owned(), instead_of_nothing(&key))
                    }
                    _ => (error.masked().to_string(), None),
                };
                let mut finding = Diagnostic::error("invalid_value", format!("`{key}` {message}"));
                finding.help = help.map(str::to_owned);
                self.push(finding, pointer);
            }
        }
    }

    /// Reports what is wrong with a value, once.
    fn push(&mut self, finding: Diagnostic, pointer: String) {
        let span = self.written.places.value(&pointer);
        if self.checked.invalid.insert(pointer) {
            self.checked.findings.push(finding.at(span));
        }
    }

    fn unknown_key(&mut self, error: &ValidationError<'_>, pointer: &str, key: &str) {
        let schema = parent(error.schema_path().as_str());
        let known: Vec<&str> = CHECK
            .pointer(schema)
            .and_then(|schema| schema.get("properties"))
            .and_then(Value::as_object)
            .map(|properties| properties.keys().map(String::as_str).collect())
            .unwrap_or_default();
        let place = table_name(pointer);
        let at = child(pointer, key);
        let help = match closest(key, known.iter().copied()) {
            Some(near) => {
                self.meant.insert(child(pointer, near));
                format!("did you mean `{near}`?")
            }
            None => format!("{place} takes {}", listed(known.iter().copied())),
        };
        let span = self.written.places.key(&at);
        self.checked.findings.push(
            Diagnostic::error("unknown_key", format!("unknown key `{key}` in {place}"))
                .at(span)
                .help(help),
        );
        self.checked.invalid.insert(at);
    }

    fn missing(&mut self, pointer: &str, key: &str) {
        let help = match (pointer, key) {
            ("", "version") => "begin the file with `version = 1`",
            ("", "source") => {
                "say where the rows come from: `[source]`, then `endpoint = \"http://HOST:PORT\"`"
            }
            ("", "target") => {
                "say where the rows go: `[target]`, then `endpoint = \"http://HOST:PORT\"`"
            }
            ("", "collections") => "say what to move: `[[collections]]`, then `source = \"NAME\"`",
            (_, "endpoint") => "add `endpoint = \"http://HOST:PORT\"`",
            (_, "env") => "name the environment variable that holds it: `{ env = \"NAME\" }`",
            (inputs, "type") if inputs.starts_with("/inputs/") => {
                "say what it takes: `type = \"string\"`, \"integer\", \"number\" or \"boolean\""
            }
            (_, "type") => {
                "say which index it is: `type = \"HNSW\"`, or \"auto\" for the target's choice"
            }
            (_, "source") => "name the collection, or give a glob: `source = \"NAME\"`",
            _ => "add it",
        };
        let span = self.written.places.key(pointer);
        let finding = Diagnostic::error(
            "missing_key",
            format!("`{key}` is missing in {}", table_name(pointer)),
        )
        .at(span)
        .help(help);
        self.missing.push((child(pointer, key), finding));
    }

    /// None of several forms fits. When the value has the shape of one of them, what is wrong
    /// there is what to say; otherwise all forms are named.
    fn no_alternative(
        &mut self,
        error: &ValidationError<'_>,
        pointer: &str,
        context: &[Vec<ValidationError<'static>>],
    ) {
        let mut fitting =
            context.iter().filter(|branch| branch.iter().all(|error| !is_shape(error, pointer)));
        if let (Some(branch), None) = (fitting.next(), fitting.next()) {
            for error in branch {
                self.finding(error);
            }
            return;
        }
        let expected: Vec<String> = context.iter().flatten().flat_map(expectations).collect();
        self.unexpected(error.instance(), pointer.to_owned(), &expected);
    }

    fn unexpected(&mut self, instance: &Value, pointer: String, expected: &[String]) {
        let found = type_of(instance);
        let from_template = self.written.written(&pointer).is_some_and(is_template);
        let words: Vec<&str> =
            expected.iter().filter_map(|word| word.strip_prefix('"')?.strip_suffix('"')).collect();
        let all_words = words.len() == expected.len();
        let (code, found) = match instance {
            Value::String(_) if !words.is_empty() => ("invalid_value", "another word"),
            _ if all_words || expected.len() > 1 => ("unexpected_type", found),
            Value::Number(_) if expected == ["1"] => ("invalid_value", "another number"),
            _ => ("unexpected_type", found),
        };
        let found = if from_template {
            format!("its template gives {found}")
        } else {
            format!("found {found}")
        };
        let mut finding = Diagnostic::error(
            code,
            format!("{} takes {}; {found}", name_of(&pointer), alternatives(expected)),
        );
        if let Value::String(text) = instance
            && let Some(near) = closest(text, words)
        {
            finding = finding.help(format!("did you mean \"{near}\"?"));
        } else if pointer == "/collections" && instance.is_object() {
            finding =
                finding.help("write `[[collections]]`, with two brackets, once for each rule");
        } else if let Some(example) = example(&pointer, instance, expected) {
            finding = finding.help(example);
        } else if instance.is_string()
            && pointer != "/collections"
            && expected.iter().any(|kind| kind == "a list")
        {
            let key = last_key(&pointer);
            finding = finding.help(format!("a list has brackets, also of one: `{key} = [\"…\"]`"));
        } else if let Value::String(text) = instance
            && !from_template
            && (text.parse::<f64>().is_ok() || text.parse::<bool>().is_ok())
        {
            finding = finding.help("write it without quotes");
        }
        self.push(finding, pointer);
    }

    fn literal_credential(&mut self, pointer: &str) {
        let key = last_key(pointer);
        let end = last_key(parent(pointer));
        let variable = format!("{}_{}", end.to_uppercase(), key.to_uppercase());
        let finding = Diagnostic::error(
            "literal_credential",
            "a credential is named in the plan file, never written in it",
        )
        .label("not shown here")
        .help(format!(
            "put the value in an environment variable and name that: `{key} = {{ env = \"{variable}\" }}`"
        ));
        self.push(finding, pointer.to_owned());
    }

    fn malformed(&mut self, pointer: String) {
        let key = last_key(&pointer);
        let (what, help) = match key.as_str() {
            "env" => (
                "must be the name of an environment variable",
                "names have capital letters, digits and `_`, such as `TARGET_TOKEN`; the value itself does not belong in the plan file",
            ),
            "memory_limit" | "chunk_size" | "max_request_size" => (
                "must be a size",
                "write a whole number and a unit (B, KB, MB, GB, KiB, MiB or GiB), such as \"512MiB\"",
            ),
            "max_read_rate" | "max_write_rate" => (
                "must be a size per second",
                "write a whole number, a unit (B, KB, MB, GB, KiB, MiB or GiB) and `/s`, such as \"40MB/s\"",
            ),
            "max_bytes" => (
                "must be a size",
                "write a whole number and a unit (B, KB, MB, GB, KiB, MiB or GiB), such as \"200GiB\"",
            ),
            "retry_for" => (
                "must be a duration",
                "write whole numbers with units (ms, s, m, h or d), such as \"90s\" or \"1h30m\"",
            ),
            _ => ("has the wrong form", "see its description in the schema"),
        };
        let finding = Diagnostic::error("invalid_value", format!("`{key}` {what}")).help(help);
        self.push(finding, pointer);
    }
}

/// How a setting is written that takes a table or a switch, for who gave it a word.
fn example(pointer: &str, instance: &Value, expected: &[String]) -> Option<String> {
    let word = instance.as_str()?.to_ascii_lowercase();
    let key = last_key(pointer);
    let switch = match word.as_str() {
        "yes" | "on" | "y" | "true" | "enabled" => Some("true"),
        "no" | "off" | "n" | "false" | "disabled" => Some("false"),
        _ => None,
    };
    if let Some(switch) = switch
        && expected.iter().any(|kind| kind == "`true`")
    {
        return Some(format!("write `{key} = {switch}`, without quotes"));
    }
    let takes = |wanted: &str| expected.iter().any(|kind| kind == wanted);
    if !takes("a table") || takes("a list") {
        return None;
    }
    let table = match key.as_str() {
        "partition_key" => "{ field = \"NAME\" }",
        "properties" => "{ set = { \"NAME\" = \"VALUE\" } }",
        "fields" => "{ NAME = { rename = \"NAME\" } }",
        "indexes" => "{ NAME = { type = \"HNSW\", metric = \"COSINE\" } }",
        "tls" => "{ ca_file = \"FILE\" }",
        "search" => "{ queries = 100, top_k = 10 }",
        "username" | "password" | "token" => "{ env = \"NAME\" }",
        _ => return None,
    };
    Some(format!("write `{key} = {table}`"))
}

/// Whether an error says that the value at the pointer is something else altogether.
fn is_shape(error: &ValidationError<'_>, pointer: &str) -> bool {
    error.instance_path().as_str() == pointer
        && matches!(
            error.kind(),
            ValidationErrorKind::Type { .. }
                | ValidationErrorKind::Constant { .. }
                | ValidationErrorKind::Enum { .. }
                | ValidationErrorKind::AnyOf { .. }
                | ValidationErrorKind::OneOfNotValid { .. }
        )
}

/// What may have been meant by an empty list or table.
fn instead_of_nothing(key: &str) -> Option<&'static str> {
    match key {
        "aliases" => Some("\"none\" stands for no aliases, \"keep\" for the source's"),
        "partitions" | "select" => Some("leave it out to copy all partitions"),
        _ => None,
    }
}

/// What an error would have accepted, in words; words of the plan file in quotes.
fn expectations(error: &ValidationError<'_>) -> Vec<String> {
    match error.kind() {
        ValidationErrorKind::Type { kind } => {
            let kinds = match kind {
                TypeKind::Single(kind) => JsonTypeSet::from(*kind),
                TypeKind::Multiple(kinds) => *kinds,
            };
            kinds
                .iter()
                // A whole number is a number.
                .filter(|kind| *kind != JsonType::Integer || !kinds.contains(JsonType::Number))
                .flat_map(|kind| type_words(kind))
                .map(|word| (*word).to_owned())
                .collect()
        }
        ValidationErrorKind::Constant { expected_value } => vec![expected_value.to_string()],
        ValidationErrorKind::Enum { options } => {
            options.as_array().into_iter().flatten().map(ToString::to_string).collect()
        }
        ValidationErrorKind::AnyOf { context } | ValidationErrorKind::OneOfNotValid { context } => {
            context.iter().flatten().flat_map(expectations).collect()
        }
        _ => Vec::new(),
    }
}

fn type_words(kind: JsonType) -> &'static [&'static str] {
    match kind {
        JsonType::Null => &["nothing"],
        JsonType::Boolean => &["`true`", "`false`"],
        JsonType::Integer => &["a whole number"],
        JsonType::Number => &["a number"],
        JsonType::String => &["text"],
        JsonType::Array => &["a list"],
        JsonType::Object => &["a table"],
    }
}

fn alternatives(expected: &[String]) -> String {
    // The words say that it is text.
    let has_words = expected.iter().any(|word| word.starts_with('"'));
    let mut distinct: Vec<&str> = Vec::new();
    for word in expected {
        let said = distinct.contains(&word.as_str()) || (has_words && word == "text");
        if !said {
            distinct.push(word);
        }
    }
    match distinct.as_slice() {
        [] => "something else".to_owned(),
        [only] => (*only).to_owned(),
        [most @ .., last] => format!("{} or {last}", most.join(", ")),
    }
}

/// How people write the table of a pointer.
fn table_name(pointer: &str) -> String {
    let keys: Vec<String> = pointer
        .split('/')
        .skip(1)
        .filter(|key| key.parse::<usize>().is_err())
        .map(last_key)
        .collect();
    match keys.as_slice() {
        [] => "the plan file".to_owned(),
        [only] if only == "collections" => "`[[collections]]`".to_owned(),
        [first, rest @ ..] if first == "collections" => {
            format!("`{}` of `[[collections]]`", rest.join("."))
        }
        keys => format!("`[{}]`", keys.join(".")),
    }
}

/// How people speak of the value at a pointer.
fn name_of(pointer: &str) -> String {
    match last_key(pointer) {
        index if index.parse::<usize>().is_ok() => {
            format!("every element of `{}`", last_key(parent(pointer)))
        }
        key => format!("`{key}`"),
    }
}
