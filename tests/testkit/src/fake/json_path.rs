//! Paths into JSON fields, as indexes name them.

use super::profile::{Feature, Profile};
use super::refused::{Refused, Result};
use super::state::{Column, META};
use crate::pb::common::ErrorCode;

/// The field that a name stands for: itself, or the dynamic one for a name that is no field
/// (`SchemaHelper.GetFieldFromNameDefaultJSON`, pkg/util/typeutil/schema.go).
pub fn column_of<'a>(columns: &'a [Column], name: &str) -> Option<&'a Column> {
    let find = |name: &str| columns.iter().find(|column| column.path() == name);
    find(name).or_else(|| find(META))
}

/// `document["a"][0]` as a JSON pointer, for an index on `indexed`. The path has to begin with the
/// name of that field (`parseAndVerifyNestedPath` in internal/datacoord/index_service.go, 2.5.27;
/// `ParseAndVerifyNestedPath` in internal/util/typeutil/json_util.go, 2.6.20 and 3.0.0).
pub fn pointer(
    profile: &Profile,
    columns: &[Column],
    indexed: &Column,
    path: &str,
) -> Result<String> {
    let plain = !profile.has(Feature::ParameterErrors);
    // `ParseIdentifier` (internal/parser/planparserv2).
    let unread = |why: &str| match plain {
        true => Refused::other(format!("cannot parse identifier: {path}, error: {why}")),
        false => {
            let text = format!("cannot parse identifier: {path}: {why}: invalid parameter");
            Refused::new(2201, ErrorCode::UnexpectedError, text)
        }
    };
    let wrong = || unread("invalid identifier");
    let (name, rest) = path.split_at(path.find('[').unwrap_or(path.len()));
    let is_name = |name: &str| {
        let mut letters = name.strip_prefix('$').unwrap_or(name).chars();
        letters.next().is_some_and(|c| c.is_alphabetic() || c == '_')
            && letters.all(|c| c.is_alphanumeric() || c == '_')
    };
    if !is_name(name) || !(rest.is_empty() || rest.ends_with(']')) {
        return Err(wrong());
    }
    let Some(column) = column_of(columns, name) else {
        return Err(unread(&format!("field {name} not exist")));
    };
    if column.path() != indexed.path() {
        return Err(profile.invalid("fieldID not match with field name"));
    }
    let mut steps = Vec::new();
    if column.path() != name {
        steps.push(name.to_owned());
    }
    for step in rest.split("][").filter(|step| !step.is_empty()) {
        let step = step.trim_matches(['[', ']']);
        let quoted = |quote: char| step.strip_prefix(quote)?.strip_suffix(quote);
        match quoted('"').or_else(|| quoted('\'')) {
            Some("") => return Err(wrong()),
            Some(key) => steps.push(key.to_owned()),
            None if step.parse::<i64>().is_ok() => steps.push(step.to_owned()),
            None => {
                let why = "json key must be enclosed in double quotes or single quotes";
                return Err(unread(&format!("{why}: \"{step}\"")));
            }
        }
    }
    Ok(steps
        .iter()
        .map(|step| format!("/{}", step.replace('~', "~0").replace('/', "~1")))
        .collect())
}

/// The name that `DescribeIndex` gives an index on a path of the dynamic field: its first step
/// (`describeIndexTask.Execute`, internal/proxy/task_index.go, 2.6.20).
pub fn described_field(indexed: &str, pointer: Option<&String>) -> String {
    let first = pointer.and_then(|path| path.split('/').nth(1));
    match first {
        Some(step) if indexed == META => step.replace("~1", "/").replace("~0", "~"),
        _ => indexed.to_owned(),
    }
}
