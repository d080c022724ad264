//! The `[[collections]]` entries, with the defaults merged in.

use super::super::document::child;
use super::super::file::{
    CollectionEntry, ConsistencyWord, Defaults, DynamicFieldSetting, ExistingSetting, LoadSetting,
    PlanFile,
};
use super::super::template::NAME;
use super::landing::{self, AliasLanding, Landing};
use super::{Context, aliases, auto_id, fields, idle, indexes, names, partitions, properties};
use crate::diagnostic::Diagnostic;
use crate::model::{
    AliasRule, AutoId, CollectionRule, ConsistencyLevel, DynamicField, Endpoint, Existing,
    IndexRule, LoadRule, NameTemplate, Selector,
};

/// An entry and what its rules need: where it is, and the defaults.
pub(super) struct Entry<'a> {
    pub(super) pointer: String,
    pub(super) own: &'a CollectionEntry,
    pub(super) defaults: &'a Defaults,
}

/// Reports what is wrong with the settings of one place, an entry or the defaults, whatever they
/// are merged with. (Both have the same settings, and no type in common.)
macro_rules! check_place {
    ($pointer:expr, $settings:expr, $context:expr) => {{
        let (pointer, settings): (&str, _) = ($pointer, $settings);
        let databases = [
            ("database", settings.database.as_deref()),
            ("source_database", settings.source_database.as_deref()),
            ("target_database", settings.target_database.as_deref()),
        ];
        check_names(pointer, &databases, $context);
        partitions::check_key(pointer, settings.partition_key.as_ref(), $context);
        partitions::check(pointer, settings.partitions.as_ref(), $context);
        properties::check(pointer, settings.properties.as_ref(), $context);
        indexes::check(pointer, settings.indexes.as_ref(), $context);
        aliases::check(pointer, settings.aliases.as_ref(), $context);
        fields::check(pointer, settings.fields.as_ref(), $context);
        auto_id::check(pointer, settings.source_key_field.as_deref(), $context);
    }};
}

pub(super) fn resolve(
    file: &PlanFile,
    source: Option<&Endpoint>,
    target: Option<&Endpoint>,
    context: &mut Context<'_>,
) -> Vec<CollectionRule> {
    let none = Defaults::default();
    let defaults = file.defaults.as_ref().unwrap_or(&none);
    check_place!("/defaults", defaults, context);
    fields::check_default_names(defaults.fields.as_ref(), context);
    let mut rules = Vec::new();
    let mut landings = Vec::new();
    for (index, entry) in file.collections.iter().flatten().enumerate() {
        let entry = Entry { pointer: format!("/collections/{index}"), own: entry, defaults };
        if let Some((rule, landing)) = entry.resolve(context) {
            rules.push(rule);
            landings.extend(landing);
        }
    }
    idle_defaults(defaults, &rules, context);
    let mut one_server = false;
    if let (Some(source), Some(target)) = (source, target) {
        one_server = landing::one_server(source, target);
        landing::onto_itself(&landings, source, target, context);
    }
    landing::onto_each_other(&landings, context);
    landing::aliases(&landings, one_server, context);
    rules
}

fn check_names(pointer: &str, values: &[(&str, Option<&str>)], context: &mut Context<'_>) {
    for (key, value) in values {
        let rule = match *key {
            "source" | "source_database" => names::of_source,
            _ => names::finding,
        };
        if let Some(mut finding) = value.and_then(rule) {
            if *key == "source"
                && let Some(help) = &mut finding.help
            {
                help.push_str("; globs have `*`, `?` or `[…]`");
            }
            context.report(&child(pointer, key), finding);
        }
    }
}

/// Defaults that do nothing in any entry.
fn idle_defaults(defaults: &Defaults, rules: &[CollectionRule], context: &mut Context<'_>) {
    if defaults.drop_dynamic_data == Some(true) {
        let off = |rule: &CollectionRule| matches!(rule.dynamic_field, DynamicField::Off { .. });
        idle::DROP_DYNAMIC_DATA.in_defaults(rules.iter().map(|rule| !off(rule)), context);
    }
    if defaults.source_key_field.is_some() {
        let new = |rule: &CollectionRule| matches!(rule.auto_id, AutoId::Regenerate { .. });
        idle::SOURCE_KEY_FIELD.in_defaults(rules.iter().map(|rule| !new(rule)), context);
    }
    if defaults.replicas.is_some() {
        idle::REPLICAS.in_defaults(rules.iter().map(|rule| rule.load == LoadRule::No), context);
    }
    if defaults.move_aliases == Some(true) {
        let none = |rule: &CollectionRule| matches!(rule.aliases, AliasRule::None);
        idle::MOVE_ALIASES.in_defaults(rules.iter().map(none), context);
    }
}

