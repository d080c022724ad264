//! `init`: looks at a source, and writes the first plan file for it. Changes no server.

mod options;
mod questions;

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write};
use std::path::Path;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::ends::{self, Problem};
use super::signals::Signals;
use super::{OutputArgs, output};
use crate::changes::abilities::{Abilities, Feature};
use crate::changes::inspect::{inspect, survey};
use crate::changes::{Finding, Selection, diff};
use crate::exit;
use crate::milvus::Client;
use crate::model::Endpoint;
use crate::model::inventory::Inventory;
use crate::model::quantity::counted;
use crate::planfile::{self, Draft, DraftTarget};
pub(super) use options::InitArgs;
use options::Wishes;

/// How long a look-up is tried again before `init` gives up.
const RETRY_FOR: Duration = Duration::from_secs(30);
/// Connections to a server, for as many look-ups at a time.
const CONNECTIONS: usize = 4;

pub(super) async fn run(args: InitArgs, output: &OutputArgs) -> u8 {
    let stop = CancellationToken::new();
    let asks = args.asks();
    let written = Signals::listen().or(Box::pin(work(args, output, &stop))).await;
    if asks && written.as_ref().is_err_and(|problem| problem.code == exit::INTERRUPTED) {
        // The question stays in its line.
        output::message("\n");
    }
    written.unwrap_or_else(|problem| output::problem(&problem))
}

async fn work(
    args: InitArgs,
    output: &OutputArgs,
    stop: &CancellationToken,
) -> Result<u8, Problem> {
    let asks = args.asks();
    if asks {
        questions::needs_terminal()?;
    }
    let mut wishes = Wishes::of(args)?;
    if let Some(out) = &wishes.out {
        is_free(out)?;
    }
    let from = match wishes.source.take() {
        Some(from) => from,
        None => questions::source().await?,
    };
    let source = connect("source", &from, stop).await?;
    let databases = survey::databases(&source, &wishes.databases)
        .await?
        .map_err(|finding| refused(&finding))?;
    let databases =
        if asks { questions::rest(&source, databases, &mut wishes).await? } else { databases };
    let selection =
        Selection { only: wishes.only, exclude: wishes.exclude, ..Selection::default() };
    let target = match &wishes.target {
        Some(to) => Some((to.clone(), connect("target", to, stop).await?)),
        None => None,
    };
    let inventory = survey::survey(&source, &databases, &selection)
        .await?
        .map_err(|finding| refused(&finding))?;
    let file = wishes.out.as_deref();
    let mut draft = Draft {
        inventory,
        source: from,
        target: target.as_ref().map(|(endpoint, client)| draft_target(endpoint, client)),
        name: wishes.name.or_else(|| {
            let name = file?.file_name()?.to_string_lossy().into_owned();
            planfile::run_name(&name)
        }),
        file: file.map(|file| file.display().to_string()),
        schema: options::schema_beside(file),
    };
    let nameless = draft.nameless();
    if !draft.names_anything() {
        return Err(nothing(&draft.inventory, &nameless));
    }
    if let Some((_, target)) = &target {
        compare(&mut draft, file, &source, target).await?;
    }
    let text = draft.text();
    let Some(file) = file else { return Ok(output::document(&text, exit::DONE)) };
    write(file, &text)?;
    if !output.quiet {
        output::message(&summary(&draft, file, &nameless));
    }
    Ok(exit::DONE)
}

async fn connect(
    which: &str,
    endpoint: &Endpoint,
    stop: &CancellationToken,
) -> Result<Client, Problem> {
    let connected = ends::connect_to(endpoint, CONNECTIONS, RETRY_FOR, stop).await;
    connected.map_err(|problem| Problem { text: format!("{which}: {}", problem.text), ..problem })
}

fn refused(finding: &Finding) -> Problem {
    Problem::new(exit::FAILED, format!("{}\n  {}", finding.message, finding.advice))
}

fn draft_target(endpoint: &Endpoint, client: &Client) -> DraftTarget {
    let abilities = abilities(client);
    DraftTarget {
        endpoint: endpoint.clone(),
        one_database: !abilities.has(Feature::Databases),
        plan_unknown: abilities.plan_unknown,
    }
}

