//! The plan file exactly as a person writes it, after its templates are rendered.
//!
//! The doc comments of these types are the user's documentation: they become the descriptions of
//! the published schema. Every field is optional for serde, because the schema check reports what
//! is missing or of the wrong type, and the rules then look at everything else.

mod collection;
mod endpoint;
mod index;
mod input;
mod policy;
mod setting;
mod verify;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

pub(super) use collection::{CollectionEntry, Defaults};
pub(super) use endpoint::{FromEnv, SourceEnd, TargetEnd, TargetKindWord, TlsTable};
pub(super) use index::{FieldIndexSetting, IndexTable, IndexWord, IndexesSetting};
pub(super) use input::InputTable;
pub(super) use policy::{PolicyTable, RequiredWord};
pub(super) use setting::{
    AliasWord, AliasesSetting, AutoIdSetting, ConsistencyWord, DynamicFieldSetting,
    ExistingSetting, FieldTable, LoadSetting, PartitionKeySetting, PartitionKeyWord,
    PartitionsSetting, PartitionsWord, PropertiesTable,
};
pub(super) use verify::{ContentWord, MismatchWord, SearchTable, VerifyTable};

/// A milvus-ferry plan file: which collections move from one Milvus to another, and how they
/// change on the way.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "milvus-ferry plan file")]
#[expect(dead_code, reason = "some tables are read before the rest is typed")]
pub(super) struct PlanFile {
    /// Version of this format. This build reads version 1.
    #[schemars(required, extend("const" = 1))]
    pub(super) version: Option<Whole>,
    /// Name of the run in the ledger: letters, digits, `.`, `_` and `-`. Default: the file's name
    /// without `.ferry.toml`.
    #[schemars(extend("examples" = ["catalog-{{ stage }}"]))]
    pub(super) name: Option<String>,
    /// Files with parts of this plan: `[defaults]`, `[inputs]`, `[vars]`, `[env.NAME]`, `[verify]`,
    /// `[copy]`, `[policy]` and `[[collections]]`. Paths are relative to this file. What a file
    /// says wins over the files that it includes, key by key; of those, later ones win. Their
    /// collections come first. Each of them begins with `version = 1`, too.
    #[schemars(extend("examples" = [["common.ferry.toml"]]))]
    pub(super) include: Option<Vec<String>>,
    /// Variables that have to be given, by `[env.NAME]`, `--vars FILE` or `--var NAME=VALUE`,
    /// unless they have a default: `[inputs.NAME]`.
    #[schemars(extend("examples" = [{ "stage": { "type": "string", "description": "Which cluster it is for", "choices": ["staging", "prod"] } }]))]
    pub(super) inputs: Option<BTreeMap<String, InputTable>>,
    /// Variables that `{{ templates }}` can use, and their defaults: text, numbers or booleans,
    /// never templates themselves. `[env.NAME]`, `--vars FILE` and `--var NAME=VALUE` override
    /// them, in this order, with values of the same type.
    #[schemars(extend("examples" = [{ "suffix": "_v2", "parallelism": 8 }]))]
    pub(super) vars: Option<BTreeMap<String, Scalar>>,
    /// Environments, chosen with `--env NAME`: each overrides some of the variables.
    #[schemars(extend("examples" = [{ "prod": { "suffix": "", "parallelism": 16 } }]))]
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
    /// Rules that the changes have to keep: where they break one, `plan` says which, and `apply`
    /// refuses.
    pub(super) policy: Option<PolicyTable>,
}

/// A whole number. To JSON Schema `2.0` is one as well.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "f64")]
pub(super) struct Whole(pub(super) i64);

impl TryFrom<f64> for Whole {
    type Error = std::num::ParseIntError;

    fn try_from(number: f64) -> Result<Self, Self::Error> {
        number.to_string().parse().map(Self)
    }
}

impl JsonSchema for Whole {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Whole".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "integer" })
    }
}

