//! The attributes in which two collections differ, named. Pure.

use std::collections::BTreeMap;

use crate::model::{Collection, Field, Function, Index, StructField};

/// What an attribute is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Weight {
    /// Rows could be refused or changed by it.
    Rows,
    /// It describes, or changes how the server treats the rows.
    Attribute,
    /// How the server spreads the rows: it may have its own mind about that.
    Sizing,
}

/// An attribute in which two collections differ.
#[derive(Debug, Clone)]
pub(super) struct Difference {
    /// `description`, `field "t" type`, `property mmap.enabled`, …
    pub(super) name: String,
    text: String,
    pub(super) weight: Weight,
    /// The property that it is about; the others cannot be altered in place.
    pub(super) property: Option<String>,
}

pub(super) fn list(differences: &[Difference]) -> Option<String> {
    let texts: Vec<&str> = differences.iter().map(|difference| difference.text.as_str()).collect();
    (!texts.is_empty()).then(|| texts.join("; "))
}

/// Names the attributes in which `is` differs from `should`. `details` compares also what only
/// describes: descriptions, shards, partition count, consistency, properties.
pub(super) fn differences(should: &Collection, is: &Collection, details: bool) -> Vec<Difference> {
    let mut found = Found(Vec::new());
    found.rows("dynamic_field", should.dynamic_field.to_string(), is.dynamic_field.to_string());
    for field in &should.fields {
        match is.field(&field.name) {
            None => {
                found.rows(format!("field {:?}", field.name), field.type_text(), "missing".into());
            }
            Some(have) => found.fields(&format!("field {:?}", field.name), field, have, details),
        }
    }
    for field in is.fields.iter().filter(|field| should.field(&field.name).is_none()) {
        found.rows(format!("field {:?}", field.name), "there".into(), field.type_text());
    }
    found.structs(should, is, details);
    found.functions(should, is);
    if details {
        found.details(should, is);
    }
    found.0
}

struct Found(Vec<Difference>);

impl Found {
    #[expect(clippy::needless_pass_by_value, reason = "every caller makes the texts for it")]
    fn note(&mut self, weight: Weight, name: impl Into<String>, should: String, is: String) {
        if should != is {
            let name = name.into();
            let text = format!("{name} is {is}, not {should}");
            self.0.push(Difference { name, text, weight, property: None });
        }
    }

    fn rows(&mut self, name: impl Into<String>, should: String, is: String) {
        self.note(Weight::Rows, name, should, is);
    }

    fn attribute(&mut self, name: impl Into<String>, should: String, is: String) {
        self.note(Weight::Attribute, name, should, is);
    }

    fn details(&mut self, should: &Collection, is: &Collection) {
        let quoted = |text: &str| format!("{text:?}");
        self.attribute("description", quoted(&should.description), quoted(&is.description));
        if should.shards > 0 {
            let (should, is) = (should.shards.to_string(), is.shards.to_string());
            self.note(Weight::Sizing, "shards", should, is);
        }
        let (level, have) = (should.consistency.to_string(), is.consistency.to_string());
        self.note(Weight::Sizing, "consistency", level, have);
        if let Some(count @ 1..) = should.num_partitions {
            let have = is.num_partitions.unwrap_or(0);
            let name = "number of partitions";
            self.note(Weight::Sizing, name, count.to_string(), have.to_string());
        }
        let before = self.0.len();
        self.params("property ", &should.properties, &is.properties);
        for difference in &mut self.0[before..] {
            difference.property = difference.name.strip_prefix("property ").map(str::to_owned);
        }
    }

    /// Parameters that should be there; others may be.
    fn params(
        &mut self,
        prefix: &str,
        should: &BTreeMap<String, String>,
        is: &BTreeMap<String, String>,
    ) {
        for (key, value) in should {
            match is.get(key) {
                Some(have) if same_value(value, have) => {}
                have => {
                    let have = have.cloned().unwrap_or_else(|| "missing".to_owned());
                    self.attribute(format!("{prefix}{key}"), value.clone(), have);
                }
            }
        }
    }

    fn fields(&mut self, of: &str, should: &Field, is: &Field, details: bool) {
        let name = |attribute: &str| format!("{of} {attribute}");
        let takes_all = takes_all_values(should, is);
        if details || !takes_all {
            let weight = if takes_all { Weight::Attribute } else { Weight::Rows };
            self.note(weight, name("type"), should.type_text(), is.type_text());
        }
        for (attribute, should, is) in [
            ("primary_key", should.primary_key, is.primary_key),
            ("auto_id", should.auto_id, is.auto_id),
            ("partition_key", should.partition_key, is.partition_key),
            ("nullable", should.nullable, is.nullable),
            ("function_output", should.function_output, is.function_output),
        ] {
            self.rows(name(attribute), should.to_string(), is.to_string());
        }
        if !details {
            return;
        }
        let (clustering, have) = (should.clustering_key, is.clustering_key);
        self.attribute(name("clustering_key"), clustering.to_string(), have.to_string());
        let (text, have) = (&should.description, &is.description);
        self.attribute(name("description"), format!("{text:?}"), format!("{have:?}"));
        let default = |field: &Field| match &field.default_value {
            Some(value) => format!("{:02x?}", value.0),
            None => "none".to_owned(),
        };
        self.attribute(name("default value"), default(should), default(is));
        let mut params = should.type_params.clone();
        // Said with the type.
        params.retain(|key, _| !["dim", "max_length", "max_capacity"].contains(&key.as_str()));
        self.params(&format!("{of} "), &params, &is.type_params);
    }

