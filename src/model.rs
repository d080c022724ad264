//! Plain values that every part of the tool shares: what a collection is, what a key range is, and
//! what a plan file asks for. No protobuf, no input or output.

pub mod collection;
pub mod key;
pub mod migration;
pub mod name;
pub mod quantity;
#[cfg(test)]
pub(crate) mod samples;

pub use collection::{
    Collection, ConsistencyLevel, DYNAMIC_COLUMN, DataType, DynamicData, Field, Index, LoadState,
    Partition, RowSettings, ValueOfDefault,
};
pub use key::{Key, KeyKind, KeyRange};
pub use migration::{
    ByteSize, CollectionRule, CopySettings, Credentials, DynamicField, Endpoint, EnvName, Existing,
    Migration, NameTemplate, PartitionKey, Partitions, Selector, Tls, VerifySettings,
};
