//! `rehearse`: the whole migration in small, in scratch collections that are deleted again.

mod journal;

use std::hash::{BuildHasher as _, RandomState};
use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use clap::Args;
use tokio_util::sync::CancellationToken;

use super::confirm::confirm;
use super::ends::{self, Ends, KnownTargets, Problem};
use super::looking::Looking;
use super::plan::Format;
use super::signals::Signals;
use super::{LogFormat, OutputArgs, PlanArgs, output, plan, verify};
use crate::changes::Changes;
use crate::exit;
use crate::ledger::{self, Ledger};
use crate::model::Migration;
use crate::rehearse::{
    self, Begun, LONGEST_HOURS, Left, Rehearsed, Run, Step, Whose, clean, left_behind, rehearse,
};
use crate::report::file::Destination;
use crate::report::progress::BarWriter;
use crate::report::rehearsal::{self, document};
use journal::{Journal, recorded};

/// How long a call is tried again before a step has failed.
const RETRY_FOR: Duration = Duration::from_secs(30);

const AFTER_HELP: &str = "\
Examples:
  milvus-ferry rehearse catalog.ferry.toml                    # 1,000 rows of each collection
  milvus-ferry rehearse catalog.ferry.toml --rows 100 --only 'prod_*' --yes
  milvus-ferry rehearse catalog.ferry.toml --report rehearsal.json
  milvus-ferry rehearse catalog.ferry.toml --format markdown --yes > comment.md
  milvus-ferry rehearse catalog.ferry.toml --clean            # after one that was killed

Of each collection, a sample of its rows goes into a scratch collection at the target, which is made \
as the plan file asks: with its partitions, indexes and properties. It is loaded, read back and \
compared value by value, changed, searched and deleted again. Each step is ok, failed, with the \
server's own words, or not tried. The sample has the lowest and highest keys in it, rows with nulls \
and empty arrays, and of those that were looked at the largest.

Nothing is written at the source (with `load = true` under [source] it is loaded, and released \
afterwards). At the target only collections are touched whose name begins with ferry_rehearsal_, and \
that a rehearsal of this plan made: as the ledger records, or, where the folder of --state is lost, as \
their description says. Ctrl-C deletes them too; those of a rehearsal that was killed are deleted by the \
next one of this plan, or with --clean. What another --state made is left alone for 16 hours, as that \
rehearsal may be at work.

Exit code 0 when every step is ok; 6 when one failed; 1 when none failed and there is something that \
apply would refuse; 4 when an endpoint cannot be used, 130 when it was interrupted.";

/// Try the whole migration in small: a few rows of each collection, in scratch collections
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct RehearseArgs {
    /// The plan file, such as catalog.ferry.toml
    file: PathBuf,
    #[command(flatten)]
    plan: PlanArgs,
    /// Rows of each collection
    #[arg(long, value_name = "N", default_value = "1000")]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=100_000))]
    rows: u32,
    /// Do not ask; needed where there is no terminal
    #[arg(long, short)]
    yes: bool,
    /// Only delete what rehearsals of this plan left at the target that were killed
    #[arg(long, conflicts_with_all = ["rows", "report", "format", "only", "exclude"])]
    clean: bool,
    /// Write a report for programs too, as `milvus-ferry schema rehearsal` describes it
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// Form of what is printed on standard output
    #[arg(long, value_name = "FORM", default_value = "text")]
    format: Format,
}

pub(super) async fn run(args: &RehearseArgs, output: &OutputArgs, stderr: &BarWriter) -> u8 {
    let mut signals = Signals::listen();
    let prepared = if args.clean {
        signals.or(Box::pin(prepare_cleaning(args, output))).await
    } else {
        signals.or(Box::pin(prepare(args, output, stderr))).await
    };
    let done = match prepared {
        Ok(Prepared::Over(code)) => Ok(code),
        Ok(Prepared::Clean(cleaning)) => delete(*cleaning).await,
        Ok(Prepared::Ready(ready)) => {
            let stop = CancellationToken::new();
            tokio::spawn(signals.stop(stop.clone(), stderr.clone()));
            tokio::spawn(end_in_time(stop.clone()));
            carry_out(args, output, *ready, &stop).await
        }
        Err(problem) => Err(problem),
    };
    done.unwrap_or_else(|problem| output::problem(&problem))
}

/// What comes of looking at both ends and asking.
enum Prepared {
    /// Nothing is to be done: the exit code.
    Over(u8),
    /// These are to be deleted.
    Clean(Box<Cleaning>),
    Ready(Box<Ready>),
}

