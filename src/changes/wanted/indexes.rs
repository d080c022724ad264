//! Indexes: as at the source, as the plan file says, or as the target can have them.

use std::collections::BTreeMap;

use super::{Making, index_text};
use crate::changes::abilities::Abilities;
use crate::changes::indexes::{IndexFit, KEPT_IN, index_for, portable};
use crate::model::{Collection, Index, IndexRule, IndexRules, IndexSetting};

/// Parameters that stand beside `params` and not in it.
const TOP_LEVEL: &[&str] = &[
    "json_path",
    "json_cast_type",
    "json_cast_function",
    "mmap.enabled",
    "warmup",
    "load_priority",
];

impl Making<'_> {
    pub(super) fn indexes(&mut self, rules: &IndexRules, abilities: &Abilities) {
        let from = &self.source.collection;
        for name in rules.fields.keys() {
            if from.indexed_field(name).is_none() {
                self.no_such_field("index_field_missing", "indexes", name);
            }
        }
        let rule_of = |field: &str| rules.fields.get(field).unwrap_or(&rules.all);
        let (mut wanted, mut indexes) = (Vec::new(), Vec::new());
        let before: Vec<Index> = from.indexes.iter().map(portable).collect();
        for index in &before {
            match rule_of(&index.field) {
                IndexRule::Given(_) => {}
                IndexRule::None => self.set(&attribute(index), &index_text(index), "none"),
                IndexRule::Auto => wanted.push((Some(index), auto(index, from))),
                // Milvus Lite 2 describes its own with parameters that nobody may give.
                IndexRule::Keep if is_auto(index, from) => {
                    wanted.push((Some(index), auto(index, from)));
                }
                IndexRule::Keep => wanted.push((Some(index), index.clone())),
            }
        }
        for (field, rule) in &rules.fields {
            if from.indexed_field(field).is_none() {
                continue;
            }
            let before = before.iter().find(|index| index.field == *field);
            match rule {
                // What the plan file says is not replaced by anything else.
                IndexRule::Given(setting) => {
                    let index = portable(&given(field, setting, before));
                    let old = before.map_or_else(|| "none".to_owned(), index_text);
                    self.set(&attribute(&index), &old, &index_text(&index));
                    indexes.push(index);
                }
                IndexRule::Auto if before.is_none() => {
                    let index = Index {
                        name: String::new(),
                        field: field.clone(),
                        params: BTreeMap::from([("index_type".to_owned(), "AUTOINDEX".to_owned())]),
                    };
                    wanted.push((None, index));
                }
                _ => {}
            }
        }
        for (before, index) in wanted {
            let index = self.fitted(index, abilities);
            let old = before.map_or_else(|| "none".to_owned(), index_text);
            self.set(&attribute(&index), &old, &index_text(&index));
            indexes.push(index);
        }
        indexes.sort_by(|a, b| (&a.field, &a.name).cmp(&(&b.field, &b.name)));
        self.collection.indexes = indexes;
        self.index_names_are_unique();
    }

    fn index_names_are_unique(&mut self) {
        let mut seen = std::collections::BTreeSet::new();
        let named = self.collection.indexes.iter().filter(|index| !index.name.is_empty());
        let twice: Vec<Index> = named.filter(|index| !seen.insert(&index.name)).cloned().collect();
        for index in twice {
            let what = format!("two indexes would have the name {:?}", index.name);
            let advice = "give one of them another `name` under `indexes`";
            self.error("index_name_taken", Some(&index.field), what, advice);
        }
    }

    /// Milvus loads no collection with a vector that has no index. What is not loaded cannot be
    /// counted, so that nobody would know whether all rows are there.
    pub(super) fn vectors_without_index(&mut self, abilities: &Abilities) {
        if !abilities.keeps_details || self.in_use || self.source.is_unread() {
            return;
        }
        for name in without_index(&self.collection) {
            let what = format!(
                "the vector {name:?} would have no index: the target could not be loaded, and its \
                 rows not be counted"
            );
            let advice = "keep the source's with `indexes`, give another, or say \"auto\"";
            self.error("vector_not_indexed", Some(&name), what, advice);
        }
    }

    /// The index as the target can have it. One that it cannot have stays as it is: that it lacks
    /// it is found with everything else that the target lacks.
    fn fitted(&mut self, index: Index, abilities: &Abilities) -> Index {
        let from = &self.source.collection;
        let Some(field) = from.indexed_field(&index.field) else { return index };
        match index_for(abilities, &index, field) {
            IndexFit::Same | IndexFit::Lacking(_) => index,
            IndexFit::Mapped { index: other, why } | IndexFit::Auto { index: other, why } => {
                let what = format!(
                    "the index {} becomes {}: {why}",
                    index_text(&index),
                    index_text(&other)
                );
                let advice = "choose another one with `indexes` in the plan file";
                self.warn("index_replaced", Some(&index.field), what, advice);
                other
            }
            IndexFit::Without { index: other, why } => {
                let what = format!("the index {} is made {why}", index_text(&index));
                let advice = "choose another one with `indexes` in the plan file";
                self.warn("index_replaced", Some(&index.field), what, advice);
                other
            }
        }
    }
}

