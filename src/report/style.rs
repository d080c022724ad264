//! Colours and their meaning.
//!
//! Colour only repeats what the words say: every report is understandable without it.

use anstyle::AnsiColor;

use super::text::escape;

/// Columns that text takes where there is room.
const WIDEST: usize = 100;
/// Columns below which nothing can be laid out.
const NARROWEST: usize = 40;

/// Whether text is coloured, and how wide it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Style {
    colour: bool,
    width: usize,
}

/// What a piece of text means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Nothing in particular.
    Plain,
    /// A heading, or the name of what a block is about: bold.
    Heading,
    /// Something that is made, or done: green.
    Create,
    /// Something that goes on or changes, or a warning: yellow.
    Change,
    /// A conflict or an error: red.
    Problem,
    /// What stays as it is, or matters less: dim.
    Secondary,
}

impl Style {
    /// Text with colours, or without.
    pub fn new(colour: bool) -> Self {
        Self { colour, width: WIDEST }
    }

    /// The same for a terminal of so many columns.
    #[must_use]
    pub fn on_columns(self, columns: usize) -> Self {
        Self { width: columns.clamp(NARROWEST, WIDEST), ..self }
    }

    /// Columns that text may take.
    pub(super) fn width(self) -> usize {
        self.width
    }

    /// Whether also what is not to be broken has to be: the terminal would do it within words.
    pub(super) fn is_narrow(self) -> bool {
        self.width < WIDEST
    }

    /// `text` in the colours of `role`, after [`escape`].
    pub fn paint(self, role: Role, text: &str) -> String {
        let text = escape(text);
        let style = anstyle::Style::new();
        let style = match role {
            Role::Plain => style,
            Role::Heading => style.bold(),
            Role::Create => AnsiColor::Green.on_default(),
            Role::Change => AnsiColor::Yellow.on_default(),
            Role::Problem => AnsiColor::Red.on_default().bold(),
            Role::Secondary => style.dimmed(),
        };
        if self.colour && role != Role::Plain && !text.is_empty() {
            format!("{style}{text}{style:#}")
        } else {
            text.into_owned()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colour_is_a_choice() {
        assert_eq!(Style::new(true).paint(Role::Create, "+"), "\u{1b}[32m+\u{1b}[0m");
        assert_eq!(Style::new(true).paint(Role::Plain, "+"), "+");
        assert_eq!(Style::new(false).paint(Role::Create, "+"), "+");
        assert_eq!(Style::new(false).paint(Role::Create, "\u{1b}[2J"), "\\u{1b}[2J");
    }
}
