//! The settings of each table: looked up where they may be written, in the order in which they win.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::shown::Shown;
use super::{Section, Setting, documented_default, origin, place};
use crate::diagnostic::Report;
use crate::planfile::Basis;
use crate::planfile::document::child;
use crate::planfile::template::NAME;
use crate::planfile::{hidden, resolve};

/// Settings of a collection whose tables an entry and the defaults have together.
const MERGED: [&str; 3] = ["fields", "indexes", "properties"];

/// Looks settings up.
pub(super) struct Settings<'a> {
    pub(super) basis: &'a Basis,
    pub(super) report: &'a Report,
}

impl Settings<'_> {
    pub(super) fn name(&self, name: &str) -> Setting {
        match self.find("/name") {
            Some(_) => self.written("name".to_owned(), "/name", None),
            None => Setting {
                key: "name".to_owned(),
                value: Shown::Data(Value::from(name)),
                origin: "the file's name".to_owned(),
                through: Vec::new(),
            },
        }
    }

    pub(super) fn table(&self, table: &str, schema: &Value) -> Section {
        let pointer = child("", table);
        let mut settings = Vec::new();
        for (key, schema) in properties(schema) {
            self.setting(key, schema, &[child(&pointer, key)], None, &mut settings);
        }
        let place = self.find(&pointer).map(|_| self.place(&pointer));
        Section { title: format!("[{table}]"), place, settings }
    }

    pub(super) fn entry(&self, index: usize, item: &Value) -> Section {
        let entry = format!("/collections/{index}");
        let source = self.find(&child(&entry, "source")).and_then(Value::as_str);
        let source = source.unwrap_or_default();
        let mut settings = Vec::new();
        for (key, schema) in properties(item) {
            let (own, default) = (child(&entry, key), child("/defaults", key));
            let pointers = match key.as_str() {
                "source" => continue,
                "target" | "exclude" => vec![own],
                "source_database" | "target_database" => {
                    vec![own, child(&entry, "database"), default, "/defaults/database".to_owned()]
                }
                _ => vec![own, default],
            };
            // Without either, they are what `database` is without either.
            let schema = match key.as_str() {
                "source_database" | "target_database" => &properties(item)["database"],
                _ => schema,
            };
            if MERGED.contains(&key.as_str()) {
                self.merged(key, schema, &pointers, &mut settings);
            } else {
                self.setting(key, schema, &pointers, Some(source), &mut settings);
            }
        }
        Section {
            title: format!("[[collections]] {source}"),
            place: Some(self.place(&entry)),
            settings,
        }
    }

    fn find(&self, pointer: &str) -> Option<&Value> {
        self.basis.value.pointer(pointer)
    }

    fn place(&self, pointer: &str) -> String {
        place(&self.basis.plan.places.key(pointer), self.report)
    }

    /// One setting, or where it is a table with keys of its own, one for each of them.
    fn setting(
        &self,
        key: &str,
        schema: &Value,
        pointers: &[String],
        source: Option<&str>,
        settings: &mut Vec<Setting>,
    ) {
        let found = pointers.iter().find(|pointer| self.find(pointer).is_some());
        let Some(pointer) = found else {
            settings.push(unwritten(key, schema));
            return;
        };
        let inner = properties(schema);
        if inner.is_empty() || hidden::is_credential(pointer) {
            settings.push(self.written(key.to_owned(), pointer, source));
            return;
        }
        for (name, schema) in inner {
            let (key, pointer) = (format!("{key}.{name}"), child(pointer, name));
            self.setting(&key, schema, &[pointer], source, settings);
        }
    }

    /// The tables that an entry and the defaults have: each key where it is written, the entry's
    /// over the defaults'.
    fn merged(&self, key: &str, schema: &Value, pointers: &[String], settings: &mut Vec<Setting>) {
        let before = settings.len();
        self.merge(key, pointers, settings);
        if settings.len() == before {
            settings.push(unwritten(key, schema));
        }
    }

    fn merge(&self, key: &str, pointers: &[String], settings: &mut Vec<Setting>) {
        let mut tables: Vec<(&String, &Map<String, Value>)> = Vec::new();
        for pointer in pointers {
            match self.find(pointer) {
                Some(Value::Object(table)) if !is_leaf(pointer) => {
                    tables.push((pointer, table));
                    if table.get("drop") == Some(&Value::Bool(true)) {
                        // Nothing else is left to say about the field.
                        break;
                    }
                }
                Some(_) => {
                    // It is about all of them, and so are those that are named over it.
                    settings.push(self.written(key.to_owned(), pointer, None));
                    break;
                }
                None => {}
            }
        }
        let names: BTreeSet<&String> = tables.iter().flat_map(|(_, table)| table.keys()).collect();
        for name in names {
            let inner: Vec<String> = tables.iter().map(|(at, _)| child(at, name)).collect();
            self.merge(&format!("{key}.{}", quoted(name)), &inner, settings);
        }
    }

    fn written(&self, key: String, pointer: &str, source: Option<&str>) -> Setting {
        let mut used = BTreeSet::new();
        self.used(pointer, &mut used);
        let through: Vec<(String, String)> = used
            .into_iter()
            .filter_map(|name| {
                let variable = self.basis.variables.values.get(&name)?;
                let from = origin(&name, &variable.origin, self.report);
                Some((name, from))
            })
            .collect();
        let secret =
            key_sounds_secret(&key) || through.iter().any(|(name, _)| hidden::sounds_secret(name));
        let at = self.place(pointer);
        let (at, secret) = match pointer.strip_prefix("/defaults/") {
            Some(_) => (format!("[defaults] {at}"), secret),
            None => (at, secret),
        };
        let value = match self.find(pointer) {
            None => Shown::Nothing,
            Some(value) if hidden::is_credential(pointer) => Shown::credential(value),
            Some(_) if secret => Shown::Hidden,
            Some(value) => Shown::data(&self.rendered(pointer, value, source)),
        };
        Setting { key, value, origin: at, through }
    }

    /// The variables that the strings of a value use.
    fn used(&self, pointer: &str, used: &mut BTreeSet<String>) {
        for (pointer, text) in strings(pointer, self.basis.plan.value.pointer(pointer)) {
            used.extend(
                self.basis
                    .templates
                    .used(text)
                    .into_iter()
                    .filter(|name| name != NAME || resolve::sees_name(&pointer).is_none()),
            );
        }
    }

    /// A value as it is for a source collection: with its name, and as written where that is a glob.
    fn rendered(&self, pointer: &str, value: &Value, source: Option<&str>) -> Value {
        match value {
            Value::Array(items) => items
                .iter()
                .enumerate()
                .map(|(index, item)| self.rendered(&format!("{pointer}/{index}"), item, source))
                .collect(),
            Value::Object(table) => table
                .iter()
                .map(|(key, value)| {
                    (key.clone(), self.rendered(&child(pointer, key), value, source))
                })
                .collect::<Map<_, _>>()
                .into(),
            Value::String(_) if resolve::sees_name(pointer).is_some() => {
                let written = self.basis.plan.written(pointer).unwrap_or_default();
                let named = self.basis.templates.used(written).contains(NAME);
                let glob = source.is_none_or(resolve::is_glob);
                if named && glob {
                    return Value::from(written);
                }
                self.basis
                    .templates
                    .render_text(written, source)
                    .map_or_else(|_| value.clone(), Value::from)
            }
            _ => value.clone(),
        }
    }
}

