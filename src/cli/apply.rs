//! `apply`: carries the changes out, resumably.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::Args;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::confirm::confirm;
use super::differences::{self, Writer};
use super::ends::{self, Ends, KnownTargets, Problem};
use super::looking::Looking;
use super::saved::Request;
use super::signals::Signals;
use super::{LogFormat, OutputArgs, PlanArgs, output, plan, verify};
use crate::apply::{Event, Outcome, Run, Status, apply};
use crate::changes::Changes;
use crate::copy::SharedLedger;
use crate::ledger::{self, Ledger};
use crate::report::document::{
    CollectionReport, Command, Document, FORMAT_VERSION, verdict_of_copy,
};
use crate::report::file::Destination;
use crate::report::progress::{self, About, BarWriter, Ended, Mode, Progress};
use crate::report::verification::Verdict;
use crate::{exit, report};

/// Events that may wait for whoever shows them.
const WAITING_EVENTS: usize = 1_024;

/// How long the last events wait to be shown.
const SHOW_LIMIT: Duration = Duration::from_secs(5);

const AFTER_HELP: &str = "\
Examples:
  milvus-ferry apply catalog.ferry.toml
  milvus-ferry apply catalog.ferry.toml --env prod --yes      # in CI, without a question
  milvus-ferry apply catalog.ferry.toml --catch-up            # before a cut-over
  milvus-ferry apply changes.json                             # exactly what `plan --out` saved

Shows the changes, asks, and carries them out. Interrupted at any moment, the same command \
continues: no row is lost, none is doubled. Rows that `verify` found missing or different are copied \
again. Ctrl-C finishes what is in flight and stops; a second Ctrl-C stops at once.

Saved changes are carried out as they are or not at all: when anything but rows has moved since they \
were saved, it says what, and ends with 7.

Where `[verify] content` of the plan file asks for it, the rows are compared when they are there, and \
then the schema: rows that differ are all in NAME.differences.jsonl beside the ledger.";

/// Carry the changes out: create, copy, index, load, verify
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct ApplyArgs {
    /// The plan file, such as catalog.ferry.toml, or saved changes, such as changes.json
    pub(super) file: PathBuf,
    #[command(flatten)]
    pub(super) plan: PlanArgs,
    /// Do not ask; needed where there is no terminal
    #[arg(long, short)]
    yes: bool,
    /// Look for rows of finished collections that changed at the source since the copy, and carry
    /// them over: new, changed and deleted ones
    #[arg(long)]
    pub(super) catch_up: bool,
    /// Go on in the place of another run that marked this target collection as being filled by it,
    /// as NAME or DATABASE/NAME: every row is written by key. For runs that ended with their ledger
    /// lost; repeatable
    #[arg(long, value_name = "TARGET")]
    pub(super) take_over: Vec<String>,
    /// Write a report for programs, as `milvus-ferry schema report` describes it
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
}

pub(super) async fn run(args: &ApplyArgs, output: &OutputArgs, stderr: &BarWriter) -> u8 {
    let stop = CancellationToken::new();
    let mut signals = Signals::listen();
    let carried_out = match signals.or(Box::pin(prepare(args, output, stderr, &stop))).await {
        Ok(Prepared::Over(code)) => {
            let verdict = if code == exit::DONE { "nothing_to_do" } else { "refused" };
            over("apply", &Ended { verdict, sentence: "", exit_code: code }, output, stderr);
            return code;
        }
        Ok(Prepared::Ready(ready)) => {
            tokio::spawn(signals.stop(stop.clone(), stderr.clone()));
            carry_out(args, output, stderr, *ready, &stop).await
        }
        Err(problem) => {
            problem_over("apply", &problem, output, stderr);
            if problem.code == exit::INTERRUPTED && !args.yes && std::io::stderr().is_terminal() {
                // The question stays in its line.
                output::message("\n");
            }
            Err(problem)
        }
    };
    carried_out.unwrap_or_else(|problem| output::problem(&problem))
}

