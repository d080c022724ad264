//! The mark on a collection that somebody fills: who holds it is in the description of the
//! collection (`catalog`), and the request that creates it carries one.

use std::collections::BTreeMap;

use super::client::Client;
use super::error::Result;
use crate::model::{Flavour, Mark};

impl Client {
    /// Whether the mark is a property of the schema: Milvus Lite 2 forgets those of the collection.
    /// It stays there for good then, as nothing is altered there.
    pub fn marks_schema(&self) -> bool {
        let version = self.version();
        version.flavour == Flavour::Lite && version.older_than(3, 0, 0)
    }

    /// Sets a mark. Others stay. Repeating it succeeds.
    ///
    /// # Errors
    /// [`super::Kind::Unsupported`] where nothing is altered (Milvus Lite 2); or when the call fails.
    pub async fn mark(&self, database: &str, collection: &str, mark: &Mark) -> Result<()> {
        let set = BTreeMap::from([(Mark::property(&mark.owner), mark.value())]);
        self.alter_collection(database, collection, &set, &[]).await
    }

    /// Takes the marks of these owners away: empties them where the server keeps every property, or
    /// would take such a request for the end of the collection's isolation.
    /// Repeating it succeeds.
    ///
    /// # Errors
    /// As [`Client::mark`].
    pub async fn unmark(&self, database: &str, collection: &str, owners: &[String]) -> Result<()> {
        let names = owners.iter().map(|owner| Mark::property(owner));
        let version = self.version();
        let keeps = version.flavour == Flavour::Milvus && version.older_than(2, 4, 0);
        if keeps || self.request_ends_isolation(database, collection).await? {
            let empty = names.map(|name| (name, String::new())).collect();
            self.alter_collection(database, collection, &empty, &[]).await
        } else {
            let names: Vec<String> = names.collect();
            self.alter_collection(database, collection, &BTreeMap::new(), &names).await
        }
    }
}
