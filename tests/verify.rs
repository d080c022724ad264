//! Verification between real servers and doubles: what was spoiled is found and named, what is
//! explained is, and nothing else is said to be the same.
#![allow(
    deprecated,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::pedantic,
    reason = "a test that cannot go on panics"
)]

mod support;

mod verify {
    mod expired;
    mod explained;
    mod faults;
    mod resumed;
    mod sampled;
    mod scene;
    mod spoiled;
    mod stored;
}
