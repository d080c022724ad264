//! Properties of collections and databases.

use std::collections::BTreeMap;

use super::client::{CHANGE, Client, LOOKUP};
use super::convert;
use super::error::{Kind, Result};
use super::pb::{common, milvus as pb};
use crate::model::Flavour;

/// Keeps the values of a partition key apart in the indexes of vectors.
const ISOLATION: &str = "partitionkey.isolation";

impl Client {
    /// Sets some properties of a collection and takes others away; all others stay. Repeating it
    /// succeeds.
    ///
    /// # Errors
    /// [`Kind::Unsupported`] when properties are to be taken away and the server is older than 2.4,
    /// which would ignore that; or when the call fails. Servers refuse some properties while the
    /// collection is loaded.
    pub async fn alter_collection(
        &self,
        database: &str,
        collection: &str,
        set: &BTreeMap<String, String>,
        unset: &[String],
    ) -> Result<()> {
        let version = self.version();
        if !unset.is_empty() && version.flavour == Flavour::Milvus && version.older_than(2, 4, 0) {
            let why = format!(
                "{version} cannot take properties away ({}); set another value instead",
                unset.join(", ")
            );
            return Err(self.error(Kind::Unsupported, "AlterCollection", why));
        }
        // Servers refuse a request that does both.
        if !set.is_empty() {
            let mut set = set.clone();
            if !set.contains_key(ISOLATION)
                && self.request_ends_isolation(database, collection).await?
            {
                set.insert(ISOLATION.to_owned(), "true".to_owned());
            }
            self.alter(database, collection, convert::pairs(&set), Vec::new()).await?;
        }
        if !unset.is_empty() {
            self.alter(database, collection, Vec::new(), unset.to_vec()).await?;
        }
        Ok(())
    }

    /// Whether a request that does not name the isolation would mean that it is off, which is refused
    /// once a vector has an index, and could not be taken back: of a collection where it is on, at
    /// servers from 2.4 to 2.6.12.
    ///
    /// # Errors
    /// When the call fails.
    pub async fn request_ends_isolation(&self, database: &str, collection: &str) -> Result<bool> {
        let version = self.version();
        let means_so = version.flavour != Flavour::Lite
            && !version.older_than(2, 4, 0)
            && version.older_than(2, 6, 13);
        if !means_so {
            return Ok(false);
        }
        let described = self.describe_collection(database, collection).await?;
        let is_on = |properties: &BTreeMap<String, String>| {
            properties.get(ISOLATION).is_some_and(|value| value.eq_ignore_ascii_case("true"))
        };
        Ok(described.is_some_and(|described| is_on(&described.collection.properties)))
    }

    async fn alter(
        &self,
        database: &str,
        collection: &str,
        properties: Vec<common::KeyValuePair>,
        delete_keys: Vec<String>,
    ) -> Result<()> {
        let message = pb::AlterCollectionRequest {
            db_name: database.to_owned(),
            collection_name: collection.to_owned(),
            properties,
            delete_keys,
            ..Default::default()
        };
        self.repeat("AlterCollection", database, CHANGE, message, |mut c, r| async move {
            c.alter_collection(r).await
        })
        .await
        .map(drop)
    }

    /// A database's properties, or `None` where the server does not tell: before 2.4.3, or a user
    /// who may not ask.
    ///
    /// # Errors
    /// When the call fails for another reason, such as that there is no such database.
    pub async fn describe_database(&self, name: &str) -> Result<Option<BTreeMap<String, String>>> {
        let message =
            pb::DescribeDatabaseRequest { db_name: name.to_owned(), ..Default::default() };
        let answer = self
            .repeat("DescribeDatabase", "", LOOKUP, message, |mut c, r| async move {
                c.describe_database(r).await
            })
            .await;
        match answer {
            Ok(answer) => Ok(Some(convert::map(answer.properties))),
            Err(error) if matches!(error.kind, Kind::Unsupported | Kind::PermissionDenied) => {
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }
}
