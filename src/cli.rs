//! The command line: one file per command in `cli/`. With the reports, the only place that prints.

mod apply;
mod completions;
mod confirm;
mod differences;
mod ends;
mod init;
mod looking;
mod man;
mod output;
mod plan;
mod rehearse;
mod saved;
mod schema;
mod show;
mod signals;
mod validate;
mod verify;

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use clap::builder::TypedValueParser;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};

use crate::planfile::Inputs;
use crate::report::progress::BarWriter;
use crate::{exit, planfile};
use signals::Signals;

/// What the tool is called on a command line.
const NAME: &str = "milvus-ferry";

/// Folder of the ledger where none is named.
const DEFAULT_STATE: &str = ".milvus-ferry";

const AFTER_HELP: &str = "\
Examples:
  milvus-ferry init --from http://localhost:19530 --out catalog.ferry.toml
  milvus-ferry validate catalog.ferry.toml
  milvus-ferry validate catalog.ferry.toml --env prod --format github
  milvus-ferry validate catalog.ferry.toml --online
  milvus-ferry plan catalog.ferry.toml
  milvus-ferry rehearse catalog.ferry.toml
  milvus-ferry apply catalog.ferry.toml
  milvus-ferry plan catalog.ferry.toml --out changes.json
  milvus-ferry show changes.json
  milvus-ferry apply changes.json
  milvus-ferry verify catalog.ferry.toml
  milvus-ferry schema > plan.schema.json

Exit codes:
  0    done, or nothing to do
  1    failed
  2    changes are pending (only with --detailed-exitcode)
  3    the plan file is invalid
  4    an endpoint cannot be reached, or does not permit what is needed
  5    stopped part-way; the same command continues
  6    verification found differences, or a step of a rehearsal failed
  7    saved changes are stale
  8    another run holds the lock
  64   wrong usage
  130  interrupted; the same command continues";

/// Move collections to another Milvus or Zilliz Cloud: declared, reviewed, resumable, proven
#[derive(Debug, Parser)]
#[command(name = NAME, version, after_help = AFTER_HELP)]
#[command(arg_required_else_help = true, disable_help_subcommand = true)]
struct Cli {
    #[command(flatten)]
    output: OutputArgs,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Init(Box<init::InitArgs>),
    Validate(validate::ValidateArgs),
    Plan(plan::PlanCommandArgs),
    Show(show::ShowArgs),
    Rehearse(rehearse::RehearseArgs),
    Apply(apply::ApplyArgs),
    Verify(verify::VerifyArgs),
    Schema(schema::SchemaArgs),
    Completions(completions::CompletionsArgs),
    Man(man::ManArgs),
}

impl Command {
    fn run(self, output: &OutputArgs, stderr: &BarWriter) -> u8 {
        match self {
            Self::Init(args) => block_on(init::run(*args, output)),
            Self::Validate(args) if args.is_online() => {
                block_on(validate::run_online(&args, output, stderr))
            }
            Self::Validate(args) => at_once(|| validate::run(&args, output)),
            Self::Plan(args) => block_on(plan::run(&args, output, stderr)),
            Self::Show(args) => at_once(|| show::run(&args, output)),
            Self::Rehearse(args) => block_on(rehearse::run(&args, output, stderr)),
            Self::Apply(args) => block_on(apply::run(&args, output, stderr)),
            Self::Verify(args) => block_on(verify::run(&args, output, stderr)),
            Self::Schema(args) => at_once(|| schema::run(&args)),
            Self::Completions(args) => at_once(|| completions::run(&args)),
            Self::Man(args) => at_once(|| man::run(&args)),
        }
    }
}

/// Does what asks no server, on the thread of the caller, while another one listens to signals.
fn at_once(work: impl FnOnce() -> u8) -> u8 {
    block_on(async {
        tokio::spawn(Signals::listen().end());
        work()
    })
}

fn block_on(work: impl Future<Output = u8>) -> u8 {
    match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => {
            let code = runtime.block_on(work);
            // A question on the terminal may still wait for its answer; do not wait with it.
            runtime.shutdown_background();
            code
        }
        Err(error) => {
            output::error(&format!("cannot start: {error}"));
            exit::FAILED
        }
    }
}

/// Options of every command: what is shown, and how.
#[derive(Debug, Clone, Args)]
pub struct OutputArgs {
    /// Colour: where the output is a terminal, always, or never
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    #[arg(help_heading = "Output options")]
    pub color: Colour,
    /// Form of the log lines on standard error
    #[arg(long, global = true, value_name = "FORM", default_value = "text")]
    #[arg(help_heading = "Output options")]
    pub log_format: LogFormat,
    /// Log more: -v what happens, -vv how, -vvv everything
    #[arg(short, long, global = true, action = ArgAction::Count, conflicts_with = "quiet")]
    #[arg(help_heading = "Output options")]
    pub verbose: u8,
    /// Show only errors, and the document that was asked for
    #[arg(short, long, global = true, help_heading = "Output options")]
    pub quiet: bool,
}

/// When to use colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[expect(missing_docs, reason = "doc comments would become help texts")]
pub enum Colour {
    Auto,
    Always,
    Never,
}

