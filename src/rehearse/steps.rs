//! What each step does.

use std::time::{Duration, Instant};

use tokio::sync::mpsc;

use super::sample::{self, Keys};
use super::turn::Fault;
use super::{Run, scratch};
use crate::changes::indexes::in_turn;
use crate::changes::{CollectionChange, SourceState};
use crate::copy::{Memory, wait_until_readable};
use crate::milvus::{Client, Kind, Query};
use crate::model::differences::{not_kept, place, told_index_difference};
use crate::model::quantity::{count, counted};
use crate::model::{Collection, Key, LoadState};
use crate::verify::{
    self, Check, Ids, Lend, Mode, Searched, Subject, Wishes, compare_chosen, search_each,
};

/// How long a server may take to load a few rows, or to build an index over them.
const BUILD_LIMIT: Duration = Duration::from_secs(180);
/// How long a source may take to be loaded.
const LOAD_LIMIT: Duration = Duration::from_secs(3600);
/// Time between two questions about it.
const ASK_AGAIN: Duration = Duration::from_millis(300);

/// A step that came to nothing that later steps need.
type Done = Result<((), String), Fault>;

/// What the steps of one collection work with.
pub(super) struct Work<'a> {
    pub(super) run: &'a Run<'a>,
    pub(super) change: &'a CollectionChange,
    pub(super) source: &'a SourceState,
    pub(super) scratch: Collection,
    /// Whether a request was sent that makes the scratch collection.
    pub(super) may_be_there: bool,
    /// Whether the target said that it was made.
    made: bool,
    /// What was loaded at the source: these partitions, or all of it where there are none.
    lent: Option<Vec<String>>,
}

impl<'a> Work<'a> {
    pub(super) fn new(
        run: &'a Run<'a>,
        change: &'a CollectionChange,
        source: &'a SourceState,
        scratch: Collection,
    ) -> Self {
        Self { run, change, source, scratch, may_be_there: false, made: false, lent: None }
    }

    fn names(&self) -> (&str, &str) {
        (&self.scratch.database, &self.scratch.name)
    }

    /// Chooses the rows, at a source that is loaded.
    pub(super) async fn choose(&mut self) -> Result<(Keys, String), Fault> {
        if self.source.is_unread() || self.source.rows == Some(0) {
            return Err(Fault::Skipped("the collection is empty".to_owned()));
        }
        self.load_source().await?;
        let keys = sample::choose(self.run, self.source, &self.change.settings).await?;
        let rows: usize = keys.values().map(Vec::len).sum();
        if rows == 0 {
            return Err(Fault::Skipped("the collection is empty".to_owned()));
        }
        Ok((keys, counted(rows as u64, "row")))
    }

    /// Loads what of the source is not loaded, where the plan file allows it.
    async fn load_source(&mut self) -> Result<(), Fault> {
        let (client, from) = (&self.run.source, &self.source.collection);
        let whole = client.load_state(&from.database, &from.name, None).await?;
        let partitions = self.source.partitions.iter().map(|partition| partition.name.as_str());
        let names = client.not_loaded(from, partitions).await?;
        if whole == LoadState::Loaded && names.is_empty() {
            return Ok(());
        }
        if !self.change.load_source {
            return Err(Fault::Skipped(
                "the source is not loaded, so that nothing can be read; `load = true` under \
                 [source] lets it be loaded"
                    .to_owned(),
            ));
        }
        let selected = self.change.settings.source_partitions(None);
        let partitions = self.source.partitions.iter().map(|partition| partition.name.as_str());
        // What somebody else loads now stays loaded, and is only waited for.
        if let Some(names) = client.nobody_loads(from, partitions).await? {
            self.lent = Some(names.into_iter().map(str::to_owned).collect());
            let loading = client.load_rest(from, &selected, 0).await?;
            if let Some(why) = loading.refusal(&from.address()) {
                return Err(Fault::failed(why, ""));
            }
        }
        let reads: Vec<String> =
            self.source.partitions.iter().map(|partition| partition.name.clone()).collect();
        wait_until_loaded(client, from, &reads, LOAD_LIMIT).await?;
        if let Some(query) = Query::of(from) {
            let query = query.within(selected);
            wait_until_readable(client, &query, from, (None, Instant::now())).await?;
        }
        Ok(())
    }