    fn structs(&mut self, should: &Collection, is: &Collection, details: bool) {
        let text = |of: &StructField| {
            let nullable = if of.nullable { ", nullable" } else { "" };
            let fields: Vec<String> = of
                .fields
                .iter()
                .map(|field| format!("{} {}", short_name(&of.name, field), field.type_text()))
                .collect();
            format!("struct of {}{nullable}", fields.join(", "))
        };
        for of in &should.struct_fields {
            let name = format!("field {:?}", of.name);
            let Some(have) = is.struct_fields.iter().find(|have| have.name == of.name) else {
                self.rows(name, text(of), "missing".into());
                continue;
            };
            self.rows(name.clone(), text(of), text(have));
            if details {
                let (should, is) = (&of.description, &have.description);
                let name = format!("{name} description");
                self.attribute(name, format!("{should:?}"), format!("{is:?}"));
            }
        }
        for of in &is.struct_fields {
            if !should.struct_fields.iter().any(|have| have.name == of.name) {
                self.rows(format!("field {:?}", of.name), "not there".into(), text(of));
            }
        }
    }

    fn functions(&mut self, should: &Collection, is: &Collection) {
        let text = |function: &Function| {
            let (inputs, outputs) = (function.inputs.join(", "), function.outputs.join(", "));
            format!("{} from {inputs} to {outputs}", function.kind)
        };
        for function in &should.functions {
            let name = format!("function {:?}", function.name);
            match is.functions.iter().find(|have| have.name == function.name) {
                None if is_untold(function, is) => {}
                None => self.rows(name, text(function), "missing".into()),
                Some(have) => {
                    self.rows(name.clone(), text(function), text(have));
                    self.params(&format!("{name} "), &function.params, &have.params);
                }
            }
        }
        for function in &is.functions {
            if !should.functions.iter().any(|have| have.name == function.name) {
                let name = format!("function {:?}", function.name);
                self.rows(name, "not there".into(), text(function));
            }
        }
    }
}

/// Whether a server says of a function's outputs that they are computed, and not by what: Milvus
/// Lite 2 has functions and does not describe them.
fn is_untold(function: &Function, is: &Collection) -> bool {
    let untold = |field: &Field| field.function_output && is.function_of(&field.name).is_none();
    !function.outputs.is_empty()
        && function.outputs.iter().all(|name| is.field(name).is_some_and(untold))
}

/// The name of a struct's field; servers describe it as it is, or as `struct[field]`.
fn short_name<'a>(of: &str, field: &'a Field) -> &'a str {
    let inner = field.name.strip_prefix(of).and_then(|rest| rest.strip_prefix('['));
    inner.and_then(|rest| rest.strip_suffix(']')).unwrap_or(&field.name)
}

/// Whether every value of one field fits into the other: the type is the same and no limit is
/// lower. A server that tells no limit, as Milvus Lite does for texts in arrays, has none.
fn takes_all_values(should: &Field, is: &Field) -> bool {
    let kind = |field: &Field| (field.data_type, field.element_type, field.numeric_param("dim"));
    let limit = |field: &Field, name| field.numeric_param(name).unwrap_or(u64::MAX);
    kind(should) == kind(is)
        && ["max_length", "max_capacity"]
            .into_iter()
            .all(|name| limit(is, name) >= limit(should, name))
}

/// Whether two texts are one value: servers change the case of booleans and the spaces of JSON.
fn same_value(one: &str, other: &str) -> bool {
    if one == other {
        return true;
    }
    if ["true", "false"].iter().any(|word| one.eq_ignore_ascii_case(word)) {
        return one.eq_ignore_ascii_case(other);
    }
    let json = |text: &str| serde_json::from_str::<serde_json::Value>(text).ok();
    matches!((json(one), json(other)), (Some(one), Some(other)) if one == other)
}

/// What an index is on, by which it is known: a field, or a path of a JSON field.
pub fn place(index: &Index) -> (&str, Option<&str>) {
    (&index.field, index.params.get("json_path").map(String::as_str))
}

