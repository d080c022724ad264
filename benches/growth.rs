//! Whether a row costs more where there are more of them: `apply`'s copy for each row, beside what
//! the servers themselves take to read one and to insert one at that size.
//!
//! ```text
//! cargo bench --bench growth [-- --scale 1 --runs 1]
//! ```
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::pedantic,
    reason = "a benchmark that cannot go on panics"
)]

#[path = "shared/shared.rs"]
mod shared;

use shared::floor::{self, Pace};
use shared::table::{self, digits};
use shared::{Arguments, apply, copy_seconds, median_of, plan, settle};
use testkit::lab::{Kind, servers, unique_name};
use testkit::null::{Content, Shape};
use testkit::probe::Probe;

const SIZES: [u64; 4] = [50_000, 200_000, 800_000, 2_000_000];

/// Seconds for all rows.
struct Measured {
    read: f64,
    insert: f64,
    copy: f64,
    apply: f64,
    memory: f64,
}

fn main() {
    let arguments = Arguments::read();
    let scale = arguments.size("--scale", 1, 100);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let [source, target] = servers([Kind::Milvus235A, Kind::Milvus235B]);
        let (from, to) = (Probe::of(source).await, Probe::of(target).await);
        let shape = Shape::new(&[
            ("text", Content::Text(28)),
            ("document", Content::Json(30)),
            ("embedding", Content::Floats(128)),
        ]);
        let reading = Pace { rows_at_once: (4 << 20) / shape.row_bytes() as u64, connections: 2 };
        let writing = Pace { rows_at_once: 1_000, connections: 2 };
        let idle = || tokio::task::block_in_place(|| settle(&[source, target]));
        let mut lines = vec![row![
            "rows",
            "read µs/row",
            "insert µs/row",
            "`apply`: copy µs/row",
            "copy ÷ (read + insert)",
            "`apply`: whole µs/row",
            "tool's peak RSS, MiB",
        ]];
        for rows in SIZES.map(|rows| rows / scale) {
            let name = unique_name("rows");
            floor::make_source(&from, source.uri(), &shape, &name, rows).await;
            let mut runs = Vec::new();
            for _ in 0..arguments.runs(1) {
                idle();
                let read = floor::read(source.uri(), &shape, &name, rows, reading).await;
                let alone = unique_name("alone");
                floor::create(&to, &shape, &alone).await;
                let insert = floor::insert(target.uri(), &shape, &alone, rows, writing).await;
                to.drop_collection(&alone).await;
                idle();
                let ferry = plan(source.uri(), target.uri(), &arguments.copy(), &name);
                let run = tokio::task::block_in_place(|| apply(&ferry));
                to.drop_collection(&name).await;
                runs.push(Measured {
                    read,
                    insert,
                    copy: copy_seconds(&ferry),
                    apply: run.seconds,
                    memory: run.cost.peak_memory as f64 / 1048576.0,
                });
            }
            from.drop_collection(&name).await;
            let each =
                |of: &dyn Fn(&Measured) -> f64| digits(median_of(&runs, of) / rows as f64 * 1e6);
            lines.push(row![
                rows,
                each(&|run| run.read),
                each(&|run| run.insert),
                each(&|run| run.copy),
                digits(median_of(&runs, |run| run.copy / (run.read + run.insert))),
                each(&|run| run.apply),
                digits(median_of(&runs, |run| run.memory)),
            ]);
        }
        table::print("`growth`: Milvus 2.3.5 to Milvus 2.3.5, 128-d", &lines);
    });
}
