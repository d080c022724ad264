//! What the target is to be: the source with the plan file's overrides. Pure.

use super::{Finding, Inspected, Override, Severity, SourceState};
use crate::model::quantity::counted;
use crate::model::{
    Collection, DataType, DynamicData, DynamicField, Field, Index, PartitionKey, Partitions,
    RowSettings, name,
};

/// Collection properties that mean the same everywhere (Milvus 2.2 to 3.0); the others belong to
/// one server's environment, or are made by the server.
const PORTABLE_PROPERTIES: &[&str] = &[
    "collection.ttl.seconds",
    "mmap.enabled",
    "partitionkey.isolation",
    "collection.autocompaction.enabled",
];

/// The largest `max_length` of a text, bytes (Milvus 2.2 to 3.0).
const LONGEST_TEXT: &str = "65535";

/// The target as it is to be, how rows get there, what differs from the source, and what stands
/// against it.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// The target collection.
    pub collection: Collection,
    /// How rows are read and written.
    pub settings: RowSettings,
    /// What differs from the source.
    pub overrides: Vec<Override>,
    /// What stands against it.
    pub findings: Vec<Finding>,
}

/// Applies the overrides of `inspected.rule` to `source`.
pub fn wanted(inspected: &Inspected, source: &SourceState) -> Wanted {
    let from = &source.collection;
    let mut making =
        Making { address: from.address(), overrides: Vec::new(), findings: Vec::new() };
    let mut collection = from.clone();
    inspected.rule.target_database.clone_into(&mut collection.database);
    inspected.target_name.clone_into(&mut collection.name);
    collection.aliases.clear();

    making.check_carried(from);
    making.names(from, &collection);
    if let Some(description) = &inspected.description {
        making.set("description", &from.description, description);
        description.clone_into(&mut collection.description);
    }
    making.keep_keys(&mut collection);
    making.limit_texts(&mut collection);
    let dynamic_data = making.dynamic_field(inspected.rule.dynamic_field, source, &mut collection);
    making.partition_key(&inspected.rule.partition_key, from, &mut collection);
    making.partitions(inspected.rule.partitions, from, &mut collection);
    making.properties(from, &mut collection);
    collection.indexes = from.indexes.iter().map(portable_index).collect();

    let by_partition = !from.partitions.is_empty()
        && collection.partition_key().is_none()
        && inspected.rule.partitions == Partitions::Keep;
    Wanted {
        collection,
        settings: RowSettings { by_partition, dynamic_data },
        overrides: making.overrides,
        findings: making.findings,
    }
}

struct Making {
    address: String,
    overrides: Vec<Override>,
    findings: Vec<Finding>,
}

impl Making {
    fn find(
        &mut self,
        severity: Severity,
        code: &'static str,
        field: Option<&str>,
        message: String,
        advice: &str,
    ) {
        let address = match field {
            Some(field) => format!("{}/{field}", self.address),
            None => self.address.clone(),
        };
        self.findings.push(Finding { severity, code, address, message, advice: advice.to_owned() });
    }

    fn error(&mut self, code: &'static str, field: Option<&str>, message: String, advice: &str) {
        self.find(Severity::Error, code, field, message, advice);
    }

    fn warn(&mut self, code: &'static str, field: Option<&str>, message: String, advice: &str) {
        self.find(Severity::Warning, code, field, message, advice);
    }

    fn set(&mut self, attribute: &str, source: &str, target: &str) {
        if source != target {
            self.overrides.push(Override {
                attribute: attribute.to_owned(),
                source: source.to_owned(),
                target: target.to_owned(),
            });
        }
    }

