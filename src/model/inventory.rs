//! What a server holds, as far as the first plan file for it depends on that.

use super::Collection;

/// The collections that were looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inventory {
    /// The server's address.
    pub uri: String,
    /// Its version, for people.
    pub version: String,
    /// What was found in each database, `default` first; without those that hold nothing.
    pub databases: Vec<DatabaseInventory>,
    /// Databases that this user may not look into.
    pub closed: Vec<String>,
}

/// What one database holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatabaseInventory {
    /// The database.
    pub name: String,
    /// Its collections by name, without those that were not asked for.
    pub collections: Vec<Holding>,
    /// Names of the collections that were not asked for.
    pub left_out: Vec<String>,
}

/// A collection, and what a person should know before it is moved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holding {
    /// Its name.
    pub name: String,
    /// What it is; absent where the server does not let it be read, which `notes` say.
    pub found: Option<Found>,
    /// What stands against moving it, or will be different at the target: a sentence each.
    pub notes: Vec<String>,
}

/// A collection that could be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// What it is, indexes and user partitions included.
    pub collection: Collection,
    /// How many rows it has.
    pub rows: RowNumber,
    /// What of it is in memory: only that can be copied.
    pub loaded: Loading,
    /// Vectors without an index, without which nothing can be loaded; empty where that is no matter.
    pub without_index: Vec<String>,
    /// Keys that seem to be there more than once.
    pub duplicates: Option<Duplicates>,
}

/// How many rows a collection has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RowNumber {
    /// Counted.
    Counted(u64),
    /// From a statistic of what was flushed, without deletes.
    About(u64),
}

impl RowNumber {
    /// The number, however it is known.
    pub fn number(self) -> u64 {
        match self {
            Self::Counted(rows) | Self::About(rows) => rows,
        }
    }
}

/// What of a collection is in memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Loading {
    /// All of it.
    All,
    /// All but these partitions.
    AllBut(Vec<String>),
    /// Nothing.
    Nothing,
}

/// A sample of key ranges in which more rows were counted than there are keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Duplicates {
    /// Rows that were counted.
    pub rows: u64,
    /// Keys that were found.
    pub keys: u64,
}
