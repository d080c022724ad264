//! What somebody does first, end to end on real servers: `init`, its questions, and the examples.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::pedantic,
    reason = "a test that cannot go on panics"
)]

mod support;

mod newcomer {
    mod examples;
    mod init;
    mod questions;
    #[path = "../fidelity/scene.rs"]
    #[allow(dead_code, reason = "the scene of other tests, of which these use a part")]
    mod scene;
}
