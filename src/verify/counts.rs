//! Comparing numbers of rows, and explaining a difference.

/// The rows of one move, counted in four ways.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Counts {
    /// `count(*)` at the source: live rows, duplicate keys counted. `None` before Milvus 2.3.
    pub source_count: Option<u64>,
    /// Rows that were read: distinct keys per partition.
    pub read: u64,
    /// Rows that the target acknowledged.
    pub acknowledged: u64,
    /// `count(*)` at the target.
    pub target_count: Option<u64>,
    /// Distinct keys at the target; counted only where `target_count` is no proof.
    pub target_distinct: Option<u64>,
    /// What explains a difference between these numbers.
    pub explanations: Vec<String>,
    /// Differences that nothing explains.
    pub unexplained: Vec<String>,
}
