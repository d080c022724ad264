//! The mark that a target carries while it is being filled: a property of the collection that names
//! who fills it. A ledger keeps one run from another only where both have the same ledger.
//!
//! Every ledger has a property of its own, so that none overwrites another's: whoever sets its own
//! and then finds no other has the target alone.

use serde::{Deserialize, Serialize};

/// What the names of these properties begin with; the owner follows.
const PREFIX: &str = "milvus-ferry.filling.";
/// Between the plan and the time in the value.
const SINCE: &str = " since ";

/// Says that somebody fills a collection.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Mark {
    /// Since when: UTC, ISO 8601. Empty where the value does not tell.
    pub since: String,
    /// The ledger that fills it, by a number that no other ledger has.
    pub owner: String,
    /// The name of the plan.
    pub plan: String,
}

impl Mark {
    /// The property of an owner.
    pub fn property(owner: &str) -> String {
        format!("{PREFIX}{owner}")
    }

    /// The value of that property.
    pub fn value(&self) -> String {
        format!("{}{SINCE}{}", self.plan, self.since)
    }

    /// Whether a property is a mark, or what is left of one where a server takes none away.
    pub fn is_mark(property: &str) -> bool {
        property.starts_with(PREFIX)
    }

    /// Reads a property. An empty value is no mark: servers before 2.4 take no property away.
    pub fn read(property: &str, value: &str) -> Option<Self> {
        let owner = property.strip_prefix(PREFIX)?.to_owned();
        if value.is_empty() {
            return None;
        }
        let (plan, since) = value.rsplit_once(SINCE).unwrap_or((value, ""));
        Some(Self { since: since.to_owned(), owner, plan: plan.to_owned() })
    }

    /// Who that is, and since when, for people.
    pub fn who(&self) -> String {
        match self.since.as_str() {
            "" => format!("the plan {:?}", self.plan),
            since => format!("the plan {:?}, since {since}", self.plan),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark() -> Mark {
        Mark {
            since: "2026-11-29T20:31:00.000Z".to_owned(),
            owner: "0f".to_owned(),
            plan: "a since b".to_owned(),
        }
    }

    #[test]
    fn what_is_written_is_read() {
        let property = Mark::property("0f");
        assert!(Mark::is_mark(&property));
        assert_eq!(Mark::read(&property, &mark().value()), Some(mark()));
    }

    #[test]
    fn an_emptied_property_is_no_mark_and_another_value_still_is() {
        assert_eq!(Mark::read(&Mark::property("0f"), ""), None);
        let odd = Mark::read(&Mark::property("0f"), "what").unwrap();
        assert_eq!((odd.plan.as_str(), odd.since.as_str()), ("what", ""));
        assert_eq!(Mark::read("collection.ttl.seconds", "3600"), None);
    }
}
