//! The changes of several environments side by side: what is done in each, and in what they differ.
//!
//! The same changes give the same text, in the order of the environments.

use std::collections::BTreeMap;

use super::page::{Page, Table, Text};
use super::size;
use super::style::{Role, Style};
use crate::changes::{Action, Changes, CollectionChange, Loaded, Severity};
use crate::model::differences::compared;
use crate::model::{Collection, Index};

/// An environment of a plan file.
#[derive(Debug, Clone)]
pub struct Environment {
    /// Its name.
    pub name: String,
    /// What is to be done in it.
    pub state: State,
}

/// What is to be done in an environment.
#[derive(Debug, Clone)]
pub enum State {
    /// These changes.
    Planned(Box<Changes>),
    /// It could not be found out, and why.
    Failed(String),
}

impl Environment {
    fn changes(&self) -> Option<&Changes> {
        match &self.state {
            State::Planned(changes) => Some(changes),
            State::Failed(_) => None,
        }
    }
}

/// The environments as text: a line for each collection, what differs, and a verdict for each.
pub fn render(file: &str, environments: &[Environment], style: &Style) -> String {
    let mut page = Page::new(*style);
    let count = size::counted(environments.len() as u64, "environment");
    page.line(0, &Text::new(Role::Heading, file).with(Role::Plain, format!(" · {count}")));
    let rows = rows(environments);
    if !rows.is_empty() {
        page.gap();
        write_table(&mut page, environments, &rows);
    }
    page.gap();
    write_differences(&mut page, environments, &rows);
    page.gap();
    for environment in environments {
        write_verdict(&mut page, environment);
    }
    page.finish()
}

/// A collection, and its change in each environment.
struct Row<'a> {
    name: String,
    cells: Vec<Option<&'a CollectionChange>>,
}

/// The collections by their names at the source: databases and names at the target are what
/// environments give. Of several with one name, the first is compared with the first.
fn rows(environments: &[Environment]) -> Vec<Row<'_>> {
    let mut rows: BTreeMap<(String, usize), Row<'_>> = BTreeMap::new();
    for (column, environment) in environments.iter().enumerate() {
        let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
        for change in environment.changes().iter().flat_map(|changes| &changes.collections) {
            let address = change.source_address.as_str();
            let name = address.split_once('/').map_or(address, |(_, name)| name);
            let nth = seen.entry(name).or_default();
            let row = rows.entry((name.to_owned(), *nth)).or_insert_with(|| Row {
                name: name.to_owned(),
                cells: vec![None; environments.len()],
            });
            row.cells[column] = Some(change);
            *nth += 1;
        }
    }
    rows.into_values().collect()
}

