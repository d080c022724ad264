//! `man`: the manual pages, made from the same words as `--help`.

use std::path::{Path, PathBuf};
use std::{fs, io};

use clap::{Args, CommandFactory};
use clap_mangen::Man;

use super::{Cli, output};
use crate::exit;

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
    let page = match args.of.as_deref().map(|name| (name, root.find_subcommand(name))) {
        None => Man::new(root),
        Some((_, Some(command))) => Man::new(command.clone()),
        Some((name, None)) => {
            let names: Vec<_> = root.get_subcommands().map(clap::Command::get_name).collect();
            output::error(&format!("there is no command `{name}`; there are {}", names.join(", ")));
            return exit::WRONG_USAGE;
        }
    };
    let mut roff = Vec::new();
    match page.render(&mut roff) {
        Ok(()) => output::document(&String::from_utf8_lossy(&roff), exit::DONE),
        Err(cause) => {
            output::error(&format!("cannot make the manual page: {cause}"));
            exit::FAILED
        }
    }
}

fn write_all(root: clap::Command, folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    clap_mangen::generate_to(root, folder)
}