/// Tells a program that a command is over before a run began.
pub(super) fn over(
    command: &'static str,
    ended: &Ended<'_>,
    output: &OutputArgs,
    stderr: &BarWriter,
) {
    let about = About {
        run: None,
        command,
        name: String::new(),
        source: None,
        target: None,
        clock: ledger::utc_now,
    };
    Progress::new(mode(output), stderr.clone(), about).end(ended);
}

/// The same of one that cannot go on.
pub(super) fn problem_over(
    command: &'static str,
    problem: &Problem,
    output: &OutputArgs,
    stderr: &BarWriter,
) {
    let (verdict, sentence) = ("failed", problem.text.as_str());
    over(command, &Ended { verdict, sentence, exit_code: problem.code }, output, stderr);
}

/// What comes of looking at both ends and asking.
enum Prepared {
    /// Nothing is to be done, or may be: the exit code.
    Over(u8),
    Ready(Box<Ready>),
}

/// Changes that are to be carried out.
struct Ready {
    request: Request,
    destination: Option<Destination>,
    began: String,
    ends: Ends,
    ledger: Ledger,
    changes: Changes,
    inspected_at: Instant,
}

/// Looks at both ends, shows the changes and asks. Nothing is written on the way: no folder of a
/// ledger is made for changes that are not carried out.
async fn prepare(
    args: &ApplyArgs,
    output: &OutputArgs,
    stderr: &BarWriter,
    stop: &CancellationToken,
) -> Result<Prepared, Problem> {
    let request = Request::read(args, output)?;
    let migration = &request.migration;
    let destination = verify::destination(args.report.as_deref())?;
    let began = ledger::utc_now();
    let mut ends = ends::connect(migration, migration.copy.retry_for, stop).await?;
    let found = Ledger::open_existing(&request.plan.state, &migration.name)?;
    let known = match &found {
        Some(ledger) => KnownTargets::read(ledger, &ends)?,
        None => KnownTargets::none(),
    };
    let selection = plan::selection(&request.plan, request.catch_up, &args.take_over);
    let looking = Looking::new(output, stderr);
    let mut changes = plan::changes(migration, &ends, &known, &selection, &looking).await?;
    drop(looking);
    request.check(&args.file, &mut changes)?;
    let inspected_at = Instant::now();
    ends.bound_writes(migration, changes.capacity.write_quota);
    show(&changes, output);
    if changes.is_refused() {
        return Ok(Prepared::Over(plan::refusal(&changes)));
    }
    if !changes.is_pending() {
        let document = document(&changes, began, &[], exit::DONE, None);
        let code = output::document("Nothing to do.\n", exit::DONE);
        return Ok(Prepared::Over(verify::write(destination, &document, code)));
    }
    if !args.yes {
        confirm(&report::plan::question(&changes, &output::style(output)), "to apply").await?;
    }
    let ledger = match found {
        Some(ledger) => ledger,
        None => new_ledger(&request)?,
    };
    let ready = Ready { request, destination, began, ends, ledger, changes, inspected_at };
    Ok(Prepared::Ready(Box::new(ready)))
}

/// Makes the ledger where there was none when both ends were looked at.
fn new_ledger(request: &Request) -> Result<Ledger, Problem> {
    let ledger = Ledger::open(&request.plan.state, &request.migration.name)?;
    if ledger.moves()?.is_empty() {
        return Ok(ledger);
    }
    let text = "another run of this plan was at work meanwhile; nothing was done\n  run the same \
                command again: it goes on from there";
    Err(Problem::new(exit::LOCKED, text))
}

