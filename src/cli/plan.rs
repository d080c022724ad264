//! `plan`: connects to both ends, and prints what `apply` would do, or saves it. Writes nothing to
//! either end.

mod environments;

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use tokio_util::sync::CancellationToken;

use super::ends::{self, Ends, KnownTargets, Problem};
use super::looking::Looking;
use super::signals::Signals;
use super::{OutputArgs, PlanArgs, apply, output, saved};
use crate::changes::abilities::Abilities;
use crate::changes::inspect::server;
use crate::changes::{
    Action, BEING_FILLED, Changes, End, Selection, Severity, diff, inspect, policy, preflight,
};
use crate::ledger::Ledger;
use crate::model::Migration;
use crate::report::plan::document::Document;
use crate::report::progress::BarWriter;
use crate::{env, exit, report};

/// How long a look-up is tried again before `plan` gives up.
const RETRY_FOR: Duration = Duration::from_secs(30);

const AFTER_HELP: &str = "\
Examples:
  milvus-ferry plan catalog.ferry.toml
  milvus-ferry plan catalog.ferry.toml --env prod --only 'default/prod_*'
  milvus-ferry plan catalog.ferry.toml --all-envs            # every [env.NAME], side by side
  milvus-ferry plan catalog.ferry.toml --detailed-exitcode   # 2 when changes are pending
  milvus-ferry plan catalog.ferry.toml --format markdown > comment.md   # for a pull request
  milvus-ferry plan catalog.ferry.toml --out changes.json    # to review, then to apply exactly

Reads both servers and the ledger, and writes nothing to any of them. Saved changes hold what both \
ends looked like and no credentials: `milvus-ferry apply changes.json` carries out exactly those, \
and refuses when anything but rows has moved since; `milvus-ferry show changes.json` shows them.

In GitHub Actions, --format markdown is added to the summary of the job too ($GITHUB_STEP_SUMMARY), \
and `changes=true` and `verdict=pending` to the outputs of the step ($GITHUB_OUTPUT).

Exit code 0 when apply could carry it out, 1 when apply would refuse, 3 when the plan file is \
invalid, 4 when an endpoint cannot be reached or does not permit what is needed; with --all-envs \
the worst of them.";

/// Show what apply would do: a dry run against both ends
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct PlanCommandArgs {
    /// The plan file, such as catalog.ferry.toml
    pub(super) file: PathBuf,
    #[command(flatten)]
    pub(super) plan: PlanArgs,
    /// Form of the changes on standard output; JSON is as `milvus-ferry schema changes` describes it
    #[arg(long, value_name = "FORM", default_value = "text")]
    format: Format,
    /// Save the changes, for `apply` and `show`
    #[arg(long, value_name = "FILE")]
    pub(super) out: Option<PathBuf>,
    /// Exit with 2 when changes are pending
    #[arg(long)]
    detailed_exitcode: bool,
    /// Show what apply --catch-up would do: look for what changed at the source since the copy
    #[arg(long)]
    pub(super) catch_up: bool,
    /// Show what apply --take-over would do
    #[arg(long, value_name = "TARGET", conflicts_with = "out")]
    pub(super) take_over: Vec<String>,
    /// Plan every environment of the file, and compare them
    #[arg(long, conflicts_with_all = ["env", "out", "format", "take_over"])]
    all_envs: bool,
}

/// Form of the changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    Text,
    Json,
    Markdown,
}

pub(super) async fn run(args: &PlanCommandArgs, output: &OutputArgs, stderr: &BarWriter) -> u8 {
    if args.all_envs {
        return environments::run(args, output).await;
    }
    let looking = Looking::new(output, stderr);
    let stop = CancellationToken::new();
    let selection = selection(&args.plan, args.catch_up, &args.take_over);
    let work = async {
        let loaded = output::load_parts(&args.file, &args.plan, output)?;
        let destination = saved::destination(args)?;
        let migration = &loaded.migration;
        let changes = read_only_changes(migration, &args.plan, &stop, &selection, &looking).await?;
        drop(looking);
        if let Some(destination) = destination {
            saved::save(destination, args, loaded.parts(), &changes)?;
        }
        Ok(changes)
    };
    let changes = match Signals::listen().or(Box::pin(work)).await {
        Ok(changes) => changes,
        Err(problem) => return output::problem(&problem),
    };
    let code = verdict(&changes, args.detailed_exitcode);
    match render(&changes, &selection, env!("CARGO_PKG_VERSION"), args.format, output) {
        Ok(text) => {
            tell_github(&changes, (args.format == Format::Markdown).then_some(&text));
            let code = output::document(&text, code);
            // No part of the document: it is that of saved changes too.
            if args.format == Format::Text && is_all_new(&changes) && !output.quiet {
                let command = apply::same_command("rehearse", &args.file, &args.plan, &[]);
                output::message(&format!("To try it with a few rows first:\n  {command}\n"));
            }
            code
        }
        Err(text) => output::problem(&Problem::new(exit::FAILED, text)),
    }
}

