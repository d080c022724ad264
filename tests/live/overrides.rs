//! End to end: each override of a plan file, on real servers: the plan says what is different, one
//! `apply` makes it so, a second plan finds nothing to do, and the rows are there bit for bit.
//!
//! Each test has a database of its own at both ends, so that they all run side by side.

mod adoption;
mod aliases;
mod cut_over;
mod environments;
mod fields;
mod indexes;
mod interrupted;
mod loading;
mod partitions;
mod settings;
