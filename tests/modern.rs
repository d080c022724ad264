//! End to end between doubles of Milvus 2.4 to 3.0 and Zilliz Cloud: what the built binary moves
//! arrives bit for bit, with all that describes it, and what cannot is refused by name.
#![allow(
    deprecated,
    clippy::unwrap_used,
    clippy::panic,
    clippy::pedantic,
    reason = "a test that cannot go on panics"
)]

mod support;

mod modern {
    mod aliases;
    mod counts;
    mod defaults;
    mod examples;
    mod existing;
    mod fields;
    mod forgetful;
    mod functions;
    mod init;
    mod nulls;
    mod pairs;
    mod scene;
    mod structs;
    mod zilliz;
}
