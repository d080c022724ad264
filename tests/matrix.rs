//! What moves between real servers of different kinds: every group of types, from each of Milvus
//! 2.2.16, Milvus 2.3.5, Milvus Lite 2.5.1 and Milvus Lite 3.2.2 to each of them.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::pedantic,
    reason = "a test that cannot go on panics"
)]

mod support;

mod matrix {
    mod expectation;
    mod groups;
    mod holding;
    mod lite;
    mod pair;
    mod pairs;
}
