//! How Milvus 2.3.0 to 2.4.5 brings the rows of sealed and growing segments together.
//!
//! `MergeInternalRetrieveResult` (`internal/querynodev2/segments/result.go`) goes through them in the
//! order of keys. Of a key that it has already it takes the last row away where the next one is
//! newer, and `DeleteFieldData` (`pkg/util/typeutil/schema.go`) has no case for arrays: the old array
//! stays, and every array behind it belongs to the row before its own. The proxy takes as many values
//! of each column as there are keys (`reduceRetrieveResults`, `internal/proxy/task_query.go`), so that
//! nothing shows. Which segments come first is a matter of chance: of 40 answers of a real 2.3.5, nine
//! were wrong. With a limit of 1 it stops at the first row, old or new, and that one is whole.

use std::collections::BTreeSet;

use super::state::{Collection, Row};

/// Whether a row is in a sealed segment.
pub fn is_sealed(collection: &Collection, row: &Row) -> bool {
    collection.rows[..collection.flushed.min(collection.rows.len())]
        .iter()
        .any(|sealed| std::ptr::eq(sealed, row))
}

/// Whether a key of these rows is in a sealed and in a growing segment.
pub fn is_in_both(collection: &Collection, rows: &[&Row]) -> bool {
    let mut seen = BTreeSet::new();
    let twice = rows.iter().any(|row| !seen.insert(&row.key));
    twice && {
        let (sealed, growing): (Vec<&Row>, Vec<&Row>) =
            rows.iter().copied().partition(|row| is_sealed(collection, row));
        growing.iter().any(|row| sealed.iter().any(|old| old.key == row.key))
    }
}

/// The rows that the arrays of an answer are of, where the sealed segments came first.
pub fn arrays<'a>(collection: &Collection, found: &[&'a Row], rows: &[&'a Row]) -> Vec<&'a Row> {
    let mut of = Vec::new();
    for row in rows {
        let replaced = found.iter().filter(|old| {
            old.key == row.key && old.written < row.written && is_sealed(collection, old)
        });
        of.extend(replaced.take(1).copied());
        of.push(*row);
    }
    of.truncate(rows.len());
    of
}
