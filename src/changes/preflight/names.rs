//! Names that the target refuses.

use super::Found;
use crate::changes::abilities::FieldName;
use crate::model::Collection;
use crate::model::name::{LONGEST, RESERVED_FIELDS, fault_allowing};

pub(super) fn check(found: &mut Found<'_>, wanted: &Collection) {
    let names = [("database", &wanted.database), ("collection", &wanted.name)];
    for (what, name) in names {
        one(found, what, name, "", "choose another one in the plan file");
    }
    let fields = wanted.fields.iter().map(|field| &field.name);
    for name in fields.chain(wanted.struct_fields.iter().map(|of| &of.name)) {
        let advice = format!("give it another with `fields.{name}.rename`");
        if RESERVED_FIELDS.contains(&name.as_str()) {
            let what = format!("servers keep the name {name:?} for themselves");
            found.error("name_unfit", name, what, advice);
            continue;
        }
        one(found, "field", name, name, &advice);
        a_word(found, wanted, name, advice);
    }
    for of in &wanted.struct_fields {
        for field in &of.fields {
            if found.target.field_name(&field.name) == FieldName::Refused {
                let part = format!("{}[{}]", of.name, field.name);
                let what = refused(found, &field.name);
                found.error("name_unfit", &part, what, super::LEAVE_OUT);
            }
        }
    }
    for function in &wanted.functions {
        one(found, "function", &function.name, &function.name, super::LEAVE_OUT);
    }
    for alias in &wanted.aliases {
        one(found, "alias", alias, alias, "give it another with `aliases` in the plan file");
    }
    for partition in &wanted.partitions {
        if let Some(fault) = fault_of_partition(found, partition) {
            let what = format!("the target takes no partition {partition:?}: the name {fault}");
            let advice = "bring the rows together with `partitions = \"merge\"`, or rename it at \
                          the source";
            found.error("name_unfit", partition, what, advice);
        }
    }
}

/// Whether a field's name means something else to the target.
fn a_word(found: &mut Found<'_>, wanted: &Collection, name: &str, advice: String) {
    let key = wanted.row_key().is_some_and(|key| key.name == name);
    match found.target.field_name(name) {
        FieldName::Fine => {}
        FieldName::Refused => {
            let what = refused(found, name);
            found.error("name_unfit", name, what, advice);
        }
        FieldName::Unnamed if key => {
            let what = format!(
                "the primary key {name:?} is a word of the filter language of {}, which cannot be \
                 named by a filter: rows could be written and never be read again",
                found.target
            );
            found.error("name_unfit", name, what, advice);
        }
        FieldName::Unnamed => {
            let what = format!(
                "{name:?} is a word of the filter language of {}: no filter there can name this \
                 field",
                found.target
            );
            found.warn("name_unfit", name, what, advice);
        }
        FieldName::Unsure => {
            let what = format!(
                "{name:?} is a word of Milvus's filter language: some servers refuse it as the name \
                 of a field, and others cannot be asked about it"
            );
            found.warn("name_unfit", name, what, advice);
        }
    }
}

fn refused(found: &Found<'_>, name: &str) -> String {
    format!(
        "{} refuses {name:?} as the name of a field: it keeps that word for itself",
        found.target
    )
}

fn one(found: &mut Found<'_>, kind: &str, name: &str, part: &str, advice: &str) {
    let fault = fault_allowing(name, |c| found.target.allows_in_names(c));
    if let Some(fault) = fault {
        let what = format!("the target takes no {kind} {name:?}: the name {fault}");
        found.error("name_unfit", part, what, advice);
    }
}

/// Partitions may begin with a digit, and have hyphens from 2.5 on (2.2.16 and 2.3.5 refuse them).
fn fault_of_partition(found: &Found<'_>, name: &str) -> Option<&'static str> {
    let hyphens = found.target.limits.hyphens;
    let other = |c: char| {
        !(c.is_ascii_alphanumeric() || c == '_' || c == '-' || found.target.allows_in_names(c))
    };
    if name.is_empty() {
        Some("is empty")
    } else if name.len() > LONGEST {
        Some("is longer than 255 bytes")
    } else if name.starts_with(['-', '$']) {
        Some("does not begin with a letter, a digit or `_`")
    } else if !hyphens && name.contains('-') {
        Some("has a hyphen, which only Milvus 2.5 and newer take")
    } else if name.contains(other) {
        Some("has characters other than letters, digits, `_` and `-`")
    } else {
        None
    }
}