/// A setting that no file has.
fn unwritten(key: &str, schema: &Value) -> Setting {
    Setting {
        key: key.to_owned(),
        value: documented_default(schema).map_or(Shown::Nothing, Shown::documented),
        origin: "default of the tool".to_owned(),
        through: Vec::new(),
    }
}

/// The settings of a table; none where it may be something else as well.
fn properties(schema: &Value) -> &Map<String, Value> {
    static NONE: std::sync::LazyLock<Map<String, Value>> = std::sync::LazyLock::new(Map::new);
    schema.get("properties").and_then(Value::as_object).unwrap_or(&NONE)
}

/// Whether a table is one value: an index, or what is set of a property.
fn is_leaf(pointer: &str) -> bool {
    let keys: Vec<&str> = pointer.split('/').skip(1).collect();
    matches!(keys.as_slice(), ["collections", _, "indexes", _] | ["defaults", "indexes", _])
}

/// Whether a key says that its value is a credential. The name of a field may sound like anything.
fn key_sounds_secret(key: &str) -> bool {
    let of_fields = key.starts_with("fields.") || key.starts_with("indexes.");
    let mut parts = key.split('.').enumerate();
    parts.any(|(at, part)| !(of_fields && at == 1) && hidden::sounds_secret(part))
}

/// A key as it is written in TOML.
fn quoted(key: &str) -> String {
    let bare = key.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'));
    if bare && !key.is_empty() { key.to_owned() } else { Value::from(key).to_string() }
}

/// All strings of a value, with their pointers.
fn strings<'a>(pointer: &str, value: Option<&'a Value>) -> Vec<(String, &'a str)> {
    match value {
        Some(Value::String(text)) => vec![(pointer.to_owned(), text)],
        Some(Value::Array(items)) => items
            .iter()
            .enumerate()
            .flat_map(|(index, item)| strings(&format!("{pointer}/{index}"), Some(item)))
            .collect(),
        Some(Value::Object(table)) => table
            .iter()
            .flat_map(|(key, value)| strings(&child(pointer, key), Some(value)))
            .collect(),
        _ => Vec::new(),
    }
}
