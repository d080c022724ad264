//! Whether the names of a source and a target still mean the collections that a run began with.
//!
//! Servers find collections by their names at every request, and a name can change hands at any
//! moment: a collection is dropped and made again, renamed, or an alias in its place is moved. What
//! was read or written then belongs to two collections. So both ends are described before the first
//! read and after the last one, and what was done in between counts only when both descriptions
//! are of the same collection.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::Mutex;

use crate::milvus::{self, Client, Described};
use crate::model::Collection;
use crate::model::differences::{differences, list};

/// How long the ends may take to be described when something failed already.
const CAUSE_LIMIT: Duration = Duration::from_secs(10);

/// Which server a collection is at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// Where rows come from.
    Source,
    /// Where they go.
    Target,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Source => "source",
            Self::Target => "target",
        })
    }
}

/// A collection as its server tells it from others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Id {
    /// The server's id; 0 where it has none (Milvus Lite).
    pub id: i64,
    /// When it was made, a hybrid timestamp; 0 where that is not known.
    pub created: u64,
}

impl Id {
    fn of(described: &Described) -> Self {
        Self { id: described.id, created: described.created }
    }

    /// Whether these cannot be one collection. What is not known tells nothing.
    fn excludes(self, other: Self) -> bool {
        let differ = |one: u64, other: u64| one != 0 && other != 0 && one != other;
        (self.id != 0 && other.id != 0 && self.id != other.id)
            || differ(self.created, other.created)
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "id {}", self.id)?;
        match milvus::catalog::utc(self.created) {
            Some(created) => write!(f, ", created {created}"),
            None => Ok(()),
        }
    }
}

/// What became of a collection.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Became {
    /// Nothing has its name.
    Gone,
    /// Another collection has its name.
    Other { was: Id, is: Id, alias_of: Option<String> },
    /// It has another schema.
    Schema(String),
    /// Its rows are others, and its server does not tell its collections apart.
    Rows(String),
}

/// A name that means another collection than before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replaced {
    /// Which end.
    pub place: Place,
    /// `database/collection`.
    pub address: String,
    became: Became,
    /// The name that the first collection has by now.
    renamed_to: Option<String>,
}

impl fmt::Display for Replaced {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { place, address, became, renamed_to } = self;
        match became {
            Became::Gone => write!(
                f,
                "the {place} collection {address} was dropped or renamed during the run: no \
                 collection has that name now"
            )?,
            Became::Other { was, is, alias_of } => {
                let of = |name: &String| format!(" {name:?}, of which it is an alias,");
                let real = alias_of.as_ref().map(of).unwrap_or_default();
                write!(
                    f,
                    "the {place} collection {address} was replaced during the run: the name means \
                     the collection{real} with {is}, and meant the one with {was}"
                )?;
            }
            Became::Schema(text) => write!(
                f,
                "the schema of the {place} collection {address} changed during the run: {text}"
            )?,
            Became::Rows(text) => write!(
                f,
                "the {place} collection {address} is not the one that was read: {text}. Milvus \
                 Lite does not tell which collection a name means, so this may also be one whose \
                 rows were nearly all written anew"
            )?,
        }
        match renamed_to {
            Some(name) => write!(f, "; the first collection is named {name:?} now"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Replaced {}

impl From<Replaced> for Error {
    fn from(replaced: Replaced) -> Self {
        Self::Replaced(Box::new(replaced))
    }
}

impl Replaced {
    /// A source whose rows show that it is another collection.
    pub fn by_its_rows(collection: &Collection, why: &str) -> Self {
        let (address, became) = (collection.address(), Became::Rows(why.to_owned()));
        Self { place: Place::Source, address, became, renamed_to: None }
    }

    /// What a person can do about it. Running the same command again does not help by itself.
    pub fn advice(&self) -> &'static str {
        match (self.place, &self.became) {
            (Place::Source, Became::Schema(_)) => {
                "undo the change at the source and run the same command again; or drop the target \
                 collection, and run it again to copy the source as it is now"
            }
            (Place::Source, _) => {
                "give the first collection its name back and run the same command again; or drop \
                 the target collection, and run it again to copy the collection that has the name \
                 now: until then, rows of both may be at the target"
            }
            (Place::Target, Became::Schema(_)) => {
                "undo the change at the target, and run the same command again"
            }
            (Place::Target, _) => {
                "give the first collection its name back and run the same command again; or drop \
                 the one that has the name now, and run it again to have the target made and \
                 filled anew"
            }
        }
    }
}

/// Why it cannot be said that both ends are the same.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// One is not.
    #[error("{0}")]
    Replaced(Box<Replaced>),
    /// A server does not tell.
    #[error("cannot tell whether {address} at the {place} is still the same collection: {error}")]
    Unknown {
        /// Which end.
        place: Place,
        /// `database/collection`.
        address: String,
        /// What it said.
        error: milvus::Error,
    },
}

impl Error {
    /// What a person can do about it.
    pub fn advice(&self) -> &str {
        match self {
            Self::Replaced(replaced) => replaced.advice(),
            Self::Unknown { error, .. } => error.advice(),
        }
    }

