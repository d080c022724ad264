//! Collections for tests to begin with.

use std::collections::BTreeMap;

use super::{
    AliasRule, AutoId, Collection, CollectionRule, ConsistencyLevel, DataType, DynamicField,
    Existing, Field, IndexRules, LoadRule, PartitionKey, Partitions, PropertyRules, Selector,
};

/// A field that is nothing special; `id` is the primary key.
pub(crate) fn field(name: &str, data_type: DataType) -> Field {
    Field {
        name: name.to_owned(),
        description: String::new(),
        data_type,
        element_type: DataType::NONE,
        primary_key: name == "id",
        auto_id: false,
        partition_key: false,
        clustering_key: false,
        nullable: false,
        function_output: false,
        default_value: None,
        type_params: BTreeMap::new(),
    }
}

/// A dynamic collection of two shards with these fields, and nothing else.
pub(crate) fn collection(name: &str, fields: Vec<Field>) -> Collection {
    Collection {
        database: "default".to_owned(),
        name: name.to_owned(),
        description: String::new(),
        fields,
        functions: Vec::new(),
        struct_fields: Vec::new(),
        namespaces: false,
        external: false,
        dynamic_field: true,
        shards: 2,
        num_partitions: None,
        consistency: ConsistencyLevel::Bounded,
        properties: BTreeMap::new(),
        partitions: Vec::new(),
        indexes: Vec::new(),
        aliases: Vec::new(),
        source_key: None,
    }
}

/// A rule that changes nothing.
pub(crate) fn rule(source: &str) -> CollectionRule {
    CollectionRule {
        location: "plan.toml:1".to_owned(),
        source: Selector::Name(source.to_owned()),
        source_database: "default".to_owned(),
        target: None,
        target_database: "default".to_owned(),
        description: None,
        dynamic_field: DynamicField::Keep,
        auto_id: AutoId::Keep,
        partition_key: PartitionKey::Keep,
        partitions: Partitions::default(),
        shards: None,
        consistency: None,
        properties: PropertyRules::default(),
        indexes: IndexRules::default(),
        load: LoadRule::Keep,
        replicas: None,
        aliases: AliasRule::Keep,
        move_aliases: false,
        fields: BTreeMap::new(),
        existing: Existing::Refuse,
    }
}
