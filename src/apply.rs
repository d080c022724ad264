//! Carries changes out.
pub mod event;
