//! The partition key, and the user's partitions.

use super::Making;
use crate::changes::glob::matcher;
use crate::model::quantity::counted;
use crate::model::{Collection, DEFAULT_PARTITION, DataType, Field, PartitionKey, Partitions};

impl Making<'_> {
    pub(super) fn partition_key(&mut self, rule: &PartitionKey) {
        let before = describe_partition_key(&self.collection);
        match rule {
            PartitionKey::Keep => return,
            PartitionKey::None => {
                for field in &mut self.collection.fields {
                    field.partition_key = false;
                }
                self.collection.num_partitions = None;
            }
            PartitionKey::Field { field: name, partitions } => {
                if !self.is_fit(name) {
                    return;
                }
                for field in &mut self.collection.fields {
                    field.partition_key = field.name == *name;
                }
                if self.collection.field(name).is_some_and(|field| field.nullable) {
                    self.set(&format!("{name}.nullable"), "true", "false");
                    for field in &mut self.collection.fields {
                        field.nullable &= field.name != *name;
                    }
                }
                self.collection.num_partitions = *partitions;
            }
        }
        let after = describe_partition_key(&self.collection);
        self.set("partition_key", &before, &after);
    }

    /// Whether a field can be the partition key; says why not.
    fn is_fit(&mut self, name: &str) -> bool {
        let Some(field) = self.collection.field(name) else {
            let what = format!("partition_key names a field that is not there: {name:?}");
            let advice = self.fields_instead_of(name);
            self.error("partition_key_missing", Some(name), what, &advice);
            return false;
        };
        let allowed = matches!(field.data_type, DataType::INT64 | DataType::VARCHAR);
        let why = if field.primary_key {
            Some("it is the primary key".to_owned())
        } else if !allowed {
            Some(format!("it is of type {}", field.type_text()))
        } else if field.function_output {
            Some("a function computes it".to_owned())
        } else if field.nullable {
            match self.source.nulls.get(name) {
                Some(0) => None,
                None if self.in_use => None,
                Some(rows) => Some(format!("it is null in {}", counted(*rows, "row"))),
                None => Some("it is nullable, and its nulls could not be counted".to_owned()),
            }
        } else {
            None
        };
        let Some(why) = why else { return true };
        let what = format!("{name:?} cannot be the partition key: {why}");
        let advice = "choose an Int64 or VarChar field that is never null and not the primary key";
        self.error("partition_key_unfit", Some(name), what, advice);
        false
    }

    pub(super) fn partitions(&mut self, rule: &Partitions) {
        let own = self.source.collection.partitions.clone();
        let selected = self.select(&rule.select);
        let kept = |name: &&String| selected.as_ref().is_none_or(|names| names.contains(name));
        let left: Vec<&String> = own.iter().filter(|name| !kept(name)).collect();
        self.collection.partitions = own.iter().filter(kept).cloned().collect();
        if let Some(selected) = &selected {
            let mut lost = self.source.collection.all_partitions();
            lost.retain(|name| !selected.contains(name));
            if !lost.is_empty() {
                let what =
                    format!("the rows of these partitions are not copied: {}", lost.join(", "));
                self.warn("partitions_left_out", None, what, "");
                self.settings.partitions = Some(selected.clone());
            }
        }
        if !own.is_empty() && rule.merge {
            let names = self.collection.partitions.join(", ");
            self.collection.partitions.clear();
            self.set("partitions", &own.join(", "), "merged");
            let what = format!(
                "the rows of partitions {names} are merged and the names are lost; a key that is \
                 in several of them arrives once"
            );
            self.warn("partitions_merged", None, what, "");
            return;
        }
        if !left.is_empty() {
            let after = match self.collection.partitions.as_slice() {
                [] => DEFAULT_PARTITION.to_owned(),
                names => names.join(", "),
            };
            self.set("partitions", &own.join(", "), &after);
        }
        if self.collection.partitions.is_empty() {
            // Rows of `_default` alone are read, and written, by that name.
            self.settings.by_partition =
                self.settings.partitions.is_some() && self.collection.partition_key().is_none();
            return;
        }
        if self.collection.partition_key().is_some() {
            let what = format!(
                "with a partition key the target has no partitions of its own: {} would be lost",
                self.collection.partitions.join(", ")
            );
            self.error(
                "partitions_lost",
                None,
                what,
                "accept it with `partitions = \"merge\"`, or leave the partition key out",
            );
            return;
        }
        self.settings.by_partition = true;
    }

    /// The partitions that the globs match, `_default` being one; `None` where there are no globs.
    fn select(&mut self, globs: &[String]) -> Option<Vec<String>> {
        if globs.is_empty() {
            return None;
        }
        let from = &self.source.collection;
        if from.partition_key().is_some() {
            let what =
                "the source has a partition key, whose partitions cannot be named".to_owned();
            let advice = "leave `partitions` out for this collection";
            self.error("no_partitions_to_select", None, what, advice);
            return None;
        }
        let all = from.all_partitions();
        let unmatched: Vec<&str> = globs
            .iter()
            .filter(|glob| selected(std::slice::from_ref(glob), &all).is_empty())
            .map(String::as_str)
            .collect();
        if !unmatched.is_empty() {
            let what = format!("no partition matches {}", unmatched.join(", "));
            let advice = format!("the partitions are: {}", all.join(", "));
            self.error("partition_glob_matches_nothing", None, what, &advice);
        }
        Some(selected(globs, &all))
    }
}

/// The partitions that any of the globs matches; all of them where there are no globs.
pub fn selected(globs: &[String], partitions: &[String]) -> Vec<String> {
    let matchers: Vec<_> = globs.iter().map(|glob| matcher(glob)).collect();
    let is_selected =
        |name: &&String| globs.is_empty() || matchers.iter().any(|matches| matches(name));
    partitions.iter().filter(is_selected).cloned().collect()
}

pub(super) fn describe_partition_key(collection: &Collection) -> String {
    match (collection.partition_key(), collection.num_partitions) {
        (None, _) => "none".to_owned(),
        (Some(Field { name, .. }), None | Some(0)) => name.clone(),
        (Some(Field { name, .. }), Some(count)) => format!("{name} ({count} partitions)"),
    }
}