    fn check_carried(&mut self, from: &Collection) {
        const ADVICE: &str = "leave this collection out of the plan file";
        for field in &from.fields {
            if !is_carried(field.data_type, field.element_type) {
                let what = format!("a field of type {} cannot be carried yet", field.type_text());
                self.error("unsupported_type", Some(&field.name), what, ADVICE);
            }
            if field.nullable {
                let what = "a nullable field cannot be carried yet".to_owned();
                self.error("unsupported_nullable", Some(&field.name), what, ADVICE);
            }
            if field.function_output {
                let what = "the output of a function cannot be carried yet".to_owned();
                self.error("unsupported_function", Some(&field.name), what, ADVICE);
            }
        }
        if !from.functions.is_empty() {
            let what = format!("functions cannot be carried yet: {}", from.functions.join(", "));
            self.error("unsupported_function", None, what, ADVICE);
        }
        if !from.struct_fields.is_empty() {
            let what =
                format!("struct arrays cannot be carried yet: {}", from.struct_fields.join(", "));
            self.error("unsupported_type", None, what, ADVICE);
        }
        if from.primary_key().is_none() {
            let what = "the source describes no primary key".to_owned();
            self.error("no_primary_key", None, what, ADVICE);
        }
        if !from.aliases.is_empty() {
            let what = format!("aliases are not moved: {}", from.aliases.join(", "));
            self.warn("aliases_not_moved", None, what, "move them when you cut over");
        }
    }

    fn names(&mut self, from: &Collection, to: &Collection) {
        for (attribute, name) in [("database", &to.database), ("name", &to.name)] {
            if let Some(fault) = name::fault(name) {
                let what = format!("the target {attribute} {name:?} {fault}");
                self.error("bad_name", None, what, "choose another one in the plan file");
            }
        }
        self.set("database", &from.database, &to.database);
        self.set("name", &from.name, &to.name);
    }

    /// Keys that a server made up stay the keys: the target takes them as given ones.
    fn keep_keys(&mut self, collection: &mut Collection) {
        if let Some(key) = collection.fields.iter_mut().find(|field| field.primary_key)
            && key.auto_id
        {
            key.auto_id = false;
            let attribute = format!("{}.auto_id", key.name);
            let field = key.name.clone();
            self.set(&attribute, "true", "false");
            let what = "the keys that the source made up are kept; the target makes up none, so \
                        that later inserts must bring their own"
                .to_owned();
            self.warn("auto_id_off", Some(&field), what, "");
        }
    }

    /// Milvus Lite 3 tells no limit for the texts of an array, and Milvus makes no array without.
    fn limit_texts(&mut self, collection: &mut Collection) {
        for field in &mut collection.fields {
            let texts =
                field.data_type == DataType::ARRAY && field.element_type == DataType::VARCHAR;
            if texts && !field.type_params.contains_key("max_length") {
                field.type_params.insert("max_length".to_owned(), LONGEST_TEXT.to_owned());
                self.set(&format!("{}.max_length", field.name), "none", LONGEST_TEXT);
            }
        }
    }

    fn dynamic_field(
        &mut self,
        rule: DynamicField,
        source: &SourceState,
        collection: &mut Collection,
    ) -> DynamicData {
        let before = source.collection.dynamic_field;
        let (after, drop_data) = match rule {
            DynamicField::Keep => (before, false),
            DynamicField::On => (true, false),
            DynamicField::Off { drop_data } => (false, drop_data),
        };
        collection.dynamic_field = after;
        self.set("dynamic_field", &before.to_string(), &after.to_string());
        if !before || after {
            return DynamicData::Carry;
        }
        let rows = source.dynamic_rows;
        if drop_data {
            let what = match rows {
                Some(0) => "no row has dynamic data; none is lost".to_owned(),
                Some(rows) => format!("the dynamic data of {} is lost", counted(rows, "row")),
                None => "rows may lose their dynamic data".to_owned(),
            };
            self.warn("dynamic_data_dropped", None, what, "");
            return DynamicData::Discard;
        }
        if let Some(rows @ 1..) = rows {
            let what =
                format!("dynamic_field = false, but {} have dynamic data", counted(rows, "row"));
            self.error(
                "dynamic_data_lost",
                None,
                what,
                "keep the dynamic field, or accept the loss with `drop_dynamic_data = true`",
            );
        }
        DynamicData::RequireNone
    }

