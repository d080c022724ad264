//! `plan --all-envs`: the changes of every environment of a plan file, side by side.

use std::collections::BTreeSet;

use futures_util::{StreamExt, stream};
use tokio_util::sync::CancellationToken;

use super::{OutputArgs, PlanCommandArgs, Problem, output, read_only_changes, selection, verdict};
use crate::cli::looking::Looking;
use crate::cli::signals::Signals;
use crate::planfile::{self, Inputs, Loaded};
use crate::report::environments::{Environment, State, render};
use crate::{diagnostic, exit};

/// How many environments are asked at a time.
const AT_A_TIME: usize = 4;

/// Exit codes, the worst one last.
const BY_HARM: [u8; 6] = [
    exit::DONE,
    exit::CHANGES_PENDING,
    exit::FAILED,
    exit::LOCKED,
    exit::CANNOT_CONNECT,
    exit::PLAN_FILE_INVALID,
];

pub(super) async fn run(args: &PlanCommandArgs, output: &OutputArgs) -> u8 {
    let names = match planfile::environments(&args.file) {
        Ok(names) => names,
        Err(report) => {
            output::message(&report.render(output::colour(output)));
            return exit::PLAN_FILE_INVALID;
        }
    };
    if names.is_empty() {
        let file = args.file.display();
        output::error(&format!("{file} has no environments: leave --all-envs out"));
        return exit::WRONG_USAGE;
    }
    let loaded = load(args, output, names);
    let stop = CancellationToken::new();
    let work = stream::iter(loaded)
        .map(|(name, loaded)| plan(args, name, loaded, &stop))
        .buffered(AT_A_TIME)
        .collect::<Vec<(Environment, u8)>>();
    let planned = match Signals::listen().or(async { Ok(work.await) }).await {
        Ok(planned) => planned,
        Err(problem) => return output::problem(&problem),
    };
    let (environments, codes): (Vec<Environment>, Vec<u8>) = planned.into_iter().unzip();
    let harm = |code: &u8| BY_HARM.iter().position(|other| other == code).unwrap_or(BY_HARM.len());
    let code = codes.into_iter().max_by_key(harm).unwrap_or(exit::DONE);
    let style = output::style_of_stdout(output);
    let text = render(&args.file.display().to_string(), &environments, &style);
    output::document(&text, code)
}

/// The plan file in each environment, or how many errors it has there; what is said of several of
/// them is said once.
fn load(
    args: &PlanCommandArgs,
    output: &OutputArgs,
    names: Vec<String>,
) -> Vec<(String, Result<Loaded, String>)> {
    let mut said = BTreeSet::new();
    let mut loaded = Vec::new();
    for name in names {
        let inputs = Inputs { env: Some(name.clone()), ..args.plan.inputs() };
        let result = planfile::load(&args.file, &inputs);
        let report = match &result {
            Ok(loaded) => &loaded.warnings,
            Err(report) => report,
        };
        let text = report.render(output::colour(output));
        let worth = !text.is_empty() && (report.has_errors() || !output.quiet);
        if worth && said.insert(text.clone()) {
            output::message(&format!("environment {name}:\n{text}"));
        }
        let result = result.map_err(|report| match report.count(diagnostic::Severity::Error) {
            1 => "the plan file has an error here".to_owned(),
            errors => format!("the plan file has {errors} errors here"),
        });
        loaded.push((name, result));
    }
    loaded
}

async fn plan(
    args: &PlanCommandArgs,
    name: String,
    loaded: Result<Loaded, String>,
    stop: &CancellationToken,
) -> (Environment, u8) {
    let changes = match loaded {
        Ok(Loaded { migration, .. }) => {
            let selection = selection(&args.plan, args.catch_up, &[]);
            let looking = Looking::silent();
            read_only_changes(&migration, &args.plan, stop, &selection, &looking).await
        }
        Err(text) => Err(Problem::new(exit::PLAN_FILE_INVALID, text)),
    };
    match changes {
        Ok(changes) => {
            let code = verdict(&changes, args.detailed_exitcode);
            (Environment { name, state: State::Planned(Box::new(changes)) }, code)
        }
        Err(Problem { text, code }) => (Environment { name, state: State::Failed(text) }, code),
    }
}