/// What earlier rehearsals left, and is to be deleted.
struct Cleaning {
    target: crate::milvus::Client,
    left: Vec<Left>,
    journal: Journal,
}

/// A rehearsal that is to be carried out.
struct Ready {
    migration: Migration,
    destination: Option<Destination>,
    started: String,
    ends: Ends,
    changes: Changes,
    left: Vec<Left>,
    /// Keeps another run of this plan away too.
    journal: Journal,
}

/// After that time others may take its scratch collections for abandoned.
async fn end_in_time(stop: CancellationToken) {
    let longest = Duration::from_secs(LONGEST_HOURS * 3600);
    if tokio::time::timeout(longest, stop.cancelled()).await.is_err() {
        tracing::warn!("A rehearsal ends after {LONGEST_HOURS} hours.");
        stop.cancel();
    }
}

/// Since 1970.
fn now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// Connects to both ends. Calls are not given up by a signal: what a rehearsal made is deleted then.
async fn connect(migration: &Migration) -> Result<Ends, Problem> {
    let retry_for = RETRY_FOR.min(migration.copy.retry_for);
    ends::connect(migration, retry_for, &CancellationToken::new()).await
}

/// Looks at both ends, shows what is to be done and asks. Nothing is written on the way.
async fn prepare(
    args: &RehearseArgs,
    output: &OutputArgs,
    stderr: &BarWriter,
) -> Result<Prepared, Problem> {
    let migration = output::load(&args.file, &args.plan, output)?;
    let destination = verify::destination(args.report.as_deref())?;
    let started = ledger::utc_now();
    let mut ends = connect(&migration).await?;
    let (known, made) = match Ledger::open_read_only(&args.plan.state, &migration.name)? {
        Some(ledger) => (KnownTargets::read(&ledger, &ends)?, recorded(&ledger)?),
        None => (KnownTargets::none(), Vec::new()),
    };
    let selection = plan::selection(&args.plan, false, &[]);
    let looking = Looking::new(output, stderr);
    let changes = plan::changes(&migration, &ends, &known, &selection, &looking).await?;
    drop(looking);
    verify::refuse_wrong_selection(&changes)?;
    ends.bound_writes(&migration, changes.capacity.write_quota);
    let places = databases(&changes);
    let since = now().as_secs();
    let left = left_behind(&ends.target, &places, &migration.name, &made, since).await?;
    let rows = usize::try_from(args.rows).unwrap_or(usize::MAX);
    if !output.quiet {
        let style = output::style(output);
        output::message(&rehearsal::question(&changes, rows, &left, &style));
    }
    let any = changes.collections.iter().any(|change| rehearse::not_rehearsed(change).is_none());
    if any && !args.yes {
        confirm("\nRehearse these collections? Only `yes` is accepted: ", "to rehearse").await?;
    }
    let journal = journal(args, &migration)?;
    let left = with_lock(left, &journal);
    let ready = Ready { migration, destination, started, ends, changes, left, journal };
    Ok(Prepared::Ready(Box::new(ready)))
}

/// Without the lock, one of this folder of state may be at work.
fn with_lock(mut left: Vec<Left>, journal: &Journal) -> Vec<Left> {
    left.retain(|left| journal.is_kept() || left.whose != Whose::Recorded);
    left
}

fn journal(args: &RehearseArgs, migration: &Migration) -> Result<Journal, Problem> {
    let ledger = lock(args, migration)?;
    Ok(Journal::begin(ledger, migration.environment.as_deref())?)
}

/// Keeps other runs of this plan away, as far as the folder of the ledger can be written to.
fn lock(args: &RehearseArgs, migration: &Migration) -> Result<Option<Ledger>, Problem> {
    match Ledger::open(&args.plan.state, &migration.name) {
        Ok(ledger) => Ok(Some(ledger)),
        Err(ledger::Error::Io { source, .. }) if verify::is_denied(&source) => {
            output::message(&format!(
                "warning: the folder of the ledger {} cannot be written to ({source}): another \
                 rehearsal of this plan at the same time would not be noticed, and what this one \
                 leaves if it is killed is known by its description only\n",
                args.plan.state.display()
            ));
            Ok(None)
        }
        Err(other) => Err(other.into()),
    }
}

/// The target's databases in which scratch collections of these changes are, or were.
fn databases(changes: &Changes) -> Vec<String> {
    let mut names: Vec<String> = changes
        .collections
        .iter()
        .filter(|change| !change.create_database)
        .filter_map(|change| change.wanted.as_ref())
        .map(|wanted| wanted.database.clone())
        .collect();
    if changes.collections.iter().any(|change| change.create_database) {
        names.push("default".to_owned());
    }
    names.sort();
    names.dedup();
    names
}

