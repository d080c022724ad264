//! The table that says how the result is checked.

use schemars::JsonSchema;
use serde::Deserialize;

use super::Whole;

/// How the result is checked.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::planfile) struct VerifyTable {
    /// Compare the numbers of rows. Default: `true`.
    pub(in crate::planfile) counts: Option<bool>,
    /// Which rows `apply` compares at both ends, value by value, when they have been copied:
    /// `"off"`, `"sample"` or `"full"`. The command `verify` compares all where this is `"off"`.
    /// Default: `"off"`.
    pub(in crate::planfile) content: Option<ContentWord>,
    /// Rows of each collection that a sample has; more of them say more about the rest: of 10000,
    /// that with 95 % confidence fewer than 0.03 % of the rows differ. Default: 10000.
    #[schemars(range(min = 100, max = 10_000_000))]
    pub(in crate::planfile) sample_rows: Option<Whole>,
    /// Run the same searches at both ends and compare their results; `{}` for the defaults.
    /// Without it none are run.
    pub(in crate::planfile) search: Option<SearchTable>,
    /// What is done when `apply` finds rows that differ: `"fail"` names them; `"repair"` copies
    /// those that are missing or different again, and compares again. Default: `"fail"`.
    pub(in crate::planfile) on_mismatch: Option<MismatchWord>,
    /// With `on_mismatch = "repair"`: delete rows that are at the target only, where the
    /// collection was made by this plan. Default: `false`.
    pub(in crate::planfile) delete_extra: Option<bool>,
}

/// Which rows are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::planfile) enum ContentWord {
    /// None.
    Off,
    /// Some, chosen at random.
    Sample,
    /// All.
    Full,
}

/// Searches that are run at both ends.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::planfile) struct SearchTable {
    /// Searches for each vector field, with vectors of the source. Default: 100.
    #[schemars(range(min = 1, max = 10_000))]
    pub(in crate::planfile) queries: Option<Whole>,
    /// Results that each search asks for. Default: 10.
    #[schemars(range(min = 1, max = 16_384))]
    pub(in crate::planfile) top_k: Option<Whole>,
    /// Least share of the source's results that the target has to give as well, on average: from
    /// 0 to 1. Default: 0.99.
    #[schemars(range(min = 0, max = 1))]
    pub(in crate::planfile) min_overlap: Option<f64>,
}

/// What is done when rows differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::planfile) enum MismatchWord {
    /// They are named.
    Fail,
    /// They are copied again.
    Repair,
}
