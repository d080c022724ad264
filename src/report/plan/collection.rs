//! One collection's block.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use super::super::page::{Page, Table, Text};
use super::super::size;
use super::super::style::Role;
use super::super::text::{quote, quote_both, wrap};
use super::approximate;
use super::schema::{Overrides, VALUE, index_table, write_fields};
use crate::changes::{Action, CollectionChange, Loaded, Override, Severity, SourceState};
use crate::model::{Collection, LoadState};

/// Indent of what belongs to a collection; the mark of a difference stands before it.
const INDENT: usize = 4;
/// Width of the widest label, for breaking lists.
const LABEL: usize = 16;
/// Names that are listed before the rest is only counted.
const NAMES: usize = 24;

/// An unchanged collection: one line.
pub(super) fn write_unchanged(page: &mut Page, change: &CollectionChange) {
    let mut text = format!("= unchanged {}", change.target_address);
    if change.source_address != change.target_address {
        text = format!("{text} from {}", change.source_address);
    }
    if !change.explanation.is_empty() {
        text = format!("{text}: {}", change.explanation);
    }
    page.line(0, &Text::new(Role::Secondary, text));
}

/// Any other collection.
pub(super) fn write(page: &mut Page, change: &CollectionChange, shown: &mut Shown) {
    let (glyph, role) = match change.action {
        Action::Create => ("+ create", Role::Create),
        Action::Adopt => ("~ adopt", Role::Change),
        Action::Resume => ("~ resume", Role::Change),
        Action::Unchanged => ("= unchanged", Role::Secondary),
        Action::Conflict => ("! conflict", Role::Problem),
    };
    let mut line =
        Text::new(role, glyph).with(Role::Plain, " ").with(Role::Heading, &change.target_address);
    if change.source_address != change.target_address {
        line = line.with(Role::Plain, format!(" from {}", change.source_address));
    }
    page.line(0, &line);
    if !change.explanation.is_empty() {
        page.paragraph(INDENT, Role::Plain, &change.explanation);
    }
    if change.action == Action::Conflict {
        write_other_errors(page, change);
    } else if let (Some(source), Some(wanted)) = (&change.source, &change.wanted) {
        write_target(page, change, source, wanted, shown);
    }
}

/// The explanation of a conflict is its first error; the others are named, as they stand above.
fn write_other_errors(page: &mut Page, change: &CollectionChange) {
    let codes: Vec<&str> = change
        .findings
        .iter()
        .filter(|finding| {
            finding.severity == Severity::Error && finding.message != change.explanation
        })
        .map(|finding| finding.code.as_ref())
        .collect();
    if !codes.is_empty() {
        page.paragraph(INDENT, Role::Plain, &format!("more errors above: {}", codes.join(", ")));
    }
}

fn write_target(
    page: &mut Page,
    change: &CollectionChange,
    source: &SourceState,
    to: &Collection,
    shown: &mut Shown,
) {
    let mut overrides = Overrides::new(&change.overrides);
    page.gap();
    if let Some(like) = shown.like(page, change, source, to) {
        page.line(
            INDENT,
            &Text::plain(format!("fields, settings and indexes are those of {like}")),
        );
        let mut lines = Lines::new(page);
        lines.names(change, to, &mut overrides);
        lines.aliases(to, &mut overrides);
        lines.contents(change, source);
        return lines.write(page);
    }
    write_fields(page, INDENT, to, &mut overrides);
    page.gap();

    let mut lines = Lines::new(page);
    lines.names(change, to, &mut overrides);
    lines.settings(to, &mut overrides);
    lines.aliases(to, &mut overrides);
    let load = overrides.take("load");
    // An attribute that has no line of its own here is shown all the same.
    for other in overrides.rest() {
        lines.different(&other.attribute, &other.source, &other.target);
    }
    lines.load(change, source, load);
    lines.altered(change);
    lines.contents(change, source);
    lines.write(page);
}

/// What was shown of the collections before, and of which: it is not shown again.
#[derive(Debug, Default)]
pub(super) struct Shown {
    schemas: BTreeMap<String, String>,
}

