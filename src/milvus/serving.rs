//! Load states: what is in memory and answers queries.

use super::client::{CHANGE, Client, LOOKUP};
use super::error::{Kind, Result};
use super::pb::{common, milvus as pb};
use crate::model::LoadState;

impl Client {
    /// Whether a collection, or one partition of it, can be queried.
    ///
    /// # Errors
    /// When the call fails.
    pub async fn load_state(
        &self,
        database: &str,
        collection: &str,
        partition: Option<&str>,
    ) -> Result<LoadState> {
        let message = pb::GetLoadStateRequest {
            db_name: database.to_owned(),
            collection_name: collection.to_owned(),
            partition_names: partition.iter().map(|&name| name.to_owned()).collect(),
            ..Default::default()
        };
        let answer = self
            .repeat("GetLoadState", database, LOOKUP, message, |mut c, r| async move {
                c.get_load_state(r).await
            })
            .await;
        match answer {
            Ok(answer) => Ok(match answer.state() {
                common::LoadState::Loaded => LoadState::Loaded,
                common::LoadState::Loading => LoadState::Loading,
                common::LoadState::NotLoad | common::LoadState::NotExist => LoadState::NotLoaded,
            }),
            Err(error) if error.kind == Kind::NotLoaded => Ok(LoadState::NotLoaded),
            Err(error) => Err(error),
        }
    }

    /// [`Client::load_state`], but one that is loading is waited for, as long as a call is repeated:
    /// a server that was started again loads its collections again, which takes half a minute.
    ///
    /// # Errors
    /// When the call fails, or we are asked to stop while waiting.
    pub async fn settled_load_state(
        &self,
        database: &str,
        collection: &str,
        partition: Option<&str>,
    ) -> Result<LoadState> {
        let ask = || async {
            match self.load_state(database, collection, partition).await? {
                LoadState::Loading => {
                    Err(self.error(Kind::NotReady, "GetLoadState", "still loading"))
                }
                settled => Ok(settled),
            }
        };
        match self.retry().run(self.cancel(), ask).await {
            Err(error) if error.kind == Kind::NotReady => Ok(LoadState::Loading),
            other => other,
        }
    }

    /// Asks the server to load a collection; loading goes on after the answer. `replicas` is how
    /// many copies in memory, 0 for the server's default.
    ///
    /// # Errors
    /// When the call fails; a server with too few query nodes refuses more replicas than that.
    pub async fn load_collection(
        &self,
        database: &str,
        collection: &str,
        replicas: u32,
    ) -> Result<()> {
        let message = pb::LoadCollectionRequest {
            db_name: database.to_owned(),
            collection_name: collection.to_owned(),
            replica_number: replica_number(replicas),
            ..Default::default()
        };
        self.repeat("LoadCollection", database, CHANGE, message, |mut c, r| async move {
            c.load_collection(r).await
        })
        .await
        .map(drop)
    }

    /// [`Client::load_collection`] for some partitions only.
    ///
    /// # Errors
    /// When the call fails.
    pub async fn load_partitions(
        &self,
        database: &str,
        collection: &str,
        partitions: &[String],
        replicas: u32,
    ) -> Result<()> {
        let message = pb::LoadPartitionsRequest {
            db_name: database.to_owned(),
            collection_name: collection.to_owned(),
            partition_names: partitions.to_vec(),
            replica_number: replica_number(replicas),
            ..Default::default()
        };
        self.repeat("LoadPartitions", database, CHANGE, message, |mut c, r| async move {
            c.load_partitions(r).await
        })
        .await
        .map(drop)
    }

    /// How many copies of a loaded collection are in memory. `None` where it is not loaded, or the
    /// server does not tell (Milvus Lite; a user without that privilege).
    ///
    /// # Errors
    /// When the call fails for another reason, or there is no such collection.
    pub async fn replicas(&self, database: &str, collection: &str) -> Result<Option<u32>> {
        // Servers up to 2.3 know the collection by its id alone.
        let Some(described) = self.describe_collection(database, collection).await? else {
            return Err(self.error(Kind::Missing, "GetReplicas", collection));
        };
        let message = pb::GetReplicasRequest {
            collection_id: described.id,
            collection_name: collection.to_owned(),
            db_name: database.to_owned(),
            ..Default::default()
        };
        let answer = self
            .repeat("GetReplicas", database, LOOKUP, message, |mut c, r| async move {
                c.get_replicas(r).await
            })
            .await;
        match answer {
            Ok(answer) => {
                Ok(u32::try_from(answer.replicas.len()).ok().filter(|&replicas| replicas > 0))
            }
            // 2.2.16 says so with the code of a partition that is not there.
            Err(error) if matches!(error.kind, Kind::NotLoaded | Kind::Missing) => Ok(None),
            Err(error) if matches!(error.kind, Kind::Unsupported | Kind::PermissionDenied) => {
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// Releases a collection from memory, or only some of its partitions.
    ///
    /// # Errors
    /// When the call fails.
    pub async fn release(
        &self,
        database: &str,
        collection: &str,
        partitions: &[String],
    ) -> Result<()> {
        if partitions.is_empty() {
            let message = pb::ReleaseCollectionRequest {
                db_name: database.to_owned(),
                collection_name: collection.to_owned(),
                ..Default::default()
            };
            self.repeat("ReleaseCollection", database, CHANGE, message, |mut c, r| async move {
                c.release_collection(r).await
            })
            .await
            .map(drop)
        } else {
            let message = pb::ReleasePartitionsRequest {
                db_name: database.to_owned(),
                collection_name: collection.to_owned(),
                partition_names: partitions.to_vec(),
                ..Default::default()
            };
            self.repeat("ReleasePartitions", database, CHANGE, message, |mut c, r| async move {
                c.release_partitions(r).await
            })
            .await
            .map(drop)
        }
    }
}

fn replica_number(replicas: u32) -> i32 {
    i32::try_from(replicas).unwrap_or(i32::MAX).max(1)
}
