//! milvus-ferry
pub mod ledger;
pub mod milvus;
pub mod model;
