//! Databases, collections, partitions: what a server holds, and making more of it.

use std::collections::BTreeMap;

use super::client::{CHANGE, Client, LOOKUP};
use super::convert;
use super::error::{Kind, Result};
use super::pb::milvus as pb;
use crate::model::{Collection, DEFAULT_PARTITION, Mark};

/// A collection as the server describes it.
#[derive(Debug, Clone)]
pub struct Described {
    /// The server's id of it: another one under the same name means another collection.
    pub id: i64,
    /// When it was made, a hybrid timestamp; 0 where the server does not tell.
    pub created: u64,
    /// What it is. Indexes, partitions and load state are separate questions.
    pub collection: Collection,
    /// Who fills it, by the marks on it. They are no properties of [`Described::collection`].
    pub marks: Vec<Mark>,
    /// The server's ids of uploaded files that its analyzers use (3.0).
    pub file_resources: Vec<i64>,
}

/// The moment of a hybrid timestamp, in UTC; `None` for 0.
pub fn utc(timestamp: u64) -> Option<String> {
    let millis = i64::try_from(timestamp >> 18).ok().filter(|millis| *millis > 0)?;
    convert::moment::text(millis.checked_mul(1_000)?)
}

impl Client {
    /// Names of the databases, or `None` where this user may not ask. Servers before 2.2.9 have only
    /// `default`.
    ///
    /// # Errors
    /// When the call fails.
    pub async fn list_databases(&self) -> Result<Option<Vec<String>>> {
        let message = pb::ListDatabasesRequest::default();
        let answer = self
            .repeat("ListDatabases", "", LOOKUP, message, |mut c, r| async move {
                c.list_databases(r).await
            })
            .await;
        match answer {
            Ok(answer) => Ok(Some(answer.db_names)),
            Err(error) if error.kind == Kind::Unsupported => Ok(Some(vec!["default".to_owned()])),
            // One may be allowed to read or write a collection and nothing else.
            Err(error) if error.kind == Kind::PermissionDenied => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Creates a database. Repeating it succeeds, whatever properties the first one has. Servers
    /// before 2.4.3 take no notice of properties.
    ///
    /// # Errors
    /// When the call fails.
    pub async fn create_database(
        &self,
        name: &str,
        properties: &BTreeMap<String, String>,
    ) -> Result<()> {
        let message = pb::CreateDatabaseRequest {
            db_name: name.to_owned(),
            properties: convert::pairs(properties),
            ..Default::default()
        };
        let created = self
            .repeat("CreateDatabase", "", CHANGE, message, |mut c, r| async move {
                c.create_database(r).await
            })
            .await;
        match created {
            // Unlike the other calls that make something, servers refuse this one the second time,
            // as after a lost answer.
            Err(error) if error.kind != Kind::Cancelled => {
                let there = self.list_databases().await?.unwrap_or_default();
                if there.iter().any(|have| have == name) { Ok(()) } else { Err(error) }
            }
            other => other.map(drop),
        }
    }

    /// Names of the collections of a database, sorted.
    ///
    /// # Errors
    /// When the call fails.
    pub async fn list_collections(&self, database: &str) -> Result<Vec<String>> {
        let message =
            pb::ShowCollectionsRequest { db_name: database.to_owned(), ..Default::default() };
        let answer = self
            .repeat("ShowCollections", database, LOOKUP, message, |mut c, r| async move {
                c.show_collections(r).await
            })
            .await?;
        let mut names = answer.collection_names;
        names.sort();
        Ok(names)
    }

    /// [`Client::list_collections`] of a database that was listed a moment ago: `None` where it was
    /// dropped since. Servers report that in too many ways to judge by the error alone (2.3.5: code
    /// 800; Milvus Lite 3: code 1), so the databases are listed again.
    ///
    /// # Errors
    /// When the call fails and the database is still listed.
    pub async fn list_collections_of_listed(&self, database: &str) -> Result<Option<Vec<String>>> {
        match self.list_collections(database).await {
            // Where this fails too, the first error is the one that says what is wrong.
            Err(error) if error.kind != Kind::Cancelled => match self.list_databases().await {
                Ok(Some(listed)) if !listed.iter().any(|name| name == database) => Ok(None),
                _ => Err(error),
            },
            answer => answer.map(Some),
        }
    }

    /// What a collection is, or `None` where there is none of that name.
    ///
    /// Asked by an alias, servers answer with the real collection; its real name is in the result.
    ///
    /// # Errors
    /// When the call fails, or the answer cannot be understood.
    pub async fn describe_collection(
        &self,
        database: &str,
        name: &str,
    ) -> Result<Option<Described>> {
        let message = pb::DescribeCollectionRequest {
            db_name: database.to_owned(),
            collection_name: name.to_owned(),
            ..Default::default()
        };
        self.described(database, message).await
    }

    /// The collection that has this id, whatever its name is by now; `None` where there is none.
    ///
    /// # Errors
    /// As [`Self::describe_collection`].
    pub async fn describe_collection_by_id(
        &self,
        database: &str,
        id: i64,
    ) -> Result<Option<Described>> {
        let message = pb::DescribeCollectionRequest {
            db_name: database.to_owned(),
            collection_id: id,
            ..Default::default()
        };
        self.described(database, message).await
    }

    async fn described(
        &self,
        database: &str,
        message: pb::DescribeCollectionRequest,
    ) -> Result<Option<Described>> {
        let answer = self
            .repeat("DescribeCollection", database, LOOKUP, message, |mut c, r| async move {
                c.describe_collection(r).await
            })
            .await;
        match answer {
            Ok(answer) => convert::described(database, answer)
                .map(Some)
                .map_err(|why| self.error(Kind::BadAnswer, "DescribeCollection", why)),
            Err(error) if error.kind == Kind::Missing => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Names of a collection's partitions, sorted.
    ///
    /// # Errors
    /// When the call fails.
    pub async fn list_partitions(&self, database: &str, collection: &str) -> Result<Vec<String>> {
        let message = pb::ShowPartitionsRequest {
            db_name: database.to_owned(),
            collection_name: collection.to_owned(),
            ..Default::default()
        };
        let answer = self
            .repeat("ShowPartitions", database, LOOKUP, message, |mut c, r| async move {
                c.show_partitions(r).await
            })
            .await;
        let mut names = match answer {
            Ok(answer) => answer.partition_names,
            // Milvus Lite 2 has no partitions.
            Err(error) if error.kind == Kind::Unsupported => vec![DEFAULT_PARTITION.to_owned()],
            Err(error) => return Err(error),
        };
        names.sort();
        Ok(names)
    }

    /// Creates a collection: fields, dynamic flag, shards, partition count, consistency level and
    /// properties. Repeating it with the same parameters succeeds as long as it has no partition but
    /// those that were made with it (2.5 to 3.0, `Collection.Equal` in internal/metastore/model), and
    /// never at Milvus Lite 3.
    ///
    /// # Errors
    /// When the call fails.
    pub async fn create_collection(&self, wanted: &Collection) -> Result<()> {
        self.create(wanted, None).await
    }

    /// The same with a mark on it: where the collection is there with another one, every server
    /// refuses, as properties are among what it compares.
    ///
    /// # Errors
    /// When the call fails.
    pub async fn create_marked(&self, wanted: &Collection, mark: &Mark) -> Result<()> {
        self.create(wanted, Some(mark)).await
    }

    async fn create(&self, wanted: &Collection, mark: Option<&Mark>) -> Result<()> {
        let message = convert::create_request(wanted, mark, self.marks_schema())
            .map_err(|why| self.error(Kind::Invalid, "CreateCollection", why))?;
        self.repeat("CreateCollection", &wanted.database, CHANGE, message, |mut c, r| async move {
            c.create_collection(r).await
        })
        .await
        .map(drop)
    }

    /// Creates a partition. Repeating it succeeds.
    ///
    /// # Errors
    /// When the call fails.
    pub async fn create_partition(
        &self,
        database: &str,
        collection: &str,
        partition: &str,
    ) -> Result<()> {
        let message = pb::CreatePartitionRequest {
            db_name: database.to_owned(),
            collection_name: collection.to_owned(),
            partition_name: partition.to_owned(),
            ..Default::default()
        };
        self.repeat("CreatePartition", database, CHANGE, message, |mut c, r| async move {
            c.create_partition(r).await
        })
        .await
        .map(drop)
    }

    /// Whether a collection that no query need be able to read has no row; `None` where the server does
    /// not say. Rows that are only in memory are written to storage for that: only then the statistic
    /// counts them.
    ///
    /// Segments that were sealed by it are named in `coll_segIDs` since Milvus 2.2
    /// (`flushTask.Execute` in `internal/proxy/task.go`).
    ///
    /// # Errors
    /// When the call fails.
    pub async fn is_empty(&self, database: &str, collection: &str) -> Result<Option<bool>> {
        let message = pb::FlushRequest {
            db_name: database.to_owned(),
            collection_names: vec![collection.to_owned()],
            ..Default::default()
        };
        let answer = self
            .repeat("Flush", database, CHANGE, message, |mut c, r| async move { c.flush(r).await })
            .await?;
        let Some(sealed) = answer.coll_seg_i_ds.get(collection) else { return Ok(None) };
        let none_in_memory = sealed.data.is_empty();
        Ok(Some(none_in_memory && self.row_count_statistic(database, collection).await? == 0))
    }

    /// The `row_count` statistic: flushed rows, duplicate keys counted, deletes not subtracted.
    ///
    /// # Errors
    /// When the call fails.
    pub async fn row_count_statistic(&self, database: &str, collection: &str) -> Result<u64> {
        let message = pb::GetCollectionStatisticsRequest {
            db_name: database.to_owned(),
            collection_name: collection.to_owned(),
            ..Default::default()
        };
        let answer = self
            .repeat("GetCollectionStatistics", database, LOOKUP, message, |mut c, r| async move {
                c.get_collection_statistics(r).await
            })
            .await?;
        let stats: BTreeMap<_, _> =
            answer.stats.into_iter().map(|pair| (pair.key, pair.value)).collect();
        Ok(stats.get("row_count").and_then(|count| count.parse().ok()).unwrap_or(0))
    }

    /// The names of files that were uploaded for analyzers (3.0), by the server's ids of them; `None`
    /// where the server knows of no such files, or this user may not ask.
    ///
    /// # Errors
    /// When the call fails for another reason than not being there or not being allowed.
    pub async fn list_file_resources(&self) -> Result<Option<BTreeMap<i64, String>>> {
        let message = pb::ListFileResourcesRequest::default();
        let answer = self
            .repeat("ListFileResources", "", LOOKUP, message, |mut c, r| async move {
                c.list_file_resources(r).await
            })
            .await;
        match answer {
            Ok(answer) => {
                Ok(Some(answer.resources.into_iter().map(|file| (file.id, file.name)).collect()))
            }
            // 2.6 answers that it is not implemented, with a code that says nothing.
            Err(error)
                if matches!(
                    error.kind,
                    Kind::Unsupported | Kind::PermissionDenied | Kind::Other
                ) =>
            {
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// The server's present moment as a hybrid timestamp, or `None` where it gives none away.
    ///
    /// # Errors
    /// When the call fails for another reason than not being there or not being allowed.
    pub async fn alloc_timestamp(&self) -> Result<Option<u64>> {
        let message = pb::AllocTimestampRequest::default();
        let answer = self
            .repeat("AllocTimestamp", "", LOOKUP, message, |mut c, r| async move {
                c.alloc_timestamp(r).await
            })
            .await;
        match answer {
            Ok(answer) => Ok((answer.timestamp > 0).then_some(answer.timestamp)),
            // Forbidden, unknown, or refused in a way of its own: then there is none.
            Err(error) if !error.is_retryable() && error.kind != Kind::Cancelled => Ok(None),
            Err(error) => Err(error),
        }
    }
}
