//! Progress as JSON lines. Names and meanings stay; new ones may be added.

use std::fmt::Write as _;
use std::io::{self, Write};

use serde::Serialize;

use super::super::text::is_unprintable;
use super::write_line;
use crate::apply::event::{Event, Outcome, Status};
use crate::verify::counts::Counts;

/// Rises when a reader of the old lines would misunderstand the new ones.
const FORMAT_VERSION: &str = "1.0";

/// Writes events as JSON lines.
#[derive(Debug)]
pub(super) struct Stream<W> {
    out: W,
    begun: bool,
}

#[derive(Debug, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
enum Line<'a> {
    /// The first line.
    Version {
        format_version: &'static str,
    },
    RunStarted {
        collections: usize,
        rows: Option<u64>,
        rows_before: u64,
    },
    CollectionStarted {
        source: &'a str,
        target: &'a str,
        rows: Option<u64>,
        rows_before: u64,
    },
    Step {
        target: &'a str,
        what: &'a str,
    },
    Waiting {
        target: &'a str,
        what: &'a str,
        done: u64,
        total: u64,
    },
    Copied {
        target: &'a str,
        rows: u64,
        bytes: u64,
        chunks: u64,
    },
    Retried {
        target: &'a str,
    },
    Warning {
        target: &'a str,
        text: &'a str,
    },
    CollectionFinished {
        source: &'a str,
        target: &'a str,
        status: &'static str,
        /// Why it failed.
        error: Option<&'a str>,
        /// What nothing explains.
        differences: &'a [String],
        rows: u64,
        bytes: u64,
        seconds: f64,
        retries: u64,
        /// Rows that the target refuses and that are set aside.
        rejected: u64,
        counts: Option<&'a Counts>,
        warnings: &'a [String],
    },
}

impl<'a> From<&'a Event> for Line<'a> {
    fn from(event: &'a Event) -> Self {
        match event {
            Event::RunStarted { collections, rows, rows_before } => Self::RunStarted {
                collections: *collections,
                rows: *rows,
                rows_before: *rows_before,
            },
            Event::CollectionStarted { source, target, rows, rows_before } => {
                Self::CollectionStarted { source, target, rows: *rows, rows_before: *rows_before }
            }
            Event::Step { target, what } => Self::Step { target, what },
            Event::Waiting { target, what, done, total } => {
                Self::Waiting { target, what, done: *done, total: *total }
            }
            Event::Copied { target, rows, bytes, chunks } => {
                Self::Copied { target, rows: *rows, bytes: *bytes, chunks: *chunks }
            }
            Event::Retried { target } => Self::Retried { target },
            Event::Warning { target, text } => Self::Warning { target, text },
            Event::CollectionFinished(outcome) => Self::finished(outcome),
        }
    }
}

impl<'a> Line<'a> {
    fn finished(outcome: &'a Outcome) -> Self {
        let (status, error, differences): (_, Option<&str>, &[String]) = match &outcome.status {
            Status::Done => ("done", None, &[]),
            Status::Unchanged => ("unchanged", None, &[]),
            Status::CountsDiffer(differences) => ("counts_differ", None, differences),
            Status::Failed(why) => ("failed", Some(why), &[]),
            Status::Stopped => ("stopped", None, &[]),
        };
        Self::CollectionFinished {
            source: &outcome.source,
            target: &outcome.target,
            status,
            error,
            differences,
            rows: outcome.rows,
            bytes: outcome.bytes,
            seconds: (outcome.elapsed.as_secs_f64() * 1_000.0).round() / 1_000.0,
            retries: outcome.retries,
            rejected: outcome.rejected,
            counts: outcome.counts.as_ref(),
            warnings: &outcome.warnings,
        }
    }
}

impl<W: Write> Stream<W> {
    pub(super) fn new(out: W) -> Self {
        Self { out, begun: false }
    }

    pub(super) fn handle(&mut self, event: &Event) -> io::Result<()> {
        if !self.begun {
            self.begun = true;
            self.write(&Line::Version { format_version: FORMAT_VERSION })?;
        }
        self.write(&event.into())
    }

    fn write(&mut self, line: &Line<'_>) -> io::Result<()> {
        let json = serde_json::to_string(line).map_err(io::Error::from)?;
        write_line(&mut self.out, &printable(&json))
    }
}

/// JSON may hold characters as they are that a terminal would act on: write them as `\u009b`.
/// They stand inside strings only, so that it stays the same JSON.
fn printable(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    for character in json.chars() {
        if is_unprintable(character) {
            // Writing to a string cannot fail. All of them have four digits at most.
            let _ = write!(text, "\\u{:04x}", u32::from(character));
        } else {
            text.push(character);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::samples::outcome;

    #[test]
    fn events_are_json_lines() {
        let target = "default/products".to_owned();
        let mut stream = Stream::new(Vec::new());
        for event in [
            Event::CollectionStarted {
                source: "old/products".to_owned(),
                target: target.clone(),
                rows: None,
                rows_before: 7,
            },
            Event::Step { target: target.clone(), what: "copy rows".to_owned() },
            Event::Copied { target: target.clone(), rows: 20, bytes: 64_000, chunks: 1 },
            Event::Retried { target: target.clone() },
            Event::Warning { target, text: "a\nb \u{9b}2J \"c\"".to_owned() },
            Event::CollectionFinished(Box::new(outcome("products", Status::Done, 20))),
            Event::CollectionFinished(Box::new(outcome(
                "tags",
                Status::Failed("cannot write".to_owned()),
                0,
            ))),
        ] {
            stream.handle(&event).unwrap();
        }
        let text = String::from_utf8(stream.out).unwrap();
        for line in text.lines() {
            let value: serde_json::Value = serde_json::from_str(line).unwrap();
            assert!(value["event"].is_string());
        }
        assert!(!text.chars().any(|character| character != '\n' && is_unprintable(character)));
        insta::assert_snapshot!(text);
    }
}
