//! Indexes, by the names of fields.

use std::collections::BTreeMap;

use super::super::document::child;
use super::super::file::{FieldIndexSetting, IndexTable, IndexWord, IndexesSetting};
use super::collections::Entry;
use super::{Context, names};
use crate::diagnostic::{Diagnostic, Span};
use crate::model::{IndexRule, IndexRules, IndexSetting};

/// The key that stands for every field that is not named.
const OTHERS: &str = "*";

/// Reports what is wrong with one table of indexes.
pub(super) fn check(pointer: &str, setting: Option<&IndexesSetting>, context: &mut Context<'_>) {
    let Some(IndexesSetting::Fields(fields)) = setting else { return };
    let pointer = child(pointer, "indexes");
    for (field, setting) in fields {
        let at = child(&pointer, field);
        let given = match setting {
            FieldIndexSetting::Word(_) => None,
            FieldIndexSetting::Given(table) => Some(table),
        };
        if field == OTHERS {
            if given.is_some() {
                let finding = Diagnostic::error(
                    "index_for_all",
                    "no index fits every field: `\"*\"` takes \"keep\", \"auto\" or \"none\"",
                )
                .help("name the field that is to have this index");
                context.report_key(&at, finding);
            }
        } else if let Some(finding) = named(field).find_map(names::source_field_finding) {
            context.report_key(&at, finding);
        }
        if let Some(table) = given {
            check_index(&at, table, context);
        }
    }
}

/// A field, or one in a struct array field and that: `struct[field]`.
fn named(field: &str) -> impl Iterator<Item = &str> {
    let parts = field.strip_suffix(']').and_then(|inside| inside.split_once('['));
    let (of, inner) = parts.map_or((field, None), |(of, inner)| (of, Some(inner)));
    std::iter::once(of).chain(inner)
}

fn check_index(pointer: &str, table: &IndexTable, context: &mut Context<'_>) {
    for (key, value) in [("type", &table.index_type), ("metric", &table.metric)] {
        if value.as_ref().is_some_and(|value| value.trim().is_empty()) {
            let finding = Diagnostic::error("invalid_value", format!("`{key}` is blank"));
            context.report(&child(pointer, key), finding);
        }
    }
    // Names of indexes may have brackets as well.
    let name = table.name.as_ref().map(|name| name.replace(['[', ']'], "_"));
    if let Some(fault) = name.as_deref().and_then(names::fault) {
        let finding = Diagnostic::error("invalid_name", format!("this name {fault}"))
            .help("leave it out, and the target chooses one");
        context.report(&child(pointer, "name"), finding);
    }
    let params = child(pointer, "params");
    for name in table.params.iter().flat_map(|params| params.keys()) {
        let key = match name.as_str() {
            "index_type" => "type",
            "metric_type" => "metric",
            "index_name" => "name",
            "" => {
                let finding = Diagnostic::error("invalid_name", "the name of a parameter is empty");
                context.report_key(&child(&params, name), finding);
                continue;
            }
            _ => continue,
        };
        let finding =
            Diagnostic::error("misplaced_parameter", format!("`{name}` is no parameter here"))
                .help(format!("write it as `{key} = \"…\"` beside `params`"));
        context.report_key(&child(&params, name), finding);
    }
}

/// What one place says.
#[derive(Debug, Clone, Default, PartialEq)]
struct Said {
    /// Of the fields that are not named.
    others: Option<IndexWord>,
    fields: BTreeMap<String, FieldIndexSetting>,
    /// It is about all fields, whatever else is said of them.
    whole: bool,
}

impl Said {
    fn new(setting: Option<&IndexesSetting>) -> Self {
        match setting {
            None => Self::default(),
            Some(IndexesSetting::Word(word)) => {
                Self { others: Some(*word), fields: BTreeMap::new(), whole: true }
            }
            Some(IndexesSetting::Fields(fields)) => {
                let others = match fields.get(OTHERS) {
                    Some(FieldIndexSetting::Word(word)) => Some(*word),
                    // Refused elsewhere.
                    None | Some(FieldIndexSetting::Given(_)) => None,
                };
                let mut fields = fields.clone();
                fields.remove(OTHERS);
                Self { others, fields, whole: false }
            }
        }
    }

    /// What an entry says over what the defaults say, field by field.
    fn over(self, default: Self) -> Self {
        if self.whole {
            return self;
        }
        let mut fields = default.fields;
        fields.extend(self.fields);
        Self { others: self.others.or(default.others), fields, whole: default.whole }
    }
}

