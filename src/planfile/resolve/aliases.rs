//! Aliases at the target.

use super::super::document::child;
use super::super::file::{AliasWord, AliasesSetting};
use super::super::template::NAME;
use super::collections::{Entry, name_template};
use super::landing::AliasLanding;
use super::{Context, names};
use crate::diagnostic::Diagnostic;
use crate::model::{AliasRule, NameTemplate, Selector};

/// Reports what is wrong with the aliases of one place, as far as no collection has to be known.
pub(super) fn check(pointer: &str, setting: Option<&AliasesSetting>, context: &mut Context<'_>) {
    let pointer = child(pointer, "aliases");
    if let Some(AliasesSetting::Rename(renamed)) = setting {
        for old in renamed.keys() {
            if let Some(finding) = names::finding(old) {
                context.report_key(&child(&pointer, old), finding);
            }
        }
    }
    let Some(setting) = setting else { return };
    for (at, text) in places(&pointer, setting) {
        if !uses_name(&at, context)
            && let Some(finding) = names::finding(text)
        {
            context.report(&at, finding);
        }
    }
}

/// The new names of a setting, with their places, as they are rendered for a sample.
fn places<'a>(pointer: &str, setting: &'a AliasesSetting) -> Vec<(String, &'a String)> {
    match setting {
        AliasesSetting::Word(_) => Vec::new(),
        AliasesSetting::Exactly(names) => names
            .iter()
            .enumerate()
            .map(|(index, name)| (format!("{pointer}/{index}"), name))
            .collect(),
        AliasesSetting::Rename(renamed) => {
            renamed.iter().map(|(old, new)| (child(pointer, old), new)).collect()
        }
    }
}

fn uses_name(pointer: &str, context: &Context<'_>) -> bool {
    context.written(pointer).is_some_and(|text| context.templates.used(text).contains(NAME))
}

impl Entry<'_> {
    /// Where the aliases of an entry are written, and what they are.
    fn alias_setting(&self) -> (String, Option<&AliasesSetting>) {
        match (&self.own.aliases, &self.defaults.aliases) {
            (None, default @ Some(_)) => (child("/defaults", "aliases"), default.as_ref()),
            (own, _) => (self.at("aliases"), own.as_ref()),
        }
    }

    /// What becomes of the aliases, and where those land that are certain.
    pub(super) fn aliases(
        &self,
        selector: &Selector,
        context: &mut Context<'_>,
    ) -> (AliasRule, Vec<AliasLanding>) {
        let (pointer, setting) = self.alias_setting();
        let Some(setting) = setting.filter(|_| self.knows("aliases", context)) else {
            return (AliasRule::Keep, Vec::new());
        };
        let mut landings = Vec::new();
        let names: Vec<Option<NameTemplate>> = places(&pointer, setting)
            .into_iter()
            .map(|(at, _)| {
                let (name, landing) = self.alias(at, setting, selector, context)?;
                landings.extend(landing);
                Some(name)
            })
            .collect();
        let rule = match setting {
            AliasesSetting::Word(AliasWord::Keep) => AliasRule::Keep,
            AliasesSetting::Word(AliasWord::None) => AliasRule::None,
            AliasesSetting::Exactly(_) => AliasRule::Exactly(names.into_iter().flatten().collect()),
            AliasesSetting::Rename(renamed) => {
                let pairs = renamed.keys().cloned().zip(names);
                AliasRule::Rename(pairs.filter_map(|(old, new)| Some((old, new?))).collect())
            }
        };
        (rule, landings)
    }

    /// One new name, and where it lands if that is certain.
    fn alias(
        &self,
        at: String,
        setting: &AliasesSetting,
        selector: &Selector,
        context: &mut Context<'_>,
    ) -> Option<(NameTemplate, Option<AliasLanding>)> {
        let written = context.written(&at)?.to_owned();
        let (name, glob) = match selector {
            Selector::Name(name) => (name.clone(), false),
            Selector::Glob { pattern, .. } => (names::sample_name(pattern), true),
        };
        // A failure is reported where the template is written, before the rules are checked.
        let rendered = context.templates.render_text(&written, Some(&name)).ok()?;
        let list = matches!(setting, AliasesSetting::Exactly(_));
        let of_collection = uses_name(&at, context);
        if glob && list && !of_collection {
            let finding = Diagnostic::error(
                "fixed_alias",
                "a glob can match several collections, and an alias leads to one",
            )
            .help(format!(
                "use the source collection's name, such as `aliases = [\"{{{{ {NAME} }}}}_live\"]`"
            ))
            .related(context.span(&self.at("source")), "the glob");
            context.report(&at, finding);
            return None;
        }
        if of_collection
            && !(glob && rendered.is_empty())
            && let Some(finding) = names::finding(&rendered)
        {
            context.report(&at, finding);
            return None;
        }
        // An alias of the source that is renamed by default, or behind a glob, leads to at most
        // one of several collections.
        let certain = list || (self.own.aliases.is_some() && !glob);
        let landing = certain.then(|| AliasLanding { pointer: at, name: rendered.clone() });
        Some((name_template(written, &rendered, selector, context), landing))
    }
}
