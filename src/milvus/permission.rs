//! What the user may do, asked without doing it, and what the server's health report says.
//!
//! A Milvus server checks privileges before it looks at a request (`PrivilegeInterceptor` comes
//! before the handler and before the rate limiter in the proxy's chain, 2.2 to 3.0). So a request
//! that no handler carries out tells the one from the other: `PERMISSION_DENIED` without the
//! privilege, another refusal with it. Each request here is such that carrying it out would change
//! nothing, or contradicts a rule of every release; [`Deed`] says which.

use super::client::{Answer, CallOptions, Client, LOOKUP, MESSAGE_LIMIT};
use super::error::{Error, Kind, Result};
use super::pb::{common, milvus as pb};

/// Something that a user may or may not do to a collection, or in a database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Deed {
    /// Asked with the database `default`, which is always there: creating it again is refused.
    CreateDatabase,
    /// Asked with neither a name nor a schema: both are refused. Altering a collection needs the
    /// same privilege.
    CreateCollection,
    /// Asked with an empty name, which is refused.
    CreatePartition,
    /// Asked with no row and no column, which is refused; taken, it would add no row.
    Insert,
    /// Asked with no row and no column, as above.
    Upsert,
    /// Asked for the rows whose key is in an empty list: there are none.
    Delete,
    /// Asked for a field without a name, which no collection has.
    CreateIndex,
    /// Asked for a partition named `!`, which no release lets be made, so that none is there.
    Load,
    /// Asked for the same partition.
    Release,
    /// Asked with an empty alias, which is refused. Moving an alias needs the same privilege.
    CreateAlias,
    /// Asked without a filter and without a limit, which is refused; reading changes nothing.
    Query,
}

impl Deed {
    /// The name of the privilege, as it is granted.
    pub fn privilege(self) -> &'static str {
        match self {
            Self::CreateDatabase => "CreateDatabase",
            Self::CreateCollection => "CreateCollection",
            Self::CreatePartition => "CreatePartition",
            Self::Insert => "Insert",
            Self::Upsert => "Upsert",
            Self::Delete => "Delete",
            Self::CreateIndex => "CreateIndex",
            Self::Load => "Load",
            Self::Release => "Release",
            Self::CreateAlias => "CreateAlias",
            Self::Query => "Query",
        }
    }

    /// Whether the privilege is granted for all collections at once, so that the collection that it
    /// is asked for plays no part.
    pub fn is_global(self) -> bool {
        matches!(self, Self::CreateDatabase | Self::CreateCollection | Self::CreateAlias)
    }
}

/// A name that no release takes for a partition, a collection or an alias.
const IMPOSSIBLE: &str = "!";

const OPTIONS: CallOptions = CallOptions { deadline: LOOKUP, max_answer: MESSAGE_LIMIT };

/// How far a server lets reads and writes through, by its own report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quota {
    /// Queries are slowed down.
    ReadLimited,
    /// Writes are slowed down.
    WriteLimited,
    /// No query is answered.
    DenyToRead,
    /// No row is taken.
    DenyToWrite,
    /// No collection, index or such is made.
    DenyToDefine,
}

impl Client {
    /// The server's refusal where the user is not permitted to do this to a collection; `None`
    /// where it is permitted, and where that cannot be known. Changes nothing at the server.
    ///
    /// `key` is the collection's key field, for [`Deed::Delete`].
    pub async fn denial(
        &self,
        deed: Deed,
        database: &str,
        collection: &str,
        key: &str,
    ) -> Option<Error> {
        // Nobody is denied anything where nobody is asked who they are.
        if !self.is_logged_in() {
            return None;
        }
        match self.try_deed(deed, database, collection, key).await {
            Err(error) if error.is_denial() => Some(error),
            _ => None,
        }
    }