    fn partition_key(
        &mut self,
        rule: &PartitionKey,
        from: &Collection,
        collection: &mut Collection,
    ) {
        let before = describe_partition_key(from);
        match rule {
            PartitionKey::Keep => return,
            PartitionKey::None => {
                for field in &mut collection.fields {
                    field.partition_key = false;
                }
                collection.num_partitions = None;
            }
            PartitionKey::Field { field: name, partitions } => {
                let Some(field) = collection.fields.iter().find(|field| field.name == *name) else {
                    let known: Vec<_> =
                        from.fields.iter().map(|field| field.name.as_str()).collect();
                    let what = format!("partition_key names a field that is not there: {name:?}");
                    let advice = format!("the fields are: {}", known.join(", "));
                    self.error("partition_key_missing", Some(name), what, &advice);
                    return;
                };
                let allowed = matches!(field.data_type, DataType::INT64 | DataType::VARCHAR);
                let why = if field.primary_key {
                    Some("it is the primary key".to_owned())
                } else if !allowed {
                    Some(format!("it is of type {}", field.type_text()))
                } else if field.nullable {
                    Some("it is nullable".to_owned())
                } else {
                    None
                };
                if let Some(why) = why {
                    let what = format!("{name:?} cannot be the partition key: {why}");
                    let advice = "choose an Int64 or VarChar field that is never null and not the \
                                  primary key";
                    self.error("partition_key_unfit", Some(name), what, advice);
                    return;
                }
                for field in &mut collection.fields {
                    field.partition_key = field.name == *name;
                }
                collection.num_partitions = *partitions;
            }
        }
        let after = describe_partition_key(collection);
        self.set("partition_key", &before, &after);
    }

    fn partitions(&mut self, rule: Partitions, from: &Collection, collection: &mut Collection) {
        if from.partitions.is_empty() {
            return;
        }
        let names = from.partitions.join(", ");
        if rule == Partitions::Merge {
            collection.partitions.clear();
            self.set("partitions", &names, "merged");
            let what = format!(
                "the rows of partitions {names} are merged and the names are lost; a key that is \
                 in several of them arrives once"
            );
            self.warn("partitions_merged", None, what, "");
        } else if collection.partition_key().is_some() {
            let what = format!(
                "with a partition key the target has no partitions of its own: {names} would be \
                 lost"
            );
            self.error(
                "partitions_lost",
                None,
                what,
                "accept it with `partitions = \"merge\"`, or leave the partition key out",
            );
        }
    }

    fn properties(&mut self, from: &Collection, collection: &mut Collection) {
        collection.properties.retain(|name, _| PORTABLE_PROPERTIES.contains(&name.as_str()));
        if collection.partition_key().is_none() {
            collection.properties.remove("partitionkey.isolation");
        }
        let left: Vec<&str> = from
            .properties
            .keys()
            .filter(|name| !collection.properties.contains_key(*name))
            .map(String::as_str)
            .collect();
        if !left.is_empty() {
            let what = format!("properties are not carried: {}", left.join(", "));
            self.warn("properties_not_carried", None, what, "set them at the target by hand");
        }
        if from.properties.get("collection.ttl.seconds").is_some_and(|ttl| ttl != "0") {
            let what = "rows expire by the time they were written: at the target the time to live \
                        starts anew"
                .to_owned();
            self.warn("ttl_restarts", None, what, "");
        }
    }
}

/// Whether rows with such a field are carried by this version.
fn is_carried(kind: DataType, element: DataType) -> bool {
    const SCALARS: &[DataType] = &[
        DataType::BOOL,
        DataType::INT8,
        DataType::INT16,
        DataType::INT32,
        DataType::INT64,
        DataType::FLOAT,
        DataType::DOUBLE,
        DataType::VARCHAR,
    ];
    match kind {
        DataType::ARRAY => SCALARS.contains(&element),
        DataType::JSON | DataType::FLOAT_VECTOR | DataType::BINARY_VECTOR => true,
        other => SCALARS.contains(&other),
    }
}

fn describe_partition_key(collection: &Collection) -> String {
    match (collection.partition_key(), collection.num_partitions) {
        (None, _) => "none".to_owned(),
        (Some(Field { name, .. }), None | Some(0)) => name.clone(),
        (Some(Field { name, .. }), Some(count)) => format!("{name} ({count} partitions)"),
    }
}

/// An index as it can be sent: `marisa-trie` is how 2.2 and 2.3 describe what is created as `Trie`.
fn portable_index(index: &Index) -> Index {
    let mut index = index.clone();
    if let Some(kind) = index.params.get_mut("index_type")
        && kind == "marisa-trie"
    {
        "Trie".clone_into(kind);
    }
    index
}
