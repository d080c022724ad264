//! Proof that the target holds what the source gave.

pub mod counts;
