//! milvus-ferry
pub mod apply;
pub mod changes;
pub mod cli;
pub mod copy;
pub mod diagnostic;
pub mod env;
pub mod exit;
pub mod ledger;
pub mod milvus;
pub mod model;
pub mod planfile;
pub mod report;
pub mod secret;
pub mod verify;
