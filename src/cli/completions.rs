//! `completions`: what a shell needs to complete our command line.

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use super::{Cli, NAME, output};
use crate::exit;

const AFTER_HELP: &str = "\
Examples:
  milvus-ferry completions bash > ~/.local/share/bash-completion/completions/milvus-ferry
  milvus-ferry completions zsh > \"${fpath[1]}/_milvus-ferry\"
  milvus-ferry completions fish > ~/.config/fish/completions/milvus-ferry.fish
  milvus-ferry completions powershell >> $PROFILE

A shell that runs already sees it after it is started anew.";

/// Print a script that completes commands and options in a shell
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct CompletionsArgs {
    /// The shell
    shell: Shell,
}

pub(super) fn run(args: &CompletionsArgs) -> u8 {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), NAME, &mut script);
    output::document(&String::from_utf8_lossy(&script), exit::DONE)
}
