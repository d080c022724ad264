//! End to end: changes that are saved, shown and applied, on real servers: whatever moves in between
//! is named and stops them, and what may move does not.
//!
//! Each test has a database of its own at both ends, so that they all run side by side.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::pedantic,
    reason = "a test that cannot go on panics"
)]

mod support;

mod saved {
    mod files;
    mod kept;
    mod moved;

    #[path = "../overrides/place.rs"]
    #[allow(dead_code, reason = "shared with the tests of overrides, which use all of it")]
    mod place;
    #[path = "../fidelity/scene.rs"]
    #[allow(dead_code, reason = "shared with the other tests of this kind, which use all of it")]
    mod scene;
}
