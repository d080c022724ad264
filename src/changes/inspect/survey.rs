//! Looks at what a source holds before there is a plan file for it. Writes nothing.

use std::collections::BTreeMap;

use futures_util::stream::{self, StreamExt, TryStreamExt};

use super::collection::partition_states;
use super::{AT_A_TIME, missing, unreadable};
use crate::changes::abilities::{Abilities, Feature, Release};
use crate::changes::glob::matcher;
use crate::changes::{Finding, Selection, Severity, SourceState, preflight, wanted};
use crate::milvus::{Client, Error, Kind, Moment, Query, Result};
use crate::model::inventory::{
    DatabaseInventory, Duplicates, Found, Holding, Inventory, Loading, RowNumber,
};
use crate::model::{Collection, DEFAULT_PARTITION, Flavour, KeyRange, LoadState};

/// Keys among which duplicates are looked for: those of one page from the lowest on.
const PROBED_KEYS: u32 = 1_000;
/// Largest answer of that probe that is taken, bytes.
const MAX_ANSWER: usize = 16 << 20;
/// A target since this release is not worth a word.
const COMMON: Release = (2, 3, 0);
/// Findings that an inventory tells in its own words.
const TOLD_ELSEWHERE: [&str; 3] =
    ["source_not_loaded", "source_partition_not_loaded", "source_loading"];

/// The databases to look into: those that are wanted, or all that can be listed.
///
/// # Errors
/// When a call fails. A database that is not there is a [`Finding`].
pub async fn databases(
    source: &Client,
    wanted: &[String],
) -> Result<std::result::Result<Vec<String>, Finding>> {
    let mut there = source.list_databases().await?;
    if let Some(there) = &mut there {
        there.sort_by_key(|name| (name != "default", name.clone()));
    }
    if wanted.is_empty() {
        return Ok(Ok(there.unwrap_or_else(|| vec!["default".to_owned()])));
    }
    if let Some(there) = &there
        && let Some(missing) = wanted.iter().find(|name| !there.contains(name))
    {
        let message = format!("the source has no database {missing:?}");
        let advice = format!("its databases are: {}", there.join(", "));
        return Ok(Err(Finding::error("source_database_missing", missing, message, advice)));
    }
    let mut names = wanted.to_vec();
    names.sort_by_key(|name| (name != "default", name.clone()));
    names.dedup();
    Ok(Ok(names))
}

/// Looks at the collections of these databases that the selection leaves.
///
/// # Errors
/// When a call fails. What is wrong with a collection is in its notes; a selection that matches
/// nothing is a [`Finding`].
pub async fn survey(
    source: &Client,
    databases: &[String],
    selection: &Selection,
) -> Result<std::result::Result<Inventory, Finding>> {
    let mut inventory = Inventory {
        uri: source.uri().to_owned(),
        version: source.version().to_string(),
        databases: Vec::new(),
        closed: Vec::new(),
    };
    let mut listed = Vec::new();
    for database in databases {
        match source.list_collections_of_listed(database).await {
            Ok(Some(names)) => {
                listed.extend(names.into_iter().map(|name| (database.clone(), name)));
            }
            Ok(None) => {}
            // One may be allowed to use some databases and not others.
            Err(error) if error.kind == Kind::PermissionDenied && databases.len() > 1 => {
                inventory.closed.push(database.clone());
            }
            Err(error) => return Err(error),
        }
    }
    if let Some(finding) = matches_nothing(selection, &listed) {
        return Ok(Err(finding));
    }
    let (chosen, left_out): (Vec<_>, Vec<_>) =
        listed.into_iter().partition(|address| is_selected(selection, address));
    let looks = chosen.into_iter().map(|(database, name)| async move {
        let holding = holding(source, &database, &name).await?;
        Ok::<_, Error>((database, holding))
    });
    let held: Vec<_> = stream::iter(looks).buffered(AT_A_TIME).try_collect().await?;
    let mut by_database: BTreeMap<String, (Vec<Holding>, Vec<String>)> = BTreeMap::new();
    for (database, holding) in held {
        by_database.entry(database).or_default().0.push(holding);
    }
    for (database, name) in left_out {
        by_database.entry(database).or_default().1.push(name);
    }
    for name in databases {
        if let Some((collections, left_out)) = by_database.remove(name) {
            let name = name.clone();
            inventory.databases.push(DatabaseInventory { name, collections, left_out });
        }
    }
    Ok(Ok(inventory))
}

type Address = (String, String);

fn matches(pattern: &str, (database, name): &Address) -> bool {
    let matches = matcher(pattern);
    matches(name) || matches(&format!("{database}/{name}"))
}

fn is_selected(selection: &Selection, address: &Address) -> bool {
    (selection.only.is_empty() || selection.only.iter().any(|only| matches(only, address)))
        && !selection.exclude.iter().any(|exclude| matches(exclude, address))
}

