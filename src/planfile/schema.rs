//! JSON Schemas of the plan file, generated from the types of `file.rs`.
//!
//! There are two. The one for checking sees the file after templates are rendered. The published
//! one, for editors, sees it before, and so admits a template wherever something other than text
//! is expected.

mod check;

use std::collections::BTreeSet;
use std::sync::LazyLock;

use schemars::Schema;
use schemars::generate::SchemaSettings;
use schemars::transform::{Transform, transform_subschemas};
use serde_json::{Map, Value, json};

pub(super) use check::check;

use super::file::PlanFile;

/// The schema that rendered plan files are checked against.
pub(super) static CHECK: LazyLock<Value> = LazyLock::new(generate);

/// Every key of a plan file, wherever it belongs.
pub(super) static KEYS: LazyLock<BTreeSet<String>> = LazyLock::new(|| {
    let mut keys = BTreeSet::new();
    collect_keys(&CHECK, &mut keys);
    keys
});

fn collect_keys(schema: &Value, keys: &mut BTreeSet<String>) {
    match schema {
        Value::Object(object) => {
            if let Some(Value::Object(properties)) = object.get("properties") {
                keys.extend(properties.keys().cloned());
            }
            object.values().for_each(|inner| collect_keys(inner, keys));
        }
        Value::Array(items) => items.iter().for_each(|item| collect_keys(item, keys)),
        _ => {}
    }
}

/// The schema to publish for editors, draft-07 because that is what most of them read.
pub fn published() -> Value {
    let mut schema = generate();
    if let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) {
        for (key, property) in properties {
            // These are read before templates are.
            if !matches!(key.as_str(), "version" | "include" | "inputs" | "vars" | "env") {
                admit_templates(property);
            }
        }
    }
    schema
}

fn generate() -> Value {
    let settings = SchemaSettings::draft07().with(|settings| settings.inline_subschemas = true);
    let mut schema = settings.into_generator().into_root_schema_for::<PlanFile>();
    Tidy.transform(&mut schema);
    schema.to_value()
}

/// Removes what Rust types say and TOML has no word for: `null` and formats such as `int64` and
/// `double`.
struct Tidy;

impl Transform for Tidy {
    fn transform(&mut self, schema: &mut Schema) {
        transform_subschemas(self, schema);
        let Some(object) = schema.as_object_mut() else {
            return;
        };
        if let Some(Value::String(text)) = object.get_mut("description") {
            *text = text.replace('\n', " ");
        }
        if object.get("format").is_some_and(|format| {
            format.as_str().is_some_and(|format| {
                ["int", "uint", "double"].iter().any(|of| format.starts_with(of))
            })
        }) {
            object.remove("format");
        }
        if let Some(Value::Array(types)) = object.get_mut("type") {
            types.retain(|kind| kind != "null");
            if let [only] = types.as_slice() {
                let only = only.clone();
                object.insert("type".to_owned(), only);
            }
        }
        if let Some(Value::Array(branches)) = object.get_mut("anyOf") {
            branches.retain(|branch| branch.get("type").is_none_or(|kind| kind != "null"));
            if let [Value::Object(only)] = branches.as_slice() {
                let only = only.clone();
                object.remove("anyOf");
                for (key, value) in only {
                    object.entry(key).or_insert(value);
                }
            }
        }
        if object.get("const").is_some_and(Value::is_i64) {
            object.insert("type".to_owned(), json!("integer"));
        }
    }
}

