//! What both servers say about themselves beside their collections: room, quotas, and what the
//! users of the plan file may do there. Writes nothing.

use std::collections::{BTreeMap, BTreeSet};

use crate::changes::preflight::{Admission, ServerState};
use crate::changes::{Action, CollectionChange, Finding, Loaded, Severity};
use crate::milvus::{Client, Deed, Kind, Quota, Result};
use crate::model::Collection;

/// Reads what a server says about itself; how much is in it only where `room` is asked for, as that
/// lists the collections of every database.
///
/// # Errors
/// When a call fails for another reason than not being there or not being allowed.
pub async fn state(client: &Client, room: bool) -> Result<ServerState> {
    let (quotas, reasons) = client.quotas().await?;
    let admission = |limited: Quota, denied: Quota| {
        if quotas.contains(&denied) {
            Admission::Denied
        } else if quotas.contains(&limited) {
            Admission::Limited
        } else {
            Admission::Open
        }
    };
    let mut state = ServerState {
        uri: client.uri().to_owned(),
        reads: admission(Quota::ReadLimited, Quota::DenyToRead),
        writes: admission(Quota::WriteLimited, Quota::DenyToWrite),
        definitions: admission(Quota::DenyToDefine, Quota::DenyToDefine),
        reasons,
        ..ServerState::default()
    };
    if room {
        let databases = known(client.list_databases().await)?.flatten();
        state.databases = databases.as_ref().map(|databases| databases.len() as u64);
        state.collections = collections(client, databases).await?;
    }
    Ok(state)
}

/// Collections over all databases, where every database lets itself be looked into.
async fn collections(client: &Client, databases: Option<Vec<String>>) -> Result<Option<u64>> {
    let databases = databases.unwrap_or_else(|| vec!["default".to_owned()]);
    let mut number = 0;
    for database in databases {
        match known(client.list_collections_of_listed(&database).await)? {
            Some(names) => number += names.map_or(0, |names| names.len() as u64),
            None => return Ok(None),
        }
    }
    Ok(Some(number))
}

