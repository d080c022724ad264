//! The real binary against real servers while everything around it fails: it is killed and
//! interrupted, answers are lost, servers go away, disks fill up, passwords are wrong. In the end
//! the target holds exactly the source's rows, or the run said why not and wrote nothing.

mod access;
mod answers;
mod away;
mod heal;
mod history;
mod interrupt;
mod kill;
mod ledger;
mod limits;
mod link;
mod outcome;
mod poison;
mod secrets;
mod selection;
mod several;
mod world;
mod written;
