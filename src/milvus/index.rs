//! Indexes: several on one field are told apart by their names.

use super::client::{CHANGE, Client, LOOKUP};
use super::convert;
use super::error::{Kind, Result};
use super::pb::{common, milvus as pb};
use crate::model::Index;

/// How far the building of an index is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IndexProgress {
    /// Rows that are in it.
    pub indexed: i64,
    /// Rows that are to be in it: those of sealed segments.
    pub total: i64,
    /// Whether the server calls it finished.
    pub finished: bool,
}

impl Client {
    /// A collection's indexes, with names that the server chose left empty.
    ///
    /// # Errors
    /// When the call fails.
    pub async fn list_indexes(&self, database: &str, collection: &str) -> Result<Vec<Index>> {
        Ok(convert::indexes(self.describe_indexes(database, collection).await?))
    }

    /// How far the building of an index is, over all segments. `name` is empty where the server
    /// chose it; then every such index of the field counts (a JSON field may have one per path).
    ///
    /// # Errors
    /// [`Kind::NoIndex`] when there is no such index; [`Kind::Other`] with the server's reason when
    /// building failed; or when the call fails.
    pub async fn index_progress(
        &self,
        database: &str,
        collection: &str,
        field: &str,
        name: &str,
    ) -> Result<IndexProgress> {
        let descriptions = self.describe_indexes(database, collection).await?;
        let mut progress: Option<IndexProgress> = None;
        for index in descriptions.iter().filter(|index| {
            index.field_name == field
                && convert::chosen_index_name(&index.index_name, &index.field_name) == name
        }) {
            if index.state() == common::IndexState::Failed {
                let reason = match index.index_state_fail_reason.as_str() {
                    "" => "the server gives no reason",
                    reason => reason,
                };
                let name = &index.index_name;
                let why =
                    format!("building the index {name:?} on field {field:?} failed: {reason}");
                return Err(self.error(Kind::Other, "DescribeIndex", why));
            }
            let finished = index.state() == common::IndexState::Finished;
            let sum =
                progress.get_or_insert(IndexProgress { indexed: 0, total: 0, finished: true });
            sum.indexed += index.indexed_rows;
            sum.total += index.total_rows;
            sum.finished &= finished;
        }
        progress.ok_or_else(|| {
            let name = if name.is_empty() { String::new() } else { format!(" {name:?}") };
            let why = format!("there is no index{name} on field {field:?}");
            self.error(Kind::NoIndex, "DescribeIndex", why)
        })
    }

    /// Creates an index, under its name where a user chose one. Repeating it with the same
    /// parameters succeeds.
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

    /// Every index, as the server describes it; none is no error.
    async fn describe_indexes(
        &self,
        database: &str,
        collection: &str,
    ) -> Result<Vec<pb::IndexDescription>> {
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
            Ok(answer) => Ok(answer.index_descriptions),
            Err(error) if error.kind == Kind::NoIndex => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }
}
