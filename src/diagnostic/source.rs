//! A source text with hidden parts.

use std::fmt;
use std::ops::Range;

/// What stands in for a hidden part.
const HIDDEN: char = '…';

/// A place as people count it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// The line, from 1.
    pub line: usize,
    /// The character in the line, from 1.
    pub column: usize,
}

/// A text that findings point into.
///
/// It keeps what was written, for positions, and the same text with its hidden parts replaced,
/// which is all that anything outside this file can read.
#[derive(Clone)]
pub(super) struct Source {
    name: String,
    written: String,
    /// Where the lines of `written` begin.
    lines: Vec<usize>,
    shown: String,
    /// Hidden ranges of `written`, in order and apart, and what each became in `shown`.
    hidden: Vec<(Range<usize>, Range<usize>)>,
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Source")
            .field("name", &self.name)
            .field("text", &self.shown)
            .finish_non_exhaustive()
    }
}

impl Source {
    pub(super) fn new(name: String, written: String, hidden: &[Range<usize>]) -> Self {
        let mut shown = String::with_capacity(written.len());
        let mut mapped = Vec::new();
        let mut copied = 0;
        for range in merged(&written, hidden) {
            shown.push_str(&written[copied..range.start]);
            let start = shown.len();
            shown.push(HIDDEN);
            mapped.push((range.clone(), start..shown.len()));
            copied = range.end;
        }
        shown.push_str(&written[copied..]);
        let begins = written.match_indices('\n').map(|(newline, _)| newline + 1);
        let lines = std::iter::once(0).chain(begins).collect();
        Self { name, written, lines, shown, hidden: mapped }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// The text without its hidden parts.
    pub(super) fn shown(&self) -> &str {
        &self.shown
    }

    /// Where a range of the written text is in the shown text.
    pub(super) fn shown_range(&self, range: &Range<usize>) -> Range<usize> {
        let start = self.shown_offset(range.start, |shown| shown.start);
        let end = self.shown_offset(range.end, |shown| shown.end);
        start..end.max(start)
    }

    fn shown_offset(&self, offset: usize, inside: fn(&Range<usize>) -> usize) -> usize {
        let offset = floor_boundary(&self.written, offset);
        let (mut written_end, mut shown_end) = (0, 0);
        for (written, shown) in &self.hidden {
            if offset <= written.start {
                break;
            }
            if offset < written.end {
                return inside(shown);
            }
            (written_end, shown_end) = (written.end, shown.end);
        }
        shown_end + (offset - written_end)
    }

    /// Whether the line of an offset has a hidden part before it.
    pub(super) fn hides_before(&self, offset: usize) -> bool {
        let before = &self.written[..floor_boundary(&self.written, offset)];
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        self.hidden.iter().any(|(written, _)| (line_start..before.len()).contains(&written.start))
    }

    pub(super) fn position(&self, offset: usize) -> Position {
        let offset = floor_boundary(&self.written, offset);
        let line = self.lines.partition_point(|begin| *begin <= offset);
        let line_start = self.lines.get(line - 1).copied().unwrap_or_default();
        Position { line, column: self.written[line_start..offset].chars().count() + 1 }
    }
}

/// The ranges in order, apart, on character boundaries, none of them crossing a line end: the
/// shown text has as many lines as the written one.
fn merged(text: &str, ranges: &[Range<usize>]) -> Vec<Range<usize>> {
    let mut pieces = Vec::new();
    for range in ranges {
        let start = floor_boundary(text, range.start);
        let mut end = range.end.min(text.len());
        while !text.is_char_boundary(end) {
            end += 1;
        }
        let mut offset = start;
        for line in text[start..end.max(start)].split_inclusive('\n') {
            let content = line.trim_end_matches(['\n', '\r']);
            if !content.is_empty() {
                pieces.push(offset..offset + content.len());
            }
            offset += line.len();
        }
    }
    pieces.sort_by_key(|range| range.start);
    let mut merged: Vec<Range<usize>> = Vec::new();
    for piece in pieces {
        match merged.last_mut() {
            Some(last) if piece.start <= last.end => last.end = last.end.max(piece.end),
            _ => merged.push(piece),
        }
    }
    merged
}

fn floor_boundary(text: &str, offset: usize) -> usize {
    let mut offset = offset.min(text.len());
    while !text.is_char_boundary(offset) {
        offset -= 1;
    }
    offset
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hidden_parts_are_replaced_and_lines_stay() {
        let text = "a = 1\ntoken = \"\"\"one\r\ntwo\"\"\"\nb = 2\n";
        let start = text.find('"').unwrap();
        let end = text.rfind('"').unwrap() + 1;
        let source = Source::new("x".into(), text.into(), &[start..end, start + 1..start + 3]);
        assert_eq!(source.shown(), "a = 1\ntoken = …\r\n…\nb = 2\n");
        assert!(!format!("{source:?}").contains("two"));
        let b = text.find('b').unwrap();
        let shown = source.shown_range(&(b..b + 1));
        assert_eq!(&source.shown()[shown], "b");
        let shown = source.shown_range(&(start + 4..end));
        assert_eq!(&source.shown()[shown], "…\r\n…");
        assert_eq!(source.position(b), Position { line: 4, column: 1 });
    }

    #[test]
    fn columns_count_characters() {
        let source = Source::new("x".into(), "ä = é1".into(), &[]);
        let at = "ä = é".len();
        assert_eq!(source.position(at), Position { line: 1, column: 6 });
        assert_eq!(source.position(999), Position { line: 1, column: 7 });
    }
}
