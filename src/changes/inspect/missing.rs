//! Which privileges are missing to look at a collection: all of them, in one finding.

use crate::changes::Finding;
use crate::milvus::{Client, Deed, Error};

/// What a user may not do to a collection.
pub(super) struct Missing {
    address: String,
    /// The privileges, as far as they are known.
    privileges: Vec<String>,
}

/// Everything that looking at a source needs.
pub(super) async fn at_source(source: &Client, database: &str, name: &str) -> Missing {
    let mut missing = at_target(source, database, name).await;
    let query = source.denial(Deed::Query, database, name, "").await;
    missing.add("Query", query);
    missing
}

/// Everything that looking at a target needs. Reading is all that is tried.
pub(super) async fn at_target(target: &Client, database: &str, name: &str) -> Missing {
    let mut missing = Missing { address: format!("{database}/{name}"), privileges: Vec::new() };
    missing.add("DescribeCollection", target.describe_collection(database, name).await.err());
    missing.add("ShowPartitions", target.list_partitions(database, name).await.err());
    missing.add("IndexDetail", target.list_indexes(database, name).await.err());
    missing.add("GetLoadState", target.load_state(database, name, None).await.err());
    missing.add("GetStatistics", target.row_count_statistic(database, name).await.err());
    missing
}

impl Missing {
    fn add(&mut self, privilege: &str, error: Option<Error>) {
        let Some(error) = error.filter(Error::is_denial) else { return };
        let privilege = error.denied_privilege().unwrap_or(privilege).to_owned();
        if !self.privileges.contains(&privilege) {
            self.privileges.push(privilege);
        }
    }

    /// The finding, with what the server said of the first one.
    pub(super) fn finding(self, code: &'static str, error: &Error) -> Finding {
        let mut names = self.privileges;
        if names.is_empty() {
            names.extend(error.denied_privilege().map(str::to_owned));
        }
        let (message, advice) = match names.as_slice() {
            [] => (
                format!("this user may not look at it: {error}"),
                "grant this user what the server names".to_owned(),
            ),
            [one] => (
                format!("this user lacks the privilege {one}; the server says: {}", error.message),
                format!("grant {one} to a role of this user"),
            ),
            several => (
                format!(
                    "this user lacks the privileges {}; the server says: {}",
                    several.join(", "),
                    error.message
                ),
                format!("grant {} to a role of this user", several.join(", ")),
            ),
        };
        let advice = format!("{advice}, or leave the collection out (`exclude`, or --exclude)");
        Finding::error(code, self.address, message, advice)
    }
}
