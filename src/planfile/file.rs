//! The plan file exactly as a person writes it, after its templates are rendered.
//!
//! The doc comments of these types are the user's documentation: they become the descriptions of
//! the published schema. Every field is optional for serde, because the schema check reports what
//! is missing or of the wrong type, and the rules then look at everything else.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

/// A milvus-ferry plan file: which collections move from one Milvus to another, and how they
/// change on the way.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "milvus-ferry plan file")]
#[expect(dead_code, reason = "`version`, `vars` and `env` are read before the rest is typed")]
pub(super) struct PlanFile {
    /// Version of this format. This build reads version 1.
    #[schemars(required, extend("const" = 1))]
    pub(super) version: Option<i64>,
    /// Name of the run in the ledger: letters, digits, `.`, `_` and `-`. Default: the file's name
    /// without `.ferry.toml`.
    pub(super) name: Option<String>,
    /// Variables that `{{ templates }}` can use, and their defaults: text, numbers or booleans,
    /// never templates themselves. `[env.NAME]`, `--vars FILE` and `--var NAME=VALUE` override
    /// them, in this order, with values of the same type.
    pub(super) vars: Option<BTreeMap<String, Scalar>>,
    /// Environments, chosen with `--env NAME`: each overrides some of the variables.
    pub(super) env: Option<BTreeMap<String, BTreeMap<String, Scalar>>>,
    /// Where the rows come from.
    #[schemars(required)]
    pub(super) source: Option<SourceEnd>,
    /// Where they go.
    #[schemars(required)]
    pub(super) target: Option<TargetEnd>,
    /// Settings for all collections; a `[[collections]]` entry overrides them.
    pub(super) defaults: Option<Defaults>,
    /// The collections to move.
    #[schemars(required, length(min = 1))]
    pub(super) collections: Option<Vec<CollectionEntry>>,
    /// How the result is checked.
    pub(super) verify: Option<VerifyTable>,
    /// How rows are copied.
    pub(super) copy: Option<CopyTable>,
}

/// A value of a variable.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
#[expect(dead_code, reason = "read before the rest is typed; here for the schema")]
pub(super) enum Scalar {
    Boolean(bool),
    Integer(i64),
    Float(f64),
    Text(String),
}

impl JsonSchema for Scalar {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Scalar".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": ["boolean", "integer", "number", "string"] })
    }
}

/// Makes a struct of its own fields and of those that several tables share. (`serde(flatten)`
/// would do it too, but gives up on unknown keys.)
macro_rules! table {
    (@endpoint $(#[$meta:meta])* $name:ident { $($own:tt)* }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
        #[serde(deny_unknown_fields)]
        pub(super) struct $name {
            /// Address of the server: `http://HOST:PORT` or `https://HOST:PORT`. Default port:
            /// 19530 for `http`, 443 for `https`.
            #[schemars(required)]
            pub(super) endpoint: Option<String>,
            /// User to log in as: `{ env = "NAME" }` with the name of the environment variable
            /// that holds it.
            pub(super) username: Option<FromEnv>,
            /// Password of the user: `{ env = "NAME" }` with the name of the environment variable
            /// that holds it.
            pub(super) password: Option<FromEnv>,
            /// API key, or `user:password`, instead of `username` and `password`:
            /// `{ env = "NAME" }` with the name of the environment variable that holds it.
            pub(super) token: Option<FromEnv>,
            /// Files and names for an `https` endpoint; the system's certificates are trusted
            /// without it.
            pub(super) tls: Option<TlsTable>,
            $($own)*
        }
    };
    (@settings $(#[$meta:meta])* $name:ident { $($own:tt)* }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
        #[serde(deny_unknown_fields)]
        pub(super) struct $name {
            $($own)*
            /// Database of both ends. Default: `default`.
            pub(super) database: Option<String>,
            /// Database at the source. Default: `database`.
            pub(super) source_database: Option<String>,
            /// Database at the target. Default: `database`.
            pub(super) target_database: Option<String>,
            /// Description at the target; may use `{{ name }}`, the source collection's name.
            /// Default: the source's description.
            #[expect(dead_code, reason = "read before it is rendered; here for the schema")]
            pub(super) description: Option<String>,
            /// The dynamic field at the target: `"keep"` it as at the source, `true` or `false`.
            /// `false` refuses a source with dynamic data unless `drop_dynamic_data = true`.
            /// Default: `"keep"`.
            pub(super) dynamic_field: Option<DynamicFieldSetting>,
            /// With `dynamic_field = false`: accept that dynamic data is left behind. Default:
            /// `false`.
            pub(super) drop_dynamic_data: Option<bool>,
            /// The partition key at the target: `"keep"` it as at the source, `"none"`, or
            /// `{ field = "NAME", partitions = 64 }`. Default: `"keep"`.
            pub(super) partition_key: Option<PartitionKeySetting>,
            /// The user's partitions at the target: `"keep"` them, or `"merge"` all rows into
            /// one. Default: `"keep"`.
            pub(super) partitions: Option<PartitionsSetting>,
            /// What to do when the target collection is there already and no run of this plan
            /// made it: `"refuse"`, or `"adopt"` it when its schema is the wanted one. Default:
            /// `"refuse"`.
            pub(super) existing: Option<ExistingSetting>,
        }
    };
}

table! {@endpoint
    /// Where the rows come from.
    SourceEnd {
        /// Whether a source collection that is not loaded may be loaded for the copy, and
        /// released afterwards. Default: `false`.
        pub(super) load: Option<bool>,
    }
}

table! {@endpoint
    /// Where the rows go.
    TargetEnd {}
}

/// A credential: the name of the environment variable that holds it, never its value.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct FromEnv {
    /// Name of the environment variable, in capital letters, digits and `_`.
    #[schemars(required, regex(pattern = "^[A-Z_][A-Z0-9_]*$"))]
    pub(super) env: Option<String>,
}

/// TLS settings of an `https` endpoint. Files are relative to the plan file.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct TlsTable {
    /// PEM file with the certificates to trust instead of the system's.
    pub(super) ca_file: Option<String>,
    /// PEM file with our certificate, for servers that ask for one; needs `client_key_file`.
    pub(super) client_cert_file: Option<String>,
    /// PEM file with the key of `client_cert_file`.
    pub(super) client_key_file: Option<String>,
    /// Name to expect in the server's certificate. Default: the endpoint's host.
    pub(super) server_name: Option<String>,
}

