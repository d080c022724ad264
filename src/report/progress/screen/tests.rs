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
