//! The command `verify`, end to end: what it says, writes and returns about real servers.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::pedantic,
    reason = "a test that cannot go on panics"
)]

mod support;

mod verify_command {
    mod command;
    mod explained;
    mod million;
    #[path = "../fidelity/scene.rs"]
    #[allow(dead_code, reason = "the scene of other tests, of which these use a part")]
    mod scene;
}
