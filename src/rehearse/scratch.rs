//! Scratch collections: what they are called, and how they are told from what others made.
//!
//! The name is that of one rehearsal: two of one plan, from two folders of state, never meet. Whose one
//! is that a killed rehearsal left is told by the ledger, where it is recorded before it is made, and by
//! its description. One that only the description knows may be of a rehearsal at work elsewhere; it is
//! left alone until no rehearsal that began then can be.

use xxhash_rust::xxh3::xxh3_64;

use crate::milvus::{Client, Result};
use crate::model::Collection;

/// What the name of a scratch collection begins with; a number follows that its rehearsal, its plan and
/// its collection give.
pub(super) const PREFIX: &str = "ferry_rehearsal_";
/// What its description begins with; the plan, the time and the collection follow.
const MARK: &str = "Scratch collection of `milvus-ferry rehearse`: it may be deleted. Plan ";
/// No rehearsal is at work longer.
pub const LONGEST_HOURS: u64 = 8;
/// Hours after which a scratch collection is of no rehearsal that is at work, whatever the clocks say.
pub const ABANDONED_HOURS: u64 = 2 * LONGEST_HOURS;

/// One rehearsal.
#[derive(Debug, Clone)]
pub struct Begun {
    /// A number that no other one has.
    pub number: u64,
    /// When it began, for people.
    pub at: String,
    /// The same in seconds since 1970.
    pub seconds: u64,
}

/// The name of the scratch collection of one of a plan's targets.
fn name(plan: &str, target: &str, of: &Begun) -> String {
    let number = of.number;
    format!("{PREFIX}{:016x}", xxh3_64(format!("{number:016x}\n{plan}\n{target}").as_bytes()))
}

/// What the descriptions of a plan's scratch collections begin with.
fn mark(plan: &str) -> String {
    format!("{MARK}{plan:?}, ")
}

fn description(plan: &str, target: &str, of: &Begun) -> String {
    format!("{}begun at {} ({}), for {target}", mark(plan), of.at, of.seconds)
}

/// The scratch collection of a target: as the target is to be, but for its names and its description.
pub(super) fn of(wanted: &Collection, plan: &str, database: &str, begun: &Begun) -> Collection {
    let target = wanted.address();
    Collection {
        database: database.to_owned(),
        name: name(plan, &target, begun),
        description: description(plan, &target, begun),
        aliases: Vec::new(),
        ..wanted.clone()
    }
}

/// Whether what has the name of a scratch collection that we made may be it: some servers keep no
/// descriptions.
pub(super) fn may_be_ours(description: &str, plan: &str) -> bool {
    description.is_empty() || description.starts_with(&mark(plan))
}

/// Whose a collection is that is called like a scratch collection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Whose {
    /// A rehearsal of this plan made it, as this folder of state records, and is over.
    Recorded,
    /// A rehearsal of this plan made it, so long ago that none of then is at work.
    Abandoned,
    /// A rehearsal of this plan made it at this time, with another folder of state: it may be at work.
    Elsewhere(String),
    /// Others made it.
    Others,
}

/// A collection whose name is that of a scratch collection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Left {
    /// Its database.
    pub database: String,
    /// Its name.
    pub name: String,
    /// Whose it is.
    pub whose: Whose,
}

impl Left {
    /// `database/name`.
    pub fn address(&self) -> String {
        format!("{}/{}", self.database, self.name)
    }

    /// Whether it may be deleted.
    pub fn is_over(&self) -> bool {
        matches!(self.whose, Whose::Recorded | Whose::Abandoned)
    }
}

fn whose(description: &str, plan: &str, recorded: bool, now: u64) -> Whose {
    if recorded && may_be_ours(description, plan) {
        return Whose::Recorded;
    }
    let begun = description.strip_prefix(&mark(plan)).and_then(|rest| {
        let (at, rest) = rest.strip_prefix("begun at ")?.split_once(" (")?;
        Some((at, rest.split_once("), for ")?.0.parse::<u64>().ok()?))
    });
    match begun {
        Some((_, seconds)) if now.saturating_sub(seconds) > ABANDONED_HOURS * 3600 => {
            Whose::Abandoned
        }
        Some((at, _)) => Whose::Elsewhere(at.to_owned()),
        None => Whose::Others,
    }
}

/// The collections of these databases that are called like scratch collections. `recorded`: addresses of
/// those that this folder of state knows; `now` in seconds since 1970.
///
/// # Errors
/// When the target cannot be asked.
pub async fn left_behind(
    target: &Client,
    databases: &[String],
    plan: &str,
    recorded: &[String],
    now: u64,
) -> Result<Vec<Left>> {
    let mut left = Vec::new();
    for database in databases {
        for name in target.list_collections(database).await? {
            if !name.starts_with(PREFIX) {
                continue;
            }
            let Some(there) = target.describe_collection(database, &name).await? else { continue };
            // An alias leads to another collection, which was not asked for.
            if there.collection.name != name {
                continue;
            }
            let known = recorded.contains(&format!("{database}/{name}"));
            let whose = whose(&there.collection.description, plan, known, now);
            left.push(Left { database: database.clone(), name, whose });
        }
    }
    Ok(left)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::name::fault;

    const NOW: u64 = 1_800_000_000;

    fn begun(number: u64) -> Begun {
        Begun { number, at: "2027-01-15T08:00:00.000Z".to_owned(), seconds: NOW }
    }

    #[test]
    fn each_rehearsal_plan_and_target_has_a_name_of_its_own() {
        let one = name("catalog", "default/things", &begun(1));
        assert_eq!(one, name("catalog", "default/things", &begun(1)));
        assert_ne!(one, name("catalog", "default/others", &begun(1)));
        assert_ne!(one, name("other", "default/things", &begun(1)));
        assert_ne!(one, name("catalog", "default/things", &begun(2)));
        assert_eq!(fault(&one), None);
    }

    #[test]
    fn what_may_be_at_work_elsewhere_is_told_from_what_is_over() {
        let made = description("catalog", "default/things", &begun(1));
        let elsewhere = Whose::Elsewhere("2027-01-15T08:00:00.000Z".to_owned());
        let later = |hours: u64| NOW + hours * 3600 + 1;
        assert_eq!(whose(&made, "catalog", true, NOW), Whose::Recorded);
        assert_eq!(whose(&made, "catalog", false, NOW), elsewhere);
        assert_eq!(whose(&made, "catalog", false, later(LONGEST_HOURS)), elsewhere);
        assert_eq!(whose(&made, "catalog", false, later(ABANDONED_HOURS)), Whose::Abandoned);
        // A clock that is behind.
        assert_eq!(whose(&made, "catalog", false, 0), elsewhere);
        // Milvus Lite keeps no description.
        assert_eq!(whose("", "catalog", true, NOW), Whose::Recorded);
        assert_eq!(whose("", "catalog", false, later(ABANDONED_HOURS)), Whose::Others);
    }

    #[test]
    fn the_description_tells_which_plan_made_it() {
        let made = description("catalog", "default/things", &begun(1));
        for other in ["cat", "catalog2", "catalog\", \"x", ""] {
            for recorded in [false, true] {
                assert_eq!(whose(&made, other, recorded, NOW), Whose::Others, "{other}");
            }
        }
        let others = [format!(" {made}"), format!("{}for default/things", mark("catalog"))];
        for text in others.iter().map(String::as_str).chain(["made by hand"]) {
            assert_eq!(whose(text, "catalog", false, u64::MAX), Whose::Others, "{text}");
        }
    }
}
