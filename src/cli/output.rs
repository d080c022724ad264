//! Standard output, standard error, and the log.

use std::io::{self, IsTerminal, Write};
use std::path::Path;

use console::Term;
use tracing_subscriber::EnvFilter;

use super::ends::Problem;
use super::{Colour, LogFormat, OutputArgs, PlanArgs};
use crate::model::Migration;
use crate::report::progress::BarWriter;
use crate::report::style::Style;
use crate::{env, exit, planfile};

/// Crates below us whose debug lines only matter to people who ask for them by name.
const THIRD_PARTY: [&str; 5] = ["h2", "hyper", "rustls", "tonic", "tower"];

/// Whether standard error gets colour.
pub(super) fn colour(output: &OutputArgs) -> bool {
    wants_colour(output, io::stderr().is_terminal())
}

/// Colour and width of text on standard error.
pub(super) fn style(output: &OutputArgs) -> Style {
    sized(Style::new(colour(output)), &Term::stderr())
}

/// Colour and width of text on standard output.
pub(super) fn style_of_stdout(output: &OutputArgs) -> Style {
    let colour = wants_colour(output, io::stdout().is_terminal());
    sized(Style::new(colour), &Term::stdout())
}

fn sized(style: Style, terminal: &Term) -> Style {
    match terminal.size_checked() {
        Some((_, columns)) if terminal.is_term() && columns > 0 => style.on_columns(columns.into()),
        _ => style,
    }
}

fn wants_colour(output: &OutputArgs, is_terminal: bool) -> bool {
    match output.color {
        Colour::Always => true,
        Colour::Never => false,
        Colour::Auto if env::value(env::NO_COLOR).is_some() => false,
        Colour::Auto => {
            env::value(env::CLICOLOR_FORCE).is_some_and(|value| value != "0")
                || (is_terminal && !is_dumb())
        }
    }
}

/// Whether the terminal can do no more than a printer.
fn is_dumb() -> bool {
    env::value(env::TERM).is_some_and(|name| name == "dumb")
}

/// Whether what stands on standard error can be drawn anew.
pub(super) fn can_redraw() -> bool {
    io::stderr().is_terminal() && !is_dumb()
}

/// Sends log lines to standard error, above any progress bar. Does nothing when there is a log already.
pub(super) fn install_log(output: &OutputArgs, stderr: &BarWriter) -> Result<(), String> {
    let directives = env::value(env::MILVUS_FERRY_LOG)
        .unwrap_or_else(|| directives(output.verbose, output.quiet));
    let filter = EnvFilter::try_new(directives)
        .map_err(|error| format!("{} is no log filter: {error}", env::MILVUS_FERRY_LOG))?;
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer({
            let stderr = stderr.clone();
            move || stderr.clone()
        })
        .with_ansi(colour(output));
    let installed = match output.log_format {
        LogFormat::Text => builder.try_init(),
        LogFormat::Json => builder.json().try_init(),
    };
    // A second call in one process keeps the first log.
    drop(installed);
    Ok(())
}

fn directives(verbose: u8, quiet: bool) -> String {
    let (ours, others) = match (quiet, verbose) {
        (true, _) => ("error", "error"),
        (false, 0) => ("warn", "warn"),
        (false, 1) => ("info", "warn"),
        (false, 2) => ("debug", "info"),
        (false, _) => ("trace", "info"),
    };
    let third_party = THIRD_PARTY.map(|name| format!("{name}={others}"));
    format!("{others},milvus_ferry={ours},{}", third_party.join(","))
}

/// Writes a document to standard output, and returns the exit code that follows: the given one,
/// or failure when it cannot be written. A reader that stops early is no failure.
pub(super) fn document(text: &str, code: u8) -> u8 {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Ok(()) => code,
        Err(cause) if cause.kind() == io::ErrorKind::BrokenPipe => code,
        Err(cause) => {
            error(&format!("cannot write to standard output: {cause}"));
            exit::FAILED
        }
    }
}

/// Adds to the file that an environment variable names, where it is set.
pub(super) fn add_to_file_of(variable: &str, text: &str) {
    let Some(path) = env::value(variable) else { return };
    let file = std::fs::OpenOptions::new().append(true).create(true).open(&path);
    if let Err(cause) = file.and_then(|mut file| file.write_all(text.as_bytes())) {
        tracing::warn!(%cause, %path, "The file that {variable} names cannot be written to.");
    }
}

/// Writes text for people to standard error.
pub(super) fn message(text: &str) {
    // Nothing is left to do when standard error is gone.
    let _ = io::stderr().lock().write_all(text.as_bytes());
}

/// Writes an error that belongs to no file.
pub(super) fn error(text: &str) {
    message(&format!("error: {text}\n"));
}

/// Writes why a command cannot go on, and returns the exit code that follows.
pub(super) fn problem(problem: &Problem) -> u8 {
    if !problem.text.is_empty() {
        error(&problem.text);
    }
    problem.code
}

/// Reads a plan file and shows what is wrong with it.
pub(super) fn load(
    file: &Path,
    plan: &PlanArgs,
    output: &OutputArgs,
) -> Result<Migration, Problem> {
    load_parts(file, plan, output).map(|loaded| loaded.migration)
}

/// The same, with the digests of its parts.
pub(super) fn load_parts(
    file: &Path,
    plan: &PlanArgs,
    output: &OutputArgs,
) -> Result<planfile::Loaded, Problem> {
    match planfile::load(file, &plan.inputs()) {
        Ok(loaded) => {
            if !output.quiet {
                message(&loaded.warnings.render(colour(output)));
            }
            Ok(loaded)
        }
        Err(report) => {
            message(&report.render(colour(output)));
            let file = planfile::without_secrets_of_addresses(&file.display().to_string());
            let text = format!("{file} is invalid; nothing was done");
            Err(Problem::new(exit::PLAN_FILE_INVALID, text))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn third_party_crates_stay_quiet() {
        for verbose in 0..5 {
            let directives = directives(verbose, false);
            assert!(EnvFilter::try_new(&directives).is_ok());
            assert!(!directives.contains("h2=debug") && !directives.contains("h2=trace"));
        }
        assert!(directives(3, false).contains("milvus_ferry=trace"));
        assert!(directives(0, true).contains("milvus_ferry=error"));
    }
}
