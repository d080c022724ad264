//! Tests on real servers: what only a server can show. They share the servers of one lab, and each
//! has databases or names of its own there, so that they all run side by side.
#![allow(
    deprecated,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::pedantic,
    reason = "a test that cannot continue panics"
)]

mod asking;
mod catch_up;
mod client;
mod faults;
mod fidelity;
mod field;
mod flow;
mod fronts;
mod identity;
mod lab;
mod made_up_keys;
mod matrix;
mod newcomer;
mod overrides;
mod ownership;
mod parity;
mod preflight;
mod rehearse;
mod rows;
mod saved;
mod states;
mod verify;
mod verify_command;
