//! Properties, shards and the consistency level.

use std::collections::BTreeMap;

use super::Making;
use crate::changes::abilities::rules::{ISOLATION, QUERY_MODE, TTL_FIELD};
use crate::changes::abilities::{Abilities, Feature};
use crate::model::{CollectionRule, DataType, FunctionKind, PropertyRules};

/// Collection properties that mean the same everywhere (Milvus 2.2 to 3.0).
const PORTABLE: &[&str] = &[
    "collection.ttl.seconds",
    "mmap.enabled",
    ISOLATION,
    "collection.autocompaction.enabled",
    TIMEZONE,
    TTL_FIELD,
    QUERY_MODE,
    "lazyload.enabled",
    BRING_KEYS,
    ALLOW_FUNCTION_OUTPUTS,
    SKIP_FUNCTION_CHECK,
];
/// Beginnings of more of them.
const PORTABLE_PREFIXES: &[&str] = &["warmup."];
/// Properties that servers make for themselves.
const INTERNAL: &[&str] = &[
    "max_field_id",
    "namespace.sharding.enabled",
    "collection.on.truncating",
    "replicate.id",
    "replicate.endTS",
    // Described beside the schema's flag, which is carried.
    "dynamicfield.enabled",
];
/// Beginnings of more of them.
const INTERNAL_PREFIXES: &[&str] = &["schema_version_", "cipher.", "collection.external_"];
/// Database properties that mean the same everywhere.
const PORTABLE_OF_DATABASE: &[&str] = &["timezone", "mmap.enabled"];

/// Lets rows bring the keys that the server makes up otherwise (2.6.3).
pub(crate) const BRING_KEYS: &str = "allow_insert_auto_id";
/// Lets rows bring the outputs of functions other than BM25 (2.6).
const ALLOW_FUNCTION_OUTPUTS: &str = "collection.function.allowInsertNonBM25FunctionOutputs";
/// Keeps a server from calling a function's provider to see whether it is there (2.6.8).
const SKIP_FUNCTION_CHECK: &str = "disable_func_runtime_check";
const TTL: &str = "collection.ttl.seconds";
const TIMEZONE: &str = "timezone";
/// The zone that a server gives a collection that asks for none.
const DEFAULT_ZONE: &str = "UTC";

/// Those of a database's properties that are carried when it is created.
pub fn portable_of_database(properties: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let mut portable = properties.clone();
    portable.retain(|name, _| is_portable_of_database(name));
    portable
}

/// Whether a property of a database is carried when it is created.
pub fn is_portable_of_database(name: &str) -> bool {
    PORTABLE_OF_DATABASE.contains(&name)
}