impl Entry<'_> {
    /// The pointer of a key of the entry.
    pub(super) fn at(&self, key: &str) -> String {
        child(&self.pointer, key)
    }

    /// Whether a setting is known: nothing in it was found wrong before, here or in the defaults.
    pub(super) fn knows(&self, key: &str, context: &Context<'_>) -> bool {
        !context.has_invalid(&self.at(key)) && !context.has_invalid(&child("/defaults", key))
    }

    fn resolve(&self, context: &mut Context<'_>) -> Option<(CollectionRule, Option<Landing>)> {
        let (entry, defaults) = (self.own, self.defaults);
        check_place!(&self.pointer, entry, context);
        let dynamic_field = self.dynamic_field();
        let (load, replicas) = self.load();
        let fields = self.fields(context);
        let auto_id = self.auto_id(&fields, context);
        let mut indexes = self.indexes(context);
        // The defaults may name fields that this entry drops. That such a field loses its index is
        // said on purpose.
        indexes.fields.retain(|field, index| {
            *index == IndexRule::None || fields.get(field).is_none_or(|rule| !rule.drop)
        });
        let selector = self.selector(context)?;
        let target = self.target(&selector, context);
        let description = self.description(&selector, context);
        let (aliases, alias_landings) = self.aliases(&selector, context);
        self.idle(dynamic_field, load, &aliases, context);
        let source_database =
            self.database(entry.source_database.as_ref(), defaults.source_database.as_ref());
        let target_database =
            self.database(entry.target_database.as_ref(), defaults.target_database.as_ref());
        let landing = self.landing(
            &selector,
            target.as_ref(),
            (&source_database, &target_database),
            alias_landings,
            context,
        );
        let rule = CollectionRule {
            location: context.location(&self.pointer),
            source: selector,
            source_database,
            target,
            target_database,
            description,
            dynamic_field,
            auto_id,
            partition_key: self.partition_key(),
            partitions: self.partitions(),
            shards: entry
                .shards
                .or(defaults.shards)
                .and_then(|shards| i32::try_from(shards.0).ok()),
            consistency: entry.consistency.or(defaults.consistency).map(level),
            properties: self.properties(),
            indexes,
            load,
            replicas,
            move_aliases: entry.move_aliases.or(defaults.move_aliases).unwrap_or(false),
            aliases,
            fields,
            existing: match entry.existing.or(defaults.existing) {
                None | Some(ExistingSetting::Refuse) => Existing::Refuse,
                Some(ExistingSetting::Adopt) => Existing::Adopt,
            },
        };
        Some((rule, landing))
    }

    fn dynamic_field(&self) -> DynamicField {
        let own = self.own.drop_dynamic_data;
        let drop_data = own.or(self.defaults.drop_dynamic_data).unwrap_or(false);
        match self.own.dynamic_field.or(self.defaults.dynamic_field) {
            None | Some(DynamicFieldSetting::Keep(_)) => DynamicField::Keep,
            Some(DynamicFieldSetting::Switch(true)) => DynamicField::On,
            Some(DynamicFieldSetting::Switch(false)) => DynamicField::Off { drop_data },
        }
    }

    /// Whether the target is loaded, and how many replicas of it.
    fn load(&self) -> (LoadRule, Option<u32>) {
        let load = match self.own.load.or(self.defaults.load) {
            None | Some(LoadSetting::Keep(_)) => LoadRule::Keep,
            Some(LoadSetting::Switch(true)) => LoadRule::Yes,
            Some(LoadSetting::Switch(false)) => LoadRule::No,
        };
        let replicas = self.own.replicas.or(self.defaults.replicas);
        // What is not loaded has no replicas, whatever the defaults say of what is.
        let replicas = replicas.filter(|_| load != LoadRule::No);
        (load, replicas.and_then(|replicas| u32::try_from(replicas.0).ok()))
    }

    /// Settings of the entry that do nothing.
    fn idle(
        &self,
        dynamic_field: DynamicField,
        load: LoadRule,
        aliases: &AliasRule,
        context: &mut Context<'_>,
    ) {
        if self.own.drop_dynamic_data == Some(true) {
            let off = matches!(dynamic_field, DynamicField::Off { .. });
            idle::DROP_DYNAMIC_DATA.in_entry(self, !off, context);
        }
        if self.own.replicas.is_some() {
            idle::REPLICAS.in_entry(self, load == LoadRule::No, context);
        }
        if self.own.move_aliases == Some(true) {
            let none = matches!(aliases, AliasRule::None);
            idle::MOVE_ALIASES.in_entry(self, none, context);
        }
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
            if let Some(finding) = names::glob_finding(pattern) {
                context.report(&pointer, finding);
            }
        }
        Some(Selector::Glob { pattern: source.clone(), exclude })
    }

    /// The string at a key before it was rendered: the entry's, or the default.
    fn written<'c>(&self, key: &str, context: &'c Context<'_>) -> Option<&'c str> {
        context.written(&self.at(key)).or_else(|| context.written(&child("/defaults", key)))
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

    fn landing(
        &self,
        selector: &Selector,
        target: Option<&NameTemplate>,
        (source_database, target_database): (&str, &str),
        aliases: Vec<AliasLanding>,
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
            aliases,
        })
    }
}

fn level(word: ConsistencyWord) -> ConsistencyLevel {
    match word {
        ConsistencyWord::Strong => ConsistencyLevel::Strong,
        ConsistencyWord::Session => ConsistencyLevel::Session,
        ConsistencyWord::Bounded => ConsistencyLevel::Bounded,
        ConsistencyWord::Eventually => ConsistencyLevel::Eventually,
    }
}

/// A text for each source collection: what is known already for a single one, and rendered when
/// the names are known for a glob.
pub(super) fn name_template(
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
