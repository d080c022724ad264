//! `schema`: the JSON Schemas of the files.

use clap::{Args, ValueEnum};

use super::output;
use crate::{exit, planfile, report};

const AFTER_HELP: &str = "\
Examples:
  milvus-ferry schema > plan.schema.json
  milvus-ferry schema report > report.schema.json
  milvus-ferry schema changes > changes.schema.json
  milvus-ferry schema rehearsal > rehearsal.schema.json

With this line at its top, editors that know TOML schemas complete and check a plan file:
  #:schema ./plan.schema.json";

/// Print the JSON Schema of plan files, for editors, of reports, of changes, or of rehearsals
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct SchemaArgs {
    /// Which schema
    #[arg(default_value = "plan")]
    file: File,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum File {
    Plan,
    Report,
    Changes,
    Rehearsal,
}

pub(super) fn run(args: &SchemaArgs) -> u8 {
    let schema = match args.file {
        File::Plan => planfile::published_schema(),
        File::Report => report::document::published_schema(),
        File::Changes => report::plan::document::published_schema(),
        File::Rehearsal => report::rehearsal::document::published_schema(),
    };
    output::document(&format!("{schema:#}\n"), exit::DONE)
}