/// Lets every value that is not a table, a list or free text be a template as well.
fn admit_templates(schema: &mut Value) {
    let Some(object) = schema.as_object_mut() else {
        return;
    };
    if let Some(Value::Object(properties)) = object.get_mut("properties") {
        properties.values_mut().for_each(admit_templates);
        return;
    }
    if let Some(inner @ Value::Object(_)) = object.get_mut("additionalProperties") {
        admit_templates(inner);
        return;
    }
    if let Some(items) = object.get_mut("items") {
        admit_templates(items);
        return;
    }
    let admits_text = object.get("type").is_some_and(|kind| match kind {
        Value::Array(kinds) => kinds.iter().any(|kind| kind == "string"),
        kind => kind == "string",
    });
    let free_text = admits_text
        && !["pattern", "enum", "const"].iter().any(|limit| object.contains_key(*limit));
    if free_text {
        return;
    }
    let template = json!({ "type": "string", "pattern": "\\{[{%].*[%}]\\}" });
    if let Some(Value::Array(branches)) = object.get_mut("anyOf") {
        for branch in branches.iter_mut() {
            let is_table = branch.get("additionalProperties").is_some_and(Value::is_object);
            if branch.get("properties").is_some() || is_table {
                admit_templates(branch);
            }
        }
        branches.push(template);
        return;
    }
    let mut outer = Map::new();
    for about in ["description", "examples"] {
        if let Some(value) = object.remove(about) {
            outer.insert(about.to_owned(), value);
        }
    }
    let plain = Value::Object(std::mem::take(object));
    outer.insert("anyOf".to_owned(), json!([plain, template]));
    *object = outer;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_schema_admits_templates_and_the_other_does_not() {
        let plan = json!({
            "version": 1,
            "source": {"endpoint": "http://a:1", "load": "{{ load }}", "max_load": "{{ load }}"},
            "target": {
                "endpoint": "http://b:1",
                "token": {"env": "{{ prefix }}_TOKEN"},
                "kind": "{{ kind }}",
                "compute_units": "{{ n }}"
            },
            "collections": [{
                "source": "a",
                "dynamic_field": "{{ dynamic }}",
                "partition_key": {"field": "f", "partitions": "{{ n }}"},
                "auto_id": "{{ auto_id }}",
                "existing": "{{ existing }}",
                "shards": "{{ n }}",
                "consistency": "{{ level }}",
                "properties": {"set": {"mmap.enabled": "{{ mmap }}"}},
                "indexes": {
                    "a": "{{ index }}",
                    "b": {"type": "{{ kind }}", "params": {"M": "{{ n }}"}}
                },
                "load": "{{ load }}",
                "aliases": ["{{ name }}_live"],
                "move_aliases": "{{ move }}",
                "partitions": {"select": ["{{ year }}*"], "merge": "{{ merge }}"},
                "fields": {"title": {"max_length": "{{ n }}", "mmap": "{{ mmap }}"}}
            }],
            "verify": {
                "content": "{{ content }}",
                "sample_rows": "{{ n }}",
                "search": {"min_overlap": "{{ overlap }}"}
            },
            "copy": {
                "parallelism": "{{ n * 2 }}",
                "memory_limit": "{{ n }}MiB",
                "max_write_rate": "{{ n }}MB/s",
                "max_rejected_rows": "{{ n }}"
            }
        });
        let published = jsonschema::validator_for(&published()).unwrap();
        let errors: Vec<_> = published.iter_errors(&plan).map(|e| e.to_string()).collect();
        assert!(errors.is_empty(), "{errors:?}");
        let checking = jsonschema::validator_for(&CHECK).unwrap();
        assert_eq!(checking.iter_errors(&plan).count(), 24);
    }

    #[test]
    fn a_template_is_no_way_around_the_published_schema() {
        let published = jsonschema::validator_for(&published()).unwrap();
        let with_token = |token: Value| {
            json!({
                "version": 1,
                "source": {"endpoint": "http://a:1", "token": token},
                "target": {"endpoint": "http://b:1"},
                "collections": [{"source": "a"}]
            })
        };
        assert!(published.is_valid(&with_token(json!({"env": "A_TOKEN"}))));
        assert!(!published.is_valid(&with_token(json!("literal"))));
        assert!(!published.is_valid(&with_token(json!("{{ token }}"))));
        assert!(!published.is_valid(&with_token(json!({"env": "literal"}))));
    }

    #[test]
    fn every_key_is_documented_its_examples_are_valid_and_nothing_is_null() {
        fn walk(schema: &Value, path: &str) {
            if let Some(properties) = schema.get("properties").and_then(Value::as_object) {
                for (key, property) in properties {
                    let path = format!("{path}.{key}");
                    let description = property["description"].as_str().unwrap_or_default();
                    assert!(!description.is_empty(), "{path}");
                    let examples = property.get("examples").and_then(Value::as_array);
                    let validator = jsonschema::validator_for(property).unwrap();
                    for example in examples.into_iter().flatten() {
                        assert!(validator.is_valid(example), "{path}: {example}");
                    }
                    walk(property, &path);
                }
            }
            for part in ["items", "additionalProperties"] {
                if let Some(inner) = schema.get(part) {
                    walk(inner, path);
                }
            }
            for branch in schema.get("anyOf").and_then(Value::as_array).into_iter().flatten() {
                walk(branch, path);
            }
        }
        walk(&published(), "");
        assert!(!published().to_string().contains("\"null\""));
        assert!(!published().to_string().contains("$ref"));
    }
}