async fn carry_out(
    args: &ApplyArgs,
    output: &OutputArgs,
    stderr: &BarWriter,
    ready: Ready,
    stop: &CancellationToken,
) -> Result<u8, Problem> {
    let Ready { request, destination, began, ends, mut ledger, changes, inspected_at } = ready;
    let migration = &request.migration;
    let command = format!("apply {}", args.file.display());
    let id =
        ledger.begin_run(env!("CARGO_PKG_VERSION"), &command, migration.environment.as_deref())?;
    let ledger = SharedLedger::new(ledger);
    let started = Instant::now();
    let (events, told) = mpsc::channel(WAITING_EVENTS);
    let about = About {
        run: Some(id.0),
        command: "apply",
        name: migration.name.clone(),
        source: Some(changes.source.clone().into()),
        target: Some(changes.target.clone().into()),
        clock: ledger::utc_now,
    };
    let progress = Progress::new(mode(output), stderr.clone(), about);
    let showing = tokio::spawn(show_progress(told, progress));
    let (differing, rows) = mpsc::channel(WAITING_EVENTS);
    let writing = tokio::spawn(Writer::new(&request.plan.state, &migration.name).write(rows));
    let run = Run {
        migration,
        source: ends.source,
        target: ends.target,
        ledger: ledger.clone(),
        id,
        events,
        differing,
        inspected_at,
        stop: stop.clone(),
    };
    let outcomes = apply(&run, &changes).await;
    // The end of the events.
    drop(run);
    let progress = shown(showing, SHOW_LIMIT).await;
    let compared = |outcome: &Outcome| {
        outcome.verification.as_ref().is_some_and(|found| found.content.is_some())
    };
    let differences = differences::finish(writing, outcomes.iter().any(compared)).await;
    let differences = differences.as_deref();
    let (code, word) = verdict(&outcomes, stop);
    // The run is over either way; what it did is in the ledger's moves and chunks.
    if let Err(error) = ledger.with(move |ledger| ledger.end_run(id, word)).await {
        tracing::warn!(%error, "The end of the run could not be recorded.");
    }
    let resume = same_command("apply", &args.file, &args.plan, &options(args));
    let style = output::style_of_stdout(output);
    let elapsed = started.elapsed();
    let summary = report::summary::render(&outcomes, &style, &resume, elapsed, differences);
    let document = document(&changes, began, &outcomes, code, differences);
    let code = output::document(&format!("\n{summary}"), code);
    let code = verify::write(destination, &document, code);
    end(progress, &document.verdict, code);
    Ok(code)
}

/// What shows the progress, when it has shown all of it.
pub(super) async fn shown(showing: JoinHandle<Progress>, limit: Duration) -> Option<Progress> {
    let Ok(Ok(progress)) = tokio::time::timeout(limit, showing).await else {
        tracing::warn!("The last of the progress could not be shown.");
        return None;
    };
    Some(progress)
}

/// Tells a program what the run came to, last of all.
pub(super) fn end(progress: Option<Progress>, verdict: &Verdict, exit_code: u8) {
    if let Some(mut progress) = progress {
        let (verdict, sentence) = (verdict.word.name(), verdict.sentence.as_str());
        progress.end(&Ended { verdict, sentence, exit_code });
    }
}

/// The report of a run.
fn document(
    changes: &Changes,
    started: String,
    outcomes: &[Outcome],
    exit_code: u8,
    differences: Option<&Path>,
) -> Document {
    Document {
        format_version: FORMAT_VERSION.to_owned(),
        command: Command::Apply,
        name: changes.name.clone(),
        environment: changes.environment.clone(),
        tool_version: env!("CARGO_PKG_VERSION").to_owned(),
        source: changes.source.clone().into(),
        target: changes.target.clone().into(),
        started,
        finished: ledger::utc_now(),
        verdict: verdict_of_copy(outcomes),
        exit_code,
        collections: if outcomes.is_empty() {
            changes.collections.iter().map(CollectionReport::untouched).collect()
        } else {
            outcomes.iter().map(CollectionReport::copied).collect()
        },
        differences_file: differences.map(|file| file.display().to_string()),
    }
}

/// Shows the changes before the question. Where standard error is for JSON lines, on standard output.
fn show(changes: &Changes, output: &OutputArgs) {
    if output.quiet && !changes.is_refused() {
        return;
    }
    if output.log_format == LogFormat::Json {
        let style = output::style_of_stdout(output);
        output::document(&report::plan::render(changes, &style), exit::DONE);
    } else {
        let style = output::style(output);
        output::message(&format!("{}\n", report::plan::render(changes, &style)));
    }
}

