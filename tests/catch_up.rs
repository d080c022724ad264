//! End to end, on real servers: rows that differ after a finished move are named, and the same
//! command mends them; what changed at the source is carried over by `apply --catch-up`. Either way
//! a handful of rows is copied, and nothing is touched that is not ours.
//!
//! Each test has a database of its own at both ends, so that they all run side by side.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::pedantic,
    reason = "a test that cannot go on panics"
)]

mod support;

mod catch_up {
    mod changes;
    mod first_copy;
    mod repair;

    #[path = "../modern/scene.rs"]
    #[allow(dead_code, reason = "shared with the other tests of this kind, which use all of it")]
    mod doubles;
    #[path = "../fidelity/scene.rs"]
    #[allow(dead_code, reason = "shared with the other tests of this kind, which use all of it")]
    mod scene;
}
