//! The lab that the live tests run on, and the probe that they read with.

mod leftovers;
mod selftest;
