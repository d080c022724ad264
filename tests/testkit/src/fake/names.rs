//! Which names and descriptions a server takes.

use super::profile::{Feature, Profile};
use super::refused::{Refused, Result};
use super::words;
use crate::pb::common::ErrorCode;

/// Columns of the server's own (`hasSystemFields`, `internal/rootcoord/create_collection_task.go`).
const RESERVED: [&str; 4] = ["RowID", "Timestamp", "$meta", "$namespace_id"];

/// A collection, alias, database, field or function: `what` says which.
pub fn check(profile: &Profile, what: &str, name: &str) -> Result<()> {
    let wrong = |why: &str| Err(Refused::invalid(format!("Invalid {what} name: {name}. {why}")));
    if name.is_empty() {
        return wrong(&format!("the {what} name should not be empty"));
    }
    if name.len() > 255 {
        return wrong(&format!("the length of a {what} name must be less than 255 characters"));
    }
    let more = |c: char| profile.has(Feature::NamesOf26) && c == '$';
    if !name.starts_with(|c: char| c == '_' || c.is_ascii_alphabetic()) {
        return wrong(&format!(
            "the first character of a {what} name must be an underscore or letter"
        ));
    }
    if !name.chars().all(|c| c == '_' || c.is_ascii_alphanumeric() || more(c)) {
        return wrong(&format!("{what} name can only contain numbers, letters and underscores"));
    }
    Ok(())
}

/// A field or sub-field: `validateFieldName` and, from 3.0 on, `validateReservedFieldNames` of
/// `internal/proxy/util.go`. The words are those of 2.5.27 and 2.6.20.
pub fn check_field(profile: &Profile, name: &str) -> Result<()> {
    check(profile, "field", name)?;
    let refused = |why: String| {
        let reason = format!("{why}: field name invalid[field={name}]");
        Err(Refused::new(1701, ErrorCode::UnexpectedError, reason))
    };
    if profile.version >= (3, 0, 0) && name == "__virtual_pk__" {
        return refused(format!(
            "field name {name:?} is reserved for internal use and cannot be used in user schemas"
        ));
    }
    if words::is_refused(profile.version, name) {
        return refused(format!("Invalid field name: {name}. {name} is keyword in milvus."));
    }
    if RESERVED.contains(&name) {
        return Err(Refused::expected(
            "schema don't contains system field",
            "contains",
            format!("schema contains system field: {}", RESERVED.join(", ")),
        ));
    }
    Ok(())
}

pub fn check_partition(profile: &Profile, name: &str) -> Result<()> {
    let wrong = |why: &str| Err(Refused::invalid(format!("Invalid partition name: {name}. {why}")));
    if name.is_empty() {
        return wrong("Partition name should not be empty.");
    }
    if name.len() > 255 {
        return wrong("The length of a partition name must be less than 255 characters.");
    }
    if !name.starts_with(|c: char| c == '_' || c.is_ascii_alphanumeric()) {
        return wrong("The first character of a partition name must be an underscore or letter.");
    }
    let hyphen = profile.has(Feature::HyphenInPartitions);
    if !name.chars().all(|c| c == '_' || c.is_ascii_alphanumeric() || (hyphen && c == '-')) {
        return wrong("Partition name can only contain numbers, letters and underscores.");
    }
    Ok(())
}

/// Index names hold brackets, for those of struct arrays, and no slash.
pub fn check_index(name: &str) -> Result<()> {
    let fits = |c: char| c == '_' || c == '[' || c == ']' || c.is_ascii_alphanumeric();
    if name.len() > 255 || !name.chars().all(fits) || name.starts_with(|c: char| c.is_ascii_digit())
    {
        return Err(Refused::invalid(format!(
            "Invalid index name: {name}. Index name can only contain numbers, letters, and underscores."
        )));
    }
    Ok(())
}

/// Of a collection; nothing was found that limits those of fields.
pub fn check_description(profile: &Profile, description: &str) -> Result<()> {
    if profile.has(Feature::NamesOf26) && description.len() > 1024 {
        return Err(Refused::invalid(
            "the length of a collection description must not exceed 1024 bytes",
        ));
    }
    Ok(())
}
