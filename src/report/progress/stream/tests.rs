use super::super::samples::{
    at, comparison, copied, failed, finished, retried, run, started, step, warning,
};
use super::*;
use crate::report::text::is_unprintable;

fn about() -> About {
    let end =
        |uri: &str, version: &str| Some(End { uri: uri.to_owned(), version: version.to_owned() });
    About {
        run: Some(7),
        command: "apply",
        name: "catalog".to_owned(),
        source: end("http://a:19530", "Milvus 2.3.5"),
        target: end("http://b:19530", "Milvus 2.6.20"),
        clock: || "2026-08-31T12:34:56.789Z".to_owned(),
    }
}

/// The lines of these events, with a tick every second.
fn lines(events: &[(u64, Event)], seconds: u64) -> String {
    let start = Instant::now();
    let mut stream = Stream::new(Vec::new(), about());
    for second in 0..=seconds {
        for (_, event) in events.iter().filter(|(when, _)| *when == second) {
            stream.handle(event, at(start, second)).unwrap();
        }
        stream.tick(at(start, second)).unwrap();
    }
    stream.finish(at(start, seconds)).unwrap();
    if stream.begun {
        let end = Ended { verdict: "verified", sentence: "Verified: all.", exit_code: 0 };
        stream.end(&end, at(start, seconds)).unwrap();
    }
    let text = String::from_utf8(stream.out).unwrap();
    for line in text.lines() {
        let value: serde_json::Value = serde_json::from_str(line).unwrap();
        assert!(value["event"].is_string());
        assert_eq!(
            (&value["time"], &value["run"]),
            (&"2026-08-31T12:34:56.789Z".into(), &7.into())
        );
    }
    text
}

#[test]
fn events_are_json_lines() {
    let text = lines(
        &[
            (0, run(3, None, 7)),
            (
                0,
                Event::CollectionStarted {
                    source: "old/products".to_owned(),
                    target: "default/products".to_owned(),
                    rows: None,
                    rows_before: 7,
                },
            ),
            (0, step("products", "copy rows")),
            (0, copied("products", 20)),
            (0, retried("products")),
            (0, warning("products", "a\nb \u{9b}2J \"c\"")),
            (0, finished("products", Status::Done, 20)),
            (0, failed("tags", "cannot write", 0)),
        ],
        0,
    );
    assert!(!text.chars().any(|character| character != '\n' && is_unprintable(character)));
    insta::assert_snapshot!(text);
}

#[test]
fn sums_are_told_every_five_seconds() {
    let mut events = vec![
        (0, run(2, Some(30_000), 500)),
        (0, started("products", Some(20_000), 500)),
        (0, started("tags", Some(10_000), 0)),
        (1, step("products", "copy rows")),
        (2, step("tags", "load")),
    ];
    events.extend((2..=9).map(|second| (second, copied("products", 1_000))));
    let text = lines(&events, 11);
    let sums: Vec<_> = text.lines().filter(|line| line.contains("\"progress\"")).collect();
    assert_eq!(sums.len(), 3);
    insta::assert_snapshot!(sums.join("\n"));
}

#[test]
fn nothing_is_summed_up_before_the_run_begins() {
    assert_eq!(lines(&[], 20), "");
}

#[test]
fn a_comparison_is_json_lines_too() {
    let text = lines(&comparison(), 40);
    let kept = |line: &&str| !line.contains("\"compared\"") && !line.contains("\"progress\"");
    let events: Vec<&str> = text.lines().filter(kept).collect();
    insta::assert_snapshot!(events.join("\n"));
    let last = text.lines().rev().nth(1).unwrap();
    assert!(last.contains("\"done\":1,\"counts_differ\":1,\"failed\":1,\"stopped\":0"), "{last}");
    assert!(last.contains("\"rows\":120000,\"rows_total\":121000"), "{last}");
}

/// A command that is over before a run begins says so, and that it was no run.
#[test]
fn an_end_without_a_run_is_two_lines() {
    let about = About { run: None, source: None, target: None, ..about() };
    let mut stream = Stream::new(Vec::new(), about);
    let end = Ended { verdict: "failed", sentence: "target: cannot reach", exit_code: 4 };
    stream.end(&end, Instant::now()).unwrap();
    let text = String::from_utf8(stream.out).unwrap();
    let lines: Vec<serde_json::Value> =
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 2);
    assert_eq!(
        (&lines[0]["event"], &lines[0]["run"]),
        (&"version".into(), &serde_json::Value::Null)
    );
    assert_eq!((&lines[1]["event"], &lines[1]["exit_code"]), (&"run_finished".into(), &4.into()));
}
