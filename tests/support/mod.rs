//! What the tests share: real servers, an independent client, generated rows, the built binary, and
//! a relay that injects faults.
#![allow(
    dead_code,
    deprecated,
    unused_imports,
    unreachable_pub,
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::pedantic,
    reason = "each test binary uses a part of this, and a test that cannot go on panics"
)]

pub mod collection;
pub mod columns;
pub mod data;
#[path = "../fake/fake.rs"]
pub mod fake;
pub mod ferry;
pub mod lab;
pub mod lines;
pub mod loopback;
pub mod pb;
pub mod probe;
pub mod quickstart;
pub mod relay;
pub mod structs;
pub mod table;
pub mod tcp;
pub mod traps;
