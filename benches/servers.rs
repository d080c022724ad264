//! Between two real Milvus 2.3.5 servers: `apply` against the floor, which is what the servers
//! themselves take to give and take the same rows; and whether an index is better made before the
//! rows or after them.
//!
//! ```text
//! cargo bench --bench servers [-- --rows-128 500000 --rows-768 100000 --runs 1 --part copy|index]
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
use shared::{Arguments, apply, copy_seconds, cpu_of, median_of, plan, settle, verify};
use testkit::collection::Index;
use testkit::lab::{Kind, Server, servers, unique_name};
use testkit::null::{Content, Shape};
use testkit::probe::Probe;

/// Rows on which paces are tried.
const TRIED: u64 = 40_000;

struct Ends {
    source: &'static Server,
    target: &'static Server,
    from: Probe,
    to: Probe,
}

/// What one copy of all rows took, by the leanest client and by the tool.
struct Measured {
    read: f64,
    insert: f64,
    both: f64,
    /// What follows the rows: index, load, count.
    ending: f64,
    /// Reads of both ends, side by side.
    read_both: f64,
    verify: f64,
    verify_cpu: f64,
    copy: f64,
    apply: f64,
    tool_cpu: f64,
    server_cpu: f64,
    floor_cpu: f64,
}

fn main() {
    let arguments = Arguments::read();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let [source, target] = servers([Kind::Milvus235A, Kind::Milvus235B]);
        let ends =
            Ends { source, target, from: Probe::of(source).await, to: Probe::of(target).await };
        for (dim, full) in [(128, 500_000), (768, 100_000)] {
            let rows = arguments.size(&format!("--rows-{dim}"), full, full / 50);
            if rows == 0 {
                continue;
            }
            let columns = [
                ("text", Content::Text(28)),
                ("document", Content::Json(30)),
                ("embedding", Content::Floats(dim)),
            ];
            let shape = Shape::distinct(&columns, rows as usize);
            if arguments.text("--part") != Some("index") {
                ends.copy(&arguments, &shape, dim, rows).await;
            }
            if arguments.text("--part") != Some("copy") {
                ends.indexes(&arguments, &shape, dim, rows).await;
            }
        }
    });
}

impl Ends {
    fn both(&self) -> [&Server; 2] {
        [self.source, self.target]
    }

    async fn settle(&self) {
        tokio::task::block_in_place(|| settle(&self.both()));
    }

    async fn copy(&self, arguments: &Arguments, shape: &Shape, dim: u32, rows: u64) {
        let name = unique_name("rows");
        floor::make_source(&self.from, self.source.uri(), shape, &name, rows).await;
        let (reading, writing) = self.paces(shape, &name, rows).await;
        let mut runs = Vec::new();
        for _ in 0..arguments.runs(1) {
            runs.push(self.run(arguments, shape, &name, rows, reading, writing).await);
        }
        self.from.drop_collection(&name).await;

        let figure = |of: &dyn Fn(&Measured) -> f64| median_of(&runs, of);
        let line = |what: &str, seconds: f64, least: f64, aim: &str| {
            let each = seconds / rows as f64 * 1e6;
            row![what, digits(seconds), digits(each), digits(seconds / least), aim]
        };
        let both = figure(&|run| run.both);
        let whole = both + figure(&|run| run.ending);
        let read_both = figure(&|run| run.read_both);
        table::print(
            &format!(
                "`servers`: {rows} rows × {dim}-d, {} runs; floor: inserts of {} rows by {} \
                 writers, reads of {} rows by {} readers",
                runs.len(),
                writing.rows_at_once,
                writing.connections,
                reading.rows_at_once,
                reading.connections,
            ),
            &[
                row!["", "s", "µs/row", "× floor", "aim"],
                line("reads alone", figure(&|run| run.read), both, ""),
                line("inserts alone", figure(&|run| run.insert), both, ""),
                line("reads, then inserts", figure(&|run| run.read + run.insert), both, ""),
                line("floor: reads beside inserts", both, both, ""),
                line("`apply`: the copy of rows", figure(&|run| run.copy), both, "≤ 1.15"),
                line("floor with index, load, count", whole, whole, ""),
                line("`apply`: whole", figure(&|run| run.apply), whole, ""),
                line("reads of both ends", read_both, read_both, ""),
                line("`verify`: every row", figure(&|run| run.verify), read_both, ""),
            ],
        );
        let share = figure(&|run| run.tool_cpu / (run.tool_cpu + run.server_cpu));
        println!(
            "\nCPU: the tool {} s, the servers {} s beside it and {} s beside the floor; the \
             tool's share {} % (aim ≤ 10 %). `verify` took {} CPU s.",
            digits(figure(&|run| run.tool_cpu)),
            digits(figure(&|run| run.server_cpu)),
            digits(figure(&|run| run.floor_cpu)),
            digits(share * 100.0),
            digits(figure(&|run| run.verify_cpu)),
        );
    }

    /// How the leanest client reads and writes fastest, tried on a part of the rows.
    async fn paces(&self, shape: &Shape, name: &str, rows: u64) -> (Pace, Pace) {
        let rows = rows.min(TRIED);
        let of = |megabytes: u64| ((megabytes << 20) / shape.row_bytes() as u64).max(1);
        let paces = |sizes: &[u64]| -> Vec<Pace> {
            let pairs = sizes.iter().flat_map(|size| [1, 2].map(|number| (*size, number)));
            pairs.map(|(rows_at_once, connections)| Pace { rows_at_once, connections }).collect()
        };
        let reading = floor::fastest(&paces(&[of(1), of(4), of(8)]), |pace| {
            floor::read(self.source.uri(), shape, name, rows, pace)
        })
        .await;
        let writing = floor::fastest(&paces(&[1_000, of(2), of(8)]), |pace| async move {
            let tried = unique_name("tried");
            floor::create(&self.to, shape, &tried).await;
            let seconds = floor::insert(self.target.uri(), shape, &tried, rows, pace).await;
            self.to.drop_collection(&tried).await;
            seconds
        })
        .await;
        (reading, writing)
    }

