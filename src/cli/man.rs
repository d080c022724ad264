//! `man`: the manual pages, made from the same words as `--help`.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::{fs, io};

use clap::{Args, CommandFactory};
use clap_mangen::Man;

use super::{AFTER_HELP as OF_ALL, Cli, NAME, output};
use crate::{env, exit};

/// Files that commands read or make.
const FILES: [(&str, &str); 4] = [
    ("*.ferry.toml", "Plan files, and what they include."),
    (".milvus-ferry/NAME.db", "The ledger of the plan called NAME: --state names another folder."),
    (".milvus-ferry/NAME.differences.jsonl", "Rows that differ, one JSON object a line."),
    (
        ".milvus-ferry/NAME.lock",
        "Held by the run that is at work; it stays, and means nothing then.",
    ),
];

/// Variables that the tool itself reads.
const ENVIRONMENT: [(&str, &str); 7] = [
    ("NAME", "Logins: the plan file names the variables, as in token = { env = \"NAME\" }."),
    (env::NO_COLOR, "Any value switches colour off, unless --color says otherwise."),
    (env::CLICOLOR_FORCE, "Any value but 0 switches colour on, also without a terminal."),
    (env::TERM, "Where it is `dumb`, nothing is coloured or drawn anew."),
    (env::MILVUS_FERRY_LOG, "Which log lines appear, such as milvus_ferry=debug."),
    (env::GITHUB_OUTPUT, "In GitHub Actions: plan adds what a step outputs to this file."),
    (env::GITHUB_STEP_SUMMARY, "In GitHub Actions: plan --format markdown adds to this file."),
];

const AFTER_HELP: &str = "\
Examples:
  milvus-ferry man | man -l -
  milvus-ferry man plan | man -l -
  milvus-ferry man --out ~/.local/share/man/man1      # one page for each command";

/// Print a manual page, or write all of them into a folder
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct ManArgs {
    /// The command that the page is about; the page of milvus-ferry itself where none is named
    #[arg(value_name = "COMMAND")]
    of: Option<String>,
    /// Write the pages of all commands into this folder, which is made where it lacks
    #[arg(long, value_name = "DIR", conflicts_with = "of")]
    out: Option<PathBuf>,
}

pub(super) fn run(args: &ManArgs) -> u8 {
    let mut root = Cli::command();
    if let Some(folder) = &args.out {
        return match write_all(root, folder) {
            Ok(()) => exit::DONE,
            Err(cause) => {
                let folder = folder.display();
                output::error(&format!("cannot write manual pages into {folder}: {cause}"));
                exit::FAILED
            }
        };
    }
    // Gives every command its full name, such as `milvus-ferry plan`.
    root.build();
    let command = match args.of.as_deref().map(|name| (name, root.find_subcommand(name))) {
        None => root,
        Some((_, Some(command))) => command.clone(),
        Some((name, None)) => {
            let names: Vec<_> = root.get_subcommands().map(clap::Command::get_name).collect();
            output::error(&format!("there is no command `{name}`; there are {}", names.join(", ")));
            return exit::WRONG_USAGE;
        }
    };
    match page(command) {
        Ok(roff) => output::document(&String::from_utf8_lossy(&roff), exit::DONE),
        Err(cause) => {
            output::error(&format!("cannot make the manual page: {cause}"));
            exit::FAILED
        }
    }
}

fn write_all(mut root: clap::Command, folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    root.build();
    let commands = root.get_subcommands().cloned().collect::<Vec<_>>();
    for command in std::iter::once(root).chain(commands) {
        let file = format!("{}.1", full_name(&command).replace(' ', "-"));
        fs::write(folder.join(file), page(command)?)?;
    }
    Ok(())
}

/// `milvus-ferry plan`.
fn full_name(command: &clap::Command) -> String {
    command.get_bin_name().unwrap_or_else(|| command.get_name()).to_owned()
}

/// One page: what clap knows of a command, and what it has no place for.
fn page(mut command: clap::Command) -> io::Result<Vec<u8>> {
    let name = full_name(&command).replace(' ', "-");
    let usage = command.render_usage().to_string();
    let usage = usage.trim_start_matches("Usage:").trim().to_owned();
    let after = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    let source = format!("{NAME} {}", env!("CARGO_PKG_VERSION"));
    let man = Man::new(command.clone()).title(name.to_uppercase()).source(source).manual(NAME);
    let mut roff = Vec::new();
    man.render_title(&mut roff)?;
    man.render_name_section(&mut roff)?;
    writeln!(roff, ".SH SYNOPSIS\n.nf\n{}\n.fi", escaped(&usage))?;
    man.render_description_section(&mut roff)?;
    let (examples, words): (Vec<&str>, Vec<&str>) =
        after.split("\n\n").partition(|part| part.starts_with("Examples:"));
    let is_codes = |part: &&&str| part.starts_with("Exit code");
    for words in words.iter().filter(|part| !is_codes(part)) {
        writeln!(roff, ".PP\n{}", escaped(words))?;
    }
    if command.get_arguments().any(|argument| !argument.is_hide_set()) {
        man.render_options_section(&mut roff)?;
    }
    if command.has_subcommands() {
        man.render_subcommands_section(&mut roff)?;
    }
    for examples in examples {
        // As they are: broken or hyphenated they could not be copied.
        let (title, lines) = examples.split_once('\n').unwrap_or((examples, ""));
        writeln!(roff, ".SH EXAMPLES\n{title}\n.PP\n.nf\n{}\n.fi", escaped(lines))?;
    }
    writeln!(roff, ".SH \"EXIT STATUS\"")?;
    for own in words.iter().filter(|part| is_codes(part) && !part.starts_with("Exit codes:")) {
        writeln!(roff, "{}\n.PP", escaped(own))?;
    }
    let codes = OF_ALL.split_once("Exit codes:\n").map_or("", |(_, codes)| codes);
    for line in codes.lines() {
        let (code, meaning) = line.trim().split_once(' ').unwrap_or((line, ""));
        writeln!(roff, ".TP\n\\fB{}\\fR\n{}", escaped(code), escaped(meaning.trim()))?;
    }
    listed(&mut roff, "FILES", &FILES)?;
    listed(&mut roff, "ENVIRONMENT", &ENVIRONMENT)?;
    Ok(roff)
}

fn listed(roff: &mut Vec<u8>, title: &str, items: &[(&str, &str)]) -> io::Result<()> {
    writeln!(roff, ".SH {title}")?;
    for (name, what) in items {
        writeln!(roff, ".TP\n\\fB{}\\fR\n{}", escaped(name), escaped(what))?;
    }
    Ok(())
}

/// A text that roff shows as it is.
fn escaped(text: &str) -> String {
    let text = text.replace('\\', "\\e").replace('-', "\\-");
    let lines = text.lines().map(|line| {
        // A command of roff begins so.
        if line.starts_with(['.', '\'']) { format!("\\&{line}") } else { line.to_owned() }
    });
    lines.collect::<Vec<_>>().join("\n")
}
