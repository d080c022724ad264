//! Sample events of several collections, for the tests.

use std::time::{Duration, Instant};

use crate::apply::event::{Event, Status};
use crate::report::samples::outcome;
use crate::report::verification::samples::{different, unfinished, verified};
use crate::verify::result::{Mode, Verification};

pub(super) fn at(start: Instant, seconds: u64) -> Instant {
    start + Duration::from_secs(seconds)
}

pub(super) fn run(collections: usize, rows: Option<u64>, rows_before: u64) -> Event {
    Event::RunStarted { collections, rows, rows_before }
}

pub(super) fn started(name: &str, rows: Option<u64>, rows_before: u64) -> Event {
    let (source, target) = (format!("default/{name}"), format!("default/{name}"));
    Event::CollectionStarted { source, target, rows, rows_before }
}

pub(super) fn step(name: &str, what: &str) -> Event {
    Event::Step { target: format!("default/{name}"), what: what.to_owned() }
}

pub(super) fn waiting(name: &str, what: &str, done: u64, total: u64) -> Event {
    Event::Waiting { target: format!("default/{name}"), what: what.to_owned(), done, total }
}

/// A chunk, of 1,000 bytes a row.
pub(super) fn copied(name: &str, rows: u64) -> Event {
    Event::Copied { target: format!("default/{name}"), rows, bytes: rows * 1_000, chunks: 1 }
}

/// Rows that were compared, of 2,000 bytes at both ends.
pub(super) fn compared(name: &str, rows: u64) -> Event {
    Event::Compared { target: format!("default/{name}"), rows, bytes: rows * 2_000 }
}

/// A run of `verify` over three collections: events with the second of each.
pub(super) fn comparison() -> Vec<(u64, Event)> {
    let end = |found: Verification| Event::VerificationFinished(Box::new(found));
    let mut bad = different("brands");
    bad.target = "default/brands".to_owned();
    let mut events = vec![
        (0, Event::VerificationStarted { collections: 3, rows: Some(121_000) }),
        (0, started("products", Some(100_000), 0)),
        (0, started("brands", Some(20_000), 0)),
        (0, started("tags", Some(1_000), 0)),
        (0, step("products", "compare rows")),
        (0, step("brands", "compare rows")),
        (3, compared("brands", 20_000)),
        (4, end(bad)),
        (5, end(unfinished("tags"))),
        (33, end(verified("products", Mode::Full, 100_000))),
    ];
    events.extend((1..=25).map(|second| (second, compared("products", 4_000))));
    events.sort_by_key(|(second, _)| *second);
    events
}

pub(super) fn retried(name: &str) -> Event {
    Event::Retried {
        target: format!("default/{name}"),
        end: "target",
        reason: "unreachable (connection refused)".to_owned(),
        until: "2026-08-31T10:20:00.000Z".to_owned(),
    }
}

pub(super) fn warning(name: &str, text: &str) -> Event {
    Event::Warning { target: format!("default/{name}"), text: text.to_owned() }
}

pub(super) fn finished(name: &str, status: Status, rows: u64) -> Event {
    Event::CollectionFinished(Box::new(outcome(name, status, rows)))
}

pub(super) fn failed(name: &str, why: &str, rows: u64) -> Event {
    finished(name, Status::Failed(why.to_owned()), rows)
}

/// Four collections of seven at work, a minute into a run: events with the second of each.
pub(super) fn minute() -> Vec<(u64, Event)> {
    let long = "customer_support_conversations_2025_embeddings_v3";
    let mut events = vec![
        (0, run(7, Some(4_325_000), 250_000)),
        (0, started("tags", Some(5_000), 0)),
        (0, started("broken", Some(20_000), 0)),
        (0, started("products", Some(1_000_000), 250_000)),
        (0, started(long, Some(3_000_000), 0)),
        (1, step("tags", "copy rows")),
        (1, step("broken", "copy rows")),
        (1, step("products", "copy rows")),
        (1, step(long, "copy rows")),
        (2, copied("tags", 5_000)),
        (3, failed("broken", "the target refuses field \"price\"\n  advice", 0)),
        (3, finished("tags", Status::Done, 5_000)),
        (4, started("reviews", Some(100_000), 0)),
        (4, started("untouched", Some(200_000), 0)),
        (5, step("reviews", "copy rows")),
        (6, copied("reviews", 100_000)),
        (40, step("reviews", "create index on embedding")),
        (45, step("untouched", "load")),
    ];
    for second in 2..=60 {
        events.push((second, copied("products", 2_345)));
        events.push((second, copied(long, 12_345)));
    }
    events.extend([
        (50, waiting("reviews", "index on embedding", 3_000, 100_000)),
        (55, retried("products")),
        (56, retried("products")),
        (57, warning("products", "the target did not keep: mmap")),
    ]);
    events.sort_by_key(|(second, _)| *second);
    events
}