async fn prepare_cleaning(args: &RehearseArgs, output: &OutputArgs) -> Result<Prepared, Problem> {
    let migration = output::load(&args.file, &args.plan, output)?;
    let target = connect(&migration).await?.target;
    let databases = target.list_databases().await?;
    let databases = databases.unwrap_or_else(|| vec!["default".to_owned()]);
    let made = match Ledger::open_read_only(&args.plan.state, &migration.name)? {
        Some(ledger) => recorded(&ledger)?,
        None => Vec::new(),
    };
    let since = now().as_secs();
    let left = left_behind(&target, &databases, &migration.name, &made, since).await?;
    if !output.quiet {
        let style = output::style(output);
        output::message(&rehearsal::cleaning(&left, &style));
    }
    if !left.iter().any(Left::is_over) {
        return Ok(Prepared::Over(output::document("Nothing to delete.\n", exit::DONE)));
    }
    if !args.yes {
        confirm("\nDelete these collections? Only `yes` is accepted: ", "to delete").await?;
    }
    // A rehearsal that is under way is no rehearsal that was killed.
    let journal = journal(args, &migration)?;
    let left = with_lock(left, &journal);
    Ok(Prepared::Clean(Box::new(Cleaning { target, left, journal })))
}

async fn delete(of: Cleaning) -> Result<u8, Problem> {
    let Cleaning { target, left, journal } = of;
    clean(&target, &left, &journal).await?;
    journal.end("cleaned");
    let number = left.iter().filter(|left| left.is_over()).count() as u64;
    let text = format!("Deleted {}.\n", crate::report::size::counted(number, "collection"));
    Ok(output::document(&text, exit::DONE))
}

async fn carry_out(
    args: &RehearseArgs,
    output: &OutputArgs,
    ready: Ready,
    stop: &CancellationToken,
) -> Result<u8, Problem> {
    let Ready { migration, destination, started, ends, changes, left, journal } = ready;
    clean(&ends.target, &left, &journal).await?;
    let tell = |target: &str, step: Step| {
        tracing::info!(target, step = step.text(), "Step.");
        if !output.quiet && output.log_format == LogFormat::Text {
            output::message(&format!("{target}: {}\n", step.text()));
        }
    };
    let now = now();
    let number = RandomState::new().hash_one((now.as_nanos(), std::process::id()));
    let run = Run {
        migration: &migration,
        source: ends.source,
        target: ends.target,
        rows: usize::try_from(args.rows).unwrap_or(usize::MAX),
        begun: Begun { number, at: ledger::utc_now(), seconds: now.as_secs() },
        journal: &journal,
        seed: now.as_secs(),
        tell: &tell,
        stop: stop.clone(),
    };
    let found = Box::pin(rehearse(&run, &changes)).await;
    let verdict = rehearsal::verdict(&found, changes.is_refused(), stop.is_cancelled());
    let exit_code = exit_code(&found, &changes, stop);
    journal.end(&format!("exit code {exit_code}"));
    let about =
        document::About { started, finished: ledger::utc_now(), rows: args.rows.into(), exit_code };
    let document = document::Document::new(&changes, about, verdict, found);
    let json = document.to_text().map_err(|text| Problem::new(exit::FAILED, text));
    let text = match args.format {
        Format::Text => {
            let style = output::style_of_stdout(output);
            rehearsal::render(&document, &style)
        }
        Format::Json => json.as_ref().cloned().unwrap_or_default(),
        Format::Markdown => rehearsal::markdown(&document),
    };
    let code = output::document(&text, exit_code);
    let Some(destination) = destination else { return json.map(|_| code) };
    match destination.write(&json?) {
        Ok(()) => Ok(code),
        Err(text) => {
            output::error(&text);
            Ok(if code == exit::DONE { exit::FAILED } else { code })
        }
    }
}

fn exit_code(found: &[Rehearsed], changes: &Changes, stop: &CancellationToken) -> u8 {
    if stop.is_cancelled() {
        exit::INTERRUPTED
    } else if found.iter().any(|of| of.unreachable) {
        exit::CANNOT_CONNECT
    } else if found.iter().any(Rehearsed::has_failed) {
        exit::VERIFICATION_FAILED
    } else if changes.is_refused() {
        plan::refusal(changes)
    } else {
        exit::DONE
    }
}
