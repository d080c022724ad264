//! The real binary against real servers while everything around it fails: it is killed and
//! interrupted, answers are lost, servers go away, disks fill up, passwords are wrong. In the end
//! the target holds exactly the source's rows, or the run said why not and wrote nothing.
#![allow(
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on panics, and nobody imports one"
)]

mod support;

#[path = "faults/access.rs"]
mod access;
#[path = "faults/answers.rs"]
mod answers;
#[path = "faults/away.rs"]
mod away;
#[path = "faults/heal.rs"]
mod heal;
#[path = "faults/history.rs"]
mod history;
#[path = "faults/interrupt.rs"]
mod interrupt;
#[path = "faults/kill.rs"]
mod kill;
#[path = "faults/ledger.rs"]
mod ledger;
#[path = "faults/limits.rs"]
mod limits;
#[path = "faults/link.rs"]
mod link;
#[path = "faults/outcome.rs"]
mod outcome;
#[path = "faults/poison.rs"]
mod poison;
#[path = "faults/secrets.rs"]
mod secrets;
#[path = "faults/selection.rs"]
mod selection;
#[path = "faults/several.rs"]
mod several;
#[path = "faults/world.rs"]
mod world;
#[path = "faults/written.rs"]
mod written;
