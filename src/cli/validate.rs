//! `validate`: checks a plan file without any network, or against both ends with `--online`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::looking::Looking;
use super::signals::Signals;
use super::{OutputArgs, PlanArgs, ends, output, plan};
use crate::changes::{self, Changes, Finding};
use crate::diagnostic::{Diagnostic, Report, Severity};
use crate::exit;
use crate::model::Migration;
use crate::planfile::{self, Explanation, Loaded};
use crate::report::progress::BarWriter;

/// Version of the JSON document: minor for additions, major for anything else.
const FORMAT_VERSION: &str = "1.3";

const AFTER_HELP: &str = "\
Examples:
  milvus-ferry validate catalog.ferry.toml
  milvus-ferry validate catalog.ferry.toml --env prod --var suffix=_v3
  milvus-ferry validate catalog.ferry.toml --format github   # annotations on a pull request
  milvus-ferry validate catalog.ferry.toml --env prod --explain   # what holds, and who says so
  milvus-ferry validate catalog.ferry.toml --online          # and does it fit both servers?
  milvus-ferry validate catalog.ferry.toml --online --format json | jq '.findings'

Finds all errors at once, each with its file, line and column. Needs no network and no credential \
without --online. With it, both servers are asked what they hold, what the target can hold and what \
their users may do; nothing is written anywhere. \
The value of a variable is what comes last of: the default of [inputs], [vars], [env.NAME] with \
--env, files with --vars in their order, --var.
Exit code 0 when the plan file is valid, 3 when it is not; with --online also 1 when apply would \
refuse, and 4 when an endpoint cannot be reached or does not permit what is needed.";