table! {@settings
    /// Settings for all collections; a `[[collections]]` entry overrides them.
    Defaults {}
}

table! {@settings
    /// One collection to move, or several that a glob matches.
    CollectionEntry {
        /// Name of the source collection, or a glob of names with `*`, `?` and `[…]`.
        #[schemars(required)]
        pub(super) source: Option<String>,
        /// With a glob: globs of collections to leave out.
        pub(super) exclude: Option<Vec<String>>,
        /// Name at the target; may use `{{ name }}`, the source collection's name, and with a
        /// glob it has to. Default: the source's name.
        pub(super) target: Option<String>,
    }
}

/// `"keep"`, `true` or `false`.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(super) enum DynamicFieldSetting {
    /// As at the source.
    Keep(Keep),
    /// On or off.
    Switch(bool),
}

/// As at the source.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Keep {
    /// As at the source.
    Keep,
}

/// `"keep"`, `"none"` or `{ field = "NAME", partitions = 64 }`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(super) enum PartitionKeySetting {
    /// As at the source, or none.
    Word(PartitionKeyWord),
    /// A field.
    Field(PartitionKeyTable),
}

/// What becomes of the partition key.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum PartitionKeyWord {
    /// As at the source.
    Keep,
    /// None at the target.
    None,
}

/// The field whose values choose the partition.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PartitionKeyTable {
    /// Name of an `Int64` or `VarChar` field that is not the primary key.
    #[schemars(required)]
    pub(super) field: Option<String>,
    /// Number of partitions to spread over. Default: the target's own.
    #[schemars(range(min = 1, max = 4096))]
    pub(super) partitions: Option<i64>,
}

/// What becomes of the user's partitions.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum PartitionsSetting {
    /// Made and filled at the target as at the source.
    Keep,
    /// All rows together; the names of the partitions are lost.
    Merge,
}

/// What to do with a target collection that is there already.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum ExistingSetting {
    /// Refuse.
    Refuse,
    /// Write into it when its schema is the wanted one.
    Adopt,
}

/// How the result is checked.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct VerifyTable {
    /// Compare the numbers of rows. Default: `true`.
    pub(super) counts: Option<bool>,
}

/// How rows are copied.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CopyTable {
    /// Readers, and writers, at work at a time. Default: 2.
    #[schemars(range(min = 1, max = 64))]
    pub(super) parallelism: Option<i64>,
    /// Upper bound of the bytes of rows in memory, such as `"512MiB"`; at least `"64MiB"` and
    /// four times `chunk_size`. Default: `"512MiB"`.
    #[schemars(regex(pattern = "^[0-9]+ ?(B|KB|MB|GB|KiB|MiB|GiB)$"))]
    pub(super) memory_limit: Option<String>,
    /// Size to aim at for one request, from `"64KiB"` to `"32MiB"`. Default: `"8MiB"`.
    #[schemars(regex(pattern = "^[0-9]+ ?(B|KB|MB|GB|KiB|MiB|GiB)$"))]
    pub(super) chunk_size: Option<String>,
    /// How long a failing call is tried again before the run stops, resumable; such as `"90s"`
    /// or `"1h30m"`. Default: `"5m"`.
    #[schemars(regex(pattern = "^([0-9]+(ms|s|m|h|d))+$"))]
    pub(super) retry_for: Option<String>,
}
