//! The recipes of `examples/ci`, carried out: pull requests on a scratch repository, with a stand-in
//! for what keeps comments and artifacts, between real servers.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::pedantic,
    reason = "a test that cannot go on panics"
)]

mod support;

mod flow {
    mod github;
    mod gitlab;
    mod recipe;
    mod scene;
}
