//! `verify`: compares both ends, and writes nothing to either.

mod subjects;
mod watch;

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::differences::Writer;
use super::ends::{self, KnownTargets, Problem};
use super::looking::Looking;
use super::signals::Signals;
use super::{OutputArgs, PlanArgs, apply, output, plan};
use crate::apply::REPAIR;
use crate::changes::{Changes, Severity};
use crate::copy::{Memory, SharedLedger};
use crate::ledger::{self, Ledger, RunId, StepState};
use crate::model::{ContentCheck, Migration};
use crate::report::document::{CollectionReport, Command, Document, FORMAT_VERSION};
use crate::report::file::Destination;
use crate::report::progress::{About, BarWriter, Progress};
use crate::report::verification::{self, Verdict, Word};
use crate::verify::result::{Basis, Mode, Status, Verification};
use crate::verify::{self, Check, Subject};
use crate::{exit, report};
use watch::Watch;

/// Events that may wait for whoever writes and shows them.
const WAITING_EVENTS: usize = 1_024;

const AFTER_HELP: &str = "\
Examples:
  milvus-ferry verify catalog.ferry.toml                      # every row, value by value
  milvus-ferry verify catalog.ferry.toml --mode sample        # some of them, and what that proves
  milvus-ferry verify catalog.ferry.toml --mode counts        # only their numbers
  milvus-ferry verify catalog.ferry.toml --only 'prod_*' --report report.json
  milvus-ferry verify catalog.ferry.toml --format markdown >> \"$GITHUB_STEP_SUMMARY\"

Reads both servers and writes nothing to either. Where `load = true` stands under [source], it loads \
what is not loaded there, and the target where that is not to stay loaded, and releases it afterwards \
(the next `verify` does so where it was killed). The first line of what it prints is the verdict. \
Rows that differ are named by key and field; all of them in NAME.differences.jsonl beside the \
ledger, one JSON object a line.

It needs no ledger: the plan file tells what is compared with what. Where there is one, it tells how \
rows were copied, and what was compared is noted in it (made where there is none and its folder can \
be written to), so that an interrupted comparison goes on where it stopped: run the same command \
again. Ctrl-C finishes what is in flight and stops; a second Ctrl-C stops at once.

With --against ledger the target is compared with the rows as they were when they were copied, and \
the source is read only where they differ: what changed at the source since then is no difference.

Exit code 0 when all that was compared is the same, or differs for a known reason; 6 when anything \
else differs; 5 when it could not be compared to the end, 130 when it was interrupted.";

