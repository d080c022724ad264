//! Reads both ends: which collections the rules mean, and what they and their targets are now.
//! Writes nothing.

mod collection;
mod measure;
mod missing;
mod resources;
mod same;
pub mod server;
pub mod survey;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::stream::{self, StreamExt, TryStreamExt};

pub use same::TARGET_IS_SOURCE;

use super::glob::matcher;
use super::{Finding, Inspected, Known, NewDatabase, Selection, TargetState, Update, wanted};
use crate::milvus::{Client, Error, Kind, Result};
use crate::model::{CollectionRule, Migration, Selector};

/// The glob of every collection.
const ALL: &str = "*";
/// Collections that are looked at a time: most of it is waiting for answers.
const AT_A_TIME: usize = 8;

/// Is told how many collections were looked at, and of how many.
pub type Seen<'a> = dyn Fn(usize, usize) + Send + Sync + 'a;

/// Looks up what the ledger knows of a target, by database and name.
pub type Lookup<'a> = dyn Fn(&str, &str) -> Option<Known> + Send + Sync + 'a;

/// Reads both ends for every collection that the plan file and the selection mean.
///
/// Returns the empty databases that a rule means as well, where the target lacks them.
///
/// # Errors
/// When a call fails. What is wrong with a collection is a [`Finding`], not an error.
pub async fn inspect(
    migration: &Migration,
    selection: &Selection,
    source: &Client,
    target: &Client,
    known: &Lookup<'_>,
    seen: &Seen<'_>,
) -> Result<(Vec<Inspected>, Vec<NewDatabase>, Vec<Finding>)> {
    let mut inspection = Inspection {
        source,
        target,
        source_databases: databases(source).await?,
        target_databases: databases(target).await?,
        listed: BTreeMap::new(),
        load_source: migration.load_source,
        selection,
    };
    let mut chosen = Vec::new();
    let mut findings = Vec::new();
    for rule in &migration.collections {
        match inspection.expand(rule).await? {
            Ok(names) => chosen.extend(names.into_iter().map(|name| (rule, name))),
            Err(finding) => findings.push(finding),
        }
    }
    let databases = if selection.only.is_empty() {
        inspection.empty_databases(&migration.collections).await?
    } else {
        Vec::new()
    };
    select(selection, &mut chosen, &mut findings);
    let (done, total, inspection) = (&AtomicUsize::new(0), chosen.len(), &inspection);
    seen(0, total);
    let looks = chosen.into_iter().map(|(rule, name)| async move {
        let looked = inspection.look(rule, name, known).await;
        seen(done.fetch_add(1, Ordering::Relaxed) + 1, total);
        looked
    });
    let inspected: Vec<Inspected> = stream::iter(looks).buffered(AT_A_TIME).try_collect().await?;
    findings.extend(no_such_target(selection, &inspected));
    Ok((inspected, databases, findings))
}

/// `None` where they cannot be known; then a missing one shows when it is used.
async fn databases(client: &Client) -> Result<Option<BTreeSet<String>>> {
    Ok(client.list_databases().await?.map(|names| names.into_iter().collect()))
}

/// Targets that are to be taken over and that the plan file does not fill.
fn no_such_target(selection: &Selection, inspected: &[Inspected]) -> Vec<Finding> {
    let filled = |asked: &&String| {
        let alone = Selection { take_over: vec![(*asked).clone()], ..Selection::default() };
        inspected.iter().any(|it| alone.takes_over(&it.rule.target_database, &it.target_name))
    };
    let unknown = selection.take_over.iter().filter(|asked| !filled(asked));
    unknown
        .map(|asked| {
            let message = format!("--take-over {asked} is no target collection of the plan file");
            let advice = "name one as `collection` or `database/collection`";
            Finding::error("selection_matches_nothing", asked, message, advice)
        })
        .collect()
}

/// What the ledger makes of a source.
#[derive(Debug, Clone, Copy)]
struct UseOf {
    /// An earlier run knew its target.
    known: bool,
    /// Its target is finished, and in use.
    in_use: bool,
    /// Its rows are read.
    reads: bool,
}

struct Inspection<'a> {
    source: &'a Client,
    target: &'a Client,
    source_databases: Option<BTreeSet<String>>,
    target_databases: Option<BTreeSet<String>>,
    listed: BTreeMap<String, Vec<String>>,
    load_source: bool,
    selection: &'a Selection,
}