impl Shown {
    /// The collection before that is the same in all but its name, its aliases and its rows.
    fn like(
        &mut self,
        page: &Page,
        change: &CollectionChange,
        source: &SourceState,
        to: &Collection,
    ) -> Option<String> {
        let mut same = page.another();
        let mut overrides = Overrides::new(&change.overrides);
        write_fields(&mut same, INDENT, to, &mut overrides);
        let mut lines = Lines::new(page);
        lines.settings(to, &mut overrides);
        for name in ["name", "database", "aliases"] {
            overrides.take(name);
        }
        let load = overrides.take("load");
        for other in overrides.rest() {
            lines.different(&other.attribute, &other.source, &other.target);
        }
        lines.load(change, source, load);
        lines.altered(change);
        lines.write(&mut same);
        match self.schemas.entry(same.finish()) {
            Entry::Occupied(earlier) => Some(earlier.get().clone()),
            Entry::Vacant(first) => {
                first.insert(change.target_address.clone());
                None
            }
        }
    }
}

/// Labelled lines, some of them marked as different from the source.
struct Lines {
    lines: Vec<(bool, String, Text)>,
    /// Columns for a value.
    room: usize,
}

impl Lines {
    fn new(page: &Page) -> Self {
        Self { lines: Vec::new(), room: page.room(INDENT + LABEL) }
    }

    fn same(&mut self, label: &str, value: impl AsRef<str>) {
        self.lines.push((false, label.to_owned(), Text::plain(value)));
    }

    fn different(&mut self, label: &str, source: &str, target: &str) {
        let value = Text::new(Role::Change, format!("{source} → {target}"));
        self.lines.push((true, label.to_owned(), value));
    }

    /// A list that may take several lines.
    fn list(&mut self, label: &str, items: &[String]) {
        let text = if items.is_empty() { "none".to_owned() } else { items.join(", ") };
        for (place, line) in wrap(&text, self.room).iter().enumerate() {
            self.same(if place == 0 { label } else { "" }, line);
        }
    }

    /// The override of an attribute, or else its value.
    fn either(&mut self, label: &str, attribute: &str, overrides: &mut Overrides<'_>, value: &str) {
        match overrides.take(attribute) {
            Some(found) => self.different(label, &found.source, &found.target),
            None => self.same(label, value),
        }
    }

    fn names(&mut self, change: &CollectionChange, to: &Collection, overrides: &mut Overrides<'_>) {
        let created = if change.create_database { " (is created)" } else { "" };
        match overrides.take("database") {
            Some(found) => {
                self.different("database", &found.source, &format!("{}{created}", found.target));
            }
            None if change.create_database => {
                self.same("database", format!("{}{created}", to.database));
            }
            None => {}
        }
        if let Some(found) = overrides.take("name") {
            self.different("name", &found.source, &found.target);
        }
    }

    fn settings(&mut self, to: &Collection, overrides: &mut Overrides<'_>) {
        match overrides.take("description") {
            Some(found) => {
                let (source, target) = quote_both(&found.source, &found.target, VALUE / 2);
                self.different("description", &source, &target);
            }
            None if to.description.is_empty() => self.same("description", "none"),
            None => self.same("description", quote(&to.description, VALUE)),
        }
        let dynamic = to.dynamic_field.to_string();
        self.either("dynamic field", "dynamic_field", overrides, &dynamic);
        self.either("consistency", "consistency", overrides, &to.consistency.to_string());
        let shards = match to.shards {
            1.. => to.shards.to_string(),
            _ => "decided by the target".to_owned(),
        };
        self.either("shards", "shards", overrides, &shards);
        let key = match (to.partition_key(), to.num_partitions) {
            (None, _) => "none".to_owned(),
            (Some(field), Some(count @ 1..)) => format!("{} ({count} partitions)", field.name),
            (Some(field), _) => {
                format!("{} (number of partitions decided by the target)", field.name)
            }
        };
        self.either("partition key", "partition_key", overrides, &key);
        match overrides.take("partitions") {
            Some(found) => self.different("partitions", &found.source, &found.target),
            None => self.list("partitions", &some_of(&to.partitions)),
        }
        let properties: Vec<String> =
            to.properties.iter().map(|(name, value)| format!("{name} = {value}")).collect();
        self.list("properties", &properties);
        let indexes = index_table(&to.indexes).lines();
        if indexes.is_empty() {
            self.same("indexes", "none");
        }
        for (place, index) in indexes.into_iter().enumerate() {
            let label = if place == 0 { "indexes" } else { "" };
            self.lines.push((false, label.to_owned(), index));
        }
    }