    /// Whether an end is another collection.
    pub fn is_replaced(&self) -> bool {
        matches!(self, Self::Replaced(_))
    }

    /// Whether it could not be told because we were asked to stop.
    pub fn is_cancelled(&self) -> bool {
        matches!(self, Self::Unknown { error, .. } if error.kind == milvus::Kind::Cancelled)
    }
}

/// A collection at one end, as it was when a run began.
#[derive(Clone)]
pub struct End {
    place: Place,
    client: Client,
    collection: Collection,
    id: Id,
}

impl End {
    /// Describes a collection, and holds it against what is known of it: its id, where it is not 0,
    /// and its schema.
    ///
    /// # Errors
    /// When it is another one, or the call fails.
    pub async fn open(
        place: Place,
        client: &Client,
        collection: &Collection,
        id: i64,
    ) -> Result<Self, Error> {
        let (client, collection) = (client.clone(), collection.clone());
        let known = Self { place, client, collection, id: Id { id, created: 0 } };
        let id = known.check().await?;
        Ok(Self { id, ..known })
    }

    /// The same of a collection whose schema is what it has now.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub async fn found(
        place: Place,
        client: &Client,
        collection: &Collection,
        id: i64,
    ) -> Result<Self, Error> {
        let (client, collection) = (client.clone(), collection.clone());
        let known = Self { place, client, collection, id: Id { id, created: 0 } };
        let described = known.describe().await?;
        Ok(Self { id: Id::of(&described), collection: described.collection, ..known })
    }

    /// Describes the collection once more.
    async fn check(&self) -> Result<Id, Error> {
        let described = self.describe().await?;
        let now = &described.collection;
        let changed = list(&differences(&self.collection, now, false))
            .or_else(|| list(&differences(now, &self.collection, false)));
        match changed {
            Some(text) => Err(self.replaced(Became::Schema(text)).await),
            None => Ok(Id::of(&described)),
        }
    }

    /// What the name means now, where that is the same collection.
    async fn describe(&self) -> Result<Described, Error> {
        let Collection { database, name, .. } = &self.collection;
        let described = self.client.describe_collection(database, name).await;
        let described = described.map_err(|error| Error::Unknown {
            place: self.place,
            address: self.collection.address(),
            error,
        })?;
        let Some(described) = described else { return Err(self.replaced(Became::Gone).await) };
        let is = Id::of(&described);
        // Asked by an alias, servers tell the real name.
        let alias_of = Some(&described.collection.name).filter(|real| *real != name).cloned();
        if alias_of.is_some() || self.id.excludes(is) {
            return Err(self.replaced(Became::Other { was: self.id, is, alias_of }).await);
        }
        Ok(described)
    }