impl Inspection<'_> {
    /// The source collections that a rule means.
    async fn expand(
        &mut self,
        rule: &CollectionRule,
    ) -> Result<std::result::Result<Vec<String>, Finding>> {
        let database = &rule.source_database;
        let refuse = |code, address: String, message, advice: String| {
            Ok(Err(Finding::error(code, address, message, advice)))
        };
        if let Some(known) = &self.source_databases
            && !known.contains(database)
        {
            let known: Vec<_> = known.iter().map(String::as_str).collect();
            let message = format!("{}: the source has no database {database:?}", rule.location);
            let advice = format!("its databases are: {}", known.join(", "));
            return refuse("source_database_missing", database.clone(), message, advice);
        }
        let (pattern, exclude) = match &rule.source {
            Selector::Name(name) => return Ok(Ok(vec![name.clone()])),
            Selector::Glob { pattern, exclude } => (pattern, exclude),
        };
        if !self.listed.contains_key(database) {
            let names = self.source.list_collections(database).await?;
            self.listed.insert(database.clone(), names);
        }
        let matches = matcher(pattern);
        let excluded: Vec<_> = exclude.iter().map(|glob| matcher(glob)).collect();
        let names: Vec<String> = self.listed[database]
            .iter()
            .filter(|name| matches(name) && !excluded.iter().any(|excluded| excluded(name)))
            .cloned()
            .collect();
        let names = self.without_targets(rule, names);
        // All of nothing is nothing; a name that nothing begins with is a typing error.
        if pattern == ALL && self.listed[database].is_empty() {
            return Ok(Ok(names));
        }
        if names.is_empty() {
            let message = format!(
                "{}: no collection of the source database {database:?} matches {pattern:?}",
                rule.location
            );
            let advice = collection::named(database, &self.listed[database]);
            return refuse(
                "glob_matches_nothing",
                format!("{database}/{pattern}"),
                message,
                advice,
            );
        }
        Ok(Ok(names))
    }

    /// The databases of the target that rules mean whose source database holds no collection.
    async fn empty_databases(&self, rules: &[CollectionRule]) -> Result<Vec<NewDatabase>> {
        let mut databases: Vec<NewDatabase> = Vec::new();
        for rule in rules {
            let of_source = &rule.source_database;
            let is_empty = self.listed.get(of_source).is_some_and(Vec::is_empty);
            let all = matches!(&rule.source, Selector::Glob { pattern, .. } if pattern == ALL);
            let name = &rule.target_database;
            let there = self.target_databases.as_ref().is_none_or(|there| there.contains(name));
            let told = databases.iter().any(|other| other.name == *name);
            if !is_empty || !all || there || told {
                continue;
            }
            let properties = self.source.describe_database(of_source).await?.unwrap_or_default();
            let properties = wanted::portable_of_database(&properties);
            databases.push(NewDatabase { name: name.clone(), properties });
        }
        Ok(databases)
    }

    /// Where both ends are one database, a glob may match what it makes itself: those are left out.
    fn without_targets(&self, rule: &CollectionRule, names: Vec<String>) -> Vec<String> {
        let same =
            self.source.uri() == self.target.uri() && rule.source_database == rule.target_database;
        let Some(template) = rule.target.as_ref().filter(|_| same) else { return names };
        let made: BTreeSet<String> =
            names.iter().filter_map(|name| template.render(name).ok()).collect();
        names.into_iter().filter(|name| !made.contains(name)).collect()
    }

    /// The target as it is, and whether that may not be looked at: then nothing is known of it.
    async fn target_or_denial(
        &self,
        rule: &CollectionRule,
        name: &str,
        findings: &mut Vec<Finding>,
    ) -> Result<(Option<TargetState>, bool)> {
        let database = &rule.target_database;
        match self.target_state(database, name).await {
            Err(error) if error.is_denial() => {
                let missing = missing::at_target(self.target, database, name).await;
                findings.push(missing.finding("target_not_permitted", &error));
                Ok((None, true))
            }
            other => Ok((other?, false)),
        }
    }

    async fn look(
        &self,
        rule: &CollectionRule,
        source_name: String,
        known: &Lookup<'_>,
    ) -> Result<Inspected> {
        let mut findings = Vec::new();
        let address = format!("{}/{source_name}", rule.source_database);
        let unrenderable = |template: &str, why: &str| {
            let message = format!("{}: {template:?}: {why}", rule.location);
            Finding::error("template", address.clone(), message, "correct the template")
        };
        let mut render = |template: &Option<crate::model::NameTemplate>| {
            let template = template.as_ref()?;
            template
                .render(&source_name)
                .map_err(|why| findings.push(unrenderable(template.text(), &why)))
                .ok()
        };
        let target_name = render(&rule.target).unwrap_or_else(|| source_name.clone());
        let description = render(&rule.description);

        let database_missing = self
            .target_databases
            .as_ref()
            .is_some_and(|databases| !databases.contains(&rule.target_database));
        let (target, unknown_target) = if database_missing {
            (None, false)
        } else {
            self.target_or_denial(rule, &target_name, &mut findings).await?
        };
        let known = known(&rule.target_database, &target_name);
        // Finished, and still the collection that was filled.
        let in_use = super::in_use::in_use(known.as_ref(), target.as_ref());
        let update = match &known {
            Some(known) if self.selection.catch_up && (in_use || !known.finished) => {
                Some(Update::CatchUp)
            }
            Some(known) if in_use && known.to_repair => Some(Update::Repair),
            _ => None,
        };
        let use_of = UseOf { known: known.is_some(), in_use, reads: !in_use || update.is_some() };
        let state = self.source_state(rule, &source_name, use_of, &mut findings).await;
        let source = match state {
            Err(error) if error.is_denial() => {
                let missing = missing::at_source(self.source, &rule.source_database, &source_name);
                findings.push(missing.await.finding("source_not_permitted", &error));
                None
            }
            // Without its target nothing can be said of what is to be done.
            Ok(_) if unknown_target => None,
            // It says something of this collection, so the others are looked at all the same.
            Err(error) if matches!(error.kind, Kind::Invalid | Kind::Other) => {
                findings.push(unreadable(address.clone(), &error));
                None
            }
            other => other?,
        };
        if let (Some(source), Some(target)) = (&source, &target) {
            findings.extend(self.same_collection(rule, source, target).await?);
        }
        if let Some(target) = &target {
            findings.extend(self.replicas_kept(rule, target).await?);
        }
        findings.extend(self.resource_groups_missing(rule, &target_name).await?);
        let has = source.as_ref().map(|source| source.collection.aliases.clone());
        let aliases = match wanted::aliases(rule, &source_name, &has.unwrap_or_default()) {
            Ok(aliases) => aliases,
            Err((template, why)) => {
                findings.push(unrenderable(&template, &why));
                Vec::new()
            }
        };
        let mut alias_holders = BTreeMap::new();
        for alias in aliases.iter().filter(|_| !database_missing) {
            // Asked by an alias, servers describe the collection that it leads to.
            let found = self.target.describe_collection(&rule.target_database, alias).await?;
            alias_holders.extend(found.map(|found| (alias.clone(), found.collection.name)));
        }
        let database_properties = if database_missing {
            self.source.describe_database(&rule.source_database).await?
        } else {
            None
        };
        let take_over = self.selection.takes_over(&rule.target_database, &target_name);
        Ok(Inspected {
            rule: rule.clone(),
            source_name,
            target_name,
            description,
            source,
            target,
            database_missing,
            database_properties: database_properties.unwrap_or_default(),
            aliases,
            alias_holders,
            known,
            update,
            take_over,
            findings,
        })
    }
}

