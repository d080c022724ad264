//! What ought to happen: which server lacks which group, and what follows for a pair of them.

use super::groups::Group;
use testkit::lab::Kind;

/// Codes of the findings by which the tool refuses what the target cannot hold.
const LACKS_TYPE: &str = "target_lacks_type";
const LACKS_NULLABLE: &str = "target_lacks_nullable";
const LACKS_DEFAULT: &str = "target_lacks_default";
const LACKS_FUNCTIONS: &str = "target_lacks_functions";
const LACKS_FEATURE: &str = "target_lacks_feature";
const TOO_MANY_VECTORS: &str = "too_many_vector_fields";
/// The source describes the output of a function and not the function.
const UNTOLD_FUNCTION: &str = "function_not_described";

/// How it shows that a server cannot hold a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lacks {
    /// The collection is not made.
    CreateRefused,
    /// A partition is not made.
    PartitionRefused,
    /// The collection is made and cannot be described.
    NotDescribed,
    /// The collection is made and described without what was asked for.
    Dropped,
    /// Rows are not taken.
    InsertRefused,
    /// The index is not made.
    IndexRefused,
    /// The server dies of it, once there are rows.
    Kills,
    /// Rows are taken, and cannot be asked for.
    NotRead,
    /// Rows come back with other values.
    ValuesChange,
}

/// How a server lacks a group; nothing where it holds it. Each pair's test tries it.
pub(super) fn lacks(server: Kind, group: Group) -> Option<Lacks> {
    use Group as G;
    use Lacks as L;
    match server {
        Kind::Milvus2216 => match group {
            G::Arrays | G::NullableArrays => Some(L::CreateRefused),
            G::Float16Vector | G::BFloat16Vector | G::SparseVector | G::Int8Vector => {
                Some(L::CreateRefused)
            }
            G::SeveralVectors | G::NullableSparseVector | G::AutoVarCharKey => {
                Some(L::CreateRefused)
            }
            G::NullableDefaults => Some(L::Dropped),
            G::Geometry | G::Timestamptz | G::Bm25 => Some(L::CreateRefused),
            G::NullableScalars | G::NullableFloatVector => Some(L::Dropped),
            G::Defaults | G::ZeroDefaults => Some(L::Dropped),
            _ => None,
        },
        Kind::Milvus235A | Kind::Milvus235B => match group {
            G::BFloat16Vector | G::SparseVector | G::Int8Vector | G::Geometry => {
                Some(L::InsertRefused)
            }
            G::SeveralVectors => Some(L::CreateRefused),
            G::NullableScalars | G::NullableArrays => Some(L::Dropped),
            G::NullableFloatVector | G::NullableSparseVector => Some(L::Dropped),
            G::NullableDefaults => Some(L::Dropped),
            G::Timestamptz => Some(L::Kills),
            G::Bm25 => Some(L::Dropped),
            _ => None,
        },
        Kind::Lite25 => match group {
            G::HnswIndex => Some(L::IndexRefused),
            G::Int8Vector | G::Geometry | G::Timestamptz => Some(L::CreateRefused),
            G::NullableScalars | G::NullableArrays => Some(L::CreateRefused),
            G::NullableFloatVector | G::NullableSparseVector => Some(L::CreateRefused),
            G::NullableDefaults => Some(L::CreateRefused),
            G::ZeroDefaults => Some(L::NotDescribed),
            G::PartitionKey => Some(L::NotRead),
            G::Partitions => Some(L::PartitionRefused),
            _ => None,
        },
        Kind::Lite3 => match group {
            G::BinaryVector | G::Float16Vector | G::BFloat16Vector | G::Int8Vector => {
                Some(L::CreateRefused)
            }
            G::AutoVarCharKey => Some(L::CreateRefused),
            G::NullableFloatVector => Some(L::ValuesChange),
            _ => None,
        },
    }
}

/// What ought to happen to a group between two servers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Expectation {
    /// Every value arrives as it is at the source.
    Moves,
    /// `plan` refuses with a finding of this code, and nothing is made at the target.
    Refused(&'static str),
    /// The source cannot hold it.
    NotAtSource,
}

pub(super) fn expectation(from: Kind, to: Kind, group: Group) -> Expectation {
    match (from, to, group) {
        // The server knows its function, only its descriptions do not tell of it.
        (Kind::Lite25, _, Group::Bm25) => return Expectation::Refused(UNTOLD_FUNCTION),
        (_, _, _) if lacks(from, group).is_some() => return Expectation::NotAtSource,
        // It has them only where a whole request leaves them out.
        (_, Kind::Lite3, Group::NullableSparseVector) => {
            return Expectation::Refused(LACKS_NULLABLE);
        }
        // It keeps them, and refuses an insert that makes use of one.
        (_, Kind::Lite25, Group::Defaults | Group::ZeroDefaults) => {
            return Expectation::Refused(LACKS_DEFAULT);
        }
        // Another type of index takes its place.
        (_, _, Group::HnswIndex) => return Expectation::Moves,
        // Keys that the source made are given ones at the target.
        (_, _, Group::AutoVarCharKey) => return expectation(from, to, Group::VarCharKey),
        _ => {}
    }
    match lacks(to, group) {
        None => Expectation::Moves,
        Some(_) => Expectation::Refused(refusal_code(group)),
    }
}

/// By which code a group is refused that the target lacks.
fn refusal_code(group: Group) -> &'static str {
    match group {
        Group::NullableScalars
        | Group::NullableArrays
        | Group::NullableFloatVector
        | Group::NullableSparseVector
        | Group::NullableDefaults => LACKS_NULLABLE,
        Group::Defaults | Group::ZeroDefaults => LACKS_DEFAULT,
        Group::Bm25 => LACKS_FUNCTIONS,
        Group::PartitionKey | Group::Partitions => LACKS_FEATURE,
        Group::SeveralVectors => TOO_MANY_VECTORS,
        _ => LACKS_TYPE,
    }
}