/// The vectors that have no index.
pub fn without_index(collection: &Collection) -> Vec<String> {
    let indexed = |name: &str| collection.indexes.iter().any(|index| index.field == name);
    let fields = collection.fields.iter().map(|field| (field, field.name.clone()));
    let inner = collection.struct_fields.iter().flat_map(|of| {
        of.fields.iter().map(|field| {
            // Servers describe it as it is, or as `struct[field]`.
            let is_whole = field.name.contains('[');
            let whole = || format!("{}[{}]", of.name, field.name);
            (field, if is_whole { field.name.clone() } else { whole() })
        })
    });
    fields
        .chain(inner)
        .filter(|(field, name)| {
            field.data_type.is_vector() && !indexed(name) && !indexed(&field.name)
        })
        .map(|(_, name)| name)
        .collect()
}

/// The name of the override.
fn attribute(index: &Index) -> String {
    match index.params.get("json_path") {
        Some(path) => format!("index {} {path}", index.field),
        None => format!("index {}", index.field),
    }
}

/// Whether the server chose how a vector is indexed: of such an index a metric can be asked for, and
/// how it is kept.
fn is_auto(index: &Index, from: &Collection) -> bool {
    index.params.get("index_type").is_some_and(|kind| kind.eq_ignore_ascii_case("AUTOINDEX"))
        && is_on_vector(index, from)
}

fn is_on_vector(index: &Index, from: &Collection) -> bool {
    from.indexed_field(&index.field).is_some_and(|field| field.data_type.is_vector())
}

/// `AUTOINDEX`, with the metric of what was there and how that is kept.
fn auto(index: &Index, from: &Collection) -> Index {
    let kept = if is_on_vector(index, from) { KEPT_IN } else { TOP_LEVEL };
    let mut params = index.settings();
    params.retain(|name, _| name == "metric_type" || kept.contains(&name.as_str()));
    params.insert("index_type".to_owned(), "AUTOINDEX".to_owned());
    Index { name: index.name.clone(), field: index.field.clone(), params }
}

fn given(field: &str, setting: &IndexSetting, before: Option<&Index>) -> Index {
    let mut params = BTreeMap::from([("index_type".to_owned(), setting.index_type.clone())]);
    let metric = setting
        .metric_type
        .clone()
        .or_else(|| before.and_then(|index| index.params.get("metric_type").cloned()));
    params.extend(metric.map(|metric| ("metric_type".to_owned(), metric)));
    let mut inner = serde_json::Map::new();
    for (name, value) in &setting.params {
        if TOP_LEVEL.contains(&name.as_str()) {
            params.insert(name.clone(), value.clone());
        } else {
            // Numbers as numbers: `{"M": 16}`.
            let value = serde_json::from_str(value)
                .ok()
                .filter(|value: &serde_json::Value| value.is_number() || value.is_boolean())
                .unwrap_or_else(|| value.clone().into());
            inner.insert(name.clone(), value);
        }
    }
    let same_type = before.filter(|index| {
        let before = index.params.get("index_type");
        before.is_some_and(|kind| kind.eq_ignore_ascii_case(&setting.index_type))
    });
    if let Some(kept) = same_type.and_then(|index| index.params.get("params"))
        && inner.is_empty()
    {
        // Another metric or name for an index is no reason to forget how it is built.
        params.insert("params".to_owned(), kept.clone());
    }
    if !inner.is_empty() {
        params.insert("params".to_owned(), serde_json::Value::Object(inner).to_string());
    }
    Index { name: setting.name.clone().unwrap_or_default(), field: field.to_owned(), params }
}
