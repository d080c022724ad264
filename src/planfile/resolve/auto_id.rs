//! Keys that the source's server makes up.

use std::collections::BTreeMap;

use super::super::document::child;
use super::super::file::AutoIdSetting;
use super::collections::Entry;
use super::{Context, idle, names};
use crate::diagnostic::Diagnostic;
use crate::model::{AutoId, FieldRule};

/// The key that names the field for the source's keys.
const SOURCE_KEY_FIELD: &str = "source_key_field";

/// Reports what is wrong with the name of the field for the source's keys.
pub(super) fn check(pointer: &str, name: Option<&str>, context: &mut Context<'_>) {
    if let Some(finding) = name.and_then(names::new_field_finding) {
        context.report(&child(pointer, SOURCE_KEY_FIELD), finding);
    }
}

impl Entry<'_> {
    pub(super) fn auto_id(
        &self,
        fields: &BTreeMap<String, FieldRule>,
        context: &mut Context<'_>,
    ) -> AutoId {
        let (own, default) = (&self.own.source_key_field, &self.defaults.source_key_field);
        let setting = self.own.auto_id.or(self.defaults.auto_id);
        if own.is_some() {
            let new = matches!(setting, Some(AutoIdSetting::Regenerate));
            idle::SOURCE_KEY_FIELD.in_entry(self, !new, context);
        }
        match (setting, own.as_ref().or(default.as_ref()).cloned()) {
            (None | Some(AutoIdSetting::Keep), _) => AutoId::Keep,
            (Some(AutoIdSetting::KeepKeys), _) => AutoId::KeepKeys,
            (Some(AutoIdSetting::Regenerate), Some(source_key_field)) => {
                self.name_is_free(&source_key_field, fields, context);
                AutoId::Regenerate { source_key_field }
            }
            (Some(AutoIdSetting::Regenerate), None) => {
                self.no_field(context);
                AutoId::Keep
            }
        }
    }

    fn no_field(&self, context: &mut Context<'_>) {
        if !self.knows(SOURCE_KEY_FIELD, context) || !self.knows("auto_id", context) {
            return;
        }
        let finding = Diagnostic::error(
            "source_key_field_missing",
            "`auto_id = \"regenerate\"` without `source_key_field`",
        )
        .help(
            "the target makes new keys: name the field that it gets for those of the source, such as \
             `source_key_field = \"legacy_id\"`",
        );
        if self.own.auto_id.is_some() {
            return context.report(&self.at("auto_id"), finding);
        }
        let said = context.span("/defaults/auto_id");
        context.report(&self.at("source"), finding.related(said, "by default"));
    }

    /// Reports a name that the plan file gives to another field, or leaves to it.
    fn name_is_free(
        &self,
        name: &str,
        fields: &BTreeMap<String, FieldRule>,
        context: &mut Context<'_>,
    ) {
        if !self.knows(SOURCE_KEY_FIELD, context) || !self.knows("fields", context) {
            return;
        }
        let own = self.own.fields.as_ref();
        let taken = fields.iter().find(|(field, rule)| match &rule.rename {
            Some(new) => new == name,
            // A default may be about a field that this collection does not have.
            None => *field == name && !rule.drop && own.is_some_and(|own| own.contains_key(name)),
        });
        let Some((field, rule)) = taken else { return };
        let at = match self.own.source_key_field {
            Some(_) => self.at(SOURCE_KEY_FIELD),
            None => child("/defaults", SOURCE_KEY_FIELD),
        };
        let other = if rule.rename.is_some() {
            context.span(&self.field_key(field, "rename", context))
        } else {
            context.key_span(&child(&self.at("fields"), field))
        };
        let message = format!("two fields would have the name `{name}`");
        let finding = Diagnostic::error("same_field_name", message)
            .related(other, "the other one")
            .help("choose another name for the field with the source's keys");
        context.report(&at, finding);
    }
}
