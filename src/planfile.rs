//! The plan file: from the text that a person wrote to the [`Migration`] that it asks for.
//!
//! TOML is parsed first, with the place of every value, and what it includes laid under it; then the
//! strings are rendered as templates; then the result is checked against the schema, and last against
//! the rules that a schema cannot express. Every step goes on after a finding, so that one run shows
//! all of them.

mod assembly;
mod declarations;
mod digest;
mod document;
mod draft;
mod explain;
mod file;
mod hidden;
mod places;
mod reading;
mod rendering;
mod resolve;
mod schema;
mod template;
mod units;
mod variables;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::diagnostic::{Diagnostic, Report};
use crate::model::{Digest, Migration};
use assembly::Assembly;
use file::PlanFile;
use template::Templates;
use variables::Variables;

pub use draft::{Draft, DraftTarget, run_name};
pub use explain::{Explanation, PRECEDENCE};
pub use hidden::{may_be_secret, without_secrets_of_addresses};
pub use schema::published as published_schema;

/// What the command line gives to a plan file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Inputs {
    /// The environment.
    pub env: Option<String>,
    /// Files with values of variables; later ones win.
    pub vars_files: Vec<PathBuf>,
    /// Names and values of variables; later ones win, and all win over files.
    pub vars: Vec<(String, String)>,
}

/// A valid plan file.
#[derive(Debug)]
pub struct Loaded {
    /// What it asks for.
    pub migration: Migration,
    /// Findings that are no errors.
    pub warnings: Report,
    basis: Basis,
}

/// What a migration was resolved from.
#[derive(Debug)]
struct Basis {
    plan: Assembly,
    /// The plan with its templates rendered, of all its files.
    value: Value,
    templates: Templates,
    variables: Variables,
}

impl Loaded {
    /// A digest of each of its parts, resolved, by a name for messages.
    pub fn parts(&self) -> BTreeMap<String, Digest> {
        digest::parts(&self.basis.value)
    }

    /// Every setting with its value, and where that is from.
    pub fn explain(&self) -> Explanation {
        explain::explain(&self.basis, &self.migration, &self.warnings)
    }
}

/// The environments of a plan file, by name.
pub fn environments(path: &Path) -> Result<Vec<String>, Report> {
    let mut report = Report::new();
    match assembly::read_all(path, &mut report) {
        Some(plan) => Ok(variables::table(&plan.value, "/env").keys().cloned().collect()),
        None => Err(report),
    }
}

/// Reads a plan file and resolves it. Touches no network.
pub fn load(path: &Path, inputs: &Inputs) -> Result<Loaded, Report> {
    let mut report = Report::new();
    let plan = assembly::read_all(path, &mut report);
    resolved(path, plan, inputs, report)
}

/// Resolves the text of a plan file, which need not be there: `path` is where it would be. Touches no
/// network.
///
/// # Errors
/// Everything that is wrong with it.
pub fn resolve_text(path: &Path, text: &str, inputs: &Inputs) -> Result<Loaded, Report> {
    let mut report = Report::new();
    let plan = assembly::of_text(path, text.to_owned(), &mut report);
    resolved(path, plan, inputs, report)
}

fn resolved(
    path: &Path,
    plan: Option<Assembly>,
    inputs: &Inputs,
    mut report: Report,
) -> Result<Loaded, Report> {
    let Some(plan) = plan else { return Err(report) };
    let variables = variables::resolve(&plan, inputs, &mut report);
    let templates = Templates::new(
        variables.values.iter().map(|(name, one)| (name.clone(), one.value.clone())).collect(),
    );
    let rendered = rendering::render(&plan, templates, &variables.withheld, &mut report);
    let checked = schema::check(&rendered.value, &plan, &rendered.unknown);
    for finding in checked.findings {
        report.push(finding);
    }
    let mut invalid = checked.invalid;
    invalid.extend(rendered.unknown);
    let value = rendered.value.clone();
    let migration = match typed(rendered.value, &invalid) {
        Ok(file) => resolve::resolve(
            &file,
            resolve::Context {
                path,
                environment: inputs.env.as_deref(),
                assembly: &plan,
                invalid: &invalid,
                templates: &rendered.templates,
                report: &mut report,
            },
        ),
        Err(error) => {
            if !report.has_errors() {
                // The schema lets nothing through that the types refuse; if it does, the error
                // may quote the file, so only its place in the source of this build is told.
                let kind = error.classify();
                report.push(Diagnostic::error(
                    "internal_error",
                    format!("the plan file fits its schema and not its types ({kind:?})"),
                ));
            }
            None
        }
    };
    match migration {
        Some(migration) if !report.has_errors() => {
            let basis = Basis { plan, value, templates: rendered.templates, variables };
            Ok(Loaded { migration, warnings: report, basis })
        }
        _ => Err(report),
    }
}

/// An address of a server as a plan file takes it, in its normal form, and its port where that was left
/// out.
///
/// # Errors
/// Why it is none, and what to write; never quotes the address, which may hold a password.
pub fn server_uri(text: &str) -> Result<(String, Option<u16>), String> {
    resolve::uri(text)
}

/// What a text is that is neither TOML nor JSON, where it looks like something else.
pub fn other_form(text: &str) -> Option<&'static str> {
    reading::Other::of(text)
        .filter(|other| *other == reading::Other::Yaml)
        .map(reading::Other::word)
}

/// Whether a text can be the name of a run.
pub fn is_run_name(text: &str) -> bool {
    resolve::is_file_stem(text)
}

/// The typed plan file, without what is invalid.
fn typed(mut value: Value, invalid: &BTreeSet<String>) -> Result<PlanFile, serde_json::Error> {
    for pointer in invalid {
        let parent = document::parent(pointer).to_owned();
        match value.pointer_mut(&parent) {
            Some(Value::Object(table)) => {
                table.remove(&document::last_key(pointer));
            }
            // An entry keeps its number, and a list of words is dropped whole.
            Some(Value::Array(items)) if parent == "/collections" => {
                if let Some(item) = document::last_key(pointer)
                    .parse()
                    .ok()
                    .and_then(|index: usize| items.get_mut(index))
                {
                    *item = Value::Object(serde_json::Map::new());
                }
            }
            Some(array) => *array = Value::Null,
            None => {}
        }
    }
    serde_json::from_value(value)
}
