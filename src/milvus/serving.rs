//! Load states: what is in memory and answers queries.

use super::client::{CHANGE, Client, LOOKUP};
use super::error::{Kind, Result};
use super::pb::{common, milvus as pb};
use crate::model::{Collection, Flavour, LoadState, Replicas};

/// What became of a request to load what is not loaded.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub enum Load {
    /// It was made, as far as anything was not loaded.
    Asked,
    /// It was not made: of these partitions others are loaded, in replicas that the server does not
    /// tell, so that it would change them.
    ReplicasUnknown(Vec<String>),
}

impl Load {
    /// Why nothing was loaded, and what to do, for a collection at this address.
    pub fn refusal(&self, address: &str) -> Option<String> {
        let Self::ReplicasUnknown(partitions) = self else { return None };
        Some(format!(
            "{address}: these partitions are not loaded: {}. Others are, and the server does not tell \
             in which replicas and resource groups (GetReplicas), so that loading more could change \
             them; load these partitions by hand, or release the whole collection, then run the same \
             command again",
            partitions.join(", ")
        ))
    }
}

impl Client {
    /// Those of the partitions that are not loaded. Where a server cannot be asked about one, it is as
    /// the collection is.
    ///
    /// # Errors
    /// When a call fails.
    pub async fn not_loaded<'a>(
        &self,
        of: &Collection,
        partitions: impl Iterator<Item = &'a str>,
    ) -> Result<Vec<&'a str>> {
        let mut names = Vec::new();
        for name in partitions {
            match self.load_state(&of.database, &of.name, Some(name)).await {
                Ok(LoadState::Loaded) => {}
                Ok(_) => names.push(name),
                Err(error) if error.kind == Kind::Unsupported => {}
                Err(error) => return Err(error),
            }
        }
        Ok(names)
    }

    /// Those of the partitions that are not loaded, and that nobody loads: of all there are, where the
    /// list is empty. `None` where there is nothing.
    ///
    /// # Errors
    /// When a call fails.
    pub async fn nobody_loads<'a>(
        &self,
        of: &Collection,
        partitions: impl Iterator<Item = &'a str>,
    ) -> Result<Option<Vec<&'a str>>> {
        if self.load_state(&of.database, &of.name, None).await? == LoadState::NotLoaded {
            return Ok(Some(Vec::new()));
        }
        let mut names = Vec::new();
        for name in partitions {
            match self.load_state(&of.database, &of.name, Some(name)).await {
                Ok(LoadState::NotLoaded) => names.push(name),
                Ok(LoadState::Loaded | LoadState::Loading) => {}
                Err(error) if error.kind == Kind::Unsupported => {}
                Err(error) => return Err(error),
            }
        }
        Ok((!names.is_empty()).then_some(names))
    }

    /// Load state of a collection and these partitions of it: with some partitions loaded, the
    /// collection calls itself so.
    ///
    /// # Errors
    /// When a call fails.
    pub async fn load_state_of_all(
        &self,
        of: &Collection,
        partitions: &[String],
    ) -> Result<LoadState> {
        let state = self.load_state(&of.database, &of.name, None).await?;
        // Those of a partition key cannot be named.
        if state != LoadState::Loaded || of.partition_key().is_some() {
            return Ok(state);
        }
        let names = partitions.iter().map(String::as_str);
        let loaded = self.not_loaded(of, names).await?.is_empty();
        Ok(if loaded { LoadState::Loaded } else { LoadState::Loading })
    }

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
        match self.retry().run(self.cancel(), &|_, _| (), ask).await {
            Err(error) if error.kind == Kind::NotReady => Ok(LoadState::Loading),
            other => other,
        }
    }

    /// Asks the server to load what of a collection is not loaded: these partitions, or all of it
    /// where none are named. Loading goes on after the answer.
    ///
    /// Any load request reconfigures what is loaded already, also one that says nothing of replicas
    /// (2.4 to 3.0: 0 means the configured number, else 1). So what is loaded is never loaded again,
    /// and what is loaded beside it gets exactly the replicas and resource groups that there are.
    /// `replicas` is how many copies there are to be of a collection of which nothing is loaded, 0
    /// for as many as its server is set to.
    ///
    /// # Errors
    /// When a call fails; a server with too few query nodes refuses more replicas than that.
    pub async fn load_rest(
        &self,
        of: &Collection,
        partitions: &[String],
        replicas: u32,
    ) -> Result<Load> {
        let (database, name) = (of.database.as_str(), of.name.as_str());
        if self.load_state(database, name, None).await? == LoadState::NotLoaded {
            if partitions.is_empty() {
                self.load_collection(database, name, replicas).await?;
            } else {
                let replicas = Replicas::of(replicas);
                self.load_partitions(database, name, partitions, &replicas).await?;
            }
            return Ok(Load::Asked);
        }
        // Those of a partition key are loaded with the collection only.
        let names = match partitions {
            _ if of.partition_key().is_some() => Vec::new(),
            [] => of.all_partitions(),
            some => some.to_vec(),
        };
        let mut lacking = Vec::new();
        for partition in names {
            match self.load_state(database, name, Some(&partition)).await {
                Ok(LoadState::NotLoaded) => lacking.push(partition),
                Ok(LoadState::Loaded | LoadState::Loading) => {}
                Err(error) if error.kind == Kind::Unsupported => {}
                Err(error) => return Err(error),
            }
        }
        if lacking.is_empty() {
            return Ok(Load::Asked);
        }
        let replicas = match self.replicas(database, name).await? {
            Some(replicas) => replicas,
            None if !self.keeps_replicas() => Replicas::default(),
            None => return Ok(Load::ReplicasUnknown(lacking)),
        };
        self.load_partitions(database, name, &lacking, &replicas).await?;
        Ok(Load::Asked)
    }

    /// Whether the server has replicas at all, that a load could change (not Milvus Lite).
    pub fn keeps_replicas(&self) -> bool {
        self.version().flavour != Flavour::Lite
    }

    /// Asks the server to load a collection of which nothing is loaded; loading goes on after the
    /// answer. `replicas` is how many copies in memory, 0 for as many as the server is set to.
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
            replica_number: i32::try_from(replicas).unwrap_or(i32::MAX),
            ..Default::default()
        };
        self.repeat("LoadCollection", database, CHANGE, message, |mut c, r| async move {
            c.load_collection(r).await
        })
        .await
        .map(drop)
    }

    /// [`Client::load_collection`] for some partitions only. Where others are loaded, `replicas` has
    /// to be what they are in: another number is refused, and other groups are taken for a wish.
    ///
    /// # Errors
    /// When the call fails.
    pub async fn load_partitions(
        &self,
        database: &str,
        collection: &str,
        partitions: &[String],
        replicas: &Replicas,
    ) -> Result<()> {
        let message = pb::LoadPartitionsRequest {
            db_name: database.to_owned(),
            collection_name: collection.to_owned(),
            partition_names: partitions.to_vec(),
            replica_number: i32::try_from(replicas.number).unwrap_or(i32::MAX),
            resource_groups: replicas.groups.clone(),
            ..Default::default()
        };
        self.repeat("LoadPartitions", database, CHANGE, message, |mut c, r| async move {
            c.load_partitions(r).await
        })
        .await
        .map(drop)
    }

    /// The replicas that a loaded collection is in. `None` where it is not loaded, or the server does
    /// not tell: Milvus Lite, a user without that privilege, and whoever refuses the question in a
    /// way of its own.
    ///
    /// # Errors
    /// When the server cannot be asked, or there is no such collection.
    pub async fn replicas(&self, database: &str, collection: &str) -> Result<Option<Replicas>> {
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
            Ok(answer) if answer.replicas.is_empty() => Ok(None),
            Ok(answer) => {
                let groups = answer.replicas.into_iter().map(|replica| replica.resource_group_name);
                Ok(Some(Replicas::in_groups(groups.collect())))
            }
            // 2.2.16 says so with the code of a partition that is not there.
            Err(error) if matches!(error.kind, Kind::NotLoaded | Kind::Missing) => Ok(None),
            Err(error) if is_untold(&error) => {
                tracing::debug!(%error, "Replicas are not told.");
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// The resource groups that there are; `None` where the server does not tell.
    ///
    /// # Errors
    /// When the server cannot be asked.
    pub async fn resource_groups(&self) -> Result<Option<Vec<String>>> {
        let message = pb::ListResourceGroupsRequest::default();
        let answer = self
            .repeat("ListResourceGroups", "", LOOKUP, message, |mut c, r| async move {
                c.list_resource_groups(r).await
            })
            .await;
        match answer {
            Ok(answer) => Ok(Some(answer.resource_groups)),
            Err(error) if is_untold(&error) => Ok(None),
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

/// Whether a server refuses a question that it need not answer, in whatever way.
fn is_untold(error: &super::error::Error) -> bool {
    use Kind::{Invalid, Other, PermissionDenied, Unsupported};
    matches!(error.kind, Unsupported | PermissionDenied | Invalid | Other)
}
