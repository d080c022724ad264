//! Moves Milvus collections to another Milvus: declared in a file, reviewed, resumable.
pub mod cli;
pub mod diagnostic;
pub mod env;
pub mod exit;
pub mod milvus;
pub mod model;
pub mod planfile;
pub mod secret;