impl Entry<'_> {
    pub(super) fn indexes(&self, context: &mut Context<'_>) -> IndexRules {
        let own = Said::new(self.own.indexes.as_ref());
        let named = own.fields.clone();
        let said = own.over(Said::new(self.defaults.indexes.as_ref()));
        let pointer = |field: &str| {
            let place = if named.contains_key(field) { &self.pointer } else { "/defaults" };
            child(&child(place, "indexes"), field)
        };
        let mut taken: BTreeMap<&str, Span> = BTreeMap::new();
        for (field, setting) in &said.fields {
            let FieldIndexSetting::Given(IndexTable { name: Some(name), .. }) = setting else {
                continue;
            };
            let at = child(&pointer(field), "name");
            match taken.get(name.as_str()) {
                Some(earlier) => {
                    let finding = Diagnostic::error(
                        "same_index_name",
                        format!("two indexes of a collection would have the name `{name}`"),
                    )
                    .related(earlier.clone(), "the other one")
                    .help("give one of them another name");
                    context.report(&at, finding);
                }
                None => {
                    taken.insert(name, context.span(&at));
                }
            }
        }
        IndexRules {
            all: said.others.map(word).unwrap_or_default(),
            fields: said.fields.iter().map(|(name, said)| (name.clone(), rule(said))).collect(),
        }
    }
}

fn word(word: IndexWord) -> IndexRule {
    match word {
        IndexWord::Keep => IndexRule::Keep,
        IndexWord::Auto => IndexRule::Auto,
        IndexWord::None => IndexRule::None,
    }
}

fn rule(setting: &FieldIndexSetting) -> IndexRule {
    match setting {
        FieldIndexSetting::Word(said) => word(*said),
        FieldIndexSetting::Given(table) => IndexRule::Given(IndexSetting {
            name: table.name.clone(),
            // Absent only where that is reported.
            index_type: table.index_type.clone().unwrap_or_default(),
            metric_type: table.metric.clone(),
            params: table
                .params
                .iter()
                .flatten()
                .map(|(name, value)| (name.clone(), value.to_text()))
                .collect(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::btree_map;
    use proptest::option;
    use proptest::prelude::*;

    use super::super::super::file::Scalar;
    use super::*;

    fn a_word() -> impl Strategy<Value = IndexWord> {
        prop_oneof![Just(IndexWord::Keep), Just(IndexWord::Auto), Just(IndexWord::None)]
    }

    fn said() -> impl Strategy<Value = Said> {
        let given = ("[A-C]", option::of("[x-z]")).prop_map(|(index_type, name)| IndexTable {
            index_type: Some(index_type),
            name,
            ..IndexTable::default()
        });
        let setting = prop_oneof![
            a_word().prop_map(FieldIndexSetting::Word),
            given.prop_map(FieldIndexSetting::Given),
        ];
        prop_oneof![
            Just(Said::new(None)),
            a_word().prop_map(|word| Said::new(Some(&IndexesSetting::Word(word)))),
            btree_map("[a-d*]", setting, 0..4)
                .prop_map(|fields| Said::new(Some(&IndexesSetting::Fields(fields)))),
        ]
    }

    proptest! {
        #[test]
        fn the_entry_wins_and_the_rest_stays(own in said(), default in said()) {
            let merged = own.clone().over(default.clone());
            for field in ["a", "b", "c", "d"] {
                let wanted = match own.fields.get(field) {
                    None if own.whole => None,
                    None => default.fields.get(field),
                    said => said,
                };
                prop_assert_eq!(merged.fields.get(field), wanted);
            }
            prop_assert_eq!(merged.others, own.others.or(default.others));
        }

        #[test]
        fn merging_again_changes_nothing(own in said(), default in said()) {
            let merged = own.clone().over(default.clone());
            prop_assert_eq!(own.clone().over(merged.clone()), merged.clone());
            prop_assert_eq!(merged.clone().over(default), merged);
            prop_assert_eq!(own.clone().over(Said::default()), own.clone());
            prop_assert_eq!(Said::default().over(own.clone()), own);
        }
    }

    #[test]
    fn parameters_are_the_text_that_the_server_takes() {
        let params = [
            ("M", Scalar::Integer(16)),
            ("drop_ratio", Scalar::Float(0.35)),
            ("whole", Scalar::Float(2.0)),
            ("small", Scalar::Float(1e-9)),
            ("mmap.enabled", Scalar::Boolean(true)),
            ("json_path", Scalar::Text("a[\"b\"]".to_owned())),
        ];
        let table = IndexTable {
            index_type: Some("HNSW".to_owned()),
            params: Some(params.map(|(name, value)| (name.to_owned(), value)).into()),
            ..IndexTable::default()
        };
        let IndexRule::Given(setting) = rule(&FieldIndexSetting::Given(table)) else {
            panic!("not the index");
        };
        let texts: Vec<(&str, &str)> =
            setting.params.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
        let wanted = [
            ("M", "16"),
            ("drop_ratio", "0.35"),
            ("json_path", "a[\"b\"]"),
            ("mmap.enabled", "true"),
            ("small", "1e-9"),
            ("whole", "2.0"),
        ];
        assert_eq!(texts, wanted);
    }
}
