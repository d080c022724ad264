//! What the parameters of a field's analyzers say.

use std::collections::BTreeSet;

use serde_json::Value;

use super::Field;

/// Type parameters with the parameters of analyzers, as JSON.
const ANALYZERS: [&str; 2] = ["analyzer_params", "multi_analyzer_params"];

impl Field {
    /// The uploaded files that its analyzers name (3.0):
    /// `{"type": "remote", "resource_name": …, "file_name": …}`, wherever it stands in their parameters.
    pub fn file_resources(&self) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        for params in ANALYZERS.iter().filter_map(|name| self.type_params.get(*name)) {
            if let Ok(parsed) = serde_json::from_str(params) {
                named_within(&parsed, &mut found);
            }
        }
        found
    }
}

fn named_within(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) => {
            let text = |name: &str| members.get(name).and_then(Value::as_str);
            if let (Some("remote"), Some(name)) = (text("type"), text("resource_name")) {
                found.insert(name.to_owned());
            }
            for member in members.values() {
                named_within(member, found);
            }
        }
        Value::Array(items) => {
            for item in items {
                named_within(item, found);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use crate::model::DataType;
    use crate::model::samples::field;

    #[test]
    fn files_of_analyzers_are_found_wherever_they_are_named() {
        let mut text = field("text", DataType::VARCHAR);
        let file = |name: &str| {
            format!(r#"{{"type": "remote", "resource_name": "{name}", "file_name": "f.txt"}}"#)
        };
        let params = format!(
            r#"{{"tokenizer": {{"type": "jieba", "extra_dict_file": {}}}, "filter": [
                {{"type": "stop", "stop_words_file": {}}},
                {{"type": "synonym", "synonyms_file": {{"type": "local", "path": "/s"}}}}]}}"#,
            file("dict"),
            file("stops")
        );
        text.type_params.insert("analyzer_params".to_owned(), params);
        let by_language = format!(r#"{{"analyzers": {{"en": {{"a": {}}}}}}}"#, file("english"));
        text.type_params.insert("multi_analyzer_params".to_owned(), by_language);
        let names: Vec<String> = text.file_resources().into_iter().collect();
        assert_eq!(names, ["dict", "english", "stops"]);
        text.type_params = [("analyzer_params".to_owned(), "no json".to_owned())].into();
        assert!(text.file_resources().is_empty());
    }
}
