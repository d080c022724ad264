//! Which names and descriptions a server takes: `validateCollectionNameOrAlias`, `ValidateDatabaseName`,
//! `validateFieldName`, `validatePartitionTag` and `validateIndexName` (internal/proxy/util.go), 2.5.27
//! to 3.0.0.

use super::profile::{Feature, Profile};
use super::refused::{Refused, Result};
use super::words;
use crate::pb::common::ErrorCode;
use crate::pb::schema::CollectionSchema;

/// Columns of the server's own (`hasSystemFields`, `internal/rootcoord/create_collection_task.go`).
const RESERVED: [&str; 4] = ["RowID", "Timestamp", "$meta", "$namespace_id"];

const LONGEST: usize = 255;

/// What is wrong with the letters of a name.
enum Wrong {
    Empty,
    Long,
    First,
    Other,
}

fn wrong(name: &str, digit_first: bool, also: &[char]) -> Option<Wrong> {
    let letter = |c: char| c == '_' || c.is_ascii_alphabetic();
    let mut letters = name.chars();
    match letters.next() {
        None => Some(Wrong::Empty),
        Some(_) if name.len() > LONGEST => Some(Wrong::Long),
        Some(c) if !(letter(c) || digit_first && c.is_ascii_digit()) => Some(Wrong::First),
        Some(_) => {
            let fits = |c: char| letter(c) || c.is_ascii_digit() || also.contains(&c);
            (!letters.all(fits)).then_some(Wrong::Other)
        }
    }
}

pub fn check_collection(name: &str) -> Result<()> {
    collection_or_alias("name", name)
}

pub fn check_alias(name: &str) -> Result<()> {
    collection_or_alias("alias", name)
}

fn collection_or_alias(what: &str, name: &str) -> Result<()> {
    let why = match wrong(name, false, &[]) {
        None => return Ok(()),
        Some(Wrong::Empty) => {
            return Err(Refused::invalid(format!("collection {what} should not be empty")));
        }
        Some(Wrong::Long) => {
            format!("the length of a collection {what} must be less than {LONGEST} characters")
        }
        Some(Wrong::First) => {
            format!("the first character of a collection {what} must be an underscore or letter")
        }
        Some(Wrong::Other) => {
            format!("collection {what} can only contain numbers, letters and underscores")
        }
    };
    Err(Refused::invalid(format!("Invalid collection {what}: {name}.  {why}")))
}

pub fn check_database(name: &str) -> Result<()> {
    let why = match wrong(name, false, &[]) {
        None => return Ok(()),
        Some(Wrong::Empty) => "database name couldn't be empty",
        Some(Wrong::Long) => "the length of a database name must be less than 255 characters",
        Some(Wrong::First) => {
            "the first character of a database name must be an underscore or letter"
        }
        Some(Wrong::Other) => "database name can only contain numbers, letters and underscores",
    };
    let reason = format!("{why}: invalid database name[database={name}]");
    Err(Refused::new(802, ErrorCode::UnexpectedError, reason))
}

/// A name that is built of a word and the rules for its letters, or none.
fn sentence(what: &str, name: &str, wrong: &Wrong, other: &str) -> String {
    let why = match wrong {
        Wrong::Empty => return format!("{what} name should not be empty"),
        Wrong::Long => {
            format!("The length of a {what} name must be less than {LONGEST} characters.")
        }
        Wrong::First => {
            format!("The first character of a {what} name must be an underscore or letter.")
        }
        Wrong::Other => other.to_owned(),
    };
    format!("Invalid {what} name: {name}. {why}")
}

fn no_field_name(name: &str, why: &str) -> Refused {
    let reason = format!("{why}: field name invalid[field={name}]");
    Refused::new(1701, ErrorCode::UnexpectedError, reason)
}

/// A field or sub-field.
pub fn check_field(profile: &Profile, name: &str) -> Result<()> {
    let name = name.trim();
    let other = "Field name can only contain numbers, letters, and underscores.";
    if let Some(wrong) = wrong(name, false, &[]) {
        return Err(no_field_name(name, &sentence("field", name, &wrong, other)));
    }
    if words::is_refused(profile.version, name) {
        let why = format!("Invalid field name: {name}. {name} is keyword in milvus.");
        return Err(no_field_name(name, &why));
    }
    Ok(())
}

/// `validateReservedFieldNames` (internal/proxy/util.go), 3.0.0.
pub fn check_reserved(profile: &Profile, schema: &CollectionSchema) -> Result<()> {
    if profile.version < (3, 0, 0) {
        return Ok(());
    }
    let structs = schema.struct_array_fields.iter();
    let inside = structs.flat_map(|one| {
        std::iter::once(&one.name).chain(one.fields.iter().map(|field| &field.name))
    });
    let mut names = schema.fields.iter().map(|field| &field.name).chain(inside);
    let reserved = ["RowID", "Timestamp", "__virtual_pk__"];
    match names.find(|name| reserved.contains(&name.as_str())) {
        Some(name) => Err(no_field_name(
            name,
            &format!(
                "field name {name:?} is reserved for internal use and cannot be used in user schemas"
            ),
        )),
        None => Ok(()),
    }
}

/// `hasSystemFields`, 2.5.27 to 3.0.0.
pub fn check_system(profile: &Profile, schema: &CollectionSchema) -> Result<()> {
    let known = if profile.version < (2, 6, 0) { &RESERVED[..3] } else { &RESERVED };
    if schema.fields.iter().any(|field| known.contains(&field.name.as_str())) {
        let what = format!("schema contains system field: {}", known.join(", "));
        return Err(Refused::expected("schema don't contains system field", "contains", what));
    }
    Ok(())
}

pub fn check_partition(profile: &Profile, name: &str) -> Result<()> {
    let name = name.trim();
    let also: &[char] = if profile.has(Feature::HyphenInPartitions) { &['-'] } else { &[] };
    match wrong(name, true, also) {
        None => Ok(()),
        Some(Wrong::Empty) => {
            let what = "Invalid partition name: . Partition name should not be empty.";
            Err(profile.invalid(what))
        }
        Some(wrong) => {
            let other = "Partition name can only contain numbers, letters and underscores.";
            Err(profile.invalid(sentence("partition", name, &wrong, other)))
        }
    }
}

/// Index names may hold brackets, for those of struct arrays.
pub fn check_index(profile: &Profile, name: &str) -> Result<()> {
    let name = name.trim();
    let also: &[char] = if profile.has(Feature::StructArrays) { &['[', ']'] } else { &[] };
    match wrong(name, false, also) {
        None | Some(Wrong::Empty) => Ok(()),
        Some(wrong) => {
            let other = "Index name can only contain numbers, letters, and underscores.";
            Err(profile.invalid(sentence("index", name, &wrong, other)))
        }
    }
}

/// Of a collection; nothing was found that limits those of fields.
pub fn check_description(profile: &Profile, description: &str) -> Result<()> {
    if profile.has(Feature::DescriptionsLimited) && description.len() > 1024 {
        return Err(Refused::invalid(
            "the length of a collection description must not exceed 1024 bytes",
        ));
    }
    Ok(())
}
