//! Lays text out: lines, paragraphs and aligned tables, coloured last so that widths stay true.

use super::style::{Role, Style};
use super::text::{escape, wrap};

/// Columns are kept apart by this.
const GAP: &str = "  ";

/// A run of text in one or several roles, free of anything that a terminal would act on.
#[derive(Debug, Clone, Default)]
pub(super) struct Text {
    pieces: Vec<(Role, String)>,
}

impl Text {
    pub(super) fn new(role: Role, text: impl AsRef<str>) -> Self {
        Self::default().with(role, text)
    }

    pub(super) fn plain(text: impl AsRef<str>) -> Self {
        Self::new(Role::Plain, text)
    }

    pub(super) fn with(mut self, role: Role, text: impl AsRef<str>) -> Self {
        self.pieces.push((role, escape(text.as_ref()).into_owned()));
        self
    }

    pub(super) fn append(&mut self, other: Self) {
        self.pieces.extend(other.pieces);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.pieces.iter().all(|(_, text)| text.is_empty())
    }

    /// The text alone.
    pub(super) fn without_roles(&self) -> String {
        self.pieces.iter().map(|(_, text)| text.as_str()).collect()
    }

    pub(super) fn width(&self) -> usize {
        self.pieces.iter().map(|(_, text)| text.chars().count()).sum()
    }

    /// The text broken at spaces, in lines of at most so many columns; a longer word is kept whole.
    fn broken(&self, width: usize) -> Vec<Self> {
        let mut lines = Vec::new();
        let (mut line, mut word) = (Self::default(), Self::default());
        let put = |line: &mut Self, word: Self, lines: &mut Vec<Self>| {
            let blank = word.without_roles().trim().is_empty();
            let wide = word.without_roles().trim_end().chars().count();
            if !blank && !line.is_empty() && line.width() + wide > width {
                lines.push(std::mem::take(line));
            }
            if !(blank && line.is_empty()) {
                line.append(word);
            }
        };
        for (role, text) in &self.pieces {
            for part in text.split_inclusive(' ') {
                word = word.with(*role, part);
                if part.ends_with(' ') {
                    put(&mut line, std::mem::take(&mut word), &mut lines);
                }
            }
        }
        put(&mut line, word, &mut lines);
        lines.push(line);
        lines
    }
}

/// Which side of a column its cells keep to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Left,
    Right,
}

/// Rows of cells in aligned columns.
#[derive(Debug, Default)]
pub(super) struct Table {
    sides: Vec<Side>,
    rows: Vec<Vec<Text>>,
}

impl Table {
    /// A table whose columns keep to the left, or to these sides where given.
    pub(super) fn new(sides: &[Side]) -> Self {
        Self { sides: sides.to_vec(), rows: Vec::new() }
    }

    pub(super) fn row(&mut self, cells: impl IntoIterator<Item = Text>) {
        self.rows.push(cells.into_iter().collect());
    }

    /// The rows as lines, without spaces at their ends.
    pub(super) fn lines(self) -> Vec<Text> {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let mut widths = vec![0; columns];
        for row in &self.rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = cell.width().max(*width);
            }
        }
        let side = |column| self.sides.get(column).copied().unwrap_or(Side::Left);
        let mut lines = Vec::with_capacity(self.rows.len());
        for mut row in self.rows {
            while row.last().is_some_and(Text::is_empty) {
                row.pop();
            }
            let last = row.len().saturating_sub(1);
            let mut line = Text::default();
            for (column, cell) in row.into_iter().enumerate() {
                let pad = " ".repeat(widths[column] - cell.width());
                if column > 0 {
                    line.append(Text::plain(GAP));
                }
                match side(column) {
                    Side::Right => {
                        line.append(Text::plain(pad));
                        line.append(cell);
                    }
                    Side::Left => {
                        line.append(cell);
                        if column < last {
                            line.append(Text::plain(pad));
                        }
                    }
                }
            }
            lines.push(line);
        }
        lines
    }
}

/// A text under construction.
#[derive(Debug)]
pub(super) struct Page {
    style: Style,
    text: String,
}

impl Page {
    pub(super) fn new(style: Style) -> Self {
        Self { style, text: String::new() }
    }

    /// One line; broken only where the terminal is too narrow for it, and then at a space.
    pub(super) fn line(&mut self, indent: usize, line: &Text) {
        let room = self.style.width().saturating_sub(indent);
        if !self.style.is_narrow() || line.width() <= room {
            return self.whole_line(indent, line);
        }
        for (place, part) in line.broken(room.saturating_sub(2)).iter().enumerate() {
            self.whole_line(if place == 0 { indent } else { indent + 2 }, part);
        }
    }

    /// Columns between an indent and the end of the line.
    pub(super) fn room(&self, indent: usize) -> usize {
        self.style.width().saturating_sub(indent)
    }

    fn whole_line(&mut self, indent: usize, line: &Text) {
        self.text.push_str(&" ".repeat(indent));
        for (role, piece) in &line.pieces {
            self.text.push_str(&self.style.paint(*role, piece));
        }
        self.text.push('\n');
    }

    /// An empty page of the same style.
    pub(super) fn another(&self) -> Self {
        Self::new(self.style)
    }

    /// An empty line, unless there is one already or nothing above.
    pub(super) fn gap(&mut self) {
        if !self.text.is_empty() && !self.text.ends_with("\n\n") {
            self.text.push('\n');
        }
    }

    /// A text broken at spaces; later lines hang two columns further in.
    pub(super) fn paragraph(&mut self, indent: usize, role: Role, text: &str) {
        for (place, line) in wrap(text, self.room(indent + 2)).iter().enumerate() {
            self.line(if place == 0 { indent } else { indent + 2 }, &Text::new(role, line));
        }
    }

    pub(super) fn table(&mut self, indent: usize, table: Table) {
        for line in table.lines() {
            self.line(indent, &line);
        }
    }

    pub(super) fn finish(self) -> String {
        self.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_broken_at_spaces_where_the_terminal_is_narrow() {
        let line = Text::new(Role::Heading, "Plan: ").with(
            Role::Plain,
            "5 to create, 0 to resume · 154,100 rows, and a_word_that_is_longer_than_all",
        );
        let render = |columns| {
            let mut page = Page::new(Style::new(false).on_columns(columns));
            page.line(1, &line);
            page.finish()
        };
        assert_eq!(render(140).lines().count(), 1);
        let narrow = render(40);
        assert!(narrow.lines().all(|line| line.chars().count() <= 40), "{narrow}");
        assert_eq!(
            narrow.split_whitespace().collect::<Vec<_>>(),
            line.without_roles().split_whitespace().collect::<Vec<_>>()
        );
        assert!(narrow.lines().skip(1).all(|line| line.starts_with("   ")), "{narrow}");
    }

    #[test]
    fn columns_align_with_and_without_colour() {
        let render = |colour| {
            let mut table = Table::new(&[Side::Left, Side::Right]);
            table.row([Text::new(Role::Create, "a"), Text::plain("1,000"), Text::plain("x")]);
            table.row([Text::plain("尺寸"), Text::plain("7"), Text::default()]);
            let mut page = Page::new(Style::new(colour));
            page.table(1, table);
            page.finish()
        };
        assert_eq!(render(false), " a   1,000  x\n 尺寸      7\n");
        assert_eq!(render(true), " \u{1b}[32ma\u{1b}[0m   1,000  x\n 尺寸      7\n");
    }
}
