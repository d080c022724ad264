//! Fields: descriptions, limits, what is dropped, what functions compute, other names.

use std::collections::{BTreeMap, BTreeSet};

use super::Making;
use super::partitions::describe_partition_key;
use crate::changes::abilities::rules::TTL_FIELD;
use crate::model::quantity::counted;
use crate::model::{DataType, Field, FieldRule};

/// The largest `max_length` of a text, bytes (Milvus 2.2 to 3.0).
const LONGEST_TEXT: &str = "65535";

impl Making<'_> {
    /// Milvus Lite 3 tells no limit for the texts of an array, and Milvus makes no array without.
    pub(super) fn limit_texts(&mut self) {
        let mut unlimited = Vec::new();
        for field in &mut self.collection.fields {
            let texts =
                field.data_type == DataType::ARRAY && field.element_type == DataType::VARCHAR;
            if texts && !field.type_params.contains_key("max_length") {
                field.type_params.insert("max_length".to_owned(), LONGEST_TEXT.to_owned());
                unlimited.push(format!("{}.max_length", field.name));
            }
        }
        for attribute in unlimited {
            self.set(&attribute, "none", LONGEST_TEXT);
        }
    }

    pub(super) fn fields(&mut self, rules: &BTreeMap<String, FieldRule>) {
        for (name, rule) in rules {
            let is_struct = self.collection.struct_fields.iter().any(|field| field.name == *name);
            let Some(place) = self.collection.fields.iter().position(|field| field.name == *name)
            else {
                self.struct_field(name, rule, is_struct);
                continue;
            };
            let before = self.collection.fields[place].clone();
            let after = self.changed(&before, rule);
            self.collection.fields[place] = after;
            if rule.drop {
                self.drop_field(&before);
            }
        }
        self.nulls_that_become_defaults();
    }

    /// A struct array field can be renamed, described anew and dropped.
    fn struct_field(&mut self, name: &str, rule: &FieldRule, is_there: bool) {
        if !is_there {
            return self.no_such_field("field_missing", "fields", name);
        }
        if rule.max_length.is_some() || rule.mmap.is_some() || rule.drop_default {
            let what = "a struct array field can only be renamed, described or dropped".to_owned();
            self.error("field_override_unfit", Some(name), what, "leave the other keys out");
        }
        if let Some(description) = &rule.description {
            let mut before = String::new();
            for field in &mut self.collection.struct_fields {
                if field.name == name {
                    before = std::mem::replace(&mut field.description, description.clone());
                }
            }
            self.set(&format!("{name}.description"), &before, description);
        }
        if rule.drop {
            let inside = format!("{name}[");
            self.refuse_if_indexed(name, |field| field == name || field.starts_with(&inside));
            self.collection.struct_fields.retain(|field| field.name != name);
            self.left_behind(name, "ArrayOfStruct");
        }
    }

    fn changed(&mut self, before: &Field, rule: &FieldRule) -> Field {
        let mut after = before.clone();
        let name = &before.name;
        if let Some(description) = &rule.description {
            self.set(&format!("{name}.description"), &before.description, description);
            description.clone_into(&mut after.description);
        }
        if let Some(length) = rule.max_length {
            self.max_length(before, length);
            after.type_params.insert("max_length".to_owned(), length.to_string());
        }
        if let Some(mmap) = rule.mmap {
            let mut param = |name: &str, value: String| {
                after.type_params.insert(name.to_owned(), value).unwrap_or("none".to_owned())
            };
            let had = param("mmap.enabled", mmap.to_string());
            self.set(&format!("{name}.mmap"), &had, &mmap.to_string());
        }
        if rule.drop_default {
            if before.default_value.is_none() {
                let what = "`drop_default` on a field without a default value".to_owned();
                self.error("field_override_unfit", Some(name), what, "leave it out");
            }
            after.default_value = None;
            self.set(&format!("{name}.default"), "there", "none");
        }
        after
    }

    fn max_length(&mut self, before: &Field, length: u64) {
        let texts = [DataType::VARCHAR, DataType::TEXT];
        let has_length = texts.contains(&before.data_type)
            || (before.data_type == DataType::ARRAY && before.element_type == DataType::VARCHAR);
        let name = &before.name;
        if !has_length {
            let what = format!("a field of type {} has no `max_length`", before.type_text());
            self.error("field_override_unfit", Some(name), what, "leave it out");
            return;
        }
        let had = before.numeric_param("max_length");
        if let Some(had) = had.filter(|had| *had > length) {
            let what = format!(
                "`max_length = {length}` is less than the source's {had}: longer values would be \
                 refused"
            );
            let advice = format!("give at least {had}");
            self.error("max_length_narrowed", Some(name), what, &advice);
        }
        let had = had.map_or_else(|| "none".to_owned(), |had| had.to_string());
        self.set(&format!("{name}.max_length"), &had, &length.to_string());
    }

    fn drop_field(&mut self, field: &Field) {
        let name = &field.name;
        let needed = if field.primary_key {
            Some("it is the primary key".to_owned())
        } else if self.collection.field(name).is_some_and(|field| field.partition_key) {
            Some("it is the partition key".to_owned())
        } else {
            let uses = |list: &[String]| list.iter().any(|used| used == name);
            let functions = &self.collection.functions;
            functions
                .iter()
                .find(|function| uses(&function.inputs) || uses(&function.outputs))
                .map(|function| format!("function {:?} needs it", function.name))
        };
        if let Some(why) = needed {
            let what = format!("{name:?} cannot be dropped: {why}");
            self.error("dropped_field_needed", Some(name), what, "leave `drop` out");
            return;
        }
        self.refuse_if_indexed(name, |field| field == name);
        self.collection.fields.retain(|field| field.name != *name);
        self.left_behind(name, &field.type_text());
    }

    /// Somebody searches by an index: that it goes too has to be said.
    fn refuse_if_indexed(&mut self, name: &str, is_of: impl Fn(&str) -> bool) {
        let of: Vec<String> = self
            .collection
            .indexes
            .iter()
            .map(|index| index.field.clone())
            .filter(|field| is_of(field))
            .collect();
        for field in of {
            let what = format!("{name:?} cannot be dropped: there is an index on {field}");
            let advice =
                format!("say `{field:?} = \"none\"` under `indexes` too, or leave `drop` out");
            self.error("dropped_field_needed", Some(name), what, &advice);
        }
        // One finding is enough.
        self.collection.indexes.retain(|index| !is_of(&index.field));
    }

    fn left_behind(&mut self, name: &str, kind: &str) {
        self.settings.left_behind.insert(name.to_owned());
        self.set(&format!("field {name}"), kind, "dropped");
        let what = format!("the values of field {name:?} are left behind");
        self.warn("field_dropped", Some(name), what, "");
    }

    /// A null that is sent to a field with a default becomes the default.
    fn nulls_that_become_defaults(&mut self) {
        for field in self.collection.fields.clone() {
            if !field.nullable || field.default_value.is_none() {
                continue;
            }
            let advice = format!(
                "say `drop_default = true` for field {:?}: its nulls stay nulls, and the target has \
                 no default",
                field.name
            );
            match self.source.nulls.get(&field.name) {
                Some(0) => {}
                Some(rows) => {
                    let what = format!(
                        "{} are null in a field with a default value, and would become that value",
                        counted(*rows, "row")
                    );
                    self.error("nulls_become_default", Some(&field.name), what, &advice);
                }
                // Its rows are there; they were counted when it was begun.
                None if self.in_use => {}
                None => {
                    let what = "the field has a default value: nulls in it, which could not be \
                                counted, would become that value"
                        .to_owned();
                    self.warn("nulls_become_default", Some(&field.name), what, &advice);
                }
            }
        }
    }

    /// What a function computes and no query returns is left to the target to compute.
    pub(super) fn functions(&mut self) {
        for field in self.source.collection.fields.iter().filter(|field| field.function_output) {
            match self.source.collection.function_of(&field.name) {
                Some(function) if function.kind.output_is_readable() => {}
                Some(_) => {
                    self.settings.left_behind.insert(field.name.clone());
                }
                // Refused with what else stands against the target, unless it is left behind.
                None => {}
            }
        }
    }

    /// Gives fields their names at the target, wherever they are named.
    pub(super) fn rename(&mut self, rules: &BTreeMap<String, FieldRule>) {
        let renamed: BTreeMap<String, String> = rules
            .iter()
            .filter_map(|(name, rule)| Some((name.clone(), rule.rename.clone()?)))
            .filter(|(name, to)| name != to && !self.settings.left_behind.contains(name))
            .filter(|(name, _)| self.source.collection.has_field(name))
            .collect();
        if renamed.is_empty() {
            return self.names_are_unique();
        }
        self.collection.rename_fields(&renamed);
        if let Some(name) = self.collection.properties.get_mut(TTL_FIELD)
            && let Some(new) = renamed.get(name.as_str())
        {
            new.clone_into(name);
        }
        for found in &mut self.overrides {
            if let Some((name, attribute)) = found.attribute.split_once('.')
                && let Some(to) = renamed.get(name)
            {
                found.attribute = format!("{to}.{attribute}");
            }
        }
        let key = describe_partition_key(&self.collection);
        for found in self.overrides.iter_mut().filter(|found| found.attribute == "partition_key") {
            key.clone_into(&mut found.target);
        }
        for (name, to) in &renamed {
            self.set(&format!("{to}.name"), name, to);
        }
        self.settings.renamed = renamed;
        self.names_are_unique();
    }

    fn names_are_unique(&mut self) {
        let mut seen = BTreeSet::new();
        let fields = self.collection.fields.iter().map(|field| &field.name);
        let structs = self.collection.struct_fields.iter().map(|field| &field.name);
        let twice: Vec<String> =
            fields.chain(structs).filter(|name| !seen.insert(*name)).cloned().collect();
        for name in twice {
            let what = format!("two fields would have the name {name:?}");
            self.error("field_name_taken", Some(&name), what, "choose another name in `rename`");
        }
    }
}
