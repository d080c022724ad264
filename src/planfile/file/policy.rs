//! The table of rules that the changes have to keep.

use schemars::JsonSchema;
use serde::Deserialize;

use super::Whole;

/// Rules that the changes have to keep.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::planfile) struct PolicyTable {
    /// Nothing of a collection is left behind: no field, no dynamic data, no default value, no
    /// partition, and no partition's name. Default: `false`.
    pub(in crate::planfile) forbid_lossy: Option<bool>,
    /// What `[verify]` has to compare at least: `"counts"`, `"sample"` or `"full"`. Default:
    /// nothing.
    pub(in crate::planfile) require_verification: Option<RequiredWord>,
    /// Most rows that are still to be copied, of all collections together. Rows that a source does
    /// not count are a breach. Default: no bound.
    #[schemars(range(min = 0))]
    #[schemars(extend("examples" = [100_000_000]))]
    pub(in crate::planfile) max_rows: Option<Whole>,
    /// Most bytes of those rows, estimated from a sample, such as `"200GiB"`. Default: no bound.
    #[schemars(regex(pattern = "^[0-9]+ ?(B|KB|MB|GB|KiB|MiB|GiB)$"))]
    #[schemars(extend("examples" = ["200GiB"]))]
    pub(in crate::planfile) max_bytes: Option<String>,
    /// Globs of names: every collection that is written has a name at the target that one of them
    /// matches. Default: any name.
    #[schemars(length(min = 1))]
    #[schemars(extend("examples" = [["prod_*", "*_v2"]]))]
    pub(in crate::planfile) collection_names: Option<Vec<String>>,
    /// Every collection that is written has a description at the target. Default: `false`.
    pub(in crate::planfile) require_description: Option<bool>,
}

/// What has to be compared at least.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::planfile) enum RequiredWord {
    /// Numbers of rows.
    Counts,
    /// Some rows, chosen at random.
    Sample,
    /// All rows.
    Full,
}
