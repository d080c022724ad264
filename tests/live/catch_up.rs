//! End to end, on real servers: rows that differ after a finished move are named, and the same
//! command mends them; what changed at the source is carried over by `apply --catch-up`. Either way
//! a handful of rows is copied, and nothing is touched that is not ours.
//!
//! Each test has a database of its own at both ends, so that they all run side by side.

mod changes;
mod repair;
