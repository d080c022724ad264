//! What people and machines read: the changes, progress, and the final summary.
//!
//! Values go in, text comes out; nothing here asks a server or the ledger. Whatever text comes from
//! a server passes [`text::escape`] before it can reach a terminal.

pub mod differences;
pub mod document;
pub mod environments;
pub mod file;
mod markdown;
mod page;
pub mod plan;
pub mod progress;
pub mod rehearsal;
pub mod size;
pub mod style;
pub mod summary;
pub mod text;
pub mod verification;

#[cfg(test)]
mod samples;
#[cfg(test)]
mod tests;