/// Check a plan file: syntax, templates, keys, values and rules
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct ValidateArgs {
    /// The plan file, such as catalog.ferry.toml
    file: PathBuf,
    #[command(flatten)]
    plan: PlanArgs,
    /// Ask both servers too: does everything fit, and is everything permitted
    #[arg(long)]
    online: bool,
    /// Show every setting, and where its value is from: file and line, option or default
    #[arg(long)]
    explain: bool,
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

impl ValidateArgs {
    /// Whether both ends are to be asked too.
    pub(super) fn is_online(&self) -> bool {
        self.online
    }
}

/// What a plan file is found to be, alone or together with both ends.
struct Verdict {
    /// Absent when the plan file is invalid.
    migration: Option<Migration>,
    /// What the plan file itself says.
    report: Report,
    /// Every setting and where it is from, where that was asked for.
    explanation: Option<Explanation>,
    /// The proxies through which the ends were asked.
    routes: Vec<String>,
    /// What both ends say; absent when they were not asked.
    findings: Option<Vec<Finding>>,
    code: u8,
}

/// Checks the plan file alone.
pub(super) fn run(args: &ValidateArgs, output: &OutputArgs) -> u8 {
    show(args, output, offline(args))
}

/// Checks the plan file, and then what both ends say to it. Writes nothing anywhere.
pub(super) async fn run_online(args: &ValidateArgs, output: &OutputArgs, stderr: &BarWriter) -> u8 {
    let (stop, mut signals) = (CancellationToken::new(), Signals::listen());
    let mut verdict = offline(args);
    if let Some(migration) = &verdict.migration {
        let selection = plan::selection(&args.plan, false, &[]);
        let looking = Looking::new(output, stderr);
        let changes = plan::read_only_changes(migration, &args.plan, &stop, &selection, &looking);
        match signals.or(Box::pin(changes)).await {
            Ok(changes) => {
                if changes.is_refused() {
                    verdict.code = plan::refusal(&changes);
                }
                verdict.findings = Some(distinct(&changes));
                verdict.routes = ends::routes(migration);
            }
            Err(problem) => return output::problem(&problem),
        }
    }
    show(args, output, verdict)
}

fn offline(args: &ValidateArgs) -> Verdict {
    match planfile::load(&args.file, &args.plan.inputs()) {
        Ok(loaded) => {
            let explanation = args.explain.then(|| loaded.explain());
            let Loaded { migration, warnings, .. } = loaded;
            Verdict {
                migration: Some(migration),
                report: warnings,
                explanation,
                routes: Vec::new(),
                findings: None,
                code: exit::DONE,
            }
        }
        Err(report) => Verdict {
            migration: None,
            report,
            explanation: None,
            routes: Vec::new(),
            findings: None,
            code: exit::PLAN_FILE_INVALID,
        },
    }
}

/// Every finding once.
fn distinct(changes: &Changes) -> Vec<Finding> {
    let mut findings: Vec<Finding> = Vec::new();
    for finding in changes.all_findings() {
        if !findings.contains(finding) {
            findings.push(finding.clone());
        }
    }
    findings.sort_by_key(|finding| finding.severity);
    findings
}

fn show(args: &ValidateArgs, output: &OutputArgs, mut verdict: Verdict) -> u8 {
    if args.format == Format::Json {
        let mut document = json!({
            "format_version": FORMAT_VERSION,
            "file": planfile::without_secrets_of_addresses(&args.file.display().to_string()),
            "valid": verdict.migration.is_some(),
            "environment": args.plan.env,
            "diagnostics": verdict.report.to_json(),
        });
        if let Some(explanation) = &verdict.explanation {
            document["explanation"] = explanation.to_json();
        }
        if let Some(findings) = &verdict.findings {
            document["findings"] = findings.iter().map(finding_json).collect();
            document["proxies"] = verdict.routes.clone().into();
        }
        return output::document(&format!("{document:#}\n"), verdict.code);
    }
    for finding in verdict.findings.iter().flatten() {
        verdict.report.push(diagnostic(finding));
    }
    match args.format {
        Format::Github => output::document(&verdict.report.to_github(), verdict.code),
        Format::Text | Format::Json => text(args, &verdict, output),
    }
}

fn finding_json(finding: &Finding) -> serde_json::Value {
    json!({
        "severity": severity(finding).as_str(),
        "code": finding.code,
        "address": finding.address,
        "message": finding.message,
        "advice": finding.advice,
    })
}

/// A finding among the diagnostics of the plan file; it has an address instead of a place.
fn diagnostic(finding: &Finding) -> Diagnostic {
    let message = format!("{}: {}", finding.address, finding.message);
    let found = match severity(finding) {
        Severity::Error => Diagnostic::error(finding.code.clone(), message),
        Severity::Warning => Diagnostic::warning(finding.code.clone(), message),
    };
    if finding.advice.is_empty() { found } else { found.help(&finding.advice) }
}

fn severity(finding: &Finding) -> Severity {
    match finding.severity {
        changes::Severity::Error => Severity::Error,
        changes::Severity::Warning => Severity::Warning,
    }
}

fn text(args: &ValidateArgs, verdict: &Verdict, output: &OutputArgs) -> u8 {
    let Verdict { migration, report, explanation, routes, findings, code } = verdict;
    if !output.quiet {
        for route in routes {
            output::message(&format!("{route}\n"));
        }
    }
    if report.has_errors() || !output.quiet {
        output::message(&report.render(output::colour(output)));
    }
    if let Some(explanation) = explanation {
        let code = output::document(&format!("{}\n", explanation.to_text()), *code);
        if code != verdict.code {
            return code;
        }
    }
    let file = planfile::without_secrets_of_addresses(&args.file.display().to_string());
    let errors = counted(report.count(Severity::Error), "error");
    let warnings = |before: &str| match report.count(Severity::Warning) {
        0 => String::new(),
        count => format!("{before}{}", counted(count, "warning")),
    };
    match migration {
        None => {
            let warnings = warnings(", ");
            output::message(&format!("{file}: invalid · {errors}{warnings}\n"));
        }
        Some(_) if report.has_errors() => {
            let warnings = warnings(", ");
            let line = format!("{file}: valid, but apply refuses · {errors}{warnings}\n");
            output::message(&line);
        }
        Some(_) if output.quiet => {}
        Some(migration) => {
            let rules = counted(migration.collections.len(), "collection rule");
            let environment = match &migration.environment {
                Some(environment) => format!(" · environment {environment}"),
                None => String::new(),
            };
            let (both, warnings) = match findings {
                Some(_) => (" at both ends", warnings(" · ")),
                None => ("", String::new()),
            };
            let line = format!("{file}: valid{both} · {rules}{environment}{warnings}\n");
            return output::document(&line, *code);
        }
    }
    *code
}

fn counted(count: usize, what: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {what}{plural}")
}
