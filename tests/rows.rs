//! Rows on their way from one server to another, with the copy path alone: the target is made by
//! hand, without plan file or command.
#![allow(
    deprecated,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on panics"
)]

mod support;

mod rows {
    mod digests;
    mod every_type;
    mod scene;
    mod settings;
}
