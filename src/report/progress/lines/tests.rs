use std::fmt::Write as _;

use super::super::samples::{
    at, comparison, copied, failed, finished, minute, retried, run, started, step, waiting, warning,
};
use super::*;
use crate::apply::event::Status;

/// Everything that is said, with the second in which it is: ticks come every second.
fn said(events: &[(u64, Event)], seconds: u64) -> String {
    let start = Instant::now();
    let mut lines = Lines::new(Vec::new(), Style::new(false));
    let mut text = String::new();
    for second in 0..=seconds {
        for (_, event) in events.iter().filter(|(when, _)| *when == second) {
            lines.handle(event, at(start, second)).unwrap();
        }
        lines.tick(at(start, second)).unwrap();
        for line in String::from_utf8(std::mem::take(&mut lines.out)).unwrap().lines() {
            writeln!(text, "{second:>3}  {line}").unwrap();
        }
    }
    text
}

#[test]
fn a_lone_collection_tells_its_slow_steps_and_its_rows() {
    let mut events = vec![
        (0, run(1, Some(100_000), 20_000)),
        (
            0,
            Event::CollectionStarted {
                source: "old/products".to_owned(),
                target: "default/products".to_owned(),
                rows: Some(100_000),
                rows_before: 20_000,
            },
        ),
        (0, step("products", "create collection")),
        (1, step("products", "copy rows")),
        (13, step("products", "create index on embedding")),
        (16, waiting("products", "index on embedding", 1_000, 32_000)),
        (17, waiting("products", "index on embedding", 9_000, 32_000)),
        (20, step("products", "load")),
        (75, step("products", "compare counts")),
        (76, finished("products", Status::Done, 12_000)),
    ];
    for second in 2..=12 {
        events.push((second, copied("products", 1_000)));
        events.push((second, retried("products")));
    }
    insta::assert_snapshot!(said(&events, 80));
}

#[test]
fn several_collections_tell_what_is_slow_and_the_total() {
    insta::assert_snapshot!(said(&minute(), 90));
}

#[test]
fn small_collections_are_a_line_each() {
    let mut events = vec![(0, run(200, Some(20_000), 0))];
    for number in 0..200 {
        let name = format!("c{number}");
        let second = number / 2;
        events.extend([
            (second, started(&name, Some(100), 0)),
            (second, step(&name, "create collection")),
            (second, step(&name, "copy rows")),
            (second + 1, copied(&name, 100)),
            (second + 1, step(&name, "load")),
            (second + 3, finished(&name, Status::Done, 100)),
        ]);
    }
    let text = said(&events, 110);
    assert_eq!(text.matches(": done, 100 rows").count(), 200);
    // The first line, and a total every ten seconds.
    assert_eq!(text.lines().count(), 200 + 1 + 10, "{text}");
    let total = " 50  total: 96 of 200 collections done, 6 at work; 10,000 of 20,000 rows (50 %), \
                 203 rows/s, 198.5 KiB/s, 50 s left\n";
    assert!(text.contains(total), "{text}");
}

#[test]
fn many_slow_collections_share_the_lines() {
    let mut events = vec![(0, run(40, None, 0))];
    for number in 0..40 {
        let name = format!("c{number}");
        events.push((0, started(&name, None, 0)));
        events.extend((1..1_000).map(|second| (second, copied(&name, 10))));
    }
    let text = said(&events, 1_000);
    let of_collections = text.matches("default/c").count();
    assert!((320..=400).contains(&of_collections), "{of_collections} lines in 1,000 seconds");
}

#[test]
fn a_stall_is_told_while_it_lasts() {
    let events = [
        (0, run(1, Some(1_000), 0)),
        (0, started("tags", Some(1_000), 0)),
        (0, step("tags", "copy rows")),
        (1, copied("tags", 500)),
    ];
    let text = said(&events, 50);
    let expected = "  0  default/tags: 1,000 rows
  5  default/tags: 500 of 1,000 rows (50 %), 100 rows/s, 97.7 KiB/s, 5 s left
 25  default/tags: 500 of 1,000 rows (50 %), no rows for 24 s
 45  default/tags: 500 of 1,000 rows (50 %), no rows for 44 s
";
    assert_eq!(text, expected);
}

#[test]
fn unchanged_collections_and_unheard_of_ones_are_no_news() {
    let events = [(0, finished("tags", Status::Unchanged, 0)), (0, copied("tags", 1))];
    assert_eq!(said(&events, 30), "");
}

#[test]
fn one_event_is_one_line_whatever_it_says() {
    let events =
        [(0, warning("tags", "a\nb\u{1b}[2J")), (0, failed("tags", "cannot read\n  advice", 0))];
    let text =
        "  0  warning: default/tags: a\\nb\\u{1b}[2J\n  0  default/tags: failed: cannot read\n";
    assert_eq!(said(&events, 1), text);
}

#[test]
fn a_comparison_tells_its_rows_and_how_each_collection_ended() {
    insta::assert_snapshot!(said(&comparison(), 40));
}

/// While a server is away, that is what is told: why, and until when.
#[test]
fn a_server_that_is_away_is_told_with_the_reason_and_the_end() {
    let mut events = vec![
        (0, run(1, Some(10_000), 0)),
        (0, started("products", Some(10_000), 0)),
        (0, step("products", "copy rows")),
        (1, copied("products", 5_000)),
    ];
    events.extend((2..=30).map(|second| (second, retried("products"))));
    events.push((31, copied("products", 5_000)));
    events.push((31, step("products", "load")));
    let text = said(&events, 40);
    let trouble = "target unreachable (connection refused), retrying until 10:20:00 UTC, ";
    let first = text.lines().find(|line| line.contains(trouble)).unwrap();
    assert!(first.trim_start().starts_with(['5', '6']), "{text}");
    assert!(first.contains("5,000 of 10,000 rows (50 %), target unreachable"), "{text}");
    assert!(text.lines().last().unwrap().contains("load"), "{text}");
    assert!(!text.lines().last().unwrap().contains("unreachable"), "{text}");
}
