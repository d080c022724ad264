//! One pair of servers: every group from one to the other.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::Semaphore;

use super::expectation::{Expectation, Lacks, expectation, lacks};
use super::groups::Group;
use super::holding::{self, Held, Seen, difference, features, hits, seen, what_panicked};
use testkit::ferry::{Ferry, Outcome};
use testkit::lab::{self, Kind, unique_name};
use testkit::probe::Probe;

/// How many groups are under way at a time.
const AT_ONCE: usize = 6;
const PLAN: &str = "plan.ferry.toml";

/// Tries every group from one server to another, and panics with everything that is not as it
/// ought to be.
pub(super) async fn run(from: Kind, to: Kind) {
    let [_, server] = lab::servers([from, to]);
    let target = holding::database(&Probe::of(server).await).await;
    let slots = Arc::new(Semaphore::new(AT_ONCE));
    let tasks = Group::ALL.map(|group| {
        let (target, slots) = (target.clone(), Arc::clone(&slots));
        let task = tokio::spawn(async move {
            let _slot = slots.acquire().await.unwrap();
            try_group(from, to, group, &target).await
        });
        (group, task)
    });
    let mut wrong = Vec::new();
    for (group, task) in tasks {
        if let Err(why) = task.await.map_err(what_panicked).and_then(|result| result) {
            wrong.push(format!("{from:?} → {to:?}, {group:?}: {why}"));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {} groups:\n\n{}",
        wrong.len(),
        Group::ALL.len(),
        wrong.join("\n\n")
    );
}

async fn try_group(from: Kind, to: Kind, group: Group, target: &Probe) -> Result<(), String> {
    let expected = expectation(from, to, group);
    let held = match (seen(from, group).await?, expected) {
        (Seen::Holds(held), Expectation::Moves | Expectation::Refused(_)) => held,
        (Seen::Lacks, Expectation::NotAtSource) => return Ok(()),
        _ => return Err(format!("{expected:?} does not fit what the source holds")),
    };
    let name = unique_name(&format!("{}_moved", group.name()));
    let ferry = Arc::new(Ferry::new());
    ferry.write(PLAN, &plan_file(from, to, held, target, &name));
    match expected {
        Expectation::Refused(code) => refuses(&ferry, code, target, &name).await,
        _ => {
            moves(&ferry, to, group, held, target, &name).await?;
            serves((from, to), group, held, target, &name).await?;
            target.drop_collection(&name).await;
            Ok(())
        }
    }
}

fn plan_file(from: Kind, to: Kind, held: &Held, target: &Probe, name: &str) -> String {
    let database = |name: &str| if name.is_empty() { "default" } else { name }.to_owned();
    format!(
        "version = 1\n[source]\nendpoint = \"{}\"\n[target]\nendpoint = \"{}\"\n\
         [copy]\nchunk_size = \"64KiB\"\n\
         [defaults]\nsource_database = \"{}\"\ntarget_database = \"{}\"\n\
         [[collections]]\nsource = \"{}\"\ntarget = \"{name}\"\nauto_id = \"keep_keys\"\n",
        lab::server(from).uri(),
        lab::server(to).uri(),
        database(&held.database),
        database(target.database()),
        held.name,
    )
}

fn ended(outcome: &Outcome, code: i32, what: &str) -> Result<(), String> {
    if outcome.code == Some(code) {
        return Ok(());
    }
    let (stdout, stderr) = (&outcome.stdout, &outcome.stderr);
    Err(format!("{what} ended with {:?}, not {code}:\n{stdout}\n{stderr}", outcome.code))
}

async fn refuses(ferry: &Arc<Ferry>, code: &str, target: &Probe, name: &str) -> Result<(), String> {
    let plan = ferry.run_aside(&["plan", PLAN]).await;
    ended(&plan, 1, "the plan that had to refuse")?;
    if !format!("{}\n{}", plan.stdout, plan.stderr).contains(code) {
        return Err(format!("no {code} in:\n{}\n{}", plan.stdout, plan.stderr));
    }
    let apply = ferry.run_aside(&["apply", PLAN, "--yes"]).await;
    ended(&apply, 1, "the apply that had to refuse")?;
    if target.has_collection(name).await {
        return Err("refused, and yet there is a collection at the target".to_owned());
    }
    Ok(())
}

async fn moves(
    ferry: &Arc<Ferry>,
    to: Kind,
    group: Group,
    held: &Held,
    target: &Probe,
    name: &str,
) -> Result<(), String> {
    ended(&ferry.run_aside(&["apply", PLAN, "--yes"]).await, 0, "apply")?;
    let read = holding::read(target, name, group, &held.rows).await?;
    let changed = difference(&held.rows, &read, to, group);
    if !changed.is_empty() {
        return Err(format!("what arrived: {changed}"));
    }
    let again = ferry.run_aside(&["plan", PLAN, "--detailed-exitcode"]).await;
    ended(&again, 0, "the plan after apply")?;

    let (mut asked, told) = (group.collection(name).0, target.describe(name).await);
    if to == Kind::Lite25 {
        asked.functions.clear(); // it has them, and does not tell
    }
    let (asked, told) = (features(&asked.to_schema()), features(&told.schema.unwrap()));
    if asked != told {
        return Err(format!("the target is {told:#?}, not {asked:#?}"));
    }
    Ok(())
}

/// The target has the source's indexes, and finds by a function what the source finds by it.
async fn serves(
    (from, to): (Kind, Kind),
    group: Group,
    held: &Held,
    target: &Probe,
    name: &str,
) -> Result<(), String> {
    let source = Probe::of(lab::server(from)).await.in_database(&held.database);
    let (mut had, mut has) = (indexes(&source, &held.name).await, indexes(target, name).await);
    if lacks(to, group) == Some(Lacks::IndexRefused) {
        // Another type takes its place.
        for index in had.iter_mut().chain(&mut has) {
            index[1].clear();
        }
    }
    if had != has {
        return Err(format!("its indexes are {has:?}, not {had:?}"));
    }
    if group == Group::Bm25 {
        let (found, finds) = (hits(&source, &held.name).await, hits(target, name).await);
        if found != finds {
            return Err(format!("the target finds {finds:?} rows, the source {found:?}"));
        }
    }
    Ok(())
}

/// Field, type and metric of each index.
async fn indexes(probe: &Probe, collection: &str) -> Vec<[String; 3]> {
    let described = probe.describe_index(collection).await.into_iter();
    let mut indexes: Vec<_> = described
        .map(|index| {
            let params: BTreeMap<_, _> =
                index.params.iter().map(|pair| (pair.key.as_str(), pair.value.clone())).collect();
            let param = |name: &str| params.get(name).cloned().unwrap_or_default();
            [index.field_name.clone(), param("index_type"), param("metric_type")]
        })
        .collect();
    indexes.sort();
    indexes
}
