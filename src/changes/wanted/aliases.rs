//! Aliases: the other names that lead to the target, moved when everything else is done.

use super::Making;
use crate::changes::Inspected;
use crate::model::{AliasRule, CollectionRule};

/// The names that a rule asks for, for a source collection that has `aliases`; or the template that
/// cannot be rendered, and why.
///
/// # Errors
/// When a template cannot be rendered.
pub fn aliases(
    rule: &CollectionRule,
    source_name: &str,
    aliases: &[String],
) -> Result<Vec<String>, (String, String)> {
    let render = |template: &crate::model::NameTemplate| {
        template.render(source_name).map_err(|why| (template.text().to_owned(), why))
    };
    let mut names = match &rule.aliases {
        AliasRule::Keep => aliases.to_vec(),
        AliasRule::None => Vec::new(),
        AliasRule::Rename(new) => new.values().map(render).collect::<Result<Vec<_>, _>>()?,
        AliasRule::Exactly(names) => names.iter().map(render).collect::<Result<Vec<_>, _>>()?,
    };
    names.sort();
    names.dedup();
    Ok(names)
}

impl Making<'_> {
    pub(super) fn aliases(&mut self, inspected: &Inspected) {
        let from = &self.source.collection;
        let (before, after) = (from.aliases.clone(), inspected.aliases.clone());
        // What becomes of the source's aliases later is no business of a target that is in use.
        let finished = inspected.known.as_ref().is_some_and(|known| known.finished);
        if let AliasRule::Rename(new) = &inspected.rule.aliases
            && !finished
        {
            // Within one database an alias may have gone over already.
            let gone_over = |name: &String| {
                inspected.alias_holders.get(name).is_some_and(|to| *to == inspected.target_name)
            };
            let unknown: Vec<&str> = new
                .keys()
                .filter(|name| !before.contains(name) && !gone_over(name))
                .map(String::as_str)
                .collect();
            if !unknown.is_empty() {
                let what = format!("the source has no alias {}", unknown.join(", "));
                let advice = match before.as_slice() {
                    [] => "it has none; give a list of names to make new ones".to_owned(),
                    names => format!("its aliases are: {}", names.join(", ")),
                };
                self.error("alias_missing", None, what, &advice);
            }
        }
        let text = |names: &[String]| match names {
            [] => "none".to_owned(),
            names => names.join(", "),
        };
        self.set("aliases", &text(&before), &text(&after));
        self.collection.aliases = after;
    }
}
