//! Rules that changes have to keep, as a plan file states them.

use std::fmt;

use super::ByteSize;

/// A rule, and where it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placed<T> {
    /// The rule.
    pub value: T,
    /// `file:line` of it, for messages.
    pub location: String,
}

/// What has to be compared at least.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verification {
    /// Numbers of rows.
    Counts,
    /// Some rows.
    Sample,
    /// All rows.
    Full,
}

impl fmt::Display for Verification {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Counts => "counts",
            Self::Sample => "sample",
            Self::Full => "full",
        })
    }
}

/// The rules of a plan file; none where absent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Policy {
    /// Nothing of a collection is left behind.
    pub forbid_lossy: Option<Placed<()>>,
    /// What has to be compared at least.
    pub require_verification: Option<Placed<Verification>>,
    /// Most rows to copy, of all collections together.
    pub max_rows: Option<Placed<u64>>,
    /// Most bytes of them.
    pub max_bytes: Option<Placed<ByteSize>>,
    /// Globs, one of which matches the name of every collection that is written.
    pub collection_names: Option<Placed<Vec<String>>>,
    /// Every collection that is written has a description.
    pub require_description: Option<Placed<()>>,
}
