//! `validate`: checks a plan file without any network.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use serde_json::json;

use super::{OutputArgs, PlanArgs, output};
use crate::diagnostic::{Report, Severity};
use crate::exit;
use crate::model::Migration;
use crate::planfile::{self, Loaded};

/// Version of the JSON document: minor for additions, major for anything else.
const FORMAT_VERSION: &str = "1.0";

const AFTER_HELP: &str = "\
Examples:
  milvus-ferry validate catalog.ferry.toml
  milvus-ferry validate catalog.ferry.toml --env prod --var suffix=_v3
  milvus-ferry validate catalog.ferry.toml --format github   # annotations on a pull request

Finds all errors at once, each with its file, line and column. Needs no network and no credential.
Exit code 0 when the plan file is valid, 3 when it is not.";

/// Check a plan file: syntax, templates, keys, values and rules
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct ValidateArgs {
    /// The plan file, such as catalog.ferry.toml
    file: PathBuf,
    #[command(flatten)]
    plan: PlanArgs,
    /// Text for people on standard error, or a document on standard output
    #[arg(long, value_name = "FORM", default_value = "text")]
    format: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Text,
    Json,
    Github,
}

pub(super) fn run(args: &ValidateArgs, output: &OutputArgs) -> u8 {
    let (migration, report) = match planfile::load(&args.file, &args.plan.inputs()) {
        Ok(Loaded { migration, warnings }) => (Some(migration), warnings),
        Err(report) => (None, report),
    };
    let code = if migration.is_some() { exit::DONE } else { exit::PLAN_FILE_INVALID };
    match args.format {
        Format::Text => text(args, migration.as_ref(), &report, output, code),
        Format::Json => {
            let document = json!({
                "format_version": FORMAT_VERSION,
                "file": args.file.display().to_string(),
                "valid": migration.is_some(),
                "environment": args.plan.env,
                "diagnostics": report.to_json(),
            });
            output::document(&format!("{document:#}\n"), code)
        }
        Format::Github => output::document(&report.to_github(), code),
    }
}

fn text(
    args: &ValidateArgs,
    migration: Option<&Migration>,
    report: &Report,
    output: &OutputArgs,
    code: u8,
) -> u8 {
    if report.has_errors() || !output.quiet {
        output::message(&report.render(output::colour(output)));
    }
    let file = args.file.display();
    match migration {
        None => {
            let errors = counted(report.count(Severity::Error), "error");
            let warnings = match report.count(Severity::Warning) {
                0 => String::new(),
                count => format!(", {}", counted(count, "warning")),
            };
            output::message(&format!("{file}: invalid · {errors}{warnings}\n"));
            code
        }
        Some(_) if output.quiet => code,
        Some(migration) => {
            let rules = counted(migration.collections.len(), "collection rule");
            let environment = match &migration.environment {
                Some(environment) => format!(" · environment {environment}"),
                None => String::new(),
            };
            output::document(&format!("{file}: valid · {rules}{environment}\n"), code)
        }
    }
}

fn counted(count: usize, what: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {what}{plural}")
}
