//! What is different about fields, and what else names them.

use std::collections::BTreeMap;

use super::super::document::child;
use super::super::file::{
    FieldIndexSetting, FieldTable, IndexWord, IndexesSetting, PartitionKeySetting,
};
use super::collections::Entry;
use super::{Context, names};
use crate::diagnostic::Diagnostic;
use crate::model::FieldRule;

type Tables = BTreeMap<String, FieldTable>;

/// Reports what is wrong with one table of fields, whatever it is merged with.
pub(super) fn check(pointer: &str, tables: Option<&Tables>, context: &mut Context<'_>) {
    let pointer = child(pointer, "fields");
    for (name, table) in tables.into_iter().flatten() {
        let at = child(&pointer, name);
        if let Some(finding) = names::source_field_finding(name) {
            context.report_key(&at, finding);
        }
        if let Some(finding) = table.rename.as_deref().and_then(names::new_field_finding) {
            context.report(&child(&at, "rename"), finding);
        }
        if table.drop == Some(true) && says_more(table) {
            context.report_key(&child(&at, "drop"), drop_finding());
        }
    }
}

fn drop_finding() -> Diagnostic {
    Diagnostic::error("dropped_and_changed", "a field that is dropped, and changed as well")
        .help("a dropped field is not at the target: remove `drop`, or all else about the field")
}

/// Whether anything is said about a field besides `drop`.
fn says_more(table: &FieldTable) -> bool {
    let FieldTable { rename, description, max_length, mmap, drop: _, drop_default } = table;
    rename.is_some()
        || description.is_some()
        || max_length.is_some()
        || mmap.is_some()
        || drop_default.is_some()
}

/// What an entry says of a field over what the defaults say, key by key. Where the entry drops the
/// field, nothing else is left to say.
fn over(own: &FieldTable, default: &FieldTable) -> FieldTable {
    if own.drop == Some(true) {
        return own.clone();
    }
    FieldTable {
        rename: own.rename.as_ref().or(default.rename.as_ref()).cloned(),
        description: own.description.as_ref().or(default.description.as_ref()).cloned(),
        max_length: own.max_length.or(default.max_length),
        mmap: own.mmap.or(default.mmap),
        drop: own.drop.or(default.drop),
        drop_default: own.drop_default.or(default.drop_default),
    }
}

/// What an entry and the defaults say, field by field.
fn merged(own: &Tables, defaults: &Tables) -> Tables {
    let mut merged = defaults.clone();
    for (name, table) in own {
        let default = defaults.get(name).cloned().unwrap_or_default();
        merged.insert(name.clone(), over(table, &default));
    }
    merged
}

fn rule(table: &FieldTable) -> FieldRule {
    FieldRule {
        rename: table.rename.clone(),
        description: table.description.clone(),
        max_length: table.max_length.and_then(|length| u64::try_from(length.0).ok()),
        mmap: table.mmap,
        drop: table.drop.unwrap_or(false),
        drop_default: table.drop_default.unwrap_or(false),
    }
}

/// Reports renamed fields of the defaults that get one name, whatever the entries say.
pub(super) fn check_default_names(defaults: Option<&Tables>, context: &mut Context<'_>) {
    let place = child("/defaults", "fields");
    let renamed = defaults.into_iter().flatten().filter_map(|(name, table)| {
        let rename = table.rename.clone()?;
        Some(Named { pointer: child(&child(&place, name), "rename"), name: rename, new: true })
    });
    same_names(renamed.collect(), |_, _| true, context);
}

/// A field under its name at the target.
struct Named {
    /// What gives it the name.
    pointer: String,
    name: String,
    /// It gets the name, and does not have it from the source.
    new: bool,
}

/// Reports fields that get one name, where the pair is of interest.
fn same_names(
    named: Vec<Named>,
    interest: impl Fn(&Named, &Named) -> bool,
    context: &mut Context<'_>,
) {
    let mut first: BTreeMap<String, Named> = BTreeMap::new();
    // Those that keep their names come first: the other one of a pair is to blame.
    let (new, kept): (Vec<Named>, Vec<Named>) = named.into_iter().partition(|named| named.new);
    for named in kept.into_iter().chain(new) {
        let Some(earlier) = first.get(&named.name) else {
            first.insert(named.name.clone(), named);
            continue;
        };
        if !interest(earlier, &named) {
            continue;
        }
        let at = &earlier.pointer;
        let finding = Diagnostic::error(
            "same_field_name",
            format!("two fields would have the name `{}`", named.name),
        )
        .related(if earlier.new { context.span(at) } else { context.key_span(at) }, "the other one")
        .help("give one of them another name, or drop it");
        context.report(&named.pointer, finding);
    }
}