fn is_portable(name: &str) -> bool {
    PORTABLE.contains(&name) || PORTABLE_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

fn is_internal(name: &str) -> bool {
    INTERNAL.contains(&name) || INTERNAL_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

/// Whether a server gives every collection such a property, so that nobody need have wished for it.
pub fn is_made_up(name: &str, value: &str) -> bool {
    is_internal(name) || (name == TIMEZONE && value == DEFAULT_ZONE)
}

impl Making<'_> {
    /// Shards and the consistency level.
    pub(super) fn sizes(&mut self, rule: &CollectionRule) {
        let from = &self.source.collection;
        if let Some(shards) = rule.shards {
            self.set("shards", &from.shards.to_string(), &shards.to_string());
            self.collection.shards = shards;
        }
        if let Some(consistency) = rule.consistency {
            self.set("consistency", &from.consistency.to_string(), &consistency.to_string());
            self.collection.consistency = consistency;
        }
    }

    pub(super) fn properties(&mut self, rules: &PropertyRules, abilities: &Abilities) {
        let from = &self.source.collection;
        let mut properties = from.properties.clone();
        properties.retain(|name, _| is_portable(name));
        // Where nothing has a zone, one that was made up says nothing.
        if !abilities.has_type(DataType::TIMESTAMPTZ) {
            properties.retain(|name, value| !is_made_up(name, value));
        }
        let has_key = self.collection.partition_key().is_some();
        if !has_key && properties.remove(ISOLATION).is_some() {
            let what = format!("{ISOLATION} needs a partition key, and is not carried");
            self.warn("properties_not_carried", None, what, "");
        }
        self.bringing_keys(rules, &mut properties);
        if let Some(ttl) = rules.set.get(TTL)
            && ttl.parse::<u64>().is_err()
        {
            let what = format!("{TTL} = {ttl:?} is no number of seconds");
            let advice = "give a whole number, such as 86400; 0 keeps rows for good";
            self.error("property_unfit", None, what, advice);
        }
        for name in &rules.unset {
            properties.remove(name);
        }
        properties.extend(rules.set.clone());
        let left: Vec<&str> = from
            .properties
            .keys()
            .filter(|name| !is_portable(name) && !is_internal(name))
            .filter(|name| !rules.set.contains_key(*name) && !rules.unset.contains(*name))
            .map(String::as_str)
            .collect();
        if !left.is_empty() {
            let what = format!(
                "properties are not carried, as they belong to the source's environment: {}",
                left.join(", ")
            );
            let advice = "give those that the target is to have under `properties.set`, the others \
                          under `properties.unset`";
            self.warn("properties_not_carried", None, what, advice);
        }
        let named = rules.set.keys().chain(&rules.unset);
        for name in named.filter(|name| is_portable(name) || rules.set.contains_key(*name)) {
            let text = |of: &BTreeMap<String, String>| {
                of.get(name).cloned().unwrap_or_else(|| "none".to_owned())
            };
            let (before, after) = (text(&from.properties), text(&properties));
            self.set(&format!("property {name}"), &before, &after);
        }
        self.collection.properties = properties;
    }

    /// Where the target makes up no keys, rows bring them anyway. Servers take the property with such
    /// a collection when that is made, and refuse to alter one to it (`alterCollectionTask.PreExecute`,
    /// internal/proxy/task.go, 2.6.4 to 3.0.0).
    fn bringing_keys(&mut self, rules: &PropertyRules, carried: &mut BTreeMap<String, String>) {
        if self.collection.makes_keys() {
            return;
        }
        if carried.remove(BRING_KEYS).is_some() && !rules.set.contains_key(BRING_KEYS) {
            self.set(&format!("property {BRING_KEYS}"), "true", "none");
        }
        let asked = rules.set.get(BRING_KEYS);
        if asked.is_some_and(|value| value.eq_ignore_ascii_case("true")) {
            let what = format!(
                "{BRING_KEYS} = true needs a primary key that the server makes up (auto_id), and the \
                 target's is not"
            );
            let advice = "leave it out of `properties.set`: rows bring their keys";
            self.error("property_unfit", None, what, advice);
        }
    }

    /// Properties that the target has only while rows are copied: an embedding is sent as it is
    /// read, and no provider is asked for it again; and rows bring the keys that the target makes up
    /// otherwise. They are taken back when the move is finished (`apply::settings`).
    pub(super) fn while_copying(
        &mut self,
        regenerates: bool,
        abilities: &Abilities,
    ) -> BTreeMap<String, String> {
        let computed =
            |function: &crate::model::Function| function.kind == FunctionKind::TEXT_EMBEDDING;
        let mut during = BTreeMap::new();
        if self.collection.functions.iter().any(computed) {
            during.insert(ALLOW_FUNCTION_OUTPUTS.to_owned(), "true".to_owned());
            if abilities.has(Feature::SkipFunctionChecks) {
                during.insert(SKIP_FUNCTION_CHECK.to_owned(), "true".to_owned());
            } else {
                let what =
                    "the target asks the provider of each embedding whether it is there when \
                            the collection is made"
                        .to_owned();
                self.warn("provider_is_asked", None, what, "");
            }
        }
        // The keys of the source's rows come with them; those of an application's are made up all the
        // while. Not where all rows get new ones.
        if self.collection.makes_keys() && !regenerates {
            during.insert(BRING_KEYS.to_owned(), "true".to_owned());
        }
        during.retain(|name, value| {
            self.collection
                .properties
                .get(name)
                .is_none_or(|have| !have.eq_ignore_ascii_case(value))
        });
        during
    }
}
