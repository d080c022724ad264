use super::super::samples::{
    at, compared, copied, failed, finished, retried, run, started, step, waiting,
};
use super::*;

fn tally(events: &[(u64, Event)], start: Instant) -> Tally {
    let mut tally = Tally::default();
    for (second, event) in events {
        tally.add(event, at(start, *second));
    }
    tally
}

#[test]
fn events_of_several_collections_do_not_mix() {
    let start = Instant::now();
    let tally = tally(
        &[
            (0, run(3, Some(60_000), 1_000)),
            (0, started("a", Some(20_000), 1_000)),
            (0, started("b", Some(40_000), 0)),
            (1, step("a", "copy rows")),
            (1, step("b", "copy rows")),
            (2, copied("a", 1_000)),
            (3, copied("b", 6_000)),
            (4, retried("b")),
            (5, copied("a", 3_000)),
        ],
        start,
    );
    let now = at(start, 5);
    let [a, b] = tally.active.as_slice() else { panic!("two are active") };
    assert_eq!(
        a.figures(now).text(),
        "5,000 of 20,000 rows (25 %), 1,000 rows/s, 976.6 KiB/s, 15 s left"
    );
    assert_eq!(
        b.figures(now).text(),
        "6,000 of 40,000 rows (15 %), 1,500 rows/s, 1.4 MiB/s, 23 s left, 1 retry"
    );
    let figures = tally.figures(now);
    assert_eq!(
        figures.text(),
        "11,000 of 60,000 rows (18 %), 2,500 rows/s, 2.4 MiB/s, 23 s left, 1 retry"
    );
    assert_eq!((figures.chunks, a.figures(now).chunks), (3, 2));
    assert_eq!(figures.bytes, 10_000_000);
    assert_eq!(tally.elapsed(now), Some(Duration::from_secs(5)));
}

#[test]
fn the_run_counts_what_is_not_begun_and_what_will_not_come() {
    let start = Instant::now();
    let mut tally = tally(
        &[
            (0, run(4, Some(100_000), 0)),
            (0, started("a", Some(10_000), 0)),
            (0, step("a", "copy rows")),
            (10, copied("a", 10_000)),
        ],
        start,
    );
    // The other three, at 1,000 rows/s.
    assert_eq!(tally.figures(at(start, 10)).left, Some(Duration::from_secs(90)));
    // Two rows less arrived than were counted: nothing is missing in the end.
    for event in [
        finished("a", Status::Done, 10_000),
        started("b", Some(1_002), 0),
        step("b", "copy rows"),
        copied("b", 1_000),
        finished("b", Status::CountsDiffer(vec!["2 rows are missing".to_owned()]), 1_000),
        started("c", Some(40_000), 0),
        copied("c", 10_000),
        failed("c", "away", 10_000),
        finished("e", Status::Unchanged, 0),
    ] {
        tally.add(&event, at(start, 10));
    }
    let figures = tally.figures(at(start, 10));
    assert_eq!((figures.rows, figures.total()), (21_000, Some(99_998)));
    // 48,998 rows at 2,100 rows/s: those of the failed one are not waited for.
    assert_eq!(figures.left, Some(Duration::from_secs(24)));
    // All at other steps: no row is on its way.
    let text = "21,000 of 99,998 rows (21 %)";
    assert_eq!(tally.figures(at(start, 25)).text(), text);
    let ended = Ended { done: 1, counts_differ: 1, failed: 1, stopped: 0 };
    assert_eq!((tally.ended, tally.active.len()), (ended, 0));
}

#[test]
fn more_rows_than_expected_give_no_end_to_the_run() {
    let start = Instant::now();
    let mut tally = tally(
        &[
            (0, run(2, Some(2_000), 0)),
            (0, started("a", Some(1_000), 0)),
            (0, step("a", "copy rows")),
            (5, copied("a", 1_500)),
        ],
        start,
    );
    let now = at(start, 5);
    assert_eq!(tally.active[0].figures(now).left, None);
    assert_eq!(tally.figures(now).text(), "1,500 rows, 300 rows/s, 293.0 KiB/s");
    tally.add(&finished("a", Status::Done, 1_500), now);
    let text = "1,500 of 2,500 rows (60 %), 300 rows/s, 293.0 KiB/s, 4 s left";
    assert_eq!(tally.figures(now).text(), text);
    // Where one source does not count, nobody knows the sum.
    tally.add(&run(2, None, 0), now);
    tally.add(&started("b", Some(10), 0), now);
    tally.add(&copied("b", 5), now);
    assert_eq!(tally.figures(at(start, 9)).text(), "5 rows, 1 rows/s, 1.2 KiB/s");
}

#[test]
fn rows_that_are_copied_again_are_no_rows_more() {
    let start = Instant::now();
    let mut tally = tally(
        &[
            (0, run(1, Some(1_000), 0)),
            (0, started("a", Some(1_000), 0)),
            (0, step("a", "copy rows")),
            (1, copied("a", 1_000)),
            (2, step("a", "compare counts")),
        ],
        start,
    );
    let now = at(start, 3);
    assert_eq!(tally.active[0].what(Instant::now()), "compare counts");
    for event in [step("a", "copy rows"), copied("a", 300), copied("a", 200)] {
        tally.add(&event, now);
    }
    let active = &tally.active[0];
    assert!(!active.is_copying());
    assert_eq!(active.what(Instant::now()), "copy rows: 500 rows again");
    assert_eq!(active.figures(now).rows, 1_000);
    assert_eq!(tally.figures(now).rows, 1_000);
}

#[test]
fn rows_that_could_not_be_told_are_counted_in_the_end() {
    let start = Instant::now();
    let mut tally = tally(
        &[
            (0, run(1, Some(1_000), 200)),
            (0, started("a", Some(1_000), 200)),
            (1, step("a", "copy rows")),
            (1, copied("a", 300)),
        ],
        start,
    );
    tally.add(&finished("a", Status::Done, 800), at(start, 2));
    let figures = tally.figures(at(start, 2));
    assert_eq!((figures.rows, figures.total()), (1_000, Some(1_000)));
}

#[test]
fn a_step_is_told_with_its_time() {
    let start = Instant::now();
    let mut tally = tally(&[(0, started("a", None, 0)), (1, step("a", "load"))], start);
    assert_eq!(tally.active[0].what_and_since(at(start, 3)), "load");
    assert_eq!(tally.active[0].what_and_since(at(start, 4)), "load, for 3 s");
    tally.add(&waiting("a", "index on b", 3_000, 10_000), at(start, 70));
    let text = "index on b: 3,000 of 10,000 rows, for 1 min 09 s";
    assert_eq!(tally.active[0].what_and_since(at(start, 70)), text);
}

#[test]
fn rows_that_are_compared_after_the_copy_are_no_rows_more() {
    let start = Instant::now();
    let events = [
        (0, run(1, Some(1_000), 0)),
        (0, started("a", Some(1_000), 0)),
        (0, step("a", "copy rows")),
        (2, copied("a", 1_000)),
        (3, step("a", "compare rows")),
        (4, compared("a", 400)),
        (5, compared("a", 300)),
    ];
    let mut tally = tally(&events, start);
    assert_eq!(tally.active[0].what(Instant::now()), "compare rows: 700 rows");
    assert!(!tally.active[0].is_copying());
    assert_eq!(tally.figures(at(start, 5)).rows, 1_000);
    tally.add(&finished("a", Status::Done, 1_000), at(start, 6));
    assert_eq!((tally.ended.done, tally.figures(at(start, 6)).rows), (1, 1_000));
}
