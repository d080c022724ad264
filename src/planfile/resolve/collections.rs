//! The `[[collections]]` entries, with the defaults merged in.

use std::collections::BTreeMap;

use serde_json::Value;

use super::super::document::child;
use super::super::file::{
    CollectionEntry, Defaults, DynamicFieldSetting, ExistingSetting, PartitionKeySetting,
    PartitionKeyWord, PartitionsSetting, PlanFile,
};
use super::super::template::NAME;
use super::landing::{self, Landing};
use super::{Context, names};
use crate::diagnostic::Diagnostic;
use crate::model::{
    AliasRule, CollectionRule, DynamicField, Endpoint, Existing, IndexRules, LoadRule,
    NameTemplate, PartitionKey, Partitions, PropertyRules, Selector,
};

/// An entry and what its rules need: where it is, and the defaults.
struct Entry<'a> {
    pointer: String,
    own: &'a CollectionEntry,
    defaults: &'a Defaults,
}

pub(super) fn resolve(
    file: &PlanFile,
    source: Option<&Endpoint>,
    target: Option<&Endpoint>,
    context: &mut Context<'_>,
) -> Vec<CollectionRule> {
    let none = Defaults::default();
    let defaults = file.defaults.as_ref().unwrap_or(&none);
    check_names(
        "/defaults",
        &[
            ("database", defaults.database.as_deref()),
            ("source_database", defaults.source_database.as_deref()),
            ("target_database", defaults.target_database.as_deref()),
        ],
        context,
    );
    check_partition_field("/defaults", defaults.partition_key.as_ref(), context);
    let mut rules = Vec::new();
    let mut landings = Vec::new();
    for (index, entry) in file.collections.iter().flatten().enumerate() {
        let entry = Entry { pointer: format!("/collections/{index}"), own: entry, defaults };
        if let Some((rule, landing)) = entry.resolve(context) {
            rules.push(rule);
            landings.extend(landing);
        }
    }
    unused_drop(defaults, &rules, context);
    if let (Some(source), Some(target)) = (source, target) {
        landing::onto_itself(&landings, source, target, context);
    }
    landing::onto_each_other(&landings, context);
    rules
}

fn check_names(pointer: &str, values: &[(&str, Option<&str>)], context: &mut Context<'_>) {
    for (key, value) in values {
        if let Some(fault) = value.and_then(names::fault) {
            let mut help = "names have letters, digits and `_`, begin with a letter or `_`, and have at most 255 bytes".to_owned();
            if *key == "source" {
                help.push_str("; globs have `*`, `?` or `[…]`");
            }
            let finding =
                Diagnostic::error("invalid_name", format!("this name {fault}")).help(help);
            context.report(&child(pointer, key), finding);
        }
    }
}

fn check_partition_field(
    pointer: &str,
    setting: Option<&PartitionKeySetting>,
    context: &mut Context<'_>,
) {
    if let Some(PartitionKeySetting::Field(table)) = setting {
        let pointer = child(pointer, "partition_key");
        check_names(&pointer, &[("field", table.field.as_deref())], context);
    }
}

/// `drop_dynamic_data` as a default does nothing unless some entry drops the dynamic field.
fn unused_drop(defaults: &Defaults, rules: &[CollectionRule], context: &mut Context<'_>) {
    let any_off = rules.iter().any(|rule| matches!(rule.dynamic_field, DynamicField::Off { .. }));
    if defaults.drop_dynamic_data == Some(true) && !any_off && !rules.is_empty() {
        if context.has_invalid("/collections") || context.is_invalid("/defaults/dynamic_field") {
            return;
        }
        context.report_key("/defaults/drop_dynamic_data", drop_finding());
    }
}

fn drop_finding() -> Diagnostic {
    Diagnostic::error("drop_without_off", "`drop_dynamic_data` without `dynamic_field = false`")
        .help("dynamic data is only left behind when the target has no dynamic field")
}

