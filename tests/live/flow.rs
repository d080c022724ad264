//! The recipes of `examples/ci`, carried out: pull requests on a scratch repository, with a stand-in
//! for what keeps comments and artifacts, between real servers.

mod github;
mod gitlab;
mod recipe;
mod scene;