/// Nothing where it is not let be known.
fn known<T>(answer: Result<T>) -> Result<Option<T>> {
    match answer {
        Ok(value) => Ok(Some(value)),
        Err(error)
            if matches!(
                error.kind,
                Kind::PermissionDenied | Kind::Unsupported | Kind::Missing | Kind::Invalid
            ) =>
        {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// What the changes need and the users may not do, at both ends. Every question is one that cannot
/// change anything (see [`Deed`]).
pub async fn permissions(
    source: &Client,
    target: &Client,
    changes: &[CollectionChange],
) -> Vec<Finding> {
    let mut findings = Vec::new();
    let pending = || changes.iter().filter(|change| change.is_pending());
    let at_source = pending().flat_map(source_needs);
    findings.extend(asked("source_not_permitted", source, at_source).await);
    let at_target = pending().flat_map(|change| target_needs(change, target));
    findings.extend(asked("target_not_permitted", target, at_target).await);
    findings
}

/// Something that a collection needs.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Need {
    deed: Deed,
    /// Whether nothing is copied without it; otherwise only some runs need it.
    always: bool,
    database: String,
    collection: String,
    key: String,
}

fn needs(collection: &Collection, deeds: &[(Deed, bool)]) -> Vec<Need> {
    let key = collection.primary_key().map(|field| field.name.clone()).unwrap_or_default();
    deeds
        .iter()
        .map(|&(deed, always)| Need {
            deed,
            always,
            database: collection.database.clone(),
            collection: collection.name.clone(),
            key: key.clone(),
        })
        .collect()
}

fn source_needs(change: &CollectionChange) -> Vec<Need> {
    let Some(source) = &change.source else { return Vec::new() };
    let mut deeds = vec![(Deed::Query, true)];
    if change.load_source {
        deeds.extend([(Deed::Load, true), (Deed::Release, true)]);
    }
    needs(&source.collection, &deeds)
}

fn target_needs(change: &CollectionChange, target: &Client) -> Vec<Need> {
    let Some(wanted) = &change.wanted else { return Vec::new() };
    let mut deeds = vec![(Deed::Insert, true)];
    // Rows that may be there already are replaced by key: those of a target that is adopted, and
    // those whose first write ended in the dark.
    let replaces = matches!(change.action, Action::Adopt | Action::Resume);
    if target.version().older_than(2, 3, 0) || wanted.makes_keys() {
        deeds.push((Deed::Delete, replaces));
    } else {
        deeds.push((Deed::Upsert, replaces));
    }
    if change.create_database {
        deeds.push((Deed::CreateDatabase, true));
    }
    if change.target.is_none() || !change.alter.is_empty() || !change.during.is_empty() {
        deeds.push((Deed::CreateCollection, true));
    }
    if !wanted.partitions.is_empty() && wanted.partition_key().is_none() {
        deeds.push((Deed::CreatePartition, true));
    }
    if !wanted.indexes.is_empty() {
        deeds.push((Deed::CreateIndex, true));
    }
    if !wanted.aliases.is_empty() {
        deeds.push((Deed::CreateAlias, true));
    }
    // It is loaded to be counted, and released again where it is not to stay so.
    let stays = change.ending.loaded != Loaded::Nothing;
    // Where the target makes other keys, rows that are written again are looked for.
    let needed = stays || !wanted.brings_keys();
    deeds.extend([(Deed::Load, needed), (Deed::Query, needed)]);
    if !stays {
        deeds.push((Deed::Release, false));
    }
    needs(wanted, &deeds)
}

/// One finding per collection, or database, with every privilege that is missing for it.
async fn asked(
    code: &'static str,
    client: &Client,
    needs: impl Iterator<Item = Need>,
) -> Vec<Finding> {
    let mut once = BTreeSet::new();
    let mut denied: BTreeMap<(String, bool), Vec<(Deed, String)>> = BTreeMap::new();
    for need in needs {
        let of = if need.deed.is_global() { "" } else { need.collection.as_str() };
        if !once.insert((need.deed, need.database.clone(), of.to_owned())) {
            continue;
        }
        let answer = client.denial(need.deed, &need.database, &need.collection, &need.key).await;
        if let Some(error) = answer {
            let address = match of {
                "" => need.database.clone(),
                of => format!("{}/{of}", need.database),
            };
            denied.entry((address, need.always)).or_default().push((need.deed, error.message));
        }
    }
    denied
        .into_iter()
        .map(|((address, always), deeds)| finding(code, address, always, &deeds))
        .collect()
}

fn finding(
    code: &'static str,
    address: String,
    always: bool,
    denied: &[(Deed, String)],
) -> Finding {
    let names: Vec<&str> = denied.iter().map(|(deed, _)| deed.privilege()).collect();
    let words: Vec<&str> = denied.iter().map(|(_, words)| words.as_str()).collect();
    let plural = if names.len() == 1 { "" } else { "s" };
    let (names, words) = (names.join(", "), words.join("; "));
    let of = if address.contains('/') { "" } else { "the database " };
    let whys: BTreeSet<&str> = denied.iter().map(|(deed, _)| why(*deed, always)).collect();
    let why: String = whys.into_iter().collect();
    Finding {
        severity: if always { Severity::Error } else { Severity::Warning },
        code: code.into(),
        message: format!(
            "this user lacks the privilege{plural} {names} for {of}{address}{why}; the server says: {words}"
        ),
        address,
        advice: format!("grant {names} to a role of this user"),
    }
}

/// What becomes of a run without a privilege that only some runs need.
fn why(deed: Deed, always: bool) -> &'static str {
    match (deed, always) {
        (_, true) => "",
        (Deed::Load | Deed::Query, false) => "; without it the rows cannot be counted at the end",
        (Deed::Release, false) => "; without it the target stays loaded after it was counted",
        (_, false) => "; it is needed when a write has to be repeated, as after a lost connection",
    }
}