    /// Releases it again.
    pub(super) async fn release_source(&mut self) -> crate::milvus::Result<()> {
        let Some(partitions) = self.lent.take() else { return Ok(()) };
        let from = &self.source.collection;
        self.run.source.release(&from.database, &from.name, &partitions).await
    }

    /// Makes the scratch collection as the target is to be made. Returns the server's id of it.
    pub(super) async fn create(&mut self) -> Result<(i64, String), Fault> {
        let (database, name) = (self.scratch.database.clone(), self.scratch.name.clone());
        let target = &self.run.target;
        if target.describe_collection(&database, &name).await?.is_some() {
            return Err(Fault::failed(
                format!("{database}/{name} is at the target already: it is left alone"),
                "run the same command again, which gives another name",
            ));
        }
        self.run.journal.made(&self.scratch.address()).map_err(|error| {
            Fault::failed(
                format!("the name of the scratch collection is not recorded: {error}"),
                "make room for the ledger, or name another folder with --state",
            )
        })?;
        let mut made = self.scratch.clone();
        made.properties.extend(self.change.during.clone());
        self.may_be_there = true;
        target.create_collection(&made).await?;
        self.made = true;
        let Some(there) = target.describe_collection(&database, &name).await? else {
            return Err(Fault::failed("the target does not show the collection it just made", ""));
        };
        let mut created = there.collection;
        // Those of the copy are no difference.
        for name in self.change.during.keys() {
            match self.scratch.properties.get(name) {
                Some(value) => created.properties.insert(name.clone(), value.clone()),
                None => created.properties.remove(name),
            };
        }
        let (failing, told) = not_kept(&self.scratch, &created, self.change.keeps_details);
        if !failing.is_empty() {
            return Err(Fault::failed(
                format!("the target makes the collection differently: {}", failing.join("; ")),
                "leave these attributes out, or move to a server that knows them",
            ));
        }
        let mut text = match told.as_slice() {
            [] => String::new(),
            told => format!("the target does not keep: {}", told.join("; ")),
        };
        if self.change.create_database {
            let wanted = self.change.wanted.as_ref().map_or("", |wanted| &wanted.database);
            let note = format!("in {database}, as the database {wanted} is not there yet");
            text = if text.is_empty() { note } else { format!("{note}; {text}") };
        }
        Ok((there.id, text))
    }

    pub(super) async fn create_partitions(&self) -> Done {
        let (database, name) = self.names();
        if self.scratch.partition_key().is_some() || self.scratch.partitions.is_empty() {
            return Err(Fault::Skipped("it has none of its own".to_owned()));
        }
        for partition in &self.scratch.partitions {
            self.run.target.create_partition(database, name, partition).await?;
        }
        let made = self.scratch.partitions.len() as u64;
        Ok(((), counted(made, "partition")))
    }

    pub(super) async fn create_indexes(&self) -> Done {
        let (database, name) = self.names();
        let target = &self.run.target;
        if self.scratch.indexes.is_empty() {
            return Err(Fault::Skipped("it has none".to_owned()));
        }
        for index in &self.scratch.indexes {
            let field = self.scratch.indexed_field(&index.field);
            let (made, afterwards) = in_turn(index, field, self.change.keeps_details);
            let refused = |error: crate::milvus::Error| match error.kind {
                Kind::Other | Kind::Invalid => {
                    let of = self.at_source(&index.field);
                    Fault::failed(
                        error.to_string(),
                        format!("choose another index with `indexes.{of}` in the plan file"),
                    )
                }
                _ => error.into(),
            };
            let created = target.create_index_in_turn(database, name, &made, &afterwards).await;
            created.map_err(refused)?;
        }
        for index in &self.scratch.indexes {
            let started = Instant::now();
            loop {
                let at = target.index_progress(database, name, &index.field, &index.name).await?;
                if at.indexed >= at.total {
                    break;
                }
                pause(started, BUILD_LIMIT, &format!("the index on {}", index.field)).await?;
            }
        }
        let there = target.list_indexes(database, name).await?;
        let wrong = self.scratch.indexes.iter().filter_map(|index| {
            let have = there.iter().find(|have| place(have) == place(index));
            let wrong = match have {
                None => Some("it is not there".to_owned()),
                Some(have) => told_index_difference(index, have, self.change.keeps_details),
            };
            wrong.map(|wrong| format!("on {}: {wrong}", index.field))
        });
        let wrong: Vec<String> = wrong.collect();
        let made = counted(self.scratch.indexes.len() as u64, "field");
        let text = if wrong.is_empty() {
            format!("on {made}")
        } else {
            format!("not as asked for: {}", wrong.join("; "))
        };
        Ok(((), text))
    }