/// Compare both ends: every row, a sample, or the numbers of rows
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct VerifyArgs {
    /// The plan file, such as catalog.ferry.toml
    file: PathBuf,
    #[command(flatten)]
    plan: PlanArgs,
    /// Which rows are compared [default: `content` of the plan file where it is "sample" or "full",
    /// else full]
    #[arg(long, value_name = "MODE")]
    mode: Option<ModeWord>,
    /// Rows of each collection that a sample has [default: `sample_rows` of the plan file]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(100..=10_000_000))]
    sample_rows: Option<u64>,
    /// What the target's rows are compared with
    #[arg(long, value_name = "END", default_value = "source")]
    against: Against,
    /// Write a report for programs too, as `milvus-ferry schema report` describes it
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// Form of what is printed on standard output
    #[arg(long, value_name = "FORM", default_value = "text")]
    format: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ModeWord {
    Counts,
    Sample,
    Full,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Against {
    Source,
    Ledger,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Text,
    Json,
    Markdown,
}

pub(super) async fn run(args: &VerifyArgs, output: &OutputArgs, stderr: &BarWriter) -> u8 {
    let stop = CancellationToken::new();
    match Box::pin(compare(args, output, stderr, &stop)).await {
        Ok(code) => code,
        Err(problem) => {
            apply::problem_over("verify", &problem, output, stderr);
            output::problem(&problem)
        }
    }
}

/// What is known before anything is compared.
struct Looked {
    migration: Migration,
    mode: Mode,
    destination: Option<Destination>,
    started: String,
    ends: ends::Ends,
    opened: Opened,
    changes: Changes,
}

async fn look(
    args: &VerifyArgs,
    output: &OutputArgs,
    stderr: &BarWriter,
    stop: &CancellationToken,
) -> Result<Looked, Problem> {
    let migration = output::load(&args.file, &args.plan, output)?;
    let mode = mode(args, &migration)?;
    let destination = destination(args.report.as_deref())?;
    let started = ledger::utc_now();
    let ends = ends::connect(&migration, migration.copy.retry_for, stop).await?;
    let opened = open(&args.plan.state, &migration.name, &ends)?;
    let selection = plan::selection(&args.plan, false, &[]);
    let looking = Looking::new(output, stderr);
    let known = &opened.known;
    let changes = plan::changes(&migration, &ends, known, &selection, &looking).await?;
    drop(looking);
    refuse_wrong_selection(&changes)?;
    Ok(Looked { migration, mode, destination, started, ends, opened, changes })
}

async fn compare(
    args: &VerifyArgs,
    output: &OutputArgs,
    stderr: &BarWriter,
    stop: &CancellationToken,
) -> Result<u8, Problem> {
    let mut signals = Signals::listen();
    let Looked { migration, mode, destination, started, ends, opened, changes } =
        signals.or(Box::pin(look(args, output, stderr, stop))).await?;
    tokio::spawn(signals.stop(stop.clone(), stderr.clone()));
    let basis = match args.against {
        Against::Source => Basis::Source,
        Against::Ledger if opened.ledger.is_some() => Basis::Ledger,
        Against::Ledger => {
            return Err(Problem::new(
                exit::FAILED,
                "--against ledger: there is no ledger that can be used\n  name its folder with \
                 --state, or compare with the source",
            ));
        }
    };
    let load_source = migration.load_source;
    let subjects::Sorted { subjects, others, warnings, notes } =
        subjects::sort(&changes, &opened.known, args.file.as_path(), load_source);
    if !output.quiet {
        for note in notes {
            output::message(&format!("{note}\n"));
        }
    }
    for warning in warnings {
        output::message(&format!("warning: {warning}\n"));
    }
    let (ledger, id) = begin(opened.ledger, args, &migration).await?;
    let (events, told) = mpsc::channel(WAITING_EVENTS);
    let (shown, showing) = mpsc::channel(WAITING_EVENTS);
    let about = About {
        run: id.map(|id| id.0),
        command: "verify",
        name: migration.name.clone(),
        source: Some(changes.source.clone().into()),
        target: Some(changes.target.clone().into()),
        clock: ledger::utc_now,
    };
    let progress = Progress::new(apply::mode(output), stderr.clone(), about);
    let showing = tokio::spawn(apply::show_progress(showing, progress));
    let differences = Writer::new(&args.plan.state, &migration.name);
    let watching = tokio::spawn(Watch::new(shown, differences, &subjects).run(told));
    let mut settings = migration.verify.clone();
    settings.sample_rows = args.sample_rows.unwrap_or(settings.sample_rows);
    let check = Check {
        source: ends.source.clone(),
        target: ends.target.clone(),
        mode,
        settings,
        limits: migration.copy.clone(),
        schema: true,
        repair: None,
        readable: false,
        memory: Memory::new(migration.copy.memory_limit.0),
        ledger: ledger.clone(),
        events,
        stop: stop.clone(),
    };
    let mut found = verify::verify(&check, &subjects, basis).await;
    // The end of the events.
    drop(check);
    let (differences, progress) = watch::finish(watching, showing).await;
    found.extend(others);
    found.sort_by(|a, b| a.target.cmp(&b.target).then_with(|| a.source.cmp(&b.source)));
    if let Some(ledger) = &ledger
        && let Err(Problem { text, .. }) = note_what_differs(ledger, &subjects, &found).await
    {
        output::message(&format!("warning: `apply` will not know what to mend: {text}\n"));
    }
    let verdict = verification::verdict(&found);
    let code = exit_code(&found, &verdict, stop);
    if let (Some(ledger), Some(id)) = (&ledger, id) {
        end(ledger, id, &verdict).await;
    }
    let document = Document {
        format_version: FORMAT_VERSION.to_owned(),
        command: Command::Verify,
        name: migration.name.clone(),
        environment: migration.environment.clone(),
        tool_version: env!("CARGO_PKG_VERSION").to_owned(),
        source: changes.source.into(),
        target: changes.target.into(),
        started,
        finished: ledger::utc_now(),
        verdict,
        exit_code: code,
        collections: found.iter().map(CollectionReport::verified).collect(),
        differences_file: differences.as_ref().map(|file| file.display().to_string()),
    };
    let code = show(args, output, &found, &document, differences.as_deref(), code)?;
    let code = write(destination, &document, code);
    if code == exit::INTERRUPTED {
        let again = apply::same_command("verify", &args.file, &args.plan, &options(args));
        output::message(&format!("Interrupted: the same command goes on: {again}\n"));
    }
    apply::end(progress, &document.verdict, code);
    Ok(code)
}

/// How rows are compared.
fn mode(args: &VerifyArgs, migration: &Migration) -> Result<Mode, Problem> {
    let mode = match (args.mode, migration.verify.content) {
        (Some(ModeWord::Counts), _) => Mode::Counts,
        (Some(ModeWord::Sample), _) | (None, ContentCheck::Sample) => Mode::Sample,
        (Some(ModeWord::Full), _) | (None, ContentCheck::Off | ContentCheck::Full) => Mode::Full,
    };
    if args.sample_rows.is_some() && mode != Mode::Sample {
        let text = "--sample-rows is only of use with --mode sample";
        return Err(Problem::new(exit::WRONG_USAGE, text));
    }
    Ok(mode)
}

/// Where a report is to be, found fit for it before anything else is done.
pub(super) fn destination(path: Option<&Path>) -> Result<Option<Destination>, Problem> {
    path.map(Destination::new)
        .transpose()
        .map_err(|text| Problem::new(exit::FAILED, format!("{text}\n  nothing was done")))
}

/// Writes the report where one is asked for, and returns the exit code that follows: what was found
/// weighs more than a report that is not there.
pub(super) fn write(destination: Option<Destination>, document: &Document, code: u8) -> u8 {
    let Some(destination) = destination else { return code };
    match document.to_text().and_then(|text| destination.write(&text)) {
        Ok(()) => code,
        Err(text) => {
            output::error(&text);
            if code == exit::DONE { exit::FAILED } else { code }
        }
    }
}

/// The ledger, and what it knows.
struct Opened {
    /// One that can be written to.
    ledger: Option<Ledger>,
    known: KnownTargets,
}

/// Opens the ledger for writing; where its folder is not ours to write to, what it knows is read.
fn open(state: &Path, name: &str, ends: &ends::Ends) -> Result<Opened, Problem> {
    let cause = match Ledger::open(state, name) {
        Ok(ledger) => {
            let known = KnownTargets::read(&ledger, ends)?;
            return Ok(Opened { ledger: Some(ledger), known });
        }
        Err(ledger::Error::Io { source, .. }) if is_denied(&source) => source,
        Err(other) => return Err(other.into()),
    };
    output::message(&format!(
        "warning: the folder of the ledger {} cannot be written to ({cause}): an interrupted \
         comparison begins anew, and what it knows of single rows explains none\n",
        state.display()
    ));
    let known = match Ledger::open_read_only(state, name)? {
        Some(ledger) => KnownTargets::read(&ledger, ends)?,
        None => KnownTargets::none(),
    };
    Ok(Opened { ledger: None, known: known.without_moves() })
}

pub(super) fn is_denied(cause: &std::io::Error) -> bool {
    use std::io::ErrorKind::{PermissionDenied, ReadOnlyFilesystem};
    matches!(cause.kind(), PermissionDenied | ReadOnlyFilesystem)
}

/// What the plan file or the command line selects must be there. What else stands against `apply`
/// is no matter here.
pub(super) fn refuse_wrong_selection(changes: &Changes) -> Result<(), Problem> {
    const CODES: [&str; 3] =
        ["selection_matches_nothing", "glob_matches_nothing", "source_database_missing"];
    let texts: Vec<String> = changes
        .findings
        .iter()
        .filter(|found| found.severity == Severity::Error && CODES.contains(&found.code.as_ref()))
        .map(|found| format!("{}\n  {}", found.message, found.advice))
        .collect();
    if texts.is_empty() { Ok(()) } else { Err(Problem::new(exit::FAILED, texts.join("\n"))) }
}

/// Notes in the ledger that a run begins.
async fn begin(
    ledger: Option<Ledger>,
    args: &VerifyArgs,
    migration: &Migration,
) -> Result<(Option<SharedLedger>, Option<RunId>), Problem> {
    let Some(ledger) = ledger else { return Ok((None, None)) };
    let ledger = SharedLedger::new(ledger);
    let command = format!("verify {}", args.file.display());
    let environment = migration.environment.clone();
    let id = ledger
        .with(move |ledger| {
            ledger.begin_run(env!("CARGO_PKG_VERSION"), &command, environment.as_deref())
        })
        .await?;
    Ok((Some(ledger), Some(id)))
}

/// Notes which collections have rows that differ: `apply` copies these again.
async fn note_what_differs(
    ledger: &SharedLedger,
    subjects: &[Subject],
    found: &[Verification],
) -> Result<(), Problem> {
    for subject in subjects {
        let Some(of_move) = subject.of_move else { continue };
        let target = subject.to.address();
        let Some(found) = found.iter().find(|found| found.target == target) else { continue };
        let Some(content) = &found.content else { continue };
        let differ = content.open() > 0;
        let same = found.status == Status::Verified && found.mode == Mode::Full;
        let detail = found.in_words().join("; ");
        ledger
            .with(move |ledger| {
                if differ {
                    return ledger.step_started(of_move, REPAIR, &detail);
                }
                match ledger.steps(of_move)?.get(REPAIR) {
                    Some(StepState::Started) if same => ledger.step_done(of_move, REPAIR, ""),
                    _ => Ok(()),
                }
            })
            .await?;
    }
    Ok(())
}

async fn end(ledger: &SharedLedger, id: RunId, verdict: &Verdict) {
    let word = match verdict.word {
        Word::Verified => "verified",
        Word::Sampled => "sample verified",
        Word::CaughtUp => "caught up",
        Word::CountsAgree => "counts agree",
        Word::Different => "different",
        Word::NotVerified => "not verified",
    };
    if let Err(error) = ledger.with(move |ledger| ledger.end_run(id, word)).await {
        tracing::warn!(%error, "The end of the run could not be recorded.");
    }
}

/// A difference is certain even where something else was not compared to the end.
fn exit_code(found: &[Verification], verdict: &Verdict, stop: &CancellationToken) -> u8 {
    let unfinished = found.iter().any(|found| found.status == Status::Unfinished);
    match verdict.word {
        // What has the name now is compared by another run, and is not what this one began with.
        _ if found.iter().any(Verification::is_replaced) => exit::FAILED,
        _ if stop.is_cancelled() && unfinished => exit::INTERRUPTED,
        _ if verdict.is_good() => exit::DONE,
        Word::Different => exit::VERIFICATION_FAILED,
        _ => exit::STOPPED_RESUMABLE,
    }
}

fn show(
    args: &VerifyArgs,
    output: &OutputArgs,
    found: &[Verification],
    document: &Document,
    differences: Option<&Path>,
    code: u8,
) -> Result<u8, Problem> {
    let text = match args.format {
        Format::Text => {
            let style = output::style_of_stdout(output);
            report::verification::text(found, differences, &style)
        }
        Format::Markdown => report::verification::markdown(found, differences),
        Format::Json => document.to_text().map_err(|text| Problem::new(exit::FAILED, text))?,
    };
    Ok(output::document(&text, code))
}

/// The options of this command, as they are written on the command line.
fn options(args: &VerifyArgs) -> Vec<String> {
    let mut words = Vec::new();
    let mut option = |name: &str, value: String| words.extend([name.to_owned(), value]);
    let word = |value: &dyn std::fmt::Debug| format!("{value:?}").to_lowercase();
    if let Some(mode) = args.mode {
        option("--mode", word(&mode));
    }
    if let Some(rows) = args.sample_rows {
        option("--sample-rows", rows.to_string());
    }
    if args.against != Against::Source {
        option("--against", word(&args.against));
    }
    if let Some(report) = &args.report {
        option("--report", report.display().to_string());
    }
    if args.format != Format::Text {
        option("--format", word(&args.format));
    }
    words
}
