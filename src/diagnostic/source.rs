//! A source text with hidden parts.

use std::fmt;
use std::ops::Range;

/// What stands in for a hidden part.
const HIDDEN: char = '…';

/// Characters are counted from marks that are so many bytes apart: a line may be the whole file.
const MARK_EVERY: usize = 1024;

/// Lines that are longer are shown in part.
const LONGEST_LINE: usize = 1000;

/// What is shown of a longer line around the place itself.
const BESIDE: usize = 200;

/// A place as people count it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// The line, from 1.
    pub line: usize,
    /// The character in the line, from 1.
    pub column: usize,
}

impl Position {
    /// The place of an offset in a text that is in no report.
    pub fn in_text(text: &str, offset: usize) -> Self {
        let before = &text[..floor_boundary(text, offset)];
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let line = before.matches('\n').count() + 1;
        Self { line, column: before[line_start..].chars().count() + 1 }
    }
}

/// A part of a source, as it is shown around a place.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Window<'a> {
    pub(super) text: &'a str,
    /// Where it begins in the shown text.
    start: usize,
    /// Its first line, from 1.
    pub(super) line: usize,
    /// Whether it begins inside a line.
    pub(super) cut: bool,
}

impl Window<'_> {
    /// A range of the shown text in this window.
    pub(super) fn inside(&self, range: &Range<usize>) -> Range<usize> {
        let inside = |offset: usize| offset.saturating_sub(self.start).min(self.text.len());
        inside(range.start)..inside(range.end)
    }
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
    /// How many characters are before each mark in `written`.
    marks: Vec<usize>,
    shown: String,
    /// Where the lines of `shown` begin: as many as those of `written`.
    shown_lines: Vec<usize>,
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
        let lines = |text: &str| {
            let begins = text.match_indices('\n').map(|(newline, _)| newline + 1);
            std::iter::once(0).chain(begins).collect()
        };
        let mut marks = Vec::with_capacity(written.len() / MARK_EVERY + 1);
        let (mut counted, mut from) = (0, 0);
        for mark in (0..=written.len()).step_by(MARK_EVERY) {
            let to = floor_boundary(&written, mark);
            counted += written[from..to].chars().count();
            from = to;
            marks.push(counted);
        }
        let (lines, shown_lines) = (lines(&written), lines(&shown));
        Self { name, written, lines, marks, shown, shown_lines, hidden: mapped }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// The part of the shown text that has some ranges of it: whole lines, with one more on each
    /// side, or part of a line that is long.
    pub(super) fn window(&self, ranges: &[Range<usize>]) -> Window<'_> {
        let start = ranges.iter().map(|range| range.start).min().unwrap_or_default();
        let end = ranges.iter().map(|range| range.end).max().unwrap_or_default();
        let line = |offset: usize| self.shown_lines.partition_point(|begin| *begin <= offset) - 1;
        let begin_of = |line: usize| self.shown_lines.get(line).copied();
        let (first, last) = (line(start), line(end));
        let end_of = |line: usize| begin_of(line + 1).unwrap_or(self.shown.len());
        let begin = begin_of(first).unwrap_or_default();
        if first == last && end_of(last) - begin > LONGEST_LINE {
            let from = floor_boundary(&self.shown, start.saturating_sub(BESIDE).max(begin));
            let to = (end + BESIDE).min(start + LONGEST_LINE).min(end_of(last));
            let to = floor_boundary(&self.shown, to);
            let text = self.shown[from..to].trim_end_matches(['\n', '\r']);
            return Window { text, start: from, line: first + 1, cut: from > begin };
        }
        let first = first.saturating_sub(1);
        let begin = begin_of(first).unwrap_or_default();
        let text = &self.shown[begin..end_of(last + 1)];
        Window { text, start: begin, line: first + 1, cut: false }
    }

    /// Where a range of the written text is in the shown text.
    pub(super) fn shown_range(&self, range: &Range<usize>) -> Range<usize> {
        let start = self.shown_offset(range.start, |shown| shown.start);
        let end = self.shown_offset(range.end, |shown| shown.end);
        start..end.max(start)
    }

    fn shown_offset(&self, offset: usize, inside: fn(&Range<usize>) -> usize) -> usize {
        let offset = floor_boundary(&self.written, offset);
        let before = self.hidden.partition_point(|(written, _)| written.start < offset);
        let Some((written, shown)) = before.checked_sub(1).and_then(|last| self.hidden.get(last))
        else {
            return offset;
        };
        if offset < written.end { inside(shown) } else { shown.end + (offset - written.end) }
    }

    /// Whether the line of an offset has a hidden part before it.
    pub(super) fn hides_before(&self, offset: usize) -> bool {
        let offset = floor_boundary(&self.written, offset);
        let line_start = self.line_start(offset);
        let first = self.hidden.partition_point(|(written, _)| written.start < line_start);
        self.hidden.get(first).is_some_and(|(written, _)| written.start < offset)
    }

    pub(super) fn position(&self, offset: usize) -> Position {
        let offset = floor_boundary(&self.written, offset);
        let line = self.lines.partition_point(|begin| *begin <= offset);
        let before = self.characters(self.line_start(offset));
        Position { line, column: self.characters(offset) - before + 1 }
    }

    fn line_start(&self, offset: usize) -> usize {
        let line = self.lines.partition_point(|begin| *begin <= offset);
        line.checked_sub(1).and_then(|line| self.lines.get(line)).copied().unwrap_or_default()
    }

    /// How many characters are before an offset.
    fn characters(&self, offset: usize) -> usize {
        let mark = offset / MARK_EVERY;
        let from = floor_boundary(&self.written, mark * MARK_EVERY);
        let counted = self.marks.get(mark).copied().unwrap_or_default();
        counted + self.written[from..offset].chars().count()
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
    use std::slice::from_ref;

    use super::*;

    #[test]
    fn hidden_parts_are_replaced_and_lines_stay() {
        let text = "a = 1\ntoken = \"\"\"one\r\ntwo\"\"\"\nb = 2\n";
        let start = text.find('"').unwrap();
        let end = text.rfind('"').unwrap() + 1;
        let source = Source::new("x".into(), text.into(), &[start..end, start + 1..start + 3]);
        assert_eq!(source.shown, "a = 1\ntoken = …\r\n…\nb = 2\n");
        assert!(!format!("{source:?}").contains("two"));
        let b = text.find('b').unwrap();
        let shown = source.shown_range(&(b..b + 1));
        assert_eq!(&source.shown[shown], "b");
        let shown = source.shown_range(&(start + 4..end));
        assert_eq!(&source.shown[shown], "…\r\n…");
        assert_eq!(source.position(b), Position { line: 4, column: 1 });
    }

    #[test]
    fn a_window_has_the_lines_of_its_ranges_and_one_more_on_each_side() {
        let source = Source::new("x".into(), "a\nb\nc\nd\ne\n".into(), &[]);
        let window = source.window(&[4..5, 6..7]);
        assert_eq!((window.text, window.line, window.cut), ("b\nc\nd\ne\n", 2, false));
        assert_eq!(window.inside(&(4..5)), 2..3);
        let (first, last) = (source.window(from_ref(&(0..1))), source.window(from_ref(&(10..10))));
        assert_eq!((first.text, first.line), ("a\nb\n", 1));
        assert_eq!((last.text, last.line), ("e\n", 5));
    }

    #[test]
    fn a_long_line_is_shown_in_part_and_its_columns_are_true() {
        let text = format!("a\n{}x{}\nb\n", "é".repeat(3000), "ü".repeat(3000));
        let at = text.find('x').unwrap();
        let source = Source::new("x".into(), text, &[]);
        let window = source.window(from_ref(&(at..at + 1)));
        assert!(window.cut && window.line == 2);
        assert_eq!(window.text.chars().filter(|c| *c == 'é').count(), 100);
        assert_eq!(&window.text[window.inside(&(at..at + 1))], "x");
        assert_eq!(source.position(at), Position { line: 2, column: 3001 });
    }

    #[test]
    fn columns_count_characters() {
        let source = Source::new("x".into(), "ä = é1".into(), &[]);
        let at = "ä = é".len();
        assert_eq!(source.position(at), Position { line: 1, column: 6 });
        assert_eq!(source.position(999), Position { line: 1, column: 7 });
    }
}
