//! Indexes: several on one field are told apart by their names.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::client::{CHANGE, CallOptions, Client, LOOKUP, MESSAGE_LIMIT};
use super::convert;
use super::error::{Kind, Result};
use super::pb::{common, milvus as pb};
use crate::model::{Flavour, Index};

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
    /// chose it; then every such index of the field counts (a JSON field may have one per path). A
    /// field's only index is found under any name.
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
        let of_field: Vec<_> =
            descriptions.iter().filter(|index| index.field_name == field).collect();
        let mut named = of_field.clone();
        named.retain(|index| convert::chosen_index_name(&index.index_name, field) == name);
        // Milvus Lite gives an index a name of its own.
        if named.is_empty() && of_field.len() == 1 {
            named = of_field;
        }
        if named.is_empty() {
            let name = if name.is_empty() { String::new() } else { format!(" {name:?}") };
            let why = format!("there is no index{name} on field {field:?}");
            return Err(self.error(Kind::NoIndex, "DescribeIndex", why));
        }
        let mut progress = IndexProgress { indexed: 0, total: 0, finished: true };
        for index in named {
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
            progress.indexed += index.indexed_rows;
            progress.total += index.total_rows;
            progress.finished &= index.state() == common::IndexState::Finished;
        }
        Ok(progress)
    }

    /// Creates an index, under its name where a user chose one.
    ///
    /// After an answer that was lost the indexes are listed first: a server refuses to make an index
    /// with `mmap.enabled` a second time (2.5 to 3.0, `checkParams` in datacoord's `index_meta.go`
    /// leaves that out of what is there, and not of what is asked for), and Milvus Lite any.
    ///
    /// # Errors
    /// When the call fails.
    pub async fn create_index(
        &self,
        database: &str,
        collection: &str,
        index: &Index,
    ) -> Result<()> {
        let version = self.version();
        let params = if version.flavour == Flavour::Lite && !version.older_than(3, 0, 0) {
            in_json(index)
        } else {
            index.params.clone()
        };
        let message = pb::CreateIndexRequest {
            db_name: database.to_owned(),
            collection_name: collection.to_owned(),
            field_name: index.field.clone(),
            extra_params: convert::pairs(&params),
            index_name: index.name.clone(),
            ..Default::default()
        };
        let options = CallOptions { deadline: CHANGE, max_answer: MESSAGE_LIMIT };
        let attempts = AtomicUsize::new(0);
        let made = self
            .persist(|| async {
                let again = attempts.fetch_add(1, Ordering::Relaxed) > 0;
                if again && self.has_index(database, collection, index).await? {
                    return Ok(());
                }
                self.call(
                    "CreateIndex",
                    database,
                    options,
                    message.clone(),
                    |mut c, r| async move { c.create_index(r).await },
                )
                .await
                .map(drop)
            })
            .await;
        match made {
            // The server may have carried out an earlier request meanwhile.
            Err(error)
                if error.kind != Kind::Cancelled
                    && (attempts.into_inner() > 1 || error.message.contains("already exist")) =>
            {
                let there = self.has_index(database, collection, index).await?;
                if there { Ok(()) } else { Err(error) }
            }
            other => other,
        }
    }

    async fn has_index(&self, database: &str, collection: &str, index: &Index) -> Result<bool> {
        let there = self.list_indexes(database, collection).await?;
        Ok(there.iter().any(|have| is_same(have, index)))
    }

    /// Creates an index, and then sets the parameters that its server does not take at the creation.
    ///
    /// # Errors
    /// When one of the calls fails.
    pub async fn create_index_in_turn(
        &self,
        database: &str,
        collection: &str,
        index: &Index,
        afterwards: &BTreeMap<String, String>,
    ) -> Result<()> {
        self.create_index(database, collection, index).await?;
        if afterwards.is_empty() {
            return Ok(());
        }
        self.alter_index(database, collection, index, afterwards).await
    }

    /// Sets parameters of an index that is there. Repeating it succeeds. Servers refuse it while the
    /// collection is loaded.
    ///
    /// # Errors
    /// [`Kind::NoIndex`] when there is no such index, or when the call fails.
    pub async fn alter_index(
        &self,
        database: &str,
        collection: &str,
        index: &Index,
        set: &BTreeMap<String, String>,
    ) -> Result<()> {
        // The name by which the server knows it, also where it chose that itself.
        let there = self.describe_indexes(database, collection).await?;
        let path = index.params.get("json_path");
        let found = there.into_iter().find(|have| {
            have.field_name == index.field
                && have.params.iter().find(|p| p.key == "json_path").map(|p| &p.value) == path
        });
        let Some(found) = found else {
            let why = format!("there is no index on field {:?} to alter", index.field);
            return Err(self.error(Kind::NoIndex, "AlterIndex", why));
        };
        let message = pb::AlterIndexRequest {
            db_name: database.to_owned(),
            collection_name: collection.to_owned(),
            index_name: found.index_name,
            extra_params: convert::pairs(set),
            ..Default::default()
        };
        self.repeat("AlterIndex", database, CHANGE, message, |mut c, r| async move {
            c.alter_index(r).await
        })
        .await
        .map(drop)
    }

    /// Drops the index of a field, or of this path into it. One that is not there is dropped already.
    ///
    /// # Errors
    /// When the call fails. Servers refuse it while the collection is loaded.
    pub async fn drop_index(&self, database: &str, collection: &str, index: &Index) -> Result<()> {
        let path = index.params.get("json_path");
        let there = self.describe_indexes(database, collection).await?;
        let found = there.into_iter().find(|have| {
            have.field_name == index.field
                && have.params.iter().find(|p| p.key == "json_path").map(|p| &p.value) == path
        });
        let Some(found) = found else { return Ok(()) };
        let message = pb::DropIndexRequest {
            db_name: database.to_owned(),
            collection_name: collection.to_owned(),
            field_name: found.field_name,
            index_name: found.index_name,
            ..Default::default()
        };
        let dropped = self
            .repeat("DropIndex", database, CHANGE, message, |mut c, r| async move {
                c.drop_index(r).await
            })
            .await;
        match dropped {
            // The answer to an earlier request was lost.
            Err(error) if error.kind == Kind::NoIndex => Ok(()),
            other => other.map(drop),
        }
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

/// Parameters as Milvus Lite 3 keeps them: beside type and metric in one JSON text only.
fn in_json(index: &Index) -> BTreeMap<String, String> {
    const BESIDE: [&str; 2] = ["index_type", "metric_type"];
    let (beside, inner): (BTreeMap<_, _>, BTreeMap<_, _>) =
        index.settings().into_iter().partition(|(name, _)| BESIDE.contains(&name.as_str()));
    let mut params = beside;
    if !inner.is_empty() {
        let inner: serde_json::Map<String, serde_json::Value> = inner
            .into_iter()
            .map(|(name, text)| {
                // Numbers as numbers: `{"M": 16}`.
                let value = serde_json::from_str(&text).unwrap_or_else(|_| text.into());
                (name, value)
            })
            .collect();
        params.insert("params".to_owned(), serde_json::Value::Object(inner).to_string());
    }
    params
}

/// Whether an index that is there is the one that was asked for. Servers describe further
/// parameters than they were given.
fn is_same(have: &Index, asked: &Index) -> bool {
    have.field == asked.field
        && ["index_type", "metric_type", "json_path"]
            .iter()
            .all(|key| have.params.get(*key) == asked.params.get(*key))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn milvus_lite_3_gets_all_but_type_and_metric_in_one_text() {
        let pairs = |pairs: &[(&str, &str)]| {
            pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
        };
        let of = |params: &[(&str, &str)]| {
            in_json(&Index { name: String::new(), field: "v".to_owned(), params: pairs(params) })
        };
        let kind = [("index_type", "HNSW"), ("metric_type", "L2")];
        assert_eq!(of(&kind), pairs(&kind));
        let flat = [&kind[..], &[("M", "16"), ("quantizer", "sq8")]].concat();
        let inner = [&kind[..], &[("params", r#"{"M":16,"quantizer":"sq8"}"#)]].concat();
        assert_eq!(of(&flat), pairs(&inner));
        assert_eq!(of(&inner), pairs(&inner));
    }
}
