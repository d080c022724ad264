//! milvus-ferry
pub mod milvus;
