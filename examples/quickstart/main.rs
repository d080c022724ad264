//! The quick start: two real Milvus servers, a few thousand real texts with their embeddings, and
//! the whole way from a plan file to the same search hits on both ends.
//!
//! ```text
//! cargo run --example quickstart
//! ```
//!
//! Needs Rust, Python 3 and a network to fetch the servers from, once. The servers listen on
//! loopback only and are gone when this ends.

use std::error::Error;
use std::ffi::OsString;
use std::path::Path;
use std::process::{Command, ExitCode};

use testkit::lab::{self, Kind};
use testkit::probe::Probe;
use testkit::quickstart::{self, Question};
use testkit::table::{Key, Table, Value};

/// Name of the collection at the source, as the plan file says.
const SOURCE: &str = "definitions";
/// Name of the collection at the target, as the plan file says.
const TARGET: &str = "definitions_v2";
/// Questions to ask.
const QUESTIONS: usize = 4;
/// Hits to show for each.
const HITS: u32 = 3;

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().peekable();
    let program = arguments.next();
    // The example runs the very commands that it shows: as itself, with this first word.
    if arguments.peek().is_some_and(|word| word == "milvus-ferry") {
        return ExitCode::from(milvus_ferry::cli::run(arguments));
    }
    match program.ok_or_else(|| "no program name".into()).and_then(|program| run(&program)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("quickstart: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(program: &OsString) -> Result<(), Box<dyn Error>> {
    let program = std::env::current_exe().unwrap_or_else(|_| program.into());
    println!("Starting two Milvus 2.3.5 servers (the first time they are downloaded).");
    let [source, target] = lab::servers([Kind::Milvus235A, Kind::Milvus235B]);
    println!("  source {}   target {}", source.uri(), target.uri());

    let runtime = tokio::runtime::Runtime::new()?;
    let (collection, rows) = (quickstart::collection(SOURCE), quickstart::table());
    println!("Loading {} texts and their embeddings into the source.", rows.rows.len());
    let source_probe = runtime.block_on(async {
        let probe = Probe::of(source).await;
        probe.fill(&collection, &rows).await;
        probe
    });

    let folder = tempfile::tempdir()?;
    let plan = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/quickstart/quickstart.ferry.toml");
    std::fs::copy(plan, folder.path().join("quickstart.ferry.toml"))?;
    let variables = format!("source = {:?}\ntarget = {:?}\n", source.uri(), target.uri());
    std::fs::write(folder.path().join("servers.toml"), variables)?;
    for command in ["validate", "plan", "apply", "plan"] {
        let yes: &[&str] = if command == "apply" { &["--yes"] } else { &[] };
        ferry(&program, folder.path(), command, yes)?;
    }

    println!("\nThe same search on both ends:");
    runtime.block_on(async {
        let target_probe = Probe::of(target).await;
        let mut same = true;
        for question in quickstart::questions().iter().take(QUESTIONS) {
            let there = hits(&source_probe, SOURCE, question).await;
            let here = hits(&target_probe, TARGET, question).await;
            same &= there == here;
            println!("\n  \"{}\"", question.text);
            for (key, score) in &here {
                println!("    {score:.4}  {}", text(&rows, key));
            }
            let verdict = if there == here { "the same hits at the source" } else { "DIFFERENT" };
            println!("            {verdict}");
        }
        if same { Ok(()) } else { Err("the two ends answer differently".into()) }
    })
}

/// Shows a command and runs it.
fn ferry(
    program: &Path,
    folder: &Path,
    command: &str,
    more: &[&str],
) -> Result<(), Box<dyn Error>> {
    let plan = ["quickstart.ferry.toml", "--vars", "servers.toml"];
    println!("\n$ milvus-ferry {command} {} {}", plan.join(" "), more.join(" "));
    let status = Command::new(program)
        .arg("milvus-ferry")
        .arg(command)
        .args(plan)
        .args(more)
        .current_dir(folder)
        .status()?;
    if status.success() { Ok(()) } else { Err(format!("{command} ended with {status}").into()) }
}

/// The nearest texts: their keys and scores.
async fn hits(probe: &Probe, collection: &str, question: &Question) -> Vec<(Key, f32)> {
    let vectors = std::slice::from_ref(&question.vector);
    let found = probe.search(collection, "embedding", vectors, "COSINE", HITS, "").await;
    found.into_iter().flatten().map(|hit| (hit.key, hit.score)).collect()
}

/// The text of a row.
fn text<'a>(rows: &'a Table, key: &Key) -> &'a str {
    let column = rows.column("text");
    let row = rows.rows.iter().find(|row| rows.key_of(row) == *key);
    match row.map(|row| &row.values[column]) {
        Some(Value::Text(text)) => text,
        _ => "?",
    }
}