    fn aliases(&mut self, to: &Collection, overrides: &mut Overrides<'_>) {
        match overrides.take("aliases") {
            Some(found) => self.different("aliases", &found.source, &found.target),
            None if to.aliases.is_empty() => {}
            None => self.list("aliases", &some_of(&to.aliases)),
        }
    }

    fn load(
        &mut self,
        change: &CollectionChange,
        source: &SourceState,
        different: Option<&Override>,
    ) {
        let replicas = match change.ending.replicas {
            Some(replicas) => format!(", in {}", size::counted(u64::from(replicas), "replica")),
            None => String::new(),
        };
        if let Some(found) = different {
            self.different("load", &found.source, &format!("{}{replicas}", found.target));
            return;
        }
        let text = match (&change.ending.loaded, source.load) {
            (Loaded::All, _) => "loaded afterwards, as the source is".to_owned(),
            (Loaded::Partitions(names), _) => {
                format!("these partitions, as at the source: {}", some_of(names).join(", "))
            }
            (Loaded::Nothing, LoadState::Loading) => {
                "not loaded afterwards: the source is only being loaded".to_owned()
            }
            (Loaded::Nothing, _) => "not loaded afterwards, as the source is not".to_owned(),
        };
        self.same("load", format!("{text}{replicas}"));
    }

    /// Properties that are set or taken away at a collection that is there.
    fn altered(&mut self, change: &CollectionChange) {
        for (name, value) in &change.alter {
            let there = change.target.as_ref().and_then(|at| at.collection.properties.get(name));
            let before = there.map_or("none", String::as_str);
            self.different(&format!("alter {name}"), before, value.as_deref().unwrap_or("none"));
        }
        let Some(wanted) = change.wanted.as_ref().filter(|_| change.takes_back()) else { return };
        for (name, value) in &change.during {
            let end = change.property_in_the_end(wanted, name);
            let end = end.as_deref().unwrap_or("none");
            self.same("for the copy", format!("{name} = {value}; in the end {end}"));
        }
    }

    fn contents(&mut self, change: &CollectionChange, source: &SourceState) {
        let finished = change.is_finished();
        if change.load_source && !finished {
            let what = super::steps::loaded_for_the_copy(source);
            let text = format!("{what}; released again afterwards");
            for (place, line) in wrap(&text, self.room).iter().enumerate() {
                let label = if place == 0 { "source" } else { "" };
                self.lines.push((false, label.to_owned(), Text::new(Role::Change, line)));
            }
        }
        self.same("rows", rows_text(change, source));
        if !finished {
            let to_go = if change.action == Action::Resume { " to go" } else { "" };
            let size = match change.bytes_to_copy() {
                Some(bytes) => format!("{}{to_go}", approximate(bytes)),
                None => "unknown".to_owned(),
            };
            self.same("size", size);
        }
    }

    fn write(self, page: &mut Page) {
        let mut table = Table::default();
        let marks: Vec<bool> = self.lines.iter().map(|(different, ..)| *different).collect();
        for (_, label, value) in self.lines {
            table.row([Text::new(Role::Secondary, label), value]);
        }
        for (different, line) in marks.into_iter().zip(table.lines()) {
            if different {
                let mut marked = Text::new(Role::Change, "~ ");
                marked.append(line);
                page.line(INDENT - 2, &marked);
            } else {
                page.line(INDENT, &line);
            }
        }
    }
}

fn rows_text(change: &CollectionChange, source: &SourceState) -> String {
    let there = match source.rows {
        Some(rows) => size::count(rows),
        None if source.row_statistic > 0 => {
            format!("about {} (deleted ones may be included)", size::count(source.row_statistic))
        }
        None => "unknown: servers count them since Milvus 2.3, and only when loaded".to_owned(),
    };
    let Some(known) = change.known.as_ref().filter(|_| change.action == Action::Resume) else {
        return there;
    };
    let copied = size::count(known.rows);
    match change.rows_to_copy() {
        _ if known.finished => format!("{there}; {copied} were copied, none are to go"),
        Some(rows) => format!("{there}; {copied} are copied already, {} to go", size::count(rows)),
        None => format!("{there}; {copied} are copied already"),
    }
}

/// The first names, and how many more there are.
fn some_of(names: &[String]) -> Vec<String> {
    let mut some: Vec<String> = names.iter().take(NAMES).cloned().collect();
    if names.len() > NAMES {
        some.push(format!("and {} more", names.len() - NAMES));
    }
    some
}
