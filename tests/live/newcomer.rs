//! What somebody does first, end to end on real servers: `init`, its questions, and the examples.

mod examples;
mod init;
mod questions;
