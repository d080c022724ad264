//! Plain values that every part of the tool shares: what a collection is, what a key range is, and
//! what a plan file asks for. No protobuf, no input or output.

mod analyzer;
pub mod collection;
pub mod data_type;
pub mod differences;
pub mod digest;
pub mod inventory;
pub mod key;
pub mod mark;
pub mod migration;
pub mod name;
pub mod policy;
pub mod quantity;
pub mod replicas;
pub mod rows;
pub mod rule;
#[cfg(test)]
pub(crate) mod samples;
pub mod suggestion;
pub mod version;

pub use collection::{
    Collection, ConsistencyLevel, DEFAULT_PARTITION, DYNAMIC_COLUMN, Field, Function, FunctionKind,
    Index, LoadState, Partition, StructField, ValueOfDefault,
};
pub use data_type::DataType;
pub use digest::{Digest, FieldDifference};
pub use key::{Dialect, Key, KeyKind, KeyRange};
pub use mark::Mark;
pub use migration::{
    ByteSize, ContentCheck, CopySettings, Credentials, Endpoint, EnvName, Migration, NameTemplate,
    OnMismatch, SearchCheck, Selector, TargetKind, Tls, VerifySettings,
};
pub use policy::{Placed, Policy, Verification};
pub use replicas::Replicas;
pub use rows::{DynamicData, RowSettings};
pub use rule::{
    AliasRule, AutoId, CollectionRule, DynamicField, Existing, FieldRule, IndexRule, IndexRules,
    IndexSetting, LoadRule, PartitionKey, Partitions, PropertyRules,
};
pub use version::{Flavour, ServerVersion};
