//! What stands against a plan is found before anything is made: privileges that are missing, quotas
//! that are used up, and what a target would drop without a word or die of. The real binary against
//! real servers, and against doubles of those that cannot run here.
#![allow(
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on panics, and nobody imports one"
)]

mod support;

#[path = "preflight/holding.rs"]
mod holding;
#[path = "preflight/online.rs"]
mod online;
#[path = "preflight/permission.rs"]
mod permission;
#[path = "preflight/quota.rs"]
mod quota;