/// A pattern that matches nothing is a typing error.
fn matches_nothing(selection: &Selection, listed: &[Address]) -> Option<Finding> {
    let only = selection.only.iter().map(|pattern| ("--only", pattern));
    let exclude = selection.exclude.iter().map(|pattern| ("--exclude", pattern));
    let (option, pattern) = only
        .chain(exclude)
        .find(|(_, pattern)| !listed.iter().any(|address| matches(pattern, address)))?;
    let message = format!("{option} {pattern} matches no collection of the source");
    let advice = "patterns are matched against `collection` and `database/collection`";
    Some(Finding::error("selection_matches_nothing", pattern, message, advice))
}

async fn holding(source: &Client, database: &str, name: &str) -> Result<Holding> {
    let named = |found, notes| Holding { name: name.to_owned(), found, notes };
    match look(source, database, name).await {
        Ok(Some((found, notes))) => Ok(named(Some(found), notes)),
        Ok(None) => Ok(named(None, vec!["it is gone since it was listed".to_owned()])),
        // It says something of this collection, so the others are looked at all the same.
        Err(error) if error.is_denial() => {
            let missing = missing::at_source(source, database, name).await;
            let finding = missing.finding("source_not_permitted", &error);
            Ok(named(None, vec![sentence(&finding)]))
        }
        Err(error) if matches!(error.kind, Kind::Invalid | Kind::Other) => {
            let finding = unreadable(format!("{database}/{name}"), &error);
            Ok(named(None, vec![sentence(&finding)]))
        }
        Err(error) => Err(error),
    }
}

async fn look(source: &Client, database: &str, name: &str) -> Result<Option<(Found, Vec<String>)>> {
    let Some(described) = source.describe_collection(database, name).await? else {
        return Ok(None);
    };
    let mut collection = described.collection;
    let names = match collection.partition_key() {
        Some(_) => Vec::new(),
        None => source.list_partitions(database, name).await?,
    };
    collection.partitions =
        names.iter().filter(|name| *name != DEFAULT_PARTITION).cloned().collect();
    collection.indexes = source.list_indexes(database, name).await?;
    if source.version().flavour == Flavour::Lite {
        // It does not describe them with the collection.
        collection.aliases = source.list_aliases(database, name).await?.unwrap_or_default();
    }
    let load = source.settled_load_state(database, name, None).await?;
    let loaded = match load {
        LoadState::Loaded => {
            let states = partition_states(source, (database, name), names, load).await?;
            let released: Vec<String> = states
                .into_iter()
                .filter(|partition| partition.load != LoadState::Loaded)
                .map(|partition| partition.name)
                .collect();
            if released.is_empty() { Loading::All } else { Loading::AllBut(released) }
        }
        LoadState::Loading | LoadState::NotLoaded => Loading::Nothing,
    };
    let mut rows = None;
    let mut duplicates = None;
    if let Some(query) = Query::of(&collection).filter(|_| load == LoadState::Loaded) {
        rows = source.count(&query, &KeyRange::ALL, Moment::Strong).await?;
        duplicates = probe(source, &query).await?;
    }
    let statistic = source.row_count_statistic(database, name).await?;
    let notes = notes(source, &collection, rows);
    let without_index = match source.version().flavour {
        Flavour::Lite => Vec::new(),
        Flavour::Milvus | Flavour::ZillizCloud => wanted::without_index(&collection),
    };
    let rows = rows.map_or(RowNumber::About(statistic), RowNumber::Counted);
    Ok(Some((Found { collection, rows, loaded, without_index, duplicates }, notes)))
}

/// Looks for keys that are there more than once: a count counts their rows, and a query gives each
/// key once. A probe that does not succeed says nothing.
async fn probe(source: &Client, query: &Query) -> Result<Option<Duplicates>> {
    let probed = async {
        let (page, _) = source
            .key_page(query, &KeyRange::ALL, Moment::Eventually, PROBED_KEYS, MAX_ANSWER)
            .await?;
        let Some(last) = page.into_iter().next_back() else { return Ok::<_, Error>(None) };
        let range = KeyRange { after: None, up_to: Some(last) };
        let Some(rows) = source.count(query, &range, Moment::Strong).await? else {
            return Ok(None);
        };
        let keys = source.keys_in(query, &range, Moment::Strong, MAX_ANSWER).await?.len() as u64;
        Ok((rows > keys).then_some(Duplicates { rows, keys }))
    };
    match probed.await {
        Err(error) if error.kind == Kind::Cancelled || error.is_access() => Err(error),
        other => Ok(other.unwrap_or_default()),
    }
}

/// What can be told while the target is not known: what no target takes that is like the source,
/// what no copy carries, and which releases are too old.
fn notes(source: &Client, collection: &Collection, rows: Option<u64>) -> Vec<String> {
    let like_source = Abilities::of(source.version(), None, None);
    let state = SourceState {
        id: 0,
        collection: collection.clone(),
        partitions: Vec::new(),
        load: LoadState::Loaded,
        rows,
        row_statistic: 0,
        row_bytes: None,
        dynamic_rows: None,
        nulls: BTreeMap::new(),
        shadowed: BTreeMap::new(),
        replicas: None,
    };
    let mut copied = collection.clone();
    let mut notes = Vec::new();
    if let Some(key) = copied.fields.iter_mut().find(|field| field.primary_key && field.auto_id) {
        key.auto_id = false;
        notes.push(format!(
            "{}: the keys that the source made up (autoID) are kept, and the target makes up those of \
             new rows, where it is Milvus 2.6.3 or newer, or 2.5.19 or newer of 2.5; elsewhere say \
             auto_id = \"keep_keys\", and an application that inserts without keys has to bring them, \
             or auto_id = \"regenerate\", and all rows get new keys",
            key.name
        ));
    }
    let mut findings = preflight::findings(&copied, &state, &like_source);
    findings.extend(preflight::not_carried(collection, &copied, &like_source));
    notes.extend(sentences(&findings));
    notes.extend(needs(collection));
    notes
}

