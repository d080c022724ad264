//! Both ends of a collection, and reading from them the columns that are compared.

use std::time::Instant;

use tokio::sync::mpsc;

use super::{Check, Error, Event, Subject, identity};
use crate::copy::{self, Identity, Memory, as_carried};
use crate::milvus::{self, Client, Kind, Moment, Query, Rows};
use crate::model::{Collection, DYNAMIC_COLUMN, DynamicData, Flavour, Key, KeyRange, LoadState};

/// Rows that are measured to find out how large one is; fewer where these are too large.
const MEASURED: [u32; 3] = [200, 10, 1];

/// Where rows are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Source,
    Target,
}

/// The moments at which everything is read, one at each end.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moments {
    /// At the source.
    pub source: Moment,
    /// At the target.
    pub target: Moment,
}

impl Moments {
    pub(super) fn of(&self, side: Side) -> Moment {
        match side {
            Side::Source => self.source,
            Side::Target => self.target,
        }
    }
}

/// Both ends of one collection.
#[derive(Clone)]
pub(super) struct Ends {
    pub(super) check: Check,
    pub(super) subject: Subject,
    identity: Identity,
    source: Query,
    target: Query,
    source_columns: Vec<String>,
    target_columns: Vec<String>,
    /// The partitions that are read at the source, each by itself; or everything that is read.
    scopes: Vec<Option<String>>,
}

impl Ends {
    pub(super) async fn of(check: &Check, subject: &Subject) -> Result<Self, Error> {
        let identity = identity::open(check, subject).await?;
        let mut subject = subject.clone();
        // No server tells it.
        subject.to.source_key.clone_from(&subject.wanted.source_key);
        let query = |of: &Collection, id: i64| {
            Query::of(of).map(|query| query.of_id(id)).ok_or_else(|| Error::NoKey(of.address()))
        };
        let (from, settings) = (&subject.from, &subject.settings);
        let source_columns = settings.columns(from);
        let target_columns = source_columns
            .iter()
            .filter(|name| {
                *name != DYNAMIC_COLUMN || settings.dynamic_data != DynamicData::RequireNone
            })
            .map(|name| settings.renamed.get(name).unwrap_or(name).clone())
            .collect();
        let scopes = match (&settings.partitions, settings.by_partition) {
            (_, false) => vec![None],
            (Some(selected), true) => selected.iter().cloned().map(Some).collect(),
            (None, true) => from.all_partitions().into_iter().map(Some).collect(),
        };
        Ok(Self {
            source: query(from, identity.source_id())?,
            target: query(&subject.to, identity.target_id())?,
            identity,
            source_columns,
            target_columns,
            scopes,
            check: check.clone(),
            subject,
        })
    }

    /// Both ends, as they were before anything was read.
    pub(super) fn identity(&self) -> &Identity {
        &self.identity
    }

    pub(super) fn client(&self, side: Side) -> &Client {
        match side {
            Side::Source => &self.check.source,
            Side::Target => &self.check.target,
        }
    }

    pub(super) fn collection(&self, side: Side) -> &Collection {
        match side {
            Side::Source => &self.subject.from,
            Side::Target => &self.subject.to,
        }
    }

    /// Whether rows of an end that have one key come each: the key is not the primary key there.
    pub(super) fn shows_each(&self, side: Side) -> bool {
        match side {
            Side::Source => !self.source.by_primary_key,
            Side::Target => !self.target.by_primary_key,
        }
    }

    pub(super) fn memory(&self) -> &Memory {
        &self.check.memory
    }

    /// What is read by itself at the source.
    pub(super) fn source_scopes(&self) -> &[Option<String>] {
        &self.scopes
    }

    /// The target's partitions that the source has no counterpart of: all that they hold is extra.
    pub(super) fn foreign_partitions(&self) -> Vec<String> {
        if !self.subject.settings.by_partition {
            return Vec::new();
        }
        let ours = |name: &String| self.scopes.iter().any(|scope| scope.as_ref() == Some(name));
        self.subject.to.all_partitions().into_iter().filter(|name| !ours(name)).collect()
    }

    /// Whether a scope is a partition of an adopted target into which the move writes nothing.
    pub(super) fn is_foreign(&self, scope: Option<&str>) -> bool {
        self.subject.adopted
            && self.subject.of_move.is_some()
            && scope.is_some()
            && !self.scopes.iter().any(|other| other.as_deref() == scope)
    }