    async fn run(
        &self,
        arguments: &Arguments,
        shape: &Shape,
        name: &str,
        rows: u64,
        reading: Pace,
        writing: Pace,
    ) -> Measured {
        let (from, to) = (self.source.uri(), self.target.uri());
        self.settle().await;
        let read = floor::read(from, shape, name, rows, reading).await;

        let alone = unique_name("alone");
        floor::create(&self.to, shape, &alone).await;
        self.settle().await;
        let insert = floor::insert(to, shape, &alone, rows, writing).await;
        self.to.drop_collection(&alone).await;

        let beside = unique_name("beside");
        floor::create(&self.to, shape, &beside).await;
        self.settle().await;
        let began = std::time::Instant::now();
        let before = cpu_of(&self.both());
        tokio::join!(
            floor::read(from, shape, name, rows, reading),
            floor::insert(to, shape, &beside, rows, writing),
        );
        let both = began.elapsed().as_secs_f64();
        let floor_cpu = cpu_of(&self.both()) - before;
        let began = std::time::Instant::now();
        floor::index_and_load(&self.to, &beside, &floor::flat()).await;
        assert_eq!(self.to.count(&beside, &[]).await as u64, rows);
        let ending = began.elapsed().as_secs_f64();
        self.to.drop_collection(&beside).await;

        self.settle().await;
        let before = cpu_of(&self.both());
        let ferry = plan(from, to, &arguments.copy(), name);
        let run = tokio::task::block_in_place(|| apply(&ferry));
        let server_cpu = cpu_of(&self.both()) - before;
        assert_eq!(self.to.count(name, &[]).await as u64, rows);
        self.settle().await;
        let began = std::time::Instant::now();
        tokio::join!(
            floor::read(from, shape, name, rows, reading),
            floor::read(to, shape, name, rows, reading),
        );
        let read_both = began.elapsed().as_secs_f64();
        let verified = tokio::task::block_in_place(|| verify(&ferry));
        let (verify, verify_cpu) = (verified.seconds, verified.cost.cpu);
        self.to.drop_collection(name).await;
        let (copy, apply, tool_cpu) = (copy_seconds(&ferry), run.seconds, run.cost.cpu);
        Measured {
            read,
            insert,
            both,
            ending,
            read_both,
            verify,
            verify_cpu,
            copy,
            apply,
            tool_cpu,
            server_cpu,
            floor_cpu,
        }
    }

    /// Rows and then the index, against the index and then the rows.
    async fn indexes(&self, arguments: &Arguments, shape: &Shape, dim: u32, rows: u64) {
        let kinds = [
            Index::new("embedding", "FLAT", "L2", ""),
            Index::new("embedding", "IVF_FLAT", "L2", r#"{"nlist": 1024}"#),
            Index::new("embedding", "HNSW", "L2", r#"{"M": 16, "efConstruction": 200}"#),
        ];
        let mut lines = vec![row![
            "index",
            "rows, index, load: s",
            "index, rows, load: s",
            "ratio",
            "until idle: s",
            "until idle: s",
            "server CPU s",
            "server CPU s",
        ]];
        for index in kinds {
            let (mut after, mut before) = (Vec::new(), Vec::new());
            for _ in 0..arguments.runs(1) {
                after.push(self.indexed(shape, rows, &index, false).await);
                before.push(self.indexed(shape, rows, &index, true).await);
            }
            let figure = |runs: &[Indexed], of: fn(&Indexed) -> f64| median_of(runs, of);
            let (late, early) =
                (figure(&after, |run| run.loaded), figure(&before, |run| run.loaded));
            lines.push(row![
                index.params[0].1,
                digits(late),
                digits(early),
                digits(early / late),
                digits(figure(&after, |run| run.idle)),
                digits(figure(&before, |run| run.idle)),
                digits(figure(&after, |run| run.cpu)),
                digits(figure(&before, |run| run.cpu)),
            ]);
        }
        let title = format!(
            "`servers`, index before or after {rows} rows × {dim}-d, by the leanest client; of \
             each pair the first column is rows before index, the second index before rows"
        );
        table::print(&title, &lines);
    }

    async fn indexed(&self, shape: &Shape, rows: u64, index: &Index, before: bool) -> Indexed {
        let name = unique_name("indexed");
        floor::create(&self.to, shape, &name).await;
        self.settle().await;
        let pace = Pace { rows_at_once: 1_000, connections: 2 };
        let (began, cpu) = (std::time::Instant::now(), cpu_of(&[self.target]));
        if before {
            self.to.create_index(&name, index).await;
        }
        floor::insert(self.target.uri(), shape, &name, rows, pace).await;
        if !before {
            self.to.create_index(&name, index).await;
        }
        floor::load(&self.to, &name).await;
        let loaded = began.elapsed().as_secs_f64();
        assert_eq!(self.to.count(&name, &[]).await as u64, rows);
        let cpu = tokio::task::block_in_place(|| settle(&[self.target])) - cpu;
        let idle = began.elapsed().as_secs_f64();
        self.to.drop_collection(&name).await;
        Indexed { loaded, idle, cpu }
    }
}

/// An indexed and loaded collection.
struct Indexed {
    /// Seconds until it was loaded.
    loaded: f64,
    /// Seconds until the server had nothing left to do.
    idle: f64,
    /// CPU seconds of the server until then.
    cpu: f64,
}
