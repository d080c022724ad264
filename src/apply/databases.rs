//! Creating databases: for collections, and such that hold none.

use super::{Failure, Outcome, Run, Status, Turn};
use crate::changes::{Changes, NewDatabase};

/// Creates the databases that hold no collection; those that could not be created are returned.
pub(super) async fn create(run: &Run<'_>, changes: &Changes) -> Vec<Outcome> {
    let mut failed = Vec::new();
    for NewDatabase { name, properties } in &changes.databases {
        if run.stop.is_cancelled() {
            break;
        }
        tracing::info!(database = name, "Create an empty database.");
        if let Err(error) = run.target.create_database(name, properties).await {
            let mut outcome = Outcome::of(name, name);
            outcome.status = match Failure::from(error) {
                Failure::Stopped => Status::Stopped,
                failure => Status::Failed(failure.to_string()),
            };
            failed.push(outcome);
        }
    }
    failed
}

impl Turn<'_> {
    /// Makes a database, unless another collection's turn did.
    pub(super) async fn create_database(&self, name: &str) -> Result<(), Failure> {
        let mut made = self.common.made_databases.lock().await;
        if !made.contains(name) {
            self.step("create database").await;
            let properties = &self.change.database_properties;
            self.target.create_database(name, properties).await?;
            made.insert(name.to_owned());
        }
        Ok(())
    }
}
