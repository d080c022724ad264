//! The double of newer servers: each rule that it keeps is seen to refuse and to let pass, and its
//! answers are laid out as documented.
#![allow(
    deprecated,
    clippy::unwrap_used,
    clippy::panic,
    clippy::pedantic,
    reason = "a test that cannot go on panics"
)]

mod catalog;
mod everything;
mod functions;
mod indexes;
mod judged;
mod layouts;
mod loads;
mod packing;
mod properties;
mod queries;
mod resources;
mod scene;
mod schema;
mod shards;
mod values;
mod zilliz;
