//! Scratch collections: what they are called, and how they are told from what others made.

use xxhash_rust::xxh3::xxh3_64;

use crate::milvus::{Client, Result};
use crate::model::Collection;

/// What the name of a scratch collection begins with; a number follows that its plan and its
/// collection give.
pub(super) const PREFIX: &str = "ferry_rehearsal_";
/// What its description begins with; the plan and the collection follow.
const MARK: &str = "Scratch collection of `milvus-ferry rehearse`: it may be deleted. Plan ";

/// The name of the scratch collection of one of a plan's targets: always the same.
fn name(plan: &str, target: &str) -> String {
    format!("{PREFIX}{:016x}", xxh3_64(format!("{plan}\n{target}").as_bytes()))
}

/// What the descriptions of a plan's scratch collections begin with.
fn mark(plan: &str) -> String {
    format!("{MARK}{plan:?}, ")
}

/// The scratch collection of a target: as the target is to be, but for its names and its description.
pub(super) fn of(wanted: &Collection, plan: &str, database: &str) -> Collection {
    let target = wanted.address();
    Collection {
        database: database.to_owned(),
        name: name(plan, &target),
        description: format!("{}for {target}", mark(plan)),
        aliases: Vec::new(),
        ..wanted.clone()
    }
}

/// Whether a description is that of a scratch collection of this plan.
pub(super) fn is_ours(description: &str, plan: &str) -> bool {
    description.starts_with(&mark(plan))
}

/// A collection whose name is that of a scratch collection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Left {
    /// Its database.
    pub database: String,
    /// Its name.
    pub name: String,
    /// Its description.
    pub description: String,
    /// Whether a rehearsal of this plan made it, by its description.
    pub ours: bool,
}

/// The collections of these databases that are called like scratch collections.
///
/// # Errors
/// When the target cannot be asked.
pub async fn left_behind(target: &Client, databases: &[String], plan: &str) -> Result<Vec<Left>> {
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
            let description = there.collection.description;
            let ours = is_ours(&description, plan);
            left.push(Left { database: database.clone(), name, description, ours });
        }
    }
    Ok(left)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::name::fault;

    #[test]
    fn each_plan_and_target_has_a_name_of_its_own() {
        let one = name("catalog", "default/things");
        assert_eq!(one, name("catalog", "default/things"));
        assert_ne!(one, name("catalog", "default/others"));
        assert_ne!(one, name("other", "default/things"));
        assert_eq!(fault(&one), None);
    }

    #[test]
    fn the_description_tells_which_plan_made_it() {
        let description = format!("{}for default/things", mark("catalog"));
        assert!(is_ours(&description, "catalog"));
        for other in ["cat", "catalog2", "catalog\", \"x", ""] {
            assert!(!is_ours(&description, other), "{other}");
        }
        assert!(!is_ours("", "catalog"));
        assert!(!is_ours(&format!(" {description}"), "catalog"));
    }
}
