//! The endless source and the null target: what they answer is right, a run between them ends well,
//! and its memory stays bounded.
use std::time::Duration;

use testkit::ferry::Ferry;
use testkit::null::{Content, Pace, Shape, Source, Target, gauge};
use testkit::probe::Probe;
use testkit::table::{Key, Value};

const PLAN: &str = "null.ferry.toml";

fn small() -> Shape {
    Shape::new(&[
        ("text", Content::Text(40)),
        ("document", Content::Json(30)),
        ("embedding", Content::Floats(16)),
    ])
}

/// Moves every collection of the source.
fn ferry(source: &Source, target: &Target, copy: &str) -> Ferry {
    let text = format!(
        "version = 1\n[source]\nendpoint = \"{}\"\n[target]\nendpoint = \"{}\"\n[copy]\n{copy}\n\
         [[collections]]\nsource = \"*\"\n",
        source.uri(),
        target.uri(),
    );
    Ferry::with_plan(PLAN, &text)
}

#[tokio::test]
async fn the_source_answers_what_a_server_would() {
    let source = Source::of("rows", small(), 70_000);
    let probe = Probe::connect(&source.uri()).await;
    assert_eq!(probe.count("rows", &[]).await, 70_000);
    let columns = ["id", "text", "document", "embedding"];
    // Several blocks long, and with keys of every length.
    let answer = probe.query("rows", &[], "id > 5 and id <= 40000", &columns, &[]).await;
    let column = |name: &str| {
        let found = answer.fields_data.iter().find(|column| column.field_name == name);
        testkit::columns::decode(found.unwrap())
    };
    let keys: Vec<Value> = (6..=40_000).map(Value::Int).collect();
    assert_eq!(column("id"), keys);
    for name in &columns[1..] {
        assert_eq!(column(name).len(), keys.len(), "{name}");
    }
    let is_json = |json: &[u8]| serde_json::from_slice::<serde_json::Value>(json).is_ok();
    assert!(
        column("text").iter().all(|value| matches!(value, Value::Text(text) if text.len() == 40))
    );
    assert!(column("document").iter().all(|value| matches!(value, Value::Json(json)
        if json.len() == 30 && is_json(json))));
    assert!(column("embedding").iter().all(|value| matches!(value, Value::FloatVector(floats)
        if floats.len() == 16 && floats.iter().all(|float| float.abs() <= 1.0))));
    let page = [("limit", "7"), ("iterator", "True")];
    let page = probe.query("rows", &[], "id > 69990", &["id"], &page).await;
    let keys: Vec<Key> = (69_991..=69_997).map(Key::Int).collect();
    assert_eq!(testkit::probe::keys_of(&page, "id"), keys);
    assert_eq!(answer.fields_data.len(), columns.len());
    let beyond = probe.query("rows", &[], "id > 70000", &columns, &[]).await;
    assert!(testkit::probe::keys_of(&beyond, "id").is_empty());
}

#[test]
fn a_run_between_the_two_ends_with_every_row_acknowledged() {
    let names = ["one", "two", "three"];
    let source = Source::start(names.map(|name| (name.to_owned(), small(), 20_000)));
    let target = Target::start();
    let ferry = ferry(&source, &target, "chunk_size = \"256KiB\"");
    ferry.run(&["apply", PLAN, "--yes"]).expect_code(0);
    for name in names {
        assert_eq!(target.rows(name), 20_000, "{name}");
    }
    let tally = target.tally();
    assert_eq!((tally.rows, tally.refused), (60_000, 0));
    assert!(tally.largest < 4 << 20, "{tally:?}");
    // And there is nothing left to do.
    ferry.run(&["plan", PLAN, "--detailed-exitcode"]).expect_code(0);
}

#[test]
fn a_slow_target_that_refuses_by_rate_gets_every_row_once() {
    let source = Source::of("rows", small(), 3_000);
    // Slower than any machine is: a chunk's debt is paid off in more than half a second.
    let rate = 1e5;
    let pace = Pace { latency: Duration::from_millis(2), bytes_per_second: Some(rate) };
    let target = Target::at(pace);
    let ferry = ferry(&source, &target, "chunk_size = \"64KiB\"");
    ferry.run(&["apply", PLAN, "--yes"]).expect_code(0);
    let tally = target.tally();
    assert_eq!((target.rows("rows"), tally.rows), (3_000, 3_000));
    assert!(tally.refused > 0, "{tally:?}");
    // What was taken before the first refusal, and then no more than the rate.
    let took = tally.last.unwrap().duration_since(tally.first.unwrap()).as_secs_f64();
    let most = tally.most_at_once as f64 * tally.largest as f64;
    assert!(tally.bytes as f64 <= rate * (took + 1.0) + most, "{tally:?} in {took} s");
}

#[test]
fn a_rate_of_writes_that_the_plan_file_names_is_kept() {
    let source = Source::of("rows", small(), 3_000);
    let pace = Pace { latency: Duration::ZERO, bytes_per_second: Some(1.5e5) };
    let target = Target::at(pace);
    let copy = "chunk_size = \"64KiB\"\nmax_write_rate = \"100KB/s\"";
    ferry(&source, &target, copy).run(&["apply", PLAN, "--yes"]).expect_code(0);
    let tally = target.tally();
    assert_eq!((tally.rows, tally.refused), (3_000, 0), "{tally:?}");
    let took = tally.last.unwrap().duration_since(tally.first.unwrap()).as_secs_f64();
    // A request goes whole, and the next ones when it is paid for.
    let most = 1e5 * took + 2.0 * tally.largest as f64;
    assert!(tally.bytes as f64 <= most, "{tally:?} in {took} s");
}

/// 1.6 GB of rows of 50 kB through 64 MiB.
#[cfg(target_os = "linux")]
#[test]
fn memory_stays_near_its_limit_however_much_is_copied() {
    const ROWS: u64 = 32_000;
    let shape = Shape::wide();
    let bytes = ROWS * shape.row_bytes() as u64;
    assert!(bytes > 1_500_000_000, "{bytes}");
    let source = Source::of("wide", shape, ROWS);
    let target = Target::start();
    let ferry = ferry(&source, &target, "memory_limit = \"64MiB\"");
    let run = ferry.spawn(&["apply", PLAN, "--yes"]);
    let cost = gauge::watch(run.pid(), Duration::from_secs(300));
    run.wait(Duration::from_secs(5)).expect_code(0);
    assert_eq!(target.rows("wide"), ROWS);
    let peak = cost.peak_memory >> 20;
    println!("peak memory {peak} MiB, {:.1} CPU s, {} MB copied", cost.cpu, bytes / 1_000_000);
    assert!(peak <= 64 + 150, "{peak} MiB; {:?}", target.tally());
}
