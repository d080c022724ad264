//! The same searches at both ends, and the schema of the target against the source and the wanted
//! one: with the library alone, on real servers.
#![allow(
    deprecated,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on panics"
)]

mod support;

mod parity {
    mod doubles;
    mod scene;
    mod schema;
    mod searches;
}