/// A value of a variable, or of a parameter.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(untagged)]
pub(super) enum Scalar {
    Boolean(bool),
    Integer(i64),
    Float(f64),
    Text(String),
}

impl Scalar {
    /// The value as text: numbers and booleans as JSON writes them.
    pub(super) fn to_text(&self) -> String {
        match self {
            Self::Boolean(flag) => flag.to_string(),
            Self::Integer(number) => number.to_string(),
            Self::Float(number) => Value::from(*number).to_string(),
            Self::Text(text) => text.clone(),
        }
    }
}

impl JsonSchema for Scalar {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Scalar".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": ["boolean", "integer", "number", "string"] })
    }
}

/// How rows are copied.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CopyTable {
    /// Most readers, and most writers, at work at a time, over all collections. How many of them
    /// there are is found by measuring, so a high value does no harm. Default: 8.
    #[schemars(range(min = 1, max = 64))]
    pub(super) parallelism: Option<Whole>,
    /// Most collections whose turn it is at a time; the largest come first. Default: 4.
    #[schemars(range(min = 1, max = 64))]
    pub(super) parallel_collections: Option<Whole>,
    /// Upper bound of the bytes of rows in memory, such as `"512MiB"`; at least `"64MiB"`, four
    /// times `chunk_size`, and twice `max_request_size`. Default: `"512MiB"`.
    #[schemars(regex(pattern = "^[0-9]+ ?(B|KB|MB|GB|KiB|MiB|GiB)$"))]
    #[schemars(extend("examples" = ["512MiB"]))]
    pub(super) memory_limit: Option<String>,
    /// Size to aim at for one request, from `"64KiB"` to `"32MiB"`. Default: `"8MiB"`.
    #[schemars(regex(pattern = "^[0-9]+ ?(B|KB|MB|GB|KiB|MiB|GiB)$"))]
    #[schemars(extend("examples" = ["8MiB"]))]
    pub(super) chunk_size: Option<String>,
    /// Size that no answer and no request exceeds, unless it is a single row: from `"1MiB"` to
    /// `"60MiB"`, as servers take 64 MiB, and at least `chunk_size`. Default: twice
    /// `chunk_size`.
    #[schemars(regex(pattern = "^[0-9]+ ?(B|KB|MB|GB|KiB|MiB|GiB)$"))]
    #[schemars(extend("examples" = ["16MiB"]))]
    pub(super) max_request_size: Option<String>,
    /// Most bytes of rows to read in a second, on average, such as `"40MB/s"`. Default: no bound.
    #[schemars(regex(pattern = "^[0-9]+ ?(B|KB|MB|GB|KiB|MiB|GiB)/s$"))]
    #[schemars(extend("examples" = ["40MB/s"]))]
    pub(super) max_read_rate: Option<String>,
    /// Most bytes of rows to write in a second, on average, such as `"40MB/s"`. Default: no bound
    /// but the quota of the target, where its plan is known.
    #[schemars(regex(pattern = "^[0-9]+ ?(B|KB|MB|GB|KiB|MiB|GiB)/s$"))]
    #[schemars(extend("examples" = ["40MB/s"]))]
    pub(super) max_write_rate: Option<String>,
    /// Rows of each collection that the target may refuse: so many are set aside, named by their
    /// keys in `NAME.rejects.jsonl` beside the ledger; with one more the copy stops. Default: 0.
    #[schemars(range(min = 0, max = 1_000_000))]
    pub(super) max_rejected_rows: Option<Whole>,
    /// How long a failing call is tried again before the run stops, resumable; such as `"90s"`
    /// or `"1h30m"`. Default: `"5m"`.
    #[schemars(regex(pattern = "^([0-9]+(ms|s|m|h|d))+$"))]
    #[schemars(extend("examples" = ["90s", "1h30m"]))]
    pub(super) retry_for: Option<String>,
}
