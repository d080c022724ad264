//! Indexes and load states: what makes rows answer queries.

use super::client::{CHANGE, Client, LOOKUP};
use super::convert;
use super::error::{Kind, Result};
use super::pb::{common, milvus as pb};
use crate::model::{Index, LoadState};

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

    /// A collection's indexes, with names that the server chose left empty.
    ///
    /// # Errors
    /// When the call fails.
    pub async fn list_indexes(&self, database: &str, collection: &str) -> Result<Vec<Index>> {
        let message = pb::DescribeIndexRequest {
            db_name: database.to_owned(),
            collection_name: collection.to_owned(),
            ..Default::default()
        };
        let answer = self
            .repeat("DescribeIndex", database, LOOKUP, message, |mut c, r| async move {
                c.describe_index(r).await
            })
            .await;
        match answer {
            Ok(answer) => Ok(convert::indexes(answer.index_descriptions)),
            Err(error) if error.kind == Kind::NoIndex => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }

    /// Rows that are in an index yet, and rows that it should hold, over all of a field's segments.
    ///
    /// # Errors
    /// When the call fails, or the server says that building failed.
    pub async fn index_progress(
        &self,
        database: &str,
        collection: &str,
        field: &str,
    ) -> Result<(i64, i64)> {
        let message = pb::DescribeIndexRequest {
            db_name: database.to_owned(),
            collection_name: collection.to_owned(),
            field_name: field.to_owned(),
            ..Default::default()
        };
        let answer = self
            .repeat("DescribeIndex", database, LOOKUP, message, |mut c, r| async move {
                c.describe_index(r).await
            })
            .await?;
        let mut progress = (0, 0);
        for index in answer.index_descriptions.iter().filter(|index| index.field_name == field) {
            if index.state() == common::IndexState::Failed {
                let why = format!(
                    "building the index on field {field:?} failed: {}",
                    index.index_state_fail_reason
                );
                return Err(self.error(Kind::Other, "DescribeIndex", why));
            }
            progress = (progress.0 + index.indexed_rows, progress.1 + index.total_rows);
        }
        Ok(progress)
    }

    /// Creates an index. Repeating it with the same parameters succeeds.
    ///
    /// # Errors
    /// When the call fails.
    pub async fn create_index(
        &self,
        database: &str,
        collection: &str,
        index: &Index,
    ) -> Result<()> {
        let message = pb::CreateIndexRequest {
            db_name: database.to_owned(),
            collection_name: collection.to_owned(),
            field_name: index.field.clone(),
            extra_params: convert::pairs(&index.params),
            index_name: index.name.clone(),
            ..Default::default()
        };
        self.repeat("CreateIndex", database, CHANGE, message, |mut c, r| async move {
            c.create_index(r).await
        })
        .await
        .map(drop)
    }

    /// Asks the server to load a collection; loading goes on after the answer.
    ///
    /// # Errors
    /// When the call fails.
    pub async fn load_collection(&self, database: &str, collection: &str) -> Result<()> {
        let message = pb::LoadCollectionRequest {
            db_name: database.to_owned(),
            collection_name: collection.to_owned(),
            replica_number: 1,
            ..Default::default()
        };
        self.repeat("LoadCollection", database, CHANGE, message, |mut c, r| async move {
            c.load_collection(r).await
        })
        .await
        .map(drop)
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