    /// In the plan file, fields go by their names at the source.
    fn at_source<'b>(&'b self, field: &'b str) -> &'b str {
        let mut renamed = self.change.settings.renamed.iter();
        renamed.find(|(_, to)| *to == field).map_or(field, |(of, _)| of)
    }

    pub(super) async fn load(&self) -> Done {
        let replicas = self.change.ending.replicas.unwrap_or(0);
        let (target, scratch) = (&self.run.target, &self.scratch);
        let loading = target.load_rest(scratch, &[], replicas).await.map_err(|error| {
            let many = replicas > 1 && matches!(error.kind, Kind::Other | Kind::Invalid);
            let advice = "give fewer `replicas` in the plan file, or the target more query nodes";
            if many { Fault::failed(error.to_string(), advice) } else { error.into() }
        })?;
        if let Some(why) = loading.refusal(&scratch.address()) {
            return Err(Fault::failed(why, ""));
        }
        wait_until_loaded(target, scratch, &scratch.all_partitions(), BUILD_LIMIT).await?;
        if let Some(query) = Query::of(scratch) {
            wait_until_readable(target, &query, scratch, (None, Instant::now())).await?;
        }
        Ok(((), String::new()))
    }

    /// Reads the rows that were written at both ends, and compares them.
    pub(super) async fn compare(&self, id: i64, keys: &Keys) -> Done {
        let (database, name) = self.names();
        let target = &self.run.target;
        let Some(there) = target.describe_collection(database, name).await? else {
            return Err(Fault::failed("the scratch collection is not there any more", ""));
        };
        let mut to = there.collection;
        to.partitions.clone_from(&self.scratch.partitions);
        to.indexes = target.list_indexes(database, name).await?;
        let subject = Subject {
            from: self.source.collection.clone(),
            from_load: LoadState::Loaded,
            wanted: self.scratch.clone(),
            to,
            to_load: LoadState::Loaded,
            settings: self.change.settings.clone(),
            of_move: None,
            adopted: false,
            rows: None,
            wishes: Wishes::default(),
            lend: Lend::default(),
            unread: false,
            ids: Ids { source: self.source.id, target: id },
        };
        let check = Check {
            source: self.run.source.clone(),
            target: target.clone(),
            mode: Mode::Sample,
            settings: self.run.migration.verify.clone(),
            limits: self.run.migration.copy.clone(),
            memory: Memory::new(self.run.migration.copy.memory_limit.0),
            ledger: None,
            schema: false,
            repair: None,
            readable: true,
            events: mpsc::channel(1).0,
            stop: self.run.stop.clone(),
        };
        let found = compare_chosen(&check, &subject, keys).await.map_err(of_comparison)?;
        let content = &found.content;
        let mut wrong = found.unexplained.clone();
        if let Some(first) = content.differences.iter().find(|row| row.explanation.is_none()) {
            let fields = first.fields.iter().map(|field| {
                let (source, target) = (&field.source, &field.target);
                format!("key {}: {}: {source} → {target}", first.key, field.field)
            });
            wrong.extend(fields.take(3));
        }
        if wrong.is_empty() {
            let explained = match content.explained {
                0 => String::new(),
                rows => format!("; {} in the form that the target stores them in", count(rows)),
            };
            return Ok(((), format!("{} the same{explained}", counted(content.rows, "row"))));
        }
        Err(Fault::failed(wrong.join("; "), "compare the schemas in `milvus-ferry plan`"))
    }

