//! Every setting of a plan with its value, and where that is from.
//!
//! The schema says which settings there are, and its descriptions what holds where nothing is said.

mod render;
mod settings;
mod shown;

use serde_json::Value;

use super::Basis;
use super::schema::CHECK;
use super::variables::Origin;
use crate::diagnostic::{Report, Span};
use crate::model::Migration;
use settings::Settings;
use shown::Shown;

/// Which value a variable has, of those that are given for it.
pub const PRECEDENCE: &str =
    "default of [inputs] < [vars] < [env.NAME] < --vars FILE, in their order < --var NAME=VALUE";

/// A plan as it was resolved.
#[derive(Debug)]
pub struct Explanation {
    name: String,
    file: String,
    environment: Option<String>,
    includes: Vec<String>,
    variables: Vec<Setting>,
    sections: Vec<Section>,
}

/// The settings of one table.
#[derive(Debug)]
struct Section {
    /// The table as people write it.
    title: String,
    /// `file:line` of it, where it is written.
    place: Option<String>,
    settings: Vec<Setting>,
}

/// A setting, or a variable.
#[derive(Debug)]
struct Setting {
    key: String,
    value: Shown,
    /// Where the value is from.
    origin: String,
    /// Variables that its template uses, and where their values are from.
    through: Vec<(String, String)>,
}

/// Explains a plan that is valid.
pub(super) fn explain(basis: &Basis, migration: &Migration, report: &Report) -> Explanation {
    let settings = Settings { basis, report };
    let variables = basis.variables.values.iter().map(|(name, variable)| Setting {
        key: name.clone(),
        value: Shown::of_variable(name, &variable.value),
        origin: origin(name, &variable.origin, report),
        through: Vec::new(),
    });
    let properties = &CHECK["properties"];
    let mut sections = vec![Section {
        title: "the run".to_owned(),
        place: None,
        settings: vec![settings.name(&migration.name)],
    }];
    for table in ["source", "target"] {
        sections.push(settings.table(table, &properties[table]));
    }
    let entries = basis.value["collections"].as_array().map_or(0, Vec::len);
    for index in 0..entries {
        sections.push(settings.entry(index, &properties["collections"]["items"]));
    }
    for table in ["verify", "copy", "policy"] {
        sections.push(settings.table(table, &properties[table]));
    }
    let own = migration.path.display().to_string();
    let mut includes: Vec<String> =
        basis.plan.sources().map(|source| report.source_name(source).to_owned()).collect();
    includes.retain(|name| *name != own);
    Explanation {
        name: migration.name.clone(),
        file: own,
        environment: migration.environment.clone(),
        includes,
        variables: variables.collect(),
        sections,
    }
}

/// Where the value of a variable is from, as people say it.
fn origin(name: &str, origin: &Origin, report: &Report) -> String {
    match origin {
        Origin::Default(span) => format!("[vars] {}", place(span, report)),
        Origin::InputDefault(span) => {
            format!("input {name}'s default {}", place(span, report))
        }
        Origin::Environment(environment, span) => {
            format!("[env.{environment}] {}", place(span, report))
        }
        Origin::File(span) => format!("--vars {}", place(span, report)),
        Origin::Option => format!("--var {name}"),
    }
}

/// `file:line`.
fn place(span: &Span, report: &Report) -> String {
    format!("{}:{}", report.source_name(span.source), report.start(span).line)
}

/// What holds where a setting is not written, from its description: `Default: …`.
fn documented_default(schema: &Value) -> Option<&str> {
    let description = schema.get("description")?.as_str()?;
    let (_, default) = description.rsplit_once("Default: ")?;
    Some(default.strip_suffix('.').unwrap_or(default))
}
