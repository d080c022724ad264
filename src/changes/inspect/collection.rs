//! One collection, at the source and at the target, as it is now.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::{Inspection, UseOf, measure};
use crate::changes::abilities::rules::RESOURCE_GROUPS;
use crate::changes::{Finding, SourceState, TargetState, wanted};
use crate::milvus::{Client, Kind, Moment, Query, Result};
use crate::model::suggestion::closest;
use crate::model::{
    Collection, CollectionRule, DEFAULT_PARTITION, DYNAMIC_COLUMN, DynamicField, Flavour, KeyRange,
    LoadState, Mark, Partition,
};

/// Asked one by one: a collection with one released partition calls itself loaded, and queries then
/// leave that partition's rows out without a word.
pub(super) async fn partition_states(
    source: &Client,
    (database, collection): (&str, &str),
    names: Vec<String>,
    of_all: LoadState,
) -> Result<Vec<Partition>> {
    let mut partitions = Vec::new();
    for name in names {
        let state = source.settled_load_state(database, collection, Some(&name)).await;
        let load = match state {
            Err(error) if error.kind == Kind::Unsupported => of_all,
            other => other?,
        };
        partitions.push(Partition { name, load });
    }
    Ok(partitions)
}

impl SourceState {
    /// Whether its rows can be read by nobody, and none are known: it is made at the target, and no
    /// row is copied.
    pub fn is_unread(&self) -> bool {
        // Rows are counted of what is loaded only.
        self.load == LoadState::NotLoaded && self.rows == Some(0)
    }
}

fn not_read(address: &str, load_source: bool) -> Finding {
    let message = "no query can read it, as it has a vector without an index, and the server's \
                   statistic says that it has no rows; rows that are not flushed are in no statistic";
    let advice = if load_source {
        "apply flushes it, and makes it at the target if it has no rows"
    } else {
        "set `load = true` under [source] to let apply flush it and make it at the target if it has \
         no rows, or make an index on its vectors"
    };
    Finding::warning("source_not_read", address, message.to_owned(), advice)
}

/// What is loaded beside other partitions gets their replicas, or it would change them.
fn replicas_unknown(address: &str, unloaded: &[String]) -> Finding {
    let message = format!(
        "partitions are not loaded: {}; others are, and the source does not tell in which replicas and \
         resource groups (GetReplicas), which loading more could change",
        unloaded.join(", ")
    );
    let advice = "load these partitions at the source by hand, or release all of it to let apply load \
                  it; or let this user ask for replicas";
    Finding::error("source_replicas_unknown", address, message, advice)
}

/// Somebody loaded some fields only.
fn field_not_loaded(address: &str, field: &str) -> Finding {
    let address = format!("{address}/{field}");
    let message = format!(
        "the field {field:?} is not loaded, although the collection is (`load_fields`), so that its \
         values cannot be read"
    );
    let mut advice =
        "release the collection at the source, and load it with all its fields".to_owned();
    if field != DYNAMIC_COLUMN {
        let _ = write!(advice, "; or leave the field behind with `fields.{field}.drop = true`");
    }
    Finding::error("source_field_not_loaded", address, message, advice)
}

fn unloaded(partitions: &[Partition]) -> Vec<String> {
    let left = partitions.iter().filter(|partition| partition.load != LoadState::Loaded);
    left.map(|partition| partition.name.clone()).collect()
}

fn being_filled(address: &str, mark: &Mark) -> Finding {
    let message = format!(
        "the source is being filled by another run of milvus-ferry ({}): it may not hold all of its \
         rows yet",
        mark.who()
    );
    let advice = "wait until that run is done, or copy the rest later with --catch-up";
    Finding::warning("source_being_filled", address, message, advice)
}

