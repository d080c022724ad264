//! milvus-ferry
pub mod changes;
pub mod milvus;
pub mod model;
pub mod secret;
pub mod exit;
