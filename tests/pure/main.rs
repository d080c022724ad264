//! Tests that need no server: the command line, plan files, generated files, the rules of the house.
#![allow(
    deprecated,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::pedantic,
    reason = "a test that cannot continue panics"
)]

mod cli;
mod generated;
mod hostile;
mod mistakes;
mod planfile;
mod tidy;
