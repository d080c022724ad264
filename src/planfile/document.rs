//! TOML text as a JSON value, with the place of every key and value.

use std::collections::BTreeMap;
use std::ops::Range;

use serde_json::{Map, Value};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// A finding about the text itself.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) code: &'static str,
    pub(super) message: String,
    pub(super) range: Range<usize>,
}

/// A parsed TOML text.
#[derive(Debug)]
pub(super) struct Document {
    pub(super) value: Value,
    pub(super) spans: Spans,
    /// What is wrong with the TOML; the value is then only part of what was meant.
    pub(super) syntax: Vec<Fault>,
    /// Values that TOML has and a plan file has no use for; `null` stands in for them.
    pub(super) unusable: Vec<(String, Fault)>,
}

/// Places of keys and values by JSON pointer.
#[derive(Debug, Default)]
pub(super) struct Spans {
    values: BTreeMap<String, Range<usize>>,
    keys: BTreeMap<String, Range<usize>>,
}

impl Spans {
    /// The place of a value, or of the nearest table around it.
    pub(super) fn value(&self, pointer: &str) -> Range<usize> {
        nearest(pointer, |pointer| self.values.get(pointer).or_else(|| self.keys.get(pointer)))
    }

    /// The place of the key that leads to a value, or of the value where there is no key.
    pub(super) fn key(&self, pointer: &str) -> Range<usize> {
        nearest(pointer, |pointer| self.keys.get(pointer).or_else(|| self.values.get(pointer)))
    }

    /// Places of values, and places of keys.
    pub(super) fn into_parts(
        self,
    ) -> (BTreeMap<String, Range<usize>>, BTreeMap<String, Range<usize>>) {
        (self.values, self.keys)
    }
}

fn nearest<'a>(pointer: &str, find: impl Fn(&str) -> Option<&'a Range<usize>>) -> Range<usize> {
    let mut pointer = pointer;
    loop {
        if pointer.is_empty() {
            return 0..0;
        }
        if let Some(range) = find(pointer) {
            return range.clone();
        }
        pointer = parent(pointer);
    }
}

/// The pointer of a key or element of the table or array at a pointer.
pub(super) fn child(pointer: &str, key: &str) -> String {
    format!("{pointer}/{}", key.replace('~', "~0").replace('/', "~1"))
}

/// The pointer of the table or array around a value.
pub(super) fn parent(pointer: &str) -> &str {
    pointer.rfind('/').map_or("", |slash| &pointer[..slash])
}

/// The last key of a pointer.
pub(super) fn last_key(pointer: &str) -> String {
    pointer.rsplit('/').next().unwrap_or_default().replace("~1", "/").replace("~0", "~")
}

/// The type of a value, in words.
pub(super) fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Bool(_) => "a boolean",
        Value::Number(number) if number.is_f64() => "a fraction",
        Value::Number(_) => "a whole number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "a table",
    }
}

impl Document {
    pub(super) fn parse(text: &str) -> Self {
        let (table, errors) = DeTable::parse_recoverable(text);
        let syntax = errors
            .iter()
            .map(|error| Fault {
                code: "invalid_toml",
                message: error.message().to_owned(),
                range: error.span().unwrap_or(text.len()..text.len()),
            })
            .collect();
        let mut document =
            Self { value: Value::Null, spans: Spans::default(), syntax, unusable: Vec::new() };
        document.value = document.table(table.get_ref(), "");
        document
    }

    fn table(&mut self, table: &DeTable<'_>, pointer: &str) -> Value {
        let mut map = Map::new();
        for (key, value) in table {
            let name: &str = key.get_ref();
            let at = child(pointer, name);
            self.spans.keys.insert(at.clone(), key.span());
            map.insert(name.to_owned(), self.convert(value, at));
        }
        Value::Object(map)
    }

    fn convert(&mut self, value: &Spanned<DeValue<'_>>, pointer: String) -> Value {
        let range = value.span();
        let converted = match value.get_ref() {
            DeValue::String(text) => Ok(Value::from(text.as_ref())),
            DeValue::Boolean(value) => Ok(Value::from(*value)),
            DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix())
                .map(Value::from)
                .map_err(|_| "this number does not fit in 64 bits"),
            DeValue::Float(number) => match number.as_str().parse::<f64>() {
                Ok(value) if value.is_finite() => Ok(Value::from(value)),
                _ => Err("`inf` and `nan` have no meaning in a plan file"),
            },
            DeValue::Datetime(_) => {
                Err("dates have no meaning in a plan file; quote it to make it text")
            }
            DeValue::Array(items) => Ok(items
                .iter()
                .enumerate()
                .map(|(index, item)| self.convert(item, format!("{pointer}/{index}")))
                .collect()),
            DeValue::Table(table) => Ok(self.table(table, &pointer)),
        };
        self.spans.values.insert(pointer.clone(), range.clone());
        converted.unwrap_or_else(|message| {
            let fault = Fault { code: "unusable_value", message: message.to_owned(), range };
            self.unusable.push((pointer, fault));
            Value::Null
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_and_value_has_its_place() {
        let text = "a = 0x1F\n[b.\"c/d\"]\nx = [1, \"two\"]\n[[e]]\ny = true\n[[e]]\ny = 1_000\n";
        let document = Document::parse(text);
        assert_eq!(
            document.value,
            serde_json::json!({
                "a": 31, "b": {"c/d": {"x": [1, "two"]}}, "e": [{"y": true}, {"y": 1000}]
            })
        );
        let spans = &document.spans;
        assert_eq!(&text[spans.value("/b/c~1d/x/1")], "\"two\"");
        assert_eq!(&text[spans.key("/b/c~1d/x")], "x");
        assert_eq!(&text[spans.value("/e/1/y")], "1_000");
        assert_eq!(&text[spans.key("/e/1")], "[[e]]");
        assert_eq!(spans.key("/e/1").start, text.rfind("[[e]]").unwrap());
        assert_eq!(&text[spans.value("/e/1/missing")], "[[e]]");
        assert_eq!(last_key("/b/c~1d"), "c/d");
        assert_eq!(spans.value("/missing"), 0..0);
    }

    #[test]
    fn all_syntax_errors_are_found() {
        let document = Document::parse("a = \nb = 1\nc = = 2\nb = 3\n");
        assert!(document.syntax.len() >= 3, "{:?}", document.syntax);
    }

    #[test]
    fn values_without_a_meaning_are_found() {
        let document = Document::parse("a = nan\nb = 2026-01-01\nc = 99999999999999999999\n");
        assert_eq!(document.unusable.len(), 3);
        assert_eq!(document.value["a"], Value::Null);
    }
}
