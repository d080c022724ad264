//! The list of requests: everything that the tool sends to a server, good and bad.

mod creating;
mod deletes;
mod fields;
mod functions;
mod indexes;
mod keys;
mod loading;
mod names;
mod queries;
mod rows;
mod server;
mod settings;

use super::talk::{Said, Talk};
use testkit::probe::Probe;

/// Sends the whole list to a server that is empty.
pub(super) async fn send(probe: Probe) -> Vec<Said> {
    let mut talk = Talk::new(probe);
    server::list(&mut talk).await;
    names::list(&mut talk).await;
    fields::list(&mut talk).await;
    creating::list(&mut talk).await;
    functions::list(&mut talk).await;
    functions::structs(&mut talk).await;
    indexes::list(&mut talk).await;
    loading::list(&mut talk).await;
    settings::list(&mut talk).await;
    settings::things(&mut talk).await;
    rows::list(&mut talk).await;
    keys::list(&mut talk).await;
    queries::list(&mut talk).await;
    talk.said()
}