    /// The reads of a scope; `None` where that end has no such partition.
    pub(super) fn query(&self, side: Side, scope: Option<&str>) -> Option<Query> {
        match side {
            Side::Source => {
                if scope.is_some() && !self.scopes.iter().any(|other| other.as_deref() == scope) {
                    return None;
                }
                let partitions = self.subject.settings.source_partitions(scope);
                Some(self.source.clone().within(partitions))
            }
            Side::Target => {
                let has = |name: &str| {
                    name == crate::model::DEFAULT_PARTITION
                        || self.subject.to.partitions.iter().any(|partition| partition == name)
                };
                if scope.is_some_and(|name| !has(name)) {
                    return None;
                }
                let partitions = scope.map(str::to_owned).into_iter().collect();
                Some(self.target.clone().within(partitions))
            }
        }
    }

    /// Bytes that one answer may have: there is one of each end in memory.
    pub(super) fn answer_limit(&self) -> usize {
        let limits = &self.check.limits;
        let most = limits.max_request_size.0.max(limits.chunk_size.0);
        let usual = limits.chunk_size.0.saturating_mul(2).clamp(1 << 20, most.max(1 << 20));
        usize::try_from(usual).unwrap_or(usize::MAX)
    }

    /// Rows of a range with the columns that are compared, by their names at the target. `None`
    /// where they are too many for one answer, or that end has no such partition.
    pub(super) async fn rows(
        &self,
        side: Side,
        scope: Option<&str>,
        range: &KeyRange,
        at: &Moments,
        limit: usize,
    ) -> Result<Answer, Error> {
        let Some(query) = self.query(side, scope) else { return Ok(Answer::Nothing) };
        let (client, at) = (self.client(side), at.of(side));
        let read = client.rows_in(&query, range, self.columns(side), at, limit);
        let place = || self.place(side, scope, range);
        match self.unless_stopped(read).await? {
            Err(error) if error.kind == Kind::TooLarge => Ok(Answer::TooLarge(error)),
            Err(error) => Err(Error::read(place, error)),
            Ok(rows) => self.carried(side, rows, place).map(Answer::Rows),
        }
    }

    /// The rows that have one of these keys.
    pub(super) async fn rows_of_keys(
        &self,
        side: Side,
        scope: Option<&str>,
        keys: &[Key],
        at: &Moments,
        limit: usize,
    ) -> Result<Answer, Error> {
        let Some(query) = self.query(side, scope) else { return Ok(Answer::Nothing) };
        let (client, at) = (self.client(side), at.of(side));
        let read = client.rows_of_keys(&query, keys, self.columns(side), at, limit);
        let place = || self.place_of_keys(side, scope, keys);
        match self.unless_stopped(read).await? {
            Err(error) if error.kind == Kind::TooLarge => Ok(Answer::TooLarge(error)),
            Err(error) => Err(Error::read(place, error)),
            Ok(rows) => self.carried(side, rows, place).map(Answer::Rows),
        }
    }

    /// All keys of a range; `None` where they are too many for one answer.
    pub(super) async fn keys(
        &self,
        side: Side,
        scope: Option<&str>,
        range: &KeyRange,
        at: &Moments,
    ) -> Result<Option<Vec<Key>>, Error> {
        let Some(query) = self.query(side, scope) else { return Ok(Some(Vec::new())) };
        let (client, at) = (self.client(side), at.of(side));
        match self.unless_stopped(client.keys_in(&query, range, at, copy::KEYS_ANSWER)).await? {
            Ok(keys) => Ok(Some(keys)),
            Err(error) if error.kind == Kind::TooLarge => Ok(None),
            Err(error) => Err(Error::read(|| self.place(side, scope, range), error)),
        }
    }

    /// `count(*)` of a range; `None` where the server has no such thing.
    pub(super) async fn count(
        &self,
        side: Side,
        scope: Option<&str>,
        range: &KeyRange,
        at: Moment,
    ) -> Result<Option<u64>, Error> {
        let Some(query) = self.query(side, scope) else { return Ok(Some(0)) };
        let counted = self.unless_stopped(self.client(side).count(&query, range, at)).await?;
        counted.map_err(|error| Error::read(|| self.place(side, scope, range), error))
    }