    async fn replaced(&self, became: Became) -> Error {
        let mut renamed_to = None;
        if self.id.id != 0 && !matches!(became, Became::Schema(_)) {
            let database = &self.collection.database;
            let found = self.client.describe_collection_by_id(database, self.id.id).await;
            // Only to say more: it may be gone, or the server may not look by id.
            if let Ok(Some(found)) = found
                && found.id == self.id.id
                && found.collection.name != self.collection.name
            {
                renamed_to = Some(found.collection.name);
            }
        }
        let (place, address) = (self.place, self.collection.address());
        Error::Replaced(Box::new(Replaced { place, address, became, renamed_to }))
    }
}

/// Both ends of a copy or of a comparison.
#[derive(Clone)]
pub struct Identity(Arc<Inner>);

struct Inner {
    source: End,
    target: End,
    /// Numbers of those that asked.
    asked: AtomicU64,
    /// The last of them that an answer is for. Whoever describes the ends holds the lock.
    answered: Mutex<u64>,
}

impl Identity {
    /// Of two ends that were described.
    pub fn new(source: End, target: End) -> Self {
        let (asked, answered) = (AtomicU64::new(0), Mutex::new(0));
        Self(Arc::new(Inner { source, target, asked, answered }))
    }

    /// The server's id of the source collection; 0 where it has none.
    pub fn source_id(&self) -> i64 {
        self.0.source.id.id
    }

    /// The server's id of the target collection; 0 where it has none.
    pub fn target_id(&self) -> i64 {
        self.0.target.id.id
    }

    /// Makes sure, by descriptions that are asked for after this call began, that both ends still
    /// are the collections that they were. Those who call while the ends are being described share
    /// the next descriptions.
    ///
    /// # Errors
    /// When one is another collection, or a call fails.
    pub async fn confirm(&self) -> Result<(), Error> {
        let inner = &self.0;
        let number = inner.asked.fetch_add(1, Ordering::SeqCst) + 1;
        let mut answered = inner.answered.lock().await;
        if *answered >= number {
            return Ok(());
        }
        let so_far = inner.asked.load(Ordering::SeqCst);
        let (source, target) = tokio::join!(inner.source.check(), inner.target.check());
        // The source first: one that is gone explains what is wrong at the target, too.
        source?;
        target?;
        *answered = so_far;
        Ok(())
    }

    /// What says more than a failure: that an end is another collection by now. One that is not there
    /// any more fails each request in some way of its own.
    pub async fn cause(&self) -> Option<Error> {
        match tokio::time::timeout(CAUSE_LIMIT, self.confirm()).await {
            Ok(Err(replaced)) if replaced.is_replaced() => Some(replaced),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_known_excludes_nothing() {
        let id = |id, created| Id { id, created };
        assert!(!id(1, 5).excludes(id(1, 5)));
        assert!(id(1, 5).excludes(id(2, 5)));
        assert!(id(1, 5).excludes(id(1, 6)));
        assert!(!id(1, 0).excludes(id(1, 6)));
        assert!(!id(0, 0).excludes(id(0, 0)));
        assert!(!id(0, 0).excludes(id(7, 1)));
        assert!(!id(7, 5).excludes(id(0, 5)));
        assert!(!id(7, 5).excludes(id(7, 0)));
        assert!(id(0, 5).excludes(id(0, 6)));
    }

    #[test]
    fn says_which_end_what_it_was_and_what_it_is() {
        let replaced = Replaced {
            place: Place::Source,
            address: "default/products".to_owned(),
            became: Became::Other {
                was: Id { id: 451, created: 1_772_323_199_000 << 18 },
                is: Id { id: 452, created: 0 },
                alias_of: None,
            },
            renamed_to: Some("products_old".to_owned()),
        };
        assert_eq!(
            replaced.to_string(),
            "the source collection default/products was replaced during the run: the name means \
             the collection with id 452, and meant the one with id 451, created \
             2026-02-28T23:59:59Z; the first collection is named \"products_old\" now"
        );
        assert!(replaced.advice().contains("drop the target collection"));
    }
}