/// Form of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[expect(missing_docs, reason = "doc comments would become help texts")]
pub enum LogFormat {
    Text,
    Json,
}

/// Options of every command that takes a plan file.
#[derive(Debug, Clone, Args)]
pub struct PlanArgs {
    /// Environment of the plan file to use: its [env.NAME] overrides [vars]
    #[expect(rustdoc::broken_intra_doc_links, reason = "a help text")]
    #[arg(long, value_name = "NAME", help_heading = "Plan file options")]
    pub env: Option<String>,
    /// TOML file with values of variables; overrides --env; repeatable, later files win
    #[arg(long = "vars", value_name = "FILE", help_heading = "Plan file options")]
    pub vars_files: Vec<PathBuf>,
    /// Value of a variable; overrides --vars; repeatable
    #[arg(long = "var", value_name = "NAME=VALUE", value_parser = Variable)]
    #[arg(help_heading = "Plan file options")]
    pub vars: Vec<(String, String)>,
    /// Only source collections that match, as NAME or DATABASE/NAME; repeatable
    #[arg(long, value_name = "GLOB", value_parser = glob, help_heading = "Plan file options")]
    pub only: Vec<String>,
    /// Not the source collections that match, as NAME or DATABASE/NAME; repeatable
    #[arg(long, value_name = "GLOB", value_parser = glob, help_heading = "Plan file options")]
    pub exclude: Vec<String>,
    /// Folder of the ledger
    #[arg(long, value_name = "DIR", default_value = DEFAULT_STATE)]
    #[arg(help_heading = "Plan file options")]
    pub state: PathBuf,
}

impl PlanArgs {
    /// What these options give to the plan file.
    pub fn inputs(&self) -> Inputs {
        Inputs {
            env: self.env.clone(),
            vars_files: self.vars_files.clone(),
            vars: self.vars.clone(),
        }
    }
}

/// Reads `NAME=VALUE`. Unlike a plain function it does not quote the value in its error: it may
/// be a credential in the wrong place.
#[derive(Clone)]
struct Variable;

impl TypedValueParser for Variable {
    type Value = (String, String);

    fn parse_ref(
        &self,
        command: &clap::Command,
        _: Option<&clap::Arg>,
        value: &OsStr,
    ) -> Result<Self::Value, clap::Error> {
        value
            .to_str()
            .and_then(|text| text.split_once('='))
            .filter(|(name, _)| !name.is_empty())
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .ok_or_else(|| {
                clap::Error::raw(
                    ErrorKind::ValueValidation,
                    "a value of `--var` is not of the form NAME=VALUE\n",
                )
                .with_cmd(command)
            })
    }
}

fn glob(text: &str) -> Result<String, String> {
    match globset::Glob::new(text) {
        Ok(_) if !text.is_empty() => Ok(text.to_owned()),
        Ok(_) => Err("expected a glob, such as prod_*".to_owned()),
        Err(error) => Err(error.kind().to_string()),
    }
}

/// What to say to who looks for a dry run: it is a command, and no option.
fn dry_run(error: &clap::Error) -> Option<&'static str> {
    let argument = error.get(ContextKind::InvalidArg)?;
    let asked = matches!(argument, ContextValue::String(name) if name == "--dry-run");
    asked.then_some(
        "there is no option `--dry-run`\n  `milvus-ferry plan FILE` shows what apply would do, and \
         changes nothing",
    )
}

/// Runs a command line, program name first, and returns the exit code.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> u8 {
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => {
            let code = if error.use_stderr() { exit::WRONG_USAGE } else { exit::DONE };
            if let Some(instead) = dry_run(&error) {
                output::error(instead);
                return code;
            }
            let text = error.render().to_string();
            let shown = planfile::without_secrets_of_addresses(&text);
            if shown == text {
                // Nothing is left to do when even this cannot be written.
                let _ = error.print();
            } else {
                output::message(&shown);
            }
            return code;
        }
    };
    let stderr = BarWriter::new();
    if let Err(message) = output::install_log(&cli.output, &stderr) {
        output::error(&message);
        return exit::WRONG_USAGE;
    }
    cli.command.run(&cli.output, &stderr)
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    /// All help texts, as one page that is reviewed.
    #[test]
    fn reference() {
        let mut root = Cli::command().term_width(100);
        root.build();
        let mut text = root.render_long_help().to_string();
        for command in root.get_subcommands() {
            let help = command.clone().render_long_help().to_string();
            assert!(help.contains("\nExamples:\n"), "no examples for {}", command.get_name());
            write!(text, "\n\n{:=^100}\n\n{help}", format!(" {} ", command.get_name())).unwrap();
        }
        insta::assert_snapshot!(text);
    }

    #[test]
    fn variables_split_at_the_first_equals_sign() {
        let parsed = |text: &str| {
            let command = Cli::command();
            Variable.parse_ref(&command, None, OsStr::new(text)).ok()
        };
        assert_eq!(parsed("a=b=c"), Some(("a".into(), "b=c".into())));
        assert_eq!(parsed("a="), Some(("a".into(), String::new())));
        assert_eq!(parsed("=a"), None);
        assert_eq!(parsed("a"), None);
    }
}
