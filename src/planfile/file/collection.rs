//! The `[[collections]]` entries, and `[defaults]` for all of them.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::{
    AliasesSetting, AutoIdSetting, ConsistencyWord, DynamicFieldSetting, ExistingSetting,
    FieldTable, IndexesSetting, LoadSetting, PartitionKeySetting, PartitionsSetting,
    PropertiesTable, Whole,
};

/// Makes a struct of its own fields and of all settings of collections. (`serde(flatten)` would do
/// it too, but gives up on unknown keys.)
macro_rules! settings {
    ($(#[$meta:meta])* $name:ident { $($own:tt)* }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
        #[serde(deny_unknown_fields)]
        pub(in crate::planfile) struct $name {
            $($own)*
            /// Database of both ends. Default: `default`.
            pub(in crate::planfile) database: Option<String>,
            /// Database at the source. Default: `database`.
            pub(in crate::planfile) source_database: Option<String>,
            /// Database at the target. Default: `database`.
            pub(in crate::planfile) target_database: Option<String>,
            /// Description at the target; may use `{{ name }}`, the source collection's name.
            /// Default: the source's description.
            #[expect(dead_code, reason = "read before it is rendered; here for the schema")]
            #[schemars(extend("examples" = ["Moved from {{ name }}"]))]
            pub(in crate::planfile) description: Option<String>,
            /// The dynamic field at the target: `"keep"` it as at the source, `true` or `false`.
            /// `false` refuses a source with dynamic data unless `drop_dynamic_data = true`.
            /// Default: `"keep"`.
            pub(in crate::planfile) dynamic_field: Option<DynamicFieldSetting>,
            /// With `dynamic_field = false`: accept that dynamic data is left behind. Default:
            /// `false`.
            pub(in crate::planfile) drop_dynamic_data: Option<bool>,
            /// A primary key that the source's server makes up (autoID): `"keep"` both autoID and
            /// the keys of the source's rows, which is refused where the target's release cannot do
            /// both; `"keep_keys"`, which switches autoID off at the target, so that inserts
            /// without a key fail there; or `"regenerate"`, with which the target makes new keys
            /// for all rows, and those of the source go into `source_key_field`. Default:
            /// `"keep"`.
            pub(in crate::planfile) auto_id: Option<AutoIdSetting>,
            /// With `auto_id = "regenerate"`: the name of a field that the target gets for the
            /// keys of the source, of the same type. Rows are found by it.
            #[schemars(extend("examples" = ["legacy_id"]))]
            pub(in crate::planfile) source_key_field: Option<String>,
            /// The partition key at the target: `"keep"` it as at the source, `"none"`, or
            /// `{ field = "NAME", partitions = 64 }`. Default: `"keep"`.
            #[schemars(extend("examples" = ["none", { "field": "tenant", "partitions": 64 }]))]
            pub(in crate::planfile) partition_key: Option<PartitionKeySetting>,
            /// The user's partitions at the target: `"keep"` them, `"merge"` all rows into one,
            /// or copy only those that some globs match, such as `["2024*", "_default"]` or
            /// `{ select = ["2024*"], merge = true }`. Default: `"keep"`.
            #[schemars(extend("examples" = ["merge", ["2024*", "_default"]]))]
            pub(in crate::planfile) partitions: Option<PartitionsSetting>,
            /// Fields, by their names at the source: `[collections.fields.NAME]`. What an entry
            /// and `[defaults]` say about a field is merged key by key.
            #[schemars(extend("examples" = [{ "title": { "rename": "headline", "max_length": 4096 } }]))]
            pub(in crate::planfile) fields: Option<BTreeMap<String, FieldTable>>,
            /// Number of shards at the target. Default: as at the source.
            #[schemars(range(min = 1, max = 256))]
            pub(in crate::planfile) shards: Option<Whole>,
            /// Default consistency level at the target: `"strong"`, `"session"`, `"bounded"` or
            /// `"eventually"`. Default: as at the source.
            pub(in crate::planfile) consistency: Option<ConsistencyWord>,
            /// Properties that differ from the source's, such as
            /// `{ set = { "collection.ttl.seconds" = 86400 }, unset = ["timezone"] }`. What an
            /// entry and `[defaults]` say is merged property by property.
            #[schemars(extend("examples" = [{ "set": { "collection.ttl.seconds": 86400 }, "unset": ["timezone"] }]))]
            pub(in crate::planfile) properties: Option<PropertiesTable>,
            /// Indexes at the target: `"keep"` them as at the source, `"auto"` for `AUTOINDEX` in
            /// their place, `"none"`, or a table by the fields' names at the source:
            /// `[collections.indexes]`, then `embedding = { type = "HNSW", metric = "COSINE",
            /// params = { M = 16 } }` or `title = "none"`; `"*"` is every other field. What an
            /// entry and `[defaults]` say is merged field by field; a word stands for all fields.
            /// Default: `"keep"`.
            #[schemars(extend("examples" = ["auto", { "embedding": { "type": "HNSW", "metric": "COSINE", "params": { "M": 16 } } }]))]
            pub(in crate::planfile) indexes: Option<IndexesSetting>,
            /// Whether the target is loaded in the end: `"keep"` it as the source is, `true` or
            /// `false`. Default: `"keep"`.
            pub(in crate::planfile) load: Option<LoadSetting>,
            /// Replicas to load where nothing is loaded. Default: as many as the target is set to.
            #[schemars(range(min = 1, max = 1024))]
            pub(in crate::planfile) replicas: Option<Whole>,
            /// Aliases at the target, made when all else is done: `"keep"` the source's,
            /// `"none"`, exactly these, such as `["live"]`, or only some of the source's under
            /// new names, such as `{ live = "live_v2" }`. New names may use `{{ name }}`, the
            /// source collection's name; a list with a glob has to. Default: `"keep"`.
            #[schemars(extend("examples" = ["none", ["{{ name }}_live"], { "live": "live_v2" }]))]
            pub(in crate::planfile) aliases: Option<AliasesSetting>,
            /// Whether an alias that another collection of the target has is taken from it.
            /// Default: `false`, which refuses such an alias.
            pub(in crate::planfile) move_aliases: Option<bool>,
            /// What to do when the target collection is there already and no run of this plan
            /// made it: `"refuse"`, or `"adopt"` it when its schema is the wanted one. Default:
            /// `"refuse"`.
            pub(in crate::planfile) existing: Option<ExistingSetting>,
        }
    };
}

settings! {
    /// Settings for all collections; a `[[collections]]` entry overrides them.
    Defaults {}
}

settings! {
    /// One collection to move, or several that a glob matches.
    CollectionEntry {
        /// Name of the source collection, or a glob of names with `*`, `?` and `[…]`.
        #[schemars(required)]
        #[schemars(extend("examples" = ["products", "prod_*"]))]
        pub(in crate::planfile) source: Option<String>,
        /// With a glob: globs of collections to leave out.
        #[schemars(extend("examples" = [["prod_tmp*"]]))]
        pub(in crate::planfile) exclude: Option<Vec<String>>,
        /// Name at the target; may use `{{ name }}`, the source collection's name, and with a
        /// glob it has to. Default: the source's name.
        #[schemars(extend("examples" = ["{{ name }}_v2"]))]
        pub(in crate::planfile) target: Option<String>,
    }
}