fn write_table(page: &mut Page, environments: &[Environment], rows: &[Row<'_>]) {
    let mut table = Table::default();
    let names = environments.iter().map(|environment| Text::new(Role::Heading, &environment.name));
    table.row(std::iter::once(Text::new(Role::Secondary, "collection")).chain(names));
    for row in rows {
        let cells = row.cells.iter().zip(environments).map(|(change, environment)| {
            match (change, &environment.state) {
                (Some(change), _) => cell(change),
                (None, State::Planned(_)) => Text::new(Role::Secondary, "not in it"),
                (None, State::Failed(_)) => Text::new(Role::Problem, "unknown"),
            }
        });
        table.row(std::iter::once(Text::plain(&row.name)).chain(cells));
    }
    page.table(2, table);
}

fn cell(change: &CollectionChange) -> Text {
    let (text, role) = match change.action {
        Action::Create => ("+ create", Role::Create),
        Action::Adopt => ("~ adopt", Role::Change),
        Action::Resume => ("~ resume", Role::Change),
        Action::Unchanged => return Text::new(Role::Secondary, "= unchanged"),
        Action::Conflict => {
            let text = format!("! conflict: {}", change.reason);
            return Text::new(Role::Problem, text);
        }
    };
    let rows = match change.rows_to_copy() {
        Some(rows) => size::counted(rows, "row"),
        None => "rows unknown".to_owned(),
    };
    Text::new(role, text).with(Role::Plain, format!(" {rows}"))
}

fn write_differences(page: &mut Page, environments: &[Environment], rows: &[Row<'_>]) {
    let mut any = false;
    let mut compares = false;
    for row in rows {
        let wanted: Vec<(&str, &CollectionChange, &Collection)> = row
            .cells
            .iter()
            .zip(environments)
            .filter_map(|(change, environment)| {
                let change = (*change)?;
                Some((environment.name.as_str(), change, change.wanted.as_ref()?))
            })
            .collect();
        compares |= wanted.len() > 1;
        let differences = differences(&wanted);
        if differences.is_empty() {
            continue;
        }
        if !any {
            page.line(0, &Text::new(Role::Heading, "What is wanted differs:"));
            any = true;
        }
        page.line(2, &Text::new(Role::Heading, &row.name));
        for (attribute, values) in differences {
            let values: Vec<String> =
                values.iter().map(|(name, value)| format!("{value} in {name}")).collect();
            page.paragraph(4, Role::Plain, &format!("{attribute}: {}", values.join(", ")));
        }
    }
    if compares && !any {
        page.line(0, &Text::plain("The same is wanted in all environments."));
    }
}

/// An attribute that the first environment has otherwise than some of the others, by their places.
struct Varying {
    attribute: String,
    of_first: Option<String>,
    of_others: BTreeMap<usize, Option<String>>,
}

type Values<'a> = Vec<(&'a str, String)>;

/// The attributes that are not the same in all environments, with their value in each.
fn differences<'a>(
    wanted: &[(&'a str, &CollectionChange, &Collection)],
) -> Vec<(String, Values<'a>)> {
    let Some(((_, _, first), others)) = wanted.split_first() else { return Vec::new() };
    let mut found: Vec<Varying> = Vec::new();
    for (place, (_, _, other)) in others.iter().enumerate() {
        let forth = compared(first, other, true).into_iter().map(|one| (one, false));
        // Only one direction names what the other one lacks.
        let back = compared(other, first, true).into_iter().map(|one| (one, true));
        for (one, swapped) in forth.chain(back).filter(|(one, _)| !one.same) {
            let attribute = one.attribute.to_string();
            let (of_first, of_other) =
                if swapped { (one.is, one.should) } else { (one.should, one.is) };
            let known = found.iter().position(|known| known.attribute == attribute);
            let at = known.unwrap_or_else(|| {
                found.push(Varying { attribute, of_first, of_others: BTreeMap::new() });
                found.len() - 1
            });
            found[at].of_others.insert(place, of_other);
        }
    }
    let shown = |value: &Option<String>| value.clone().unwrap_or_else(|| "none".to_owned());
    let mut differences: Vec<(String, Values<'a>)> = found
        .into_iter()
        .map(|Varying { attribute, of_first, of_others }| {
            let others = others.iter().enumerate().map(|(place, (name, ..))| {
                (*name, shown(of_others.get(&place).unwrap_or(&of_first)))
            });
            let values = std::iter::once((wanted[0].0, shown(&of_first))).chain(others).collect();
            (attribute, values)
        })
        .collect();
    let mut add = |attribute: &str, value: &dyn Fn(&CollectionChange, &Collection) -> String| {
        let values = wanted.iter().map(|(name, change, of)| (*name, value(change, of)));
        differences.push((attribute.to_owned(), values.collect()));
    };
    add("database", &|_, of| of.database.clone());
    add("name", &|_, of| of.name.clone());
    add("aliases", &|_, of| listed(&of.aliases));
    add("partitions", &|_, of| listed(&of.partitions));
    add("load", &|change, _| loaded(change));
    let mut fields: Vec<&str> = wanted
        .iter()
        .flat_map(|(_, _, of)| of.indexes.iter().map(|index| index.field.as_str()))
        .collect();
    fields.sort_unstable();
    fields.dedup();
    for field in fields {
        add(&format!("index on {field}"), &|_, of| indexes(of, field));
    }
    differences.retain(|(_, values)| values.iter().any(|(_, value)| *value != values[0].1));
    differences
}

fn listed(names: &[String]) -> String {
    if names.is_empty() { "none".to_owned() } else { format!("[{}]", names.join(", ")) }
}

fn loaded(change: &CollectionChange) -> String {
    let what = match &change.ending.loaded {
        Loaded::Nothing => return "no".to_owned(),
        Loaded::All => "yes".to_owned(),
        Loaded::Partitions(names) => listed(names),
    };
    match change.ending.replicas {
        Some(replicas) => format!("{what} ({})", size::counted(u64::from(replicas), "replica")),
        None => what,
    }
}

fn indexes(of: &Collection, field: &str) -> String {
    let text = |index: &Index| {
        let settings = index.settings();
        let kind = settings.get("index_type").map_or("AUTOINDEX", String::as_str).to_owned();
        let rest: Vec<String> = settings
            .iter()
            .filter(|(name, _)| *name != "index_type")
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        if rest.is_empty() { kind } else { format!("{kind} ({})", rest.join(" ")) }
    };
    let texts: Vec<String> =
        of.indexes.iter().filter(|index| index.field == field).map(text).collect();
    if texts.is_empty() { "none".to_owned() } else { texts.join(" and ") }
}

fn write_verdict(page: &mut Page, environment: &Environment) {
    let name = Text::new(Role::Heading, &environment.name).with(Role::Plain, ": ");
    let changes = match &environment.state {
        State::Planned(changes) => changes,
        State::Failed(text) => {
            let mut lines = text.lines();
            let first = format!("not planned: {}", lines.next().unwrap_or_default());
            page.line(0, &name.with(Role::Problem, first));
            for line in lines {
                page.line(2, &Text::plain(line.trim_start()));
            }
            return;
        }
    };
    let ends = format!(" · {} → {}", changes.source.uri, changes.target.uri);
    let errors: Vec<_> = {
        let mut errors: Vec<_> =
            changes.all_findings().filter(|found| found.severity == Severity::Error).collect();
        errors.dedup();
        errors
    };
    let line = if changes.is_refused() || changes.count(Action::Conflict) > 0 {
        name.with(Role::Problem, "apply refuses")
    } else if changes.is_pending() {
        let counts: Vec<String> = [
            (Action::Create, "to create"),
            (Action::Adopt, "to adopt"),
            (Action::Resume, "to resume"),
            (Action::Unchanged, "unchanged"),
        ]
        .into_iter()
        .filter(|(action, _)| changes.count(*action) > 0)
        .map(|(action, word)| format!("{} {word}", changes.count(action)))
        .collect();
        name.with(Role::Plain, counts.join(", "))
    } else {
        name.with(Role::Plain, "no changes")
    };
    page.line(0, &line.with(Role::Secondary, ends));
    for found in errors {
        let text = format!("error[{}] {}: {}", found.code, found.address, found.message);
        page.paragraph(2, Role::Plain, &text);
    }
}

#[cfg(test)]
mod tests;
