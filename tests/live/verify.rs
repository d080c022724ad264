//! Verification between real servers and doubles: what was spoiled is found and named, what is
//! explained is, and nothing else is said to be the same.

mod explained;
mod sampled;
mod spoiled;
mod stored;