/// Milvus Lite 2 makes collections that it cannot describe (a default value of zero) or query (a
/// partition key).
fn unreadable(address: String, error: &Error) -> Finding {
    let message = format!("the source does not let it be read: {error}");
    let advice = "leave this collection out of the plan file (`exclude`, or --exclude)";
    Finding::error("source_not_readable", address, message, advice)
}

/// Keeps what `--only` and `--exclude` leave; a pattern that matches nothing is a typing error.
fn select(
    selection: &Selection,
    chosen: &mut Vec<(&CollectionRule, String)>,
    findings: &mut Vec<Finding>,
) {
    let nothing = |address: String, message: String, advice: &str| {
        Finding::error("selection_matches_nothing", address, message, advice)
    };
    let matches = |pattern: &str, (rule, name): &(&CollectionRule, String)| {
        let matches = matcher(pattern);
        matches(name) || matches(&format!("{}/{name}", rule.source_database))
    };
    for (option, pattern) in selection
        .only
        .iter()
        .map(|pattern| ("--only", pattern))
        .chain(selection.exclude.iter().map(|pattern| ("--exclude", pattern)))
    {
        if !chosen.iter().any(|entry| matches(pattern, entry)) {
            let message = format!("{option} {pattern} matches no collection of the plan file");
            let advice =
                "patterns are matched against `collection` and `database/collection` of the source";
            findings.push(nothing(pattern.clone(), message, advice));
        }
    }
    let any = !chosen.is_empty();
    chosen.retain(|entry| {
        (selection.only.is_empty() || selection.only.iter().any(|only| matches(only, entry)))
            && !selection.exclude.iter().any(|exclude| matches(exclude, entry))
    });
    if any && chosen.is_empty() && findings.is_empty() {
        let patterns: Vec<&str> =
            selection.only.iter().chain(&selection.exclude).map(String::as_str).collect();
        let message = "--only and --exclude leave no collection of the plan file".to_owned();
        findings.push(nothing(patterns.join(" "), message, "select less narrowly"));
    }
}