impl Inspection<'_> {
    /// Says that a target which is loaded stays in the replicas that it is in.
    pub(super) async fn replicas_kept(
        &self,
        rule: &CollectionRule,
        target: &TargetState,
    ) -> Result<Option<Finding>> {
        let Some(asked) = rule.replicas.filter(|_| target.load == LoadState::Loaded) else {
            return Ok(None);
        };
        let Collection { database, name, .. } = &target.collection;
        let has = self.target.replicas(database, name).await?;
        Ok(has.filter(|has| has.number != asked).map(|has| {
            let message = format!(
                "it is loaded in {has}, and stays so: `replicas = {asked}` is for what is not loaded"
            );
            let advice = "release it at the target first to have it loaded in another number";
            Finding::warning("replicas_kept", target.collection.address(), message, advice)
        }))
    }

    /// Says which resource groups are not there that the plan file asks for.
    pub(super) async fn resource_groups_missing(
        &self,
        rule: &CollectionRule,
        target: &str,
    ) -> Result<Option<Finding>> {
        let Some(asked) = rule.properties.set.get(RESOURCE_GROUPS) else { return Ok(None) };
        let Some(there) = self.target.resource_groups().await? else { return Ok(None) };
        let lacks = |name: &&str| !there.iter().any(|group| group == name);
        let missing: Vec<&str> = asked.split(',').filter(lacks).collect();
        Ok((!missing.is_empty()).then(|| {
            let address = format!("{}/{target}", rule.target_database);
            let message =
                format!("the target has no resource groups of these names: {}", missing.join(", "));
            let advice = format!("those that there are: {}", there.join(", "));
            Finding::error("resource_group_missing", address, message, advice)
        }))
    }

    pub(super) async fn source_state(
        &self,
        rule: &CollectionRule,
        name: &str,
        UseOf { known, in_use, reads }: UseOf,
        findings: &mut Vec<Finding>,
    ) -> Result<Option<SourceState>> {
        let database = &rule.source_database;
        let address = format!("{database}/{name}");
        let refuse = |findings: &mut Vec<Finding>, code, address, message, advice: &str| {
            findings.push(Finding::error(code, address, message, advice));
        };
        let Some(described) = self.source.describe_collection(database, name).await? else {
            let message = format!("{}: the source has no collection {address}", rule.location);
            let there = self.source.list_collections(database).await?;
            refuse(findings, "source_missing", address, message, &instead(name, database, &there));
            return Ok(None);
        };
        let mut collection = described.collection;
        if collection.name != name {
            let message = format!("{name:?} is an alias of {:?}", collection.name);
            refuse(findings, "source_is_alias", address, message, "name the collection itself");
            return Ok(None);
        }
        let partition_names = if collection.partition_key().is_some() {
            Vec::new()
        } else {
            self.source.list_partitions(database, name).await?
        };
        collection.partitions =
            partition_names.iter().filter(|name| *name != DEFAULT_PARTITION).cloned().collect();
        collection.indexes = self.source.list_indexes(database, name).await?;
        if self.source.version().flavour == Flavour::Lite {
            // It does not describe them with the collection.
            let aliases = self.source.list_aliases(database, name).await?;
            collection.aliases = aliases.unwrap_or_default();
        }
        let load = self.source.settled_load_state(database, name, None).await?;
        let selected = wanted::selected(&rule.partitions.select, &partition_names);
        let partitions = partition_states(self.source, (database, name), selected, load).await?;
        let unloaded = unloaded(&partitions);
        let readable = load == LoadState::Loaded && unloaded.is_empty();
        let row_statistic = self.source.row_count_statistic(database, name).await?;
        let unread = !readable && row_statistic == 0 && self.is_unloadable(&collection, load);
        if unread {
            findings.push(not_read(&address, self.load_source));
        }
        // What is finished needs no more reading; its source may be released after the cut-over.
        if !readable
            && !unread
            && reads
            && let Some((code, message, advice)) = self.why_unreadable(&collection, load, &unloaded)
        {
            refuse(findings, code, address.clone(), message, advice);
        }
        let mut state = SourceState {
            id: described.id,
            collection,
            partitions,
            load,
            rows: unread.then_some(0),
            row_statistic,
            row_bytes: None,
            dynamic_rows: None,
            nulls: BTreeMap::new(),
            shadowed: BTreeMap::new(),
            replicas: None,
        };
        let beside = self.load_source && reads && load == LoadState::Loaded && !unloaded.is_empty();
        if beside || (load == LoadState::Loaded && !in_use && rule.replicas.is_none()) {
            state.replicas = self.source.replicas(database, name).await?;
        }
        if beside && state.replicas.is_none() && self.source.keeps_replicas() {
            findings.push(replicas_unknown(&address, &unloaded));
        }
        if reads
            && load == LoadState::Loaded
            && let Some(field) = measure::unloaded_field(self.source, &state, rule).await?
        {
            findings.push(field_not_loaded(&address, &field));
            return Ok(Some(state));
        }
        if readable {
            measure::rows(self.source, &mut state, rule, in_use).await?;
            let off = matches!(rule.dynamic_field, DynamicField::Off { .. });
            if off && state.collection.dynamic_field && !known {
                state.dynamic_rows = Some(measure::dynamic_rows(self.source, &state, rule).await?);
            }
            if !in_use {
                measure::nulls(self.source, &mut state, rule).await?;
            }
            if !known {
                let target = self.target.version();
                measure::keys_of_several_partitions(self.source, target, &state, rule, findings)
                    .await?;
            }
        }
        findings
            .extend(described.marks.iter().filter(|_| reads).map(|m| being_filled(&address, m)));
        if !in_use {
            let files = &described.file_resources;
            self.file_resources(&state.collection, files, rule, findings).await?;
            let target = self.target.version();
            measure::shadowed(self.source, target, &mut state, rule, findings).await?;
        }
        Ok(Some(state))
    }

    /// Whether a collection cannot be loaded, by anybody.
    fn is_unloadable(&self, collection: &Collection, load: LoadState) -> bool {
        load == LoadState::NotLoaded
            && self.source.version().flavour != Flavour::Lite
            && !wanted::without_index(collection).is_empty()
    }

    /// What stands against reading a source of which not everything is loaded, if anything: the
    /// finding's code, what is the case, and what to do.
    fn why_unreadable(
        &self,
        collection: &Collection,
        load: LoadState,
        unloaded: &[String],
    ) -> Option<(&'static str, String, &'static str)> {
        let version = self.source.version();
        let old = version.flavour == Flavour::Milvus && version.older_than(2, 3, 0);
        let partly = || format!("partitions are not loaded: {}", unloaded.join(", "));
        if load == LoadState::Loaded && old {
            let advice = "Milvus 2.2 loads no partition beside others: release the collection at \
                          the source, and load all of it";
            return Some(("source_partition_not_loaded", partly(), advice));
        }
        if self.load_source {
            let vectors = wanted::without_index(collection);
            if version.flavour == Flavour::Lite || vectors.is_empty() {
                return None;
            }
            let message = format!(
                "the source collection cannot be loaded, as these vectors have no index: {}",
                vectors.join(", ")
            );
            return Some(("source_not_loadable", message, "make an index on them at the source"));
        }
        let advice = "load it at the source, or set `load = true` under [source] to let apply load \
                      it and release it again";
        Some(match load {
            LoadState::Loading => {
                let message = "the source collection is still being loaded".to_owned();
                ("source_loading", message, "run the same command again when it is loaded")
            }
            LoadState::Loaded => ("source_partition_not_loaded", partly(), advice),
            LoadState::NotLoaded => {
                let message = "the source collection is not loaded".to_owned();
                ("source_not_loaded", message, advice)
            }
        })
    }

    pub(super) async fn target_state(
        &self,
        database: &str,
        name: &str,
    ) -> Result<Option<TargetState>> {
        let Some(described) = self.target.describe_collection(database, name).await? else {
            return Ok(None);
        };
        let mut collection = described.collection;
        if collection.partition_key().is_none() {
            let mut partitions = self.target.list_partitions(database, name).await?;
            partitions.retain(|name| name != DEFAULT_PARTITION);
            collection.partitions = partitions;
        }
        collection.indexes = self.target.list_indexes(database, name).await?;
        let load = self.target.load_state(database, name, None).await?;
        let rows = match Query::of(&collection) {
            Some(query) if load == LoadState::Loaded => {
                self.target.count(&query, &KeyRange::ALL, Moment::Strong).await?
            }
            _ => None,
        };
        let row_statistic = self.target.row_count_statistic(database, name).await?;
        let (id, marks) = (described.id, described.marks);
        Ok(Some(TargetState { id, collection, load, rows, row_statistic, marks }))
    }
}

/// What may have been meant by the name of a collection that is not there.
fn instead(name: &str, database: &str, collections: &[String]) -> String {
    let there = named(database, collections);
    match closest(name, collections.iter().map(String::as_str)) {
        Some(near) => format!("did you mean {near:?}? {there}"),
        None => there,
    }
}

/// What a database holds, for somebody who looks for a collection in it.
pub(super) fn named(database: &str, collections: &[String]) -> String {
    const SHOWN: usize = 20;
    let some: Vec<&str> = collections.iter().take(SHOWN).map(String::as_str).collect();
    match collections.len() {
        0 => format!("check the database: {database:?} holds no collections"),
        1..=SHOWN => format!("the database {database:?} holds: {}", some.join(", ")),
        more => format!(
            "the database {database:?} holds: {}, and {} more",
            some.join(", "),
            more - SHOWN
        ),
    }
}