/// In what an index differs from what it should be, as far as the latter says. A server may add
/// parameters, and repeat those in `params` beside it.
pub fn index_difference(should: &Index, is: &Index) -> Option<String> {
    let have = settings(is);
    let mut wrong: Vec<String> = settings(should)
        .into_iter()
        .filter(|(name, value)| !have.get(name).is_some_and(|other| same_value(value, other)))
        .map(|(name, value)| {
            let other = have.get(&name).map_or("missing", String::as_str);
            format!("{name} is {other}, not {value}")
        })
        .collect();
    if !should.name.is_empty() && should.name != is.name {
        wrong.push(format!("name is {:?}, not {:?}", is.name, should.name));
    }
    (!wrong.is_empty()).then(|| wrong.join(", "))
}

/// The indexes that are there and otherwise than they should be, named.
pub(super) fn other_indexes(should: &Collection, is: &Collection) -> Option<String> {
    let texts: Vec<String> = should
        .indexes
        .iter()
        .filter_map(|index| {
            let have = is.indexes.iter().find(|have| place(have) == place(index))?;
            Some(format!("index on {}: {}", index.field, index_difference(index, have)?))
        })
        .collect();
    (!texts.is_empty()).then(|| texts.join("; "))
}

/// Every parameter of an index by itself.
fn settings(index: &Index) -> BTreeMap<String, String> {
    let mut settings = index.params.clone();
    let inner = settings.remove("params").unwrap_or_default();
    let members: serde_json::Map<String, serde_json::Value> =
        serde_json::from_str(&inner).unwrap_or_default();
    for (name, value) in members {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        settings.entry(name).or_insert(text);
    }
    settings.retain(|_, value| !value.is_empty());
    settings
}

/// Those of the differences by which rows could be refused or changed.
pub(super) fn essential(mut differences: Vec<Difference>) -> Vec<Difference> {
    differences.retain(|difference| difference.weight == Weight::Rows);
    differences
}

/// The attributes in which a collection, described right after it was made, differs from what was
/// asked for: first those for which it must not be filled, then those that are told. `details`: the
/// server is known to keep what only describes.
pub fn not_kept(
    wanted: &Collection,
    created: &Collection,
    details: bool,
) -> (Vec<String>, Vec<String>) {
    let (failing, told): (Vec<_>, Vec<_>) = differences(wanted, created, true)
        .into_iter()
        .partition(|difference| match difference.weight {
            Weight::Rows => true,
            Weight::Attribute => details,
            Weight::Sizing => false,
        });
    let texts = |list: Vec<Difference>| list.into_iter().map(|d| d.text).collect();
    (texts(failing), texts(told))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::samples::{collection, field};
    use crate::model::{DataType, FunctionKind};

    fn index(params: &[(&str, &str)]) -> Index {
        let params = params.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        Index { name: String::new(), field: "v".to_owned(), params }
    }

    #[test]
    fn what_a_server_adds_to_an_index_or_writes_otherwise_is_no_difference() {
        let should =
            index(&[("index_type", "HNSW"), ("metric_type", "L2"), ("params", r#"{"M": 16}"#)]);
        let flat = [("index_type", "HNSW"), ("metric_type", "L2"), ("M", "16"), ("x", "y")];
        assert_eq!(index_difference(&should, &index(&flat)), None);
        let other = [("index_type", "HNSW"), ("metric_type", "L2"), ("params", r#"{"M":"16"}"#)];
        assert_eq!(index_difference(&should, &index(&other)), None);
        let wrong = [("index_type", "HNSW"), ("metric_type", "IP"), ("M", "8")];
        let said = index_difference(&should, &index(&wrong)).unwrap();
        assert_eq!(said, "M is 8, not 16, metric_type is IP, not L2");
    }

    #[test]
    fn a_function_is_missing_unless_its_output_is_said_to_be_computed() {
        let terms = field("terms", DataType::SPARSE_FLOAT_VECTOR);
        let fields =
            vec![field("text", DataType::VARCHAR), Field { function_output: true, ..terms }];
        let mut should = collection("texts", fields);
        should.functions.push(Function {
            name: "by_terms".to_owned(),
            description: String::new(),
            kind: FunctionKind::BM25,
            inputs: vec!["text".to_owned()],
            outputs: vec!["terms".to_owned()],
            params: BTreeMap::new(),
        });
        let mut is = should.clone();
        is.functions.clear();
        assert!(differences(&should, &is, true).is_empty());
        is.fields.last_mut().unwrap().function_output = false;
        let found = differences(&should, &is, true);
        let names: Vec<_> = found.iter().map(|found| found.name.as_str()).collect();
        assert_eq!(names, ["field \"terms\" function_output", "function \"by_terms\""]);
        is.fields.pop();
        assert_eq!(differences(&should, &is, true).len(), 2);
    }

    #[test]
    fn values_are_compared_as_what_they_are() {
        assert!(same_value("True", "true"));
        assert!(same_value(r#"{"type": "english"}"#, r#"{"type":"english"}"#));
        assert!(!same_value("1", "2"));
        assert!(!same_value("true", "yes"));
    }
}