    /// Bytes of an average row of the source.
    pub(super) async fn row_bytes(&self) -> Result<u64, Error> {
        let query = Query { partitions: self.selected(), ..self.source.clone() };
        for rows in MEASURED {
            let sample = self.check.source.sample_rows(&query, self.source_columns.clone(), rows);
            match self.unless_stopped(sample).await? {
                Ok(rows) => {
                    let bytes = (rows.bytes() as u64).checked_div(rows.len() as u64);
                    return Ok(bytes.unwrap_or(1).max(1));
                }
                Err(error) if error.kind == Kind::TooLarge => {}
                Err(error) => {
                    let place = || self.place(Side::Source, None, &KeyRange::ALL);
                    return Err(Error::read(place, error));
                }
            }
        }
        Ok(self.check.limits.chunk_size.0)
    }

    /// A bound inside a range that is too large; `None` when it holds a single key.
    pub(super) async fn middle(
        &self,
        side: Side,
        scope: Option<&str>,
        range: &KeyRange,
        at: &Moments,
    ) -> Result<Option<Key>, Error> {
        let keys = match self.keys(side, scope, range, at).await? {
            Some(keys) => keys,
            // Any bound will do, as long as rows are on both sides of it.
            None => self.page(side, scope, range, at, 1_000).await?,
        };
        Ok(copy::middle(&keys).cloned())
    }

    /// Some of the first keys of a range, in order.
    pub(super) async fn page(
        &self,
        side: Side,
        scope: Option<&str>,
        range: &KeyRange,
        at: &Moments,
        keys: u32,
    ) -> Result<Vec<Key>, Error> {
        let Some(query) = self.query(side, scope) else { return Ok(Vec::new()) };
        let (client, at) = (self.client(side), at.of(side));
        let page = client.key_page(&query, range, at, keys, copy::KEYS_ANSWER);
        let page = self.unless_stopped(page).await?;
        page.map(|(keys, _)| keys)
            .map_err(|error| Error::read(|| self.place(side, scope, range), error))
    }

    /// Waits until both ends have what was written before now, and returns the moments at which
    /// everything is read from now on.
    pub(super) async fn fix_moments(&self) -> Result<Moments, Error> {
        let fix = async |side: Side, query: &Query| {
            let fixed = copy::fix_moment(self.client(side), query);
            let fixed = self.unless_stopped(fixed).await?;
            fixed.map_err(|error| Error::read(|| self.place(side, None, &KeyRange::ALL), error))
        };
        let source = Query { partitions: self.selected(), ..self.source.clone() };
        Ok(Moments {
            source: fix(Side::Source, &source).await?,
            target: fix(Side::Target, &self.target).await?,
        })
    }

    fn selected(&self) -> Vec<String> {
        self.subject.settings.source_partitions(None)
    }

    /// Refuses to compare what can be read in part only: a query of a collection of which a
    /// partition is not loaded leaves that partition's rows out, without a word.
    pub(super) async fn require_loaded(&self) -> Result<(), Error> {
        for side in [Side::Source, Side::Target] {
            if let Some(partition) = self.not_loaded(side).await?.into_iter().next() {
                let place = match partition {
                    Some(partition) => format!("{}, partition {partition}", self.address(side)),
                    None => self.address(side),
                };
                return Err(Error::NotLoaded(place));
            }
        }
        Ok(())
    }

    /// What of an end is to be read and is not loaded: all of it, or some partitions.
    pub(super) async fn not_loaded(&self, side: Side) -> Result<Vec<Option<String>>, Error> {
        let (client, collection) = (self.client(side), self.collection(side));
        let (database, name) = self.names(side);
        let mut asked: Vec<Option<String>> = vec![None];
        // Partitions that a key spreads over are loaded with the collection only.
        if collection.partition_key().is_none() && !collection.partitions.is_empty() {
            let selected = self.read_partitions(side);
            let read = if selected.is_empty() { collection.all_partitions() } else { selected };
            asked.extend(read.into_iter().map(Some));
        }
        let mut not_loaded = Vec::new();
        for partition in asked {
            let state = client.settled_load_state(database, name, partition.as_deref());
            let state = self.unless_stopped(state).await?;
            let state = state.map_err(|error| Error::read(|| self.address(side), error))?;
            if state != LoadState::Loaded {
                let whole = partition.is_none();
                not_loaded.push(partition);
                if whole {
                    break;
                }
            }
        }
        Ok(not_loaded)
    }

