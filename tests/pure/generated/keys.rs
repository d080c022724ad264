//! The reference of the plan file in the README, made from its JSON Schema.

use std::fmt::Write;

use serde_json::Value;

/// The parts of a plan file that have a table, by their key.
const TABLES: [(&str, &str); 8] = [
    ("", "Top level"),
    ("source", "`[source]`"),
    ("target", "`[target]`"),
    (COLLECTIONS, "`[[collections]]`, and `[defaults]` for all of them"),
    ("verify", "`[verify]`"),
    ("copy", "`[copy]`"),
    ("policy", "`[policy]`"),
    ("inputs", "`[inputs.NAME]`"),
];

/// Other keys, of which the table of the top level says everything.
const VALUES: [&str; 6] = ["version", "name", "vars", "env", "defaults", "include"];

const COLLECTIONS: &str = "collections";

/// One table for each part of a plan file: every key, what it takes, and what for.
pub(crate) fn tables(schema: &Value) -> String {
    for (key, _) in properties(schema) {
        let is_known =
            VALUES.contains(&key.as_str()) || TABLES.iter().any(|(table, _)| table == key);
        assert!(is_known, "no table says what `{key}` is");
    }
    let mut text = String::new();
    for (key, heading) in TABLES {
        let mut rows = String::new();
        if key.is_empty() {
            for (key, value) in properties(schema) {
                row(&mut rows, key, value, &needed(schema, key));
            }
        } else if let Some(table) = schema["properties"].get(key) {
            let each = table.get("items").or_else(|| table.get("additionalProperties"));
            let table = each.filter(|each| each.is_object()).unwrap_or(table);
            for (name, value) in properties(table) {
                let mut more = needed(table, name);
                let defaults = &schema["properties"]["defaults"]["properties"];
                if key == COLLECTIONS && defaults.get(name).is_none() {
                    more += " Not in `[defaults]`.";
                }
                below(&mut rows, name, value, &more);
            }
        }
        if !rows.is_empty() {
            let _ = write!(text, "\n**{heading}**\n\n| key | values | |\n|---|---|---|\n{rows}");
        }
    }
    text.trim().to_owned()
}

fn needed(table: &Value, key: &str) -> String {
    let needed = table["required"].as_array().into_iter().flatten().any(|name| name == key);
    if needed { " Has to be given.".to_owned() } else { String::new() }
}

fn properties(schema: &Value) -> impl Iterator<Item = (&String, &Value)> {
    schema["properties"].as_object().into_iter().flatten()
}

/// The row of a key, and those of the keys below it.
fn below(rows: &mut String, key: &str, schema: &Value, more: &str) {
    row(rows, key, schema, more);
    for schema in alternatives(schema) {
        if is_credential(schema) {
            continue;
        }
        for (name, value) in properties(schema) {
            below(rows, &format!("{key}.{name}"), value, &needed(schema, name));
        }
        for schema in schema.get("additionalProperties").into_iter().flat_map(alternatives) {
            for (name, value) in properties(schema) {
                below(rows, &format!("{key}.NAME.{name}"), value, &needed(schema, name));
            }
        }
    }
}

fn row(rows: &mut String, key: &str, schema: &Value, more: &str) {
    let told =
        schema["description"].as_str().unwrap_or_else(|| panic!("`{key}` has no description"));
    let told = told.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|");
    let values = values(schema).join(", ");
    let _ = writeln!(rows, "| `{key}` | {values} | {told}{more} |");
}

/// The schemas of which a value fits one; a template, which may stand for any value, is none.
fn alternatives(schema: &Value) -> Vec<&Value> {
    match schema.get("anyOf").or_else(|| schema.get("oneOf")).and_then(Value::as_array) {
        Some(some) => some.iter().flat_map(alternatives).collect(),
        None if pattern(schema).starts_with(r"\{[{%]") => Vec::new(),
        None => vec![schema],
    }
}

fn pattern(schema: &Value) -> &str {
    schema["pattern"].as_str().unwrap_or_default()
}

fn is_credential(schema: &Value) -> bool {
    properties(schema).map(|(key, _)| key).eq(["env"])
}

fn values(schema: &Value) -> Vec<String> {
    let mut values: Vec<String> = Vec::new();
    for schema in alternatives(schema) {
        let value = value(schema);
        if !values.contains(&value) {
            values.push(value);
        }
    }
    values
}

fn value(schema: &Value) -> String {
    if let Some(value) = schema.get("const") {
        return format!("`{value}`");
    }
    if let Some(values) = schema["enum"].as_array() {
        return values.iter().map(|value| format!("`{value}`")).collect::<Vec<_>>().join(", ");
    }
    if is_credential(schema) {
        return "`{ env = \"NAME\" }`".to_owned();
    }
    match &schema["type"] {
        Value::Array(types) => {
            let types: Vec<_> = types.iter().filter_map(Value::as_str).map(type_name).collect();
            types.join(", ")
        }
        kind => match kind.as_str() {
            Some("boolean") => "`true`, `false`".to_owned(),
            Some(kind @ ("integer" | "number")) => range(schema, kind),
            Some("array") => {
                let of = schema.get("items").map(values).unwrap_or_default();
                if of == ["table"] {
                    "tables".to_owned()
                } else {
                    format!("list of {}", of.join(", "))
                }
            }
            Some("string") => match pattern(schema) {
                found if found.ends_with("/s$") => "rate, such as `\"40MB/s\"`".to_owned(),
                found if found.contains("KiB") => "size, such as `\"64MiB\"`".to_owned(),
                found if found.contains("|h|") => "time, such as `\"1h30m\"`".to_owned(),
                _ => "text".to_owned(),
            },
            Some("object") => "table".to_owned(),
            other => panic!("a type without a name: {other:?} in {schema}"),
        },
    }
}

fn type_name(kind: &str) -> &'static str {
    match kind {
        "boolean" => "`true`, `false`",
        "integer" => "whole number",
        "number" => "number",
        "string" => "text",
        other => panic!("a type without a name: {other}"),
    }
}

fn range(schema: &Value, kind: &str) -> String {
    match (&schema["minimum"], &schema["maximum"]) {
        (Value::Null, Value::Null) => type_name(kind).to_owned(),
        (least, Value::Null) => format!("from {least}"),
        (Value::Null, most) => format!("up to {most}"),
        (least, most) => format!("{least} to {most}"),
    }
}