impl Entry<'_> {
    fn at(&self, key: &str) -> String {
        child(&self.pointer, key)
    }

    fn resolve(&self, context: &mut Context<'_>) -> Option<(CollectionRule, Option<Landing>)> {
        let entry = self.own;
        check_names(
            &self.pointer,
            &[
                ("database", entry.database.as_deref()),
                ("source_database", entry.source_database.as_deref()),
                ("target_database", entry.target_database.as_deref()),
            ],
            context,
        );
        check_partition_field(&self.pointer, entry.partition_key.as_ref(), context);
        let dynamic_field = self.dynamic_field(context);
        let selector = self.selector(context)?;
        let target = self.target(&selector, context);
        let description = self.description(&selector, context);
        let source_database =
            self.database(entry.source_database.as_ref(), self.defaults.source_database.as_ref());
        let target_database =
            self.database(entry.target_database.as_ref(), self.defaults.target_database.as_ref());
        let landing =
            self.landing(&selector, target.as_ref(), &source_database, &target_database, context);
        let line = context.report.start(&context.key_span(&self.pointer)).line;
        let rule = CollectionRule {
            location: format!("{}:{line}", context.path.display()),
            source: selector,
            source_database,
            target,
            target_database,
            description,
            dynamic_field,
            partition_key: self.partition_key(),
            partitions: Partitions {
                select: Vec::new(),
                merge: matches!(
                    entry.partitions.or(self.defaults.partitions),
                    Some(PartitionsSetting::Merge)
                ),
            },
            shards: None,
            consistency: None,
            properties: PropertyRules::default(),
            indexes: IndexRules::default(),
            load: LoadRule::Keep,
            replicas: None,
            aliases: AliasRule::Keep,
            move_aliases: false,
            fields: BTreeMap::new(),
            existing: match entry.existing.or(self.defaults.existing) {
                None | Some(ExistingSetting::Refuse) => Existing::Refuse,
                Some(ExistingSetting::Adopt) => Existing::Adopt,
            },
        };
        Some((rule, landing))
    }

    fn selector(&self, context: &mut Context<'_>) -> Option<Selector> {
        let source = self.own.source.as_ref()?;
        if !names::is_glob(source) {
            check_names(&self.pointer, &[("source", Some(source))], context);
            if self.own.exclude.is_some() {
                let finding = Diagnostic::error(
                    "exclude_without_glob",
                    "`exclude` on an entry for a single collection",
                )
                .help("`exclude` leaves out some of what a glob matches, such as `source = \"prod_*\"`");
                context.report_key(&self.at("exclude"), finding);
            }
            return Some(Selector::Name(source.clone()));
        }
        let exclude = self.own.exclude.clone().unwrap_or_default();
        let patterns = std::iter::once((self.at("source"), source)).chain(
            exclude
                .iter()
                .enumerate()
                .map(|(index, pattern)| (format!("{}/{index}", self.at("exclude")), pattern)),
        );
        for (pointer, pattern) in patterns {
            if let Err(fault) = names::glob(pattern) {
                let finding = Diagnostic::error("invalid_glob", format!("this glob {fault}"))
                    .help("`*` stands for any characters, `?` for one, `[abc]` and `[a-z]` for one of some");
                context.report(&pointer, finding);
            }
        }
        Some(Selector::Glob { pattern: source.clone(), exclude })
    }

    /// The string at a key before it was rendered: the entry's, or the default.
    fn written<'c>(&self, key: &str, context: &'c Context<'_>) -> Option<&'c str> {
        let value = &context.document.value;
        value
            .pointer(&self.at(key))
            .or_else(|| value.pointer(&child("/defaults", key)))
            .and_then(Value::as_str)
    }

    fn target(&self, selector: &Selector, context: &mut Context<'_>) -> Option<NameTemplate> {
        let pointer = self.at("target");
        // What it is for the name of the source, or for a sample.
        let rendered = self.own.target.as_ref()?;
        let written = self.written("target", context)?.to_owned();
        let glob = matches!(selector, Selector::Glob { .. });
        if glob && !context.templates.used(&written).contains(NAME) {
            let finding = Diagnostic::error(
                "fixed_target",
                "a glob can match several collections, and all would get this name",
            )
            .help(format!(
                "use the source collection's name, such as `target = \"{{{{ {NAME} }}}}_v2\"`"
            ));
            context.report(&pointer, finding);
        } else if !(glob && rendered.is_empty()) {
            check_names(&self.pointer, &[("target", Some(rendered))], context);
        }
        Some(name_template(written, rendered, selector, context))
    }

    fn description(&self, selector: &Selector, context: &Context<'_>) -> Option<NameTemplate> {
        let written = self.written("description", context)?.to_owned();
        let name = match selector {
            Selector::Name(name) => name,
            Selector::Glob { .. } => names::SAMPLE,
        };
        // A failure is reported where the template is written, before the rules are checked.
        let rendered = context.templates.render_text(&written, Some(name)).ok()?;
        Some(name_template(written, &rendered, selector, context))
    }

    /// The database at one end, from what the entry and the defaults say about that end.
    fn database(&self, own: Option<&String>, default: Option<&String>) -> String {
        own.or(self.own.database.as_ref())
            .or(default)
            .or(self.defaults.database.as_ref())
            .cloned()
            .unwrap_or_else(|| "default".to_owned())
    }

    fn dynamic_field(&self, context: &mut Context<'_>) -> DynamicField {
        let own = self.own.drop_dynamic_data;
        let drop_data = own.or(self.defaults.drop_dynamic_data).unwrap_or(false);
        let field = match self.own.dynamic_field.or(self.defaults.dynamic_field) {
            None | Some(DynamicFieldSetting::Keep(_)) => DynamicField::Keep,
            Some(DynamicFieldSetting::Switch(true)) => DynamicField::On,
            Some(DynamicFieldSetting::Switch(false)) => DynamicField::Off { drop_data },
        };
        let known = !context.is_invalid(&self.at("dynamic_field"))
            && !context.is_invalid("/defaults/dynamic_field");
        if own == Some(true) && known && !matches!(field, DynamicField::Off { .. }) {
            context.report_key(&self.at("drop_dynamic_data"), drop_finding());
        }
        field
    }

    fn partition_key(&self) -> PartitionKey {
        let setting = self.own.partition_key.as_ref();
        match setting.or(self.defaults.partition_key.as_ref()) {
            Some(PartitionKeySetting::Word(PartitionKeyWord::None)) => PartitionKey::None,
            Some(PartitionKeySetting::Field(table)) => match &table.field {
                Some(field) => {
                    PartitionKey::Field { field: field.clone(), partitions: table.partitions }
                }
                None => PartitionKey::Keep,
            },
            None | Some(PartitionKeySetting::Word(PartitionKeyWord::Keep)) => PartitionKey::Keep,
        }
    }

    fn landing(
        &self,
        selector: &Selector,
        target: Option<&NameTemplate>,
        source_database: &str,
        target_database: &str,
        context: &Context<'_>,
    ) -> Option<Landing> {
        let unknown =
            ["target", "target_database", "source_database", "database"].iter().any(|key| {
                context.is_invalid(&self.at(key)) || context.is_invalid(&child("/defaults", key))
            });
        if unknown {
            return None;
        }
        let (name, exact) = match selector {
            Selector::Name(name) => (name.clone(), true),
            Selector::Glob { pattern, .. } => (names::sample_name(pattern), false),
        };
        let landing = match target {
            Some(target) => target.render(&name).ok()?,
            None => name.clone(),
        };
        Some(Landing {
            pointer: self.pointer.clone(),
            from: (source_database.to_owned(), name),
            to: (target_database.to_owned(), landing),
            exact,
        })
    }
}

/// A text for each source collection: what is known already for a single one, and rendered when
/// the names are known for a glob.
fn name_template(
    written: String,
    rendered: &str,
    selector: &Selector,
    context: &Context<'_>,
) -> NameTemplate {
    match selector {
        Selector::Name(_) => {
            let fixed = rendered.to_owned();
            NameTemplate::new(written, move |_| Ok(fixed.clone()))
        }
        Selector::Glob { .. } => {
            let templates = context.templates.clone();
            NameTemplate::new(written.clone(), move |name| {
                templates.render_text(&written, Some(name)).map_err(|fault| fault.message)
            })
        }
    }
}
