//! Settings that do nothing beside the value of another one.

use super::super::document::child;
use super::Context;
use super::collections::Entry;
use crate::diagnostic::Diagnostic;

/// A setting, and the other one that decides whether it does anything.
pub(super) struct Idle {
    key: &'static str,
    other: &'static str,
    code: &'static str,
    message: &'static str,
    help: &'static str,
}

pub(super) const DROP_DYNAMIC_DATA: Idle = Idle {
    key: "drop_dynamic_data",
    other: "dynamic_field",
    code: "drop_without_off",
    message: "`drop_dynamic_data` without `dynamic_field = false`",
    help: "dynamic data is only left behind when the target has no dynamic field",
};

pub(super) const SOURCE_KEY_FIELD: Idle = Idle {
    key: "source_key_field",
    other: "auto_id",
    code: "source_key_field_idle",
    message: "`source_key_field` without `auto_id = \"regenerate\"`",
    help: "the source's keys only go into a field of their own where the target makes new ones",
};

pub(super) const REPLICAS: Idle = Idle {
    key: "replicas",
    other: "load",
    code: "replicas_without_load",
    message: "`replicas` with `load = false`",
    help: "replicas are of what is loaded; keep one of the two settings",
};

pub(super) const MOVE_ALIASES: Idle = Idle {
    key: "move_aliases",
    other: "aliases",
    code: "move_without_aliases",
    message: "`move_aliases` with `aliases = \"none\"`",
    help: "aliases are only moved where the target gets some; keep one of the two settings",
};

impl Idle {
    /// Reports the setting of an entry, where it is given and does nothing.
    pub(super) fn in_entry(&self, entry: &Entry<'_>, idle: bool, context: &mut Context<'_>) {
        if idle && entry.knows(self.other, context) {
            context.report_key(&entry.at(self.key), self.finding());
        }
    }

    /// Reports the default, where it is given and does nothing in any entry. `idle` tells whether
    /// it does nothing in each of them, and is empty where there are none.
    pub(super) fn in_defaults(
        &self,
        mut idle: impl ExactSizeIterator<Item = bool>,
        context: &mut Context<'_>,
    ) {
        let known = !context.has_invalid("/collections")
            && !context.has_invalid(&child("/defaults", self.other));
        if known && idle.len() > 0 && idle.all(|idle| idle) {
            context.report_key(&child("/defaults", self.key), self.finding());
        }
    }

    fn finding(&self) -> Diagnostic {
        Diagnostic::error(self.code, self.message).help(self.help)
    }
}
