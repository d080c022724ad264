//! Fields and indexes as aligned tables, with what differs from the source.

use super::super::page::{Page, Table, Text};
use super::super::style::Role;
use super::super::text::{quote, quote_both, shorten};
use crate::changes::Override;
use crate::model::{Collection, DataType, Field, Index, StructField};

/// Type parameters that [`Field::type_text`] shows.
const IN_THE_TYPE: &[&str] = &["dim", "max_length", "max_capacity"];
/// Characters of a value before it is cut.
pub(super) const VALUE: usize = 60;

/// The overrides of a collection, each handed out once.
pub(super) struct Overrides<'a> {
    left: Vec<&'a Override>,
}

impl<'a> Overrides<'a> {
    pub(super) fn new(overrides: &'a [Override]) -> Self {
        Self { left: overrides.iter().collect() }
    }

    /// The override of an attribute.
    pub(super) fn take(&mut self, attribute: &str) -> Option<&'a Override> {
        let place = self.left.iter().position(|found| found.attribute == attribute)?;
        Some(self.left.remove(place))
    }

    /// The overrides of a field, with the names of its attributes.
    fn take_field(&mut self, field: &str) -> Vec<(&'a str, &'a Override)> {
        let own = |found: &&'a Override| found.attribute.strip_prefix(field)?.strip_prefix('.');
        let taken = self.left.iter().filter_map(|found| Some((own(found)?, *found))).collect();
        self.left.retain(|found| own(found).is_none());
        taken
    }

    /// Those that nobody took.
    pub(super) fn rest(self) -> Vec<&'a Override> {
        self.left
    }
}

/// Writes the table of fields.
pub(super) fn write_fields(
    page: &mut Page,
    indent: usize,
    to: &Collection,
    overrides: &mut Overrides<'_>,
) {
    let mut table = Table::default();
    table.row(["field", "type", "attributes"].map(|title| Text::new(Role::Secondary, title)));
    let mut marks = vec![false];
    for field in &to.fields {
        let different = overrides.take_field(&field.name);
        marks.push(!different.is_empty());
        table.row([
            Text::plain(&field.name),
            Text::plain(field.type_text()),
            attributes(field, &different),
        ]);
    }
    for of in &to.struct_fields {
        let different = overrides.take_field(&of.name);
        marks.push(!different.is_empty());
        table.row([
            Text::plain(&of.name),
            Text::plain("Array<Struct>"),
            struct_attributes(of, &different),
        ]);
        for field in &of.fields {
            marks.push(false);
            table.row([
                Text::plain(format!("  {}[{}]", of.name, field.name)),
                Text::plain(field.type_text()),
                attributes(field, &[]),
            ]);
        }
    }
    for (different, line) in marks.into_iter().zip(table.lines()) {
        if different {
            let mut marked = Text::new(Role::Change, "~ ");
            marked.append(line);
            page.line(indent - 2, &marked);
        } else {
            page.line(indent, &line);
        }
    }
}

/// What there is to say of a struct array field beside its own fields.
fn struct_attributes(of: &StructField, different: &[(&str, &Override)]) -> Text {
    let whole = Field {
        name: of.name.clone(),
        description: of.description.clone(),
        data_type: DataType::ARRAY_OF_STRUCT,
        element_type: DataType::NONE,
        primary_key: false,
        auto_id: false,
        partition_key: false,
        clustering_key: false,
        nullable: of.nullable,
        function_output: false,
        default_value: None,
        type_params: of.type_params.clone(),
    };
    attributes(&whole, different)
}

fn attributes(field: &Field, different: &[(&str, &Override)]) -> Text {
    let is_different = |name: &str| different.iter().any(|(attribute, _)| *attribute == name);
    let mut list: Vec<Text> = Vec::new();
    for (name, there) in [
        ("primary key", field.primary_key),
        ("auto id", field.auto_id),
        ("partition key", field.partition_key),
        ("clustering key", field.clustering_key),
        ("nullable", field.nullable),
        ("has a default", field.default_value.is_some()),
        ("computed by a function", field.function_output),
    ] {
        let overridden = different.iter().any(|(attribute, _)| attribute.replace('_', " ") == name);
        if there && !overridden {
            list.push(Text::plain(name));
        }
    }
    for (attribute, found) in different {
        let name = attribute.replace('_', " ");
        let text = if *attribute == "description" {
            let (source, target) = quote_both(&found.source, &found.target, VALUE / 2);
            format!("{name}: {source} → {target}")
        } else {
            format!("{name}: {} → {}", found.source, found.target)
        };
        list.push(Text::new(Role::Change, text));
    }
    for (name, value) in &field.type_params {
        let said = name == "mmap.enabled" && is_different("mmap");
        if !IN_THE_TYPE.contains(&name.as_str()) && !said {
            list.push(Text::plain(format!("{name} = {value}")));
        }
    }
    if !field.description.is_empty() && !is_different("description") {
        list.push(Text::new(Role::Secondary, quote(&field.description, VALUE)));
    }
    let mut joined = Text::default();
    for (place, text) in list.into_iter().enumerate() {
        if place > 0 {
            joined = joined.with(Role::Plain, ", ");
        }
        joined.append(text);
    }
    joined
}

/// The indexes: field, type, metric, everything else.
pub(super) fn index_table(indexes: &[Index]) -> Table {
    let mut table = Table::default();
    for index in indexes {
        let param = |name: &str| match index.params.get(name) {
            Some(value) => Text::plain(value),
            None => Text::default(),
        };
        let kind = match param("index_type") {
            kind if kind.is_empty() => Text::plain("type decided by the target"),
            kind => kind,
        };
        let mut others: Vec<String> = Vec::new();
        for (name, value) in &index.params {
            match name.as_str() {
                "index_type" | "metric_type" => {}
                "params" => others.extend(params(value)),
                _ => others.push(format!("{name} = {value}")),
            }
        }
        if !index.name.is_empty() && index.name != index.field {
            others.push(format!("named {}", index.name));
        }
        let others = shorten(&others.join(", "), VALUE);
        table.row([Text::plain(&index.field), kind, param("metric_type"), Text::plain(others)]);
    }
    table
}

/// The members of a JSON object such as `{"M": 16}`; the text as it is where it is none.
fn params(text: &str) -> Vec<String> {
    match serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(text) {
        Ok(members) => members.iter().map(|(name, value)| format!("{name} = {value}")).collect(),
        Err(_) => vec![text.to_owned()],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_shown_one_by_one() {
        assert_eq!(
            params("{\"M\": 16, \"efConstruction\": 200}"),
            ["M = 16", "efConstruction = 200"]
        );
        assert_eq!(params("no json"), ["no json"]);
    }
}
