//! Which entries a draft has: where each collection lands, and which ones one glob stands for.

use std::collections::{BTreeMap, BTreeSet};

use super::super::resolve::name_fault;
use crate::model::inventory::{DatabaseInventory, Holding, Inventory, Loading};
use crate::model::name::LONGEST;

/// So many collections that need nothing special are still named one by one.
const ONE_BY_ONE: usize = 12;

/// All entries, and what holds for all of them.
pub(super) struct Placing<'a> {
    pub(super) entries: Vec<Entry<'a>>,
    /// Collections that a plan file cannot name, with their databases.
    pub(super) nameless: Vec<(&'a str, &'a Holding)>,
    /// The one database that all are in, where it is not `default`.
    pub(super) database: Option<&'a str>,
    /// Everything lands in the database `default`.
    pub(super) one_database: bool,
    /// Names that several databases have, where it is not known whether the target has databases.
    pub(super) clashing: Vec<&'a str>,
    /// Aliases stay with the collections that have them.
    pub(super) without_aliases: bool,
}

/// One `[[collections]]` entry to be.
pub(super) struct Entry<'a> {
    pub(super) database: &'a str,
    /// A name, or the glob of all names.
    pub(super) source: String,
    pub(super) exclude: Vec<String>,
    /// As it is written, where it is not the source's name.
    pub(super) target: Option<String>,
    pub(super) without_aliases: bool,
    pub(super) holdings: Vec<&'a Holding>,
    pub(super) notes: Vec<String>,
}

impl Entry<'_> {
    pub(super) fn is_glob(&self) -> bool {
        self.source == "*"
    }
}

/// Names in a database.
type Place = (String, String);

struct Landings<'a> {
    one_database: bool,
    /// What is put behind a name, where both ends are one server.
    suffix: String,
    /// Names that several databases have.
    clashing: BTreeSet<&'a str>,
    /// What lands, or is there already.
    taken: BTreeSet<Place>,
}

impl<'a> Placing<'a> {
    pub(super) fn of(
        inventory: &'a Inventory,
        target_known: bool,
        one_database: bool,
        beside: bool,
    ) -> Self {
        let mut placing = Self {
            entries: Vec::new(),
            nameless: Vec::new(),
            database: None,
            one_database,
            clashing: Vec::new(),
            without_aliases: false,
        };
        let named = |holding: &&Holding| name_fault(&holding.name).is_none();
        for database in &inventory.databases {
            let known = name_fault(&database.name).is_none();
            let nameless = database.collections.iter().filter(|of| !(known && named(of)));
            placing.nameless.extend(nameless.map(|of| (database.name.as_str(), of)));
        }
        let databases: Vec<&DatabaseInventory> = inventory
            .databases
            .iter()
            .filter(|of| {
                name_fault(&of.name).is_none() && of.collections.iter().any(|of| named(&of))
            })
            .collect();
        if let [only] = databases.as_slice()
            && only.name != "default"
        {
            placing.database = Some(&only.name);
        }
        let mut landings = Landings::of(&databases, inventory, one_database, beside);
        if !target_known {
            placing.clashing = landings.clashing.iter().copied().collect();
        }
        let aliases = Aliases::of(&databases, one_database);
        for database in databases {
            let many = database.collections.len() > ONE_BY_ONE;
            let mut special = Vec::new();
            let mut ordinary = Vec::new();
            for holding in database.collections.iter().filter(named) {
                let entry = landings.entry(&database.name, holding, &aliases);
                if entry.target == landings.plain(&holding.name)
                    && !entry.without_aliases
                    && entry.notes.is_empty()
                    && !(many && needs_decision(holding))
                {
                    ordinary.push(entry);
                } else {
                    special.push(entry);
                }
            }
            placing.entries.extend(joined(database, ordinary, &landings));
            placing.entries.extend(special);
        }
        let has_alias = |holding: &Holding| {
            holding.found.as_ref().is_some_and(|found| !found.collection.aliases.is_empty())
        };
        placing.without_aliases = beside
            && placing.entries.iter().any(|entry| entry.holdings.iter().any(|of| has_alias(of)));
        placing
    }
}

/// Whether somebody has to look at a collection before it is copied: a glob would hide it.
fn needs_decision(holding: &Holding) -> bool {
    let found = holding.found.as_ref().is_some_and(|found| {
        let stuck = found.loaded == Loading::Nothing && !found.without_index.is_empty();
        found.duplicates.is_some() || stuck
    });
    found || !holding.notes.is_empty()
}

/// One glob for all of them where they are many, else one entry for each.
fn joined<'a>(
    database: &'a DatabaseInventory,
    ordinary: Vec<Entry<'a>>,
    landings: &Landings<'_>,
) -> Vec<Entry<'a>> {
    let holdings: Vec<&Holding> =
        ordinary.iter().flat_map(|entry| entry.holdings.clone()).collect();
    let named: BTreeSet<&str> = holdings.iter().map(|of| of.name.as_str()).collect();
    let all = database.collections.iter().map(|of| &of.name).chain(&database.left_out);
    let exclude: Vec<String> = all.filter(|name| !named.contains(name.as_str())).cloned().collect();
    let nameable = exclude.iter().all(|name| name_fault(name).is_none());
    if holdings.len() <= ONE_BY_ONE || !nameable || exclude.len() * 2 > holdings.len() {
        return ordinary;
    }
    let glob = Entry {
        database: &database.name,
        source: "*".to_owned(),
        exclude,
        target: landings.pattern(),
        without_aliases: false,
        holdings,
        notes: Vec::new(),
    };
    vec![glob]
}