/// What findings say, as far as an inventory does not tell it in its own words.
pub fn sentences(findings: &[Finding]) -> Vec<String> {
    let own = |finding: &&Finding| !TOLD_ELSEWHERE.contains(&&*finding.code);
    findings.iter().filter(own).map(sentence).collect()
}

fn sentence(finding: &Finding) -> String {
    let refused = match finding.severity {
        Severity::Error => "refused as it is: ",
        Severity::Warning => "",
    };
    let part = finding.address.splitn(3, '/').nth(2).map(|part| format!("{part}: "));
    // Some messages begin with what they are about.
    let part = part.filter(|part| !finding.message.starts_with(part.as_str())).unwrap_or_default();
    match finding.advice.as_str() {
        "" => format!("{refused}{part}{}", finding.message),
        advice => format!("{refused}{part}{} ({advice})", finding.message),
    }
}

/// The oldest release that a target can be, where many are older.
fn needs(collection: &Collection) -> Option<String> {
    let mut needs: Vec<(Release, String)> = Vec::new();
    let mut need = |first: Option<Release>, what: String| {
        needs.extend(first.filter(|first| *first > COMMON).map(|first| (first, what)));
    };
    for field in &collection.fields {
        let name = &field.name;
        need(Abilities::first_with_type(field.data_type), format!("{name} is {}", field.data_type));
        if field.nullable {
            let vector = field.data_type.is_vector();
            let feature = if vector { Feature::NullableVectors } else { Feature::NullableScalars };
            need(Abilities::first_with(feature), format!("{name} is nullable"));
        }
        if field.clustering_key {
            let first = Abilities::first_with(Feature::ClusteringKey);
            need(first, format!("{name} is a clustering key"));
        }
    }
    for function in &collection.functions {
        let what = format!("{} is a {} function", function.name, function.kind);
        need(Abilities::first_with_function(function.kind), what);
    }
    for of in &collection.struct_fields {
        let what = format!("{} is an array of structs", of.name);
        need(Abilities::first_with(Feature::StructArrays), what);
    }
    let ((major, minor, patch), what) = needs.into_iter().rev().max_by_key(|(first, _)| *first)?;
    let patch = if patch == 0 { String::new() } else { format!(".{patch}") };
    Some(format!("the target has to be Milvus {major}.{minor}{patch} or newer, as {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::samples::{collection, field};
    use crate::model::{DataType, Function, FunctionKind};

    #[test]
    fn the_newest_thing_decides_how_old_a_target_may_be() {
        let mut of = collection("c", vec![field("id", DataType::INT64)]);
        assert_eq!(needs(&of), None);
        of.fields.push(field("sparse", DataType::SPARSE_FLOAT_VECTOR));
        assert_eq!(
            needs(&of).unwrap(),
            "the target has to be Milvus 2.4 or newer, as sparse is SparseFloatVector"
        );
        of.functions.push(Function {
            name: "bm25".to_owned(),
            description: String::new(),
            kind: FunctionKind::BM25,
            inputs: vec!["text".to_owned()],
            outputs: vec!["sparse".to_owned()],
            params: BTreeMap::new(),
        });
        assert!(needs(&of).unwrap().starts_with("the target has to be Milvus 2.5 or newer"));
    }

    #[test]
    fn findings_become_sentences() {
        let refused = Finding::error("x", "default/c/f", "it is so".to_owned(), "do that");
        assert_eq!(sentence(&refused), "refused as it is: f: it is so (do that)");
        let told = Finding::error("source_not_loaded", "default/c", String::new(), "");
        let warning = Finding::warning("y", "default/c", "it may be".to_owned(), "");
        assert_eq!(sentences(&[told, warning]), ["it may be"]);
    }

    #[test]
    fn patterns_select_by_name_or_address() {
        let at = |database: &str, name: &str| (database.to_owned(), name.to_owned());
        let selection = Selection {
            only: vec!["shop/*".to_owned(), "a?".to_owned()],
            exclude: vec!["*_tmp".to_owned()],
            ..Selection::default()
        };
        assert!(is_selected(&selection, &at("shop", "x")));
        assert!(is_selected(&selection, &at("other", "ab")));
        assert!(!is_selected(&selection, &at("shop", "x_tmp")));
        assert!(!is_selected(&selection, &at("other", "x")));
        let listed = [at("shop", "x_tmp")];
        assert!(matches_nothing(&selection, &listed).unwrap().message.starts_with("--only a?"));
    }
}