/// Whether every collection is to be made, so that nothing was tried at this target yet.
fn is_all_new(changes: &Changes) -> bool {
    let mut all = changes.collections.iter();
    !changes.is_refused()
        && !changes.collections.is_empty()
        && all.all(|change| change.action == Action::Create)
}

/// The exit code of changes.
fn verdict(changes: &Changes, detailed: bool) -> u8 {
    if changes.is_refused() {
        refusal(changes)
    } else if detailed && changes.is_pending() {
        exit::CHANGES_PENDING
    } else {
        exit::DONE
    }
}

/// The changes in the form that is asked for.
pub(super) fn render(
    changes: &Changes,
    selection: &Selection,
    tool_version: &str,
    format: Format,
    output: &OutputArgs,
) -> Result<String, String> {
    match format {
        Format::Text => {
            let style = output::style_of_stdout(output);
            Ok(report::plan::render(changes, &style))
        }
        Format::Json => Document::new(changes, selection, tool_version).to_text(),
        Format::Markdown => Ok(report::plan::markdown(changes)),
    }
}

/// Adds to the files of a step of GitHub Actions, where it runs in one.
fn tell_github(changes: &Changes, markdown: Option<&String>) {
    let verdict = report::plan::verdict(changes).word.text();
    let outputs = format!("changes={}\nverdict={verdict}\n", changes.is_pending());
    output::add_to_file_of(env::GITHUB_OUTPUT, &outputs);
    if let Some(markdown) = markdown {
        output::add_to_file_of(env::GITHUB_STEP_SUMMARY, &format!("{markdown}\n"));
    }
}

/// Which collections are looked at.
pub(super) fn selection(args: &PlanArgs, catch_up: bool, take_over: &[String]) -> Selection {
    Selection {
        only: args.only.clone(),
        exclude: args.exclude.clone(),
        catch_up,
        take_over: take_over.to_vec(),
    }
}

/// Connects to both ends, inspects and compares, with a ledger that is only read.
pub(super) async fn read_only_changes(
    migration: &Migration,
    args: &PlanArgs,
    stop: &CancellationToken,
    selection: &Selection,
    looking: &Looking,
) -> Result<Changes, Problem> {
    let ends = ends::connect(migration, RETRY_FOR.min(migration.copy.retry_for), stop).await?;
    let known = match Ledger::open_read_only(&args.state, &migration.name)? {
        Some(ledger) => KnownTargets::read(&ledger, &ends)?,
        None => KnownTargets::none(),
    };
    changes(migration, &ends, &known, selection, looking).await
}

/// The exit code of changes that `apply` refuses: whether a user may not do what is needed, or
/// something else stands against them.
pub(super) fn refusal(changes: &Changes) -> u8 {
    let denied = |code: &str| ["source_not_permitted", "target_not_permitted"].contains(&code);
    let errors: Vec<_> =
        changes.all_findings().filter(|found| found.severity == Severity::Error).collect();
    if errors.iter().any(|found| denied(&found.code)) {
        exit::CANNOT_CONNECT
    } else if errors.iter().all(|found| found.code == BEING_FILLED) {
        exit::LOCKED
    } else {
        exit::FAILED
    }
}

/// Inspects both ends and compares.
pub(super) async fn changes(
    migration: &Migration,
    ends: &Ends,
    known: &KnownTargets,
    selection: &Selection,
    looking: &Looking,
) -> Result<Changes, Problem> {
    let lookup = |database: &str, name: &str| known.find(database, name);
    let (inspected, mut databases, mut findings) = Box::pin(inspect::inspect(
        migration,
        selection,
        &ends.source,
        &ends.target,
        &lookup,
        &|done, total| looking.read(done, total),
    ))
    .await?;
    looking.ask();
    let abilities =
        Abilities::of(ends.target.version(), migration.target_kind, migration.compute_units)
            .hosted_at(ends.target.uri());
    let collections = diff::diff(inspected, &abilities);
    // With a collection it is created as that one's first step.
    let made = |name: &str| {
        collections.iter().any(|change| {
            let wanted = change.wanted.as_ref();
            change.create_database && wanted.is_some_and(|wanted| wanted.database == name)
        })
    };
    databases.retain(|database| !made(&database.name));
    let plan = abilities.plan().map(|plan| format!(", {plan}")).unwrap_or_default();
    let source = server::state(&ends.source, false).await?;
    let target = server::state(&ends.target, true).await?;
    findings.extend(preflight::whole(&collections, &source, &target, &abilities));
    findings.extend(server::permissions(&ends.source, &ends.target, &collections).await);
    findings.extend(policy::breaches(&migration.policy, &collections, ends.target.uri()));
    Ok(Changes {
        name: migration.name.clone(),
        environment: migration.environment.clone(),
        source: End {
            uri: ends.source.uri().to_owned(),
            version: ends.source.version().to_string(),
        },
        target: End {
            uri: ends.target.uri().to_owned(),
            version: format!("{}{plan}", ends.target.version()),
        },
        capacity: abilities.capacity(),
        databases,
        collections,
        findings,
    })
}