    /// A search in each field of vectors.
    pub(super) async fn search(&self) -> Done {
        let (database, name) = self.names();
        let indexes = self.run.target.list_indexes(database, name).await?;
        let of = Collection { indexes, ..self.scratch.clone() };
        let found = search_each(&self.run.target, &of).await?;
        let (mut searched, mut nothing, mut not) = (0, Vec::new(), Vec::new());
        for (field, what) in found {
            match what {
                Searched::Found(0) => nothing.push(field),
                Searched::Found(_) => searched += 1,
                Searched::Not(why) => not.push(format!("{field}: {why}")),
            }
        }
        if !nothing.is_empty() {
            let fields = nothing.join(", ");
            let text = format!("a search with a row's own vector found nothing in {fields}");
            return Err(Fault::failed(text, "look at the index of the field"));
        }
        if searched == 0 {
            return Err(Fault::Skipped(not.join("; ")));
        }
        let beside =
            if not.is_empty() { String::new() } else { format!("; not {}", not.join("; ")) };
        Ok(((), format!("in {}{beside}", counted(searched, "field"))))
    }

    /// Deletes the scratch collection that this rehearsal made.
    pub(super) async fn drop_scratch(&self) -> Done {
        let (database, name) = self.names();
        let plan = &self.run.migration.name;
        if !self.made {
            // Somebody else may have made one of this name meanwhile.
            match self.run.target.describe_collection(database, name).await? {
                None => {
                    return Err(Fault::Skipped("the scratch collection was not made".to_owned()));
                }
                Some(there) if scratch::may_be_ours(&there.collection.description, plan) => {}
                Some(_) => {
                    return Err(Fault::Skipped("it is of others, and left alone".to_owned()));
                }
            }
        }
        self.run.target.drop_collection(database, name).await?;
        match self.run.target.describe_collection(database, name).await? {
            None => {
                super::is_gone(self.run.journal, &self.scratch.address());
                Ok(((), String::new()))
            }
            Some(_) => Err(Fault::failed("it is still there after it was deleted", "")),
        }
    }

    /// One of the keys that were written, with its partition: the first, or the last.
    pub(super) fn one_of(keys: &Keys, last: bool) -> Option<(Option<&str>, &Key)> {
        let mut all =
            keys.iter().flat_map(|(scope, keys)| keys.iter().map(|key| (scope.as_deref(), key)));
        if last { all.last() } else { all.next() }
    }
}

fn of_comparison(error: verify::Error) -> Fault {
    match error {
        verify::Error::Stopped => Fault::Stopped,
        error => {
            let advice = error.advice().to_owned();
            Fault::failed(error.to_string(), advice)
        }
    }
}

/// Waits a little before a server is asked again, within a bound.
async fn pause(started: Instant, limit: Duration, what: &str) -> Result<(), Fault> {
    if started.elapsed() > limit {
        let text = format!("{what} is not there after {} minutes", limit.as_secs() / 60);
        return Err(Fault::failed(text, "look at the server's log"));
    }
    tokio::time::sleep(ASK_AGAIN).await;
    Ok(())
}

async fn wait_until_loaded(
    client: &Client,
    of: &Collection,
    partitions: &[String],
    limit: Duration,
) -> Result<(), Fault> {
    let started = Instant::now();
    loop {
        match client.load_state_of_all(of, partitions).await {
            Ok(LoadState::Loaded) => return Ok(()),
            Ok(LoadState::Loading | LoadState::NotLoaded) => {}
            Err(error) if error.kind == Kind::NotReady => {}
            Err(error) => return Err(error.into()),
        }
        pause(started, limit, &format!("{} in memory", of.address())).await?;
    }
}