pub(super) fn mode(output: &OutputArgs) -> Mode {
    let style = output::style(output);
    match output.log_format {
        _ if output.quiet => Mode::Quiet,
        LogFormat::Json => Mode::Json,
        LogFormat::Text if output::can_redraw() => Mode::Terminal(style),
        LogFormat::Text => Mode::Lines(style),
    }
}

pub(super) async fn show_progress(
    mut told: mpsc::Receiver<Event>,
    mut progress: Progress,
) -> Progress {
    let mut ticks = tokio::time::interval(progress::TICK);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            event = told.recv() => match event {
                Some(event) => progress.handle(&event),
                None => break,
            },
            _ = ticks.tick() => progress.tick(),
        }
    }
    progress.finish();
    progress
}

/// The exit code of a run, and its one-word outcome for the ledger.
fn verdict(outcomes: &[Outcome], stop: &CancellationToken) -> (u8, &'static str) {
    let any = |matches: fn(&Status) -> bool| outcomes.iter().any(|o| matches(&o.status));
    if stop.is_cancelled() && any(|status| matches!(status, Status::Stopped)) {
        (exit::INTERRUPTED, "interrupted")
    } else if any(|status| matches!(status, Status::Replaced(_))) {
        // The next run would refuse until somebody does what the message says.
        (exit::FAILED, "replaced")
    } else if any(|status| matches!(status, Status::Failed(_) | Status::Stopped)) {
        (exit::STOPPED_RESUMABLE, "failed")
    } else if any(|status| matches!(status, Status::Owned(_))) {
        (exit::LOCKED, "owned by another run")
    } else if any(|status| matches!(status, Status::RowsDiffer(_))) {
        (exit::VERIFICATION_FAILED, "rows differ")
    } else if any(|status| matches!(status, Status::CountsDiffer(_))) {
        (exit::VERIFICATION_FAILED, "counts differ")
    } else if any(|status| matches!(status, Status::SchemaDiffers(_))) {
        (exit::VERIFICATION_FAILED, "schema differs")
    } else {
        (exit::DONE, "done")
    }
}

/// The options of this command, as they are written on the command line.
fn options(args: &ApplyArgs) -> Vec<String> {
    let given = [(args.catch_up, "--catch-up"), (args.yes, "--yes")];
    let given = given.into_iter().filter(|(given, _)| *given);
    let mut words: Vec<String> = given.map(|(_, name)| name.to_owned()).collect();
    if let Some(report) = &args.report {
        words.extend(["--report".to_owned(), report.display().to_string()]);
    }
    words
}

/// The command that continues a run: the same one.
pub(super) fn same_command(
    command: &str,
    file: &Path,
    plan: &PlanArgs,
    options: &[String],
) -> String {
    let mut words = vec!["milvus-ferry".to_owned(), command.to_owned()];
    words.push(file.display().to_string());
    let mut option = |name: &str, value: String| words.extend([name.to_owned(), value]);
    if let Some(env) = &plan.env {
        option("--env", env.clone());
    }
    for file in &plan.vars_files {
        option("--vars", file.display().to_string());
    }
    for (name, value) in &plan.vars {
        option("--var", format!("{name}={value}"));
    }
    for only in &plan.only {
        option("--only", only.clone());
    }
    for exclude in &plan.exclude {
        option("--exclude", exclude.clone());
    }
    if plan.state.as_os_str() != super::DEFAULT_STATE {
        option("--state", plan.state.display().to_string());
    }
    words.extend_from_slice(options);
    words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" ")
}

/// A word as a POSIX shell takes it.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,@+%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted_for_a_shell() {
        assert_eq!(quoted("a-b/c.toml"), "a-b/c.toml");
        assert_eq!(quoted("prod_*"), "'prod_*'");
        assert_eq!(quoted("it's"), r"'it'\''s'");
    }
}
