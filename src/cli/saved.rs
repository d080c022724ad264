//! Saved changes: written by `plan --out`, shown by `show`, carried out by `apply`.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Read;
use std::path::Path;

use super::apply::ApplyArgs;
use super::ends::Problem;
use super::plan::{PlanCommandArgs, selection};
use super::{DEFAULT_STATE, OutputArgs, PlanArgs, output};
use crate::changes::saved::{PlanFile, Saved, moved, settle};
use crate::changes::{Changes, CollectionChange, Update};
use crate::model::{Digest, Migration};
use crate::report::file::Destination;
use crate::report::plan::document::{Document, restore};
use crate::report::text::escape;
use crate::{exit, ledger, planfile};

/// Finds the place and what is to be saved fit before anything else is done.
pub(super) fn destination(args: &PlanCommandArgs) -> Result<Option<Destination>, Problem> {
    let secret = |(name, value): &&(String, String)| planfile::may_be_secret(name, value);
    if let (Some(_), Some((name, _))) = (&args.out, args.plan.vars.iter().find(secret)) {
        let text = format!(
            "the changes cannot be saved: the value of `--var {name}=…` would be, and may be a \
             credential\n  name the environment variable that holds it instead, as in \
             `token = {{ env = \"NAME\" }}`"
        );
        return Err(Problem::new(exit::WRONG_USAGE, text));
    }
    args.out
        .as_deref()
        .map(Destination::of_changes)
        .transpose()
        .map_err(|text| Problem::new(exit::FAILED, format!("{text}\n  nothing was done")))
}

/// Saves changes.
pub(super) fn save(
    destination: Destination,
    args: &PlanCommandArgs,
    parts: BTreeMap<String, Digest>,
    changes: &Changes,
) -> Result<(), Problem> {
    let plan = &args.plan;
    let document = Document::saved(Saved {
        tool_version: env!("CARGO_PKG_VERSION").to_owned(),
        saved: ledger::utc_now(),
        plan_file: PlanFile {
            path: args.file.clone(),
            env: plan.env.clone(),
            vars_files: plan.vars_files.clone(),
            vars: plan.vars.clone(),
            state: plan.state.clone(),
            parts,
        },
        selection: selection(plan, args.catch_up, &[]),
        changes: changes.clone(),
    });
    document
        .to_text()
        .and_then(|text| destination.write(&text))
        .map_err(|text| Problem::new(exit::FAILED, text))
}

/// Reads a file that has to hold saved changes.
pub(super) fn read(path: &Path) -> Result<Saved, Problem> {
    let failed = |why: &str| {
        let advice = "make it with `milvus-ferry plan PLAN_FILE --out FILE`; a plan file itself is \
                      TOML";
        let text = format!("`{}` cannot be used: {why}\n  {advice}", path.display());
        Problem::new(exit::PLAN_FILE_INVALID, text)
    };
    let text = fs::read_to_string(path).map_err(|cause| failed(&cause.to_string()))?;
    restore(&text).map_err(|why| match planfile::other_form(&text) {
        Some(form) => failed(&format!("it is {form}, and saved changes are JSON")),
        None => failed(&escape(&why)),
    })
}

/// Whether a file is to hold saved changes, and is no plan file: it is named so, or it is JSON.
fn is_saved(path: &Path) -> bool {
    if path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("json")) {
        return true;
    }
    is_json(path)
}

/// Whether a file is JSON, by its first character.
fn is_json(path: &Path) -> bool {
    // What a pipe holds is read once.
    if !path.is_file() {
        return false;
    }
    let mut start = [0; 64];
    let read = File::open(path).and_then(|mut file| file.read(&mut start));
    let start = read.map(|read| start[..read].trim_ascii_start());
    // No TOML begins so.
    start.is_ok_and(|start| start.starts_with(b"{"))
}

/// What `apply` is asked to carry out.
pub(super) struct Request {
    pub(super) migration: Migration,
    pub(super) plan: PlanArgs,
    pub(super) catch_up: bool,
    saved: Option<(Saved, BTreeMap<String, Digest>)>,
}

impl Request {
    /// Reads a plan file, or saved changes and the plan file that they were made from.
    pub(super) fn read(args: &ApplyArgs, output: &OutputArgs) -> Result<Self, Problem> {
        let (file, plan, catch_up) = (args.file.as_path(), &args.plan, args.catch_up);
        if !is_saved(file) {
            let migration = output::load(file, plan, output)?;
            return Ok(Self { migration, plan: plan.clone(), catch_up, saved: None });
        }
        refuse_options(args)?;
        let saved = read(file)?;
        let from = &saved.plan_file;
        let plan = PlanArgs {
            env: from.env.clone(),
            vars_files: from.vars_files.clone(),
            vars: from.vars.clone(),
            only: saved.selection.only.clone(),
            exclude: saved.selection.exclude.clone(),
            state: if plan.state.as_os_str() == DEFAULT_STATE {
                from.state.clone()
            } else {
                plan.state.clone()
            },
        };
        // What was to be made, or to go on, is not caught up with when it is done.
        let catches_up = |change: &CollectionChange| change.update == Some(Update::CatchUp);
        let catch_up = saved.changes.collections.iter().any(catches_up);
        let loaded = output::load_parts(&from.path, &plan, output)?;
        let (parts, migration) = (loaded.parts(), loaded.migration);
        Ok(Self { migration, plan, catch_up, saved: Some((saved, parts)) })
    }

    /// Refuses changes that are not those that were saved, and says everything that moved.
    pub(super) fn check(&self, file: &Path, now: &mut Changes) -> Result<(), Problem> {
        let Some((saved, parts)) = &self.saved else { return Ok(()) };
        let moved = moved(saved, now, parts);
        if moved.is_empty() {
            settle(saved, now);
            return Ok(());
        }
        let lines: Vec<String> = moved
            .iter()
            .map(|moved| format!("  {}: {}", escape(&moved.what), escape(&moved.how)))
            .collect();
        let mut options = vec!["--out".to_owned(), file.display().to_string()];
        if saved.selection.catch_up {
            options.insert(0, "--catch-up".to_owned());
        }
        let again = super::apply::same_command("plan", &saved.plan_file.path, &self.plan, &options);
        let text = format!(
            "{} is stale: since it was saved ({}), this moved:\n{}\n  nothing was done; plan \
             again, and look at what changes now:\n  {again}",
            file.display(),
            escape(&saved.saved),
            lines.join("\n"),
        );
        Err(Problem::new(exit::CHANGES_STALE, text))
    }
}

/// Saved changes are of one environment, and of one selection.
fn refuse_options(args: &ApplyArgs) -> Result<(), Problem> {
    let plan = &args.plan;
    let given: Vec<&str> = [
        (plan.env.is_some(), "--env"),
        (!plan.vars_files.is_empty(), "--vars"),
        (!plan.vars.is_empty(), "--var"),
        (!plan.only.is_empty(), "--only"),
        (!plan.exclude.is_empty(), "--exclude"),
        (args.catch_up, "--catch-up"),
        (!args.take_over.is_empty(), "--take-over"),
    ]
    .into_iter()
    .filter_map(|(given, name)| given.then_some(name))
    .collect();
    if given.is_empty() {
        return Ok(());
    }
    let text = format!(
        "{} cannot be given with saved changes: {} holds what they were when it was saved\n  leave \
         it out, or plan again with it",
        given.join(", "),
        args.file.display()
    );
    Err(Problem::new(exit::WRONG_USAGE, text))
}