    async fn try_deed(
        &self,
        deed: Deed,
        database: &str,
        collection: &str,
        key: &str,
    ) -> Result<()> {
        let db_name = database.to_owned();
        let collection_name = collection.to_owned();
        match deed {
            Deed::CreateDatabase => {
                let message = pb::CreateDatabaseRequest {
                    db_name: "default".to_owned(),
                    ..Default::default()
                };
                self.once("CreateDatabase", "", message, |mut c, r| async move {
                    c.create_database(r).await
                })
                .await
            }
            Deed::CreateCollection => {
                let message = pb::CreateCollectionRequest { db_name, ..Default::default() };
                self.once("CreateCollection", database, message, |mut c, r| async move {
                    c.create_collection(r).await
                })
                .await
            }
            Deed::CreatePartition => {
                let message =
                    pb::CreatePartitionRequest { db_name, collection_name, ..Default::default() };
                self.once("CreatePartition", database, message, |mut c, r| async move {
                    c.create_partition(r).await
                })
                .await
            }
            Deed::Insert => {
                let message = pb::InsertRequest { db_name, collection_name, ..Default::default() };
                self.once("Insert", database, message, |mut c, r| async move { c.insert(r).await })
                    .await
            }
            Deed::Upsert => {
                let message = pb::UpsertRequest { db_name, collection_name, ..Default::default() };
                self.once("Upsert", database, message, |mut c, r| async move { c.upsert(r).await })
                    .await
            }
            Deed::Delete => {
                let message = pb::DeleteRequest {
                    db_name,
                    collection_name,
                    expr: format!("{key} in []"),
                    ..Default::default()
                };
                self.once("Delete", database, message, |mut c, r| async move { c.delete(r).await })
                    .await
            }
            Deed::CreateIndex => {
                let message =
                    pb::CreateIndexRequest { db_name, collection_name, ..Default::default() };
                self.once("CreateIndex", database, message, |mut c, r| async move {
                    c.create_index(r).await
                })
                .await
            }
            Deed::Load => {
                let message = pb::LoadPartitionsRequest {
                    db_name,
                    collection_name,
                    partition_names: vec![IMPOSSIBLE.to_owned()],
                    replica_number: 1,
                    ..Default::default()
                };
                self.once("LoadPartitions", database, message, |mut c, r| async move {
                    c.load_partitions(r).await
                })
                .await
            }
            Deed::Release => {
                let message = pb::ReleasePartitionsRequest {
                    db_name,
                    collection_name,
                    partition_names: vec![IMPOSSIBLE.to_owned()],
                    ..Default::default()
                };
                self.once("ReleasePartitions", database, message, |mut c, r| async move {
                    c.release_partitions(r).await
                })
                .await
            }
            Deed::CreateAlias => {
                let message =
                    pb::CreateAliasRequest { db_name, collection_name, ..Default::default() };
                self.once("CreateAlias", database, message, |mut c, r| async move {
                    c.create_alias(r).await
                })
                .await
            }
            Deed::Query => {
                let message = pb::QueryRequest { db_name, collection_name, ..Default::default() };
                self.once("Query", database, message, |mut c, r| async move { c.query(r).await })
                    .await
            }
        }
    }

    /// One attempt, whose answer does not matter.
    async fn once<M, R, F, Fut>(
        &self,
        rpc: &'static str,
        database: &str,
        message: M,
        send: F,
    ) -> Result<()>
    where
        R: Answer,
        F: FnOnce(super::client::Stub, tonic::Request<M>) -> Fut,
        Fut: Future<Output = std::result::Result<tonic::Response<R>, tonic::Status>>,
    {
        self.call(rpc, database, OPTIONS, message, send).await.map(drop)
    }

    /// How far the server lets reads and writes through, and its reasons; nothing where it makes
    /// no such report (before 2.2, Milvus Lite).
    ///
    /// # Errors
    /// When the call fails for another reason than not being there or not being allowed.
    pub async fn quotas(&self) -> Result<(Vec<Quota>, Vec<String>)> {
        let message = pb::CheckHealthRequest::default();
        let answer = self
            .repeat("CheckHealth", "", LOOKUP, message, |mut c, r| async move {
                c.check_health(r).await
            })
            .await;
        let answer = match answer {
            Ok(answer) => answer,
            Err(error) if error.kind == Kind::Cancelled => return Err(error),
            // A server that is unwell in other ways shows that in the calls that matter.
            Err(_) => return Ok((Vec::new(), Vec::new())),
        };
        let quotas = answer.quota_states().filter_map(|state| match state {
            pb::QuotaState::Unknown => None,
            pb::QuotaState::ReadLimited => Some(Quota::ReadLimited),
            pb::QuotaState::WriteLimited => Some(Quota::WriteLimited),
            pb::QuotaState::DenyToRead => Some(Quota::DenyToRead),
            pb::QuotaState::DenyToWrite => Some(Quota::DenyToWrite),
            pb::QuotaState::DenyToDdl => Some(Quota::DenyToDefine),
        });
        Ok((quotas.collect(), answer.reasons.clone()))
    }
}

impl Answer for pb::CheckHealthResponse {
    fn status(&self) -> Option<&common::Status> {
        self.status.as_ref()
    }
}
