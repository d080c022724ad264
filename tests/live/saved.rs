//! End to end: changes that are saved, shown and applied, on real servers: whatever moves in between
//! is named and stops them, and what may move does not.
//!
//! Each test has a database of its own at both ends, so that they all run side by side.

mod files;
mod kept;
mod moved;