impl Entry<'_> {
    pub(super) fn fields(&self, context: &mut Context<'_>) -> BTreeMap<String, FieldRule> {
        let none = Tables::new();
        let own = self.own.fields.as_ref().unwrap_or(&none);
        let defaults = self.defaults.fields.as_ref().unwrap_or(&none);
        let merged = merged(own, defaults);
        if self.knows("fields", context) {
            self.dropped_by_default(own, defaults, context);
            self.clashing_names(own, &merged, context);
            self.references(&merged, context);
        }
        merged.iter().map(|(name, table)| (name.clone(), rule(table))).collect()
    }

    /// Where a key of a field is written: in the entry, or in the defaults.
    pub(super) fn field_key(&self, field: &str, key: &str, context: &Context<'_>) -> String {
        let own = child(&child(&self.at("fields"), field), key);
        if context.assembly.value.pointer(&own).is_some() {
            own
        } else {
            child(&child("/defaults/fields", field), key)
        }
    }

    /// A field that the defaults drop and the entry changes.
    fn dropped_by_default(&self, own: &Tables, defaults: &Tables, context: &mut Context<'_>) {
        for (name, table) in own {
            let dropped = defaults.get(name).is_some_and(|table| table.drop == Some(true));
            if dropped && table.drop.is_none() && says_more(table) {
                let drop = child(&child("/defaults/fields", name), "drop");
                let finding = drop_finding()
                    .related(context.key_span(&drop), "dropped here")
                    .help("say `drop = false` here to keep the field");
                context.report_key(&child(&self.at("fields"), name), finding);
            }
        }
    }

    fn clashing_names(&self, own: &Tables, merged: &Tables, context: &mut Context<'_>) {
        let mut named = Vec::new();
        for (field, table) in merged.iter().filter(|(_, table)| table.drop != Some(true)) {
            match &table.rename {
                Some(name) => named.push(Named {
                    pointer: self.field_key(field, "rename", context),
                    name: name.clone(),
                    new: true,
                }),
                // A default may be about a field that this collection does not have.
                None if own.contains_key(field) => named.push(Named {
                    pointer: child(&self.at("fields"), field),
                    name: field.clone(),
                    new: false,
                }),
                None => {}
            }
        }
        // Defaults among themselves are looked at once, not for every entry.
        let of_default = |named: &Named| named.pointer.starts_with("/defaults/");
        let interest = |one: &Named, other: &Named| !(of_default(one) && of_default(other));
        same_names(named, interest, context);
    }

    /// What else names fields: by their names at the source, and only those that are left.
    fn references(&self, merged: &Tables, context: &mut Context<'_>) {
        if self.knows("partition_key", context) {
            let place = if self.own.partition_key.is_some() { &self.pointer } else { "/defaults" };
            let setting = self.own.partition_key.as_ref();
            if let Some(PartitionKeySetting::Field(table)) =
                setting.or(self.defaults.partition_key.as_ref())
                && let Some(field) = &table.field
            {
                let at = child(&child(place, "partition_key"), "field");
                if let Some(finding) = self.reference(field, merged, context) {
                    context.report(&at, finding);
                }
            }
        }
        if let Some(IndexesSetting::Fields(fields)) = &self.own.indexes {
            for (field, setting) in fields {
                // A field that is dropped must lose its index, which is said like this.
                let loses = matches!(setting, FieldIndexSetting::Word(IndexWord::None));
                let of = field.split_once('[').map_or(field.as_str(), |(of, _)| of);
                if loses && merged.get(of).is_some_and(|table| table.drop == Some(true)) {
                    continue;
                }
                if let Some(finding) = self.reference(field, merged, context) {
                    context.report_key(&child(&self.at("indexes"), field), finding);
                }
            }
        }
    }

    /// What is wrong with naming a field, if anything.
    fn reference(&self, field: &str, merged: &Tables, context: &Context<'_>) -> Option<Diagnostic> {
        if let Some(table) = merged.get(field) {
            return (table.drop == Some(true)).then(|| {
                let drop = self.field_key(field, "drop", context);
                Diagnostic::error("dropped_field", format!("the field `{field}` is dropped"))
                    .related(context.key_span(&drop), "dropped here")
                    .help("keep the field, or do without it here")
            });
        }
        let (old, _) = merged.iter().find(|(_, table)| table.rename.as_deref() == Some(field))?;
        let rename = self.field_key(old, "rename", context);
        Some(
            Diagnostic::error("new_field_name", format!("`{field}` is the new name of `{old}`"))
                .related(context.span(&rename), "renamed here")
                .help(format!("fields go by their names at the source: write `{old}`")),
        )
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::btree_map;
    use proptest::option;
    use proptest::prelude::*;

    use super::super::super::file::Whole;
    use super::*;

    fn table() -> impl Strategy<Value = FieldTable> {
        (
            option::of("[a-c]"),
            option::of("[a-c]"),
            option::of((1..9_i64).prop_map(Whole)),
            option::of(any::<bool>()),
            option::of(any::<bool>()),
            option::of(any::<bool>()),
        )
            .prop_map(|(rename, description, max_length, mmap, drop, drop_default)| {
                FieldTable { rename, description, max_length, mmap, drop, drop_default }
            })
    }

    fn tables() -> impl Strategy<Value = Tables> {
        btree_map("[a-d]", table(), 0..4)
    }

    proptest! {
        #[test]
        fn the_entry_wins_key_by_key(own in table(), default in table()) {
            let merged = over(&own, &default);
            if own.drop == Some(true) {
                prop_assert_eq!(merged, own);
                return Ok(());
            }
            prop_assert_eq!(&merged.rename, &own.rename.or(default.rename));
            prop_assert_eq!(&merged.description, &own.description.or(default.description));
            prop_assert_eq!(merged.max_length, own.max_length.or(default.max_length));
            prop_assert_eq!(merged.mmap, own.mmap.or(default.mmap));
            prop_assert_eq!(merged.drop, own.drop.or(default.drop));
            prop_assert_eq!(merged.drop_default, own.drop_default.or(default.drop_default));
        }

        #[test]
        fn merging_again_changes_nothing(own in tables(), defaults in tables()) {
            let once = merged(&own, &defaults);
            prop_assert_eq!(merged(&own, &once), once.clone());
            prop_assert_eq!(merged(&own, &Tables::new()), own.clone());
            prop_assert_eq!(merged(&Tables::new(), &own), own.clone());
            let fields: Vec<&String> = once.keys().collect();
            let either: std::collections::BTreeSet<&String> =
                own.keys().chain(defaults.keys()).collect();
            prop_assert_eq!(fields, either.into_iter().collect::<Vec<_>>());
        }
    }
}
