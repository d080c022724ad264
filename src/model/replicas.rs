//! The replicas that a collection is loaded in.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::quantity::counted;

/// The resource group of who asks for none.
const DEFAULT_GROUP: &str = "__default_resource_group";

/// In how many replicas a collection is loaded, and in which resource groups.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replicas {
    /// How many there are; 0 where the server is to decide.
    pub number: u32,
    /// As a load request names them: none for the default group, one for all replicas, or one for
    /// each replica.
    #[serde(default)]
    pub groups: Vec<String>,
}

impl Replicas {
    /// So many, in the default resource group.
    pub fn of(number: u32) -> Self {
        Self { number, groups: Vec::new() }
    }

    /// As they are, by the resource group of each.
    pub fn in_groups(mut groups: Vec<String>) -> Self {
        let number = u32::try_from(groups.len()).unwrap_or(u32::MAX);
        groups.sort();
        // Servers before 2.3 may name none.
        if groups.iter().all(|group| group.is_empty() || group == DEFAULT_GROUP) {
            groups.clear();
        } else if groups.first() == groups.last() {
            groups.truncate(1);
        }
        Self { number, groups }
    }
}

/// As in "in 2 replicas, in the resource groups a and b".
impl fmt::Display for Replicas {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&counted(u64::from(self.number), "replica"))?;
        match self.groups.as_slice() {
            [] => Ok(()),
            [one] => write!(f, ", in the resource group {one}"),
            several => write!(f, ", in the resource groups {}", several.join(", ")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_named_as_a_request_names_them() {
        let of = |groups: &[&str]| {
            Replicas::in_groups(groups.iter().map(|group| (*group).to_owned()).collect())
        };
        assert_eq!(of(&[DEFAULT_GROUP, DEFAULT_GROUP]), Replicas::of(2));
        assert_eq!(of(&[""]), Replicas::of(1));
        let one = of(&["a", "a"]);
        assert_eq!((one.number, one.groups.as_slice()), (2, ["a".to_owned()].as_slice()));
        assert_eq!(one.to_string(), "2 replicas, in the resource group a");
        // One of them is the default group: each has to be named.
        assert_eq!(of(&["a", DEFAULT_GROUP]).groups, [DEFAULT_GROUP, "a"]);
        assert_eq!(of(&["b", "a", "b"]).groups, ["a", "b", "b"]);
        assert_eq!(Replicas::of(1).to_string(), "1 replica");
    }
}