fn abilities(target: &Client) -> Abilities {
    Abilities::of(target.version(), None, None).hosted_at(target.uri())
}

/// What the target says to the draft takes the place of what is true of targets in general.
async fn compare(
    draft: &mut Draft,
    file: Option<&Path>,
    source: &Client,
    target: &Client,
) -> Result<(), Problem> {
    let path = file.unwrap_or(Path::new("plan.ferry.toml"));
    let resolved = planfile::resolve_text(path, &draft.text(), &planfile::Inputs::default());
    let migration = resolved.map_err(|report| {
        let text =
            format!("the plan file that would be written is invalid:\n{}", report.render(false));
        Problem::new(exit::FAILED, text)
    })?;
    let nothing_known = |_: &str, _: &str| None;
    let (mut inspected, ..) = inspect(
        &migration.migration,
        &Selection::default(),
        source,
        target,
        &nothing_known,
        &|_, _| (),
    )
    .await?;
    // What is refused is said in the entry that it is about.
    for one in &mut inspected {
        one.rule.location.clear();
    }
    for change in diff::diff(inspected, &abilities(target)) {
        let mut databases = draft.inventory.databases.iter_mut();
        let holding = databases.find_map(|database| {
            let mut held = database.collections.iter_mut();
            held.find(|held| format!("{}/{}", database.name, held.name) == change.source_address)
        });
        if let Some(holding) = holding.filter(|holding| holding.found.is_some()) {
            holding.notes = survey::sentences(&change.findings);
        }
    }
    Ok(())
}

fn nothing(inventory: &Inventory, nameless: &[String]) -> Problem {
    let text = match (nameless, inventory.databases.as_slice()) {
        ([], []) => format!("there is no collection at {} to write a plan file for", inventory.uri),
        ([], _) => "--only and --exclude leave no collection\n  select less narrowly".to_owned(),
        (nameless, _) => format!(
            "a plan file can only name what has letters, digits and `_`, which none of these does: \
             {}\n  rename them at the source",
            nameless.join(", ")
        ),
    };
    Problem::new(exit::FAILED, text)
}

/// Refuses a file that is there already.
fn is_free(file: &Path) -> Result<(), Problem> {
    if file.symlink_metadata().is_ok() { Err(taken(file)) } else { Ok(()) }
}

fn taken(file: &Path) -> Problem {
    let file = file.display();
    let text =
        format!("{file} is there already, and init overwrites nothing\n  give another --out");
    Problem::new(exit::FAILED, text)
}

fn write(file: &Path, text: &str) -> Result<(), Problem> {
    let failed = |cause: std::io::Error| match cause.kind() {
        ErrorKind::AlreadyExists => taken(file),
        _ => Problem::new(exit::FAILED, format!("cannot write {}: {cause}", file.display())),
    };
    let mut to = OpenOptions::new().write(true).create_new(true).open(file).map_err(failed)?;
    to.write_all(text.as_bytes()).and_then(|()| to.sync_all()).map_err(|cause| {
        // What is not whole is in the way of the next try, and it is ours.
        let _ = std::fs::remove_file(file);
        failed(cause)
    })
}

fn summary(draft: &Draft, file: &Path, nameless: &[String]) -> String {
    let databases = draft.inventory.databases.iter();
    let collections: usize = databases.map(|database| database.collections.len()).sum();
    let number = counted((collections - nameless.len()) as u64, "collection");
    let file = file.display();
    let mut text = format!("{file}: written · {number}\n");
    if !nameless.is_empty() {
        let names = nameless.iter().map(|name| format!("{name:?}")).collect::<Vec<_>>().join(", ");
        text = format!("warning: not in the plan file, which cannot name them: {names}\n{text}");
    }
    match draft.target {
        Some(_) => format!("{text}Next: read it, then milvus-ferry plan {file}\n"),
        None => format!(
            "{text}Next: write the target's address into it, then milvus-ferry plan {file}\n"
        ),
    }
}
