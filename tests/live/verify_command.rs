//! The command `verify`, end to end: what it says, writes and returns about real servers.

mod command;
mod explained;
mod lite;
mod loads;
mod million;