impl<'a> Landings<'a> {
    fn of(
        databases: &[&'a DatabaseInventory],
        inventory: &Inventory,
        one_database: bool,
        beside: bool,
    ) -> Self {
        let mut times: BTreeMap<&str, usize> = BTreeMap::new();
        for holding in databases.iter().flat_map(|of| &of.collections) {
            *times.entry(&holding.name).or_default() += 1;
        }
        let mut landings = Self {
            one_database,
            suffix: String::new(),
            clashing: times.into_iter().filter(|(_, times)| *times > 1).map(|(of, _)| of).collect(),
            taken: BTreeSet::new(),
        };
        let there = inventory.databases.iter().flat_map(|of| {
            let names = of.collections.iter().map(|of| &of.name).chain(&of.left_out);
            names.map(|name| (of.name.clone(), name.clone()))
        });
        if beside {
            landings.taken = there.collect();
            let names =
                || databases.iter().flat_map(|of| of.collections.iter().map(move |c| (of, c)));
            let free = |suffix: &String| {
                names().all(|(of, holding)| {
                    let landing = format!("{}{suffix}", holding.name);
                    !landings.taken.contains(&(landings.database(&of.name), landing))
                })
            };
            let mut suffixes =
                std::iter::once("_copy".to_owned()).chain((2..).map(|n| format!("_copy_{n}")));
            landings.suffix = suffixes.find(free).unwrap_or_default();
        }
        // Plain names come first: a name that is made up gives way to them.
        for of in databases {
            for holding in &of.collections {
                if let Some(landing) = landings.plain_landing(&of.name, &holding.name) {
                    landings.taken.insert((landings.database(&of.name), landing));
                }
            }
        }
        landings
    }

    fn database(&self, database: &str) -> String {
        if self.one_database { "default".to_owned() } else { database.to_owned() }
    }

    /// The target of an ordinary collection, as it is written in an entry for a glob.
    fn pattern(&self) -> Option<String> {
        (!self.suffix.is_empty()).then(|| format!("{{{{ name }}}}{}", self.suffix))
    }

    /// The same in an entry for a single one.
    fn plain(&self, name: &str) -> Option<String> {
        (!self.suffix.is_empty()).then(|| format!("{name}{}", self.suffix))
    }

    /// Where a collection lands without being given a name of its own, if it can.
    fn plain_landing(&self, database: &str, name: &str) -> Option<String> {
        let clashes = self.one_database && database != "default" && self.clashing.contains(name);
        let landing = format!("{name}{}", self.suffix);
        (!clashes && landing.len() <= LONGEST).then_some(landing)
    }

    /// A name that nothing has yet, made from the database's and the collection's.
    fn made_up(&mut self, database: &str, name: &str) -> String {
        let of = self.database(database);
        let whole = if self.one_database { format!("{database}_{name}") } else { name.to_owned() };
        for number in 1_u32.. {
            let end = match number {
                1 => self.suffix.clone(),
                number => format!("{}_{number}", self.suffix),
            };
            let room = LONGEST.saturating_sub(end.len());
            let landing = format!("{}{end}", whole.chars().take(room).collect::<String>());
            if self.taken.insert((of.clone(), landing.clone())) {
                return landing;
            }
        }
        whole
    }

    fn entry(
        &mut self,
        database: &'a str,
        holding: &'a Holding,
        aliases: &Aliases<'a>,
    ) -> Entry<'a> {
        let name = holding.name.as_str();
        let mut notes = Vec::new();
        let target = if self.plain_landing(database, name).is_some() {
            self.plain(name)
        } else {
            let landing = self.made_up(database, name);
            if self.one_database && self.clashing.contains(name) {
                notes.push(format!("another database has a collection {name} too"));
            }
            Some(landing)
        };
        let landing = target.as_deref().unwrap_or(name);
        let clash = aliases.clash(holding, landing, &self.taken);
        if let Some(alias) = clash {
            notes.push(format!("its alias {alias} is also the name of something else there"));
        }
        Entry {
            database,
            source: name.to_owned(),
            exclude: Vec::new(),
            target,
            without_aliases: clash.is_some(),
            holdings: vec![holding],
            notes,
        }
    }
}

/// Aliases of all collections that land in one database.
struct Aliases<'a> {
    one_database: bool,
    times: BTreeMap<&'a str, usize>,
}

impl<'a> Aliases<'a> {
    fn of(databases: &[&'a DatabaseInventory], one_database: bool) -> Self {
        let mut times = BTreeMap::new();
        for holding in databases.iter().flat_map(|of| &of.collections) {
            for alias in aliases(holding) {
                *times.entry(alias.as_str()).or_default() += 1;
            }
        }
        Self { one_database, times }
    }

    /// An alias that would lead to two collections, or have the name of one.
    fn clash(&self, of: &'a Holding, landing: &str, taken: &BTreeSet<Place>) -> Option<&'a str> {
        let is_taken = |alias: &&String| {
            let place = ("default".to_owned(), (*alias).clone());
            self.times.get(alias.as_str()).is_some_and(|times| *times > 1)
                || alias.as_str() == landing
                || taken.contains(&place)
        };
        let clash = aliases(of).iter().filter(|_| self.one_database).find(is_taken)?;
        Some(clash)
    }
}

fn aliases(holding: &Holding) -> &[String] {
    holding.found.as_ref().map_or(&[], |found| &found.collection.aliases)
}
