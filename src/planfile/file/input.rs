//! The tables that declare inputs.

use schemars::JsonSchema;
use serde::Deserialize;

use super::Scalar;

/// A variable that has to be given.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "read before the rest is typed; here for the schema")]
pub(in crate::planfile) struct InputTable {
    /// What its values are: `"string"`, `"integer"`, `"number"` or `"boolean"`.
    #[schemars(required)]
    pub(in crate::planfile) r#type: Option<InputKind>,
    /// What it is for; said where it is missing.
    pub(in crate::planfile) description: Option<String>,
    /// Its value where none is given. Without a default, one has to be given.
    pub(in crate::planfile) default: Option<Scalar>,
    /// The only values that it takes. Default: any of its type.
    #[schemars(length(min = 1))]
    pub(in crate::planfile) choices: Option<Vec<Scalar>>,
}

/// What the values of an input are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::planfile) enum InputKind {
    /// Text.
    String,
    /// A whole number.
    Integer,
    /// A number.
    Number,
    /// `true` or `false`.
    Boolean,
}
