//! milvus-ferry
pub mod apply;
pub mod changes;
pub mod copy;
pub mod exit;
pub mod ledger;
pub mod milvus;
pub mod model;
pub mod secret;
pub mod verify;
