use super::super::samples::{at, copied, minute, retried, run, started, step};
use super::*;

fn tally(start: Instant) -> Tally {
    let mut tally = Tally::default();
    for (second, event) in minute() {
        tally.add(&event, at(start, second));
    }
    tally
}

fn view(width: usize) -> View {
    View { width, height: 24, style: Style::new(false) }
}

#[test]
fn no_line_is_wider_than_the_screen() {
    let start = Instant::now();
    let tally = tally(start);
    for width in 1..200 {
        for line in draw(&tally, view(width), at(start, 60)) {
            assert!(measure_text_width(&line) < width, "{width}: {line}");
        }
    }
    let narrow = draw(&tally, view(50), at(start, 60));
    insta::assert_snapshot!(narrow.join("\n"));
}

#[test]
fn colours_repeat_what_the_words_say() {
    let start = Instant::now();
    let tally = tally(start);
    let coloured = View { style: Style::new(true), ..view(110) };
    let coloured = draw(&tally, coloured, at(start, 60)).join("\n");
    let plain = draw(&tally, view(110), at(start, 60)).join("\n");
    assert_eq!(console::strip_ansi_codes(&coloured), plain);
    assert!(!plain.contains('\u{1b}'));
    insta::assert_snapshot!(coloured.replace('\u{1b}', "^"));
}

#[test]
fn a_stall_is_seen() {
    let start = Instant::now();
    let mut tally = Tally::default();
    for (second, event) in [
        (0, run(1, Some(1_000), 0)),
        (0, started("tags", Some(1_000), 0)),
        (0, step("tags", "copy rows")),
        (5, copied("tags", 500)),
        (6, retried("tags")),
    ] {
        tally.add(&event, at(start, second));
    }
    let seen = |width, second| draw(&tally, view(width), at(start, second)).join("\n");
    assert_eq!(
        seen(100, 6),
        "default/tags  ━━━━━━━━━─────────  50 %  500 of 1,000 rows  83 rows/s  81.4 KiB/s  7 s left  1 retry"
    );
    assert_eq!(
        seen(100, 25),
        "default/tags  ━━━━━━━━━━━━━━━━─────────────────  50 %  500 of 1,000 rows  no rows for 20 s  1 retry"
    );
    assert_eq!(seen(60, 25), "default/tags  ━━━───  50 %  500 of 1,000  idle 20s  1 retry");
}

#[test]
fn many_collections_leave_the_screen_readable() {
    let start = Instant::now();
    let mut tally = Tally::default();
    tally.add(&run(200, None, 0), start);
    for number in 0..40 {
        tally.add(&started(&format!("c{number}"), None, 0), start);
    }
    let lines = draw(&tally, view(80), start);
    assert_eq!(lines.len(), 14, "{lines:?}");
    assert_eq!(lines[0], "default/c0                 starting");
    assert_eq!(lines[12].trim(), "… and 28 more");
    assert_eq!(
        lines[13],
        "0 of 200 collections done  ────────────────────────────────────────  0 rows"
    );
    let low = View { height: 8, ..view(80) };
    assert_eq!(draw(&tally, low, start).len(), 6);
    assert!(draw(&Tally::default(), view(80), start).is_empty());
}

#[test]
fn names_are_cut_in_the_middle() {
    assert_eq!(cut_middle("default/products_v2", 19), "default/products_v2");
    assert_eq!(cut_middle("default/products_v2", 12), "defaul…ts_v2");
    assert_eq!(cut_middle("尺寸尺寸尺寸", 8), "尺寸…寸");
    assert_eq!(cut_middle("abc", 2), "a…");
    assert_eq!(cut_middle("abc", 0), "");
}

#[test]
fn a_server_that_is_away_is_told_at_every_width() {
    let start = Instant::now();
    let mut tally = Tally::default();
    for event in [run(1, Some(10), 0), started("big", Some(10), 0), step("big", "copy rows")] {
        tally.add(&event, start);
    }
    tally.add(&retried("big"), start);
    tally.add(&retried("big"), at(start, 15));
    let shown = |width| draw(&tally, view(width), at(start, 20)).join("\n");
    let whole = "target unreachable (connection refused), retrying until 10:20:00 UTC, 2 retries";
    for width in [140, 100] {
        assert!(shown(width).contains(whole), "{}", shown(width));
    }
    for width in [80, 72] {
        let short = "target unreachable, retrying until 10:20:00 UTC, 2 retries";
        assert!(shown(width).contains(short), "{}", shown(width));
    }
    assert!(shown(60).contains("target unreachable, retrying until"), "{}", shown(60));
    // It is over as soon as rows arrive.
    tally.add(&copied("big", 5), start);
    assert!(!shown_of(&tally, start).contains("unreachable"));
}

fn shown_of(tally: &Tally, start: Instant) -> String {
    draw(tally, view(140), at(start, 20)).join("\n")
}

/// What is left is loading: the end of the rows is no end of the run.
#[test]
fn no_time_is_left_to_tell_while_nothing_is_copied() {
    let start = Instant::now();
    let mut tally = Tally::default();
    for event in [
        run(2, Some(2_000), 0),
        started("a", Some(1_000), 0),
        started("b", Some(1_000), 0),
        step("a", "copy rows"),
        step("b", "load"),
    ] {
        tally.add(&event, start);
    }
    for second in 1..=9 {
        tally.add(&copied("a", 110), at(start, second));
    }
    assert!(draw(&tally, view(120), at(start, 9)).join("\n").contains("left"));
    tally.add(&step("a", "load"), at(start, 10));
    let lines = draw(&tally, view(120), at(start, 11)).join("\n");
    assert!(!lines.contains("left") && !lines.contains("rows/s"), "{lines}");
    assert!(lines.contains("load"), "{lines}");
}
