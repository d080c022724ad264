//! End to end: what the built binary moves from one real server to another arrives with every row
//! and every column as it was, read back through a client of the tests' own.
//!
//! Each test has a database of its own at both ends, so that they all run side by side.

mod every_type;
mod existing;
mod fields;
mod keys;
mod loading;
mod naming;
mod partitions;
mod versions;
