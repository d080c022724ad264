//! `show`: shows saved changes. Asks no server.

use std::path::PathBuf;

use clap::Args;

use super::ends::Problem;
use super::plan::{Format, render};
use super::{OutputArgs, output, saved};
use crate::exit;

const AFTER_HELP: &str = "\
Examples:
  milvus-ferry show changes.json
  milvus-ferry show changes.json --format markdown > comment.md

Shows what `milvus-ferry plan FILE --out changes.json` showed, and asks no server: whether anything \
moved since is found out by `milvus-ferry apply changes.json`, before it does anything.";

/// Show saved changes
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct ShowArgs {
    /// The saved changes, such as changes.json
    file: PathBuf,
    /// Form of the changes; JSON is as `milvus-ferry schema changes` describes it
    #[arg(long, value_name = "FORM", default_value = "text")]
    format: Format,
}

pub(super) fn run(args: &ShowArgs, output: &OutputArgs) -> u8 {
    let shown = saved::read(&args.file).and_then(|saved| {
        let text =
            render(&saved.changes, &saved.selection, &saved.tool_version, args.format, output);
        text.map_err(|text| Problem::new(exit::FAILED, text))
    });
    match shown {
        Ok(text) => output::document(&text, exit::DONE),
        Err(problem) => output::problem(&problem),
    }
}
