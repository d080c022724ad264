//! Aliases: other names that lead to a collection. Who has one is found by describing the
//! collection by that name.

use super::client::{CHANGE, Client, LOOKUP};
use super::error::{Error, Kind, Result};
use super::pb::milvus as pb;

impl Client {
    /// The aliases of a collection, or `None` where the server does not tell them in this way (2.2
    /// and Milvus Lite 2). Milvus, but not Milvus Lite, describes them with the collection too.
    ///
    /// # Errors
    /// When the call fails for another reason.
    pub async fn list_aliases(
        &self,
        database: &str,
        collection: &str,
    ) -> Result<Option<Vec<String>>> {
        let message = pb::ListAliasesRequest {
            db_name: database.to_owned(),
            collection_name: collection.to_owned(),
            ..Default::default()
        };
        let answer = self
            .repeat("ListAliases", database, LOOKUP, message, |mut c, r| async move {
                c.list_aliases(r).await
            })
            .await;
        match answer {
            Ok(answer) => Ok(Some(answer.aliases)),
            Err(error) if error.kind == Kind::Unsupported => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Gives a collection an alias that nothing has yet. Repeating it succeeds.
    ///
    /// # Errors
    /// When another collection has it, or the call fails.
    pub async fn create_alias(&self, database: &str, alias: &str, collection: &str) -> Result<()> {
        let message = pb::CreateAliasRequest {
            db_name: database.to_owned(),
            collection_name: collection.to_owned(),
            alias: alias.to_owned(),
            ..Default::default()
        };
        let made = self
            .repeat("CreateAlias", database, CHANGE, message, |mut c, r| async move {
                c.create_alias(r).await
            })
            .await;
        match made {
            Ok(_) => Ok(()),
            Err(error) => self.unless_it_leads_there(error, database, alias, collection).await,
        }
    }

    /// Moves an alias that another collection has to this one. Repeating it succeeds.
    ///
    /// # Errors
    /// When nothing has that alias, or the call fails.
    pub async fn alter_alias(&self, database: &str, alias: &str, collection: &str) -> Result<()> {
        let message = pb::AlterAliasRequest {
            db_name: database.to_owned(),
            collection_name: collection.to_owned(),
            alias: alias.to_owned(),
            ..Default::default()
        };
        let moved = self
            .repeat("AlterAlias", database, CHANGE, message, |mut c, r| async move {
                c.alter_alias(r).await
            })
            .await;
        match moved {
            Ok(_) => Ok(()),
            Err(error) => self.unless_it_leads_there(error, database, alias, collection).await,
        }
    }

    /// A refusal is none where the alias leads to the collection already, as after a lost answer.
    async fn unless_it_leads_there(
        &self,
        error: Error,
        database: &str,
        alias: &str,
        collection: &str,
    ) -> Result<()> {
        if error.kind == Kind::Cancelled {
            return Err(error);
        }
        match self.describe_collection(database, alias).await {
            Ok(Some(there)) if alias != collection && there.collection.name == collection => Ok(()),
            _ => Err(error),
        }
    }
}
