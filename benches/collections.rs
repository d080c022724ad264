//! Many small collections: `apply`'s time for each, against the time that the same calls at the
//! target take when the leanest client makes them, as many side by side; and `apply` once more, when
//! there is nothing left to do.
//!
//! ```text
//! cargo bench --bench collections [-- --collections 200 --rows 1000 --at-once 1,4]
//! ```
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::pedantic,
    reason = "a benchmark that cannot go on panics"
)]

#[path = "shared/shared.rs"]
mod shared;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use futures_util::stream::{self, StreamExt};
use shared::floor::{self, Pace};
use shared::table::{self, digits};
use shared::{Arguments, apply, plan, settle};
use testkit::lab::{Kind, servers, unique_name};
use testkit::null::{Content, Shape, Source, Target};
use testkit::probe::Probe;

/// Source collections that are made side by side, before anything is measured.
const MADE_AT_ONCE: usize = 8;

fn main() {
    let arguments = Arguments::read();
    let number = arguments.size("--collections", 200, 6);
    let rows = arguments.size("--rows", 1_000, 200);
    let at_once: Vec<u64> = arguments
        .text("--at-once")
        .unwrap_or("1,4")
        .split(',')
        .map(|number| number.parse().unwrap())
        .collect();
    let shape = Shape::new(&[
        ("text", Content::Text(28)),
        ("document", Content::Json(30)),
        ("embedding", Content::Floats(128)),
    ]);
    let mut lines = vec![row!["", "s", "ms/collection", "ratio", "tool's CPU s"]];
    let line = |what: &str, seconds: f64, least: f64, cpu: Option<f64>| {
        let each = seconds / number as f64 * 1e3;
        let cpu = cpu.map(digits).unwrap_or_default();
        row![what, digits(seconds), digits(each), digits(seconds / least), cpu]
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let [source, target] = servers([Kind::Milvus235A, Kind::Milvus235B]);
        let (from, to) = (Probe::of(source).await, Probe::of(target).await);
        let prefix = unique_name("many");
        stream::iter(0..number)
            .for_each_concurrent(MADE_AT_ONCE, |place| {
                let name = format!("{prefix}_{place}");
                let (from, shape) = (&from, &shape);
                async move { floor::make_source(from, source.uri(), shape, &name, rows).await }
            })
            .await;
        let mut fastest = f64::INFINITY;
        let mut floors = Vec::new();
        for at_once in &at_once {
            tokio::task::block_in_place(|| settle(&[source, target]));
            let seconds = lean(&to, target.uri(), &shape, number, rows, *at_once).await;
            floors.push((*at_once, seconds));
            fastest = fastest.min(seconds);
        }
        for (at_once, seconds) in floors {
            let what = format!("create, insert, index, load, count; {at_once} at once");
            lines.push(line(&what, seconds, fastest, None));
        }
        tokio::task::block_in_place(|| settle(&[source, target]));
        let ferry = plan(source.uri(), target.uri(), &arguments.copy(), &format!("{prefix}_*"));
        let run = tokio::task::block_in_place(|| apply(&ferry));
        lines.push(line("`apply`", run.seconds, fastest, Some(run.cost.cpu)));
        let again = tokio::task::block_in_place(|| apply(&ferry));
        lines.push(line(
            "`apply` again: nothing to do",
            again.seconds,
            fastest,
            Some(again.cost.cpu),
        ));
        for place in 0..number {
            let name = format!("{prefix}_{place}");
            from.drop_collection(&name).await;
            to.drop_collection(&name).await;
        }
    });
    let title = format!("`collections`: {number} × {rows} rows, Milvus 2.3.5 to Milvus 2.3.5");
    table::print(&title, &lines);

    // The same between doubles that answer at once: what the tool itself takes.
    let names = (0..number).map(|place| (format!("many_{place}"), shape.clone(), rows));
    let (source, target) = (Source::start(names), Target::start());
    let ferry = plan(&source.uri(), &target.uri(), &arguments.copy(), "many_*");
    let run = apply(&ferry);
    let again = apply(&ferry);
    table::print(
        &format!("`collections`: {number} × {rows} rows between doubles"),
        &[
            row!["", "s", "ms/collection", "ratio", "tool's CPU s"],
            line("`apply`", run.seconds, run.seconds, Some(run.cost.cpu)),
            line("`apply` again: nothing to do", again.seconds, run.seconds, Some(again.cost.cpu)),
        ],
    );
}

/// What `apply` has to do at the target for every collection, so many side by side.
async fn lean(
    probe: &Probe,
    uri: &str,
    shape: &Shape,
    number: u64,
    rows: u64,
    at_once: u64,
) -> f64 {
    let prefix = unique_name("lean");
    let next = Arc::new(AtomicU64::new(0));
    let mut tasks = tokio::task::JoinSet::new();
    let began = Instant::now();
    for _ in 0..at_once {
        let (probe, uri, shape) = (probe.clone(), uri.to_owned(), shape.clone());
        let (next, prefix) = (next.clone(), prefix.clone());
        tasks.spawn(async move {
            loop {
                let place = next.fetch_add(1, Ordering::Relaxed);
                if place >= number {
                    return;
                }
                let name = format!("{prefix}_{place}");
                floor::create(&probe, &shape, &name).await;
                let pace = Pace { rows_at_once: rows, connections: 1 };
                floor::insert(&uri, &shape, &name, rows, pace).await;
                floor::index_and_load(&probe, &name, &floor::flat()).await;
                assert_eq!(probe.count(&name, &[]).await as u64, rows);
            }
        });
    }
    tasks.join_all().await;
    let seconds = began.elapsed().as_secs_f64();
    for place in 0..number {
        probe.drop_collection(&format!("{prefix}_{place}")).await;
    }
    seconds
}