    /// The partitions of an end that are read; all where there are none.
    pub(super) fn read_partitions(&self, side: Side) -> Vec<String> {
        match side {
            Side::Source => self.selected(),
            Side::Target => Vec::new(),
        }
    }

    /// Database and name of the collection at an end.
    pub(super) fn names(&self, side: Side) -> (&str, &str) {
        let collection = self.collection(side);
        (&collection.database, &collection.name)
    }

    /// Waits at both ends until partitions that were loaded just now can be read: what is not there
    /// yet would seem to be missing, or extra. A collection without partitions calls itself loaded
    /// when it can be read, and Milvus Lite has one node that has it all.
    pub(super) async fn wait_until_readable(&self) -> Result<(), Error> {
        let wait = async |side: Side, query: Query| {
            let (client, of) = (self.client(side), self.collection(side));
            let by_partition = !of.partitions.is_empty() && of.partition_key().is_none();
            if !by_partition || client.version().flavour == Flavour::Lite {
                return Ok(());
            }
            let counted = (None, Instant::now());
            let readable = copy::wait_until_readable(client, &query, of, counted);
            let readable = self.unless_stopped(readable).await?;
            readable.map_err(|error| Error::read(|| self.place(side, None, &KeyRange::ALL), error))
        };
        let source = self.source.clone().within(self.selected());
        let (source, target) =
            tokio::join!(wait(Side::Source, source), wait(Side::Target, self.target.clone()));
        source.and(target)
    }

    /// What a read gives, unless we are asked to stop meanwhile.
    pub(super) async fn unless_stopped<T>(
        &self,
        read: impl Future<Output = milvus::Result<T>>,
    ) -> Result<milvus::Result<T>, Error> {
        tokio::select! {
            biased;
            () = self.check.stop.cancelled() => Err(Error::Stopped),
            answer = Box::pin(read) => Ok(answer),
        }
    }

    pub(super) async fn tell(&self, event: Event) {
        tell(&self.check.events, event).await;
    }

    /// The collection at an end, for messages.
    pub(super) fn address(&self, side: Side) -> String {
        let end = match side {
            Side::Source => "source",
            Side::Target => "target",
        };
        format!("{} at the {end}", self.collection(side).address())
    }

    /// A range at an end, for messages.
    pub(super) fn place(&self, side: Side, scope: Option<&str>, range: &KeyRange) -> String {
        match scope {
            Some(partition) => format!("{}, partition {partition}, {range}", self.address(side)),
            None => format!("{}, {range}", self.address(side)),
        }
    }

    fn place_of_keys(&self, side: Side, scope: Option<&str>, keys: &[Key]) -> String {
        let range = KeyRange { after: None, up_to: keys.iter().max().cloned() };
        let place = self.place(side, scope, &range);
        format!("{place} ({} of them)", keys.len())
    }

    fn columns(&self, side: Side) -> Vec<String> {
        match side {
            Side::Source => self.source_columns.clone(),
            Side::Target => self.target_columns.clone(),
        }
    }

    fn carried(&self, side: Side, rows: Rows, place: impl Fn() -> String) -> Result<Rows, Error> {
        if side == Side::Target {
            return Ok(rows);
        }
        as_carried(rows, &self.subject.settings).map_err(|unfit| {
            let why = match unfit {
                copy::Unfit::DynamicData(rows) => {
                    format!("{rows} rows have dynamic data, which the plan file says is not there")
                }
                copy::Unfit::Unreadable(why) => why,
            };
            Error::Rows { place: place(), why }
        })
    }
}

/// What a read gave.
pub(super) enum Answer {
    /// These rows.
    Rows(Rows),
    /// Nothing: that end has no such partition.
    Nothing,
    /// More than an answer holds.
    TooLarge(milvus::Error),
}

/// Tells an event; nobody listening is no reason to stop.
pub(super) async fn tell(events: &mpsc::Sender<Event>, event: Event) {
    let _ = events.send(event).await;
}
