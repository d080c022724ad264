//! The tool's tables say of these servers what they were seen to do.

use milvus_ferry::changes::abilities::{Abilities, Feature};
use milvus_ferry::model::{DataType, FunctionKind, ServerVersion};

use super::expectation::lacks;
use super::groups::Group;
use testkit::lab::Kind;

/// Whether a group is held by the tool's tables; nothing where they do not say.
fn held(server: &Abilities, group: Group) -> Option<bool> {
    use Group as G;
    let vector = |data_type| Some(server.has_type(data_type));
    match group {
        G::Json => Some(server.has_type(DataType::JSON)),
        G::Dynamic => Some(server.has(Feature::DynamicField)),
        G::Arrays => Some(server.has_type(DataType::ARRAY)),
        G::FloatVector => vector(DataType::FLOAT_VECTOR),
        G::BinaryVector => vector(DataType::BINARY_VECTOR),
        G::Float16Vector => vector(DataType::FLOAT16_VECTOR),
        G::BFloat16Vector => vector(DataType::BFLOAT16_VECTOR),
        G::SparseVector => vector(DataType::SPARSE_FLOAT_VECTOR),
        G::Int8Vector => vector(DataType::INT8_VECTOR),
        G::SeveralVectors => Some(server.limits.vector_fields.is_none_or(|most| most > 1)),
        G::NullableScalars | G::NullableArrays | G::NullableDefaults => {
            Some(server.has(Feature::NullableScalars))
        }
        G::NullableFloatVector | G::NullableSparseVector => {
            Some(server.has(Feature::NullableVectors))
        }
        G::Defaults | G::ZeroDefaults => Some(server.has(Feature::DefaultValues)),
        G::PartitionKey => Some(server.has(Feature::PartitionKey)),
        G::Partitions => Some(server.has(Feature::Partitions)),
        G::Geometry => Some(server.has_type(DataType::GEOMETRY)),
        G::Timestamptz => Some(server.has_type(DataType::TIMESTAMPTZ)),
        G::Bm25 => Some(server.has_function(FunctionKind::BM25)),
        G::Scalars | G::HnswIndex => None,
        G::Int64Key | G::VarCharKey | G::AutoInt64Key | G::AutoVarCharKey => None,
    }
}

#[test]
fn the_tables_of_the_tool_say_what_the_servers_do() {
    for (kind, version) in [
        (Kind::Milvus2216, "v2.2.16"),
        (Kind::Milvus235A, "v2.3.5"),
        (Kind::Lite25, "milvus_lite-2.5.1"),
        (Kind::Lite3, "milvus_lite-3.2.2"),
    ] {
        let server = Abilities::of(&ServerVersion::parse(version), None, None);
        for group in Group::ALL {
            let seen = match (kind, group) {
                // It keeps them, and refuses an insert that makes use of one.
                (Kind::Lite25, Group::Defaults) => false,
                // It takes such nulls only where a whole request has no other.
                (Kind::Lite3, Group::NullableSparseVector) => false,
                _ => lacks(kind, group).is_none(),
            };
            if let Some(held) = held(&server, group) {
                assert_eq!(held, seen, "{group:?} in {version}");
            }
        }
    }
}
